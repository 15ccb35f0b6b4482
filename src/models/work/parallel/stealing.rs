//! Work stealing: each worker has its own tasks, and an idle one takes some of another's
//! (Blumofe and Leiserson, 1999).

use crate::sim::{Estimate, Stream, Trials, replicate};
use std::collections::VecDeque;

/// A program that splits itself: a task of some height becomes two of one less, a task of height
/// 0 takes so many steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkStealing {
    height: u32,
    leaf: u32,
    workers: usize,
}

/// What a simulation of a program measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    /// Steps until all is done.
    pub time: Estimate,
    /// Attempts to steal, each a step, that succeeded.
    pub steals: Estimate,
    /// And that did not.
    pub failed: Estimate,
}

impl WorkStealing {
    /// A program of this height with leaves of so many steps, and so many workers.
    ///
    /// # Panics
    /// If there is no worker, leaves take no step, or the height is above 30.
    #[track_caller]
    pub fn new(height: u32, leaf: u32, workers: usize) -> Self {
        assert!(
            workers >= 1 && leaf >= 1 && height <= 30,
            "WorkStealing::new: there must be at least 1 worker, leaves of at least 1 step, and a \
             height of at most 30, but they are {workers}, {leaf} and {height}"
        );
        Self { height, leaf, workers }
    }

    /// Steps that one worker needs: all splits and all leaves.
    pub fn work(&self) -> f64 {
        let leaves = f64::from(self.height).exp2();
        leaves - 1.0 + leaves * f64::from(self.leaf)
    }

    /// Steps that no number of workers can avoid: the longest chain.
    pub fn span(&self) -> f64 {
        f64::from(self.height) + f64::from(self.leaf)
    }

    /// Brent's bounds (1974) of a schedule that leaves nobody idle while there is work: at least
    /// work / workers and the span, at most their sum.
    pub fn bounds(&self) -> (f64, f64) {
        let share = self.work() / self.workers as f64;
        (share.max(self.span()), share + self.span())
    }

    /// Simulates it, one program a replication: an idle worker tries to steal from one chosen at
    /// random, the task that has waited there longest; a worker goes on with its own latest.
    pub fn simulate(&self, trials: Trials) -> Steps {
        let Trials { replications, seed, .. } = trials;
        let runs = replicate(replications, |replication| self.run(seed, replication));
        let of = |part: fn(&[u64; 3]) -> u64| {
            Estimate::of(&runs.iter().map(|run| part(run) as f64).collect::<Vec<_>>())
        };
        Steps { time: of(|run| run[0]), steals: of(|run| run[1]), failed: of(|run| run[2]) }
    }

    fn run(&self, seed: u64, replication: u64) -> [u64; 3] {
        let mut random = Stream::new(seed, replication, "victims");
        let mut tasks: Vec<VecDeque<u32>> = vec![VecDeque::new(); self.workers];
        // Of each worker the steps that are left of the leaf that it is at.
        let mut leaf = vec![0u32; self.workers];
        tasks[0].push_back(self.height);
        let mut unfinished = 1u64;
        let [mut time, mut steals, mut failed] = [0u64; 3];
        while unfinished > 0 {
            if time % 1024 == 0 {
                crate::interrupt::tick();
            }
            time += 1;
            for worker in 0..self.workers {
                if leaf[worker] > 0 {
                    leaf[worker] -= 1;
                    unfinished -= u64::from(leaf[worker] == 0);
                    continue;
                }
                match tasks[worker].pop_back() {
                    Some(0) => {
                        leaf[worker] = self.leaf - 1;
                        unfinished -= u64::from(leaf[worker] == 0);
                    }
                    Some(height) => {
                        tasks[worker].extend([height - 1, height - 1]);
                        unfinished += 1;
                    }
                    None if self.workers > 1 && unfinished > 0 => {
                        let victim = (worker + 1 + random.below(self.workers - 1)) % self.workers;
                        match tasks[victim].pop_front() {
                            Some(task) => {
                                tasks[worker].push_back(task);
                                steals += 1;
                            }
                            None => failed += 1,
                        }
                    }
                    None => {}
                }
            }
        }
        [time, steals, failed]
    }
}
