//! Objects, events and the work queue, simulated.

use super::{Controller, Glance, Reconcile};
use crate::columns::Columns;
use crate::number::positive;
use crate::operations::checks::at_least;
use crate::sim::{Calendar, Estimate, Histogram, Stream, Trials, replicate};
use std::cell::Cell;
use std::collections::VecDeque;

/// What is taken as equal: sums of changes are rounded.
const SAME: f64 = 1e-6;

/// What a simulation says, after its warm-up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reconciled {
    /// The share of objects and time that is not as desired.
    pub wrong: Estimate,
    /// The mean of |actual - desired|, in standard deviations of one change.
    pub off: Estimate,
    /// How long an object is wrong until it is right again, on the mean; of spells that ended.
    pub spell: Estimate,
    /// The time below which 99 of 100 of these spells lie.
    pub spell_p99: Estimate,
    /// Looks at what is desired, per unit of time.
    pub looks: Estimate,
    /// The greatest number of items that waited in the work queue.
    pub backlog: Estimate,
}

/// How far objects are from what is desired, as time goes by.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    /// The times, in units of time.
    pub times: Vec<f64>,
    /// Of each time, the root mean square of actual - desired over objects and replications.
    pub rms: Vec<f64>,
    /// Of each time, the share of objects that are wrong.
    pub wrong: Vec<f64>,
}

impl Divergence {
    /// As columns `time`, `rms` and `wrong`.
    pub fn columns(&self) -> Columns {
        Columns::new("objects that are not as desired")
            .numbers("time", &self.times)
            .numbers("rms", &self.rms)
            .numbers("wrong", &self.wrong)
    }
}

impl Reconcile {
    /// So many changes of all objects together, `trials.customers` after `trials.warmup`.
    #[track_caller]
    pub fn simulate(&self, controller: &Controller, trials: Trials) -> Reconciled {
        let changes = trials.customers as f64 / (self.objects as f64 * self.rate);
        let begin = trials.warmup as f64 / (self.objects as f64 * self.rate);
        let runs = replicate(trials.replications, |replication| {
            let mut run = Run::new(self, controller, trials.seed, replication);
            run.until(begin);
            run.counted(begin);
            run.until(begin + changes);
            run.settle(begin + changes);
            let all = changes * self.objects as f64;
            let spells = run.spells.len().max(1) as f64;
            [
                run.wrong / all,
                run.off / all,
                run.spell_time / spells,
                if run.spells.is_empty() { 0.0 } else { run.spells.quantile(0.99) },
                run.looks as f64 / changes,
                run.backlog as f64,
            ]
        });
        let of = |part: usize| Estimate::of(&runs.iter().map(|run| run[part]).collect::<Vec<_>>());
        Reconciled {
            wrong: of(0),
            off: of(1),
            spell: of(2),
            spell_p99: of(3),
            looks: of(4),
            backlog: of(5),
        }
    }

    /// How far objects that are right at time 0 go astray until `end`, seen every `step`.
    ///
    /// # Panics
    /// If end and step are not positive numbers, or there is no replication.
    #[track_caller]
    pub fn observed(
        &self,
        controller: &Controller,
        end: f64,
        step: f64,
        replications: usize,
        seed: u64,
    ) -> Divergence {
        const PLACE: &str = "Reconcile::observed";
        positive(PLACE, "end", end);
        positive(PLACE, "step", step);
        at_least(PLACE, "replications", 1, replications);
        let times: Vec<f64> =
            (1..=(end / step).round().max(1.0) as usize).map(|i| i as f64 * step).collect();
        let runs = replicate(replications, |replication| {
            let mut run = Run::new(self, controller, seed, replication);
            let seen = times.iter().map(|time| {
                run.until(*time);
                let gaps = || run.objects.iter().map(|object| object.gap());
                let wrong = gaps().filter(|gap| gap.abs() > SAME).count() as f64;
                (gaps().map(|gap| gap * gap).sum::<f64>(), wrong)
            });
            seen.collect::<Vec<_>>()
        });
        let all = (replications * self.objects) as f64;
        let mean = |i: usize, of: fn(&(f64, f64)) -> f64| {
            runs.iter().map(|run| of(&run[i])).sum::<f64>() / all
        };
        let rms = (0..times.len()).map(|i| mean(i, |seen| seen.0).sqrt()).collect();
        let wrong = (0..times.len()).map(|i| mean(i, |seen| seen.1)).collect();
        Divergence { times, rms, wrong }
    }
}

struct Object {
    desired: f64,
    actual: f64,
    /// Since when the two are what they are, and since when they differ.
    since: f64,
    wrong_since: Option<f64>,
    waits: bool,
}

impl Object {
    fn gap(&self) -> f64 {
        self.actual - self.desired
    }
}

enum Event {
    Change(usize),
    /// Object, and what it is told: value and change.
    Arrives(usize, f64, f64),
    Resync,
    ResyncOf(usize),
    Done,
}

type Item = (usize, Option<(f64, f64)>);

struct Run<'a> {
    of: &'a Reconcile,
    controller: &'a Controller,
    calendar: Calendar<Event>,
    changes: Stream,
    channel: Stream,
    objects: Vec<Object>,
    queue: VecDeque<Item>,
    at_work: Option<Item>,
    from: f64,
    wrong: f64,
    off: f64,
    spells: Histogram,
    spell_time: f64,
    looks: usize,
    backlog: usize,
    events: u64,
}

