//! Distributions of times between arrivals, of service times, of delays.

use super::Stream;
use super::exponential::Exponential;
use super::integral::integral;
use super::phase::Phases;
use crate::number::{fraction, positive};
use statrs::distribution::{ContinuousCDF as _, Gamma, Normal};
use statrs::function::gamma::gamma;
use std::fmt;
use std::sync::Arc;

/// A distribution of non-negative times: parameters, moments, transform, samples.
///
/// Two numbers say most about one: its mean, and its squared coefficient of variation (SCV),
/// the variance over the square of the mean; 0 is constant, 1 exponential, more is burstier.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    law: Law,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Law {
    Exponential {
        mean: f64,
        rate: f64,
    },
    Deterministic {
        value: f64,
    },
    Uniform {
        low: f64,
        high: f64,
    },
    /// The sum of `stages` exponentials; with probability `less`, of one fewer.
    Erlang {
        stages: u32,
        less: f64,
        stage: f64,
    },
    /// Probabilities, and the means of exponentials.
    Hyperexponential(Arc<[(f64, f64)]>),
    /// Mean and deviation of the logarithm.
    Lognormal {
        mu: f64,
        sigma: f64,
    },
    Pareto {
        shape: f64,
        scale: f64,
    },
    Weibull {
        shape: f64,
        scale: f64,
    },
    /// Measured values, in ascending order.
    Empirical(Arc<[f64]>),
    PhaseType(Arc<Phases>),
}

impl Distribution {
    /// Exponential with this mean, in units of time; SCV 1.
    ///
    /// # Panics
    /// As for all constructors here: if a parameter is not what its sentence asks for.
    #[track_caller]
    pub fn exponential(mean: f64) -> Self {
        let mean = positive("Distribution::exponential", "mean", mean);
        Law::Exponential { mean, rate: 1.0 / mean }.into()
    }

    /// Exponential with this rate, per unit of time.
    #[track_caller]
    pub fn with_rate(rate: f64) -> Self {
        let rate = positive("Distribution::with_rate", "rate", rate);
        Law::Exponential { mean: 1.0 / rate, rate }.into()
    }

    /// Always the same, not negative; SCV 0.
    #[track_caller]
    pub fn deterministic(value: f64) -> Self {
        assert!(
            value >= 0.0 && value.is_finite(),
            "Distribution::deterministic: the value must be a number of at least 0, but it is {value}"
        );
        Law::Deterministic { value }.into()
    }

    /// Evenly between two numbers, 0 <= low < high.
    #[track_caller]
    pub fn uniform(low: f64, high: f64) -> Self {
        assert!(
            low >= 0.0 && low < high && high.is_finite(),
            "Distribution::uniform: the ends must be numbers with 0 <= low < high, but they are \
             {low} and {high}"
        );
        Law::Uniform { low, high }.into()
    }

    /// Erlang: the sum of so many exponential stages, with this mean altogether; SCV 1/stages.
    #[track_caller]
    pub fn erlang(stages: u32, mean: f64) -> Self {
        assert!(
            stages >= 1,
            "Distribution::erlang: there must be at least 1 stage, but there are 0"
        );
        let mean = positive("Distribution::erlang", "mean", mean);
        Law::Erlang { stages, less: 0.0, stage: mean / f64::from(stages) }.into()
    }

    /// Hyperexponential: exponential with one of several means, each with its weight. Weights
    /// need not sum to 1.
    #[track_caller]
    pub fn hyperexponential(branches: &[(f64, f64)]) -> Self {
        const PLACE: &str = "Distribution::hyperexponential";
        let total: f64 = branches.iter().map(|(weight, _)| weight).sum();
        for (weight, mean) in branches {
            assert!(
                *weight >= 0.0 && weight.is_finite(),
                "{PLACE}: each weight must be a number of at least 0, but one is {weight}"
            );
            positive(PLACE, "mean of each branch", *mean);
        }
        assert!(
            total > 0.0,
            "{PLACE}: the weights must sum to more than 0, but they sum to {total}; give at least \
             one branch a weight, as in &[(0.9, 0.5), (0.1, 5.5)]"
        );
        let branches = branches.iter().map(|(weight, mean)| (weight / total, *mean));
        Law::Hyperexponential(branches.collect()).into()
    }

