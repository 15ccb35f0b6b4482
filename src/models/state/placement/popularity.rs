//! How often each of many items is asked for.

use crate::sim::Stream;
use std::fmt;
use std::sync::Arc;

/// Probabilities of items 0, 1, 2 and so on, which are asked for independently of one another
/// (the independent reference model).
#[derive(Clone, PartialEq)]
pub struct Popularity {
    probabilities: Arc<[f64]>,
    /// Of each column the part of it that is its own item's, in 2^-64, and the item that has the
    /// rest.
    columns: Arc<[(u64, u32)]>,
    name: String,
}

impl Popularity {
    /// Zipf's law: item 0 is the most popular, and the k-th item's probability is proportional
    /// to 1 / k^exponent. An exponent of 0 makes all equal; the web has 0.6 to 1.
    ///
    /// # Panics
    /// Without items; if the exponent is not a number of at least 0.
    #[track_caller]
    pub fn zipf(items: usize, exponent: f64) -> Self {
        const PLACE: &str = "Popularity::zipf";
        assert!(
            exponent >= 0.0 && exponent.is_finite(),
            "{PLACE}: the exponent must be a number of at least 0, but it is {exponent}; give one as 0.8"
        );
        let weights: Vec<f64> = (1..=items).map(|rank| (rank as f64).powf(-exponent)).collect();
        Self::new(PLACE, &weights, format!("Zipf {exponent} of {items}"))
    }

    /// All items alike.
    ///
    /// # Panics
    /// Without items.
    #[track_caller]
    pub fn uniform(items: usize) -> Self {
        Self::new("Popularity::uniform", &vec![1.0; items], format!("uniform of {items}"))
    }

    /// By weights, which need not sum to 1.
    ///
    /// # Panics
    /// Without weights; if one is negative, or they sum to nothing.
    #[track_caller]
    pub fn of(weights: &[f64]) -> Self {
        Self::new("Popularity::of", weights, format!("{} items by weight", weights.len()))
    }

    #[track_caller]
    fn new(place: &str, weights: &[f64], name: String) -> Self {
        assert!(
            (1..=u32::MAX as usize).contains(&weights.len()),
            "{place}: there must be at least 1 item, and fewer than 2^32, but there are {}",
            weights.len()
        );
        if let Some(bad) = weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
            panic!("{place}: each weight must be a number of at least 0, but one is {bad}");
        }
        // The small ones first, so that they are not lost beside the large ones.
        let total: f64 = weights.iter().rev().sum();
        assert!(
            total > 0.0 && total.is_finite(),
            "{place}: the weights must sum to a positive number, but they sum to {total}"
        );
        let probabilities: Arc<[f64]> = weights.iter().map(|weight| weight / total).collect();
        let columns = columns(&probabilities).into();
        Self { probabilities, columns, name }
    }

    /// The number of items.
    pub fn items(&self) -> usize {
        self.probabilities.len()
    }

    /// The probability of each item.
    pub fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    /// The probability that one of the `count` most popular items is asked for: what a cache that
    /// holds these has as its hit ratio.
    pub fn top(&self, count: usize) -> f64 {
        let mut sorted = self.probabilities.to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        sorted.iter().take(count).rev().sum()
    }

    /// The next item that is asked for (the alias method; Walker, 1977): one random number,
    /// whatever the number of items.
    #[inline]
    pub fn sample(&self, stream: &mut Stream) -> usize {
        let wide = u128::from(stream.bits()) * self.columns.len() as u128;
        let (column, part) = ((wide >> 64) as usize, wide as u64);
        let (own, other) = self.columns[column];
        if part < own { column } else { other as usize }
    }

    /// So many requests, as a trace.
    pub fn requests(&self, count: usize, seed: u64) -> Vec<u64> {
        let mut stream = Stream::new(seed, 0, "requests");
        let mut trace = Vec::with_capacity(count);
        while trace.len() < count {
            crate::interrupt::tick();
            let more = (count - trace.len()).min(1024);
            trace.extend((0..more).map(|_| self.sample(&mut stream) as u64));
        }
        trace
    }
}

/// Vose's (1991) way to the columns of the alias method: who has more than an equal part fills
/// up who has less.
fn columns(probabilities: &[f64]) -> Vec<(u64, u32)> {
    let count = probabilities.len();
    let mut parts: Vec<f64> = probabilities.iter().map(|p| p * count as f64).collect();
    let (mut less, mut more): (Vec<usize>, Vec<usize>) = (0..count).partition(|i| parts[*i] < 1.0);
    let mut columns: Vec<(u64, u32)> = (0..count).map(|item| (u64::MAX, item as u32)).collect();
    while let (Some(low), Some(high)) = (less.pop(), more.last().copied()) {
        columns[low] = ((parts[low] * 2f64.powi(64)) as u64, high as u32);
        parts[high] -= 1.0 - parts[low];
        if parts[high] < 1.0 {
            more.pop();
            less.push(high);
        }
    }
    columns
}

/// As "Zipf 0.8 of 10000".
impl fmt::Display for Popularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)
    }
}

impl fmt::Debug for Popularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zipf_by_hand() {
        // 1 + 1/2 + 1/3 + 1/4 = 25/12.
        let zipf = Popularity::zipf(4, 1.0);
        let by_hand = [12.0 / 25.0, 6.0 / 25.0, 4.0 / 25.0, 3.0 / 25.0];
        assert!(zipf.probabilities().iter().zip(by_hand).all(|(a, b)| (a - b).abs() < 1e-15));
        assert!((zipf.top(2) - 0.72).abs() < 1e-15 && zipf.top(0) == 0.0);
        assert_eq!(Popularity::zipf(5, 0.0).probabilities(), [0.2; 5]);
        // Harmonic numbers as in the tables: H(10,000) = 9.787606...
        let first = Popularity::zipf(10_000, 1.0).probabilities()[0];
        assert!((1.0 / first - 9.787_606_036).abs() < 1e-8);
        assert_eq!(Popularity::of(&[0.0, 2.0]).top(1), 1.0);
    }

    #[test]
    fn the_columns_hold_the_probabilities() {
        for popularity in [
            Popularity::zipf(1000, 0.8),
            Popularity::zipf(3, 20.0),
            Popularity::of(&[0.0, 1.0, 0.0, 3.0]),
            Popularity::uniform(7),
        ] {
            let count = popularity.items();
            let mut held = vec![0.0; count];
            for (column, (own, other)) in popularity.columns.iter().enumerate() {
                let own = *own as f64 / 2f64.powi(64);
                held[column] += own / count as f64;
                held[*other as usize] += (1.0 - own) / count as f64;
            }
            for (held, p) in held.iter().zip(popularity.probabilities()) {
                assert!((held - p).abs() < 1e-15, "{popularity}: {held} and {p}");
            }
        }
    }

    #[test]
    fn samples_fit_the_law() {
        let zipf = Popularity::zipf(50, 0.9);
        let mut counts = [0.0; 50];
        zipf.requests(200_000, 5).iter().for_each(|item| counts[*item as usize] += 1.0);
        let chi2: f64 = counts
            .iter()
            .zip(zipf.probabilities())
            .map(|(n, p)| (n - p * 200_000.0).powi(2) / (p * 200_000.0))
            .sum();
        // 49 degrees of freedom: 1 in 10,000 lies beyond 94, and as many below 21.
        assert!((21.0..94.0).contains(&chi2), "{chi2}");
    }
}
