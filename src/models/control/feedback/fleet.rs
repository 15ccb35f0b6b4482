//! The servers that are wanted, start and work, and the readings by which they change.

use super::scaled::Scaled;
use super::{Reading, Scaler, Service};
use std::collections::VecDeque;

/// What both methods share: all but the requests.
pub(super) struct Fleet<'a, S> {
    service: &'a Service,
    scaler: S,
    ready: f64,
    /// When they will work, and how many.
    starting: VecDeque<(usize, f64)>,
    /// Sums of the metric over all steps so far.
    sums: Vec<f64>,
    pub log: Scaled,
}

impl<'a, S: Scaler> Fleet<'a, S> {
    pub(super) fn new(service: &'a Service, scaler: S) -> Self {
        let first = service.first.clamp(service.least, service.most);
        let starting = VecDeque::new();
        Self { service, scaler, ready: first, starting, sums: vec![0.0], log: Scaled::new(service) }
    }

    /// The step begins: servers have started, and the scaler may change how many are wanted. Gives
    /// how many work.
    pub(super) fn begins(&mut self, step: usize) -> f64 {
        let service = self.service;
        while let Some((at, count)) = self.starting.front().copied()
            && at <= step
        {
            self.ready += count;
            self.starting.pop_front();
        }
        let period = service.steps(service.period).max(1);
        let window = service.steps(service.window).max(1);
        let oldest = service.steps(service.delay) + window;
        if step > 0 && step.is_multiple_of(period) && step >= oldest {
            let value =
                (self.sums[step - oldest + window] - self.sums[step - oldest]) / window as f64;
            let before = self.wanted();
            let reading = Reading {
                now: step as f64 * service.step,
                period: service.period,
                value,
                ready: self.ready,
                wanted: before,
                least: service.least,
                most: service.most,
            };
            let wants = self.scaler.wants(reading);
            assert!(
                !wants.is_nan(),
                "Scaler::wants: the number of servers must be a number, but at {} s it is NaN; look \
                 for a division by 0",
                reading.now
            );
            let wants = if service.fractional { wants } else { wants.round() };
            self.change(step, before, wants.clamp(service.least, service.most));
        }
        let load = service.load.at(step as f64 * service.step);
        self.log.begins(load, self.wanted(), self.ready);
        self.ready
    }

    /// What was measured in the step that ends.
    pub(super) fn ends(&mut self, value: f64, standing: f64) {
        let sum = self.sums.last().copied().unwrap_or(0.0) + value;
        self.sums.push(sum);
        self.log.ends(value, standing);
    }

    fn wanted(&self) -> f64 {
        self.ready + self.starting.iter().map(|(_, count)| count).sum::<f64>()
    }

    fn change(&mut self, step: usize, before: f64, wanted: f64) {
        let mut fewer = before - wanted;
        if fewer < 0.0 {
            match self.service.steps(self.service.start_up) {
                0 => self.ready -= fewer,
                start_up => self.starting.push_back((step + start_up, -fewer)),
            }
            return;
        }
        // Those that were started last go first.
        while fewer > 0.0
            && let Some((_, count)) = self.starting.back_mut()
        {
            let goes = fewer.min(*count);
            *count -= goes;
            fewer -= goes;
            if *count <= 0.0 {
                self.starting.pop_back();
            }
        }
        // Rounding must not leave fewer than are allowed.
        self.ready = (self.ready - fewer).max(0.0);
    }
}
