//! Requests as a fluid: in each step so many come, and so many are served at most.

use super::fleet::Fleet;
use super::{Metric, Scaled, Scaler, Service};
use crate::number::positive;

impl Service {
    /// Runs it for so many seconds, requests being a fluid: nothing is by lot, and nobody waits
    /// while there is enough for all.
    ///
    /// # Panics
    /// If the end is not a positive number, or the scaler wants NaN servers.
    #[track_caller]
    pub fn run(&self, scaler: impl Scaler, end: f64) -> Scaled {
        positive("Service::run", "end", end);
        let mut fleet = Fleet::new(self, scaler);
        let (mut standing, mut late_steps, mut late, mut requests) = (0.0f64, 0.0, 0.0, 0.0);
        for step in 0..self.steps(end).max(1) {
            if step % 1024 == 0 {
                crate::interrupt::tick();
            }
            let ready = fleet.begins(step);
            let comes = self.load.at(step as f64 * self.step) * self.step;
            let most = ready * self.rate * self.step;
            // Who comes in the middle of the step waits for what stands then.
            let after = (standing + comes - most).max(0.0);
            let wait = (standing + after) / 2.0 / (ready * self.rate);
            let served = standing + comes - after;
            requests += comes;
            if wait > self.goal {
                late_steps += 1.0;
                late += comes;
            }
            standing = after;
            let value = match self.metric {
                Metric::Busy => served / most,
                Metric::Demand => comes / most,
                Metric::Backlog => standing / ready,
            };
            fleet.ends(value, standing);
        }
        fleet.log.done(late_steps, late, requests)
    }
}
