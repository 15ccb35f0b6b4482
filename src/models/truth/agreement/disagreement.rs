//! The shortest way to a disagreement.

use super::bivalence::Run;
use super::configuration::{Configuration, Message};
use super::voting::Voting;
use crate::state::cluster::{LocalEvent, SpaceTime};
use std::collections::{BTreeSet, VecDeque};

/// More configurations than this are not looked at.
const LIMIT: usize = 300_000;

/// Messages by which two processes come to decide differently, as few as there can be.
#[derive(Clone, Debug, PartialEq)]
pub struct Disagreement {
    /// How many messages arrive.
    pub steps: usize,
    /// The run. A step takes a unit of time; the last decision is marked.
    pub drawn: SpaceTime,
}

/// Breadth first, within the phases before `last`.
pub(super) fn disagreement(
    initial: Configuration,
    voting: Voting,
    last: u32,
) -> Option<Disagreement> {
    let first = initial.clone().canonical();
    let mut seen = BTreeSet::from([first.clone()]);
    let mut queue = VecDeque::from([(first, vec![])]);
    while let Some((configuration, path)) = queue.pop_front() {
        crate::interrupt::tick();
        if configuration.disagrees() {
            return Some(drawn(initial, voting, &path));
        }
        assert!(
            seen.len() <= LIMIT,
            "Voters::disagreement: more than {LIMIT} configurations can be reached; explore fewer \
             rounds, or fewer processes"
        );
        for index in configuration.awaited() {
            let message = configuration.messages[index];
            if configuration.processes[message.to].phase >= last {
                continue;
            }
            for coin in [0, 1] {
                let mut next = configuration.clone();
                let step = next.deliver(index, voting, |_| coin);
                let next = next.canonical();
                if (coin == 0 || step.is_tossed) && seen.insert(next.clone()) {
                    queue.push_back((next, [&path[..], &[(message, coin)]].concat()));
                }
            }
        }
    }
    None
}

fn drawn(initial: Configuration, voting: Voting, path: &[(Message, u8)]) -> Disagreement {
    let mut run = Run::new(initial);
    for (number, (message, coin)) in path.iter().enumerate() {
        let Some(at) = run.configuration.messages.iter().position(|it| it == message) else {
            continue;
        };
        let before = run.configuration.processes[message.to].decided;
        run.deliver(at, voting, *coin);
        let process = message.to;
        let after = run.configuration.processes[process].decided;
        if let (None, Some(decided)) = (before, after) {
            let label = format!("decides {decided}");
            let is_marked = number + 1 == path.len();
            let time = number as f64 + 1.0;
            run.drawn.events.push(LocalEvent { process, time, label, is_marked });
        }
    }
    Disagreement { steps: path.len(), drawn: run.drawn }
}
