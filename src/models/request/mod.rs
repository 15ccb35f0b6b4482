//! One request through the five pillars: a balancer and servers (work), a cache before a database
//! of replicas (state), quorums that decide what a read may see (truth), a scaler that changes the
//! number of servers (control), and a model that takes servers out which are slower than the others
//! (intelligence). Each part has one knob or two, and none is independent of the others.
//!
//! A request comes to one of the servers and waits its turn. Then it is a write, or a read that the
//! cache may answer; what the cache cannot answer goes to the database. The leader, replica 0, puts
//! all writes in order, and the others follow after a lag. A read asks `r` replicas by lot and takes
//! the latest version among their answers. The
//! cache forgets what it holds after a while; until then it does not hear of writes. It makes room
//! for a key when it is asked for, as caches of promises do: an answer that takes longer than its key
//! stays in the line comes too late, so that a database which was overloaded once may never recover.
//!
//! ```
//! use pillars_models::control::Load;
//! use pillars_models::request::RequestPath;
//! // 600 requests a second, ten servers of 100 a second, nine of ten reads answered by the cache.
//! let path = RequestPath::new(Load::constant(600.0), 10).choices(1).hit_ratio(0.9);
//! let found = path.simulate(100.0, 4, 1);
//! assert!(found.latency.gap_in_bars(path.theory().unwrap()) < 3.0);
//! ```

mod app;
mod run;
mod store;
mod survey;
mod watch;

use crate::control::{Load, Scaler};
use crate::number::positive;
use crate::state::placement::{Cache, Popularity};
use std::sync::Arc;
pub use survey::PathSurvey;

/// A scaler for each replication.
type FreshScaler = Arc<dyn Fn() -> Box<dyn Scaler> + Send + Sync>;
/// Whom to take out; and one for each replication.
type Watch = Box<dyn FnMut(&[f64]) -> Option<usize>>;
type FreshWatch = Arc<dyn Fn() -> Watch + Send + Sync>;

/// Replicas at most.
const MOST_REPLICAS: usize = 9;
/// Servers at most.
const MOST_SERVERS: usize = 1000;

/// The path of a request. Times are in seconds.
///
/// As made by [`RequestPath::new`]: the better of two servers by lot, services of 10 ms on average;
/// 10,000 keys by Zipf's law with exponent 0.9, an LRU cache with room for 1,000 that keeps what it
/// holds for 10 s; one request in twenty is a write; three replicas, services of 2 ms, followers
/// 20 ms behind on average, writes acknowledged by two and reads from one; no scaler and no watch, and
/// metrics every 15 s; an answer after 100 ms is late.
#[derive(Clone)]
pub struct RequestPath {
    load: Load,
    servers: usize,
    choices: usize,
    app: f64,
    keys: Popularity,
    cache: Caching,
    keeps: f64,
    writes: f64,
    replicas: usize,
    quorums: (usize, usize),
    database: f64,
    lag: f64,
    period: f64,
    scaler: Option<FreshScaler>,
    start_up: f64,
    watch: Option<FreshWatch>,
    rest: f64,
    slow: Option<Slow>,
    goal: f64,
    warmup: f64,
}

#[derive(Clone)]
enum Caching {
    Held(Cache),
    /// By lot, with this probability.
    Chance(f64),
}

/// Servers that are slower for a while.
#[derive(Clone, Copy)]
struct Slow {
    servers: usize,
    factor: f64,
    from: f64,
    to: f64,
}

#[track_caller]
fn count(place: &str, what: &str, least: usize, most: usize, given: usize) -> usize {
    assert!(
        (least..=most).contains(&given),
        "{place}: the {what} must be from {least} to {most}, but it is {given}"
    );
    given
}

impl RequestPath {
    /// What it is asked for, and its servers.
    ///
    /// # Panics
    /// If there are none, or more than 1000.
    #[track_caller]
    pub fn new(load: Load, servers: usize) -> Self {
        const PLACE: &str = "RequestPath::new";
        Self {
            load,
            servers: count(PLACE, "number of servers", 1, MOST_SERVERS, servers),
            choices: 2,
            app: 0.01,
            keys: Popularity::zipf(10_000, 0.9),
            cache: Caching::Held(Cache::lru(1000)),
            keeps: 10.0,
            writes: 0.05,
            replicas: 3,
            quorums: (1, 2),
            database: 0.002,
            lag: 0.02,
            period: 15.0,
            scaler: None,
            start_up: 60.0,
            watch: None,
            rest: 120.0,
            slow: None,
            goal: 0.1,
            warmup: 0.0,
        }
    }

