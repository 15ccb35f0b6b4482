//! First come, first served: each customer takes the server that is free
//! first. With one server this is Lindley's recursion (1952), with c servers
//! that of Kiefer and Wolfowitz (1955): no event list is needed.

use crate::sim::{Exponential, Histogram, Stream};

/// The customers of one replication, in order of arrival.
pub struct Customers {
    pub interarrival: Exponential,
    pub service: Exponential,
    pub arrivals: Stream,
    pub services: Stream,
}

/// What one replication measured, over its counted customers.
pub struct Run {
    /// Waits, in units of time: their sum and their histogram.
    pub wait_sum: f64,
    pub waits: Histogram,
    /// The sum of service times.
    pub service_sum: f64,
    /// The time from the last arrival before the counted ones to the last of them.
    pub span: f64,
    /// Server time spent busy during that span.
    pub busy: f64,
    pub servers: usize,
}

/// One customer's record, in units of time.
pub struct Visit {
    pub arrival: f64,
    pub wait: f64,
    pub service: f64,
}

/// Serves `warmup` customers uncounted, then `counted` ones.
pub fn run(customers: Customers, servers: usize, warmup: usize, counted: usize) -> Run {
    match servers {
        1 => measure(customers, One(0.0), servers, warmup, counted),
        2..=MOST_IN_A_ROW => measure(customers, Row::new(servers), servers, warmup, counted),
        _ => measure(customers, Heap::new(servers), servers, warmup, counted),
    }
}

/// The first `count` customers of a queue that starts empty, one by one.
pub fn visits(customers: Customers, servers: usize, count: usize) -> Vec<Visit> {
    let mut line = Line { customers, free: Heap::new(servers), now: 0.0 };
    let mut visits = Vec::with_capacity(count);
    for i in 0..count {
        if i % BATCH == 0 {
            crate::cell::tick();
        }
        let (wait, service) = line.serve();
        visits.push(Visit { arrival: line.now, wait, service });
    }
    visits
}

/// Customers between two looks at whether the reader has interrupted the cell.
const BATCH: usize = 1024;

fn measure<F: Free>(
    customers: Customers,
    free: F,
    servers: usize,
    warmup: usize,
    counted: usize,
) -> Run {
    let mut line = Line { customers, free, now: 0.0 };
    in_batches(warmup, || {
        line.serve();
    });
    let (opened, backlog) = (line.now, line.backlog());
    let (mut wait_sum, mut service_sum, mut waits) = (0.0, 0.0, Histogram::default());
    in_batches(counted, || {
        let (wait, service) = line.serve();
        wait_sum += wait;
        service_sum += service;
        waits.record(wait);
    });
    // Work is conserved: what was there and what came, less what is left, was done.
    let busy = backlog + service_sum - line.backlog();
    Run { wait_sum, waits, service_sum, span: line.now - opened, busy, servers }
}

#[inline(always)]
fn in_batches(count: usize, mut one: impl FnMut()) {
    let mut left = count;
    while left > 0 {
        crate::cell::tick();
        let batch = left.min(BATCH);
        for _ in 0..batch {
            one();
        }
        left -= batch;
    }
}

struct Line<F> {
    customers: Customers,
    free: F,
    now: f64,
}

impl<F: Free> Line<F> {
    /// Lets the next customer arrive and books its service: (wait, service time).
    #[inline(always)]
    fn serve(&mut self) -> (f64, f64) {
        let Customers { interarrival, service, arrivals, services } = &mut self.customers;
        self.now += interarrival.sample(arrivals);
        let service = service.sample(services);
        let start = later(self.now, self.free.first());
        self.free.book(start + service);
        (start - self.now, service)
    }

    /// Server time already promised to those who have arrived.
    fn backlog(&self) -> f64 {
        self.free.times().iter().map(|free| later(free - self.now, 0.0)).sum()
    }
}

/// When each server is free of all that it has promised.
trait Free {
    /// The earliest of these times.
    fn first(&self) -> f64;
    /// Puts a later time in place of the earliest.
    fn book(&mut self, until: f64);
    /// All the times, in any order.
    fn times(&self) -> &[f64];
}

struct One(f64);

impl Free for One {
    #[inline(always)]
    fn first(&self) -> f64 {
        self.0
    }

    #[inline(always)]
    fn book(&mut self, until: f64) {
        self.0 = until;
    }

