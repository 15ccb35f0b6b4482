//! Run lengths without simulation: by an integral equation (Page, 1954; Crowder, 1987), and by a
//! Markov chain (Brook and Evans, 1972), for independent normal values.

use super::chart::{ControlChart, Kind};
use crate::sim::linear::solve;
use statrs::distribution::{Continuous, ContinuousCDF, Normal};

impl ControlChart {
    /// The mean number of values until the alarm (average run length), if they are independent
    /// and normal with standard deviation 1 and are `shift` standard deviations off from the first
    /// one on: with 0, the mean time between false alarms. By Gauss's quadrature of the integral
    /// equation that it solves. Nothing, for charts that learn from a window and for a reader's
    /// own: these are simulated.
    ///
    /// # Panics
    /// If the shift is not a finite number.
    #[track_caller]
    pub fn run_length(&self, shift: f64) -> Option<f64> {
        finite("ControlChart::run_length", shift);
        let normal = Normal::standard();
        match *self.kind() {
            Kind::Shewhart { limit } => {
                Some(1.0 / (normal.cdf(-limit - shift) + normal.cdf(shift - limit)))
            }
            Kind::Ewma { weight: 1.0, limit } => Self::shewhart(limit).run_length(shift),
            Kind::Ewma { weight, limit } => {
                let limit = limit * (weight / (2.0 - weight)).sqrt();
                let nodes = gauss(NODES, -limit, limit);
                let goes = |from: f64, to: f64| {
                    normal.pdf((to - (1.0 - weight) * from) / weight - shift) / weight
                };
                by_integral(&nodes, goes, None)
            }
            Kind::Cusum { slack, limit } => {
                let one_sided = |shift: f64| {
                    let nodes = gauss(NODES, 0.0, limit);
                    let goes = |from: f64, to: f64| normal.pdf(to - from + slack - shift);
                    let rests = |from: f64| normal.cdf(slack - from - shift);
                    by_integral(&nodes, goes, Some(&rests))
                };
                two_sided(one_sided(shift), one_sided(-shift))
            }
            Kind::Robust { .. } | Kind::Moving { .. } | Kind::Own { .. } => None,
        }
    }

    /// The same by a Markov chain: what is between the limits is cut into so many states, and the
    /// run length is the time until the chain leaves them. It comes near to
    /// [`ControlChart::run_length`] as there are more of them; 51 do.
    ///
    /// # Panics
    /// If the shift is not finite, or there are not from 3 to 401 states.
    #[track_caller]
    pub fn run_length_by_chain(&self, shift: f64, states: usize) -> Option<f64> {
        const PLACE: &str = "ControlChart::run_length_by_chain";
        finite(PLACE, shift);
        assert!(
            (3..=401).contains(&states),
            "{PLACE}: there must be from 3 to 401 states, but there are {states}"
        );
        let normal = Normal::standard();
        // An odd number has one in the middle, where the average begins.
        let states = states | 1;
        match *self.kind() {
            Kind::Ewma { weight, limit } => {
                let limit = limit * (weight / (2.0 - weight)).sqrt();
                let width = 2.0 * limit / states as f64;
                let middle = |i: usize| -limit + (i as f64 + 0.5) * width;
                let goes = |i: usize, j: usize| {
                    let edge =
                        |to: f64| normal.cdf((to - (1.0 - weight) * middle(i)) / weight - shift);
                    edge(middle(j) + width / 2.0) - edge(middle(j) - width / 2.0)
                };
                by_chain(states, states / 2, goes)
            }
            Kind::Cusum { slack, limit } => {
                // States at 0, w, 2w and so on; the last one ends at the limit.
                let width = 2.0 * limit / (2 * states - 1) as f64;
                let one_sided = |shift: f64| {
                    let goes = |i: usize, j: usize| {
                        let edge = |to: f64| normal.cdf((to - i as f64) * width + slack - shift);
                        let below = if j == 0 { 0.0 } else { edge(j as f64 - 0.5) };
                        edge(j as f64 + 0.5) - below
                    };
                    by_chain(states, 0, goes)
                };
                two_sided(one_sided(shift), one_sided(-shift))
            }
            Kind::Shewhart { .. } => self.run_length(shift),
            Kind::Robust { .. } | Kind::Moving { .. } | Kind::Own { .. } => None,
        }
    }
}

#[track_caller]
fn finite(place: &str, shift: f64) {
    assert!(
        shift.is_finite(),
        "{place}: the shift must be a finite number of standard deviations, but it is {shift}"
    );
}

/// Both sides together: alarms of either come at the sum of their rates (Van Dobben de Bruyn,
/// 1968), since the two sums cannot both be above 0 when one alarms. The side from which the
/// values have moved away may be so quiet that its equations cannot be told from singular ones:
/// its rate is 0 then.
fn two_sided(up: Option<f64>, down: Option<f64>) -> Option<f64> {
    let rate = |length: Option<f64>| length.filter(|length| *length >= 1.0).map_or(0.0, f64::recip);
    let both = rate(up) + rate(down);
    (both > 0.0).then(|| both.recip())
}

/// Points of the quadrature.
const NODES: usize = 60;

/// The run length from 0 on: L(u) = 1 + ∫ L(x) goes(u, x) dx, and for a sum that rests at 0 also
/// L(0) rests(u).
fn by_integral(
    nodes: &[(f64, f64)],
    goes: impl Fn(f64, f64) -> f64,
    rests: Option<&dyn Fn(f64) -> f64>,
) -> Option<f64> {
    // Unknown are L at the nodes, and at 0 as the last one.
    let at = |i: usize| nodes.get(i).map_or(0.0, |node| node.0);
    let n = nodes.len();
    let row = |i: usize| -> Vec<f64> {
        let own = |j: usize| f64::from(u8::from(i == j));
        let mut row: Vec<f64> =
            (0..n).map(|j| own(j) - nodes[j].1 * goes(at(i), nodes[j].0)).collect();
        row.push(own(n) - rests.map_or(0.0, |rests| rests(at(i))));
        row.push(1.0);
        row
    };
    solve((0..=n).map(row).collect())?.last().copied()
}

/// The time until a chain leaves its states.
fn by_chain(states: usize, start: usize, goes: impl Fn(usize, usize) -> f64) -> Option<f64> {
    let row = |i: usize| -> Vec<f64> {
        let own = |j: usize| f64::from(u8::from(i == j));
        (0..states).map(|j| own(j) - goes(i, j)).chain([1.0]).collect()
    };
    Some(solve((0..states).map(row).collect())?[start])
}

/// Points and weights of Gauss and Legendre between two ends, by Newton's method.
fn gauss(count: usize, low: f64, high: f64) -> Vec<(f64, f64)> {
    let (middle, half) = ((low + high) / 2.0, (high - low) / 2.0);
    let node = |i: usize| {
        let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (count as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..20 {
            let (mut before, mut value) = (1.0, x);
            for k in 2..=count {
                let k = k as f64;
                (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
            }
            slope = count as f64 * (x * value - before) / (x * x - 1.0);
            x -= value / slope;
        }
        (middle + half * x, 2.0 * half / ((1.0 - x * x) * slope * slope))
    };
    (0..count).map(node).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quadrature_is_exact_for_polynomials() {
        let sum = |power: i32| gauss(5, 0.0, 2.0).iter().map(|(x, w)| w * x.powi(power)).sum();
        for power in 0..10 {
            let (exact, sum): (f64, f64) =
                (2f64.powi(power + 1) / f64::from(power + 1), sum(power));
            assert!((sum / exact - 1.0).abs() < 1e-12, "{power}: {sum} and {exact}");
        }
    }
}
