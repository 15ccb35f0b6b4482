//! The queue: its parameters, and what can be asked of it.

use super::arrivals::Arrivals;
use super::backoff::Backoff;
use super::discipline::Discipline;
use super::endless;
use super::engine::{self, Order};
use super::estimates::{Estimates, settled};
use super::fifo;
use super::run::Run;
use super::theory::{Theory, TheoryError};
use crate::number::positive;
use crate::sim::{Distribution, Trials, replicate};
use std::fmt;
use std::sync::Arc;

/// A queue in front of equal servers, in Kendall's notation A/S/c/K: arrivals, service, servers,
/// room. Made by one of the constructors; what is left unsaid is as in M/M/c: one line, first
/// come first served, without limit, of customers who wait patiently for servers that do not
/// break.
#[derive(Clone)]
pub struct Queue {
    pub(super) arrivals: Arrivals,
    pub(super) service: Distribution,
    pub(super) servers: usize,
    pub(super) room: Option<usize>,
    pub(super) discipline: Discipline,
    /// Of each class the share of arrivals up to and with it, and its service.
    pub(super) classes: Vec<(f64, Distribution)>,
    pub(super) patience: Option<Distribution>,
    pub(super) balking: Option<Balking>,
    pub(super) retries: Option<Backoff>,
    /// How long a server works until it breaks, and is down then.
    pub(super) breakdowns: Option<(Distribution, Distribution)>,
}

/// More servers than a computer should be asked for.
const MOST_SERVERS: usize = 100_000_000;

/// The probability to go away at the sight of so many customers.
pub type Balking = Arc<dyn Fn(usize) -> f64 + Send + Sync>;

impl Queue {
    /// M/M/1: `arrival_rate` customers come per unit of time, the one server
    /// finishes `service_rate` of them while it is busy.
    ///
    /// # Panics
    /// If a rate is not a positive number.
    #[track_caller]
    pub fn mm1(arrival_rate: f64, service_rate: f64) -> Self {
        Self::memoryless("Queue::mm1", arrival_rate, service_rate, 1)
    }

    /// M/M/c: as [`Queue::mm1`], with so many servers; `service_rate` is that of each.
    ///
    /// # Panics
    /// If a rate is not a positive number or there is no server.
    #[track_caller]
    pub fn mmc(arrival_rate: f64, service_rate: f64, servers: usize) -> Self {
        Self::memoryless("Queue::mmc", arrival_rate, service_rate, servers)
    }

    /// M/M/∞: as [`Queue::mmc`], with a server for everybody, so that nobody waits. As with
    /// `usize::MAX` servers elsewhere, the utilization is 0; how many are busy is told by the
    /// number in the system.
    ///
    /// # Panics
    /// If a rate is not a positive number.
    #[track_caller]
    pub fn mm_infinity(arrival_rate: f64, service_rate: f64) -> Self {
        Self::memoryless("Queue::mm_infinity", arrival_rate, service_rate, usize::MAX)
    }

    /// M/G/1: Poisson arrivals, any service.
    ///
    /// # Panics
    /// If the rate is not a positive number.
    #[track_caller]
    pub fn mg1(arrival_rate: f64, service: Distribution) -> Self {
        let rate = positive("Queue::mg1", "arrival rate", arrival_rate);
        Self::checked("Queue::mg1", Arrivals::poisson(rate), service, 1)
    }

    /// G/G/c: any arrivals (an [`Arrivals`], or a [`Distribution`] of the times between them),
    /// any service, so many servers; with `usize::MAX` there is one for everybody.
    ///
    /// # Panics
    /// If there is no server.
    #[track_caller]
    pub fn new(arrivals: impl Into<Arrivals>, service: Distribution, servers: usize) -> Self {
        Self::checked("Queue::new", arrivals.into(), service, servers)
    }

    /// The same with room for so many customers, those in service included (Kendall's K): who
    /// comes when it is full is lost.
    ///
    /// # Panics
    /// If there is less room than servers.
    #[track_caller]
    pub fn room(mut self, customers: usize) -> Self {
        assert!(
            customers >= self.servers,
            "Queue::room: there must be room for as many customers as servers, {}, but there is for \
             {customers}",
            self.servers
        );
        self.room = Some(customers);
        self
    }

    /// The same with another discipline.
    pub fn discipline(mut self, discipline: Discipline) -> Self {
        self.discipline = discipline;
        self
    }

    /// The same with several classes of customers: of each its share of the arrivals (shares
    /// need not sum to 1) and its service. The first has the highest priority, where there are
    /// priorities.
    ///
    /// # Panics
    /// If a share is negative, or they sum to nothing.
    #[track_caller]
    pub fn classes(mut self, classes: &[(f64, Distribution)]) -> Self {
        for (share, _) in classes {
            assert!(
                *share >= 0.0 && share.is_finite(),
                "Queue::classes: each share must be a number of at least 0, but one is {share}"
            );
        }
        let total: f64 = classes.iter().map(|(share, _)| share).sum();
        assert!(
            total > 0.0,
            "Queue::classes: the shares must sum to more than 0, but they sum to {total}; give at \
             least one class a share"
        );
        let mut sum = 0.0;
        let up_to = classes.iter().map(|(share, service)| {
            sum += share;
            (sum / total, service.clone())
        });
        self.classes = up_to.collect();
        self
    }

