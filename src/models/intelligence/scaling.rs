//! Scaling on the same trace: by what is, by what is forecast, by what will be.
//!
//! ```
//! use pillars_models::intelligence::{Autoscaler, Scaling, Trace};
//! let trace = Trace::level(400.0).day(96, 0.6).noise(0.03);
//! let service = Scaling::new(10.0, 0.5).start_up(3);
//! let load = trace.values(5 * 96, 1, 0);
//! let late = service.run(&load, 2 * 96, &Autoscaler::utilization(0.95));
//! let knows = service.run(&load, 2 * 96, &Autoscaler::oracle());
//! assert!(knows.violated == 0.0 && late.violated > 0.0);
//! ```

use super::checks::{at_least, series, several, within};
use super::forecast::{Fitted, Forecaster};
use super::trace::Trace;
use crate::columns::Columns;
use crate::number::positive;
use crate::sim::{Estimate, replicate};
use crate::work::erlang_c;
use std::fmt;
use std::sync::Arc;

/// A service of many servers that answers one line of requests. Each step of a trace has a load,
/// in requests per second; it is violated if more than 5 % of them would wait longer than allowed
/// in a line M/M/c of that load, by Erlang's formula C. Steps are taken to be much longer than
/// waits, so that each is in its steady state; a line does not outlast its step.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    rate: f64,
    /// The greatest load that 0, 1, 2 and so on servers carry.
    carried: Vec<f64>,
    start_up: usize,
    least: usize,
    wait: f64,
    part: f64,
}

/// Servers that are known of at most.
const MOST: usize = 1000;

/// Who decides how many servers there are to be.
#[derive(Clone)]
pub struct Autoscaler {
    kind: Kind,
}

type Own = Arc<dyn Fn(&Outlook) -> usize + Send + Sync>;

#[derive(Clone)]
enum Kind {
    Fixed(usize),
    Utilization { target: f64, patience: usize },
    Threshold { low: f64, high: f64, step: usize },
    Predictive { forecaster: Forecaster, headroom: f64 },
    Oracle,
    Own { name: String, decide: Own },
}

/// What a scaler sees at the end of a step.
#[derive(Clone, Copy, Debug)]
pub struct Outlook<'a> {
    /// The loads of all steps so far, in requests per second, the latest at the end.
    pub loads: &'a [f64],
    /// Servers that answer.
    pub ready: usize,
    /// Servers that were started and do not answer yet.
    pub starting: usize,
    /// Steps that a server takes to start.
    pub start_up: usize,
    /// What it is about.
    pub service: &'a Scaling,
}

/// What a scaler did on a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingRun {
    /// The part of the steps that were violated.
    pub violated: f64,
    /// The mean number of servers that were paid for: those that answer and those that start. Times
    /// hours, it is server-hours.
    pub servers: f64,
    /// How often the number of servers was changed.
    pub changes: usize,
    /// Of each counted step the load.
    pub loads: Vec<f64>,
    /// The servers that answered.
    pub ready: Vec<f64>,
    /// The servers that were needed.
    pub needed: Vec<f64>,
}

/// The same over many replications of a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScalingSurvey {
    /// The part of the steps that were violated.
    pub violated: Estimate,
    /// Servers paid for.
    pub servers: Estimate,
    /// Changes in 100 steps.
    pub changes: Estimate,
}

impl Scaling {
    /// Servers that each answer so many requests per second, and the wait in seconds that no more
    /// than 5 % of the requests may exceed. Servers start at once, and there is at least one.
    ///
    /// # Panics
    /// If the rate is not positive, or the wait is negative.
    #[track_caller]
    pub fn new(rate: f64, wait: f64) -> Self {
        let rate = positive("Scaling::new", "rate of a server", rate);
        super::checks::not_negative("Scaling::new", "wait that is allowed", wait);
        let mut made = Self { rate, carried: vec![], start_up: 0, least: 1, wait, part: 0.05 };
        made.carry();
        made
    }

    /// The same with another part of the requests that may wait longer.
    ///
    /// # Panics
    /// If it is not above 0 and below 1.
    #[track_caller]
    pub fn late(mut self, part: f64) -> Self {
        self.part = within("Scaling::late", "part that may wait longer", part, 1e-9, 1.0 - 1e-9);
        self.carry();
        self
    }

