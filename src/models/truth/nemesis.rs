//! Faults by chance: what a protocol that promises much must live through.

use crate::number::positive;
use crate::sim::Stream;
use crate::state::cluster::Scenario;
use std::ops::Range;

/// A generator of scenarios with faults at random: partitions, bridges, cuts in one direction,
/// nodes cut off, crashes (also of one node again and again), pauses, messages lost and repeated,
/// clocks that err. Each seed has its own.
///
/// As made: from 1 to 6 faults in a second, in half of the scenarios up to a tenth of the messages
/// lost, in half up to a tenth repeated, in half clocks that are up to 100 ms off and up to one
/// percent fast or slow; disks are kept. At each node a client asks every 10 ms, of two keys.
#[derive(Clone, Debug)]
pub struct Nemesis {
    nodes: usize,
    faults: usize,
    until: f64,
    loss: f64,
    duplication: f64,
    drift: f64,
    crashes: bool,
    loses_disks: bool,
    shakes_bridges: bool,
}

/// What may be done.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Partition,
    Bridge,
    OneWay,
    Isolation,
    Crash,
    Flapping,
    Pause,
}

impl Nemesis {
    /// For so many nodes.
    ///
    /// # Panics
    /// If there are none, or more than 1,000.
    #[track_caller]
    pub fn new(nodes: usize) -> Self {
        assert!(
            (1..=1000).contains(&nodes),
            "Nemesis::new: there must be from 1 to 1000 nodes, but there are {nodes}"
        );
        Self {
            nodes,
            faults: 6,
            until: 1_000.0,
            loss: 0.1,
            duplication: 0.1,
            drift: 0.01,
            crashes: true,
            loses_disks: false,
            shakes_bridges: false,
        }
    }