    /// Lognormal, by its mean and SCV, both positive.
    #[track_caller]
    pub fn lognormal(mean: f64, scv: f64) -> Self {
        let mean = positive("Distribution::lognormal", "mean", mean);
        let scv = positive("Distribution::lognormal", "squared coefficient of variation", scv);
        let variance = scv.ln_1p();
        Law::Lognormal { mu: mean.ln() - variance / 2.0, sigma: variance.sqrt() }.into()
    }

    /// Pareto: P(X > x) = (scale / x)^shape from the scale, its smallest value, on. With a shape
    /// of at most 1 the mean is infinite, with one of at most 2 the variance.
    #[track_caller]
    pub fn pareto(shape: f64, scale: f64) -> Self {
        let shape = positive("Distribution::pareto", "shape", shape);
        Law::Pareto { shape, scale: positive("Distribution::pareto", "scale", scale) }.into()
    }

    /// Weibull: P(X > x) = e^(-(x / scale)^shape). A shape below 1 has a heavy tail.
    #[track_caller]
    pub fn weibull(shape: f64, scale: f64) -> Self {
        let shape = positive("Distribution::weibull", "shape", shape);
        Law::Weibull { shape, scale: positive("Distribution::weibull", "scale", scale) }.into()
    }

    /// One of these measured values, each as likely as the others.
    #[track_caller]
    pub fn empirical(values: &[f64]) -> Self {
        assert!(
            !values.is_empty(),
            "Distribution::empirical: there are no values; give at least one, as in &[1.0]"
        );
        if let Some(bad) = values.iter().find(|value| !(value.is_finite() && **value >= 0.0)) {
            panic!(
                "Distribution::empirical: each value must be a number of at least 0, but one is {bad}"
            );
        }
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Law::Empirical(sorted.into()).into()
    }

    /// Phase-type: the time until a Markov chain ends that begins in phase i with probability
    /// `begin[i]`, leaves it at rate `leave[i]` and goes on to phase j with probability
    /// `go[i][j]`; what those of a row lack to 1 is the probability of the end.
    #[track_caller]
    pub fn phase_type(begin: &[f64], leave: &[f64], go: &[&[f64]]) -> Self {
        Law::PhaseType(Arc::new(Phases::new(begin, leave, go))).into()
    }

    /// The mean, in units of time; infinite for a Pareto whose shape is at most 1.
    pub fn mean(&self) -> f64 {
        self.moment(1)
    }

    /// The squared coefficient of variation: variance / mean². Infinite if the variance is, and
    /// 0 for what is always 0.
    pub fn scv(&self) -> f64 {
        let (mean, second) = (self.moment(1), self.moment(2));
        if mean == 0.0 || second.is_infinite() {
            return if mean == 0.0 { 0.0 } else { f64::INFINITY };
        }
        match self.law {
            Law::Deterministic { .. } => 0.0,
            Law::Exponential { .. } => 1.0,
            _ => (second / (mean * mean) - 1.0).max(0.0),
        }
    }

    /// The mean of the n-th power, n from 1 to 4, in units of time to the n.
    pub fn moment(&self, n: u32) -> f64 {
        let power = f64::from(n);
        let factorial = gamma(power + 1.0);
        match &self.law {
            Law::Exponential { mean, .. } => factorial * mean.powf(power),
            Law::Deterministic { value } => value.powf(power),
            Law::Uniform { low, high } => {
                (high.powf(power + 1.0) - low.powf(power + 1.0)) / ((power + 1.0) * (high - low))
            }
            Law::Erlang { stages, less, stage } => {
                let rising = |from: u32| (0..n).map(|i| f64::from(from + i)).product::<f64>();
                stage.powf(power) * ((1.0 - less) * rising(*stages) + less * rising(stages - 1))
            }
            Law::Hyperexponential(branches) => {
                let terms = branches.iter().map(|(p, mean)| p * factorial * mean.powf(power));
                terms.sum()
            }
            Law::Lognormal { mu, sigma } => (power * mu + (power * sigma).powi(2) / 2.0).exp(),
            Law::Pareto { shape, scale } => {
                if *shape > power {
                    shape * scale.powf(power) / (shape - power)
                } else {
                    f64::INFINITY
                }
            }
            Law::Weibull { shape, scale } => scale.powf(power) * gamma(1.0 + power / shape),
            Law::Empirical(values) => {
                values.iter().map(|value| value.powf(power)).sum::<f64>() / values.len() as f64
            }
            Law::PhaseType(phases) => phases.moment(n),
        }
    }

