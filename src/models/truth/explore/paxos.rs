//! Single-decree Paxos (Lamport, 2001) as a register that is written once: a server that is asked
//! to write proposes, and one that knows what is decided answers reads.

use super::protocol::{Envelope, Sends};
use super::register::{RegisterMessage, RegisterServer, register_explored_here};
use std::collections::{BTreeMap, BTreeSet};

/// A number of a proposal: a round, and the server that proposes.
type Ballot = (u8, usize);
/// The request that proposes a value, and the value.
type Proposal = ((usize, u8), u8);

/// A server of single-decree Paxos: proposer and acceptor. It proposes once, when the first client
/// asks it to write, and does not try again.
#[derive(Clone, Copy, Debug, Default)]
pub struct PaxosServer {
    quorum: Option<usize>,
    forgets: bool,
}

/// What a server remembers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PaxosState {
    /// The highest ballot that it knows of.
    pub ballot: (u8, usize),
    proposal: Option<Proposal>,
    promises: BTreeMap<usize, Option<(Ballot, Proposal)>>,
    accepts: BTreeSet<usize>,
    accepted: Option<(Ballot, Proposal)>,
    /// Whether it knows what is decided: what it accepted last.
    pub is_decided: bool,
}

/// What servers tell each other, with the ballot. A proposal is a request and a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaxosMessage {
    /// Phase 1a: promise to take part in no lower ballot.
    Prepare((u8, usize)),
    /// Phase 1b: promised, and this was accepted last.
    Promise((u8, usize), Option<(Ballot, Proposal)>),
    /// Phase 2a: accept this.
    Accept((u8, usize), Proposal),
    /// Phase 2b: accepted.
    Accepted((u8, usize)),
    /// This is decided.
    Decided((u8, usize), Proposal),
}

impl PaxosServer {
    /// With majorities.
    pub fn new() -> Self {
        Self::default()
    }

    /// With quorums of so many servers. If two of them need not meet, it is broken.
    ///
    /// # Panics
    /// If it is none.
    #[track_caller]
    pub fn with_quorums_of(self, servers: usize) -> Self {
        assert!(
            servers >= 1,
            "PaxosServer::with_quorums_of: a quorum needs at least 1 server, but it has 0"
        );
        Self { quorum: Some(servers), ..self }
    }

    /// A broken one, whose proposer does not look at what acceptors have accepted before.
    pub fn without_looking_back(self) -> Self {
        Self { forgets: true, ..self }
    }
}

impl PaxosServer {
    /// Proposes in phase 2, with the value accepted last by those that promised, when they have
    /// just become a quorum.
    fn may_propose(
        &self,
        node: usize,
        servers: usize,
        state: &mut PaxosState,
        sends: &mut Sends<Message>,
    ) {
        let newest = state.promises.values().max().copied().flatten();
        let found = newest.filter(|_| !self.forgets).map(|(_, proposal)| proposal);
        let Some(proposal) = found.or(state.proposal) else { return };
        if state.promises.len() == self.quorum_of(servers) {
            state.proposal = Some(proposal);
            state.accepted = Some((state.ballot, proposal));
            state.accepts.insert(node);
            let accept = PaxosMessage::Accept(state.ballot, proposal);
            let others = (0..servers).filter(|other| *other != node);
            sends.to_each(others, RegisterMessage::Among(accept));
            if self.quorum_of(servers) == 1 {
                self.may_decide(node, servers, state, sends);
            }
        }
    }

    /// Tells all what is decided, when those that accepted have just become a quorum.
    fn may_decide(
        &self,
        node: usize,
        servers: usize,
        state: &mut PaxosState,
        sends: &mut Sends<Message>,
    ) {
        let Some(proposal) = state.proposal else { return };
        if state.accepts.len() == self.quorum_of(servers) {
            state.is_decided = true;
            let decided = PaxosMessage::Decided(state.ballot, proposal);
            let others = (0..servers).filter(|other| *other != node);
            sends.to_each(others, RegisterMessage::Among(decided));
            let (client, _) = proposal.0;
            sends.send(client, RegisterMessage::PutOk(proposal.0));
        }
    }

