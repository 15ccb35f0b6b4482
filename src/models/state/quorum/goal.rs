//! What a strategy is to be good at, and within which limits.

use crate::number::positive;

/// The fraction of operations that are reads: one, or a distribution over several. Made from a
/// number, 0.5, or from pairs of a fraction and its weight, `[(0.9, 1.0), (0.5, 3.0)]`; weights
/// need not sum to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadFraction {
    /// Of each fraction how often it is met; these sum to 1.
    pub(super) mix: Vec<(f64, f64)>,
}

impl ReadFraction {
    /// A distribution over fractions: pairs of a fraction and its weight.
    ///
    /// # Panics
    /// If a fraction is not between 0 and 1, a weight is negative, or there is no positive one.
    #[track_caller]
    pub fn mix(pairs: &[(f64, f64)]) -> Self {
        for (fraction, weight) in pairs {
            assert!(
                (0.0..=1.0).contains(fraction),
                "ReadFraction: the fraction of reads must be between 0 and 1, but it is {fraction}; for \
                 nine reads of ten operations give 0.9"
            );
            assert!(
                *weight >= 0.0 && weight.is_finite(),
                "ReadFraction: each weight must be a number of at least 0, but that of {fraction} is \
                 {weight}"
            );
        }
        let total = pairs.iter().fold(0.0, |sum, (_, weight)| sum + weight);
        assert!(
            total > 0.0,
            "ReadFraction: the weights must sum to more than 0, but they sum to {total}; give at least \
             one pair, as in [(0.9, 1.0)]"
        );
        let met = pairs.iter().filter(|(_, weight)| *weight > 0.0);
        Self { mix: met.map(|(fraction, weight)| (*fraction, weight / total)).collect() }
    }

    /// Its mean.
    pub fn mean(&self) -> f64 {
        self.over(|fraction| fraction)
    }

    /// The mean of what depends on it.
    pub(super) fn over(&self, of: impl Fn(f64) -> f64) -> f64 {
        self.mix.iter().map(|(fraction, weight)| weight * of(*fraction)).sum()
    }
}

impl From<f64> for ReadFraction {
    #[track_caller]
    fn from(fraction: f64) -> Self {
        Self::mix(&[(fraction, 1.0)])
    }
}

impl<const N: usize> From<[(f64, f64); N]> for ReadFraction {
    #[track_caller]
    fn from(pairs: [(f64, f64); N]) -> Self {
        Self::mix(&pairs)
    }
}

impl From<&[(f64, f64)]> for ReadFraction {
    #[track_caller]
    fn from(pairs: &[(f64, f64)]) -> Self {
        Self::mix(pairs)
    }
}

impl From<&Vec<(f64, f64)>> for ReadFraction {
    #[track_caller]
    fn from(pairs: &Vec<(f64, f64)>) -> Self {
        Self::mix(pairs)
    }
}

impl From<&Self> for ReadFraction {
    fn from(reads: &Self) -> Self {
        reads.clone()
    }
}

/// What can be least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metric {
    Load,
    Network,
    Latency,
}

impl Metric {
    /// As messages and tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Network => "network load",
            Self::Latency => "latency",
        }
    }
}

/// What a strategy is chosen for: the least load, network load or latency under such reads, with
/// limits on the others.
///
/// ```
/// # use pillars_models::state::quorum::*;
/// let goal = Goal::load([(0.9, 1.0), (0.5, 3.0)]).latency_limit(4.0).f_resilient(1);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    pub(super) metric: Metric,
    pub(super) reads: ReadFraction,
    pub(super) limits: Vec<(Metric, f64)>,
    pub(super) failures: usize,
}

impl Goal {
    /// The least mean load of the busiest node, which is the most capacity if there is one
    /// fraction of reads.
    #[track_caller]
    pub fn load(reads: impl Into<ReadFraction>) -> Self {
        Self::of(Metric::Load, reads.into())
    }

    /// The fewest nodes asked by an operation.
    #[track_caller]
    pub fn network(reads: impl Into<ReadFraction>) -> Self {
        Self::of(Metric::Network, reads.into())
    }

    /// The least mean time until a quorum has answered.
    #[track_caller]
    pub fn latency(reads: impl Into<ReadFraction>) -> Self {
        Self::of(Metric::Latency, reads.into())
    }

    /// The same with a mean load of at most so much; 1 / 2000 for 2000 operations a second.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn load_limit(self, most: f64) -> Self {
        self.limit(Metric::Load, positive("Goal::load_limit", "limit", most))
    }

    /// The same with at most so many nodes asked by an operation, in the mean.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn network_limit(self, most: f64) -> Self {
        self.limit(Metric::Network, positive("Goal::network_limit", "limit", most))
    }

    /// The same with a mean latency of at most so much.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn latency_limit(self, most: f64) -> Self {
        self.limit(Metric::Latency, positive("Goal::latency_limit", "limit", most))
    }

    /// The same with quorums that still contain one when any so many of their nodes fail, so that
    /// nobody has to ask again.
    pub fn f_resilient(self, failures: usize) -> Self {
        Self { failures, ..self }
    }

    fn of(metric: Metric, reads: ReadFraction) -> Self {
        Self { metric, reads, limits: vec![], failures: 0 }
    }

    fn limit(mut self, metric: Metric, most: f64) -> Self {
        self.limits.retain(|(other, _)| *other != metric);
        self.limits.push((metric, most));
        self
    }

    /// Whether it depends on such a quantity.
    pub(super) fn about(&self, metric: Metric) -> bool {
        self.metric == metric || self.limits.iter().any(|(limited, _)| *limited == metric)
    }
}
