//! The best system for given nodes, found among expressions that name each node once.

use super::error::QuorumError;
use super::family::Family;
use super::goal::{Goal, Metric};
use super::node::Node;
use super::optimum::{Optimum, Prices, optimum};
use super::quorums::{Quorums, listed, nodes_of};
use super::strategy::Strategy;
use super::system::QuorumSystem;
use super::tree::{Formula, Tree};
use crate::deadline::Deadline;
use crate::progress::Task;
use std::ops::ControlFlow;
use std::time::Duration;

/// A search through the systems of some nodes whose reads are an expression that names each node
/// once, made of "and", "or" and [`choose`](super::choose), and whose writes are the dual: each
/// such system once, those of two levels of gates first.
///
/// Their number grows fast: 9 of 3 nodes, 74 of 4, 885 of 5, 13,684 of 6, 258,489 of 7, 5,768,538
/// of 8.
#[derive(Clone, Debug)]
pub struct QuorumSearch {
    nodes: Vec<Node>,
    resilience: usize,
    most: usize,
    time: Option<Duration>,
}

/// What a search has found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The best system; of several as good, the first.
    pub system: QuorumSystem,
    /// Its best strategy.
    pub strategy: Strategy,
    /// What was to be least: load, network load or latency.
    pub value: f64,
    /// How many systems were examined.
    pub examined: usize,
    /// For how many of these a linear program had to be solved: the others are not resilient
    /// enough, or the prices of an earlier optimum prove that they are no better.
    pub solved: usize,
    /// Whether all there are were examined, so that there is no better one.
    pub complete: bool,
}

impl QuorumSearch {
    /// Over these nodes.
    ///
    /// # Panics
    /// If there are none, more than 128, or one is there twice.
    #[track_caller]
    pub fn over<N: Into<Node>>(nodes: impl IntoIterator<Item = N>) -> Self {
        let parts = listed("QuorumSearch::over", nodes.into_iter().map(|node| node.into()));
        let nodes = nodes_of("QuorumSearch::over", &parts.iter().collect::<Vec<_>>()).to_vec();
        Self { nodes, resilience: 0, most: usize::MAX, time: None }
    }

    /// The same for systems that survive so many failures, reads and writes alike.
    ///
    /// # Panics
    /// If that is no fewer than half of the nodes: then there is no such system.
    #[track_caller]
    pub fn resilience(self, failures: usize) -> Self {
        let count = self.nodes.len();
        assert!(
            2 * failures < count,
            "QuorumSearch::resilience: no system of {count} nodes survives {failures} failures, since \
             reads and writes have to meet; ask for at most {}",
            (count - 1) / 2
        );
        Self { resilience: failures, ..self }
    }

    /// The same, ended after so many systems.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn limit(self, systems: usize) -> Self {
        assert!(systems >= 1, "QuorumSearch::limit: at least 1 system must be examined, but 0 are");
        Self { most: systems, ..self }
    }

    /// The same, ended after so long. What is found then depends on how fast the machine is:
    /// [`QuorumSearch::limit`] finds the same everywhere.
    pub fn time_limit(self, time: Duration) -> Self {
        Self { time: Some(time), ..self }
    }

    /// Searches.
    ///
    /// # Errors
    /// If no system that was examined is resilient enough and keeps to the limits of the goal.
    pub fn find(&self, goal: &Goal) -> Result<Found, QuorumError> {
        let deadline = Deadline::after(self.time);
        let mut hunt = Hunt {
            nodes: &self.nodes,
            goal,
            resilience: self.resilience,
            examined: 0,
            resilient: 0,
            solved: 0,
            best: None,
            prices: vec![],
        };
        let all = SYSTEMS.get(self.nodes.len() - 1);
        let task = Task::begin("systems", all.map(|all| (*all).min(self.most as u64)));
        let all: Vec<usize> = (0..self.nodes.len()).collect();
        let mut visit = |levels: usize, formula: Formula| {
            // Those of two levels have had their turn.
            if levels > SIMPLE && height(&formula) <= SIMPLE {
                return ControlFlow::Continue(());
            }
            if hunt.examined >= self.most
                || hunt.examined.is_multiple_of(16) && deadline.has_passed()
            {
                return ControlFlow::Break(());
            }
            hunt.examine(formula);
            task.step();
            ControlFlow::Continue(())
        };
        let mut ended = ControlFlow::Continue(());
        for levels in [SIMPLE, self.nodes.len()] {
            if ended.is_continue() {
                ended = expressions(&all, levels, &mut |formula| visit(levels, formula));
            }
        }
        let complete = ended.is_continue();
        let Hunt { examined, resilient, solved, best, .. } = hunt;
        let Some((value, formula, Optimum { weights, .. })) = best else {
            return Err(QuorumError::NotFound { examined, resilient, complete });
        };
        let system = QuorumSystem::reading(Quorums(formula.map(&mut |i| self.nodes[*i])));
        let strategy = Strategy::new(system.clone(), weights);
        Ok(Found { system, strategy, value, examined, solved, complete })
    }
}

