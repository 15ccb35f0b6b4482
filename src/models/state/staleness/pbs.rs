//! A partial quorum: its parameters, and what can be said of it without a simulation.

use super::exact::{self, Exact};
use super::solve::root_beyond;
use super::wars::Wars;
use crate::number::fraction;
use crate::sim::replicate;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Replicas with read and write quorums: a write is committed when W of N replicas have
/// acknowledged it, a read returns the newest of the first R of N answers. With R + W > N every
/// read meets the last committed write; with less, how often it does depends on time.
///
/// Times are in the unit of the latencies, milliseconds for the published fits.
#[derive(Clone)]
pub struct Pbs {
    pub(super) replicas: usize,
    pub(super) reads: usize,
    pub(super) writes: usize,
    wars: Option<Wars>,
    /// What the quadrature needs, kept when it has been asked for once.
    exact: Arc<[OnceLock<Exact>; LEVELS.len()]>,
}

/// The most replicas there can be.
pub(super) const MOST: usize = 64;

/// Nodes for each law; the next finer where two do not agree.
const LEVELS: [usize; 4] = [32, 64, 128, 256];

/// What one choice of N, R and W costs and gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Configuration {
    /// Replicas, N.
    pub replicas: usize,
    /// Answers that a read waits for, R.
    pub reads: usize,
    /// Acknowledgements that a write waits for, W.
    pub writes: usize,
    /// The time within which the asked fraction of reads is done.
    pub read_latency: f64,
    /// The time within which the asked fraction of writes is done.
    pub write_latency: f64,
    /// The probability that a read at the asked time after a commit returns the write.
    pub consistent: f64,
    /// The time after a commit from which on the asked fraction of reads returns the write.
    pub t: f64,
}

impl Pbs {
    /// N replicas, R answers to a read, W acknowledgements of a write.
    ///
    /// # Panics
    /// If there are no replicas or more than 64, or R or W are not between 1 and N.
    #[track_caller]
    pub fn new(replicas: usize, reads: usize, writes: usize) -> Self {
        assert!(
            (1..=MOST).contains(&replicas),
            "Pbs::new: there must be 1 to {MOST} replicas (N), but there are {replicas}; \
             give some, as in Pbs::new(3, 1, 1)"
        );
        for (name, quorum) in [("R", reads), ("W", writes)] {
            assert!(
                (1..=replicas).contains(&quorum),
                "Pbs::new: {name} must be from 1 to N, which is {replicas}, but it is {quorum}; \
                 the order is N, R, W, as in Pbs::new(3, 1, 2)"
            );
        }
        Self { replicas, reads, writes, wars: None, exact: Arc::default() }
    }

    /// The same with messages that take so long.
    pub fn latencies(self, wars: Wars) -> Self {
        Self { wars: Some(wars), exact: Arc::default(), ..self }
    }

    /// Whether every read quorum meets every write quorum: R + W > N.
    pub fn is_strict(&self) -> bool {
        self.reads + self.writes > self.replicas
    }

    /// The probability that R replicas chosen by chance miss W others chosen by chance:
    /// C(N - W, R) / C(N, R) (Malkhi, Reiter and Wright, 1997).
    pub fn misses(&self) -> f64 {
        if self.is_strict() {
            return 0.0;
        }
        binomial(self.replicas - self.writes, self.reads) / binomial(self.replicas, self.reads)
    }

    /// The probability that a read returns none of the last `k` versions: the R replicas miss the
    /// quorums of all `k` writes. No later message is counted on, so it is an upper bound for
    /// systems that send the write to all.
    ///
    /// # Panics
    /// If `k` is 0.
    #[track_caller]
    pub fn k_staleness(&self, k: u32) -> f64 {
        assert!(
            k >= 1,
            "Pbs::k_staleness: k must be at least 1, the last version, but it is 0; give the \
             number of versions that are new enough"
        );
        self.misses().powf(f64::from(k))
    }

    /// The fewest versions of which a read returns one with probability `p`.
    ///
    /// # Panics
    /// If `p` is not at least 0 and below 1.
    #[track_caller]
    pub fn versions_for(&self, p: f64) -> u32 {
        fraction("Pbs::versions_for", p);
        (1..u32::MAX).find(|k| 1.0 - self.k_staleness(*k) >= p).unwrap_or(u32::MAX)
    }

    /// The probability that a client reads an older version than it read before, when so many
    /// versions are written between two of its reads: k-staleness with k = 1 + writes per read.
    ///
    /// # Panics
    /// If there are fewer than 0 writes per read.
    #[track_caller]
    pub fn non_monotonic(&self, writes_per_read: f64) -> f64 {
        assert!(
            writes_per_read >= 0.0 && writes_per_read.is_finite(),
            "Pbs::non_monotonic: the writes per read must be a number of at least 0, but they are \
             {writes_per_read}; give the rate of writes over that of the client's reads"
        );
        self.misses().powf(1.0 + writes_per_read)
    }

    /// The probability that a read which begins `t` after a commit returns the write or a newer
    /// one, by quadrature. It is refined until two finenesses agree to 5e-5, and to a thousandth of
    /// the probability of staleness; the finer one is nearer than that. If all messages are
    /// exponential, the probability of staleness is e^(-R t / mean of W) times that of t = 0.
    ///
    /// # Panics
    /// If `t` is not a number of at least 0; without latencies; with latencies that are constant
    /// or measured, for which several answers may come at once: simulate these.
    #[track_caller]
    pub fn consistent(&self, t: f64) -> f64 {
        time("Pbs::consistent", t);
        if self.is_strict() {
            return 1.0;
        }
        self.continuous("Pbs::consistent");
        let agree = |a: f64, b: f64| (a - b).abs() <= 5e-5_f64.min(1e-3 * a + 1e-12);
        1.0 - self.refined(|exact| exact.stale(t), agree)
    }