    /// Work: each request goes to the server with the fewest requests among so many by lot, chosen
    /// with replacement; 1 is any server.
    ///
    /// # Panics
    /// If there is no choice.
    #[track_caller]
    pub fn choices(self, servers: usize) -> Self {
        let choices = count("RequestPath::choices", "number of choices", 1, MOST_SERVERS, servers);
        Self { choices, ..self }
    }

    /// Work: the mean time that a server needs for a request.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn service(self, mean: f64) -> Self {
        Self { app: positive("RequestPath::service", "mean service", mean), ..self }
    }

    /// State: what is asked for.
    pub fn keys(self, popularity: Popularity) -> Self {
        Self { keys: popularity, ..self }
    }

    /// State: which cache there is, and for how long it keeps what it holds; `f64::INFINITY` for ever.
    ///
    /// # Panics
    /// If the time is not positive, or the cache is Belady's, which knows the future.
    #[track_caller]
    pub fn cache(self, cache: Cache, keeps: f64) -> Self {
        const PLACE: &str = "RequestPath::cache";
        assert!(keeps > 0.0, "{PLACE}: the time must be a positive number, but it is {keeps}");
        assert!(
            !cache.name().starts_with("Belady"),
            "{PLACE}: {cache} needs to know all requests beforehand; give one that does not, as \
             Cache::lru(1000)"
        );
        Self { cache: Caching::Held(cache), keeps, ..self }
    }

    /// State: a cache that answers this part of the reads, whichever they are, and is never stale:
    /// for a sweep of the hit ratio.
    ///
    /// # Panics
    /// If it is not from 0 to 1.
    #[track_caller]
    pub fn hit_ratio(self, part: f64) -> Self {
        Self { cache: Caching::Chance(probability("RequestPath::hit_ratio", part)), ..self }
    }

    /// State: this part of the requests are writes.
    ///
    /// # Panics
    /// If it is not from 0 to 1.
    #[track_caller]
    pub fn writes(self, part: f64) -> Self {
        Self { writes: probability("RequestPath::writes", part), ..self }
    }

    /// State: the database's replicas, the mean time that each needs for a request, and the mean lag
    /// of a follower.
    ///
    /// # Panics
    /// If there are none, or more than nine, the service is not positive or the lag is negative.
    #[track_caller]
    pub fn replicas(self, replicas: usize, service: f64, lag: f64) -> Self {
        const PLACE: &str = "RequestPath::replicas";
        let replicas = count(PLACE, "number of replicas", 1, MOST_REPLICAS, replicas);
        positive(PLACE, "mean service", service);
        assert!(
            lag >= 0.0 && lag.is_finite(),
            "{PLACE}: the mean lag must be a number of at least 0, but it is {lag}"
        );
        let (reads, writes) = self.quorums;
        let quorums = (reads.min(replicas), writes.min(replicas));
        Self { replicas, database: service, lag, quorums, ..self }
    }

    /// Truth: a read waits for so many replicas, and a write until so many have it.
    ///
    /// # Panics
    /// If one of them is none, or more than there are replicas.
    #[track_caller]
    pub fn quorums(self, reads: usize, writes: usize) -> Self {
        const PLACE: &str = "RequestPath::quorums";
        let reads = count(PLACE, "read quorum", 1, self.replicas, reads);
        let writes = count(PLACE, "write quorum", 1, self.replicas, writes);
        Self { quorums: (reads, writes), ..self }
    }

    /// How often metrics are read: by the scaler and by the watch.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn period(self, seconds: f64) -> Self {
        Self { period: positive("RequestPath::period", "period", seconds), ..self }
    }

    /// Control: who says how many servers are wanted, and the time that one needs to start. What it
    /// reads is the demand: the work that came in a period over what the servers can do in it.
    ///
    /// # Panics
    /// If the time is negative or not a number.
    #[track_caller]
    pub fn scaled<S: Scaler + Clone + Send + Sync + 'static>(
        self,
        scaler: S,
        start_up: f64,
    ) -> Self {
        assert!(
            start_up >= 0.0 && start_up.is_finite(),
            "RequestPath::scaled: the time to start must be a number of at least 0, but it is \
             {start_up}"
        );
        let scaler: FreshScaler = Arc::new(move || Box::new(scaler.clone()));
        Self { scaler: Some(scaler), start_up, ..self }
    }

    /// Intelligence: a server is taken out for two minutes when its smoothed time for a request
    /// (EWMA, weight .3) lies more than so many robust standard deviations (1.4826 times the median
    /// distance from the median) above the median of all. At most a third are out at a time.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn watched(self, deviations: f64) -> Self {
        positive("RequestPath::watched", "number of deviations", deviations);
        self.watched_by(move || watch::robust(deviations))
    }

    /// Intelligence, the reader's own: `fresh` makes a watch; after each period it is shown the mean
    /// time for a request of each server that takes requests, in seconds, and says which one to take
    /// out, counted from 0, if any.
    pub fn watched_by<W: FnMut(&[f64]) -> Option<usize> + 'static>(
        self,
        fresh: impl Fn() -> W + Send + Sync + 'static,
    ) -> Self {
        let fresh: FreshWatch = Arc::new(move || Box::new(fresh()));
        Self { watch: Some(fresh), ..self }
    }

    /// The fault: the first so many servers need so many times as long, from one time to another.
    /// They still answer.
    ///
    /// # Panics
    /// If there are not so many servers at first, the factor is not positive, or the while is empty.
    #[track_caller]
    pub fn slow(self, servers: usize, factor: f64, from: f64, to: f64) -> Self {
        const PLACE: &str = "RequestPath::slow";
        count(PLACE, "number of slow servers", 1, self.servers, servers);
        positive(PLACE, "factor", factor);
        assert!(
            0.0 <= from && from < to,
            "{PLACE}: the while must begin at 0 or later and end after that, but it is from {from} \
             to {to}"
        );
        Self { slow: Some(Slow { servers, factor, from, to }), ..self }
    }

    /// An answer after more than this is late.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn goal(self, seconds: f64) -> Self {
        Self { goal: positive("RequestPath::goal", "time", seconds), ..self }
    }

    /// What is asked for before this time is not counted.
    ///
    /// # Panics
    /// If it is negative or not a number.
    #[track_caller]
    pub fn warmup(self, seconds: f64) -> Self {
        assert!(
            seconds >= 0.0 && seconds.is_finite(),
            "RequestPath::warmup: the time must be a number of at least 0, but it is {seconds}"
        );
        Self { warmup: seconds, ..self }
    }

    /// The mean time to an answer, where it has a closed form: with any server by lot, a hit ratio
    /// that is given, a constant load, reads from one replica, and nothing that is scaled, watched
    /// or slow. Then servers and replicas are M/M/1 each (Burke, 1956; Jackson, 1957), and a write
    /// waits for the fastest of its followers: `lag` times 1/(n-1) + 1/(n-2) + .. for w - 1 of them.
    /// Nothing else, and nothing if one of them cannot keep up.
    pub fn theory(&self) -> Option<f64> {
        let Caching::Chance(hits) = self.cache else { return None };
        let plain = self.scaler.is_none() && self.watch.is_none() && self.slow.is_none();
        if self.choices > 1 || self.quorums.0 > 1 || !plain {
            return None;
        }
        let rate = self.load.constant_rate()?;
        let stay = |mean: f64, rate: f64| (rate * mean < 1.0).then(|| 1.0 / (1.0 / mean - rate));
        let (writes, replicas) = (rate * self.writes, self.replicas as f64);
        let reads = rate * (1.0 - self.writes) * (1.0 - hits) / replicas;
        let (leader, follower) =
            (stay(self.database, reads + writes)?, stay(self.database, reads)?);
        let read = (leader + (replicas - 1.0) * follower) / replicas;
        let waits = (1..self.quorums.1).map(|have| 1.0 / (replicas - have as f64)).sum::<f64>();
        let write = leader + self.lag * waits;
        let app = stay(self.app, rate / self.servers as f64)?;
        Some(app + self.writes * write + (1.0 - self.writes) * (1.0 - hits) * read)
    }
}

#[track_caller]
fn probability(place: &str, part: f64) -> f64 {
    assert!(
        (0.0..=1.0).contains(&part),
        "{place}: the part must be from 0 to 1, but it is {part}; give 0.05 for one in twenty"
    );
    part
}
