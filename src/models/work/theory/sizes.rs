//! Disciplines that look at the size of a job, before one server with Poisson arrivals.

use super::TheoryError;
use super::general::gauss;
use crate::sim::Distribution;
use crate::work::discipline::Discipline;

/// Steps in the logarithm of the tail, and how far down it goes: e^-36 = 2e-16.
const STEPS: usize = 4096;
const DEPTH: f64 = 36.0;

/// The mean time that a customer does not spend being served, under SJF (Phipps, 1956) or SRPT
/// (Schrage and Miller, 1966).
///
/// Both are integrals over the size x of a job. With G(x) = P(S > x), the load of jobs up to x
/// is λ (∫ G - x G(x)), and λ ∫ 2 t G(t) dt up to x is λ times the second moment of min(S, x).
pub(super) fn wait(
    discipline: &Discipline,
    arrivals: f64,
    service: &Distribution,
) -> Result<f64, TheoryError> {
    let second = service.moment(2);
    if matches!(discipline, Discipline::Sjf) && second.is_infinite() {
        return Err(TheoryError::Infinite { what: "second moment of the service time" });
    }
    if service.is_deterministic() {
        // Nobody is shorter: first come, first served.
        return Ok(arrivals * second / (2.0 * (1.0 - arrivals * service.mean())));
    }
    if let Some(values) = service.measured() {
        return Ok(of_measured(discipline, arrivals, values));
    }
    let tail = |x: f64| 1.0 - service.at_most(x);
    // Sizes at which the tail is e^-y, for y from 0 on in equal steps.
    let size =
        |y: f64| if y == 0.0 { service.quantile(0.0) } else { service.quantile(-(-y).exp_m1()) };
    let (mut at, mut first, mut moment, mut slowed) = (0.0, 0.0, 0.0, 0.0);
    let mut before = 0.0;
    let mut mean = 0.0;
    let mut mass = 1.0;
    for step in 0..=STEPS {
        let y = DEPTH * step as f64 / STEPS as f64;
        let x = size(y);
        if !x.is_finite() {
            break;
        }
        let here = |first: f64, x: f64| arrivals * (first - x * tail(x));
        // Up to here, from where it was before.
        let begun = first;
        first += gauss(at, x, &tail);
        moment += gauss(at, x, &|t| 2.0 * t * tail(t));
        slowed += gauss(at, x, &|t| 1.0 / (1.0 - here(begun + gauss(at, t, &tail), t)));
        let load = here(first, x);
        let wait = match discipline {
            Discipline::Sjf => arrivals * second / (2.0 * (1.0 - load).powi(2)),
            _ => arrivals * moment / (2.0 * (1.0 - load).powi(2)) + slowed - x,
        };
        let left = (-y).exp();
        // The trapezoidal rule over the distribution of sizes.
        if step > 0 {
            mean += (mass - left) * (before + wait) / 2.0;
        }
        (at, before, mass) = (x, wait, left);
    }
    Ok(mean + mass * before)
}

/// The same for sizes that were measured: a sum over the values there are. Of equal ones the first
/// that came is first, so that a job of size x has to make way for smaller ones alone, and finds
/// those of its own size before it, as in Cobham's (1954) classes.
fn of_measured(discipline: &Discipline, arrivals: f64, values: &[f64]) -> f64 {
    let each = arrivals / values.len() as f64;
    let second: f64 = each * values.iter().map(|x| x * x).sum::<f64>();
    let (mut sum, mut before, mut smaller, mut slowed, mut at) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (first, group) in values.chunk_by(|a, b| a == b).scan(0, |begin, group| {
        let first = *begin;
        *begin += group.len();
        Some((first, group))
    }) {
        let (x, count) = (group[0], group.len() as f64);
        let load = before + each * count * x;
        let stretch = 2.0 * (1.0 - before) * (1.0 - load);
        // While the job has more left than all smaller ones, those go first.
        slowed += (x - at) / (1.0 - before);
        let wait = match discipline {
            Discipline::Sjf => second / stretch,
            _ => {
                smaller += each * group.iter().map(|x| x * x).sum::<f64>();
                let longer = (values.len() - first - group.len()) as f64;
                (smaller + each * longer * x * x) / stretch + slowed - x
            }
        };
        sum += count * wait;
        (before, at) = (load, x);
    }
    sum / values.len() as f64
}