    /// P(X <= x).
    pub fn at_most(&self, x: f64) -> f64 {
        if x < 0.0 {
            return 0.0;
        }
        match &self.law {
            Law::Exponential { mean, .. } => -(-x / mean).exp_m1(),
            Law::Deterministic { value } => f64::from(u8::from(x >= *value)),
            Law::Uniform { low, high } => ((x - low) / (high - low)).clamp(0.0, 1.0),
            Law::Erlang { stages, less, stage } => {
                let of = |stages: u32| match Gamma::new(f64::from(stages), 1.0 / stage) {
                    Ok(sum) => sum.cdf(x),
                    // No stage at all.
                    Err(_) => 1.0,
                };
                (1.0 - less) * of(*stages) + if *less > 0.0 { less * of(stages - 1) } else { 0.0 }
            }
            Law::Hyperexponential(branches) => {
                branches.iter().map(|(p, mean)| -p * (-x / mean).exp_m1()).sum()
            }
            Law::Lognormal { mu, sigma } => {
                if x == 0.0 {
                    0.0
                } else {
                    Normal::standard().cdf((x.ln() - mu) / sigma)
                }
            }
            Law::Pareto { shape, scale } => {
                if x < *scale {
                    0.0
                } else {
                    1.0 - (scale / x).powf(*shape)
                }
            }
            Law::Weibull { shape, scale } => -(-(x / scale).powf(*shape)).exp_m1(),
            Law::Empirical(values) => {
                values.partition_point(|value| *value <= x) as f64 / values.len() as f64
            }
            Law::PhaseType(phases) => phases.at_most(x),
        }
    }

    /// The Laplace transform E[e^(-s X)], s >= 0: the chance that nothing happens during X of
    /// what happens at rate s.
    pub fn transform(&self, s: f64) -> f64 {
        match &self.law {
            Law::Exponential { mean, .. } => 1.0 / (1.0 + s * mean),
            Law::Deterministic { value } => (-s * value).exp(),
            Law::Uniform { low, high } => {
                let width = s * (high - low);
                if width == 0.0 { 1.0 } else { (-s * low).exp() * -(-width).exp_m1() / width }
            }
            Law::Erlang { stages, less, stage } => {
                let whole = (1.0 + s * stage).powi(-(*stages as i32));
                (1.0 - less) * whole + less * whole * (1.0 + s * stage)
            }
            Law::Hyperexponential(branches) => {
                branches.iter().map(|(p, mean)| p / (1.0 + s * mean)).sum()
            }
            Law::Empirical(values) => {
                values.iter().map(|value| (-s * value).exp()).sum::<f64>() / values.len() as f64
            }
            Law::PhaseType(phases) => phases.transform(s),
            Law::Lognormal { .. } | Law::Pareto { .. } | Law::Weibull { .. } => {
                // E[F(T)] of an exponential T of rate s, by its quantiles.
                if s == 0.0 { 1.0 } else { integral(|u| self.at_most(-u.ln() / s)) }
            }
        }
    }

