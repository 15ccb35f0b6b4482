//! A store in simulation: transactions that run at the same time, step by step in an order of
//! chance, at a level of isolation.

use super::history::{Event, Transactions, Version};
use super::level::Level;
use super::locks::Locks;
use super::program::{Program, Step, name};
use super::snapshots::Snapshots;
use crate::sim::Stream;
use std::collections::{BTreeMap, BTreeSet};

/// A store of objects that hold numbers. Those that are not named hold 0 at first.
#[derive(Clone, Debug)]
pub struct Store {
    level: Level,
    holds: BTreeMap<String, i64>,
    at_once: usize,
}

/// What came of transactions on a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// What they did. Program k is transaction k + 1.
    pub history: Transactions,
    /// What each object holds in the end.
    pub values: BTreeMap<String, i64>,
    /// The transactions that the store aborted: for a deadlock, or for a conflict.
    pub aborted: Vec<usize>,
}

/// A version with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub version: Version,
    pub value: i64,
}

/// What a store says to a step.
#[derive(Debug)]
pub(super) enum Outcome<T> {
    Done(T),
    /// Not before somebody has ended.
    Waits,
    /// Never: the transaction must abort.
    Aborts,
}

/// How a level is given. Objects and transactions are known by number.
pub(super) trait Engine {
    fn read(&mut self, transaction: usize, object: usize) -> Outcome<Held>;
    fn write(&mut self, transaction: usize, object: usize, value: i64) -> Outcome<Held>;
    /// Whether it may.
    fn commit(&mut self, transaction: usize) -> bool;
    fn abort(&mut self, transaction: usize);
    fn values(&self) -> Vec<i64>;
}

impl Version {
    /// The next one of the same writer.
    pub(super) const fn next(self) -> Self {
        Self { writer: self.writer, number: self.number + 1 }
    }
}

impl Store {
    /// At this level, with any number of transactions at once.
    pub fn new(level: Level) -> Self {
        Self { level, holds: BTreeMap::new(), at_once: usize::MAX }
    }

    /// An object holds this at first.
    ///
    /// # Panics
    /// If its name is not made of letters.
    #[track_caller]
    pub fn holds(mut self, object: &str, value: i64) -> Self {
        self.holds.insert(name("Store::holds", object), value);
        self
    }

    /// At most so many transactions run at once; the others wait for their turn.
    ///
    /// # Panics
    /// If it is none.
    #[track_caller]
    pub fn at_once(self, transactions: usize) -> Self {
        assert!(transactions >= 1, "Store::at_once: at least 1 transaction must run at once");
        Self { at_once: transactions, ..self }
    }

    /// Runs transactions: of those at work one after the other is chosen by chance, each as likely
    /// as the others, and does its next step. The last step of each is its commit.
    pub fn run(&self, programs: &[Program], seed: u64) -> Execution {
        Running::new(self, programs, Stream::new(seed, 0, "schedule")).whole()
    }
}

/// A transaction at work.
struct Worker {
    transaction: usize,
    /// Its next step.
    step: usize,
    waits: bool,
    /// What it has read last, by object.
    read: BTreeMap<usize, i64>,
    has_stopped: bool,
}

struct Running<'a> {
    store: &'a Store,
    programs: &'a [Program],
    engine: Box<dyn Engine>,
    names: Vec<String>,
    number: BTreeMap<String, usize>,
    schedule: Stream,
    workers: Vec<Worker>,
    events: Vec<Event>,
    /// Of each object who wrote it, in the order of their last writes: the order of its versions
    /// where there are no locks.
    writers: Vec<Vec<usize>>,
    aborted: Vec<usize>,
}

impl<'a> Running<'a> {
    fn new(store: &'a Store, programs: &'a [Program], schedule: Stream) -> Self {
        let mut names: BTreeSet<&str> = store.holds.keys().map(String::as_str).collect();
        for step in programs.iter().flat_map(|program| &program.steps) {
            if let Step::Read(object) | Step::Set(object, _) | Step::Add(object, _) = step {
                names.insert(object);
            }
        }
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let number = names.iter().cloned().enumerate().map(|(at, name)| (name, at)).collect();
        let value = |name: &String| store.holds.get(name).copied().unwrap_or(0);
        let values: Vec<i64> = names.iter().map(value).collect();
        let engine: Box<dyn Engine> = match store.level {
            Level::Snapshot => Box::new(Snapshots::new(false, &values)),
            Level::SerializableSnapshot => Box::new(Snapshots::new(true, &values)),
            level => Box::new(Locks::new(level, &values)),
        };
        let writers = vec![vec![]; names.len()];
        let (workers, events, aborted) = (vec![], vec![], vec![]);
        Self { store, programs, engine, names, number, schedule, workers, events, writers, aborted }
    }

