//! Load balancing: each customer is sent to one of many servers as it comes, and stays there.

use super::arrivals::Arrivals;
use super::engine::{BATCH, Order};
use super::estimates::{Estimates, settled};
use super::policy::{Chooser, Policy, Servers};
use super::queue::Queue;
use super::run::{Outcome, Run, Visit};
use super::tally::Tally;
use super::theory::TheoryError;
use crate::columns::Columns;
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

    /// The same with a policy that is told the numbers of customers, and the work left, only so
    /// often, in units of time (Mitzenmacher, 2000). Nobody counts what was sent since.
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
        self.check("Balancer::simulate", trials.warmup + trials.customers);
        Estimates::of(replicate(trials.replications, |replication| {
            self.run(order(trials, replication), |_, _| ())
        }))
    }

    /// The same with as many replications as it takes, as [`Queue::simulate_until`] does.
    ///
    /// # Panics
    /// As [`Queue::simulate_until`] and [`Balancer::simulate`].
    #[track_caller]
    pub fn simulate_until(&self, relative: f64, most: usize, trials: Trials) -> Estimates {
        self.check("Balancer::simulate_until", trials.warmup + trials.customers);
        Estimates::until("Balancer::simulate_until", relative, most, trials, |replication| {
            self.run(order(trials, replication), |_, _| ())
        })
    }

    /// `trials` with a warm-up that is found and not guessed, as [`Queue::settled`] does.
    ///
    /// # Panics
    /// With fewer than 20 customers: nothing can be seen in so few.
    #[track_caller]
    pub fn settled(&self, trials: Trials) -> Trials {
        self.check("Balancer::settled", trials.customers);
        settled("Balancer::settled", trials, |order| {
            let mut waits = Vec::with_capacity(order.counted);
            self.run(order, |visit, _| waits.push(visit.wait));
            waits
        })
    }

    /// The first customers of one run, one row each, in the order in which they left: `number` (of
    /// those who came before), `server`, `arrival`, `wait`, `service` (as long as that server took)
    /// and `departure`, in units of time. It is replication 0 of the same seed, which starts
    /// empty, without warm-up.
    ///
    /// # Panics
    /// As [`Balancer::simulate`].
    #[track_caller]
    pub fn observed(&self, customers: usize, seed: u64) -> Columns {
        self.check("Balancer::observe", customers);
        let order = Order { seed, replication: 0, warmup: 0, counted: customers };
        let mut visits = Vec::with_capacity(customers);
        self.run(order, |visit, server| visits.push((*visit, server)));
        let column = |of: fn(&(Visit, usize)) -> f64| visits.iter().map(of).collect::<Vec<f64>>();
        let policy = self.policy.name();
        Columns::new(&format!("the first customers of {} servers, {policy}", self.speeds.len()))
            .numbers("number", &column(|(visit, _)| visit.number as f64))
            .numbers("server", &column(|(_, server)| *server as f64))
            .numbers("arrival", &column(|(visit, _)| visit.arrival))
            .numbers("wait", &column(|(visit, _)| visit.wait))
            .numbers("service", &column(|(visit, _)| visit.service))
            .numbers("departure", &column(|(visit, _)| visit.departure))
    }

    #[track_caller]
    fn check(&self, place: &str, customers: usize) {
        assert!(customers >= 1, "{place}: there must be at least 1 customer, but there are 0");
        if let Some(count) = self.arrivals.count() {
            assert!(
                count >= customers,
                "{place}: the trace has {count} arrivals, but {customers} customers are asked for, \
                 with those of the warm-up"
            );
        }
        assert!(
            self.stale.is_none() || !matches!(self.policy, Policy::JoinIdleQueue),
            "{place}: join idle queue is not told by the balancer's news but by the servers \
             themselves, so that it is never stale; leave out Balancer::stale, or choose another \
             policy"
        );
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

    /// One replication; each customer that leaves is handed to `left`, with its server.
    fn run(&self, order: Order, mut left: impl FnMut(&Visit, usize)) -> Run {
        let count = self.speeds.len();
        let mut coming = self.arrivals.begin(order.stream("arrivals"));
        let mut services = Drawn::new(&self.service, order.stream("services"));
        let mut chooser = Chooser::new(&self.policy, count, order);
        let mut servers = Servers {
            lengths: vec![0; count],
            done: vec![0.0; count],
            told: 0.0,
            now: 0.0,
            present: vec![0; count],
            ends: vec![0.0; count],
        };
        let mut lines: Vec<VecDeque<(u64, f64, f64)>> = vec![VecDeque::new(); count];
        let mut departures = Clocks::new(count);
        let mut tally = Tally::default();
        if order.warmup == 0 {
            tally.open();
        }
        let (mut number, mut gone, mut batch) = (0u64, 0, 0);
        let (mut present, mut busy) = (0usize, 0usize);
        let (mut sent, mut away) = (vec![0u64; count], 0u64);
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
                servers.done.clone_from(&servers.ends);
                let since = every * ((now - news) / every).floor();
                servers.told = news + since;
                news += since + every;
            }
            let waiting = (present - busy) as f64;
            tally.advance(now, waiting, present as f64, busy as f64);
            servers.now = now;
            if self.stale.is_none() {
                servers.told = now;
            }
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
                left(&visit, at);
                gone += 1;
                if gone == order.warmup {
                    tally.open();
                }
            } else {
                let at = chooser.choose(&servers);
                let service = services.next() / self.speeds[at];
                servers.present[at] += 1;
                present += 1;
                let ends = if self.stale.is_some() {
                    &mut servers.ends
                } else {
                    servers.lengths[at] += 1;
                    &mut servers.done
                };
                ends[at] = ends[at].max(now) + service;
                if tally.opened.is_some() {
                    sent[at] += 1;
                    away += u64::from(chooser.is_away);
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
        let has_own = matches!(self.policy, Policy::Ring { .. });
        Run { sent, away: has_own.then_some(away), ..tally.close(count, inside.into_iter()) }
    }
}

fn order(trials: Trials, replication: u64) -> Order {
    let Trials { customers: counted, warmup, seed, .. } = trials;
    Order { seed, replication, warmup, counted }
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
