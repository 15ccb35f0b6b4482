//! One more when it is too much, one fewer when it is too little.

use super::{Reading, Scaler};

/// Adds servers above one value of the metric and removes them below another, and waits in between.
/// As made by [`Threshold::new`]: one at a time, without a pause.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    low: f64,
    high: f64,
    by: f64,
    pause: f64,
    changed: f64,
}

impl Threshold {
    /// Fewer below `low`, more above `high`: the gap between them keeps it from flapping.
    ///
    /// # Panics
    /// If it is not 0 <= low < high.
    #[track_caller]
    pub fn new(low: f64, high: f64) -> Self {
        assert!(
            0.0 <= low && low < high && high.is_finite(),
            "Threshold::new: the thresholds must be numbers with 0 <= low < high, but they are {low} \
             and {high}; as in Threshold::new(0.3, 0.7)"
        );
        Self { low, high, by: 1.0, pause: 0.0, changed: f64::NEG_INFINITY }
    }

    /// The same with so many servers at a time.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn by(self, servers: usize) -> Self {
        super::super::at_least("Threshold::by", "servers", 1, servers);
        Self { by: servers as f64, ..self }
    }

    /// The same with a pause after each change, in seconds (a cool-down).
    ///
    /// # Panics
    /// If it is negative or not a number.
    #[track_caller]
    pub fn pause(self, seconds: f64) -> Self {
        Self { pause: super::super::not_negative("Threshold::pause", "pause", seconds), ..self }
    }
}

impl Scaler for Threshold {
    fn wants(&mut self, seen: Reading) -> f64 {
        let by = if seen.value > self.high {
            self.by
        } else if seen.value < self.low {
            -self.by
        } else {
            0.0
        };
        if by == 0.0 || seen.now - self.changed < self.pause {
            return seen.wanted;
        }
        self.changed = seen.now;
        seen.wanted + by
    }
}
