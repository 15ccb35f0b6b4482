//! Fork and join: work that is done when all of its parts are.

use super::engine::{BATCH, Order};
use super::tally::little;
use super::theory::TheoryError;
use crate::number::positive;
use crate::sim::{Distribution, Estimate, Trials, replicate};

/// Fork and join: each customer is split into one task for each server, and leaves when the last
/// of them is done.
#[derive(Clone, Debug, PartialEq)]
pub struct ForkJoin {
    rate: f64,
    service: Distribution,
    servers: usize,
}

impl ForkJoin {
    /// Poisson arrivals, and so many servers with a line each.
    ///
    /// # Panics
    /// If the rate is not a positive number, or there is no server.
    #[track_caller]
    pub fn new(arrival_rate: f64, service: Distribution, servers: usize) -> Self {
        let rate = positive("ForkJoin::new", "arrival rate", arrival_rate);
        assert!(servers >= 1, "ForkJoin::new: there must be at least 1 server, but there are 0");
        Self { rate, service, servers }
    }

    /// The mean time from coming to the end of the last task, in units of time: for exponential
    /// services exact for one and for two servers (Flatto and Hahn, 1984), for more by Nelson and
    /// Tantawi's approximation (1988), which is within 5 % up to 32 servers.
    ///
    /// # Errors
    /// If a server cannot keep up, or the service is not exponential.
    pub fn theory(&self) -> Result<f64, TheoryError> {
        let Some(service) = self.service.rate_if_exponential() else {
            return Err(TheoryError::Unknown("fork and join of other services than exponential"));
        };
        let load = self.rate / service;
        if load >= 1.0 {
            return Err(TheoryError::Unstable { servers: 1, offered: load });
        }
        let one = 1.0 / (service - self.rate);
        let two = (12.0 - load) / 8.0 * one;
        if self.servers <= 2 {
            return Ok(if self.servers == 1 { one } else { two });
        }
        let harmonic: f64 = (1..=self.servers).map(|k| 1.0 / k as f64).sum();
        let ratio = harmonic / 1.5;
        Ok((ratio + 4.0 / 11.0 * (1.0 - ratio) * load) * two)
    }

    /// The same by simulation, each server by Lindley's recursion.
    pub fn simulate(&self, trials: Trials) -> Estimate {
        let Trials { replications, customers: counted, warmup, seed } = trials;
        let means = replicate(replications, |replication| {
            let order = Order { seed, replication, warmup, counted };
            let (mut arrivals, mut services) = (order.stream("arrivals"), order.stream("services"));
            let mut backlog = vec![0.0f64; self.servers];
            let mut sum = 0.0;
            // A second count, by the clock: when each server is done with what it has, and when
            // customers came and left.
            let (mut now, mut done) = (0.0f64, vec![0.0f64; self.servers]);
            let (mut began, mut area) = (0.0, 0.0);
            for customer in 0..warmup + counted {
                if customer % BATCH as usize == 0 {
                    crate::interrupt::tick();
                }
                let gap = arrivals.exponential() / self.rate;
                now += gap;
                if customer == warmup {
                    began = now;
                }
                let (mut last, mut joined) = (0.0f64, 0.0f64);
                for (left, done) in backlog.iter_mut().zip(&mut done) {
                    let service = self.service.sample(&mut services);
                    *left = (*left - gap).max(0.0) + service;
                    last = last.max(*left);
                    *done = done.max(now) + service;
                    joined = joined.max(*done);
                }
                if customer >= warmup {
                    sum += last;
                    area += (joined - began) - (now - began);
                }
            }
            little(sum, area);
            sum / counted as f64
        });
        Estimate::of(&means)
    }
}
