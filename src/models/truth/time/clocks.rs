//! Logical clocks: Lamport's (1978), and vectors (Fidge, 1988; Mattern, 1988).

use std::cmp::Ordering;
use std::fmt;

/// A clock of a process, which stamps what the process does.
pub trait LogicalClock {
    /// What it stamps events with. A message carries that of its sending.
    type Stamp: Clone;

    /// The process does something or sends a message; its physical clock shows `physical`
    /// milliseconds.
    fn tick(&mut self, physical: f64) -> Self::Stamp;

    /// The process receives a message that was sent with stamp `sent`.
    fn receive(&mut self, sent: &Self::Stamp, physical: f64) -> Self::Stamp;
}

/// Lamport's clock (1978): a counter that is never behind what the process was told. If a happened
/// before b then L(a) < L(b); the converse does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LamportClock {
    latest: u64,
}

impl LamportClock {
    /// One that has stamped nothing.
    pub fn new() -> Self {
        Self::default()
    }
}

impl LogicalClock for LamportClock {
    type Stamp = u64;

    fn tick(&mut self, _physical: f64) -> u64 {
        self.latest += 1;
        self.latest
    }

    fn receive(&mut self, sent: &u64, _physical: f64) -> u64 {
        self.latest = self.latest.max(*sent) + 1;
        self.latest
    }
}

/// A vector clock (Fidge, 1988; Mattern, 1988): of each process how many of its events are known.
/// V(a) < V(b) exactly if a happened before b. Any clock that tells so much has as many numbers as
/// there are processes, in the worst case (Charron-Bost, 1991).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorClock {
    process: usize,
    known: VectorTime,
}

impl VectorClock {
    /// That of a process among so many.
    ///
    /// # Panics
    /// If there is no such process.
    #[track_caller]
    pub fn new(process: usize, processes: usize) -> Self {
        assert!(
            process < processes,
            "VectorClock::new: there are {processes} processes, numbered from 0, but the clock is \
             that of process {process}"
        );
        Self { process, known: VectorTime(vec![0; processes]) }
    }
}

impl LogicalClock for VectorClock {
    type Stamp = VectorTime;

    fn tick(&mut self, _physical: f64) -> VectorTime {
        self.known.0[self.process] += 1;
        self.known.clone()
    }

    fn receive(&mut self, sent: &VectorTime, physical: f64) -> VectorTime {
        for (own, other) in self.known.0.iter_mut().zip(&sent.0) {
            *own = (*own).max(*other);
        }
        self.tick(physical)
    }
}

/// The stamp of a vector clock. One is less than another if it is so in some entry and in none
/// greater; many pairs are neither less, nor equal, nor greater.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorTime(pub Vec<u64>);

impl PartialOrd for VectorTime {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if self.0.len() != other.0.len() {
            return None;
        }
        let pairs = || self.0.iter().zip(&other.0);
        match (pairs().all(|(a, b)| a <= b), pairs().all(|(a, b)| a >= b)) {
            (true, true) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Less),
            (false, true) => Some(Ordering::Greater),
            (false, false) => None,
        }
    }
}

/// As "[2 0 1]".
impl fmt::Display for VectorTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u64::to_string).collect();
        write!(f, "[{}]", numbers.join(" "))
    }
}
