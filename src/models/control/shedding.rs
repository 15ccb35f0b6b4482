//! Load shedding: what a server does with more than it can answer in time.
//!
//! Clients stop waiting after a deadline, and an answer after it is worth nothing. Without
//! shedding an overloaded server is busy with answers that nobody waits for: its goodput falls to
//! nothing while its throughput is at its best.
//!
//! ```
//! use pillars_models::control::{Overload, Shed};
//! use pillars_models::sim::Trials;
//! // 1.5 times what it can do; clients wait for ten services.
//! let overload = Overload::new(1.5, 1.0, 10.0);
//! let trials = Trials::new(5, 20_000);
//! let goodput = |shed: &Shed| overload.simulate(shed, trials).goodput.mean;
//! assert!(goodput(&Shed::none()) < 0.05 && goodput(&Shed::deadline(5.0)) > 0.9);
//! ```

mod policy;
mod theory;

use crate::columns::Columns;
use crate::number::positive;
use crate::sim::{Distribution, Estimate, Stream, Trials, replicate};
use policy::Verdict;
pub use policy::{Seen, Shed};
use std::collections::VecDeque;

/// One server, Poisson requests, and clients that wait until a deadline.
#[derive(Clone, Debug, PartialEq)]
pub struct Overload {
    load: f64,
    service: Distribution,
    deadline: f64,
}

/// What is measured, per unit of time. Intervals are over replications.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shedding {
    /// Answers within the deadline.
    pub goodput: Estimate,
    /// All answers.
    pub throughput: Estimate,
    /// Requests that were dropped.
    pub dropped: Estimate,
}

impl Overload {
    /// Requests and services (exponential) per unit of time, and the deadline from a request's
    /// arrival to the end of its service.
    ///
    /// # Panics
    /// If they are not positive numbers.
    #[track_caller]
    pub fn new(load: f64, service_rate: f64, deadline: f64) -> Self {
        const PLACE: &str = "Overload::new";
        positive(PLACE, "rate of requests", load);
        positive(PLACE, "service rate", service_rate);
        positive(PLACE, "deadline", deadline);
        Self { load, service: Distribution::with_rate(service_rate), deadline }
    }

    /// The same with other services.
    ///
    /// # Panics
    /// If their mean is not a positive number.
    #[track_caller]
    pub fn service(self, service: Distribution) -> Self {
        positive("Overload::service", "mean service", service.mean());
        Self { service, ..self }
    }

    /// What a policy makes of it: `trials.customers` requests a replication, after
    /// `trials.warmup`.
    pub fn simulate(&self, shed: &Shed, trials: Trials) -> Shedding {
        let runs = replicate(trials.replications, |replication| {
            self.run(shed, trials, |name| Stream::new(trials.seed, replication, name))
        });
        let of = |part: usize| Estimate::of(&runs.iter().map(|run| run[part]).collect::<Vec<_>>());
        Shedding { goodput: of(0), throughput: of(1), dropped: of(2) }
    }

    /// The same for several rates of requests: `load`, `goodput`, `half_width`, `throughput`,
    /// `dropped`.
    ///
    /// # Panics
    /// If there are no loads, or one is not a positive number.
    #[track_caller]
    pub fn across(&self, loads: &[f64], shed: &Shed, trials: Trials) -> Columns {
        assert!(
            !loads.is_empty(),
            "Overload::across: there are no loads; give some, as in &[0.5, 1.0, 1.5]"
        );
        let at = |load: &f64| {
            let load = positive("Overload::across", "rate of requests", *load);
            Self { load, ..self.clone() }.simulate(shed, trials)
        };
        let found: Vec<Shedding> = loads.iter().map(at).collect();
        let column = |of: fn(&Shedding) -> f64| found.iter().map(of).collect::<Vec<_>>();
        Columns::new(&format!("goodput with {}", shed.name()))
            .numbers("load", loads)
            .numbers("goodput", &column(|at| at.goodput.mean))
            .numbers("half_width", &column(|at| at.goodput.half_width))
            .numbers("throughput", &column(|at| at.throughput.mean))
            .numbers("dropped", &column(|at| at.dropped.mean))
    }

    /// Goodput, throughput and drops of a run.
    fn run(&self, shed: &Shed, trials: Trials, stream: impl Fn(&str) -> Stream) -> [f64; 3] {
        let (mut arrivals, mut services) = (stream("arrivals"), stream("services"));
        let mut policy = shed.start(stream("shedding"));
        let mut line: VecDeque<f64> = VecDeque::new();
        let mut counts = [0.0; 3];
        let (mut begin, mut request) = (0.0, 0);
        let mut arrival = arrivals.exponential() / self.load;
        // Who is served, and until when.
        let mut served: Option<(f64, f64)> = None;
        loop {
            let ends = served.map_or(f64::INFINITY, |(_, ends)| ends);
            let now = arrival.min(ends);
            let mut count = |part: usize| counts[part] += 1.0;
            if ends <= arrival {
                if let Some((arrived, _)) = served.take() {
                    count(1);
                    if now - arrived <= self.deadline {
                        count(0);
                    }
                }
            } else {
                if request == trials.warmup + trials.customers {
                    return counts.map(|count| count / (now - begin));
                }
                if request % 1024 == 0 {
                    crate::interrupt::tick();
                }
                let busy = served.is_some();
                let seen = Seen { now, standing: line.len() + usize::from(busy), waited: None };
                match policy.hears(seen) {
                    Verdict::Takes => line.push_back(now),
                    Verdict::Drops => count(2),
                }
                request += 1;
                arrival = now + arrivals.exponential() / self.load;
            }
            while served.is_none()
                && let Some(arrived) =
                    if shed.is_newest_first() { line.pop_back() } else { line.pop_front() }
            {
                let seen = Seen { now, standing: line.len() + 1, waited: Some(now - arrived) };
                match policy.hears(seen) {
                    Verdict::Takes => {
                        served = Some((arrived, now + self.service.sample(&mut services)));
                    }
                    Verdict::Drops => counts[2] += 1.0,
                }
            }
            if served.is_none() {
                policy.idle(now);
            }
            if request == trials.warmup && begin == 0.0 {
                (counts, begin) = ([0.0; 3], now);
            }
        }
    }
}
