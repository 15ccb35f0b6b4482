//! What a replica of PBFT knows of each slot, and what a new view begins with.

use super::message::{Baggage, Certificate};
use crate::truth::paxos::Command;
use std::collections::{BTreeMap, BTreeSet};

/// Who voted for what in which view; each sender once for the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Votes(Vec<(usize, u64, Command)>);

impl Votes {
    pub fn add(&mut self, from: usize, view: u64, command: Command) {
        if !self.0.contains(&(from, view, command)) {
            self.0.push((from, view, command));
        }
    }

    pub fn count(&self, view: u64, command: Command) -> usize {
        self.0.iter().filter(|(_, at, what)| (*at, *what) == (view, command)).count()
    }

    /// Votes of earlier views count no more.
    pub fn forget_before(&mut self, view: u64) {
        self.0.retain(|(_, at, _)| *at >= view);
    }
}

/// A slot, as one replica knows it.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    /// What the primary put there, in which view: the first that it said.
    pub accepted: Option<(u64, Command)>,
    /// What a quorum has heard of, in the highest view.
    pub prepared: Option<(u64, Command)>,
    pub prepares: Votes,
    pub commits: Votes,
    /// With whom one that equivocates has agreed, in which view.
    pub flattered: BTreeSet<(usize, u64)>,
}

/// Where a new view begins, and what it puts into the slots from there on: what may have been
/// committed in an earlier view, no-ops between (Castro and Liskov, 1999, section 4.4).
pub(super) fn begin(votes: &[(usize, Baggage)], quorum: usize) -> (u64, Vec<Command>) {
    let mut applied: Vec<u64> = votes.iter().map(|(_, baggage)| baggage.applied).collect();
    applied.sort_unstable_by(|a, b| b.cmp(a));
    let by_quorum = applied.get(quorum - 1).copied().unwrap_or(0);
    let stable = votes.iter().map(|(_, baggage)| baggage.stable).max().unwrap_or(0).max(by_quorum);
    let mut highest: BTreeMap<u64, (u64, Command)> = BTreeMap::new();
    for Certificate { slot, view, command } in
        votes.iter().flat_map(|(_, baggage)| baggage.prepared.iter().copied())
    {
        let held = highest.entry(slot).or_insert((view, command));
        if view > held.0 {
            *held = (view, command);
        }
    }
    let end = highest.keys().next_back().map_or(stable, |slot| stable.max(slot + 1));
    let command = |slot: u64| highest.get(&slot).map_or(Command::Nothing, |(_, command)| *command);
    (stable, (stable..end).map(command).collect())
}
