//! What a scheme of placement costs: keys that move, and shares that differ.

use super::hash::both;
use super::scheme::Placement;
use crate::sim::{Estimate, Trials, replicate};
use statrs::distribution::{Beta, ContinuousCDF};

/// Keys that move when a node joins or leaves, as fractions of all keys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moves {
    /// Those that move.
    pub moved: Estimate,
    /// The fair share of the node: the least that has to move to it, or away from it.
    pub least: f64,
    /// Those that move between nodes that were there before and are there after, and had no need
    /// to: the disruption.
    pub needless: Estimate,
}

/// How evenly keys are spread.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// The relative deviation of the nodes' shares: the root of the mean square of share / fair
    /// share - 1.
    pub deviation: Estimate,
    /// The share of the busiest node over its fair share.
    pub busiest: Estimate,
    /// The share of each node, in the order of the list of nodes.
    pub shares: Vec<Estimate>,
}

impl Placement {
    /// The fraction of the keys 0 to below `keys` whose node differs in another placement.
    ///
    /// # Panics
    /// If there are no keys.
    #[track_caller]
    pub fn moved(&self, to: &Placement, keys: usize) -> f64 {
        assert!(
            keys >= 1,
            "Placement::moved: there must be at least 1 key, as in moved(&to, 100_000)"
        );
        let (before, after) = (self.assign(keys), to.assign(keys));
        let moved = before.iter().zip(&after).filter(|(a, b)| a != b).count();
        moved as f64 / keys as f64
    }

    /// What moves when one node more joins: `trials.customers` keys in each replication, which
    /// has a hash function of its own.
    pub fn on_join(&self, trials: Trials) -> Moves {
        let after = self.join();
        let newcomer = after.nodes[after.nodes.len() - 1];
        let least = after.fair_shares()[after.nodes.len() - 1];
        self.on_change(&after, trials, least, |_, to| to == newcomer)
    }

    /// What moves when this node leaves, as [`Placement::on_join`].
    ///
    /// # Panics
    /// If there is no such node, or no other.
    #[track_caller]
    pub fn on_leave(&self, node: usize, trials: Trials) -> Moves {
        let at = self.member("Placement::on_leave", node);
        let least = self.fair_shares()[at];
        self.on_change(&self.leave(node), trials, least, |from, _| from == node)
    }

    fn on_change(
        &self,
        after: &Placement,
        trials: Trials,
        least: f64,
        needed: impl Fn(usize, usize) -> bool + Sync,
    ) -> Moves {
        let Trials { replications, customers: keys, seed, .. } = trials;
        let runs = replicate(replications, |replication| {
            let hash = both(seed, replication);
            let before = self.clone().seed(hash).assign(keys);
            let after = after.clone().seed(hash).assign(keys);
            let moved = before.iter().zip(&after).filter(|(from, to)| from != to);
            let (mut all, mut needless) = (0, 0);
            for (from, to) in moved {
                all += 1;
                needless += usize::from(!needed(*from, *to));
            }
            (all as f64 / keys as f64, needless as f64 / keys as f64)
        });
        let (moved, needless): (Vec<f64>, Vec<f64>) = runs.into_iter().unzip();
        Moves { moved: Estimate::of(&moved), least, needless: Estimate::of(&needless) }
    }

    /// How evenly `trials.customers` keys are spread, in replications each of which has a hash
    /// function of its own.
    pub fn spread(&self, trials: Trials) -> Spread {
        let Trials { replications, customers: keys, seed, .. } = trials;
        let fair = self.fair_shares();
        let runs: Vec<Vec<f64>> = replicate(replications, |replication| {
            let mut counts = vec![0.0; self.nodes.len()];
            for member in self.clone().seed(both(seed, replication)).members(keys) {
                counts[member as usize] += 1.0;
            }
            counts.iter().map(|count| count / keys as f64).collect()
        });
        let relative = |run: &Vec<f64>| -> Vec<f64> {
            run.iter().zip(&fair).map(|(share, fair)| share / fair).collect()
        };
        let squares: Vec<f64> = runs.iter().map(|run| mean_square(&relative(run))).collect();
        let busiest = runs.iter().map(|run| relative(run).into_iter().fold(0.0, f64::max));
        let share = |at: usize| Estimate::of(&runs.iter().map(|run| run[at]).collect::<Vec<_>>());
        Spread {
            deviation: root(Estimate::of(&squares)),
            busiest: Estimate::of(&busiest.collect::<Vec<_>>()),
            shares: (0..fair.len()).map(share).collect(),
        }
    }
}

