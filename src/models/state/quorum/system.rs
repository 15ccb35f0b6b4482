//! Quorum systems: read quorums, and write quorums that meet each of them.

use super::error::QuorumError;
use super::family::{self, Family};
use super::goal::{Goal, Metric, ReadFraction};
use super::node::Node;
use super::optimum::{Optimum, optimum};
use super::quorums::{Quorum, Quorums, nodes_of};
use super::sets::{Set, sum_over};
use super::strategy::Strategy;
use super::tree::Formula;
use crate::number::short;
use std::fmt;
use std::sync::Arc;

/// Read quorums and write quorums over some nodes; each read quorum meets each write quorum, so
/// that a read learns of the last write.
///
/// ```
/// # use pillars_models::state::quorum::*;
/// let [a, b, c, d] = Node::named(["a", "b", "c", "d"]);
/// let system = QuorumSystem::reading(a * b + c * d);
/// assert_eq!(system.resilience(), 1);
/// ```
#[derive(Clone, PartialEq)]
pub struct QuorumSystem {
    reads: Quorums,
    writes: Quorums,
    pub(super) nodes: Arc<[Node]>,
    /// The same two with nodes by number.
    pub(super) sides: [Formula; 2],
}

/// Two quorums, and the nodes they have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Meeting {
    /// One quorum; the read quorum, if one is.
    pub first: Quorum,
    /// The other.
    pub second: Quorum,
    /// The nodes that belong to both.
    pub common: Quorum,
}

impl QuorumSystem {
    /// Reads by these quorums; writes by all sets that meet each of them.
    ///
    /// # Panics
    /// If nodes of the same name differ, or there are more than 128.
    #[track_caller]
    pub fn reading(reads: impl Into<Quorums>) -> Self {
        let reads = reads.into();
        let writes = reads.dual();
        Self::of("QuorumSystem::reading", reads, writes)
    }

    /// Writes by these quorums; reads by all sets that meet each of them.
    ///
    /// # Panics
    /// If nodes of the same name differ, or there are more than 128.
    #[track_caller]
    pub fn writing(writes: impl Into<Quorums>) -> Self {
        let writes = writes.into();
        let reads = writes.dual();
        Self::of("QuorumSystem::writing", reads, writes)
    }

    /// Reads and writes by quorums of their own. In Flexible Paxos (Howard, Malkhi and Spiegelman,
    /// 2016) phase 1 reads and phase 2 writes: quorums of the same phase need not meet.
    ///
    /// # Errors
    /// If a read quorum and a write quorum are disjoint: the two are named.
    ///
    /// # Panics
    /// If nodes of the same name differ, or there are more than 128.
    #[track_caller]
    pub fn both(
        reads: impl Into<Quorums>,
        writes: impl Into<Quorums>,
    ) -> Result<Self, QuorumError> {
        let system = Self::of("QuorumSystem::both", reads.into(), writes.into());
        let Meeting { first: read, second: write, common } = system.closest();
        if common.size() == 0 { Err(QuorumError::Disjoint { read, write }) } else { Ok(system) }
    }

    /// Reads and writes by the same quorums, any two of which meet: a coterie.
    ///
    /// # Errors
    /// If two of them are disjoint: they are named.
    ///
    /// # Panics
    /// If nodes of the same name differ, or there are more than 128.
    #[track_caller]
    pub fn symmetric(quorums: impl Into<Quorums>) -> Result<Self, QuorumError> {
        let quorums = quorums.into();
        Self::both(quorums.clone(), quorums)
    }

    /// What is known to be a system.
    #[track_caller]
    pub(super) fn of(place: &str, reads: Quorums, writes: Quorums) -> Self {
        let nodes = nodes_of(place, &[&reads.0, &writes.0]);
        let number =
            |node: &Node| nodes.iter().position(|other| other.name == node.name).unwrap_or(0);
        let sides = [&reads, &writes].map(|side| side.0.map(&mut { number }));
        Self { reads, writes, nodes, sides }
    }

    /// The nodes, ordered by name.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The expression for reads.
    pub fn reads(&self) -> &Quorums {
        &self.reads
    }

    /// The expression for writes.
    pub fn writes(&self) -> &Quorums {
        &self.writes
    }

    /// The minimal read quorums, small ones first.
    ///
    /// # Panics
    /// If there are more than a million.
    #[track_caller]
    pub fn read_quorums(&self) -> Vec<Quorum> {
        self.minimal(0)
    }

    /// The minimal write quorums, small ones first.
    ///
    /// # Panics
    /// If there are more than a million.
    #[track_caller]
    pub fn write_quorums(&self) -> Vec<Quorum> {
        self.minimal(1)
    }

    #[track_caller]
    fn minimal(&self, side: usize) -> Vec<Quorum> {
        let sets = family::minimal(&self.sides[side], 0);
        let sets = sets.unwrap_or_else(|| family::too_large(self.nodes.len()));
        sets.into_iter().map(|set| self.quorum(set)).collect()
    }

