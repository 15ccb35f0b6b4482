//! A job of many tasks on many machines, with stragglers and backup tasks (Dean and Ghemawat,
//! MapReduce, OSDI 2004).

use crate::number::positive;
use crate::sim::{Calendar, Distribution, Estimate, Stream, Trials, replicate};

/// Tasks that are all there at the beginning; an idle machine takes the next.
#[derive(Clone, Debug, PartialEq)]
pub struct MapReduce {
    tasks: usize,
    machines: usize,
    task: Distribution,
    slow: (f64, f64),
    backups: bool,
}

/// What a simulation of jobs measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Jobs {
    /// From the beginning to the end of the last task, in units of time.
    pub makespan: Estimate,
    /// Machine time spent, backup tasks included, in units of time.
    pub work: Estimate,
    /// Backup tasks started.
    pub backups: Estimate,
}

impl MapReduce {
    /// So many tasks of this length (on a healthy machine) on so many machines.
    ///
    /// # Panics
    /// If there are no tasks or no machines.
    #[track_caller]
    pub fn new(tasks: usize, task: Distribution, machines: usize) -> Self {
        assert!(
            tasks >= 1 && machines >= 1,
            "MapReduce::new: there must be at least 1 task and 1 machine, but there are {tasks} and \
             {machines}"
        );
        Self { tasks, machines, task, slow: (0.0, 1.0), backups: false }
    }

    /// The same with machines of which each is slow with this probability, and then takes so many
    /// times as long for all that it does.
    ///
    /// # Panics
    /// If they are no probability and no factor of at least 1.
    #[track_caller]
    pub fn stragglers(mut self, probability: f64, times: f64) -> Self {
        assert!(
            (0.0..=1.0).contains(&probability),
            "MapReduce::stragglers: the probability must be between 0 and 1, but it is {probability}"
        );
        assert!(
            times >= 1.0 && times.is_finite(),
            "MapReduce::stragglers: a straggler must take at least 1 times as long, but it is {times}"
        );
        self.slow = (probability, times);
        self
    }

    /// The same with backup tasks: when none is left to begin, an idle machine begins once more
    /// the running task that began first and has no backup yet; the first to end counts, and the
    /// other is stopped.
    pub fn backups(self, backups: bool) -> Self {
        Self { backups, ..self }
    }

    /// Runs `trials.customers` jobs in each replication.
    pub fn simulate(&self, trials: Trials) -> Jobs {
        let Trials { replications, customers, seed, .. } = trials;
        let runs = replicate(replications, |replication| {
            let mut tasks = Stream::new(seed, replication, "tasks");
            let mut copies = Stream::new(seed, replication, "backups");
            let mut machines = Stream::new(seed, replication, "machines");
            let mut sums = (0.0, 0.0, 0.0);
            for _ in 0..customers {
                crate::interrupt::tick();
                let (makespan, work, backups) = self.job(&mut tasks, &mut copies, &mut machines);
                sums = (sums.0 + makespan, sums.1 + work, sums.2 + f64::from(backups));
            }
            let count = customers as f64;
            (sums.0 / count, sums.1 / count, sums.2 / count)
        });
        let of = |part: fn(&(f64, f64, f64)) -> f64| {
            Estimate::of(&runs.iter().map(part).collect::<Vec<_>>())
        };
        Jobs { makespan: of(|run| run.0), work: of(|run| run.1), backups: of(|run| run.2) }
    }

    fn job(
        &self,
        tasks: &mut Stream,
        copies: &mut Stream,
        machines: &mut Stream,
    ) -> (f64, f64, u32) {
        let (probability, times) = self.slow;
        let factor = |_| if machines.uniform() < probability { times } else { 1.0 };
        let factors: Vec<f64> = (0..self.machines).map(factor).collect();
        // The same lengths with and without backups: common random numbers.
        let lengths: Vec<f64> = (0..self.tasks).map(|_| self.task.sample(tasks)).collect();
        let mut ends: Calendar<(usize, usize)> = Calendar::new();
        // Of each task the machines at work on it; of each machine when it began.
        let mut at_work: Vec<Vec<usize>> = vec![vec![]; self.tasks];
        let mut began = vec![None; self.machines];
        let mut done = vec![false; self.tasks];
        let (mut next, mut oldest, mut left) = (0, 0, self.tasks);
        let (mut work, mut backups) = (0.0, 0);
        let mut idle: Vec<usize> = (0..self.machines).rev().collect();
        loop {
            while let Some(machine) = idle.pop() {
                let now = ends.now();
                let (task, length) = if next < self.tasks {
                    next += 1;
                    (next - 1, lengths[next - 1])
                } else if self.backups {
                    while oldest < self.tasks && (done[oldest] || at_work[oldest].len() > 1) {
                        oldest += 1;
                    }
                    if oldest == self.tasks {
                        continue; // nothing for it to do any more
                    }
                    backups += 1;
                    (oldest, self.task.sample(copies))
                } else {
                    continue;
                };
                at_work[task].push(machine);
                began[machine] = Some((task, now));
                ends.book(length * factors[machine], (machine, task));
            }
            let Some((machine, task)) = ends.next() else { break };
            // Its task may have been done by another, and the machine be at another.
            if done[task] || began[machine].is_none_or(|(at, _)| at != task) {
                continue;
            }
            done[task] = true;
            left -= 1;
            for machine in at_work[task].drain(..) {
                if let Some((_, since)) = began[machine].take() {
                    work += ends.now() - since;
                    idle.push(machine);
                }
            }
            if left == 0 {
                break;
            }
        }
        (ends.now(), work, backups)
    }

    /// The mean makespan when each machine has one exponential task and none is slow: the mean
    /// times 1 + 1/2 + .. + 1/n.
    ///
    /// # Panics
    /// If the mean is not a positive number.
    #[track_caller]
    pub fn last_of(tasks: usize, mean: f64) -> f64 {
        positive("MapReduce::last_of", "mean", mean)
            * (1..=tasks).map(|k| 1.0 / k as f64).sum::<f64>()
    }
}
