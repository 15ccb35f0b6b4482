//! What a simulation by events counts as it goes.

use super::run::{Outcome, Run, Visit};
use crate::sim::histogram::Recorder;

/// Little's law (1961), counted twice: the time that all have spent in a system is the area under
/// the number that was there.
pub(super) fn little(spent: f64, area: f64) {
    assert!(
        (spent - area).abs() <= 1e-6 * spent.max(1.0),
        "a simulated queue breaks Little's law ({spent} and {area}): that is an error of this \
         library, worth a report"
    );
}

/// The areas under what is counted, from the beginning and from the window's.
#[derive(Default)]
pub(super) struct Tally {
    pub last: f64,
    pub waiting: f64,
    pub present: f64,
    pub busy: f64,
    /// Of those that have left: the sum of their times in the system.
    pub stayed: f64,
    pub opened: Option<(f64, f64, f64, f64)>,
    pub run: Run,
    waits: Recorder,
    times: Recorder,
}

impl Tally {
    /// Of customers of so many classes.
    pub fn of(classes: usize) -> Self {
        let run = Run { classes: vec![(0, 0.0); classes], ..Run::default() };
        Self { run, ..Self::default() }
    }

    #[inline(always)]
    pub fn advance(&mut self, now: f64, waiting: f64, present: f64, busy: f64) {
        let span = now - self.last;
        self.waiting += span * waiting;
        self.present += span * present;
        self.busy += span * busy;
        self.last = now;
    }

    /// The counting begins.
    pub fn open(&mut self) {
        self.opened = Some((self.last, self.waiting, self.present, self.busy));
    }

    /// What has been counted. `inside`: since when those are there that are still there.
    pub fn close(mut self, servers: usize, inside: impl Iterator<Item = f64>) -> Run {
        let spent = self.stayed + inside.map(|since| self.last - since).sum::<f64>();
        little(spent, self.present);
        let (at, waiting, present, busy) = self.opened.unwrap_or((self.last, 0.0, 0.0, 0.0));
        (self.run.waits, self.run.times) = (self.waits.finish(), self.times.finish());
        self.run.servers = servers;
        self.run.span = self.last - at;
        self.run.waiting = self.waiting - waiting;
        self.run.present = self.present - present;
        self.run.busy = self.busy - busy;
        self.run
    }

    /// One has left for good.
    #[inline]
    pub fn count(&mut self, visit: &Visit) {
        if self.opened.is_none() {
            return;
        }
        let run = &mut self.run;
        run.attempts += u64::from(visit.retries) + 1;
        match visit.outcome {
            Outcome::Served => {
                run.wait_sum += visit.wait;
                run.service_sum += visit.service;
                self.waits.record(visit.wait);
                self.times.record(visit.wait + visit.service);
                if let Some((served, waits)) = run.classes.get_mut(visit.class as usize) {
                    *served += 1;
                    *waits += visit.wait;
                }
            }
            Outcome::Lost => run.lost += 1,
            Outcome::Abandoned => run.abandoned += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_agree_to_rounding_pass() {
        little(1e6, 1e6 + 0.1);
        little(0.0, 1e-9);
    }

    #[test]
    #[should_panic(expected = "a simulated queue breaks Little's law (100 and 100.1)")]
    fn counts_that_differ_are_told() {
        little(100.0, 100.1);
    }

    /// One customer whose departure is not counted.
    #[test]
    #[should_panic(expected = "breaks Little's law")]
    fn a_tally_that_forgets_a_customer_is_told() {
        let mut tally = Tally::default();
        tally.open();
        tally.advance(5.0, 0.0, 1.0, 1.0);
        let _ = tally.close(1, std::iter::empty());
    }
}
