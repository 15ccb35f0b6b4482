//! One look at two shares of failures: a canary as a test of fixed size.

use crate::operations::checks::{at_least, binomial, inner};
use crate::sim::{Estimate, Stream, Trials, replicate};
use statrs::distribution::{ContinuousCDF, Normal};

/// Two shares of failures compared once, the old version's and the canary's, by the two-sided z
/// test of two proportions with the pooled variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProportionTest {
    old: f64,
    canary: f64,
    requests: [u64; 2],
    level: f64,
}

/// The quantile of the standard normal distribution.
pub(super) fn normal_quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

/// The distribution function of the standard normal distribution.
pub(crate) fn normal_below(x: f64) -> f64 {
    Normal::standard().cdf(x)
}

/// The z score of the canary's share of failures over the old version's, with the pooled variance;
/// 0 if nothing or everything has failed.
pub(super) fn z_score(failed: [f64; 2], requests: [f64; 2]) -> f64 {
    let pooled = (failed[0] + failed[1]) / (requests[0] + requests[1]);
    let variance = pooled * (1.0 - pooled) * (1.0 / requests[0] + 1.0 / requests[1]);
    let gap = failed[1] / requests[1] - failed[0] / requests[0];
    if variance > 0.0 { gap / variance.sqrt() } else { 0.0 }
}

impl ProportionTest {
    /// The true shares of failures of the old version and of the canary, and the requests to each.
    /// The level is 5 %.
    ///
    /// # Panics
    /// If a share is not above 0 and below 1, or there are no requests.
    #[track_caller]
    pub fn new(old: f64, canary: f64, requests_to_old: usize, requests_to_canary: usize) -> Self {
        const PLACE: &str = "ProportionTest::new";
        at_least(PLACE, "requests to the old version", 1, requests_to_old);
        at_least(PLACE, "requests to the canary", 1, requests_to_canary);
        Self {
            old: inner(PLACE, "old version's share of failures", old),
            canary: inner(PLACE, "canary's share of failures", canary),
            requests: [requests_to_old as u64, requests_to_canary as u64],
            level: 0.05,
        }
    }

    /// The same at another level: how often a canary that is no worse, and no better, gives an
    /// alarm.
    ///
    /// # Panics
    /// If it is not above 0 and below 1.
    #[track_caller]
    pub fn level(self, level: f64) -> Self {
        Self { level: inner("ProportionTest::level", "level", level), ..self }
    }

    /// The chance of an alarm in the normal approximation (Fleiss, Statistical Methods for Rates
    /// and Proportions): beyond z s0 on either side of a gap that is normal with mean p1 - p0 and
    /// deviation s1; s0 with the pooled share, s1 with each its own.
    pub fn power(&self) -> f64 {
        let [n0, n1] = self.requests.map(|n| n as f64);
        let pooled = (n0 * self.old + n1 * self.canary) / (n0 + n1);
        let null = (pooled * (1.0 - pooled) * (1.0 / n0 + 1.0 / n1)).sqrt();
        let own =
            (self.old * (1.0 - self.old) / n0 + self.canary * (1.0 - self.canary) / n1).sqrt();
        let bound = normal_quantile(1.0 - self.level / 2.0) * null;
        let gap = self.canary - self.old;
        normal_below((gap - bound) / own) + normal_below((-gap - bound) / own)
    }

    /// The requests to the canary, and as many to the old version, for this power at this level,
    /// in the normal approximation.
    ///
    /// # Panics
    /// If the power is not above 0 and below 1, or the two shares are the same.
    #[track_caller]
    pub fn needed(&self, power: f64) -> usize {
        const PLACE: &str = "ProportionTest::needed";
        inner(PLACE, "power", power);
        assert!(
            self.old != self.canary,
            "{PLACE}: the two shares must differ, but both are {}; no number of requests tells \
             apart what is the same",
            self.old
        );
        let both = |p: f64| p * (1.0 - p);
        let pooled = (self.old + self.canary) / 2.0;
        let root = normal_quantile(1.0 - self.level / 2.0) * (2.0 * both(pooled)).sqrt()
            + normal_quantile(power) * (both(self.old) + both(self.canary)).sqrt();
        (root / (self.canary - self.old)).powi(2).ceil() as usize
    }

    /// The share of canaries that give an alarm, one a customer of `trials`.
    pub fn simulate(&self, trials: Trials) -> Estimate {
        let bound = normal_quantile(1.0 - self.level / 2.0);
        let alarms = replicate(trials.replications, |replication| {
            let mut random = Stream::new(trials.seed, replication, "requests");
            let mut alarms = 0;
            for _ in 0..trials.customers {
                crate::interrupt::tick();
                let failed = [
                    binomial(&mut random, self.requests[0], self.old) as f64,
                    binomial(&mut random, self.requests[1], self.canary) as f64,
                ];
                let z = z_score(failed, self.requests.map(|n| n as f64));
                alarms += usize::from(z.abs() > bound);
            }
            alarms as f64 / trials.customers as f64
        });
        Estimate::of(&alarms)
    }
}
