//! Strategies: which quorum is asked how often, and what comes of it.

use super::family::latency;
use super::goal::ReadFraction;
use super::node::Node;
use super::quorums::Quorum;
use super::sets::Set;
use super::system::QuorumSystem;
use crate::number::short;
use crate::sim::Stream;
use std::fmt;

/// The probabilities with which quorums of a system are asked.
#[derive(Clone, PartialEq)]
pub struct Strategy {
    /// Read quorums with their probabilities, ordered by name; those with none are left out.
    pub reads: Vec<(Quorum, f64)>,
    /// Write quorums with theirs.
    pub writes: Vec<(Quorum, f64)>,
    system: QuorumSystem,
    /// Of each node the probability to be asked by a read, and by a write.
    asked: Vec<[f64; 2]>,
}

impl Strategy {
    pub(super) fn new(system: QuorumSystem, weights: [Vec<(Set, f64)>; 2]) -> Self {
        let mut asked = vec![[0.0; 2]; system.nodes.len()];
        let [reads, writes] = [0, 1].map(|side| {
            let total: f64 = weights[side].iter().map(|(_, weight)| weight).sum();
            let positive = weights[side].iter().filter(|(_, weight)| *weight > 0.0);
            let mut list: Vec<(Set, f64)> = positive.map(|(set, w)| (*set, w / total)).collect();
            list.sort_by_key(|(set, _)| std::cmp::Reverse(set.reverse_bits()));
            for (set, weight) in &list {
                super::sets::members(*set).for_each(|node| asked[node][side] += weight);
            }
            list.into_iter().map(|(set, weight)| (system.quorum(set), weight)).collect()
        });
        Self { reads, writes, system, asked }
    }

    /// The system that it is for.
    pub fn system(&self) -> &QuorumSystem {
        &self.system
    }

    /// The load of the busiest node: seconds of it that an operation takes. Under a distribution
    /// of read fractions, the mean.
    pub fn load(&self, reads: impl Into<ReadFraction>) -> f64 {
        reads.into().over(|fraction| self.busiest(fraction))
    }

    /// Operations a second until the busiest node has no time left: 1 / load. Under a
    /// distribution of read fractions it is the mean of 1 / load at each, which is more than 1 /
    /// mean load.
    pub fn capacity(&self, reads: impl Into<ReadFraction>) -> f64 {
        reads.into().over(|fraction| 1.0 / self.busiest(fraction))
    }

    /// The mean number of nodes that an operation asks.
    pub fn network_load(&self, reads: impl Into<ReadFraction>) -> f64 {
        self.mean(&reads.into(), |_, quorum| quorum.size() as f64)
    }

    /// The mean time until the nodes that have answered contain a quorum.
    pub fn latency(&self, reads: impl Into<ReadFraction>) -> f64 {
        let QuorumSystem { nodes, sides, .. } = &self.system;
        self.mean(&reads.into(), |side, quorum| latency(nodes, &sides[side], quorum.set))
    }

    /// Of each node its load.
    pub fn node_loads(&self, reads: impl Into<ReadFraction>) -> Vec<(Node, f64)> {
        self.each(&reads.into(), |node, fraction| self.node_load(node, fraction))
    }

    /// Of each node the fraction of its time that it is busy when the system is at its capacity.
    pub fn node_utilizations(&self, reads: impl Into<ReadFraction>) -> Vec<(Node, f64)> {
        self.each(&reads.into(), |node, fraction| {
            self.node_load(node, fraction) / self.busiest(fraction)
        })
    }

    /// Of each node the operations a second that it takes part in when the system is at its
    /// capacity.
    pub fn node_throughputs(&self, reads: impl Into<ReadFraction>) -> Vec<(Node, f64)> {
        self.each(&reads.into(), |node, fraction| {
            let [read, write] = self.asked[node];
            (fraction * read + (1.0 - fraction) * write) / self.busiest(fraction)
        })
    }

    /// A read quorum by chance, with the probabilities of the strategy.
    pub fn read_quorum(&self, stream: &mut Stream) -> Quorum {
        drawn(&self.reads, stream)
    }

    /// A write quorum by chance, with the probabilities of the strategy.
    pub fn write_quorum(&self, stream: &mut Stream) -> Quorum {
        drawn(&self.writes, stream)
    }

    fn each(&self, reads: &ReadFraction, of: impl Fn(usize, f64) -> f64) -> Vec<(Node, f64)> {
        let nodes = self.system.nodes.iter().enumerate();
        nodes.map(|(i, node)| (*node, reads.over(|fraction| of(i, fraction)))).collect()
    }

    fn node_load(&self, node: usize, fraction: f64) -> f64 {
        let Node { read_capacity, write_capacity, .. } = self.system.nodes[node];
        let [read, write] = self.asked[node];
        fraction * read / read_capacity + (1.0 - fraction) * write / write_capacity
    }

    fn busiest(&self, fraction: f64) -> f64 {
        (0..self.asked.len()).map(|node| self.node_load(node, fraction)).fold(0.0, f64::max)
    }

    fn mean(&self, reads: &ReadFraction, of: impl Fn(usize, &Quorum) -> f64) -> f64 {
        let fraction = reads.mean();
        let sum = |side: usize, quorums: &[(Quorum, f64)]| {
            quorums.iter().map(|(quorum, weight)| weight * of(side, quorum)).sum::<f64>()
        };
        fraction * sum(0, &self.reads) + (1.0 - fraction) * sum(1, &self.writes)
    }
}

fn drawn(quorums: &[(Quorum, f64)], stream: &mut Stream) -> Quorum {
    let mut left = stream.uniform();
    let chosen = quorums.iter().find(|(_, weight)| {
        left -= weight;
        left < 0.0
    });
    // Rounding may leave a little of the last.
    chosen.unwrap_or(&quorums[quorums.len() - 1]).0.clone()
}

/// As "reads {a, b} 0.75, {c, d} 0.25; writes {a, c} 1".
impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |quorums: &[(Quorum, f64)]| {
            let each =
                quorums.iter().map(|(quorum, weight)| format!("{quorum} {}", short(*weight, 4)));
            each.collect::<Vec<_>>().join(", ")
        };
        write!(f, "reads {}; writes {}", list(&self.reads), list(&self.writes))
    }
}

impl fmt::Debug for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
