//! Queues of customers without memory who may be lost, balk or lose patience: birth and death
//! (Palm, 1957, for patience: Erlang A).

use super::{Theory, TheoryError, stable};
use crate::work::discipline::Discipline;
use crate::work::queue::Queue;

/// States whose probability is less than this part of the largest are left out.
const NEGLIGIBLE: f64 = 1e-17;

pub(super) fn of(queue: &Queue) -> Result<Theory, TheoryError> {
    let unknown = TheoryError::Unknown("limited room or patience with this service or order");
    let (Some((arrivals, service)), true) = (queue.rate(), queue.classes.is_empty()) else {
        return Err(unknown);
    };
    // Whatever order they are served in, their number is the same; their waits are not.
    if !matches!(queue.discipline, Discipline::Fifo) {
        return Err(unknown);
    }
    let impatience = match &queue.patience {
        None => 0.0,
        Some(patience) => patience.rate_if_exponential().ok_or(unknown)?,
    };
    if queue.room.is_none() && impatience == 0.0 {
        // Balking may hold it back or not; with the load below c it surely is.
        stable(queue)?;
    }
    let servers = queue.servers();
    let room = queue.room.unwrap_or(usize::MAX);
    let balks = |n: usize| queue.balking.as_ref().map_or(0.0, |probability| probability(n));
    let waiting = |n: usize| n.saturating_sub(servers) as f64;
    // Probabilities by their ratios, the largest so far being 1: nothing overflows.
    let mut weights = vec![1.0f64];
    let mut largest = 1.0f64;
    while weights.len() <= room {
        let n = weights.len();
        let comes = arrivals * (1.0 - balks(n - 1));
        let goes = n.min(servers) as f64 * service + waiting(n) * impatience;
        let next = weights[n - 1] * comes / goes;
        if next < largest * NEGLIGIBLE && comes < goes {
            break;
        }
        weights.push(next);
        largest = largest.max(next);
        if largest > 1e200 {
            weights.iter_mut().for_each(|weight| *weight /= largest);
            largest = 1.0;
        }
    }
    let total: f64 = weights.iter().sum();
    let probability = |n: usize| weights[n] / total;
    let over = |of: &dyn Fn(usize) -> f64| -> f64 {
        (0..weights.len()).map(|n| probability(n) * of(n)).sum()
    };
    let enters = |n: usize| if n >= room { 0.0 } else { 1.0 - balks(n) };
    let entering = over(&enters);
    let queue_length = over(&waiting);
    let busy = over(&|n| n.min(servers) as f64);
    // Of one who begins to wait behind j others: the chance to be served, and the wait if so
    // times that chance. What ends its turn: a service, an impatient one of those ahead, itself.
    let (mut served, mut waited) = (vec![], vec![]);
    let all = servers as f64 * service;
    for j in 0..weights.len().saturating_sub(servers) {
        let ahead = all + j as f64 * impatience;
        let rate = ahead + impatience;
        let (before, wait) = match j {
            0 => (1.0, 0.0),
            _ => (served[j - 1], waited[j - 1]),
        };
        let here: f64 = ahead / rate * before;
        served.push(here);
        waited.push(here / rate + ahead / rate * wait);
    }
    let behind = |n: usize, values: &[f64], at_once: f64| match n.checked_sub(servers) {
        Some(j) => values.get(j).copied().unwrap_or(0.0),
        None => at_once,
    };
    let are_served = over(&|n| enters(n) * behind(n, &served, 1.0));
    let wait = over(&|n| enters(n) * behind(n, &waited, 0.0)) / are_served;
    let who_wait = over(&|n| enters(n) * behind(n, &served, 0.0)) / are_served;
    Ok(Theory {
        wait,
        time_in_system: wait + 1.0 / service,
        queue_length,
        number_in_system: queue_length + busy,
        utilization: busy / servers as f64,
        waiting: Some(who_wait),
        lost: 1.0 - entering,
        abandoned: (entering - are_served).max(0.0),
        source: "birth and death (Erlang, 1917; Palm, 1957)",
        tail: None,
    })
}
