//! Load balancing: each customer is sent to one of many servers as it comes, and stays there.

use super::arrivals::Arrivals;
use super::engine::{BATCH, Order};
use super::estimates::Estimates;
use super::policy::{Chooser, Policy, Servers};
use super::queue::Queue;
use super::run::{Outcome, Run, Visit};
use super::tally::Tally;
use super::theory::TheoryError;
use crate::number::positive;
use crate::sim::clocks::Clocks;
use crate::sim::drawn::Drawn;
use crate::sim::{Distribution, Trials, replicate};
use std::collections::VecDeque;

/// Servers with a line for each, first come first served, and a policy that chooses among them.
#[derive(Clone)]
pub struct Balancer {
    arrivals: Arrivals,
    service: Distribution,
    speeds: Vec<f64>,
    policy: Policy,
    /// How old what the policy knows may be, in units of time.
    stale: Option<f64>,
}

impl Balancer {
    /// So many equal servers, with one line each; customers are sent at random.
    ///
    /// # Panics
    /// If there is no server.
    #[track_caller]
    pub fn new(arrivals: impl Into<Arrivals>, service: Distribution, servers: usize) -> Self {
        assert!(
            servers >= 1,
            "Balancer::new: there must be at least 1 server, but there are 0; give a number above 0"
        );
        let (arrivals, speeds) = (arrivals.into(), vec![1.0; servers]);
        Self { arrivals, service, speeds, policy: Policy::Random, stale: None }
    }

    /// Poisson arrivals, exponential service with mean 1, so many servers, each loaded to
    /// `load`: the textbook's case.
    ///
    /// # Panics
    /// If the load is not a positive number, or there is no server.
    #[track_caller]
    pub fn memoryless(load: f64, servers: usize) -> Self {
        let load = positive("Balancer::memoryless", "load", load);
        let arrivals = Arrivals::poisson(load * servers.max(1) as f64);
        Self::new(arrivals, Distribution::exponential(1.0), servers)
    }

    /// The same with another policy.
    ///
    /// # Panics
    /// If the policy does not fit these servers.
    #[track_caller]
    pub fn policy(mut self, policy: Policy) -> Self {
        const PLACE: &str = "Balancer::policy";
        let count = self.speeds.len();
        match &policy {
            Policy::Weighted(weights) => {
                assert!(
                    weights.len() == count,
                    "{PLACE}: there must be a weight for each of the {count} servers, but there are \
                     {}",
                    weights.len()
                );
                let fit = |weight: &f64| *weight >= 0.0 && weight.is_finite();
                assert!(
                    weights.iter().all(fit) && weights.iter().sum::<f64>() > 0.0,
                    "{PLACE}: the weights must be numbers of at least 0 that sum to more than 0, but \
                     they are {weights:?}"
                );
            }
            Policy::PowerOf { choices, distinct } => assert!(
                *choices >= 1 && (*choices <= count || !distinct),
                "{PLACE}: the number of choices must be from 1 to the number of servers, {count}, \
                 but it is {choices}"
            ),
            Policy::PeakEwma { decay } => {
                positive(PLACE, "time constant of the average", *decay);
            }
            Policy::Ring { keys, points, bound } => {
                assert!(
                    *keys >= 1 && *points >= 1,
                    "{PLACE}: a ring needs at least 1 key and 1 point for each server, but there \
                     are {keys} and {points}"
                );
                assert!(
                    *bound >= 1.0,
                    "{PLACE}: the bound must be at least 1 (or f64::INFINITY for none), but it is \
                     {bound}"
                );
            }
            _ => {}
        }
        self.policy = policy;
        self
    }

    /// The same with servers of these speeds: a service of 1 takes 1/speed.
    ///
    /// # Panics
    /// If there is not a positive number for each server.
    #[track_caller]
    pub fn speeds(mut self, speeds: &[f64]) -> Self {
        assert!(
            speeds.len() == self.speeds.len(),
            "Balancer::speeds: there must be a speed for each of the {} servers, but there are {}",
            self.speeds.len(),
            speeds.len()
        );
        speeds.iter().for_each(|speed| {
            positive("Balancer::speeds", "speed of each server", *speed);
        });
        self.speeds = speeds.to_vec();
        self
    }

    /// The same with a policy that is told the numbers of customers only so often, in units of
    /// time (Mitzenmacher, 2000).
    ///
    /// # Panics
    /// If that is not a positive number.
    #[track_caller]
    pub fn stale(mut self, every: f64) -> Self {
        self.stale = Some(positive("Balancer::stale", "time between news", every));
        self
    }

    /// Simulates it, as [`Queue::simulate`] does; the numbers are those of all servers together.
    ///
    /// # Panics
    /// As [`Queue::simulate`], and if the reader's own policy names no server.
    #[track_caller]
    pub fn simulate(&self, trials: Trials) -> Estimates {
        let Trials { replications, customers: counted, warmup, seed } = trials;
        if let Some(count) = self.arrivals.count() {
            assert!(
                count >= warmup + counted,
                "Balancer::simulate: the trace has {count} arrivals, but {} customers are asked \
                 for, with those of the warm-up",
                warmup + counted
            );
        }
        let run = |replication| self.run(Order { seed, replication, warmup, counted });
        Estimates::of(replicate(replications, run))
    }