    /// Whether these nodes contain a read quorum.
    pub fn is_read_quorum<N: Into<Node>>(&self, nodes: impl IntoIterator<Item = N>) -> bool {
        self.sides[0].holds(self.set(nodes))
    }

    /// Whether these nodes contain a write quorum.
    pub fn is_write_quorum<N: Into<Node>>(&self, nodes: impl IntoIterator<Item = N>) -> bool {
        self.sides[1].holds(self.set(nodes))
    }

    /// How many nodes may fail, whichever, so that there is still a read quorum.
    pub fn read_resilience(&self) -> usize {
        self.read_transversal().size() - 1
    }

    /// How many nodes may fail, whichever, so that there is still a write quorum.
    pub fn write_resilience(&self) -> usize {
        self.write_transversal().size() - 1
    }

    /// How many nodes may fail, whichever, so that both are possible.
    pub fn resilience(&self) -> usize {
        self.read_resilience().min(self.write_resilience())
    }

    /// A smallest set of nodes whose failure leaves no read quorum.
    pub fn read_transversal(&self) -> Quorum {
        self.quorum(family::transversal(&self.nodes, &self.sides[0]))
    }

    /// A smallest set of nodes whose failure leaves no write quorum.
    pub fn write_transversal(&self) -> Quorum {
        self.quorum(family::transversal(&self.nodes, &self.sides[1]))
    }

    /// A read quorum and a write quorum that have the fewest nodes in common.
    pub fn closest(&self) -> Meeting {
        self.meeting(0, 1)
    }

    /// Two write quorums that have the fewest nodes in common; Flexible Paxos lets them be
    /// disjoint.
    pub fn closest_writes(&self) -> Meeting {
        self.meeting(1, 1)
    }

    fn meeting(&self, a: usize, b: usize) -> Meeting {
        let (a, b) = family::closest(&self.nodes, &self.sides[a], &self.sides[b]);
        Meeting { first: self.quorum(a), second: self.quorum(b), common: self.quorum(a & b) }
    }

    /// The best strategy for a goal.
    ///
    /// # Errors
    /// If no strategy keeps to the limits (which one is said), or no quorum survives so many
    /// failures.
    pub fn strategy(&self, goal: &Goal) -> Result<Strategy, QuorumError> {
        let timed = goal.about(Metric::Latency);
        let family = |side: usize| {
            let family = Family::of(&self.nodes, &self.sides[side], goal.failures, timed);
            family.ok_or_else(|| self.fragile(side, goal.failures))
        };
        let families = [family(0)?, family(1)?];
        let best = |goal: &Goal| optimum(&self.nodes, &families, goal);
        match best(goal) {
            Ok(Optimum { weights, .. }) => Ok(Strategy::new(self.clone(), weights)),
            Err(missed) => {
                let (metric, limit) = goal.limits[missed.limit];
                // Whose fault it is: this limit's alone, or its and those that were kept.
                let alone = Goal { limits: vec![(metric, limit)], ..goal.clone() };
                let (least, kept) = match best(&alone) {
                    Err(alone) => (alone.least, &[][..]),
                    Ok(_) => (missed.least, &goal.limits[..missed.limit]),
                };
                let kept = kept.iter().enumerate().map(|(i, (metric, most))| {
                    let with = if i == 0 { " with" } else { " and" };
                    format!("{with} a {} of at most {}", metric.name(), short(*most, 4))
                });
                Err(QuorumError::Limit { what: metric.name(), limit, least, under: kept.collect() })
            }
        }
    }

    /// The strategy that takes each minimal quorum as often as the others, of those that survive
    /// `failures` failures.
    ///
    /// # Errors
    /// If no quorum survives so many.
    ///
    /// # Panics
    /// If there are more than a million quorums.
    pub fn uniform_strategy(&self, failures: usize) -> Result<Strategy, QuorumError> {
        let evenly = |side: usize| {
            let sets = family::minimal(&self.sides[side], failures);
            let sets = sets.unwrap_or_else(|| family::too_large(self.nodes.len()));
            if sets.is_empty() {
                return Err(self.fragile(side, failures));
            }
            let weight = 1.0 / sets.len() as f64;
            Ok(sets.into_iter().map(|set| (set, weight)).collect::<Vec<_>>())
        };
        Ok(Strategy::new(self.clone(), [evenly(0)?, evenly(1)?]))
    }

    fn fragile(&self, side: usize, failures: usize) -> QuorumError {
        let without = self.quorum(family::transversal(&self.nodes, &self.sides[side]));
        QuorumError::Fragile { side: ["read", "write"][side], failures, without }
    }

