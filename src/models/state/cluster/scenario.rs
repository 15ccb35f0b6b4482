//! The setting of a run: how many nodes, which network, what goes wrong, what clients do.

use super::faults::{Fault, between};
use super::outcome::Outcome;
use super::replica::{Replica, Setting};
use super::spacetime::SpaceTime;
use super::survey::Survey;
use crate::number::positive;
use crate::sim::Distribution;
use std::ops::Range;

/// Steps of a run unless it is told otherwise: more than any protocol here takes, and over within
/// a second or two.
const STEPS: u64 = 1_000_000;

/// Nodes, a network, clients, and faults on a schedule. Times are in milliseconds.
///
/// As made by [`Scenario::nodes`]: one client at each node, who asks every 20 ms on average, half
/// of it reads, of one key, gives up after 200 ms, and stops after a second; messages take 2 ms on
/// average, exponentially distributed, and none is lost. At the end the faults are over, the nodes
/// have half a second to settle, and every client reads all there is.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub(super) nodes: usize,
    pub(super) latency: Distribution,
    /// Of each node its region, and how long messages take from one region to another.
    pub(super) regions: Option<(Vec<u16>, Distribution)>,
    pub(super) loss: f64,
    pub(super) duplication: f64,
    pub(super) clients: usize,
    pub(super) think: f64,
    pub(super) timeout: f64,
    pub(super) reads: f64,
    pub(super) keys: u64,
    pub(super) until: f64,
    pub(super) settling: f64,
    pub(super) faults: Vec<Fault>,
    /// Of each node's clock, by how many milliseconds it is ahead, and how much faster it runs.
    pub(super) clocks: Vec<(f64, f64)>,
    pub(super) seed: u64,
    pub(super) steps: u64,
    pub(super) is_watched: bool,
}

impl Scenario {
    /// So many nodes, numbered from 0, and nothing that goes wrong.
    ///
    /// # Panics
    /// If there are none, or more than 1,000.
    #[track_caller]
    pub fn nodes(nodes: usize) -> Self {
        assert!(
            (1..=1000).contains(&nodes),
            "Scenario::nodes: there must be from 1 to 1000 nodes, but there are {nodes}"
        );
        Self {
            nodes,
            latency: Distribution::exponential(2.0),
            regions: None,
            loss: 0.0,
            duplication: 0.0,
            clients: nodes,
            think: 20.0,
            timeout: 200.0,
            reads: 0.5,
            keys: 1,
            until: 1_000.0,
            settling: 500.0,
            faults: vec![],
            clocks: vec![(0.0, 0.0); nodes],
            seed: 1,
            steps: STEPS,
            is_watched: true,
        }
    }

    /// How long a message takes from one node to another, in milliseconds. Messages overtake one
    /// another.
    pub fn latency(self, latency: Distribution) -> Self {
        Self { latency, ..self }
    }

    /// Puts the nodes into regions; a message from one region to another takes as long as `far`
    /// says, in milliseconds, in place of [`Scenario::latency`].
    ///
    /// # Panics
    /// If a node is named twice, or there is no such node, or a node is left out.
    #[track_caller]
    pub fn regions(self, regions: &[&[usize]], far: Distribution) -> Self {
        self.each_once("Scenario::regions", regions);
        let region = |node| regions.iter().position(|region| region.contains(&node));
        let of = (0..self.nodes).map(|node| region(node).unwrap_or_default() as u16).collect();
        Self { regions: Some((of, far)), ..self }
    }

