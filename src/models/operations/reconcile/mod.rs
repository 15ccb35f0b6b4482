//! Reconcile loops: objects are to become what is desired, by controllers that are told of changes
//! over a channel that loses, repeats and reorders. Edge-triggered ones act on what they are told,
//! level-triggered ones on what is.
//!
//! ```
//! # use pillars_models::operations::{Controller, Reconcile};
//! # use pillars_models::sim::Trials;
//! // A hundred objects, one of a hundred events lost; a look at all of them every 30 s.
//! let objects = Reconcile::new(100, 0.01).lost(0.01);
//! let trials = Trials::new(10, 5000);
//! for (controller, resync) in
//!     [(Controller::changes(), None), (Controller::values(), None), (Controller::level(), Some(30.0))]
//! {
//!     let run = resync.map_or(objects.clone(), |period| objects.clone().resync(period));
//!     println!("{:14} {}", controller.name(), run.simulate(&controller, trials).wrong);
//! }
//! ```

mod controller;
mod simulate;
mod theory;

pub use controller::{Controller, Glance};
pub use simulate::{Divergence, Reconciled};

use super::checks::{at_least, not_negative, probability};
use crate::number::positive;

/// Objects whose desired values change at random, and what tells a controller of it.
///
/// Each object's desired value changes at Poisson times, by a normally distributed step: no value
/// comes twice. Each change sends an event, at once and never lost until it is said otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reconcile {
    objects: usize,
    rate: f64,
    lost: f64,
    repeated: f64,
    delay: f64,
    reorders: bool,
    resync: Option<f64>,
    spread: bool,
    work: f64,
}

impl Reconcile {
    /// So many objects, each of which changes `rate` times per unit of time.
    ///
    /// # Panics
    /// If there is none, or the rate is not a positive number.
    #[track_caller]
    pub fn new(objects: usize, rate: f64) -> Self {
        const PLACE: &str = "Reconcile::new";
        Self {
            objects: at_least(PLACE, "objects", 1, objects),
            rate: positive(PLACE, "rate of changes of an object", rate),
            lost: 0.0,
            repeated: 0.0,
            delay: 0.0,
            reorders: false,
            resync: None,
            spread: false,
            work: 0.0,
        }
    }

    /// The same with events each of which is lost with this probability.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn lost(self, p: f64) -> Self {
        Self { lost: probability("Reconcile::lost", "probability of a loss", p), ..self }
    }

    /// The same with events each of which, if it is not lost, is delivered twice with this
    /// probability, with delays of their own.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn repeated(self, p: f64) -> Self {
        Self {
            repeated: probability("Reconcile::repeated", "probability of a second copy", p),
            ..self
        }
    }

    /// The same with events that all take the same time: they arrive in the order of changes.
    ///
    /// # Panics
    /// If it is negative or not a number.
    #[track_caller]
    pub fn delay(self, delay: f64) -> Self {
        let delay = not_negative("Reconcile::delay", "delay of events", delay);
        Self { delay, reorders: false, ..self }
    }

    /// The same with events that each take an exponential time of this mean: a later one may
    /// arrive first.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn reordered(self, mean_delay: f64) -> Self {
        let delay = positive("Reconcile::reordered", "mean delay of events", mean_delay);
        Self { delay, reorders: true, ..self }
    }

    /// The same with a look at every object once in each period (a resync, or full list).
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn resync(self, period: f64) -> Self {
        Self { resync: Some(positive("Reconcile::resync", "period", period)), ..self }
    }

    /// The same with resyncs of the objects spread evenly over the period, in place of all at
    /// once.
    pub fn spread(self) -> Self {
        Self { spread: true, ..self }
    }

    /// The same with one worker that takes so long for each object, others waiting in line; what
    /// it looks at is that of the end of its work.
    ///
    /// # Panics
    /// If it is negative or not a number.
    #[track_caller]
    pub fn work(self, time: f64) -> Self {
        Self { work: not_negative("Reconcile::work", "time of work", time), ..self }
    }

    /// The load of the worker when no two events are merged: events and resyncs per unit of time,
    /// times the work of each. At 1 and above a queue that does not merge grows without end.
    pub fn load(&self) -> f64 {
        let events = self.rate * (1.0 - self.lost) * (1.0 + self.repeated);
        let resyncs = self.resync.map_or(0.0, |period| 1.0 / period);
        self.objects as f64 * (events + resyncs) * self.work
    }

    /// The storm of a resync of all objects at once: how long the last one of them waits and is
    /// worked on, objects x work.
    pub fn storm(&self) -> f64 {
        self.objects as f64 * self.work
    }
}
