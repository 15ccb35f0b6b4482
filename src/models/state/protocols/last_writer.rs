//! Registers that answer at once and tell the others later; of two writes the one with the later
//! time is kept (Thomas's write rule, 1979), by whatever clock its node has.

use crate::number::positive;
use crate::state::cluster::{Outbox, Replica, Request, compiled_here};
use crate::state::consistency::{KeyValueCall, KeyValueSpec, RegisterCall, RegisterReply};
use std::collections::BTreeMap;

/// A replica of a key-value store that always answers from what it has, at once. What is written
/// is sent to all, and now and then everything to one of the others, so that what was lost on the
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
    pub fn is_newer(&self, other: &Self) -> bool {
        (self.at, self.node) > (other.at, other.node)
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

    fn store(&mut self, key: u64, stamped: Stamped) {
        match self.held.get_mut(&key) {
            Some(held) if stamped.is_newer(held) => *held = stamped,
            Some(_) => {}
            None => {
                self.held.insert(key, stamped);
            }
        }
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
                self.store(key, stamped);
                out.broadcast(LwwMessage(vec![(key, stamped.at, stamped.node, value)]));
                out.reply(request, RegisterReply::Written);
            }
            RegisterCall::CompareAndSet(..) => out.refuse(request),
        }
    }

    fn message(&mut self, _: usize, LwwMessage(news): LwwMessage, _: &mut Outbox<Self>) {
        for (key, at, node, value) in news {
            self.store(key, Stamped { at, node, value });
        }
    }

    fn timer(&mut self, _: u64, out: &mut Outbox<Self>) {
        out.after(self.gossip, 0);
        if out.nodes() > 1 {
            let (node, nodes) = (out.node(), out.nodes());
            let to = (node + 1 + out.random().below(nodes - 1)) % nodes;
            let all = self.held.iter().map(|(key, held)| (*key, held.at, held.node, held.value));
            out.send(to, LwwMessage(all.collect()));
        }
    }
}
