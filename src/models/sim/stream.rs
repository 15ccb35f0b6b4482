//! Random streams: named, independent, and the same on every machine.
//!
//! A stream is derived from a seed, the index of a replication and a name
//! ("arrivals", "services"). Two variants of a model that draw from streams of
//! the same names meet the same customers: common random numbers, which make
//! their difference far less noisy than two independent runs.

use rand::Rng;
use rand_pcg::Pcg64Dxsm;

/// A stream of random numbers: the generator PCG64-DXSM (O'Neill, 2014; the
/// variant that numpy proposes for parallel use), period 2^128.
#[derive(Clone, Debug)]
pub struct Stream(Pcg64Dxsm);

impl Stream {
    /// The stream called `name` of replication number `replication`.
    pub fn new(seed: u64, replication: u64, name: &str) -> Self {
        let mut words = Scramble(seed);
        words.absorb(replication);
        words.absorb(name.len() as u64);
        for byte in name.bytes() {
            words.absorb(u64::from(byte));
        }
        Self(Pcg64Dxsm::new(words.wide(), words.wide()))
    }

    /// The next 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number uniform on [0, 1), a multiple of 2^-53.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A whole number from 0 to below `count`, each as likely as the others (to 2^-64).
    #[inline]
    pub fn below(&mut self, count: usize) -> usize {
        ((u128::from(self.bits()) * count as u128) >> 64) as usize
    }

    #[inline]
    pub(super) fn generator(&mut self) -> &mut Pcg64Dxsm {
        &mut self.0
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014) as a sponge: every absorbed word
/// changes all the bits that follow.
struct Scramble(u64);

impl Scramble {
    fn absorb(&mut self, word: u64) {
        self.0 = self.next() ^ word;
    }

    fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_known_by_seed_replication_and_name() {
        let draw = |seed, replication, name| Stream::new(seed, replication, name).bits();
        assert_eq!(draw(7, 0, "arrivals"), draw(7, 0, "arrivals"));
        let all = [
            draw(7, 0, "arrivals"),
            draw(8, 0, "arrivals"),
            draw(7, 1, "arrivals"),
            draw(7, 0, "services"),
            draw(7, 0, "service"),
            draw(0, 7, "arrivals"),
            draw(7, 0, ""),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(!all[..i].contains(a), "streams {i} and an earlier one begin alike");
        }
    }

    #[test]
    fn the_scramble_is_splitmix64() {
        // Published first outputs for the seed 1234567.
        let mut words = Scramble(1_234_567);
        assert_eq!(words.next(), 6_457_827_717_110_365_317);
        assert_eq!(words.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn uniform_numbers_fill_the_unit_interval_evenly() {
        let mut stream = Stream::new(1, 0, "uniform");
        let mut cells = [0u32; 100];
        for _ in 0..100_000 {
            cells[(stream.uniform() * 100.0) as usize] += 1;
        }
        let chi2: f64 = cells.iter().map(|&n| (f64::from(n) - 1000.0).powi(2) / 1000.0).sum();
        // 99 degrees of freedom: 1 in 10,000 lies beyond 157, and as many below 55.
        assert!((55.0..157.0).contains(&chi2), "chi-squared {chi2}");
    }
}
