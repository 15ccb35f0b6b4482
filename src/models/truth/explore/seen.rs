//! The states that have been seen, by number: the first is 0, the next new one is 1.

use std::hash::{Hash, Hasher};

/// A hash table (open addressing, linear probing) of 64-bit fingerprints; the states themselves are
/// the caller's, and are compared: two of the same fingerprint stay two. Nothing depends on the
/// order in it.
pub(super) struct Seen {
    /// The upper half of a fingerprint, and a number and 1; or 0 where there is none.
    slots: Vec<u64>,
    /// Of each number the fingerprint.
    prints: Vec<u64>,
}

const NUMBER: u64 = u32::MAX as u64;

impl Seen {
    pub fn new() -> Self {
        Self { slots: vec![0; 64], prints: vec![] }
    }

    /// The number of what has this fingerprint and is the `same`, and whether it is new.
    #[inline]
    pub fn number(&mut self, print: u64, same: impl Fn(u32) -> bool) -> (u32, bool) {
        if self.prints.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut at = print as usize & mask;
        while self.slots[at] != 0 {
            let number = (self.slots[at] & NUMBER) as u32 - 1;
            if self.slots[at] & !NUMBER == print & !NUMBER && same(number) {
                return (number, false);
            }
            at = (at + 1) & mask;
        }
        let number = self.prints.len() as u32;
        self.prints.push(print);
        self.slots[at] = print & !NUMBER | u64::from(number + 1);
        (number, true)
    }

    #[cold]
    fn grow(&mut self) {
        let size = self.slots.len() * 2;
        self.slots = vec![0; size];
        for (number, &print) in self.prints.iter().enumerate() {
            let mut at = print as usize & (size - 1);
            while self.slots[at] != 0 {
                at = (at + 1) & (size - 1);
            }
            self.slots[at] = print & !NUMBER | (number as u64 + 1);
        }
    }
}

/// The fingerprint of a state, the same in every run.
#[inline]
pub(super) fn fingerprint(state: &impl Hash) -> u64 {
    let mut print = Fingerprint(0x243f_6a88_85a3_08d3);
    state.hash(&mut print);
    print.finish()
}

/// A word is mixed in by a multiplication to 128 bits whose halves are folded.
struct Fingerprint(u64);

impl Fingerprint {
    #[inline]
    fn word(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * 0x9fb2_1c65_1e98_df25;
        self.0 = (product as u64).wrapping_add((product >> 64) as u64) ^ 0x1319_8a2e_0370_7344;
    }
}

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.word(u64::from_le_bytes(word) ^ (rest.len() as u64) << 56);
        }
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.word(u64::from(value));
    }

    #[inline]
    fn write_u16(&mut self, value: u16) {
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
    fn write_u128(&mut self, value: u128) {
        self.word(value as u64);
        self.word((value >> 64) as u64);
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
        let mixed = (self.0 ^ self.0 >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
        mixed ^ mixed >> 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_of_one_fingerprint_stay_apart() {
        let mut seen = Seen::new();
        let mut known: Vec<u64> = vec![];
        for round in 0..2 {
            for value in 0..10_000u64 {
                let print = fingerprint(&(value / 100));
                let (number, new) = seen.number(print, |it| known[it as usize] == value);
                assert_eq!((u64::from(number), new), (value, round == 0));
                if new {
                    known.push(value);
                }
            }
        }
    }

    /// Small states fall on as many places as if they were thrown at random.
    #[test]
    fn small_states_lie_far_apart() {
        let spread = |prints: &mut dyn Iterator<Item = u64>| {
            let mut places: Vec<u64> = prints.map(|print| print % 8192).collect();
            assert_eq!(places.len(), 4096);
            places.sort_unstable();
            places.dedup();
            places.len()
        };
        let pairs = &mut (0..4096u16).map(|value| fingerprint(&((value / 64) as u8, value % 64)));
        let bytes =
            &mut (0..4096u32).map(|value| fingerprint(&value.to_le_bytes().map(|b| b % 64)));
        // 8192 (1 - e^-0.5) = 3223 places would be taken; 46 is the standard deviation at most.
        assert!((3085..3362).contains(&spread(pairs)));
        let mut distinct: Vec<u64> = bytes.collect();
        distinct.sort_unstable();
        distinct.dedup();
        // Bytes modulo 64: 64 values of the low one, 16 of the next.
        assert_eq!(distinct.len(), 64 * 16);
    }
}
