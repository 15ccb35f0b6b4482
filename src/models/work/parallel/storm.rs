//! Retry storms: clients that give up waiting and ask again, while the server still works for the
//! question they have given up. Small causes may have lasting effects: metastable failures
//! (Bronson and others, HotOS 2021; Huang and others, OSDI 2022).

use crate::columns::Columns;
use crate::number::positive;
use crate::sim::{Calendar, Stream, replicate};
use crate::work::Backoff;
use crate::work::engine::BATCH;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

/// One server, first come first served, with Poisson requests and exponential services; a client
/// asks again when it has waited for `timeout`, up to `retries` times.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryStorm {
    rate: f64,
    service_rate: f64,
    timeout: f64,
    retries: u32,
    spike: Option<(Range<f64>, f64)>,
    room: usize,
    budget: Option<f64>,
    backoff: Option<Backoff>,
}

/// Retries that a budget keeps for later at most.
const KEPT: f64 = 10.0;

/// What is known of an attempt: how often its client had asked before, and how long it waited the
/// latest time before it asked again.
#[derive(Clone, Copy)]
struct Asked {
    retries: u32,
    waited: f64,
}

impl RetryStorm {
    /// Requests and services per unit of time, the time-out, and how often one asks again.
    ///
    /// # Panics
    /// If they are not positive numbers.
    #[track_caller]
    pub fn new(rate: f64, service_rate: f64, timeout: f64, retries: u32) -> Self {
        const PLACE: &str = "RetryStorm::new";
        Self {
            rate: positive(PLACE, "rate of requests", rate),
            service_rate: positive(PLACE, "service rate", service_rate),
            timeout: positive(PLACE, "time-out", timeout),
            retries,
            spike: None,
            room: usize::MAX,
            budget: None,
            backoff: None,
        }
    }

    /// The same with a budget for retries, all clients together: each request adds this fraction
    /// of a retry, 0.1 for a tenth, and a client asks again only if a whole one is there. Up to
    /// ten that were not used are kept, or what one request adds, if that is more.
    ///
    /// # Panics
    /// If the fraction is not a number of at least 0.
    #[track_caller]
    pub fn budget(self, fraction: f64) -> Self {
        assert!(
            fraction >= 0.0 && fraction.is_finite(),
            "RetryStorm::budget: the retries for each request must be a number of at least 0, but \
             it is {fraction}; give 0.1 for one retry in ten requests"
        );
        Self { budget: Some(fraction), ..self }
    }

