//! Sketches whose error is one of rank.

use super::sketch::{Sketch, recordable, tellable};
use crate::number::positive;
use crate::operations::checks::inner;
use std::f64::consts::PI;

/// The summary of Greenwald and Khanna (SIGMOD 2001): values with bounds of their ranks, so few
/// that any rank is known to ε n. This is a guarantee, for every stream.
#[derive(Clone, Debug, PartialEq)]
pub struct GreenwaldKhanna {
    epsilon: f64,
    entries: Vec<Entry>,
    count: u64,
    since: u64,
}

/// A value; how many ranks it lies above the entry before it at least; and how uncertain that is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    value: f64,
    gap: u64,
    slack: u64,
}

impl GreenwaldKhanna {
    /// An empty one with this error of rank ε, as a share of all values.
    ///
    /// # Panics
    /// If it is not above 0 and below 1.
    #[track_caller]
    pub fn new(epsilon: f64) -> Self {
        inner("GreenwaldKhanna::new", "error of rank", epsilon);
        Self { epsilon, entries: vec![], count: 0, since: 0 }
    }

    fn most(&self) -> u64 {
        (2.0 * self.epsilon * self.count as f64).floor() as u64
    }

    /// Joins entries whose ranks are known together as well as need be; the least and the greatest
    /// value stay.
    fn compress(&mut self) {
        self.since = 0;
        let most = self.most();
        let mut kept: Vec<Entry> = Vec::with_capacity(self.entries.len());
        for (at, entry) in self.entries.drain(..).enumerate().rev() {
            match kept.last_mut() {
                Some(next) if at > 0 && entry.gap + next.gap + next.slack < most => {
                    next.gap += entry.gap;
                }
                _ => kept.push(entry),
            }
        }
        kept.reverse();
        self.entries = kept;
    }

    /// Each value with the least and the greatest rank, from 1, that it may have.
    fn ranks(&self) -> Vec<(f64, u64, u64)> {
        let mut least = 0;
        let rank = |entry: &Entry| {
            least += entry.gap;
            (entry.value, least, least + entry.slack)
        };
        self.entries.iter().map(rank).collect()
    }
}

impl Sketch for GreenwaldKhanna {
    #[track_caller]
    fn record(&mut self, value: f64) {
        recordable("GreenwaldKhanna::record", value);
        let at = self.entries.partition_point(|entry| entry.value <= value);
        let is_outer = at == 0 || at == self.entries.len();
        let slack = if is_outer { 0 } else { self.most().saturating_sub(1) };
        self.entries.insert(at, Entry { value, gap: 1, slack });
        self.count += 1;
        self.since += 1;
        if self.since as f64 >= 1.0 / (2.0 * self.epsilon) {
            self.compress();
        }
    }

    /// The ranks that a value may have among both (Greenwald and Khanna, PODS 2004): the greater
    /// of the two errors stays.
    fn merge(&mut self, other: &Self) {
        let (mine, theirs) = (self.ranks(), other.ranks());
        let joined = |of: &[(f64, u64, u64)], by: &[(f64, u64, u64)], strictly: bool, n: u64| {
            let entry = |(value, least, most): &(f64, u64, u64)| {
                let before =
                    |it: &(f64, u64, u64)| if strictly { it.0 < *value } else { it.0 <= *value };
                let at = by.partition_point(before);
                let below = if at == 0 { 0 } else { by[at - 1].1 };
                let above = by.get(at).map_or(n, |next| next.2 - 1);
                (*value, least + below, most + above)
            };
            of.iter().map(entry).collect::<Vec<_>>()
        };
        let mut all = joined(&mine, &theirs, true, other.count);
        all.extend(joined(&theirs, &mine, false, self.count));
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut before = 0;
        self.entries.clear();
        for (value, least, most) in all {
            self.entries.push(Entry { value, gap: least - before, slack: most - least });
            before = least;
        }
        self.epsilon = self.epsilon.max(other.epsilon);
        self.count += other.count;
        self.compress();
    }

