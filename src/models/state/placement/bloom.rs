//! Sketches: sets and counts that take little room and err to one side.

use super::hash::{Key, below, both, scramble};
use crate::sim::linear::Matrix;
use crate::sim::{Estimate, Trials, replicate};

/// A Bloom filter (Bloom, 1970): a set that may take a key for a member that is none, and never
/// the other way round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BloomFilter {
    words: Vec<u64>,
    bits: usize,
    hashes: usize,
    seed: u64,
}

impl BloomFilter {
    /// An empty one of m bits, of which each key sets k by independent hashes.
    ///
    /// # Panics
    /// Without bits or hashes.
    #[track_caller]
    pub fn new(bits: usize, hashes: usize) -> Self {
        sizes("BloomFilter::new", "bit", bits, "hash", hashes);
        Self { words: vec![0; bits.div_ceil(64)], bits, hashes, seed: 0 }
    }

    /// An empty one that has at most this rate of false positives with so many members, with the
    /// fewest bits, n ln(1 / p) / (ln 2)², and the hashes that suit them.
    ///
    /// # Panics
    /// Without members; if the rate is not above 0 and below 1.
    #[track_caller]
    pub fn sized(members: usize, rate: f64) -> Self {
        const PLACE: &str = "BloomFilter::sized";
        assert!(
            rate > 0.0 && rate < 1.0,
            "{PLACE}: the rate of false positives must be above 0 and below 1, but it is {rate}; for one \
             in a hundred give 0.01"
        );
        assert!(
            members >= 1,
            "{PLACE}: there must be room for at least 1 member, but there is for 0"
        );
        let ln2 = std::f64::consts::LN_2;
        let mut bits = (members as f64 * -rate.ln() / (ln2 * ln2)).ceil() as usize;
        // A whole number of hashes is not quite the best number: a few bits more make up for it.
        loop {
            let filter = Self::new(bits, Self::best_hashes(bits, members));
            if filter.rate(members) <= rate {
                return filter;
            }
            bits += bits.div_ceil(1000);
        }
    }

    /// The number of hashes with the lowest rate, one of the two beside m / n ln 2.
    ///
    /// # Panics
    /// Without bits or members.
    #[track_caller]
    pub fn best_hashes(bits: usize, members: usize) -> usize {
        sizes("BloomFilter::best_hashes", "bit", bits, "member", members);
        let (m, n) = (bits as f64, members as f64);
        let below = ((m / n * std::f64::consts::LN_2).floor() as usize).max(1);
        if classic(m, n, below) <= classic(m, n, below + 1) { below } else { below + 1 }
    }

    /// Its bits, m.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// Its hashes, k.
    pub fn hashes(&self) -> usize {
        self.hashes
    }

    /// Takes a key in.
    pub fn insert(&mut self, key: impl Key) {
        let hash = both(self.seed, key.hashed());
        for number in 0..self.hashes {
            let bit = self.bit(hash, number);
            self.words[bit / 64] |= 1 << (bit % 64);
        }
    }

    /// Whether the key may be a member; if not, it is none.
    pub fn contains(&self, key: impl Key) -> bool {
        let hash = both(self.seed, key.hashed());
        (0..self.hashes).all(|number| {
            let bit = self.bit(hash, number);
            self.words[bit / 64] >> (bit % 64) & 1 == 1
        })
    }

    #[inline]
    fn bit(&self, hash: u64, number: usize) -> usize {
        below(scramble(hash.wrapping_add(number as u64)), self.bits)
    }

    /// The fraction of bits that are set.
    pub fn fill(&self) -> f64 {
        let set: u32 = self.words.iter().map(|word| word.count_ones()).sum();
        f64::from(set) / self.bits as f64
    }

    /// The rate of false positives with so many members, (1 - e^(-kn/m))^k: as if bits were set
    /// independently of one another, which makes it a little too low.
    pub fn rate(&self, members: usize) -> f64 {
        classic(self.bits as f64, members as f64, self.hashes)
    }

