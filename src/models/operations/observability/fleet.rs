//! The quantile of a fleet: from sketches that are merged, and the mean of the hosts' quantiles,
//! which is none.

use super::Sketch;
use crate::number::{fraction, positive};
use crate::operations::checks::at_least;
use crate::sim::{Distribution, Estimate, Stream, Trials, replicate};

/// Hosts, each with so many requests and a law of their latency.
#[derive(Clone, Debug)]
pub struct Fleet {
    hosts: Vec<(usize, Distribution)>,
}

/// What a simulation says of a quantile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FleetRun {
    /// The mean of the hosts' quantiles.
    pub averaged: Estimate,
    /// The greatest of the hosts' quantiles.
    pub greatest: Estimate,
    /// The quantile of the hosts' sketches, merged.
    pub merged: Estimate,
}

impl Fleet {
    /// These hosts: requests and law of latency of each.
    ///
    /// # Panics
    /// If there is no host, or one has no requests.
    #[track_caller]
    pub fn new(hosts: &[(usize, Distribution)]) -> Self {
        const PLACE: &str = "Fleet::new";
        at_least(PLACE, "hosts", 1, hosts.len());
        for (requests, law) in hosts {
            at_least(PLACE, "requests of each host", 1, *requests);
            positive(PLACE, "mean latency of each host", law.mean());
        }
        Self { hosts: hosts.to_vec() }
    }

    /// The latency below which a share `p` of all requests lies: the quantile of the mixture.
    ///
    /// # Panics
    /// If it is not at least 0 and below 1.
    #[track_caller]
    pub fn quantile(&self, p: f64) -> f64 {
        fraction("Fleet::quantile", p);
        let all: f64 = self.hosts.iter().map(|(requests, _)| *requests as f64).sum();
        let of = |law: &Distribution| law.quantile(p);
        // Between the least and the greatest of the hosts' own.
        let mut low = self.hosts.iter().map(|(_, law)| of(law)).fold(f64::INFINITY, f64::min);
        let mut high = self.hosts.iter().map(|(_, law)| of(law)).fold(0.0, f64::max);
        for _ in 0..100 {
            let middle = (low + high) / 2.0;
            let below =
                self.hosts.iter().map(|(requests, law)| *requests as f64 * law.at_most(middle));
            if below.sum::<f64>() < p * all { low = middle } else { high = middle }
        }
        high
    }

    /// The mean of the hosts' own quantiles, as dashboards draw it: the quantile of nothing, unless
    /// all hosts are equal.
    ///
    /// # Panics
    /// If `p` is not at least 0 and below 1.
    #[track_caller]
    pub fn averaged(&self, p: f64) -> f64 {
        fraction("Fleet::averaged", p);
        let sum: f64 = self.hosts.iter().map(|(_, law)| law.quantile(p)).sum();
        sum / self.hosts.len() as f64
    }

    /// The share of all requests that are slower than the mean of the hosts' quantiles: what the
    /// dashboard's "p99" is in truth.
    #[track_caller]
    pub fn beyond_averaged(&self, p: f64) -> f64 {
        let at = self.averaged(p);
        let all: f64 = self.hosts.iter().map(|(requests, _)| *requests as f64).sum();
        let beyond =
            self.hosts.iter().map(|(requests, law)| *requests as f64 * (1.0 - law.at_most(at)));
        beyond.sum::<f64>() / all
    }

    /// The same from a sketch at each host, which `fresh` makes, over so many replications of
    /// `trials`; each has all requests of each host.
    #[track_caller]
    pub fn simulate<S: Sketch>(
        &self,
        p: f64,
        fresh: impl Fn(Stream) -> S + Sync,
        trials: Trials,
    ) -> FleetRun {
        fraction("Fleet::simulate", p);
        let runs = replicate(trials.replications, |replication| {
            let mut own = vec![];
            let mut whole = fresh(Stream::new(trials.seed, replication, "merged"));
            for (host, (requests, law)) in self.hosts.iter().enumerate() {
                crate::interrupt::tick();
                let stream =
                    |what: &str| Stream::new(trials.seed, replication, &format!("{what} {host}"));
                let (mut sketch, mut latencies) = (fresh(stream("sketch")), stream("latencies"));
                for _ in 0..*requests {
                    sketch.record(law.sample(&mut latencies));
                }
                own.push(sketch.quantile(p));
                whole.merge(&sketch);
            }
            let mean = own.iter().sum::<f64>() / own.len() as f64;
            [mean, own.iter().copied().fold(0.0, f64::max), whole.quantile(p)]
        });
        let of = |part: usize| Estimate::of(&runs.iter().map(|run| run[part]).collect::<Vec<_>>());
        FleetRun { averaged: of(0), greatest: of(1), merged: of(2) }
    }
}
