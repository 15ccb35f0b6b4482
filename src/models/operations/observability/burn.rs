//! Alerts on the rate at which an error budget burns.

use crate::number::positive;
use crate::operations::checks::{at_least, binomial, inner, probability};
use crate::sim::{Estimate, Stream, Trials, replicate};
use statrs::distribution::{Binomial, Discrete, DiscreteCDF};
use std::fmt;
use std::sync::Arc;

/// An alert if the budget burns at more than so many times the rate that would use it up in the
/// period, over a long window and over a short one. Windows are whole minutes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BurnRule {
    /// Times the rate that uses the budget up in the period.
    pub factor: f64,
    /// The long window, in minutes: how much of the budget is spent when it tells.
    pub long: usize,
    /// The short window, in minutes: how soon it ends when the errors do.
    pub short: usize,
}

impl BurnRule {
    /// The three that Google's SRE Workbook (2018, chapter 5) proposes for a period of 30 days:
    /// 14.4 over 1 h and 5 min (2 % of the budget), 6 over 6 h and 30 min (5 %), 1 over 3 days and
    /// 6 h (10 %).
    pub const GOOGLE: [Self; 3] = [
        Self { factor: 14.4, long: 60, short: 5 },
        Self { factor: 6.0, long: 360, short: 30 },
        Self { factor: 1.0, long: 4320, short: 360 },
    ];

    /// The same with the short window as long as the long one: no short window.
    pub fn without_short(self) -> Self {
        Self { short: self.long, ..self }
    }
}

/// What a detector knows at the end of a minute.
#[derive(Debug)]
pub struct Past<'a> {
    /// Errors until the end of each minute, from 0.
    errors: &'a [u64],
    requests: u64,
}

impl Past<'_> {
    /// The share of requests that failed in the latest so many minutes, or since the beginning.
    pub fn share(&self, minutes: usize) -> f64 {
        let last = self.errors.len() - 1;
        let minutes = minutes.clamp(1, last);
        (self.errors[last] - self.errors[last - minutes]) as f64
            / (minutes as u64 * self.requests) as f64
    }
}

type Detector = Arc<dyn Fn(&Past) -> bool + Send + Sync>;

/// A service level objective, and alerts on the burning of its error budget: any of the rules.
#[derive(Clone)]
pub struct BurnRate {
    objective: f64,
    period: f64,
    rules: Vec<BurnRule>,
    requests: u64,
    own: Option<Detector>,
}

/// What a simulation says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BurnRun {
    /// The share of healthy minutes in which there is an alert.
    pub false_minutes: Estimate,
    /// The share of incidents that are noticed while they last.
    pub detected: Estimate,
    /// Minutes until then, of those that are.
    pub delay: Estimate,
    /// Minutes after an incident for which the alert goes on, of those that were noticed.
    pub lasting: Estimate,
}

impl BurnRate {
    /// An objective, 0.999 for 99.9 % of requests, over 30 days, with a rule; 100 requests a
    /// minute.
    ///
    /// # Panics
    /// If the objective is not above 0 and below 1, the factor is not positive, or it is not so
    /// that 1 <= short <= long.
    #[track_caller]
    pub fn new(objective: f64, rules: &[BurnRule]) -> Self {
        const PLACE: &str = "BurnRate::new";
        inner(PLACE, "objective", objective);
        at_least(PLACE, "rules", 1, rules.len());
        for rule in rules {
            positive(PLACE, "factor", rule.factor);
            assert!(
                1 <= rule.short && rule.short <= rule.long,
                "{PLACE}: the windows must be such that 1 <= short <= long, in minutes, but they are \
                 {} and {}",
                rule.short,
                rule.long
            );
        }
        let period = 30.0 * 1440.0;
        Self { objective, period, rules: rules.to_vec(), requests: 100, own: None }
    }

