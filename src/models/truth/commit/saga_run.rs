//! One run of a saga.

use super::saga::{Delivery, Saga, Style};
use crate::sim::Stream;

/// What became of one run.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Of each step how often it took effect.
    pub effects: Vec<u32>,
    /// Of each step how often its compensation took effect.
    pub undoings: Vec<u32>,
    failed: bool,
    pub compensations: usize,
    pub attempts: usize,
    pub messages: usize,
    /// When the end was known; nothing if it never was.
    pub ended: Option<f64>,
}

impl Run {
    pub fn is_completed(&self) -> bool {
        self.ended.is_some() && !self.failed
    }

    pub fn is_undone(&self) -> bool {
        self.ended.is_some() && self.failed
    }

    pub fn is_stuck(&self) -> bool {
        self.ended.is_none()
    }
}

struct Running<'a> {
    saga: &'a Saga,
    network: Stream,
    services: Stream,
    now: f64,
    run: Run,
}

pub(super) fn one(saga: &Saga, number: u64) -> Run {
    let stream = |name: &str| Stream::new(saga.seed, number, name);
    let run = Run {
        effects: vec![0; saga.steps.len()],
        undoings: vec![0; saga.steps.len()],
        failed: false,
        compensations: 0,
        attempts: 0,
        messages: 0,
        ended: None,
    };
    let (network, services) = (stream("network"), stream("services"));
    let mut running = Running { saga, network, services, now: 0.0, run };
    let ends = match saga.style {
        Style::Orchestrated => running.orchestrated(),
        Style::Choreographed => running.choreographed(),
    };
    let Running { now, mut run, .. } = running;
    run.ended = ends.map(|()| now);
    run
}

impl Running<'_> {
    fn is_lost(&mut self) -> bool {
        self.run.messages += 1;
        self.saga.loss > 0.0 && self.network.uniform() < self.saga.loss
    }

    fn travels(&mut self) {
        self.now += self.saga.latency.sample(&mut self.network);
    }

    /// A coordinator asks a service, which takes `time`, until it is answered: how often the
    /// service was reached. Nothing if the coordinator is left without an answer.
    fn asks(&mut self, time: f64, mut reached: impl FnMut(&mut Run)) -> Option<()> {
        loop {
            let asked = self.now;
            if !self.is_lost() {
                self.travels();
                reached(&mut self.run);
                self.now += time;
                if !self.is_lost() {
                    self.travels();
                    return Some(());
                }
            }
            if self.saga.delivery == Delivery::AtMostOnce {
                return None;
            }
            self.now = asked + self.saga.timeout;
        }
    }

    fn orchestrated(&mut self) -> Option<()> {
        let saga = self.saga;
        let once = saga.delivery != Delivery::AtLeastOnce;
        for (at, step) in saga.steps.iter().enumerate() {
            let succeeds = self.services.uniform() < step.succeeds;
            self.asks(step.time, |run| {
                if succeeds && !(once && run.effects[at] > 0) {
                    run.effects[at] += 1;
                }
            })?;
            if succeeds {
                continue;
            }
            self.run.failed = true;
            for (at, before) in saga.steps[..at].iter().enumerate().rev() {
                loop {
                    let succeeds = self.services.uniform() < saga.undo;
                    self.asks(before.time, |run| {
                        if succeeds && !(once && run.undoings[at] > 0) {
                            run.undoings[at] += 1;
                        }
                    })?;
                    self.run.attempts += 1;
                    if succeeds {
                        break;
                    }
                }
                self.run.compensations += 1;
            }
            break;
        }
        Some(())
    }

    /// A service tells another, which acknowledges it, until one acknowledgement arrives: how often
    /// the other was reached. The saga goes on when it is reached first, at `now`.
    fn tells(&mut self) -> u32 {
        let (sent, mut first, mut reached, mut round) = (self.now, None, 0, 0.0);
        loop {
            if !self.is_lost() {
                reached += 1;
                self.now = sent + round * self.saga.timeout;
                self.travels();
                first.get_or_insert(self.now);
                if !self.is_lost() {
                    break;
                }
            }
            if self.saga.delivery == Delivery::AtMostOnce {
                break;
            }
            round += 1.0;
        }
        self.now = first.unwrap_or(self.now);
        reached
    }

    /// One message to a service, and its copies: each that reaches it without a key is acted on.
    fn tells_all(&mut self, copies: u32) -> Option<u32> {
        let reached = self.tells();
        let arrived = self.now;
        let more: u32 = (1..copies).map(|_| self.tells()).sum();
        self.now = arrived;
        let acts = if self.saga.delivery == Delivery::AtLeastOnce { reached + more } else { 1 };
        (reached > 0).then_some(acts)
    }

    fn choreographed(&mut self) -> Option<()> {
        let saga = self.saga;
        let mut copies = 1;
        for (at, step) in saga.steps.iter().enumerate() {
            copies = self.tells_all(copies)?;
            let succeeds = self.services.uniform() < step.succeeds;
            self.now += step.time;
            if succeeds {
                self.run.effects[at] = copies;
                continue;
            }
            self.run.failed = true;
            for (at, before) in saga.steps[..at].iter().enumerate().rev() {
                copies = self.tells_all(copies)?;
                loop {
                    self.now += before.time;
                    self.run.attempts += 1;
                    if self.services.uniform() < saga.undo {
                        break;
                    }
                }
                self.run.undoings[at] = copies;
                self.run.compensations += 1;
            }
            break;
        }
        self.tells_all(copies).map(|_| ())
    }
}
