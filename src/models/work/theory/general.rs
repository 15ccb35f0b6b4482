//! One server and any service; several servers and one that is special.

use super::tail::Tail;
use super::{Theory, TheoryError, sizes};
use crate::sim::Distribution;
use crate::work::discipline::Discipline;
use crate::work::queue::Queue;
use statrs::function::gamma::gamma_lr;

/// M/G/1, by its discipline.
pub(super) fn of(queue: &Queue) -> Result<Theory, TheoryError> {
    let arrivals = queue.arrival_rate();
    let load = queue.offered_load();
    let shares = queue.shares();
    let second: f64 = shares.iter().map(|(share, service)| share * service.moment(2)).sum();
    // The mean work that is left of the service under way.
    let residual = arrivals * second / 2.0;
    let finite = || match second.is_finite() {
        true => Ok(()),
        false => Err(TheoryError::Infinite { what: "second moment of the service time" }),
    };
    let by = |wait: f64, waiting: Option<f64>, source: &'static str| {
        Ok(Theory::from_wait(queue, wait, waiting, source))
    };
    match &queue.discipline {
        Discipline::Fifo | Discipline::Lifo | Discipline::Siro => {
            finite()?;
            // Whoever is next, the same work is done: the mean wait is the same.
            by(residual / (1.0 - load), Some(load), "Pollaczek, 1930; Khinchin, 1932")
        }
        Discipline::Ps | Discipline::LifoPreemptive => {
            // Whatever the service: only its mean counts.
            let mean = load / arrivals;
            by(mean / (1.0 - load) - mean, None, "Sakata, Noguchi and Oizumi, 1969")
        }
        Discipline::Sjf | Discipline::Srpt if queue.classes.is_empty() => {
            let wait = sizes::wait(&queue.discipline, arrivals, &queue.service)?;
            let waiting = matches!(queue.discipline, Discipline::Sjf).then_some(load);
            by(wait, waiting, "Schrage and Miller, 1966; Phipps, 1956")
        }
        Discipline::Priority => {
            finite()?;
            let waits = classes(queue, |before, after| residual / ((1.0 - before) * (1.0 - after)));
            let mean = shares.iter().zip(&waits).map(|((share, _), wait)| share * wait).sum();
            by(mean, Some(load), "Cobham, 1954")
        }
        Discipline::PriorityPreemptive => {
            finite()?;
            let mean = shares.iter().zip(preemptive(queue)).map(|((share, _), wait)| share * wait);
            by(mean.sum(), None, "White and Christie, 1958")
        }
        _ => Err(TheoryError::Unknown("this order of service")),
    }
}

/// Of each class the mean wait, as a function of the load of those before it and of those up to
/// and with it.
fn classes(queue: &Queue, wait: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let arrivals = queue.arrival_rate();
    let mut before = 0.0;
    let of = |(share, service): (f64, &Distribution)| {
        let after = before + arrivals * share * service.mean();
        wait(std::mem::replace(&mut before, after), after)
    };
    queue.shares().into_iter().map(of).collect()
}

/// With preemption and resumption: only those up to one's own class count.
fn preemptive(queue: &Queue) -> Vec<f64> {
    let arrivals = queue.arrival_rate();
    let (mut before, mut residual) = (0.0, 0.0);
    let of = |(share, service): (f64, &Distribution)| {
        let after = before + arrivals * share * service.mean();
        residual += arrivals * share * service.moment(2) / 2.0;
        let stay = service.mean() / (1.0 - before) + residual / ((1.0 - before) * (1.0 - after));
        before = after;
        stay - service.mean()
    };
    queue.shares().into_iter().map(of).collect()
}

/// The one rate of all classes, where their services are exponential and alike.
pub(super) fn alike(queue: &Queue) -> Option<f64> {
    let rates: Option<Vec<f64>> =
        queue.shares().into_iter().map(|(_, service)| service.rate_if_exponential()).collect();
    let rates = rates?;
    let same = |rate: &f64| (rate / rates[0] - 1.0).abs() < 1e-12;
    rates.iter().all(same).then(|| rates[0])
}

/// M/M/c with classes whose services are alike: its number is that of FIFO.
pub(super) fn ranked(queue: &Queue) -> Result<Theory, TheoryError> {
    let shares = queue.shares();
    let waits = ranks(queue)?;
    let mean = shares.iter().zip(&waits).map(|((share, _), wait)| share * wait).sum();
    let (waiting, source) = match queue.discipline {
        Discipline::PriorityPreemptive => (None, "Erlang, 1917, class by class"),
        _ => (Some(super::erlang_c(queue.servers(), queue.offered_load())?), "Cobham, 1954"),
    };
    Ok(Theory::from_wait(queue, mean, waiting, source))
}

