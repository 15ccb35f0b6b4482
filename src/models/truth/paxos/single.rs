//! One decision (Lamport, 1998, section 2; 2001, section 2): every node is proposer, acceptor and
//! learner.

use super::agreement::Agreement;
use super::consensus::{ConsensusCall, ConsensusReply, ConsensusSpec, Decides};
use super::duels::Sheet;
use super::flaw::PaxosFlaw;
use super::learning::Learning;
use super::validity::Validity;
use crate::number::positive;
use crate::state::cluster::{Outbox, Property, Replica, Request, Setting, compiled_here};
use std::fmt;

/// A ballot: a counter, from 1 on, and the node that began it. Ballots are ordered so.
pub type Ballot = (u64, usize);

/// A replica that takes part in one decision. As made by [`Paxos::new`] its quorums are
/// majorities; a proposer that hears nothing for 50 ms begins a new ballot; one that hears of a
/// higher ballot gives its own up and waits for a random time of up to 20 ms before the next.
///
/// Proposer, acceptor and learner of a node share its memory: a proposer hears at once of a higher
/// ballot that its own acceptor has promised.
#[derive(Clone, Debug)]
pub struct Paxos {
    flaw: Option<PaxosFlaw>,
    quorums: Option<(usize, usize)>,
    patience: f64,
    back_off: f64,
    /// The acceptor, on disk: it refuses ballots below this.
    promised: Ballot,
    /// The acceptor, on disk.
    accepted: Option<(Ballot, i64)>,
    /// The learner, on disk.
    decided: Option<i64>,
    /// The proposer, on disk: the highest counter it has used or heard of.
    round: u64,
    /// What this node's clients want.
    own: Option<i64>,
    attempt: Option<Attempt>,
    waiting: Vec<Request>,
    /// The timer that counts: earlier ones do not.
    timer: u64,
    sheet: Option<Sheet>,
}

/// A ballot that a proposer has begun.
#[derive(Clone, Debug)]
struct Attempt {
    ballot: Ballot,
    promises: Vec<usize>,
    /// What acceptors had accepted before, in the highest ballot.
    highest: Option<(Ballot, i64)>,
    /// What it has asked to accept; nothing in its first phase.
    value: Option<i64>,
    accepts: Vec<usize>,
}

/// What replicas tell each other.
#[derive(Clone, PartialEq)]
pub enum PaxosMessage {
    /// Phase 1a: refuse all lower ballots from now on. What have you accepted?
    Prepare { ballot: Ballot },
    /// Phase 1b: this, in the highest ballot.
    Promise { ballot: Ballot, accepted: Option<(Ballot, i64)> },
    /// Phase 2a: accept this.
    Accept { ballot: Ballot, value: i64 },
    /// Phase 2b: accepted.
    Accepted { ballot: Ballot },
    /// A higher ballot has been promised.
    Refused { ballot: Ballot, promised: Ballot },
    /// This is decided.
    Decided { value: i64 },
}

/// As a space-time diagram has room for: "promise 2.1, 7 in 1.0". A ballot is a counter and a node.
impl fmt::Debug for PaxosMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |(count, node): Ballot| format!("{count}.{node}");
        match *self {
            Self::Prepare { ballot } => write!(f, "prepare {}", of(ballot)),
            Self::Promise { ballot, accepted: None } => write!(f, "promise {}", of(ballot)),
            Self::Promise { ballot, accepted: Some((earlier, value)) } => {
                write!(f, "promise {}, {value} in {}", of(ballot), of(earlier))
            }
            Self::Accept { ballot, value } => write!(f, "accept {value} in {}", of(ballot)),
            Self::Accepted { ballot } => write!(f, "accepted {}", of(ballot)),
            Self::Refused { ballot, promised } => {
                write!(f, "not {}: promised {}", of(ballot), of(promised))
            }
            Self::Decided { value } => write!(f, "decided {value}"),
        }
    }
}

impl Paxos {
    /// With majorities, and with back-off.
    pub fn new(_node: usize) -> Self {
        Self {
            flaw: None,
            quorums: None,
            patience: 50.0,
            back_off: 20.0,
            promised: (0, 0),
            accepted: None,
            decided: None,
            round: 0,
            own: None,
            attempt: None,
            waiting: vec![],
            timer: 0,
            sheet: None,
        }
    }

