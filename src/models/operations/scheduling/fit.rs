//! What tasks ask for, and which machine is preferred.

use crate::operations::checks::not_negative;
use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;

/// Rounding that is forgiven when a sum of demands fills a machine exactly.
const SLACK: f64 = 1e-9;

/// Processors and memory: what a task asks for, or what a machine has. With a memory of 0
/// everywhere this is packing in one dimension.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Resources {
    /// Processors, in cores.
    pub cpu: f64,
    /// Memory, in any one unit.
    pub memory: f64,
}

impl Resources {
    /// So many cores, and so much memory.
    ///
    /// # Panics
    /// If one is negative or not a number, or both are 0.
    #[track_caller]
    pub fn new(cpu: f64, memory: f64) -> Self {
        const PLACE: &str = "Resources::new";
        not_negative(PLACE, "processors", cpu);
        not_negative(PLACE, "memory", memory);
        assert!(
            cpu + memory > 0.0,
            "{PLACE}: processors or memory must be above 0, but both are 0; a task that asks for \
             nothing need not be placed"
        );
        Self { cpu, memory }
    }

    /// Whether it fits into so much room.
    #[inline]
    pub fn fits(&self, room: &Resources) -> bool {
        self.cpu <= room.cpu + SLACK && self.memory <= room.memory + SLACK
    }

    /// Its processors and memory as shares of a capacity; 0 where that has none.
    #[inline]
    pub fn shares(&self, capacity: &Resources) -> [f64; 2] {
        let of = |part: f64, all: f64| if all > 0.0 { part / all } else { 0.0 };
        [of(self.cpu, capacity.cpu), of(self.memory, capacity.memory)]
    }

    /// The greater of the two shares: its dominant share (Ghodsi and others, NSDI 2011).
    #[inline]
    pub fn dominant(&self, capacity: &Resources) -> f64 {
        let [cpu, memory] = self.shares(capacity);
        cpu.max(memory)
    }
}

impl Add for Resources {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { cpu: self.cpu + other.cpu, memory: self.memory + other.memory }
    }
}

impl Sub for Resources {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { cpu: self.cpu - other.cpu, memory: self.memory - other.memory }
    }
}

/// A machine on which a task would fit.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// The machine's number.
    pub node: usize,
    /// What the task asks for.
    pub demand: Resources,
    /// What is free there before it comes.
    pub free: Resources,
    /// What the machine has.
    pub capacity: Resources,
    /// Tasks there.
    pub tasks: usize,
}

impl Offer {
    /// What would be free once the task is there, as shares of what the machine has.
    pub fn left(&self) -> [f64; 2] {
        (self.free - self.demand).shares(&self.capacity)
    }
}

/// Which of the machines on which a task fits is taken: the one with the highest score, and among
/// equals the one with the lowest number.
#[derive(Clone)]
pub struct Fit {
    name: String,
    score: Arc<dyn Fn(&Offer) -> f64 + Send + Sync>,
}

impl Fit {
    /// First fit: the lowest number.
    pub fn first() -> Self {
        Self::own("first fit", |_| 0.0)
    }

    /// Best fit: the least left, both shares together (bin packing; Kubernetes' MostAllocated).
    pub fn best() -> Self {
        Self::own("best fit", |offer| -offer.left().iter().sum::<f64>())
    }

    /// Worst fit: the most left (spreading; Kubernetes' LeastAllocated).
    pub fn worst() -> Self {
        Self::own("worst fit", |offer| offer.left().iter().sum::<f64>())
    }

    /// Balanced: what is left of processors and of memory differs least, so that neither is
    /// stranded without the other (Kubernetes' NodeResourcesBalancedAllocation).
    pub fn balanced() -> Self {
        Self::own("balanced", |offer| {
            let [cpu, memory] = offer.left();
            -(cpu - memory).abs()
        })
    }

    /// Alignment: the greatest inner product of what is asked and what is free (Tetris; Grandl and
    /// others, SIGCOMM 2014).
    pub fn aligned() -> Self {
        Self::own("aligned", |offer| {
            let (asked, free) =
                (offer.demand.shares(&offer.capacity), offer.free.shares(&offer.capacity));
            asked[0] * free[0] + asked[1] * free[1]
        })
    }

    /// The reader's own score, the highest wins: `Fit::own("dominant", |offer| ..)`.
    pub fn own(name: &str, score: impl Fn(&Offer) -> f64 + Send + Sync + 'static) -> Self {
        Self { name: name.to_owned(), score: Arc::new(score) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The best of the machines offered, by its number.
    #[track_caller]
    pub(super) fn choose(&self, offers: impl Iterator<Item = Offer>) -> Option<usize> {
        let mut best: Option<(f64, usize)> = None;
        for offer in offers.filter(|offer| offer.demand.fits(&offer.free)) {
            let score = (self.score)(&offer);
            assert!(
                !score.is_nan(),
                "Fit::own: a score must be a number, but {} gives node {} NaN",
                self.name,
                offer.node
            );
            if best.is_none_or(|(highest, _)| score > highest) {
                best = Some((score, offer.node));
            }
        }
        best.map(|(_, node)| node)
    }
}

impl fmt::Debug for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
