//! The queue: its parameters, and what can be asked of it.

use super::estimates::Estimates;
use super::fifo;
use super::theory::{Theory, TheoryError};
use crate::number::positive;
use crate::sim::{Exponential, Stream, Trials, replicate};
use crate::table::Table;

/// A queue with Poisson arrivals, exponential service times and one waiting
/// line, first come first served, before `servers` equal servers: M/M/c.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Queue {
    arrival_rate: f64,
    service_rate: f64,
    servers: usize,
}

impl Queue {
    /// M/M/1: `arrival_rate` customers come per unit of time, the one server
    /// finishes `service_rate` of them while it is busy.
    ///
    /// # Panics
    /// If a rate is not a positive number.
    #[track_caller]
    pub fn mm1(arrival_rate: f64, service_rate: f64) -> Self {
        Self::checked("Queue::mm1", arrival_rate, service_rate, 1)
    }

    /// M/M/c: as [`Queue::mm1`], with so many servers; `service_rate` is that of each.
    ///
    /// # Panics
    /// If a rate is not a positive number or there is no server.
    #[track_caller]
    pub fn mmc(arrival_rate: f64, service_rate: f64, servers: usize) -> Self {
        Self::checked("Queue::mmc", arrival_rate, service_rate, servers)
    }

    /// Customers per unit of time, λ.
    pub fn arrival_rate(&self) -> f64 {
        self.arrival_rate
    }

    /// Customers that one busy server finishes per unit of time, μ.
    pub fn service_rate(&self) -> f64 {
        self.service_rate
    }

    /// The number of servers, c.
    pub fn servers(&self) -> usize {
        self.servers
    }

    /// The load offered, λ / μ, in erlangs: the servers that would be busy if
    /// nobody had to wait.
    pub fn offered_load(&self) -> f64 {
        self.arrival_rate / self.service_rate
    }

    /// The closed form of the steady state, by Erlang C.
    ///
    /// # Errors
    /// If the servers cannot keep up (λ >= c μ): there is no steady state then.
    pub fn theory(&self) -> Result<Theory, TheoryError> {
        Theory::of(self)
    }

    /// Simulates the queue, starting empty, in independent replications on all
    /// processors; the same seed gives the same bytes on any number of them.
    ///
    /// A queue whose servers cannot keep up is simulated like any other: its
    /// waits grow for as long as it runs, and the result tells of this length
    /// of run only. That is worth seeing, so it is not an error here; it is one
    /// in [`Queue::theory`].
    ///
    /// # Panics
    /// With fewer than 2 replications or without customers.
    #[track_caller]
    pub fn simulate(&self, trials: Trials) -> Estimates {
        let Trials { replications, customers, warmup, seed } = trials;
        assert!(
            customers >= 1,
            "Queue::simulate: each replication needs at least 1 customer, \
             as in Trials::new(10, 100_000)"
        );
        Estimates::of(replicate(replications, |replication| {
            fifo::run(self.customers(seed, replication), self.servers, warmup, customers)
        }))
    }

    /// The first customers of one run as a table, one row each: `arrival`,
    /// `wait` and `service`, in units of time. It is replication 0 of the same
    /// seed, which starts empty, without warm-up.
    pub fn observe(&self, customers: usize, seed: u64) -> Table {
        let visits = fifo::visits(self.customers(seed, 0), self.servers, customers);
        let column = |of: fn(&fifo::Visit) -> f64| visits.iter().map(of).collect::<Vec<f64>>();
        Table::new(&format!("the first customers of {self}"))
            .numbers("arrival", &column(|visit| visit.arrival))
            .numbers("wait", &column(|visit| visit.wait))
            .numbers("service", &column(|visit| visit.service))
    }

    fn customers(&self, seed: u64, replication: u64) -> fifo::Customers {
        fifo::Customers {
            interarrival: Exponential::with_rate(self.arrival_rate),
            service: Exponential::with_rate(self.service_rate),
            arrivals: Stream::new(seed, replication, "arrivals"),
            services: Stream::new(seed, replication, "services"),
        }
    }

    #[track_caller]
    fn checked(place: &str, arrival_rate: f64, service_rate: f64, servers: usize) -> Self {
        assert!(
            servers >= 1,
            "{place}: the queue needs at least 1 server, but there are 0; give it one, \
             as in Queue::mmc(3.2, 1.0, 4)"
        );
        Self {
            arrival_rate: positive(place, "arrival rate", arrival_rate),
            service_rate: positive(place, "service rate", service_rate),
            servers,
        }
    }
}

/// As "M/M/4 with λ = 3.2, μ = 1".
impl std::fmt::Display for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "M/M/{} with λ = {}, μ = {}", self.servers, self.arrival_rate, self.service_rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(
        expected = "Queue::mm1: the arrival rate must be a positive number, but it is -1"
    )]
    fn a_negative_rate() {
        Queue::mm1(-1.0, 1.0);
    }

    #[test]
    #[should_panic(expected = "the service rate must be a positive number, but it is NaN")]
    fn a_rate_that_is_no_number() {
        Queue::mmc(1.0, f64::NAN, 2);
    }

    #[test]
    #[should_panic(expected = "Queue::mmc: the queue needs at least 1 server, but there are 0")]
    fn no_server() {
        Queue::mmc(1.0, 1.0, 0);
    }

    #[test]
    fn a_run_can_be_looked_at() {
        let queue = Queue::mmc(3.2, 1.0, 4);
        let table = queue.observe(50, 7);
        assert_eq!(table.rows(), 50);
        assert_eq!(queue.to_string(), "M/M/4 with λ = 3.2, μ = 1");
    }
}
