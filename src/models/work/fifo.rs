//! First come, first served: each customer takes the server that is free
//! first. With one server this is Lindley's recursion (1952), with c servers
//! that of Kiefer and Wolfowitz (1955): no event list is needed.

use super::engine::Order;
use super::queue::Queue;
use super::run::{Outcome, Run, Visit};
use super::tally::little;
use crate::sim::histogram::Recorder;
use crate::sim::{Distribution, Exponential, Stream};

/// What gives times: a law that is known when this is compiled, or any.
trait Draw {
    fn draw(&self, stream: &mut Stream) -> f64;
}

impl Draw for Exponential {
    #[inline(always)]
    fn draw(&self, stream: &mut Stream) -> f64 {
        self.sample(stream)
    }
}

impl Draw for &Distribution {
    #[inline(always)]
    fn draw(&self, stream: &mut Stream) -> f64 {
        self.sample(stream)
    }
}

/// The customers of one replication, in order of arrival.
struct Customers<A, S> {
    between: A,
    service: S,
    arrivals: Stream,
    services: Stream,
}

/// Serves the customers of the warm-up uncounted, then the others.
pub(super) fn run(queue: &Queue, order: Order) -> Run {
    let Some(between) = queue.arrivals.between() else { return Run::default() };
    let service = &queue.service;
    match (between.as_exponential(), service.as_exponential()) {
        (Some(between), Some(service)) => serve(queue, order, between, service),
        (Some(between), None) => serve(queue, order, between, service),
        (None, Some(service)) => serve(queue, order, between, service),
        (None, None) => serve(queue, order, between, service),
    }
}

fn serve(queue: &Queue, order: Order, between: impl Draw, service: impl Draw) -> Run {
    by_recursion(customers(order, between, service), queue.servers, order)
}

fn by_recursion<A: Draw, S: Draw>(customers: Customers<A, S>, servers: usize, order: Order) -> Run {
    match servers {
        1 => measure(customers, One(0.0), order),
        servers @ 2..=4 => measure(customers, Row::<4>::new(servers), order),
        servers @ 5..=8 => measure(customers, Row::<8>::new(servers), order),
        servers @ 9..=16 => measure(customers, Row::<16>::new(servers), order),
        servers @ 17..=32 => measure(customers, Row::<32>::new(servers), order),
        servers @ 33..=MOST_IN_A_ROW => {
            measure(customers, Row::<MOST_IN_A_ROW>::new(servers), order)
        }
        servers => measure(customers, Heap::new(servers), order),
    }
}

fn customers<A, S>(order: Order, between: A, service: S) -> Customers<A, S> {
    let (arrivals, services) = (order.stream("arrivals"), order.stream("services"));
    Customers { between, service, arrivals, services }
}

/// The first customers of a queue that starts empty, one by one.
pub(super) fn visits(queue: &Queue, order: Order) -> Vec<Visit> {
    let Some(between) = queue.arrivals.between() else { return vec![] };
    let customers = customers(order, between, &queue.service);
    let mut line = Line { customers, free: Heap::new(queue.servers), now: 0.0 };
    let mut visits = Vec::with_capacity(order.counted);
    for number in 0..order.counted {
        if number % BATCH == 0 {
            crate::interrupt::tick();
        }
        let (wait, service) = line.serve();
        visits.push(Visit {
            number: number as u64,
            class: 0,
            arrival: line.now,
            wait,
            service,
            departure: line.now + wait + service,
            retries: 0,
            outcome: Outcome::Served,
        });
    }
    visits
}

/// Customers between two looks at whether the reader has interrupted the cell.
const BATCH: usize = 1024;

/// One batch in so many is counted a second time, for Little's law.
const COUNTED_TWICE: u32 = 16;

