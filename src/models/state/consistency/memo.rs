//! The configurations that a search has seen.

use super::index::{Index, Mix};

/// Configurations: a key, and the set of pending operations that were used to come there. To come
/// to the same key with more of them is never better, so that such a one counts as seen.
pub(super) struct Memo {
    key_words: usize,
    set_words: usize,
    index: Index,
    /// Of each key its words, one after the other.
    keys: Vec<u64>,
    /// Of each key the set that was put in last.
    heads: Vec<u32>,
    /// Of each set its words, and the one that was put in before for the same key.
    sets: Vec<u64>,
    before: Vec<u32>,
}

const NONE: u32 = u32::MAX;

impl Memo {
    pub(super) fn new(key_words: usize, set_words: usize) -> Self {
        Self {
            key_words,
            set_words,
            index: Index::default(),
            keys: vec![],
            heads: vec![],
            sets: vec![],
            before: vec![],
        }
    }

    /// Whether this is worth a visit: it was not seen with these pending operations or fewer. It is
    /// seen from now on.
    pub(super) fn is_new(&mut self, key: &[u64], set: &[u64]) -> bool {
        let mut hash = Mix::new();
        key.iter().for_each(|&word| hash.word(word));
        let (keys, words) = (&self.keys, self.key_words);
        let same = |number: u32| {
            let at = number as usize * words;
            &keys[at..at + words] == key
        };
        let (number, new) = self.index.number(hash.done(), same);
        if new {
            self.keys.extend_from_slice(key);
        }
        if self.set_words == 0 {
            return new;
        }
        if new {
            self.heads.push(NONE);
        }
        let head = &mut self.heads[number as usize];
        let mut at = *head;
        while at != NONE {
            let begin = at as usize * self.set_words;
            let seen = &self.sets[begin..begin + self.set_words];
            if seen.iter().zip(set).all(|(seen, set)| seen & !set == 0) {
                return false;
            }
            at = self.before[at as usize];
        }
        self.before.push(*head);
        *head = self.before.len() as u32 - 1;
        self.sets.extend_from_slice(set);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_pending_operations_are_no_news() {
        let mut memo = Memo::new(1, 1);
        assert!(memo.is_new(&[5], &[0b0110]));
        assert!(!memo.is_new(&[5], &[0b0110]));
        assert!(!memo.is_new(&[5], &[0b1110]));
        assert!(memo.is_new(&[5], &[0b1001]));
        assert!(memo.is_new(&[5], &[0b0010]));
        assert!(!memo.is_new(&[5], &[0b1010]));
        assert!(memo.is_new(&[6], &[0b1110]));
    }
}
