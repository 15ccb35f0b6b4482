//! From a scenario in which something goes wrong to the smallest in which it still does, and to the
//! shortest schedule that shows it (delta debugging: Zeller and Hildebrandt, 2002; of schedules of
//! distributed systems: Scott and others, 2016).

use crate::sim::replicate;
use crate::state::cluster::{Outcome, Replica, Scenario, Schedule};

/// A scenario that cannot be made smaller by one step, as far as is known, a run of it that goes
/// wrong: `shrunk.scenario.run(replica, shrunk.run)`; and of that run the steps without which it
/// would not: `shrunk.schedule.run(replica)`.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The scenario.
    pub scenario: Scenario,
    /// The number of the run.
    pub run: u64,
    /// Steps of the run that go wrong by themselves. If any one of them is left out, the others do
    /// not.
    pub schedule: Schedule,
    /// How many runs were made to find it.
    pub tried: usize,
}

/// A smaller scenario has other random numbers: so many of its runs are tried.
const RUNS: usize = 32;

/// Of the smallest scenario so many runs are made.
const LAST: usize = 256;

/// So many of those that fail, with the fewest messages, are made as short as can be.
const SHORTENED: usize = 8;

/// When so many runs were made, it is left at what was found.
const MOST: usize = 100_000;

/// Takes away faults, clients, losses and time as long as one of a few runs still `fails`; then,
/// from the runs of what is left that fail with the fewest messages, step after step: messages that
/// arrived, timers that rang, calls, crashes. The shortest that is found is returned, which has no
/// more steps than the run that it began with. The run with this number must fail. What it finds
/// depends on nothing but its arguments.
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
    let (mut smallest, mut first, mut tried) = (scenario.clone(), run, 1);
    'smaller: while tried < MOST {
        for scenario in smallest.simpler() {
            tried += RUNS;
            let found = failing(&scenario, RUNS).iter().position(Option::is_some);
            if let Some(run) = found {
                (smallest, first) = (scenario, run as u64);
                continue 'smaller;
            }
        }
        break;
    }
    tried += LAST;
    let messages = failing(&smallest, LAST);
    let mut fewest: Vec<(u64, u64)> =
        messages.iter().zip(0..).filter_map(|(messages, run)| Some(((*messages)?, run))).collect();
    fewest.sort_unstable();
    let mut runs: Vec<u64> = fewest.iter().take(SHORTENED).map(|(_, run)| *run).collect();
    if runs.is_empty() {
        runs.push(first);
    }
    let of_all = Schedule::of(scenario, &replica, run).len();
    let shortened = |scenario: &Scenario, run: u64| shortest(scenario, &replica, run, &fails);
    let all = replicate(runs.len(), |at| shortened(&smallest, runs[at as usize]));
    tried += all.iter().map(|(_, tried)| tried).sum::<usize>();
    let best = (0..).zip(&all).min_by_key(|(_, (schedule, _))| schedule.len());
    match best {
        Some((at, (schedule, _))) if schedule.len() <= of_all => {
            let (run, schedule) = (runs[at], schedule.clone());
            Shrunk { scenario: smallest, run, schedule, tried }
        }
        _ => {
            let (schedule, more) = shortened(scenario, run);
            Shrunk { scenario: scenario.clone(), run, schedule, tried: tried + more }
        }
    }
}

/// Of a run that fails the steps of which none can be left out, and how many runs were made to find
/// them. Larger parts are tried first, and later ones before earlier ones, on which they may depend.
fn shortest<R: Replica>(
    scenario: &Scenario,
    replica: &(impl Fn(usize) -> R + Sync),
    run: u64,
    fails: &(impl Fn(&Outcome<R::Object>) -> bool + Sync),
) -> (Schedule, usize) {
    let mut schedule = Schedule::of(scenario, replica, run);
    let mut size = schedule.len().div_ceil(2);
    let (mut tried, mut before) = (1, schedule.len());
    loop {
        let (mut end, mut is_shorter) = (schedule.len(), false);
        while end > 0 {
            crate::interrupt::tick();
            let start = end.saturating_sub(size);
            let (outcome, _, taken) = R::follow(&schedule.without(start..end), replica, false);
            tried += 1;
            if fails(&outcome) {
                (schedule, is_shorter) = (taken, true);
            }
            end = start.min(schedule.len());
        }
        if size <= 1 && !is_shorter {
            // What was left out since may have been what larger parts were needed for.
            if schedule.len() == before {
                return (schedule, tried);
            }
            before = schedule.len();
            size = before;
        }
        size = size.div_ceil(2).max(1);
    }
}
