//! Paxos commit (Gray and Lamport 2006, section 4): of each resource manager one instance of Paxos
//! agrees whether it has prepared. As the paper's specification: messages are a set that only
//! grows, and anybody may lead a higher ballot.

use super::spec::{Rm, check_count, is_consistent};
use crate::truth::explore::{Condition, Model, explored_here};

/// The most pairs of a resource manager and an acceptor.
const PAIRS: usize = 12;
/// The most resource managers.
const MOST: usize = 4;

/// Paxos commit: resource managers, acceptors, ballots from 0.
#[derive(Clone, Debug)]
pub struct PaxosCommitSpec {
    rms: usize,
    acceptors: usize,
    ballots: usize,
    /// The sets of acceptors that are enough, as bits.
    quorums: Vec<u8>,
    crashes: usize,
    forgets: bool,
}

/// What an acceptor has promised and accepted in the instance of a resource manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Acceptor {
    promised: u8,
    accepted: Option<(u8, bool)>,
}

/// The state of Paxos commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PaxosCommitState {
    rms: [Rm; MOST],
    count: u8,
    acceptors: [Acceptor; PAIRS],
    /// A bit for each message that there may be.
    messages: u128,
    down: u8,
}

/// A step of Paxos commit. A value is whether the resource manager has prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaxosCommitAction {
    /// This resource manager prepares: it proposes that in ballot 0 of its instance.
    Prepares(usize),
    /// This resource manager aborts, and proposes that.
    Refuses(usize),
    /// This resource manager is told what is decided: to commit, or not.
    IsTold(usize, bool),
    /// A leader begins a ballot in the instance of a resource manager: instance and ballot.
    Begins(usize, usize),
    /// A leader proposes a value in a ballot: instance, ballot, value.
    Proposes(usize, usize, bool),
    /// An acceptor promises: which, instance, ballot.
    Promises(usize, usize, usize),
    /// An acceptor accepts: which, instance, ballot, value.
    Accepts(usize, usize, usize, bool),
    /// A leader learns the outcome, and says so: to commit, or not.
    Decides(bool),
    /// An acceptor goes down, and stays down.
    Crashes(usize),
}

/// The messages, by what they say; the numbers are instance, ballot, acceptor.
#[derive(Clone, Copy)]
enum Message {
    Begin(usize, usize),
    /// With what was accepted last: a ballot and a value.
    Promise(usize, usize, usize, Option<(u8, bool)>),
    Propose(usize, usize, bool),
    Accept(usize, usize, usize, bool),
    Decision(bool),
}

impl PaxosCommitState {
    /// The resource managers.
    pub fn rms(&self) -> &[Rm] {
        &self.rms[..usize::from(self.count)]
    }

    /// Whether all have decided.
    pub fn is_over(&self) -> bool {
        self.rms().iter().all(|rm| matches!(rm, Rm::Committed | Rm::Aborted))
    }
}

impl PaxosCommitSpec {
    /// So many resource managers, so many acceptors of which any majority is enough, and ballots
    /// 0, 1, ... of which there are so many.
    ///
    /// # Panics
    /// If there are none, or so many that a search would not end: at most 4 resource managers, 12
    /// pairs of a resource manager and an acceptor, and 128 possible messages.
    #[track_caller]
    pub fn new(rms: usize, acceptors: usize, ballots: usize) -> Self {
        const PLACE: &str = "PaxosCommitSpec::new";
        check_count(PLACE, rms);
        assert!(
            rms <= MOST && (1..=8).contains(&acceptors) && rms * acceptors <= PAIRS,
            "{PLACE}: there may be at most {MOST} resource managers and 8 acceptors, and at most \
             {PAIRS} pairs of the two, but there are {rms} and {acceptors}; a search through more \
             would not end"
        );
        let quorums = quorums(acceptors, acceptors / 2 + 1);
        let spec = Self { rms, acceptors, ballots, quorums, crashes: 0, forgets: false };
        assert!(
            ballots >= 1 && spec.message_count() <= 128,
            "{PLACE}: there must be at least 1 ballot, and at most 128 possible messages, but there \
             are {ballots} ballots and {} messages; give fewer ballots or acceptors",
            spec.message_count()
        );
        spec
    }

    /// Any so many acceptors may go down, and do not come back.
    pub fn acceptors_may_crash(self, most: usize) -> Self {
        Self { crashes: most, ..self }
    }

