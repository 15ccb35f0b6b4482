//! Synthetic traces of load: every part of them is known, so that what a forecast or a detector
//! says can be held against the truth.

use super::checks::{at_least, not_negative, within};
use crate::number::positive;
use crate::sim::Stream;
use std::f64::consts::TAU;

/// A load that changes with time, in steps. At step t it is
///
/// (level + trend t) · day(t) · week(t) · steps(t) · spikes(t) · (1 + noise · e(t)), at least 0,
///
/// where day(t) = 1 - amplitude · cos(2π t / period), lowest at the beginning of each day;
/// week(t) is 1 on five days and the weekend's factor on two; each step multiplies all that
/// follows; spikes come at random and multiply while they last; e(t) is normal with variance 1,
/// and autocorrelated if asked for: e(t) = φ e(t-1) + √(1 - φ²) n(t).
///
/// ```
/// use pillars_models::intelligence::Trace;
/// let trace = Trace::level(100.0).day(24, 0.5).noise(0.02);
/// let load = trace.values(7 * 24, 1, 0);
/// assert!(load[12] > 140.0 && load[24] < 60.0);
/// assert_eq!(trace.expected(13)[12], 150.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    level: f64,
    trend: f64,
    day: Option<(usize, f64)>,
    weekend: f64,
    noise: f64,
    correlation: f64,
    spikes: Option<(f64, f64, usize)>,
    steps: Vec<(usize, f64)>,
}

impl Trace {
    /// Always the same load, per step or per second as you like.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn level(level: f64) -> Self {
        Self {
            level: positive("Trace::level", "level", level),
            trend: 0.0,
            day: None,
            weekend: 1.0,
            noise: 0.0,
            correlation: 0.0,
            spikes: None,
            steps: vec![],
        }
    }

    /// The same with so much more, or less, from each step to the next.
    ///
    /// # Panics
    /// If it is not a finite number.
    #[track_caller]
    pub fn trend(self, per_step: f64) -> Self {
        assert!(
            per_step.is_finite(),
            "Trace::trend: the trend must be a finite number, but it is {per_step}; give 0 for none"
        );
        Self { trend: per_step, ..self }
    }

    /// The same with days of so many steps, and a wave of this amplitude, 0.5 for half the level.
    ///
    /// # Panics
    /// With fewer than 2 steps a day, or an amplitude that is not between 0 and 1.
    #[track_caller]
    pub fn day(self, steps: usize, amplitude: f64) -> Self {
        at_least("Trace::day", "steps of a day", steps, 2);
        let amplitude = within("Trace::day", "amplitude", amplitude, 0.0, 1.0);
        Self { day: Some((steps, amplitude)), ..self }
    }

    /// The same with a sixth and a seventh day of every seven that have so many times the load.
    /// Days are those of [`Trace::day`].
    ///
    /// # Panics
    /// If the factor is not positive, or there are no days.
    #[track_caller]
    pub fn weekend(self, times: f64) -> Self {
        assert!(
            self.day.is_some(),
            "Trace::weekend: the trace must have days before it has weeks; call day(..) first"
        );
        Self { weekend: positive("Trace::weekend", "factor", times), ..self }
    }

    /// The same with normal noise of this standard deviation, as a part of the load.
    ///
    /// # Panics
    /// If it is negative or not a number.
    #[track_caller]
    pub fn noise(self, deviation: f64) -> Self {
        Self { noise: not_negative("Trace::noise", "deviation", deviation), ..self }
    }

    /// The same with noise that remembers: the correlation of neighbouring steps, from -0.99 to
    /// 0.99. Its variance stays as it is.
    ///
    /// # Panics
    /// If the correlation is outside of that.
    #[track_caller]
    pub fn autocorrelated(self, correlation: f64) -> Self {
        let correlation = within("Trace::autocorrelated", "correlation", correlation, -0.99, 0.99);
        Self { correlation, ..self }
    }

    /// The same with spikes: each step begins one with this chance, it lasts so many steps, and
    /// has so many times the load meanwhile.
    ///
    /// # Panics
    /// If the chance is no probability, the factor is not positive, or spikes last no step.
    #[track_caller]
    pub fn spikes(self, chance: f64, times: f64, steps: usize) -> Self {
        const PLACE: &str = "Trace::spikes";
        within(PLACE, "chance of each step", chance, 0.0, 1.0);
        positive(PLACE, "factor", times);
        at_least(PLACE, "steps that a spike lasts", steps, 1);
        Self { spikes: Some((chance, times, steps)), ..self }
    }

    /// The same with so many times the load from a step on, for good. Call it again for more.
    ///
    /// # Panics
    /// If the factor is not positive.
    #[track_caller]
    pub fn step(mut self, at: usize, times: f64) -> Self {
        self.steps.push((at, positive("Trace::step", "factor", times)));
        self
    }

    /// The steps of a day, or 1 if there are none.
    pub fn period(&self) -> usize {
        self.day.map_or(1, |(steps, _)| steps)
    }

    /// The first steps without noise and spikes.
    ///
    /// # Panics
    /// If there are to be no steps.
    #[track_caller]
    pub fn expected(&self, steps: usize) -> Vec<f64> {
        at_least("Trace::expected", "steps", steps, 1);
        (0..steps).map(|t| self.at(t)).collect()
    }

    /// The first steps as a replication of a seed has them.
    ///
    /// # Panics
    /// If there are to be no steps.
    #[track_caller]
    pub fn values(&self, steps: usize, seed: u64, replication: u64) -> Vec<f64> {
        at_least("Trace::values", "steps", steps, 1);
        let mut noise = Stream::new(seed, replication, "noise");
        let mut chance = Stream::new(seed, replication, "spikes");
        let fresh = (1.0 - self.correlation * self.correlation).sqrt();
        // The first one is drawn from the stationary law.
        let mut error = noise.normal();
        let mut spike = 0;
        (0..steps)
            .map(|t| {
                let mut value = self.at(t) * (1.0 + self.noise * error);
                error = self.correlation * error + fresh * noise.normal();
                if let Some((p, times, length)) = self.spikes {
                    let begins = chance.uniform() < p;
                    if begins && spike == 0 {
                        spike = length;
                    }
                    if spike > 0 {
                        value *= times;
                        spike -= 1;
                    }
                }
                value.max(0.0)
            })
            .collect()
    }

    fn at(&self, t: usize) -> f64 {
        let mut value = self.level + self.trend * t as f64;
        if let Some((steps, amplitude)) = self.day {
            value *= 1.0 - amplitude * (TAU * (t % steps) as f64 / steps as f64).cos();
            if t / steps % 7 >= 5 {
                value *= self.weekend;
            }
        }
        for (from, times) in &self.steps {
            if t >= *from {
                value *= times;
            }
        }
        value.max(0.0)
    }
}
