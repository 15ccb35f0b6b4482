//! Single-decree Paxos as its inventor wrote it down for a model checker (Lamport 2001, section 2.2;
//! the module Paxos of the TLA+ examples): messages are a set that only grows, and receiving one is
//! what its being there allows. So any may be late, lost, or arrive again.

use super::flaw::PaxosFlaw;
use crate::truth::explore::{Condition, Happening, Model, explored_here};
use std::collections::BTreeSet;

/// The most acceptors.
const MOST: usize = 5;

/// Acceptors, values, and ballots from 0 on, each of which anybody may lead.
#[derive(Clone, Debug)]
pub struct PaxosSpec {
    acceptors: usize,
    values: usize,
    ballots: usize,
    /// The sets of acceptors whose answers are enough, as bits.
    quorums: Vec<u8>,
    flaw: Option<PaxosFlaw>,
}

/// What an acceptor has on its disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaxosAcceptor {
    /// The highest ballot that it has taken part in.
    pub promised: Option<u8>,
    /// The ballot and the value that it accepted last.
    pub accepted: Option<(u8, u8)>,
}

/// A state: the acceptors, and the messages that there have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaxosSpecState {
    acceptors: [PaxosAcceptor; MOST],
    count: u8,
    /// A bit for each message that there may be.
    messages: u128,
}

/// A step of Paxos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaxosAction {
    /// Phase 1a: the leader of this ballot asks for promises.
    Begins(usize),
    /// Phase 1b: an acceptor promises, in a ballot.
    Promises(usize, usize),
    /// Phase 2a: the leader of a ballot proposes a value, by the promises of these acceptors (bits).
    Proposes(usize, usize, u8),
    /// Phase 2b: an acceptor accepts, in a ballot, a value.
    Accepts(usize, usize, usize),
    /// An acceptor goes down and comes back, and has forgotten what the flaw says.
    Forgets(usize),
}

#[derive(Clone, Copy)]
enum Message {
    Prepare(usize),
    /// An acceptor's promise in a ballot, with what it had accepted.
    Promise(usize, usize, Option<(u8, u8)>),
    Propose(usize, usize),
    Accept(usize, usize, usize),
}

impl PaxosSpecState {
    /// The acceptors.
    pub fn acceptors(&self) -> &[PaxosAcceptor] {
        &self.acceptors[..usize::from(self.count)]
    }

    /// The same state with the acceptors in another order: `order[k]` is who comes k-th. States that
    /// can be made the same so are one for a checker that knows of symmetry.
    ///
    /// # Panics
    /// If the order is not one of all acceptors.
    #[track_caller]
    pub fn reordered(&self, spec: &PaxosSpec, order: &[usize]) -> Self {
        let is_order = (0..spec.acceptors).all(|acceptor| order.contains(&acceptor));
        assert!(
            order.len() == spec.acceptors && is_order,
            "PaxosSpecState::reordered: the order must name each of {} acceptors once, but it is \
             {order:?}",
            spec.acceptors
        );
        let mut other = Self { messages: 0, ..*self };
        for (to, from) in order.iter().enumerate() {
            other.acceptors[to] = self.acceptors[*from];
        }
        let place = |acceptor: usize| order.iter().position(|it| *it == acceptor).unwrap_or(0);
        for message in spec.all_messages().filter(|it| spec.is_sent(self, *it)) {
            let message = match message {
                Message::Promise(acceptor, ballot, told) => {
                    Message::Promise(place(acceptor), ballot, told)
                }
                Message::Accept(acceptor, ballot, value) => {
                    Message::Accept(place(acceptor), ballot, value)
                }
                other => other,
            };
            other.messages |= spec.bit(message);
        }
        other
    }
}