    /// How long a proposer waits for a quorum, in milliseconds, before it begins a new ballot.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn patience(self, time: f64) -> Self {
        Self { patience: positive("Paxos::patience", "patience", time), ..self }
    }

    /// The longest time that a proposer waits once it has heard of a higher ballot, in
    /// milliseconds; how long it waits is evenly distributed from 0 on.
    ///
    /// # Panics
    /// If it is not a positive number; for none there is [`Paxos::without_back_off`].
    #[track_caller]
    pub fn back_off(self, longest: f64) -> Self {
        Self { back_off: positive("Paxos::back_off", "longest wait", longest), ..self }
    }

    /// A proposer that hears of a higher ballot begins a still higher one at once.
    pub fn without_back_off(self) -> Self {
        Self { back_off: 0.0, ..self }
    }

    /// With quorums of `first` acceptors in phase 1 and of `second` in phase 2. Those of one phase
    /// need not meet each other, those of one must meet those of the other: first + second > n
    /// (Howard, Malkhi and Spiegelman, 2016). Whether they do is for the survey to show.
    ///
    /// # Panics
    /// If one of them is 0.
    #[track_caller]
    pub fn quorums(self, first: usize, second: usize) -> Self {
        assert!(
            first >= 1 && second >= 1,
            "Paxos::quorums: a quorum needs at least 1 acceptor, but they are {first} and {second}"
        );
        Self { quorums: Some((first, second)), ..self }
    }

    /// With a mistake in it.
    pub fn flaw(self, flaw: PaxosFlaw) -> Self {
        Self { flaw: Some(flaw), ..self }
    }

    pub(super) fn on(self, sheet: Sheet) -> Self {
        Self { sheet: Some(sheet), ..self }
    }

    pub(super) fn accepted(&self) -> Option<(Ballot, i64)> {
        self.accepted
    }

    pub(super) fn decided_value(&self) -> Option<i64> {
        self.decided
    }

    pub(super) fn quorum_sizes(&self, nodes: usize) -> (usize, usize) {
        self.quorums.unwrap_or((nodes / 2 + 1, nodes / 2 + 1))
    }

    /// To itself at once, without a message.
    fn tell(&mut self, to: usize, message: PaxosMessage, out: &mut Outbox<Self>) {
        if to == out.node() {
            return self.message(to, message, out);
        }
        if let Some(sheet) = &self.sheet {
            sheet.sends(1);
        }
        out.send(to, message);
    }

    fn tell_all(&mut self, message: PaxosMessage, out: &mut Outbox<Self>) {
        if let Some(sheet) = &self.sheet {
            sheet.sends(out.nodes() as u64 - 1);
        }
        out.broadcast(message.clone());
        self.message(out.node(), message, out);
    }

    /// A new ballot, higher than all it has heard of.
    fn begin(&mut self, out: &mut Outbox<Self>) {
        if self.decided.is_some() || self.own.is_none() {
            return;
        }
        self.round = self.round.max(self.promised.0) + 1;
        let ballot = (self.round, out.node());
        let (promises, accepts) = (vec![], vec![]);
        self.attempt = Some(Attempt { ballot, promises, highest: None, value: None, accepts });
        if let Some(sheet) = &self.sheet {
            sheet.begins(out.now());
        }
        self.ring_after(self.patience, out);
        self.tell_all(PaxosMessage::Prepare { ballot }, out);
    }

    fn ring_after(&mut self, delay: f64, out: &mut Outbox<Self>) {
        self.timer += 1;
        out.after(delay, self.timer);
    }

    /// Another's ballot is higher than the one it has begun.
    fn gives_way(&mut self, to: Ballot, out: &mut Outbox<Self>) {
        self.round = self.round.max(to.0);
        if self.attempt.as_ref().is_none_or(|attempt| attempt.ballot >= to) {
            return;
        }
        self.attempt = None;
        if self.back_off > 0.0 {
            let delay = self.back_off * out.random().uniform();
            self.ring_after(delay, out);
        } else {
            self.begin(out);
        }
    }

    /// What is to be accepted, if this promise completes a quorum.
    fn hears_promise(
        &mut self,
        from: usize,
        ballot: Ballot,
        found: Option<(Ballot, i64)>,
        nodes: usize,
    ) -> Option<i64> {
        let (quorum, _) = self.quorum_sizes(nodes);
        let flaw = self.flaw;
        let attempt = self.attempt.as_mut().filter(|attempt| attempt.ballot == ballot)?;
        let is_known =
            |known: &[usize]| flaw != Some(PaxosFlaw::CountsTwice) && known.contains(&from);
        if attempt.value.is_some() || is_known(&attempt.promises) {
            return None;
        }
        attempt.promises.push(from);
        match flaw {
            Some(PaxosFlaw::IgnoresAccepted) => {}
            Some(PaxosFlaw::TakesAnyAccepted) => attempt.highest = found.or(attempt.highest),
            _ => attempt.highest = attempt.highest.max(found),
        }
        if attempt.promises.len() < quorum {
            return None;
        }
        attempt.value = attempt.highest.map(|(_, value)| value).or(self.own);
        attempt.value
    }

    /// What is decided, if this vote makes it so.
    fn hears_vote(&mut self, from: usize, ballot: Ballot, nodes: usize) -> Option<i64> {
        let (_, quorum) = self.quorum_sizes(nodes);
        let attempt = self.attempt.as_mut().filter(|attempt| attempt.ballot == ballot)?;
        if !attempt.accepts.contains(&from) || self.flaw == Some(PaxosFlaw::CountsTwice) {
            attempt.accepts.push(from);
        }
        attempt.value.filter(|_| attempt.accepts.len() >= quorum)
    }

    fn learns(&mut self, value: i64, out: &mut Outbox<Self>) {
        self.decided.get_or_insert(value);
        self.attempt = None;
        for request in std::mem::take(&mut self.waiting) {
            out.reply(request, ConsensusReply::Decided(value));
        }
    }
}

