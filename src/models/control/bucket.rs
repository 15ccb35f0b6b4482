//! Token and leaky buckets: how much may come in, at once and in the long run.
//!
//! A token bucket fills at `rate` and holds `burst`: what it admits in any time t is at most
//! burst + rate t (its envelope; Cruz, 1991). A leaky bucket holds what comes and lets it out at
//! an even rate. With Poisson requests both drop exactly as many, as many as the queue M/D/1/K
//! with a room of the burst: the one lets bursts through, the other makes them wait.
//!
//! ```
//! use pillars_models::control::{Limiter, TokenBucket, bucket};
//! let mut bucket = TokenBucket::new(10.0, 5);
//! let times: Vec<f64> = (0..100).map(|i| f64::from(i) * 0.01).collect();
//! let admitted: Vec<f64> = times.into_iter().filter(|now| bucket.admits(*now)).collect();
//! assert_eq!(admitted.len(), 5 + 9);
//! assert!(bucket::excess(&admitted, 10.0) <= 5.0 + 1e-6);
//! ```

use super::at_least;
use crate::number::positive;
use crate::sim::{Estimate, Stream, Trials, replicate};

/// Who says whether a request may come in. A closure that gets the time, in seconds, is one.
pub trait Limiter {
    /// Whether a request at this time is let in; times never go back.
    fn admits(&mut self, now: f64) -> bool;

    /// How long one that was just let in has to wait, in seconds.
    fn delay(&self, _now: f64) -> f64 {
        0.0
    }
}

impl<F: FnMut(f64) -> bool> Limiter for F {
    fn admits(&mut self, now: f64) -> bool {
        self(now)
    }
}

/// Tokens come at an even rate until the bucket is full; each request takes one or is dropped.
/// It is full at first.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenBucket {
    rate: f64,
    burst: usize,
    tokens: f64,
    filled: f64,
}

/// Rounding must not cost a request that comes just when its token does.
const ROUNDING: f64 = 1e-9;

impl TokenBucket {
    /// So many tokens a second, and so many at most.
    ///
    /// # Panics
    /// If the rate is not a positive number, or there is room for no token.
    #[track_caller]
    pub fn new(rate: f64, burst: usize) -> Self {
        const PLACE: &str = "TokenBucket::new";
        positive(PLACE, "rate of tokens", rate);
        at_least(PLACE, "tokens that it holds", 1, burst);
        Self { rate, burst, tokens: burst as f64, filled: 0.0 }
    }

    /// Takes `amount` tokens if they are there at this time.
    ///
    /// # Panics
    /// If the amount is not a number of at least 0.
    #[track_caller]
    pub fn take(&mut self, now: f64, amount: f64) -> bool {
        super::not_negative("TokenBucket::take", "amount", amount);
        let passed = (now - self.filled).max(0.0);
        self.tokens = (self.tokens + self.rate * passed).min(self.burst as f64);
        self.filled = self.filled.max(now);
        let enough = self.tokens >= amount - ROUNDING;
        if enough {
            self.tokens -= amount;
        }
        enough
    }

    /// How many tokens were there when it was last asked.
    pub fn tokens(&self) -> f64 {
        self.tokens
    }

    /// The most that it admits in any time of so many seconds.
    pub fn envelope(&self, seconds: f64) -> f64 {
        self.burst as f64 + self.rate * seconds
    }

    /// The share of Poisson requests, so many a second, that it drops in the long run: that of
    /// M/D/1/K, K being the burst, with services of 1 / rate.
    ///
    /// # Panics
    /// If the load is not a positive number.
    #[track_caller]
    pub fn drops(&self, load: f64) -> f64 {
        positive("TokenBucket::drops", "rate of requests", load);
        md1k(load / self.rate, self.burst).0
    }
}

impl Limiter for TokenBucket {
    fn admits(&mut self, now: f64) -> bool {
        self.take(now, 1.0)
    }
}

/// Requests wait in the bucket and leave it at an even rate; those that find it full are dropped.
#[derive(Clone, Debug, PartialEq)]
pub struct LeakyBucket {
    rate: f64,
    room: usize,
    /// When all that is in it will have left.
    empty: f64,
}

impl LeakyBucket {
    /// So many leave a second; it holds so many, the one that is about to leave among them.
    ///
    /// # Panics
    /// If the rate is not a positive number, or there is no room.
    #[track_caller]
    pub fn new(rate: f64, room: usize) -> Self {
        const PLACE: &str = "LeakyBucket::new";
        positive(PLACE, "rate", rate);
        at_least(PLACE, "requests that it holds", 1, room);
        Self { rate, room, empty: 0.0 }
    }

    /// When a request of this time leaves it, if there is room. The one that finds it empty passes
    /// at once; the next leaves 1 / rate later.
    pub fn leaves(&mut self, now: f64) -> Option<f64> {
        let wait = (self.empty - now).max(0.0);
        if wait * self.rate > (self.room - 1) as f64 + ROUNDING {
            return None;
        }
        self.empty = now + wait + 1.0 / self.rate;
        Some(now + wait)
    }

    /// The share of Poisson requests that it drops, and the mean wait of the others, in seconds:
    /// those of M/D/1/K.
    ///
    /// # Panics
    /// If the load is not a positive number.
    #[track_caller]
    pub fn theory(&self, load: f64) -> (f64, f64) {
        positive("LeakyBucket::theory", "rate of requests", load);
        let (drops, number) = md1k(load / self.rate, self.room);
        (drops, number / (load * (1.0 - drops)) - 1.0 / self.rate)
    }
}

