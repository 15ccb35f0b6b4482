//! A log of decisions under one leader (Lamport, 2001, section 3; Van Renesse and Altinbuken,
//! 2015), and a key-value store made of it.

use super::command::{Command, ReplicatedLog, Store};
use super::flaw::PaxosFlaw;
use super::multi_message::MultiPaxosMessage::{
    self, Accept, Accepted, Chosen, Forward, Lacks, Leads, Prepare, Promise, Refused,
};
use super::single::Ballot;
use super::slot_agreement::SlotAgreement;
use super::slot_validity::SlotValidity;
use super::tenure::Chronicle;
use crate::number::positive;
use crate::state::cluster::{Outbox, Property, Replica, Request, Setting, compiled_here};
use crate::state::consistency::{KeyValueCall, KeyValueSpec};
use std::collections::{BTreeMap, BTreeSet};

/// The periodic timer; other numbers are of elections.
const TICK: u64 = 0;
/// Slots that are told at a time to a replica that lacks some.
const HELPING: u64 = 64;

/// A replica of a key-value store whose commands are put into a log, reads too. A leader runs phase
/// 1 once for all slots, and phase 2 for each command. As made by [`MultiPaxos::new`] quorums are
/// majorities, node 0 stands for election at once, a leader is heard of every 20 ms, and who has not
/// heard of one for 100 to 200 ms stands for election.
#[derive(Clone, Debug)]
pub struct MultiPaxos {
    flaw: Option<PaxosFlaw>,
    quorums: Option<(usize, usize)>,
    heartbeat: f64,
    timeout: f64,
    /// On disk, as all up to `asked`: the acceptor refuses ballots below this.
    promised: Ballot,
    accepted: BTreeMap<u64, (Ballot, Command)>,
    chosen: BTreeMap<u64, Command>,
    store: Store,
    round: u64,
    /// What this node's clients have asked: the number of a command is its index.
    asked: Vec<KeyValueCall>,
    waiting: BTreeMap<usize, Request>,
    role: Role,
    leader: Option<usize>,
    election: u64,
    chronicle: Option<Chronicle>,
}

#[derive(Clone, Debug)]
enum Role {
    Follower,
    Candidate { ballot: Ballot, promises: Vec<usize>, found: BTreeMap<u64, (Ballot, Command)> },
    Leader(Leadership),
}

#[derive(Clone, Debug)]
struct Leadership {
    ballot: Ballot,
    /// The first slot that is free.
    next: u64,
    /// What it has asked to accept, and who has.
    open: BTreeMap<u64, (Command, Vec<usize>)>,
    /// Calls that are in the log.
    known: BTreeSet<(usize, usize)>,
}

impl MultiPaxos {
    /// With majorities.
    pub fn new(_node: usize) -> Self {
        Self {
            flaw: None,
            quorums: None,
            heartbeat: 20.0,
            timeout: 100.0,
            promised: (0, 0),
            accepted: BTreeMap::new(),
            chosen: BTreeMap::new(),
            store: Store::default(),
            round: 0,
            asked: vec![],
            waiting: BTreeMap::new(),
            role: Role::Follower,
            leader: None,
            election: 0,
            chronicle: None,
        }
    }

    /// A leader is heard of every `heartbeat` milliseconds; who has not heard of one for a time
    /// evenly distributed from `timeout` to twice that stands for election.
    ///
    /// # Panics
    /// If one of them is not a positive number.
    #[track_caller]
    pub fn timing(self, heartbeat: f64, timeout: f64) -> Self {
        const PLACE: &str = "MultiPaxos::timing";
        let heartbeat = positive(PLACE, "time between heartbeats", heartbeat);
        Self { heartbeat, timeout: positive(PLACE, "election time-out", timeout), ..self }
    }