impl PaxosSpec {
    /// So many acceptors of which any majority is enough, so many values that may be proposed, and
    /// so many ballots.
    ///
    /// # Panics
    /// If there are none, more than 5 acceptors, or more than 128 possible messages.
    #[track_caller]
    pub fn new(acceptors: usize, values: usize, ballots: usize) -> Self {
        const PLACE: &str = "PaxosSpec::new";
        assert!(
            (1..=MOST).contains(&acceptors) && values >= 1 && ballots >= 1,
            "{PLACE}: there must be from 1 to {MOST} acceptors, a value and a ballot, but there are \
             {acceptors}, {values} and {ballots}"
        );
        let majority = |set: &u8| set.count_ones() as usize == acceptors / 2 + 1;
        let quorums = (1..1u8 << acceptors).filter(majority).collect();
        let spec = Self { acceptors, values, ballots, quorums, flaw: None };
        let messages = spec.all_messages().count();
        assert!(
            messages <= 128,
            "{PLACE}: there may be at most 128 possible messages, but there are {messages}; give \
             fewer acceptors, values or ballots"
        );
        spec
    }

    /// With a mistake in it. Who counts answers twice is satisfied by one acceptor, whose answers
    /// arrive as often as it takes.
    pub fn flaw(self, flaw: PaxosFlaw) -> Self {
        let quorums = match flaw {
            PaxosFlaw::CountsTwice => (0..self.acceptors).map(|acceptor| 1 << acceptor).collect(),
            _ => self.quorums,
        };
        Self { quorums, flaw: Some(flaw), ..self }
    }

    /// Any so many acceptors are enough, whether or not two such sets have one in common.
    ///
    /// # Panics
    /// If it is none, or more than there are.
    #[track_caller]
    pub fn with_quorums_of(self, size: usize) -> Self {
        assert!(
            (1..=self.acceptors).contains(&size),
            "PaxosSpec::with_quorums_of: a quorum has from 1 to {} acceptors, but it has {size}",
            self.acceptors
        );
        let sets = 1..1u8 << self.acceptors;
        Self { quorums: sets.filter(|set| set.count_ones() as usize == size).collect(), ..self }
    }

    /// The values that a learner would take for decided: each was accepted in one ballot by enough.
    pub fn chosen(&self, state: &PaxosSpecState) -> BTreeSet<usize> {
        let is_chosen = |value: &usize| {
            (0..self.ballots).any(|ballot| {
                let accepted = |it| self.is_sent(state, Message::Accept(it, ballot, *value));
                self.quorums.iter().any(|quorum| self.members(*quorum).all(accepted))
            })
        };
        (0..self.values).filter(is_chosen).collect()
    }

    /// What a promise may tell of: nothing, or a value accepted in a ballot.
    fn told(&self) -> impl Iterator<Item = Option<(u8, u8)>> + use<> {
        let values = self.values as u8;
        let accepted =
            (0..self.ballots as u8).flat_map(move |at| (0..values).map(move |it| Some((at, it))));
        std::iter::once(None).chain(accepted)
    }

