//! Moving keys to where another placement wants them, while they are used.

use super::popularity::Popularity;
use super::scheme::Placement;
use crate::number::positive;
use crate::sim::{Estimate, Stream, replicate};

/// A move from one placement to another: keys go over one after the other at a limited rate, and
/// clients already ask where a key is to be. Who is asked for a key that has not come yet forwards
/// the request to where it is.
#[derive(Clone, Debug)]
pub struct Resharding {
    from: Placement,
    to: Placement,
    keys: usize,
    rate: f64,
    requests: f64,
    writes: f64,
    popularity: Popularity,
    careful: bool,
}

/// What a move took, and what it cost those who went on working.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Move {
    /// The fraction of keys that move.
    pub moved: f64,
    /// From the first key to the last, in units of time.
    pub duration: f64,
    /// Requests while it lasted.
    pub requests: Estimate,
    /// Of these, those that were forwarded.
    pub forwarded: Estimate,
    /// What nodes do beyond answering once, over the requests: a forward is one thing more, a key
    /// that moves two (read, written), one that was written meanwhile and is sent again two more.
    pub extra_load: Estimate,
    /// Acknowledged writes that the data lacks afterwards.
    pub lost: Estimate,
    /// Keys that afterwards are not on their new node, or not on it alone, in any replication.
    pub misplaced: usize,
}

impl Resharding {
    /// So many keys from one placement to another, a thousand a unit of time, while a thousand
    /// requests a unit of time come for keys all alike, a tenth of them writes.
    ///
    /// # Panics
    /// Without keys.
    #[track_caller]
    pub fn new(from: &Placement, to: &Placement, keys: usize) -> Self {
        assert!(keys >= 1, "Resharding::new: there must be at least 1 key, but there are 0");
        Self {
            from: from.clone(),
            to: to.clone(),
            keys,
            rate: 1000.0,
            requests: 1000.0,
            writes: 0.1,
            popularity: Popularity::uniform(keys),
            careful: true,
        }
    }

    /// The same with so many keys moved per unit of time.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn rate(mut self, keys: f64) -> Self {
        self.rate = positive("Resharding::rate", "rate of keys", keys);
        self
    }

    /// The same with so many requests per unit of time, of which a fraction writes.
    ///
    /// # Panics
    /// If the rate is not a positive number, or the fraction not between 0 and 1.
    #[track_caller]
    pub fn requests(mut self, rate: f64, writes: f64) -> Self {
        self.requests = positive("Resharding::requests", "rate of requests", rate);
        assert!(
            (0.0..=1.0).contains(&writes),
            "Resharding::requests: the fraction of writes must be between 0 and 1, but it is {writes}"
        );
        self.writes = writes;
        self
    }

    /// The same with keys of this popularity.
    ///
    /// # Panics
    /// If it is not of as many items as there are keys.
    #[track_caller]
    pub fn popularity(mut self, popularity: &Popularity) -> Self {
        assert!(
            popularity.items() == self.keys,
            "Resharding::popularity: it must be of as many items as there are keys, {}, but is of {}",
            self.keys,
            popularity.items()
        );
        self.popularity = popularity.clone();
        self
    }

    /// The same without care: a key that is written while it is on its way is not sent again.
    #[must_use]
    pub fn careless(self) -> Self {
        Self { careful: false, ..self }
    }

    /// How long it takes: the keys that move over the rate.
    pub fn duration(&self) -> f64 {
        self.moved() * self.keys as f64 / self.rate
    }

    /// The requests that are forwarded on average, λ T f / 2: those that come meanwhile, for a key
    /// that moves, half of which have not come yet. As T grows with f, it grows with f².
    pub fn forwarded(&self) -> f64 {
        let half = 0.5 / self.keys as f64; // a key is still where it was while it is on its way
        self.requests * self.duration() * (self.moved() / 2.0 + half)
    }

    /// The fraction of keys that move.
    pub fn moved(&self) -> f64 {
        self.from.moved(&self.to, self.keys)
    }

    /// Simulates it: requests at times of a Poisson process, keys in an order by chance, and a
    /// check at the end of every key on every node.
    ///
    /// # Panics
    /// With fewer than 2 replications.
    #[track_caller]
    pub fn simulate(&self, replications: usize, seed: u64) -> Move {
        assert!(
            replications >= 2,
            "Resharding::simulate: an interval needs at least 2 replications, but there are {replications}"
        );
        let (from, to) = (self.from.assign(self.keys), self.to.assign(self.keys));
        let runs = replicate(replications, |replication| {
            Run::new(self, &from, &to, seed, replication).done(self)
        });
        let of = |part: fn(&Run) -> f64| Estimate::of(&runs.iter().map(part).collect::<Vec<_>>());
        Move {
            moved: self.moved(),
            duration: self.duration(),
            requests: of(|run| run.requests as f64),
            forwarded: of(|run| run.forwarded as f64),
            extra_load: of(|run| run.extra as f64 / run.requests.max(1) as f64),
            lost: of(|run| run.lost as f64),
            misplaced: runs.iter().map(|run| run.misplaced).sum(),
        }
    }
}

