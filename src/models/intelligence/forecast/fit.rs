//! Smoothing constants and first states that make the squared errors least.

use super::Season;
use super::simplex::least;
use super::smooth::{Smooth, Smoothing};
use crate::sim::linear::solve;

/// The states after a history, and the errors one step ahead from which its noise is read.
pub(super) fn fit(
    history: &[f64],
    trend: bool,
    season: Season,
    fixed: Option<Smoothing>,
) -> (Smooth, Vec<f64>) {
    let (first, seasons) = begin(history, trend, season);
    let start = |by: Smoothing| {
        let first = match season {
            Season::None => first_states(history, by, trend).unwrap_or(first),
            _ => first,
        };
        Smooth::new(by, first, seasons.clone(), season, trend)
    };
    let cost = |by: Smoothing| {
        crate::interrupt::tick();
        let mut smooth = start(by);
        let sum: f64 = history.iter().map(|value| smooth.observe(*value).powi(2)).sum();
        if sum.is_finite() { sum } else { f64::MAX }
    };
    let by = fixed.unwrap_or_else(|| constants(trend, season, cost));
    let mut smooth = start(by);
    let errors: Vec<f64> = history.iter().map(|value| smooth.observe(*value)).collect();
    // The first season was made to fit: its errors say nothing.
    let known = match season {
        Season::None => 0,
        _ => season.period(),
    };
    (smooth, errors[known..].to_vec())
}

/// The best of a grid, and from there by a simplex.
fn constants(trend: bool, season: Season, cost: impl Fn(Smoothing) -> f64) -> Smoothing {
    const ALPHAS: [f64; 5] = [0.02, 0.1, 0.3, 0.6, 0.9];
    let betas: &[f64] = if trend { &[0.001, 0.05, 0.3] } else { &[0.0] };
    let gammas: &[f64] = if season == Season::None { &[0.0] } else { &[0.01, 0.1, 0.4] };
    let mut best = (f64::INFINITY, Smoothing { alpha: 0.5, beta: 0.0, gamma: 0.0 });
    for alpha in ALPHAS {
        for beta in betas {
            for gamma in gammas.iter().filter(|gamma| **gamma <= 1.0 - alpha) {
                let by = Smoothing { alpha, beta: *beta, gamma: *gamma };
                let sum = cost(by);
                if sum < best.0 {
                    best = (sum, by);
                }
            }
        }
    }
    let by = best.1;
    let mut start = vec![by.alpha];
    start.extend(trend.then_some(by.beta));
    start.extend((season != Season::None).then_some(by.gamma));
    let read = |point: &[f64]| {
        let clamped = |value: f64| value.clamp(1e-4, 0.9999);
        let alpha = clamped(point[0]);
        let beta = if trend { clamped(point[1]) } else { 0.0 };
        let gamma = if season == Season::None { 0.0 } else { clamped(point[point.len() - 1]) };
        // Above this an error would be taken up more than once.
        Smoothing { alpha, beta, gamma: gamma.min(1.0 - alpha) }
    };
    read(&least(&start, 0.08, 150, |point| cost(read(point))))
}

/// Without seasons, errors are linear in the first level and trend: those that make the squares
/// least solve two equations.
fn first_states(history: &[f64], by: Smoothing, trend: bool) -> Option<(f64, f64)> {
    let errors = |first: (f64, f64), of: &dyn Fn(usize) -> f64| -> Vec<f64> {
        let mut smooth = Smooth::new(by, first, vec![], Season::None, trend);
        (0..history.len()).map(|t| smooth.observe(of(t))).collect()
    };
    let base = errors((0.0, 0.0), &|t| history[t]);
    let mut slopes = vec![errors((1.0, 0.0), &|_| 0.0)];
    if trend {
        slopes.push(errors((0.0, 1.0), &|_| 0.0));
    }
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let row = |a: &Vec<f64>| {
        let row: Vec<f64> = slopes.iter().map(|b| dot(a, b)).collect();
        row.into_iter().chain([-dot(a, &base)]).collect()
    };
    let solved = solve(slopes.iter().map(row).collect())?;
    let first = (solved[0], solved.get(1).copied().unwrap_or(0.0));
    (first.0.is_finite() && first.1.is_finite()).then_some(first)
}

/// First level, trend and seasons: exact for a line with seasons and without noise.
fn begin(history: &[f64], trend: bool, season: Season) -> ((f64, f64), Vec<f64>) {
    let m = season.period();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    if season == Season::None {
        let slope = if trend { history[1] - history[0] } else { 0.0 };
        return ((history[0] - slope, slope), vec![]);
    }
    let (one, two) = (mean(&history[..m]), mean(&history[m..2 * m]));
    let slope = (two - one) / m as f64;
    match season {
        Season::Multiplied(_) => {
            // The line that makes the first season's factors average 1, found by repetition.
            let mut level = one - slope * (m + 1) as f64 / 2.0;
            let line = |level: f64, t: usize| (level + slope * t as f64).max(one * 1e-3);
            let mut seasons = vec![1.0; m];
            for _ in 0..100 {
                seasons = (1..=m).map(|t| history[t - 1] / line(level, t)).collect();
                let sum: f64 = (1..=m).map(|t| t as f64 * seasons[t - 1]).sum();
                let factor = mean(&seasons);
                level = one - slope * sum / (factor * m as f64);
            }
            ((level, slope), seasons)
        }
        _ => {
            let level = one - slope * (m + 1) as f64 / 2.0;
            let season = |t: usize| history[t - 1] - (level + slope * t as f64);
            ((level, slope), (1..=m).map(season).collect())
        }
    }
}
