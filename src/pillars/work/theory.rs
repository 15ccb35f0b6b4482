//! Closed forms for M/M/c in its steady state.

use super::queue::Queue;
use std::fmt;

/// The steady state of M/M/c (Erlang, 1917).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Theory {
    /// Mean wait before service, Wq = C / (c μ - λ), in units of time.
    pub wait: f64,
    /// Mean time from arrival to departure, W = Wq + 1 / μ, in units of time.
    pub time_in_system: f64,
    /// Mean number of customers waiting, Lq = λ Wq.
    pub queue_length: f64,
    /// The fraction of server time spent busy, ρ = λ / (c μ).
    pub utilization: f64,
    /// The fraction of customers that wait at all, C: Erlang C.
    pub probability_of_waiting: f64,
    /// c μ - λ: how fast the tail of the wait falls, per unit of time.
    spare_rate: f64,
}

impl Theory {
    pub(super) fn of(queue: &Queue) -> Result<Self, TheoryError> {
        let (arrivals, servers) = (queue.arrival_rate(), queue.servers());
        let capacity = servers as f64 * queue.service_rate();
        let waiting = erlang_c(servers, queue.offered_load())?;
        let spare_rate = capacity - arrivals;
        let wait = waiting / spare_rate;
        Ok(Self {
            wait,
            time_in_system: wait + 1.0 / queue.service_rate(),
            queue_length: arrivals * wait,
            utilization: arrivals / capacity,
            probability_of_waiting: waiting,
            spare_rate,
        })
    }

    /// The fraction of customers that wait longer than `t` units of time,
    /// C e^(-(c μ - λ) t).
    pub fn wait_exceeds(&self, t: f64) -> f64 {
        self.probability_of_waiting * (-self.spare_rate * t.max(0.0)).exp()
    }

    /// The wait that a fraction `p` of the customers does not exceed, in units of time.
    ///
    /// # Panics
    /// If `p` is not at least 0 and below 1.
    #[track_caller]
    pub fn wait_quantile(&self, p: f64) -> f64 {
        check_fraction("Theory::wait_quantile", p);
        (self.probability_of_waiting / (1.0 - p)).ln().max(0.0) / self.spare_rate
    }
}

/// Erlang B: the fraction of customers lost when those who find all servers
/// busy leave, at an offered load in erlangs. By the recursion
/// 1/B(k) = 1 + k / (a B(k-1)), which neither overflows nor cancels: it holds
/// for any number of servers.
///
/// # Errors
/// If there is no server or the load is not a positive number.
pub fn erlang_b(servers: usize, offered: f64) -> Result<f64, TheoryError> {
    check(servers, offered)?;
    let mut inverse = 1.0;
    for k in 1..=servers {
        inverse = 1.0 + inverse * (k as f64 / offered);
    }
    Ok(1.0 / inverse)
}

/// Erlang C: the fraction of customers that wait when those who find all
/// servers busy queue, at an offered load in erlangs: C = c B / (c - a (1 - B)).
///
/// # Errors
/// If there is no server, the load is not a positive number, or the servers
/// cannot keep up with it (a >= c).
pub fn erlang_c(servers: usize, offered: f64) -> Result<f64, TheoryError> {
    let lost = erlang_b(servers, offered)?;
    let count = servers as f64;
    if offered >= count {
        return Err(TheoryError::Unstable { servers, offered });
    }
    // The same form with a free of c: c - a (1 - B) = (c - a) + a B.
    Ok(count * lost / ((count - offered) + offered * lost))
}

/// Why there is no closed form.
#[derive(Clone, Copy, PartialEq)]
pub enum TheoryError {
    /// The load offered, in erlangs, is at least the number of servers.
    Unstable { servers: usize, offered: f64 },
    /// The load is not a positive, finite number.
    Load { offered: f64 },
    /// There are no servers.
    NoServers,
}

impl fmt::Display for TheoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unstable { servers, offered } => {
                let plural = if *servers == 1 { "" } else { "s" };
                write!(
                    f,
                    "the queue has no steady state: {servers} server{plural} cannot keep up with \
                     an offered load of {offered} (arrival rate / service rate), which must stay \
                     below {servers}; add servers or lower the arrival rate"
                )
            }
            Self::Load { offered } => write!(
                f,
                "the offered load (arrival rate / service rate) must be a positive number, but it \
                 is {offered}; give a load above 0, as in 3.2"
            ),
            Self::NoServers => {
                write!(f, "there must be at least 1 server, but there are 0; give a number above 0")
            }
        }
    }
}

/// The sentence too, since it is what `unwrap` shows.
impl fmt::Debug for TheoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for TheoryError {}

fn check(servers: usize, offered: f64) -> Result<(), TheoryError> {
    if servers == 0 {
        return Err(TheoryError::NoServers);
    }
    if !(offered > 0.0 && offered.is_finite()) {
        return Err(TheoryError::Load { offered });
    }
    Ok(())
}

#[track_caller]
pub(super) fn check_fraction(place: &str, p: f64) {
    assert!(
        (0.0..1.0).contains(&p),
        "{place}: the fraction p must be at least 0 and below 1, but it is {p}; \
         for the 99th percentile give 0.99"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_sentences_that_unwrap_shows() {
        let error = Queue::mm1(2.0, 1.0).theory();
        let Err(error) = error else { panic!("an overloaded queue has no steady state") };
        assert_eq!(
            format!("{error:?}"),
            "the queue has no steady state: 1 server cannot keep up with an offered load of 2 \
             (arrival rate / service rate), which must stay below 1; add servers or lower the \
             arrival rate"
        );
        assert_eq!(Queue::mmc(4.0, 1.0, 4).theory(), erlang_c(4, 4.0).map(|_| unreachable!()));
        assert_eq!(erlang_b(0, 1.0), Err(TheoryError::NoServers));
        for offered in [0.0, -1.0, f64::INFINITY] {
            assert_eq!(erlang_b(3, offered), Err(TheoryError::Load { offered }));
        }
        assert!(erlang_c(3, f64::NAN).is_err());
    }

    #[test]
    fn the_quantile_inverts_the_tail() {
        let theory = Queue::mmc(3.2, 1.0, 4).theory().unwrap();
        for p in [0.5, 0.9, 0.99] {
            assert!((theory.wait_exceeds(theory.wait_quantile(p)) - (1.0 - p)).abs() < 1e-12);
        }
        assert_eq!(theory.wait_quantile(0.1), 0.0);
        assert_eq!(theory.wait_exceeds(0.0), theory.probability_of_waiting);
    }

    #[test]
    #[should_panic(expected = "below 1, but it is 99")]
    fn a_percentage_is_not_a_fraction() {
        Queue::mm1(0.5, 1.0).theory().unwrap().wait_quantile(99.0);
    }
}
