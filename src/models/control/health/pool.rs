//! Many servers behind one balancer that believes its checks: what if all of them look bad?

use super::super::{at_least, probability};
use crate::number::positive;
use crate::sim::{Estimate, Stream, Trials, replicate};

/// Servers of which each may be broken and may look otherwise than it is; the balancer sends
/// requests evenly to those that look good.
///
/// As made by [`Pool::new`]: nothing is broken, checks are right, the balancer believes them
/// whatever they say, and the load is nothing beside the capacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pool {
    servers: usize,
    broken: f64,
    false_alarms: f64,
    misses: f64,
    shared: f64,
    panic: f64,
    load: f64,
}

impl Pool {
    /// So many servers.
    ///
    /// # Panics
    /// If there are none, or more than 200.
    #[track_caller]
    pub fn new(servers: usize) -> Self {
        assert!(
            (1..=200).contains(&servers),
            "Pool::new: there must be from 1 to 200 servers, but there are {servers}"
        );
        let none = 0.0;
        let [broken, false_alarms, misses, shared, panic, load] = [none; 6];
        Self { servers, broken, false_alarms, misses, shared, panic, load }
    }

    /// Each server is broken with this probability: what is sent to it fails.
    ///
    /// # Panics
    /// As all here, if it is no probability.
    #[track_caller]
    pub fn broken(self, p: f64) -> Self {
        Self { broken: probability("Pool::broken", "chance to be broken", p), ..self }
    }

    /// A server that works looks bad with this probability.
    #[track_caller]
    pub fn false_alarms(self, p: f64) -> Self {
        Self { false_alarms: probability("Pool::false_alarms", "chance to look bad", p), ..self }
    }

    /// A broken server looks good with this probability.
    #[track_caller]
    pub fn misses(self, p: f64) -> Self {
        Self { misses: probability("Pool::misses", "chance to look good", p), ..self }
    }

    /// With this probability something that all checks need is down, and all servers look bad,
    /// though they work as before.
    #[track_caller]
    pub fn shared_cause(self, p: f64) -> Self {
        Self { shared: probability("Pool::shared_cause", "chance of the shared cause", p), ..self }
    }

    /// Fail open: if less than this share looks good, the checks are not believed, and requests go
    /// to all (Envoy's panic threshold, .5 there; AWS's balancers do it when none looks good, as
    /// with any small share).
    #[track_caller]
    pub fn fail_open(self, below: f64) -> Self {
        Self { panic: probability("Pool::fail_open", "share that looks good", below), ..self }
    }

    /// The load as a share of what all servers can do together; what is sent to fewer of them
    /// beyond their capacity fails.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn load(self, share: f64) -> Self {
        Self { load: positive("Pool::load", "load", share), ..self }
    }

    /// The share of requests that succeed, exactly: over all numbers of servers that work and look
    /// good, work and look bad, and so on.
    pub fn availability(&self) -> f64 {
        let n = self.servers;
        let works = binomial(n, 1.0 - self.broken);
        let mut total = 0.0;
        for (working, chance) in works.iter().enumerate() {
            let all_bad = self.succeed(working, 0, 0);
            let good = binomial(working, 1.0 - self.false_alarms);
            let missed = binomial(n - working, self.misses);
            let mut seen = 0.0;
            for (right, p) in good.iter().enumerate() {
                for (wrong, q) in missed.iter().enumerate() {
                    seen += p * q * self.succeed(working, right, wrong);
                }
            }
            total += chance * (self.shared * all_bad + (1.0 - self.shared) * seen);
        }
        total
    }

    /// The same measured, over `trials.customers` states of the pool a replication.
    pub fn simulate(&self, trials: Trials) -> Estimate {
        at_least("Pool::simulate", "states", 1, trials.customers);
        let means = replicate(trials.replications, |replication| {
            let mut stream = Stream::new(trials.seed, replication, "pool");
            let mut total = 0.0;
            for _ in 0..trials.customers {
                crate::interrupt::tick();
                let shared = stream.uniform() < self.shared;
                let [mut working, mut right, mut wrong] = [0; 3];
                for _ in 0..self.servers {
                    let works = stream.uniform() >= self.broken;
                    let errs =
                        stream.uniform() < if works { self.false_alarms } else { self.misses };
                    working += usize::from(works);
                    right += usize::from(works && !errs && !shared);
                    wrong += usize::from(!works && errs && !shared);
                }
                total += self.succeed(working, right, wrong);
            }
            total / trials.customers as f64
        });
        Estimate::of(&means)
    }

    /// The share that succeeds if so many work, and of those that look good so many work and do
    /// not.
    fn succeed(&self, working: usize, right: usize, wrong: usize) -> f64 {
        let (n, good) = (self.servers as f64, (right + wrong) as f64);
        let (working, asked) = match good < self.panic * n {
            true => (working as f64, n),
            false => (right as f64, good),
        };
        if asked == 0.0 {
            return 0.0;
        }
        let carried = if self.load > 0.0 { (asked / (n * self.load)).min(1.0) } else { 1.0 };
        working / asked * carried
    }
}

/// The chances of 0 to n.
fn binomial(n: usize, p: f64) -> Vec<f64> {
    let mut chances = vec![0.0; n + 1];
    chances[0] = 1.0;
    for tried in 1..=n {
        for k in (0..=tried).rev() {
            let before = if k > 0 { chances[k - 1] } else { 0.0 };
            chances[k] = chances[k] * (1.0 - p) + before * p;
        }
    }
    chances
}