    /// The same with servers that take so many steps to start: one that is asked for at the end
    /// of step t answers from step t + 1 + this on.
    pub fn start_up(self, steps: usize) -> Self {
        Self { start_up: steps, ..self }
    }

    /// The same with at least so many servers.
    ///
    /// # Panics
    /// If these are none, or more than 1000.
    #[track_caller]
    pub fn at_least(self, servers: usize) -> Self {
        assert!(
            (1..=MOST).contains(&servers),
            "Scaling::at_least: there must be from 1 to {MOST} servers, but there are {servers}"
        );
        Self { least: servers, ..self }
    }

    /// Requests per second of one server.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The chance that a request waits longer than allowed, with so many servers at such a load
    /// (Erlang C): C(c, a) e^(-(c μ - λ) t); 1 if they cannot keep up.
    pub fn waits(&self, servers: usize, load: f64) -> f64 {
        if load <= 0.0 {
            return 0.0;
        }
        let spare = servers as f64 * self.rate - load;
        match erlang_c(servers, load / self.rate) {
            Ok(waits) => waits * (-spare * self.wait).exp(),
            Err(_) => 1.0,
        }
    }

    /// The least number of servers with which a load is not violated; 1000 at most.
    pub fn needed(&self, load: f64) -> usize {
        self.carried.partition_point(|carried| *carried < load).clamp(self.least, MOST)
    }

    /// What each number of servers carries, by halving between what one fewer does and two more
    /// could.
    fn carry(&mut self) {
        let mut carried = vec![0.0];
        for servers in 1..=MOST {
            let mut low: f64 = carried[servers - 1];
            let mut high = (servers as f64 * self.rate).min(low + 2.0 * self.rate);
            for _ in 0..26 {
                let middle = (low + high) / 2.0;
                if self.waits(servers, middle) <= self.part { low = middle } else { high = middle }
            }
            carried.push(low);
        }
        self.carried = carried;
    }

    /// What a scaler does on a trace. The first `train` steps are its history: forecasts are fitted
    /// to them, and they are not counted. It begins with enough for the steps for which it is too
    /// late to start any.
    ///
    /// # Panics
    /// If the trace has nothing after its history or the history is empty, or a load is negative
    /// or not finite.
    #[track_caller]
    pub fn run(&self, loads: &[f64], train: usize, scaler: &Autoscaler) -> ScalingRun {
        const PLACE: &str = "Scaling::run";
        at_least(PLACE, "steps of history", train, 1);
        series(PLACE, "trace", loads, train + 1);
        if let Some(bad) = loads.iter().find(|load| **load < 0.0) {
            panic!("{PLACE}: each load must be at least 0, but one is {bad}");
        }
        let mut fitted = match &scaler.kind {
            Kind::Predictive { forecaster, .. } => Some(forecaster.fit(&loads[..train])),
            _ => None,
        };
        let soon = &loads[train - 1..loads.len().min(train + self.start_up + 1)];
        let mut ready = self.needed(soon.iter().copied().fold(0.0, f64::max));
        // When those that start will be ready, the latest at the end.
        let mut starting: Vec<usize> = vec![];
        let mut quiet = 0;
        let mut run = ScalingRun {
            violated: 0.0,
            servers: 0.0,
            changes: 0,
            loads: loads[train..].to_vec(),
            ready: vec![],
            needed: vec![],
        };
        for step in train - 1..loads.len() {
            if step >= train {
                let before = starting.len();
                starting.retain(|at| *at > step);
                ready += before - starting.len();
                let needed = self.needed(loads[step]);
                let fails = self.carried[ready.min(MOST)] < loads[step];
                run.violated += f64::from(u8::from(fails));
                run.servers += (ready + starting.len()) as f64;
                run.ready.push(ready as f64);
                run.needed.push(needed as f64);
                if let Some(fitted) = &mut fitted {
                    fitted.observe(loads[step]);
                }
            }
            let all = ready + starting.len();
            let seen = Outlook {
                loads: &loads[..=step],
                ready,
                starting: starting.len(),
                start_up: self.start_up,
                service: self,
            };
            let wanted = scaler.wanted(&seen, fitted.as_ref(), loads).clamp(self.least, MOST);
            let wanted = match scaler.kind {
                // It waits for a while before it lets any go.
                Kind::Utilization { patience, .. } if wanted < all => {
                    quiet += 1;
                    if quiet > patience { wanted } else { all }
                }
                _ => {
                    quiet = 0;
                    wanted
                }
            };
            run.changes += usize::from(wanted != all && step >= train);
            for _ in all..wanted {
                starting.push(step + 1 + self.start_up);
            }
            for _ in wanted..all {
                if starting.pop().is_none() {
                    ready -= 1;
                }
            }
        }
        let steps = run.loads.len() as f64;
        run.violated /= steps;
        run.servers /= steps;
        run
    }

