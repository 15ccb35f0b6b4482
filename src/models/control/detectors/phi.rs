//! The phi accrual detector: not yes or no, but how unlikely the silence is.

use super::super::at_least;
use super::{Beat, Detector};
use crate::number::positive;
use statrs::distribution::{ContinuousCDF as _, Normal};
use std::collections::VecDeque;

/// φ = -log10 P(the next beat comes later than this), by the mean and the deviation of the latest
/// times between beats (Hayashibara, Défago, Yared and Katayama, 2004). It suspects when φ is above
/// a threshold: at 1 one silence in ten is taken for a crash wrongly, at 3 one in a thousand, if
/// those times are as it thinks.
///
/// Before it has heard anything it takes them to be a period with a deviation of a quarter of it,
/// as Akka does.
#[derive(Clone, Debug, PartialEq)]
pub struct Phi {
    threshold: f64,
    window: usize,
    exponential: bool,
    least: f64,
    times: VecDeque<f64>,
    sum: f64,
    squares: f64,
    last: f64,
}

impl Phi {
    /// The threshold, and the period that is expected at first, in seconds; normal times, over the
    /// latest 1000, and a deviation of at least a thousandth of the period.
    ///
    /// # Panics
    /// If they are not positive numbers.
    #[track_caller]
    pub fn new(threshold: f64, period: f64) -> Self {
        const PLACE: &str = "Phi::new";
        positive(PLACE, "threshold", threshold);
        positive(PLACE, "period", period);
        let mut phi = Self {
            threshold,
            window: 1000,
            exponential: false,
            least: period / 1000.0,
            times: VecDeque::new(),
            sum: 0.0,
            squares: 0.0,
            last: 0.0,
        };
        phi.learn(0.75 * period);
        phi.learn(1.25 * period);
        phi
    }

    /// The same over the latest so many times.
    ///
    /// # Panics
    /// If they are fewer than 2.
    #[track_caller]
    pub fn window(self, times: usize) -> Self {
        Self { window: at_least("Phi::window", "times", 2, times), ..self }
    }

    /// The same with a deviation of at least this, in seconds.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn least_deviation(self, seconds: f64) -> Self {
        Self { least: positive("Phi::least_deviation", "least deviation", seconds), ..self }
    }

    /// The same with exponential times, as in Cassandra: φ = t / (mean ln 10).
    pub fn exponential(self) -> Self {
        Self { exponential: true, ..self }
    }

    /// φ at this time.
    pub fn level(&self, now: f64) -> f64 {
        let (mean, deviation) = self.moments();
        let silent = now - self.last;
        if self.exponential {
            return (silent / mean).max(0.0) / std::f64::consts::LN_10;
        }
        // P(later) by symmetry, which keeps its digits far out.
        -Normal::standard().cdf((mean - silent) / deviation).log10()
    }

    fn moments(&self) -> (f64, f64) {
        let n = self.times.len() as f64;
        let mean = self.sum / n;
        let deviation = (self.squares / n - mean * mean).max(0.0).sqrt();
        (mean, deviation.max(self.least))
    }

    fn learn(&mut self, time: f64) {
        self.times.push_back(time);
        (self.sum, self.squares) = (self.sum + time, self.squares + time * time);
        while self.times.len() > self.window {
            if let Some(old) = self.times.pop_front() {
                (self.sum, self.squares) = (self.sum - old, self.squares - old * old);
            }
        }
    }
}

impl Detector for Phi {
    fn hears(&mut self, beat: Beat) -> f64 {
        if self.last > 0.0 {
            self.learn(beat.at - self.last);
        }
        self.last = beat.at;
        let (mean, deviation) = self.moments();
        if self.exponential {
            return beat.at + self.threshold * std::f64::consts::LN_10 * mean;
        }
        let later = 10f64.powf(-self.threshold);
        beat.at + (mean - deviation * Normal::standard().inverse_cdf(later)).max(0.0)
    }
}
