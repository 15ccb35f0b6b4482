//! A loop with dead time: its margins, and the largest gain with which it settles.

use crate::number::{positive, short};
use std::f64::consts::{PI, TAU};
use std::fmt;

/// What a controller has before it, for small changes: after some periods the metric changes by
/// `gain` for each server, against it; what is read is an average over a window.
///
/// In periods, with z^-1 one of them: G(z) = gain z^-dead (z^-1 + .. + z^-window) / window. What is
/// decided at one reading is first seen at the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plant {
    gain: f64,
    period: f64,
    dead: usize,
    window: usize,
}

/// How far a loop is from never settling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margins {
    /// The factor of all gains at which it no longer settles; infinite if there is none.
    pub gain: f64,
    /// How much later, in degrees of the oscillation at which the loop's gain is 1, it may react;
    /// nothing if its gain never is 1.
    pub phase: Option<f64>,
    /// The same in seconds: how much more dead time it bears.
    pub delay: Option<f64>,
    /// The period of the oscillation with the largest gain, in seconds; infinite if it is no
    /// oscillation.
    pub swings: f64,
}

/// A loop that does not settle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unstable {
    /// The gains kp, ki, kd.
    pub gains: [f64; 3],
    /// The factor of all of them at which it begins not to settle: 0 if none settles.
    pub largest: f64,
}

impl fmt::Display for Unstable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |factor: f64| self.gains.map(|gain| short(factor * gain, 4)).join(", ");
        let gains = of(1.0);
        if self.largest == 0.0 {
            return write!(
                f,
                "with the gains kp, ki, kd = {gains} the loop does not settle, however small they \
                 are: their sign is reversed; leave out reversed()"
            );
        }
        let largest = of(self.largest);
        write!(
            f,
            "with the gains kp, ki, kd = {gains} the loop never settles; they must be below {} \
             times as much, that is below {largest}",
            short(self.largest, 4)
        )
    }
}

impl std::error::Error for Unstable {}

impl Plant {
    /// The change of the metric for each server, without its sign, and the period of the readings
    /// in seconds; no dead time, and a window of one period.
    ///
    /// # Panics
    /// If they are not positive numbers.
    #[track_caller]
    pub fn new(gain: f64, period: f64) -> Self {
        positive("Plant::new", "gain", gain);
        Self { gain, period: positive("Plant::new", "period", period), dead: 0, window: 1 }
    }

    /// The same with so many periods more until a change is seen.
    ///
    /// # Panics
    /// If they are more than 200.
    #[track_caller]
    pub fn dead_time(self, periods: usize) -> Self {
        assert!(
            periods <= 200,
            "Plant::dead_time: the dead time must be at most 200 periods, but it is {periods}; \
             read less often"
        );
        Self { dead: periods, ..self }
    }

    /// The same with an average over so many periods.
    ///
    /// # Panics
    /// If there is none, or they are more than 200.
    #[track_caller]
    pub fn window(self, periods: usize) -> Self {
        assert!(
            (1..=200).contains(&periods),
            "Plant::window: the window must be from 1 to 200 periods, but it is {periods}"
        );
        Self { window: periods, ..self }
    }

    /// The largest gain ki of a purely integral controller without a window of more than one
    /// period, in closed form: x(t + 1) - x(t) + K x(t - d) = 0 settles if and only if
    /// K < 2 cos(d π / (2 d + 1)) (Levin and May, 1976), K being ki x period x gain.
    pub fn largest_ki(&self) -> Option<f64> {
        let d = self.dead as f64;
        let largest = 2.0 * (d * PI / (2.0 * d + 1.0)).cos();
        (self.window == 1).then(|| largest / (self.period * self.gain))
    }