    /// The same on so many replications of a trace, each of so many steps, with intervals over
    /// them.
    ///
    /// # Panics
    /// As [`Scaling::run`]; with fewer than 2 replications.
    #[track_caller]
    pub fn survey(
        &self,
        trace: &Trace,
        steps: usize,
        train: usize,
        scaler: &Autoscaler,
        replications: usize,
        seed: u64,
    ) -> ScalingSurvey {
        several("Scaling::survey", replications);
        at_least("Scaling::survey", "steps", steps, train + 1);
        let all = replicate(replications, |replication| {
            let run = self.run(&trace.values(steps, seed, replication), train, scaler);
            let changes = 100.0 * run.changes as f64 / run.loads.len() as f64;
            [run.violated, run.servers, changes]
        });
        let over = |part: usize| Estimate::of(&all.iter().map(|one| one[part]).collect::<Vec<_>>());
        ScalingSurvey { violated: over(0), servers: over(1), changes: over(2) }
    }

    /// Violations against cost: one row for each scaler, with `servers` (paid for, mean),
    /// `violated` (part of the steps) and their half widths; the curve of a method is that of its
    /// head-rooms.
    ///
    /// # Panics
    /// As [`Scaling::survey`]; without scalers.
    #[track_caller]
    pub fn curve(
        &self,
        trace: &Trace,
        steps: usize,
        train: usize,
        scalers: &[Autoscaler],
        replications: usize,
        seed: u64,
    ) -> Columns {
        at_least("Scaling::curve", "scalers", scalers.len(), 1);
        let surveys: Vec<ScalingSurvey> = scalers
            .iter()
            .map(|scaler| self.survey(trace, steps, train, scaler, replications, seed))
            .collect();
        let of = |part: fn(&ScalingSurvey) -> f64| surveys.iter().map(part).collect::<Vec<_>>();
        let names: Vec<String> = scalers.iter().map(|scaler| scaler.to_string()).collect();
        Columns::new("violations against cost")
            .texts("scaler", &names.iter().map(String::as_str).collect::<Vec<_>>())
            .numbers("servers", &of(|s| s.servers.mean))
            .numbers("servers ±", &of(|s| s.servers.half_width))
            .numbers("violated", &of(|s| s.violated.mean))
            .numbers("violated ±", &of(|s| s.violated.half_width))
    }
}

impl ScalingRun {
    /// Row by row the counted steps: `step`, `load`, `ready` and `needed`.
    pub fn columns(&self) -> Columns {
        let steps: Vec<f64> = (0..self.loads.len()).map(|step| step as f64).collect();
        Columns::new("servers on a trace")
            .numbers("step", &steps)
            .numbers("load", &self.loads)
            .numbers("ready", &self.ready)
            .numbers("needed", &self.needed)
    }
}

impl Autoscaler {
    /// Always so many: the control.
    pub fn fixed(servers: usize) -> Self {
        Kind::Fixed(servers).into()
    }

    /// As many as bring the utilisation of the latest step to a target, as Kubernetes' horizontal
    /// autoscaler does; it lets servers go at once.
    ///
    /// # Panics
    /// If the target is not above 0 and at most 1.
    #[track_caller]
    pub fn utilization(target: f64) -> Self {
        within("Autoscaler::utilization", "target", target, 0.01, 1.0);
        Kind::Utilization { target, patience: 0 }.into()
    }

