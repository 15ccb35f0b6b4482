//! What came of scaling: cost, violations, unrest.

use super::Service;
use crate::columns::Columns;
use crate::sim::Estimate;

/// A run, step by step, and what it cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaled {
    /// Requests a second in each step.
    pub load: Vec<f64>,
    /// Servers wanted: those that work and those that start.
    pub wanted: Vec<f64>,
    /// Servers that work.
    pub ready: Vec<f64>,
    /// The metric, before it is averaged and delayed.
    pub metric: Vec<f64>,
    /// Requests that wait at the end of each step.
    pub standing: Vec<f64>,
    /// Cost: servers times hours, those that start among them.
    pub server_hours: f64,
    /// The share of the time in which who comes has to wait longer than the goal.
    pub late_time: f64,
    /// The share of requests that do.
    pub late_requests: f64,
    /// How often the number of wanted servers changed.
    pub changes: usize,
    /// How often it turned from growing to shrinking or back.
    pub turns: usize,
    pub(super) step: f64,
}

/// The same of several runs with requests by lot. Intervals are over replications.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaledSurvey {
    /// Cost: servers times hours.
    pub server_hours: Estimate,
    /// The share of the time in which the one who came last had to wait longer than the goal.
    pub late_time: Estimate,
    /// The share of requests that waited longer than the goal.
    pub late_requests: Estimate,
    /// How often the number of wanted servers changed.
    pub changes: Estimate,
    /// How often it turned from growing to shrinking or back.
    pub turns: Estimate,
    /// The first run, step by step.
    pub first: Scaled,
}

impl Scaled {
    pub(super) fn new(service: &Service) -> Self {
        let [load, wanted, ready, metric, standing] = [const { vec![] }; 5];
        Self {
            load,
            wanted,
            ready,
            metric,
            standing,
            server_hours: 0.0,
            late_time: 0.0,
            late_requests: 0.0,
            changes: 0,
            turns: 0,
            step: service.step,
        }
    }

    pub(super) fn begins(&mut self, load: f64, wanted: f64, ready: f64) {
        self.load.push(load);
        self.wanted.push(wanted);
        self.ready.push(ready);
    }

    pub(super) fn ends(&mut self, metric: f64, standing: f64) {
        self.metric.push(metric);
        self.standing.push(standing);
    }

    /// The sums, when all steps are there; of the time, steps that were late, and of requests.
    pub(super) fn done(mut self, late_steps: f64, late: f64, requests: f64) -> Self {
        self.server_hours = self.wanted.iter().sum::<f64>() * self.step / 3600.0;
        self.late_time = late_steps / self.wanted.len() as f64;
        self.late_requests = if requests > 0.0 { late / requests } else { 0.0 };
        let mut before = 0.0;
        for pair in self.wanted.windows(2) {
            let change = pair[1] - pair[0];
            // What is no change but for rounding is none.
            if change.abs() > 1e-9 * pair[0].max(1.0) {
                self.changes += 1;
                self.turns += usize::from(change * before < 0.0);
                before = change;
            }
        }
        self
    }

    /// Oscillation: the most servers wanted less the fewest, from a time in seconds on.
    ///
    /// # Panics
    /// If the run ends before.
    #[track_caller]
    pub fn swing(&self, from: f64) -> f64 {
        let begin = (from / self.step).ceil().max(0.0) as usize;
        assert!(
            begin < self.wanted.len(),
            "Scaled::swing: the time must be before the end of the run, at {} s, but it is {from}",
            self.wanted.len() as f64 * self.step
        );
        let late = || self.wanted[begin..].iter().copied();
        late().fold(f64::NEG_INFINITY, f64::max) - late().fold(f64::INFINITY, f64::min)
    }

    /// One row a step: `time` (s), `load`, `wanted`, `ready`, `metric`, `standing`.
    pub fn columns(&self) -> Columns {
        let times: Vec<f64> = (0..self.load.len()).map(|i| i as f64 * self.step).collect();
        Columns::new("a service that is scaled")
            .numbers("time", &times)
            .numbers("load", &self.load)
            .numbers("wanted", &self.wanted)
            .numbers("ready", &self.ready)
            .numbers("metric", &self.metric)
            .numbers("standing", &self.standing)
    }
}
