//! Registers on a network, with clients that each write once and then read once: the models by
//! which stateright (Nadal, 2018 to 2025), another model checker, publishes numbers of states.

use super::condition::Condition;
use super::explored::Explored;
use super::linear::Accesses;
use super::network::{GlobalOf, Move, Network};
use super::protocol::{Envelope, Protocol, Sends};
use super::search::{Search, explored};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::hash::Hash;

/// A server of a register, as one of several. Values are bytes; none is no value. Requests are
/// answered by [`RegisterMessage::PutOk`] and [`RegisterMessage::GetOk`].
pub trait RegisterServer: Sized {
    /// What it remembers.
    type State: Clone + Eq + Hash + Debug;
    /// What servers tell each other.
    type Message: Clone + Ord + Hash + Debug;

    /// It begins.
    fn start(&self, node: usize) -> Self::State;

    /// A message of a client or of another of so many servers reaches it: what it is then, or
    /// nothing if it does not take it now.
    fn receive(
        &self,
        servers: usize,
        state: &Self::State,
        envelope: &Envelope<RegisterMessage<Self::Message>>,
        sends: &mut Sends<RegisterMessage<Self::Message>>,
    ) -> Option<Self::State>;

    /// What a space-time diagram says of a message among servers.
    fn message_label(&self, message: &Self::Message) -> String {
        format!("{message:?}")
    }

    /// Carries a search out. As [`Protocol::explored`].
    fn explored(
        search: &Search<'_, Network<Registers<Self>>>,
    ) -> Explored<GlobalOf<Registers<Self>>, Move<RegisterMessage<Self::Message>>> {
        explored(search)
    }
}

macro_rules! register_explored_here {
    () => {
        fn explored(
            search: &$crate::truth::explore::Search<
                '_,
                $crate::truth::explore::Network<$crate::truth::explore::Registers<Self>>,
            >,
        ) -> $crate::truth::explore::Explored<
            $crate::truth::explore::GlobalOf<$crate::truth::explore::Registers<Self>>,
            $crate::truth::explore::Move<$crate::truth::explore::RegisterMessage<Self::Message>>,
        > {
            $crate::truth::explore::explored(search)
        }
    };
}
pub(super) use register_explored_here;

/// Servers of a register and its clients: client k, which is node `servers + k`, writes the value k
/// at one server, and when that is done reads at the next one. An observer writes down what they
/// see.
#[derive(Clone, Debug)]
pub struct Registers<S> {
    server: S,
    servers: usize,
    clients: usize,
}

/// What clients and servers tell each other. A request is known by its client's node and by its
/// number there, 1 or 2.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegisterMessage<M> {
    /// Write this value.
    Put((usize, u8), u8),
    /// What is the value?
    Get((usize, u8)),
    /// It is written.
    PutOk((usize, u8)),
    /// This is the value.
    GetOk((usize, u8), Option<u8>),
    /// Among servers.
    Among(M),
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RegisterNode<S> {
    /// A server.
    Server(S),
    /// A client: which of its requests it waits for; 3 when it has done.
    Client(u8),
}

impl<S: RegisterServer> Registers<S> {
    /// So many of these servers, and so many clients.
    ///
    /// # Panics
    /// If there is no server or no client, or more than 8 of either.
    #[track_caller]
    pub fn new(server: S, servers: usize, clients: usize) -> Self {
        assert!(
            (1..=8).contains(&servers) && (1..=8).contains(&clients),
            "Registers::new: there must be from 1 to 8 servers and from 1 to 8 clients, but there \
             are {servers} and {clients}; a search through more would not end"
        );
        Self { server, servers, clients }
    }

    fn client_of(&self, node: usize) -> usize {
        node - self.servers
    }
}

impl<S: RegisterServer> Protocol for Registers<S> {
    type Node = RegisterNode<S::State>;
    type Message = RegisterMessage<S::Message>;
    type Seen = Accesses;

    fn nodes(&self) -> usize {
        self.servers + self.clients
    }

    fn start(&self, node: usize, sends: &mut Sends<Self::Message>) -> Self::Node {
        if node < self.servers {
            return RegisterNode::Server(self.server.start(node));
        }
        let value = self.client_of(node) as u8;
        sends.send(node % self.servers, RegisterMessage::Put((node, 1), value));
        RegisterNode::Client(1)
    }

    fn receive(
        &self,
        node: usize,
        state: &Self::Node,
        envelope: &Envelope<Self::Message>,
        sends: &mut Sends<Self::Message>,
    ) -> Option<Self::Node> {
        match (state, &envelope.message) {
            (RegisterNode::Server(server), _) => {
                let server = self.server.receive(self.servers, server, envelope, sends)?;
                Some(RegisterNode::Server(server))
            }
            (RegisterNode::Client(1), RegisterMessage::PutOk((_, 1))) => {
                sends.send((node + 1) % self.servers, RegisterMessage::Get((node, 2)));
                Some(RegisterNode::Client(2))
            }
            (RegisterNode::Client(2), RegisterMessage::GetOk((_, 2), _)) => {
                Some(RegisterNode::Client(3))
            }
            (RegisterNode::Client(_), _) => None,
        }
    }

