//! From a scenario in which something goes wrong to the smallest in which it still does (delta
//! debugging; Zeller and Hildebrandt, 2002).

use crate::sim::replicate;
use crate::state::cluster::{Outcome, Replica, Scenario};

/// A scenario that cannot be made smaller by one step, as far as is known, and a run of it that
/// goes wrong: `shrunk.scenario.run(replica, shrunk.run)`.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The scenario.
    pub scenario: Scenario,
    /// The number of the run.
    pub run: u64,
    /// How many runs were made to find it.
    pub tried: usize,
}

/// A smaller scenario has other random numbers: so many of its runs are tried.
const RUNS: usize = 32;

/// Of the smallest scenario so many runs are made, and the one with the fewest messages is taken.
const LAST: usize = 256;

/// When so many runs were made, it is left at what was found.
const MOST: usize = 100_000;

/// Takes away faults, clients, losses and time as long as one of a few runs still `fails`; in the
/// end, of the runs that do, the one with the fewest messages. The run with this number must. What
/// it finds depends on nothing but its arguments.
///
/// # Panics
/// If the run does not fail.
#[track_caller]
pub fn shrink<R: Replica>(
    scenario: &Scenario,
    replica: impl Fn(usize) -> R + Sync,
    run: u64,
    fails: impl Fn(&Outcome<R::Object>) -> bool + Sync,
) -> Shrunk {
    assert!(
        fails(&scenario.run(&replica, run)),
        "shrink: run {run} of the scenario does not fail; give the number of one that does"
    );
    // Messages of the runs that fail, by the number of the run.
    let failing = |scenario: &Scenario, runs: usize| -> Vec<Option<u64>> {
        replicate(runs, |run| {
            let outcome = scenario.run(&replica, run);
            fails(&outcome).then_some(outcome.messages.1)
        })
    };
    let mut smallest = Shrunk { scenario: scenario.clone(), run, tried: 1 };
    'smaller: while smallest.tried < MOST {
        for scenario in smallest.scenario.simpler() {
            smallest.tried += RUNS;
            let found = failing(&scenario, RUNS).iter().position(Option::is_some);
            if let Some(run) = found {
                (smallest.scenario, smallest.run) = (scenario, run as u64);
                continue 'smaller;
            }
        }
        break;
    }
    smallest.tried += LAST;
    let messages = failing(&smallest.scenario, LAST);
    let fewest = (0..).zip(messages).filter_map(|(run, messages)| Some((messages?, run)));
    if let Some((_, run)) = fewest.min() {
        smallest.run = run;
    }
    smallest
}
