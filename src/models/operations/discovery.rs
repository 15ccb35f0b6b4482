//! Service discovery: clients ask a registry where the instances of a service are, and use what
//! they know until they are told otherwise. Some of it is no longer so.
//!
//! ```
//! # use pillars_models::operations::Discovery;
//! let service = Discovery::new(20, 3600.0).detected_after(15.0).requests(1.0);
//! // What a time to live costs, and what one retry on another instance saves.
//! for ttl in [10.0, 60.0, 300.0] {
//!     let cached = service.clone().ttl(ttl);
//!     println!("{ttl:>5} {:.4} {:.6}", cached.errors(), cached.clone().retries(1).errors());
//! }
//! ```

use super::checks::{at_least, not_negative, over, probability};
use crate::number::positive;
use crate::sim::{Estimate, Stream, Trials, replicate};
use std::fmt;
use std::sync::Arc;

/// A service of so many instances, its registry, and a client.
///
/// An instance lives for an exponential time. Then it has crashed, which the registry notices after
/// a constant time and replaces it, under a new address; or it left in order: it is taken out of
/// the registry and replaced first, and serves on for a while. The client sends each request to an
/// instance of the list that it knows, any of them. A request to one that is dead is an error.
#[derive(Clone)]
pub struct Discovery {
    instances: usize,
    life: f64,
    detection: f64,
    orderly: f64,
    drain: f64,
    source: Source,
    rate: f64,
    retries: usize,
    choice: Option<Choice>,
}

/// How the client comes by the list.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Source {
    /// Asked for when a request finds it older than this.
    Cached(f64),
    /// Told after this time.
    Watched(f64),
}

type Choice = Arc<dyn Fn(&Listed, &mut Stream) -> usize + Send + Sync>;

/// What a client knows when it chooses an instance.
#[derive(Clone, Debug)]
pub struct Listed {
    age: f64,
    failed: Vec<bool>,
}

impl Listed {
    /// How many instances are listed.
    pub fn count(&self) -> usize {
        self.failed.len()
    }

    /// How old the list is, in units of time.
    pub fn age(&self) -> f64 {
        self.age
    }

    /// Whether this client's latest request to the instance failed, as far as the list has not
    /// named another one in its place since.
    pub fn has_failed(&self, instance: usize) -> bool {
        self.failed[instance]
    }
}

/// What a simulation says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Discovered {
    /// The share of requests that failed, with all their retries.
    pub errors: Estimate,
    /// Attempts for each request.
    pub attempts: Estimate,
    /// How old the list was when it was used, in units of time.
    pub age: Estimate,
    /// Messages from the registry to the client per unit of time: answers to questions, or changes
    /// of which it is told.
    pub messages: Estimate,
}

impl Discovery {
    /// So many instances that live for a mean time `life`. Deaths are noticed at once, the client
    /// is told at once, and sends 1 request per unit of time, until it is said otherwise.
    ///
    /// # Panics
    /// If there is no instance, or the life is not a positive number.
    #[track_caller]
    pub fn new(instances: usize, life: f64) -> Self {
        const PLACE: &str = "Discovery::new";
        Self {
            instances: at_least(PLACE, "instances", 1, instances),
            life: positive(PLACE, "mean life of an instance", life),
            detection: 0.0,
            orderly: 0.0,
            drain: 0.0,
            source: Source::Watched(0.0),
            rate: 1.0,
            retries: 0,
            choice: None,
        }
    }

    /// The same with health checks that take so long to notice a crash.
    ///
    /// # Panics
    /// If it is negative or not a number.
    #[track_caller]
    pub fn detected_after(self, delay: f64) -> Self {
        Self { detection: not_negative("Discovery::detected_after", "delay", delay), ..self }
    }

    /// The same where a share of the instances leaves in order: replaced in the registry first,
    /// they serve on for a time `drain`.
    ///
    /// # Panics
    /// If the share is not between 0 and 1, or the time is negative.
    #[track_caller]
    pub fn orderly(self, share: f64, drain: f64) -> Self {
        const PLACE: &str = "Discovery::orderly";
        let orderly = probability(PLACE, "share of orderly departures", share);
        Self { orderly, drain: not_negative(PLACE, "time of draining", drain), ..self }
    }

