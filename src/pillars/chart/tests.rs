//! Tests of charts as they are shown.

use super::*;

fn estimates(means: &[f64]) -> Vec<Estimate> {
    means.iter().map(|&mean| Estimate { mean, half_width: 0.3, n: 10 }).collect()
}

fn chart() -> Chart {
    Chart::new("Mean wait & load")
        .x("utilization ρ")
        .y("mean wait Wq (service times)")
        .line("Erlang C", &[0.5, 0.7, 0.9], &[1.0, 2.33, 9.0])
        .dots("simulated", &[0.5, 0.7, 0.9], &estimates(&[1.1, 2.2, 9.1]))
}

#[test]
fn the_bundle_has_a_figure_a_picture_and_words() {
    let bundle = chart().bundle();
    let words = "Chart: Mean wait & load. Across: utilization ρ. Up: mean wait Wq (service times). \
        Line “Erlang C” rises from 1 at 0.5 to 9 at 0.9. \
        Dots with error bars “simulated” rises from 1.1 at 0.5 to 9.1 at 0.9.";
    assert_eq!(bundle.text("text/plain"), Some(words));
    let html = bundle.text("text/html").unwrap();
    assert!(html.starts_with("<figure") && html.ends_with("</figure>"));
    assert!(html.contains("<img alt=\"Chart: Mean wait &amp; load."));
    assert!(html.contains("src=\"data:image/svg+xml;base64,"));
    assert!(html.contains("max-width:100%") && html.contains("<figcaption"));
    assert!(bundle.text("image/png").unwrap().starts_with("iVBORw0KGgo"));
}

#[test]
fn dots_and_their_formula_have_one_colour() {
    let means = estimates(&[1.0, 2.0]);
    let pair = |name: &str| {
        Chart::new("").dots("a", &[1.0, 2.0], &means).line(name, &[1.0, 2.0], &[1.0, 2.0])
    };
    let has_second = |chart: &Chart| figure::svg(chart).contains("#D55E00");
    assert!(!has_second(&pair("a, formula")) && has_second(&pair("b, formula")));
}

#[test]
fn a_level_line_is_drawn_in_one_piece() {
    let svg = |xs: &[f64]| {
        let ones = vec![1.0; xs.len()];
        let slope = Chart::new("").line("slope", &[1.0, 3.0], &[0.0, 2.0]);
        figure::svg(&slope.line("level", xs, &ones))
    };
    assert_eq!(svg(&[1.0, 1.7, 2.1, 3.0]), svg(&[1.0, 3.0]));
}

#[test]
fn a_line_that_is_simulated_is_not_called_a_formula() {
    let caption = |name: &str| {
        let chart = Chart::new("").line(name, &[1.0], &[1.0]).dots("b", &[1.0], &estimates(&[1.0]));
        figure::Picture::caption(&chart).unwrap()
    };
    assert!(caption("a").starts_with("Lines: formula."));
    assert!(caption("a, simulated").starts_with("Dots: simulation"));
}

#[test]
fn the_same_chart_is_the_same_bytes() {
    let bytes = || (figure::svg(&chart()), figure::png(&chart()));
    let first = bytes();
    assert_eq!(first, bytes());
    let elsewhere = std::thread::spawn(bytes).join().unwrap();
    assert_eq!(first, elsewhere);
}

#[test]
fn the_svg_has_a_painted_ground_and_all_texts() {
    let svg = figure::svg(&chart());
    assert!(svg.contains("viewBox=\"0 0 1280 800\""));
    assert!(svg.contains("fill=\"#FFFFFF\"") && svg.contains("DejaVu Sans"));
    for text in ["Mean wait &amp; load", "Erlang C", "simulated", "utilization ρ", "0.7"] {
        assert!(svg.contains(text), "{text}");
    }
}

#[test]
fn the_png_is_twice_the_size_shown_and_has_ink_where_text_is() {
    let png = figure::png(&chart());
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height), (1280, 800));
    let title = &pixels[24 * 1280 * 3..56 * 1280 * 3];
    assert!(title.iter().filter(|&&byte| byte < 100).count() > 500, "the title is missing");
}

#[test]
fn a_chart_without_series_or_with_one_point_is_drawn() {
    let empty = Chart::new("").log_x().log_y();
    assert!(empty.bundle().text("text/plain").unwrap().contains("no series yet"));
    let one = Chart::new("one").dots("dot", &[1.0], &estimates(&[2.0]));
    assert!(
        one.bundle().text("text/plain").unwrap().contains("Dots with error bars “dot”: 2 at 1.")
    );
}

#[test]
#[should_panic(
    expected = "Chart::log_y: a logarithmic axis shows only values above 0, but `line` has 0"
)]
fn zero_has_no_logarithm() {
    Chart::new("").line("line", &[1.0, 2.0], &[0.0, 1.0]).log_y().bundle();
}

#[test]
#[should_panic(expected = "Chart::line: `line` has 2 values along x and 1 along y")]
fn xs_and_ys_come_in_pairs() {
    let _ = Chart::new("").line("line", &[1.0, 2.0], &[0.0]);
}

#[test]
#[should_panic(expected = "every value must be a finite number, but `line` has the point (1, NaN)")]
fn what_is_not_a_number_is_not_drawn() {
    let _ = Chart::new("").line("line", &[1.0], &[f64::NAN]);
}
