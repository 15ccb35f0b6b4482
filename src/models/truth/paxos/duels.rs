//! How long it takes proposers who duel to decide.

use super::single::{Ballot, Paxos};
use crate::sim::{Estimate, replicate};
use crate::state::cluster::Scenario;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How the first decision of a run came about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// How long after the first ballot began a proposer knew, in milliseconds.
    pub time: f64,
    /// The ballots that all proposers had begun by then, the last one included.
    pub ballots: u64,
    /// The messages that all had sent to others by then.
    pub messages: u64,
    /// The ballot in which it was decided.
    pub ballot: Ballot,
}

/// Runs of one scenario, and the first decision of each; nothing in a run that decided nothing as
/// long as it was watched.
#[derive(Clone, Debug, PartialEq)]
pub struct Duels(pub Vec<Option<Decision>>);

/// Watches the first decision in each of so many runs: replica k is `replica(k)`.
///
/// # Panics
/// If there are fewer than 2 runs.
#[track_caller]
pub fn duels(scenario: &Scenario, replica: impl Fn(usize) -> Paxos + Sync, runs: usize) -> Duels {
    assert!(runs >= 2, "duels: there must be at least 2 runs, but there are {runs}");
    Duels(replicate(runs, |run| {
        let sheet = Sheet::default();
        scenario.run(|node| replica(node).on(sheet.clone()), run);
        sheet.write().decision
    }))
}

impl Duels {
    /// The part of the runs that decided.
    pub fn decided(&self) -> Estimate {
        let decided = self.0.iter().map(|run| f64::from(u8::from(run.is_some())));
        Estimate::of(&decided.collect::<Vec<_>>())
    }

    /// The time from the first ballot to the decision, in milliseconds, where there was one.
    ///
    /// # Panics
    /// If fewer than 2 runs decided; so do the following.
    #[track_caller]
    pub fn time(&self) -> Estimate {
        self.over("Duels::time", |decision| decision.time)
    }

    /// Ballots until the decision.
    #[track_caller]
    pub fn ballots(&self) -> Estimate {
        self.over("Duels::ballots", |decision| decision.ballots as f64)
    }

    /// Messages until the decision.
    #[track_caller]
    pub fn messages(&self) -> Estimate {
        self.over("Duels::messages", |decision| decision.messages as f64)
    }

    #[track_caller]
    fn over(&self, place: &str, measure: impl Fn(&Decision) -> f64) -> Estimate {
        let values: Vec<f64> = self.0.iter().flatten().map(measure).collect();
        assert!(
            values.len() >= 2,
            "{place}: only {} of {} runs decided, and a mean needs 2; let proposers back off, or \
             watch for longer by Scenario::until",
            values.len(),
            self.0.len()
        );
        Estimate::of(&values)
    }
}

/// Where the replicas of a run write down what is counted of it. It is no part of the protocol:
/// nothing is ever read from it.
#[derive(Clone, Debug, Default)]
pub(super) struct Sheet(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    begun: Option<f64>,
    ballots: u64,
    messages: u64,
    decision: Option<Decision>,
}

impl Sheet {
    fn write(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn sends(&self, count: u64) {
        self.write().messages += count;
    }

    pub fn begins(&self, now: f64) {
        let mut counts = self.write();
        counts.begun.get_or_insert(now);
        counts.ballots += 1;
    }

    pub fn decides(&self, now: f64, ballot: Ballot) {
        let mut counts = self.write();
        let Counts { ballots, messages, .. } = *counts;
        let time = now - counts.begun.unwrap_or(now);
        counts.decision.get_or_insert(Decision { time, ballots, messages, ballot });
    }
}
