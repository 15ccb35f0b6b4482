//! Back-pressure: who is full says so, and who sends waits. The line does not vanish; it stands
//! where it can be seen, instead of in front of whoever is slowest.
//!
//! ```
//! use pillars_models::control::Chain;
//! use pillars_models::sim::Trials;
//! // The middle stage is the slowest.
//! let chain = Chain::new(0.7, &[1.2, 0.8, 1.2]);
//! let trials = Trials::new(5, 20_000);
//! let unbounded = chain.clone().simulate(trials);
//! let bounded = chain.room(3).simulate(trials);
//! assert!(unbounded.standing[2].mean > unbounded.standing[1].mean);
//! assert!(bounded.standing[0].mean > bounded.standing[2].mean);
//! ```

mod credits;

use crate::columns::Columns;
use crate::number::positive;
use crate::sim::{Estimate, Stream, Trials, replicate};
pub use credits::{CreditSurvey, Credits};

/// Stages in a row, each with one server and exponential services, and what happens when the next
/// one is full.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// Nothing if the source always has something to send.
    arrivals: Option<f64>,
    rates: Vec<f64>,
    room: Option<usize>,
    drops: bool,
}

/// What is measured of a chain. Intervals are over replications.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainSurvey {
    /// What comes out of the last stage, per unit of time.
    pub throughput: Estimate,
    /// What was dropped between stages, per unit of time: work done in vain.
    pub wasted: Estimate,
    /// What was dropped before the first stage, per unit of time.
    pub refused: Estimate,
    /// Where the line stands, mean numbers: first what waits at the source, then in each stage, the
    /// one in service or blocked among them.
    pub standing: Vec<Estimate>,
}

impl ChainSurvey {
    /// One row for the source and each stage: `place`, `standing`, `half_width`.
    pub fn columns(&self) -> Columns {
        let places: Vec<f64> = (0..self.standing.len()).map(|place| place as f64).collect();
        let of = |part: fn(&Estimate) -> f64| self.standing.iter().map(part).collect::<Vec<_>>();
        Columns::new("where the line stands")
            .numbers("place", &places)
            .numbers("standing", &of(|estimate| estimate.mean))
            .numbers("half_width", &of(|estimate| estimate.half_width))
    }
}

impl Chain {
    /// Poisson arrivals and the stages' service rates, per unit of time; without bounds.
    ///
    /// # Panics
    /// If a rate is not a positive number, or there is no stage.
    #[track_caller]
    pub fn new(arrivals: f64, rates: &[f64]) -> Self {
        positive("Chain::new", "rate of arrivals", arrivals);
        Self { arrivals: Some(arrivals), ..Self::of("Chain::new", rates) }
    }

    /// A source that always has something to send. The first stage has room for what it serves;
    /// what is behind it is not counted.
    ///
    /// # Panics
    /// If a rate is not a positive number, or there is no stage.
    #[track_caller]
    pub fn saturated(rates: &[f64]) -> Self {
        Self { room: Some(1), ..Self::of("Chain::saturated", rates) }
    }

    /// The same where each stage has room for so many, the one in service among them: who is done
    /// with one and finds the next stage full keeps it and stops (blocking after service).
    ///
    /// # Panics
    /// If there is no room.
    #[track_caller]
    pub fn room(self, each: usize) -> Self {
        super::at_least("Chain::room", "places in each stage", 1, each);
        Self { room: Some(each), ..self }
    }

    /// The same without back-pressure: what finds a full stage is dropped.
    pub fn dropping(self) -> Self {
        Self { drops: true, ..self }
    }

    /// The throughput, where there is a formula. Saturated with two stages and back-pressure: the
    /// second sees M/M/1/K with K one more than its room, for what is blocked before it waits
    /// there too. Poisson without bounds: what arrives (Jackson, 1957), if each stage keeps up.
    pub fn throughput(&self) -> Option<f64> {
        match (self.arrivals, self.room, &self.rates[..]) {
            (None, _, [only]) => Some(*only),
            (None, Some(room), [first, second]) if !self.drops => {
                let weight = |n: usize| (first / second).powi(n as i32);
                let total: f64 = (0..=room + 1).map(weight).sum();
                Some(second * (1.0 - 1.0 / total))
            }
            (Some(arrivals), None, rates) => {
                Some(rates.iter().fold(arrivals, |through, rate| through.min(*rate)))
            }
            _ => None,
        }
    }