    /// The probability that a message is lost.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn loss(self, loss: f64) -> Self {
        Self { loss: probability("Scenario::loss", loss), ..self }
    }

    /// The probability that a message arrives twice.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn duplication(self, duplication: f64) -> Self {
        Self { duplication: probability("Scenario::duplication", duplication), ..self }
    }

    /// So many clients; client k asks at node k modulo the number of nodes.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn clients(self, clients: usize) -> Self {
        assert!(clients >= 1, "Scenario::clients: there must be at least 1 client");
        Self { clients, ..self }
    }

    /// How long a client waits between two requests on average, exponentially distributed.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn think(self, mean: f64) -> Self {
        Self { think: positive("Scenario::think", "mean time between requests", mean), ..self }
    }

    /// How long a client waits for a reply. What becomes of its request then it does not know.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn timeout(self, timeout: f64) -> Self {
        Self { timeout: positive("Scenario::timeout", "time-out", timeout), ..self }
    }

    /// The share of reads among the requests.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn reads(self, share: f64) -> Self {
        Self { reads: probability("Scenario::reads", share), ..self }
    }

    /// How many keys there are, for objects that have keys.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn keys(self, keys: u64) -> Self {
        assert!(keys >= 1, "Scenario::keys: there must be at least 1 key");
        Self { keys, ..self }
    }

    /// When clients stop.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn until(self, time: f64) -> Self {
        Self { until: positive("Scenario::until", "end", time), ..self }
    }

    /// How long the nodes have, after that, before all is read once more.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn settling(self, time: f64) -> Self {
        Self { settling: positive("Scenario::settling", "time to settle", time), ..self }
    }

    /// Chooses all random numbers.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// A partition: no message between nodes of different groups. A node that is in no group is
    /// cut off from all; one may bridge two groups by [`Scenario::one_way`] cuts instead.
    ///
    /// # Panics
    /// If a node is named twice, or there is no such node, or a node is left out.
    #[track_caller]
    pub fn partition(self, groups: &[&[usize]], during: Range<f64>) -> Self {
        const PLACE: &str = "Scenario::partition";
        self.each_once(PLACE, groups);
        let links = between(groups);
        self.fault(PLACE, during, |during| Fault::Cut { links, during })
    }

    /// Two groups that reach each other only by way of the nodes in both: a partition with a
    /// bridge.
    ///
    /// # Panics
    /// If there is no such node, or none is in both groups.
    #[track_caller]
    pub fn bridge(self, groups: [&[usize]; 2], during: Range<f64>) -> Self {
        const PLACE: &str = "Scenario::bridge";
        for node in groups.into_iter().flatten() {
            self.node(PLACE, *node);
        }
        let [a, b] = groups;
        let only = |group: &[usize], other: &[usize]| -> Vec<usize> {
            group.iter().copied().filter(|node| !other.contains(node)).collect()
        };
        let (left, right) = (only(a, b), only(b, a));
        assert!(
            left.len() < a.len(),
            "{PLACE}: some node must be in both groups, but {a:?} and {b:?} have none in common"
        );
        let links = between(&[&left, &right]);
        self.fault(PLACE, during, |during| Fault::Cut { links, during })
    }

    /// Messages from some nodes do not reach some others; those in the other direction do.
    ///
    /// # Panics
    /// If there is no such node.
    #[track_caller]
    pub fn one_way(self, from: &[usize], to: &[usize], during: Range<f64>) -> Self {
        const PLACE: &str = "Scenario::one_way";
        let mut links = vec![];
        for &from in from {
            for &to in to {
                links.push((self.node(PLACE, from), self.node(PLACE, to)));
            }
        }
        links.retain(|(from, to)| from != to);
        self.fault(PLACE, during, |during| Fault::Cut { links, during })
    }

    /// A node is cut off from all others, not from its clients.
    ///
    /// # Panics
    /// If there is no such node.
    #[track_caller]
    pub fn isolate(self, node: usize, during: Range<f64>) -> Self {
        const PLACE: &str = "Scenario::isolate";
        let node = self.node(PLACE, node);
        let others: Vec<usize> = (0..self.nodes).filter(|other| *other != node).collect();
        let links = between(&[&[node], &others]);
        self.fault(PLACE, during, |during| Fault::Cut { links, during })
    }

    /// A node is down for a while, and keeps what it has on disk.
    ///
    /// # Panics
    /// If there is no such node.
    #[track_caller]
    pub fn crash(self, node: usize, during: Range<f64>) -> Self {
        let node = self.node("Scenario::crash", node);
        let loses_disk = false;
        self.fault("Scenario::crash", during, |during| Fault::Crash { node, during, loses_disk })
    }

    /// A node is down for a while, and comes back with an empty disk.
    ///
    /// # Panics
    /// If there is no such node.
    #[track_caller]
    pub fn crash_and_lose_disk(self, node: usize, during: Range<f64>) -> Self {
        const PLACE: &str = "Scenario::crash_and_lose_disk";
        let node = self.node(PLACE, node);
        let loses_disk = true;
        self.fault(PLACE, during, |during| Fault::Crash { node, during, loses_disk })
    }

    /// A node stands still for a while, as in a long collection of garbage; what reaches it waits.
    ///
    /// # Panics
    /// If there is no such node.
    #[track_caller]
    pub fn pause(self, node: usize, during: Range<f64>) -> Self {
        let node = self.node("Scenario::pause", node);
        self.fault("Scenario::pause", during, |during| Fault::Pause { node, during })
    }

    /// A node's clock is ahead by so many milliseconds, and gains so many in each (0.001 is
    /// a millisecond a second).
    ///
    /// # Panics
    /// If there is no such node, or the clock would stand still.
    #[track_caller]
    pub fn clock(mut self, node: usize, ahead: f64, drift: f64) -> Self {
        const PLACE: &str = "Scenario::clock";
        let node = self.node(PLACE, node);
        assert!(
            ahead.is_finite() && drift > -1.0 && drift.is_finite(),
            "{PLACE}: the clock must be ahead by a number, and its drift must be above -1, but \
             they are {ahead} and {drift}"
        );
        self.clocks[node] = (ahead, drift);
        self
    }

    /// The control: the same without anything that goes wrong, the network's losses and the
    /// clocks' errors included.
    pub fn healthy(&self) -> Self {
        let clocks = vec![(0.0, 0.0); self.nodes];
        Self { faults: vec![], loss: 0.0, duplication: 0.0, clocks, ..self.clone() }
    }

    /// The times of the first fault's begin and of the last one's end; nothing without faults.
    pub fn troubled(&self) -> Option<Range<f64>> {
        let starts = self.faults.iter().map(|fault| fault.during().start);
        let ends = self.faults.iter().map(|fault| fault.during().end);
        Some(starts.reduce(f64::min)?..ends.reduce(f64::max)?)
    }

    /// Gives a run up after so many steps of all its replicas (a million, unless it is told): a
    /// protocol that never comes to rest would not end.
    ///
    /// # Panics
    /// If there are none. A run that takes more panics too, and says so.
    #[track_caller]
    pub fn steps(self, steps: u64) -> Self {
        assert!(steps >= 1, "Scenario::steps: a run needs at least 1 step");
        Self { steps, ..self }
    }

    /// The same without a look at the protocol's properties, which takes time.
    pub fn unwatched(self) -> Self {
        Self { is_watched: false, ..self }
    }

    /// One run, with all that happened in it as a space-time diagram. If one of the protocol's
    /// properties did not hold, the diagram ends there, and the event is marked.
    pub fn trace<R: Replica>(
        &self,
        replica: impl Fn(usize) -> R,
        run: u64,
    ) -> (Outcome<R::Object>, SpaceTime) {
        R::trace(self, &replica, run)
    }

    /// One run: replica k is `replica(k)`.
    pub fn run<R: Replica>(&self, replica: impl Fn(usize) -> R, run: u64) -> Outcome<R::Object> {
        R::run(self, &replica, run)
    }

    /// So many runs, each with random numbers of its own, and what clients saw in all of them.
    ///
    /// # Panics
    /// If there are fewer than 2.
    #[track_caller]
    pub fn survey<R: Replica>(
        &self,
        replica: impl Fn(usize) -> R + Sync,
        runs: usize,
    ) -> Survey<R::Object> {
        assert!(runs >= 2, "Scenario::survey: there must be at least 2 runs, but there are {runs}");
        Survey::of(self, R::runs(self, &replica, runs))
    }

    /// What replicas are told of it before a run.
    pub(crate) fn setting(&self) -> Setting {
        let far = self.regions.as_ref().map_or(f64::INFINITY, |(_, far)| far.mean());
        let mean = self.latency.mean().min(far);
        let one_way = if self.nodes > 1 && mean.is_finite() { mean } else { 0.0 };
        Setting { nodes: self.nodes, round_trip: 2.0 * one_way }
    }

    #[track_caller]
    fn each_once(&self, place: &str, groups: &[&[usize]]) {
        let mut seen = vec![0; self.nodes];
        for node in groups.iter().copied().flatten() {
            *seen.get_mut(self.node(place, *node)).unwrap_or(&mut 0) += 1;
        }
        if let Some(node) = seen.iter().position(|count| *count > 1) {
            panic!("{place}: node {node} is named twice in {groups:?}; a node is on one side");
        }
        if let Some(node) = seen.iter().position(|count| *count == 0) {
            panic!(
                "{place}: node {node} of {} is not named in {groups:?}; name every node once, or \
                 use isolate for one that is cut off from all",
                self.nodes
            );
        }
    }

    #[track_caller]
    fn node(&self, place: &str, node: usize) -> usize {
        assert!(
            node < self.nodes,
            "{place}: there are {} nodes, numbered from 0, but node {node} is named",
            self.nodes
        );
        node
    }

    #[track_caller]
    fn fault(
        mut self,
        place: &str,
        during: Range<f64>,
        fault: impl FnOnce(Range<f64>) -> Fault,
    ) -> Self {
        assert!(
            0.0 <= during.start && during.start < during.end && during.end.is_finite(),
            "{place}: the while must begin at 0 or later and end after that, in milliseconds, but \
             it is {during:?}"
        );
        self.faults.push(fault(during));
        self
    }
}

#[track_caller]
fn probability(place: &str, p: f64) -> f64 {
    assert!(
        (0.0..=1.0).contains(&p),
        "{place}: the probability must be between 0 and 1, but it is {p}"
    );
    p
}
