//! A store in the manner of Dynamo (DeCandia and others, 2007): each key at home at N nodes, of
//! which W must take a write and R answer a read; with a sloppy quorum others stand in for those
//! that do not answer, and hand over later what they were given (hinted handoff, section 4.6).

use super::last_writer::Stamped;
use crate::state::cluster::{Outbox, Replica, Request, compiled_here};
use crate::state::consistency::{KeyValueCall, KeyValueSpec, RegisterCall, RegisterReply};
use std::collections::BTreeMap;

/// A replica. Versions are times by the writing node's clock; the later one is kept.
#[derive(Clone, Debug)]
pub struct Dynamo {
    home: usize,
    read: usize,
    write: usize,
    sloppy: bool,
    repair: bool,
    held: BTreeMap<u64, Stamped>,
    /// What is held for others: by its home and key.
    hints: BTreeMap<(usize, u64), Stamped>,
    open: BTreeMap<u64, Open>,
    next: u64,
}

#[derive(Clone, Debug)]
struct Open {
    request: Request,
    key: u64,
    write: Option<Stamped>,
    /// Who has answered, and of a read with what.
    answers: Vec<(usize, Option<Stamped>)>,
    is_answered: bool,
}

/// What replicas tell each other. `operation` is the asking node's number for it; a version is the
/// time of a write in milliseconds by the writer's clock, the writer, and the value.
#[derive(Clone, Debug, PartialEq)]
pub enum DynamoMessage {
    /// Keep this; for another home, if one is named.
    Keep { operation: u64, key: u64, version: (f64, usize, i64), home: Option<usize> },
    /// I do.
    Kept { operation: u64 },
    /// What do you have?
    Ask { operation: u64, key: u64 },
    /// This.
    Tell { operation: u64, version: Option<(f64, usize, i64)> },
    /// This was meant for you.
    Hand { key: u64, version: (f64, usize, i64) },
    /// I have it.
    Handed { key: u64, version: (f64, usize, i64) },
}

/// After so many milliseconds a home that has not answered is taken to be down.
const SUSPECTED: f64 = 20.0;
/// So often what is held for others is offered to them, in milliseconds.
const HANDOFF: f64 = 50.0;
/// The timer's name for that; others are numbers of operations.
const HANDS: u64 = u64::MAX;

impl Dynamo {
    /// Each key at home at `home` nodes, of which `write` must take a write and `read` answer a
    /// read; without sloppy quorums, with read repair.
    ///
    /// # Panics
    /// If a quorum is empty or larger than the home.
    #[track_caller]
    pub fn new(home: usize, read: usize, write: usize) -> Self {
        assert!(
            (1..=home).contains(&read) && (1..=home).contains(&write),
            "Dynamo::new: read and write quorums must have from 1 to N = {home} nodes, but they \
             have {read} and {write}"
        );
        let (held, hints, open) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { home, read, write, sloppy: false, repair: true, held, hints, open, next: 0 }
    }

    /// The same with other nodes that stand in for those that do not answer. A home that has not
    /// taken a write after 20 ms is left a hint, whether W others have or not: at each node that is
    /// not a home of the key, and at the one that coordinates the write. Every 50 ms it is offered
    /// what is kept for it, until it has it.
    pub fn sloppy(self) -> Self {
        Self { sloppy: true, ..self }
    }

    /// The same without read repair.
    pub fn without_repair(self) -> Self {
        Self { repair: false, ..self }
    }

    /// The nodes at which a key is at home: one after the other from a place that it chooses.
    fn homes(&self, key: u64, nodes: usize) -> impl Iterator<Item = usize> + use<> {
        let first = (key % nodes as u64) as usize;
        (0..self.home.min(nodes)).map(move |k| (first + k) % nodes)
    }

    fn answered(&mut self, operation: u64, out: &mut Outbox<Self>) {
        let Some(open) = self.open.get_mut(&operation) else { return };
        let enough = if open.write.is_some() { self.write } else { self.read };
        if !open.is_answered && open.answers.len() >= enough {
            open.is_answered = true;
            let reply = match open.write {
                Some(_) => RegisterReply::Written,
                None => RegisterReply::Value(newest(&open.answers).map(|held| held.value)),
            };
            out.reply(open.request, reply);
        }
        // Those that are behind are told, whether they answered in time or not.
        if self.repair
            && open.is_answered
            && open.write.is_none()
            && let Some(newest) = newest(&open.answers)
        {
            let (key, version) = (open.key, told(newest));
            for (node, held) in &mut open.answers {
                if held.is_none_or(|held| newest.is_newer(&held)) {
                    *held = Some(newest);
                    out.send(*node, DynamoMessage::Hand { key, version });
                }
            }
        }
    }
}

fn newest(answers: &[(usize, Option<Stamped>)]) -> Option<Stamped> {
    let held = answers.iter().filter_map(|(_, held)| *held);
    held.reduce(|a, b| if b.is_newer(&a) { b } else { a })
}

