//! Distributions of a given mean and squared coefficient of variation.

use super::distribution::{Distribution, Law};
use crate::number::positive;
use statrs::function::gamma::ln_gamma;

/// More stages than anybody would simulate.
const MOST_STAGES: f64 = 10_000.0;

/// More phases than a system of equations should have.
const MOST_PHASES: f64 = 100.0;

impl Distribution {
    /// The usual distribution of this mean and SCV: constant (0), a mixture of two Erlangs
    /// (below 1; Tijms, 1994), exponential (1), two exponentials with balanced means (above).
    #[track_caller]
    pub fn fitted(mean: f64, scv: f64) -> Self {
        let mean = positive("Distribution::fitted", "mean", mean);
        assert!(
            scv >= 0.0 && scv.is_finite(),
            "Distribution::fitted: the squared coefficient of variation must be a number of at \
             least 0, but it is {scv}"
        );
        if scv == 0.0 {
            return Self::deterministic(mean);
        }
        if scv == 1.0 {
            return Self::exponential(mean);
        }
        if scv > 1.0 {
            let p = (1.0 + ((scv - 1.0) / (scv + 1.0)).sqrt()) / 2.0;
            return Self::hyperexponential(&[
                (p, mean / (2.0 * p)),
                (1.0 - p, mean / (2.0 * (1.0 - p))),
            ]);
        }
        let (stages, less, stage) = erlangs(mean, scv);
        assert!(
            stages <= MOST_STAGES,
            "Distribution::fitted: a squared coefficient of variation of {scv} needs more than \
             {MOST_STAGES} stages; give 0 for a constant, or at least {}",
            1.0 / MOST_STAGES
        );
        Law::Erlang { stages: stages as u32, less, stage }.into()
    }

    /// Weibull, by its mean and SCV, both positive.
    ///
    /// # Panics
    /// If a parameter is not what its sentence asks for: the SCV from 1e-6 to 1e6.
    #[track_caller]
    pub fn fitted_weibull(mean: f64, scv: f64) -> Self {
        const PLACE: &str = "Distribution::fitted_weibull";
        let mean = positive(PLACE, "mean", mean);
        assert!(
            (1e-6..=1e6).contains(&scv),
            "{PLACE}: the squared coefficient of variation must be from 1e-6 to 1e6, but it is {scv}"
        );
        // The SCV grows with k = 1 / shape: Γ(1 + 2k) / Γ(1 + k)² - 1.
        let log = |k: f64| ln_gamma(1.0 + 2.0 * k) - 2.0 * ln_gamma(1.0 + k);
        let (mut low, mut high) = (1e-4f64, 50.0f64);
        for _ in 0..200 {
            let middle = (low * high).sqrt();
            if log(middle) < scv.ln_1p() { low = middle } else { high = middle }
        }
        Self::weibull(1.0 / high, mean / ln_gamma(1.0 + high).exp())
    }

    /// Pareto, by its mean and SCV, both positive: its shape is then above 2.
    ///
    /// # Panics
    /// If a parameter is not a positive number.
    #[track_caller]
    pub fn fitted_pareto(mean: f64, scv: f64) -> Self {
        const PLACE: &str = "Distribution::fitted_pareto";
        let mean = positive(PLACE, "mean", mean);
        let scv = positive(PLACE, "squared coefficient of variation", scv);
        // SCV = 1 / (shape (shape - 2)).
        let shape = 1.0 + (1.0 + 1.0 / scv).sqrt();
        Self::pareto(shape, mean * (shape - 1.0) / shape)
    }