    /// The same with customers who go away when they have waited so long (abandonment, M/M/c+G).
    pub fn patience(mut self, patience: Distribution) -> Self {
        self.patience = Some(patience);
        self
    }

    /// The same with customers who go away at once (balk) with a probability that depends on how
    /// many they see.
    ///
    /// # Panics
    /// If the probability is not between 0 and 1 where nobody is present; elsewhere when it is
    /// asked for.
    #[track_caller]
    pub fn balking(mut self, probability: impl Fn(usize) -> f64 + Send + Sync + 'static) -> Self {
        self.balking = Some(Arc::new(probability));
        self.balks_at(0);
        self
    }

    /// The probability to balk at the sight of so many.
    #[inline]
    #[track_caller]
    pub(super) fn balks_at(&self, present: usize) -> f64 {
        let Some(balking) = &self.balking else { return 0.0 };
        let probability = balking(present);
        assert!(
            (0.0..=1.0).contains(&probability),
            "Queue::balking: a probability must be between 0 and 1, but with {present} customers \
             present it is {probability}"
        );
        probability
    }

    /// The same with customers who come again when they were turned away or lost patience.
    pub fn retries(mut self, backoff: Backoff) -> Self {
        self.retries = Some(backoff);
        self
    }

    /// The same with servers that break: how long one works, and how long its repair takes. Who
    /// is being served waits there and goes on afterwards.
    pub fn breakdowns(mut self, works: Distribution, repair: Distribution) -> Self {
        self.breakdowns = Some((works, repair));
        self
    }

    /// Customers per unit of time, λ.
    pub fn arrival_rate(&self) -> f64 {
        self.arrivals.rate()
    }

    /// Customers that one busy server finishes per unit of time, μ.
    pub fn service_rate(&self) -> f64 {
        1.0 / self.mean_service()
    }

    /// The number of servers, c.
    pub fn servers(&self) -> usize {
        self.servers
    }

    /// The load offered, λ / μ, in erlangs: the servers that would be busy if
    /// nobody had to wait.
    pub fn offered_load(&self) -> f64 {
        match (self.rate(), self.classes.is_empty()) {
            // Exactly what was given, not its reciprocal's reciprocal.
            (Some((arrivals, services)), true) => arrivals / services,
            _ => self.arrival_rate() * self.mean_service(),
        }
    }

    /// The closed form of the steady state.
    ///
    /// # Errors
    /// If there is none: the servers cannot keep up, or nobody has found one.
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
    /// With fewer than 2 replications or without customers; with a trace of fewer arrivals; with
    /// processor sharing of what it cannot be had with.
    #[track_caller]
    pub fn simulate(&self, trials: Trials) -> Estimates {
        let Trials { replications, customers, warmup, .. } = trials;
        assert!(
            customers >= 1,
            "Queue::simulate: each replication needs at least 1 customer, \
             as in Trials::new(10, 100_000)"
        );
        self.check("Queue::simulate", warmup + customers);
        Estimates::of(replicate(replications, |replication| self.run(trials, replication)))
    }

    /// The same with as many replications as it takes: after those of `trials` it runs twice as
    /// many, and so on, until half the width of the interval of the mean time in the system is at
    /// most `relative` times the mean, or there are `most`: `simulate_until(0.01, 1_000, trials)`
    /// for one per cent. Whoever looks after each replication stops too early too often.
    ///
    /// # Panics
    /// As [`Queue::simulate`]; if `relative` is not a positive number, or `most` is less than the
    /// replications of `trials`.
    #[track_caller]
    pub fn simulate_until(&self, relative: f64, most: usize, trials: Trials) -> Estimates {
        self.check("Queue::simulate_until", trials.warmup + trials.customers);
        Estimates::until("Queue::simulate_until", relative, most, trials, |replication| {
            self.run(trials, replication)
        })
    }

    /// `trials` with a warm-up that is found and not guessed, by MSER-5 (White, 1997): of the mean
    /// over ten runs of each customer's wait, from the empty queue on. The runs are others than
    /// those of `trials`, so that what is left out does not depend on what is measured.
    ///
    /// # Panics
    /// With fewer than 20 customers: nothing can be seen in so few.
    #[track_caller]
    pub fn settled(&self, trials: Trials) -> Trials {
        self.check("Queue::settled", trials.customers);
        settled("Queue::settled", trials, |order| {
            self.visits(order).iter().map(|visit| visit.wait).collect()
        })
    }