    /// A broken one: any so many acceptors are enough.
    ///
    /// # Panics
    /// If it is none, or more than there are.
    #[track_caller]
    pub fn with_quorums_of(self, acceptors: usize) -> Self {
        assert!(
            (1..=self.acceptors).contains(&acceptors),
            "PaxosCommitSpec::with_quorums_of: a quorum has from 1 to {} acceptors, but it has \
             {acceptors}",
            self.acceptors
        );
        Self { quorums: quorums(self.acceptors, acceptors), ..self }
    }

    /// A broken one: a leader always proposes to abort, whatever was accepted before.
    pub fn without_looking_back(self) -> Self {
        Self { forgets: true, ..self }
    }

    /// Accepted values that a promise may tell of: none, or one of a ballot.
    fn told(&self) -> usize {
        1 + 2 * self.ballots
    }

    fn message_count(&self) -> usize {
        let (rms, acceptors, ballots) = (self.rms, self.acceptors, self.ballots);
        2 + rms * ballots * (3 + acceptors * (self.told() + 2))
    }

    fn bit(&self, message: Message) -> u128 {
        let (rms, acceptors, ballots) = (self.rms, self.acceptors, self.ballots);
        let instance = |rm: usize, ballot: usize| rm * ballots + ballot;
        let propose = 2 + rms * ballots;
        let accept = propose + 2 * rms * ballots;
        let promise = accept + 2 * rms * ballots * acceptors;
        let place = match message {
            Message::Decision(commits) => usize::from(commits),
            Message::Begin(rm, ballot) => 2 + instance(rm, ballot),
            Message::Propose(rm, ballot, value) => {
                propose + 2 * instance(rm, ballot) + usize::from(value)
            }
            Message::Accept(rm, ballot, acceptor, value) => {
                accept + 2 * (instance(rm, ballot) * acceptors + acceptor) + usize::from(value)
            }
            Message::Promise(rm, ballot, acceptor, accepted) => {
                let told =
                    accepted.map_or(0, |(at, value)| 1 + 2 * usize::from(at) + usize::from(value));
                promise + (instance(rm, ballot) * acceptors + acceptor) * self.told() + told
            }
        };
        1 << place
    }

    fn is_sent(&self, state: &PaxosCommitState, message: Message) -> bool {
        state.messages & self.bit(message) != 0
    }

    fn sent(&self, state: &PaxosCommitState, message: Message) -> PaxosCommitState {
        PaxosCommitState { messages: state.messages | self.bit(message), ..*state }
    }

    fn members(&self, quorum: u8) -> impl Iterator<Item = usize> {
        (0..self.acceptors).filter(move |acceptor| quorum & 1 << acceptor != 0)
    }

    /// What a leader proposes by the promises of a quorum, if it has them all.
    fn proposal(
        &self,
        state: &PaxosCommitState,
        rm: usize,
        ballot: usize,
        quorum: u8,
    ) -> Option<bool> {
        let mut newest: Option<(u8, bool)> = None;
        for acceptor in self.members(quorum) {
            let ballots =
                (0..self.ballots as u8).flat_map(|at| [Some((at, false)), Some((at, true))]);
            let mut told = std::iter::once(None).chain(ballots);
            let accepted = told.find(|accepted| {
                self.is_sent(state, Message::Promise(rm, ballot, acceptor, *accepted))
            })?;
            newest = newest.max(accepted);
        }
        Some(newest.is_some_and(|(_, value)| value) && !self.forgets)
    }

    /// Whether the instance of a resource manager has chosen a value.
    fn is_chosen(&self, state: &PaxosCommitState, rm: usize, value: bool) -> bool {
        (0..self.ballots).any(|ballot| {
            self.quorums.iter().any(|quorum| {
                self.members(*quorum)
                    .all(|it| self.is_sent(state, Message::Accept(rm, ballot, it, value)))
            })
        })
    }
}

/// All sets of so many acceptors.
fn quorums(acceptors: usize, size: usize) -> Vec<u8> {
    let all = 0..=((1u16 << acceptors) - 1) as u8;
    all.filter(|set| set.count_ones() as usize == size).collect()
}

type Steps = Vec<(PaxosCommitAction, PaxosCommitState)>;

