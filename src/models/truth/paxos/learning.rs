//! Learning: what is taken for decided was chosen.

use super::single::{Ballot, Paxos};
use crate::state::cluster::Property;
use std::collections::{BTreeMap, BTreeSet};

/// A replica takes a value for decided only if a quorum of acceptors has accepted it in one ballot:
/// the third safety requirement of Lamport (2001, section 2.1).
#[derive(Clone, Debug, Default)]
pub struct Learning {
    /// Who accepted what in which ballot, as far as that was seen.
    votes: BTreeMap<(Ballot, i64), BTreeSet<usize>>,
}

impl Property<Paxos> for Learning {
    fn name(&self) -> &'static str {
        "learning (Lamport 2001, section 2.1)"
    }

    fn check(&mut self, node: usize, replicas: &[Paxos]) -> Result<(), String> {
        let replica = &replicas[node];
        if let Some(vote) = replica.accepted() {
            self.votes.entry(vote).or_default().insert(node);
        }
        let Some(decided) = replica.decided_value() else { return Ok(()) };
        let (_, quorum) = replica.quorum_sizes(replicas.len());
        let is_chosen = |((_, value), voters): (&(Ballot, i64), &BTreeSet<usize>)| -> bool {
            *value == decided && voters.len() >= quorum
        };
        match self.votes.iter().any(is_chosen) {
            true => Ok(()),
            false => Err(format!(
                "node {node} takes {decided} for decided, which no {quorum} acceptors have \
                 accepted in one ballot"
            )),
        }
    }
}
