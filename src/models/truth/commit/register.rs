//! Two-phase commit on the simulated cluster: a register whose copies change together.

use crate::number::positive;
use crate::state::cluster::{Outbox, Property, Replica, Request, compiled_here};
use crate::state::consistency::{RegisterCall, RegisterReply, RegisterSpec};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How long anybody waits before saying it again, in milliseconds.
const AGAIN: f64 = 10.0;

/// A copy of a register. Node 0 coordinates: each write is a transaction that all other nodes vote
/// for. From its vote until it knows the outcome a node is in doubt, and its reads wait. So the
/// register is linearizable; and while the coordinator is down, whoever is in doubt answers nobody.
#[derive(Clone, Debug, Default)]
pub struct TwoPhaseRegister {
    value: Option<i64>,
    /// Of each transaction that this node knows the outcome of, whether it committed.
    outcomes: BTreeMap<u64, bool>,
    doubt: Option<Doubt>,
    /// Reads that wait for the outcome.
    reads: Vec<Request>,
    /// Writes of this node's clients that the coordinator knows by these numbers.
    writes: BTreeMap<u64, Request>,
    next_write: u64,
    coordinates: Coordinates,
    patience: Option<f64>,
}

/// What a participant is in doubt about.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    transaction: u64,
    value: i64,
    since: f64,
}

/// What a coordinator remembers.
#[derive(Clone, Debug, Default)]
struct Coordinates {
    transactions: u64,
    open: Option<Open>,
    queue: VecDeque<(Asks, i64)>,
    /// The writes that it was asked for, by node and number: a message that arrives twice is one.
    asked: BTreeSet<(usize, u64)>,
}

/// The transaction that the coordinator is at.
#[derive(Clone, Debug)]
struct Open {
    transaction: u64,
    value: i64,
    asks: Asks,
    /// Nothing while it collects votes; then what is decided.
    decided: Option<bool>,
    /// Who has voted, and then who knows the outcome.
    answers: Vec<usize>,
}

/// Who wants to write.
#[derive(Clone, Copy, Debug)]
enum Asks {
    Client(Request),
    Node(usize, u64),
}

/// What nodes tell each other.
#[derive(Clone, Debug, PartialEq)]
pub enum TwoPhaseMessage {
    /// To the coordinator: a client wants to write. A number of the asking node, and the value.
    Write(u64, i64),
    /// Of the write of this number, whether it is done; otherwise it never will be.
    Written(u64, bool),
    /// Vote for this transaction, which writes this value.
    Prepare(u64, i64),
    /// Yes.
    Vote(u64),
    /// What is decided of this transaction: to commit, or not.
    Decide(u64, bool),
    /// I know.
    Acknowledge(u64),
    /// What is decided?
    Ask(u64),
}

impl TwoPhaseRegister {
    /// A copy; that of node 0 coordinates.
    pub fn new(_node: usize) -> Self {
        Self::default()
    }

    /// A broken one: a node that has been in doubt for so many milliseconds takes it that the
    /// transaction is aborted.
    ///
    /// # Panics
    /// If that is not a positive number.
    #[track_caller]
    pub fn impatient(self, patience: f64) -> Self {
        let patience = positive("TwoPhaseRegister::impatient", "patience", patience);
        Self { patience: Some(patience), ..self }
    }

    fn answer(&self, asks: Asks, is_done: bool, out: &mut Outbox<Self>) {
        match asks {
            Asks::Client(request) if is_done => out.reply(request, RegisterReply::Written),
            Asks::Client(request) => out.refuse(request),
            Asks::Node(node, number) => out.send(node, TwoPhaseMessage::Written(number, is_done)),
        }
    }

    /// The coordinator begins the next transaction, if it is at none.
    fn begins(&mut self, out: &mut Outbox<Self>) {
        if self.coordinates.open.is_some() {
            return;
        }
        let Some((asks, value)) = self.coordinates.queue.pop_front() else { return };
        self.coordinates.transactions += 1;
        let transaction = self.coordinates.transactions;
        let open = Open { transaction, value, asks, decided: None, answers: vec![] };
        self.coordinates.open = Some(open);
        out.broadcast(TwoPhaseMessage::Prepare(transaction, value));
        self.has_heard(out);
    }

    /// The coordinator decides when all have voted, and goes on when all know.
    fn has_heard(&mut self, out: &mut Outbox<Self>) {
        let Some(open) = &self.coordinates.open else { return };
        if open.answers.len() + 1 < out.nodes() {
            return;
        }
        match open.decided {
            None => self.decides(true, out),
            Some(_) => {
                self.coordinates.open = None;
                self.begins(out);
            }
        }
    }

    fn decides(&mut self, commits: bool, out: &mut Outbox<Self>) {
        let Some(open) = &mut self.coordinates.open else { return };
        (open.decided, open.answers) = (Some(commits), vec![]);
        let (transaction, value, asks) = (open.transaction, open.value, open.asks);
        self.outcomes.insert(transaction, commits);
        if commits {
            self.value = Some(value);
        }
        out.broadcast(TwoPhaseMessage::Decide(transaction, commits));
        self.answer(asks, commits, out);
        self.has_heard(out);
    }

    /// A participant knows the outcome.
    fn is_told(&mut self, transaction: u64, commits: bool, out: &mut Outbox<Self>) {
        self.outcomes.entry(transaction).or_insert(commits);
        let Some(doubt) = self.doubt.filter(|doubt| doubt.transaction == transaction) else {
            return;
        };
        self.doubt = None;
        if commits {
            self.value = Some(doubt.value);
        }
        for request in std::mem::take(&mut self.reads) {
            out.reply(request, RegisterReply::Value(self.value));
        }
    }

