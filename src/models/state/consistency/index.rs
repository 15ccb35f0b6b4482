//! Numbers for what is met again and again: the first thing is 0, the next new one is 1.

use std::hash::{Hash, Hasher};

/// A hash table (open addressing, linear probing) of numbers; what they stand for is the caller's.
/// Nothing depends on the order in it.
#[derive(Default)]
pub(super) struct Index {
    /// A number and 1, or 0 where there is none.
    slots: Vec<u32>,
    /// Of each number the hash.
    hashes: Vec<u64>,
}

impl Index {
    /// How many there are.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.hashes.len()
    }

    /// The number of what has this hash and is the `same`, and whether it is new.
    #[inline]
    pub(super) fn number(&mut self, hash: u64, same: impl Fn(u32) -> bool) -> (u32, bool) {
        if self.hashes.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while let Some(number) = self.slots[at].checked_sub(1) {
            if self.hashes[number as usize] == hash && same(number) {
                return (number, false);
            }
            at = (at + 1) & mask;
        }
        let number = self.hashes.len() as u32;
        self.hashes.push(hash);
        self.slots[at] = number + 1;
        (number, true)
    }

    #[cold]
    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(64);
        self.slots = vec![0; size];
        for (number, &hash) in self.hashes.iter().enumerate() {
            let mut at = hash as usize & (size - 1);
            while self.slots[at] != 0 {
                at = (at + 1) & (size - 1);
            }
            self.slots[at] = number as u32 + 1;
        }
    }
}

/// A fast hash without a secret: multiply and fold, a word at a time.
pub(super) struct Mix(u64);

impl Mix {
    pub(super) const fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    #[inline]
    pub(super) fn word(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * 0xd1b5_4a32_d192_ed03;
        self.0 = (product as u64) ^ (product >> 64) as u64;
    }

    #[inline]
    pub(super) fn done(&self) -> u64 {
        self.0 ^ self.0 >> 29
    }
}

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
        self.word(bytes.len() as u64);
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.word(u64::from(value));
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.word(u64::from(value));
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.word(value);
    }

    #[inline]
    fn write_i64(&mut self, value: i64) {
        self.word(value as u64);
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.word(value as u64);
    }

    #[inline]
    fn write_isize(&mut self, value: isize) {
        self.word(value as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.done()
    }
}

#[inline]
pub(super) fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = Mix::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_given_in_order_and_kept() {
        let mut index = Index::default();
        let mut known: Vec<u64> = vec![];
        for round in 0..2 {
            for value in 0..10_000u64 {
                // A hash that a hundred values share.
                let hash = hash_of(&(value / 100));
                let (number, new) = index.number(hash, |it| known[it as usize] == value);
                assert_eq!((u64::from(number), new), (value, round == 0));
                if new {
                    known.push(value);
                }
            }
        }
        assert_eq!(index.len(), 10_000);
    }

    #[test]
    fn small_numbers_hash_far_apart() {
        let mut low: Vec<u64> = (0..4096i64).map(|value| hash_of(&Some(value)) % 8192).collect();
        low.sort_unstable();
        low.dedup();
        // Thrown at random they would leave 8192 (1 - e^-0.5) = 3223 places taken.
        assert!(low.len() > 3100, "{} places", low.len());
    }
}
