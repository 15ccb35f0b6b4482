//! Numbers as text, the same on every machine, and the check of parameters.

/// The places after the point that show `value` with so many significant
/// digits: none for zero or what is not finite, at most 12.
pub fn places(value: f64, digits: usize) -> usize {
    if value == 0.0 || !value.is_finite() {
        return 0;
    }
    // The exponent is read from the rounded text: 0.9996 to three digits is 1.00.
    let text = format!("{:.*e}", digits.saturating_sub(1), value.abs());
    let exponent: i64 = text.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    (digits as i64 - 1 - exponent).clamp(0, 12) as usize
}

/// `value` with so many significant digits, trailing zeros kept so that columns
/// compare: "0.05000", "19.00", "123457" (the whole part is never rounded), and
/// "1.234e-7" beyond what reads well.
pub fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return infinite(value);
    }
    if !(1e-4..1e9).contains(&value.abs()) {
        return format!("{:.*e}", digits.saturating_sub(1), value);
    }
    format!("{:.*}", places(value, digits), value)
}

/// The places after the point with which all `values` read well below each
/// other: none when all are whole, else as many as show the largest with so many
/// significant digits and the smallest with two. Nothing if that takes too many.
pub fn common_places(values: &[f64], digits: usize) -> Option<usize> {
    let sizes = || values.iter().map(|value| value.abs()).filter(|size| size.is_finite());
    let largest = sizes().fold(0.0, f64::max);
    if largest >= 1e9 {
        return None;
    }
    if sizes().all(|size| size.fract() == 0.0) {
        return Some(0);
    }
    let smallest = sizes().filter(|&size| size > 0.0).fold(largest, f64::min);
    let wanted = places(largest, digits).max(places(smallest, digits.min(2)));
    (wanted <= 6.max(places(largest, digits))).then_some(wanted)
}

/// `value` as a person would say it: at most so many significant digits, no
/// trailing zeros.
pub fn short(value: f64, digits: usize) -> String {
    let text = significant(value, digits);
    if !text.contains('.') {
        return text;
    }
    let (mantissa, exponent) = text.split_at(text.find('e').unwrap_or(text.len()));
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    format!("{mantissa}{exponent}")
}

/// A count with its thousands marked: "1,000".
pub fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `value` if it is a positive, finite number.
///
/// # Panics
/// If not, with a sentence that says where, what, and what is allowed.
#[track_caller]
pub fn positive(place: &str, what: &str, value: f64) -> f64 {
    assert!(
        value > 0.0 && value.is_finite(),
        "{place}: the {what} must be a positive number, but it is {value}; \
         give one above 0, as in 0.8"
    );
    value
}

/// `p` if it is a fraction of all below a quantile.
///
/// # Panics
/// If it is not at least 0 and below 1.
#[track_caller]
pub fn fraction(place: &str, p: f64) -> f64 {
    assert!(
        (0.0..1.0).contains(&p),
        "{place}: the fraction p must be at least 0 and below 1, but it is {p}; \
         for the 99th percentile give 0.99"
    );
    p
}

fn infinite(value: f64) -> String {
    let text = if value.is_nan() {
        "not a number"
    } else if value > 0.0 {
        "∞"
    } else {
        "-∞"
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn significant_digits() {
        let shown = [0.05, 19.0, 0.99996, 123_456.7, 1.234_56e-7, 0.0, -2.5, 2.5e10];
        let texts = shown.map(|value| significant(value, 4));
        assert_eq!(
            texts,
            ["0.05000", "19.00", "1.000", "123457", "1.235e-7", "0", "-2.500", "2.500e10"]
        );
        assert_eq!(significant(f64::NAN, 4), "not a number");
        assert_eq!(significant(f64::NEG_INFINITY, 4), "-∞");
    }

    #[test]
    fn numbers_of_a_column_share_their_places() {
        let places = |values: &[f64]| common_places(values, 4);
        assert_eq!(places(&[1.0, 23.0, 1071.0]), Some(0));
        assert_eq!(places(&[0.0, 0.6175, 10.23, f64::NAN]), Some(2));
        assert_eq!(places(&[0.05, 4.976]), Some(3));
        assert_eq!(places(&[0.8, 2e-10]), None);
        assert_eq!(places(&[1.5e-8, 2e-8]), Some(11));
        assert_eq!((places(&[]), places(&[1e9, 0.5])), (Some(0), None));
    }

    #[test]
    fn short_numbers() {
        assert_eq!([0.05, 19.0, 2000.0, 1e-7].map(|x| short(x, 3)), ["0.05", "19", "2000", "1e-7"]);
    }

    #[test]
    fn thousands() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