    fn answers(&mut self, transaction: u64, is_vote: bool, from: usize, out: &mut Outbox<Self>) {
        let Some(open) = &mut self.coordinates.open else { return };
        let is_asked = open.transaction == transaction && open.decided.is_none() == is_vote;
        if is_asked && !open.answers.contains(&from) {
            open.answers.push(from);
            self.has_heard(out);
        }
    }
}

impl Replica for TwoPhaseRegister {
    type Object = RegisterSpec;
    type Message = TwoPhaseMessage;

    compiled_here!();

    fn start(&mut self, out: &mut Outbox<Self>) {
        out.after(AGAIN, 0);
    }

    fn call(&mut self, request: Request, call: RegisterCall, out: &mut Outbox<Self>) {
        match call {
            RegisterCall::Read if self.doubt.is_some() => self.reads.push(request),
            RegisterCall::Read => out.reply(request, RegisterReply::Value(self.value)),
            RegisterCall::Write(value) if out.node() == 0 => {
                self.coordinates.queue.push_back((Asks::Client(request), value));
                self.begins(out);
            }
            RegisterCall::Write(value) => {
                self.writes.insert(self.next_write, request);
                out.send(0, TwoPhaseMessage::Write(self.next_write, value));
                self.next_write += 1;
            }
            RegisterCall::CompareAndSet(..) => out.refuse(request),
        }
    }

    fn message(&mut self, from: usize, message: TwoPhaseMessage, out: &mut Outbox<Self>) {
        match message {
            TwoPhaseMessage::Write(number, value) => {
                if self.coordinates.asked.insert((from, number)) {
                    self.coordinates.queue.push_back((Asks::Node(from, number), value));
                    self.begins(out);
                }
            }
            TwoPhaseMessage::Written(number, is_done) => {
                if let Some(request) = self.writes.remove(&number) {
                    self.answer(Asks::Client(request), is_done, out);
                }
            }
            TwoPhaseMessage::Prepare(transaction, value) => {
                let known = self.doubt.map(|doubt| doubt.transaction);
                if self.outcomes.contains_key(&transaction) {
                    return;
                }
                if known.is_none() {
                    self.doubt = Some(Doubt { transaction, value, since: out.now() });
                }
                if known.is_none_or(|known| known == transaction) {
                    out.send(from, TwoPhaseMessage::Vote(transaction));
                }
            }
            TwoPhaseMessage::Vote(transaction) => self.answers(transaction, true, from, out),
            TwoPhaseMessage::Decide(transaction, commits) => {
                self.is_told(transaction, commits, out);
                out.send(from, TwoPhaseMessage::Acknowledge(transaction));
            }
            TwoPhaseMessage::Acknowledge(transaction) => {
                self.answers(transaction, false, from, out);
            }
            TwoPhaseMessage::Ask(transaction) => {
                if let Some(&commits) = self.outcomes.get(&transaction) {
                    out.send(from, TwoPhaseMessage::Decide(transaction, commits));
                }
            }
        }
    }

    /// Says again what may have been lost.
    fn timer(&mut self, _: u64, out: &mut Outbox<Self>) {
        out.after(AGAIN, 0);
        if let Some(open) = &self.coordinates.open {
            let again = match open.decided {
                None => TwoPhaseMessage::Prepare(open.transaction, open.value),
                Some(commits) => TwoPhaseMessage::Decide(open.transaction, commits),
            };
            for to in (1..out.nodes()).filter(|to| !open.answers.contains(to)) {
                out.send(to, again.clone());
            }
        }
        if let Some(doubt) = self.doubt {
            out.send(0, TwoPhaseMessage::Ask(doubt.transaction));
            if self.patience.is_some_and(|patience| out.now() - doubt.since > patience) {
                self.is_told(doubt.transaction, false, out);
            }
        }
    }

    /// A coordinator that finds on its disk no decision has not told one to anybody: it aborts.
    fn restart(&mut self, out: &mut Outbox<Self>) {
        self.reads.clear();
        self.writes.clear();
        out.after(AGAIN, 0);
        if self.coordinates.open.as_ref().is_some_and(|open| open.decided.is_none()) {
            self.decides(false, out);
        }
    }

    fn properties(_: usize) -> Vec<Box<dyn Property<Self>>> {
        vec![Box::new(Atomic)]
    }

    fn label(&self) -> String {
        match (&self.doubt, &self.coordinates.open, self.value) {
            (Some(_), _, _) => "in doubt".to_owned(),
            (None, Some(Open { decided: None, .. }), _) => "asks".to_owned(),
            (None, _, Some(value)) => format!("holds {value}"),
            (None, _, None) => String::new(),
        }
    }
}

/// No node takes a transaction for committed that another takes for aborted.
struct Atomic;

impl Property<TwoPhaseRegister> for Atomic {
    fn name(&self) -> &'static str {
        "atomic commitment (Bernstein, Hadzilacos and Goodman 1987, AC1)"
    }

    fn check(&mut self, node: usize, replicas: &[TwoPhaseRegister]) -> Result<(), String> {
        let Some((transaction, commits)) = replicas[node].outcomes.last_key_value() else {
            return Ok(());
        };
        for (other, replica) in replicas.iter().enumerate() {
            if replica.outcomes.get(transaction).is_some_and(|outcome| outcome != commits) {
                let says = |commits: bool| if commits { "committed" } else { "aborted" };
                return Err(format!(
                    "transaction {transaction} is {} at node {node} and {} at node {other}",
                    says(*commits),
                    says(!*commits)
                ));
            }
        }
        Ok(())
    }
}
