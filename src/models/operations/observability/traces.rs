//! Sampling of traces: which of many requests are kept to be looked at.

use crate::operations::checks::{at_least, inner, probability};
use crate::sim::{Estimate, Stream, Trials, replicate};

/// Head sampling: whether a trace is kept is decided by chance when the request comes in, before
/// anybody knows what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeadSampling {
    rate: f64,
}

/// A request that came to its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TracedRequest {
    /// Whether it is one of the rare errors.
    pub is_error: bool,
}

/// What a simulation says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampled {
    /// The share of traces that are kept.
    pub kept: Estimate,
    /// The share of batches with at least one trace of an error kept, of those that had an error.
    pub caught: Estimate,
    /// The share of errors whose trace is kept.
    pub errors_kept: Estimate,
}

impl HeadSampling {
    /// Such a share of the traces.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn new(rate: f64) -> Self {
        Self { rate: probability("HeadSampling::new", "share of traces", rate) }
    }

    /// The probability that at least one of k errors is kept: 1 - (1 - s)^k.
    pub fn catches(&self, errors: usize) -> f64 {
        -(errors as f64 * (-self.rate).ln_1p()).exp_m1()
    }

    /// Errors that there must be for one of them to be kept with this probability.
    ///
    /// # Panics
    /// If it is not above 0 and below 1, or nothing or everything is kept.
    #[track_caller]
    pub fn needed(&self, with: f64) -> usize {
        const PLACE: &str = "HeadSampling::needed";
        inner(PLACE, "probability", with);
        inner(PLACE, "share of traces", self.rate);
        ((-with).ln_1p() / (-self.rate).ln_1p()).ceil() as usize
    }

    /// The standard error of the number of errors, counted from the traces that were kept and
    /// divided by the share, relative to it: sqrt((1 - s) / (s k)).
    ///
    /// # Panics
    /// If nothing is kept, or there is no error.
    #[track_caller]
    pub fn relative_error(&self, errors: usize) -> f64 {
        const PLACE: &str = "HeadSampling::relative_error";
        at_least(PLACE, "errors", 1, errors);
        crate::number::positive(PLACE, "share of traces", self.rate);
        ((1.0 - self.rate) / (self.rate * errors as f64)).sqrt()
    }

    /// The share of traces through so many services that are kept whole if each of them decides on
    /// its own: s^n. If the first decides for all, it is s.
    pub fn whole_if_each_decides(&self, services: u32) -> f64 {
        self.rate.powf(f64::from(services))
    }

    /// Batches of so many requests, each of which is an error with probability `errors`, one batch
    /// a customer of `trials`.
    ///
    /// # Panics
    /// If there are no requests, or the probability is not between 0 and 1.
    #[track_caller]
    pub fn simulate(&self, requests: usize, errors: f64, trials: Trials) -> Sampled {
        let rate = self.rate;
        Self::simulate_own(requests, errors, trials, move |_, random| random.uniform() < rate)
    }

    /// The same by the reader's own decision, made when the request has come to its end: tail
    /// sampling, as in `|trace, random| trace.is_error || random.uniform() < 0.01`.
    ///
    /// # Panics
    /// If there are no requests, or the probability is not between 0 and 1.
    #[track_caller]
    pub fn simulate_own(
        requests: usize,
        errors: f64,
        trials: Trials,
        keeps: impl Fn(&TracedRequest, &mut Stream) -> bool + Sync,
    ) -> Sampled {
        const PLACE: &str = "HeadSampling::simulate";
        at_least(PLACE, "requests", 1, requests);
        probability(PLACE, "share of errors", errors);
        let runs = replicate(trials.replications, |replication| {
            let mut outcomes = Stream::new(trials.seed, replication, "outcomes");
            let mut choices = Stream::new(trials.seed, replication, "sampling");
            let [mut kept, mut failed, mut both, mut had, mut caught] = [0.0; 5];
            for _ in 0..trials.customers {
                crate::interrupt::tick();
                let (mut here, mut kept_here) = (0.0, 0.0);
                for _ in 0..requests {
                    let trace = TracedRequest { is_error: outcomes.uniform() < errors };
                    let is_kept = keeps(&trace, &mut choices);
                    kept += f64::from(u8::from(is_kept));
                    here += f64::from(u8::from(trace.is_error));
                    kept_here += f64::from(u8::from(trace.is_error && is_kept));
                }
                failed += here;
                both += kept_here;
                had += f64::from(u8::from(here > 0.0));
                caught += f64::from(u8::from(kept_here > 0.0));
            }
            [kept, (requests * trials.customers) as f64, caught, had, both, failed]
        });
        let parts = |part: usize, of: usize| {
            Estimate::of_parts(&runs.iter().map(|run| (run[part], run[of])).collect::<Vec<_>>())
        };
        Sampled { kept: parts(0, 1), caught: parts(2, 3), errors_kept: parts(4, 5) }
    }
}
