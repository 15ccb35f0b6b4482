//! A replicated store that survives replicas which lie: practical Byzantine fault tolerance (Castro
//! and Liskov, 1999).

mod client;
mod message;
mod settings;
mod slots;
mod views;

pub use message::{Baggage, Certificate, PbftMessage};

use crate::state::cluster::{Outbox, Property, Replica, Request, Setting, compiled_here};
use crate::state::consistency::{KeyValueCall, KeyValueSpec, RegisterReply};
use crate::truth::paxos::{Command, ReplicatedLog, SlotAgreement, SlotValidity, Store};
use PbftMessage::{Commit, Committed, Lacks, NewView, PrePrepare, Prepare, Reply, ViewChange};
use client::Pending;
use slots::Slot;
use std::collections::{BTreeMap, BTreeSet};

/// What a replica does that does not follow the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It says nothing.
    Silent,
    /// As primary it puts different requests into the same slot for different replicas, and tells
    /// each that all agree with it; as backup it agrees with everybody. It brings nothing along
    /// into a new view.
    Equivocates,
    /// It tells clients and replicas that lag behind what is wrong.
    Lies,
}

/// The messages of one request in the normal case: pre-prepare, prepare and commit, (n - 1) +
/// (n - 1)^2 + n (n - 1) = 2 n (n - 1) (Castro and Liskov, 1999, figure 1). Another n for a request
/// that is asked at another node than the primary's, and its replies to there.
pub const fn pbft_messages(nodes: usize) -> usize {
    2 * nodes * nodes.saturating_sub(1)
}

/// A replica of a key-value store, with a client at its side that is honest and believes what f + 1
/// replicas tell it. As made by [`Pbft::new`] f is the largest number below n / 3, quorums are of
/// (n + f) / 2 + 1 replicas (2 f + 1 of 3 f + 1), the primary of view v is node v modulo n, a client
/// asks all replicas after 50 ms, and a replica that knows of a request for 100 ms in which nothing
/// is carried out wants another primary; twice as long for the next.
#[derive(Clone, Debug)]
pub struct Pbft {
    node: usize,
    faults: Option<usize>,
    quorum: Option<usize>,
    behaviour: Option<Behaviour>,
    traitors: Vec<usize>,
    patience: f64,
    timeout: f64,
    /// What this node's clients have asked: the number of a request is its index.
    asked: Vec<KeyValueCall>,
    pending: BTreeMap<usize, Pending>,
    view: u64,
    /// It has left a view, and the next has not begun.
    is_between: bool,
    slots: BTreeMap<u64, Slot>,
    committed: BTreeMap<u64, Command>,
    store: Store,
    stable: u64,
    /// The slot that the primary uses next, and the requests that have one.
    next: u64,
    known: BTreeSet<(usize, usize)>,
    /// Requests that are not carried out, by client and number; and what came of the others.
    requests: BTreeMap<(usize, usize), Command>,
    results: BTreeMap<(usize, usize), RegisterReply>,
    /// Of each replica the latest view that it wanted, and what it brings.
    wanted: BTreeMap<usize, (u64, Baggage)>,
    begun: Option<PbftMessage>,
    told: BTreeMap<u64, Vec<(usize, Command)>>,
    early: Vec<(u64, u64, Command)>,
    alarm: u64,
    is_armed: bool,
    changes: i32,
    /// What it had carried out at the last tick, and for how many ticks it has waited.
    before: u64,
    waited: u32,
}

/// Three kinds of timers, by what the number leaves.
const KINDS: u64 = 3;
const TICK: u64 = 0;
const RETRY: u64 = 1;
const ALARM: u64 = 2;
/// Slots that are told at a time to a replica that lags behind.
const HELPING: u64 = 64;

impl Pbft {
    /// For as many faults as n nodes can bear.
    pub fn new(node: usize) -> Self {
        Self {
            node,
            faults: None,
            quorum: None,
            behaviour: None,
            traitors: vec![],
            patience: 50.0,
            timeout: 100.0,
            asked: vec![],
            pending: BTreeMap::new(),
            view: 0,
            is_between: false,
            slots: BTreeMap::new(),
            committed: BTreeMap::new(),
            store: Store::default(),
            stable: 0,
            next: 0,
            known: BTreeSet::new(),
            requests: BTreeMap::new(),
            results: BTreeMap::new(),
            wanted: BTreeMap::new(),
            begun: None,
            told: BTreeMap::new(),
            early: vec![],
            alarm: 0,
            is_armed: false,
            changes: 0,
            before: 0,
            waited: 0,
        }
    }

    fn primary(&self, nodes: usize) -> usize {
        (self.view % nodes as u64) as usize
    }

    fn is_primary(&self, out: &Outbox<Self>) -> bool {
        self.primary(out.nodes()) == self.node && !self.is_between
    }

