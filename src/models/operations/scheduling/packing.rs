//! Bin packing: tasks that are all known, on as few machines as possible.

use super::{Fit, Offer, Resources};

/// Tasks to be packed on equal machines.
#[derive(Clone, Debug, PartialEq)]
pub struct Packing {
    tasks: Vec<Resources>,
    capacity: Resources,
}

/// Which task is on which machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Packed {
    /// Of each machine, the numbers of its tasks.
    pub nodes: Vec<Vec<usize>>,
    /// What is free on each.
    pub free: Vec<Resources>,
}

impl Packed {
    /// How many machines are in use.
    pub fn count(&self) -> usize {
        self.nodes.len()
    }
}

/// Steps after which the search for the optimum gives up.
const STEPS: u64 = 5_000_000;

impl Packing {
    /// These tasks, on machines of this capacity.
    ///
    /// # Panics
    /// If there are no tasks, or one does not fit on an empty machine.
    #[track_caller]
    pub fn new(tasks: &[Resources], capacity: Resources) -> Self {
        const PLACE: &str = "Packing::new";
        assert!(
            !tasks.is_empty(),
            "{PLACE}: there must be at least 1 task to pack, but there is none"
        );
        if let Some(large) = tasks.iter().find(|task| !task.fits(&capacity)) {
            panic!(
                "{PLACE}: each task must fit on an empty machine of {} cores and a memory of {}, but \
                 one asks for {} and {}",
                capacity.cpu, capacity.memory, large.cpu, large.memory
            );
        }
        Self { tasks: tasks.to_vec(), capacity }
    }

    /// In the order in which they were given, each on the machine that is preferred; a new one is
    /// opened only if it fits on none.
    pub fn packed(&self, fit: &Fit) -> Packed {
        self.in_order(&(0..self.tasks.len()).collect::<Vec<_>>(), fit)
    }

    /// The same in descending order of dominant shares. In one dimension, with first fit, this is
    /// FFD: never more than 11/9 of the optimum and 6/9 (Dósa, 2007, who also shows that no less
    /// will do).
    pub fn decreasing(&self, fit: &Fit) -> Packed {
        self.in_order(&self.descending(), fit)
    }

    /// The most machines that first fit decreasing can need in one dimension when so many are the
    /// optimum: 11/9 of it and 6/9, rounded down.
    pub fn ffd_bound(optimum: usize) -> usize {
        (11 * optimum + 6) / 9
    }

    /// Machines that are needed at least: the sums of both demands, neither of which can be cut
    /// short.
    pub fn volume_bound(&self) -> usize {
        let all = self.tasks.iter().fold(Resources::default(), |sum, task| sum + *task);
        (all.dominant(&self.capacity) - 1e-9).ceil().max(1.0) as usize
    }

    /// The fewest machines there can be, by branch and bound: tasks in descending order, each on
    /// every machine that is open and different from the others, or on a new one. Nothing if five
    /// million steps do not suffice, which is rare up to some thirty tasks.
    pub fn optimum(&self) -> Option<usize> {
        let order = self.descending();
        let tasks: Vec<Resources> = order.iter().map(|at| self.tasks[*at]).collect();
        // What is still to be placed from each task on.
        let mut rest = vec![Resources::default(); tasks.len() + 1];
        for at in (0..tasks.len()).rev() {
            rest[at] = rest[at + 1] + tasks[at];
        }
        // And the least of it, in each dimension.
        let mut smallest = tasks.clone();
        for at in (0..tasks.len().saturating_sub(1)).rev() {
            let next = smallest[at + 1];
            smallest[at].cpu = smallest[at].cpu.min(next.cpu);
            smallest[at].memory = smallest[at].memory.min(next.memory);
        }
        let first = [Fit::first(), Fit::best(), Fit::balanced()];
        let best = first.iter().map(|fit| self.decreasing(fit).count()).min()?;
        let least = self.volume_bound();
        let capacity = self.capacity;
        let mut search =
            Search { tasks, rest, smallest, capacity, best, least, steps: 0, open: vec![] };
        search.place(0, 0).then_some(search.best)
    }

    fn descending(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.tasks.len()).collect();
        let size = |at: &usize| self.tasks[*at].dominant(&self.capacity);
        order.sort_by(|a, b| size(b).total_cmp(&size(a)));
        order
    }

    fn in_order(&self, order: &[usize], fit: &Fit) -> Packed {
        let mut packed = Packed { nodes: vec![], free: vec![] };
        for (at, task) in order.iter().enumerate() {
            if at % 256 == 0 {
                crate::interrupt::tick();
            }
            let demand = self.tasks[*task];
            let offers = packed.free.iter().zip(&packed.nodes).enumerate();
            let offers = offers.map(|(node, (free, there))| Offer {
                node,
                demand,
                free: *free,
                capacity: self.capacity,
                tasks: there.len(),
            });
            let node = fit.choose(offers).unwrap_or_else(|| {
                packed.nodes.push(vec![]);
                packed.free.push(self.capacity);
                packed.nodes.len() - 1
            });
            packed.nodes[node].push(*task);
            packed.free[node] = packed.free[node] - demand;
        }
        packed
    }
}

struct Search {
    tasks: Vec<Resources>,
    rest: Vec<Resources>,
    smallest: Vec<Resources>,
    capacity: Resources,
    best: usize,
    least: usize,
    steps: u64,
    open: Vec<Resources>,
}

impl Search {
    /// Places the tasks from `at` on in every way that may be better than the best, the first of
    /// them on machines from `from` on; whether it came to the end.
    fn place(&mut self, at: usize, from: usize) -> bool {
        self.steps += 1;
        if self.steps.is_multiple_of(1024) {
            crate::interrupt::tick();
        }
        if self.steps > STEPS {
            return false;
        }
        if at == self.tasks.len() {
            self.best = self.best.min(self.open.len());
            return true;
        }
        // What does not fit into the room of those that are open needs new ones.
        // Room into which nothing fits that is still to come is none.
        let useful = self.open.iter().filter(|free| self.smallest[at].fits(free));
        let room = useful.fold(Resources::default(), |sum, free| sum + *free);
        let lacks = self.rest[at] - room;
        let more = (lacks.dominant(&self.capacity) - 1e-9).ceil().max(0.0) as usize;
        if self.open.len() + more >= self.best || self.best == self.least {
            return true;
        }
        let task = self.tasks[at];
        // Of equal tasks the next is not on an earlier machine.
        let is_next_equal = self.tasks.get(at + 1) == Some(&task);
        let next_from = |node: usize| if is_next_equal { node } else { 0 };
        for node in from..self.open.len() {
            let free = self.open[node];
            // Of machines with the same room one is enough.
            if !task.fits(&free) || self.open[from..node].contains(&free) {
                continue;
            }
            self.open[node] = free - task;
            let ended = self.place(at + 1, next_from(node));
            self.open[node] = free;
            if !ended {
                return false;
            }
        }
        if self.open.len() + 1 >= self.best {
            return true;
        }
        self.open.push(self.capacity - task);
        let ended = self.place(at + 1, next_from(self.open.len() - 1));
        self.open.pop();
        ended
    }
}
