//! Traps: schedules of faults that Paxos lives through, and one mistake in it does not.

use super::flaw::PaxosFlaw;
use crate::sim::Distribution;
use crate::state::cluster::Scenario;

impl PaxosFlaw {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::ForgetsPromises,
        Self::ForgetsAccepted,
        Self::IgnoresAccepted,
        Self::TakesAnyAccepted,
        Self::CountsTwice,
    ];

    /// A schedule in which one decision comes out wrong with this flaw, in some runs of a few
    /// hundred: for replicas as [`super::Paxos::new`] makes them.
    pub fn trap(self) -> Scenario {
        match self {
            Self::CountsTwice => split(100.0),
            Self::TakesAnyAccepted => {
                // Node 0 has its value accepted by node 4 alone. Node 1 has another decided with 2
                // and 3, and is cut off before it can say so. Node 0 tries again.
                let random = Distribution::uniform(3.0, 7.0);
                let scenario = Scenario::nodes(5).latency(random).clients(2).think(15.0);
                let scenario = scenario.until(100.0).settling(100.0);
                let cut = scenario.partition(&[&[0, 4], &[1, 2, 3]], 15.0..45.0);
                cut.isolate(1, 45.0..300.0).one_way(&[3], &[0], 45.0..300.0)
            }
            Self::ForgetsPromises | Self::ForgetsAccepted | Self::IgnoresAccepted => {
                // Two propose and do not hear each other; who hears both goes down often and too
                // shortly to be missed.
                let latency = Distribution::lognormal(2.0, 4.0);
                let scenario = Scenario::nodes(3).latency(latency).clients(2).think(2.0);
                let scenario = scenario.until(30.0).settling(30.0);
                let scenario =
                    scenario.one_way(&[0], &[1], 0.0..30.0).one_way(&[1], &[0], 0.0..30.0);
                frail(scenario, 1.5)
            }
        }
    }

    /// A schedule in which a log comes out wrong with this flaw, in some runs of a few hundred: for
    /// replicas that [`super::MultiPaxos::timing`] makes hasty, with heartbeats every 5 ms and
    /// time-outs of 20.
    pub fn log_trap(self) -> Scenario {
        match self {
            Self::CountsTwice => split(400.0),
            Self::TakesAnyAccepted => {
                // Node 0 leads, is cut off and goes on putting commands where nobody sees them;
                // another fills the same slots, and is cut off when it has just begun. Who is left
                // hears of both.
                let scenario = Scenario::nodes(3).clients(12).think(20.0).until(200.0).keys(4);
                let scenario = scenario.isolate(0, 50.0..84.0);
                scenario.isolate(1, 84.0..300.0).one_way(&[2], &[1], 81.0..84.0)
            }
            Self::ForgetsPromises | Self::ForgetsAccepted | Self::IgnoresAccepted => {
                let scenario = Scenario::nodes(3).think(5.0).until(200.0).keys(2);
                let scenario = scenario.one_way(&[0], &[1], 20.0..200.0);
                frail(scenario.one_way(&[1], &[0], 20.0..200.0), 2.5)
            }
        }
    }
}

/// Messages come twice, and two of five are cut off from the others.
fn split(until: f64) -> Scenario {
    let scenario = Scenario::nodes(5).duplication(0.9).until(until).settling(until);
    scenario.partition(&[&[0, 1], &[2, 3, 4]], 1.0..until)
}

/// Node 2 is down for 0.2 ms again and again, up to 80 times.
fn frail(scenario: Scenario, every: f64) -> Scenario {
    let times = (1..=80).map(|time| every * f64::from(time));
    times.fold(scenario, |scenario, at| scenario.crash(2, at..at + 0.2))
}