    fn sees_sent(&self, seen: &mut Accesses, envelope: &Envelope<Self::Message>) {
        match envelope.message {
            RegisterMessage::Put(_, value) => {
                seen.begins(self.client_of(envelope.from), Some(value));
            }
            RegisterMessage::Get(_) => seen.begins(self.client_of(envelope.from), None),
            _ => {}
        }
    }

    fn sees_taken(&self, seen: &mut Accesses, envelope: &Envelope<Self::Message>) {
        match envelope.message {
            RegisterMessage::PutOk(_) => seen.ends(self.client_of(envelope.to), None),
            RegisterMessage::GetOk(_, value) => seen.ends(self.client_of(envelope.to), value),
            _ => {}
        }
    }

    fn conditions(&self) -> Vec<Condition<'_, GlobalOf<Self>>> {
        let is_read =
            |it: &Envelope<Self::Message>| matches!(it.message, RegisterMessage::GetOk(_, Some(_)));
        vec![
            Condition::always("linearizable", |state: &GlobalOf<Self>| {
                state.seen.is_linearizable()
            }),
            Condition::sometimes("a value is read", move |state: &GlobalOf<Self>| {
                state.flying.iter().any(is_read)
            }),
        ]
    }

    fn name(&self, node: usize) -> String {
        match node.checked_sub(self.servers) {
            None => format!("server {node}"),
            Some(client) => format!("client {client}"),
        }
    }

    fn message_label(&self, message: &Self::Message) -> String {
        match message {
            RegisterMessage::Put(_, value) => format!("write {value}"),
            RegisterMessage::Get(_) => "read".to_owned(),
            RegisterMessage::PutOk(_) => "written".to_owned(),
            RegisterMessage::GetOk(_, None) => "nothing there".to_owned(),
            RegisterMessage::GetOk(_, Some(value)) => format!("it is {value}"),
            RegisterMessage::Among(message) => self.server.message_label(message),
        }
    }

    fn explored(
        search: &Search<'_, Network<Self>>,
    ) -> Explored<GlobalOf<Self>, Move<Self::Message>> {
        S::explored(search)
    }
}

/// A server that answers at once from what it has, and tells nobody: linearizable as long as it is
/// the only one.
#[derive(Clone, Copy, Debug, Default)]
pub struct SingleCopy;

impl RegisterServer for SingleCopy {
    type State = Option<u8>;
    type Message = ();

    register_explored_here!();

    fn start(&self, _: usize) -> Self::State {
        None
    }

    fn receive(
        &self,
        _: usize,
        state: &Self::State,
        envelope: &Envelope<RegisterMessage<()>>,
        sends: &mut Sends<RegisterMessage<()>>,
    ) -> Option<Self::State> {
        match envelope.message {
            RegisterMessage::Put(request, value) => {
                sends.send(envelope.from, RegisterMessage::PutOk(request));
                Some(Some(value))
            }
            RegisterMessage::Get(request) => {
                sends.send(envelope.from, RegisterMessage::GetOk(request, *state));
                Some(*state)
            }
            _ => None,
        }
    }
}

/// A server of a register by majorities (Attiya, Bar-Noy and Dolev, 1995), one request at a time.
#[derive(Clone, Copy, Debug, Default)]
pub struct AbdServer {
    quorum: Option<usize>,
}

/// What a server by majorities remembers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AbdState {
    /// The version that it holds, a counter and the server that chose it, and the value.
    pub held: ((u8, usize), Option<u8>),
    round: Option<Round>,
}

/// The request that a server works on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Round {
    First { request: (usize, u8), writes: Option<u8>, answers: BTreeMap<usize, Held> },
    Second { request: (usize, u8), read: Option<Option<u8>>, stored: BTreeSet<usize> },
}

type Held = ((u8, usize), Option<u8>);

/// What servers by majorities tell each other, with the request that it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AbdMessage {
    /// What do you hold?
    Ask((usize, u8)),
    /// This version and value.
    Tell((usize, u8), (u8, usize), Option<u8>),
    /// Hold this version and value, if it is newer than what you hold.
    Store((usize, u8), (u8, usize), Option<u8>),
    /// I do.
    Stored((usize, u8)),
}