fn mean_square(relative: &[f64]) -> f64 {
    relative.iter().map(|share| (share - 1.0).powi(2)).sum::<f64>() / relative.len() as f64
}

/// Of an estimate of a square; the interval by the slope of the root.
fn root(square: Estimate) -> Estimate {
    let mean = square.mean.sqrt();
    let half_width = if mean > 0.0 { square.half_width / (2.0 * mean) } else { 0.0 };
    Estimate { mean, half_width, n: square.n }
}

/// The relative deviation of a node's share of a ring with so many nodes and virtual nodes each,
/// √((n - 1) / (n V + 1)): the share is Beta(V, (n - 1) V), as the points are uniform.
///
/// # Panics
/// Without nodes or virtual nodes.
#[track_caller]
pub fn ring_deviation(nodes: usize, virtual_nodes: usize) -> f64 {
    let (n, v) = counts("ring_deviation", nodes, virtual_nodes);
    ((n - 1.0) / (n * v + 1.0)).sqrt()
}

/// Between what multiples of the fair share a node's share of a ring lies with this confidence,
/// as much being left out at both ends: the quantiles of Beta(V, (n - 1) V), times n.
///
/// # Panics
/// Without nodes or virtual nodes; if the confidence is not between 0 and 1.
#[track_caller]
pub fn ring_share_interval(nodes: usize, virtual_nodes: usize, confidence: f64) -> (f64, f64) {
    const PLACE: &str = "ring_share_interval";
    let (n, v) = counts(PLACE, nodes, virtual_nodes);
    assert!(
        confidence > 0.0 && confidence < 1.0,
        "{PLACE}: the confidence must be between 0 and 1, but it is {confidence}; for 99 % give 0.99"
    );
    let Ok(share) = Beta::new(v, (n - 1.0) * v) else {
        return (1.0, 1.0); // one node, which has all
    };
    let out = (1.0 - confidence) / 2.0;
    (n * quantile(&share, out), n * quantile(&share, 1.0 - out))
}

/// By halving, to the last bit: the crate's own stops at eight digits.
fn quantile(share: &Beta, p: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..80 {
        let middle = (low + high) / 2.0;
        if share.cdf(middle) < p { low = middle } else { high = middle }
    }
    high
}

#[track_caller]
fn counts(place: &str, nodes: usize, virtual_nodes: usize) -> (f64, f64) {
    assert!(
        nodes >= 1 && virtual_nodes >= 1,
        "{place}: there must be at least 1 node and 1 virtual node for each, but there are {nodes} and \
         {virtual_nodes}"
    );
    (nodes as f64, virtual_nodes as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of Lamping and Veach (2014), of a thousand buckets: points for each, the
    /// deviation they measured, and the interval of 99 % as they round it.
    #[test]
    fn the_ring_is_as_uneven_as_published() {
        let table = [
            (1, 0.997_906_0, (0.005, 5.25)),
            (10, 0.315_181_0, (0.37, 1.98)),
            (100, 0.099_699_6, (0.76, 1.28)),
            (1000, 0.031_572_3, (0.92, 1.09)),
        ];
        for (points, deviation, (low, high)) in table {
            let ours = ring_deviation(1000, points);
            assert!((ours / deviation - 1.0).abs() < 0.003, "{points}: {ours}");
            let interval = ring_share_interval(1000, points, 0.99);
            assert!((interval.0 - low).abs() < 0.01, "{points}: {interval:?}");
            assert!((interval.1 / high - 1.0).abs() < 0.011, "{points}: {interval:?}");
        }
        assert_eq!((ring_deviation(1, 5), ring_share_interval(1, 5, 0.9)), (0.0, (1.0, 1.0)));
        // Two nodes, one point each: the arc is uniform.
        let (low, high) = ring_share_interval(2, 1, 0.9);
        assert!((low - 0.1).abs() < 1e-12 && (high - 1.9).abs() < 1e-12, "{low} {high}");
    }

    #[test]
    fn the_root_of_an_estimate_keeps_its_relative_width() {
        let estimate = root(Estimate { mean: 4.0, half_width: 0.4, n: 10 });
        assert_eq!((estimate.mean, estimate.half_width), (2.0, 0.1));
        assert_eq!(root(Estimate { mean: 0.0, half_width: 0.0, n: 2 }).half_width, 0.0);
    }
}
