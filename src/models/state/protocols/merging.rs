//! Objects whose replicas answer at once and merge what they tell each other, in whatever order it
//! comes, without losing anything (conflict-free replicated data types: Shapiro, Preguiça, Baquero
//! and Zawirski, 2011).

use crate::state::cluster::{Outbox, Replica, Request, compiled_here};
use crate::state::consistency::{
    CounterCall, CounterReply, CounterSpec, SetCall, SetReply, SetSpec,
};
use std::collections::{BTreeMap, BTreeSet};

/// So often each tells one of the others all it has, in milliseconds.
pub(super) const GOSSIP: f64 = 50.0;

/// Another node, any.
pub(super) fn any_other<R: Replica>(out: &mut Outbox<R>) -> Option<usize> {
    let (node, nodes) = (out.node(), out.nodes());
    (nodes > 1).then(|| (node + 1 + out.random().below(nodes - 1)) % nodes)
}

/// A counter of which each node counts a part of its own (PN-counter): what was added there, and
/// what was taken away. Merging takes the larger of each.
#[derive(Clone, Debug, Default)]
pub struct MergingCounter {
    parts: Vec<(i64, i64)>,
}

impl MergingCounter {
    /// A counter at 0.
    pub fn new(_node: usize) -> Self {
        Self::default()
    }
}

pub(super) fn merge_parts(parts: &mut [(i64, i64)], told: &[(i64, i64)]) {
    for (held, told) in parts.iter_mut().zip(told) {
        *held = (held.0.max(told.0), held.1.max(told.1));
    }
}

impl Replica for MergingCounter {
    type Object = CounterSpec;
    /// Of each node what was added and what was taken away.
    type Message = Vec<(i64, i64)>;

    compiled_here!();

    fn start(&mut self, out: &mut Outbox<Self>) {
        self.parts.resize(out.nodes(), (0, 0));
        out.after(GOSSIP, 0);
    }

    fn call(&mut self, request: Request, call: CounterCall, out: &mut Outbox<Self>) {
        match call {
            CounterCall::Read => {
                let value = self.parts.iter().map(|(more, less)| more - less).sum();
                out.reply(request, CounterReply::Value(value));
            }
            CounterCall::Add(amount) => {
                let (more, less) = &mut self.parts[out.node()];
                *more += amount.max(0);
                *less += (-amount).max(0);
                out.broadcast(self.parts.clone());
                out.reply(request, CounterReply::Added);
            }
        }
    }

    fn message(&mut self, _: usize, parts: Vec<(i64, i64)>, _: &mut Outbox<Self>) {
        merge_parts(&mut self.parts, &parts);
    }

    fn timer(&mut self, _: u64, out: &mut Outbox<Self>) {
        out.after(GOSSIP, 0);
        if let Some(to) = any_other(out) {
            out.send(to, self.parts.clone());
        }
    }
}

/// What is in a set, and what was taken out: each adding has a tag of its own, and a removal takes
/// out the tags that its node knows (observed-remove).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetState {
    /// Of each element the tags under which it was added: a node and a number.
    pub added: BTreeMap<i64, BTreeSet<(usize, u64)>>,
    /// Tags that were taken out.
    pub removed: BTreeSet<(usize, u64)>,
}

impl SetState {
    /// The elements, in order.
    pub fn elements(&self) -> BTreeSet<i64> {
        self.added.keys().copied().filter(|element| self.contains(*element)).collect()
    }

    /// Whether an element is in it.
    pub fn contains(&self, element: i64) -> bool {
        let tags = self.added.get(&element).into_iter().flatten();
        tags.into_iter().any(|tag| !self.removed.contains(tag))
    }

    /// Takes in what another replica knows.
    pub fn merge(&mut self, other: &Self) {
        for (element, tags) in &other.added {
            self.added.entry(*element).or_default().extend(tags.iter().copied());
        }
        self.removed.extend(other.removed.iter().copied());
    }
}

/// A set in which an adding and a removal at the same time leave the element in (OR-set).
#[derive(Clone, Debug, Default)]
pub struct MergingSet {
    state: SetState,
}

impl MergingSet {
    /// An empty set.
    pub fn new(_node: usize) -> Self {
        Self::default()
    }
}

impl Replica for MergingSet {
    type Object = SetSpec;
    type Message = SetState;

    compiled_here!();

    fn start(&mut self, out: &mut Outbox<Self>) {
        out.after(GOSSIP, 0);
    }

    fn call(&mut self, request: Request, call: SetCall, out: &mut Outbox<Self>) {
        let change = match call {
            SetCall::Read => {
                return out.reply(request, SetReply::Elements(self.state.elements()));
            }
            SetCall::Contains(element) => {
                return out.reply(request, SetReply::Contained(self.state.contains(element)));
            }
            SetCall::Add(element) => {
                // By chance, and not counted: a node that lost its disk would count from 0 again.
                let tags = BTreeSet::from([(out.node(), out.random().bits())]);
                SetState { added: BTreeMap::from([(element, tags)]), ..SetState::default() }
            }
            SetCall::Remove(element) => {
                let removed = self.state.added.get(&element).cloned().unwrap_or_default();
                SetState { removed, ..SetState::default() }
            }
        };
        self.state.merge(&change);
        out.broadcast(change);
        out.reply(request, SetReply::Changed);
    }

    fn message(&mut self, _: usize, told: SetState, _: &mut Outbox<Self>) {
        self.state.merge(&told);
    }

    fn timer(&mut self, _: u64, out: &mut Outbox<Self>) {
        out.after(GOSSIP, 0);
        if let Some(to) = any_other(out) {
            out.send(to, self.state.clone());
        }
    }
}
