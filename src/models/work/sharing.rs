//! Processor sharing: all customers are served at once, each with an equal part.

use super::discipline::Rank;
use super::engine::{BATCH, Order};
use super::queue::Queue;
use super::run::{Outcome, Run, Visit};
use super::services::Services;
use super::tally::Tally;
use std::collections::BinaryHeap;

/// Runs one replication. With n customers and c servers each is served at rate min(1, c / n).
/// So all are given the same service in the same time: a customer leaves when what each has
/// been given since the beginning has grown by the service that it needs.
pub(super) fn run(queue: &Queue, order: Order, mut left: impl FnMut(&Visit)) -> Run {
    let mut coming = queue.arrivals.begin(order.stream("arrivals"));
    let mut services = Services::of(queue, order);
    let servers = queue.servers as f64;
    let mut tally = Tally::of(queue.classes.len());
    if order.warmup == 0 {
        tally.open();
    }
    // Of those present: what each will have been given when it leaves.
    let mut present: BinaryHeap<Rank> = BinaryHeap::new();
    let mut visits: Vec<Visit> = vec![];
    let mut free: Vec<u32> = vec![];
    let (mut now, mut given, mut number, mut gone, mut batch) = (0.0f64, 0.0f64, 0, 0, 0);
    let mut arrival = coming.next();
    while gone < order.warmup + order.counted {
        batch += 1;
        if batch == BATCH {
            crate::interrupt::tick();
            batch = 0;
        }
        let count = present.len() as f64;
        let rate = if count > servers { servers / count } else { 1.0 };
        let departure =
            present.peek().map_or(f64::INFINITY, |next| now + (next.key - given) / rate);
        let to = departure.min(arrival);
        if to == f64::INFINITY {
            break;
        }
        tally.advance(to, (count - servers).max(0.0), count, count.min(servers));
        given += (to - now) * rate;
        now = to;
        if departure <= arrival {
            let Some(Rank { key, place, .. }) = present.pop() else { break };
            given = key;
            free.push(place);
            let visit = &mut visits[place as usize];
            let wait = now - visit.arrival - visit.service;
            (visit.wait, visit.departure) = (if wait <= 1e-12 * now { 0.0 } else { wait }, now);
            tally.stayed += now - visit.arrival;
            tally.count(visit);
            left(visit);
            gone += 1;
            if gone == order.warmup {
                tally.open();
            }
            if present.is_empty() {
                // Nothing is owed: the count of what was given need not grow for ever.
                given = 0.0;
            }
        } else {
            let (class, service) = services.next();
            let (wait, departure, retries, outcome) = (0.0, 0.0, 0, Outcome::Served);
            let visit =
                Visit { number, class, arrival: now, wait, service, departure, retries, outcome };
            number += 1;
            arrival = now + coming.next();
            if queue.room.is_some_and(|room| present.len() >= room) {
                let visit = Visit { departure: now, outcome: Outcome::Lost, ..visit };
                tally.count(&visit);
                left(&visit);
                gone += 1;
                if gone == order.warmup {
                    tally.open();
                }
                continue;
            }
            let place = free.pop().unwrap_or(visits.len() as u32);
            match visits.get_mut(place as usize) {
                Some(old) => *old = visit,
                None => visits.push(visit),
            }
            present.push(Rank { key: given + service, number: visit.number, place });
        }
    }
    let inside = present.iter().map(|rank| visits[rank.place as usize].arrival);
    tally.close(queue.servers, inside.collect::<Vec<_>>().into_iter())
}