    fn whole(mut self) -> Execution {
        let mut next = 0;
        loop {
            while next < self.programs.len() && self.workers.len() < self.store.at_once {
                let (transaction, read) = (next + 1, BTreeMap::new());
                let worker =
                    Worker { transaction, step: 0, waits: false, read, has_stopped: false };
                self.workers.push(worker);
                next += 1;
            }
            let ready: Vec<usize> =
                (0..self.workers.len()).filter(|&at| !self.workers[at].waits).collect();
            // Whoever would close a circle of those who wait is aborted: somebody is ready.
            if ready.is_empty() {
                break;
            }
            let at = ready[self.schedule.below(ready.len())];
            if self.steps(at) {
                self.workers.remove(at);
                self.workers.iter_mut().for_each(|worker| worker.waits = false);
            }
        }
        let values = self.names.iter().cloned().zip(self.engine.values()).collect();
        let orders = match self.store.level {
            Level::Nothing => self.names.into_iter().zip(self.writers).collect(),
            _ => BTreeMap::new(),
        };
        let history = Transactions::recorded(self.events, orders);
        Execution { history, values, aborted: self.aborted }
    }

    /// A transaction does its next step; whether it has ended.
    fn steps(&mut self, at: usize) -> bool {
        let worker = &mut self.workers[at];
        let transaction = worker.transaction;
        let steps = &self.programs[transaction - 1].steps;
        // What takes no time.
        while let Some(Step::StopIfSumBelow(sum)) = steps.get(worker.step) {
            worker.has_stopped |= worker.read.values().sum::<i64>() < *sum;
            worker.step += 1;
        }
        let step = if worker.has_stopped { None } else { steps.get(worker.step) };
        match step {
            None => {
                let commits = self.engine.commit(transaction);
                self.ends(transaction, commits);
                return true;
            }
            Some(Step::Abort) => {
                self.engine.abort(transaction);
                self.events.push(Event::Abort(transaction));
                return true;
            }
            Some(Step::Read(object)) => {
                let number = self.number[object];
                match self.engine.read(transaction, number) {
                    Outcome::Done(held) => {
                        worker.read.insert(number, held.value);
                        let event = Event::Read(transaction, object.clone(), held.version);
                        self.events.push(event);
                    }
                    outcome => return self.cannot(at, &outcome),
                }
            }
            Some(Step::Set(object, amount) | Step::Add(object, amount)) => {
                let number = self.number[object];
                let has_read = matches!(step, Some(Step::Add(..)));
                let before = worker.read.get(&number).filter(|_| has_read).unwrap_or(&0);
                match self.engine.write(transaction, number, before + amount) {
                    Outcome::Done(held) => {
                        let event = Event::Write(transaction, object.clone(), held.version);
                        self.events.push(event);
                        self.writers[number].retain(|it| *it != transaction);
                        self.writers[number].push(transaction);
                    }
                    outcome => return self.cannot(at, &outcome),
                }
            }
            Some(Step::StopIfSumBelow(_)) => {}
        }
        self.workers[at].step += 1;
        false
    }

    fn cannot(&mut self, at: usize, outcome: &Outcome<Held>) -> bool {
        self.workers[at].waits = true;
        let aborts = matches!(outcome, Outcome::Aborts);
        if aborts {
            let transaction = self.workers[at].transaction;
            self.engine.abort(transaction);
            self.ends(transaction, false);
        }
        aborts
    }

    fn ends(&mut self, transaction: usize, commits: bool) {
        if commits {
            self.events.push(Event::Commit(transaction));
        } else {
            self.events.push(Event::Abort(transaction));
            self.aborted.push(transaction);
        }
    }
}
