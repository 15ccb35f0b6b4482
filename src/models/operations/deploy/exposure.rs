//! Whom a bad version reaches: the share of requests that a release sends to it, until it is
//! noticed and taken back.

use super::Rolling;
use crate::number::positive;
use crate::operations::checks::{at_least, inner, not_negative, over, probability};
use crate::sim::{Estimate, Stream, Trials, replicate};
use statrs::distribution::{ContinuousCDF, Gamma};
use std::fmt;
use std::sync::Arc;

type Share = Arc<dyn Fn(f64) -> f64 + Send + Sync>;

/// The share of requests that meet the new version, by the time since the first of them can.
#[derive(Clone)]
pub struct Release {
    name: String,
    share: Share,
    /// Times at which the share jumps, within what is of interest.
    jumps: Vec<f64>,
    /// Replicas that are needed at the same time, over those of one version.
    cost: f64,
}

impl Release {
    /// Blue-green: a second fleet, to which all requests are switched at once. Twice the replicas.
    pub fn blue_green() -> Self {
        Self::known("blue-green", |_| 1.0, vec![], 2.0)
    }

    /// Rolling, with constant starts: see [`Rolling::share`], from when the first new ones are
    /// ready.
    pub fn rolling(update: &Rolling) -> Self {
        let times: Vec<f64> = match &update.course().columns[0].1 {
            crate::columns::Column::Numbers(times) => times.clone(),
            crate::columns::Column::Texts(_) => vec![],
        };
        let first = times.get(1).copied().unwrap_or(0.0);
        let jumps: Vec<f64> = times.iter().skip(2).map(|time| time - first).collect();
        // Just after a jump, whatever rounding says of the time itself.
        let update = update.clone();
        let share = move |time: f64| update.share(first * (1.0 + 1e-9) + time);
        Self::known("rolling", share, jumps, 1.0)
    }

    /// A canary: a share of the requests for a while, then all of them.
    ///
    /// # Panics
    /// If the share is not above 0 and below 1, or the time is not a positive number.
    #[track_caller]
    pub fn canary(share: f64, hold: f64) -> Self {
        const PLACE: &str = "Release::canary";
        let share = inner(PLACE, "share of the canary", share);
        let hold = positive(PLACE, "time that it is held", hold);
        let at = move |time: f64| if time < hold { share } else { 1.0 };
        Self::known("canary", at, vec![hold], 1.0 + share)
    }

