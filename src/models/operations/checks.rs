//! What is allowed of parameters, and two small tools that several parts share.

use crate::sim::Stream;
use crate::sim::integral::integral;

/// `value` if it is a number of at least 0.
#[track_caller]
pub(super) fn not_negative(place: &str, what: &str, value: f64) -> f64 {
    assert!(
        value >= 0.0 && value.is_finite(),
        "{place}: the {what} must be a number of at least 0, but it is {value}; give 0 for none"
    );
    value
}

/// `value` if it is a probability, both ends allowed.
#[track_caller]
pub(super) fn probability(place: &str, what: &str, value: f64) -> f64 {
    assert!(
        (0.0..=1.0).contains(&value),
        "{place}: the {what} must be between 0 and 1, but it is {value}; for one in a hundred give \
         0.01"
    );
    value
}

/// `value` if it is a probability that is neither 0 nor 1.
#[track_caller]
pub(super) fn inner(place: &str, what: &str, value: f64) -> f64 {
    assert!(
        value > 0.0 && value < 1.0,
        "{place}: the {what} must be above 0 and below 1, but it is {value}; for one in a hundred \
         give 0.01"
    );
    value
}

/// `count` if it is at least `least`.
#[track_caller]
pub(super) fn at_least(place: &str, what: &str, least: usize, count: usize) -> usize {
    assert!(
        count >= least,
        "{place}: the number of {what} must be at least {least}, but it is {count}"
    );
    count
}

/// The integral of a smooth function from one number to another; 0 if there is nothing between.
pub(super) fn over(low: f64, high: f64, f: impl Fn(f64) -> f64) -> f64 {
    if high <= low {
        return 0.0;
    }
    (high - low) * integral(|x| f(low + (high - low) * x))
}

/// How many of so many independent trials succeed, each with probability `p`: from one success to
/// the next by geometric leaps, so that rare ones cost little.
pub(super) fn binomial(stream: &mut Stream, trials: u64, p: f64) -> u64 {
    if p <= 0.0 {
        return 0;
    }
    if p > 0.5 {
        return trials - binomial(stream, trials, 1.0 - p);
    }
    let per_trial = -(-p).ln_1p();
    let (mut at, mut successes) = (0.0, 0);
    loop {
        // The failures before the next success, then the success itself.
        at += (stream.exponential() / per_trial).floor() + 1.0;
        if at > trials as f64 {
            return successes;
        }
        successes += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaps_are_binomial() {
        let mut stream = Stream::new(3, 0, "binomial");
        for (n, p) in [(10u64, 0.3), (1000, 0.01), (20, 0.8), (5, 1.0), (5, 0.0)] {
            let draws: Vec<f64> = (0..20_000).map(|_| binomial(&mut stream, n, p) as f64).collect();
            let mean = draws.iter().sum::<f64>() / 20_000.0;
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
            let (m, v) = (n as f64 * p, n as f64 * p * (1.0 - p));
            assert!((mean - m).abs() <= 4.0 * (v / 20_000.0).sqrt(), "{n} {p}: {mean}");
            assert!((variance - v).abs() <= 0.06 * v, "{n} {p}: {variance} and {v}");
        }
    }

    #[test]
    fn integrals_by_hand() {
        assert!((over(1.0, 3.0, |x| x * x) - 26.0 / 3.0).abs() < 1e-9);
        assert_eq!(over(2.0, 2.0, |x| x), 0.0);
    }
}