    /// The same, which lets servers go only after it wanted to for so many steps.
    ///
    /// # Panics
    /// If it is not of [`Autoscaler::utilization`].
    #[track_caller]
    pub fn patience(mut self, steps: usize) -> Self {
        let name = self.to_string();
        match &mut self.kind {
            Kind::Utilization { patience, .. } => *patience = steps,
            _ => {
                panic!(
                    "Autoscaler::patience: only a target of utilisation has it, but this is {name}"
                )
            }
        }
        self
    }

    /// So many servers more when utilisation is above `high`, and fewer when it is below `low`.
    ///
    /// # Panics
    /// If not 0 <= low < high <= 1, or the step is 0.
    #[track_caller]
    pub fn threshold(low: f64, high: f64, step: usize) -> Self {
        assert!(
            0.0 <= low && low < high && high <= 1.0 && step >= 1,
            "Autoscaler::threshold: thresholds must be 0 <= low < high <= 1 and the step at least 1, \
             but they are {low} and {high}, and the step is {step}"
        );
        Kind::Threshold { low, high, step }.into()
    }

    /// As many as a forecast for the time when they are ready needs, times the head-room: 1.1 for
    /// a tenth more load than is forecast.
    ///
    /// # Panics
    /// If the head-room is not a positive number.
    #[track_caller]
    pub fn predictive(forecaster: Forecaster, headroom: f64) -> Self {
        positive("Autoscaler::predictive", "head-room", headroom);
        Kind::Predictive { forecaster, headroom }.into()
    }

    /// It knows the loads to come: nothing is violated, with as few servers as that takes.
    pub fn oracle() -> Self {
        Kind::Oracle.into()
    }

    /// A scaler of one's own: from what is seen at the end of each step, how many servers there are
    /// to be, with those that start.
    pub fn own(name: &str, decide: impl Fn(&Outlook) -> usize + Send + Sync + 'static) -> Self {
        Kind::Own { name: name.to_owned(), decide: Arc::new(decide) }.into()
    }

    fn wanted(&self, seen: &Outlook, fitted: Option<&Fitted>, loads: &[f64]) -> usize {
        let now = seen.loads[seen.loads.len() - 1];
        let (all, service) = (seen.ready + seen.starting, seen.service);
        match &self.kind {
            Kind::Fixed(servers) => *servers,
            Kind::Utilization { target, .. } => (now / (service.rate * target)).ceil() as usize,
            Kind::Threshold { low, high, step } => {
                let busy = now / (service.rate * seen.ready.max(1) as f64);
                if busy > *high && seen.starting == 0 {
                    all + step
                } else if busy < *low {
                    all.saturating_sub(*step)
                } else {
                    all
                }
            }
            Kind::Predictive { headroom, .. } => {
                let Some(fitted) = fitted else { return all };
                // Who is let go now is missed until another one has started.
                let ahead = fitted.forecast(seen.start_up + 1);
                let most = ahead.into_iter().fold(0.0, f64::max);
                service.needed(most * headroom)
            }
            Kind::Oracle => {
                let from = seen.loads.len();
                let to = (from + seen.start_up + 1).min(loads.len());
                let most = loads[from..to].iter().copied().fold(0.0, f64::max);
                service.needed(most)
            }
            Kind::Own { decide, .. } => decide(seen),
        }
    }
}

impl From<Kind> for Autoscaler {
    fn from(kind: Kind) -> Self {
        Self { kind }
    }
}

/// As "predictive, Holt, head-room 1.1".
impl fmt::Display for Autoscaler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Fixed(servers) => write!(f, "always {servers}"),
            Kind::Utilization { target, patience: 0 } => write!(f, "reactive, target {target}"),
            Kind::Utilization { target, patience } => {
                write!(f, "reactive, target {target}, patience {patience}")
            }
            Kind::Threshold { low, high, .. } => write!(f, "thresholds {low} and {high}"),
            Kind::Predictive { forecaster, headroom } => {
                write!(f, "predictive, {forecaster}, head-room {headroom}")
            }
            Kind::Oracle => write!(f, "oracle"),
            Kind::Own { name, .. } => write!(f, "{name}"),
        }
    }
}

impl fmt::Debug for Autoscaler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
