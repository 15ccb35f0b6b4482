//! Counts of values in narrow bins, from which quantiles and tails are read.

/// Bins in each doubling of the value: a bin is at most 1/256 = 0.4 % wide.
const BINS_PER_OCTAVE: u64 = 256;
const SHIFT: u32 = 52 - BINS_PER_OCTAVE.trailing_zeros();
/// Values below 2^-24 share the lowest bin, values above 2^40 the highest.
const LOWEST: u64 = (1023 - 24) << 52;
const HIGHEST: u64 = (1023 + 40) << 52;

/// A histogram of non-negative times with bins of constant relative width, and
/// zeros counted apart (a queue has many). Its size grows with the range of the
/// values, not with their number; a quantile read from it is right to a small
/// fraction of a bin, 0.4 % at worst.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// The bins from number `first` on, in whole octaves.
    counts: Vec<u32>,
    first: usize,
    zeros: u64,
    total: u64,
}

impl Histogram {
    /// Counts one value, at least zero.
    #[inline]
    pub fn record(&mut self, value: f64) {
        self.total += 1;
        if value <= 0.0 {
            self.zeros += 1;
            return;
        }
        let bin = bin(value);
        match self.counts.get_mut(bin.wrapping_sub(self.first)) {
            Some(count) => *count += 1,
            None => self.record_beyond(bin),
        }
    }

    /// How many values were counted.
    pub fn len(&self) -> u64 {
        self.total
    }

    /// Whether nothing was counted yet.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The fraction of values above zero; not a number when empty.
    pub fn positive(&self) -> f64 {
        (self.total - self.zeros) as f64 / self.total as f64
    }

    /// The fraction of values above `t >= 0`, linear inside a bin; not a number when empty.
    pub fn exceeds(&self, t: f64) -> f64 {
        if t <= 0.0 {
            return self.positive();
        }
        let here = bin(t);
        let bins = self.counts.iter().enumerate().map(|(i, &count)| (self.first + i, count));
        let above: u64 = bins.filter(|&(i, _)| i > here).map(|(_, count)| u64::from(count)).sum();
        let (low, high) = (edge(here), edge(here + 1));
        let count = self.counts.get(here.wrapping_sub(self.first)).copied().unwrap_or(0);
        let inside = f64::from(count) * ((high - t) / (high - low)).clamp(0.0, 1.0);
        (above as f64 + inside) / self.total as f64
    }

    /// The value below which a fraction `p` of all values lies, 0 <= p < 1.
    pub fn quantile(&self, p: f64) -> f64 {
        let mut left = p * self.total as f64 - self.zeros as f64;
        if left <= 0.0 {
            return 0.0;
        }
        for (i, &count) in self.counts.iter().enumerate() {
            let count = f64::from(count);
            let (low, high) = (edge(self.first + i), edge(self.first + i + 1));
            if left <= count {
                return low + (high - low) * left / count;
            }
            left -= count;
        }
        edge(self.first + self.counts.len())
    }

    /// Counts what another one has counted, as if it had been recorded here.
    pub fn absorb(&mut self, other: &Self) {
        for (at, count) in other.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let bin = other.first + at;
            // One value makes the room, the rest is added to it.
            match self.counts.get_mut(bin.wrapping_sub(self.first)) {
                Some(here) => *here += count,
                None => {
                    self.record_beyond(bin);
                    self.counts[bin - self.first] += count - 1;
                }
            }
        }
        self.zeros += other.zeros;
        self.total += other.total;
    }

    /// How many bins there are, empty ones among them.
    pub fn bins(&self) -> usize {
        self.counts.len()
    }

    /// Counts a value that lies beyond the octaves covered so far.
    #[cold]
    #[inline(never)]
    fn record_beyond(&mut self, bin: usize) {
        let octave = BINS_PER_OCTAVE as usize;
        let (from, to) = (bin / octave * octave, bin / octave * octave + octave);
        if self.counts.is_empty() {
            self.first = from;
        }
        if from < self.first {
            self.counts.splice(0..0, std::iter::repeat_n(0, self.first - from));
            self.first = from;
        }
        let covered = self.counts.len().max(to - self.first);
        self.counts.resize(covered, 0);
        self.counts[bin - self.first] += 1;
    }
}

/// The bin of a positive value: the bits of a float are already a logarithm,
/// linear between powers of two.
#[inline]
fn bin(value: f64) -> usize {
    ((value.to_bits().clamp(LOWEST, HIGHEST) - LOWEST) >> SHIFT) as usize
}

fn edge(bin: usize) -> f64 {
    f64::from_bits(LOWEST + ((bin as u64) << SHIFT))
}