    /// The same over another period, in minutes.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn period(self, minutes: f64) -> Self {
        Self { period: positive("BurnRate::period", "period", minutes), ..self }
    }

    /// The same with so many requests a minute.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn requests(self, a_minute: usize) -> Self {
        let requests = at_least("BurnRate::requests", "requests a minute", 1, a_minute) as u64;
        Self { requests, ..self }
    }

    /// The same with the reader's own detector, asked every minute:
    /// `own(|past| past.share(10) > 0.02)`.
    pub fn own(self, detects: impl Fn(&Past) -> bool + Send + Sync + 'static) -> Self {
        Self { own: Some(Arc::new(detects)), ..self }
    }

    /// The share of requests that may fail: 1 - objective.
    pub fn budget(&self) -> f64 {
        1.0 - self.objective
    }

    /// The share of the period's budget that is spent when a rule tells: factor x long / period.
    pub fn spent(&self, rule: &BurnRule) -> f64 {
        rule.factor * rule.long as f64 / self.period
    }

    /// Minutes until the first rule tells, from when a share `errors` of the requests fails after a
    /// share of `before`, without noise: the long window must be filled up to
    /// (factor x budget - before) / (errors - before). Infinite if no rule ever tells.
    ///
    /// # Panics
    /// If a share is not between 0 and 1.
    #[track_caller]
    pub fn detection(&self, before: f64, errors: f64) -> f64 {
        const PLACE: &str = "BurnRate::detection";
        probability(PLACE, "share of errors before", before);
        probability(PLACE, "share of errors", errors);
        let after = |rule: &BurnRule| {
            let bound = rule.factor * self.budget();
            if errors <= bound {
                return f64::INFINITY;
            }
            rule.long as f64 * ((bound - before) / (errors - before)).max(0.0)
        };
        self.rules.iter().map(after).fold(f64::INFINITY, f64::min)
    }

    /// Minutes for which a rule goes on to tell after a long incident with a share `errors`,
    /// without noise and without errors afterwards: short x (1 - factor x budget / errors). Without
    /// the short window it would be the long one's.
    ///
    /// # Panics
    /// If the share is not above 0 and at most 1.
    #[track_caller]
    pub fn lasting(&self, rule: &BurnRule, errors: f64) -> f64 {
        const PLACE: &str = "BurnRate::lasting";
        positive(PLACE, "share of errors", errors);
        probability(PLACE, "share of errors", errors);
        rule.short as f64 * (1.0 - rule.factor * self.budget() / errors).max(0.0)
    }

    /// The share of minutes in which a rule tells although the share of errors is constant: both
    /// windows are above the bound by chance. Errors are binomial; those of the short window and
    /// those of the rest of the long one are independent.
    ///
    /// # Panics
    /// If the share is not between 0 and 1.
    #[track_caller]
    pub fn by_chance(&self, rule: &BurnRule, errors: f64) -> f64 {
        probability("BurnRate::by_chance", "share of errors", errors);
        let bound = rule.factor * self.budget();
        let short = rule.short as u64 * self.requests;
        let rest = (rule.long - rule.short) as u64 * self.requests;
        // The most errors that are not above the bound; rounding must not lift them over it.
        let most = |requests: u64| (bound * requests as f64 * (1.0 + 1e-12)).floor();
        let law = |requests: u64| match Binomial::new(errors, requests) {
            Ok(law) => law,
            Err(error) => unreachable!("{requests} requests with {errors}: {error}"),
        };
        let (first, others) = (law(short), law(rest));
        let mut sum = 0.0;
        for count in most(short) as u64 + 1..=short {
            let here = first.pmf(count);
            let needed = most(short + rest) - count as f64;
            sum += here * if needed < 0.0 { 1.0 } else { others.sf(needed as u64) };
            // Beyond the mean they only become rarer.
            if here < 1e-18 && count as f64 > errors * short as f64 {
                break;
            }
        }
        sum
    }

    /// Incidents, one a customer of `trials`: the longest window in health, `healthy` minutes that
    /// are counted, an incident of `lasting` minutes, and the longest window in health again. The
    /// shares of errors are `before` and `errors`.
    ///
    /// # Panics
    /// If a share is not between 0 and 1, or there is no minute of health or of the incident.
    #[track_caller]
    pub fn simulate(
        &self,
        [before, errors]: [f64; 2],
        [healthy, lasting]: [usize; 2],
        trials: Trials,
    ) -> BurnRun {
        const PLACE: &str = "BurnRate::simulate";
        probability(PLACE, "share of errors before", before);
        probability(PLACE, "share of errors", errors);
        at_least(PLACE, "healthy minutes", 1, healthy);
        at_least(PLACE, "minutes of the incident", 1, lasting);
        let window = self.rules.iter().map(|rule| rule.long).max().unwrap_or(1);
        let begin = window + healthy;
        let end = begin + lasting;
        let runs = replicate(trials.replications, |replication| {
            let mut random = Stream::new(trials.seed, replication, "errors");
            let [mut wrong, mut found, mut delay, mut after] = [0.0; 4];
            for _ in 0..trials.customers {
                crate::interrupt::tick();
                let mut sums = vec![0u64];
                let mut noticed = None;
                for minute in 0..end + window {
                    let share = if (begin..end).contains(&minute) { errors } else { before };
                    let failed = binomial(&mut random, self.requests, share);
                    sums.push(sums[minute] + failed);
                    if minute < window {
                        continue;
                    }
                    let alerts = self.alerts(&Past { errors: &sums, requests: self.requests });
                    match (alerts, minute) {
                        (true, _) if minute < begin => wrong += 1.0,
                        (true, _) if minute < end => {
                            noticed = noticed.or(Some(minute + 1 - begin));
                        }
                        // It ends when it first is silent.
                        (true, _) => after += f64::from(u8::from(noticed.is_some())),
                        (false, _) if minute >= end => break,
                        _ => {}
                    }
                }
                found += f64::from(u8::from(noticed.is_some()));
                delay += noticed.unwrap_or(0) as f64;
            }
            let all = trials.customers as f64;
            [wrong, all * healthy as f64, found, all, delay, found, after, found]
        });
        let parts = |part: usize| {
            let pairs: Vec<_> = runs.iter().map(|run| (run[part], run[part + 1])).collect();
            Estimate::of_parts(&pairs)
        };
        BurnRun { false_minutes: parts(0), detected: parts(2), delay: parts(4), lasting: parts(6) }
    }

    fn alerts(&self, past: &Past) -> bool {
        if let Some(detects) = &self.own {
            return detects(past);
        }
        self.rules.iter().any(|rule| {
            let bound = rule.factor * self.budget() * (1.0 + 1e-12);
            past.share(rule.long) > bound && past.share(rule.short) > bound
        })
    }
}

impl fmt::Debug for BurnRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "an objective of {} over {} minutes, {:?}",
            self.objective, self.period, self.rules
        )
    }
}