    fn quorum_of(&self, servers: usize) -> usize {
        self.quorum.unwrap_or(servers / 2 + 1)
    }
}

impl PaxosState {
    /// The value that it knows is decided.
    pub fn decided(&self) -> Option<u8> {
        self.accepted.filter(|_| self.is_decided).map(|(_, (_, value))| value)
    }
}

type Message = RegisterMessage<PaxosMessage>;

impl RegisterServer for PaxosServer {
    type State = PaxosState;
    type Message = PaxosMessage;

    register_explored_here!();

    fn message_label(&self, message: &PaxosMessage) -> String {
        use PaxosMessage::{Accept, Accepted, Decided, Prepare, Promise};
        // A ballot is a round and a server.
        let of = |(round, server): Ballot| format!("{round}.{server}");
        match *message {
            Prepare(ballot) => format!("prepare {}", of(ballot)),
            Promise(ballot, None) => format!("promise {}", of(ballot)),
            Promise(ballot, Some((earlier, (_, value)))) => {
                format!("promise {}, {value} in {}", of(ballot), of(earlier))
            }
            Accept(ballot, (_, value)) => format!("accept {value} in {}", of(ballot)),
            Accepted(ballot) => format!("accepted {}", of(ballot)),
            Decided(ballot, (_, value)) => format!("decided {value} in {}", of(ballot)),
        }
    }

    fn start(&self, _: usize) -> PaxosState {
        PaxosState {
            ballot: (0, 0),
            proposal: None,
            promises: BTreeMap::new(),
            accepts: BTreeSet::new(),
            accepted: None,
            is_decided: false,
        }
    }

    fn receive(
        &self,
        servers: usize,
        state: &PaxosState,
        envelope: &Envelope<Message>,
        sends: &mut Sends<Message>,
    ) -> Option<PaxosState> {
        use PaxosMessage::{Accept, Accepted, Decided, Prepare, Promise};
        let (from, node) = (envelope.from, envelope.to);
        let others = (0..servers).filter(|other| *other != node);
        let mut next = state.clone();
        if state.is_decided {
            let (RegisterMessage::Get(request), Some((_, proposal))) =
                (&envelope.message, state.accepted)
            else {
                return None;
            };
            sends.send(from, RegisterMessage::GetOk(*request, Some(proposal.1)));
            return Some(next);
        }
        match &envelope.message {
            RegisterMessage::Put(request, value) if state.proposal.is_none() => {
                next.proposal = Some((*request, *value));
                next.ballot = (state.ballot.0 + 1, node);
                next.promises = BTreeMap::from([(node, state.accepted)]);
                next.accepts.clear();
                sends.to_each(others, RegisterMessage::Among(Prepare(next.ballot)));
                self.may_propose(node, servers, &mut next, sends);
            }
            RegisterMessage::Among(Prepare(ballot)) if *ballot > state.ballot => {
                next.ballot = *ballot;
                sends.send(from, RegisterMessage::Among(Promise(*ballot, state.accepted)));
            }
            RegisterMessage::Among(Promise(ballot, accepted)) if *ballot == state.ballot => {
                next.promises.insert(from, *accepted);
                self.may_propose(node, servers, &mut next, sends);
            }
            RegisterMessage::Among(Accept(ballot, proposal)) if *ballot >= state.ballot => {
                (next.ballot, next.accepted) = (*ballot, Some((*ballot, *proposal)));
                sends.send(from, RegisterMessage::Among(Accepted(*ballot)));
            }
            RegisterMessage::Among(Accepted(ballot)) if *ballot == state.ballot => {
                next.accepts.insert(from);
                self.may_decide(node, servers, &mut next, sends);
            }
            RegisterMessage::Among(Decided(ballot, proposal)) => {
                (next.ballot, next.accepted) = (*ballot, Some((*ballot, *proposal)));
                next.is_decided = true;
            }
            _ => return None,
        }
        Some(next)
    }
}