    #[track_caller]
    fn quantile(&self, p: f64) -> f64 {
        tellable("GreenwaldKhanna::quantile", self.count, p);
        let rank = (p * (self.count - 1) as f64).floor() + 1.0;
        let off = |least: u64, most: u64| (rank - least as f64).max(most as f64 - rank);
        let ranks = self.ranks();
        let nearest = ranks.iter().min_by(|a, b| off(a.1, a.2).total_cmp(&off(b.1, b.2)));
        nearest.map_or(f64::NAN, |(value, ..)| *value)
    }

    fn count(&self) -> u64 {
        self.count
    }

    fn size(&self) -> usize {
        3 * self.entries.len()
    }
}

/// The t-digest (Dunning and Ertl, 2019), by merging: clusters of neighbouring values, small ones
/// at the ends, with the scale δ asin(2q - 1) / 2π. Its error of rank is least at the extremes; it
/// promises nothing, and there are streams that lead it far astray.
#[derive(Clone, Debug, PartialEq)]
pub struct TDigest {
    delta: f64,
    /// Means and weights, in ascending order of means.
    clusters: Vec<(f64, f64)>,
    fresh: Vec<(f64, f64)>,
    least: f64,
    greatest: f64,
    count: u64,
}

impl TDigest {
    /// An empty one with this compression δ, 100 by custom: at most about as many clusters.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn new(delta: f64) -> Self {
        positive("TDigest::new", "compression", delta);
        Self {
            delta,
            clusters: vec![],
            fresh: vec![],
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
            count: 0,
        }
    }

    fn compress(&mut self) {
        self.clusters = self.compressed();
        self.fresh.clear();
    }

    fn compressed(&self) -> Vec<(f64, f64)> {
        let mut all: Vec<(f64, f64)> = self.clusters.iter().chain(&self.fresh).copied().collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: f64 = all.iter().map(|(_, weight)| weight).sum();
        let scale = |q: f64| self.delta / (2.0 * PI) * (2.0 * q.clamp(0.0, 1.0) - 1.0).asin();
        let mut clusters: Vec<(f64, f64)> = vec![];
        let (mut before, mut begun) = (0.0, scale(0.0));
        for (mean, weight) in all {
            match clusters.last_mut() {
                Some(last) if scale((before + weight) / total) - begun <= 1.0 => {
                    last.1 += weight;
                    last.0 += (mean - last.0) * weight / last.1;
                }
                _ => {
                    begun = scale(before / total);
                    clusters.push((mean, weight));
                }
            }
            before += weight;
        }
        clusters
    }
}

impl Sketch for TDigest {
    #[track_caller]
    fn record(&mut self, value: f64) {
        recordable("TDigest::record", value);
        self.count += 1;
        self.least = self.least.min(value);
        self.greatest = self.greatest.max(value);
        self.fresh.push((value, 1.0));
        if self.fresh.len() as f64 >= 5.0 * self.delta {
            self.compress();
        }
    }

    fn merge(&mut self, other: &Self) {
        self.fresh.extend(other.clusters.iter().chain(&other.fresh));
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
        self.count += other.count;
        self.compress();
    }

    /// Linear between the middles of clusters.
    #[track_caller]
    fn quantile(&self, p: f64) -> f64 {
        tellable("TDigest::quantile", self.count, p);
        let clusters = self.compressed();
        let rank = p * (self.count - 1) as f64 + 0.5;
        let (mut before, mut from) = (0.0, (0.0, self.least));
        for (mean, weight) in &clusters {
            let middle = before + weight / 2.0;
            if rank < middle {
                let part = (rank - from.0) / (middle - from.0);
                return from.1 + (mean - from.1) * part;
            }
            from = (middle, *mean);
            before += weight;
        }
        let part = (rank - from.0) / (before - from.0);
        from.1 + (self.greatest - from.1) * part.min(1.0)
    }

    fn count(&self) -> u64 {
        self.count
    }

    fn size(&self) -> usize {
        2 * (self.clusters.len() + self.fresh.len())
    }
}
