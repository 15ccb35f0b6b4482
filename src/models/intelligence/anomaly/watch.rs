//! What charts find in a load that has days: by its raw values, and by what is left of them when
//! the season is taken out.

use super::super::checks::{at_least, several};
use super::super::trace::Trace;
use super::chart::{ControlChart, by_median};
use crate::number::positive;
use crate::sim::{Estimate, Stream, replicate};

/// Incidents that are put into a trace, and a chart that is to find them.
#[derive(Clone, Debug)]
pub struct Watch {
    trace: Trace,
    train: usize,
    steps: usize,
    seasonal: bool,
    incidents: (usize, f64, usize),
}

/// What a chart found. Intervals are over replications.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// The part of the incidents during which there was an alarm (recall).
    pub found: Estimate,
    /// Steps from the beginning of an incident to its first alarm, of those that were found.
    pub delay: Estimate,
    /// Alarms in 1000 steps in which there was no incident.
    pub false_alarms: Estimate,
    /// The part of the alarms that were during an incident (precision).
    pub right: Estimate,
}

impl Watch {
    /// A trace, of which the first `train` steps are learned from and have no incidents, and of
    /// which `steps` more are watched.
    ///
    /// # Panics
    /// If there are fewer than three days to learn from, or nothing to watch.
    #[track_caller]
    pub fn new(trace: &Trace, train: usize, steps: usize) -> Self {
        const PLACE: &str = "Watch::new";
        at_least(PLACE, "steps to learn from", train, (3 * trace.period()).max(20));
        at_least(PLACE, "steps to watch", steps, 10);
        let trace = trace.clone();
        Self { trace, train, steps, seasonal: false, incidents: (5, 1.3, 5) }
    }

    /// The same with what is left of each value when the median of its time of day is taken out, as
    /// a part of it.
    pub fn seasonal(self) -> Self {
        Self { seasonal: true, ..self }
    }

    /// The same with so many incidents, during each of which the load is so many times what it
    /// would be, for so many steps; 5 of 1.3 times and 5 steps, if not said. None is the control.
    ///
    /// # Panics
    /// If the factor is not positive, an incident lasts no step, or there is no room for all.
    #[track_caller]
    pub fn incidents(self, count: usize, times: f64, lasts: usize) -> Self {
        const PLACE: &str = "Watch::incidents";
        positive(PLACE, "factor", times);
        at_least(PLACE, "steps that an incident lasts", lasts, 1);
        assert!(
            count == 0 || self.steps / count > 2 * lasts,
            "{PLACE}: each incident must have more than {} steps to itself, but {count} share {}",
            2 * lasts,
            self.steps
        );
        Self { incidents: (count, times, lasts), ..self }
    }

    /// What a chart finds in so many replications.
    ///
    /// # Panics
    /// With fewer than 2.
    #[track_caller]
    pub fn by(&self, chart: &ControlChart, replications: usize, seed: u64) -> Found {
        several("Watch::by", replications);
        let all = replicate(replications, |replication| self.run(chart, seed, replication));
        let parts = |part: fn(&[f64; 5]) -> (f64, f64)| {
            Estimate::of_parts(&all.iter().map(part).collect::<Vec<_>>())
        };
        let quiet = |run: &[f64; 5]| (1000.0 * run[2], run[4]);
        Found {
            found: parts(|run| (run[0], run[0] + run[3])),
            delay: parts(|run| (run[1], run[0])),
            false_alarms: parts(quiet),
            right: parts(|run| (run[0], run[0] + run[2])),
        }
    }

    /// Standardised values of one replication, and when its incidents begin.
    pub fn values(&self, seed: u64, replication: u64) -> (Vec<f64>, Vec<usize>) {
        let mut values = self.trace.values(self.train + self.steps, seed, replication);
        let mut chance = Stream::new(seed, replication, "incidents");
        let (count, times, lasts) = self.incidents;
        let mut begins = vec![];
        for i in 0..count {
            // Each has a part of the time to itself, with quiet before and after.
            let room = self.steps / count;
            let at = i * room + chance.below(room - 2 * lasts);
            begins.push(at);
            values[self.train + at..self.train + at + lasts].iter_mut().for_each(|v| *v *= times);
        }
        let (learned, watched) = values.split_at(self.train);
        let m = if self.seasonal { self.trace.period() } else { 1 };
        let slots: Vec<Vec<f64>> =
            (0..m).map(|slot| learned.iter().skip(slot).step_by(m).copied().collect()).collect();
        let usual: Vec<f64> = slots.iter().map(|slot| by_median(slot).0).collect();
        // Relative to what is usual, for so is the noise.
        let off = |x: f64, usual: f64| if usual > 0.0 { x / usual - 1.0 } else { x };
        // What is learned from is compared with the other days, as what is watched will be.
        let left: Vec<f64> = match m {
            1 => learned.iter().map(|x| off(*x, usual[0])).collect(),
            _ => slots
                .iter()
                .flat_map(|slot| {
                    (0..slot.len()).map(|day| {
                        let mut others = slot.clone();
                        off(others.swap_remove(day), by_median(&others).0)
                    })
                })
                .collect(),
        };
        let (middle, width) = by_median(&left);
        // A load without any noise has no width: the least that a float can tell.
        let width = width.max(1e-9);
        let standard =
            |(t, x): (usize, &f64)| (off(*x, usual[(t + self.train) % m]) - middle) / width;
        (watched.iter().enumerate().map(standard).collect(), begins)
    }

    /// Found, their delays together, false alarms, missed, and steps without an incident. Alarms
    /// that follow each other count as one, as whoever is called would.
    fn run(&self, chart: &ControlChart, seed: u64, replication: u64) -> [f64; 5] {
        crate::interrupt::tick();
        let (values, begins) = self.values(seed, replication);
        let lasts = self.incidents.2;
        let alarms = chart.alarms(&values);
        let mut during = vec![false; values.len()];
        let (mut found, mut delays) = (0.0, 0.0);
        for at in &begins {
            during[*at..at + lasts].fill(true);
            if let Some(delay) = alarms[*at..at + lasts].iter().position(|alarm| *alarm) {
                found += 1.0;
                delays += delay as f64;
            }
        }
        let mut false_alarms = 0.0;
        for t in 0..values.len() {
            // What an incident leaves behind in sums is not a new alarm.
            let after = t.saturating_sub(lasts)..t;
            let recent = during[after.clone()].iter().any(|is| *is);
            let again = alarms[t.saturating_sub(1)..t].iter().any(|is| *is);
            false_alarms += f64::from(u8::from(alarms[t] && !during[t] && !recent && !again));
        }
        let quiet = during.iter().filter(|is| !**is).count() as f64;
        [found, delays, false_alarms, begins.len() as f64 - found, quiet]
    }
}
