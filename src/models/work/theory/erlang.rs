//! M/M/c and what follows from Erlang's two formulas.

use super::{Theory, TheoryError};
use crate::work::queue::Queue;
use statrs::distribution::{Continuous as _, ContinuousCDF as _, Normal};

/// M/M/c.
pub(super) fn of(queue: &Queue) -> Result<Theory, TheoryError> {
    let waiting = erlang_c(queue.servers(), queue.offered_load())?;
    let spare = queue.servers() as f64 * queue.service_rate() - queue.arrival_rate();
    let theory = Theory::from_wait(queue, waiting / spare, Some(waiting), "Erlang, 1917");
    Ok(Theory { tail: Some(spare), ..theory })
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