    /// Flexible Paxos: quorums of `first` replicas to elect a leader and of `second` to commit
    /// (Howard, Malkhi and Spiegelman, 2016). Only those of one phase must meet those of the other:
    /// first + second > n. Whether they do is for the survey to show.
    ///
    /// # Panics
    /// If one of them is 0.
    #[track_caller]
    pub fn quorums(self, first: usize, second: usize) -> Self {
        assert!(
            first >= 1 && second >= 1,
            "MultiPaxos::quorums: a quorum needs at least 1 replica, but they are {first} and \
             {second}"
        );
        Self { quorums: Some((first, second)), ..self }
    }

    /// With a mistake in it.
    pub fn flaw(self, flaw: PaxosFlaw) -> Self {
        Self { flaw: Some(flaw), ..self }
    }

    pub(super) fn in_chronicle(self, chronicle: Chronicle) -> Self {
        Self { chronicle: Some(chronicle), ..self }
    }

    fn quorum_sizes(&self, nodes: usize) -> (usize, usize) {
        self.quorums.unwrap_or((nodes / 2 + 1, nodes / 2 + 1))
    }

    /// To itself at once, without a message.
    fn tell(&mut self, to: usize, message: MultiPaxosMessage, out: &mut Outbox<Self>) {
        match to == out.node() {
            true => self.message(to, message, out),
            false => out.send(to, message),
        }
    }

    fn tell_all(&mut self, message: MultiPaxosMessage, out: &mut Outbox<Self>) {
        out.broadcast(message.clone());
        self.message(out.node(), message, out);
    }

    fn expects_a_leader(&mut self, out: &mut Outbox<Self>) {
        self.election += 1;
        let delay = self.timeout * (1.0 + out.random().uniform());
        out.after(delay, self.election);
    }

    fn stands(&mut self, out: &mut Outbox<Self>) {
        self.expects_a_leader(out);
        self.round = self.round.max(self.promised.0) + 1;
        let ballot = (self.round, out.node());
        self.leader = None;
        self.role = Role::Candidate { ballot, promises: vec![], found: BTreeMap::new() };
        self.tell_all(Prepare { ballot, from: self.store.applied() }, out);
    }

    /// A higher ballot than its own may be known.
    fn gives_way(&mut self, to: Ballot) {
        self.round = self.round.max(to.0);
        let own = match &self.role {
            Role::Follower => return,
            Role::Candidate { ballot, .. } | Role::Leader(Leadership { ballot, .. }) => *ballot,
        };
        if own < to {
            (self.role, self.leader) = (Role::Follower, None);
        }
    }

    fn hears_promise(
        &mut self,
        from: usize,
        of: Ballot,
        accepted: Vec<(u64, Ballot, Command)>,
        out: &mut Outbox<Self>,
    ) {
        let (quorum, _) = self.quorum_sizes(out.nodes());
        let flaw = self.flaw;
        let Role::Candidate { ballot, promises, found } = &mut self.role else { return };
        let is_known = flaw != Some(PaxosFlaw::CountsTwice) && promises.contains(&from);
        if *ballot != of || is_known {
            return;
        }
        promises.push(from);
        for (slot, at, command) in accepted {
            let held = found.entry(slot).or_insert((at, command));
            if at > held.0 || flaw == Some(PaxosFlaw::TakesAnyAccepted) {
                *held = (at, command);
            }
        }
        if promises.len() >= quorum {
            let found = std::mem::take(found);
            self.leads(of, &found, out);
        }
    }

    /// Every slot that may be decided is proposed again, and those between are filled.
    fn leads(
        &mut self,
        ballot: Ballot,
        found: &BTreeMap<u64, (Ballot, Command)>,
        out: &mut Outbox<Self>,
    ) {
        let last = |slot: Option<&u64>| slot.map_or(0, |slot| slot + 1);
        let end = last(found.keys().next_back()).max(last(self.chosen.keys().next_back()));
        let id = |command: &Command| match *command {
            Command::Call { node, number, .. } => Some((node, number)),
            Command::Nothing => None,
        };
        let known = self.chosen.values().filter_map(id).collect();
        let open = BTreeMap::new();
        self.role = Role::Leader(Leadership { ballot, next: end, open, known });
        self.leader = Some(out.node());
        if let Some(chronicle) = &self.chronicle {
            chronicle.leads(out.now(), ballot);
        }
        self.tell_all(Leads { ballot, applied: self.store.applied() }, out);
        for slot in self.store.applied()..end {
            if self.chosen.contains_key(&slot) {
                continue;
            }
            let found = found.get(&slot).filter(|_| self.flaw != Some(PaxosFlaw::IgnoresAccepted));
            self.proposes(slot, found.map_or(Command::Nothing, |(_, command)| *command), out);
        }
        self.asks_again(out);
    }

