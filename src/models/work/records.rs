//! A queue's customers, one record each.

use super::engine::{self, Order};
use super::queue::Queue;
use super::run::{Outcome, Visit};
use super::{endless, fifo};
use crate::columns::Columns;

impl Queue {
    /// The first customers of one run, one row each, in the order in which they left:
    /// `arrival`, `wait` and `service`, in units of time, and what else there is to tell of this
    /// queue's customers. It is replication 0 of the same seed, which starts empty, without
    /// warm-up.
    #[track_caller]
    pub fn observed(&self, customers: usize, seed: u64) -> Columns {
        self.check("Queue::observe", customers);
        let order = Order { seed, replication: 0, warmup: 0, counted: customers };
        let visits = self.visits(order);
        let column = |of: fn(&Visit) -> f64| visits.iter().map(of).collect::<Vec<f64>>();
        let mut table = Columns::new(&format!("the first customers of {self}"));
        // The recursion tells of them as they came.
        let as_they_left = !self.is_plain() || self.servers == usize::MAX;
        if as_they_left {
            table = table.numbers("number", &column(|visit| visit.number as f64));
        }
        if !self.classes.is_empty() {
            table = table.numbers("class", &column(|visit| f64::from(visit.class)));
        }
        table = table
            .numbers("arrival", &column(|visit| visit.arrival))
            .numbers("wait", &column(|visit| visit.wait))
            .numbers("service", &column(|visit| visit.service));
        if as_they_left {
            table = table.numbers("departure", &column(|visit| visit.departure));
        }
        if self.may_turn_away() {
            let named = |visit: &Visit| match visit.outcome {
                Outcome::Served => "served",
                Outcome::Lost => "lost",
                Outcome::Abandoned => "abandoned",
            };
            let outcomes: Vec<&str> = visits.iter().map(named).collect();
            table = table.texts("outcome", &outcomes);
        }
        if self.retries.is_some() {
            table = table.numbers("retries", &column(|visit| f64::from(visit.retries)));
        }
        table
    }

    /// The first customers, in the order in which they left.
    pub(super) fn visits(&self, order: Order) -> Vec<Visit> {
        let mut visits = Vec::with_capacity(order.counted);
        match (self.servers, self.is_plain()) {
            (usize::MAX, _) => drop(endless::run(self, order, |visit| visits.push(*visit))),
            (_, true) => return fifo::visits(self, order),
            _ => drop(engine::run(self, order, |visit| visits.push(*visit))),
        }
        visits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::Column;

    #[test]
    fn a_run_can_be_looked_at() {
        let queue = Queue::mmc(3.2, 1.0, 4);
        let seen = queue.observed(50, 7);
        let columns = seen.columns.iter().map(|(name, values)| match values {
            Column::Numbers(values) => (name.as_str(), values.len()),
            Column::Texts(values) => (name.as_str(), values.len()),
        });
        let expected = [("arrival", 50), ("wait", 50), ("service", 50)];
        assert_eq!(columns.collect::<Vec<_>>(), expected);
        assert_eq!(queue.to_string(), "M/M/4 with λ = 3.2, μ = 1");
    }
}
