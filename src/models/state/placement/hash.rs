//! A stable hash: the same on every machine, in every run.

/// What can be a key: whole numbers, texts, and pairs of keys.
pub trait Key {
    /// 64 bits that depend on all of the key.
    fn hashed(&self) -> u64;
}

/// A hash of 64 bits that never changes: SplitMix64 (Steele, Lea and Flood, 2014) of a whole
/// number, or of the FNV-1a hash (Fowler, Noll and Vo) of a text's bytes. Not for secrets: it is
/// easy to find keys that collide.
#[inline]
pub fn stable_hash(key: impl Key) -> u64 {
    key.hashed()
}

/// The first output of SplitMix64 with this seed. One to one: different words stay different.
#[inline]
pub(super) fn scramble(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

/// A hash of two words; the order counts.
#[inline]
pub(super) fn both(first: u64, second: u64) -> u64 {
    scramble(scramble(first) ^ second)
}

/// A hash as a number of 0 to below `count`, each as likely as the others (to 2^-64).
#[inline]
pub(super) fn below(hash: u64, count: usize) -> usize {
    ((u128::from(hash) * count as u128) >> 64) as usize
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

macro_rules! whole_numbers {
    ($($kind:ty),*) => { $(
        impl Key for $kind {
            #[inline]
            fn hashed(&self) -> u64 {
                scramble(*self as u64)
            }
        }
    )* };
}

whole_numbers!(u8, u16, u32, u64, usize, i32, i64);

impl Key for str {
    fn hashed(&self) -> u64 {
        scramble(fnv1a(self.as_bytes()))
    }
}

impl Key for String {
    fn hashed(&self) -> u64 {
        self.as_str().hashed()
    }
}

impl<K: Key + ?Sized> Key for &K {
    fn hashed(&self) -> u64 {
        (*self).hashed()
    }
}

impl<A: Key, B: Key> Key for (A, B) {
    fn hashed(&self) -> u64 {
        both(self.0.hashed(), self.1.hashed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_its_sources() {
        // Published vectors: FNV-1a of 64 bits, SplitMix64 with the seed 1234567.
        let texts = [
            ("", 0xcbf2_9ce4_8422_2325),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
        ];
        for (text, hash) in texts {
            assert_eq!(fnv1a(text.as_bytes()), hash, "{text}");
        }
        assert_eq!(stable_hash(1_234_567), 6_457_827_717_110_365_317);
        assert_eq!(stable_hash(7_u64), stable_hash(7));
        assert_eq!(stable_hash("user:42"), stable_hash(String::from("user:42")));
        assert_ne!(stable_hash((1, 2)), stable_hash((2, 1)));
    }

    #[test]
    fn each_bit_of_a_key_turns_half_of_the_bits_of_its_hash() {
        let mut turned = 0;
        for key in 0..1000_u64 {
            for bit in 0..64 {
                turned += (stable_hash(key) ^ stable_hash(key ^ 1 << bit)).count_ones();
            }
        }
        let mean = f64::from(turned) / 64_000.0;
        assert!((mean - 32.0).abs() < 0.1, "{mean}");
    }
}
