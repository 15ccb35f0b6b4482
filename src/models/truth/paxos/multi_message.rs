//! What the replicas of multi-Paxos tell each other.

use super::command::Command;
use super::single::Ballot;
use std::fmt;

/// What replicas tell each other.
#[derive(Clone, PartialEq)]
pub enum MultiPaxosMessage {
    /// A client's call, to whom is taken for the leader.
    Forward { command: Command },
    /// Phase 1a, for all slots from one on.
    Prepare { ballot: Ballot, from: u64 },
    /// Phase 1b: by slot what was accepted in which ballot.
    Promise { ballot: Ballot, accepted: Vec<(u64, Ballot, Command)> },
    /// Phase 2a.
    Accept { ballot: Ballot, slot: u64, command: Command },
    /// Phase 2b.
    Accepted { ballot: Ballot, slot: u64 },
    /// A higher ballot has been promised.
    Refused { promised: Ballot },
    /// This is in the slot for ever.
    Chosen { slot: u64, command: Command },
    /// I lead, and have carried out so many slots.
    Leads { ballot: Ballot, applied: u64 },
    /// I lack the slots from this on.
    Lacks { from: u64 },
}

/// As a space-time diagram has room for: "accept 3 in 1.0: write k0 7". A ballot is a counter and
/// a node.
impl fmt::Debug for MultiPaxosMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |(count, node): Ballot| format!("{count}.{node}");
        match self {
            Self::Forward { command } => write!(f, "ask: {command}"),
            Self::Prepare { ballot, from } => write!(f, "prepare {} from {from}", of(*ballot)),
            Self::Promise { ballot, accepted } => {
                write!(f, "promise {}, {} accepted", of(*ballot), accepted.len())
            }
            Self::Accept { ballot, slot, command } => {
                write!(f, "accept {slot} in {}: {command}", of(*ballot))
            }
            Self::Accepted { ballot, slot } => write!(f, "accepted {slot} in {}", of(*ballot)),
            Self::Refused { promised } => write!(f, "promised {}", of(*promised)),
            Self::Chosen { slot, command } => write!(f, "chosen {slot}: {command}"),
            Self::Leads { ballot, .. } => write!(f, "leads by {}", of(*ballot)),
            Self::Lacks { from } => write!(f, "lacks {from} and later"),
        }
    }
}
