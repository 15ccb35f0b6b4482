//! The authors' way to find the time for a probability, and what it finds.

use super::pbs::Pbs;
use super::simulate::Messages;
use crate::number::{fraction, positive};
use crate::progress::Task;
use crate::sim::{Stream, replicate};
use statrs::function::beta::beta_reg;

/// The law of the time that [`Pbs::scan`] finds, without a scan.
#[derive(Clone, Debug, PartialEq)]
pub struct FirstPassage {
    /// The time from which on the probability is reached in truth.
    pub exact: f64,
    /// The mean of what is found.
    pub mean: f64,
    /// What is found lies between these two times in 95 of 100 scans.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The times at which a scan can end; the others have hardly a chance.
    pub times: Vec<f64>,
    /// The probability that it ends there.
    pub chances: Vec<f64>,
}

impl FirstPassage {
    /// How much later than the truth a scan ends on average; below 0, as a rule.
    pub fn bias(&self) -> f64 {
        self.mean - self.exact
    }
}

impl Pbs {
    /// The time for a consistency of `p` as the authors' published program finds it: at t = 0,
    /// `step`, 2 `step` and so on it simulates so many trials, and ends where a fraction `p` of
    /// these is consistent for the first time. Each step is one more chance to end too early, so
    /// that the time is too short, the more so the smaller the steps are.
    ///
    /// # Panics
    /// If `p` is not at least 0 and below 1, `step` is not a positive number, or there is no
    /// trial; without latencies.
    #[track_caller]
    pub fn scan(&self, p: f64, step: f64, trials: usize, seed: u64) -> f64 {
        /// Steps that are simulated side by side.
        const SIDE_BY_SIDE: usize = 16;
        let allowed = allowed("Pbs::scan", p, step, trials);
        let messages = Messages::of(self.wars("Pbs::scan"));
        let passes = |number: u64| {
            let t = number as f64 * step;
            let streams = ["scan", "places of a scan", "no repair"];
            let streams = streams.map(|name| Stream::new(seed, number, name));
            let mut stale = 0;
            // More stale reads would not change the outcome.
            self.trials(&messages, streams, trials, None, |fresh_after, _, _| {
                stale += usize::from(fresh_after > t);
                stale <= allowed
            });
            stale <= allowed
        };
        let mut begun = 0;
        let task = Task::begin("steps", None);
        loop {
            let passed = replicate(SIDE_BY_SIDE, |number| passes(begun + number));
            if let Some(first) = passed.iter().position(|passed| *passed) {
                return (begun + first as u64) as f64 * step;
            }
            begun += SIDE_BY_SIDE as u64;
            task.step();
        }
    }

    /// What [`Pbs::scan`] finds, as a law: that a scan ends at a step is the probability that it
    /// has not ended before and that no more than the allowed trials are stale there, which is
    /// binomial with the exact probability of [`Pbs::consistent`].
    ///
    /// # Panics
    /// As [`Pbs::scan`] and [`Pbs::consistent`].
    #[track_caller]
    pub fn first_passage(&self, p: f64, step: f64, trials: usize) -> FirstPassage {
        /// Chances that are left out.
        const HARDLY: f64 = 1e-9;
        let allowed = allowed("Pbs::first_passage", p, step, trials);
        let exact = self.t_for(p);
        let passes = |number: u64| {
            let stale = 1.0 - self.consistent(number as f64 * step);
            at_most(allowed, trials, stale)
        };
        // The first step with a chance worth a word.
        let (mut before, mut first) = (0, (exact / step) as u64 + 1);
        while before < first {
            let middle = (before + first) / 2;
            if passes(middle) < HARDLY { before = middle + 1 } else { first = middle }
        }
        let (mut times, mut chances, mut left) = (vec![], vec![], 1.0);
        for number in first.. {
            let chance = left * passes(number);
            times.push(number as f64 * step);
            chances.push(chance);
            left -= chance;
            if left <= HARDLY {
                break;
            }
        }
        let mean = times.iter().zip(&chances).map(|(t, chance)| t * chance).sum::<f64>();
        let quantile = |p: f64| {
            let mut sum = 0.0;
            let at = chances.iter().position(|chance| {
                sum += chance;
                sum >= p
            });
            times[at.unwrap_or(times.len() - 1)]
        };
        let (low, high) = (quantile(0.025), quantile(0.975));
        FirstPassage { exact, mean: mean / (1.0 - left), low, high, times, chances }
    }
}

/// How many of so many trials may be stale.
#[track_caller]
fn allowed(place: &str, p: f64, step: f64, trials: usize) -> usize {
    fraction(place, p);
    positive(place, "step", step);
    assert!(
        trials >= 1,
        "{place}: there must be at least 1 trial a step, but there are 0; the authors took 50,000"
    );
    let mut allowed = ((1.0 - p) * trials as f64).round() as usize;
    while (trials - allowed) as f64 / (trials as f64) < p {
        allowed -= 1;
    }
    allowed
}

/// The probability that at most so many of so many trials have what each has with probability `p`.
fn at_most(count: usize, trials: usize, p: f64) -> f64 {
    if p <= 0.0 || count >= trials {
        return 1.0;
    }
    beta_reg((trials - count) as f64, count as f64 + 1.0, 1.0 - p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_trials_that_are_allowed() {
        let cases =
            [(0.999, 50_000, 50), (0.999, 1000, 1), (0.999, 999, 0), (0.5, 3, 1), (0.0, 4, 4)];
        for (p, trials, count) in cases {
            assert_eq!(allowed("here", p, 1.0, trials), count, "{p} of {trials}");
        }
    }

    #[test]
    fn binomial_tails_by_hand() {
        // (1 - p)^3 + 3 p (1 - p)^2 with p = 0.2.
        assert!((at_most(1, 3, 0.2) - 0.896).abs() < 1e-12);
        assert_eq!((at_most(3, 3, 0.2), at_most(0, 3, 0.0)), (1.0, 1.0));
    }
}