    /// The same with a client that keeps the list for a time to live, as DNS has it: the first
    /// request after that asks for a new one.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn ttl(self, ttl: f64) -> Self {
        Self { source: Source::Cached(positive("Discovery::ttl", "time to live", ttl)), ..self }
    }

    /// The same with a client that is told of each change after so long (push, a watch).
    ///
    /// # Panics
    /// If it is negative or not a number.
    #[track_caller]
    pub fn watch(self, delay: f64) -> Self {
        let delay = not_negative("Discovery::watch", "delay", delay);
        Self { source: Source::Watched(delay), ..self }
    }

    /// The same with so many requests of the client per unit of time, Poisson.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn requests(self, rate: f64) -> Self {
        Self { rate: positive("Discovery::requests", "rate of requests", rate), ..self }
    }

    /// The same with so many further attempts at once, each at another instance.
    ///
    /// # Panics
    /// If there are not as many other instances.
    #[track_caller]
    pub fn retries(self, retries: usize) -> Self {
        assert!(
            retries < self.instances,
            "Discovery::retries: each attempt is at another instance, so of {} instances there can \
             be at most {} retries, but there are {retries}",
            self.instances,
            self.instances - 1
        );
        Self { retries, ..self }
    }

    /// The same with the reader's own choice of an instance, by its number, for each attempt:
    /// `choosing(|listed, random| ..)`, as for a client that avoids what has failed it.
    pub fn choosing(
        self,
        choice: impl Fn(&Listed, &mut Stream) -> usize + Send + Sync + 'static,
    ) -> Self {
        Self { choice: Some(Arc::new(choice)), ..self }
    }

    /// The chance that an instance of a list of this age is dead. By renewal: the registry lists
    /// an instance for its life and, if it crashes, until that is noticed; at any time it lists
    /// one that lives with probability L / (L + (1 - o) d), and that one has an exponential life
    /// before it.
    pub fn stale(&self, age: f64) -> f64 {
        let lives = self.life / (self.life + (1.0 - self.orderly) * self.detection);
        let left = |since: f64| (-since.max(0.0) / self.life).exp();
        1.0 - lives * ((1.0 - self.orderly) * left(age) + self.orderly * left(age - self.drain))
    }

    /// The share of requests that fail in the closed form: [`Discovery::stale`] to the power of
    /// the attempts, instances being independent, averaged over the ages at which the list is
    /// used: always the delay of a watch; or 0 for the request that asked for it and then evenly
    /// all ages up to the time to live, a renewal of 1 + rate x ttl requests.
    ///
    /// It knows nothing of a reader's own choice: the choice is taken to be by chance.
    pub fn errors(&self) -> f64 {
        self.averaged(|dead| dead.powi(self.retries as i32 + 1))
    }

    /// Attempts for each request in the closed form: 1 + q + .. + q^retries of a list in which a
    /// share q is dead.
    pub fn attempts(&self) -> f64 {
        self.averaged(|dead| (0..=self.retries).map(|tries| dead.powi(tries as i32)).sum())
    }

    /// Messages from the registry to a client per unit of time: one for each time to live and the
    /// wait for the next request; or one for each change.
    pub fn messages(&self) -> f64 {
        match self.source {
            Source::Cached(ttl) => 1.0 / (ttl + 1.0 / self.rate),
            Source::Watched(_) => {
                let cycle = self.life + (1.0 - self.orderly) * self.detection;
                self.instances as f64 / cycle
            }
        }
    }

    /// The average over requests of what follows from the share that is dead.
    fn averaged(&self, of: impl Fn(f64) -> f64) -> f64 {
        match self.source {
            Source::Watched(delay) => of(self.stale(delay)),
            Source::Cached(ttl) => {
                let at = |age: f64| of(self.stale(age));
                // Split where the first of those that drain are gone.
                let bend = self.drain.min(ttl);
                let all = over(0.0, bend, at) + over(bend, ttl, at);
                (at(0.0) + self.rate * all) / (1.0 + self.rate * ttl)
            }
        }
    }

    /// One client for `trials.customers` requests after `trials.warmup`.
    ///
    /// # Panics
    /// If the reader's own choice names an instance that is not listed.
    #[track_caller]
    pub fn simulate(&self, trials: Trials) -> Discovered {
        let runs = replicate(trials.replications, |replication| self.run(trials, replication));
        let of = |part: usize| Estimate::of(&runs.iter().map(|run| run[part]).collect::<Vec<_>>());
        Discovered { errors: of(0), attempts: of(1), age: of(2), messages: of(3) }
    }

    /// Errors, attempts and age for each request, messages per unit of time.
    fn run(&self, trials: Trials, replication: u64) -> [f64; 4] {
        let stream = |name: &str| Stream::new(trials.seed, replication, name);
        let (mut lives, mut requests, mut choices) =
            (stream("lives"), stream("requests"), stream("choices"));
        let mut slots: Vec<Slot> =
            (0..self.instances).map(|_| Slot::steady(self, &mut lives)).collect();
        let mut listed = Listed { age: 0.0, failed: vec![false; self.instances] };
        // Which of a slot's instances the client's failure was about.
        let mut blamed = vec![u64::MAX; self.instances];
        let (mut now, mut fetched) = (0.0, f64::NEG_INFINITY);
        let [mut errors, mut attempts, mut ages, mut messages] = [0.0; 4];
        let mut since = 0.0;
        for request in 0..trials.warmup + trials.customers {
            if request % 1024 == 0 {
                crate::interrupt::tick();
            }
            if request == trials.warmup {
                [errors, attempts, ages, messages] = [0.0; 4];
                since = now;
                if let Source::Watched(delay) = self.source {
                    let told = (now - delay).max(0.0);
                    slots.iter_mut().for_each(|slot| slot.advance(told, self, &mut lives));
                    messages = -(slots.iter().map(|slot| slot.number as f64).sum::<f64>());
                }
            }
            now += requests.exponential() / self.rate;
            let seen = match self.source {
                Source::Watched(delay) => (now - delay).max(0.0),
                Source::Cached(ttl) => {
                    if now - fetched > ttl {
                        fetched = now;
                        messages += 1.0;
                    }
                    fetched
                }
            };
            listed.age = now - seen;
            ages += listed.age;
            let mut tried: Vec<usize> = Vec::with_capacity(self.retries + 1);
            loop {
                let chosen = match &self.choice {
                    None => {
                        // Any that was not tried yet.
                        let left = self.instances - tried.len();
                        let mut chosen = choices.below(left);
                        tried.sort_unstable();
                        tried.iter().for_each(|other| chosen += usize::from(*other <= chosen));
                        chosen
                    }
                    Some(choice) => {
                        for (slot, at) in slots.iter_mut().zip(0..) {
                            slot.advance(seen, self, &mut lives);
                            listed.failed[at] = blamed[at] == slot.number;
                        }
                        let chosen = choice(&listed, &mut choices);
                        assert!(
                            chosen < self.instances,
                            "Discovery::choosing: there are {} instances, numbered from 0, but the \
                             choice named {chosen}",
                            self.instances
                        );
                        chosen
                    }
                };
                let slot = &mut slots[chosen];
                slot.advance(seen, self, &mut lives);
                tried.push(chosen);
                attempts += 1.0;
                let is_dead = slot.dies <= now;
                blamed[chosen] = if is_dead { slot.number } else { u64::MAX };
                if !is_dead {
                    break;
                }
                if tried.len() > self.retries {
                    errors += 1.0;
                    break;
                }
            }
        }
        if let Source::Watched(delay) = self.source {
            let told = (now - delay).max(0.0);
            slots.iter_mut().for_each(|slot| slot.advance(told, self, &mut lives));
            messages += slots.iter().map(|slot| slot.number as f64).sum::<f64>();
        }
        let all = trials.customers as f64;
        [errors / all, attempts / all, ages / all, messages / (now - since)]
    }
}

