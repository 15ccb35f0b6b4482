//! Functions that are started when they are asked for, and kept for a while.

use crate::number::positive;
use crate::sim::{Distribution, Estimate, Stream, Trials, replicate};
use crate::work::engine::BATCH;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// A request goes to the instance that became idle last; if all are busy, to a new one, which has
/// to start first. An instance that is idle for `keep_alive` is ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Serverless {
    rate: f64,
    service: Distribution,
    start: Distribution,
    keep_alive: f64,
}

/// What a simulation of a function measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocations {
    /// The fraction of requests that wait for an instance to start.
    pub cold: Estimate,
    /// Mean time from request to answer, in units of time.
    pub latency: Estimate,
    /// Mean number of instances that are there, busy or idle.
    pub instances: Estimate,
}

impl Serverless {
    /// Poisson requests, this service, this time to start, and how long an idle instance is kept.
    ///
    /// # Panics
    /// If the rate or the time to keep is not a positive number.
    #[track_caller]
    pub fn new(rate: f64, service: Distribution, start: Distribution, keep_alive: f64) -> Self {
        let rate = positive("Serverless::new", "rate of requests", rate);
        let keep_alive = positive("Serverless::new", "time to keep an idle instance", keep_alive);
        Self { rate, service, start, keep_alive }
    }

    /// The fraction of requests that start cold where a request hardly ever meets another: that
    /// no other came for as long as an instance is kept, e^(-rate keep_alive).
    pub fn cold_when_rare(&self) -> f64 {
        (-self.rate * self.keep_alive).exp()
    }

    /// Simulates it; `customers` are requests.
    pub fn simulate(&self, trials: Trials) -> Invocations {
        let Trials { replications, customers, warmup, seed } = trials;
        let runs =
            replicate(replications, |replication| self.run(seed, replication, warmup, customers));
        let of = |part: fn(&(f64, f64, f64)) -> f64| {
            Estimate::of(&runs.iter().map(part).collect::<Vec<_>>())
        };
        Invocations { cold: of(|run| run.0), latency: of(|run| run.1), instances: of(|run| run.2) }
    }

    fn run(&self, seed: u64, replication: u64, warmup: usize, counted: usize) -> (f64, f64, f64) {
        let stream = |name| Stream::new(seed, replication, name);
        let (mut arrivals, mut services, mut starts) =
            (stream("arrivals"), stream("services"), stream("starts"));
        // When each busy instance is done; since when each idle one is, the latest at the back.
        let mut busy: BinaryHeap<Reverse<Time>> = BinaryHeap::new();
        let mut idle: VecDeque<f64> = VecDeque::new();
        let (mut now, mut last, mut area, mut opened) = (0.0, 0.0, 0.0, 0.0);
        let (mut cold, mut latency) = (0u64, 0.0);
        for request in 0..warmup + counted {
            if request % BATCH as usize == 0 {
                crate::interrupt::tick();
            }
            if request == warmup {
                (area, opened) = (0.0, now);
            }
            now += arrivals.exponential() / self.rate;
            // Instances become idle and end in between, in the order of time.
            loop {
                let done = busy.peek().map_or(f64::INFINITY, |Reverse(Time(at))| *at);
                let ends = idle.front().map_or(f64::INFINITY, |since| since + self.keep_alive);
                let event = done.min(ends);
                if event > now {
                    break;
                }
                area += (event - last) * (busy.len() + idle.len()) as f64;
                last = event;
                if done <= ends {
                    busy.pop();
                    idle.push_back(done);
                } else {
                    idle.pop_front();
                }
            }
            area += (now - last) * (busy.len() + idle.len()) as f64;
            last = now;
            let service = self.service.sample(&mut services);
            let is_cold = idle.pop_back().is_none();
            let start = if is_cold { self.start.sample(&mut starts) } else { 0.0 };
            busy.push(Reverse(Time(now + start + service)));
            if request >= warmup {
                cold += u64::from(is_cold);
                latency += start + service;
            }
        }
        let count = counted as f64;
        (cold as f64 / count, latency / count, area / (now - opened))
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Time(f64);

impl Eq for Time {}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
