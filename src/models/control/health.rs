//! Health checks: when is a server taken out, and when is it let in again?
//!
//! A check may fail although the server is well, and pass although it is not. Asking for several
//! results in a row costs time and spares flapping; both are known in closed form.
//!
//! ```
//! use pillars_models::control::HealthCheck;
//! let hasty = HealthCheck::new(10.0, 1, 1);
//! let calm = HealthCheck::new(10.0, 3, 2);
//! // One check in a hundred fails for nothing: flaps a day, and seconds until a dead server is out.
//! assert!(hasty.flaps(0.01).unwrap() * 86_400.0 > 85.0);
//! assert!(calm.flaps(0.01).unwrap() * 86_400.0 < 0.01);
//! assert_eq!((hasty.detection(1.0), calm.detection(1.0)), (Some(5.0), Some(25.0)));
//! ```

mod pool;

use super::run_length::run_length;
use super::{at_least, probability};
use crate::number::positive;
use crate::sim::{Estimate, Stream, Trials, replicate};
pub use pool::Pool;
use std::fmt;
use std::sync::Arc;

type OwnRule = Arc<dyn Fn() -> Box<dyn FnMut(bool) -> bool + Send> + Send + Sync>;

/// Checks at even intervals, and the rule that makes a verdict of their results.
#[derive(Clone)]
pub struct HealthCheck {
    period: f64,
    rule: Rule,
}

#[derive(Clone)]
enum Rule {
    Row { falls: u32, rises: u32 },
    LastOf { falls: u32, rises: u32, of: u32 },
    Own { name: String, fresh: OwnRule },
}

/// What is measured of a check. Intervals are over replications.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HealthSurvey {
    /// How often a second the server is taken out.
    pub flaps: Estimate,
    /// The share of checks after which it is out.
    pub out: Estimate,
}

impl HealthCheck {
    /// A check every `period` seconds; out after `falls` failures in a row, in again after `rises`
    /// successes in a row, as the probes of Kubernetes and most load balancers do.
    ///
    /// # Panics
    /// If the period is not a positive number, or a number in a row is 0.
    #[track_caller]
    pub fn new(period: f64, falls: u32, rises: u32) -> Self {
        const PLACE: &str = "HealthCheck::new";
        at_least(PLACE, "failures in a row", 1, falls as usize);
        at_least(PLACE, "successes in a row", 1, rises as usize);
        Self { period: positive(PLACE, "period", period), rule: Rule::Row { falls, rises } }
    }

    /// Out when at least `falls` of the latest `of` checks failed, in again when at least `rises`
    /// of them succeeded. Whenever the verdict changes it forgets what it saw.
    ///
    /// # Panics
    /// If the period is not positive, or the numbers are not from 1 to `of`, and `of` to 12.
    #[track_caller]
    pub fn of_last(period: f64, falls: u32, rises: u32, of: u32) -> Self {
        const PLACE: &str = "HealthCheck::of_last";
        assert!(
            of <= 12 && (1..=of).contains(&falls) && (1..=of).contains(&rises),
            "{PLACE}: failures and successes must be from 1 to the latest checks, and these at most \
             12, but they are {falls}, {rises} and {of}; as in HealthCheck::of_last(10.0, 3, 4, 5)"
        );
        Self { period: positive(PLACE, "period", period), rule: Rule::LastOf { falls, rises, of } }
    }

