//! Orchestration and choreography: a workflow through several services, led by a coordinator that
//! asks one after the other, or by events each of which sets the next service going.
//!
//! ```
//! # use pillars_models::operations::{Coordination, Workflow};
//! # use pillars_models::sim::{Distribution, Trials};
//! let steps = Workflow::new(5, Distribution::exponential(20.0)).hop(1.0).lost(0.001);
//! for by in [Coordination::Orchestrated, Coordination::Choreographed] {
//!     let run = steps.simulate(by, Trials::new(10, 2000));
//!     println!("{by:?}: {} of {}", run.completed, steps.completed(by));
//! }
//! ```

use super::checks::{at_least, not_negative, probability};
use crate::number::positive;
use crate::sim::{Distribution, Estimate, Stream, Trials, replicate};
use std::fmt;
use std::sync::Arc;

/// Who knows what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coordination {
    /// A coordinator: a request to each service and a reply, and a time-out after which it asks
    /// again. Its state outlives it: what it is told while it is down waits for it.
    Orchestrated,
    /// Nobody: each service works on an event and publishes the next one; the last one says that
    /// all is done. What is lost is lost, unless somebody looks for it.
    Choreographed,
}

/// A workflow through so many services, one after the other.
#[derive(Clone)]
pub struct Workflow {
    services: usize,
    work: Distribution,
    hop: f64,
    lost: f64,
    time_out: TimeOut,
    outages: Option<(f64, f64)>,
    sweep: Option<(f64, f64)>,
    up: f64,
}

type TimeOut = Arc<dyn Fn(usize) -> f64 + Send + Sync>;

/// What a simulation says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordinated {
    /// The share of workflows that come to their end.
    pub completed: Estimate,
    /// How long those take that do, in units of time.
    pub latency: Estimate,
    /// Messages for each workflow, lost ones included.
    pub messages: Estimate,
    /// From the beginning of a workflow until it is seen that a message of it was lost, for the
    /// first time, of those that are seen; 0 if there are none.
    pub seen: Estimate,
}

impl Workflow {
    /// So many services, each of which works for a time of this law. Messages take no time and are
    /// never lost; a coordinator never fails, and asks again after 10 times the mean work.
    ///
    /// # Panics
    /// If there is no service, or the mean time of work is 0 or infinite.
    #[track_caller]
    pub fn new(services: usize, work: Distribution) -> Self {
        const PLACE: &str = "Workflow::new";
        at_least(PLACE, "services", 1, services);
        let time_out = 10.0 * positive(PLACE, "mean time of work", work.mean());
        Self {
            services,
            work,
            hop: 0.0,
            lost: 0.0,
            time_out: Arc::new(move |_| time_out),
            outages: None,
            sweep: None,
            up: 1.0,
        }
    }

    /// The same with messages that take so long.
    ///
    /// # Panics
    /// If it is negative or not a number.
    #[track_caller]
    pub fn hop(self, time: f64) -> Self {
        Self { hop: not_negative("Workflow::hop", "time of a message", time), ..self }
    }

    /// The same with messages each of which is lost with this probability.
    ///
    /// # Panics
    /// If it is not at least 0 and below 1.
    #[track_caller]
    pub fn lost(self, p: f64) -> Self {
        assert!(
            (0.0..1.0).contains(&p),
            "Workflow::lost: the probability of a loss must be at least 0 and below 1, but it is \
             {p}; if all are lost, nothing is ever done"
        );
        Self { lost: p, ..self }
    }