/// The mean waits of these classes.
fn ranks(queue: &Queue) -> Result<Vec<f64>, TheoryError> {
    let unknown = TheoryError::Unknown("several servers with classes in this order");
    let (servers, rate) = (queue.servers() as f64, alike(queue).ok_or(unknown)?);
    match queue.discipline {
        Discipline::Fifo | Discipline::Lifo | Discipline::Siro => {
            let waiting = super::erlang_c(queue.servers(), queue.offered_load())?;
            let wait = waiting / (servers * rate - queue.arrival_rate());
            Ok(vec![wait; queue.shares().len()])
        }
        Discipline::Priority => {
            let waiting = super::erlang_c(queue.servers(), queue.offered_load())?;
            let wait = waiting / (servers * rate);
            Ok(classes(queue, |before, after| {
                wait / ((1.0 - before / servers) * (1.0 - after / servers))
            }))
        }
        Discipline::PriorityPreemptive => {
            // Those up to a class have the servers to themselves: an M/M/c, whose line is known.
            let line = |load: f64| -> Result<f64, TheoryError> {
                match load > 0.0 {
                    true => {
                        let waiting = super::erlang_c(queue.servers(), load)?;
                        Ok(waiting * load / (servers - load))
                    }
                    false => Ok(0.0),
                }
            };
            let mut load = 0.0;
            let of = |(share, _): (f64, &Distribution)| {
                // What one of a class without customers would wait is a limit.
                let more = (queue.arrival_rate() * share / rate).max(1e-9 * servers);
                let wait = (line(load + more)? - line(load)?) / (more * rate);
                load += more;
                Ok(wait)
            };
            queue.shares().into_iter().map(of).collect()
        }
        _ => Err(unknown),
    }
}

impl Queue {
    /// The mean wait of each class of an M/G/1 with priorities, in units of time: without
    /// preemption by Cobham (1954), with it by White and Christie (1958). Of an M/M/c, if all
    /// classes have the same service.
    ///
    /// # Errors
    /// For another queue, or where the server cannot keep up.
    pub fn waits_by_class(&self) -> Result<Vec<f64>, TheoryError> {
        let theory = self.theory()?;
        let second: f64 = self.shares().iter().map(|(p, service)| p * service.moment(2)).sum();
        let residual = self.arrival_rate() * second / 2.0;
        match (&self.discipline, self.servers()) {
            (Discipline::Priority, 1) => {
                Ok(classes(self, |before, after| residual / ((1.0 - before) * (1.0 - after))))
            }
            (Discipline::PriorityPreemptive, 1) => Ok(preemptive(self)),
            (_, 2..) => ranks(self),
            (Discipline::Fifo | Discipline::Lifo | Discipline::Siro, 1) => {
                Ok(vec![theory.wait; self.shares().len()])
            }
            _ => Err(TheoryError::Unknown("the classes of this queue")),
        }
    }

    /// An approximation of the mean wait of G/G/c, in units of time: that of M/M/c times the mean
    /// of the squared coefficients of variation of arrivals and services (Allen, 1978; for one
    /// server Kingman, 1961, proved it as an upper limit for heavy traffic).
    ///
    /// # Errors
    /// If the servers cannot keep up, or the variation is infinite or not known.
    pub fn allen_cunneen(&self) -> Result<f64, TheoryError> {
        let Some(between) = self.arrivals.between() else {
            return Err(TheoryError::Unknown("arrivals that depend on one another"));
        };
        let waiting = super::erlang_c(self.servers(), self.offered_load())?;
        let shares = self.shares();
        let second: f64 = shares.iter().map(|(share, service)| share * service.moment(2)).sum();
        let variation = between.scv() + (second * self.service_rate().powi(2) - 1.0).max(0.0);
        if !variation.is_finite() {
            return Err(TheoryError::Infinite { what: "variance of arrivals or services" });
        }
        let spare = self.servers() as f64 * self.service_rate() - self.arrival_rate();
        Ok(waiting / spare * variation / 2.0)
    }