/// How many systems there are of 1 node, of 2 and so on.
const SYSTEMS: [u64; 8] = [1, 2, 9, 74, 885, 13_684, 258_489, 5_768_538];

/// Levels of gates of what comes first.
const SIMPLE: usize = 2;

/// The prices of so many optima are tried on a system before its program is solved.
const TRIED: usize = 8;

struct Hunt<'a> {
    nodes: &'a [Node],
    goal: &'a Goal,
    resilience: usize,
    examined: usize,
    resilient: usize,
    solved: usize,
    best: Option<(f64, Formula, Optimum)>,
    prices: Vec<Prices>,
}

impl Hunt<'_> {
    fn examine(&mut self, formula: Formula) {
        crate::interrupt::tick();
        self.examined += 1;
        let sides = [formula.clone(), formula.dual()];
        let (nodes, timed) = (self.nodes, self.goal.about(Metric::Latency));
        let families = |failures| {
            let of = |side: usize| Family::of(nodes, &sides[side], failures, timed);
            Some([of(0)?, of(1)?])
        };
        let surviving = self.goal.failures;
        let Some(simple) = families(0) else { return };
        // Whatever meets all quorums of one side is a quorum of the other.
        let ones = vec![1.0; self.nodes.len()];
        if simple.iter().any(|family| family.cheapest(&ones, 0.0).0 < self.resilience as f64 + 0.5)
        {
            return;
        }
        self.resilient += 1;
        if self.is_beaten(&simple) {
            return;
        }
        let families = match surviving {
            0 => simple,
            failures => match families(failures) {
                Some(families) if !self.is_beaten(&families) => families,
                _ => return,
            },
        };
        self.solved += 1;
        let Ok(found) = optimum(self.nodes, &families, self.goal) else { return };
        // The prices of an optimum prove it: their bound is its value.
        let value = found.prices.bound(&families);
        self.prices.insert(0, found.prices.clone());
        self.prices.truncate(TRIED);
        if self.best.as_ref().is_none_or(|(best, ..)| value < best * (1.0 - MARGIN)) {
            self.best = Some((value, formula, found));
        }
    }

    /// Whether some prices prove that a system is no better than the best.
    fn is_beaten(&self, families: &[Family; 2]) -> bool {
        let beats =
            |best: f64| self.prices.iter().any(|p| p.bound(families) >= best * (1.0 - MARGIN));
        self.best.as_ref().is_some_and(|(best, ..)| beats(*best))
    }
}

/// Better by less is as good: rounding alone may make as much.
const MARGIN: f64 = 1e-9;

type Visit<'a> = dyn FnMut(Formula) -> ControlFlow<()> + 'a;

/// All functions of these nodes that gates of so many levels can make with each node once, each
/// function once: with no "or" right below an "or" and no "and" below an "and", there is one
/// expression for each (the modular decomposition of a monotone function is unique: Möhring and
/// Radermacher, 1984).
fn expressions(nodes: &[usize], levels: usize, visit: &mut Visit) -> ControlFlow<()> {
    if let [node] = nodes {
        return visit(Tree::Leaf(*node));
    }
    if levels == 0 {
        return ControlFlow::Continue(());
    }
    partitions(nodes, &mut vec![], &mut |blocks| gates(blocks, levels - 1, &mut vec![], visit))
}

/// All ways to divide these nodes into blocks, on top of the blocks there are.
fn partitions(
    nodes: &[usize],
    blocks: &mut Vec<Vec<usize>>,
    visit: &mut dyn FnMut(&[Vec<usize>]) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let Some((node, rest)) = nodes.split_first() else { return visit(blocks) };
    // By itself first: flat gates come before deep ones.
    blocks.push(vec![*node]);
    partitions(rest, blocks, visit)?;
    blocks.pop();
    for i in 0..blocks.len() {
        blocks[i].push(*node);
        partitions(rest, blocks, visit)?;
        blocks[i].pop();
    }
    ControlFlow::Continue(())
}

/// All gates over expressions of these blocks, of which those of the first are chosen already.
fn gates(
    blocks: &[Vec<usize>],
    levels: usize,
    parts: &mut Vec<Formula>,
    visit: &mut Visit,
) -> ControlFlow<()> {
    if parts.len() < blocks.len() {
        return expressions(&blocks[parts.len()], levels, &mut |part| {
            parts.push(part);
            let flow = gates(blocks, levels, parts, visit);
            parts.pop();
            flow
        });
    }
    let is = |which: fn(&super::tree::Gate<usize>) -> bool| {
        parts.iter().any(|part| matches!(part, Tree::Gate(gate) if which(gate)))
    };
    let (count, has_or, has_and) = (parts.len(), is(|gate| gate.is_or()), is(|gate| gate.is_and()));
    // One block of all is what it is made of.
    let needed = if count == 1 { 1..1 } else { 1..count + 1 };
    for needed in needed {
        if !(needed == 1 && has_or || needed == count && has_and) {
            visit(Tree::choose(needed, parts.clone()))?;
        }
    }
    ControlFlow::Continue(())
}

