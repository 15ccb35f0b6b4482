//! Happened-before (Lamport, 1978), and how well stamps tell it.

use super::execution::{Action, Execution};

/// More events than this are refused: the relation has a bit for each pair.
const MOST: usize = 10_000;

/// Which event happened before which: the least order in which the events of a process follow one
/// another and a message is sent before it is received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HappensBefore {
    /// Of each event the set of those that it happened before, 64 to a word.
    after: Vec<Vec<u64>>,
}

impl HappensBefore {
    #[track_caller]
    pub(super) fn of(execution: &Execution) -> Self {
        let events = execution.events();
        let count = events.len();
        assert!(
            count <= MOST,
            "Execution::happens_before: there are {count} events and at most {MOST} are compared, \
             pair by pair; make a shorter run"
        );
        let mut after = vec![vec![0u64; count.div_ceil(64)]; count];
        let mut next = vec![None; execution.processes()];
        // From the last event on: what an event precedes is its successors and what they precede.
        for at in (0..count).rev() {
            if at % 1024 == 0 {
                crate::interrupt::tick();
            }
            let event = &events[at];
            let received = match event.action {
                Action::Sends(message) => execution.messages()[message].received,
                Action::Acts | Action::Receives(_) => None,
            };
            let successors = [next[event.process], received];
            for successor in successors.into_iter().flatten() {
                let (row, below) = after.split_at_mut(at + 1);
                let beyond: &Vec<u64> = &below[successor - at - 1];
                for (word, other) in row[at].iter_mut().zip(beyond) {
                    *word |= other;
                }
                row[at][successor / 64] |= 1 << (successor % 64);
            }
            next[event.process] = Some(at);
        }
        Self { after }
    }

    /// Whether event `a` happened before event `b`, both by their numbers.
    ///
    /// # Panics
    /// If there are no such events.
    #[track_caller]
    pub fn precedes(&self, a: usize, b: usize) -> bool {
        let count = self.after.len();
        assert!(
            a < count && b < count,
            "HappensBefore::precedes: there are {count} events, numbered from 0, but {a} and {b} \
             are compared"
        );
        self.after[a][b / 64] >> (b % 64) & 1 == 1
    }

    /// Whether neither happened before the other, and they are two.
    ///
    /// # Panics
    /// If there are no such events.
    #[track_caller]
    pub fn concurrent(&self, a: usize, b: usize) -> bool {
        a != b && !self.precedes(a, b) && !self.precedes(b, a)
    }
}

/// How the order of stamps compares with happened-before, over all pairs of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StampOrder {
    /// Pairs of events of which one happened before the other.
    pub ordered: usize,
    /// Those of them whose stamps say so.
    pub kept: usize,
    /// Pairs of concurrent events.
    pub concurrent: usize,
    /// Those of them whose stamps claim that one came before the other.
    pub invented: usize,
}

impl StampOrder {
    pub(super) fn of<T: PartialOrd>(before: &HappensBefore, stamps: &[T]) -> Self {
        let mut counts = Self { ordered: 0, kept: 0, concurrent: 0, invented: 0 };
        for b in 0..stamps.len() {
            if b % 128 == 0 {
                crate::interrupt::tick();
            }
            // Events are numbered in the order of time, in which nothing follows what it precedes.
            for a in 0..b {
                let is_less = stamps[a] < stamps[b];
                if before.precedes(a, b) {
                    counts.ordered += 1;
                    counts.kept += usize::from(is_less);
                } else {
                    counts.concurrent += 1;
                    counts.invented += usize::from(is_less || stamps[b] < stamps[a]);
                }
            }
        }
        counts
    }

    /// The clock condition (Lamport, 1978): what happened before has the lesser stamp.
    pub fn is_sound(&self) -> bool {
        self.kept == self.ordered
    }

    /// Stamps order two events exactly if one happened before the other.
    pub fn is_exact(&self) -> bool {
        self.is_sound() && self.invented == 0
    }

    /// The part of the concurrent pairs that the stamps put in an order; 0 without such pairs.
    pub fn invented_share(&self) -> f64 {
        self.invented as f64 / self.concurrent.max(1) as f64
    }

    /// The part of the ordered pairs whose stamps do not say so; 0 without such pairs.
    pub fn missed_share(&self) -> f64 {
        (self.ordered - self.kept) as f64 / self.ordered.max(1) as f64
    }
}
