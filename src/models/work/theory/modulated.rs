//! Poisson arrivals at a rate that changes, before exponential servers: MMPP/M/c, whose states are
//! a number of customers and a state of the arrivals. From c customers on each step up is like
//! the last, so that the probabilities fall by a matrix R (Neuts, Matrix-Geometric Solutions,
//! 1981).

use super::{Theory, TheoryError, stable};
use crate::sim::linear::{Matrix, solve};
use crate::work::queue::Queue;

const SINGULAR: TheoryError =
    TheoryError::Unknown("arrivals whose rates are so far apart that rounding decides");

/// The steady state, in any order that does not look at the customers.
pub(super) fn of(
    queue: &Queue,
    states: &[(f64, f64)],
    service: f64,
) -> Result<Theory, TheoryError> {
    stable(queue)?;
    let (size, servers) = (states.len(), queue.servers());
    let turn = Matrix::by(size, |i, j| {
        let enters = f64::from(u8::from((i + 1) % size == j));
        let leaves = f64::from(u8::from(i == j));
        (enters - leaves) / states[i].1
    });
    let comes = Matrix::by(size, |i, j| if i == j { states[i].0 } else { 0.0 });
    let one = Matrix::by(size, |i, j| f64::from(u8::from(i == j)));
    let goes = |n: usize| n.min(servers) as f64 * service;
    // What happens among the states with n customers.
    let among = |n: usize| turn.plus(&comes, -1.0).plus(&one, -goes(n));
    let last = rates_of_fall(&comes, &among(servers), goes(servers), &one)?;
    // Below c customers each level has a matrix of its own, from the top down.
    let mut falls = vec![last.clone()];
    for n in (0..servers - 1).rev() {
        let above = &falls[falls.len() - 1];
        let here = among(n + 1).plus(above, goes(n + 2));
        falls.push(comes.times(&here.inverse().ok_or(SINGULAR)?.scaled(-1.0)));
    }
    falls.reverse();
    // The empty system: what flows out of its states flows in.
    let flow = turn.plus(&comes, -1.0).plus(&falls[0], goes(1));
    let mut rows: Vec<Vec<f64>> =
        (0..size).map(|j| (0..size).map(|i| flow.at(i, j)).chain([0.0]).collect()).collect();
    rows[size - 1] = vec![1.0; size + 1];
    let mut level = solve(rows).ok_or(SINGULAR)?;
    let mut total: f64 = level.iter().sum();
    for fall in &falls[..servers - 1] {
        level = fall.applied_to(&level);
        total += level.iter().sum::<f64>();
    }
    let full = last.applied_to(&level);
    let beyond = one.plus(&last, -1.0).inverse().ok_or(SINGULAR)?;
    let busy = beyond.applied_to(&full);
    let waiting = beyond.applied_to(&last.applied_to(&busy));
    total += busy.iter().sum::<f64>();
    let queue_length = waiting.iter().sum::<f64>() / total;
    let arrivals = queue.arrival_rate();
    let meet: f64 = busy.iter().zip(states).map(|(p, (rate, _))| p * rate).sum();
    let waits = meet / total / arrivals;
    Ok(Theory::from_wait(queue, queue_length / arrivals, Some(waits), "Neuts, 1981"))
}

/// R, by logarithmic reduction (Latouche and Ramaswami, 1993): each step looks twice as far.
fn rates_of_fall(
    comes: &Matrix,
    among: &Matrix,
    goes: f64,
    one: &Matrix,
) -> Result<Matrix, TheoryError> {
    let out = among.inverse().ok_or(SINGULAR)?.scaled(-1.0);
    let (mut up, mut down) = (out.times(comes), out.scaled(goes));
    let (mut first_down, mut reached) = (down.clone(), up.clone());
    for _ in 0..64 {
        let both = up.times(&down).plus(&down.times(&up), 1.0);
        let stays = one.plus(&both, -1.0).inverse().ok_or(SINGULAR)?;
        (up, down) = (stays.times(&up.times(&up)), stays.times(&down.times(&down)));
        let more = reached.times(&down);
        first_down = first_down.plus(&more, 1.0);
        reached = reached.times(&up);
        if more.largest() < 1e-16 {
            break;
        }
    }
    let here = among.plus(&comes.times(&first_down), 1.0);
    Ok(comes.times(&here.inverse().ok_or(SINGULAR)?.scaled(-1.0)))
}

#[cfg(test)]
mod tests {
    use crate::sim::Distribution;
    use crate::work::{Arrivals, Queue};

    #[test]
    fn states_that_do_not_differ_are_no_states() {
        for (servers, load) in [(1, 0.5), (4, 0.9), (30, 0.99)] {
            let rate = load * servers as f64;
            let plain = Queue::mmc(rate, 1.0, servers).theory().unwrap();
            for states in [vec![(rate, 1.0)], vec![(rate, 2.0), (rate, 0.1), (rate, 7.0)]] {
                let arrivals = Arrivals::modulated(&states);
                let queue = Queue::new(arrivals, Distribution::exponential(1.0), servers);
                let theory = queue.theory().unwrap();
                let gap = (theory.wait / plain.wait - 1.0).abs();
                assert!(gap < 1e-9, "{servers} {load}: {} and {}", theory.wait, plain.wait);
                let waits = [theory, plain].map(|each| each.probability_of_waiting().unwrap());
                assert!((waits[0] - waits[1]).abs() < 1e-9);
            }
        }
    }
}
