//! Circuit breakers: who has seen a service fail often enough does not ask it for a while
//! (Nygard, Release It!, 2007).
//!
//! A breaker also trips when nothing is wrong: a healthy service fails now and then, and now and
//! then it does so several times in a row. How often is known exactly, and measured beside it.
//!
//! ```
//! use pillars_models::control::Breaker;
//! let breaker = Breaker::consecutive(3).open_for(30.0);
//! // One call in a hundred fails: a million calls are about one false alarm.
//! assert!((breaker.run_length(0.01).unwrap() - 1_010_100.0).abs() < 1.0);
//! let outage = breaker.outage(20.0, 2.0, 60.0, 20, 1);
//! assert!(outage.sent.mean < 0.2 * outage.without.mean);
//! ```

mod circuit;
mod survey;

use super::run_length::run_length;
use super::{at_least, probability};
use crate::number::positive;
pub use circuit::{Circuit, CircuitState};
use std::fmt;
use std::sync::Arc;
pub use survey::OutageSurvey;

/// What a breaker hears of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Call {
    /// When its end was known, in seconds.
    pub at: f64,
    /// Whether it succeeded.
    pub ok: bool,
}

/// A rule that opens the circuit, made anew whenever the circuit closes.
pub(super) type OwnRule = Arc<dyn Fn() -> Box<dyn FnMut(Call) -> bool + Send> + Send + Sync>;

/// When to trip, for how long to stay open, and how many probes must succeed before it closes.
///
/// As made by its constructors: open for 30 seconds, one probe.
#[derive(Clone)]
pub struct Breaker {
    rule: Rule,
    open: f64,
    probes: u32,
}

#[derive(Clone)]
enum Rule {
    Consecutive(u32),
    LastCalls { share: f64, calls: u32, least: u32 },
    Windows { share: f64, window: f64, least: u32 },
    Own { name: String, fresh: OwnRule },
}

impl Breaker {
    /// Trips after so many failures in a row.
    ///
    /// # Panics
    /// If it is none.
    #[track_caller]
    pub fn consecutive(failures: u32) -> Self {
        at_least("Breaker::consecutive", "failures in a row", 1, failures as usize);
        Self::of(Rule::Consecutive(failures))
    }

    /// Trips when of the latest `calls` (or of all since it closed, if they are fewer, but at
    /// least `least`) at least this share failed.
    ///
    /// # Panics
    /// If the share is not above 0 and at most 1, there are no calls, or `least` is not from 1 to
    /// `calls`.
    #[track_caller]
    pub fn rate(share: f64, calls: u32, least: u32) -> Self {
        const PLACE: &str = "Breaker::rate";
        check_share(PLACE, share);
        assert!(
            (1..=calls).contains(&least) && calls <= 64,
            "{PLACE}: the window must be of 1 to 64 calls, and the minimum volume of 1 call up to \
             the window, but they are {calls} and {least}; as in Breaker::rate(0.5, 20, 10)"
        );
        Self::of(Rule::LastCalls { share, calls, least })
    }

    /// Looks back at each window of so many seconds when it is over: trips if there were at least
    /// `least` calls in it, and at least this share of them failed. It hears of the end of a window
    /// with the first call after it.
    ///
    /// # Panics
    /// If the share is not above 0 and at most 1, the window is not positive, or `least` is 0.
    #[track_caller]
    pub fn rate_per_window(share: f64, window: f64, least: u32) -> Self {
        const PLACE: &str = "Breaker::rate_per_window";
        check_share(PLACE, share);
        positive(PLACE, "window", window);
        at_least(PLACE, "calls of the minimum volume", 1, least as usize);
        Self::of(Rule::Windows { share, window, least })
    }