    /// The reader's own, from the time to the share: `Release::own("slow", |t| (t / 600.0).min(1.0))`.
    /// It must never fall, and be above 0 in the end.
    pub fn own(name: &str, share: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Self {
        Self::known(name, share, vec![], 1.0)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Replicas that there are at the same time, over those of one version; a surge not counted.
    pub fn cost(&self) -> f64 {
        self.cost
    }

    /// The share of requests that meet the new version at a time.
    ///
    /// # Panics
    /// If a reader's own is not between 0 and 1 then.
    #[track_caller]
    pub fn share(&self, time: f64) -> f64 {
        probability("Release::share", "share of requests", (self.share)(time))
    }

    /// The time for which all requests would have met the new version, for as many to do so until
    /// then as really did: the integral of the share.
    pub fn exposed(&self, until: f64) -> f64 {
        let mut edges: Vec<f64> =
            self.jumps.iter().copied().filter(|jump| *jump > 0.0 && *jump < until).collect();
        edges.push(until);
        let mut from = 0.0;
        let parts = edges.into_iter().map(|to| {
            let part = over(from, to, |time| self.share(time));
            from = to;
            part
        });
        parts.sum()
    }

    /// When so much is exposed: the inverse of [`Release::exposed`].
    fn reached(&self, exposed: f64) -> f64 {
        let mut high = exposed.max(1e-9);
        for _ in 0..60 {
            if self.exposed(high) >= exposed {
                break;
            }
            high *= 2.0;
        }
        // Newton's steps, halved where they lead out of what is left.
        let (mut low, mut at) = (0.0, high);
        for _ in 0..100 {
            let gap = self.exposed(at) - exposed;
            if gap.abs() <= 1e-10 * exposed {
                break;
            }
            if gap < 0.0 {
                low = at
            } else {
                high = at
            }
            let next = at - gap / self.share(at);
            at = if next > low && next < high { next } else { (low + high) / 2.0 };
        }
        at
    }

    fn known(
        name: &str,
        share: impl Fn(f64) -> f64 + Send + Sync + 'static,
        jumps: Vec<f64>,
        cost: f64,
    ) -> Self {
        Self { name: name.to_owned(), share: Arc::new(share), jumps, cost }
    }
}

impl fmt::Debug for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A bad version under a release: some of the requests that meet it fail, so many failures give it
/// away, and it is taken back a while after that.
#[derive(Clone, Debug, PartialEq)]
pub struct Exposure {
    rate: f64,
    fails: f64,
    failures: usize,
    delay: f64,
}

impl Exposure {
    /// So many requests per unit of time, of which a share fails if it meets the bad version. The
    /// first failure gives it away, and it is taken back at once.
    ///
    /// # Panics
    /// If the rate is not a positive number, or the share is not above 0 and at most 1.
    #[track_caller]
    pub fn new(rate: f64, fails: f64) -> Self {
        const PLACE: &str = "Exposure::new";
        positive(PLACE, "rate of requests", rate);
        positive(PLACE, "share that fails", fails);
        probability(PLACE, "share that fails", fails);
        Self { rate, fails, failures: 1, delay: 0.0 }
    }

    /// The same where it takes so many failures until it is noticed.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn noticed_after(self, failures: usize) -> Self {
        Self { failures: at_least("Exposure::noticed_after", "failures", 1, failures), ..self }
    }

    /// The same where it takes so long from the failure that gives it away until it is taken back:
    /// the pipeline of metrics, the alert, the roll-back.
    ///
    /// # Panics
    /// If it is negative or not a number.
    #[track_caller]
    pub fn delay(self, delay: f64) -> Self {
        Self { delay: not_negative("Exposure::delay", "delay", delay), ..self }
    }

    /// Requests that fail on the mean until it is taken back: the k that give it away, the same for
    /// every release, and those of the delay, e r E[S(T + delay) - S(T)]. T is when the k-th
    /// failure comes, that is when e r S(T) reaches a gamma variable of shape k (a Poisson process
    /// in the exposed time S). The mean is over 200 quantiles of that variable.
    pub fn failed(&self, release: &Release) -> f64 {
        const POINTS: u32 = 200;
        let failing = self.rate * self.fails;
        if self.delay == 0.0 {
            return self.failures as f64;
        }
        let law = match Gamma::new(self.failures as f64, 1.0) {
            Ok(law) => law,
            Err(error) => unreachable!("a gamma law of shape {}: {error}", self.failures),
        };
        let after = (0..POINTS).map(|point| {
            let exposed = law.inverse_cdf((f64::from(point) + 0.5) / f64::from(POINTS)) / failing;
            let noticed = release.reached(exposed);
            release.exposed(noticed + self.delay) - exposed
        });
        self.failures as f64 + failing * after.sum::<f64>() / f64::from(POINTS)
    }

    /// Requests that meet the bad version on the mean until it is taken back: those that fail, over
    /// the share that does.
    pub fn met(&self, release: &Release) -> f64 {
        self.failed(release) / self.fails
    }

    /// Requests that meet it if it is taken back after a time, however many have failed.
    pub fn met_until(&self, release: &Release, time: f64) -> f64 {
        self.rate * release.exposed(time)
    }

    /// Requests that fail until it is taken back, simulated request by request, one release a
    /// customer of `trials`.
    pub fn simulate(&self, release: &Release, trials: Trials) -> Estimate {
        let means = replicate(trials.replications, |replication| {
            let mut random = Stream::new(trials.seed, replication, "requests");
            let mut failed = 0u64;
            for _ in 0..trials.customers {
                crate::interrupt::tick();
                let (mut now, mut back, mut here) = (0.0, f64::INFINITY, 0);
                loop {
                    now += random.exponential() / self.rate;
                    if now > back {
                        break;
                    }
                    if random.uniform() < release.share(now) && random.uniform() < self.fails {
                        here += 1;
                        if here == self.failures {
                            back = now + self.delay;
                        }
                    }
                }
                failed += here as u64;
            }
            failed as f64 / trials.customers as f64
        });
        Estimate::of(&means)
    }
}
