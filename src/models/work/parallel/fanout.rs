//! A request that asks many servers and needs all their answers (Dean and Barroso, The Tail at
//! Scale, CACM 2013).

use crate::number::{fraction, positive};
use crate::sim::integral::integral;
use crate::sim::{Distribution, Estimate, Histogram, Stream, Trials, replicate};
use crate::work::engine::BATCH;

/// One request to so many leaves; its latency is that of the slowest answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Fanout {
    leaf: Distribution,
    leaves: usize,
    hedge: Option<f64>,
    /// How long a question waits in a server's line.
    line: Option<Distribution>,
    tied: bool,
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
        Self { leaf, leaves, hedge: None, line: None, tied: false }
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

    /// The same with questions that stand in a server's line for such a time before the leaf
    /// begins to answer; each line is independent of the others.
    pub fn queued(self, wait: Distribution) -> Self {
        Self { line: Some(wait), ..self }
    }

    /// The same with tied requests: each question is put in the lines of two replicas, each of
    /// which knows of the other; who comes to it first answers it and has the other drop it. So it
    /// waits for the shorter of two waits and is answered once. The message between the two is
    /// taken to need no time.
    ///
    /// # Panics
    /// Without lines: questions that are answered at once have no use for it.
    #[track_caller]
    pub fn tied(self) -> Self {
        assert!(
            self.line.is_some(),
            "Fanout::tied: requests are tied in the lines of two replicas, but there are none; say \
             how long a question waits, as in .queued(Distribution::exponential(5.0)).tied()"
        );
        Self { tied: true, ..self }
    }

    /// The chance that one question, unhedged, is answered after `t` or later.
    fn slow(&self, t: f64) -> f64 {
        let Some(line) = &self.line else { return 1.0 - self.leaf.at_most(t) };
        if t < 0.0 {
            return 1.0;
        }
        let waits = 1.0 - line.at_most(t);
        let waits = if self.tied { waits * waits } else { waits };
        let begun = 1.0 - waits;
        // The wait below which such a part of them lies.
        let wait = |part: f64| {
            let each = if self.tied { -(0.5 * (-part).ln_1p()).exp_m1() } else { part };
            line.quantile(each.clamp(0.0, 1.0 - f64::EPSILON))
        };
        waits + begun * integral(|u| 1.0 - self.leaf.at_most(t - wait(u * begun)))
    }

    /// The fraction of requests that take longer than `t` units of time: 1 - (1 - G(t))^n, where
    /// G(t) is the chance that a leaf does; with hedging G(t) G(t - delay).
    pub fn exceeds(&self, t: f64) -> f64 {
        let slow = |t: f64| self.slow(t);
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
        let waits = self.line.as_ref().map_or(0.0, |line| line.quantile(0.5));
        let (mut low, mut high) = (0.0, (self.leaf.quantile(0.5) + waits).max(1e-9));
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
        1.0 + self.hedge.map_or(0.0, |delay| self.slow(delay))
    }

    /// The same by simulation; `customers` are requests.
    pub fn simulate(&self, trials: Trials) -> Latencies {
        let Trials { replications, customers, seed, .. } = trials;
        let runs = replicate(replications, |replication| {
            let mut first = Stream::new(seed, replication, "leaves");
            let mut second = Stream::new(seed, replication, "hedges");
            let mut waits = Stream::new(seed, replication, "waits");
            let mut wait = || match &self.line {
                None => 0.0,
                Some(line) if self.tied => line.sample(&mut waits).min(line.sample(&mut waits)),
                Some(line) => line.sample(&mut waits),
            };
            let (mut sum, mut hedged, mut latencies) = (0.0, 0u64, Histogram::default());
            for request in 0..customers {
                if request % BATCH as usize == 0 {
                    crate::interrupt::tick();
                }
                let mut slowest = 0.0f64;
                for _ in 0..self.leaves {
                    let mut answer = wait() + self.leaf.sample(&mut first);
                    if let Some(delay) = self.hedge
                        && answer > delay
                    {
                        hedged += 1;
                        answer = answer.min(delay + wait() + self.leaf.sample(&mut second));
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
