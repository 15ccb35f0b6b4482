//! The cache and the replicas: what a read sees, and when.

use super::{Caching, MOST_REPLICAS, RequestPath};
use crate::sim::Stream;

/// What came of a request after its server.
pub(super) struct Answer {
    pub at: f64,
    /// Nothing for a write.
    pub read: Option<Read>,
}

pub(super) struct Read {
    pub hit: bool,
    /// It shows a version although a later one had been committed before it began.
    pub stale: bool,
}

/// What the cache has of a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Held,
    /// Another has asked for it, and the answer is not there yet.
    UnderWay,
    None,
}

/// Of a key: what the cache holds, and the number of its latest version.
#[derive(Clone, Copy)]
struct Key {
    version: u32,
    held: u32,
    filled: f64,
    expires: f64,
}

pub(super) struct Store<'a> {
    path: &'a RequestPath,
    cache: Option<Box<dyn FnMut(usize) -> bool>>,
    keys: Vec<Key>,
    /// Of the two latest versions of each key, when it was committed, and then when each replica
    /// had it.
    times: Vec<f64>,
    /// When each replica will have done all that it has.
    free: [f64; MOST_REPLICAS],
    chance: Stream,
    services: Stream,
    /// Seconds that replicas worked.
    pub work: f64,
}

impl<'a> Store<'a> {
    pub(super) fn new(path: &'a RequestPath, stream: &impl Fn(&str) -> Stream) -> Self {
        let items = path.keys.items();
        let cache = match &path.cache {
            Caching::Held(cache) => Some(cache.start(items, stream("evictions"))),
            Caching::Chance(_) => None,
        };
        let none = Key { version: 0, held: 0, filled: f64::INFINITY, expires: 0.0 };
        Self {
            path,
            cache,
            keys: vec![none; items],
            times: vec![0.0; 2 * items * (path.replicas + 1)],
            free: [0.0; MOST_REPLICAS],
            chance: stream("requests"),
            services: stream("database"),
            work: 0.0,
        }
    }

    /// A request that its server is done with.
    #[inline]
    pub(super) fn asks(&mut self, now: f64) -> Answer {
        let path = self.path;
        let key = path.keys.sample(&mut self.chance);
        if self.chance.uniform() < path.writes {
            return Answer { at: self.write(key, now), read: None };
        }
        let found = self.looks(key, now);
        if found == Found::Held {
            let stale = self.cache.is_some() && self.keys[key].held < self.known(key, 0, now);
            return Answer { at: now, read: Some(Read { hit: true, stale }) };
        }
        let (at, version) = self.read(key, now);
        let stale = version < self.known(key, 0, now);
        // Who asks while another's answer is under way does not put it off.
        if found == Found::None {
            let entry = &mut self.keys[key];
            (entry.held, entry.filled, entry.expires) = (version, at, at + path.keeps);
        }
        Answer { at, read: Some(Read { hit: false, stale }) }
    }

    #[inline]
    fn looks(&mut self, key: usize, now: f64) -> Found {
        match (&mut self.cache, &self.path.cache) {
            (None, Caching::Chance(part)) if self.chance.uniform() < *part => Found::Held,
            (None, _) => Found::None,
            (Some(request), _) => {
                let entry = &self.keys[key];
                // What is no longer good is asked for again.
                match request(key) {
                    true if now < entry.filled => Found::UnderWay,
                    true if now < entry.expires => Found::Held,
                    _ => Found::None,
                }
            }
        }
    }

    /// Where the times of a version of a key begin.
    fn place(&self, key: usize, version: u32) -> usize {
        (2 * key + (version & 1) as usize) * (self.path.replicas + 1)
    }

    /// The latest version of a key at a time: that is committed (0), or that a replica has (its
    /// number and 1). What is older than the two latest is over.
    #[inline]
    fn known(&self, key: usize, column: usize, at: f64) -> u32 {
        let latest = self.keys[key].version;
        let mut version = latest;
        while version > 0
            && version + 2 > latest
            && self.times[self.place(key, version) + column] > at
        {
            version -= 1;
        }
        version
    }

    /// A replica does something.
    #[inline]
    fn serves(&mut self, replica: usize, now: f64) -> f64 {
        let service = self.path.database * self.services.exponential();
        self.work += service;
        self.free[replica] = self.free[replica].max(now) + service;
        self.free[replica]
    }

    /// When it is answered, and the version that it shows.
    fn read(&mut self, key: usize, now: f64) -> (f64, u32) {
        let (replicas, quorum) = (self.path.replicas, self.path.quorums.0);
        let mut order: [usize; MOST_REPLICAS] = std::array::from_fn(|replica| replica);
        let (mut last, mut version) = (now, 0);
        for chosen in 0..quorum {
            order.swap(chosen, chosen + self.chance.below(replicas - chosen));
            let at = self.serves(order[chosen], now);
            last = last.max(at);
            version = version.max(self.known(key, order[chosen] + 1, at));
        }
        (last, version)
    }

    /// When so many as are wanted have it.
    fn write(&mut self, key: usize, now: f64) -> f64 {
        let ordered = self.serves(0, now);
        let before = self.place(key, self.keys[key].version);
        self.keys[key].version += 1;
        let place = self.place(key, self.keys[key].version);
        let mut have = [f64::INFINITY; MOST_REPLICAS];
        for (replica, have) in have.iter_mut().enumerate().take(self.path.replicas) {
            let lag = if replica == 0 { 0.0 } else { self.path.lag * self.services.exponential() };
            // Followers take versions in their order.
            *have = (ordered + lag).max(self.times[before + 1 + replica]);
            self.times[place + 1 + replica] = *have;
        }
        have.sort_unstable_by(f64::total_cmp);
        let committed = have[self.path.quorums.1 - 1];
        self.times[place] = committed;
        committed
    }
}