    /// Phase-type, by its mean and SCV: from an SCV of one half on a second phase follows a first
    /// one with some probability (Coxian; Marie, 1980); below, the mixture of two Erlangs of
    /// [`Distribution::fitted`].
    ///
    /// # Panics
    /// If the mean is not a positive number, or the SCV is not one of at least 0.01, which takes
    /// 100 phases.
    #[track_caller]
    pub fn fitted_phase_type(mean: f64, scv: f64) -> Self {
        const PLACE: &str = "Distribution::fitted_phase_type";
        let mean = positive(PLACE, "mean", mean);
        assert!(
            scv >= 1.0 / MOST_PHASES && scv.is_finite(),
            "{PLACE}: the squared coefficient of variation must be a number of at least {}, which \
             takes {MOST_PHASES} phases, but it is {scv}; take Distribution::fitted for less",
            1.0 / MOST_PHASES
        );
        if scv >= 0.5 {
            // Half of the mean in each, the second being as much slower as it is rarer.
            let (rate, second) = (2.0 / mean, (0.5 / scv).min(1.0));
            let go: [&[f64]; 2] = [&[0.0, second], &[0.0, 0.0]];
            return Self::phase_type(&[1.0, 0.0], &[rate, rate * second], &go);
        }
        let (stages, less, stage) = erlangs(mean, scv);
        // Who has one stage fewer begins at the second.
        let begin = |i: usize| match i {
            0 => 1.0 - less,
            1 => less,
            _ => 0.0,
        };
        let begin: Vec<f64> = (0..stages as usize).map(begin).collect();
        let next = |i: usize| (0..begin.len()).map(|j| f64::from(u8::from(j == i + 1))).collect();
        let go: Vec<Vec<f64>> = (0..begin.len()).map(next).collect();
        let rows: Vec<&[f64]> = go.iter().map(Vec::as_slice).collect();
        Self::phase_type(&begin, &vec![1.0 / stage; begin.len()], &rows)
    }
}

/// Of the mixture of two Erlangs the stages, the probability of one fewer, and the mean of each
/// (Tijms, 1994).
fn erlangs(mean: f64, scv: f64) -> (f64, f64, f64) {
    let stages = (1.0 / scv).ceil();
    let root = (stages * (1.0 + scv) - stages * stages * scv).max(0.0).sqrt();
    let less = ((stages * scv - root) / (1.0 + scv)).clamp(0.0, 1.0);
    (stages, less, mean / (stages - less))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_variation_are_those_that_were_given() {
        type Fit = (&'static str, fn(f64, f64) -> Distribution);
        let fits: [Fit; 3] = [
            ("W", Distribution::fitted_weibull),
            ("Pa", Distribution::fitted_pareto),
            ("PH", Distribution::fitted_phase_type),
        ];
        for (letter, fit) in fits {
            for mean in [0.01, 1.0, 40.0] {
                for scv in [0.012, 0.1, 0.3, 0.5, 0.7, 1.0, 4.0, 30.0] {
                    let law = fit(mean, scv);
                    assert_eq!(law.letter(), letter);
                    assert!((law.mean() / mean - 1.0).abs() < 1e-9, "{letter} {mean} {scv}: {law}");
                    assert!((law.scv() / scv - 1.0).abs() < 1e-6, "{letter} {mean} {scv}: {law}");
                }
            }
        }
        // One and the same law by two roads.
        let ours = Distribution::fitted_phase_type(2.0, 0.3);
        let mixture = Distribution::fitted(2.0, 0.3);
        for x in [0.5, 1.0, 3.0] {
            assert!((ours.at_most(x) - mixture.at_most(x)).abs() < 1e-9);
        }
        assert!(
            (Distribution::fitted_weibull(1.0, 1.0).at_most(1.0) + (-1.0f64).exp_m1()).abs() < 1e-9
        );
    }

    #[test]
    #[should_panic(expected = "of at least 0.01, which takes 100 phases, but it is 0.001")]
    fn a_chain_of_a_thousand_phases_is_refused() {
        Distribution::fitted_phase_type(1.0, 0.001);
    }

    #[test]
    #[should_panic(expected = "must be from 1e-6 to 1e6, but it is NaN")]
    fn what_is_no_variation_is_refused() {
        Distribution::fitted_weibull(1.0, f64::NAN);
    }
}
