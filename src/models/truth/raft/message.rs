//! What replicas tell each other.

use super::log::{ClientCommand, Entry};
use super::store::Snapshot;
use crate::state::consistency::RegisterReply;
use std::fmt;
use std::sync::Arc;

/// What replicas tell each other. `sent` is the leader's clock when it sent what is answered: by
/// it an answer tells since when its sender has known no later leader.
#[derive(Clone, PartialEq)]
pub enum RaftMessage {
    /// A candidate asks for a vote; with `is_pre` only whether it would be given (Ongaro 2014,
    /// section 9.6).
    RequestVote { term: u64, last_index: u64, last_term: u64, is_pre: bool },
    /// The answer.
    Vote { term: u64, is_granted: bool, is_pre: bool },
    /// The leader's entries after one, often none; and how far they are committed.
    Append {
        term: u64,
        sent: f64,
        previous_index: u64,
        previous_term: u64,
        entries: Vec<Entry>,
        commit: u64,
    },
    /// The log is the leader's up to here.
    Appended { term: u64, sent: f64, matched: u64 },
    /// It is not at the entry before: there is another of this term (or none), and nothing before
    /// this index can be ruled out.
    Conflict { term: u64, sent: f64, previous_index: u64, other_term: Option<u64>, index: u64 },
    /// What the leader's log has forgotten.
    InstallSnapshot { term: u64, sent: f64, snapshot: Arc<Snapshot> },
    /// A client's command, for the leader.
    Forward(ClientCommand),
    /// The reply to it, by session and serial number.
    Reply { session: u64, serial: u64, reply: RegisterReply },
}

/// As a space-time diagram has room for: "append 2, term 3, after 7".
impl fmt::Debug for RaftMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pre = |is_pre: bool| if is_pre { "pre-" } else { "" };
        match self {
            Self::RequestVote { term, is_pre, .. } => {
                write!(f, "{}vote for term {term}?", pre(*is_pre))
            }
            Self::Vote { term, is_granted: true, is_pre } => {
                write!(f, "{}vote for term {term}", pre(*is_pre))
            }
            Self::Vote { term, is_granted: false, .. } => write!(f, "no vote, term {term}"),
            Self::Append { term, entries, previous_index, .. } if entries.is_empty() => {
                write!(f, "heartbeat, term {term}, after {previous_index}")
            }
            Self::Append { term, entries, previous_index, .. } => {
                write!(f, "append {}, term {term}, after {previous_index}", entries.len())
            }
            Self::Appended { matched, .. } => write!(f, "have up to {matched}"),
            Self::Conflict { term, previous_index, .. } => {
                write!(f, "not at {previous_index}, term {term}")
            }
            Self::InstallSnapshot { snapshot, .. } => write!(f, "snapshot of {}", snapshot.index),
            Self::Forward(command) => write!(f, "ask: {}", command.call),
            Self::Reply { reply, .. } => write!(f, "reply: {reply}"),
        }
    }
}
