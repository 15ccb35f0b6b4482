//! What the replicas of PBFT tell each other.

use crate::state::consistency::RegisterReply;
use crate::truth::paxos::Command;
use std::fmt;

/// That a request was prepared in a slot: a proof, which nobody can forge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Certificate {
    /// In which slot.
    pub slot: u64,
    /// In which view.
    pub view: u64,
    /// What.
    pub command: Command,
}

/// What a replica brings along into a new view.
#[derive(Clone, Debug, PartialEq)]
pub struct Baggage {
    /// All slots below this are known to be carried out by a quorum (the low water mark).
    pub stable: u64,
    /// It has itself carried out all slots below this.
    pub applied: u64,
    /// What it has prepared from `stable` on.
    pub prepared: Vec<Certificate>,
}

/// Messages of Castro and Liskov (1999, sections 4.2 to 4.4). The simulation vouches for the sender
/// of each, as their authenticators do, for clients' requests, and for certificates: those of slots
/// that were prepared, those of slots that are stable (their checkpoints), and the wishes that a
/// new view shows. No traitor forges any of them here.
#[derive(Clone, PartialEq)]
pub enum PbftMessage {
    /// A client asks.
    Request { command: Command },
    /// The primary puts a request into a slot.
    PrePrepare { view: u64, slot: u64, command: Command },
    /// A backup has heard of it.
    Prepare { view: u64, slot: u64, command: Command },
    /// A replica has seen that a quorum has.
    Commit { view: u64, slot: u64, command: Command },
    /// To the client at a node: what came of its request.
    Reply { number: usize, reply: RegisterReply },
    /// Let us have the next primary.
    ViewChange { view: u64, baggage: Baggage },
    /// The next primary begins, and shows who wanted it, with what they brought.
    NewView { view: u64, votes: Vec<(usize, Baggage)> },
    /// I lack the slots from this on.
    Lacks { from: u64 },
    /// This is in the slot for ever.
    Committed { slot: u64, command: Command },
}

/// As a space-time diagram has room for: "pre-prepare 3: write k0 7", "commit 3, view 1".
impl fmt::Debug for PbftMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The first view is not worth saying.
        let of = |view: u64| if view == 0 { String::new() } else { format!(", view {view}") };
        match self {
            Self::Request { command } => write!(f, "ask: {command}"),
            Self::PrePrepare { view, slot, command } => {
                write!(f, "pre-prepare {slot}{}: {command}", of(*view))
            }
            Self::Prepare { view, slot, command } => {
                write!(f, "prepare {slot}{}: {command}", of(*view))
            }
            Self::Commit { view, slot, command } => {
                write!(f, "commit {slot}{}: {command}", of(*view))
            }
            Self::Reply { reply, .. } => write!(f, "reply: {reply}"),
            Self::ViewChange { view, .. } => write!(f, "view {view}?"),
            Self::NewView { view, .. } => write!(f, "view {view} begins"),
            Self::Lacks { from } => write!(f, "lacks {from} and later"),
            Self::Committed { slot, command } => write!(f, "has {slot}: {command}"),
        }
    }
}
