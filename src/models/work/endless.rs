//! Servers without limit: nobody waits, and the order of service is nothing.

use super::engine::{BATCH, Order};
use super::queue::Queue;
use super::run::{Outcome, Run, Visit};
use super::services::Services;
use super::tally::Tally;
use crate::sim::Calendar;

/// Runs one replication, which starts empty; each customer that leaves is handed to `left`.
pub(super) fn run(queue: &Queue, order: Order, mut left: impl FnMut(&Visit)) -> Run {
    let mut coming = queue.arrivals.begin(order.stream("arrivals"));
    let mut services = Services::of(queue, order);
    let mut tally = Tally::of(queue.classes.len());
    let mut departures: Calendar<Visit> = Calendar::new();
    let (mut number, mut gone, mut batch) = (0, 0, 0);
    let mut arrival = coming.next();
    if order.warmup == 0 {
        tally.open();
    }
    while gone < order.warmup + order.counted {
        batch += 1;
        if batch == BATCH {
            crate::interrupt::tick();
            batch = 0;
        }
        let now = departures.upcoming().unwrap_or(f64::INFINITY).min(arrival);
        if now == f64::INFINITY {
            break;
        }
        let present = departures.len() as f64;
        tally.advance(now, 0.0, present, present);
        if arrival <= now {
            let (class, service) = services.next();
            let (wait, departure) = (0.0, now + service);
            let (retries, outcome) = (0, Outcome::Served);
            let visit =
                Visit { number, class, arrival: now, wait, service, departure, retries, outcome };
            departures.book_at(departure, visit);
            number += 1;
            arrival = now + coming.next();
        } else if let Some(visit) = departures.next() {
            tally.stayed += visit.departure - visit.arrival;
            tally.count(&visit);
            left(&visit);
            gone += 1;
            if gone == order.warmup {
                tally.open();
            }
        }
    }
    let mut inside = vec![];
    while let Some(visit) = departures.next() {
        inside.push(visit.arrival);
    }
    tally.close(queue.servers, inside.into_iter())
}