    fn proposes(&mut self, slot: u64, command: Command, out: &mut Outbox<Self>) {
        let Role::Leader(leader) = &mut self.role else { return };
        let ballot = leader.ballot;
        if let Command::Call { node, number, .. } = command {
            leader.known.insert((node, number));
        }
        leader.open.insert(slot, (command, vec![]));
        self.tell_all(Accept { ballot, slot, command }, out);
    }

    /// A command for the log, if this node leads and it is not there.
    fn takes(&mut self, command: Command, out: &mut Outbox<Self>) {
        let Role::Leader(leader) = &mut self.role else { return };
        let Command::Call { node, number, .. } = command else { return };
        if leader.known.contains(&(node, number)) {
            return;
        }
        let slot = leader.next;
        leader.next += 1;
        self.proposes(slot, command, out);
    }

    /// To the leader, if one is known.
    fn asks(&mut self, number: usize, out: &mut Outbox<Self>) {
        let Some(leader) = self.leader else { return };
        let command = Command::Call { node: out.node(), number, call: self.asked[number] };
        self.tell(leader, Forward { command }, out);
    }

    fn asks_again(&mut self, out: &mut Outbox<Self>) {
        let numbers: Vec<usize> = self.waiting.keys().copied().collect();
        for number in numbers {
            self.asks(number, out);
        }
    }

    fn hears_vote(&mut self, from: usize, ballot: Ballot, slot: u64, out: &mut Outbox<Self>) {
        let (_, quorum) = self.quorum_sizes(out.nodes());
        let Role::Leader(leader) = &mut self.role else { return };
        if leader.ballot != ballot {
            return;
        }
        let Some((command, votes)) = leader.open.get_mut(&slot) else { return };
        if !votes.contains(&from) || self.flaw == Some(PaxosFlaw::CountsTwice) {
            votes.push(from);
        }
        if votes.len() >= quorum {
            let command = *command;
            leader.open.remove(&slot);
            self.tell_all(Chosen { slot, command }, out);
        }
    }

    /// Carries out what can be; clients of this node are answered here.
    fn learns(&mut self, slot: u64, command: Command, out: &mut Outbox<Self>) {
        self.chosen.entry(slot).or_insert(command);
        while let Some(command) = self.chosen.get(&self.store.applied()) {
            let Some((node, number, reply)) = self.store.apply(command) else { continue };
            if node == out.node()
                && let Some(request) = self.waiting.remove(&number)
            {
                out.reply(request, reply);
            }
        }
    }

    fn hears_of_leader(&mut self, from: usize, ballot: Ballot, out: &mut Outbox<Self>) {
        self.promised = ballot;
        self.gives_way(ballot);
        if from != out.node() {
            self.expects_a_leader(out);
        }
        if self.leader != Some(from) {
            self.leader = Some(from);
            self.asks_again(out);
        }
    }
}

impl Replica for MultiPaxos {
    type Object = KeyValueSpec;
    type Message = MultiPaxosMessage;

    compiled_here!();

    fn check(&self, setting: Setting) {
        let (first, second) = self.quorum_sizes(setting.nodes);
        setting.has_quorums("MultiPaxos::quorums", first.max(second));
        let longest = 2.0 * self.timeout;
        setting.allows("MultiPaxos::timing", "longest election time-out", longest);
    }

    fn start(&mut self, out: &mut Outbox<Self>) {
        out.after(self.heartbeat, TICK);
        match out.node() {
            0 => self.stands(out),
            _ => self.expects_a_leader(out),
        }
    }