    /// A rule of one's own: `fresh` makes one that knows nothing yet; it hears of each call in
    /// turn and says whether to trip.
    ///
    /// ```
    /// use pillars_models::control::{Breaker, Call};
    /// let slow = Breaker::own("2 in 1 s", || {
    ///     let mut last = f64::NEG_INFINITY;
    ///     move |call: Call| {
    ///         let trips = !call.ok && call.at - last < 1.0;
    ///         if !call.ok {
    ///             last = call.at;
    ///         }
    ///         trips
    ///     }
    /// });
    /// assert!(slow.run_length(0.1).is_none());
    /// ```
    pub fn own<R: FnMut(Call) -> bool + Send + 'static>(
        name: &str,
        fresh: impl Fn() -> R + Send + Sync + 'static,
    ) -> Self {
        let fresh: OwnRule = Arc::new(move || Box::new(fresh()));
        Self::of(Rule::Own { name: name.to_owned(), fresh })
    }

    /// The same, open for so many seconds before it lets a probe through.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn open_for(self, seconds: f64) -> Self {
        Self { open: positive("Breaker::open_for", "time", seconds), ..self }
    }

    /// The same with so many probes, one after the other, that must all succeed.
    ///
    /// # Panics
    /// If it is none.
    #[track_caller]
    pub fn probes(self, probes: u32) -> Self {
        at_least("Breaker::probes", "probes", 1, probes as usize);
        Self { probes, ..self }
    }

    /// The machine, closed.
    pub fn start(&self) -> Circuit {
        Circuit::new(self.clone())
    }

    /// The mean number of calls from when it closes until it trips, if each fails with probability
    /// `p` on its own. Of failures in a row (p^-k - 1) / (1 - p) (Feller, volume 1, XIII.7); of the
    /// latest calls by the Markov chain of what is in the window. Nothing for rules in time or of
    /// one's own, or for windows with too many states.
    ///
    /// # Panics
    /// If `p` is no probability.
    #[track_caller]
    pub fn run_length(&self, p: f64) -> Option<f64> {
        probability("Breaker::run_length", "probability of a failure", p);
        match self.rule {
            Rule::Consecutive(_) if p == 0.0 => Some(f64::INFINITY),
            // The sum of p^-1 to p^-k, which loses nothing where 1 - p is small.
            Rule::Consecutive(k) => Some((1..=k).map(|i| p.powi(-(i as i32))).sum()),
            Rule::LastCalls { share, calls, least } => {
                run_length((0u64, 0u32), p, |&(bits, seen), ok| {
                    let (bits, seen, trips) = hear(bits, seen, ok, share, calls, least);
                    (!trips).then_some((bits, seen))
                })
            }
            Rule::Windows { .. } | Rule::Own { .. } => None,
        }
    }

    /// The mean number of calls until it trips, with Poisson calls, so many a second: that of
    /// [`Breaker::run_length`], and for windows in time (by the binomial chance that one is bad,
    /// over all Poisson numbers of calls in it) λ window / P + 1. Nothing for a rule of one's own.
    ///
    /// # Panics
    /// If the rate is not positive or `p` is no probability.
    #[track_caller]
    pub fn run_length_at(&self, rate: f64, p: f64) -> Option<f64> {
        positive("Breaker::run_length_at", "rate of calls", rate);
        match self.rule {
            Rule::Windows { share, window, least } => {
                let bad = bad_window(rate * window, p, share, least);
                Some(if bad > 0.0 { rate * window / bad + 1.0 } else { f64::INFINITY })
            }
            _ => self.run_length(p),
        }
    }

    /// The share of calls to a healthy service that it refuses for nothing, of Poisson calls of
    /// which each fails with probability `p`: by renewal, from closing to closing. Calls are taken
    /// to be answered at once. Nothing where [`Breaker::run_length_at`] has none.
    ///
    /// # Panics
    /// If the rate is not positive or `p` is not at least 0 and below 1.
    #[track_caller]
    pub fn refused_in_health(&self, rate: f64, p: f64) -> Option<f64> {
        super::below_one("Breaker::refused_in_health", "probability of a failure", p);
        let until = self.run_length_at(rate, p)?;
        if until.is_infinite() {
            return Some(0.0);
        }
        let closes = (1.0 - p).powi(self.probes as i32);
        let refused = rate * self.open / closes;
        let probed = (0..self.probes).map(|i| (1.0 - p).powi(i as i32)).sum::<f64>() / closes;
        Some(refused / (refused + until + probed))
    }

    fn of(rule: Rule) -> Self {
        Self { rule, open: 30.0, probes: 1 }
    }
}

/// One more call in a window of the latest: its failures as bits, how many calls it has seen, and
/// whether it trips.
fn hear(bits: u64, seen: u32, ok: bool, share: f64, calls: u32, least: u32) -> (u64, u32, bool) {
    let mask = if calls == 64 { u64::MAX } else { (1 << calls) - 1 };
    let bits = (bits << 1 | u64::from(!ok)) & mask;
    let seen = (seen + 1).min(calls);
    let trips = seen >= least && f64::from(bits.count_ones()) >= share * f64::from(seen);
    (bits, seen, trips)
}

/// The chance that a window with a Poisson number of calls is bad.
fn bad_window(mean: f64, p: f64, share: f64, least: u32) -> f64 {
    // Beyond 12 deviations there is nothing.
    let most = (mean + 12.0 * mean.sqrt() + 20.0).max(f64::from(least)) as usize;
    let (mut total, mut log_factorial) = (0.0, 0.0);
    let logs: Vec<f64> = (0..=most)
        .map(|n| {
            if n > 0 {
                log_factorial += (n as f64).ln();
            }
            log_factorial
        })
        .collect();
    for n in least as usize..=most {
        let poisson = (n as f64 * mean.ln() - mean - logs[n]).exp();
        let worst = (share * n as f64 - 1e-9).ceil() as usize;
        let tail: f64 = (worst..=n)
            .map(|k| {
                let ways = logs[n] - logs[k] - logs[n - k];
                ways.exp() * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
            })
            .sum();
        total += poisson * tail;
    }
    total
}

#[track_caller]
fn check_share(place: &str, share: f64) {
    assert!(
        share > 0.0 && share <= 1.0,
        "{place}: the share of failures must be above 0 and at most 1, but it is {share}; give 0.5 \
         for one half"
    );
}

/// As "5 failures in a row".
impl fmt::Display for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Rule::Consecutive(k) => write!(f, "{k} failures in a row"),
            Rule::LastCalls { share, calls, .. } => {
                write!(f, "{} % of the latest {calls}", share * 100.0)
            }
            Rule::Windows { share, window, .. } => write!(f, "{} % in {window} s", share * 100.0),
            Rule::Own { name, .. } => f.write_str(name),
        }
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}, open for {} s, {} probes", self.open, self.probes)
    }
}
