//! A protocol on a network, as a model: messages in any order, and what may go wrong with them and
//! with nodes.

use super::condition::Condition;
use super::diagram::Happening;
use super::explored::Explored;
use super::model::Model;
use super::protocol::{Envelope, Protocol, Sends};
use super::search::Search;
use std::sync::Arc;

/// More choices than this a node does not have: whoever gives a choice for every number never ends.
const CHOICES: usize = 10_000;

/// A protocol on a network. As made by [`Network::of`], messages overtake each other, each arrives
/// once, and no node fails.
#[derive(Clone, Debug)]
pub struct Network<P> {
    /// The protocol.
    pub protocol: P,
    is_ordered: bool,
    is_lossy: bool,
    duplicates: bool,
    crashes: usize,
    cut: Option<Vec<usize>>,
}

/// The state of a protocol on a network: of nodes `N`, messages `M`, and an observer `S`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Global<N, M, S> {
    /// The nodes. Those that a step does not change are shared by the states before and after it.
    pub nodes: Vec<Arc<N>>,
    /// What is under way: in the order of sender, receiver and message; on a network that keeps
    /// the order, in the order of sender, receiver and time.
    pub flying: Vec<Envelope<M>>,
    /// Which nodes are down.
    pub down: Vec<bool>,
    /// Whether the network is cut.
    pub is_cut: bool,
    /// What an observer has written down.
    pub seen: S,
}

/// The state of a protocol `P` on a network.
pub type GlobalOf<P> =
    Global<<P as Protocol>::Node, <P as Protocol>::Message, <P as Protocol>::Seen>;

/// A step of a protocol on a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move<M> {
    /// A message arrives.
    Arrives(Envelope<M>),
    /// A message is lost.
    Loses(Envelope<M>),
    /// A node does what it may do by itself: which node, and which of its choices.
    Acts(usize, usize),
    /// A node goes down, and stays down. What it sent last may be lost.
    Crashes(usize),
    /// The network is cut, and stays cut. What was under way across is lost.
    Cuts,
    /// A node finds out that another cannot be reached any more: who, and whom.
    FindsLost(usize, usize),
}

impl<P: Protocol> Network<P> {
    /// Messages overtake each other, each arrives once, and no node fails.
    pub fn of(protocol: P) -> Self {
        let (is_ordered, is_lossy, duplicates) = (false, false, false);
        Self { protocol, is_ordered, is_lossy, duplicates, crashes: 0, cut: None }
    }

    /// Messages from one node to another arrive in the order in which they were sent. One that the
    /// node does not take is then dropped: it cannot wait.
    ///
    /// # Panics
    /// If messages arrive more than once.
    #[track_caller]
    pub fn ordered(self) -> Self {
        self.is_one_of_both(true, self.duplicates);
        Self { is_ordered: true, ..self }
    }

    /// Any message may be lost.
    pub fn lossy(self) -> Self {
        Self { is_lossy: true, ..self }
    }

    /// Any message may arrive again, any number of times.
    ///
    /// # Panics
    /// If messages arrive in order.
    #[track_caller]
    pub fn duplicating(self) -> Self {
        self.is_one_of_both(self.is_ordered, true);
        Self { duplicates: true, ..self }
    }

    /// So many nodes may go down, any of them at any time, and not come back.
    pub fn crashes(self, most: usize) -> Self {
        Self { crashes: most, ..self }
    }

    /// The network may be cut at any time, between these nodes and all others.
    ///
    /// # Panics
    /// If there is no such node.
    #[track_caller]
    pub fn cut(self, apart: &[usize]) -> Self {
        let nodes = self.protocol.nodes();
        if let Some(node) = apart.iter().find(|node| **node >= nodes) {
            panic!(
                "Network::cut: there are {nodes} nodes, numbered from 0, but node {node} is named"
            );
        }
        Self { cut: Some(apart.to_vec()), ..self }
    }

    #[track_caller]
    fn is_one_of_both(&self, is_ordered: bool, duplicates: bool) {
        assert!(
            !(is_ordered && duplicates),
            "Network: messages arrive in order or any number of times, not both; leave out \
             Network::ordered or Network::duplicating"
        );
    }

    /// Whether two nodes are on different sides of the cut.
    fn are_apart(&self, a: usize, b: usize) -> bool {
        self.cut.as_ref().is_some_and(|apart| apart.contains(&a) != apart.contains(&b))
    }

    /// Whether what one node sends reaches another.
    fn reaches(&self, state: &GlobalOf<P>, from: usize, to: usize) -> bool {
        !(state.down[to] || state.is_cut && self.are_apart(from, to))
    }