    /// Mean numbers in each stage without bounds: ρ / (1 - ρ). Nothing if there are bounds or a
    /// stage does not keep up.
    pub fn standing(&self) -> Option<Vec<f64>> {
        let (Some(arrivals), None) = (self.arrivals, self.room) else { return None };
        let stage = |rate: &f64| (arrivals < *rate).then(|| arrivals / (rate - arrivals));
        self.rates.iter().map(stage).collect()
    }

    /// Runs it for `trials.customers` times the mean service of the slowest stage, after
    /// `trials.warmup` times.
    pub fn simulate(&self, trials: Trials) -> ChainSurvey {
        let slowest = self.rates.iter().copied().fold(f64::INFINITY, f64::min);
        let runs = replicate(trials.replications, |replication| {
            let mut stream = Stream::new(trials.seed, replication, "chain");
            let begin = trials.warmup as f64 / slowest;
            self.run(begin, begin + trials.customers as f64 / slowest, &mut stream)
        });
        let of = |value: &dyn Fn(&Counted) -> f64| {
            Estimate::of(&runs.iter().map(value).collect::<Vec<_>>())
        };
        ChainSurvey {
            throughput: of(&|run| run.out),
            wasted: of(&|run| run.wasted),
            refused: of(&|run| run.refused),
            standing: (0..=self.rates.len()).map(|at| of(&|run| run.standing[at])).collect(),
        }
    }

    fn run(&self, begin: f64, end: f64, stream: &mut Stream) -> Counted {
        let stages = self.rates.len();
        let room = self.room.unwrap_or(usize::MAX);
        // What is at the source and in each stage, and who holds something that cannot go on.
        let mut line = vec![0usize; stages + 1];
        let mut blocked = vec![false; stages];
        let mut counted = Counted { standing: vec![0.0; stages + 1], ..Counted::default() };
        let (mut now, mut events) = (0.0, 0u32);
        loop {
            events = events.wrapping_add(1);
            if events % 1024 == 0 {
                crate::interrupt::tick();
            }
            // Into the first stage, as far as there is room.
            if self.arrivals.is_none() {
                line[1] = line[1].max(1);
            } else if line[0] > 0 && line[1] < room {
                let moves = line[0].min(room - line[1]);
                line[0] -= moves;
                line[1] += moves;
            }
            let works = |at: usize| line[at + 1] > 0 && !blocked[at];
            let of_stage = |at: usize| if works(at) { self.rates[at] } else { 0.0 };
            let comes = self.arrivals.unwrap_or(0.0);
            let total = comes + (0..stages).map(of_stage).sum::<f64>();
            let next = now + stream.exponential() / total;
            let counts = next.min(end) - f64::max(now, begin);
            if counts > 0.0 {
                let numbers = counted.standing.iter_mut().zip(&line);
                numbers.for_each(|(sum, number)| *sum += *number as f64 * counts);
            }
            now = next;
            if now >= end {
                let span = end - begin;
                let Counted { out, wasted, refused, .. } = &mut counted;
                for count in [out, wasted, refused] {
                    *count /= span;
                }
                counted.standing.iter_mut().for_each(|sum| *sum /= span);
                return counted;
            }
            let one = if now >= begin { 1.0 } else { 0.0 };
            let mut left = stream.uniform() * total - comes;
            if left < 0.0 {
                if self.drops && line[1] >= room {
                    counted.refused += one;
                } else {
                    line[0] += 1;
                }
                continue;
            }
            // Rounding may leave a little of the last that works.
            let mut done = None;
            for at in (0..stages).filter(|at| works(*at)) {
                done = Some(at);
                left -= self.rates[at];
                if left < 0.0 {
                    break;
                }
            }
            let Some(at) = done else { continue };
            if at + 1 == stages {
                counted.out += one;
            } else if line[at + 2] < room {
                line[at + 2] += 1;
            } else if self.drops {
                counted.wasted += one;
            } else {
                blocked[at] = true;
                continue;
            }
            line[at + 1] -= 1;
            // A place is free: who was blocked before it moves on, and frees one in turn.
            for before in (0..at).rev() {
                if !blocked[before] {
                    break;
                }
                blocked[before] = false;
                line[before + 1] -= 1;
                line[before + 2] += 1;
            }
        }
    }

    #[track_caller]
    fn of(place: &str, rates: &[f64]) -> Self {
        assert!(!rates.is_empty(), "{place}: there must be at least 1 stage, as in &[1.2, 1.0]");
        rates.iter().for_each(|rate| {
            positive(place, "service rate of each stage", *rate);
        });
        Self { arrivals: None, rates: rates.to_vec(), room: None, drops: false }
    }
}

#[derive(Default)]
struct Counted {
    out: f64,
    wasted: f64,
    refused: f64,
    standing: Vec<f64>,
}