    /// The strategy that takes quorums with weights of one's own, which need not sum to 1. A
    /// quorum is written as a product: `[(a * b, 2.0), (c * d, 1.0)]`.
    ///
    /// # Panics
    /// If one is no quorum, or a weight is negative, or all are zero.
    #[track_caller]
    pub fn weighted_strategy<R: Into<Quorums>, W: Into<Quorums>>(
        &self,
        reads: impl IntoIterator<Item = (R, f64)>,
        writes: impl IntoIterator<Item = (W, f64)>,
    ) -> Strategy {
        let reads: Vec<(Quorums, f64)> = reads.into_iter().map(|(q, w)| (q.into(), w)).collect();
        let writes: Vec<(Quorums, f64)> = writes.into_iter().map(|(q, w)| (q.into(), w)).collect();
        let weights = [self.weighted(0, &reads), self.weighted(1, &writes)];
        Strategy::new(self.clone(), weights)
    }

    #[track_caller]
    fn weighted(&self, side: usize, quorums: &[(Quorums, f64)]) -> Vec<(Set, f64)> {
        let place = "QuorumSystem::weighted_strategy";
        let name = ["read", "write"][side];
        let total = quorums.iter().fold(0.0, |sum, (_, weight)| sum + weight);
        assert!(
            total > 0.0,
            "{place}: the weights of the {name} quorums must sum to more than 0, but they sum to {total}"
        );
        let mut weights = vec![];
        for (quorum, weight) in quorums {
            assert!(
                *weight >= 0.0 && weight.is_finite(),
                "{place}: each weight must be a number of at least 0, but that of {quorum} is {weight}"
            );
            let mut nodes: Vec<Node> = vec![];
            quorum.0.map(&mut |node| nodes.push(*node));
            let set = self.set(&nodes);
            assert!(
                self.sides[side].holds(set),
                "{place}: {quorum} is no {name} quorum; the {name} quorums are those of {}",
                [&self.reads, &self.writes][side]
            );
            weights.push((set, weight / total));
        }
        weights
    }

    /// The least load there is: the fraction of operations that the busiest node takes part in, by
    /// its capacity. Under a distribution of read fractions, the mean.
    pub fn load(&self, reads: impl Into<ReadFraction>) -> f64 {
        let reads = reads.into();
        self.least_load(&reads).load(&reads)
    }

    /// The operations a second with the strategy of least load; 1 / load, and its mean under a
    /// distribution of read fractions.
    pub fn capacity(&self, reads: impl Into<ReadFraction>) -> f64 {
        let reads = reads.into();
        self.least_load(&reads).capacity(&reads)
    }

    fn least_load(&self, reads: &ReadFraction) -> Strategy {
        match self.strategy(&Goal::load(reads)) {
            Ok(strategy) => strategy,
            Err(error) => unreachable!("no limits: {error}"),
        }
    }

    /// A bound from below on the load of any strategy, after Naor and Wool (1998): with c nodes in
    /// the smallest quorum of n nodes of capacity 1, and all quorums alike, max(1/c, c/n).
    ///
    /// Each operation asks at least c nodes, whose load is at least the mean over all n. And some
    /// node of the smallest read quorum is asked by every write, since they meet, and by every
    /// read, if reads meet each other too; the same holds the other way round. Capacities are
    /// counted instead of nodes, those of a node as the larger of its two.
    pub fn load_bound(&self, reads: impl Into<ReadFraction>) -> f64 {
        let reads = reads.into();
        let largest = |node: &Node| node.read_capacity.max(node.write_capacity);
        let capacities: Vec<f64> = self.nodes.iter().map(largest).collect();
        let ones = vec![1.0; self.nodes.len()];
        let smallest =
            |side: usize, of: &[f64]| sum_over(family::cheapest(&self.sides[side], of), of);
        let of_equals = [0, 1].map(|side| self.meeting(side, side).common.size() > 0);
        let total: f64 = capacities.iter().sum();
        let (sizes, least) =
            ([0, 1].map(|s| smallest(s, &ones)), [0, 1].map(|s| smallest(s, &capacities)));
        reads.over(|fraction| {
            let shares = [fraction, 1.0 - fraction];
            let mean = (shares[0] * sizes[0] + shares[1] * sizes[1]) / total;
            let met = |side: usize| {
                let own = if of_equals[side] { shares[side] } else { 0.0 };
                (shares[1 - side] + own) / least[side]
            };
            mean.max(met(0)).max(met(1))
        })
    }

    pub(super) fn quorum(&self, set: Set) -> Quorum {
        Quorum { set, all: self.nodes.clone() }
    }

    /// The set of those of these nodes that belong to the system.
    fn set<N: Into<Node>>(&self, nodes: impl IntoIterator<Item = N>) -> Set {
        let names: Vec<&str> = nodes.into_iter().map(|node| node.into().name).collect();
        let member = |node: &Node| names.contains(&node.name);
        (0..self.nodes.len()).filter(|i| member(&self.nodes[*i])).fold(0, |set, i| set | 1 << i)
    }
}

/// As "reads a * b + c * d, writes (a + b) * (c + d)".
impl fmt::Display for QuorumSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reads {}, writes {}", self.reads, self.writes)
    }
}

impl fmt::Debug for QuorumSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