    fn sends_of(&self, node: usize) -> Sends<P::Message> {
        Sends { node, nodes: self.protocol.nodes(), envelopes: vec![] }
    }

    /// Puts on the way what a node sends.
    fn send(&self, state: &mut GlobalOf<P>, sends: Sends<P::Message>) {
        for envelope in sends.envelopes {
            self.protocol.sees_sent(&mut state.seen, &envelope);
            if !self.reaches(state, envelope.from, envelope.to) {
                continue;
            }
            let channel = (envelope.from, envelope.to);
            let at = if self.is_ordered {
                state.flying.partition_point(|it| (it.from, it.to) <= channel)
            } else {
                state.flying.partition_point(|it| *it < envelope)
            };
            if !(self.duplicates && state.flying.get(at) == Some(&envelope)) {
                state.flying.insert(at, envelope);
            }
        }
    }

    /// The messages that may arrive next, by where they are: of equal ones the first; on a network
    /// that keeps the order, of each channel the first.
    fn deliverable(&self, state: &GlobalOf<P>) -> Vec<usize> {
        let flying = &state.flying;
        let is_first = |&at: &usize| {
            let Some(before) = at.checked_sub(1).map(|before| &flying[before]) else { return true };
            if self.is_ordered {
                (before.from, before.to) != (flying[at].from, flying[at].to)
            } else {
                *before != flying[at]
            }
        };
        (0..flying.len()).filter(is_first).collect()
    }

    fn arrives(&self, state: &GlobalOf<P>, at: usize) -> Option<GlobalOf<P>> {
        let envelope = &state.flying[at];
        let mut sends = self.sends_of(envelope.to);
        let node = &state.nodes[envelope.to];
        let node = self.protocol.receive(envelope.to, node, envelope, &mut sends);
        if node.is_none() && !self.is_ordered {
            return None;
        }
        let mut next = state.clone();
        if !self.duplicates {
            next.flying.remove(at);
        }
        if let Some(node) = node {
            next.nodes[envelope.to] = Arc::new(node);
            self.protocol.sees_taken(&mut next.seen, envelope);
            self.send(&mut next, sends);
        }
        Some(next)
    }

    fn finds_lost(&self, state: &GlobalOf<P>, node: usize, other: usize) -> Option<GlobalOf<P>> {
        let is_lost = state.down[other] || (state.is_cut && self.are_apart(node, other));
        let is_under_way = |it: &Envelope<_>| it.from == other && it.to == node;
        if node == other || !is_lost || state.flying.iter().any(is_under_way) {
            return None;
        }
        let mut sends = self.sends_of(node);
        let after = self.protocol.lost(node, &state.nodes[node], other, &mut sends)?;
        Some(self.with(state, node, after, sends))
    }

    fn with(
        &self,
        state: &GlobalOf<P>,
        node: usize,
        after: P::Node,
        sends: Sends<P::Message>,
    ) -> GlobalOf<P> {
        let mut next = state.clone();
        next.nodes[node] = Arc::new(after);
        self.send(&mut next, sends);
        next
    }
}

impl<P: Protocol> Model for Network<P> {
    type State = GlobalOf<P>;
    type Action = Move<P::Message>;

    fn initial(&self) -> Vec<Self::State> {
        let count = self.protocol.nodes();
        let mut all = vec![];
        let nodes = (0..count).map(|node| {
            let mut sends = self.sends_of(node);
            let started = self.protocol.start(node, &mut sends);
            all.push(sends);
            Arc::new(started)
        });
        let nodes = nodes.collect();
        let (flying, down) = (vec![], vec![false; count]);
        let mut state = Global { nodes, flying, down, is_cut: false, seen: P::Seen::default() };
        for sends in all {
            self.send(&mut state, sends);
        }
        vec![state]
    }