impl<'a> Run<'a> {
    fn new(of: &'a Reconcile, controller: &'a Controller, seed: u64, replication: u64) -> Self {
        let stream = |name: &str| Stream::new(seed, replication, name);
        let object =
            |_| Object { desired: 0.0, actual: 0.0, since: 0.0, wrong_since: None, waits: false };
        let mut run = Self {
            of,
            controller,
            calendar: Calendar::new(),
            changes: stream("changes"),
            channel: stream("channel"),
            objects: (0..of.objects).map(object).collect(),
            queue: VecDeque::new(),
            at_work: None,
            from: 0.0,
            wrong: 0.0,
            off: 0.0,
            spells: Histogram::default(),
            spell_time: 0.0,
            looks: 0,
            backlog: 0,
            events: 0,
        };
        for object in 0..of.objects {
            let first = run.changes.exponential() / of.rate;
            run.calendar.book(first, Event::Change(object));
        }
        if let Some(period) = of.resync {
            // Somewhere in the period.
            let phase = stream("resync").uniform();
            if of.spread {
                for object in 0..of.objects {
                    let at = (phase + object as f64 / of.objects as f64).fract();
                    run.calendar.book(period * at, Event::ResyncOf(object));
                }
            } else {
                run.calendar.book(period * phase, Event::Resync);
            }
        }
        run
    }

    fn until(&mut self, end: f64) {
        while self.calendar.upcoming().is_some_and(|time| time <= end) {
            self.events += 1;
            if self.events.is_multiple_of(1024) {
                crate::interrupt::tick();
            }
            let Some(event) = self.calendar.next() else { return };
            match event {
                Event::Change(object) => self.change(object),
                Event::Arrives(object, value, change) => {
                    self.enqueue((object, Some((value, change))));
                }
                Event::Resync => {
                    (0..self.of.objects).for_each(|object| self.enqueue((object, None)));
                    self.calendar.book(self.of.resync.unwrap_or(f64::INFINITY), Event::Resync);
                }
                Event::ResyncOf(object) => {
                    self.enqueue((object, None));
                    let period = self.of.resync.unwrap_or(f64::INFINITY);
                    self.calendar.book(period, Event::ResyncOf(object));
                }
                Event::Done => {
                    if let Some(item) = self.at_work.take() {
                        self.act(item);
                    }
                    self.take_up();
                }
            }
        }
    }

    fn change(&mut self, object: usize) {
        let step = self.changes.normal();
        let next = self.changes.exponential() / self.of.rate;
        self.calendar.book(next, Event::Change(object));
        let value = self.objects[object].desired + step;
        self.becomes(object, value, self.objects[object].actual);
        // Drawn whether they are needed or not: channels that differ meet the same changes.
        let (is_lost, is_twice) = (self.channel.uniform(), self.channel.uniform());
        let delays = [self.channel.exponential(), self.channel.exponential()];
        if is_lost < self.of.lost {
            return;
        }
        let copies = if is_twice < self.of.repeated { 2 } else { 1 };
        for delay in &delays[..copies] {
            let delay = self.of.delay * if self.of.reorders { *delay } else { 1.0 };
            if delay == 0.0 {
                self.enqueue((object, Some((value, step))));
            } else {
                self.calendar.book(delay, Event::Arrives(object, value, step));
            }
        }
    }

    fn enqueue(&mut self, item: Item) {
        if self.of.work == 0.0 {
            return self.act(item);
        }
        if self.controller.merges && self.objects[item.0].waits {
            return;
        }
        self.objects[item.0].waits = true;
        self.queue.push_back(item);
        self.backlog = self.backlog.max(self.queue.len());
        if self.at_work.is_none() {
            self.take_up();
        }
    }

    fn take_up(&mut self) {
        if let Some(item) = self.queue.pop_front() {
            self.objects[item.0].waits = false;
            self.at_work = Some(item);
            self.calendar.book(self.of.work, Event::Done);
        }
    }

    fn act(&mut self, (object, told): Item) {
        let Object { desired, actual, .. } = self.objects[object];
        let seen = Glance { told, desired, actual, looked: Cell::new(false) };
        let value = self.controller.act(&seen);
        self.looks += usize::from(seen.looked.get());
        self.becomes(object, desired, value);
    }

    fn becomes(&mut self, object: usize, desired: f64, actual: f64) {
        let now = self.calendar.now();
        self.account(object, now);
        let object = &mut self.objects[object];
        (object.desired, object.actual) = (desired, actual);
        match (object.gap().abs() > SAME, object.wrong_since) {
            (true, None) => object.wrong_since = Some(now),
            (false, Some(since)) => {
                object.wrong_since = None;
                // What arrives at once was never seen to be wrong.
                if now > since && since >= self.from {
                    self.spells.record(now - since);
                    self.spell_time += now - since;
                }
            }
            _ => {}
        }
    }

    fn account(&mut self, object: usize, now: f64) {
        let object = &mut self.objects[object];
        let (gap, time) = (object.gap().abs(), now - object.since.max(self.from));
        if gap > SAME && time > 0.0 {
            self.wrong += time;
            self.off += gap * time;
        }
        object.since = now;
    }

    /// Everything is counted from this time on.
    fn counted(&mut self, from: f64) {
        self.settle(from);
        [self.wrong, self.off, self.spell_time] = [0.0; 3];
        self.spells = Histogram::default();
        (self.from, self.looks, self.backlog) = (from, 0, self.queue.len());
    }

    fn settle(&mut self, at: f64) {
        (0..self.objects.len()).for_each(|object| self.account(object, at));
    }
}
