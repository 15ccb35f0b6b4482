//! Registers that keep all values of which none is known to replace the other (multi-value
//! registers: Shapiro, Preguiça, Baquero and Zawirski, *A comprehensive study of convergent and
//! commutative replicated data types*, 2011, section 3.2.2), each value with the number of its write
//! (dotted version vectors: Preguiça, Baquero, Almeida, Fonte and Gonçalves, 2012).

use super::merging::{GOSSIP, any_other};
use crate::state::cluster::{Outbox, Replica, Request, compiled_here};
use crate::state::consistency::{KeyValueCall, MultiValueReply, MultiValueSpec, RegisterCall};
use std::collections::BTreeMap;

/// What a replica knows of one register.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MultiValue {
    /// The values that it holds, each by its writer and the number of the write, from 1 on.
    pub values: BTreeMap<(u64, u64), i64>,
    /// Of each writer how many of its writes are known: held, or replaced.
    pub known: BTreeMap<u64, u64>,
}

impl MultiValue {
    /// A write replaces all that its writer knows.
    pub fn write(&mut self, writer: u64, value: i64) {
        let count = self.known.entry(writer).or_default();
        *count += 1;
        self.values = BTreeMap::from([((writer, *count), value)]);
    }

    /// Takes in what another replica knows. What one of them holds stays, unless the other knows it
    /// and does not hold it any more: then it was replaced.
    pub fn merge(&mut self, other: &Self) {
        let is_kept = |of: &Self, write: &(u64, u64)| {
            of.values.contains_key(write) || of.known.get(&write.0).is_none_or(|n| *n < write.1)
        };
        let news = other.values.iter().filter(|(write, _)| is_kept(self, write));
        let news: Vec<((u64, u64), i64)> = news.map(|(write, value)| (*write, *value)).collect();
        self.values.retain(|write, _| is_kept(other, write));
        self.values.extend(news);
        for (writer, count) in &other.known {
            let known = self.known.entry(*writer).or_default();
            *known = (*known).max(*count);
        }
    }
}

/// A replica of a key-value store that always answers from what it has, at once. Of writes that
/// could not know of one another it keeps all, and a read tells them all; the next write replaces
/// them. No clock is asked.
#[derive(Clone, Debug, Default)]
pub struct MergingRegister {
    writer: u64,
    held: BTreeMap<u64, MultiValue>,
}

impl MergingRegister {
    /// With nothing written.
    pub fn new(_node: usize) -> Self {
        Self::default()
    }
}

impl Replica for MergingRegister {
    type Object = MultiValueSpec;
    /// Keys, and what is known of their registers.
    type Message = BTreeMap<u64, MultiValue>;

    compiled_here!();

    fn start(&mut self, out: &mut Outbox<Self>) {
        // By chance: a node that lost its disk would count its writes from 1 again.
        self.writer = out.random().bits();
        out.after(GOSSIP, 0);
    }

    fn call(&mut self, request: Request, call: KeyValueCall, out: &mut Outbox<Self>) {
        let key = call.key;
        match call.call {
            RegisterCall::Read => {
                let held = self.held.get(&key);
                let values = held.into_iter().flat_map(|held| held.values.values().copied());
                out.reply(request, MultiValueReply::Values(values.collect()));
            }
            RegisterCall::Write(value) => {
                let held = self.held.entry(key).or_default();
                held.write(self.writer, value);
                out.broadcast(BTreeMap::from([(key, held.clone())]));
                out.reply(request, MultiValueReply::Written);
            }
            RegisterCall::CompareAndSet(..) => out.refuse(request),
        }
    }

    fn message(&mut self, _: usize, told: BTreeMap<u64, MultiValue>, _: &mut Outbox<Self>) {
        for (key, told) in told {
            self.held.entry(key).or_default().merge(&told);
        }
    }

    fn timer(&mut self, _: u64, out: &mut Outbox<Self>) {
        out.after(GOSSIP, 0);
        if let Some(to) = any_other(out) {
            out.send(to, self.held.clone());
        }
    }

    fn restart(&mut self, out: &mut Outbox<Self>) {
        out.after(GOSSIP, 0);
    }
}