    fn call(&mut self, request: Request, call: KeyValueCall, out: &mut Outbox<Self>) {
        let number = self.asked.len();
        self.asked.push(call);
        self.waiting.insert(number, request);
        self.asks(number, out);
    }

    fn message(&mut self, from: usize, message: MultiPaxosMessage, out: &mut Outbox<Self>) {
        match message {
            Prepare { ballot, .. } | Accept { ballot, .. } | Leads { ballot, .. }
                if ballot < self.promised =>
            {
                self.tell(from, Refused { promised: self.promised }, out);
            }
            Prepare { ballot, from: first } => {
                self.promised = ballot;
                self.gives_way(ballot);
                if from != out.node() {
                    self.expects_a_leader(out);
                }
                let slots = self.accepted.range(first..);
                let accepted = slots.map(|(slot, (at, command))| (*slot, *at, *command)).collect();
                self.tell(from, Promise { ballot, accepted }, out);
            }
            Accept { ballot, slot, command } => {
                self.hears_of_leader(from, ballot, out);
                self.accepted.insert(slot, (ballot, command));
                self.tell(from, Accepted { ballot, slot }, out);
            }
            Leads { ballot, applied } => {
                self.hears_of_leader(from, ballot, out);
                if applied > self.store.applied() {
                    self.tell(from, Lacks { from: self.store.applied() }, out);
                }
            }
            Promise { ballot, accepted } => self.hears_promise(from, ballot, accepted, out),
            Accepted { ballot, slot } => self.hears_vote(from, ballot, slot, out),
            Refused { promised } => {
                self.gives_way(promised);
                if matches!(self.role, Role::Follower) {
                    self.expects_a_leader(out);
                }
            }
            Forward { command } => self.takes(command, out),
            Chosen { slot, command } => self.learns(slot, command, out),
            Lacks { from: first } => {
                for (slot, command) in self.chosen.range(first..first + HELPING) {
                    out.send(from, Chosen { slot: *slot, command: *command });
                }
            }
        }
    }

    fn timer(&mut self, number: u64, out: &mut Outbox<Self>) {
        if number == self.election && !matches!(self.role, Role::Leader(_)) {
            self.stands(out);
        }
        if number != TICK {
            return;
        }
        out.after(self.heartbeat, TICK);
        match &self.role {
            Role::Leader(leader) => {
                let ballot = leader.ballot;
                out.broadcast(Leads { ballot, applied: self.store.applied() });
                // What was lost on its way is sent again.
                for (slot, (command, votes)) in &leader.open {
                    for to in (0..out.nodes()).filter(|to| !votes.contains(to)) {
                        out.send(to, Accept { ballot, slot: *slot, command: *command });
                    }
                }
            }
            _ => self.asks_again(out),
        }
    }

    fn restart(&mut self, out: &mut Outbox<Self>) {
        (self.role, self.leader) = (Role::Follower, None);
        self.waiting.clear();
        match self.flaw {
            Some(PaxosFlaw::ForgetsPromises) => self.promised = (0, 0),
            Some(PaxosFlaw::ForgetsAccepted) => {
                self.promised = (0, 0);
                self.accepted.clear();
            }
            _ => {}
        }
        out.after(self.heartbeat, TICK);
        self.expects_a_leader(out);
    }

    fn properties(_: usize) -> Vec<Box<dyn Property<Self>>> {
        vec![Box::<SlotAgreement>::default(), Box::<SlotValidity>::default()]
    }

    /// As "leader 2.1", "candidate 3.0"; nothing for a follower.
    fn label(&self) -> String {
        match &self.role {
            Role::Follower => String::new(),
            Role::Candidate { ballot: (round, node), .. } => format!("candidate {round}.{node}"),
            Role::Leader(Leadership { ballot: (round, node), .. }) => {
                format!("leader {round}.{node}")
            }
        }
    }
}

impl ReplicatedLog for MultiPaxos {
    fn log(&self) -> &BTreeMap<u64, Command> {
        &self.chosen
    }

    fn applied(&self) -> u64 {
        self.store.applied()
    }

    fn asked(&self) -> &[KeyValueCall] {
        &self.asked
    }
}
