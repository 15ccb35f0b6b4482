//! What a replicated log holds, and the store that it makes.

use crate::state::consistency::{KeyValueCall, RegisterCall, RegisterReply};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// An entry of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// No-op: it fills a slot that nobody is known to have filled.
    Nothing,
    /// A client's call, with the node where it was asked and that node's number for it.
    Call {
        /// Where it was asked.
        node: usize,
        /// By which number.
        number: usize,
        /// What.
        call: KeyValueCall,
    },
}

/// As "write k0 7", "no-op".
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => write!(f, "no-op"),
            Self::Call { call, .. } => write!(f, "{call}"),
        }
    }
}

/// A replica whose log others have too: what its properties are asked of.
pub trait ReplicatedLog {
    /// By its slot what the replica holds to be in the log for ever.
    fn log(&self) -> &BTreeMap<u64, Command>;

    /// How many slots it has carried out, from 0 on, without a gap.
    fn applied(&self) -> u64;

    /// What its clients have asked, by its number.
    fn asked(&self) -> &[KeyValueCall];

    /// Whether it follows the protocol. Of one that lies nothing is asked.
    fn is_honest(&self) -> bool {
        true
    }
}

/// The key-value store that a log makes. A command that stands in the log twice is carried out
/// once.
#[derive(Clone, Debug, Default)]
pub struct Store {
    held: BTreeMap<u64, i64>,
    done: BTreeSet<(usize, usize)>,
    applied: u64,
}

impl Store {
    /// How many slots are carried out.
    pub const fn applied(&self) -> u64 {
        self.applied
    }

    /// Carries out the next slot; returns who is to be told what, if it is a call that was not
    /// carried out before.
    pub fn apply(&mut self, command: &Command) -> Option<(usize, usize, RegisterReply)> {
        self.applied += 1;
        let Command::Call { node, number, call: KeyValueCall { key, call } } = *command else {
            return None;
        };
        if !self.done.insert((node, number)) {
            return None;
        }
        let held = self.held.get(&key).copied();
        let (value, reply) = match call {
            RegisterCall::Read => (None, RegisterReply::Value(held)),
            RegisterCall::Write(value) => (Some(value), RegisterReply::Written),
            RegisterCall::CompareAndSet(from, to) => {
                let swaps = held == Some(from);
                (swaps.then_some(to), RegisterReply::Swapped(swaps))
            }
        };
        if let Some(value) = value {
            self.held.insert(key, value);
        }
        Some((node, number, reply))
    }
}