impl PaxosCommitSpec {
    fn steps_of_rm(&self, state: &PaxosCommitState, rm: usize, steps: &mut Steps) {
        use PaxosCommitAction::{IsTold, Prepares, Refuses};
        let becomes = |rm_is: Rm| {
            let mut next = *state;
            next.rms[rm] = rm_is;
            next
        };
        if state.rms[rm] == Rm::Working {
            let proposes = |value| Message::Propose(rm, 0, value);
            steps.push((Prepares(rm), self.sent(&becomes(Rm::Prepared), proposes(true))));
            steps.push((Refuses(rm), self.sent(&becomes(Rm::Aborted), proposes(false))));
        }
        for (commits, rm_is) in [(true, Rm::Committed), (false, Rm::Aborted)] {
            if self.is_sent(state, Message::Decision(commits)) {
                steps.push((IsTold(rm, commits), becomes(rm_is)));
            }
        }
    }

    fn steps_of_leaders(&self, state: &PaxosCommitState, steps: &mut Steps) {
        use PaxosCommitAction::{Begins, Decides, Proposes};
        for (rm, ballot) in (0..self.rms).flat_map(|rm| (1..self.ballots).map(move |b| (rm, b))) {
            steps.push((Begins(rm, ballot), self.sent(state, Message::Begin(rm, ballot))));
            let is_proposed =
                |value: bool| self.is_sent(state, Message::Propose(rm, ballot, value));
            if is_proposed(true) || is_proposed(false) {
                continue;
            }
            for quorum in &self.quorums {
                if let Some(value) = self.proposal(state, rm, ballot, *quorum) {
                    let next = self.sent(state, Message::Propose(rm, ballot, value));
                    steps.push((Proposes(rm, ballot, value), next));
                }
            }
        }
        if (0..self.rms).all(|rm| self.is_chosen(state, rm, true)) {
            steps.push((Decides(true), self.sent(state, Message::Decision(true))));
        }
        if (0..self.rms).any(|rm| self.is_chosen(state, rm, false)) {
            steps.push((Decides(false), self.sent(state, Message::Decision(false))));
        }
    }

    fn steps_of_acceptor(&self, state: &PaxosCommitState, acceptor: usize, steps: &mut Steps) {
        use PaxosCommitAction::{Accepts, Promises};
        for (rm, ballot) in (0..self.rms).flat_map(|rm| (0..self.ballots).map(move |b| (rm, b))) {
            let at = rm * self.acceptors + acceptor;
            let Acceptor { promised, accepted } = state.acceptors[at];
            let number = ballot as u8;
            if self.is_sent(state, Message::Begin(rm, ballot)) && promised < number {
                let promise = Message::Promise(rm, ballot, acceptor, accepted);
                let mut next = self.sent(state, promise);
                next.acceptors[at].promised = number;
                steps.push((Promises(acceptor, rm, ballot), next));
            }
            for value in [false, true] {
                if self.is_sent(state, Message::Propose(rm, ballot, value)) && promised <= number {
                    let mut next = self.sent(state, Message::Accept(rm, ballot, acceptor, value));
                    next.acceptors[at] =
                        Acceptor { promised: number, accepted: Some((number, value)) };
                    steps.push((Accepts(acceptor, rm, ballot, value), next));
                }
            }
        }
    }
}

impl Model for PaxosCommitSpec {
    type State = PaxosCommitState;
    type Action = PaxosCommitAction;

    explored_here!();

    fn initial(&self) -> Vec<PaxosCommitState> {
        let acceptors = [Acceptor { promised: 0, accepted: None }; PAIRS];
        let (rms, count) = ([Rm::Working; MOST], self.rms as u8);
        vec![PaxosCommitState { rms, count, acceptors, messages: 0, down: 0 }]
    }

    fn steps(&self, state: &PaxosCommitState, steps: &mut Steps) {
        for rm in 0..self.rms {
            self.steps_of_rm(state, rm, steps);
        }
        self.steps_of_leaders(state, steps);
        let may_crash = (state.down.count_ones() as usize) < self.crashes;
        for acceptor in (0..self.acceptors).filter(|it| state.down & 1 << it == 0) {
            self.steps_of_acceptor(state, acceptor, steps);
            if may_crash {
                let next = PaxosCommitState { down: state.down | 1 << acceptor, ..*state };
                steps.push((PaxosCommitAction::Crashes(acceptor), next));
            }
        }
    }

    fn conditions(&self) -> Vec<Condition<'_, PaxosCommitState>> {
        let all = |state: &PaxosCommitState, rm: Rm| state.rms().iter().all(|it| *it == rm);
        vec![
            Condition::always("consistent", |state: &PaxosCommitState| is_consistent(state.rms())),
            Condition::sometimes("all commit", move |state| all(state, Rm::Committed)),
            Condition::sometimes("all abort", move |state| all(state, Rm::Aborted)),
        ]
    }
}
