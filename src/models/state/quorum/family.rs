//! The quorums that a strategy may choose from, and the cheapest of them at given prices.

use super::diagram::{Builder, Diagram};
use super::node::Node;
use super::sets::{Set, members, smallest_transversal, sum_over};
use super::tree::Formula;

/// As many quorums are gone through one by one; of more, the cheapest is found in a diagram.
const LISTED: usize = 2000;

/// As many quorums are listed at all.
pub(super) const MOST: usize = 1_000_000;

/// The minimal quorums of a formula that survive some failures, minimal among those as fast.
pub(super) struct Family<'a> {
    nodes: &'a [Node],
    formula: &'a Formula,
    kind: Kind,
}

enum Kind {
    /// Quorums with their latencies.
    List(Vec<(Set, f64)>),
    /// Functions, and of each latency which of them holds the quorums as fast, without the nodes
    /// of this set.
    Diagrams(Vec<Diagram>, Vec<(f64, usize, Set)>),
}

impl<'a> Family<'a> {
    /// Those that survive any so many failures; `timed` if latencies matter. Nothing if there are
    /// none.
    ///
    /// # Panics
    /// If the system is too large for all that is known here.
    #[track_caller]
    pub fn of(
        nodes: &'a [Node],
        formula: &'a Formula,
        failures: usize,
        timed: bool,
    ) -> Option<Self> {
        let listed = |sets: Vec<Set>| {
            let slowest =
                |set| members(set).fold(0.0, |slowest: f64, i| slowest.max(nodes[i].latency));
            Kind::List(sets.into_iter().map(|set| (set, slowest(set))).collect())
        };
        let kind = if failures > 0 {
            let kind = Self::surviving(nodes, formula, failures, timed);
            kind.unwrap_or_else(|| too_large(nodes.len()))?
        } else if let Some(sets) = formula.minimal(LISTED) {
            listed(sets)
        } else if let Some(diagram) = diagram(formula) {
            let all = if timed { latencies(nodes) } else { vec![f64::INFINITY] };
            let classes = all.into_iter().map(|t| (t, 0, slower(nodes, t)));
            Kind::Diagrams(vec![diagram], classes.collect())
        } else {
            listed(formula.minimal(MOST).unwrap_or_else(|| too_large(nodes.len())))
        };
        Some(Self { nodes, formula, kind })
    }

    /// The outer option is for want of room, the inner one for want of quorums.
    fn surviving(
        nodes: &[Node],
        formula: &Formula,
        failures: usize,
        timed: bool,
    ) -> Option<Option<Kind>> {
        let mut builder = Builder::of(&[formula]);
        let root = builder.build(formula)?;
        let survivors = builder.surviving(root, failures)?;
        let all = if timed { latencies(nodes) } else { vec![f64::INFINITY] };
        let (mut diagrams, mut classes) = (vec![], vec![]);
        for latency in all {
            // Fast enough if a quorum is among the fast ones, whoever else is asked.
            let fast = builder.within(root, !slower(nodes, latency))?;
            let both = builder.and(survivors, fast)?;
            let diagram = builder.diagram(both);
            if diagram.minimal(0).is_none() {
                classes.push((latency, diagrams.len(), 0));
                diagrams.push(diagram);
            }
        }
        Some((!classes.is_empty()).then_some(Kind::Diagrams(diagrams, classes)))
    }

    /// The quorum with the least sum of the prices of its nodes and of its latency, and that sum.
    pub fn cheapest(&self, prices: &[f64], of_latency: f64) -> (f64, Set) {
        let mut best = (f64::INFINITY, 0);
        let mut offer = |cost: f64, set: Set| {
            if cost < best.0 {
                best = (cost, set);
            }
        };
        match &self.kind {
            Kind::List(sets) => {
                for (set, latency) in sets {
                    offer(sum_over(*set, prices) + of_latency * latency, *set);
                }
            }
            Kind::Diagrams(diagrams, classes) => {
                for (latency, diagram, slow) in classes {
                    let mut prices = prices.to_vec();
                    members(*slow).for_each(|node| prices[node] = f64::INFINITY);
                    let time = if of_latency == 0.0 { 0.0 } else { of_latency * latency };
                    if let Some((cost, set)) = diagrams[*diagram].cheapest(&prices) {
                        offer(cost + time, set);
                    }
                }
            }
        }
        best
    }

