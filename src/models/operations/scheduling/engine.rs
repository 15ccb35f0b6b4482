//! The cluster simulated: tasks come, are placed, end, or are killed.

use super::{Cluster, Fit, Offer, Resources, Waiting};
use crate::sim::{Calendar, Stream, Trials};
use std::collections::BTreeMap;

/// What was counted of a class: integrals over time, sums over tasks.
#[derive(Clone, Default)]
pub(super) struct CountedClass {
    pub running: f64,
    pub waiting: f64,
    pub waited: f64,
    pub began: f64,
    pub came: f64,
    pub lost: f64,
    pub killed: f64,
}

/// What was counted in a run; processors and memory in machines, integrated over time.
#[derive(Clone, Default)]
pub(super) struct Counted {
    pub time: f64,
    pub cpu: f64,
    pub memory: f64,
    pub free: f64,
    pub fragmented: f64,
    pub stranded: f64,
    pub wasted: f64,
    pub classes: Vec<CountedClass>,
}

#[derive(Clone, Copy)]
struct Task {
    class: usize,
    life: f64,
    came: f64,
    has_run: bool,
}

struct Node {
    free: Resources,
    /// What runs there: the task's number, the task, and since when.
    tasks: Vec<(u64, Task, f64)>,
}

enum Event {
    Comes(usize),
    /// The end of a task on a node, unless it was killed before: it was placed under this number.
    Ends(usize, u64),
}

pub(super) struct Run<'a> {
    of: &'a Cluster,
    fit: &'a Fit,
    trials: Trials,
    calendar: Calendar<Event>,
    gaps: Vec<Stream>,
    lives: Vec<Stream>,
    nodes: Vec<Node>,
    /// Those that wait: by descending priority, then by the order in which they came.
    line: BTreeMap<(i64, u64), Task>,
    came: u64,
    running: Vec<usize>,
    waiting: Vec<usize>,
    largest: Resources,
    since: f64,
    counted: Counted,
    /// Of each node, its free processors that are stranded and those that are fragmented.
    held: Vec<[f64; 4]>,
    sums: [f64; 4],
}

impl<'a> Run<'a> {
    pub fn new(of: &'a Cluster, fit: &'a Fit, trials: Trials, replication: u64) -> Self {
        let streams = |what: &str| -> Vec<Stream> {
            let name = |class: usize| format!("{what} of class {class}");
            let stream = |class| Stream::new(trials.seed, replication, &name(class));
            (0..of.classes.len()).map(stream).collect()
        };
        let size = |demand: &Resources| demand.dominant(&of.capacity);
        let demands = of.classes.iter().map(|class| class.demand);
        let largest = demands.max_by(|a, b| size(a).total_cmp(&size(b))).unwrap_or_default();
        let count = of.classes.len();
        let mut run = Self {
            of,
            fit,
            trials,
            calendar: Calendar::new(),
            gaps: streams("arrivals"),
            lives: streams("lives"),
            nodes: (0..of.nodes).map(|_| Node { free: of.capacity, tasks: vec![] }).collect(),
            line: BTreeMap::new(),
            came: 0,
            running: vec![0; count],
            waiting: vec![0; count],
            largest,
            since: 0.0,
            counted: Counted::default(),
            held: vec![[0.0; 4]; of.nodes],
            sums: [0.0; 4],
        };
        run.counted.classes = vec![CountedClass::default(); count];
        for node in 0..of.nodes {
            run.changed(node);
        }
        for class in 0..count {
            run.book(class);
        }
        run
    }

    pub fn run(mut self) -> Counted {
        let (warmup, all) =
            (self.trials.warmup as u64, (self.trials.warmup + self.trials.customers) as u64);
        while let Some(event) = self.calendar.next() {
            self.account();
            match event {
                Event::Comes(_) if self.came == all => break,
                Event::Comes(class) => {
                    if self.came == warmup {
                        self.counted = Counted {
                            classes: vec![CountedClass::default(); self.of.classes.len()],
                            ..Counted::default()
                        };
                    }
                    self.comes(class);
                }
                Event::Ends(node, number) => self.ends(node, number),
            }
        }
        self.counted
    }

    fn book(&mut self, class: usize) {
        let gap = self.gaps[class].exponential() / self.of.classes[class].rate;
        self.calendar.book(gap, Event::Comes(class));
    }

    fn comes(&mut self, class: usize) {
        self.book(class);
        self.came += 1;
        if self.came.is_multiple_of(256) {
            crate::interrupt::tick();
        }
        self.counted.classes[class].came += 1.0;
        let life = self.of.classes[class].life.sample(&mut self.lives[class]);
        let task = Task { class, life, came: self.calendar.now(), has_run: false };
        self.waits(self.came, task);
        self.schedule();
        if self.of.waiting == Waiting::Lost
            && self.line.remove(&self.key(self.came, &task)).is_some()
        {
            self.waiting[class] -= 1;
            self.counted.classes[class].lost += 1.0;
        }
    }

    fn key(&self, number: u64, task: &Task) -> (i64, u64) {
        (-i64::from(self.of.classes[task.class].priority), number)
    }

    fn waits(&mut self, number: u64, task: Task) {
        self.waiting[task.class] += 1;
        self.line.insert(self.key(number, &task), task);
    }

