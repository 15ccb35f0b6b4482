//! A client that asks several servers for the time, some of which are wrong.

use super::marzullo::marzullo;
use super::several;
use super::synchronisation::TimeExchange;
use crate::sim::{Distribution, Estimate, Stream, replicate};

/// Servers that are asked once each, of which some tell a wrong time: falsetickers.
///
/// As made by [`TimeSources::servers`]: all are right; each way takes 10 ms on average, uniform
/// from 5 to 15.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeSources {
    servers: usize,
    liars: usize,
    off_by: f64,
    way: Distribution,
    seed: u64,
}

/// How far the client's clock is off after it was set, whatever the sign, in milliseconds.
/// Intervals are over runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SourcesSurvey {
    /// Set by the mean of all servers' offsets.
    pub by_mean: Estimate,
    /// Set by their median.
    pub by_median: Estimate,
    /// Set by the middle of Marzullo's intersection; where there is none, by the median.
    pub by_intersection: Estimate,
    /// The part of the runs in which the intersection has the true time.
    pub holds: Estimate,
    /// The part of the falsetickers that are outvoted; 0 without falsetickers.
    pub outvoted: Estimate,
}

impl TimeSources {
    /// So many servers.
    ///
    /// # Panics
    /// If there are none, or more than 1,000.
    #[track_caller]
    pub fn servers(servers: usize) -> Self {
        assert!(
            (1..=1000).contains(&servers),
            "TimeSources::servers: there must be from 1 to 1000 servers, but there are {servers}"
        );
        let way = Distribution::uniform(5.0, 15.0);
        Self { servers, liars: 0, off_by: 0.0, way, seed: 1 }
    }

    /// So many of them tell a time that is off by so many milliseconds.
    ///
    /// # Panics
    /// If they are not fewer than half, or what they are off by is not a number.
    #[track_caller]
    pub fn falsetickers(self, liars: usize, off_by: f64) -> Self {
        const PLACE: &str = "TimeSources::falsetickers";
        assert!(
            2 * liars < self.servers,
            "{PLACE}: fewer than half of the {} servers may be wrong, but {liars} are; who is right \
             cannot be told then",
            self.servers
        );
        assert!(off_by.is_finite(), "{PLACE}: servers must be off by a number, not {off_by}");
        Self { liars, off_by, ..self }
    }

    /// How long each way takes, in milliseconds.
    pub fn way(self, way: Distribution) -> Self {
        Self { way, ..self }
    }

    /// Chooses all random numbers.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// So many runs: a client whose clock is right asks each server once.
    ///
    /// # Panics
    /// If there are fewer than 2.
    #[track_caller]
    pub fn survey(&self, runs: usize) -> SourcesSurvey {
        several("TimeSources::survey", runs);
        let runs = replicate(runs, |number| self.run(number));
        let over = |i: usize| Estimate::of(&runs.iter().map(|run| run[i]).collect::<Vec<_>>());
        SourcesSurvey {
            by_mean: over(0),
            by_median: over(1),
            by_intersection: over(2),
            holds: over(3),
            outvoted: over(4),
        }
    }

    fn run(&self, number: u64) -> [f64; 5] {
        let mut network = Stream::new(self.seed, number, "network");
        let mut ask = |server: usize| {
            let (there, back) = (self.way.sample(&mut network), self.way.sample(&mut network));
            let served = there + if server < self.liars { self.off_by } else { 0.0 };
            TimeExchange { t0: 0.0, t1: served, t2: served, t3: there + back }
        };
        let exchanges: Vec<TimeExchange> = (0..self.servers).map(&mut ask).collect();
        let mut offsets: Vec<f64> = exchanges.iter().map(TimeExchange::offset).collect();
        let sources: Vec<(f64, f64)> =
            exchanges.iter().map(|exchange| (exchange.offset(), exchange.error_bound())).collect();
        let mean = offsets.iter().sum::<f64>() / self.servers as f64;
        offsets.sort_by(f64::total_cmp);
        let (low, high) = ((self.servers - 1) / 2, self.servers / 2);
        let median = f64::midpoint(offsets[low], offsets[high]);
        let found = marzullo(&sources, self.liars);
        let middle = found.as_ref().map_or(median, |found| found.middle());
        let holds = found.as_ref().is_some_and(|found| found.low <= 0.0 && 0.0 <= found.high);
        let wrong = |found: &&usize| **found < self.liars;
        let outvoted = found.map_or(0, |found| found.outvoted.iter().filter(wrong).count());
        let share = outvoted as f64 / self.liars.max(1) as f64;
        [mean.abs(), median.abs(), middle.abs(), f64::from(u8::from(holds)), share]
    }
}
