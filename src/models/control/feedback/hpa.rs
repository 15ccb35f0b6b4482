//! The rule of the Kubernetes Horizontal Pod Autoscaler.

use super::super::not_negative;
use super::{Reading, Scaler};
use crate::number::positive;
use std::collections::VecDeque;

/// desired = ceil(current x metric / target), with a tolerance and stabilisation windows, as
/// Kubernetes documents it ("Horizontal Pod Autoscaling", algorithm details) and computes it.
///
/// As made by [`Hpa::new`]: a tolerance of .1; 300 s of stabilisation downwards and none upwards.
/// Its period of 15 s is the service's.
#[derive(Clone, Debug, PartialEq)]
pub struct Hpa {
    target: f64,
    tolerance: f64,
    down: f64,
    up: f64,
    counts_starting: bool,
    limited: bool,
    /// What it would have wanted, and when.
    wanted: VecDeque<(f64, f64)>,
}

impl Hpa {
    /// The value that the metric is to have. Of [`Metric::Busy`](super::Metric::Busy), which is never
    /// above 1, a target above 1 / 1.1 is never exceeded by more than the tolerance: it would not
    /// add a server, whatever comes.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn new(target: f64) -> Self {
        Self {
            target: positive("Hpa::new", "target", target),
            tolerance: 0.1,
            down: 300.0,
            up: 0.0,
            counts_starting: false,
            limited: false,
            wanted: VecDeque::new(),
        }
    }

    /// Nothing is done while metric / target differs from 1 by at most this.
    ///
    /// # Panics
    /// If it is negative or not a number.
    #[track_caller]
    pub fn tolerance(self, part: f64) -> Self {
        Self { tolerance: not_negative("Hpa::tolerance", "tolerance", part), ..self }
    }

    /// Goes down to no fewer than the most, and up to no more than the fewest, that it wanted in so
    /// many seconds, down and up.
    ///
    /// # Panics
    /// If they are negative or not numbers.
    #[track_caller]
    pub fn stabilisation(self, down: f64, up: f64) -> Self {
        const PLACE: &str = "Hpa::stabilisation";
        let down = not_negative(PLACE, "window downwards", down);
        Self { down, up: not_negative(PLACE, "window upwards", up), ..self }
    }

    /// The rule as it is often told: current are all that are wanted, also those that still start.
    /// While servers start the metric stays high, and each period multiplies again. Kubernetes
    /// takes a server that is not ready as one that does nothing.
    pub fn counts_starting(self) -> Self {
        Self { counts_starting: true, ..self }
    }

    /// At most twice as many, or four more, in each period: the default policy of autoscaling/v2.
    pub fn limited(self) -> Self {
        Self { limited: true, ..self }
    }

    /// How many servers are wanted of so many, before stabilisation.
    ///
    /// ```
    /// use pillars_models::control::Hpa;
    /// // The examples of the documentation: 200m is twice as much as is wanted, 50m half.
    /// let hpa = Hpa::new(100.0);
    /// assert_eq!((hpa.desired(200.0, 3.0, 3.0), hpa.desired(50.0, 4.0, 4.0)), (6.0, 2.0));
    /// assert_eq!(hpa.desired(109.0, 3.0, 3.0), 3.0);
    /// ```
    pub fn desired(&self, value: f64, ready: f64, wanted: f64) -> f64 {
        let ratio = value / self.target;
        // What is at the edge but for rounding is within; what is whole but for it is not rounded up.
        let near = |ratio: f64| (ratio - 1.0).abs() <= self.tolerance + 1e-9;
        let ceil = |servers: f64| (servers - 1e-9).ceil();
        if near(ratio) {
            return wanted;
        }
        if self.counts_starting {
            return ceil(wanted * ratio);
        }
        if ratio > 1.0 && wanted > ready {
            let spread = ratio * ready / wanted;
            return if near(spread) || spread < 1.0 { wanted } else { ceil(spread * wanted) };
        }
        ceil(ratio * ready)
    }
}

impl Scaler for Hpa {
    fn wants(&mut self, seen: Reading) -> f64 {
        let desired = self.desired(seen.value, seen.ready, seen.wanted);
        let mut desired = desired.clamp(seen.least, seen.most);
        self.wanted.push_back((seen.now, desired));
        let longest = self.down.max(self.up);
        while self.wanted.front().is_some_and(|(at, _)| seen.now - at > longest) {
            self.wanted.pop_front();
        }
        let within = |window: f64| {
            let wanted = self.wanted.iter().filter(move |(at, _)| seen.now - at <= window);
            wanted.map(|(_, wanted)| *wanted)
        };
        let fewest = within(self.up).fold(desired, f64::min);
        let most = within(self.down).fold(desired, f64::max);
        desired = seen.wanted.max(fewest).min(most);
        if self.limited {
            desired = desired.min((2.0 * seen.wanted).max(seen.wanted + 4.0));
        }
        desired
    }
}
