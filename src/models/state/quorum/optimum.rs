//! The best strategy, by a linear program to which quorums are added as they are needed.
//!
//! Its variables are the weights of read and of write quorums, each summing to 1, and for each
//! fraction of reads the load of the busiest node. Of quorums there may be very many, of which few
//! have a weight in the end: those are found by asking, at the prices that a solution puts on the
//! nodes, for the cheapest quorum of all (column generation: Gilmore and Gomory, 1961).

use super::family::Family;
use super::goal::{Goal, Metric};
use super::node::Node;
use super::sets::{Set, members};
use super::simplex::{TINY, Tableau};

/// Weights of read and of write quorums, and the prices that prove them best.
pub(super) struct Optimum {
    pub weights: [Vec<(Set, f64)>; 2],
    pub prices: Prices,
}

/// A limit that cannot be kept: its number, and the least there is.
pub(super) struct Missed {
    pub limit: usize,
    pub least: f64,
}

/// Prices of nodes in read and in write quorums, of the latency of either, and what remains. At
/// the prices of one optimum, the cheapest quorums of any system of the same nodes are a bound
/// from below on what it can reach under the same goal (weak duality).
#[derive(Clone)]
pub(super) struct Prices {
    nodes: [Vec<f64>; 2],
    latency: [f64; 2],
    constant: f64,
    unit: f64,
}

impl Prices {
    /// No strategy over these families is better than this.
    pub fn bound(&self, families: &[Family; 2]) -> f64 {
        let cheapest =
            |side: usize| families[side].cheapest(&self.nodes[side], self.latency[side]).0;
        (self.constant + cheapest(0) + cheapest(1)) / self.unit
    }
}

/// The best strategy over families of read and of write quorums.
pub(super) fn optimum(
    nodes: &[Node],
    families: &[Family; 2],
    goal: &Goal,
) -> Result<Optimum, Missed> {
    let mut program = Program::new(nodes, families, goal);
    for limit in 0..goal.limits.len() {
        program.reach(limit)?;
    }
    program.minimise(goal.metric, None);
    Ok(Optimum { weights: program.weights(), prices: program.prices(goal.metric) })
}

struct Program<'a> {
    nodes: &'a [Node],
    families: &'a [Family<'a>; 2],
    goal: &'a Goal,
    tableau: Tableau,
    /// The quorums among the variables, from number `first` on: side, nodes, latency.
    quorums: Vec<(usize, Set, f64)>,
    first: usize,
    /// The first of the limits' rows.
    limits: usize,
    /// The mean fraction of reads, and of writes.
    shares: [f64; 2],
    /// By what loads, network loads and latencies are multiplied: their values are of the order
    /// of 1 then.
    units: [f64; 3],
}

/// The equations: weights of read quorums, and of write quorums, sum to 1.
const SIDES: usize = 2;