fn measure<A: Draw, S: Draw, F: Free>(customers: Customers<A, S>, free: F, order: Order) -> Run {
    let servers = free.times().len();
    let mut line = Line { customers, free, now: 0.0 };
    in_batches(order.warmup, |batch| {
        for _ in 0..batch {
            line.serve();
        }
    });
    let (opened, backlog) = (line.now, line.backlog());
    let (mut wait_sum, mut service_sum) = (0.0, 0.0);
    let mut batches = 0u32;
    let (mut waits, mut times) = (Recorder::new(), Recorder::new());
    let mut several = vec![(0.0, 0.0); BATCH];
    in_batches(order.counted, |batch| {
        let several = &mut several[..batch];
        // The second count costs a little: one batch in some has it, the first always.
        if batches.is_multiple_of(COUNTED_TWICE) {
            let area = line.serve_several::<true>(several);
            little(several.iter().map(|(wait, service)| wait + service).sum(), area);
        } else {
            line.serve_several::<false>(several);
        }
        batches += 1;
        for (wait, service) in several {
            wait_sum += *wait;
            service_sum += *service;
            waits.record(*wait);
            times.record(*wait + *service);
        }
    });
    // Work is conserved: what was there and what came, less what is left, was done.
    let busy = backlog + service_sum - line.backlog();
    Run {
        servers,
        span: line.now - opened,
        wait_sum,
        service_sum,
        waits: waits.finish(),
        times: times.finish(),
        attempts: order.counted as u64,
        busy,
        // Little's law (1961), as it was just checked: the area under the number waiting is the
        // sum of the waits.
        waiting: wait_sum,
        present: wait_sum + service_sum,
        ..Run::default()
    }
}

#[inline(always)]
fn in_batches(count: usize, mut several: impl FnMut(usize)) {
    let mut left = count;
    while left > 0 {
        crate::interrupt::tick();
        let batch = left.min(BATCH);
        several(batch);
        left -= batch;
    }
}

struct Line<A, S, F> {
    customers: Customers<A, S>,
    free: F,
    now: f64,
}

impl<A: Draw, S: Draw, F: Free> Line<A, S, F> {
    /// Lets the next customer arrive and books its service: (wait, service time).
    #[inline(always)]
    fn serve(&mut self) -> (f64, f64) {
        let Customers { between, service, arrivals, services } = &mut self.customers;
        self.now += between.draw(arrivals);
        let service = service.draw(services);
        let start = later(self.now, self.free.first());
        self.free.book(start + service);
        (start - self.now, service)
    }

    /// Lets the next customers arrive: (wait, service time) of each. Tells, if that is counted, the
    /// area under the number of them that is there: when their servers are done with them, less
    /// when they came. A function of its own, on copies of its own: so that the generators' state
    /// stays in registers.
    #[inline(never)]
    fn serve_several<const COUNTED: bool>(&mut self, several: &mut [(f64, f64)]) -> f64 {
        let Customers { between, service, arrivals, services } = &mut self.customers;
        let (mut coming, mut serving) = (arrivals.clone(), services.clone());
        let (mut free, mut now) = (self.free.lift(), self.now);
        let (began, mut came, mut went) = (now, 0.0, 0.0);
        for customer in several {
            now += between.draw(&mut coming);
            let service = service.draw(&mut serving);
            // Not `later`: it would become a branch, on what cannot be foretold.
            let start = now.max(free.first());
            let done = start + service;
            free.book(done);
            *customer = (start - now, service);
            if COUNTED {
                came += now - began;
                went += done - began;
            }
        }
        (*arrivals, *services) = (coming, serving);
        (self.free, self.now) = (free, now);
        went - came
    }

    /// Server time already promised to those who have arrived.
    fn backlog(&self) -> f64 {
        self.free.times().iter().map(|free| later(free - self.now, 0.0)).sum()
    }
}

/// When each server is free of all that it has promised.
trait Free {
    /// Itself, leaving nothing behind.
    fn lift(&mut self) -> Self;
    /// The earliest of these times.
    fn first(&self) -> f64;
    /// Puts a later time in place of the earliest.
    fn book(&mut self, until: f64);
    /// All the times, in any order.
    fn times(&self) -> &[f64];
}