    fn equivocates(&self) -> bool {
        self.behaviour == Some(Behaviour::Equivocates)
    }

    /// The replica tells: to itself at once, without a message.
    fn tell(&mut self, to: usize, message: PbftMessage, out: &mut Outbox<Self>) {
        if to == self.node {
            self.message(to, message, out);
        } else if self.behaviour != Some(Behaviour::Silent) {
            out.send(to, message);
        }
    }

    fn tell_all(&mut self, message: &PbftMessage, out: &mut Outbox<Self>) {
        let node = self.node;
        for to in (0..out.nodes()).filter(|to| *to != node) {
            self.tell(to, message.clone(), out);
        }
        self.message(self.node, message.clone(), out);
    }

    fn hears_request(&mut self, from: usize, command: Command, out: &mut Outbox<Self>) {
        let Command::Call { node, number, .. } = command else { return };
        if let Some(reply) = self.results.get(&(node, number)) {
            return self.answers(node, number, *reply, out);
        }
        let is_new = self.requests.insert((node, number), command).is_none();
        self.arms(out);
        if self.is_primary(out) {
            self.orders(command, out);
        } else if !is_new && !self.is_between && from == node && from != self.node {
            // The client itself asks again: perhaps the primary has not heard.
            let primary = self.primary(out.nodes());
            self.tell(primary, PbftMessage::Request { command }, out);
        }
    }

    fn answers(
        &mut self,
        node: usize,
        number: usize,
        reply: RegisterReply,
        out: &mut Outbox<Self>,
    ) {
        let reply = match self.behaviour {
            Some(Behaviour::Lies) => RegisterReply::Value(Some(-1)),
            _ => reply,
        };
        self.tell(node, Reply { number, reply }, out);
    }

    /// The primary puts a request into the next slot.
    fn orders(&mut self, command: Command, out: &mut Outbox<Self>) {
        let Command::Call { node, number, .. } = command else { return };
        if !self.known.insert((node, number)) {
            return;
        }
        let (view, slot) = (self.view, self.next);
        self.next += 1;
        if !self.equivocates() {
            return self.tell_all(&PrePrepare { view, slot, command }, out);
        }
        let mut others = self.requests.values().filter(|other| **other != command);
        let other = others.next().copied().unwrap_or(Command::Nothing);
        let node = self.node;
        for to in (0..out.nodes()).filter(|to| *to != node) {
            let command = if (to as u64 + slot) % 2 == 1 { command } else { other };
            self.tell(to, PrePrepare { view, slot, command }, out);
        }
    }

    /// Agrees with whoever has heard something.
    fn flatters(&mut self, to: usize, message: &PbftMessage, out: &mut Outbox<Self>) {
        let (PrePrepare { view, slot, command } | Prepare { view, slot, command }) = *message
        else {
            return;
        };
        let is_new = self.slots.entry(slot).or_default().flattered.insert((to, view));
        if is_new && to != self.node {
            self.tell(to, Prepare { view, slot, command }, out);
            self.tell(to, Commit { view, slot, command }, out);
        }
    }

    fn accepts(&mut self, slot: u64, command: Command, out: &mut Outbox<Self>) {
        let view = self.view;
        let known = self.slots.entry(slot).or_default();
        if known.accepted.is_some_and(|(at, _)| at == view) {
            return;
        }
        known.accepted = Some((view, command));
        if let Command::Call { node, number, .. } = command
            && !self.results.contains_key(&(node, number))
        {
            self.requests.insert((node, number), command);
            self.arms(out);
        }
        if self.primary(out.nodes()) != self.node {
            self.tell_all(&Prepare { view, slot, command }, out);
        }
        self.looks_at(slot, out);
    }

    /// Whether a slot has become prepared, or committed.
    fn looks_at(&mut self, slot: u64, out: &mut Outbox<Self>) {
        let (quorum, view) = (self.quorum_of(out.nodes()), self.view);
        let Some(known) = self.slots.get_mut(&slot) else { return };
        let Some((at, command)) = known.accepted else { return };
        if at != view || self.is_between {
            return;
        }
        let is_new = known.prepared.is_none_or(|(at, _)| at < view);
        if is_new && known.prepares.count(view, command) + 1 >= quorum {
            known.prepared = Some((view, command));
            return self.tell_all(&Commit { view, slot, command }, out);
        }
        let is_prepared = known.prepared == Some((view, command));
        if is_prepared && known.commits.count(view, command) >= quorum {
            self.commits(slot, command, out);
        }
    }

    /// It is in the slot for ever; what can be is carried out.
    fn commits(&mut self, slot: u64, command: Command, out: &mut Outbox<Self>) {
        self.committed.entry(slot).or_insert(command);
        while let Some(&command) = self.committed.get(&self.store.applied()) {
            let done = self.store.apply(&command);
            if let Command::Call { node, number, .. } = command {
                self.requests.remove(&(node, number));
            }
            (self.changes, self.is_armed) = (0, false);
            self.arms(out);
            if let Some((node, number, reply)) = done {
                self.results.insert((node, number), reply);
                self.answers(node, number, reply, out);
            }
        }
    }

