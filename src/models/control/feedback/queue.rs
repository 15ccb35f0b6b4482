//! The same with requests by lot in a queue before servers that come and go.

use super::fleet::Fleet;
use super::{Metric, Scaled, ScaledSurvey, Scaler, Service};
use crate::number::positive;
use crate::sim::{Calendar, Estimate, Stream, replicate};
use std::collections::VecDeque;

impl Service {
    /// Runs it for so many seconds: Poisson requests at the load's rate, exponential services,
    /// first come first served. A server that goes finishes what it does. A clone of the scaler
    /// serves each replication.
    ///
    /// # Panics
    /// If the end is not a positive number, there are fewer than 2 replications, servers are
    /// fractional, or the scaler wants NaN servers.
    #[track_caller]
    pub fn simulate<S: Scaler + Clone + Sync>(
        &self,
        scaler: S,
        end: f64,
        replications: usize,
        seed: u64,
    ) -> ScaledSurvey {
        const PLACE: &str = "Service::simulate";
        positive(PLACE, "end", end);
        super::super::at_least(PLACE, "replications", 2, replications);
        assert!(
            !self.fractional,
            "{PLACE}: a queue needs whole servers; leave out fractional(), or use Service::run"
        );
        let runs = replicate(replications, |replication| {
            self.queue(scaler.clone(), end, |name| Stream::new(seed, replication, name))
        });
        let of =
            |value: fn(&Scaled) -> f64| Estimate::of(&runs.iter().map(value).collect::<Vec<_>>());
        ScaledSurvey {
            server_hours: of(|run| run.server_hours),
            late_time: of(|run| run.late_time),
            late_requests: of(|run| run.late_requests),
            changes: of(|run| run.changes as f64),
            turns: of(|run| run.turns as f64),
            first: runs[0].clone(),
        }
    }

    fn queue(&self, scaler: impl Scaler, end: f64, stream: impl Fn(&str) -> Stream) -> Scaled {
        let (mut arrivals, mut services) = (stream("arrivals"), stream("services"));
        let mut fleet = Fleet::new(self, scaler);
        // Whoever is served will be done at a time that is booked; those who wait, by when they came.
        let mut done: Calendar<()> = Calendar::new();
        let mut line: VecDeque<f64> = VecDeque::new();
        let (mut late_steps, mut late, mut requests) = (0.0, 0.0, 0.0);
        let mut was_late = false;
        // The next comes when so much more of the load has passed.
        let mut left = arrivals.exponential();
        for step in 0..self.steps(end).max(1) {
            crate::interrupt::tick();
            let ready = fleet.begins(step);
            let (begin, next) = (step as f64 * self.step, (step + 1) as f64 * self.step);
            let rate = self.load.at(begin);
            let (mut now, mut busy_time, mut came) = (begin, 0.0, 0.0);
            loop {
                // Who waits is served as soon as fewer are busy than work.
                while (done.len() as f64) < ready
                    && let Some(arrived) = line.pop_front()
                {
                    was_late = now - arrived > self.goal;
                    late += f64::from(u8::from(was_late));
                    done.book_at(now + services.exponential() / self.rate, ());
                }
                let arrival = if rate > 0.0 { now + left / rate } else { f64::INFINITY };
                let ends = done.upcoming().unwrap_or(f64::INFINITY);
                let event = arrival.min(ends).min(next);
                busy_time += (done.len() as f64).min(ready) * (event - now);
                left -= rate * (event - now);
                now = event;
                if now >= next {
                    break;
                }
                if ends <= arrival {
                    done.next();
                } else {
                    line.push_back(now);
                    (came, left) = (came + 1.0, arrivals.exponential());
                }
            }
            requests += came;
            // Those who wait still, and have waited too long already.
            let waits = line.front().is_some_and(|arrived| now - arrived > self.goal);
            late_steps += f64::from(u8::from(waits || (was_late && !line.is_empty())));
            let most = ready * self.step;
            let value = match self.metric {
                Metric::Busy => busy_time / most,
                Metric::Demand => came / (most * self.rate),
                Metric::Backlog => line.len() as f64 / ready,
            };
            fleet.ends(value, line.len() as f64);
        }
        let end = self.steps(end).max(1) as f64 * self.step;
        late += line.iter().filter(|arrived| end - **arrived > self.goal).count() as f64;
        fleet.log.done(late_steps, late, requests)
    }
}
