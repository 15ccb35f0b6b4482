//! Repeated looks at the same data: how often chance crosses a bound at one of them.

use super::proportions::{normal_below, normal_quantile};
use crate::operations::checks::{at_least, inner};

/// The bounds of |z| at each look at data that grow by equal parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Looks {
    bounds: Vec<f64>,
}

/// How often equal versions give an alarm when one looks so often, each time at the level of one
/// look: Armitage, McPherson and Rowe (1969). With 5 % at each: .083 for 2 looks, .142 for 5, .193
/// for 10, .248 for 20, .320 for 50, .374 for 100.
///
/// # Panics
/// If there is no look, or the level is not above 0 and below 1.
#[track_caller]
pub fn repeated_significance(looks: usize, level: f64) -> f64 {
    Looks::at_each(looks, level).crossed(0.0)
}

/// Pocock's constant (1977): the bound of |z| that, the same at each look, is crossed with the
/// probability `level` in all of them together. At 5 %: 2.178 for 2 looks, 2.413 for 5, 2.555 for
/// 10.
///
/// # Panics
/// If there is no look, or the level is not above 0 and below 1.
#[track_caller]
pub fn pocock(looks: usize, level: f64) -> f64 {
    at_least("pocock", "looks", 1, looks);
    inner("pocock", "level", level);
    solve(level, |c| Looks { bounds: vec![c; looks] })
}

/// The constant c of O'Brien and Fleming (1979): bounds c sqrt(K / k) at look k of K, which are
/// hardly ever crossed early. At 5 %: 1.977 for 2 looks, 2.040 for 5, 2.087 for 10.
///
/// # Panics
/// If there is no look, or the level is not above 0 and below 1.
#[track_caller]
pub fn obrien_fleming(looks: usize, level: f64) -> f64 {
    at_least("obrien_fleming", "looks", 1, looks);
    inner("obrien_fleming", "level", level);
    solve(level, |c| Looks { bounds: falling(looks, c) })
}

fn falling(looks: usize, c: f64) -> Vec<f64> {
    (1..=looks).map(|k| c * (looks as f64 / k as f64).sqrt()).collect()
}

/// The constant with which the level is met, by bisection: the more, the less often.
fn solve(level: f64, of: impl Fn(f64) -> Looks) -> f64 {
    // At least as for one look, at most as if the looks were independent (Bonferroni).
    let low = normal_quantile(1.0 - level / 2.0);
    let looks = of(low).bounds.len() as f64;
    let (mut low, mut high) = (low - 1e-6, normal_quantile(1.0 - level / (2.0 * looks)) + 1e-6);
    while high - low > 1e-5 {
        let middle = (low + high) / 2.0;
        if of(middle).crossed(0.0) > level { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

impl Looks {
    /// So many looks, each with the bound of a single one: peeking.
    ///
    /// # Panics
    /// If there is none, or the level is not above 0 and below 1.
    #[track_caller]
    pub fn at_each(looks: usize, level: f64) -> Self {
        at_least("Looks::at_each", "looks", 1, looks);
        let bound = normal_quantile(1.0 - inner("Looks::at_each", "level", level) / 2.0);
        Self { bounds: vec![bound; looks] }
    }

    /// So many looks, with Pocock's bound at each.
    #[track_caller]
    pub fn pocock(looks: usize, level: f64) -> Self {
        Self { bounds: vec![pocock(looks, level); looks] }
    }

    /// So many looks, with the bounds of O'Brien and Fleming.
    #[track_caller]
    pub fn obrien_fleming(looks: usize, level: f64) -> Self {
        Self { bounds: falling(looks, obrien_fleming(looks, level)) }
    }

    /// A single look, after all parts of the data: the others have bounds that are never crossed.
    #[track_caller]
    pub fn at_the_end(looks: usize, level: f64) -> Self {
        at_least("Looks::at_the_end", "looks", 1, looks);
        let bound = normal_quantile(1.0 - inner("Looks::at_the_end", "level", level) / 2.0);
        let mut bounds = vec![f64::INFINITY; looks];
        bounds[looks - 1] = bound;
        Self { bounds }
    }

    /// The reader's own bounds of |z|, one for each look.
    ///
    /// # Panics
    /// If there is none, or one is not a positive number (infinity is allowed).
    #[track_caller]
    pub fn own(bounds: &[f64]) -> Self {
        at_least("Looks::own", "looks", 1, bounds.len());
        if let Some(bad) = bounds.iter().find(|bound| bound.is_nan() || **bound <= 0.0) {
            panic!(
                "Looks::own: each bound of |z| must be a number above 0, but one is {bad}; 1.96 is \
                 that of 5 % for a single look"
            );
        }
        Self { bounds: bounds.to_vec() }
    }

    /// The bounds of |z|.
    pub fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    /// The probability that a bound is crossed at one of the looks, if z has the mean
    /// `drift` sqrt(k) at look k: 0 for equal versions.
    pub fn crossed(&self, drift: f64) -> f64 {
        self.crossings(drift).iter().sum()
    }

    /// How many looks are taken on the mean, the last one counting whether it finds or not.
    pub fn expected(&self, drift: f64) -> f64 {
        let last = self.bounds.len() as f64;
        let found = self.crossings(drift);
        let stopped: f64 = found.iter().sum();
        let early = found.iter().enumerate().map(|(k, p)| (k + 1) as f64 * p);
        early.sum::<f64>() + (1.0 - stopped) * last
    }

    /// Of each look, the probability that a bound is crossed there for the first time: the
    /// recursion of Armitage, McPherson and Rowe. The sum of k normal steps has a density on what
    /// lies within the bounds; one more step is a convolution (by Simpson's rule).
    pub fn crossings(&self, drift: f64) -> Vec<f64> {
        const STEP: f64 = 0.2;
        let density =
            |x: f64| (-0.5 * (x - drift).powi(2)).exp() / (2.0 * std::f64::consts::PI).sqrt();
        // Points, their weights times the density; at first all of it is in 0.
        let mut points = vec![(0.0, 1.0)];
        let mut crossings = Vec::with_capacity(self.bounds.len());
        for (k, bound) in self.bounds.iter().enumerate() {
            crate::interrupt::tick();
            let looks = (k + 1) as f64;
            // A bound that is never crossed: as far as there is anything to speak of.
            let far = 8.0 * looks.sqrt();
            let edge = (bound * looks.sqrt()).min(far + drift.abs() * looks);
            let crossed = points.iter().map(|(at, mass)| {
                mass * (normal_below(-edge - at - drift) + normal_below(at + drift - edge))
            });
            crossings.push(if bound.is_finite() { crossed.sum() } else { 0.0 });
            if k + 1 == self.bounds.len() {
                break;
            }
            let halves = (edge / STEP).ceil() as usize;
            let step = edge / halves as f64;
            let last = 2 * halves;
            let next = (0..=last).map(|i| {
                let at = -edge + step * i as f64;
                let weight = match i {
                    0 => 1.0,
                    _ if i == last => 1.0,
                    _ if i % 2 == 1 => 4.0,
                    _ => 2.0,
                } * step
                    / 3.0;
                // A step beyond 9 deviations does not happen.
                let reach = at - drift;
                let here: f64 = points
                    .iter()
                    .filter(|(from, _)| (reach - from).abs() < 9.0)
                    .map(|(from, mass)| mass * density(at - from))
                    .sum();
                (at, weight * here)
            });
            points = next.collect();
        }
        crossings
    }
}