struct One(f64);

impl Free for One {
    fn lift(&mut self) -> Self {
        One(self.0)
    }

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
const MOST_IN_A_ROW: usize = 64;

/// A few servers, in the order in which they become free; there are never more than `N`. Those that
/// there are not are never free.
struct Row<const N: usize> {
    times: [f64; N],
    servers: usize,
}

impl<const N: usize> Row<N> {
    fn new(servers: usize) -> Self {
        let mut times = [f64::INFINITY; N];
        times[..servers].fill(0.0);
        Self { times, servers }
    }
}

impl<const N: usize> Free for Row<N> {
    fn lift(&mut self) -> Self {
        Self { times: self.times, servers: self.servers }
    }

    #[inline(always)]
    fn first(&self) -> f64 {
        self.times[0]
    }

    /// Each place takes what is in the middle: the new time, the one that was there, or the one
    /// after it. No place waits for another.
    #[inline(always)]
    fn book(&mut self, until: f64) {
        let was = self.times;
        self.times[0] = earlier(was[1], until);
        for i in 1..N - 1 {
            self.times[i] = later(was[i], earlier(was[i + 1], until));
        }
        self.times[N - 1] = later(was[N - 1], until);
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
    fn lift(&mut self) -> Self {
        Self { times: std::mem::take(&mut self.times) }
    }

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

    fn order(seed: u64, warmup: usize, counted: usize) -> Order {
        Order { seed, replication: 0, warmup, counted }
    }

    fn of(order: Order, servers: usize) -> Customers<Exponential, Exponential> {
        let rate = 0.8 * servers as f64;
        customers(order, Exponential::with_rate(rate), Exponential::with_rate(1.0))
    }

    #[test]
    fn row_and_heap_serve_alike() {
        for servers in 1..=MOST_IN_A_ROW {
            let order = order(1, 100, 5000);
            let row = by_recursion(of(order, servers), servers, order);
            let heap = measure(of(order, servers), Heap::new(servers), order);
            assert_eq!(row.wait_sum, heap.wait_sum, "{servers} servers");
            assert!((row.busy - heap.busy).abs() < 1e-6, "{servers} servers");
        }
    }

    #[test]
    fn the_second_count_is_the_area_under_the_number_present() {
        let order = order(4, 0, 300);
        let customers = of(order, 3);
        let mut line = Line { customers, free: Row::<4>::new(3), now: 0.0 };
        let mut several = vec![(0.0, 0.0); 300];
        let area = line.serve_several::<true>(&mut several);
        // Event by event.
        let mut events = vec![];
        for visit in visits(&Queue::mmc(2.4, 1.0, 3), order) {
            events.extend([(visit.arrival, 1.0), (visit.departure, -1.0)]);
        }
        events.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut present, mut by_hand) = (0.0, 0.0);
        for pair in events.windows(2) {
            present += pair[0].1;
            by_hand += present * (pair[1].0 - pair[0].0);
        }
        assert!((area - by_hand).abs() < 1e-6, "{area} and {by_hand}");
    }

    #[test]
    fn one_server_is_lindleys_recursion() {
        let order = order(2, 0, 2000);
        let mut by_hand = of(order, 1);
        let (mut wait, mut service) = (0.0f64, 0.0);
        for visit in visits(&Queue::mm1(0.8, 1.0), order) {
            let gap = by_hand.between.sample(&mut by_hand.arrivals);
            wait = (wait + service - gap).max(0.0);
            service = by_hand.service.sample(&mut by_hand.services);
            assert!((visit.wait - wait).abs() < 1e-9 && visit.service == service);
        }
    }

    #[test]
    fn busy_time_is_that_of_the_visits() {
        let (servers, warmup, counted) = (3, 50, 400);
        let queue = Queue::mmc(2.4, 1.0, servers);
        let run = run(&queue, order(3, warmup, counted));
        let visits = visits(&queue, order(3, 0, warmup + counted));
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
