//! The state machine: a key-value store, and what clients have been answered.

use super::log::{ClientCommand, Command, CommandId};
use super::members::Members;
use crate::state::consistency::{KeyValueCall, RegisterCall, RegisterReply};
use std::collections::BTreeMap;

/// What the entries up to one have made of an empty store.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Store {
    /// The index of the last entry that was applied.
    pub applied: u64,
    values: BTreeMap<u64, i64>,
    /// By node and session.
    sessions: BTreeMap<(usize, u64), Session>,
}

/// What was answered in a session, as far as it may be asked again.
#[derive(Clone, Debug, Default, PartialEq)]
struct Session {
    oldest: u64,
    replies: BTreeMap<u64, RegisterReply>,
}

/// A store, and with it all that the log up to there has to tell (Ongaro 2014, chapter 5).
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The index of the last entry in it.
    pub index: u64,
    /// The term of that entry.
    pub term: u64,
    /// The configuration after that entry.
    pub members: Members,
    pub(super) store: Store,
}

/// What is known of a command.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Known {
    /// It has not been applied.
    New,
    /// It has, and this was the reply.
    Replied(RegisterReply),
    /// It was answered long ago.
    Forgotten,
}

impl Store {
    /// What a command would be answered that changes nothing.
    pub fn read(&self, key: u64) -> RegisterReply {
        RegisterReply::Value(self.values.get(&key).copied())
    }

    /// What became of a command, if anything did.
    pub fn known(&self, id: CommandId) -> Known {
        let Some(session) = self.sessions.get(&(id.node, id.session)) else { return Known::New };
        if id.serial < session.oldest {
            return Known::Forgotten;
        }
        session.replies.get(&id.serial).map_or(Known::New, |reply| Known::Replied(*reply))
    }

    /// Applies the next entry. A client's command is applied the first time that it comes, `twice`
    /// every time; a repeated one is answered as it was.
    pub fn apply(&mut self, command: &Command, twice: bool) -> Option<RegisterReply> {
        self.applied += 1;
        let Command::Client(ClientCommand { id, oldest, call }) = command else { return None };
        match self.known(*id) {
            Known::Replied(reply) if !twice => return Some(reply),
            Known::Forgotten if !twice => return None,
            _ => {}
        }
        let reply = self.execute(*call);
        let session = self.sessions.entry((id.node, id.session)).or_default();
        session.oldest = session.oldest.max(*oldest);
        while session.replies.first_key_value().is_some_and(|(serial, _)| serial < oldest) {
            session.replies.pop_first();
        }
        session.replies.insert(id.serial, reply);
        Some(reply)
    }

    fn execute(&mut self, KeyValueCall { key, call }: KeyValueCall) -> RegisterReply {
        match call {
            RegisterCall::Read => self.read(key),
            RegisterCall::Write(value) => {
                self.values.insert(key, value);
                RegisterReply::Written
            }
            RegisterCall::CompareAndSet(from, to) => {
                let swaps = self.values.get(&key) == Some(&from);
                if swaps {
                    self.values.insert(key, to);
                }
                RegisterReply::Swapped(swaps)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_comes_twice_is_done_once() {
        let command = |serial, oldest, call| {
            let id = CommandId { node: 1, session: 7, serial };
            Command::Client(ClientCommand { id, oldest, call })
        };
        let swap = command(0, 0, KeyValueCall::compare_and_set(3, 1, 2));
        let mut store = Store::default();
        let (no, yes) = (RegisterReply::Swapped(false), RegisterReply::Swapped(true));
        assert_eq!(store.apply(&swap, false), Some(no));
        let write = command(1, 0, KeyValueCall::write(3, 1));
        assert_eq!(store.apply(&write, false), Some(RegisterReply::Written));
        // Now it would succeed; it is answered as it was, unless it is done twice.
        assert_eq!(store.apply(&swap, false), Some(no));
        assert_eq!(store.clone().apply(&swap, true), Some(yes));
        assert_eq!(store.read(3), RegisterReply::Value(Some(1)));
        // The session goes on: what is below its oldest open command will not be asked again.
        store.apply(&command(2, 2, KeyValueCall::read(3)), false);
        assert_eq!(store.apply(&write, false), None);
        assert_eq!(store.applied, 5);
    }
}