    fn times(&self) -> &[f64] {
        std::slice::from_ref(&self.0)
    }
}

/// Up to this many servers a sorted row beats a heap: it has no branches to mispredict.
const MOST_IN_A_ROW: usize = 8;

/// A few servers, in the order in which they become free.
struct Row {
    times: [f64; MOST_IN_A_ROW],
    servers: usize,
}

impl Row {
    fn new(servers: usize) -> Self {
        Self { times: [0.0; MOST_IN_A_ROW], servers }
    }
}

impl Free for Row {
    #[inline(always)]
    fn first(&self) -> f64 {
        self.times[0]
    }

    /// Carries the new time up the row, exchanging it with every earlier one.
    #[inline(always)]
    fn book(&mut self, until: f64) {
        let mut carried = until;
        for i in 1..self.servers.min(MOST_IN_A_ROW) {
            let other = self.times[i];
            self.times[i - 1] = earlier(carried, other);
            carried = later(carried, other);
        }
        self.times[self.servers.min(MOST_IN_A_ROW) - 1] = carried;
    }

    fn times(&self) -> &[f64] {
        &self.times[..self.servers]
    }
}

/// Many servers, in a heap with the one that is free first on top.
struct Heap {
    times: Vec<f64>,
}

impl Heap {
    fn new(servers: usize) -> Self {
        Self { times: vec![0.0; servers] }
    }
}

impl Free for Heap {
    #[inline(always)]
    fn first(&self) -> f64 {
        self.times[0]
    }

    /// Replaces the top and lets it sink.
    #[inline]
    fn book(&mut self, until: f64) {
        let times = self.times.as_mut_slice();
        let mut hole = 0;
        loop {
            let left = 2 * hole + 1;
            let Some(&on_left) = times.get(left) else { break };
            let (child, time) = match times.get(left + 1) {
                Some(&on_right) if on_right < on_left => (left + 1, on_right),
                _ => (left, on_left),
            };
            if until <= time {
                break;
            }
            times[hole] = time;
            hole = child;
        }
        times[hole] = until;
    }

    fn times(&self) -> &[f64] {
        &self.times
    }
}

/// The maximum of two numbers, one instruction where `f64::max` minds NaN.
#[inline(always)]
fn later(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

#[inline(always)]
fn earlier(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customers(seed: u64, servers: usize) -> Customers {
        Customers {
            interarrival: Exponential::with_rate(0.8 * servers as f64),
            service: Exponential::with_rate(1.0),
            arrivals: Stream::new(seed, 0, "arrivals"),
            services: Stream::new(seed, 0, "services"),
        }
    }

    #[test]
    fn row_and_heap_serve_alike() {
        for servers in 1..=MOST_IN_A_ROW {
            let row = measure(customers(1, servers), Row::new(servers), servers, 100, 5000);
            let heap = measure(customers(1, servers), Heap::new(servers), servers, 100, 5000);
            assert_eq!(row.wait_sum, heap.wait_sum, "{servers} servers");
            assert!((row.busy - heap.busy).abs() < 1e-6, "{servers} servers");
        }
    }

    #[test]
    fn one_server_is_lindleys_recursion() {
        let mut by_hand = customers(2, 1);
        let (mut wait, mut service) = (0.0f64, 0.0);
        for visit in visits(customers(2, 1), 1, 2000) {
            let gap = by_hand.interarrival.sample(&mut by_hand.arrivals);
            wait = (wait + service - gap).max(0.0);
            service = by_hand.service.sample(&mut by_hand.services);
            assert!((visit.wait - wait).abs() < 1e-9 && visit.service == service);
        }
    }

    #[test]
    fn busy_time_is_that_of_the_visits() {
        let (servers, warmup, counted) = (3, 50, 400);
        let run = run(customers(3, servers), servers, warmup, counted);
        let visits = visits(customers(3, servers), servers, warmup + counted);
        let (from, to) = (visits[warmup - 1].arrival, visits[warmup + counted - 1].arrival);
        let overlap = |visit: &Visit| {
            let start = visit.arrival + visit.wait;
            ((start + visit.service).min(to) - start.max(from)).max(0.0)
        };
        let busy: f64 = visits.iter().map(overlap).sum();
        assert!((run.busy - busy).abs() < 1e-6, "{} and {busy}", run.busy);
        assert!((run.span - (to - from)).abs() < 1e-9);
    }
}