/// One replication, and what it counts.
struct Run<'a> {
    to: &'a [usize],
    /// Of each key the node that answers for it.
    owner: Vec<usize>,
    /// Of each key the nodes that have it, each with the number of writes that it has seen.
    copies: Vec<Vec<(usize, u32)>>,
    acknowledged: Vec<u32>,
    queue: Vec<usize>,
    random: Stream,
    requests: usize,
    forwarded: usize,
    extra: usize,
    lost: u64,
    misplaced: usize,
}

impl<'a> Run<'a> {
    fn new(
        plan: &Resharding,
        from: &[usize],
        to: &'a [usize],
        seed: u64,
        replication: u64,
    ) -> Self {
        let mut queue: Vec<usize> = (0..plan.keys).filter(|key| from[*key] != to[*key]).collect();
        let mut order = Stream::new(seed, replication, "order");
        (1..queue.len()).rev().for_each(|last| queue.swap(last, order.below(last + 1)));
        Self {
            to,
            owner: from.to_vec(),
            copies: from.iter().map(|node| vec![(*node, 0)]).collect(),
            acknowledged: vec![0; plan.keys],
            queue,
            random: Stream::new(seed, replication, "requests"),
            requests: 0,
            forwarded: 0,
            extra: 0,
            lost: 0,
            misplaced: 0,
        }
    }

    fn done(mut self, plan: &Resharding) -> Self {
        let mut next = self.random.exponential() / plan.requests;
        for moved in 0..self.queue.len() {
            if moved.is_multiple_of(256) {
                crate::interrupt::tick();
            }
            let key = self.queue[moved];
            let (source, target) = (self.owner[key], self.to[key]);
            let mut version = self.version(key, source);
            let arrives = (moved + 1) as f64 / plan.rate;
            while next < arrives {
                self.request(plan);
                next += self.random.exponential() / plan.requests;
            }
            self.extra += 2;
            if plan.careful && version != self.version(key, source) {
                // Sent again in the moment in which the key changes hands.
                version = self.version(key, source);
                self.extra += 2;
            }
            self.copies[key].retain(|(node, _)| *node != source);
            self.copies[key].extend(version.map(|version| (target, version)));
            self.owner[key] = target;
        }
        self.check();
        self
    }

    fn request(&mut self, plan: &Resharding) {
        let key = plan.popularity.sample(&mut self.random);
        self.requests += 1;
        if self.owner[key] != self.to[key] {
            self.forwarded += 1;
            self.extra += 1;
        }
        let owner = self.owner[key];
        if self.random.uniform() < plan.writes
            && let Some((_, version)) = self.copies[key].iter_mut().find(|(node, _)| *node == owner)
        {
            *version += 1;
            self.acknowledged[key] += 1;
        }
    }

    /// What a node has of a key.
    fn version(&self, key: usize, node: usize) -> Option<u32> {
        let copy = self.copies[key].iter().find(|(holder, _)| *holder == node);
        copy.map(|(_, version)| *version)
    }

    fn check(&mut self) {
        for (key, node) in self.to.iter().enumerate() {
            let held = self.version(key, *node);
            self.misplaced += usize::from(held.is_none() || self.copies[key].len() != 1);
            self.lost += u64::from(self.acknowledged[key] - held.unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_where_its_hash_says() {
        let ring = Placement::ring(4, 20);
        let assigned = ring.assign(100);
        assert!((0..100).all(|key| assigned[key] == ring.node_of(key)));
    }

    #[test]
    fn nothing_to_move_takes_no_time() {
        let ring = Placement::ring(4, 20);
        let run = Resharding::new(&ring, &ring, 1000).simulate(2, 1);
        assert_eq!((run.moved, run.duration, run.requests.mean), (0.0, 0.0, 0.0));
        assert_eq!((run.misplaced, run.lost.mean), (0, 0.0));
    }
}
