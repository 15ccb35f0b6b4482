//! A canary that is looked at again and again while requests come in.

use super::looks::Looks;
use super::proportions::z_score;
use crate::operations::checks::{at_least, binomial, inner};
use crate::sim::{Estimate, Stream, Trials, replicate};
use std::fmt;
use std::sync::Arc;

/// What is known at a look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counts {
    /// Which look it is, from 1.
    pub look: usize,
    /// Requests to the old version and to the canary until now.
    pub requests: [f64; 2],
    /// Those of them that failed.
    pub failed: [f64; 2],
}

impl Counts {
    /// The z score of the canary's share of failures over the old version's, with the pooled
    /// variance.
    pub fn z(&self) -> f64 {
        z_score(self.failed, self.requests)
    }
}

/// What is done at a look, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CanaryDecision {
    /// The canary is taken back.
    Alarm,
    /// It is let go on to all.
    Go,
}

type Rule = Arc<dyn Fn(&Counts) -> Option<CanaryDecision> + Send + Sync>;

/// An old version and a canary that get equal numbers of requests, and a rule that is asked after
/// each batch of them. After the last one a canary without an alarm goes on.
#[derive(Clone)]
pub struct Canary {
    old: f64,
    canary: f64,
    batch: usize,
    looks: usize,
    rule: Rule,
    theory: Option<Looks>,
}

/// What a simulation says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CanaryRun {
    /// The share of canaries that give an alarm: false ones if both versions are equal, and the
    /// power if not.
    pub alarms: Estimate,
    /// Looks until a verdict.
    pub looks: Estimate,
    /// Requests to the canary that failed until then.
    pub failed: Estimate,
}

impl Canary {
    /// The true shares of failures, the requests to each version between two looks, and one of the
    /// rules of [`Looks`].
    ///
    /// # Panics
    /// If a share is not above 0 and below 1, or there are no requests.
    #[track_caller]
    pub fn new(old: f64, canary: f64, batch: usize, looks: Looks) -> Self {
        let bounds = looks.bounds().to_vec();
        let rule = move |seen: &Counts| {
            (seen.z().abs() > bounds[seen.look - 1]).then_some(CanaryDecision::Alarm)
        };
        let count = looks.bounds().len();
        Self {
            theory: Some(looks),
            ..Self::checked("Canary::new", [old, canary], batch, count, rule)
        }
    }

    /// The same with the reader's own rule, asked up to `looks` times:
    /// `|seen| (seen.failed[1] > 2.0 * seen.failed[0] + 10.0).then_some(CanaryDecision::Alarm)`.
    ///
    /// # Panics
    /// As [`Canary::new`]; if there is no look.
    #[track_caller]
    pub fn own(
        old: f64,
        canary: f64,
        batch: usize,
        looks: usize,
        rule: impl Fn(&Counts) -> Option<CanaryDecision> + Send + Sync + 'static,
    ) -> Self {
        Self::checked("Canary::own", [old, canary], batch, looks, rule)
    }

    #[track_caller]
    fn checked(
        place: &str,
        [old, canary]: [f64; 2],
        batch: usize,
        looks: usize,
        rule: impl Fn(&Counts) -> Option<CanaryDecision> + Send + Sync + 'static,
    ) -> Self {
        Self {
            old: inner(place, "old version's share of failures", old),
            canary: inner(place, "canary's share of failures", canary),
            batch: at_least(place, "requests between two looks", 1, batch),
            looks: at_least(place, "looks", 1, looks),
            rule: Arc::new(rule),
            theory: None,
        }
    }

    /// The mean by which z grows at the first look: (p1 - p0) / sqrt((p0 q0 + p1 q1) / batch).
    pub fn drift(&self) -> f64 {
        let both = |p: f64| p * (1.0 - p);
        (self.canary - self.old) / ((both(self.old) + both(self.canary)) / self.batch as f64).sqrt()
    }

    /// The share of canaries that give an alarm, in the normal approximation; nothing for a
    /// reader's own rule.
    pub fn alarms(&self) -> Option<f64> {
        self.theory.as_ref().map(|looks| looks.crossed(self.drift()))
    }

    /// Looks until a verdict on the mean, in the normal approximation; nothing for a reader's own
    /// rule.
    pub fn expected_looks(&self) -> Option<f64> {
        self.theory.as_ref().map(|looks| looks.expected(self.drift()))
    }

    /// Canaries, one a customer of `trials`.
    pub fn simulate(&self, trials: Trials) -> CanaryRun {
        let runs = replicate(trials.replications, |replication| {
            let mut random = Stream::new(trials.seed, replication, "requests");
            let mut sums = [0.0; 3];
            for _ in 0..trials.customers {
                crate::interrupt::tick();
                let mut seen = Counts { look: 0, requests: [0.0; 2], failed: [0.0; 2] };
                let mut verdict = None;
                while verdict.is_none() && seen.look < self.looks {
                    seen.look += 1;
                    for (side, p) in [self.old, self.canary].into_iter().enumerate() {
                        seen.requests[side] += self.batch as f64;
                        seen.failed[side] += binomial(&mut random, self.batch as u64, p) as f64;
                    }
                    verdict = (self.rule)(&seen);
                }
                sums[0] += f64::from(u8::from(verdict == Some(CanaryDecision::Alarm)));
                sums[1] += seen.look as f64;
                sums[2] += seen.failed[1];
            }
            sums.map(|sum| sum / trials.customers as f64)
        });
        let of = |part: usize| Estimate::of(&runs.iter().map(|run| run[part]).collect::<Vec<_>>());
        CanaryRun { alarms: of(0), looks: of(1), failed: of(2) }
    }
}

impl fmt::Debug for Canary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a canary that fails {} against {}, up to {} looks after {} requests each",
            self.canary, self.old, self.looks, self.batch
        )
    }
}
