//! A replica of Raft: what it has on disk, what it remembers, and what it does when something
//! reaches it.

use super::clients::Open;
use super::log::{ClientCommand, CommandId, Entry, Log};
use super::members::{Members, Nodes};
use super::message::RaftMessage;
use super::properties;
use super::replication::Peer;
use super::settings::Settings;
use super::store::{Snapshot, Store};
use crate::state::cluster::{Outbox, Property, Replica, Request, Setting, compiled_here};
use crate::state::consistency::{KeyValueCall, KeyValueSpec};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A replica of a key-value store by Raft (Ongaro and Ousterhout, 2014; Ongaro's thesis of the
/// same year): a leader for each term, elected by a majority, puts the clients' commands into
/// a log; an entry that a majority holds is committed and applied.
///
/// As made by [`Raft::new`]: election time-outs of 150 to 300 ms, heartbeats every 50 ms, reads
/// through the log, all nodes are members for good, and the log is never compacted. A request at
/// another node is sent on to the leader, again every 50 ms until it is answered, and is applied
/// once.
#[derive(Clone, Debug)]
pub struct Raft {
    pub(super) settings: Settings,
    pub(super) node: usize,
    // On disk.
    pub(super) term: u64,
    pub(super) vote: Option<usize>,
    pub(super) log: Log,
    pub(super) snapshot: Option<Arc<Snapshot>>,
    // In memory.
    pub(super) role: Role,
    pub(super) leader: Option<usize>,
    /// When it last heard from a leader, by its own clock, as all times here.
    pub(super) heard: f64,
    /// When it stands for election, unless it hears from a leader before; and when the timer rings
    /// by which it will notice.
    pub(super) deadline: f64,
    pub(super) rings: f64,
    /// Who has given it a vote.
    pub(super) votes: Nodes,
    pub(super) commit: u64,
    pub(super) store: Store,
    // Of a leader.
    pub(super) elected: f64,
    pub(super) peers: Vec<Peer>,
    /// Commands that are in its log, or wait to be read, and will be answered.
    pub(super) under_way: BTreeSet<CommandId>,
    /// Reads that wait until it is sure that it still leads, and when they came.
    pub(super) reads: Vec<(f64, ClientCommand)>,
    // For this node's clients.
    pub(super) session: u64,
    pub(super) serial: u64,
    pub(super) open: BTreeMap<u64, Open>,
    pub(super) retries: bool,
}

/// What it is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Follower,
    /// It asks whether it would be elected.
    PreCandidate,
    Candidate,
    Leader,
}

/// Names of timers. A heartbeat's is that of its term after these.
const ELECTION: u64 = 0;
const RETRY: u64 = 1;
pub(super) const HEARTBEATS: u64 = 2;

impl Raft {
    /// A replica. Which of them it is it learns when it starts.
    pub fn new(_node: usize) -> Self {
        Self {
            settings: Settings::default(),
            node: 0,
            term: 0,
            vote: None,
            log: Log::new(Nodes::default()),
            snapshot: None,
            role: Role::Follower,
            leader: None,
            heard: f64::NEG_INFINITY,
            deadline: f64::INFINITY,
            rings: f64::INFINITY,
            votes: Nodes::default(),
            commit: 0,
            store: Store::default(),
            elected: f64::NEG_INFINITY,
            peers: vec![],
            under_way: BTreeSet::new(),
            reads: vec![],
            session: 0,
            serial: 0,
            open: BTreeMap::new(),
            retries: false,
        }
    }

    /// The latest term that it knows.
    pub const fn term(&self) -> u64 {
        self.term
    }

    /// Whether it leads, as far as it knows.
    pub fn is_leader(&self) -> bool {
        self.role == Role::Leader
    }

    /// An entry of its log, by its index from 1 on; nothing if there is none, or only a snapshot
    /// holds it.
    pub fn entry(&self, index: u64) -> Option<&Entry> {
        self.log.entry(index)
    }

    /// The index of the last entry of its log; 0 if it is empty.
    pub fn last_index(&self) -> u64 {
        self.log.last().0
    }

    /// The index up to which it knows the log to be committed.
    pub const fn committed(&self) -> u64 {
        self.commit
    }

    /// The index up to which it has applied the log.
    pub const fn applied(&self) -> u64 {
        self.store.applied
    }

    /// The configuration that it goes by: the latest in its log, committed or not.
    pub fn members(&self) -> Members {
        self.log.members().1
    }

    /// Its memory after a start or a crash.
    fn begin(&mut self, out: &mut Outbox<Self>) {
        self.rings = f64::INFINITY;
        self.session = out.random().bits();
        self.wait_anew(out);
    }

