//! The service, its servers, and what is seen of it.

use super::super::not_negative;
use super::Load;
use super::plant::Plant;
use crate::number::positive;

/// What is measured of a service, before it is averaged and delayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// The share of the time that servers are busy: never above 1, however long the line is.
    Busy,
    /// Requests that come, over what the servers that work can do: above 1 in overload.
    Demand,
    /// Requests that wait, a server.
    Backlog,
}

/// A service whose servers change. As made by [`Service::new`]: one server at first, from 1 to
/// 1000 allowed, that start at once; a reading of the busy share every 15 seconds, over a window
/// of 15 seconds and without delay; the goal is a wait of a second; steps of a second.
///
/// All times are rounded to whole steps.
#[derive(Clone, Debug)]
pub struct Service {
    pub(super) load: Load,
    pub(super) rate: f64,
    pub(super) start_up: f64,
    pub(super) first: f64,
    pub(super) least: f64,
    pub(super) most: f64,
    pub(super) period: f64,
    pub(super) delay: f64,
    pub(super) window: f64,
    pub(super) metric: Metric,
    pub(super) goal: f64,
    pub(super) step: f64,
    pub(super) fractional: bool,
}

impl Service {
    /// What it is asked for, and how many requests a second each server answers.
    ///
    /// # Panics
    /// If the rate is not a positive number.
    #[track_caller]
    pub fn new(load: Load, rate: f64) -> Self {
        Self {
            load,
            rate: positive("Service::new", "rate of a server", rate),
            start_up: 0.0,
            first: 1.0,
            least: 1.0,
            most: 1000.0,
            period: 15.0,
            delay: 0.0,
            window: 15.0,
            metric: Metric::Busy,
            goal: 1.0,
            step: 1.0,
            fractional: false,
        }
    }

    /// How long a server takes from when it is wanted to when it works, in seconds. One that is no
    /// longer wanted goes at once, those that start before those that work.
    ///
    /// # Panics
    /// If it is negative or not a number.
    #[track_caller]
    pub fn start_up(self, seconds: f64) -> Self {
        Self { start_up: not_negative("Service::start_up", "time to start", seconds), ..self }
    }

    /// So many servers at first.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn servers(self, first: usize) -> Self {
        super::super::at_least("Service::servers", "servers", 1, first);
        Self { first: first as f64, ..self }
    }

    /// The fewest and the most servers that are allowed.
    ///
    /// # Panics
    /// If it is not 1 <= least <= most.
    #[track_caller]
    pub fn between(self, least: usize, most: usize) -> Self {
        assert!(
            1 <= least && least <= most,
            "Service::between: at least 1 server must be allowed, and at most as many or more, but \
             they are {least} and {most}"
        );
        Self { least: least as f64, most: most as f64, ..self }
    }

    /// A reading every so many seconds.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn period(self, seconds: f64) -> Self {
        Self { period: positive("Service::period", "period", seconds), ..self }
    }

    /// How old the metric is, in seconds, and the window that it is averaged over.
    ///
    /// # Panics
    /// If the delay is negative, or the window is not a positive number.
    #[track_caller]
    pub fn seen_after(self, delay: f64, window: f64) -> Self {
        let delay = not_negative("Service::seen_after", "delay", delay);
        Self { delay, window: positive("Service::seen_after", "window", window), ..self }
    }

    /// What is measured.
    pub fn metric(self, metric: Metric) -> Self {
        Self { metric, ..self }
    }

    /// A request that waits longer than this is late, in seconds.
    ///
    /// # Panics
    /// If it is negative or not a number.
    #[track_caller]
    pub fn goal(self, wait: f64) -> Self {
        Self { goal: not_negative("Service::goal", "longest wait", wait), ..self }
    }

    /// The step of time, in seconds.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn step(self, seconds: f64) -> Self {
        Self { step: positive("Service::step", "step of time", seconds), ..self }
    }

    /// The same with any number of servers, 3.7 as well, as control theory has it: only for
    /// [`Service::run`].
    pub fn fractional(self) -> Self {
        Self { fractional: true, ..self }
    }

    /// What a controller has before it, for small changes around what is needed to have `goal` at
    /// this load: one more server changes the metric [`Metric::Demand`] (or, below 1,
    /// [`Metric::Busy`]) by -goal / servers, and this is seen after the time to start, the delay
    /// and the window. That servers go sooner than they come is left out.
    ///
    /// # Panics
    /// If goal and load are not positive numbers.
    #[track_caller]
    pub fn plant(&self, goal: f64, load: f64) -> Plant {
        positive("Service::plant", "goal", goal);
        positive("Service::plant", "load", load);
        let servers = load / (self.rate * goal);
        let periods = |time: f64| (time / self.period).round() as usize;
        Plant::new(goal / servers, self.period)
            .dead_time(periods(self.start_up) + periods(self.delay))
            .window(periods(self.window).max(1))
    }

    pub(super) fn steps(&self, time: f64) -> usize {
        (time / self.step).round() as usize
    }
}
