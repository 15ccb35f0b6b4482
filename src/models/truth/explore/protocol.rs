//! What a protocol of messages is to the search: nodes that do something when something reaches
//! them.

use super::condition::Condition;
use super::explored::Explored;
use super::network::{GlobalOf, Move, Network};
use super::search::{Search, explored};
use std::fmt::Debug;
use std::hash::Hash;

/// A protocol: what each node does when a message reaches it. A node that returns nothing does not
/// take the message: it stays under way, and may be taken later.
pub trait Protocol: Sized {
    /// What a node remembers.
    type Node: Clone + Eq + Hash + Debug;
    /// What nodes tell each other.
    type Message: Clone + Ord + Hash + Debug;
    /// What an observer has written down, who sees all and whom no node sees: it is part of the
    /// state. `()` if there is none.
    type Seen: Clone + Eq + Hash + Debug + Default;

    /// How many nodes there are, numbered from 0.
    fn nodes(&self) -> usize;

    /// A node begins.
    fn start(&self, node: usize, sends: &mut Sends<Self::Message>) -> Self::Node;

    /// A message reaches a node: what the node is then, or nothing if it does not take it now.
    fn receive(
        &self,
        node: usize,
        state: &Self::Node,
        envelope: &Envelope<Self::Message>,
        sends: &mut Sends<Self::Message>,
    ) -> Option<Self::Node>;

    /// The node finds out that another cannot be reached any more, and that nothing of it is under
    /// way to this node. By default it does not care.
    fn lost(
        &self,
        _node: usize,
        _state: &Self::Node,
        _other: usize,
        _sends: &mut Sends<Self::Message>,
    ) -> Option<Self::Node> {
        None
    }

    /// What the node may do by itself, at any time: its first choice, its second, and so on until
    /// there is none. By default there is none.
    fn act(
        &self,
        _node: usize,
        _state: &Self::Node,
        _choice: usize,
        _sends: &mut Sends<Self::Message>,
    ) -> Option<Self::Node> {
        None
    }

    /// The observer sees a message sent.
    fn sees_sent(&self, _seen: &mut Self::Seen, _envelope: &Envelope<Self::Message>) {}

    /// The observer sees a message taken.
    fn sees_taken(&self, _seen: &mut Self::Seen, _envelope: &Envelope<Self::Message>) {}

    /// What is asked of the protocol whoever searches it. By default nothing.
    fn conditions(&self) -> Vec<Condition<'_, GlobalOf<Self>>> {
        vec![]
    }

    /// The name of a node, for its lane.
    fn name(&self, node: usize) -> String {
        format!("node {node}")
    }

    /// What a space-time diagram says of a node, wherever it changes.
    fn label(&self, _node: &Self::Node) -> String {
        String::new()
    }

    /// What it says of a message.
    fn message_label(&self, message: &Self::Message) -> String {
        format!("{message:?}")
    }

    /// Carries a search out. The library's own protocols write it down again, with the same body:
    /// so it is compiled with them, at full speed, and not in the reader's cell.
    fn explored(
        search: &Search<'_, Network<Self>>,
    ) -> Explored<GlobalOf<Self>, Move<Self::Message>> {
        explored(search)
    }
}

/// Within an implementation of [`Protocol`]: its searches are compiled here.
macro_rules! network_explored_here {
    () => {
        fn explored(
            search: &$crate::truth::explore::Search<'_, $crate::truth::explore::Network<Self>>,
        ) -> $crate::truth::explore::Explored<
            $crate::truth::explore::GlobalOf<Self>,
            $crate::truth::explore::Move<Self::Message>,
        > {
            $crate::truth::explore::explored(search)
        }
    };
}
pub(crate) use network_explored_here;

/// A message with its sender and receiver.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Envelope<M> {
    /// Who sent it.
    pub from: usize,
    /// To whom.
    pub to: usize,
    /// What it says.
    pub message: M,
}

/// Where a node puts what it sends.
#[derive(Clone, Debug)]
pub struct Sends<M> {
    pub(super) node: usize,
    pub(super) nodes: usize,
    pub(super) envelopes: Vec<Envelope<M>>,
}

impl<M: Clone> Sends<M> {
    /// Sends a message.
    ///
    /// # Panics
    /// If there is no such node.
    #[track_caller]
    pub fn send(&mut self, to: usize, message: M) {
        assert!(
            to < self.nodes,
            "Sends::send: there are {} nodes, numbered from 0, but the message is to {to}",
            self.nodes
        );
        self.envelopes.push(Envelope { from: self.node, to, message });
    }

    /// Sends a message to each of these.
    ///
    /// # Panics
    /// If there is no such node.
    #[track_caller]
    pub fn to_each(&mut self, to: impl IntoIterator<Item = usize>, message: M) {
        for to in to {
            self.send(to, message.clone());
        }
    }
}
