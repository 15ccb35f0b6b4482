//! Nodes: what a replica can carry, how far it is, how often it fails.

use crate::number::positive;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// A replica. Copied freely, so that it may stand in any number of expressions.
///
/// A new node carries 1 operation a second of each kind, has a latency of 1, never fails and is in
/// no zone.
#[derive(Clone, Copy, PartialEq)]
pub struct Node {
    /// Its name, by which it is known in a system.
    pub name: &'static str,
    /// Reads a second that it can answer.
    pub read_capacity: f64,
    /// Writes a second that it can answer.
    pub write_capacity: f64,
    /// The time until its answer is there, in any unit that is used throughout.
    pub latency: f64,
    /// The probability that it has failed.
    pub failure: f64,
    /// The zone that it fails with, if there is one.
    pub zone: Option<&'static str>,
}

impl Node {
    /// A node of such a name.
    ///
    /// # Panics
    /// If the name is empty.
    #[track_caller]
    pub fn new(name: &str) -> Self {
        assert!(!name.is_empty(), "Node::new: a node needs a name, as in Node::new(\"a\")");
        Self {
            name: kept(name),
            read_capacity: 1.0,
            write_capacity: 1.0,
            latency: 1.0,
            failure: 0.0,
            zone: None,
        }
    }

    /// Nodes of such names: `let [a, b, c] = Node::named(["a", "b", "c"]);`
    ///
    /// # Panics
    /// If a name is empty or there twice.
    #[track_caller]
    pub fn named<const N: usize>(names: [&str; N]) -> [Self; N] {
        for (i, name) in names.iter().enumerate() {
            assert!(
                !names[..i].contains(name),
                "Node::named: each node needs a name of its own, but \"{name}\" is there twice"
            );
        }
        names.map(Self::new)
    }

    /// So many nodes, called n1, n2 and so on.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn numbered(count: usize) -> Vec<Self> {
        assert!(
            count >= 1,
            "Node::numbered: a system needs at least 1 node, but 0 are asked for; give a number, as \
             in Node::numbered(5)"
        );
        (1..=count).map(|i| Self::new(&format!("n{i}"))).collect()
    }

    /// The same with so many operations a second, reads or writes.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn capacity(self, operations: f64) -> Self {
        let capacity = positive("Node::capacity", "capacity", operations);
        Self { read_capacity: capacity, write_capacity: capacity, ..self }
    }

    /// The same with so many reads a second.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn read_capacity(self, reads: f64) -> Self {
        Self { read_capacity: positive("Node::read_capacity", "capacity", reads), ..self }
    }

    /// The same with so many writes a second.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn write_capacity(self, writes: f64) -> Self {
        Self { write_capacity: positive("Node::write_capacity", "capacity", writes), ..self }
    }

    /// The same with such a latency.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[track_caller]
    pub fn latency(self, latency: f64) -> Self {
        assert!(
            latency >= 0.0 && latency.is_finite(),
            "Node::latency: the latency must be a number of at least 0, but it is {latency}"
        );
        Self { latency, ..self }
    }

    /// The same with such a probability to have failed.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn failure(self, probability: f64) -> Self {
        Self { failure: checked_probability("Node::failure", probability), ..self }
    }

    /// The same in such a zone.
    pub fn zone(self, name: &str) -> Self {
        Self { zone: Some(kept(name)), ..self }
    }
}

impl From<&Self> for Node {
    fn from(node: &Self) -> Self {
        *node
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// As its name: lists of nodes are meant to be read.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// `p` if it is a probability.
#[track_caller]
pub(super) fn checked_probability(place: &str, p: f64) -> f64 {
    assert!(
        (0.0..=1.0).contains(&p),
        "{place}: the probability must be between 0 and 1, but it is {p}; for a node that is down 5 % \
         of the time give 0.05"
    );
    p
}

/// Names in the order of a reader: n2 before n10.
pub(super) fn in_order(a: &str, b: &str) -> Ordering {
    let parts = |name: &str| {
        let word = name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        (name[..word].to_owned(), name[word..].parse::<u64>().ok())
    };
    parts(a).cmp(&parts(b)).then_with(|| a.cmp(b))
}

/// The name for as long as the process lives, each kept once: so nodes can be copied.
fn kept(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(name);
    name
}
