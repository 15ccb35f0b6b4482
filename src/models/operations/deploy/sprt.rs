//! Wald's sequential probability ratio test: a verdict after each request, as soon as there can
//! be one.

use crate::operations::checks::inner;
use crate::sim::{Estimate, Stream, Trials, replicate};

/// A canary's failures against two hypotheses: a share `good`, at which an alarm is false, and a
/// share `bad`, which is not to pass (Wald, 1945). The sum of log likelihood ratios is watched:
/// an alarm above ln((1 - β) / α), a pass below ln(β / (1 - α)).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sprt {
    good: f64,
    bad: f64,
    alpha: f64,
    beta: f64,
}

/// What a simulation says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SprtRun {
    /// The share of canaries that give an alarm.
    pub alarms: Estimate,
    /// Requests until a verdict.
    pub requests: Estimate,
}

impl Sprt {
    /// The two shares of failures, at error probabilities of 5 %: a false alarm, and a bad canary
    /// that passes.
    ///
    /// # Panics
    /// If it is not so that 0 < good < bad < 1.
    #[track_caller]
    pub fn new(good: f64, bad: f64) -> Self {
        assert!(
            0.0 < good && good < bad && bad < 1.0,
            "Sprt::new: the shares of failures must be such that 0 < good < bad < 1, but good is \
             {good} and bad {bad}"
        );
        Self { good, bad, alpha: 0.05, beta: 0.05 }
    }

    /// The same with these probabilities of a false alarm and of a miss.
    ///
    /// # Panics
    /// If they are not above 0 and below 1, or do not sum to less than 1.
    #[track_caller]
    pub fn errors(self, alpha: f64, beta: f64) -> Self {
        const PLACE: &str = "Sprt::errors";
        inner(PLACE, "probability of a false alarm", alpha);
        inner(PLACE, "probability of a miss", beta);
        assert!(
            alpha + beta < 1.0,
            "{PLACE}: the probabilities of a false alarm and of a miss must sum to less than 1, but \
             they are {alpha} and {beta}; a coin does better"
        );
        Self { alpha, beta, ..self }
    }

    /// The two bounds: of a pass, and of an alarm.
    pub fn bounds(&self) -> (f64, f64) {
        ((self.beta / (1.0 - self.alpha)).ln(), ((1.0 - self.beta) / self.alpha).ln())
    }

    /// What a failure and a success add.
    fn steps(&self) -> (f64, f64) {
        ((self.bad / self.good).ln(), ((1.0 - self.bad) / (1.0 - self.good)).ln())
    }

    /// The chance of an alarm when a share `p` fails, by Wald's approximation, which takes the sum
    /// to end on a bound and not beyond: (1 - B^h) / (A^h - B^h), where h is the other root of
    /// E[ratio^h] = 1: 1 for good, -1 for bad.
    ///
    /// # Panics
    /// If the share is not above 0 and below 1.
    #[track_caller]
    pub fn alarms(&self, p: f64) -> f64 {
        inner("Sprt::alarms", "share that fails", p);
        let ((low, high), h) = (self.bounds(), self.root(p));
        if h.abs() < 1e-9 {
            return -low / (high - low);
        }
        (-(h * low).exp_m1()) / ((h * high).exp() - (h * low).exp())
    }

    /// Requests until a verdict on the mean when a share `p` fails, by Wald's approximation: the
    /// mean of the bound that is reached, over the mean of a step.
    ///
    /// # Panics
    /// If the share is not above 0 and below 1.
    #[track_caller]
    pub fn requests(&self, p: f64) -> f64 {
        let alarms = self.alarms(p);
        let ((low, high), (failure, success)) = (self.bounds(), self.steps());
        if self.root(p).abs() < 1e-9 {
            return -low * high / (p * failure * failure + (1.0 - p) * success * success);
        }
        (alarms * high + (1.0 - alarms) * low) / (p * failure + (1.0 - p) * success)
    }

    /// h with p (bad/good)^h + (1-p) ((1-bad)/(1-good))^h = 1 that is not 0, unless 0 is a double
    /// root. The left side is convex, and falls at 0 if a step is negative on the mean.
    fn root(&self, p: f64) -> f64 {
        let (failure, success) = self.steps();
        let mean = p * failure + (1.0 - p) * success;
        if mean.abs() < 1e-12 {
            return 0.0;
        }
        let sign = if mean < 0.0 { 1.0 } else { -1.0 };
        let excess =
            |h: f64| p * (sign * h * failure).exp_m1() + (1.0 - p) * (sign * h * success).exp_m1();
        let mut high = 1.0;
        while excess(high) < 0.0 {
            high *= 2.0;
        }
        let mut low = 0.0;
        for _ in 0..200 {
            let middle = (low + high) / 2.0;
            // At 0 itself it is 0: what is so small counts as below.
            if excess(middle) < 0.0 || middle < 1e-12 { low = middle } else { high = middle }
        }
        sign * high
    }

    /// Canaries that fail a share `p` of their requests, one a customer of `trials`.
    ///
    /// # Panics
    /// If the share is not above 0 and below 1.
    #[track_caller]
    pub fn simulate(&self, p: f64, trials: Trials) -> SprtRun {
        inner("Sprt::simulate", "share that fails", p);
        let ((low, high), (failure, success)) = (self.bounds(), self.steps());
        let per_request = -(-p).ln_1p();
        let runs = replicate(trials.replications, |replication| {
            let mut random = Stream::new(trials.seed, replication, "requests");
            let (mut alarms, mut requests) = (0.0, 0.0);
            for _ in 0..trials.customers {
                crate::interrupt::tick();
                let mut sum = 0.0;
                loop {
                    // Successes up to the next failure; they may end it.
                    let successes = (random.exponential() / per_request).floor();
                    let until_pass = ((low - sum) / success).ceil().max(1.0);
                    if successes >= until_pass {
                        requests += until_pass;
                        break;
                    }
                    sum += successes * success + failure;
                    requests += successes + 1.0;
                    if sum >= high {
                        alarms += 1.0;
                        break;
                    }
                }
            }
            [alarms, requests].map(|sum| sum / trials.customers as f64)
        });
        let of = |part: usize| Estimate::of(&runs.iter().map(|run| run[part]).collect::<Vec<_>>());
        SprtRun { alarms: of(0), requests: of(1) }
    }
}