    /// The same with clients that wait after a time-out before they ask again. How often they do
    /// is limited by the retries of [`RetryStorm::new`] alone.
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff: Some(backoff.without_end()), ..self }
    }

    /// The same with a line that holds so many: who comes when it is full is not told, and waits
    /// for the time-out in vain. Without it the line of a storm grows for as long as it lasts.
    ///
    /// # Panics
    /// If it holds none.
    #[track_caller]
    pub fn room(self, attempts: usize) -> Self {
        assert!(
            attempts >= 1,
            "RetryStorm::room: the line must hold at least 1 attempt, the one that is served"
        );
        Self { room: attempts, ..self }
    }

    /// The same with so many times the requests during a while.
    ///
    /// # Panics
    /// If the factor is not a positive number, or the while is empty.
    #[track_caller]
    pub fn spike(mut self, during: Range<f64>, times: f64) -> Self {
        let times = positive("RetryStorm::spike", "factor", times);
        assert!(
            0.0 <= during.start && during.start < during.end,
            "RetryStorm::spike: the while must begin at 0 or later and end after that, but it is \
             {during:?}"
        );
        self.spike = Some((during, times));
        self
    }

    /// The chance that an attempt takes longer than the time-out when so many come per unit of
    /// time: e^(-(μ - λ) timeout) as in M/M/1, and 1 when the server cannot keep up.
    pub fn fails(&self, attempts: f64) -> f64 {
        (-(self.service_rate - attempts) * self.timeout).exp().min(1.0)
    }

    /// The attempts that come when so many come: λ (1 + p + .. + p^retries), p being the chance
    /// that one fails, and with a budget no more retries than it allows. A mean-field picture:
    /// attempts are taken as Poisson. Backoff makes retries later and not fewer: nothing changes.
    pub fn caused(&self, attempts: f64) -> f64 {
        let fails = self.fails(attempts);
        let all = (0..=self.retries).map(|k| fails.powi(k as i32)).sum::<f64>();
        self.rate * self.budget.map_or(all, |budget| all.min(1.0 + budget))
    }

    /// The rates of attempts that keep themselves up, in ascending order: one, or three, of which
    /// the middle one is unstable. With three the system has two lives.
    pub fn equilibria(&self) -> Vec<f64> {
        const STEPS: u32 = 100_000;
        // Without a single retry the root is the rate itself.
        let (least, most) = (self.rate * 0.999, self.rate * f64::from(self.retries + 1) * 1.001);
        let at = |step: u32| least + (most - least) * f64::from(step) / f64::from(STEPS);
        let gap = |attempts: f64| self.caused(attempts) - attempts;
        let mut found = vec![];
        for step in 0..STEPS {
            let (mut low, mut high) = (at(step), at(step + 1));
            if (gap(low) > 0.0) == (gap(high) > 0.0) {
                continue;
            }
            let rising = gap(low) > 0.0;
            for _ in 0..80 {
                let middle = (low + high) / 2.0;
                if (gap(middle) > 0.0) == rising { low = middle } else { high = middle }
            }
            found.push((low + high) / 2.0);
        }
        found
    }

    /// What happens until `end`, in intervals of `step` units of time, one row each, means over
    /// so many replications: `time` (the interval's end), `requests`, `attempts` and `answered`
    /// (in time), each per unit of time, and `queue`, the number waiting at its end.
    ///
    /// # Panics
    /// If end and step are not positive numbers, or there is no replication.
    #[track_caller]
    pub fn observed(&self, end: f64, step: f64, replications: usize, seed: u64) -> Columns {
        const PLACE: &str = "RetryStorm::observe";
        positive(PLACE, "end", end);
        positive(PLACE, "step", step);
        assert!(replications >= 1, "{PLACE}: there must be at least 1 replication");
        let intervals = (end / step).ceil() as usize;
        let (most, rate) = match &self.spike {
            None => (self.rate, None),
            Some((during, times)) => (self.rate * times.max(1.0), Some((during, times))),
        };
        let rate = |now: f64| match rate {
            Some((during, times)) if during.contains(&now) => self.rate * times,
            _ => self.rate,
        };
        let runs = replicate(replications, |replication| {
            self.run(intervals, step, most, rate, |name| Stream::new(seed, replication, name))
        });
        let mean = |i: usize, part: usize| {
            runs.iter().map(|run| run[i][part]).sum::<f64>() / replications as f64
        };
        let column = |part: usize, per: f64| -> Vec<f64> {
            (0..intervals).map(|i| mean(i, part) / per).collect()
        };
        let times: Vec<f64> = (1..=intervals).map(|i| i as f64 * step).collect();
        Columns::new("requests that are repeated after a time-out")
            .numbers("time", &times)
            .numbers("requests", &column(0, step))
            .numbers("attempts", &column(1, step))
            .numbers("answered", &column(2, step))
            .numbers("queue", &column(3, 1.0))
    }

    /// The same system as its load is turned up slowly and down again, which shows its memory
    /// (hysteresis): each rate of requests of `loads`, in ascending order, is held for a time
    /// `hold`, first from the lowest to the highest, then back, without a pause. One row for each
    /// load: `load` (requests per unit of time), and of the second half of the time that it was
    /// held the fraction of requests that were answered in time, on the way `up` and on the way
    /// `down`; means over so many replications.
    ///
    /// # Panics
    /// If there are no loads, they are not positive or not in ascending order, the time is not
    /// positive, or there is no replication.
    #[track_caller]
    pub fn turned(&self, loads: &[f64], hold: f64, replications: usize, seed: u64) -> Columns {
        const PLACE: &str = "RetryStorm::hysteresis";
        positive(PLACE, "time for which a load is held", hold);
        assert!(replications >= 1, "{PLACE}: there must be at least 1 replication");
        assert!(
            !loads.is_empty(),
            "{PLACE}: there are no loads; give some, as in &[0.5, 0.7, 0.9]"
        );
        loads.iter().for_each(|load| {
            positive(PLACE, "load", *load);
        });
        assert!(
            loads.is_sorted(),
            "{PLACE}: the loads must be in ascending order, but they are {loads:?}"
        );
        let way: Vec<f64> = loads.iter().chain(loads.iter().rev()).copied().collect();
        let most = loads.iter().copied().fold(0.0, f64::max);
        let rate = |now: f64| way[((now / hold) as usize).min(way.len() - 1)];
        let halves = 2 * way.len();
        let runs = replicate(replications, |replication| {
            self.run(halves, hold / 2.0, most, rate, |name| Stream::new(seed, replication, name))
        });
        let answered = |held: usize| {
            let of = |part: usize| runs.iter().map(|run| run[2 * held + 1][part]).sum::<f64>();
            // Answers to requests of the first half may make it more than all.
            if of(0) == 0.0 { 0.0 } else { (of(2) / of(0)).min(1.0) }
        };
        let (up, down): (Vec<f64>, Vec<f64>) =
            (0..loads.len()).map(|at| (answered(at), answered(way.len() - 1 - at))).unzip();
        Columns::new("requests answered in time as the load goes up and down")
            .numbers("load", loads)
            .numbers("up", &up)
            .numbers("down", &down)
    }

    /// Of each interval: requests, attempts, answers in time, and the queue at its end; with
    /// `rate` requests per unit of time at a time, and never more than `most`.
    fn run(
        &self,
        intervals: usize,
        step: f64,
        most: f64,
        rate: impl Fn(f64) -> f64,
        stream: impl Fn(&str) -> Stream,
    ) -> Vec<[f64; 4]> {
        let (mut random, mut waits) = (stream("storm"), stream("backoff"));
        let mut rows = vec![[0.0; 4]; intervals];
        // Attempts wait with the time at which their client gives up; those that are due to be
        // repeated, in the order of time, with how often they were.
        let mut line: VecDeque<(f64, u64)> = VecDeque::new();
        let mut open: BTreeMap<u64, Asked> = BTreeMap::new();
        let mut due: VecDeque<(f64, u64)> = VecDeque::new();
        // Those who wait before they ask again, and the retries that the budget has left.
        let mut later: Calendar<Asked> = Calendar::new();
        let mut allowed = KEPT;
        let (mut served, mut number, mut batch) = (f64::INFINITY, 0u64, 0);
        let mut arrival = random.exponential() / most;
        let end = intervals as f64 * step;
        let mut row = 0;
        loop {
            batch += 1;
            if batch % BATCH == 0 {
                crate::interrupt::tick();
            }
            let gives_up = due.front().map_or(f64::INFINITY, |(at, _)| *at);
            let asks_again = later.upcoming().unwrap_or(f64::INFINITY);
            let now = arrival.min(served).min(gives_up).min(asks_again);
            while row < intervals && now >= (row + 1) as f64 * step {
                rows[row][3] = line.len() as f64;
                row += 1;
            }
            if now >= end {
                return rows;
            }
            let mut asks = None;
            if now == served {
                // It may serve what nobody waits for any more.
                if let Some((gave_up, attempt)) = line.pop_front()
                    && now <= gave_up
                    && open.remove(&attempt).is_some()
                {
                    rows[row][2] += 1.0;
                }
                served = match line.is_empty() {
                    true => f64::INFINITY,
                    false => now + random.exponential() / self.service_rate,
                };
            } else if now == gives_up {
                if let Some((_, attempt)) = due.pop_front()
                    && let Some(Asked { retries, waited }) = open.remove(&attempt)
                    && retries < self.retries
                    && (self.budget.is_none() || allowed >= 1.0)
                {
                    allowed -= 1.0;
                    let delay = self.backoff.and_then(|b| b.delay(retries, waited, &mut waits));
                    let again = Asked { retries: retries + 1, waited: delay.unwrap_or(0.0) };
                    match delay {
                        Some(delay) => later.book_at(now + delay, again),
                        None => asks = Some(again),
                    }
                }
            } else if now == asks_again {
                asks = later.next();
            } else {
                // By thinning: in ordinary times a part of the arrivals of the busiest.
                if random.uniform() * most < rate(now) {
                    rows[row][0] += 1.0;
                    asks = Some(Asked { retries: 0, waited: 0.0 });
                    let budget = self.budget.unwrap_or(0.0);
                    allowed = (allowed + budget).min(budget.max(KEPT));
                }
                arrival = now + random.exponential() / most;
            }
            if let Some(asked) = asks {
                rows[row][1] += 1.0;
                open.insert(number, asked);
                due.push_back((now + self.timeout, number));
                if line.is_empty() {
                    served = now + random.exponential() / self.service_rate;
                }
                if line.len() < self.room {
                    line.push_back((now + self.timeout, number));
                }
                number += 1;
            }
        }
    }
}