    /// It forgets all that it does not have on disk.
    fn forget(&mut self) {
        (self.role, self.leader) = (Role::Follower, None);
        self.store = self.snapshot.as_ref().map_or_else(Store::default, |it| it.store.clone());
        self.commit = self.store.applied;
        self.peers.clear();
        self.under_way.clear();
        self.reads.clear();
        self.open.clear();
        (self.serial, self.retries) = (0, false);
        if self.settings.broken.forgets_votes {
            (self.term, self.vote) = (self.log.last().1, None);
        }
    }

    /// When enough has been applied since the last snapshot, there is a new one. The entries since
    /// the last are kept for whoever is a little behind, those before it are not. Not in the step
    /// that applied them: properties look at entries when they have been applied.
    fn compact(&mut self) {
        let Some(every) = self.settings.snapshot_every else { return };
        let last = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.index);
        let index = self.store.applied;
        if index < last + every {
            return;
        }
        let Some(term) = self.log.term(index) else { return };
        let (members, store) = (self.log.members_at(index), self.store.clone());
        self.snapshot = Some(Arc::new(Snapshot { index, term, members, store }));
        self.log.compact(last);
    }
}

impl Replica for Raft {
    type Object = KeyValueSpec;
    type Message = RaftMessage;

    compiled_here!();

    fn check(&self, setting: Setting) {
        self.settings.check(setting);
    }

    fn start(&mut self, out: &mut Outbox<Self>) {
        self.node = out.node();
        self.log = Log::new(self.settings.voters.unwrap_or(Nodes::below(out.nodes())));
        self.begin(out);
        if self.settings.first_leader == Some(self.node) {
            self.stand(out);
        }
    }

    fn restart(&mut self, out: &mut Outbox<Self>) {
        self.forget();
        // It may have promised a leader not to vote, and does not remember when.
        self.heard = out.now();
        self.begin(out);
    }

    fn call(&mut self, request: Request, call: KeyValueCall, out: &mut Outbox<Self>) {
        self.compact();
        self.asked(request, call, out);
    }

    fn message(&mut self, from: usize, message: RaftMessage, out: &mut Outbox<Self>) {
        use RaftMessage as M;
        self.compact();
        match message {
            M::RequestVote { term, last_index, last_term, is_pre } => {
                self.asked_for_vote(from, term, (last_term, last_index), is_pre, out);
            }
            M::Vote { term, is_granted, is_pre } => {
                self.voted(from, term, is_granted, is_pre, out);
            }
            M::Append { term, sent, previous_index, previous_term, entries, commit } => {
                let previous = (previous_index, previous_term);
                if self.hears(from, term, sent, out) {
                    self.appends(from, sent, previous, &entries, commit, out);
                }
            }
            M::InstallSnapshot { term, sent, snapshot } => {
                if self.hears(from, term, sent, out) {
                    self.installs(from, sent, snapshot, out);
                }
            }
            M::Appended { term, sent, matched } => {
                if self.leads_in(term, out) {
                    self.appended(from, sent, matched, out);
                }
            }
            M::Conflict { term, sent, previous_index, other_term, index } => {
                if self.leads_in(term, out) {
                    self.conflicts(from, sent, previous_index, (other_term, index), out);
                }
            }
            M::Forward(command) => self.takes(command, out),
            M::Reply { session, serial, reply } => {
                if session == self.session {
                    self.answered(serial, reply, out);
                }
            }
        }
    }

    fn timer(&mut self, name: u64, out: &mut Outbox<Self>) {
        self.compact();
        match name {
            ELECTION => self.rang(out),
            RETRY => self.asks_again(out),
            _ if self.is_leader() && name == HEARTBEATS + self.term => self.beats(out),
            _ => {}
        }
    }

    fn properties(nodes: usize) -> Vec<Box<dyn Property<Self>>> {
        properties::all(nodes)
    }

    fn label(&self) -> String {
        let role = match self.role {
            Role::Follower => "follower",
            Role::PreCandidate => "asks around",
            Role::Candidate => "candidate",
            Role::Leader => "leader",
        };
        format!("{role}, term {}", self.term)
    }
}

impl Raft {
    pub(super) fn set_election_timer(&mut self, out: &mut Outbox<Self>) {
        // A timer that rings before will see to it.
        if self.deadline < self.rings {
            self.rings = self.deadline;
            out.after((self.deadline - out.now()).max(0.0), ELECTION);
        }
    }

    pub(super) fn set_retry_timer(&mut self, out: &mut Outbox<Self>) {
        if !self.retries {
            self.retries = true;
            out.after(self.settings.heartbeat, RETRY);
        }
    }
}