    /// Places those that wait, as far as they fit.
    fn schedule(&mut self) {
        // A demand that did not fit does not fit later in the same round; who is killed comes
        // behind whoever it makes way for.
        let mut refused: Vec<(i32, Resources)> = vec![];
        let mut from = (i64::MIN, 0);
        while let Some((&key, &task)) = self.line.range(from..).next() {
            from = (key.0, key.1 + 1);
            let class = &self.of.classes[task.class];
            let (priority, demand) = (class.priority, class.demand);
            if refused.contains(&(priority, demand)) {
                continue;
            }
            let node = self.find(demand).or_else(|| self.make_room(demand, priority));
            match node {
                Some(node) => {
                    self.line.remove(&key);
                    self.waiting[task.class] -= 1;
                    self.begins(node, key.1, task);
                }
                None if self.of.waiting == Waiting::Line => return,
                None => refused.push((priority, demand)),
            }
        }
    }

    fn find(&self, demand: Resources) -> Option<usize> {
        let offers = self.nodes.iter().enumerate().map(|(node, it)| Offer {
            node,
            demand,
            free: it.free,
            capacity: self.of.capacity,
            tasks: it.tasks.len(),
        });
        self.fit.choose(offers)
    }

    /// Kills those of lower priority on the machine where the least work is lost.
    fn make_room(&mut self, demand: Resources, priority: i32) -> Option<usize> {
        if !self.of.preempts {
            return None;
        }
        let now = self.calendar.now();
        let mut best: Option<(f64, usize, Vec<u64>)> = None;
        for (at, node) in self.nodes.iter().enumerate() {
            let of = |task: &Task| &self.of.classes[task.class];
            let mut lower: Vec<&(u64, Task, f64)> =
                node.tasks.iter().filter(|(_, task, _)| of(task).priority < priority).collect();
            lower.sort_by(|a, b| {
                of(&a.1).priority.cmp(&of(&b.1).priority).then(b.2.total_cmp(&a.2))
            });
            let (mut free, mut lost, mut victims) = (node.free, 0.0, vec![]);
            for (number, task, since) in lower {
                if demand.fits(&free) {
                    break;
                }
                free = free + of(task).demand;
                lost += (now - since) * of(task).demand.dominant(&self.of.capacity);
                victims.push(*number);
            }
            let is_better = best.as_ref().is_none_or(|(least, ..)| lost < *least);
            if demand.fits(&free) && is_better {
                best = Some((lost, at, victims));
            }
        }
        let (_, node, victims) = best?;
        for number in victims {
            let Some((number, task, since)) = self.leaves(node, number) else { continue };
            let cpu = self.of.classes[task.class].demand.shares(&self.of.capacity)[0];
            self.counted.wasted += (now - since) * cpu;
            self.counted.classes[task.class].killed += 1.0;
            if self.of.waiting != Waiting::Lost {
                self.waits(number, task);
            }
        }
        Some(node)
    }

    fn begins(&mut self, node: usize, number: u64, mut task: Task) {
        let now = self.calendar.now();
        if !task.has_run {
            self.counted.classes[task.class].waited += now - task.came;
            self.counted.classes[task.class].began += 1.0;
        }
        task.has_run = true;
        self.running[task.class] += 1;
        self.nodes[node].free = self.nodes[node].free - self.of.classes[task.class].demand;
        self.nodes[node].tasks.push((number, task, now));
        self.changed(node);
        self.calendar.book(task.life, Event::Ends(node, number));
    }

    fn ends(&mut self, node: usize, number: u64) {
        let now = self.calendar.now();
        // One that was killed and came back here later has another end.
        let is_it = |(other, task, since): &(u64, Task, f64)| {
            *other == number && (since + task.life - now).abs() <= 1e-9 * now.max(1.0)
        };
        if self.nodes[node].tasks.iter().any(is_it) {
            self.leaves(node, number);
            self.schedule();
        }
    }

    fn leaves(&mut self, node: usize, number: u64) -> Option<(u64, Task, f64)> {
        let tasks = &mut self.nodes[node].tasks;
        let at = tasks.iter().position(|(other, ..)| *other == number)?;
        let left = tasks.remove(at);
        self.running[left.1.class] -= 1;
        let free = match self.nodes[node].tasks.is_empty() {
            // Empty again: without what rounding has left.
            true => self.of.capacity,
            false => self.nodes[node].free + self.of.classes[left.1.class].demand,
        };
        self.nodes[node].free = free;
        self.changed(node);
        Some(left)
    }

    /// A machine's part in what is summed over all of them.
    fn changed(&mut self, node: usize) {
        let free = self.nodes[node].free;
        let [cpu, memory] = free.shares(&self.of.capacity).map(|share| share.max(0.0));
        let fits_one = self.of.classes.iter().any(|class| class.demand.fits(&free));
        let part = [
            cpu,
            memory,
            if self.largest.fits(&free) { 0.0 } else { cpu },
            if fits_one { 0.0 } else { cpu },
        ];
        for (sum, (new, old)) in self.sums.iter_mut().zip(part.iter().zip(self.held[node])) {
            *sum += new - old;
        }
        self.held[node] = part;
    }

    /// What was so since the latest event.
    fn account(&mut self) {
        let now = self.calendar.now();
        let time = now - self.since;
        self.since = now;
        let nodes = self.of.nodes as f64;
        let has_memory = if self.of.capacity.memory > 0.0 { nodes } else { 0.0 };
        let has_cpu = if self.of.capacity.cpu > 0.0 { nodes } else { 0.0 };
        let counted = &mut self.counted;
        counted.time += time;
        counted.cpu += time * (has_cpu - self.sums[0]);
        counted.memory += time * (has_memory - self.sums[1]);
        counted.free += time * self.sums[0];
        counted.fragmented += time * self.sums[2];
        counted.stranded += time * self.sums[3];
        for (at, class) in counted.classes.iter_mut().enumerate() {
            class.running += time * self.running[at] as f64;
            class.waiting += time * self.waiting[at] as f64;
        }
    }
}
