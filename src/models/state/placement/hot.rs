//! Hot keys: one key is on one shard, however many shards there are.

use super::hash::both;
use super::popularity::Popularity;
use super::table::jump;
use crate::sim::{Estimate, Stream, Trials, replicate};

/// Requests for keys of a given popularity, on shards among which the keys are spread evenly by
/// hash. What can be done against a hot key is to have it in several copies, and writes and reads
/// differ in what that costs.
#[derive(Clone, Debug, PartialEq)]
pub struct HotKeys {
    popularity: Popularity,
    shards: usize,
    reads: f64,
    /// The keys that are split, and into how many parts.
    split: (usize, usize),
    copies: usize,
}

/// The load of the hottest shard. Units are requests: 1 is all that clients ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct HotShard {
    /// The load of the shard that has the hottest copy of a key.
    pub hottest: Estimate,
    /// The load of the busiest shard, whichever it is.
    pub busiest: Estimate,
    /// The load of all shards together: above 1 where a request is asked of several.
    pub work: Estimate,
}

impl HotKeys {
    /// Requests of this popularity on so many shards; all are writes, as long as nothing else is
    /// said.
    ///
    /// # Panics
    /// Without shards.
    #[track_caller]
    pub fn new(popularity: Popularity, shards: usize) -> Self {
        assert!(
            shards >= 1,
            "HotKeys::new: keys must be on some shard, but there are 0; give at least 1"
        );
        Self { popularity, shards, reads: 0.0, split: (0, 1), copies: 1 }
    }

    /// The same with this fraction of requests that read.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn reads(mut self, fraction: f64) -> Self {
        assert!(
            (0.0..=1.0).contains(&fraction),
            "HotKeys::reads: the fraction must be between 0 and 1, but it is {fraction}"
        );
        self.reads = fraction;
        self
    }

    /// The same with the so many most popular keys split into parts, by a salt that is added to
    /// the key: a write goes to one part, a read has to ask all.
    ///
    /// # Panics
    /// Without parts; with copies as well.
    #[track_caller]
    pub fn split(mut self, keys: usize, parts: usize) -> Self {
        assert!(
            parts >= 1 && self.copies == 1,
            "HotKeys::split: there must be at least 1 part, and no copies besides, but there are {parts} \
             parts and {} copies",
            self.copies
        );
        self.split = (keys, parts);
        self
    }

    /// The same with every key on so many shards: a read asks one of them, a write goes to all.
    ///
    /// # Panics
    /// If there are no copies, or more than shards; with split keys as well.
    #[track_caller]
    pub fn copies(mut self, copies: usize) -> Self {
        assert!(
            (1..=self.shards).contains(&copies) && self.split.1 == 1,
            "HotKeys::copies: there must be 1 to {} copies, each on a shard of its own, and no split keys \
             besides, but there are {copies} copies and {} parts",
            self.shards,
            self.split.1
        );
        self.copies = copies;
        self
    }

    /// The mean load of the shard with the hottest copy, a: a + (w - c a) / n, where w is the work
    /// of all n shards and c the number of copies that are never on the same shard.
    pub fn hottest(&self) -> f64 {
        let (mut largest, mut work) = (0.0, 0.0);
        for (key, p) in self.popularity.probabilities().iter().enumerate() {
            let each = p * self.load_of_one(self.parts(key));
            largest = f64::max(largest, each);
            work += each * (self.parts(key) * self.copies) as f64;
        }
        largest + (work - self.copies as f64 * largest) / self.shards as f64
    }

    /// What a request adds to the load of each copy, on average.
    fn load_of_one(&self, parts: usize) -> f64 {
        let (reads, writes) = (self.reads, 1.0 - self.reads);
        // Of copies a read asks one and a write all; of parts a write asks one and a read all.
        reads / self.copies as f64 + writes / parts as f64
    }

    fn parts(&self, key: usize) -> usize {
        if key < self.split.0 { self.split.1 } else { 1 }
    }

    /// Sends `trials.customers` requests in each replication, which has a hash function of its
    /// own.
    pub fn simulate(&self, trials: Trials) -> HotShard {
        let Trials { replications, customers, seed, .. } = trials;
        let probabilities = self.popularity.probabilities();
        let each = |key: &usize| probabilities[*key] * self.load_of_one(self.parts(*key));
        let hottest = (0..probabilities.len()).max_by(|a, b| each(a).total_cmp(&each(b)));
        let runs = replicate(replications, |replication| {
            let mut requests = Stream::new(seed, replication, "requests");
            let mut choices = Stream::new(seed, replication, "copies");
            let hash = both(seed, replication);
            let shard = |key: usize, part: usize| {
                jump(both(both(hash, key as u64), part as u64), self.shards)
            };
            let mut loads = vec![0u64; self.shards];
            for request in 0..customers {
                if request.is_multiple_of(1024) {
                    crate::interrupt::tick();
                }
                let key = self.popularity.sample(&mut requests);
                let (parts, reads) = (self.parts(key), choices.uniform() < self.reads);
                if reads && parts > 1 {
                    (0..parts).for_each(|part| loads[shard(key, part)] += 1);
                } else if reads {
                    let copy = choices.below(self.copies);
                    loads[(shard(key, 0) + copy) % self.shards] += 1;
                } else {
                    let home = shard(key, choices.below(parts));
                    (0..self.copies).for_each(|copy| loads[(home + copy) % self.shards] += 1);
                }
            }
            let share = |load: u64| load as f64 / customers as f64;
            let busiest = loads.iter().copied().max().unwrap_or(0);
            let hot = loads[shard(hottest.unwrap_or(0), 0)];
            (share(hot), share(busiest), share(loads.iter().sum()))
        });
        let of = |part: fn(&(f64, f64, f64)) -> f64| {
            Estimate::of(&runs.iter().map(part).collect::<Vec<_>>())
        };
        HotShard { hottest: of(|run| run.0), busiest: of(|run| run.1), work: of(|run| run.2) }
    }
}