    /// A rule of one's own: `fresh` makes one for a server that is in; it hears each result and
    /// says whether the server is in now.
    ///
    /// # Panics
    /// If the period is not a positive number.
    #[track_caller]
    pub fn own<R: FnMut(bool) -> bool + Send + 'static>(
        name: &str,
        period: f64,
        fresh: impl Fn() -> R + Send + Sync + 'static,
    ) -> Self {
        let fresh: OwnRule = Arc::new(move || Box::new(fresh()));
        let rule = Rule::Own { name: name.to_owned(), fresh };
        Self { period: positive("HealthCheck::own", "period", period), rule }
    }

    /// The mean numbers of checks for which it stays in and stays out, if each fails with
    /// probability `p`; infinite if it never changes. Nothing for a rule of one's own.
    ///
    /// In a row, as in a Markov chain of the length of the row: (p^-k - 1) / (1 - p) checks.
    ///
    /// # Panics
    /// If `p` is no probability.
    #[track_caller]
    pub fn stays(&self, p: f64) -> Option<(f64, f64)> {
        probability("HealthCheck::stays", "probability that a check fails", p);
        let row = |p: f64, k: u32| (1..=k).map(|i| p.powi(-(i as i32))).sum::<f64>();
        match self.rule {
            Rule::Row { falls, rises } => Some((row(p, falls), row(1.0 - p, rises))),
            Rule::LastOf { falls, rises, of } => {
                let until = |p: f64, needed: u32| {
                    run_length(0u64, p, |bits, ok| hear(*bits, !ok, needed, of).ok())
                };
                Some((until(p, falls)?, until(1.0 - p, rises)?))
            }
            Rule::Own { .. } => None,
        }
    }

    /// How often a second a server is taken out, when each check fails with probability `p`.
    ///
    /// # Panics
    /// If `p` is no probability.
    #[track_caller]
    pub fn flaps(&self, p: f64) -> Option<f64> {
        self.stays(p).map(|(inside, outside)| 1.0 / ((inside + outside) * self.period))
    }

    /// The share of the time that it is out, when each check fails with probability `p`.
    ///
    /// # Panics
    /// If `p` is no probability.
    #[track_caller]
    pub fn out(&self, p: f64) -> Option<f64> {
        self.stays(p).map(|(inside, outside)| match outside.is_infinite() {
            true => 1.0,
            false => outside / (inside + outside),
        })
    }

    /// The mean time from a failure to the verdict, in seconds, if each check then fails with
    /// probability `seen`, and none failed before. The failure comes at any time between two checks.
    ///
    /// # Panics
    /// If `seen` is no probability.
    #[track_caller]
    pub fn detection(&self, seen: f64) -> Option<f64> {
        self.stays(seen).map(|(checks, _)| (checks - 0.5) * self.period)
    }

    /// Flaps and time out, measured over `trials.customers` checks a replication, each failing
    /// with probability `p`.
    ///
    /// # Panics
    /// If `p` is no probability.
    #[track_caller]
    pub fn simulate(&self, p: f64, trials: Trials) -> HealthSurvey {
        probability("HealthCheck::simulate", "probability that a check fails", p);
        let runs = replicate(trials.replications, |replication| {
            crate::interrupt::tick();
            let mut stream = Stream::new(trials.seed, replication, "checks");
            let mut verdict = self.verdict();
            let (mut is_in, mut flaps, mut out) = (true, 0usize, 0usize);
            for check in 0..trials.warmup + trials.customers {
                let now_in = verdict(stream.uniform() >= p);
                if check >= trials.warmup {
                    flaps += usize::from(is_in && !now_in);
                    out += usize::from(!now_in);
                }
                is_in = now_in;
            }
            let all = trials.customers as f64;
            [flaps as f64 / all / self.period, out as f64 / all]
        });
        let of = |part: usize| Estimate::of(&runs.iter().map(|run| run[part]).collect::<Vec<_>>());
        HealthSurvey { flaps: of(0), out: of(1) }
    }

    /// The time to the verdict, measured: a failure at any time between two checks, which then fail
    /// with probability `seen`. In seconds, over `trials.customers` failures a replication.
    ///
    /// # Panics
    /// If `seen` is not above 0 and at most 1.
    #[track_caller]
    pub fn measured_detection(&self, seen: f64, trials: Trials) -> Estimate {
        assert!(
            seen > 0.0 && seen <= 1.0,
            "HealthCheck::measured_detection: the probability that a check of a dead server fails \
             must be above 0 and at most 1, but it is {seen}"
        );
        let means = replicate(trials.replications, |replication| {
            let mut stream = Stream::new(trials.seed, replication, "checks");
            let one = |stream: &mut Stream| {
                crate::interrupt::tick();
                let mut verdict = self.verdict();
                let mut time = self.period * stream.uniform();
                while verdict(stream.uniform() >= seen) {
                    time += self.period;
                }
                time
            };
            let total: f64 = (0..trials.customers).map(|_| one(&mut stream)).sum();
            total / trials.customers as f64
        });
        Estimate::of(&means)
    }

    /// The rule at work, for a server that is in: it hears whether a check succeeded, and says
    /// whether the server is in.
    pub fn verdict(&self) -> Box<dyn FnMut(bool) -> bool + Send> {
        match &self.rule {
            Rule::Row { falls, rises } => {
                let (falls, rises, mut is_in, mut row) = (*falls, *rises, true, 0);
                Box::new(move |ok| {
                    row = if ok == is_in { 0 } else { row + 1 };
                    if row == if is_in { falls } else { rises } {
                        (is_in, row) = (!is_in, 0);
                    }
                    is_in
                })
            }
            Rule::LastOf { falls, rises, of } => {
                let (falls, rises, of, mut is_in, mut bits) = (*falls, *rises, *of, true, 0);
                Box::new(move |ok| {
                    match hear(bits, ok != is_in, if is_in { falls } else { rises }, of) {
                        Ok(next) => bits = next,
                        Err(Enough) => (is_in, bits) = (!is_in, 0),
                    }
                    is_in
                })
            }
            Rule::Own { fresh, .. } => fresh(),
        }
    }
}

/// As many of the latest speak against the verdict as are needed.
struct Enough;

/// One more result that speaks for or against the verdict.
fn hear(bits: u64, against: bool, needed: u32, of: u32) -> Result<u64, Enough> {
    let bits = (bits << 1 | u64::from(against)) & ((1 << of) - 1);
    if bits.count_ones() >= needed { Err(Enough) } else { Ok(bits) }
}

/// As "3 failures in a row, 2 successes".
impl fmt::Display for HealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Rule::Row { falls, rises } => write!(f, "{falls} failures in a row, {rises} successes"),
            Rule::LastOf { falls, rises, of } => {
                write!(f, "{falls} failures of {of}, {rises} successes")
            }
            Rule::Own { name, .. } => f.write_str(name),
        }
    }
}

impl fmt::Debug for HealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "every {} s: {self}", self.period)
    }
}
