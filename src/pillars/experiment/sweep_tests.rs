//! Tests of `sweep`, apart to keep that file short.

use super::*;
use crate::display::Rich;

fn bar(mean: f64) -> Estimate {
    Estimate { mean, half_width: 0.5, n: 10 }
}

#[test]
fn the_largest_gap_is_counted_in_error_bars() {
    let squares = sweep("x", &[1.0, 2.0]).measured("about", |x| bar(x * x + x * 0.2));
    assert!((squares.clone().exact("square", |x| x * x).largest_gap_in_bars() - 0.8).abs() < 1e-12);
    let pairs = squares
        .measured("near", |x| bar(x + 0.1))
        .exact("square", |x| x * x)
        .exact("identity", |x| x);
    assert!((pairs.largest_gap_in_bars() - 0.8).abs() < 1e-12);
    assert!((pairs.largest_gap_between("near", "identity") - 0.2).abs() < 1e-12);
}

#[test]
#[should_panic(expected = "`square` and `about` are not that")]
fn only_measured_series_have_bars() {
    let squares = sweep("x", &[1.0]).measured("about", bar).exact("square", |x| x * x);
    squares.largest_gap_between("square", "about");
}

#[test]
fn values_are_found_by_series_and_place() {
    let squares = sweep("x", &[0.1 + 0.2, 2.0]).measured("about", bar).exact("square", |x| x * x);
    assert_eq!((squares.at("square", 2.0), squares.at("about", 2.0)), (4.0, 2.0));
    assert!((squares.at("square", 0.3) - 0.09).abs() < 1e-12);
    assert_eq!(squares.estimate("about", 2.0).half_width, 0.5);
    assert_eq!(squares.xs().len(), 2);
}

#[test]
fn a_curve_is_refined_as_its_axis_will_be() {
    assert_eq!(refined(&[6.0, 0.0]), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let by_ratio = refined(&[1.0, 64.0]);
    let expected = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];
    assert!(by_ratio.iter().zip(expected).all(|(a, b)| (a / b - 1.0).abs() < 1e-12));
    assert_eq!((by_ratio.len(), by_ratio[6]), (7, 64.0));
}

#[test]
fn a_table_has_a_column_for_the_bars() {
    let table = sweep("x", &[1.0, 2.0]).measured("about", bar).exact("square", |x| x * x).table();
    let text = table.bundle();
    let header = text.text("text/plain").and_then(|text| text.lines().next()).unwrap();
    assert_eq!(
        header.split_whitespace().collect::<Vec<_>>(),
        ["x", "about", "±", "about", "square"]
    );
}

#[test]
fn a_chart_is_titled_by_what_it_shows() {
    let chart =
        sweep("load ρ (of one server)", &[1.0, 2.0]).exact("y", |x| x).chart("mean wait (ms)");
    let text = chart.bundle();
    assert!(text.text("text/plain").unwrap().starts_with("Chart: Mean wait against load ρ."));
}

#[test]
#[should_panic(expected = "no series called `cube`; there is `square`")]
fn a_missing_series() {
    sweep("x", &[1.0]).exact("square", |x| x * x).at("cube", 1.0);
}

#[test]
#[should_panic(expected = "x did not take the value 3; it took 1, 2")]
fn a_missing_place() {
    sweep("x", &[1.0, 2.0]).exact("square", |x| x * x).at("square", 3.0);
}

#[test]
#[should_panic(expected = "`inverse` must be a finite number everywhere, but at x = 0 it is inf")]
fn an_infinite_value() {
    let _ = sweep("x", &[0.0]).exact("inverse", |x| 1.0 / x);
}

#[test]
#[should_panic(expected = "there are 1 measured and 0 exact series to compare")]
fn nothing_to_compare_with() {
    sweep("x", &[1.0]).measured("about", bar).largest_gap_in_bars();
}

#[test]
fn a_curve_is_smooth_in_the_chart_and_exact_at_the_values() {
    let squares = sweep("x", &[2.0, 1.0]).measured("about", bar).curve("square", |x| x * x);
    assert_eq!(squares.values("square"), [4.0, 1.0]);
    assert!((squares.largest_gap_in_bars() - 4.0).abs() < 1e-12);
    let fine = refined(&[2.0, 1.0, 2.0]);
    assert_eq!((fine.len(), fine[0], fine[3], fine[6]), (7, 1.0, 1.5, 2.0));
    let words = squares.chart("y").bundle();
    assert!(words.text("text/plain").unwrap().contains("“square” rises from 1 at 1 to 4 at 2"));
}