fn told(stamped: Stamped) -> (f64, usize, i64) {
    (stamped.at, stamped.node, stamped.value)
}

fn heard((at, node, value): (f64, usize, i64)) -> Stamped {
    Stamped { at, node, value }
}

impl Replica for Dynamo {
    type Object = KeyValueSpec;
    type Message = DynamoMessage;

    compiled_here!();

    fn start(&mut self, out: &mut Outbox<Self>) {
        out.after(HANDOFF, HANDS);
    }

    fn call(&mut self, request: Request, call: KeyValueCall, out: &mut Outbox<Self>) {
        let (operation, key) = (self.next, call.key);
        self.next += 1;
        let write = match call.call {
            RegisterCall::Read => None,
            RegisterCall::Write(value) => Some(Stamped { at: out.now(), node: out.node(), value }),
            RegisterCall::CompareAndSet(..) => return out.refuse(request),
        };
        for node in self.homes(key, out.nodes()) {
            out.send(
                node,
                match write {
                    Some(stamped) => {
                        DynamoMessage::Keep { operation, key, version: told(stamped), home: None }
                    }
                    None => DynamoMessage::Ask { operation, key },
                },
            );
        }
        let open = Open { request, key, write, answers: vec![], is_answered: false };
        self.open.insert(operation, open);
        if self.sloppy {
            out.after(SUSPECTED, operation);
        }
    }

    fn message(&mut self, from: usize, message: DynamoMessage, out: &mut Outbox<Self>) {
        match message {
            DynamoMessage::Keep { operation, key, version, home } => {
                let stamped = heard(version);
                match home {
                    None => stamped.keep(&mut self.held, key),
                    Some(home) => stamped.keep(&mut self.hints, (home, key)),
                }
                out.send(from, DynamoMessage::Kept { operation });
            }
            DynamoMessage::Kept { operation } => {
                if let Some(open) = self.open.get_mut(&operation)
                    && open.answers.iter().all(|(node, _)| *node != from)
                {
                    open.answers.push((from, open.write));
                    self.answered(operation, out);
                }
            }
            DynamoMessage::Ask { operation, key } => {
                let hint = self.hints.iter().filter(|((_, other), _)| *other == key);
                let held = self.held.get(&key).into_iter().chain(hint.map(|(_, held)| held));
                let held = held.copied().reduce(|a, b| if b.is_newer(&a) { b } else { a });
                out.send(from, DynamoMessage::Tell { operation, version: held.map(told) });
            }
            DynamoMessage::Tell { operation, version } => {
                if let Some(open) = self.open.get_mut(&operation)
                    && open.answers.iter().all(|(node, _)| *node != from)
                {
                    open.answers.push((from, version.map(heard)));
                    self.answered(operation, out);
                }
            }
            DynamoMessage::Hand { key, version } => {
                heard(version).keep(&mut self.held, key);
                out.send(from, DynamoMessage::Handed { key, version });
            }
            DynamoMessage::Handed { key, version } => {
                let is_old = |held: &Stamped| told(*held) == version;
                self.hints.retain(|(home, other), held| {
                    !(*home == from && *other == key && is_old(held))
                });
            }
        }
    }

    fn timer(&mut self, name: u64, out: &mut Outbox<Self>) {
        if name == HANDS {
            out.after(HANDOFF, HANDS);
            for ((home, key), held) in &self.hints {
                out.send(*home, DynamoMessage::Hand { key: *key, version: told(*held) });
            }
            return;
        }
        let Some(open) = self.open.get(&name) else { return };
        let (key, write, nodes) = (open.key, open.write, out.nodes());
        let is_answered = open.is_answered;
        let homes: Vec<usize> = self.homes(key, nodes).collect();
        let has_answered = |node: &usize| open.answers.iter().any(|(other, _)| other == node);
        let silent: Vec<usize> = homes.iter().copied().filter(|home| !has_answered(home)).collect();
        // Those that come next stand in: any that is asked may be down too, so all are.
        let others =
            (0..nodes).map(|k| (homes[0] + k) % nodes).filter(|node| !homes.contains(node));
        match write {
            Some(stamped) => {
                let version = told(stamped);
                // A home that coordinates keeps hints as well: all others may be cut off.
                let here = homes.contains(&out.node()).then(|| out.node());
                for node in others.chain(here) {
                    for home in silent.iter().copied().filter(|home| *home != node) {
                        let home = Some(home);
                        out.send(node, DynamoMessage::Keep { operation: name, key, version, home });
                    }
                }
            }
            None if is_answered => {}
            None => others.for_each(|other| {
                out.send(other, DynamoMessage::Ask { operation: name, key });
            }),
        }
    }

    fn restart(&mut self, out: &mut Outbox<Self>) {
        self.open.clear();
        self.start(out);
    }
}
