//! Who leads? What clients may ask of a protocol that elects leaders, and what must hold of it:
//! the frame for a protocol of the reader's own.

use crate::sim::Stream;
use crate::state::cluster::{Property, Workload, measured_here};
use crate::state::consistency::{History, Specification, judged_here};
use std::collections::BTreeMap;
use std::fmt::{self, Display};

/// A protocol that elects leaders, term by term.
pub trait Elects {
    /// The term in which this replica leads; nothing if it does not.
    fn leads(&self) -> Option<u64>;
}

/// At most one replica leads in a term: election safety (Ongaro, 2014, section 3.4). Over a whole
/// run: a leader may be gone when another of its term appears, and it is wrong all the same.
#[derive(Clone, Debug, Default)]
pub struct OneLeaderATerm {
    leaders: BTreeMap<u64, usize>,
}

impl<R: Elects> Property<R> for OneLeaderATerm {
    fn name(&self) -> &'static str {
        "one leader a term"
    }

    fn check(&mut self, node: usize, replicas: &[R]) -> Result<(), String> {
        let Some(term) = replicas[node].leads() else { return Ok(()) };
        match *self.leaders.entry(term).or_insert(node) {
            first if first == node => Ok(()),
            first => Err(format!("nodes {first} and {node} both lead in term {term}")),
        }
    }
}

/// The question who leads: answers are right if no two name different leaders of one term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ElectionSpec;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ElectionCall {
    /// Who leads?
    WhoLeads,
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Leader {
    /// Which node.
    pub node: usize,
    /// In which term.
    pub term: u64,
}

impl Display for ElectionCall {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "who leads?")
    }
}

impl Display for Leader {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "node {}, term {}", self.node, self.term)
    }
}

impl Specification for ElectionSpec {
    type Call = ElectionCall;
    type Reply = Leader;
    /// The leaders that have been named, by their terms.
    type State = BTreeMap<u64, usize>;

    judged_here!();

    fn initial(&self) -> Self::State {
        BTreeMap::new()
    }

    fn step(
        &self,
        state: &Self::State,
        _: &ElectionCall,
        reply: Option<&Leader>,
    ) -> Option<Self::State> {
        let Some(Leader { node, term }) = reply else { return Some(state.clone()) };
        let mut state = state.clone();
        (*state.entry(*term).or_insert(*node) == *node).then_some(state)
    }
}

impl Workload for ElectionSpec {
    measured_here!();

    fn next(_: usize, _: f64, _: u64, _: &mut Stream) -> ElectionCall {
        ElectionCall::WhoLeads
    }

    fn read_all(_: u64) -> Vec<ElectionCall> {
        vec![ElectionCall::WhoLeads]
    }

    /// Nothing is changed, and so nothing lost.
    fn lost(_: &History<ElectionCall, Leader>, _: f64) -> (usize, usize) {
        (0, 0)
    }
}
