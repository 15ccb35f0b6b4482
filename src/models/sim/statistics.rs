//! Statistics with intervals.

use crate::number;
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::fmt;

/// The confidence of every interval here.
pub const CONFIDENCE: f64 = 0.95;

/// A mean over independent replications with its 95 % confidence interval,
/// mean ± half width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean over the replications.
    pub mean: f64,
    /// Half the width of the 95 % interval (Student's t), in the unit of the mean: the error bar.
    pub half_width: f64,
    /// The number of replications.
    pub n: usize,
}

impl Estimate {
    /// The mean of independent values, one a replication, and its interval:
    /// t(0.975, n - 1) s / sqrt(n).
    ///
    /// # Panics
    /// With fewer than 2 values (there is no interval) or with one that is not finite.
    #[track_caller]
    pub fn of(values: &[f64]) -> Self {
        assert!(
            values.len() >= 2,
            "Estimate::of: an interval needs at least 2 values, but there are {}",
            values.len()
        );
        if let Some(bad) = values.iter().find(|value| !value.is_finite()) {
            panic!("Estimate::of: every value must be a finite number, but one is {bad}");
        }
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let half_width = student_t(values.len() - 1) * (variance / n).sqrt();
        Self { mean, half_width, n: values.len() }
    }

    /// The part that is so of all there are, counted in each of several independent replications:
    /// (how many are so, how many there are). All counts are taken together: the mean of the
    /// replications' own parts would count those in which there are few as much as the others. The
    /// interval is that of a ratio (Cochran, Sampling Techniques, 1977, section 2.11); of nothing,
    /// the part is 0.
    ///
    /// # Panics
    /// With fewer than 2 replications.
    #[track_caller]
    pub fn of_parts(parts: &[(f64, f64)]) -> Self {
        let n = parts.len() as f64;
        let (part, all) = parts.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let ratio = if all == 0.0 { 0.0 } else { part / all };
        let mean_all = if all == 0.0 { 1.0 } else { all / n };
        let apart: Vec<f64> =
            parts.iter().map(|(part, all)| (part - ratio * all) / mean_all).collect();
        Self { mean: ratio, ..Self::of(&apart) }
    }

    /// The lower end of the interval.
    pub fn low(&self) -> f64 {
        self.mean - self.half_width
    }

    /// The upper end of the interval.
    pub fn high(&self) -> f64 {
        self.mean + self.half_width
    }

    /// Whether the interval covers `truth`.
    pub fn covers(&self, truth: f64) -> bool {
        self.gap_in_bars(truth) <= 1.0
    }

    /// |mean - truth| in error bars, that is in half widths: an honest interval
    /// stays below 1 in 95 of 100 cases. Without any spread, 0 or infinity.
    pub fn gap_in_bars(&self, truth: f64) -> f64 {
        let gap = (self.mean - truth).abs();
        if gap == 0.0 { 0.0 } else { gap / self.half_width }
    }
}

/// As "4.02 ± 0.13": the half width to two digits, the mean to the same place.
impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let places = number::places(self.half_width, 2);
        write!(f, "{:.places$} ± {:.places$}", self.mean, self.half_width)
    }
}

/// The quantile of Student's t that bounds a two-sided interval.
pub(crate) fn student_t(freedom: usize) -> f64 {
    match StudentsT::new(0.0, 1.0, freedom as f64) {
        Ok(t) => t.inverse_cdf(0.5 + CONFIDENCE / 2.0),
        Err(error) => unreachable!("t with {freedom} degrees of freedom: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_t_quantiles_are_those_of_the_tables() {
        for (freedom, quantile) in [(1, 12.706), (4, 2.776), (9, 2.262), (29, 2.045), (999, 1.962)]
        {
            assert!(
                (student_t(freedom) - quantile).abs() < 5e-4,
                "{freedom}: {}",
                student_t(freedom)
            );
        }
    }

    #[test]
    fn an_interval_by_hand() {
        let estimate = Estimate::of(&[1.0, 2.0, 3.0]);
        // s = 1, t = 4.3027, sqrt(3) = 1.7321.
        assert_eq!(estimate.mean, 2.0);
        assert!((estimate.half_width - 2.4841).abs() < 1e-4);
        assert_eq!(estimate.to_string(), "2.0 ± 2.5");
        assert!(estimate.covers(4.4) && !estimate.covers(4.5));
        assert!((estimate.gap_in_bars(4.4841) - 1.0).abs() < 1e-4);
    }

    #[test]
    fn parts_of_all_by_hand_and_of_equal_counts_as_means() {
        // 1 of 2 and 3 of 4: 4 of 6, where the mean of the parts is .625.
        let pooled = Estimate::of_parts(&[(1.0, 2.0), (3.0, 4.0)]);
        assert!((pooled.mean - 4.0 / 6.0).abs() < 1e-12);
        // Both are a third off, over 3 a replication: s = .1571, t = 12.706, sqrt(2) = 1.4142.
        assert!((pooled.half_width - 1.4118).abs() < 1e-3, "{}", pooled.half_width);
        let equal = Estimate::of_parts(&[(1.0, 4.0), (3.0, 4.0), (2.0, 4.0)]);
        let means = Estimate::of(&[0.25, 0.75, 0.5]);
        assert!((equal.mean - means.mean).abs() < 1e-12);
        assert!((equal.half_width - means.half_width).abs() < 1e-12);
        assert_eq!(Estimate::of_parts(&[(0.0, 0.0); 2]).mean, 0.0);
    }

    #[test]
    fn no_spread_is_either_exact_or_wrong() {
        let estimate = Estimate::of(&[2.0, 2.0]);
        assert_eq!((estimate.gap_in_bars(2.0), estimate.gap_in_bars(2.1)), (0.0, f64::INFINITY));
        assert_eq!(estimate.to_string(), "2 ± 0");
    }
}
