//! Closed forms for queues in their steady state, each with its source.

mod breakdowns;
mod chain;
mod erlang;
mod general;
mod modulated;
mod patience;
mod sizes;
mod tail;

pub use erlang::{erlang_b, erlang_c, halfin_whitt};

use super::discipline::Discipline;
use super::queue::Queue;
use std::fmt;
use tail::Tail;

/// The steady state of a queue. Names and units are those of [`Estimates`](super::Estimates).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Theory {
    /// Mean time that those who are served do not spend being served, Wq, in units of time.
    pub wait: f64,
    /// Their mean time from arrival to departure, W, in units of time.
    pub time_in_system: f64,
    /// Mean number of customers waiting, Lq.
    pub queue_length: f64,
    /// Mean number of customers in the system, L.
    pub number_in_system: f64,
    /// The fraction of server time spent busy, ρ; 0 with servers without limit.
    pub utilization: f64,
    /// The fraction of those who are served that wait at all, where that is known.
    waiting: Option<f64>,
    /// The fraction of customers that find no room, or balk.
    pub lost: f64,
    /// The fraction of customers that lose patience.
    pub abandoned: f64,
    /// Who found it.
    pub source: &'static str,
    /// How waits and stays are distributed, where that is known.
    tail: Tail,
}

impl Theory {
    /// By the first formula that fits.
    pub(super) fn of(queue: &Queue) -> Result<Self, TheoryError> {
        if queue.retries.is_some() {
            return Err(TheoryError::Unknown("customers who come again"));
        }
        if let Some((works, repair)) = &queue.breakdowns {
            return breakdowns::of(queue, works, repair);
        }
        if queue.servers == usize::MAX {
            return erlang::without_limit(queue);
        }
        if queue.patience.is_some() || queue.balking.is_some() || queue.room.is_some() {
            return chain::of(queue);
        }
        let Some(between) = queue.arrivals.between() else {
            let any =
                matches!(queue.discipline, Discipline::Fifo | Discipline::Lifo | Discipline::Siro);
            if let (Some(states), Some(rate)) =
                (queue.arrivals.states(), queue.service.rate_if_exponential())
                && any
                && queue.classes.is_empty()
            {
                return modulated::of(queue, states, rate);
            }
            return Err(TheoryError::Unknown("arrivals that depend on one another"));
        };
        stable(queue)?;
        let fifo = matches!(queue.discipline, Discipline::Fifo);
        match (queue.arrivals.is_poisson(), queue.servers, queue.rate()) {
            (true, _, Some(_)) if fifo && queue.classes.is_empty() => erlang::of(queue),
            (true, 1, _) => general::of(queue),
            (true, _, Some(_)) if queue.classes.is_empty() => general::memoryless(queue),
            (true, _, _) if general::alike(queue).is_some() => general::ranked(queue),
            (true, _, _)
                if fifo && queue.classes.is_empty() && queue.service.is_deterministic() =>
            {
                general::constant(queue)
            }
            (false, 1, _) if fifo && queue.classes.is_empty() => {
                match queue.service.rate_if_exponential() {
                    Some(rate) => general::memoryless_service(queue, between, rate),
                    None => Err(TheoryError::Approximate("G/G/1")),
                }
            }
            _ if fifo => Err(TheoryError::Approximate("G/G/c")),
            _ => Err(TheoryError::Unknown("several servers, or such arrivals, in this order")),
        }
    }

    /// What follows of the mean wait by Little's law (1961), when nobody is lost.
    fn from_wait(queue: &Queue, wait: f64, waiting: Option<f64>, source: &'static str) -> Self {
        let (arrivals, service) = (queue.arrival_rate(), 1.0 / queue.service_rate());
        Self {
            wait,
            time_in_system: wait + service,
            queue_length: arrivals * wait,
            number_in_system: arrivals * (wait + service),
            utilization: queue.offered_load() / queue.servers() as f64,
            waiting,
            lost: 0.0,
            abandoned: 0.0,
            source,
            tail: Tail::Unknown,
        }
    }

