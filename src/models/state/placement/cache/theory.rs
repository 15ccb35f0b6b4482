//! Hit ratios without simulation, for requests that are independent of one another.

use super::super::{NoFormula, Popularity};

impl Popularity {
    /// The characteristic time of an LRU cache, in requests: how long an item stays that is not
    /// asked for again (Che, Tung and Wang, 2002). It solves Σ (1 - e^(-p t)) = capacity; infinite
    /// if there is room for all.
    ///
    /// # Panics
    /// If there is no room.
    #[track_caller]
    pub fn characteristic_time(&self, capacity: usize) -> f64 {
        room("Popularity::characteristic_time", capacity);
        self.time_until(capacity, |pt| (-(-pt).exp_m1(), (-pt).exp()))
    }

    /// How likely each item is found in an LRU cache, 1 - e^(-p t), t being the characteristic
    /// time: Che's approximation, which Fagin (1977) had before, and Fricker, Robert and Roberts
    /// (2012) explain.
    ///
    /// # Panics
    /// If there is no room.
    #[track_caller]
    pub fn lru_hits(&self, capacity: usize) -> Vec<f64> {
        room("Popularity::lru_hits", capacity);
        let time = self.characteristic_time(capacity);
        let hit = |p: &f64| if *p > 0.0 { -(-p * time).exp_m1() } else { 0.0 };
        self.probabilities().iter().map(hit).collect()
    }

    /// The same for FIFO and for random replacement, which are alike: p t / (1 + p t), where t
    /// makes these sum to the capacity (Fricker, Robert and Roberts, 2012).
    ///
    /// # Panics
    /// If there is no room.
    #[track_caller]
    pub fn fifo_hits(&self, capacity: usize) -> Vec<f64> {
        room("Popularity::fifo_hits", capacity);
        let time = self.fifo_time(capacity);
        let hit = |p: &f64| if *p > 0.0 { 1.0 / (1.0 + 1.0 / (p * time)) } else { 0.0 };
        self.probabilities().iter().map(hit).collect()
    }

    /// The hit ratio of FIFO and of random replacement, exactly (King, 1971; Gelenbe, 1973): the
    /// items in the cache are as likely as the product of their probabilities, so that a miss has
    /// probability (c + 1) e(c + 1) / e(c), where e(c) sums these products over all sets of c.
    /// It takes time in proportion to items times capacity.
    ///
    /// # Panics
    /// If there is no room.
    #[track_caller]
    pub fn fifo_exactly(&self, capacity: usize) -> f64 {
        room("Popularity::fifo_exactly", capacity);
        let time = self.fifo_time(capacity);
        if time.is_infinite() {
            return 1.0;
        }
        // Independent coins of p t / (1 + p t) make a set as likely as its product, times t to its
        // size; near the mean, which is the capacity, nothing is too small for a float.
        let mut sizes = vec![0.0; capacity + 2];
        sizes[0] = 1.0;
        for (item, p) in self.probabilities().iter().enumerate() {
            if item.is_multiple_of(64) {
                crate::interrupt::tick();
            }
            let chance = p * time / (1.0 + p * time);
            for size in (1..sizes.len()).rev() {
                sizes[size] = sizes[size] * (1.0 - chance) + sizes[size - 1] * chance;
            }
            sizes[0] *= 1.0 - chance;
        }
        let (c, ratio) = (capacity as f64, sizes[capacity + 1] / sizes[capacity]);
        1.0 - (c + 1.0) * ratio / time
    }

    fn fifo_time(&self, capacity: usize) -> f64 {
        self.time_until(capacity, |pt| (pt / (1.0 + pt), 1.0 / (1.0 + pt).powi(2)))
    }

    /// The t at which so many items are there on average, each by a function of p t, which comes
    /// with its slope. The sum is concave and below t: Newton's steps from the capacity on go up
    /// to the solution and not beyond it.
    fn time_until(&self, capacity: usize, held: impl Fn(f64) -> (f64, f64)) -> f64 {
        let known = self.probabilities().iter().filter(|p| **p > 0.0).count();
        if capacity >= known {
            return f64::INFINITY;
        }
        let mut time = capacity as f64;
        loop {
            crate::interrupt::tick();
            let (mut sum, mut slope) = (0.0, 0.0);
            for p in self.probabilities().iter().rev() {
                let (here, rises) = held(p * time);
                sum += here;
                slope += p * rises;
            }
            let step = (capacity as f64 - sum) / slope;
            time += step;
            // Also where rounding has the last word, or the slope has come to nothing.
            if !step.is_finite() || step <= 1e-13 * time {
                return time;
            }
        }
    }
}

/// The hit ratio by how likely each item is there.
pub(super) fn ratio(popularity: &Popularity, hits: &[f64]) -> Result<f64, NoFormula> {
    let terms = popularity.probabilities().iter().zip(hits).map(|(p, hit)| p * hit);
    Ok(terms.rev().sum())
}

#[track_caller]
fn room(place: &str, capacity: usize) {
    assert!(
        capacity >= 1,
        "{place}: the cache must have room for at least 1 item, but has it for 0"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Σ over all sets of a size of the products of their members, by going through all sets.
    fn symmetric(p: &[f64], size: u32) -> f64 {
        let sets = (0..1u32 << p.len()).filter(|set| set.count_ones() == size);
        let product =
            |set: u32| (0..p.len()).filter(|i| set >> i & 1 == 1).map(|i| p[i]).product::<f64>();
        sets.map(product).sum()
    }

    #[test]
    fn fifo_is_the_sum_over_all_sets() {
        for exponent in [0.0, 0.6, 1.0, 2.5] {
            let zipf = Popularity::zipf(10, exponent);
            for capacity in 1..10u32 {
                let p = zipf.probabilities();
                let (here, more) = (symmetric(p, capacity), symmetric(p, capacity + 1));
                let exact = 1.0 - f64::from(capacity + 1) * more / here;
                let ours = zipf.fifo_exactly(capacity as usize);
                assert!((ours - exact).abs() < 1e-12, "{exponent}, {capacity}: {ours}, {exact}");
            }
            assert_eq!(zipf.fifo_exactly(10), 1.0);
        }
    }

    #[test]
    fn the_approximations_fill_the_cache() {
        for (items, exponent) in [(100, 0.8), (10_000, 0.8), (10_000, 1.2), (1000, 0.0), (300, 6.0)]
        {
            let zipf = Popularity::zipf(items, exponent);
            for capacity in [1, items / 10, items / 2, items - 1] {
                for hits in [zipf.lru_hits(capacity), zipf.fifo_hits(capacity)] {
                    let sum: f64 = hits.iter().sum();
                    assert!(
                        (sum / capacity as f64 - 1.0).abs() < 1e-9,
                        "{zipf}, {capacity}: {sum}"
                    );
                    assert!(hits.is_sorted_by(|a, b| a >= b));
                }
            }
        }
        // All alike: a hit is as likely as there is room.
        let even = ratio(&Popularity::uniform(50), &Popularity::uniform(50).lru_hits(20));
        assert!((even.unwrap() - 0.4).abs() < 1e-12);
        assert!((Popularity::uniform(50).fifo_exactly(20) - 0.4).abs() < 1e-12);
    }
}