    /// One value.
    #[inline]
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        match &self.law {
            Law::Exponential { mean, .. } => mean * stream.exponential(),
            Law::Deterministic { value } => *value,
            Law::Uniform { low, high } => low + (high - low) * stream.uniform(),
            Law::Erlang { stages, less, stage } => {
                let fewer = *less > 0.0 && stream.uniform() < *less;
                let stages = stages - u32::from(fewer);
                stage * (0..stages).map(|_| stream.exponential()).sum::<f64>()
            }
            Law::Hyperexponential(branches) => {
                let mut left = stream.uniform();
                let chosen = branches.iter().find(|(p, _)| {
                    left -= p;
                    left < 0.0
                });
                // Rounding may leave a little of the last branch.
                let (_, mean) = chosen.unwrap_or(&branches[branches.len() - 1]);
                mean * stream.exponential()
            }
            Law::Lognormal { mu, sigma } => (mu + sigma * stream.normal()).exp(),
            Law::Pareto { shape, scale } => scale * (stream.exponential() / shape).exp(),
            Law::Weibull { shape, scale } => scale * stream.exponential().powf(1.0 / shape),
            Law::Empirical(values) => values[stream.below(values.len())],
            Law::PhaseType(phases) => phases.sample(stream),
        }
    }

    /// Kendall's letter: M, D, U, E2 and so on, H, LN, Pa, W, emp, PH.
    pub fn letter(&self) -> String {
        match &self.law {
            Law::Exponential { .. } => "M".to_owned(),
            Law::Deterministic { .. } => "D".to_owned(),
            Law::Uniform { .. } => "U".to_owned(),
            Law::Erlang { stages, less: 0.0, .. } => format!("E{stages}"),
            Law::Erlang { stages, .. } => format!("E{},{stages}", stages - 1),
            Law::Hyperexponential(branches) => format!("H{}", branches.len()),
            Law::Lognormal { .. } => "LN".to_owned(),
            Law::Pareto { .. } => "Pa".to_owned(),
            Law::Weibull { .. } => "W".to_owned(),
            Law::Empirical(_) => "emp".to_owned(),
            Law::PhaseType(_) => "PH".to_owned(),
        }
    }

    /// The same as a type of its own, if it is exponential.
    pub(crate) fn as_exponential(&self) -> Option<Exponential> {
        match self.law {
            Law::Exponential { mean, .. } => Some(Exponential::with_mean(mean)),
            _ => None,
        }
    }

    /// The rate, if it is exponential.
    pub(crate) fn rate_if_exponential(&self) -> Option<f64> {
        match self.law {
            Law::Exponential { rate, .. } => Some(rate),
            _ => None,
        }
    }

    /// Whether it is always the same.
    pub(crate) fn is_deterministic(&self) -> bool {
        matches!(self.law, Law::Deterministic { .. })
    }

    /// The values that were measured, in ascending order.
    pub(crate) fn measured(&self) -> Option<&[f64]> {
        match &self.law {
            Law::Empirical(values) => Some(values),
            _ => None,
        }
    }

    /// The value below which a fraction `p` lies, 0 <= p < 1.
    ///
    /// # Panics
    /// If `p` is not such a fraction.
    #[track_caller]
    pub fn quantile(&self, p: f64) -> f64 {
        fraction("Distribution::quantile", p);
        match &self.law {
            Law::Exponential { mean, .. } => -mean * (-p).ln_1p(),
            Law::Deterministic { value } => *value,
            Law::Uniform { low, high } => low + p * (high - low),
            Law::Lognormal { mu, sigma } => {
                if p == 0.0 {
                    0.0
                } else {
                    (mu + sigma * Normal::standard().inverse_cdf(p)).exp()
                }
            }
            Law::Pareto { shape, scale } => scale * (1.0 - p).powf(-1.0 / shape),
            Law::Weibull { shape, scale } => scale * (-(-p).ln_1p()).powf(1.0 / shape),
            Law::Empirical(values) => {
                values[((p * values.len() as f64) as usize).min(values.len() - 1)]
            }
            Law::Erlang { .. } | Law::Hyperexponential(_) | Law::PhaseType(_) => {
                let mut high = self.mean();
                while self.at_most(high) < p {
                    high *= 2.0;
                }
                let (mut low, mut high) = (0.0, high);
                // As many halvings as a float has bits.
                for _ in 0..60 {
                    let middle = (low + high) / 2.0;
                    if self.at_most(middle) < p { low = middle } else { high = middle }
                }
                high
            }
        }
    }
}

impl From<Law> for Distribution {
    fn from(law: Law) -> Self {
        Self { law }
    }
}

impl From<Exponential> for Distribution {
    fn from(exponential: Exponential) -> Self {
        Law::Exponential { mean: exponential.mean(), rate: 1.0 / exponential.mean() }.into()
    }
}

/// As "LN with mean 2, SCV 4".
impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |value| crate::number::short(value, 4);
        write!(f, "{} with mean {}, SCV {}", self.letter(), short(self.mean()), short(self.scv()))
    }
}

#[cfg(test)]
#[path = "distribution_tests.rs"]
mod tests;
