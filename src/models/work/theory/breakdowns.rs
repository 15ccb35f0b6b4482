//! M/G/1 with a server that breaks (Gaver, 1962; Avi-Itzhak and Naor, 1963).

use super::{Theory, TheoryError};
use crate::sim::Distribution;
use crate::work::discipline::Discipline;
use crate::work::queue::Queue;

/// A server that works for exponential times, also while nobody is there.
pub(super) fn of(
    queue: &Queue,
    works: &Distribution,
    repair: &Distribution,
) -> Result<Theory, TheoryError> {
    let plain = queue.servers() == 1
        && queue.arrivals.is_poisson()
        && queue.classes.is_empty()
        && queue.patience.is_none()
        && queue.balking.is_none()
        && queue.room.is_none()
        && matches!(queue.discipline, Discipline::Fifo | Discipline::Lifo | Discipline::Siro);
    let (true, Some(breaks)) = (plain, works.rate_if_exponential()) else {
        return Err(TheoryError::Unknown("servers that break down in such a queue"));
    };
    let (arrivals, service) = (queue.arrival_rate(), &queue.service);
    // A service takes as long as it does, and the repairs on the way.
    let longer = 1.0 + breaks * repair.mean();
    let mean = service.mean() * longer;
    let second = service.moment(2) * longer.powi(2) + service.mean() * breaks * repair.moment(2);
    let load = arrivals * mean;
    if load >= 1.0 {
        return Err(TheoryError::Breaks { offered: queue.offered_load(), up: 1.0 / longer });
    }
    if !second.is_finite() {
        return Err(TheoryError::Infinite { what: "second moment of the service or repair time" });
    }
    // Who comes to an empty queue may find the server broken.
    let broken = breaks * repair.moment(2) / 2.0 / longer;
    let stay = mean + arrivals * second / (2.0 * (1.0 - load)) + broken;
    let source = "Gaver, 1962; Avi-Itzhak and Naor, 1963";
    let theory = Theory::from_wait(queue, stay - service.mean(), None, source);
    // Who is with a broken server stands in no line.
    Ok(Theory { queue_length: arrivals * (stay - mean), ..theory })
}
