//! From one primary to the next (Castro and Liskov, 1999, section 4.4), and what helps a replica
//! that lags behind.

use super::message::PbftMessage::{Committed, Lacks, NewView, ViewChange};
use super::slots::begin;
use super::{Baggage, Behaviour, Certificate, HELPING, Pbft, PbftMessage, TICK};
use crate::state::cluster::Outbox;
use crate::truth::paxos::Command;

impl Pbft {
    pub(super) fn wants(&mut self, view: u64, out: &mut Outbox<Self>) {
        (self.view, self.is_between, self.is_armed) = (view, true, false);
        self.changes += 1;
        self.arms(out);
        self.tells_what_it_wants(out);
    }

    pub(super) fn tells_what_it_wants(&mut self, out: &mut Outbox<Self>) {
        let slots = self.slots.range(self.stable..);
        let prepared = slots.filter_map(|(slot, known)| {
            let (view, command) = known.prepared?;
            Some(Certificate { slot: *slot, view, command })
        });
        let (stable, applied) = (self.stable, self.store.applied());
        let baggage = match self.equivocates() {
            true => Baggage { stable: 0, applied: 0, prepared: vec![] },
            false => Baggage { stable, applied, prepared: prepared.collect() },
        };
        self.tell_all(&ViewChange { view: self.view, baggage }, out);
    }

    pub(super) fn hears_wish(
        &mut self,
        from: usize,
        view: u64,
        baggage: Baggage,
        out: &mut Outbox<Self>,
    ) {
        if view <= self.view && !self.is_between {
            // It has missed that the view has begun.
            if let Some(begun) = self.begun.clone().filter(|_| from != self.node) {
                self.tell(from, begun, out);
            }
            if view < self.view {
                return;
            }
        }
        if self.wanted.get(&from).is_some_and(|(latest, _)| *latest > view) {
            return;
        }
        self.wanted.insert(from, (view, baggage));
        let higher = self.wanted.values().map(|(view, _)| *view).filter(|view| *view > self.view);
        if higher.clone().count() > self.most_faults(out.nodes()) {
            let least = higher.min().unwrap_or(self.view);
            return self.wants(least, out);
        }
        let mut votes = vec![];
        for (node, (wanted, baggage)) in &self.wanted {
            if *wanted == self.view {
                votes.push((*node, baggage.clone()));
            }
        }
        let is_next = self.is_between && self.primary(out.nodes()) == self.node;
        if is_next && votes.len() >= self.quorum_of(out.nodes()) {
            let begun = NewView { view: self.view, votes };
            self.begun = Some(begun.clone());
            self.tell_all(&begun, out);
        }
    }

    pub(super) fn hears_of_view(
        &mut self,
        view: u64,
        votes: &[(usize, Baggage)],
        out: &mut Outbox<Self>,
    ) {
        let is_later = view > self.view || view == self.view && self.is_between;
        if !is_later || votes.len() < self.quorum_of(out.nodes()) {
            return;
        }
        (self.view, self.is_between, self.is_armed) = (view, false, false);
        let (stable, commands) = begin(votes, self.quorum_of(out.nodes()));
        self.stable = self.stable.max(stable);
        self.next = stable + commands.len() as u64;
        for known in self.slots.values_mut() {
            known.prepares.forget_before(view);
            known.commits.forget_before(view);
        }
        let id = |command: &Command| match *command {
            Command::Call { node, number, .. } => Some((node, number)),
            Command::Nothing => None,
        };
        self.known = commands.iter().filter_map(id).collect();
        self.known.extend(self.results.keys());
        for (slot, command) in (stable..).zip(commands) {
            self.accepts(slot, command, out);
        }
        let early = std::mem::take(&mut self.early);
        for (at, slot, command) in early {
            match at == view {
                true => self.accepts(slot, command, out),
                false if at > view => self.early.push((at, slot, command)),
                false => {}
            }
        }
        self.arms(out);
        let primary = self.primary(out.nodes());
        let requests: Vec<Command> = self.requests.values().copied().collect();
        for command in requests {
            self.tell(primary, PbftMessage::Request { command }, out);
        }
    }

    pub(super) fn helps(&mut self, to: usize, from: u64, out: &mut Outbox<Self>) {
        let slots = self.committed.range(from..from.saturating_add(HELPING));
        let slots: Vec<(u64, Command)> = slots.map(|(slot, it)| (*slot, *it)).collect();
        for (slot, command) in slots {
            let command = match self.behaviour {
                Some(Behaviour::Lies) => Command::Nothing,
                _ => command,
            };
            self.tell(to, Committed { slot, command }, out);
        }
    }

    /// Of f + 1 who tell the same one is honest.
    pub(super) fn hears_of_slot(
        &mut self,
        from: usize,
        slot: u64,
        command: Command,
        out: &mut Outbox<Self>,
    ) {
        if self.committed.contains_key(&slot) {
            return;
        }
        let told = self.told.entry(slot).or_default();
        if !told.contains(&(from, command)) {
            told.push((from, command));
        }
        let alike = told.iter().filter(|(_, other)| *other == command).count();
        if alike > self.most_faults(out.nodes()) {
            self.told.remove(&slot);
            self.commits(slot, command, out);
        }
    }

    /// Now and then: is something missing?
    pub(super) fn ticks(&mut self, out: &mut Outbox<Self>) {
        out.after(self.patience, TICK);
        let applied = self.store.applied();
        let waits = !self.requests.is_empty() || self.committed.range(applied..).next().is_some();
        self.waited = if waits && applied == self.before { self.waited + 1 } else { 0 };
        // Within one tick a request may well be on its way.
        if self.waited >= 2 {
            self.tell_all(&Lacks { from: applied }, out);
        }
        self.before = applied;
        if self.is_between {
            self.tells_what_it_wants(out);
        }
    }
}