    /// At most so many faults in a scenario.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn faults(self, most: usize) -> Self {
        assert!(most >= 1, "Nemesis::faults: there must be at least 1 fault, but there are 0");
        Self { faults: most, ..self }
    }

    /// When clients stop, in milliseconds; all faults begin before.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn until(self, time: f64) -> Self {
        Self { until: positive("Nemesis::until", "end", time), ..self }
    }

    /// At most these parts of the messages are lost and arrive twice.
    ///
    /// # Panics
    /// If they are not between 0 and 1.
    #[track_caller]
    pub fn network(self, loss: f64, duplication: f64) -> Self {
        assert!(
            (0.0..=1.0).contains(&loss) && (0.0..=1.0).contains(&duplication),
            "Nemesis::network: the probabilities must be between 0 and 1, but they are {loss} and \
             {duplication}"
        );
        Self { loss, duplication, ..self }
    }

    /// Clocks are fast or slow by at most so much: 0.01 is one percent.
    ///
    /// # Panics
    /// If it is not at least 0 and below 1.
    #[track_caller]
    pub fn drift(self, most: f64) -> Self {
        assert!(
            (0.0..1.0).contains(&most),
            "Nemesis::drift: the drift must be at least 0 and below 1, but it is {most}; give 0.01 \
             for one percent"
        );
        Self { drift: most, ..self }
    }

    /// The same without crashes.
    pub fn without_crashes(self) -> Self {
        Self { crashes: false, ..self }
    }

    /// The same with crashes that take the disk along, of a minority of the nodes that is drawn
    /// with the rest; the others keep theirs. Few protocols live through that.
    pub fn losing_disks(self) -> Self {
        Self { loses_disks: true, ..self }
    }

    /// The same with one more fault in every scenario, which is aimed at what a node must remember:
    /// two halves that reach each other only by one node, and that node goes down again and again,
    /// for a few milliseconds. Whatever it has promised to one half it may be asked by the other
    /// just after it has come back.
    ///
    /// # Panics
    /// If there are fewer than 3 nodes.
    #[track_caller]
    pub fn shaking_bridges(self) -> Self {
        assert!(
            self.nodes >= 3,
            "Nemesis::shaking_bridges: a bridge needs a node on either side, so at least 3 in all, \
             but there are {}",
            self.nodes
        );
        Self { shakes_bridges: true, ..self }
    }

    /// The scenario of a seed. It may be changed as any other.
    pub fn run(&self, seed: u64) -> Scenario {
        let mut random = Stream::new(seed, 0, "nemesis");
        let base = Scenario::nodes(self.nodes).seed(seed).keys(2).think(10.0).until(self.until);
        let mut scenario = self.network_and_clocks(base, &mut random);
        let order = shuffled(self.nodes, &mut random);
        let forgetful = &order[..(self.nodes - 1) / 2];
        let kinds = self.kinds();
        for _ in 0..1 + random.below(self.faults) {
            let kind = kinds[random.below(kinds.len())];
            scenario = self.fault(scenario, kind, forgetful, &mut random);
        }
        match self.shakes_bridges {
            true => self.shaken_bridge(scenario, &mut Stream::new(seed, 0, "bridge")),
            false => scenario,
        }
    }

    /// In half of the scenarios from the beginning, when leaders are elected first; for up to half
    /// of the time.
    fn shaken_bridge(&self, scenario: Scenario, random: &mut Stream) -> Scenario {
        const SHAKES: usize = 10;
        let order = shuffled(self.nodes, random);
        let bridge = self.nodes / 2;
        let early = random.below(2) == 0;
        let from = if early { 0.0 } else { 0.5 * self.until * random.uniform() };
        let long = self.until * (0.1 + 0.4 * random.uniform());
        let groups = [&order[..=bridge], &order[bridge..]];
        (0..SHAKES).fold(scenario.bridge(groups, from..from + long), |scenario, _| {
            let down = from + long * random.uniform();
            scenario.crash(order[bridge], down..down + 1.0 + 4.0 * random.uniform())
        })
    }

    fn kinds(&self) -> Vec<Kind> {
        let mut kinds = vec![Kind::Pause];
        if self.crashes {
            kinds.extend([Kind::Crash, Kind::Flapping]);
        }
        if self.nodes >= 2 {
            kinds.extend([Kind::Partition, Kind::OneWay, Kind::Isolation]);
        }
        if self.nodes >= 3 {
            kinds.push(Kind::Bridge);
        }
        kinds
    }

    fn network_and_clocks(&self, mut scenario: Scenario, random: &mut Stream) -> Scenario {
        if random.below(2) == 0 {
            scenario = scenario.loss(self.loss * random.uniform());
        }
        if random.below(2) == 0 {
            scenario = scenario.duplication(self.duplication * random.uniform());
        }
        if random.below(2) == 0 {
            for node in 0..self.nodes {
                let ahead = 100.0 * (2.0 * random.uniform() - 1.0);
                let drift = self.drift * (2.0 * random.uniform() - 1.0);
                scenario = scenario.clock(node, ahead, drift);
            }
        }
        scenario
    }

    /// A while: short ones are as frequent as long ones, from a hundredth of the time to half.
    fn during(&self, random: &mut Stream) -> Range<f64> {
        let from = self.until * random.uniform();
        from..from + self.until * 0.01 * 50f64.powf(random.uniform())
    }

    fn fault(
        &self,
        scenario: Scenario,
        kind: Kind,
        forgetful: &[usize],
        random: &mut Stream,
    ) -> Scenario {
        let during = self.during(random);
        let order = shuffled(self.nodes, random);
        let node = order[0];
        let crash = |scenario: Scenario, during: Range<f64>| {
            if self.loses_disks && forgetful.contains(&node) {
                scenario.crash_and_lose_disk(node, during)
            } else {
                scenario.crash(node, during)
            }
        };
        match kind {
            Kind::Pause => scenario.pause(node, during),
            Kind::Isolation => scenario.isolate(node, during),
            Kind::Crash => crash(scenario, during),
            Kind::Flapping => {
                // Down and up five times, as long down as up.
                let step = (during.end - during.start) / 10.0;
                let times = (0..5).map(|time| during.start + 2.0 * step * f64::from(time));
                times.fold(scenario, |scenario, from| crash(scenario, from..from + step))
            }
            Kind::Partition => {
                let (a, b) = order.split_at(1 + random.below(self.nodes - 1));
                scenario.partition(&[a, b], during)
            }
            Kind::OneWay => {
                let (from, to) = order.split_at(1 + random.below(self.nodes - 1));
                scenario.one_way(from, to, during)
            }
            Kind::Bridge => {
                // The bridge is the node between the two sides.
                let at = 1 + random.below(self.nodes - 2);
                scenario.bridge([&order[..=at], &order[at..]], during)
            }
        }
    }
}

/// The numbers below `count` in a random order (Fisher and Yates).
fn shuffled(count: usize, random: &mut Stream) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, random.below(last + 1));
    }
    order
}
