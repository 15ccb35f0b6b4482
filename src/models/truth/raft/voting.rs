//! Elections (Ongaro 2014, sections 3.4 and 9.6).

use super::members::Nodes;
use super::message::RaftMessage;
use super::replica::{Raft, Role};
use crate::state::cluster::Outbox;

/// Two times of a clock that differ by less are the same, in milliseconds: a timer's time and the
/// deadline it is for are rounded differently.
const SAME: f64 = 1e-6;

impl Raft {
    /// It will stand for election after a time-out, unless it hears from a leader.
    pub(super) fn wait_anew(&mut self, out: &mut Outbox<Self>) {
        let (low, high) = self.settings.timeouts;
        self.deadline = out.now() + low + (high - low) * out.random().uniform();
        self.set_election_timer(out);
    }

    /// The election timer rings.
    pub(super) fn rang(&mut self, out: &mut Outbox<Self>) {
        let now = out.now() + SAME;
        if now < self.rings {
            // An older one, for a deadline that was put forward.
            return;
        }
        self.rings = f64::INFINITY;
        if self.is_leader() {
            return;
        }
        if now < self.deadline {
            return self.set_election_timer(out);
        }
        self.wait_anew(out);
        // Who has no vote does not stand either.
        if !self.members().everyone().contains(self.node) {
            return;
        }
        if self.settings.pre_vote {
            (self.role, self.leader) = (Role::PreCandidate, None);
            self.canvass(self.term + 1, true, out);
        } else {
            self.stand(out);
        }
    }

    /// It stands for election, in a new term.
    pub(super) fn stand(&mut self, out: &mut Outbox<Self>) {
        (self.role, self.leader) = (Role::Candidate, None);
        (self.term, self.vote) = (self.term + 1, Some(self.node));
        self.canvass(self.term, false, out);
    }

    fn canvass(&mut self, term: u64, is_pre: bool, out: &mut Outbox<Self>) {
        self.votes = Nodes::default().with(self.node);
        let (last_index, last_term) = self.log.last();
        let message = RaftMessage::RequestVote { term, last_index, last_term, is_pre };
        for to in self.others().iter() {
            out.send(to, message.clone());
        }
        self.count(out);
    }

    /// A later term has begun; or the leader of this one is somebody else, or nobody.
    pub(super) fn steps_down(&mut self, term: u64, out: &mut Outbox<Self>) {
        if term > self.term {
            (self.term, self.vote, self.leader) = (term, None, None);
        }
        if self.is_leader() {
            self.leader = None;
            self.under_way.clear();
            self.reads.clear();
            self.wait_anew(out);
        }
        self.role = Role::Follower;
    }

    /// A candidate whose last entry has this term and index asks for a vote.
    pub(super) fn asked_for_vote(
        &mut self,
        from: usize,
        term: u64,
        last: (u64, u64),
        is_pre: bool,
        out: &mut Outbox<Self>,
    ) {
        let has_leader = self.is_leader() || out.now() < self.heard + self.settings.timeouts.0;
        if self.settings.is_loyal() && has_leader && term > self.term {
            // Whoever hears from a leader helps nobody to depose it (Ongaro 2014, section 4.2.3).
            return;
        }
        if !is_pre && term > self.term {
            self.steps_down(term, out);
        }
        let (index, own) = self.log.last();
        let is_current = last >= (own, index) || self.settings.broken.ignores_logs;
        let is_granted = if is_pre {
            is_current && term > self.term
        } else {
            is_current && term == self.term && self.vote.is_none_or(|vote| vote == from)
        };
        if is_granted && !is_pre {
            self.vote = Some(from);
            self.wait_anew(out);
        }
        let term = if is_granted { term } else { self.term };
        out.send(from, RaftMessage::Vote { term, is_granted, is_pre });
    }

    /// A vote arrives, or a refusal.
    pub(super) fn voted(
        &mut self,
        from: usize,
        term: u64,
        is_granted: bool,
        is_pre: bool,
        out: &mut Outbox<Self>,
    ) {
        if !is_granted {
            if term > self.term {
                self.steps_down(term, out);
            }
            return;
        }
        let awaited = if is_pre { Role::PreCandidate } else { Role::Candidate };
        if self.role == awaited && term == self.term + u64::from(is_pre) {
            self.votes = self.votes.with(from);
            self.count(out);
        }
    }

    /// Are these votes enough?
    fn count(&mut self, out: &mut Outbox<Self>) {
        if !self.members().agree(self.votes, self.settings.broken.quorum_short) {
            return;
        }
        match self.role {
            Role::PreCandidate => self.stand(out),
            Role::Candidate => self.leads(out),
            Role::Follower | Role::Leader => {}
        }
    }
}
