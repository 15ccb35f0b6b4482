//! Phase-type distributions: the time until a Markov chain ends (Neuts, 1981).

use super::{Stream, linear};
use crate::number::positive;

/// The chain.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Phases {
    begin: Vec<f64>,
    leave: Vec<f64>,
    go: Vec<Vec<f64>>,
}

const PLACE: &str = "Distribution::phase_type";

impl Phases {
    #[track_caller]
    pub(super) fn new(begin: &[f64], leave: &[f64], go: &[&[f64]]) -> Self {
        let n = begin.len();
        assert!(
            n >= 1 && leave.len() == n && go.len() == n && go.iter().all(|row| row.len() == n),
            "{PLACE}: with {n} phases there must be {n} probabilities to begin, {n} rates, and {n} \
             rows of {n} probabilities to go on"
        );
        let sums_to = |row: &[f64]| {
            let is_probability = |p: &f64| (0.0..=1.0).contains(p);
            row.iter().all(is_probability).then(|| row.iter().sum::<f64>())
        };
        let near_one = |sum: f64| (sum - 1.0).abs() < 1e-9;
        assert!(
            sums_to(begin).is_some_and(near_one),
            "{PLACE}: the probabilities to begin must be between 0 and 1 and sum to 1, but they \
             are {begin:?}"
        );
        for rate in leave {
            positive(PLACE, "rate of each phase", *rate);
        }
        for row in go {
            assert!(
                sums_to(row).is_some_and(|sum| sum <= 1.0 + 1e-9),
                "{PLACE}: the probabilities to go on must be between 0 and 1 and sum to at most 1 \
                 in each row, but one row is {row:?}"
            );
        }
        let phases = Self {
            begin: begin.to_vec(),
            leave: leave.to_vec(),
            go: go.iter().map(|row| row.to_vec()).collect(),
        };
        assert!(
            phases.moment(1).is_finite() && phases.moment(1) >= 0.0,
            "{PLACE}: the chain must come to an end from every phase; give some row \
             probabilities that sum to less than 1"
        );
        phases
    }

    /// n! begin (-T)^-n 1, T being the chain's generator.
    pub(super) fn moment(&self, n: u32) -> f64 {
        let mut times = vec![1.0; self.begin.len()];
        for k in 1..=n {
            // (-T) x = times: x_i leave_i - sum_j leave_i go_ij x_j.
            times = self.solve(0.0, &times).iter().map(|x| f64::from(k) * x).collect();
        }
        dot(&self.begin, &times)
    }

    /// begin (s - T)^-1 (-T 1).
    pub(super) fn transform(&self, s: f64) -> f64 {
        let ends: Vec<f64> = (0..self.begin.len()).map(|i| self.leave[i] * self.ends(i)).collect();
        dot(&self.begin, &self.solve(s, &ends))
    }

    /// By uniformisation (Jensen, 1953): the chain at a Poisson number of steps.
    pub(super) fn at_most(&self, x: f64) -> f64 {
        let fastest = self.leave.iter().copied().fold(0.0, f64::max);
        let steps = fastest * x;
        let (mut there, mut left, mut log_weight, mut seen) =
            (self.begin.clone(), 0.0, -steps, 0.0);
        let mut k = 0.0;
        // Until the Poisson weights are used up.
        while seen < 1.0 - 1e-14 && k < steps + 40.0 * steps.sqrt() + 60.0 {
            let weight = f64::exp(log_weight);
            seen += weight;
            left += weight * there.iter().sum::<f64>();
            let mut next = vec![0.0; there.len()];
            for (i, here) in there.iter().enumerate() {
                let moves = self.leave[i] / fastest;
                next[i] += here * (1.0 - moves);
                for (to, p) in next.iter_mut().zip(&self.go[i]) {
                    *to += here * moves * p;
                }
            }
            there = next;
            k += 1.0;
            log_weight += (steps / k).ln();
        }
        (1.0 - left).clamp(0.0, 1.0)
    }

    pub(super) fn sample(&self, stream: &mut Stream) -> f64 {
        let mut time = 0.0;
        let mut phase = pick(&self.begin, stream);
        while let Some(here) = phase {
            time += stream.exponential() / self.leave[here];
            phase = pick(&self.go[here], stream);
        }
        time
    }

    fn ends(&self, phase: usize) -> f64 {
        (1.0 - self.go[phase].iter().sum::<f64>()).max(0.0)
    }

    /// x with (s - T) x = right; infinite where the chain never ends.
    fn solve(&self, s: f64, right: &[f64]) -> Vec<f64> {
        let row = |i: usize| {
            let mut row: Vec<f64> = self.go[i].iter().map(|p| -self.leave[i] * p).collect();
            row[i] += s + self.leave[i];
            row.push(right[i]);
            row
        };
        let rows = (0..right.len()).map(row).collect();
        linear::solve(rows).unwrap_or_else(|| vec![f64::INFINITY; right.len()])
    }
}

/// One of these by its probability; none with what they lack to 1.
fn pick(probabilities: &[f64], stream: &mut Stream) -> Option<usize> {
    let mut left = stream.uniform();
    probabilities.iter().position(|p| {
        left -= p;
        left < 0.0
    })
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
