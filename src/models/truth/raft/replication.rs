//! The log's way from the leader to the others (Ongaro 2014, sections 3.5 and 3.6, chapter 5).

use super::log::{Command, Entry};
use super::members::{Members, Nodes};
use super::message::RaftMessage;
use super::replica::{HEARTBEATS, Raft, Role};
use super::store::Snapshot;
use crate::state::cluster::Outbox;
use std::sync::Arc;

/// What the leader knows of another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// The index of the entry that it is sent next.
    next: u64,
    /// The index up to which its log is the leader's, and when the leader sent what it knows this
    /// by.
    matched: u64,
    matched_by: f64,
    /// When the leader sent the latest message that it has answered.
    answered: f64,
    /// It is not known where its log and the leader's part: entries wait until it is.
    is_probed: bool,
}

impl Raft {
    /// It is elected.
    pub(super) fn leads(&mut self, out: &mut Outbox<Self>) {
        (self.role, self.leader, self.elected) = (Role::Leader, Some(self.node), out.now());
        let never = f64::NEG_INFINITY;
        let next = self.last_index() + 1;
        let peer = Peer { next, matched: 0, matched_by: never, answered: never, is_probed: true };
        self.peers = vec![peer; out.nodes()];
        self.under_way.clear();
        self.reads.clear();
        if self.settings.begins_with_nothing {
            self.log.push(Entry { term: self.term, command: Command::Nothing });
        }
        out.after(self.settings.heartbeat, HEARTBEATS + self.term);
        self.tells_all(out);
        self.commits(out);
        self.asks_leader(out);
    }

    /// Time for a heartbeat.
    pub(super) fn beats(&mut self, out: &mut Outbox<Self>) {
        let (_, high) = self.settings.timeouts;
        if out.now() - self.followed_since(out.now()).max(self.elected) > high {
            // Its followers are out of reach, and may have another leader by now (section 6.2).
            return self.steps_down(self.term, out);
        }
        self.changes_members(out);
        if !self.is_leader() {
            return;
        }
        self.tells_all(out);
        out.after(self.settings.heartbeat, HEARTBEATS + self.term);
    }

    /// When it was last sure that nobody had been elected after it: a majority has answered what
    /// it sent then.
    pub(super) fn followed_since(&self, now: f64) -> f64 {
        let short = self.settings.broken.quorum_short;
        let answered =
            |node: usize| if node == self.node { now } else { self.peers[node].answered };
        self.members().reached(short, answered).unwrap_or(f64::NEG_INFINITY)
    }

    /// All who have a vote, and are somebody else.
    pub(super) fn others(&self) -> Nodes {
        self.members().everyone().without(self.node)
    }

    /// Sends everyone what is next, entries or not: a heartbeat.
    pub(super) fn tells_all(&mut self, out: &mut Outbox<Self>) {
        for to in self.others().iter() {
            self.tells(to, out);
        }
    }

    fn tells(&mut self, to: usize, out: &mut Outbox<Self>) {
        let (term, sent, commit) = (self.term, out.now(), self.commit);
        let last = self.last_index();
        let peer = &mut self.peers[to];
        let previous_index = last.min(peer.next - 1);
        let message = match (self.log.term(previous_index), &self.snapshot) {
            (Some(previous_term), _) => {
                let entries = self.log.entries(previous_index + 1, self.settings.batch).to_vec();
                if !peer.is_probed {
                    peer.next += entries.len() as u64;
                }
                RaftMessage::Append { term, sent, previous_index, previous_term, entries, commit }
            }
            (None, Some(snapshot)) => {
                peer.is_probed = true;
                RaftMessage::InstallSnapshot { term, sent, snapshot: Arc::clone(snapshot) }
            }
            (None, None) => unreachable!("entry {previous_index} is neither in log nor snapshot"),
        };
        out.send(to, message);
    }

    /// The leader puts a command into its log.
    pub(super) fn writes(&mut self, command: Command, out: &mut Outbox<Self>) {
        self.log.push(Entry { term: self.term, command });
        for to in self.others().iter() {
            if !self.peers[to].is_probed {
                self.tells(to, out);
            }
        }
        self.commits(out);
    }

    /// What a leader sends has arrived. Whether it leads, as far as is known here.
    pub(super) fn hears(
        &mut self,
        from: usize,
        term: u64,
        sent: f64,
        out: &mut Outbox<Self>,
    ) -> bool {
        if term < self.term {
            let (previous_index, other_term, index) = (0, None, 1);
            let term = self.term;
            out.send(from, RaftMessage::Conflict { term, sent, previous_index, other_term, index });
            return false;
        }
        if term > self.term || self.role != Role::Follower {
            self.steps_down(term, out);
        }
        self.heard = out.now();
        self.wait_anew(out);
        if self.leader != Some(from) {
            self.leader = Some(from);
            self.asks_leader(out);
        }
        true
    }

    /// Entries arrive from the leader, to follow one of this index and term.
    pub(super) fn appends(
        &mut self,
        from: usize,
        sent: f64,
        (previous_index, previous_term): (u64, u64),
        entries: &[Entry],
        commit: u64,
        out: &mut Outbox<Self>,
    ) {
        let term = self.term;
        let base = self.log.base().0;
        // What a snapshot holds is committed: it is the leader's too.
        if previous_index >= base && self.log.term(previous_index) != Some(previous_term) {
            let (other_term, index) = match self.log.term(previous_index) {
                Some(other) => (Some(other), self.log.first_of_its_term(previous_index)),
                None => (None, self.last_index() + 1),
            };
            out.send(from, RaftMessage::Conflict { term, sent, previous_index, other_term, index });
            return;
        }
        for (index, entry) in (previous_index + 1..).zip(entries) {
            if index <= base {
                continue;
            }
            match self.log.term(index) {
                Some(term) if term == entry.term => continue,
                Some(_) => self.log.truncate(index),
                None => {}
            }
            self.log.push(*entry);
        }
        let matched = previous_index + entries.len() as u64;
        self.commit = self.commit.max(commit.min(matched));
        self.applies(out);
        out.send(from, RaftMessage::Appended { term, sent, matched });
    }

