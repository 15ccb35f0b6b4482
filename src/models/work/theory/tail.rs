//! Percentiles of waits and of stays, where they have a closed form.

use super::{Theory, TheoryError};
use crate::number::fraction;

/// How waits and stays are distributed in a queue first come, first served.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Tail {
    Unknown,
    /// Who waits does so for an exponential time of rate `falls`; services are exponential.
    Exponential {
        falls: f64,
        service: f64,
    },
    /// Who waits finds j before him in the line with a probability proportional to ratio^j, j
    /// below `places`, of whom `rate` leave per unit of time; services are exponential.
    CutOff {
        ratio: f64,
        places: usize,
        rate: f64,
        service: f64,
    },
    /// Nobody waits; services are exponential, if their rate is known.
    NoWait {
        service: Option<f64>,
    },
}

const UNKNOWN: TheoryError = TheoryError::Unknown("the percentiles of this queue");

impl Theory {
    /// The fraction of those who are served that wait longer than `t` units of time: M/M/c,
    /// M/M/c/K, M/M/∞ and GI/M/1, first come, first served.
    ///
    /// # Errors
    /// Where this library has no closed form.
    pub fn wait_exceeds(&self, t: f64) -> Result<f64, TheoryError> {
        let (waiting, t) = (self.probability_of_waiting()?, t.max(0.0));
        match self.tail {
            Tail::Unknown => Err(UNKNOWN),
            Tail::NoWait { .. } => Ok(0.0),
            Tail::Exponential { falls, .. } => Ok(waiting * (-falls * t).exp()),
            Tail::CutOff { ratio, places, rate, .. } => {
                // Behind j others one waits for j + 1 to leave.
                Ok(waiting * mean_over(ratio, places, at_most(rate * t)))
            }
        }
    }

    /// The wait that a fraction `p` of those who are served does not exceed, in units of time;
    /// known for the queues of [`Theory::wait_exceeds`].
    ///
    /// # Errors
    /// Where this library has no closed form.
    ///
    /// # Panics
    /// If `p` is not at least 0 and below 1.
    #[track_caller]
    pub fn wait_quantile(&self, p: f64) -> Result<f64, TheoryError> {
        fraction("Theory::wait_quantile", p);
        match self.tail {
            Tail::Exponential { falls, .. } => {
                let waiting = self.probability_of_waiting()?;
                Ok((waiting / (1.0 - p)).ln().max(0.0) / falls)
            }
            _ => inverse(p, self.time_in_system, |t| self.wait_exceeds(t)),
        }
    }

    /// The fraction of those who are served that are in the system for longer than `t` units of
    /// time; known for the queues of [`Theory::wait_exceeds`].
    ///
    /// # Errors
    /// Where this library has no closed form.
    pub fn time_exceeds(&self, t: f64) -> Result<f64, TheoryError> {
        let (waiting, t) = (self.probability_of_waiting()?, t.max(0.0));
        match self.tail {
            Tail::Unknown | Tail::NoWait { service: None } => Err(UNKNOWN),
            Tail::NoWait { service: Some(service) } => Ok((-service * t).exp()),
            Tail::Exponential { falls, service } => {
                Ok((1.0 - waiting) * (-service * t).exp()
                    + waiting * sum_exceeds(falls, service, t))
            }
            Tail::CutOff { ratio, places, rate, service } => {
                let behind = stays(places, rate, service, t);
                Ok((1.0 - waiting) * (-service * t).exp()
                    + waiting * mean_over(ratio, places, behind.into_iter()))
            }
        }
    }

    /// The time in the system that a fraction `p` of those who are served does not exceed, in
    /// units of time; known for the queues of [`Theory::wait_exceeds`].
    ///
    /// # Errors
    /// Where this library has no closed form.
    ///
    /// # Panics
    /// If `p` is not at least 0 and below 1.
    #[track_caller]
    pub fn time_quantile(&self, p: f64) -> Result<f64, TheoryError> {
        fraction("Theory::time_quantile", p);
        inverse(p, self.time_in_system, |t| self.time_exceeds(t))
    }
}

/// P(A + B > t) of two exponential times with these rates.
fn sum_exceeds(a: f64, b: f64, t: f64) -> f64 {
    // e^(-a t) (1 + a t (1 - e^(-x)) / x) with x = (b - a) t, which may be 0.
    let x = (b - a) * t;
    let share = if x.abs() < 1e-8 { 1.0 - x / 2.0 } else { -(-x).exp_m1() / x };
    (-a * t).exp() + a * t * (-a * t).exp() * share
}

/// P(N = j) of a Poisson number with this mean, for j = 0, 1, ..
fn exactly(mean: f64) -> impl Iterator<Item = f64> {
    let mut log = -mean;
    (0u32..).map(move |j| {
        if j > 0 {
            log += (mean / f64::from(j)).ln();
        }
        log.exp()
    })
}

/// P(N <= j), for j = 0, 1, ..
fn at_most(mean: f64) -> impl Iterator<Item = f64> {
    exactly(mean).scan(0.0f64, |sum, p| {
        *sum += p;
        Some(sum.min(1.0))
    })
}

