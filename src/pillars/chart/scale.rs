//! An axis: its range, its ticks, and where a value lies on it.

use super::{Axis, Chart, Point};
use pillars_models::number::short;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

/// A linear or logarithmic scale with ticks at round numbers.
#[derive(Clone, Debug)]
pub struct Scale {
    low: f64,
    high: f64,
    log: bool,
    ticks: Vec<f64>,
}

impl Scale {
    pub fn of_x(chart: &Chart) -> Self {
        let values = points(chart).map(|point| point.x);
        Self::over(values.collect(), &chart.x, false)
    }

    pub fn of_y(chart: &Chart) -> Self {
        let ends = points(chart).flat_map(|point| [point.y - point.bar, point.y + point.bar]);
        // An error bar that reaches below zero does not fit on a logarithmic axis.
        let least = points(chart).map(|point| point.y).fold(f64::INFINITY, f64::min);
        let floor = if chart.y.log { least } else { f64::NEG_INFINITY };
        Self::over(ends.map(|y| if y > 0.0 { y } else { y.max(floor) }).collect(), &chart.y, true)
    }

    /// The texts beside the ticks, in their order.
    pub fn labels(&self) -> Vec<String> {
        self.ticks.iter().map(|&tick| self.label(tick)).collect()
    }

    fn over(values: Vec<f64>, axis: &Axis, from_zero: bool) -> Self {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = match (low <= high, axis.log) {
            (false, true) => (1.0, 10.0),
            (false, false) => (0.0, 1.0),
            (true, _) => (low, high),
        };
        if axis.log { Self::logarithmic(low, high) } else { Self::linear(low, high, from_zero) }
    }

    fn linear(low: f64, high: f64, from_zero: bool) -> Self {
        let zero = from_zero && low >= 0.0 && low < 0.6 * high;
        let width = if high > low { high - low } else { low.abs().max(1.0) };
        let low = if zero { 0.0 } else { low - 0.05 * width };
        let high = high + 0.05 * width;
        let step = round_step((high - low) / 8.0);
        let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
        // A quotient of whole numbers is the double nearest to the decimal that is meant.
        let at =
            |i: i64| if step < 1.0 { i as f64 / (1.0 / step).round() } else { i as f64 * step };
        Self { low, high, log: false, ticks: (first..=last).map(at).collect() }
    }

    fn logarithmic(low: f64, high: f64) -> Self {
        let margin = (high / low).powf(0.05).max(1.1);
        let (low, high) = (low / margin, high * margin);
        let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
        let span = (high / low).log10();
        let within: &[f64] = match span {
            ..2.5 => &[1.0, 2.0, 5.0],
            ..4.0 => &[1.0, 3.0],
            _ => &[1.0],
        };
        let every = if span > 8.0 { 2 } else { 1 };
        let ticks = decades
            .filter(|decade| decade % every == 0)
            .flat_map(|decade| within.iter().map(move |mantissa| mantissa * power_of_ten(decade)))
            .filter(|tick| (low..=high).contains(tick));
        Self { low, high, log: true, ticks: ticks.collect() }
    }

    fn label(&self, tick: f64) -> String {
        let exponent = tick.abs().log10();
        if !self.log || (-3.5..4.5).contains(&exponent) {
            return short(tick, 6);
        }
        let power = exponent.floor() as i32;
        let ten = format!("10{}", superscript(power));
        match short(tick / power_of_ten(power), 6).as_str() {
            "1" => ten,
            mantissa => format!("{mantissa}·{ten}"),
        }
    }

    /// How far along the axis a value lies, 0 to 1.
    fn fraction(&self, value: f64) -> f64 {
        let fraction = if self.log {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        // What is not a number (the logarithm of a negative one) lies below the axis.
        if fraction.is_nan() { 0.0 } else { fraction.clamp(0.0, 1.0) }
    }
}

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let length = f64::from(limit.1 - limit.0);
        limit.0 + (self.fraction(*value) * length).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Scale {
    fn format_ext(&self, value: &f64) -> String {
        self.label(*value)
    }
}

fn points(chart: &Chart) -> impl Iterator<Item = Point> {
    chart.series.iter().flat_map(|series| series.points.iter().copied())
}

/// The least of 1, 2, 5 times a power of ten that is not below `step`.
fn round_step(step: f64) -> f64 {
    let power = power_of_ten(step.log10().floor() as i32);
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= step * 0.999);
    factor.unwrap_or(10.0) * power
}

fn power_of_ten(exponent: i32) -> f64 {
    // Parsed, not computed: the double nearest to it.
    format!("1e{exponent}").parse().unwrap_or(1.0)
}

fn superscript(number: i32) -> String {
    let raised = |char| match char {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        digit => char::from_digit(digit as u32 - '0' as u32, 10)
            .and_then(|digit| char::from_u32(0x2070 + digit as u32 - '0' as u32))
            .unwrap_or(digit),
    };
    number.to_string().chars().map(raised).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let scale = Scale::linear(0.5, 0.95, false);
        assert_eq!(scale.labels(), ["0.5", "0.6", "0.7", "0.8", "0.9"]);
        assert_eq!(Scale::linear(0.2, 19.0, true).labels(), ["0", "5", "10", "15"]);
        assert_eq!(Scale::linear(10.0, 18.3, true).labels(), ["0", "5", "10", "15"]);
        assert!(Scale::linear(2.0, 2.0, false).labels().contains(&"2".to_owned()));
    }

    #[test]
    fn logarithmic_ticks_are_decades_or_finer() {
        assert_eq!(Scale::logarithmic(1.0, 40.0).labels(), ["1", "2", "5", "10", "20"]);
        assert_eq!(
            Scale::logarithmic(1e-6, 1e3).labels().first().map(String::as_str),
            Some("10⁻⁶")
        );
        let threes = Scale::logarithmic(1.0, 300.0).labels();
        assert_eq!(threes, ["1", "3", "10", "30", "100", "300"]);
        let large = Scale::logarithmic(4e3, 2e6).labels();
        assert_eq!(large, ["3000", "10000", "30000", "10⁵", "3·10⁵", "10⁶"]);
        assert_eq!(Scale::logarithmic(1e-5, 3e-5).labels(), ["10⁻⁵", "2·10⁻⁵"]);
        let scale = Scale::logarithmic(1.0, 100.0);
        assert!((scale.fraction(10.0) - 0.5).abs() < 1e-12);
        assert_eq!((scale.fraction(0.0), scale.fraction(-1.0)), (0.0, 0.0));
    }

    #[test]
    fn superscripts() {
        assert_eq!([-10, 2, 45].map(superscript), ["⁻¹⁰", "²", "⁴⁵"]);
    }
}