impl AbdServer {
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
            "AbdServer::with_quorums_of: a quorum needs at least 1 server, but it has 0"
        );
        Self { quorum: Some(servers) }
    }

    fn is_quorum(&self, answers: usize, servers: usize) -> bool {
        answers == self.quorum.unwrap_or(servers / 2 + 1)
    }

    fn second(
        &self,
        node: usize,
        servers: usize,
        state: &mut AbdState,
        sends: &mut Sends<RegisterMessage<AbdMessage>>,
    ) {
        let Some(Round::First { request, writes, answers }) = &state.round else { return };
        let request = *request;
        let newest = answers.values().copied().max().unwrap_or(state.held);
        let newest = match writes {
            Some(value) => ((newest.0.0 + 1, node), Some(*value)),
            None => newest,
        };
        let read = writes.is_none().then_some(newest.1);
        let store = AbdMessage::Store(request, newest.0, newest.1);
        let others = (0..servers).filter(|other| *other != node);
        sends.to_each(others, RegisterMessage::Among(store));
        state.held = state.held.max(newest);
        state.round = Some(Round::Second { request, read, stored: BTreeSet::from([node]) });
        self.ends(servers, state, sends);
    }

    /// Answers the client if enough have stored.
    fn ends(
        &self,
        servers: usize,
        state: &mut AbdState,
        sends: &mut Sends<RegisterMessage<AbdMessage>>,
    ) {
        let Some(Round::Second { request, read, stored }) = &state.round else { return };
        if self.is_quorum(stored.len(), servers) {
            let reply = match read {
                Some(value) => RegisterMessage::GetOk(*request, *value),
                None => RegisterMessage::PutOk(*request),
            };
            sends.send(request.0, reply);
            state.round = None;
        }
    }
}

impl RegisterServer for AbdServer {
    type State = AbdState;
    type Message = AbdMessage;

    register_explored_here!();

    fn message_label(&self, message: &AbdMessage) -> String {
        // A request is its client's node and its number there; a version, a counter and a server.
        let of = |(client, number): (usize, u8)| format!("{client}.{number}");
        let held = |(count, server): (u8, usize), value: Option<u8>| match value {
            None => "nothing".to_owned(),
            Some(value) => format!("{value} (v{count}.{server})"),
        };
        match *message {
            AbdMessage::Ask(request) => format!("ask for {}", of(request)),
            AbdMessage::Tell(request, version, value) => {
                format!("{} for {}", held(version, value), of(request))
            }
            AbdMessage::Store(request, version, value) => {
                format!("store {} for {}", held(version, value), of(request))
            }
            AbdMessage::Stored(request) => format!("stored for {}", of(request)),
        }
    }

    fn start(&self, node: usize) -> AbdState {
        AbdState { held: ((0, node), None), round: None }
    }

    fn receive(
        &self,
        servers: usize,
        state: &AbdState,
        envelope: &Envelope<RegisterMessage<AbdMessage>>,
        sends: &mut Sends<RegisterMessage<AbdMessage>>,
    ) -> Option<AbdState> {
        let (from, node) = (envelope.from, envelope.to);
        let mut state = state.clone();
        match &envelope.message {
            RegisterMessage::Put(..) | RegisterMessage::Get(_) if state.round.is_some() => {
                return None;
            }
            RegisterMessage::Put(request, _) | RegisterMessage::Get(request) => {
                let writes = match envelope.message {
                    RegisterMessage::Put(_, value) => Some(value),
                    _ => None,
                };
                let others = (0..servers).filter(|other| *other != node);
                sends.to_each(others, RegisterMessage::Among(AbdMessage::Ask(*request)));
                let answers = BTreeMap::from([(node, state.held)]);
                state.round = Some(Round::First { request: *request, writes, answers });
                if self.is_quorum(1, servers) {
                    self.second(node, servers, &mut state, sends);
                }
            }
            RegisterMessage::Among(AbdMessage::Ask(request)) => {
                let (version, value) = state.held;
                let tell = AbdMessage::Tell(*request, version, value);
                sends.send(from, RegisterMessage::Among(tell));
            }
            RegisterMessage::Among(AbdMessage::Tell(of, version, value)) => {
                let Some(Round::First { request, answers, .. }) = &mut state.round else {
                    return None;
                };
                if request != of {
                    return None;
                }
                answers.insert(from, (*version, *value));
                if self.is_quorum(answers.len(), servers) {
                    self.second(node, servers, &mut state, sends);
                }
            }
            RegisterMessage::Among(AbdMessage::Store(request, version, value)) => {
                sends.send(from, RegisterMessage::Among(AbdMessage::Stored(*request)));
                state.held = state.held.max((*version, *value));
            }
            RegisterMessage::Among(AbdMessage::Stored(of)) => {
                let Some(Round::Second { request, stored, .. }) = &mut state.round else {
                    return None;
                };
                if request != of || !stored.insert(from) {
                    return None;
                }
                self.ends(servers, &mut state, sends);
            }
            RegisterMessage::PutOk(_) | RegisterMessage::GetOk(..) => return None,
        }
        Some(state)
    }
}
