//! How likely it is that some quorum is alive.

use super::diagram::{Builder, Diagram};
use super::node::{Node, checked_probability};
use super::sets::Set;
use super::system::QuorumSystem;
use crate::sim::{Estimate, Stream, Trials, replicate};

/// With what probability nodes have failed: each by itself, and zones as a whole. Made from a
/// number if all nodes have the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Failures {
    /// The same for all nodes, or each its own.
    same: Option<f64>,
    zones: Vec<(String, f64)>,
}

impl Failures {
    /// Each node fails with the same probability.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn each(probability: f64) -> Self {
        Self { same: Some(checked_probability("Failures::each", probability)), zones: vec![] }
    }

    /// Each node fails with the probability that it was given by [`Node::failure`].
    pub fn own() -> Self {
        Self { same: None, zones: vec![] }
    }

    /// The same, and a zone fails as a whole with such a probability, whatever its nodes do.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn zone(mut self, name: &str, probability: f64) -> Self {
        let probability = checked_probability("Failures::zone", probability);
        self.zones.retain(|(other, _)| other != name);
        self.zones.push((name.to_owned(), probability));
        self
    }

    /// Of each node its own probability; of each zone that may fail its nodes and its probability.
    #[track_caller]
    fn of(&self, place: &str, nodes: &[Node]) -> (Vec<f64>, Vec<(Set, f64)>) {
        let own = nodes.iter().map(|node| self.same.unwrap_or(node.failure)).collect();
        let zone = |(name, probability): &(String, f64)| {
            let within = |i: &usize| nodes[*i].zone == Some(name.as_str());
            let set = (0..nodes.len()).filter(within).fold(0, |set: Set, i| set | 1 << i);
            assert!(
                set != 0,
                "{place}: no node of the system is in the zone \"{name}\"; say which are, as in \
                 Node::new(\"a\").zone(\"{name}\")"
            );
            (set, *probability)
        };
        (own, self.zones.iter().map(zone).collect())
    }
}

impl From<f64> for Failures {
    #[track_caller]
    fn from(probability: f64) -> Self {
        Self::each(probability)
    }
}

/// Probabilities that a quorum is alive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Availability {
    /// Of a read quorum.
    pub reads: f64,
    /// Of a write quorum.
    pub writes: f64,
    /// Of one of each.
    pub both: f64,
}

/// Probabilities that no quorum is alive, F_p.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FailureProbability {
    /// No read quorum.
    pub reads: f64,
    /// No write quorum.
    pub writes: f64,
    /// Not one of each.
    pub either: f64,
}

/// Probabilities that a quorum is alive, by simulation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AvailabilityEstimate {
    /// Of a read quorum.
    pub reads: Estimate,
    /// Of a write quorum.
    pub writes: Estimate,
    /// Of one of each.
    pub both: Estimate,
}

/// Each way in which zones can fail is gone through.
const MOST_ZONES: usize = 12;

impl QuorumSystem {
    /// The probabilities that a quorum is alive, exactly. `failures` is one probability for all
    /// nodes, or a [`Failures`].
    ///
    /// # Panics
    /// If a probability is not between 0 and 1; if a zone has no nodes, or more than 12 may fail;
    /// if the system is too large, which [`QuorumSystem::simulate_availability`] does not mind.
    #[track_caller]
    pub fn availability(&self, failures: impl Into<Failures>) -> Availability {
        let [reads, writes, both] = self.chances("QuorumSystem::availability", &failures.into());
        Availability { reads: reads.0, writes: writes.0, both: both.0 }
    }

    /// The probabilities that no quorum is alive, F_p (Naor and Wool, 1998), exactly, also where
    /// they are tiny.
    ///
    /// # Panics
    /// As [`QuorumSystem::availability`].
    #[track_caller]
    pub fn failure_probability(&self, failures: impl Into<Failures>) -> FailureProbability {
        let place = "QuorumSystem::failure_probability";
        let [reads, writes, both] = self.chances(place, &failures.into());
        FailureProbability { reads: reads.1, writes: writes.1, either: both.1 }
    }

    /// Of reads, writes and both, the probability that a quorum is alive, and that none is.
    #[track_caller]
    fn chances(&self, place: &str, failures: &Failures) -> [(f64, f64); 3] {
        let (own, zones) = failures.of(place, &self.nodes);
        assert!(
            zones.len() <= MOST_ZONES,
            "{place}: at most {MOST_ZONES} zones may fail, but there are {}; \
             QuorumSystem::simulate_availability takes any number",
            zones.len()
        );
        let Some(diagrams) = self.diagrams() else {
            panic!(
                "{place}: this system of {} nodes is too large to be gone through; use \
                 QuorumSystem::simulate_availability",
                self.nodes.len()
            )
        };
        let mut sums = [(0.0, 0.0); 3];
        for down in 0..1_usize << zones.len() {
            crate::interrupt::tick();
            let (mut weight, mut failed) = (1.0, own.clone());
            for (i, (set, probability)) in zones.iter().enumerate() {
                if down >> i & 1 == 0 {
                    weight *= 1.0 - probability;
                } else {
                    weight *= probability;
                    super::sets::members(*set).for_each(|node| failed[node] = 1.0);
                }
            }
            for (sum, diagram) in sums.iter_mut().zip(&diagrams) {
                let (alive, dead) = diagram.chance(&failed);
                *sum = (sum.0 + weight * alive, sum.1 + weight * dead);
            }
        }
        sums
    }

    fn diagrams(&self) -> Option<[Diagram; 3]> {
        let mut builder = Builder::of(&[&self.sides[0], &self.sides[1]]);
        let reads = builder.build(&self.sides[0])?;
        let writes = builder.build(&self.sides[1])?;
        let both = builder.and(reads, writes)?;
        Some([reads, writes, both].map(|root| builder.diagram(root)))
    }

    /// The same by simulation, for a system of any size: `trials.customers` draws of who is down in
    /// each replication.
    ///
    /// # Panics
    /// If a probability is not between 0 and 1, or a zone has no nodes.
    #[track_caller]
    pub fn simulate_availability(
        &self,
        failures: impl Into<Failures>,
        trials: Trials,
    ) -> AvailabilityEstimate {
        let failures: Failures = failures.into();
        let (own, zones) = failures.of("QuorumSystem::simulate_availability", &self.nodes);
        let Trials { replications, customers, seed, .. } = trials;
        let shares = replicate(replications, |replication| {
            let mut stream = Stream::new(seed, replication, "failures");
            let mut counts = [0_usize; 3];
            for draw in 0..customers {
                if draw % 1000 == 0 {
                    crate::interrupt::tick();
                }
                let mut alive: Set = 0;
                for (node, probability) in own.iter().enumerate() {
                    alive |= Set::from(stream.uniform() >= *probability) << node;
                }
                for (set, probability) in &zones {
                    alive &= if stream.uniform() < *probability { !set } else { !0 };
                }
                let [reads, writes] = [0, 1].map(|side| self.sides[side].holds(alive));
                for (count, here) in counts.iter_mut().zip([reads, writes, reads && writes]) {
                    *count += usize::from(here);
                }
            }
            counts.map(|count| count as f64 / customers as f64)
        });
        let of = |i: usize| Estimate::of(&shares.iter().map(|share| share[i]).collect::<Vec<_>>());
        AvailabilityEstimate { reads: of(0), writes: of(1), both: of(2) }
    }
}