impl Replica for Paxos {
    type Object = ConsensusSpec;
    type Message = PaxosMessage;

    compiled_here!();

    fn check(&self, setting: Setting) {
        let (first, second) = self.quorum_sizes(setting.nodes);
        setting.has_quorums("Paxos::quorums", first.max(second));
        setting.allows("Paxos::patience", "patience of a proposer", self.patience);
    }

    fn call(&mut self, request: Request, call: ConsensusCall, out: &mut Outbox<Self>) {
        let ConsensusCall::Propose(value) = call;
        if let Some(decided) = self.decided {
            return out.reply(request, ConsensusReply::Decided(decided));
        }
        self.waiting.push(request);
        if self.own.is_none() {
            self.own = Some(value);
            self.begin(out);
        }
    }

    fn message(&mut self, from: usize, message: PaxosMessage, out: &mut Outbox<Self>) {
        use PaxosMessage::{Accept, Accepted, Decided, Prepare, Promise, Refused};
        match (message, self.decided) {
            (Prepare { .. } | Accept { .. }, Some(value)) => {
                self.tell(from, Decided { value }, out);
            }
            (Prepare { ballot } | Accept { ballot, .. }, None) if ballot < self.promised => {
                self.tell(from, Refused { ballot, promised: self.promised }, out);
            }
            (Prepare { ballot }, None) => {
                self.promised = ballot;
                self.tell(from, Promise { ballot, accepted: self.accepted }, out);
                self.gives_way(ballot, out);
            }
            (Accept { ballot, value }, None) => {
                (self.promised, self.accepted) = (ballot, Some((ballot, value)));
                self.tell(from, Accepted { ballot }, out);
                self.gives_way(ballot, out);
            }
            (Promise { ballot, accepted }, _) => {
                if let Some(value) = self.hears_promise(from, ballot, accepted, out.nodes()) {
                    self.tell_all(Accept { ballot, value }, out);
                }
            }
            (Accepted { ballot }, _) => {
                if let Some(value) = self.hears_vote(from, ballot, out.nodes()) {
                    if let Some(sheet) = &self.sheet {
                        sheet.decides(out.now(), ballot);
                    }
                    self.tell_all(Decided { value }, out);
                }
            }
            (Refused { ballot, promised }, _) => {
                if self.attempt.as_ref().is_some_and(|attempt| attempt.ballot == ballot) {
                    self.gives_way(promised, out);
                }
            }
            (Decided { value }, _) => self.learns(value, out),
        }
    }

    fn timer(&mut self, number: u64, out: &mut Outbox<Self>) {
        if number == self.timer {
            self.begin(out);
        }
    }

    fn restart(&mut self, _: &mut Outbox<Self>) {
        (self.own, self.attempt) = (None, None);
        self.waiting.clear();
        match self.flaw {
            Some(PaxosFlaw::ForgetsPromises) => self.promised = (0, 0),
            Some(PaxosFlaw::ForgetsAccepted) => (self.promised, self.accepted) = ((0, 0), None),
            _ => {}
        }
    }

    fn properties(_: usize) -> Vec<Box<dyn Property<Self>>> {
        vec![Box::<Agreement>::default(), Box::<Validity>::default(), Box::<Learning>::default()]
    }

    /// As "promised 2.1, accepted 7 in 1.0", "decided 7".
    fn label(&self) -> String {
        let ballot = |(round, node): Ballot| format!("{round}.{node}");
        match (self.decided, self.accepted) {
            (Some(value), _) => format!("decided {value}"),
            (None, Some((at, value))) => {
                format!("promised {}, accepted {value} in {}", ballot(self.promised), ballot(at))
            }
            (None, None) if self.promised.0 > 0 => format!("promised {}", ballot(self.promised)),
            (None, None) => String::new(),
        }
    }
}

impl Decides for Paxos {
    fn proposes(&self) -> Option<i64> {
        self.own
    }

    fn decided(&self) -> Option<i64> {
        self.decided
    }
}