    /// The time until a quorum of this set has answered.
    pub fn latency(&self, set: Set) -> f64 {
        latency(self.nodes, self.formula, set)
    }
}

/// The time until those of this set that have answered contain a quorum.
pub(super) fn latency(nodes: &[Node], formula: &Formula, set: Set) -> f64 {
    let mut order: Vec<usize> = members(set).collect();
    order.sort_by(|a, b| nodes[*a].latency.total_cmp(&nodes[*b].latency));
    let mut answered: Set = 0;
    for node in order {
        answered |= 1 << node;
        if formula.holds(answered) {
            return nodes[node].latency;
        }
    }
    f64::INFINITY
}

/// The minimal quorums that survive any so many failures, in order; nothing if there are too many.
pub(super) fn minimal(formula: &Formula, failures: usize) -> Option<Vec<Set>> {
    let by_diagram = || {
        let mut builder = Builder::of(&[formula]);
        let root = builder.build(formula)?;
        let root = builder.surviving(root, failures)?;
        builder.diagram(root).minimal(MOST)
    };
    let listed = if failures == 0 { formula.minimal(MOST) } else { None };
    let mut sets = listed.or_else(by_diagram)?;
    // In the order of a reader: small ones first, and {a, b} before {a, c}.
    sets.sort_by_key(|set| (set.count_ones(), std::cmp::Reverse(set.reverse_bits())));
    Some(sets)
}

/// The quorum with the least sum of prices.
#[track_caller]
pub(super) fn cheapest(formula: &Formula, prices: &[f64]) -> Set {
    let cost = |set: &Set| sum_over(*set, prices);
    let least = |sets: Vec<Set>| sets.into_iter().min_by(|a, b| cost(a).total_cmp(&cost(b)));
    let listed = |most| formula.minimal(most).and_then(least);
    let by_diagram = || Some(diagram(formula)?.cheapest(prices)?.1);
    let found = listed(LISTED).or_else(by_diagram).or_else(|| listed(MOST));
    found.unwrap_or_else(|| too_large(prices.len()))
}

/// The smallest set that meets every quorum: without it there is none. It is a quorum of the dual.
#[track_caller]
pub(super) fn transversal(nodes: &[Node], formula: &Formula) -> Set {
    let listed = |most| Some(smallest_transversal(&formula.minimal(most)?));
    let by_diagram = || Some(diagram(&formula.dual())?.cheapest(&vec![1.0; nodes.len()])?.1);
    let found = listed(LISTED / 10).or_else(by_diagram).or_else(|| listed(MOST));
    found.unwrap_or_else(|| too_large(nodes.len()))
}

/// Of a quorum of either formula, two with the fewest nodes in common.
#[track_caller]
pub(super) fn closest(nodes: &[Node], a: &Formula, b: &Formula) -> (Set, Set) {
    let by_lists = |most| {
        let (a, b) = (a.minimal(most)?, b.minimal(most)?);
        let pairs = a.iter().flat_map(|a| b.iter().map(move |b| (*a, *b)));
        pairs.min_by_key(|(a, b)| (a & b).count_ones())
    };
    let by_diagrams = || {
        let mut builder = Builder::of(&[a, b]);
        let (a, b) = (builder.build(a)?, builder.build(b)?);
        builder.closest(a, b).map(|(_, a, b)| (a, b))
    };
    let found = by_lists(LISTED).or_else(by_diagrams).or_else(|| by_lists(5 * LISTED));
    found.unwrap_or_else(|| too_large(nodes.len()))
}

fn diagram(formula: &Formula) -> Option<Diagram> {
    let mut builder = Builder::of(&[formula]);
    let root = builder.build(formula)?;
    Some(builder.diagram(root))
}

/// The latencies that there are, ascending.
fn latencies(nodes: &[Node]) -> Vec<f64> {
    let mut all: Vec<f64> = nodes.iter().map(|node| node.latency).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    all
}

/// The nodes that take longer.
fn slower(nodes: &[Node], latency: f64) -> Set {
    let slow = nodes.iter().enumerate().filter(|(_, node)| node.latency > latency);
    slow.fold(0, |set, (i, _)| set | 1 << i)
}

#[track_caller]
pub(super) fn too_large(nodes: usize) -> ! {
    panic!(
        "QuorumSystem: this system of {nodes} nodes is too large: it has more than a million quorums, or \
         its decision diagram has more than a million vertices; take fewer nodes, or an expression \
         in which each node stands once"
    )
}
