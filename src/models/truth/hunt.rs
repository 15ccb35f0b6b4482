//! The search for a run in which a protocol does what it must not.

use crate::sim::replicate;
use crate::state::cluster::{Outcome, Replica, Scenario, Workload};
use crate::state::consistency::{Checker, Verdict};
use std::ops::Range;

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
/// or its clients' history is not linearizable. Each seed has its scenario, of which the run
/// number 0 is made.
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
            let what = wrong(&scenario.run(&replica, 0))?;
            Some(Finding { seed, scenario, what })
        });
        if let Some(finding) = found.into_iter().flatten().next() {
            return Some(finding);
        }
        next += count;
    }
    None
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
