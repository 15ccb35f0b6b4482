//! Values of a latency's law, fast: its quantile function as a table of cubics.

use super::latency::Latency;
use crate::sim::Stream;

/// Cells of equal probability.
const BITS: u32 = 10;
const CELLS: usize = 1 << BITS;
/// How far a cubic may lie beside the quantile, relative to it or to the width of the cell.
const ALLOWED: f64 = 1e-6;

/// Draws from a [`Latency`] by inversion. The first bits of a random number choose a cell of the
/// quantile function, the others a place in it, and the value there is that of a cubic. Where no
/// cubic comes within a millionth (far out in a tail, between the parts of a mixture, among
/// measured values) the quantile itself is asked: one or two cells in a hundred for the
/// published fits.
pub(super) struct Sampler {
    latency: Latency,
    cells: Box<[[f64; 4]; CELLS]>,
}

impl Sampler {
    pub fn new(latency: &Latency) -> Self {
        let mut cells = Box::new([[0.0; 4]; CELLS]);
        for (i, cell) in cells.iter_mut().enumerate() {
            *cell = cubic(|part| inverse(latency, (i as f64 + part) / CELLS as f64));
        }
        Self { latency: latency.clone(), cells }
    }

    #[inline(always)]
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        let bits = stream.bits();
        let value = at(&self.cells[(bits >> (64 - BITS)) as usize], one_to_two(bits << BITS));
        if value.is_nan() { self.by_quantile(bits) } else { value }
    }

    #[cold]
    #[inline(never)]
    fn by_quantile(&self, bits: u64) -> f64 {
        inverse(&self.latency, bits as f64 / 2.0_f64.powi(64))
    }
}

/// From 1 to below 2, by the bits of a float: no conversion of a whole number.
#[inline(always)]
fn one_to_two(bits: u64) -> f64 {
    f64::from_bits(1.0_f64.to_bits() | bits >> 12)
}

#[inline(always)]
fn at([a, b, c, d]: &[f64; 4], x: f64) -> f64 {
    ((d * x + c) * x + b) * x + a
}

/// The value at a number from 0 to 1, of which each part of the mixture has its share; within a
/// part small numbers mean large values, since floats are finest near 0.
fn inverse(latency: &Latency, mut number: f64) -> f64 {
    let parts = latency.parts();
    let mut chosen = &parts[parts.len() - 1];
    for part in parts {
        if number < part.0 {
            chosen = part;
            break;
        }
        number -= part.0;
    }
    let (weight, law) = chosen;
    law.quantile((1.0 - number / weight).clamp(0.0, 1.0 - f64::EPSILON / 2.0))
}

/// The cubic in 1 + z that is `value(z)` at four points of 0 <= z < 1, near Chebyshev's; not a
/// number if it is not near the value everywhere.
fn cubic(value: impl Fn(f64) -> f64) -> [f64; 4] {
    let points: [f64; 4] = [0.038, 0.309, 0.691, 0.962];
    // Newton's divided differences, then powers.
    let mut newton = points.map(&value);
    for order in 1..4 {
        for i in (order..4).rev() {
            newton[i] = (newton[i] - newton[i - 1]) / (points[i] - points[i - order]);
        }
    }
    let mut powers = [0.0; 4];
    for (point, difference) in points.iter().zip(newton).rev() {
        // Times what the last point was, plus the next difference.
        powers = [0, 1, 2, 3].map(|i| {
            let lower = if i > 0 { powers[i - 1] } else { difference };
            lower - (1.0 + point) * powers[i]
        });
    }
    let width = (value(0.0) - value(1.0 - f64::EPSILON)).abs();
    let near = |i: i32| {
        let z = f64::from(i) / 8.0 * (1.0 - f64::EPSILON);
        let truth = value(z);
        (at(&powers, 1.0 + z) - truth).abs() <= ALLOWED * truth.max(width)
    };
    if (0..=8).all(near) { powers } else { [f64::NAN; 4] }
}

#[cfg(test)]
mod tests {
    use super::super::Wars;
    use super::*;
    use crate::sim::Distribution;

    #[test]
    fn a_sample_is_the_quantile_at_its_random_bits() {
        let fits = [Wars::lnkd_ssd(), Wars::lnkd_disk(), Wars::ymmr()];
        let mut laws: Vec<Latency> = fits.map(|wars| wars.write).to_vec();
        laws.extend([
            Distribution::uniform(1.0, 3.0).into(),
            Distribution::deterministic(2.0).into(),
            Distribution::lognormal(1.0, 2.0).into(),
            Distribution::weibull(0.5, 1.0).into(),
            Distribution::erlang(3, 1.0).into(),
            Distribution::empirical(&[1.0, 2.0, 5.0]).into(),
        ]);
        for latency in laws {
            let sampler = Sampler::new(&latency);
            let (mut fast, mut plain) = (Stream::new(1, 0, "cells"), Stream::new(1, 0, "cells"));
            for _ in 0..20_000 {
                let value = sampler.sample(&mut fast);
                let truth = inverse(&latency, plain.bits() as f64 / 2.0_f64.powi(64));
                // The width of a cell near 0 is about a thousandth of the mean.
                let allowed = 2.0 * ALLOWED * truth.max(0.005 * latency.mean());
                assert!((value - truth).abs() <= allowed, "{value} for {truth} of {latency:?}");
            }
            let asked = sampler.cells.iter().filter(|cell| cell[0].is_nan()).count();
            assert!(asked < CELLS / 20, "{asked} cells without a cubic for {latency:?}");
        }
    }

    #[test]
    fn samples_follow_the_law() {
        for (seed, wars) in [Wars::lnkd_ssd(), Wars::lnkd_disk(), Wars::ymmr()].iter().enumerate() {
            let sampler = Sampler::new(&wars.write);
            let mut stream = Stream::new(seed as u64, 0, "law");
            let mut cells = [0u32; 50];
            for _ in 0..500_000 {
                let p = wars.write.at_most(sampler.sample(&mut stream));
                cells[((p * 50.0) as usize).min(49)] += 1;
            }
            let chi2: f64 =
                cells.iter().map(|&n| (f64::from(n) - 10_000.0).powi(2) / 10_000.0).sum();
            // 49 degrees of freedom: 1 in 10,000 lies beyond 92.
            assert!(chi2 < 92.0, "chi-squared {chi2}");
        }
    }
}
