//! The order of operations in real time: one that ended before another began comes before it.

use super::search::Order;

/// Where in the history an operation begins and ends, by the numbers of the events.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) begins: u32,
    /// With a reply, or as failed; a pending operation never does.
    pub(super) ends: Option<u32>,
    pub(super) fails: bool,
}

/// The list of Wing and Gong: beginnings and ends of the completed operations that are not placed,
/// in their order. Those that may be next begin before the first end.
pub(super) struct RealTime {
    /// Node 0 is both ends of the list, 1 + 2i and 2 + 2i are the beginning and the end of
    /// operation i.
    next: Vec<u32>,
    previous: Vec<u32>,
    /// Of each completed operation the number of its beginning and that of its end.
    completed: Vec<(u32, u32)>,
    /// Of each pending operation the number of its beginning.
    pending: Vec<u32>,
    /// Of each operation a number that no other has while it lasts.
    slots: Vec<u32>,
    words: usize,
}

impl RealTime {
    /// Of operations in the order in which they begin; the completed ones come first.
    pub(super) fn new(completed: Vec<(u32, u32)>, pending: Vec<u32>) -> Self {
        let mut nodes: Vec<(u32, u32)> = Vec::with_capacity(2 * completed.len());
        for (number, &(begins, ends)) in (0..).zip(&completed) {
            nodes.extend([(begins, 1 + 2 * number), (ends, 2 + 2 * number)]);
        }
        nodes.sort_unstable();
        let mut next = vec![0; nodes.len() + 1];
        let mut previous = next.clone();
        let mut slots = vec![0; completed.len()];
        let (mut free, mut most, mut last) = (vec![], 0, 0);
        for (_, node) in nodes {
            (next[last as usize], previous[node as usize], last) = (node, last, node);
            let slot = &mut slots[(node as usize - 1) / 2];
            if node % 2 == 0 {
                free.push(*slot);
            } else {
                *slot = free.pop().unwrap_or_else(|| {
                    most += 1;
                    most - 1
                });
            }
        }
        (next[last as usize], previous[0]) = (0, last);
        Self { next, previous, completed, pending, slots, words: most.div_ceil(64) as usize }
    }

    fn unlink(&mut self, node: usize) {
        let (before, after) = (self.previous[node], self.next[node]);
        self.next[before as usize] = after;
        self.previous[after as usize] = before;
    }

    fn link(&mut self, node: usize) {
        let (before, after) = (self.previous[node], self.next[node]);
        self.next[before as usize] = node as u32;
        self.previous[after as usize] = node as u32;
    }

    /// The operation whose end is the first.
    fn first_to_end(&self) -> Option<u32> {
        let mut node = self.next[0];
        while node % 2 == 1 {
            node = self.next[node as usize];
        }
        (node != 0).then(|| (node - 2) / 2)
    }

    fn end(&self, operation: u32) -> u32 {
        self.completed[operation as usize].1
    }
}

impl Order for RealTime {
    /// First the one that ends first: it cannot wait for much else.
    fn candidates(&self, into: &mut Vec<u32>) {
        let Some(first) = self.first_to_end() else { return };
        into.push(first);
        let mut node = self.next[0];
        while node % 2 == 1 {
            let operation = (node - 1) / 2;
            if operation != first {
                into.push(operation);
            }
            node = self.next[node as usize];
        }
    }

    fn place(&mut self, operation: u32) {
        self.unlink(1 + 2 * operation as usize);
        self.unlink(2 + 2 * operation as usize);
    }

    fn take_back(&mut self, operation: u32) {
        self.link(2 + 2 * operation as usize);
        self.link(1 + 2 * operation as usize);
    }

    fn may_begin(&self, pending: u32) -> bool {
        let begins = self.pending[pending as usize];
        self.first_to_end().is_some_and(|first| begins < self.end(first))
    }

    /// The first end of what is not placed: nothing that ended before is missing.
    fn progress(&self, candidates: &[u32]) -> u32 {
        self.end(candidates[0])
    }

    fn first_end(&self, passed_over: impl Fn(u32) -> bool) -> Option<u32> {
        let mut node = self.next[0];
        while node != 0 {
            if node.is_multiple_of(2) && !passed_over((node - 2) / 2) {
                return Some(self.end((node - 2) / 2));
            }
            node = self.next[node as usize];
        }
        None
    }

    fn begins(&self) -> Vec<u32> {
        self.completed.iter().map(|&(begins, _)| begins).collect()
    }

    /// Which end is the first, and who is missing of those that have begun by then.
    fn key(&self, candidates: &[u32], into: &mut Vec<u64>) {
        into.push(u64::from(candidates[0]));
        let begin = into.len();
        into.resize(begin + self.words, 0);
        for &operation in candidates {
            let slot = self.slots[operation as usize] as usize;
            into[begin + slot / 64] |= 1 << (slot % 64);
        }
    }

    fn key_words(&self) -> usize {
        1 + self.words
    }
}
