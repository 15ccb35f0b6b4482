//! A chart in words, for those who cannot see it and where there is only text.

use super::{Chart, Kind, Series};
use pillars_models::number::short;

/// One line: title, axes, and each series with its ends and its way between them.
pub fn describe(chart: &Chart) -> String {
    let mut words = format!("Chart: {}.", chart.title.replace('\n', " "));
    let axis = |label: &str, log: bool| match (label.is_empty(), log) {
        (true, _) => None,
        (false, true) => Some(format!("{label} (logarithmic)")),
        (false, false) => Some(label.to_owned()),
    };
    let (x, y) = (axis(&chart.x.label, chart.x.log), axis(&chart.y.label, chart.y.log));
    if let (Some(x), Some(y)) = (x, y) {
        words += &format!(" Across: {x}. Up: {y}.");
    }
    if chart.series.is_empty() {
        words += " It has no series yet.";
    }
    for series in &chart.series {
        words += &format!(" {}.", sentence(series));
    }
    words.replace('\n', " ")
}

fn sentence(series: &Series) -> String {
    let what = match series.kind {
        Kind::Line => "Line",
        Kind::Dots => "Dots with error bars",
    };
    let name = &series.name;
    let mut points = series.points.clone();
    points.sort_by(|a, b| a.x.total_cmp(&b.x));
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return format!("{what} “{name}” without points");
    };
    let number = |value: f64| short(value, 3);
    if points.len() == 1 {
        return format!("{what} “{name}”: {} at {}", number(first.y), number(first.x));
    }
    let steps: Vec<f64> = points.windows(2).map(|pair| pair[1].y - pair[0].y).collect();
    if steps.iter().all(|step| *step == 0.0) {
        let (y, from, to) = (number(first.y), number(first.x), number(last.x));
        return format!("{what} “{name}”: {y} from {from} to {to}");
    }
    let way = if steps.iter().all(|step| *step >= 0.0) {
        "rises"
    } else if steps.iter().all(|step| *step <= 0.0) {
        "falls"
    } else {
        "goes"
    };
    let mut text = format!(
        "{what} “{name}” {way} from {} at {} to {} at {}",
        number(first.y),
        number(first.x),
        number(last.y),
        number(last.x)
    );
    if way == "goes" {
        let ys = points.iter().map(|point| point.y);
        let (low, high) =
            (ys.clone().fold(f64::INFINITY, f64::min), ys.fold(f64::NEG_INFINITY, f64::max));
        text += &format!(", between {} and {}", number(low), number(high));
    }
    text
}