    fn all_messages(&self) -> impl Iterator<Item = Message> + '_ {
        let (acceptors, values) = (self.acceptors, self.values);
        (0..self.ballots).flat_map(move |ballot| {
            let of_acceptor = move |acceptor: usize| {
                let promises = self.told().map(move |it| Message::Promise(acceptor, ballot, it));
                promises.chain((0..values).map(move |it| Message::Accept(acceptor, ballot, it)))
            };
            let proposals = (0..values).map(move |value| Message::Propose(ballot, value));
            std::iter::once(Message::Prepare(ballot))
                .chain(proposals)
                .chain((0..acceptors).flat_map(of_acceptor))
        })
    }

    fn bit(&self, message: Message) -> u128 {
        let (acceptors, values, ballots) = (self.acceptors, self.values, self.ballots);
        let told = 1 + ballots * values;
        let propose = ballots;
        let accept = propose + ballots * values;
        let promise = accept + ballots * acceptors * values;
        let at = |acceptor: usize, ballot: usize| ballot * acceptors + acceptor;
        1 << match message {
            Message::Prepare(ballot) => ballot,
            Message::Propose(ballot, value) => propose + ballot * values + value,
            Message::Accept(acceptor, ballot, value) => {
                accept + at(acceptor, ballot) * values + value
            }
            Message::Promise(acceptor, ballot, accepted) => {
                let of = |(at, value): (u8, u8)| 1 + usize::from(at) * values + usize::from(value);
                promise + at(acceptor, ballot) * told + accepted.map_or(0, of)
            }
        }
    }

    fn is_sent(&self, state: &PaxosSpecState, message: Message) -> bool {
        state.messages & self.bit(message) != 0
    }

    fn sent(&self, state: &PaxosSpecState, message: Message) -> PaxosSpecState {
        PaxosSpecState { messages: state.messages | self.bit(message), ..*state }
    }

    fn members(&self, quorum: u8) -> impl Iterator<Item = usize> + use<> {
        (0..self.acceptors).filter(move |acceptor| quorum & 1 << acceptor != 0)
    }

    /// What an acceptor has told in a ballot: all its promises, of which there is one unless it
    /// forgets.
    fn promises(
        &self,
        state: &PaxosSpecState,
        acceptor: usize,
        ballot: usize,
    ) -> impl Iterator<Item = Option<(u8, u8)>> {
        let is_sent =
            move |it: &Option<_>| self.is_sent(state, Message::Promise(acceptor, ballot, *it));
        self.told().filter(is_sent)
    }

    /// The values that the leader of a ballot may propose by the promises of a quorum, if it has
    /// them all.
    fn proposals(&self, state: &PaxosSpecState, ballot: usize, quorum: u8) -> Vec<usize> {
        let members = || self.members(quorum);
        if members().any(|acceptor| self.promises(state, acceptor, ballot).next().is_none()) {
            return vec![];
        }
        let told = members().flat_map(|acceptor| self.promises(state, acceptor, ballot));
        let accepted: BTreeSet<(u8, u8)> = told.flatten().collect();
        let value = |(_, value): &(u8, u8)| usize::from(*value);
        match (self.flaw, accepted.last()) {
            (Some(PaxosFlaw::IgnoresAccepted), _) | (_, None) => (0..self.values).collect(),
            (Some(PaxosFlaw::TakesAnyAccepted), _) => {
                accepted.iter().map(value).collect::<BTreeSet<_>>().into_iter().collect()
            }
            (_, Some(highest)) => vec![value(highest)],
        }
    }

    /// What an acceptor remembers after a crash.
    fn remembers(&self, acceptor: PaxosAcceptor) -> PaxosAcceptor {
        match self.flaw {
            Some(PaxosFlaw::ForgetsPromises) => PaxosAcceptor { promised: None, ..acceptor },
            Some(PaxosFlaw::ForgetsAccepted) => PaxosAcceptor::default(),
            _ => acceptor,
        }
    }

    fn steps_of_acceptor(&self, state: &PaxosSpecState, acceptor: usize, steps: &mut Steps) {
        let PaxosAcceptor { promised, accepted } = state.acceptors[acceptor];
        for ballot in 0..self.ballots {
            let number = Some(ballot as u8);
            if self.is_sent(state, Message::Prepare(ballot)) && promised < number {
                let mut next = self.sent(state, Message::Promise(acceptor, ballot, accepted));
                next.acceptors[acceptor].promised = number;
                steps.push((PaxosAction::Promises(acceptor, ballot), next));
            }
            for value in 0..self.values {
                if self.is_sent(state, Message::Propose(ballot, value)) && promised <= number {
                    let mut next = self.sent(state, Message::Accept(acceptor, ballot, value));
                    let accepted = Some((ballot as u8, value as u8));
                    next.acceptors[acceptor] = PaxosAcceptor { promised: number, accepted };
                    steps.push((PaxosAction::Accepts(acceptor, ballot, value), next));
                }
            }
        }
        let after = self.remembers(state.acceptors[acceptor]);
        if after != state.acceptors[acceptor] {
            let mut next = *state;
            next.acceptors[acceptor] = after;
            steps.push((PaxosAction::Forgets(acceptor), next));
        }
    }
}

type Steps = Vec<(PaxosAction, PaxosSpecState)>;

