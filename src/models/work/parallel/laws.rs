//! Laws of scaling: Amdahl (1967), Gustafson (1988), Gunther's universal law (1993).

use crate::number::{positive, short};
use crate::sim::Estimate;
use crate::sim::statistics::student_t;
use std::fmt;

/// The speed-up on `n` processors of a program of which a fraction is serial: 1 / (s + (1 - s) / n).
///
/// # Panics
/// If the fraction is not between 0 and 1, or `n` is less than 1.
#[track_caller]
pub fn amdahl(serial: f64, n: f64) -> f64 {
    let (serial, n) = checked("amdahl", serial, n);
    1.0 / (serial + (1.0 - serial) / n)
}

/// The speed-up when the work grows with the processors and the serial part does not, a fraction
/// of the time on n processors: n - s (n - 1).
///
/// # Panics
/// As [`amdahl`].
#[track_caller]
pub fn gustafson(serial: f64, n: f64) -> f64 {
    let (serial, n) = checked("gustafson", serial, n);
    if n == f64::INFINITY {
        return if serial < 1.0 { n } else { 1.0 };
    }
    n - serial * (n - 1.0)
}

#[track_caller]
fn checked(place: &str, serial: f64, n: f64) -> (f64, f64) {
    assert!(
        (0.0..=1.0).contains(&serial),
        "{place}: the serial fraction must be between 0 and 1, but it is {serial}"
    );
    assert!(n >= 1.0, "{place}: there must be at least 1 processor, but there are {n}");
    (serial, n)
}

/// The universal scalability law: X(N) = γ N / (1 + σ (N - 1) + κ N (N - 1)), where σ is
/// contention, κ coherence, and γ the throughput of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scalability<V = f64> {
    /// Throughput of one, per unit of time.
    pub gamma: V,
    /// What is serial, 0 to 1.
    pub sigma: V,
    /// What each pair costs.
    pub kappa: V,
}

impl Scalability {
    /// The law with these coefficients.
    ///
    /// # Panics
    /// If γ is not positive, or σ or κ negative.
    #[track_caller]
    pub fn new(gamma: f64, sigma: f64, kappa: f64) -> Self {
        positive("Scalability::new", "throughput of one, γ,", gamma);
        assert!(
            (0.0..=1.0).contains(&sigma) && kappa >= 0.0 && kappa.is_finite(),
            "Scalability::new: σ must be between 0 and 1 and κ at least 0, but they are {sigma} and \
             {kappa}"
        );
        Self { gamma, sigma, kappa }
    }

    /// The throughput of `n`, per unit of time.
    pub fn throughput(&self, n: f64) -> f64 {
        self.gamma * n / (1.0 + self.sigma * (n - 1.0) + self.kappa * n * (n - 1.0))
    }

    /// How many times the throughput of one.
    pub fn speedup(&self, n: f64) -> f64 {
        self.throughput(n) / self.gamma
    }

    /// Where the throughput is greatest, √((1 - σ) / κ); infinite where κ is not above 0, so that
    /// it grows without end, and 0 where σ is 1 or more, so that it never grows. What was fitted
    /// may have such coefficients.
    pub fn peak(&self) -> f64 {
        if self.sigma >= 1.0 {
            return 0.0;
        }
        if self.kappa > 0.0 { ((1.0 - self.sigma) / self.kappa).sqrt() } else { f64::INFINITY }
    }