    /// The mean time in the system in the steady state, in units of time: exact for random
    /// choice (as many M/G/1), round robin (E_n/M/1) and one server; in the limit of many servers
    /// for the best of d (Mitzenmacher, 1996; Vvedenskaya and others, 1996).
    ///
    /// # Errors
    /// For other policies, and where the servers cannot keep up.
    pub fn theory(&self) -> Result<f64, TheoryError> {
        let servers = self.speeds.len();
        let rate = self.arrivals.rate() / servers as f64;
        let alike = self.speeds.iter().all(|speed| *speed == 1.0);
        let exponential = self.service.rate_if_exponential();
        if !alike || !self.arrivals.is_poisson() || self.stale.is_some() {
            return Err(TheoryError::Unknown("such a balancer"));
        }
        let one = Queue::mg1(rate, self.service.clone());
        match (&self.policy, exponential) {
            (Policy::Random, _) => Ok(one.theory()?.time_in_system),
            (_, Some(_)) if servers == 1 => Ok(one.theory()?.time_in_system),
            (Policy::RoundRobin, Some(_)) => {
                let stages = u32::try_from(servers).unwrap_or(u32::MAX);
                let between = Distribution::erlang(stages, 1.0 / rate);
                Ok(Queue::new(between, self.service.clone(), 1).theory()?.time_in_system)
            }
            (Policy::PowerOf { choices, .. }, Some(service)) => {
                Ok(power_of_d(rate / service, *choices)? / service)
            }
            _ => Err(TheoryError::Unknown("this policy")),
        }
    }

    fn run(&self, order: Order) -> Run {
        let count = self.speeds.len();
        let mut coming = self.arrivals.begin(order.stream("arrivals"));
        let mut services = Drawn::new(&self.service, order.stream("services"));
        let mut chooser = Chooser::new(&self.policy, count, order);
        let mut servers = Servers {
            lengths: vec![0; count],
            done: vec![0.0; count],
            now: 0.0,
            present: vec![0; count],
        };
        let mut lines: Vec<VecDeque<(u64, f64, f64)>> = vec![VecDeque::new(); count];
        let mut departures = Clocks::new(count);
        let mut tally = Tally::default();
        if order.warmup == 0 {
            tally.open();
        }
        let (mut number, mut gone, mut batch) = (0u64, 0, 0);
        let (mut present, mut busy) = (0usize, 0usize);
        let mut news = self.stale.unwrap_or(f64::INFINITY);
        let mut arrival = coming.next();
        while gone < order.warmup + order.counted {
            batch += 1;
            if batch == BATCH {
                crate::interrupt::tick();
                batch = 0;
            }
            let departure = departures.first();
            let now = departure.min(arrival);
            if now == f64::INFINITY {
                break;
            }
            if let Some(every) = self.stale
                && news <= now
            {
                // Nothing changed in between: the latest news counts.
                servers.lengths.clone_from(&servers.present);
                news += every * ((now - news) / every).floor() + every;
            }
            let waiting = (present - busy) as f64;
            tally.advance(now, waiting, present as f64, busy as f64);
            servers.now = now;
            if departure <= arrival {
                let at = departures.which();
                let Some((number, came, service)) = lines[at].pop_front() else { break };
                servers.present[at] -= 1;
                present -= 1;
                match lines[at].front() {
                    Some((_, _, next)) => departures.set(at, now + next),
                    None => {
                        departures.set(at, f64::INFINITY);
                        busy -= 1;
                    }
                }
                if self.stale.is_none() {
                    servers.lengths[at] -= 1;
                }
                chooser.left(at, now - came, now, lines[at].is_empty());
                tally.stayed += now - came;
                let wait = now - came - service;
                let visit = Visit {
                    number,
                    class: 0,
                    arrival: came,
                    wait: if wait <= 1e-12 * now { 0.0 } else { wait },
                    service,
                    departure: now,
                    retries: 0,
                    outcome: Outcome::Served,
                };
                tally.count(&visit);
                gone += 1;
                if gone == order.warmup {
                    tally.open();
                }
            } else {
                let at = chooser.choose(&servers);
                let service = services.next() / self.speeds[at];
                servers.done[at] = servers.done[at].max(now) + service;
                servers.present[at] += 1;
                present += 1;
                if self.stale.is_none() {
                    servers.lengths[at] += 1;
                }
                if lines[at].is_empty() {
                    busy += 1;
                    departures.set(at, now + service);
                }
                lines[at].push_back((number, now, service));
                number += 1;
                arrival = now + coming.next();
            }
        }
        let inside = lines.iter().flatten().map(|(_, came, _)| *came).collect::<Vec<_>>();
        tally.close(count, inside.into_iter())
    }
}

/// The mean time in the system when each customer joins the shortest of d lines chosen at random,
/// with infinitely many servers of rate 1, each loaded to `load`: the sum over i from 1 of
/// load^((d^i - d) / (d - 1)) (Mitzenmacher, 1996).
///
/// # Errors
/// If the load is not below 1.
pub fn power_of_d(load: f64, choices: usize) -> Result<f64, TheoryError> {
    if !(load > 0.0 && load.is_finite()) {
        return Err(TheoryError::Load { offered: load });
    }
    if load >= 1.0 {
        return Err(TheoryError::Unstable { servers: 1, offered: load });
    }
    if choices <= 1 {
        return Ok(1.0 / (1.0 - load));
    }
    let d = choices as f64;
    let (mut sum, mut exponent) = (0.0, 0.0);
    loop {
        let term = load.powf(exponent);
        sum += term;
        if term < 1e-17 {
            return Ok(sum);
        }
        exponent = d * exponent + d;
    }
}
