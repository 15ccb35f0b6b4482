//! Registers that answer at once and tell the others later; of two writes the one with the later
//! time is kept (Thomas's write rule, 1979), by whatever clock its node has.

use super::merging::any_other;
use crate::number::positive;
use crate::state::cluster::{Outbox, Replica, Request, compiled_here};
use crate::state::consistency::{KeyValueCall, KeyValueSpec, RegisterCall, RegisterReply};
use std::collections::BTreeMap;

/// A replica of a key-value store that always answers from what it has, at once. Each key is a
/// last-writer-wins register (Shapiro and others, 2011): to merge is to keep the later write. What
/// is written is sent to all, and now and then everything to one of the others, so that what was lost on the
/// way arrives in the end.
#[derive(Clone, Debug)]
pub struct LastWriterWins {
    gossip: f64,
    held: BTreeMap<u64, Stamped>,
}

/// A value with the time at which it was written, by its node's clock, and the node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stamped {
    pub at: f64,
    pub node: usize,
    pub value: i64,
}

impl Stamped {
    /// Of two writes of one node at one moment by its clock the larger value counts as the later:
    /// which one is arbitrary, but it must be the same everywhere.
    pub fn is_newer(&self, other: &Self) -> bool {
        (self.at, self.node, self.value) > (other.at, other.node, other.value)
    }

    /// Keeps it under a key, unless what is held there is newer.
    pub fn keep<K: Ord>(self, held: &mut BTreeMap<K, Self>, key: K) {
        let there = held.entry(key).or_insert(self);
        if self.is_newer(there) {
            *there = self;
        }
    }
}

/// What replicas tell each other: keys, and of each the time of its write (by the writer's clock,
/// in milliseconds), the writer and the value.
#[derive(Clone, Debug, PartialEq)]
pub struct LwwMessage(pub Vec<(u64, f64, usize, i64)>);

impl LastWriterWins {
    /// Every 50 ms each tells one of the others all it has.
    pub fn new(_node: usize) -> Self {
        Self { gossip: 50.0, held: BTreeMap::new() }
    }

    /// The same with another time between two such messages, in milliseconds.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn gossip_every(self, time: f64) -> Self {
        let gossip = positive("LastWriterWins::gossip_every", "time between messages", time);
        Self { gossip, ..self }
    }
}

impl Replica for LastWriterWins {
    type Object = KeyValueSpec;
    type Message = LwwMessage;

    compiled_here!();

    fn start(&mut self, out: &mut Outbox<Self>) {
        out.after(self.gossip, 0);
    }

    fn call(&mut self, request: Request, call: KeyValueCall, out: &mut Outbox<Self>) {
        let key = call.key;
        match call.call {
            RegisterCall::Read => {
                let value = self.held.get(&key).map(|held| held.value);
                out.reply(request, RegisterReply::Value(value));
            }
            RegisterCall::Write(value) => {
                let stamped = Stamped { at: out.now(), node: out.node(), value };
                stamped.keep(&mut self.held, key);
                out.broadcast(LwwMessage(vec![(key, stamped.at, stamped.node, value)]));
                out.reply(request, RegisterReply::Written);
            }
            RegisterCall::CompareAndSet(..) => out.refuse(request),
        }
    }

    fn message(&mut self, _: usize, LwwMessage(news): LwwMessage, _: &mut Outbox<Self>) {
        for (key, at, node, value) in news {
            Stamped { at, node, value }.keep(&mut self.held, key);
        }
    }

    fn timer(&mut self, _: u64, out: &mut Outbox<Self>) {
        out.after(self.gossip, 0);
        if let Some(to) = any_other(out) {
            let all = self.held.iter().map(|(key, held)| (*key, held.at, held.node, held.value));
            out.send(to, LwwMessage(all.collect()));
        }
    }
}
