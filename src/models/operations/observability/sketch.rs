//! Sketches: quantiles of a stream of values from a memory that does not grow with it.

use crate::number::fraction;
use crate::operations::checks::{at_least, inner};
use crate::sim::{Histogram, Stream};
use std::collections::BTreeMap;

/// What takes values one by one, remembers little, and tells quantiles. A reader's own is used like
/// the others.
pub trait Sketch {
    /// Takes one value, a number of at least 0.
    fn record(&mut self, value: f64);

    /// Takes in what another sketch of the same kind has seen.
    fn merge(&mut self, other: &Self)
    where
        Self: Sized;

    /// The value at rank floor(p (n - 1)), from 0, of the n values in ascending order, 0 <= p < 1;
    /// as well as it is known.
    fn quantile(&self, p: f64) -> f64;

    /// How many values it has seen.
    fn count(&self) -> u64;

    /// How many numbers it remembers.
    fn size(&self) -> usize;
}

/// The value, if a sketch may take it.
#[track_caller]
pub(super) fn recordable(place: &str, value: f64) -> f64 {
    assert!(
        value >= 0.0 && value.is_finite(),
        "{place}: each value must be a number of at least 0, but one is {value}"
    );
    value
}

/// p, if there is anything to tell.
#[track_caller]
pub(super) fn tellable(place: &str, count: u64, p: f64) -> f64 {
    assert!(
        count > 0,
        "{place}: there must be at least 1 value to have a quantile of, but there is none"
    );
    fraction(place, p)
}

/// DDSketch (Masson, Rim and Lee, VLDB 2019): counts in bins (γ^(i-1), γ^i], γ = (1 + α) / (1 - α),
/// each told as 2 γ^i / (γ + 1). No quantile is off by more than a share α of itself, whatever the
/// values, and merged sketches are what one would have been.
#[derive(Clone, Debug, PartialEq)]
pub struct DdSketch {
    gamma: f64,
    bins: BTreeMap<i32, u64>,
    zeros: u64,
    count: u64,
}

impl DdSketch {
    /// An empty one with this relative error α.
    ///
    /// # Panics
    /// If it is not above 0 and below 1.
    #[track_caller]
    pub fn new(alpha: f64) -> Self {
        inner("DdSketch::new", "relative error", alpha);
        let gamma = (1.0 + alpha) / (1.0 - alpha);
        Self { gamma, bins: BTreeMap::new(), zeros: 0, count: 0 }
    }

    /// Bins that values from `low` to `high` need at most: ln(high / low) / ln γ, and one.
    pub fn bins_for(&self, low: f64, high: f64) -> usize {
        ((high / low).ln() / self.gamma.ln()).ceil() as usize + 1
    }
}

impl Sketch for DdSketch {
    #[track_caller]
    fn record(&mut self, value: f64) {
        recordable("DdSketch::record", value);
        self.count += 1;
        match value == 0.0 {
            true => self.zeros += 1,
            false => {
                let bin = (value.ln() / self.gamma.ln()).ceil() as i32;
                *self.bins.entry(bin).or_default() += 1;
            }
        }
    }

    #[track_caller]
    fn merge(&mut self, other: &Self) {
        assert!(
            self.gamma == other.gamma,
            "DdSketch::merge: both must have the same relative error, or their bins do not match"
        );
        for (bin, count) in &other.bins {
            *self.bins.entry(*bin).or_default() += count;
        }
        self.zeros += other.zeros;
        self.count += other.count;
    }

    #[track_caller]
    fn quantile(&self, p: f64) -> f64 {
        tellable("DdSketch::quantile", self.count, p);
        let rank = (p * (self.count - 1) as f64).floor() as u64;
        let mut seen = self.zeros;
        if rank < seen {
            return 0.0;
        }
        let mut last = 0;
        for (bin, count) in &self.bins {
            last = *bin;
            seen += count;
            if rank < seen {
                break;
            }
        }
        2.0 * self.gamma.powi(last) / (self.gamma + 1.0)
    }

    fn count(&self) -> u64 {
        self.count
    }

    fn size(&self) -> usize {
        2 * self.bins.len()
    }
}

/// The histogram of the simulations, of bins 0.4 % wide, as HdrHistogram has them.
impl Sketch for Histogram {
    #[track_caller]
    fn record(&mut self, value: f64) {
        Histogram::record(self, recordable("Histogram::record", value));
    }

    fn merge(&mut self, other: &Self) {
        self.absorb(other);
    }

    #[track_caller]
    fn quantile(&self, p: f64) -> f64 {
        tellable("Histogram::quantile", self.len(), p);
        Histogram::quantile(self, p)
    }

    fn count(&self) -> u64 {
        self.len()
    }

    fn size(&self) -> usize {
        self.bins()
    }
}

/// A sample of constant size, in which each value is with the same probability (Vitter, 1985,
/// algorithm R). Its quantiles have the sampling error of a binomial share.
#[derive(Clone, Debug)]
pub struct Reservoir {
    room: usize,
    kept: Vec<f64>,
    count: u64,
    random: Stream,
}

impl Reservoir {
    /// An empty one with room for so many values.
    ///
    /// # Panics
    /// If there is no room.
    #[track_caller]
    pub fn new(room: usize, random: Stream) -> Self {
        at_least("Reservoir::new", "values that are kept", 1, room);
        Self { room, kept: Vec::with_capacity(room), count: 0, random }
    }

    /// The standard error of the rank, as a share of all n values, at which a sample of k has its
    /// p-quantile: sqrt(p (1 - p) / k x (n - k) / (n - 1)).
    ///
    /// # Panics
    /// If there is no room, or p is not at least 0 and below 1.
    #[track_caller]
    pub fn rank_error(room: usize, values: usize, p: f64) -> f64 {
        const PLACE: &str = "Reservoir::rank_error";
        at_least(PLACE, "values that are kept", 1, room);
        at_least(PLACE, "values", 2, values);
        fraction(PLACE, p);
        let (k, n) = (room.min(values) as f64, values as f64);
        (p * (1.0 - p) / k * (n - k) / (n - 1.0)).sqrt()
    }
}

impl Sketch for Reservoir {
    #[track_caller]
    fn record(&mut self, value: f64) {
        recordable("Reservoir::record", value);
        self.count += 1;
        if self.kept.len() < self.room {
            self.kept.push(value);
        } else {
            let at = self.random.below(self.count as usize);
            if at < self.room {
                self.kept[at] = value;
            }
        }
    }

    /// Each place is filled from one of the two, in proportion to how many values of each are left
    /// to be drawn from.
    fn merge(&mut self, other: &Self) {
        let (mut mine, mut theirs) = (std::mem::take(&mut self.kept), other.kept.clone());
        let (mut left, mut right) = (self.count, other.count);
        self.count += other.count;
        while self.kept.len() < self.room && left + right > 0 {
            let is_mine = self.random.below((left + right) as usize) < left as usize;
            let (from, count) =
                if is_mine { (&mut mine, &mut left) } else { (&mut theirs, &mut right) };
            *count -= 1;
            if !from.is_empty() {
                let at = self.random.below(from.len());
                self.kept.push(from.swap_remove(at));
            }
        }
    }

    #[track_caller]
    fn quantile(&self, p: f64) -> f64 {
        tellable("Reservoir::quantile", self.count, p);
        let mut sorted = self.kept.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[(p * (sorted.len() - 1) as f64).floor() as usize]
    }

    fn count(&self) -> u64 {
        self.count
    }

    fn size(&self) -> usize {
        self.kept.len()
    }
}