impl Model for PaxosSpec {
    type State = PaxosSpecState;
    type Action = PaxosAction;

    explored_here!();

    fn initial(&self) -> Vec<PaxosSpecState> {
        let acceptors = [PaxosAcceptor::default(); MOST];
        vec![PaxosSpecState { acceptors, count: self.acceptors as u8, messages: 0 }]
    }

    fn steps(&self, state: &PaxosSpecState, steps: &mut Steps) {
        for ballot in 0..self.ballots {
            if !self.is_sent(state, Message::Prepare(ballot)) {
                let next = self.sent(state, Message::Prepare(ballot));
                steps.push((PaxosAction::Begins(ballot), next));
                continue;
            }
            let is_proposed = |value| self.is_sent(state, Message::Propose(ballot, value));
            if (0..self.values).any(is_proposed) {
                continue;
            }
            for quorum in &self.quorums {
                for value in self.proposals(state, ballot, *quorum) {
                    let next = self.sent(state, Message::Propose(ballot, value));
                    steps.push((PaxosAction::Proposes(ballot, value, *quorum), next));
                }
            }
        }
        (0..self.acceptors).for_each(|it| self.steps_of_acceptor(state, it, steps));
    }

    fn conditions(&self) -> Vec<Condition<'_, PaxosSpecState>> {
        let agreed = |state: &PaxosSpecState| self.chosen(state).len() <= 1;
        vec![Condition::always("agreement", agreed)]
    }

    fn processes(&self) -> Vec<String> {
        let leaders = (0..self.ballots).map(|ballot| format!("leader {ballot}"));
        leaders.chain((0..self.acceptors).map(|it| format!("acceptor {it}"))).collect()
    }

    fn happening(
        &self,
        before: &PaxosSpecState,
        action: &PaxosAction,
        after: &PaxosSpecState,
    ) -> Happening {
        let lane = |acceptor: usize| self.ballots + acceptor;
        let promise = |ballot: usize, told: Option<(u8, u8)>| match told {
            None => format!("promise {ballot}"),
            Some((at, value)) => format!("promise {ballot}, {} in {at}", name(value.into())),
        };
        let to_all =
            |text: String| (0..self.acceptors).map(|it| (lane(it), text.clone())).collect();
        let prepare = |ballot: usize| format!("prepare {ballot}");
        let propose = |ballot: usize, value: usize| format!("accept {} in {ballot}", name(value));
        match *action {
            PaxosAction::Begins(ballot) => {
                Happening { process: ballot, sent: to_all(prepare(ballot)), ..Happening::default() }
            }
            PaxosAction::Promises(acceptor, ballot) => Happening {
                process: lane(acceptor),
                received: Some((ballot, prepare(ballot))),
                sent: vec![(ballot, promise(ballot, before.acceptors[acceptor].accepted))],
                ..Happening::default()
            },
            PaxosAction::Proposes(ballot, value, quorum) => {
                let of = |acceptor| {
                    let told = self.promises(before, acceptor, ballot);
                    told.map(move |told| (lane(acceptor), promise(ballot, told)))
                };
                Happening {
                    process: ballot,
                    also: self.members(quorum).flat_map(of).collect(),
                    sent: to_all(propose(ballot, value)),
                    ..Happening::default()
                }
            }
            PaxosAction::Accepts(acceptor, ballot, value) => {
                let chosen = self.chosen(after);
                let is_new = chosen.contains(&value) && !self.chosen(before).contains(&value);
                let verb = if is_new { "chosen:" } else { "accepted" };
                Happening {
                    process: lane(acceptor),
                    received: Some((ballot, propose(ballot, value))),
                    label: format!("{verb} {}", name(value)),
                    is_marked: is_new,
                    ..Happening::default()
                }
            }
            PaxosAction::Forgets(acceptor) => {
                let label = "back, and has forgotten".to_owned();
                Happening { process: lane(acceptor), label, ..Happening::default() }
            }
        }
    }
}

/// Values are letters.
fn name(value: usize) -> char {
    char::from(b'A' + value as u8)
}