    /// The same exactly (Bose and others, 2008; Christensen, Roginsky and Jimeno, 2010): the k
    /// bits of the stranger are d different ones, and all d are among those that kn balls hit.
    pub fn exact_rate(&self, members: usize) -> f64 {
        let (m, k) = (self.bits as f64, self.hashes);
        // How many different bits, after each of the k.
        let mut different = vec![0.0; k + 1];
        different[0] = 1.0;
        for _ in 0..k {
            for d in (1..=k).rev() {
                let (again, new) = (d as f64 / m, (m - (d as f64 - 1.0)).max(0.0) / m);
                different[d] = different[d] * again + different[d - 1] * new;
            }
            different[0] = 0.0;
        }
        // How many of them are not yet set, from one ball to the next; no terms cancel out.
        let missed = |from: usize| (1.0 - from as f64 / m).max(0.0);
        let ball = Matrix::by(k + 1, |from, to| match from {
            _ if from == to => missed(from),
            _ if from == to + 1 => 1.0 - missed(from),
            _ => 0.0,
        });
        let all = power(ball, k + 1, k * members);
        (1..=k).map(|d| different[d] * all.at(d, 0)).sum()
    }

    /// The rate as it is measured: in each replication so many members are taken into an empty
    /// filter with hash functions of its own, which then is asked for `trials.customers` others.
    pub fn measured_rate(&self, members: usize, trials: Trials) -> Estimate {
        let Trials { replications, customers, seed, .. } = trials;
        let rates = replicate(replications, |replication| {
            let mut filter = Self::new(self.bits, self.hashes);
            filter.seed = both(seed, replication);
            for key in 0..members {
                if key.is_multiple_of(1024) {
                    crate::interrupt::tick();
                }
                filter.insert(key);
            }
            let is_taken = |number: &usize| {
                if number.is_multiple_of(1024) {
                    crate::interrupt::tick();
                }
                filter.contains(members + number)
            };
            (0..customers).filter(is_taken).count() as f64 / customers as f64
        });
        Estimate::of(&rates)
    }
}

fn classic(m: f64, n: f64, hashes: usize) -> f64 {
    (-(-(hashes as f64) * n / m).exp_m1()).powf(hashes as f64)
}

/// A matrix to a power, by squares.
fn power(mut base: Matrix, size: usize, mut exponent: usize) -> Matrix {
    let mut result = Matrix::by(size, |i, j| if i == j { 1.0 } else { 0.0 });
    while exponent > 0 {
        if exponent % 2 == 1 {
            result = result.times(&base);
        }
        base = base.times(&base);
        exponent /= 2;
    }
    result
}

/// A count-min sketch (Cormode and Muthukrishnan, 2005): counts of many keys in a few rows of
/// counters. It says too much, never too little: with a width of w and a depth of d, by more than
/// e / w of all that was counted in one of e^d cases at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountMin {
    rows: Vec<u32>,
    width: usize,
    depth: usize,
    most: u32,
}

impl CountMin {
    /// So many counters in each of so many rows, all 0.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn new(width: usize, depth: usize) -> Self {
        sizes("CountMin::new", "counter in a row", width, "row", depth);
        Self { rows: vec![0; width * depth], width, depth, most: u32::MAX }
    }

    /// The same with counters that stop at this count.
    #[must_use]
    pub fn most(self, most: u32) -> Self {
        Self { most, ..self }
    }

    /// Counts a key once more.
    #[inline]
    pub fn add(&mut self, key: impl Key) {
        let (mut hash, step) = steps(key.hashed());
        for row in 0..self.depth {
            let counter = &mut self.rows[row * self.width + below(hash, self.width)];
            *counter += u32::from(*counter < self.most);
            hash = hash.wrapping_add(step);
        }
    }

    /// At least as often as the key was counted, unless counters have stopped or were halved.
    #[inline]
    pub fn estimate(&self, key: impl Key) -> u32 {
        let (mut hash, step) = steps(key.hashed());
        let mut least = u32::MAX;
        for row in 0..self.depth {
            least = least.min(self.rows[row * self.width + below(hash, self.width)]);
            hash = hash.wrapping_add(step);
        }
        least
    }

    /// Halves all counts, so that old ones weigh less.
    pub fn halve(&mut self) {
        self.rows.iter_mut().for_each(|counter| *counter /= 2);
    }
}

/// Where a key's rows begin, and how they go on: two hashes do for all (Kirsch and Mitzenmacher,
/// 2008).
#[inline]
fn steps(hash: u64) -> (u64, u64) {
    (hash, scramble(hash) | 1)
}

