//! The search for a run in which a protocol does what it must not.

use crate::interrupt::Interrupted;
use crate::sim::replicate;
use crate::state::cluster::{Outcome, Replica, Scenario, Workload};
use crate::state::consistency::{Checker, Verdict};
use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// A run that went wrong.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The seed that it was found by.
    pub seed: u64,
    /// Its scenario: `scenario.run(replica, 0)` is the run.
    pub scenario: Scenario,
    /// What is wrong.
    pub what: String,
}

/// So many runs are made before it is asked whether one of them went wrong.
const BATCH: u64 = 64;

/// The first seed, of these, by which a protocol goes wrong: one of its properties does not hold,
/// its clients' history is not linearizable, or it panics. Each seed has its scenario, of which the
/// run number 0 is made.
///
/// # Panics
/// If the protocol says that it cannot work in such a scenario.
pub fn hunt<R: Replica>(
    scenario: impl Fn(u64) -> Scenario + Sync,
    replica: impl Fn(usize) -> R + Sync,
    seeds: Range<u64>,
) -> Option<Finding> {
    let mut next = seeds.start;
    while next < seeds.end {
        let count = BATCH.min(seeds.end - next);
        let found = replicate(count as usize, |number| {
            let seed = next + number;
            let scenario = scenario(seed).seed(seed);
            // A setting that does not suit it is the caller's mistake, not the protocol's.
            let setting = scenario.setting();
            (0..setting.nodes).for_each(|node| replica(node).check(setting));
            let run = || scenario.run(&replica, 0);
            let what = match catch_unwind(AssertUnwindSafe(run)) {
                Ok(outcome) => wrong(&outcome)?,
                Err(payload) => panicked(payload),
            };
            Some(Finding { seed, scenario, what })
        });
        if let Some(finding) = found.into_iter().flatten().next() {
            return Some(finding);
        }
        next += count;
    }
    None
}

/// What a protocol said that panicked. An interrupt goes on.
fn panicked(payload: Box<dyn Any + Send>) -> String {
    if payload.is::<Interrupted>() {
        resume_unwind(payload);
    }
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or(payload.downcast_ref::<&str>().copied()).unwrap_or("not a text");
    format!("it panicked: {text}")
}

/// What is wrong with a run, if anything: a property that did not hold, or a history that is not
/// linearizable (or was too much for the checker).
pub fn wrong<O: Workload>(outcome: &Outcome<O>) -> Option<String> {
    if let Some(broken) = &outcome.broken {
        return Some(format!("{}, at {:.1} ms: {}", broken.property, broken.at, broken.what));
    }
    match Checker::new().check(&O::default(), &outcome.history) {
        Verdict::Linearizable { .. } => None,
        Verdict::Violation(violation) => {
            let operation = &outcome.history.operations()[violation.unplaced];
            Some(format!("not linearizable, at {:.1} ms: {operation}", violation.at))
        }
        Verdict::Unknown { visited, .. } => {
            Some(format!("not judged: the checker gave up after {visited} configurations"))
        }
    }
}