    /// The coefficients that fit measured throughputs `(n, throughput)` best, each with its 95 %
    /// interval: by least squares of the logarithms (Gauss and Newton), since a measurement of a
    /// large throughput errs by more than one of a small one, but not by a larger part of it.
    ///
    /// # Panics
    /// With fewer than 4 measurements, with ones that are no positive numbers, or where all are
    /// of the same `n`.
    #[track_caller]
    pub fn fit(measured: &[(f64, f64)]) -> Scalability<Estimate> {
        const PLACE: &str = "Scalability::fit";
        assert!(
            measured.len() >= 4,
            "{PLACE}: three coefficients and their intervals need at least 4 measurements, but \
             there are {}",
            measured.len()
        );
        for (n, throughput) in measured {
            positive(PLACE, "number of processors of each measurement", *n);
            positive(PLACE, "throughput of each measurement", *throughput);
        }
        // N / X is linear: (1 + σ (N - 1) + κ N (N - 1)) / γ. From there on by the relative errors of X.
        let rows = measured.iter().map(|(n, x)| ([1.0, n - 1.0, n * (n - 1.0)], n / x));
        let weighted = rows.map(|(row, y)| (row.map(|v| v / y), 1.0));
        let Some((start, _)) = least_squares(&weighted.collect::<Vec<_>>()) else {
            panic!(
                "{PLACE}: the measurements must be of at least 3 different numbers of processors"
            );
        };
        // A law that is positive wherever something was measured, so that it has a logarithm.
        let is_law = |at: [f64; 3]| {
            let below = |n: f64| 1.0 + at[1] * (n - 1.0) + at[2] * n * (n - 1.0);
            at[0] > 0.0 && measured.iter().all(|(n, _)| below(*n) > 0.0)
        };
        let mut at = [1.0 / start[0], start[1] / start[0], start[2] / start[0]];
        if !is_law(at) {
            at = [measured[0].1 / measured[0].0, 0.0, 0.0];
        }
        let law = |at: [f64; 3]| Scalability { gamma: at[0], sigma: at[1], kappa: at[2] };
        let mut spread = [[0.0; 3]; 3];
        for _ in 0..50 {
            let rows: Vec<([f64; 3], f64)> = measured
                .iter()
                .map(|(n, x)| {
                    let model = law(at).throughput(*n);
                    let below = at[0] * n / model;
                    let slope = -1.0 / below;
                    ([1.0 / at[0], slope * (n - 1.0), slope * n * (n - 1.0)], (x / model).ln())
                })
                .collect();
            let Some((step, inverse)) = least_squares(&rows) else { break };
            spread = inverse;
            let moved = |part: f64| [0, 1, 2].map(|i| at[i] + part * step[i]);
            let parts = (0..40).map(|halved| 0.5f64.powi(halved));
            let Some(part) = parts.into_iter().find(|part| is_law(moved(*part))) else { break };
            at = moved(part);
            if step.iter().zip(at).all(|(step, at)| step.abs() <= 1e-12 * at.abs().max(1e-9)) {
                break;
            }
        }
        let errors = measured.iter().map(|(n, x)| (x / law(at).throughput(*n)).ln().powi(2));
        let freedom = measured.len() - 3;
        let variance = errors.sum::<f64>() / freedom as f64;
        let of = |i: usize| Estimate {
            mean: at[i],
            half_width: student_t(freedom) * (variance * spread[i][i]).max(0.0).sqrt(),
            n: measured.len(),
        };
        Scalability { gamma: of(0), sigma: of(1), kappa: of(2) }
    }
}

impl Scalability<Estimate> {
    /// The law with the coefficients that fit best.
    pub fn law(&self) -> Scalability {
        let [gamma, sigma, kappa] = [self.gamma, self.sigma, self.kappa].map(|each| each.mean);
        Scalability { gamma, sigma, kappa }
    }
}

impl fmt::Display for Scalability<Estimate> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "γ = {}, σ = {}, κ = {}", self.gamma, self.sigma, self.kappa)
    }
}

impl fmt::Display for Scalability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [gamma, sigma, kappa] = [self.gamma, self.sigma, self.kappa].map(|x| short(x, 4));
        write!(f, "γ = {gamma}, σ = {sigma}, κ = {kappa}")
    }
}

/// The x with the least |A x - b|², and (AᵀA)⁻¹; nothing if A has not three columns' worth.
fn least_squares(rows: &[([f64; 3], f64)]) -> Option<([f64; 3], [[f64; 3]; 3])> {
    let mut square = [[0.0; 3]; 3];
    let mut right = [0.0; 3];
    for (row, b) in rows {
        for i in 0..3 {
            right[i] += row[i] * b;
            for j in 0..3 {
                square[i][j] += row[i] * row[j];
            }
        }
    }
    // Scaled to ones on the diagonal: the columns differ by orders of magnitude.
    let scale = [0, 1, 2].map(|i| square[i][i].sqrt());
    if scale.contains(&0.0) {
        return None;
    }
    let a = [0, 1, 2].map(|i| [0, 1, 2].map(|j| square[i][j] / (scale[i] * scale[j])));
    let minor = |i: usize, j: usize| {
        let (r, c) = ([(i + 1) % 3, (i + 2) % 3], [(j + 1) % 3, (j + 2) % 3]);
        a[r[0]][c[0]] * a[r[1]][c[1]] - a[r[0]][c[1]] * a[r[1]][c[0]]
    };
    let determinant: f64 = (0..3).map(|j| a[0][j] * minor(0, j)).sum();
    if determinant.abs() < 1e-13 {
        return None;
    }
    let inverse =
        [0, 1, 2].map(|i| [0, 1, 2].map(|j| minor(j, i) / determinant / (scale[i] * scale[j])));
    let x = [0, 1, 2].map(|i| (0..3).map(|j| inverse[i][j] * right[j]).sum());
    Some((x, inverse))
}