    /// The same with a coordinator that asks again after so long. It is taken to be longer than a
    /// reply takes: who is merely slow is not asked twice.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn time_out(self, time: f64) -> Self {
        let time = positive("Workflow::time_out", "time-out", time);
        Self { time_out: Arc::new(move |_| time), ..self }
    }

    /// The same with the reader's own time-outs, by how often a service was asked before:
    /// `time_outs(|asked| 50.0 * 2f64.powi(asked as i32))`.
    pub fn time_outs(self, of: impl Fn(usize) -> f64 + Send + Sync + 'static) -> Self {
        Self { time_out: Arc::new(of), ..self }
    }

    /// The same with a coordinator that works for an exponential time and then is down for one,
    /// with these means.
    ///
    /// # Panics
    /// If they are not positive numbers.
    #[track_caller]
    pub fn outages(self, up: f64, down: f64) -> Self {
        const PLACE: &str = "Workflow::outages";
        let outages =
            (positive(PLACE, "mean time up", up), positive(PLACE, "mean time down", down));
        Self { outages: Some(outages), ..self }
    }

    /// The same with somebody who looks, once in each period, for workflows under events that have
    /// waited for longer than `patience`, and publishes the latest event of theirs again.
    ///
    /// # Panics
    /// If the period is not a positive number, or the patience is negative.
    #[track_caller]
    pub fn sweep(self, period: f64, patience: f64) -> Self {
        const PLACE: &str = "Workflow::sweep";
        let sweep = (positive(PLACE, "period", period), not_negative(PLACE, "patience", patience));
        Self { sweep: Some(sweep), ..self }
    }

    /// The same with services each of which is up with this probability when a workflow begins;
    /// only [`Workflow::availability`] asks for it.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn services_up(self, p: f64) -> Self {
        Self { up: probability("Workflow::services_up", "probability to be up", p), ..self }
    }

    /// Messages without losses: a request and a reply for each of n services, 2n; or the event that
    /// begins, one from each to the next, and the one that says it is done, n + 1.
    pub fn least_messages(&self, by: Coordination) -> usize {
        match by {
            Coordination::Orchestrated => 2 * self.services,
            Coordination::Choreographed => self.services + 1,
        }
    }

    /// Messages on the mean. A request that is lost has no reply: each asking sends 1 + (1 - p) of
    /// them, and 1 / (1 - p)² askings are needed. Events without a sweep are sent until one is
    /// lost; with one, each 1 / (1 - p) times.
    pub fn messages(&self, by: Coordination) -> f64 {
        let (n, p) = (self.services as f64, self.lost);
        match by {
            Coordination::Orchestrated => n * (2.0 - p) / (1.0 - p).powi(2),
            Coordination::Choreographed if self.sweep.is_some() => (n + 1.0) / (1.0 - p),
            Coordination::Choreographed if p == 0.0 => n + 1.0,
            Coordination::Choreographed => (1.0 - (1.0 - p).powi(self.services as i32 + 1)) / p,
        }
    }

    /// The share of workflows that come to their end: all with a coordinator or a sweep, and
    /// (1 - p)^(n + 1) by events that nobody looks for.
    pub fn completed(&self, by: Coordination) -> f64 {
        match by {
            Coordination::Choreographed if self.sweep.is_none() => {
                (1.0 - self.lost).powi(self.services as i32 + 1)
            }
            _ => 1.0,
        }
    }

    /// How long a workflow takes on the mean, of those that come to their end.
    ///
    /// Choreographed: (n + 1) hops and n times the work; with a sweep, besides, for each loss the
    /// patience and half a period. This is first-order: it takes the phase of the sweep to be
    /// uniform whenever an event is lost, as it is at the first loss.
    ///
    /// Orchestrated, exactly: n times two hops and the work; the time-outs of askings that failed;
    /// and with outages (mean up U, down D, availability A = U / (U + D)) the time until the
    /// coordinator is up again wherever it is needed: at the beginning with D (1 - A), and, since
    /// it was up when it asked, t later with D (1 - A) (1 - e^(-t / U - t / D)).
    pub fn latency(&self, by: Coordination) -> f64 {
        let (n, p) = (self.services as f64, self.lost);
        if by == Coordination::Choreographed {
            let late = self.sweep.map_or(0.0, |(period, patience)| patience + period / 2.0);
            return n * self.work.mean() + (n + 1.0) * (self.hop + late * p / (1.0 - p));
        }
        let reply = 2.0 * self.hop + self.work.mean();
        let fails = 1.0 - (1.0 - p).powi(2);
        // The mean wait for the coordinator: at any time, and by E[e^(-rate t)] since it was up.
        let (wait, rate) = self
            .outages
            .map_or((0.0, 0.0), |(up, down)| (down * down / (up + down), 1.0 / up + 1.0 / down));
        let after = wait * (1.0 - (-2.0 * self.hop * rate).exp() * self.work.transform(rate));
        let mut repeats = 0.0;
        let mut reached = fails;
        for asked in 0..10_000 {
            if reached < 1e-15 {
                break;
            }
            let time = self.wait_for_reply(asked);
            repeats += reached * (time + wait * -(-rate * time).exp_m1());
            reached *= fails;
        }
        wait + n * (reply + after + repeats)
    }

    /// The probability that a workflow can begin and every service is up: the product over all n,
    /// and with a coordinator its own besides. Its single point costs one more factor, as one more
    /// service would.
    pub fn availability(&self, by: Coordination) -> f64 {
        let services = self.up.powi(self.services as i32);
        match (by, self.outages) {
            (Coordination::Orchestrated, Some((up, down))) => services * up / (up + down),
            _ => services,
        }
    }

    /// How long after its event was sent it is seen, on the mean, that a workflow hangs: the
    /// time-out of a coordinator that is up; patience and half a period of a sweep; never
    /// (infinite) by events that nobody looks for.
    pub fn seen_after(&self, by: Coordination) -> f64 {
        match (by, self.sweep) {
            (Coordination::Orchestrated, _) => self.wait_for_reply(0),
            (Coordination::Choreographed, Some((period, patience))) => patience + period / 2.0,
            (Coordination::Choreographed, None) => f64::INFINITY,
        }
    }

    /// Workflows, one a customer of `trials`, each alone.
    pub fn simulate(&self, by: Coordination, trials: Trials) -> Coordinated {
        let runs = replicate(trials.replications, |replication| {
            let stream = |name: &str| Stream::new(trials.seed, replication, name);
            let mut streams = [stream("work"), stream("losses"), stream("outages")];
            let [mut completed, mut latency, mut messages, mut seen, mut hung] = [0.0; 5];
            for workflow in 0..trials.customers {
                if workflow % 256 == 0 {
                    crate::interrupt::tick();
                }
                let one = match by {
                    Coordination::Orchestrated => self.orchestrated(&mut streams),
                    Coordination::Choreographed => self.choreographed(&mut streams),
                };
                completed += f64::from(u8::from(one.end.is_some()));
                latency += one.end.unwrap_or(0.0);
                messages += one.messages;
                seen += one.seen.unwrap_or(0.0);
                hung += f64::from(u8::from(one.seen.is_some()));
            }
            [completed, latency, messages, seen, hung, trials.customers as f64]
        });
        let parts = |part: usize, of: usize| {
            Estimate::of_parts(&runs.iter().map(|run| (run[part], run[of])).collect::<Vec<_>>())
        };
        Coordinated {
            completed: parts(0, 5),
            latency: parts(1, 0),
            messages: parts(2, 5),
            seen: parts(3, 4),
        }
    }

    #[track_caller]
    fn wait_for_reply(&self, asked: usize) -> f64 {
        positive("Workflow::time_outs", "time-out", (self.time_out)(asked))
    }

    fn orchestrated(&self, [work, losses, outages]: &mut [Stream; 3]) -> One {
        let (mut now, mut messages, mut seen) = (0.0, 0.0, None);
        let mut coordinator = self.outages.map(|means| Lives::steady(means, outages));
        let mut up_at = |now: f64| match &mut coordinator {
            None => now,
            Some(lives) => lives.up_from(now, outages),
        };
        now = up_at(now);
        for _ in 0..self.services {
            for asked in 0.. {
                messages += 1.0;
                let arrives = losses.uniform() >= self.lost;
                messages += if arrives { 1.0 } else { 0.0 };
                if arrives && losses.uniform() >= self.lost {
                    now = up_at(now + 2.0 * self.hop + self.work.sample(work));
                    break;
                }
                now = up_at(now + self.wait_for_reply(asked));
                seen = seen.or(Some(now));
            }
        }
        One { end: Some(now), messages, seen }
    }

    fn choreographed(&self, [work, losses, sweeps]: &mut [Stream; 3]) -> One {
        let (mut now, mut messages, mut seen) = (0.0, 0.0, None);
        let phase = sweeps.uniform();
        for step in 0..=self.services {
            loop {
                messages += 1.0;
                if losses.uniform() >= self.lost {
                    break;
                }
                let Some((period, patience)) = self.sweep else {
                    return One { end: None, messages, seen };
                };
                // The first look after its patience has ended.
                let rounds = ((now + patience) / period - phase).ceil();
                now = ((rounds + phase) * period).max(now + patience);
                seen = seen.or(Some(now));
            }
            now += self.hop;
            if step < self.services {
                now += self.work.sample(work);
            }
        }
        One { end: Some(now), messages, seen }
    }
}

/// What became of one workflow.
struct One {
    end: Option<f64>,
    messages: f64,
    seen: Option<f64>,
}

/// A coordinator that is up and down in turn.
struct Lives {
    means: (f64, f64),
    is_up: bool,
    until: f64,
}

impl Lives {
    fn steady(means: (f64, f64), random: &mut Stream) -> Self {
        let is_up = random.uniform() * (means.0 + means.1) < means.0;
        let mean = if is_up { means.0 } else { means.1 };
        Self { means, is_up, until: mean * random.exponential() }
    }

    /// The first time from `now` on at which it is up.
    fn up_from(&mut self, now: f64, random: &mut Stream) -> f64 {
        while self.until <= now {
            self.is_up = !self.is_up;
            self.until +=
                random.exponential() * if self.is_up { self.means.0 } else { self.means.1 };
        }
        if self.is_up { now } else { self.until }
    }
}

impl fmt::Debug for Workflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} services, each message lost with {}", self.services, self.lost)
    }
}