impl Limiter for LeakyBucket {
    fn admits(&mut self, now: f64) -> bool {
        self.leaves(now).is_some()
    }

    fn delay(&self, now: f64) -> f64 {
        (self.empty - 1.0 / self.rate - now).max(0.0)
    }
}

/// So many in each second (or other window) of the clock: a popular rule that lets twice as many
/// through around the end of a window.
#[derive(Clone, Debug, PartialEq)]
pub struct FixedWindow {
    most: usize,
    window: f64,
    current: f64,
    count: usize,
}

impl FixedWindow {
    /// At most so many in each window of so many seconds.
    ///
    /// # Panics
    /// If none is allowed, or the window is not a positive number.
    #[track_caller]
    pub fn new(most: usize, window: f64) -> Self {
        const PLACE: &str = "FixedWindow::new";
        at_least(PLACE, "requests in a window", 1, most);
        Self { most, window: positive(PLACE, "window", window), current: 0.0, count: 0 }
    }
}

impl Limiter for FixedWindow {
    fn admits(&mut self, now: f64) -> bool {
        let current = (now / self.window).floor();
        if current > self.current {
            (self.current, self.count) = (current, 0);
        }
        self.count += 1;
        self.count <= self.most
    }
}

/// What a limiter did to Poisson requests. Intervals are over replications.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BucketSurvey {
    /// The share that was dropped.
    pub dropped: Estimate,
    /// How long those let in had to wait, in seconds.
    pub delay: Estimate,
    /// By how many the admitted exceeded the even rate at worst: see [`excess`].
    pub excess: Estimate,
}

/// Poisson requests, `load` a second, before a limiter; the excess is over `rate`. A clone of the
/// limiter serves each replication.
///
/// # Panics
/// If the load or the rate is not a positive number.
#[track_caller]
pub fn simulate<L: Limiter + Clone + Sync>(
    limiter: &L,
    load: f64,
    rate: f64,
    trials: Trials,
) -> BucketSurvey {
    const PLACE: &str = "bucket::simulate";
    positive(PLACE, "rate of requests", load);
    positive(PLACE, "rate", rate);
    let runs = replicate(trials.replications, |replication| {
        let mut stream = Stream::new(trials.seed, replication, "requests");
        let (mut limiter, mut now) = (limiter.clone(), 0.0);
        let (mut dropped, mut delay, mut out) = (0usize, 0.0, vec![]);
        for request in 0..trials.warmup + trials.customers {
            if request % 1024 == 0 {
                crate::interrupt::tick();
            }
            now += stream.exponential() / load;
            let admitted = limiter.admits(now);
            if request < trials.warmup {
                continue;
            }
            if admitted {
                delay += limiter.delay(now);
                out.push(now + limiter.delay(now));
            } else {
                dropped += 1;
            }
        }
        [
            dropped as f64 / trials.customers as f64,
            delay / out.len().max(1) as f64,
            if out.is_empty() { 0.0 } else { excess(&out, rate) },
        ]
    });
    let of = |part: usize| Estimate::of(&runs.iter().map(|run| run[part]).collect::<Vec<_>>());
    BucketSurvey { dropped: of(0), delay: of(1), excess: of(2) }
}

/// The least burst b with which the envelope b + rate t holds for these times, in ascending order:
/// the most by which their number in any interval exceeds rate times its length.
///
/// # Panics
/// If there are no times, they are not in order, or the rate is not a positive number.
#[track_caller]
pub fn excess(times: &[f64], rate: f64) -> f64 {
    const PLACE: &str = "bucket::excess";
    positive(PLACE, "rate", rate);
    assert!(!times.is_empty(), "{PLACE}: the trace is empty; give at least one time, as in &[0.5]");
    assert!(
        times.iter().all(|time| time.is_finite()) && times.is_sorted(),
        "{PLACE}: the times must be numbers in ascending order"
    );
    let (mut worst, mut least) = (f64::NEG_INFINITY, f64::INFINITY);
    for (i, time) in times.iter().enumerate() {
        // Number i counts, and so does the one at which the interval begins.
        least = least.min(i as f64 - rate * time);
        worst = worst.max((i + 1) as f64 - rate * time - least);
    }
    worst
}

/// Blocking and the mean number in the system of M/D/1/K, by the chain of what departures leave
/// behind (Kendall, 1953) and the share of the time that the server is idle.
fn md1k(load: f64, room: usize) -> (f64, f64) {
    // The Poisson number of arrivals in a service.
    let mut comes = vec![(-load).exp()];
    for k in 1..=room {
        comes.push(comes[k - 1] * load / k as f64);
    }
    let mut left = vec![1.0f64];
    for j in 0..room - 1 {
        let before: f64 = (1..=j).map(|i| left[i] * comes[j + 1 - i]).sum();
        left.push(((left[j] - before - left[0] * comes[j]) / comes[0]).max(0.0));
        // With much load the ratios are large.
        if left[j + 1] > 1e200 {
            left.iter_mut().for_each(|weight| *weight /= 1e200);
        }
    }
    let total: f64 = left.iter().sum();
    left.iter_mut().for_each(|weight| *weight /= total);
    let scale = left[0] + load;
    let blocked = 1.0 - 1.0 / scale;
    let number: f64 = left.iter().enumerate().map(|(j, weight)| j as f64 * weight / scale).sum();
    (blocked, number + room as f64 * blocked)
}
