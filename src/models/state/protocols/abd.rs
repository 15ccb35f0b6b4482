//! Registers by majorities (Attiya, Bar-Noy and Dolev, 1995; with several writers Lynch and
//! Shvartsman, 1997): two rounds, each to a quorum.

use crate::state::cluster::{Outbox, Replica, Request, compiled_here};
use crate::state::consistency::{KeyValueCall, KeyValueSpec, RegisterCall, RegisterReply};
use std::collections::BTreeMap;

/// A value with its version: a counter, and the node that chose it.
type Version = (u64, usize);
type Held = (Version, Option<i64>);

/// A replica of a key-value store that asks quorums: a read asks for the newest value and writes it
/// back before it answers, a write asks for the newest version and writes a newer one. As made by
/// [`Abd::new`] it is linearizable, and whoever cannot reach a majority waits.
#[derive(Clone, Debug, Default)]
pub struct Abd {
    quorums: Option<(usize, usize)>,
    no_write_back: bool,
    patience: Option<f64>,
    held: BTreeMap<u64, Held>,
    /// Operations of this node's clients, by a number of its own.
    open: BTreeMap<u64, Open>,
    next: u64,
    /// The highest counter that this node has given a version: two of its clients who write at the
    /// same time must not get the same.
    given: u64,
}

/// An operation on its way.
#[derive(Clone, Debug)]
struct Open {
    request: Request,
    key: u64,
    write: Option<i64>,
    newest: Held,
    is_second: bool,
    /// Who has answered in this round: a message that arrives twice is one answer.
    answers: Vec<usize>,
}

/// What replicas tell each other. `operation` is the asking node's number for it.
#[derive(Clone, Debug, PartialEq)]
pub enum AbdMessage {
    /// What do you hold?
    Ask { operation: u64, key: u64 },
    /// This.
    Tell { operation: u64, version: (u64, usize), value: Option<i64> },
    /// Hold this, if it is newer than what you hold.
    Store { operation: u64, key: u64, version: (u64, usize), value: Option<i64> },
    /// I do.
    Stored { operation: u64 },
}

impl Abd {
    /// With majorities.
    pub fn new(_node: usize) -> Self {
        Self::default()
    }

    /// With read quorums of `read` replicas and write quorums of `write`. They need not meet:
    /// whether they do is for the survey to show.
    ///
    /// # Panics
    /// If one of them is 0.
    #[track_caller]
    pub fn with_quorums(read: usize, write: usize) -> Self {
        assert!(
            read >= 1 && write >= 1,
            "Abd::with_quorums: a quorum needs at least 1 replica, but they are {read} and {write}"
        );
        Self { quorums: Some((read, write)), ..Self::default() }
    }

    /// The same with reads that answer at once, and do not write back what they found. It saves
    /// the second round, and with it linearizability.
    pub fn without_write_back(self) -> Self {
        Self { no_write_back: true, ..self }
    }

    /// The same that answers after so many milliseconds with what it has, quorum or not.
    ///
    /// # Panics
    /// If that is not a positive number.
    #[track_caller]
    pub fn impatient(self, patience: f64) -> Self {
        let patience = crate::number::positive("Abd::impatient", "patience", patience);
        Self { patience: Some(patience), ..self }
    }

    fn store(&mut self, key: u64, version: Version, value: Option<i64>) {
        let held = self.held.entry(key).or_default();
        if version > held.0 {
            *held = (version, value);
        }
    }

    /// Enough have answered the first round.
    fn second(&mut self, operation: u64, out: &mut Outbox<Self>) {
        let Some(open) = self.open.get_mut(&operation) else { return };
        let (version, value) = match open.write {
            Some(value) => {
                self.given = self.given.max(open.newest.0.0) + 1;
                ((self.given, out.node()), Some(value))
            }
            None => open.newest,
        };
        if open.write.is_none() && self.no_write_back {
            out.reply(open.request, RegisterReply::Value(value));
            self.open.remove(&operation);
            return;
        }
        (open.is_second, open.newest) = (true, (version, value));
        open.answers.clear();
        out.to_all(AbdMessage::Store { operation, key: open.key, version, value });
    }

    fn ends(&mut self, operation: u64, out: &mut Outbox<Self>) {
        let Some(open) = self.open.remove(&operation) else { return };
        let reply = match open.write {
            Some(_) => RegisterReply::Written,
            None => RegisterReply::Value(open.newest.1),
        };
        out.reply(open.request, reply);
    }
}

impl Replica for Abd {
    type Object = KeyValueSpec;
    type Message = AbdMessage;

    compiled_here!();

    fn call(&mut self, request: Request, call: KeyValueCall, out: &mut Outbox<Self>) {
        let write = match call.call {
            RegisterCall::Read => None,
            RegisterCall::Write(value) => Some(value),
            // Quorums of registers cannot decide who is first (Herlihy, 1991).
            RegisterCall::CompareAndSet(..) => return out.refuse(request),
        };
        let (operation, key) = (self.next, call.key);
        self.next += 1;
        let newest = (Version::default(), None);
        let open = Open { request, key, write, newest, is_second: false, answers: vec![] };
        self.open.insert(operation, open);
        out.to_all(AbdMessage::Ask { operation, key });
        if let Some(patience) = self.patience {
            out.after(patience, operation);
        }
    }

    fn message(&mut self, from: usize, message: AbdMessage, out: &mut Outbox<Self>) {
        let (read, write) = self.quorums.unwrap_or((out.majority(), out.majority()));
        match message {
            AbdMessage::Ask { operation, key } => {
                let (version, value) = self.held.get(&key).copied().unwrap_or_default();
                out.send(from, AbdMessage::Tell { operation, version, value });
            }
            AbdMessage::Tell { operation, version, value } => {
                let Some(open) = self.open.get_mut(&operation) else { return };
                if open.is_second || open.answers.contains(&from) {
                    return;
                }
                open.answers.push(from);
                if version > open.newest.0 {
                    open.newest = (version, value);
                }
                if open.answers.len() >= read {
                    self.second(operation, out);
                }
            }
            AbdMessage::Store { operation, key, version, value } => {
                self.store(key, version, value);
                out.send(from, AbdMessage::Stored { operation });
            }
            AbdMessage::Stored { operation } => {
                let Some(open) = self.open.get_mut(&operation) else { return };
                if !open.is_second || open.answers.contains(&from) {
                    return;
                }
                open.answers.push(from);
                if open.answers.len() >= write {
                    self.ends(operation, out);
                }
            }
        }
    }

    /// Patience is at its end.
    fn timer(&mut self, operation: u64, out: &mut Outbox<Self>) {
        if self.open.get(&operation).is_some_and(|open| !open.is_second) {
            self.second(operation, out);
        }
        self.ends(operation, out);
    }

    fn restart(&mut self, _: &mut Outbox<Self>) {
        self.open.clear();
    }
}
