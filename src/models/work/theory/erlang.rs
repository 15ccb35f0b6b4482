//! M/M/c and what follows from Erlang's two formulas.

use super::tail::Tail;
use super::{Theory, TheoryError};
use crate::work::queue::Queue;
use statrs::distribution::{Continuous as _, ContinuousCDF as _, Normal};

/// M/M/c.
pub(super) fn of(queue: &Queue) -> Result<Theory, TheoryError> {
    let waiting = erlang_c(queue.servers(), queue.offered_load())?;
    let spare = queue.servers() as f64 * queue.service_rate() - queue.arrival_rate();
    let theory = Theory::from_wait(queue, waiting / spare, Some(waiting), "Erlang, 1917");
    let tail = Tail::Exponential { falls: spare, service: queue.service_rate() };
    Ok(Theory { tail, ..theory })
}

/// G/G/∞: nobody waits, so that there are as many as arrive in the time of a service.
pub(super) fn without_limit(queue: &Queue) -> Result<Theory, TheoryError> {
    if queue.balking.is_some() {
        return Err(TheoryError::Unknown("servers without limit and customers who balk"));
    }
    if !queue.offered_load().is_finite() {
        return Err(TheoryError::Infinite { what: "mean of the service time" });
    }
    let theory = Theory::from_wait(queue, 0.0, Some(0.0), "Takács, 1962");
    let service = queue.service.rate_if_exponential().filter(|_| queue.classes.is_empty());
    Ok(Theory { utilization: 0.0, tail: Tail::NoWait { service }, ..theory })
}

/// More servers than a recursion should go through.
const MOST_SERVERS: usize = 1_000_000_000;

/// Erlang B: the fraction of customers lost when those who find all servers
/// busy leave, at an offered load in erlangs. By the recursion
/// 1/B(k) = 1 + k / (a B(k-1)), which neither overflows nor cancels: it holds
/// for any number of servers.
///
/// # Errors
/// If there is no server, the load is not a positive number, or a billion servers are not enough.
pub fn erlang_b(servers: usize, offered: f64) -> Result<f64, TheoryError> {
    check(servers, offered)?;
    // Well beyond the load the recursion comes to its end, for nobody is lost.
    if servers > MOST_SERVERS && offered > MOST_SERVERS as f64 / 3.0 {
        return Err(TheoryError::Unknown("more than a billion servers that are all busy"));
    }
    let mut inverse = 1.0;
    for k in 1..=servers {
        inverse = 1.0 + inverse * (k as f64 / offered);
        if inverse == f64::INFINITY {
            break;
        }
        if k % (1 << 20) == 0 {
            crate::interrupt::tick();
        }
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

/// The fraction of customers that wait at a large load `a` with a + `beta` √a servers, in the
/// limit: 1 / (1 + β Φ(β) / φ(β)) (Halfin and Whitt, 1981).
///
/// # Panics
/// If `beta` is not a positive number: with less there is no steady state.
#[track_caller]
pub fn halfin_whitt(beta: f64) -> f64 {
    crate::number::positive("halfin_whitt", "spare β in roots of the load", beta);
    let normal = Normal::standard();
    1.0 / (1.0 + beta * normal.cdf(beta) / normal.pdf(beta))
}

fn check(servers: usize, offered: f64) -> Result<(), TheoryError> {
    if servers == 0 {
        return Err(TheoryError::NoServers);
    }
    if !(offered > 0.0 && offered.is_finite()) {
        return Err(TheoryError::Load { offered });
    }
    Ok(())
}