fn height(formula: &Formula) -> usize {
    match formula {
        Tree::Leaf(_) => 0,
        Tree::Gate(gate) => 1 + gate.parts.iter().map(|(_, part)| height(part)).max().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// No two are the same function, since their truth tables differ.
    #[test]
    fn each_function_is_met_once() {
        for (count, functions) in (1..6).zip(SYSTEMS) {
            let nodes: Vec<usize> = (0..count).collect();
            let (mut tables, mut met, mut simple) = (BTreeSet::new(), 0, 0);
            let _ = expressions(&nodes, count, &mut |formula| {
                let table: Vec<bool> = (0..1 << count).map(|set| formula.holds(set)).collect();
                tables.insert(table);
                met += 1;
                simple += usize::from(height(&formula) <= SIMPLE);
                ControlFlow::Continue(())
            });
            assert_eq!((met, tables.len() as u64), (functions, functions));
            let mut first = 0;
            let _ = expressions(&nodes, SIMPLE, &mut |_| {
                first += 1;
                ControlFlow::Continue(())
            });
            assert_eq!(first, simple);
        }
    }

    /// By the sizes of the parts of the gate at the root: none is an "or" below an "or", as many
    /// functions begin with an "and" as with an "or", and of m parts the others need 2 to m - 1.
    #[test]
    fn there_are_as_many_as_a_recurrence_says() {
        // Ways to divide so many nodes into so many blocks, each an expression of its nodes.
        fn ways(nodes: usize, blocks: usize, of: &[u64]) -> u64 {
            if nodes == 0 || blocks == 0 {
                return u64::from(nodes == blocks);
            }
            let choose =
                |n: usize, k: usize| (0..k).fold(1, |c, i| c * (n - i) as u64 / (i + 1) as u64);
            // The block of the first node, by its size.
            let with =
                |size| choose(nodes - 1, size - 1) * of[size] * ways(nodes - size, blocks - 1, of);
            (1..=nodes.min(of.len() - 1)).map(with).sum()
        }
        let (mut all, mut no_or) = (vec![0, 1], vec![0, 1]);
        for nodes in 2..=SYSTEMS.len() {
            let or: u64 = (2..=nodes).map(|blocks| ways(nodes, blocks, &no_or)).sum();
            let other = |blocks| (blocks as u64 - 2) * ways(nodes, blocks, &all);
            let other: u64 = (3..=nodes).map(other).sum();
            all.push(2 * or + other);
            no_or.push(or + other);
        }
        assert_eq!(all[1..], SYSTEMS);
    }

    /// No program left out by prices: the least over all systems, each solved by itself.
    #[test]
    fn the_best_is_that_of_all() {
        let capacities = [(3.0, 1.0), (1.0, 2.0), (2.0, 1.0), (4.0, 3.0)];
        let node = |(i, (capacity, latency)): (usize, &(f64, f64))| {
            Node::new(&format!("n{i}")).capacity(*capacity).latency(*latency)
        };
        let nodes: Vec<Node> = capacities.iter().enumerate().map(node).collect();
        let goals = [
            Goal::load([(0.9, 1.0), (0.3, 2.0)]),
            Goal::load(0.8).f_resilient(1),
            Goal::load(0.5).latency_limit(1.6).network_limit(2.5),
            Goal::latency(0.7).load_limit(0.3),
            Goal::network(0.25).latency_limit(1.5).f_resilient(1),
        ];
        for goal in goals {
            for resilience in [0, 1] {
                let mut best = f64::INFINITY;
                let _ = expressions(&[0, 1, 2, 3], 4, &mut |formula| {
                    let reads = Quorums(formula.map(&mut |i| nodes[*i]));
                    let system = QuorumSystem::reading(reads);
                    if let (true, Ok(strategy)) =
                        (system.resilience() >= resilience, system.strategy(&goal))
                    {
                        best = best.min(match goal.metric {
                            Metric::Load => strategy.load(&goal.reads),
                            Metric::Network => strategy.network_load(&goal.reads),
                            Metric::Latency => strategy.latency(&goal.reads),
                        });
                    }
                    ControlFlow::Continue(())
                });
                let found = QuorumSearch::over(&nodes).resilience(resilience).find(&goal);
                let value = found.map_or(f64::INFINITY, |found| found.value);
                assert!(value == best || (value / best - 1.0).abs() < 1e-9, "{value}, {best}");
            }
        }
    }
}