/// P(W + S > t) of the time W until 1, 2, .. others have left, `rate` per unit of time, and one's
/// own service after that, which is no faster: a chain that is looked at `rate` times per unit of
/// time (uniformisation; Jensen, 1953) and ends in its last state with probability service / rate.
fn stays(places: usize, rate: f64, service: f64, t: f64) -> Vec<f64> {
    let (mean, stays) = (rate * t, 1.0 - service / rate);
    let looks = places + 1 + (mean + 40.0 * mean.sqrt() + 60.0) as usize;
    let looked: Vec<f64> = exactly(mean).take(looks).collect();
    // After k departures: the sum over n > k of P(n looks) stays^(n - k), from behind.
    let mut served = vec![0.0; looks];
    for k in (1..looks).rev() {
        served[k - 1] = stays * (looked[k] + served[k]);
    }
    let waits = at_most(mean).skip(1).zip(&served[1..]);
    waits.take(places).map(|(waits, served)| (waits + served).min(1.0)).collect()
}

/// The mean of the first values when each counts as ratio^j.
fn mean_over(ratio: f64, places: usize, values: impl Iterator<Item = f64>) -> f64 {
    // From the largest weight on: the powers of a ratio above 1 may overflow.
    let power = |j: usize| match ratio > 1.0 {
        true => ratio.powf(j as f64 - places as f64),
        false => ratio.powf(j as f64),
    };
    let (mut sum, mut total) = (0.0, 0.0);
    for (j, value) in values.take(places).enumerate() {
        sum += power(j) * value;
        total += power(j);
    }
    if total == 0.0 { 0.0 } else { sum / total }
}

/// Where what falls comes down to 1 - p.
fn inverse(
    p: f64,
    guess: f64,
    exceeds: impl Fn(f64) -> Result<f64, TheoryError>,
) -> Result<f64, TheoryError> {
    if exceeds(0.0)? <= 1.0 - p {
        return Ok(0.0);
    }
    let (mut low, mut high) = (0.0, guess);
    while exceeds(high)? > 1.0 - p {
        low = high;
        high *= 2.0;
    }
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if exceeds(middle)? > 1.0 - p { low = middle } else { high = middle }
    }
    Ok(high)
}

#[cfg(test)]
mod tests {
    use crate::sim::Distribution;
    use crate::work::{Discipline, Queue};

    #[test]
    fn quantiles_invert_tails() {
        let queues = [
            Queue::mmc(3.2, 1.0, 4),
            Queue::mmc(3.2, 1.0, 4).room(9),
            Queue::mm1(1.5, 1.0).room(6),
            Queue::mm_infinity(3.0, 0.5),
            Queue::new(Distribution::erlang(3, 1.25), Distribution::exponential(1.0), 1),
        ];
        for queue in queues {
            let theory = queue.theory().unwrap();
            assert_eq!(theory.wait_exceeds(0.0), theory.probability_of_waiting());
            assert_eq!(theory.time_exceeds(0.0), Ok(1.0), "{queue}");
            for p in [0.1, 0.5, 0.9, 0.99] {
                let [wait, time] =
                    [theory.wait_quantile(p), theory.time_quantile(p)].map(Result::unwrap);
                let left = theory.wait_exceeds(wait).unwrap();
                assert!(wait == 0.0 && left <= 1.0 - p || (left - (1.0 - p)).abs() < 1e-12);
                assert!((theory.time_exceeds(time).unwrap() - (1.0 - p)).abs() < 1e-12, "{queue}");
            }
            // The area under a tail is the mean.
            let step = 0.01;
            let area = |of: &dyn Fn(f64) -> f64| -> f64 {
                (0..20_000).map(|i| step * of((f64::from(i) + 0.5) * step)).sum()
            };
            let wait = area(&|t| theory.wait_exceeds(t).unwrap());
            assert!((wait - theory.wait).abs() < 1e-4, "{queue}: {wait} and {}", theory.wait);
            let time = area(&|t| theory.time_exceeds(t).unwrap());
            assert!((time - theory.time_in_system).abs() < 1e-4, "{queue}: {time}");
        }
    }

    #[test]
    fn one_server_stays_are_exponential() {
        let theory = Queue::mm1(0.8, 1.0).theory().unwrap();
        for t in [0.1, 1.0, 20.0] {
            assert!((theory.time_exceeds(t).unwrap() - (-0.2 * t).exp()).abs() < 1e-14);
        }
    }

    #[test]
    fn what_is_not_known_is_an_error() {
        for queue in [
            Queue::mm1(0.5, 1.0).discipline(Discipline::Ps),
            Queue::mg1(0.5, Distribution::erlang(2, 1.0)),
            Queue::mm1(0.5, 1.0).patience(Distribution::exponential(1.0)),
        ] {
            let theory = queue.theory().unwrap();
            let answers =
                [theory.wait_exceeds(1.0), theory.wait_quantile(0.9), theory.time_quantile(0.9)];
            for error in answers.map(Result::unwrap_err) {
                assert!(error.to_string().starts_with("this library has no closed form for"));
            }
        }
    }

    #[test]
    #[should_panic(expected = "below 1, but it is 99")]
    fn a_percentage_is_not_a_fraction() {
        let _ = Queue::mm1(0.5, 1.0).theory().unwrap().wait_quantile(99.0);
    }
}
