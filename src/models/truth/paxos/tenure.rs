//! Who led when.

use super::multi::MultiPaxos;
use super::single::Ballot;
use crate::sim::{Estimate, replicate};
use crate::state::cluster::Scenario;
use std::sync::{Arc, Mutex, PoisonError};

/// A leader takes over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tenure {
    /// When, in milliseconds, by the leader's clock.
    pub at: f64,
    /// The ballot in which it was elected: a counter and the leader.
    pub ballot: Ballot,
}

/// Of each run its leaders, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Tenures(pub Vec<Vec<Tenure>>);

/// Watches the leaders in so many runs: replica k is `replica(k)`.
///
/// # Panics
/// If there are fewer than 2 runs.
#[track_caller]
pub fn tenures(
    scenario: &Scenario,
    replica: impl Fn(usize) -> MultiPaxos + Sync,
    runs: usize,
) -> Tenures {
    assert!(runs >= 2, "tenures: there must be at least 2 runs, but there are {runs}");
    Tenures(replicate(runs, |run| {
        let chronicle = Chronicle::default();
        scenario.run(|node| replica(node).in_chronicle(chronicle.clone()), run);
        let mut tenures = chronicle.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *tenures)
    }))
}

impl Tenures {
    /// How long after a time the next leader took over, in milliseconds, where one did.
    ///
    /// # Panics
    /// If it happened in fewer than 2 runs.
    #[track_caller]
    pub fn next_after(&self, time: f64) -> Estimate {
        let next = |run: &Vec<Tenure>| run.iter().map(|it| it.at - time).find(|after| *after > 0.0);
        let values: Vec<f64> = self.0.iter().filter_map(next).collect();
        assert!(
            values.len() >= 2,
            "Tenures::next_after: a leader took over after {time} ms in {} of {} runs, and a mean \
             needs 2; let the leader crash then by Scenario::crash",
            values.len(),
            self.0.len()
        );
        Estimate::of(&values)
    }
}

/// Where the replicas of a run write down who leads. Nothing is ever read from it in a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Chronicle(Arc<Mutex<Vec<Tenure>>>);

impl Chronicle {
    pub fn leads(&self, at: f64, ballot: Ballot) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Tenure { at, ballot });
    }
}