    /// The probability of consistency at each of these times: pairs of both, for a curve.
    ///
    /// # Panics
    /// As [`Pbs::consistent`].
    #[track_caller]
    pub fn curve(&self, times: &[f64]) -> Vec<(f64, f64)> {
        times.iter().map(|t| (*t, self.consistent(*t))).collect()
    }

    /// The time after a commit from which on reads are consistent with probability `p`, by
    /// quadrature, to a thousandth of itself; 0 if they always are.
    ///
    /// # Panics
    /// If `p` is not at least 0 and below 1; else as [`Pbs::consistent`].
    #[track_caller]
    pub fn t_for(&self, p: f64) -> f64 {
        fraction("Pbs::t_for", p);
        if self.is_strict() {
            return 0.0;
        }
        let wars = self.continuous("Pbs::t_for");
        let step = wars.write.quantile(0.5);
        let found = |exact: &Exact| root_beyond(0.0, step, 1e-7, |t| exact.stale(t) - (1.0 - p));
        self.refined(found, |a, b| (a - b).abs() <= 1e-3 * b)
    }

    /// The time within which a fraction `p` of all reads is done, the R-th least of N sums R + S,
    /// by quadrature, to a thousandth of itself.
    ///
    /// # Panics
    /// As [`Pbs::t_for`].
    #[track_caller]
    pub fn read_latency(&self, p: f64) -> f64 {
        fraction("Pbs::read_latency", p);
        exact::latency(self, self.continuous("Pbs::read_latency"), false, p, LEVELS[2])
    }

    /// The time within which a fraction `p` of all writes is committed, the W-th least of N sums
    /// W + A, by quadrature, to a thousandth of itself.
    ///
    /// # Panics
    /// As [`Pbs::t_for`].
    #[track_caller]
    pub fn write_latency(&self, p: f64) -> f64 {
        fraction("Pbs::write_latency", p);
        exact::latency(self, self.continuous("Pbs::write_latency"), true, p, LEVELS[2])
    }

    /// Latencies that a fraction `p` of operations keep to, the consistency of reads at `t`, and
    /// the time for a consistency of `p`, all by quadrature.
    ///
    /// # Panics
    /// As [`Pbs::consistent`] and [`Pbs::t_for`].
    #[track_caller]
    pub fn configuration(&self, t: f64, p: f64) -> Configuration {
        Configuration {
            replicas: self.replicas,
            reads: self.reads,
            writes: self.writes,
            read_latency: self.read_latency(p),
            write_latency: self.write_latency(p),
            consistent: self.consistent(t),
            t: self.t_for(p),
        }
    }

    /// [`Pbs::configuration`] for each R and W from 1 to N, R by R: what each costs and gives.
    ///
    /// # Panics
    /// As [`Pbs::new`] and [`Pbs::configuration`].
    #[track_caller]
    pub fn configurations(replicas: usize, wars: &Wars, t: f64, p: f64) -> Vec<Configuration> {
        time("Pbs::configurations", t);
        fraction("Pbs::configurations", p);
        let first = Self::new(replicas, 1, 1).latencies(wars.clone());
        first.continuous("Pbs::configurations");
        replicate(replicas * replicas, |number| {
            let (reads, writes) = (number as usize / replicas + 1, number as usize % replicas + 1);
            Self::new(replicas, reads, writes).latencies(wars.clone()).configuration(t, p)
        })
    }

    /// The latencies, which must have been given.
    #[track_caller]
    pub(super) fn wars(&self, place: &str) -> &Wars {
        match &self.wars {
            Some(wars) => wars,
            None => panic!(
                "{place}: how long messages take is not known; say so first, as in \
                 Pbs::new(3, 1, 1).latencies(Wars::lnkd_ssd())"
            ),
        }
    }

    #[track_caller]
    fn continuous(&self, place: &str) -> &Wars {
        let wars = self.wars(place);
        assert!(
            wars.messages().iter().all(|message| message.is_continuous()),
            "{place}: the quadrature needs latencies of which no single value has a probability of \
             its own, but one of these is constant or measured; simulate instead, as in \
             pbs.simulate(Trials::new(10, 100_000))"
        );
        wars
    }

    /// Finer and finer until two values agree.
    fn refined(&self, measure: impl Fn(&Exact) -> f64, agree: impl Fn(f64, f64) -> bool) -> f64 {
        let wars = self.wars("Pbs");
        let at = |level: usize| {
            let exact = self.exact[level].get_or_init(|| Exact::new(self, wars, LEVELS[level]));
            measure(exact)
        };
        let mut before = at(0);
        for level in 1..LEVELS.len() {
            let now = at(level);
            if agree(now, before) {
                return now;
            }
            before = now;
        }
        before
    }
}

/// A time after a commit, if it is one.
#[track_caller]
pub(super) fn time(place: &str, t: f64) {
    assert!(
        t >= 0.0 && t.is_finite(),
        "{place}: the time t after the commit must be a number of at least 0, but it is {t}; \
         give 0 for a read that begins at once"
    );
}

/// n over k.
pub(super) fn binomial(n: usize, k: usize) -> f64 {
    (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product()
}

/// As "N = 3, R = 1, W = 2".
impl fmt::Display for Pbs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "N = {}, R = {}, W = {}", self.replicas, self.reads, self.writes)
    }
}

impl fmt::Debug for Pbs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