    fn steps(&self, state: &Self::State, steps: &mut Vec<(Self::Action, Self::State)>) {
        for at in self.deliverable(state) {
            let envelope = &state.flying[at];
            if let Some(next) = self.arrives(state, at) {
                steps.push((Move::Arrives(envelope.clone()), next));
            }
            if self.is_lossy || state.down[envelope.from] {
                let mut next = state.clone();
                next.flying.remove(at);
                steps.push((Move::Loses(envelope.clone()), next));
            }
        }
        let count = state.nodes.len();
        let is_in_trouble = state.is_cut || state.down.contains(&true);
        for node in (0..count).filter(|&node| !state.down[node]) {
            for choice in 0.. {
                let mut sends = self.sends_of(node);
                let after = self.protocol.act(node, &state.nodes[node], choice, &mut sends);
                let Some(after) = after else { break };
                assert!(
                    choice < CHOICES,
                    "Protocol::act: node {node} has more than {CHOICES} choices in one state; give \
                     nothing for a choice that it does not have"
                );
                steps.push((Move::Acts(node, choice), self.with(state, node, after, sends)));
            }
            let others = if is_in_trouble { 0..count } else { 0..0 };
            for other in others {
                if let Some(next) = self.finds_lost(state, node, other) {
                    steps.push((Move::FindsLost(node, other), next));
                }
            }
        }
        if state.down.iter().filter(|down| **down).count() < self.crashes {
            for node in (0..count).filter(|&node| !state.down[node]) {
                let mut next = state.clone();
                next.down[node] = true;
                next.flying.retain(|it| it.to != node);
                steps.push((Move::Crashes(node), next));
            }
        }
        if self.cut.is_some() && !state.is_cut {
            let mut next = state.clone();
            next.is_cut = true;
            next.flying.retain(|it| !self.are_apart(it.from, it.to));
            steps.push((Move::Cuts, next));
        }
    }

    fn conditions(&self) -> Vec<Condition<'_, Self::State>> {
        self.protocol.conditions()
    }

    fn processes(&self) -> Vec<String> {
        (0..self.protocol.nodes()).map(|node| self.protocol.name(node)).collect()
    }

    fn happening(
        &self,
        before: &Self::State,
        action: &Self::Action,
        after: &Self::State,
    ) -> Happening {
        let (process, received) = match action {
            Move::Arrives(it) => (it.to, Some((it.from, self.protocol.message_label(&it.message)))),
            Move::Acts(node, _) | Move::Crashes(node) | Move::FindsLost(node, _) => (*node, None),
            Move::Loses(envelope) => (envelope.from, None),
            Move::Cuts => (0, None),
        };
        let mut happening = Happening { process, received, ..Happening::default() };
        let label = |it: &Envelope<P::Message>| self.protocol.message_label(&it.message);
        let to_lost = |it: &Envelope<P::Message>| (it.from, it.to, label(it));
        let is_lost = |it: &&Envelope<P::Message>| !self.reaches(after, it.from, it.to);
        match action {
            Move::Loses(envelope) => happening.lost.push(to_lost(envelope)),
            Move::Crashes(_) => happening.whiles.push((process, "down".to_owned())),
            Move::Cuts => {
                let apart = self.cut.iter().flatten();
                happening.whiles.extend(apart.map(|&node| (node, "cut off".to_owned())));
            }
            Move::FindsLost(..) | Move::Arrives(_) | Move::Acts(..) => {
                let label = self.protocol.label(&after.nodes[process]);
                if label != self.protocol.label(&before.nodes[process]) {
                    happening.label = label;
                }
                happening.sent = self.sent_by(before, action);
                let sent = happening.sent.iter();
                let is_lost = |to: usize| !self.reaches(after, process, to);
                let lost = sent.filter(|(to, _)| is_lost(*to));
                happening.lost = lost.map(|(to, label)| (process, *to, label.clone())).collect();
            }
        }
        if matches!(action, Move::Crashes(_) | Move::Cuts) {
            happening.lost.extend(before.flying.iter().filter(is_lost).map(to_lost));
        }
        happening
    }

    fn explored(search: &Search<'_, Self>) -> Explored<Self::State, Self::Action> {
        P::explored(search)
    }
}

impl<P: Protocol> Network<P> {
    /// What the node sends in a step, also to those whom it does not reach.
    fn sent_by(&self, before: &GlobalOf<P>, action: &Move<P::Message>) -> Vec<(usize, String)> {
        let protocol = &self.protocol;
        let mut sends = Sends { node: 0, nodes: protocol.nodes(), envelopes: vec![] };
        match action {
            Move::Arrives(it) => {
                sends.node = it.to;
                protocol.receive(it.to, &before.nodes[it.to], it, &mut sends);
            }
            Move::Acts(node, choice) => {
                sends.node = *node;
                protocol.act(*node, &before.nodes[*node], *choice, &mut sends);
            }
            Move::FindsLost(node, other) => {
                sends.node = *node;
                protocol.lost(*node, &before.nodes[*node], *other, &mut sends);
            }
            Move::Loses(_) | Move::Crashes(_) | Move::Cuts => {}
        }
        let sent = sends.envelopes.iter();
        sent.map(|it| (it.to, protocol.message_label(&it.message))).collect()
    }
}
