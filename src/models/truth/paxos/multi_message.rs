//! What the replicas of multi-Paxos tell each other.

use super::command::Command;
use super::single::Ballot;

/// What replicas tell each other.
#[derive(Clone, Debug, PartialEq)]
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