    /// Kingman's (1961) approximation of the mean wait of G/G/1, in units of time:
    /// ρ / (1 - ρ) (ca² + cs²) / 2 E[S].
    ///
    /// # Errors
    /// As [`Queue::allen_cunneen`], and for several servers.
    pub fn kingman(&self) -> Result<f64, TheoryError> {
        match self.servers() {
            1 => self.allen_cunneen(),
            _ => Err(TheoryError::Unknown("several servers by Kingman's formula")),
        }
    }
}

/// M/M/c in another order: their number is that of FIFO, and so is the mean wait.
pub(super) fn memoryless(queue: &Queue) -> Result<Theory, TheoryError> {
    let known = matches!(
        queue.discipline,
        Discipline::Lifo | Discipline::Siro | Discipline::Ps | Discipline::LifoPreemptive
    );
    if !known {
        return Err(TheoryError::Unknown("several servers in this order"));
    }
    let fifo = super::erlang::of(queue)?;
    let at_once = matches!(queue.discipline, Discipline::Lifo | Discipline::Siro);
    let waiting = fifo.waiting.filter(|_| at_once);
    Ok(Theory { tail: Tail::Unknown, waiting, ..fifo })
}

/// GI/M/1: a newcomer finds n customers with probability (1 - σ) σ^n, where σ is the transform of
/// the times between arrivals at μ (1 - σ).
pub(super) fn memoryless_service(
    queue: &Queue,
    between: &Distribution,
    rate: f64,
) -> Result<Theory, TheoryError> {
    // The root below 1 of a convex function that is at 1 there too: from below, by iteration,
    // and then by halving.
    let (mut low, mut high) = (0.0, 1.0);
    let gap = |sigma: f64| between.transform(rate * (1.0 - sigma)) - sigma;
    // Just below 1 the function is below the line, because the server keeps up.
    let mut step = 0.5;
    while gap(1.0 - step) > 0.0 && step > 1e-12 {
        low = 1.0 - step;
        step /= 2.0;
    }
    if step < 1.0 {
        high = 1.0 - step;
    }
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if gap(middle) > 0.0 { low = middle } else { high = middle }
    }
    let sigma = (low + high) / 2.0;
    let falls = rate * (1.0 - sigma);
    let theory = Theory::from_wait(queue, sigma / falls, Some(sigma), "Smith, 1953; Kendall, 1953");
    Ok(Theory { tail: Tail::Exponential { falls, service: rate }, ..theory })
}

/// M/D/c: each server serves every c-th customer, so that the wait is that of E_c/D/1; and that
/// of any G/G/1 is a sum over n of what the first n customers bring beyond the time they take to
/// come (Spitzer, 1956; the queue is Crommelin's, 1932).
pub(super) fn constant(queue: &Queue) -> Result<Theory, TheoryError> {
    let (arrivals, service) = (queue.arrival_rate(), queue.service.mean());
    let servers = queue.servers() as f64;
    // The gamma distribution of the time in which n c customers come, up to n services.
    let below = |shape: f64, n: f64| gamma_lr(shape, arrivals * n * service);
    let wait = |n: f64| {
        let shape = n * servers;
        let over = n * service * below(shape, n) - shape / arrivals * below(shape + 1.0, n);
        over.max(0.0) / n
    };
    let chance = |n: f64| below(n * servers, n) / n;
    let sum = |term: &dyn Fn(f64) -> f64| {
        const SINGLY: u32 = 400;
        let mut sum: f64 = (1..=SINGLY).map(|n| term(f64::from(n))).sum();
        // The rest is smooth: by Gauss's rule, in blocks that grow.
        let mut from = f64::from(SINGLY) + 0.5;
        for _ in 0..200 {
            let to = from * 1.25;
            let block = gauss(from, to, term);
            sum += block;
            if block <= 1e-14 * sum {
                break;
            }
            from = to;
        }
        sum
    };
    let waiting = -(-sum(&chance)).exp_m1();
    Ok(Theory::from_wait(queue, sum(&wait), Some(waiting), "Crommelin, 1932; Spitzer, 1956"))
}

/// The integral of a smooth function, by five points.
pub(super) fn gauss(from: f64, to: f64, f: &dyn Fn(f64) -> f64) -> f64 {
    const POINTS: [(f64, f64); 5] = [
        (0.0, 0.568_888_888_888_888_9),
        (0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
        (-0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
        (0.906_179_845_938_664, 0.236_926_885_056_189_08),
        (-0.906_179_845_938_664, 0.236_926_885_056_189_08),
    ];
    let (middle, half) = ((from + to) / 2.0, (to - from) / 2.0);
    half * POINTS.iter().map(|(x, weight)| weight * f(middle + half * x)).sum::<f64>()
}
