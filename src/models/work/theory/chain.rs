//! Queues of customers without memory who may be lost, balk or lose patience: birth and death
//! (Palm, 1957, for patience: Erlang A).

use super::tail::Tail;
use super::{Theory, TheoryError, patience};
use crate::work::discipline::Discipline;
use crate::work::queue::Queue;

/// States whose probability is less than this part of the largest are left out.
const NEGLIGIBLE: f64 = 1e-17;

/// More states than a computer should be asked for.
const MOST_STATES: usize = 10_000_000;

pub(super) fn of(queue: &Queue) -> Result<Theory, TheoryError> {
    let unknown =
        TheoryError::Unknown("limited room, balking or patience with this service or order");
    let (Some((arrivals, service)), true) = (queue.rate(), queue.classes.is_empty()) else {
        return Err(unknown);
    };
    // Whatever order they are served in, their number is the same; their waits are not.
    if !matches!(queue.discipline, Discipline::Fifo) {
        return Err(unknown);
    }
    let impatience = match &queue.patience {
        None => 0.0,
        Some(patience) => match patience.rate_if_exponential() {
            Some(rate) => rate,
            None if queue.room.is_none() && queue.balking.is_none() => {
                return patience::of(queue, arrivals, service);
            }
            None => return Err(unknown),
        },
    };
    let servers = queue.servers();
    let room = queue.room.unwrap_or(usize::MAX);
    let waiting = |n: usize| n.saturating_sub(servers) as f64;
    // Probabilities by their ratios, the largest so far being 1: nothing overflows. Those before
    // `low` are nothing beside it.
    let (mut weights, mut balk) = (vec![1.0f64], vec![]);
    let (mut largest, mut low) = (1.0f64, 0);
    while weights.len() <= room {
        let n = weights.len();
        if n % 1024 == 0 {
            crate::interrupt::tick();
        }
        balk.push(queue.balks_at(n - 1));
        let comes = arrivals * (1.0 - balk[n - 1]);
        let goes = n.min(servers) as f64 * service + waiting(n) * impatience;
        let next = weights[n - 1] * comes / goes;
        if next < largest * NEGLIGIBLE && comes < goes {
            break;
        }
        if n == MOST_STATES {
            return Err(match comes < goes {
                true => TheoryError::Unknown("a queue with more than ten million states"),
                // Balking may hold a queue back that is offered too much; this one it does not.
                false => TheoryError::Unstable { servers, offered: comes / service },
            });
        }
        weights.push(next);
        largest = largest.max(next);
        if largest > 1e200 {
            weights[low..].iter_mut().for_each(|weight| *weight /= largest);
            low += weights[low..].iter().take_while(|weight| **weight == 0.0).count();
            largest = 1.0;
        }
    }
    balk.resize_with(weights.len(), || 0.0);
    if room == usize::MAX || room >= weights.len() {
        balk[weights.len() - 1] = queue.balks_at(weights.len() - 1);
    }
    let total: f64 = weights.iter().sum();
    let probability = |n: usize| weights[n] / total;
    let over = |of: &dyn Fn(usize) -> f64| -> f64 {
        (0..weights.len()).map(|n| probability(n) * of(n)).sum()
    };
    let enters = |n: usize| if n >= room { 0.0 } else { 1.0 - balk[n] };
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
    if are_served <= 0.0 {
        return Err(TheoryError::Nobody);
    }
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
        // Who may enter finds n customers by a geometric law that is cut off.
        tail: match (&queue.balking, impatience == 0.0 && room < usize::MAX) {
            (None, true) => {
                Tail::CutOff { ratio: arrivals / all, places: room - servers, rate: all, service }
            }
            _ => Tail::Unknown,
        },
    })
}
