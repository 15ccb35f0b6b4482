//! How long a message takes.

use crate::number::{fraction, positive};
use crate::sim::{Distribution, Exponential, Stream};

/// How long a message takes, in units of time: one [`Distribution`], or a mixture of several.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency {
    /// Weights, which sum to 1, and laws.
    parts: Vec<(f64, Distribution)>,
}

impl Latency {
    /// One of several laws, each with its weight. Weights need not sum to 1.
    ///
    /// # Panics
    /// If there is no law, or a weight is not a positive number.
    #[track_caller]
    pub fn mixture(parts: &[(f64, Distribution)]) -> Self {
        assert!(
            !parts.is_empty(),
            "Latency::mixture: there is no law; give at least one, as in \
             &[(0.9, Distribution::exponential(1.0)), (0.1, Distribution::exponential(10.0))]"
        );
        for (weight, _) in parts {
            positive("Latency::mixture", "weight of each law", *weight);
        }
        let total: f64 = parts.iter().map(|(weight, _)| weight).sum();
        let parts = parts.iter().map(|(weight, law)| (weight / total, law.clone()));
        Self { parts: parts.collect() }
    }

    /// The mean, in units of time; infinite if that of one of the laws is.
    pub fn mean(&self) -> f64 {
        self.parts.iter().map(|(weight, law)| weight * law.mean()).sum()
    }

    /// P(X <= x).
    pub fn at_most(&self, x: f64) -> f64 {
        self.parts.iter().map(|(weight, law)| weight * law.at_most(x)).sum()
    }

    /// The value below which a fraction `p` lies, 0 <= p < 1.
    ///
    /// # Panics
    /// If `p` is not such a fraction.
    #[track_caller]
    pub fn quantile(&self, p: f64) -> f64 {
        fraction("Latency::quantile", p);
        // It lies between those of the parts.
        let each = || self.parts.iter().map(|(_, law)| law.quantile(p));
        let (mut low, mut high) =
            (each().fold(f64::INFINITY, f64::min), each().fold(0.0, f64::max));
        // As many halvings as a float has bits.
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            if self.at_most(middle) < p { low = middle } else { high = middle }
        }
        high
    }

    /// One value.
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        let mut left = if self.parts.len() == 1 { 0.0 } else { stream.uniform() };
        let chosen = self.parts.iter().find(|(weight, _)| {
            left -= weight;
            left < 0.0
        });
        // Rounding may leave a little of the last part.
        chosen.unwrap_or(&self.parts[self.parts.len() - 1]).1.sample(stream)
    }

    /// Weights, which sum to 1, and laws.
    pub(super) fn parts(&self) -> &[(f64, Distribution)] {
        &self.parts
    }

    /// P(X > x).
    pub(super) fn exceeds(&self, x: f64) -> f64 {
        1.0 - self.at_most(x)
    }

    /// Whether no single value has a probability of its own.
    pub(super) fn is_continuous(&self) -> bool {
        self.parts.iter().all(|(_, law)| !law.is_deterministic() && law.measured().is_none())
    }
}

impl From<Distribution> for Latency {
    fn from(law: Distribution) -> Self {
        Self { parts: vec![(1.0, law)] }
    }
}

impl From<Exponential> for Latency {
    fn from(law: Exponential) -> Self {
        Distribution::from(law).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed() -> Latency {
        Latency::mixture(&[
            (3.0, Distribution::pareto(1.5, 2.0)),
            (1.0, Distribution::exponential(5.0)),
        ])
    }

    #[test]
    fn a_mixture_by_hand() {
        // 3/4 of Pareto's mean 6 and 1/4 of 5.
        assert!((mixed().mean() - 5.75).abs() < 1e-12);
        let at_most = 0.75 * (1.0 - (2.0_f64 / 8.0).powf(1.5)) + 0.25 * (1.0 - (-1.6_f64).exp());
        assert!((mixed().at_most(8.0) - at_most).abs() < 1e-12);
        assert!((mixed().quantile(at_most) - 8.0).abs() < 1e-9);
        assert!(mixed().quantile(0.0) < 1e-12);
    }

    #[test]
    fn samples_follow_the_law() {
        let mut stream = Stream::new(3, 0, "mixture");
        let mut cells = [0u32; 20];
        for _ in 0..20_000 {
            cells[((mixed().at_most(mixed().sample(&mut stream)) * 20.0) as usize).min(19)] += 1;
        }
        let chi2: f64 = cells.iter().map(|&n| (f64::from(n) - 1000.0).powi(2) / 1000.0).sum();
        // 19 degrees of freedom: 1 in 10,000 lies beyond 50.
        assert!(chi2 < 50.0, "chi-squared {chi2}");
    }

    #[test]
    #[should_panic(expected = "Latency::mixture: the weight of each law must be a positive number")]
    fn a_weight_of_nothing() {
        Latency::mixture(&[(0.0, Distribution::exponential(1.0))]);
    }

    #[test]
    #[should_panic(expected = "Latency::mixture: there is no law; give at least one")]
    fn no_law() {
        Latency::mixture(&[]);
    }
}
