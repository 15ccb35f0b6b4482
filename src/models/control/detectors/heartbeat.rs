//! Detectors with a time-out.

use super::super::{at_least, not_negative};
use super::{Beat, Detector};
use crate::number::positive;
use std::collections::VecDeque;

/// Suspects after so long without a beat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timeout(f64);

impl Timeout {
    /// The time-out, in seconds.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn new(seconds: f64) -> Self {
        Self(positive("Timeout::new", "time-out", seconds))
    }
}

impl Detector for Timeout {
    fn hears(&mut self, beat: Beat) -> f64 {
        beat.at + self.0
    }
}

/// Knows when beats are sent, and suspects when the next is later than the latest ones were on
/// average, by more than a margin (Chen, Toueg and Aguilera, 2002: NFD-E).
#[derive(Clone, Debug, PartialEq)]
pub struct Chen {
    period: f64,
    margin: f64,
    window: usize,
    late: VecDeque<f64>,
}

impl Chen {
    /// The period of beats, the margin, both in seconds, and over how many it averages.
    ///
    /// # Panics
    /// If the period is not positive, the margin is negative, or the window is 0.
    #[track_caller]
    pub fn new(period: f64, margin: f64, window: usize) -> Self {
        const PLACE: &str = "Chen::new";
        positive(PLACE, "period", period);
        not_negative(PLACE, "margin", margin);
        at_least(PLACE, "beats of the window", 1, window);
        Self { period, margin, window, late: VecDeque::new() }
    }
}

impl Detector for Chen {
    fn hears(&mut self, beat: Beat) -> f64 {
        self.late.push_back(beat.at - self.period * beat.number as f64);
        if self.late.len() > self.window {
            self.late.pop_front();
        }
        let delay = self.late.iter().sum::<f64>() / self.late.len() as f64;
        self.period * (beat.number + 1) as f64 + delay + self.margin
    }
}