    fn run(&self, trials: Trials, replication: u64) -> Run {
        let Trials { customers: counted, warmup, seed, .. } = trials;
        let order = Order { seed, replication, warmup, counted };
        match (self.servers, self.is_plain()) {
            (usize::MAX, _) => endless::run(self, order, |_| ()),
            (_, true) => fifo::run(self, order),
            _ => engine::run(self, order, |_| ()),
        }
    }

    /// Whether the recursion describes it.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.discipline, Discipline::Fifo)
            && self.classes.is_empty()
            && self.arrivals.between().is_some()
            && self.breakdowns.is_none()
            && !self.may_turn_away()
    }

    pub(super) fn may_turn_away(&self) -> bool {
        self.room.is_some() || self.patience.is_some() || self.balking.is_some()
    }

    #[track_caller]
    pub(super) fn check(&self, place: &str, customers: usize) {
        if let Some(count) = self.arrivals.count() {
            assert!(
                count >= customers,
                "{place}: the trace has {count} arrivals, but {customers} customers are asked for, \
                 with those of the warm-up; ask for fewer, as in Trials::new(10, {})",
                count * 10 / 11
            );
        }
        let (balks, breaks) = (self.balking.is_some(), self.breakdowns.is_some());
        let returns = self.retries.is_some();
        assert!(
            !matches!(self.discipline, Discipline::Ps)
                || !(self.patience.is_some() || balks || breaks || returns),
            "{place}: processor sharing is not simulated with patience, balking, breakdowns or \
             retries; choose another discipline, or leave these out"
        );
        assert!(
            self.servers < usize::MAX || !(balks || breaks),
            "{place}: servers without limit are not simulated with balking or breakdowns; leave \
             these out, or give a number of servers"
        );
        assert!(
            self.servers <= MOST_SERVERS || self.servers == usize::MAX,
            "{place}: at most {MOST_SERVERS} servers can be simulated, but there are {}; for one \
             for everybody take Queue::mm_infinity",
            self.servers
        );
    }

    /// The class that is meant by a number between 0 and 1, and its service.
    #[inline]
    pub(super) fn class_of(&self, uniform: f64) -> (u32, &Distribution) {
        let at = self.classes.iter().position(|(up_to, _)| uniform < *up_to);
        let at = at.unwrap_or(self.classes.len() - 1);
        (at as u32, &self.classes[at].1)
    }

    /// The shares of the classes and their services; one class of all, if there are none.
    pub(super) fn shares(&self) -> Vec<(f64, &Distribution)> {
        if self.classes.is_empty() {
            return vec![(1.0, &self.service)];
        }
        let mut before = 0.0;
        let share = |(up_to, service)| (up_to - std::mem::replace(&mut before, up_to), service);
        self.classes.iter().map(|(up_to, service)| (*up_to, service)).map(share).collect()
    }

    fn mean_service(&self) -> f64 {
        self.shares().iter().map(|(share, service)| share * service.mean()).sum()
    }

    /// Both rates, if both are exponential.
    pub(super) fn rate(&self) -> Option<(f64, f64)> {
        let arrivals = self.arrivals.between()?.rate_if_exponential()?;
        Some((arrivals, self.service.rate_if_exponential()?))
    }

    #[track_caller]
    fn memoryless(place: &str, arrival_rate: f64, service_rate: f64, servers: usize) -> Self {
        let arrivals = positive(place, "arrival rate", arrival_rate);
        let services = positive(place, "service rate", service_rate);
        let service = Distribution::with_rate(services);
        Self::checked(place, Arrivals::poisson(arrivals), service, servers)
    }

    #[track_caller]
    fn checked(place: &str, arrivals: Arrivals, service: Distribution, servers: usize) -> Self {
        assert!(
            servers >= 1,
            "{place}: the queue needs at least 1 server, but there are 0; give it one, \
             as in Queue::mmc(3.2, 1.0, 4)"
        );
        Self {
            arrivals,
            service,
            servers,
            room: None,
            discipline: Discipline::Fifo,
            classes: vec![],
            patience: None,
            balking: None,
            retries: None,
            breakdowns: None,
        }
    }
}

/// As "M/M/4 with λ = 3.2, μ = 1", "M/LN/1/20 SJF with λ = 0.8, μ = 1".
impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = if self.classes.is_empty() { self.service.letter() } else { "G".to_owned() };
        match self.servers {
            usize::MAX => write!(f, "{}/{service}/∞", self.arrivals)?,
            servers => write!(f, "{}/{service}/{servers}", self.arrivals)?,
        }
        if let Some(room) = self.room {
            write!(f, "/{room}")?;
        }
        if !matches!(self.discipline, Discipline::Fifo) {
            write!(f, " {}", self.discipline.name())?;
        }
        let short = |value| crate::number::short(value, 4);
        write!(f, " with λ = {}, μ = {}", short(self.arrival_rate()), short(self.service_rate()))
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
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
}
