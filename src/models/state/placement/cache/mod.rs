//! Caches: which items are kept, and how often what is asked for is there.

mod belady;
mod lists;
mod policies;
mod theory;

use super::{NoFormula, Popularity};
use crate::sim::{Estimate, Stream, Trials, replicate};
use policies::{Frequent, Own, Policy, Random, Recent, TinyLfu};
use std::fmt;
use std::sync::Arc;

/// A cache with room for so many items of equal size, and who makes way when it is full.
#[derive(Clone)]
pub struct Cache {
    kind: Kind,
    capacity: usize,
}

#[derive(Clone)]
enum Kind {
    Lru,
    Fifo,
    Random,
    Lfu {
        remembers: bool,
        ageing: Option<u64>,
    },
    TinyLfu {
        window: f64,
    },
    Belady {
        may_refuse: bool,
    },
    Own {
        name: String,
        /// An empty one.
        fresh: Arc<dyn Fn() -> Box<dyn FnMut(usize) -> bool> + Send + Sync>,
    },
}

/// What a trace did to a cache that was empty at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Requests for what was there.
    pub hits: usize,
    /// Requests for what was not.
    pub misses: usize,
    /// Of these the first ones for their items, which no cache could have: compulsory misses.
    pub compulsory: usize,
}

impl Replay {
    /// Hits over requests.
    pub fn hit_ratio(&self) -> f64 {
        self.hits as f64 / (self.hits + self.misses) as f64
    }
}

impl Cache {
    /// Least recently used makes way.
    ///
    /// # Panics
    /// As for all constructors here: if there is no room.
    #[track_caller]
    pub fn lru(capacity: usize) -> Self {
        Self::of("Cache::lru", Kind::Lru, capacity)
    }

    /// First in, first out.
    #[track_caller]
    pub fn fifo(capacity: usize) -> Self {
        Self::of("Cache::fifo", Kind::Fifo, capacity)
    }

    /// Any makes way.
    #[track_caller]
    pub fn random(capacity: usize) -> Self {
        Self::of("Cache::random", Kind::Random, capacity)
    }

    /// Least frequently used makes way, and among equals the least recently: counts begin when an
    /// item comes in, and are forgotten when it goes (in-cache LFU).
    #[track_caller]
    pub fn lfu(capacity: usize) -> Self {
        Self::of("Cache::lfu", Kind::Lfu { remembers: false, ageing: None }, capacity)
    }

    /// The same with counts of all items that were ever asked for (perfect LFU; Breslau and
    /// others, 1999).
    #[track_caller]
    pub fn perfect_lfu(capacity: usize) -> Self {
        Self::of("Cache::perfect_lfu", Kind::Lfu { remembers: true, ageing: None }, capacity)
    }

    /// W-TinyLFU (Einziger, Friedman and Manes, 2017): an LRU window of 1 % of the room, at least
    /// one item, before a segmented LRU, four fifths of it protected; a count-min sketch, halved
    /// every ten requests an item of room, says who is let in. Without the paper's doorkeeper.
    #[track_caller]
    pub fn tiny_lfu(capacity: usize) -> Self {
        Self::of("Cache::tiny_lfu", Kind::TinyLfu { window: 0.01 }, capacity)
    }

    /// The bound for all: it knows all requests to come (Belady, 1966), and may refuse what was
    /// asked for.
    #[track_caller]
    pub fn belady(capacity: usize) -> Self {
        Self::of("Cache::belady", Kind::Belady { may_refuse: true }, capacity)
    }

    /// The same where everything that was asked for has to come in, as the pages of a memory
    /// must: Belady's own, and the bound for all here but [`Cache::belady`].
    #[track_caller]
    pub fn belady_paging(capacity: usize) -> Self {
        Self::of("Cache::belady_paging", Kind::Belady { may_refuse: false }, capacity)
    }

