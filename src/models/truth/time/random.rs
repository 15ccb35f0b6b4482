//! Executions by chance.

use super::execution::Execution;
use super::{not_negative, probability, several};
use crate::number::positive;
use crate::sim::{Calendar, Distribution, Estimate, Stream, replicate};

/// More events than this are given up: a wrong number makes no endless run.
const MOST: usize = 1_000_000;

/// Processes that act and send by chance, with clocks that are off by chance.
///
/// As made by [`RandomExecution::processes`]: for 100 ms each process does something every 10 ms on
/// average, exponentially distributed; half of the time it sends a message to another, which takes
/// 5 ms on average and is not lost. Clocks are perfect.
#[derive(Clone, Debug, PartialEq)]
pub struct RandomExecution {
    processes: usize,
    every: f64,
    sends: f64,
    latency: Distribution,
    loss: f64,
    until: f64,
    skew: f64,
    drift: f64,
    seed: u64,
}

enum Happens {
    Step(usize),
    Arrives(usize),
}

impl RandomExecution {
    /// So many processes.
    ///
    /// # Panics
    /// If there are fewer than 2, or more than 1,000.
    #[track_caller]
    pub fn processes(processes: usize) -> Self {
        assert!(
            (2..=1000).contains(&processes),
            "RandomExecution::processes: there must be from 2 to 1000 processes, but there are \
             {processes}"
        );
        Self {
            processes,
            every: 10.0,
            sends: 0.5,
            latency: Distribution::exponential(5.0),
            loss: 0.0,
            until: 100.0,
            skew: 0.0,
            drift: 0.0,
            seed: 1,
        }
    }

    /// The mean time between two things that a process does of itself, in milliseconds.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn every(self, mean: f64) -> Self {
        Self { every: positive("RandomExecution::every", "mean time", mean), ..self }
    }

    /// The part of these that are sendings.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn sends(self, share: f64) -> Self {
        Self { sends: probability("RandomExecution::sends", share), ..self }
    }

    /// How long a message takes, in milliseconds. Messages overtake one another.
    pub fn latency(self, latency: Distribution) -> Self {
        Self { latency, ..self }
    }

    /// The probability that a message is lost.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn loss(self, loss: f64) -> Self {
        Self { loss: probability("RandomExecution::loss", loss), ..self }
    }

    /// How long it goes on, in milliseconds; messages that are under way then still arrive.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn until(self, time: f64) -> Self {
        Self { until: positive("RandomExecution::until", "end", time), ..self }
    }

    /// Clocks that are off at the beginning, each by a number that is uniform on ±`offset`
    /// milliseconds, and drift, each by a rate that is uniform on ±`ppm` millionths.
    ///
    /// # Panics
    /// If one is negative or not a number, or a clock might stand still.
    #[track_caller]
    pub fn clocks(self, offset: f64, ppm: f64) -> Self {
        const PLACE: &str = "RandomExecution::clocks";
        let drift = not_negative(PLACE, "drift", ppm) / 1e6;
        assert!(drift < 1.0, "{PLACE}: the drift must be below 1000000 ppm, but it is {ppm}");
        Self { skew: not_negative(PLACE, "offset", offset), drift, ..self }
    }

    /// Chooses all random numbers.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// One execution, by its number.
    ///
    /// # Panics
    /// If it has more than a million events.
    #[track_caller]
    pub fn run(&self, number: u64) -> Execution {
        let stream = |name: &str| Stream::new(self.seed, number, name);
        let (mut steps, mut network, mut clocks) =
            (stream("steps"), stream("network"), stream("clocks"));
        let mut execution = Execution::of(self.processes);
        for process in 0..self.processes {
            let mut within = |most: f64| most * (2.0 * clocks.uniform() - 1.0);
            let (ahead, drift) = (within(self.skew), within(self.drift));
            execution = execution.clock(process, ahead, drift);
        }
        let mut calendar = Calendar::new();
        for process in 0..self.processes {
            calendar.book(self.every * steps.exponential(), Happens::Step(process));
        }
        while let Some(happens) = calendar.next() {
            let (now, count) = (calendar.now(), execution.events().len());
            if count % 1024 == 0 {
                crate::interrupt::tick();
            }
            assert!(
                count < MOST,
                "RandomExecution::run: there are {MOST} events at {now} ms already; let less \
                 happen, by every or until"
            );
            match happens {
                Happens::Arrives(message) => {
                    execution.receives(message, now);
                }
                Happens::Step(_) if now > self.until => {}
                Happens::Step(process) => {
                    calendar.book(self.every * steps.exponential(), Happens::Step(process));
                    if steps.uniform() >= self.sends {
                        execution.acts(process, now);
                        continue;
                    }
                    let to = (process + 1 + steps.below(self.processes - 1)) % self.processes;
                    let message = execution.sends(process, to, now);
                    let takes = self.latency.sample(&mut network);
                    if network.uniform() >= self.loss {
                        calendar.book(takes, Happens::Arrives(message));
                    }
                }
            }
        }
        execution
    }

    /// A measure of so many executions, with its interval.
    ///
    /// # Panics
    /// If there are fewer than 2, or a measure is not finite.
    #[track_caller]
    pub fn measure(&self, runs: usize, measure: impl Fn(&Execution) -> f64 + Sync) -> Estimate {
        several("RandomExecution::measure", runs);
        Estimate::of(&replicate(runs, |number| measure(&self.run(number))))
    }
}