    /// The alarm rings unless something is carried out in time.
    fn arms(&mut self, out: &mut Outbox<Self>) {
        if self.is_armed || self.requests.is_empty() && !self.is_between {
            return;
        }
        self.is_armed = true;
        self.alarm += 1;
        let delay = self.timeout * 2f64.powi(self.changes.min(10));
        out.after(delay, ALARM + KINDS * self.alarm);
    }
}

impl Replica for Pbft {
    type Object = KeyValueSpec;
    type Message = PbftMessage;

    compiled_here!();

    fn check(&self, setting: Setting) {
        self.suits(setting);
    }

    fn start(&mut self, out: &mut Outbox<Self>) {
        out.after(self.patience, TICK);
    }

    fn call(&mut self, request: Request, call: KeyValueCall, out: &mut Outbox<Self>) {
        let number = self.asked.len();
        self.asked.push(call);
        self.pending.insert(number, Pending { request, replies: vec![] });
        out.after(self.patience, RETRY + KINDS * number as u64);
        let primary = self.primary(out.nodes());
        self.asks(primary, number, out);
    }

    fn message(&mut self, from: usize, message: PbftMessage, out: &mut Outbox<Self>) {
        if self.equivocates() {
            self.flatters(from, &message, out);
        }
        match message {
            PbftMessage::Request { command } => self.hears_request(from, command, out),
            PrePrepare { view, slot, command } => {
                let is_primary = from == (view % out.nodes() as u64) as usize;
                if is_primary && view == self.view && !self.is_between {
                    self.accepts(slot, command, out);
                } else if is_primary && view >= self.view {
                    // It has overtaken the news that the view has begun.
                    self.early.push((view, slot, command));
                }
            }
            Prepare { view, slot, command } => {
                // The primary's word is its pre-prepare.
                if view >= self.view && from != (view % out.nodes() as u64) as usize {
                    let known = self.slots.entry(slot).or_default();
                    known.prepares.add(from, view, command);
                    self.looks_at(slot, out);
                }
            }
            Commit { view, slot, command } => {
                if view >= self.view {
                    self.slots.entry(slot).or_default().commits.add(from, view, command);
                    self.looks_at(slot, out);
                }
            }
            Reply { number, reply } => self.hears_reply(from, number, reply, out),
            ViewChange { view, baggage } => self.hears_wish(from, view, baggage, out),
            NewView { view, votes } => {
                if from == (view % out.nodes() as u64) as usize {
                    self.hears_of_view(view, &votes, out);
                }
            }
            Lacks { from: first } if from != self.node => self.helps(from, first, out),
            Lacks { .. } => {}
            Committed { slot, command } => self.hears_of_slot(from, slot, command, out),
        }
    }

    fn timer(&mut self, number: u64, out: &mut Outbox<Self>) {
        match number % KINDS {
            RETRY => {
                let asked = (number / KINDS) as usize;
                if self.pending.contains_key(&asked) {
                    out.after(self.patience, number);
                    for to in 0..out.nodes() {
                        self.asks(to, asked, out);
                    }
                }
            }
            ALARM if number / KINDS == self.alarm && self.is_armed => {
                self.is_armed = false;
                if self.is_between || !self.requests.is_empty() {
                    self.wants(self.view + 1, out);
                }
            }
            TICK => self.ticks(out),
            _ => {}
        }
    }

    fn restart(&mut self, out: &mut Outbox<Self>) {
        self.pending.clear();
        self.is_armed = false;
        self.arms(out);
        self.start(out);
    }

    fn properties(_: usize) -> Vec<Box<dyn Property<Self>>> {
        vec![Box::<SlotAgreement>::default(), Box::<SlotValidity>::default()]
    }

    /// As "primary, view 1", "leaves view 1"; nothing for a backup.
    fn label(&self) -> String {
        match (self.is_between, self.begun.as_ref()) {
            (true, _) => format!("wants view {}", self.view),
            (false, Some(NewView { view, .. })) if *view == self.view => {
                format!("primary, view {view}")
            }
            _ if self.view == 0 && self.node == 0 => "primary, view 0".to_owned(),
            _ => String::new(),
        }
    }
}

impl ReplicatedLog for Pbft {
    fn log(&self) -> &BTreeMap<u64, Command> {
        &self.committed
    }

    fn applied(&self) -> u64 {
        self.store.applied()
    }

    fn asked(&self) -> &[KeyValueCall] {
        &self.asked
    }

    fn is_honest(&self) -> bool {
        self.behaviour.is_none()
    }
}
