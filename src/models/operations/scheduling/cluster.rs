//! A cluster: classes of tasks that come and go, machines, who waits and who is killed.

use super::engine::Run;
use super::{Fit, Resources};
use crate::number::positive;
use crate::operations::checks::at_least;
use crate::sim::{Distribution, Estimate, Trials, replicate};
use crate::work::erlang_b;

/// Tasks of one kind.
#[derive(Clone, Debug)]
pub struct TaskClass {
    pub(super) name: String,
    pub(super) rate: f64,
    pub(super) life: Distribution,
    pub(super) demand: Resources,
    pub(super) priority: i32,
}

impl TaskClass {
    /// So many per unit of time, Poisson, each of which runs for a time of this law and asks for
    /// so much. Its priority is 0.
    ///
    /// # Panics
    /// If the rate is not a positive number, or the mean of the life is 0 or infinite.
    #[track_caller]
    pub fn new(name: &str, rate: f64, life: Distribution, demand: Resources) -> Self {
        const PLACE: &str = "TaskClass::new";
        positive(PLACE, "rate of tasks", rate);
        positive(PLACE, "mean life of a task", life.mean());
        Self { name: name.to_owned(), rate, life, demand, priority: 0 }
    }

    /// The same with a priority: higher ones are placed first.
    pub fn priority(self, priority: i32) -> Self {
        Self { priority, ..self }
    }

    /// Little's law: how many would run at the same time if none had to wait, rate x life.
    pub fn running(&self) -> f64 {
        self.rate * self.life.mean()
    }
}

/// What becomes of a task that fits nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// It is turned away.
    Lost,
    /// It waits, and so does everybody behind it: by priority, and then by the order in which they
    /// came.
    Line,
    /// It waits, and those behind it that fit go past (backfilling without reservations).
    Backfill,
}

/// Equal machines, and the tasks that come to them.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(super) nodes: usize,
    pub(super) capacity: Resources,
    pub(super) classes: Vec<TaskClass>,
    pub(super) waiting: Waiting,
    pub(super) preempts: bool,
}

/// What a simulation says of a class.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassRun {
    /// Its name.
    pub name: String,
    /// How many run at the same time.
    pub running: Estimate,
    /// How many wait at the same time.
    pub waiting: Estimate,
    /// From a task's coming until it runs for the first time, of those that came to run, in units
    /// of time.
    pub wait: Estimate,
    /// The share that is turned away.
    pub lost: Estimate,
    /// How often a task is killed, on the mean.
    pub killed: Estimate,
}

/// What a simulation says of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterRun {
    /// The share of all processors that tasks hold.
    pub cpu: Estimate,
    /// The share of all memory that tasks hold.
    pub memory: Estimate,
    /// Fragmentation: the share of free processors that are on machines into which a task of the
    /// class that asks for most does not fit.
    pub fragmented: Estimate,
    /// Stranded: the share of all processors that are free, and on machines into which no task of
    /// any class fits.
    pub stranded: Estimate,
    /// The share of the processors' time that was held by tasks which were killed later: wasted.
    pub wasted: Estimate,
    /// What is said of each class, in their order.
    pub classes: Vec<ClassRun>,
}

impl Cluster {
    /// So many machines of this capacity. Who does not fit is turned away until it is said
    /// otherwise.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn new(nodes: usize, capacity: Resources) -> Self {
        at_least("Cluster::new", "machines", 1, nodes);
        Self { nodes, capacity, classes: vec![], waiting: Waiting::Lost, preempts: false }
    }

    /// The same with one more class of tasks.
    ///
    /// # Panics
    /// If its tasks do not fit on an empty machine.
    #[track_caller]
    pub fn class(mut self, class: TaskClass) -> Self {
        assert!(
            class.demand.fits(&self.capacity),
            "Cluster::class: a task of {} asks for {} cores and a memory of {}, which must fit on an \
             empty machine of {} and {}",
            class.name,
            class.demand.cpu,
            class.demand.memory,
            self.capacity.cpu,
            self.capacity.memory
        );
        self.classes.push(class);
        self
    }

    /// The same with another lot for tasks that fit nowhere.
    pub fn waiting(self, waiting: Waiting) -> Self {
        Self { waiting, ..self }
    }

    /// The same with preemption: for a task that fits nowhere those of lower priority are killed
    /// on one machine, the one on which the least work is lost; the lowest priority goes first, and
    /// of it the youngest. Who is killed waits again, if tasks wait at all, and begins anew.
    pub fn preemptive(self) -> Self {
        Self { preempts: true, ..self }
    }

    /// The share of processors and of memory that tasks would hold if none were turned away: at 1
    /// and above there is not enough, whoever places them.
    pub fn offered(&self) -> [f64; 2] {
        let all = self.classes.iter().fold([0.0; 2], |sum, class| {
            let part = class.demand.shares(&self.capacity);
            [sum[0] + class.running() * part[0], sum[1] + class.running() * part[1]]
        });
        all.map(|share| share / self.nodes as f64)
    }

    /// The share that is turned away where there is one class of tasks, by Erlang's formula B: the
    /// machines hold nodes x k equal tasks, whatever the law of lives and whoever places them.
    ///
    /// Nothing with several classes, or if tasks wait.
    pub fn erlang(&self) -> Option<f64> {
        let [class] = &self.classes[..] else { return None };
        if self.waiting != Waiting::Lost {
            return None;
        }
        let most = 1.0 / class.demand.dominant(&self.capacity);
        erlang_b(self.nodes * (most + 1e-9).floor() as usize, class.running()).ok()
    }

    /// So many tasks of all classes together, counted after the warm-up.
    ///
    /// # Panics
    /// If there is no class of tasks, or a reader's score is not a number.
    #[track_caller]
    pub fn simulate(&self, fit: &Fit, trials: Trials) -> ClusterRun {
        assert!(
            !self.classes.is_empty(),
            "Cluster::simulate: there must be at least 1 class of tasks; add one by Cluster::class"
        );
        let runs = replicate(trials.replications, |replication| {
            Run::new(self, fit, trials, replication).run()
        });
        let parts = |of: &dyn Fn(&super::engine::Counted) -> (f64, f64)| {
            Estimate::of_parts(&runs.iter().map(of).collect::<Vec<_>>())
        };
        let class = |at: usize| ClassRun {
            name: self.classes[at].name.clone(),
            running: parts(&|run| (run.classes[at].running, run.time)),
            waiting: parts(&|run| (run.classes[at].waiting, run.time)),
            wait: parts(&|run| (run.classes[at].waited, run.classes[at].began)),
            lost: parts(&|run| (run.classes[at].lost, run.classes[at].came)),
            killed: parts(&|run| (run.classes[at].killed, run.classes[at].came)),
        };
        let nodes = self.nodes as f64;
        ClusterRun {
            cpu: parts(&|run| (run.cpu, run.time * nodes)),
            memory: parts(&|run| (run.memory, run.time * nodes)),
            fragmented: parts(&|run| (run.fragmented, run.free)),
            stranded: parts(&|run| (run.stranded, run.time * nodes)),
            wasted: parts(&|run| (run.wasted, run.time * nodes)),
            classes: (0..self.classes.len()).map(class).collect(),
        }
    }
}