    /// The fraction of those who are served that wait at all.
    ///
    /// # Errors
    /// Where this library has no closed form.
    pub fn probability_of_waiting(&self) -> Result<f64, TheoryError> {
        self.waiting.ok_or(TheoryError::Unknown("who waits in this queue"))
    }
}

/// An error unless the servers can keep up.
fn stable(queue: &Queue) -> Result<(), TheoryError> {
    let (servers, offered) = (queue.servers(), queue.offered_load());
    match offered < servers as f64 {
        true => Ok(()),
        false => Err(TheoryError::Unstable { servers, offered }),
    }
}

/// Why a closed form cannot be had.
#[derive(Clone, Copy, PartialEq)]
pub enum TheoryError {
    /// The load offered, in erlangs, is at least the number of servers.
    Unstable { servers: usize, offered: f64 },
    /// The load offered, in erlangs, is at least the fraction of time that the server is up.
    Breaks { offered: f64, up: f64 },
    /// The load is not a positive, finite number.
    Load { offered: f64 },
    /// There are no servers.
    NoServers,
    /// The wait is infinite on average, though the servers keep up: a moment of the service is.
    Infinite { what: &'static str },
    /// This library has none, for what is named.
    Unknown(&'static str),
    /// This library has none, for what is named, but an approximation.
    Approximate(&'static str),
    /// Everybody goes away again: there is no wait of those who are served.
    Nobody,
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
            Self::Breaks { offered, up } => write!(
                f,
                "the queue has no steady state: a server that works {:.1} % of the time cannot \
                 keep up with an offered load of {offered} (arrival rate / service rate), which \
                 must stay below {up}; shorten the repairs or lower the arrival rate",
                100.0 * up
            ),
            Self::Load { offered } => write!(
                f,
                "the offered load (arrival rate / service rate) must be a positive number, but it \
                 is {offered}; give a load above 0, as in 3.2"
            ),
            Self::NoServers => {
                write!(f, "there must be at least 1 server, but there are 0; give a number above 0")
            }
            Self::Infinite { what } => write!(
                f,
                "the mean wait is infinite, because the {what} is; give a distribution with a \
                 lighter tail, as a Pareto with a shape above 2"
            ),
            Self::Unknown(what) => {
                write!(f, "this library has no closed form for {what}; simulate it")
            }
            Self::Approximate(what) => write!(
                f,
                "this library has no closed form for {what}; simulate it, or ask \
                 Queue::allen_cunneen for an approximation"
            ),
            Self::Nobody => write!(
                f,
                "nobody is served, because everybody balks; give a probability to balk below 1 \
                 where nobody is present"
            ),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Distribution;
    use crate::work::Arrivals;

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
        let cases = [
            (Queue::mg1(0.1, Distribution::pareto(1.5, 1.0)), "second moment of the service time"),
            (
                Queue::new(Arrivals::modulated(&[(1.0, 1.0)]), Distribution::erlang(2, 0.5), 1),
                "depend on one another",
            ),
            (
                Queue::new(Distribution::erlang(2, 2.0), Distribution::erlang(2, 1.0), 1),
                "G/G/1; simulate it, or ask Queue::allen_cunneen",
            ),
            (
                Queue::mm1(0.5, 1.0)
                    .breakdowns(Distribution::erlang(2, 9.0), Distribution::exponential(1.0)),
                "break down in such a queue; simulate it",
            ),
            (
                Queue::mm1(0.95, 1.0)
                    .breakdowns(Distribution::exponential(9.0), Distribution::exponential(1.0)),
                "a server that works 90.0 % of the time cannot keep up",
            ),
        ];
        for (queue, told) in cases {
            let said = queue.theory().unwrap_err().to_string();
            assert!(said.contains(told), "{said}");
        }
    }
}
