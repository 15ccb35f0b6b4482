//! A request that asks many servers and needs all their answers (Dean and Barroso, The Tail at
//! Scale, CACM 2013).

use crate::number::{fraction, positive};
use crate::sim::{Distribution, Estimate, Histogram, Stream, Trials, replicate};
use crate::work::engine::BATCH;

/// One request to so many leaves; its latency is that of the slowest answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Fanout {
    leaf: Distribution,
    leaves: usize,
    hedge: Option<f64>,
}

/// What a simulation of a fan-out measured.
#[derive(Clone, Debug)]
pub struct Latencies {
    /// Mean latency of a request, in units of time.
    pub mean: Estimate,
    /// Questions asked for each that would be without hedging: 1 or more.
    pub asked: Estimate,
    runs: Vec<Histogram>,
}

impl Fanout {
    /// Leaves of this latency, independent of one another.
    ///
    /// # Panics
    /// If there is no leaf.
    #[track_caller]
    pub fn new(leaf: Distribution, leaves: usize) -> Self {
        assert!(leaves >= 1, "Fanout::new: there must be at least 1 leaf, but there are 0");
        Self { leaf, leaves, hedge: None }
    }

    /// The same with a second question to another replica for each leaf that has not answered
    /// after this time; the first answer counts.
    ///
    /// # Panics
    /// If that is not a positive number.
    #[track_caller]
    pub fn hedge_after(mut self, delay: f64) -> Self {
        self.hedge = Some(positive("Fanout::hedge_after", "delay", delay));
        self
    }

    /// The fraction of requests that take longer than `t` units of time: 1 - (1 - G(t))^n, where
    /// G(t) is the chance that a leaf does; with hedging G(t) G(t - delay).
    pub fn exceeds(&self, t: f64) -> f64 {
        let slow = |t: f64| 1.0 - self.leaf.at_most(t);
        let leaf = match self.hedge {
            Some(delay) if t >= delay => slow(t) * slow(t - delay),
            _ => slow(t),
        };
        // Of many leaves with a small chance each, without cancellation.
        -(self.leaves as f64 * (-leaf).ln_1p()).exp_m1()
    }

    /// The latency that a fraction `p` of the requests does not exceed, in units of time.
    ///
    /// # Panics
    /// If `p` is not at least 0 and below 1.
    #[track_caller]
    pub fn quantile(&self, p: f64) -> f64 {
        fraction("Fanout::quantile", p);
        let (mut low, mut high) = (0.0, self.leaf.quantile(0.5).max(1e-9));
        while self.exceeds(high) > 1.0 - p {
            low = high;
            high *= 2.0;
        }
        for _ in 0..100 {
            let middle = (low + high) / 2.0;
            if self.exceeds(middle) > 1.0 - p { low = middle } else { high = middle }
        }
        high
    }

    /// Questions asked for each that would be without hedging: 1 plus the chance that a leaf has
    /// not answered by then.
    pub fn asked(&self) -> f64 {
        1.0 + self.hedge.map_or(0.0, |delay| 1.0 - self.leaf.at_most(delay))
    }

    /// The same by simulation; `customers` are requests.
    pub fn simulate(&self, trials: Trials) -> Latencies {
        let Trials { replications, customers, seed, .. } = trials;
        let runs = replicate(replications, |replication| {
            let mut first = Stream::new(seed, replication, "leaves");
            let mut second = Stream::new(seed, replication, "hedges");
            let (mut sum, mut hedged, mut latencies) = (0.0, 0u64, Histogram::default());
            for request in 0..customers {
                if request % BATCH as usize == 0 {
                    crate::interrupt::tick();
                }
                let mut slowest = 0.0f64;
                for _ in 0..self.leaves {
                    let mut answer = self.leaf.sample(&mut first);
                    if let Some(delay) = self.hedge
                        && answer > delay
                    {
                        hedged += 1;
                        answer = answer.min(delay + self.leaf.sample(&mut second));
                    }
                    slowest = slowest.max(answer);
                }
                sum += slowest;
                latencies.record(slowest);
            }
            let count = customers as f64;
            (sum / count, 1.0 + hedged as f64 / (count * self.leaves as f64), latencies)
        });
        Latencies {
            mean: Estimate::of(&runs.iter().map(|run| run.0).collect::<Vec<_>>()),
            asked: Estimate::of(&runs.iter().map(|run| run.1).collect::<Vec<_>>()),
            runs: runs.into_iter().map(|run| run.2).collect(),
        }
    }
}

impl Latencies {
    /// The fraction of requests that take longer than `t` units of time.
    pub fn exceeds(&self, t: f64) -> Estimate {
        Estimate::of(&self.runs.iter().map(|run| run.exceeds(t)).collect::<Vec<_>>())
    }

    /// The latency that a fraction `p` of the requests does not exceed, in units of time.
    ///
    /// # Panics
    /// If `p` is not at least 0 and below 1.
    #[track_caller]
    pub fn quantile(&self, p: f64) -> Estimate {
        fraction("Latencies::quantile", p);
        Estimate::of(&self.runs.iter().map(|run| run.quantile(p)).collect::<Vec<_>>())
    }
}