    pub(super) fn margins(&self, gains: [f64; 3]) -> Result<Margins, Unstable> {
        if gains.iter().all(|gain| *gain == 0.0) {
            return Ok(Margins {
                gain: f64::INFINITY,
                phase: None,
                delay: None,
                swings: f64::INFINITY,
            });
        }
        if gains[1] < 0.0 {
            // What is summed up with the wrong sign runs away, however slowly.
            return Err(Unstable { gains, largest: 0.0 });
        }
        let largest = self.largest_factor(gains);
        if largest <= 1.0 {
            return Err(Unstable { gains, largest });
        }
        let (mut phase, mut delay, mut swings) = (None, None, f64::INFINITY);
        let mut nearest = f64::INFINITY;
        const STEPS: usize = 40_000;
        let mut before = self.open(gains, PI / STEPS as f64 / 2.0);
        for step in 1..=STEPS {
            let omega = PI * step as f64 / STEPS as f64;
            let here = self.open(gains, omega);
            let size = |(re, im): (f64, f64)| re.hypot(im);
            if (size(before) > 1.0) != (size(here) > 1.0) {
                // The angle from -180 degrees.
                let left = (-here.1).atan2(-here.0).rem_euclid(TAU);
                if phase.is_none_or(|least| left < least) {
                    phase = Some(left);
                }
                let time = left / omega * self.period;
                delay = Some(delay.map_or(time, |least: f64| least.min(time)));
            }
            if (before.1 < 0.0) != (here.1 < 0.0) || step == STEPS {
                let off = (1.0 / -here.0 / largest - 1.0).abs();
                if here.0 < 0.0 && off < nearest {
                    (nearest, swings) = (off, TAU / omega * self.period);
                }
            }
            before = here;
        }
        let phase = phase.map(|angle: f64| angle * 360.0 / TAU);
        Ok(Margins { gain: largest, phase, delay, swings })
    }

    /// The gain of the open loop at so many radians a period.
    fn open(&self, [kp, ki, kd]: [f64; 3], omega: f64) -> (f64, f64) {
        let back = |periods: f64| ((omega * periods).cos(), -(omega * periods).sin());
        let times = |a: (f64, f64), b: (f64, f64)| (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0);
        let difference = (1.0 - omega.cos(), omega.sin());
        let square = difference.0 * difference.0 + difference.1 * difference.1;
        let (integral, slope) = (ki * self.period / square, kd / self.period);
        let controller = (
            kp + integral * difference.0 + slope * difference.0,
            -integral * difference.1 + slope * difference.1,
        );
        let mut average = (0.0, 0.0);
        for j in 1..=self.window {
            let one = back((self.dead + j) as f64);
            average = (average.0 + one.0, average.1 + one.1);
        }
        let scale = self.gain / self.window as f64;
        times(controller, (scale * average.0, scale * average.1))
    }

    /// The largest factor of the gains with which the loop settles, by bisection.
    fn largest_factor(&self, gains: [f64; 3]) -> f64 {
        let stable = |factor: f64| is_stable(self.closed(gains.map(|gain| factor * gain)));
        let (mut low, mut high) = (0.0, 1.0);
        while stable(high) {
            (low, high) = (high, 2.0 * high);
            if high > 1e12 {
                return f64::INFINITY;
            }
        }
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            if stable(middle) { low = middle } else { high = middle }
        }
        low
    }

    /// The characteristic polynomial of the closed loop, from the highest power of z.
    fn closed(&self, [kp, ki, kd]: [f64; 3]) -> Vec<f64> {
        let (integral, slope) = (ki * self.period, kd / self.period);
        // Controller: numerator over 1 - z^-1 if there is an integral.
        let (numerator, denominator) = if ki == 0.0 {
            (vec![kp + slope, -slope], vec![1.0])
        } else {
            (vec![kp + integral + slope, -kp - 2.0 * slope, slope], vec![1.0, -1.0])
        };
        let mut polynomial = vec![0.0; self.dead + self.window + numerator.len()];
        polynomial.iter_mut().zip(&denominator).for_each(|(x, part)| *x += part);
        for j in 1..=self.window {
            for (i, part) in numerator.iter().enumerate() {
                polynomial[self.dead + j + i] += self.gain / self.window as f64 * part;
            }
        }
        while polynomial.last().is_some_and(|last| *last == 0.0) {
            polynomial.pop();
        }
        polynomial
    }
}

/// Whether all roots lie within the unit circle (Schur and Cohn; Jury, 1961): each reduction by one
/// degree must have a first coefficient larger than the last.
fn is_stable(mut polynomial: Vec<f64>) -> bool {
    while polynomial.len() > 1 {
        let ratio = polynomial[polynomial.len() - 1] / polynomial[0];
        if ratio.is_nan() || ratio.abs() >= 1.0 {
            return false;
        }
        let degree = polynomial.len() - 1;
        let first = polynomial[0] - ratio * polynomial[degree];
        polynomial =
            (0..degree).map(|i| (polynomial[i] - ratio * polynomial[degree - i]) / first).collect();
    }
    true
}
