//! Distributions of times between arrivals and of service times.

use super::Stream;
use crate::number::positive;
use rand_distr::{Distribution, Exp1};

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

    /// One value, by the ziggurat method (Marsaglia and Tsang, 2000; Doornik, 2005).
    #[inline]
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        let unit: f64 = Exp1.sample(stream.generator());
        self.mean * unit
    }

    /// The mean, in units of time.
    pub fn mean(&self) -> f64 {
        self.mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_tail_are_those_of_the_exponential() {
        let (n, rate) = (1_000_000, 2.0);
        let mut stream = Stream::new(3, 0, "exponential");
        let distribution = Exponential::with_rate(rate);
        let (mut sum, mut squares, mut beyond) = (0.0, 0.0, 0.0);
        for _ in 0..n {
            let x = distribution.sample(&mut stream);
            sum += x;
            squares += x * x;
            beyond += f64::from(u8::from(x > 1.0));
        }
        let n = f64::from(n);
        // Tolerances of four standard errors.
        assert!((sum / n - 0.5).abs() < 4.0 * 0.5 / n.sqrt());
        assert!((squares / n - 0.5).abs() < 4.0 * (20.0f64).sqrt() / 4.0 / n.sqrt());
        let tail = (-rate).exp();
        assert!((beyond / n - tail).abs() < 4.0 * (tail * (1.0 - tail) / n).sqrt());
    }

    #[test]
    #[should_panic(
        expected = "Exponential::with_rate: the rate must be a positive number, but it is -1"
    )]
    fn a_negative_rate_is_named() {
        Exponential::with_rate(-1.0);
    }
}