/// One place in the registry, and the instance that it names.
struct Slot {
    /// How many were named before it.
    number: u64,
    /// When it is dead, and when the registry names another.
    dies: f64,
    delisted: f64,
}

impl Slot {
    /// As at any time in the long run, by renewal.
    fn steady(of: &Discovery, lives: &mut Stream) -> Self {
        let unnoticed = (1.0 - of.orderly) * of.detection;
        if lives.uniform() * (of.life + unnoticed) < unnoticed {
            let delisted = of.detection * lives.uniform();
            return Self { number: 0, dies: f64::NEG_INFINITY, delisted };
        }
        let mut slot = Self { number: 0, dies: 0.0, delisted: 0.0 };
        slot.begins(0.0, of, lives);
        slot
    }

    fn begins(&mut self, at: f64, of: &Discovery, lives: &mut Stream) {
        let end = at + of.life * lives.exponential();
        (self.dies, self.delisted) = match lives.uniform() < of.orderly {
            true => (end + of.drain, end),
            false => (end, end + of.detection),
        };
    }

    /// What the registry names at a time, which must not be before the latest one.
    fn advance(&mut self, to: f64, of: &Discovery, lives: &mut Stream) {
        while self.delisted <= to {
            let from = self.delisted;
            self.begins(from, of, lives);
            self.number += 1;
        }
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match self.source {
            Source::Cached(ttl) => format!("kept for {ttl}"),
            Source::Watched(delay) => format!("watched with a delay of {delay}"),
        };
        write!(f, "{} instances that live for {}, {source}", self.instances, self.life)
    }
}
