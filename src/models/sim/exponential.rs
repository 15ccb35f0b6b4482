//! The exponential distribution as a type of its own: the fastest, since it is known when a
//! simulation is compiled.

use super::Stream;
use crate::number::positive;
use rand_distr::{Distribution as _, Exp1, StandardNormal};

/// The exponential distribution, memoryless: P(X > t) = e^(-rate t).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    mean: f64,
}

impl Exponential {
    /// The exponential distribution of a given rate, per unit of time.
    ///
    /// # Panics
    /// If the rate is not a positive, finite number.
    #[track_caller]
    pub fn with_rate(rate: f64) -> Self {
        Self { mean: 1.0 / positive("Exponential::with_rate", "rate", rate) }
    }

    /// The exponential distribution of a given mean, which is known to be positive.
    pub(super) fn with_mean(mean: f64) -> Self {
        Self { mean }
    }

    /// One value, by the ziggurat method (Marsaglia and Tsang, 2000; Doornik, 2005).
    #[inline]
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        self.mean * stream.exponential()
    }

    /// The mean, in units of time.
    pub fn mean(&self) -> f64 {
        self.mean
    }
}

impl Stream {
    /// A value of the exponential distribution with mean 1.
    #[inline]
    pub fn exponential(&mut self) -> f64 {
        Exp1.sample(self.generator())
    }

    /// A value of the normal distribution with mean 0 and variance 1.
    #[inline]
    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(self.generator())
    }
}
