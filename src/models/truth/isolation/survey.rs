//! How often a level shows which anomaly, over many runs of transactions of chance.

use super::anomaly::Anomaly;
use super::level::Level;
use super::program::{Program, Step};
use super::store::{Execution, Store};
use crate::sim::{Estimate, Stream, replicate};
use std::collections::BTreeMap;

/// Transactions of chance: how many, of how many steps, on how many objects.
///
/// As made by [`Mix::new`]: half of the steps read and half write, each an object of which all are
/// as likely; four transactions run at once; one in ten aborts by itself before it would commit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mix {
    transactions: usize,
    steps: usize,
    objects: usize,
    writes: f64,
    at_once: usize,
    aborts: f64,
    seed: u64,
}

/// What runs of a mix showed at a level: means over the runs.
#[derive(Clone, Debug)]
pub struct AnomalyRates {
    /// The level.
    pub level: Level,
    /// Of each anomaly the part of the runs that have it.
    pub rates: BTreeMap<Anomaly, Estimate>,
    /// The part of the runs that are serializable.
    pub serializable: Estimate,
    /// The part of the transactions that the store aborted.
    pub aborted: Estimate,
}

impl Mix {
    /// So many transactions of so many steps on so many objects.
    ///
    /// # Panics
    /// If one of them is 0.
    #[track_caller]
    pub fn new(transactions: usize, steps: usize, objects: usize) -> Self {
        assert!(
            transactions >= 1 && steps >= 1 && objects >= 1,
            "Mix::new: there must be at least 1 transaction, 1 step and 1 object, but there are \
             {transactions}, {steps} and {objects}"
        );
        let (writes, at_once, aborts, seed) = (0.5, 4, 0.1, 1);
        Self { transactions, steps, objects, writes, at_once, aborts, seed }
    }

    /// The share of writes among the steps.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn writes(self, share: f64) -> Self {
        Self { writes: share_of("Mix::writes", share), ..self }
    }

    /// How many transactions run at once.
    ///
    /// # Panics
    /// If it is none.
    #[track_caller]
    pub fn at_once(self, transactions: usize) -> Self {
        assert!(transactions >= 1, "Mix::at_once: at least 1 transaction must run at once");
        Self { at_once: transactions, ..self }
    }

    /// The share of transactions that abort by themselves.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn aborts(self, share: f64) -> Self {
        Self { aborts: share_of("Mix::aborts", share), ..self }
    }

    /// Chooses all random numbers.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The transactions of a run, by its number: the same at all levels.
    pub fn programs(&self, run: u64) -> Vec<Program> {
        let mut random = Stream::new(self.seed, run, "programs");
        let program = |_| {
            let mut program = Program::new();
            for _ in 0..self.steps {
                let object = letters(random.below(self.objects));
                let is_write = random.uniform() < self.writes;
                let step = if is_write { Step::Set(object, 1) } else { Step::Read(object) };
                program = program.step(step);
            }
            if random.uniform() < self.aborts { program.abort() } else { program }
        };
        (0..self.transactions).map(program).collect()
    }

    /// One run at a level, by its number.
    pub fn run(&self, level: Level, run: u64) -> Execution {
        let programs = self.programs(run);
        let schedule = Stream::new(self.seed, run, "schedules").bits();
        Store::new(level).at_once(self.at_once).run(&programs, schedule)
    }

    /// So many runs at a level.
    ///
    /// # Panics
    /// If there are fewer than 2.
    #[track_caller]
    pub fn survey(&self, level: Level, runs: usize) -> AnomalyRates {
        assert!(runs >= 2, "Mix::survey: there must be at least 2 runs, but there are {runs}");
        let one = |number| {
            let execution = self.run(level, number);
            let report = execution.history.check();
            let aborted = execution.aborted.len() as f64 / self.transactions as f64;
            (report.anomalies(), report.is_serializable(), aborted)
        };
        let all = replicate(runs, one);
        type Run = (Vec<Anomaly>, bool, f64);
        let mean =
            |of: &dyn Fn(&Run) -> f64| Estimate::of(&all.iter().map(of).collect::<Vec<f64>>());
        let part = |is: bool| f64::from(u8::from(is));
        let rate = |anomaly: Anomaly| (anomaly, mean(&|run| part(run.0.contains(&anomaly))));
        AnomalyRates {
            level,
            rates: Anomaly::ALL.into_iter().map(rate).collect(),
            serializable: mean(&|run| part(run.1)),
            aborted: mean(&|run| run.2),
        }
    }
}

/// The name of an object by its number: x, y, z, a, b, and so on.
fn letters(number: usize) -> String {
    const LETTERS: &[u8; 26] = b"xyzabcdefghijklmnopqrstuvw";
    let letter = char::from(LETTERS[number % 26]).to_string();
    if number < 26 { letter } else { letters(number / 26 - 1) + &letter }
}

#[track_caller]
fn share_of(place: &str, share: f64) -> f64 {
    assert!(
        (0.0..=1.0).contains(&share),
        "{place}: the share must be between 0 and 1, but it is {share}"
    );
    share
}