/// A histogram in the making, with room for all that may come: nothing is asked of a value but
/// where it belongs.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    /// All bins, and one more for zeros: which values are zero cannot be foretold, and a branch
    /// would cost more than the rest.
    counts: Vec<u32>,
    zeros: u64,
}

const BINS: usize = ((HIGHEST - LOWEST) >> SHIFT) as usize + 1;

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl Recorder {
    pub fn new() -> Self {
        Self { counts: vec![0; BINS + 1], zeros: 0 }
    }

    /// Counts one value, at least zero.
    #[inline(always)]
    pub fn record(&mut self, value: f64) {
        let is_zero = value <= 0.0;
        self.zeros += u64::from(is_zero);
        let at = if is_zero { BINS } else { bin(value) };
        if let Some(count) = self.counts.get_mut(at) {
            *count = count.wrapping_add(1);
        }
    }

    /// What was counted, without the room that was not needed.
    pub fn finish(self) -> Histogram {
        let (octave, bins) = (BINS_PER_OCTAVE as usize, &self.counts[..BINS]);
        let used = |count: &u32| *count > 0;
        let (Some(low), Some(high)) = (bins.iter().position(used), bins.iter().rposition(used))
        else {
            return Histogram { zeros: self.zeros, total: self.zeros, ..Histogram::default() };
        };
        let first = low / octave * octave;
        let counts = bins[first..(high / octave * octave + octave).min(BINS)].to_vec();
        let total = self.zeros + counts.iter().map(|count| u64::from(*count)).sum::<u64>();
        Histogram { counts, first, zeros: self.zeros, total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Exponential, Stream};

    #[test]
    fn quantiles_and_tails_agree_with_the_sorted_values() {
        let mut stream = Stream::new(5, 0, "histogram");
        let times = Exponential::with_rate(1.0);
        let mut values: Vec<f64> =
            (0..20_000).map(|i| if i % 4 == 0 { 0.0 } else { times.sample(&mut stream) }).collect();
        let mut histogram = Histogram::default();
        values.iter().for_each(|&value| histogram.record(value));
        values.sort_by(f64::total_cmp);
        for p in [0.3, 0.5, 0.9, 0.99, 0.999] {
            let rank = (p * values.len() as f64).round() as usize;
            let (below, above) = (values[rank - 1] * 0.996, values[rank] * 1.004);
            let read = histogram.quantile(p);
            assert!((below..above).contains(&read), "p = {p}: {read} not in {below}..{above}");
            assert!((histogram.exceeds(read) - (1.0 - p)).abs() < 1e-9);
        }
        assert_eq!(histogram.quantile(0.2), 0.0);
        assert_eq!(histogram.positive(), 0.75);
        assert_eq!(histogram.exceeds(0.0), 0.75);
        assert_eq!(histogram.exceeds(1e9), 0.0);
        assert_eq!(histogram.exceeds(1e-7), 0.75);
    }

    #[test]
    fn what_is_recorded_with_room_is_the_same_histogram() {
        let values = [0.0, 1.0, 1.0, 1e-300, 3.7, 0.0, 1e300, 0.25];
        for count in 0..=values.len() {
            let (mut histogram, mut recorder) = (Histogram::default(), Recorder::new());
            for &value in &values[..count] {
                histogram.record(value);
                recorder.record(value);
            }
            let recorded = recorder.finish();
            assert_eq!((recorded.len(), recorded.zeros), (histogram.len(), histogram.zeros));
            for p in [0.1, 0.3, 0.5, 0.9] {
                assert_eq!(recorded.quantile(p), histogram.quantile(p), "{p} of {count}");
            }
            for t in [0.0, 0.3, 1.0, 5.0] {
                let (a, b) = (recorded.exceeds(t), histogram.exceeds(t));
                assert!(a == b || count == 0, "{t} of {count}: {a} and {b}");
            }
        }
    }

    #[test]
    fn few_values_take_little_room_in_whatever_order_they_come() {
        let mut histogram = Histogram::default();
        for value in [1.0, 40.0, 0.01, 3.0] {
            histogram.record(value);
        }
        assert!(histogram.counts.len() <= 13 * BINS_PER_OCTAVE as usize);
        for (p, value) in [(0.25, 0.01), (0.5, 1.0), (0.75, 3.0)] {
            assert!(
                (histogram.quantile(p) / value - 1.0).abs() < 0.005,
                "{}",
                histogram.quantile(p)
            );
        }
        assert_eq!(histogram.exceeds(20.0), 0.25);
    }

    #[test]
    fn extreme_values_keep_to_the_outer_bins() {
        let mut histogram = Histogram::default();
        histogram.record(1e-300);
        histogram.record(1e300);
        histogram.record(f64::INFINITY);
        assert_eq!(histogram.len(), 3);
        assert!(histogram.quantile(0.1) < 1e-7 && histogram.quantile(0.9) > 1e12);
    }
}