impl<'a> Program<'a> {
    fn new(nodes: &'a [Node], families: &'a [Family<'a>; 2], goal: &'a Goal) -> Self {
        let (start, units) = start(nodes, families, goal);
        let mix = &goal.reads.mix;
        let loads = if goal.about(Metric::Load) { mix.len() } else { 0 };
        let limits = SIDES + loads * nodes.len();
        let mut values = vec![0.0; limits + goal.limits.len()];
        values[..SIDES].fill(1.0);
        for (row, (metric, most)) in goal.limits.iter().enumerate() {
            values[limits + row] = most * units[*metric as usize];
        }
        let mut tableau = Tableau::new(SIDES, &values);
        let limit = goal.limits.iter().position(|(limited, _)| *limited == Metric::Load);
        // The load of the busiest node, of each fraction of reads.
        let busiest: Vec<usize> = (0..loads)
            .map(|j| {
                let rows = (0..nodes.len()).map(|x| (SIDES + j * nodes.len() + x, -1.0));
                let limit = limit.map(|limit| (limits + limit, mix[j].1));
                tableau.add(&rows.chain(limit).collect::<Vec<_>>())
            })
            .collect();
        (0..goal.limits.len()).for_each(|limit| tableau.hold(limits + limit, false));
        let mean = goal.reads.mean();
        let (first, quorums, shares) = (values.len() + loads, vec![], [mean, 1.0 - mean]);
        let mut program =
            Self { nodes, families, goal, tableau, quorums, first, limits, shares, units };
        for (side, set) in start.into_iter().enumerate() {
            let variable = program.add(side, set);
            program.tableau.exchange(variable, side);
        }
        for (j, variable) in busiest.into_iter().enumerate() {
            let rows = (0..nodes.len()).map(|x| SIDES + j * nodes.len() + x);
            let value = |row: &usize| program.tableau.row(*row);
            let least = rows.min_by(|a, b| value(a).total_cmp(&value(b)));
            least.into_iter().for_each(|row| program.tableau.exchange(variable, row));
        }
        program
    }

    /// Adds a quorum; the number of its variable.
    fn add(&mut self, side: usize, set: Set) -> usize {
        let latency = self.families[side].latency(set);
        self.quorums.push((side, set, latency));
        let variable = self.first + self.quorums.len() - 1;
        let mut coefficients = vec![(side, 1.0)];
        if self.goal.about(Metric::Load) {
            let unit = self.units[Metric::Load as usize];
            for (j, (fraction, _)) in self.goal.reads.mix.iter().enumerate() {
                let share = [*fraction, 1.0 - fraction][side];
                for node in members(set) {
                    let row = SIDES + j * self.nodes.len() + node;
                    coefficients.push((row, share * unit / capacity(&self.nodes[node], side)));
                }
            }
        }
        for (row, (metric, _)) in self.goal.limits.iter().enumerate() {
            coefficients.push((self.limits + row, self.cost(*metric, variable)));
        }
        self.tableau.add(&coefficients)
    }

    /// What a variable adds to a quantity.
    fn cost(&self, metric: Metric, variable: usize) -> f64 {
        let rows = self.limits + self.goal.limits.len();
        if variable < rows {
            0.0
        } else if variable < self.first {
            if metric == Metric::Load { self.goal.reads.mix[variable - rows].1 } else { 0.0 }
        } else {
            let (side, set, latency) = self.quorums[variable - self.first];
            self.shares[side]
                * self.units[metric as usize]
                * match metric {
                    Metric::Load => 0.0,
                    Metric::Network => f64::from(set.count_ones()),
                    Metric::Latency => latency,
                }
        }
    }

    /// Goes to a solution that keeps to a limit, and has it kept from now on.
    fn reach(&mut self, limit: usize) -> Result<(), Missed> {
        let (metric, most) = self.goal.limits[limit];
        let row = self.limits + limit;
        self.minimise(metric, Some(row));
        let room = self.tableau.row(row);
        if room < -TINY {
            return Err(Missed { limit, least: most - room / self.units[metric as usize] });
        }
        self.tableau.hold(row, true);
        Ok(())
    }

    /// Goes to the least of a quantity, or until the row of a limit is kept to.
    fn minimise(&mut self, metric: Metric, limit: Option<usize>) {
        let enough = |tableau: &Tableau| limit.is_some_and(|row| tableau.row(row) >= 0.0);
        loop {
            let costs: Vec<f64> =
                (0..self.first + self.quorums.len()).map(|v| self.cost(metric, v)).collect();
            self.tableau.objective(&costs);
            self.tableau.minimise(&enough);
            if enough(&self.tableau) {
                return;
            }
            let prices = self.prices(metric);
            let mut gains = false;
            for (side, family) in self.families.iter().enumerate() {
                let (cost, set) = family.cheapest(&prices.nodes[side], prices.latency[side]);
                let known = self.quorums.iter().any(|(s, q, _)| (*s, *q) == (side, set));
                if cost < self.tableau.price(side) - TINY && !known {
                    self.add(side, set);
                    gains = true;
                }
            }
            if !gains {
                return;
            }
        }
    }

    /// The prices of the present solution, if this quantity is to be least.
    fn prices(&self, metric: Metric) -> Prices {
        // Rows are "at most": one more on the right can only lower the cost.
        let price = |row: usize| (-self.tableau.price(row)).max(0.0);
        // What one of a quantity costs, as the objective and by its limit.
        let worth = |of: Metric| {
            let limit = self.goal.limits.iter().position(|(limited, _)| *limited == of);
            let own = if of == metric { 1.0 } else { 0.0 };
            (own + limit.map_or(0.0, |limit| price(self.limits + limit))) * self.units[of as usize]
        };
        let (network, latency) = (worth(Metric::Network), worth(Metric::Latency));
        let mut nodes = [0, 1].map(|side| vec![network * self.shares[side]; self.nodes.len()]);
        if self.goal.about(Metric::Load) {
            let unit = self.units[Metric::Load as usize];
            for (j, (fraction, _)) in self.goal.reads.mix.iter().enumerate() {
                for (x, node) in self.nodes.iter().enumerate() {
                    let price = price(SIDES + j * self.nodes.len() + x) * unit;
                    nodes[0][x] += price * fraction / node.read_capacity;
                    nodes[1][x] += price * (1.0 - fraction) / node.write_capacity;
                }
            }
        }
        let limits = self.goal.limits.iter().enumerate();
        let constant: f64 = limits
            .map(|(i, (of, most))| -price(self.limits + i) * most * self.units[*of as usize])
            .sum();
        let latency = self.shares.map(|share| latency * share);
        Prices { nodes, latency, constant, unit: self.units[metric as usize] }
    }

    /// The weights, which sum to 1 exactly but for rounding.
    fn weights(&self) -> [Vec<(Set, f64)>; 2] {
        let mut weights = [vec![], vec![]];
        for (i, (side, set, _)) in self.quorums.iter().enumerate() {
            let weight = self.tableau.value(self.first + i);
            if weight > TINY {
                weights[*side].push((*set, weight));
            }
        }
        weights
    }
}

/// A quorum of each side to begin with, cheap for the capacities of its nodes; and units in which
/// the load, network load and latency of these two are of the order of 1.
fn start(nodes: &[Node], families: &[Family; 2], goal: &Goal) -> ([Set; 2], [f64; 3]) {
    let inverse = |side| nodes.iter().map(move |node| 1.0 / capacity(node, side)).collect();
    let costs: [Vec<f64>; 2] = [0, 1].map(inverse);
    let start = [0, 1].map(|side| families[side].cheapest(&costs[side], 0.0).1);
    let load = |node: usize, fraction: f64| {
        let of = |side: usize| if start[side] >> node & 1 == 1 { costs[side][node] } else { 0.0 };
        fraction * of(0) + (1.0 - fraction) * of(1)
    };
    let busiest = |fraction| (0..nodes.len()).map(|x| load(x, fraction)).fold(0.0, f64::max);
    let slowest = nodes.iter().map(|node| node.latency).fold(0.0, f64::max);
    let slowest = if slowest > 0.0 { slowest } else { 1.0 };
    (start, [goal.reads.over(busiest), nodes.len() as f64, slowest].map(f64::recip))
}

fn capacity(node: &Node, side: usize) -> f64 {
    [node.read_capacity, node.write_capacity][side]
}