    /// A snapshot arrives from the leader.
    pub(super) fn installs(
        &mut self,
        from: usize,
        sent: f64,
        snapshot: Arc<Snapshot>,
        out: &mut Outbox<Self>,
    ) {
        let matched = snapshot.index;
        if matched > self.store.applied {
            (self.commit, self.store) = (self.commit.max(matched), snapshot.store.clone());
            if self.log.term(matched) == Some(snapshot.term) {
                self.log.compact(matched);
            } else {
                self.log.replace((matched, snapshot.term), snapshot.members);
            }
            self.snapshot = Some(snapshot);
            self.applies(out);
        }
        out.send(from, RaftMessage::Appended { term: self.term, sent, matched });
    }

    /// Whether an answer of this term is one to what it sent as a leader.
    pub(super) fn leads_in(&mut self, term: u64, out: &mut Outbox<Self>) -> bool {
        if term > self.term {
            self.steps_down(term, out);
        }
        self.is_leader() && term == self.term
    }

    /// Another's log is the leader's up to an index.
    pub(super) fn appended(
        &mut self,
        from: usize,
        sent: f64,
        matched: u64,
        out: &mut Outbox<Self>,
    ) {
        let last = self.last_index();
        let peer = &mut self.peers[from];
        peer.answered = peer.answered.max(sent);
        if matched >= peer.matched {
            (peer.matched, peer.matched_by) = (matched, peer.matched_by.max(sent));
        }
        peer.is_probed = false;
        peer.next = peer.next.max(peer.matched + 1);
        if peer.next <= last {
            self.tells(from, out);
        }
        self.commits(out);
        self.reads_now(out);
    }

    /// Another's log is not the leader's at an index: the leader goes back to where they may part,
    /// a term at a time (Ongaro 2014, section 3.5).
    pub(super) fn conflicts(
        &mut self,
        from: usize,
        sent: f64,
        previous_index: u64,
        (other_term, index): (Option<u64>, u64),
        out: &mut Outbox<Self>,
    ) {
        let peer = &mut self.peers[from];
        peer.answered = peer.answered.max(sent);
        if previous_index <= peer.matched && sent > peer.matched_by {
            // It had it, and has lost its disk.
            (peer.matched, peer.matched_by) = (0, sent);
        }
        // Is it about what was sent last, or at least of something that still matters?
        let is_news = match peer.is_probed {
            true => previous_index + 1 == peer.next,
            false => previous_index > peer.matched,
        };
        if is_news {
            let parted = other_term.and_then(|term| self.log.last_of_term(term));
            let next = parted.map_or(index, |last| last + 1).min(previous_index);
            (peer.next, peer.is_probed) = (next.max(peer.matched + 1), true);
            self.tells(from, out);
        }
        self.reads_now(out);
    }

    /// What a majority holds is committed, if it is of the leader's own term; what came before it
    /// is committed with it (Ongaro 2014, section 3.6.2, figure 3.7).
    pub(super) fn commits(&mut self, out: &mut Outbox<Self>) {
        let broken = self.settings.broken;
        let last = self.last_index();
        let matched = |node: usize| if node == self.node { last } else { self.peers[node].matched };
        let held = self.members().reached(broken.quorum_short, matched).unwrap_or(0);
        let is_own = broken.counts_earlier_terms || self.log.term(held) == Some(self.term);
        if held > self.commit && is_own {
            self.commit = held;
            self.applies(out);
            self.reads_now(out);
            self.goes_on_changing(out);
        }
    }

    /// Applies what is committed and not yet applied; a leader answers.
    fn applies(&mut self, out: &mut Outbox<Self>) {
        while self.store.applied < self.commit {
            let Some(&Entry { command, .. }) = self.log.entry(self.store.applied + 1) else {
                // Broken on purpose: what was committed has been taken back.
                break;
            };
            let reply = self.store.apply(&command, self.settings.broken.applies_twice);
            if let Command::Client(command) = command {
                self.under_way.remove(&command.id);
                if let Some(reply) = reply {
                    self.answers(command.id, reply, out);
                }
            }
        }
    }

    /// A change of members that was planned for now begins (Ongaro 2014, section 4.3).
    fn changes_members(&mut self, out: &mut Outbox<Self>) {
        let Some(wanted) = self.settings.planned(out.now()) else { return };
        let (index, members) = self.log.members();
        // One change at a time, and none before an entry of this term is committed.
        let is_free = members.next.is_none()
            && index <= self.commit
            && self.log.term(self.commit) == Some(self.term);
        if is_free && members.voters != wanted {
            let next = match self.settings.broken.changes_at_once {
                true => Members::of(wanted),
                false => Members { voters: members.voters, next: Some(wanted) },
            };
            self.writes(Command::Members(next), out);
        }
    }

    /// When both majorities have agreed on the change, the new one goes on alone; a leader that is
    /// not in it leaves when that is committed.
    fn goes_on_changing(&mut self, out: &mut Outbox<Self>) {
        let (index, members) = self.log.members();
        if index > self.commit || !self.is_leader() {
            return;
        }
        if let Some(next) = members.next {
            self.writes(Command::Members(Members::of(next)), out);
        } else if !members.voters.contains(self.node) {
            self.tells_all(out);
            self.steps_down(self.term, out);
        }
    }
}