#[track_caller]
fn sizes(place: &str, first: &str, count: usize, second: &str, other: usize) {
    assert!(
        count >= 1 && other >= 1,
        "{place}: there must be at least 1 {first} and 1 {second}, but there are {count} and {other}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64, relative: f64) -> bool {
        (a - b).abs() <= relative * b
    }

    /// Rates as tables of Bloom filters print them: bits a member, hashes, rate.
    #[test]
    fn the_formula_is_as_published() {
        let table = [
            (8, 1, 0.118),
            (8, 2, 0.0489),
            (8, 3, 0.0306),
            (8, 4, 0.024),
            (8, 5, 0.0217),
            (8, 6, 0.0216),
            (8, 7, 0.0229),
            (16, 11, 0.000459),
        ];
        for (bits, hashes, rate) in table {
            let ours = BloomFilter::new(bits * 1000, hashes).rate(1000);
            assert!(near(ours, rate, 0.005), "{bits}, {hashes}: {ours}");
        }
        // From a published calculator: 6550 members.
        assert!(near(BloomFilter::new(62_783, 7).rate(6550), 0.010_039, 1e-4));
        assert!(near(BloomFilter::new(65_536, 7).rate(6550), 0.008_172, 1e-4));
        assert!(near(BloomFilter::new(65_536, 5).rate(6550), 0.009_411, 1e-4));
        assert_eq!(BloomFilter::best_hashes(8000, 1000), 6);
        assert_eq!(BloomFilter::best_hashes(10, 1000), 1);
    }

    /// By going through all ways to set the bits of all members and of one stranger.
    fn by_hand(bits: usize, hashes: usize, members: usize) -> f64 {
        let balls = hashes * (members + 1);
        let ways = bits.pow(balls as u32);
        let is_taken = |way: &usize| {
            let at = |ball: usize| way / bits.pow(ball as u32) % bits;
            let set = (0..hashes * members).fold(0u32, |set, ball| set | 1 << at(ball));
            (hashes * members..balls).all(|ball| set >> at(ball) & 1 == 1)
        };
        (0..ways).filter(is_taken).count() as f64 / ways as f64
    }

    #[test]
    fn the_exact_rate_is_a_count_of_all_ways() {
        for (bits, hashes, members) in
            [(3, 2, 1), (4, 2, 2), (2, 3, 3), (5, 1, 4), (1, 2, 1), (6, 3, 1)]
        {
            let (ours, all) = (
                BloomFilter::new(bits, hashes).exact_rate(members),
                by_hand(bits, hashes, members),
            );
            assert!(near(ours, all, 1e-12), "{bits}, {hashes}, {members}: {ours} and {all}");
        }
        assert_eq!(BloomFilter::new(64, 3).exact_rate(0), 0.0);
    }

    #[test]
    fn the_formula_is_too_low_and_right_for_large_filters() {
        let mut gap = f64::INFINITY;
        for size in [10, 100, 1000, 10_000, 100_000] {
            let filter = BloomFilter::new(size * 10, 7);
            let (classic, exact) = (filter.rate(size), filter.exact_rate(size));
            assert!(
                exact > classic && exact / classic - 1.0 < gap,
                "{size}: {exact} and {classic}"
            );
            gap = exact / classic - 1.0;
        }
        assert!(gap < 1e-4, "{gap}");
    }

    #[test]
    fn a_filter_of_a_given_rate_has_it() {
        for (members, rate) in [(1000, 0.01), (500, 0.2), (100_000, 1e-6), (1, 0.5)] {
            let filter = BloomFilter::sized(members, rate);
            let (m, n) = (filter.bits() as f64, members as f64);
            assert!(filter.rate(members) <= rate);
            // log2(1 / p) / ln 2 bits a member, and what whole numbers cost.
            assert!(
                m <= 1.06 * -rate.log2() / std::f64::consts::LN_2 * n + 3.0,
                "{members}, {rate}: {m}"
            );
        }
        assert_eq!(BloomFilter::sized(1_000_000, 0.01).hashes(), 7);
    }

    #[test]
    fn a_sketch_never_says_too_little() {
        let mut sketch = CountMin::new(100, 4);
        for key in 0..1000_u64 {
            (0..key % 7).for_each(|_| sketch.add(key));
        }
        let total: u64 = (0..1000).map(|key| key % 7).sum();
        let over = |key: u64| u64::from(sketch.estimate(key)) - key % 7;
        let bound = (std::f64::consts::E / 100.0 * total as f64) as u64;
        let beyond = (0..1000).filter(|key| over(*key) > bound).count();
        // One in e^4 is 18 of 1000 at most.
        assert!(beyond <= 18, "{beyond}");
        let before = sketch.estimate(6_u64);
        sketch.halve();
        assert!(sketch.estimate(6_u64) >= before / 2 && sketch.estimate(6_u64) <= before / 2 + 1);
        let mut small = CountMin::new(1, 1).most(3);
        (0..9).for_each(|_| small.add("a"));
        assert_eq!(small.estimate("b"), 3);
    }
}