    /// A cache of one's own: `fresh` makes an empty one, which is asked for an item by its number
    /// and says whether it was there. Nobody looks after the room it takes.
    #[track_caller]
    pub fn own<P: FnMut(usize) -> bool + 'static>(
        name: &str,
        capacity: usize,
        fresh: impl Fn(usize) -> P + Send + Sync + 'static,
    ) -> Self {
        let fresh =
            Arc::new(move || -> Box<dyn FnMut(usize) -> bool> { Box::new(fresh(capacity)) });
        Self::of("Cache::own", Kind::Own { name: name.to_owned(), fresh }, capacity)
    }

    /// The same with counts that are halved every so many requests, so that what was popular once
    /// does not stay for ever.
    ///
    /// # Panics
    /// If it is not LFU, or there are 0 requests.
    #[track_caller]
    pub fn ageing(mut self, requests: usize) -> Self {
        let name = self.to_string();
        match &mut self.kind {
            Kind::Lfu { ageing, .. } if requests >= 1 => *ageing = Some(requests as u64),
            _ => panic!(
                "Cache::ageing: only the counts of LFU age, after at least 1 request, but this is {name} \
                 after {requests}"
            ),
        }
        self
    }

    /// The same with another fraction of the room for W-TinyLFU's window.
    ///
    /// # Panics
    /// If it is not W-TinyLFU, or the fraction is not between 0 and 1.
    #[track_caller]
    pub fn window(mut self, fraction: f64) -> Self {
        let name = self.to_string();
        match &mut self.kind {
            Kind::TinyLfu { window } if (0.0..=1.0).contains(&fraction) => *window = fraction,
            _ => panic!(
                "Cache::window: only W-TinyLFU has a window, a fraction between 0 and 1 of the room, but \
                 this is {name} with {fraction}"
            ),
        }
        self
    }

    /// The fraction of requests that find their item, for items of this popularity: counted over
    /// `trials.customers` requests after `trials.warmup`, with which the cache fills up.
    pub fn hit_ratio(&self, popularity: &Popularity, trials: Trials) -> Estimate {
        let Trials { replications, customers, warmup, seed } = trials;
        let hits = replicate(replications, |replication| {
            let mut stream = Stream::new(seed, replication, "requests");
            let mut next = |count: usize| -> Vec<u32> {
                crate::interrupt::tick();
                (0..count).map(|_| popularity.sample(&mut stream) as u32).collect()
            };
            let hits = match self.kind {
                Kind::Belady { may_refuse } => {
                    let all: Vec<u32> = next(warmup + customers);
                    let hits = belady::hits(&all, popularity.items(), self.capacity, may_refuse);
                    hits[warmup..].iter().filter(|hit| **hit).count()
                }
                _ => {
                    let choices = Stream::new(seed, replication, "evictions");
                    let mut policy = self.policy(popularity.items(), choices);
                    in_batches(warmup).for_each(|count| {
                        policy.serve(&next(count));
                    });
                    in_batches(customers).map(|count| policy.serve(&next(count))).sum()
                }
            };
            hits as f64 / customers as f64
        });
        Estimate::of(&hits)
    }

    /// What a trace does to it, an item being any number; a cache of one's own is asked for these
    /// numbered anew, from 0 in ascending order.
    ///
    /// # Panics
    /// If the trace is empty.
    #[track_caller]
    pub fn replay(&self, trace: &[u64]) -> Replay {
        assert!(
            !trace.is_empty() && trace.len() < u32::MAX as usize,
            "Cache::replay: the trace must have at least 1 request, and fewer than 2^32, but it has {}",
            trace.len()
        );
        let mut items = trace.to_vec();
        items.sort_unstable();
        items.dedup();
        let number = |item: &u64| items.partition_point(|other| other < item) as u32;
        let requests: Vec<u32> = trace.iter().map(number).collect();
        let hits = match self.kind {
            Kind::Belady { may_refuse } => {
                let hits = belady::hits(&requests, items.len(), self.capacity, may_refuse);
                hits.iter().filter(|hit| **hit).count()
            }
            _ => {
                let mut policy = self.policy(items.len(), Stream::new(1, 0, "evictions"));
                let serve = |batch: &[u32]| {
                    crate::interrupt::tick();
                    policy.serve(batch)
                };
                requests.chunks(BATCH).map(serve).sum()
            }
        };
        Replay { hits, misses: trace.len() - hits, compulsory: items.len() }
    }

    /// The hit ratio in the long run, for independent requests of this popularity: LRU by Che's
    /// approximation, FIFO and random replacement by its analogue, perfect LFU as the popularity
    /// of as many items as there is room for.
    ///
    /// # Errors
    /// For all others.
    pub fn theory(&self, popularity: &Popularity) -> Result<f64, NoFormula> {
        match &self.kind {
            Kind::Lru => theory::ratio(popularity, &popularity.lru_hits(self.capacity)),
            Kind::Fifo | Kind::Random => {
                theory::ratio(popularity, &popularity.fifo_hits(self.capacity))
            }
            Kind::Lfu { remembers: true, ageing: None } => Ok(popularity.top(self.capacity)),
            Kind::Lfu { .. } => Err(NoFormula { what: "LFU that forgets counts" }),
            Kind::TinyLfu { .. } => Err(NoFormula { what: "W-TinyLFU" }),
            Kind::Belady { .. } => Err(NoFormula { what: "Belady's cache" }),
            Kind::Own { .. } => Err(NoFormula { what: "a cache of one's own" }),
        }
    }

    /// The name of the policy, as "LRU".
    pub fn name(&self) -> &str {
        match &self.kind {
            Kind::Lru => "LRU",
            Kind::Fifo => "FIFO",
            Kind::Random => "random",
            Kind::Lfu { remembers: false, .. } => "LFU",
            Kind::Lfu { remembers: true, .. } => "perfect LFU",
            Kind::TinyLfu { .. } => "W-TinyLFU",
            Kind::Belady { may_refuse: true } => "Belady",
            Kind::Belady { may_refuse: false } => "Belady, paging",
            Kind::Own { name, .. } => name,
        }
    }

    /// The number of items there is room for.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// An empty one, for whoever asks it in the course of a simulation of his own.
    pub(crate) fn start(&self, items: usize, choices: Stream) -> Box<dyn FnMut(usize) -> bool> {
        let mut policy = self.policy(items, choices);
        Box::new(move |item| policy.request(item))
    }

    fn policy(&self, items: usize, choices: Stream) -> Box<dyn Policy> {
        let capacity = self.capacity;
        match &self.kind {
            Kind::Lru => Box::new(Recent::new(items, capacity, true)),
            Kind::Fifo => Box::new(Recent::new(items, capacity, false)),
            Kind::Random => Box::new(Random::new(items, capacity, choices)),
            Kind::Lfu { remembers, ageing } => {
                Box::new(Frequent::new(items, capacity, *remembers, *ageing))
            }
            Kind::TinyLfu { window } => {
                let window = ((capacity as f64 * window).round() as usize).clamp(1, capacity);
                Box::new(TinyLfu::new(items, capacity, window))
            }
            Kind::Own { fresh, .. } => Box::new(Own(fresh())),
            Kind::Belady { .. } => unreachable!("it needs all requests at once"),
        }
    }

    #[track_caller]
    fn of(place: &str, kind: Kind, capacity: usize) -> Self {
        assert!(
            capacity >= 1,
            "{place}: the cache must have room for at least 1 item, but has it for 0; give some, as \
             in Cache::lru(100)"
        );
        Self { kind, capacity }
    }
}

/// Requests that are drawn, and served, at a time.
const BATCH: usize = 1024;

fn in_batches(count: usize) -> impl Iterator<Item = usize> {
    (0..count).step_by(BATCH).map(move |done| BATCH.min(count - done))
}

/// As "LRU, room for 100".
impl fmt::Display for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, room for {}", self.name(), self.capacity)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
