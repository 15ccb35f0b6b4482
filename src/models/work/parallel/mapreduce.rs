//! A job of many tasks on many machines, with stragglers and backup tasks (Dean and Ghemawat,
//! MapReduce, OSDI 2004).

use crate::number::positive;
use crate::sim::{Calendar, Distribution, Estimate, Stream, Trials, replicate};
use std::collections::VecDeque;

/// Losses of each task after which a job is given up.
const MOST_LOST: usize = 10_000;

/// Tasks that are all there at the beginning; an idle machine takes the next.
#[derive(Clone, Debug, PartialEq)]
pub struct MapReduce {
    tasks: usize,
    machines: usize,
    task: Distribution,
    slow: (f64, f64),
    backups: bool,
    /// How long a machine works until it fails, and is away then.
    failures: Option<(Distribution, Distribution)>,
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
    /// Tasks that were lost with their machine and begun anew.
    pub lost: Estimate,
}

/// One job, in the order of [`Jobs`].
type Job = [f64; 4];

enum Event {
    /// What a machine began as this attempt of the job is done.
    Ends {
        machine: usize,
        attempt: u64,
    },
    Fails(usize),
    IsBack(usize),
}

/// What a machine is at.
#[derive(Clone, Copy)]
struct AtWork {
    task: usize,
    since: f64,
    attempt: u64,
}

/// The streams of a replication.
struct Streams {
    tasks: Stream,
    backups: Stream,
    machines: Stream,
    failures: Stream,
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
        Self { tasks, machines, task, slow: (0.0, 1.0), backups: false, failures: None }
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

    /// The same with machines that fail: how long one works, and how long it is away then. The
    /// task it was at is lost and is begun anew on the next machine that is idle; what was done
    /// before stays done, as on a file system of its own.
    pub fn failures(self, works: Distribution, away: Distribution) -> Self {
        Self { failures: Some((works, away)), ..self }
    }

    /// Runs `trials.customers` jobs in each replication.
    ///
    /// # Panics
    /// Without jobs, or if machines fail so soon that a job is never done.
    #[track_caller]
    pub fn simulate(&self, trials: Trials) -> Jobs {
        let Trials { replications, customers, seed, .. } = trials;
        assert!(customers >= 1, "MapReduce::simulate: each replication needs at least 1 job");
        let runs = replicate(replications, |replication| {
            let stream = |name| Stream::new(seed, replication, name);
            let mut streams = Streams {
                tasks: stream("tasks"),
                backups: stream("backups"),
                machines: stream("machines"),
                failures: stream("failures"),
            };
            let mut sums = [0.0; 4];
            for _ in 0..customers {
                let job = self.job(&mut streams);
                sums.iter_mut().zip(job).for_each(|(sum, part)| *sum += part);
            }
            sums.map(|sum| sum / customers as f64)
        });
        let of =
            |part: usize| Estimate::of(&runs.iter().map(|run: &Job| run[part]).collect::<Vec<_>>());
        Jobs { makespan: of(0), work: of(1), backups: of(2), lost: of(3) }
    }

    fn job(&self, streams: &mut Streams) -> Job {
        let (probability, times) = self.slow;
        let factor = |_| if streams.machines.uniform() < probability { times } else { 1.0 };
        let factors: Vec<f64> = (0..self.machines).map(factor).collect();
        // The same lengths with and without backups: common random numbers.
        let lengths: Vec<f64> =
            (0..self.tasks).map(|_| self.task.sample(&mut streams.tasks)).collect();
        let mut events: Calendar<Event> = Calendar::new();
        // Of each task the machines at work on it; of each machine what it is at.
        let mut at_work: Vec<Vec<usize>> = vec![vec![]; self.tasks];
        let mut at: Vec<Option<AtWork>> = vec![None; self.machines];
        let mut done = vec![false; self.tasks];
        let (mut next, mut oldest, mut left) = (0, 0, self.tasks);
        let (mut work, mut backups, mut lost, mut attempts) = (0.0, 0u32, 0usize, 0u64);
        let mut idle: Vec<usize> = (0..self.machines).rev().collect();
        // Tasks that were lost, and machines that found nothing to do.
        let (mut again, mut resting): (VecDeque<usize>, Vec<usize>) = (VecDeque::new(), vec![]);
        if let Some((works, _)) = &self.failures {
            for machine in 0..self.machines {
                events.book(works.sample(&mut streams.failures), Event::Fails(machine));
            }
        }
        loop {
            if attempts % 1024 == 0 {
                crate::interrupt::tick();
            }
            while let Some(machine) = idle.pop() {
                let (task, length) = if let Some(task) = again.pop_front() {
                    (task, lengths[task])
                } else if next < self.tasks {
                    next += 1;
                    (next - 1, lengths[next - 1])
                } else if self.backups {
                    while oldest < self.tasks && (done[oldest] || at_work[oldest].len() > 1) {
                        oldest += 1;
                    }
                    if oldest == self.tasks {
                        resting.push(machine);
                        continue;
                    }
                    backups += 1;
                    (oldest, self.task.sample(&mut streams.backups))
                } else {
                    resting.push(machine);
                    continue;
                };
                attempts += 1;
                at_work[task].push(machine);
                let attempt = attempts;
                at[machine] = Some(AtWork { task, since: events.now(), attempt });
                events.book(length * factors[machine], Event::Ends { machine, attempt });
            }
            match events.next() {
                None => break,
                Some(Event::Ends { machine, attempt }) => {
                    // It may have been stopped: its task was done by another, or it failed.
                    let Some(ends) = at[machine].filter(|at| at.attempt == attempt) else {
                        continue;
                    };
                    done[ends.task] = true;
                    left -= 1;
                    for machine in at_work[ends.task].drain(..) {
                        if let Some(AtWork { since, .. }) = at[machine].take() {
                            work += events.now() - since;
                            idle.push(machine);
                        }
                    }
                    if left == 0 {
                        break;
                    }
                }
                Some(Event::Fails(machine)) => {
                    resting.retain(|other| *other != machine);
                    if let Some(AtWork { task, since, .. }) = at[machine].take() {
                        work += events.now() - since;
                        at_work[task].retain(|other| *other != machine);
                        if at_work[task].is_empty() {
                            lost += 1;
                            again.push_back(task);
                            idle.append(&mut resting);
                        }
                    }
                    assert!(
                        lost <= MOST_LOST * self.tasks,
                        "MapReduce::failures: each task was lost {MOST_LOST} times and the job is \
                         not done; let machines work for longer than a task takes"
                    );
                    if let Some((_, away)) = &self.failures {
                        events.book(away.sample(&mut streams.failures), Event::IsBack(machine));
                    }
                }
                Some(Event::IsBack(machine)) => {
                    idle.push(machine);
                    if let Some((works, _)) = &self.failures {
                        events.book(works.sample(&mut streams.failures), Event::Fails(machine));
                    }
                }
            }
        }
        [events.now(), work, f64::from(backups), lost as f64]
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
