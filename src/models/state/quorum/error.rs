//! What can be wrong with a quorum system, or with what is asked of it.

use super::quorums::Quorum;
use crate::number::short;
use std::fmt;

/// Why there is no such system or strategy. Each names the evidence.
#[derive(Clone, PartialEq)]
pub enum QuorumError {
    /// A read quorum and a write quorum that do not meet: a read may miss a write.
    Disjoint {
        /// The read (or phase-1) quorum.
        read: Quorum,
        /// The write (or phase-2) quorum.
        write: Quorum,
    },
    /// A read quorum and a write quorum that meet in too few nodes for so many Byzantine ones.
    Overlap {
        /// "dissemination" or "masking".
        kind: &'static str,
        /// The read quorum.
        read: Quorum,
        /// The write quorum.
        write: Quorum,
        /// In how many nodes they would have to meet.
        needed: usize,
        /// How many nodes may be Byzantine.
        faults: usize,
    },
    /// So few failures leave no quorum.
    Fragile {
        /// "read" or "write".
        side: &'static str,
        /// The failures that a quorum should survive.
        failures: usize,
        /// Nodes without which there is no quorum.
        without: Quorum,
    },
    /// No strategy keeps to a limit.
    Limit {
        /// "load", "network load" or "latency".
        what: &'static str,
        /// What it is limited to.
        limit: f64,
        /// The least that there is.
        least: f64,
        /// The other limits that it is the least under, as text; empty if it is without them.
        under: String,
    },
    /// A search found no system.
    NotFound {
        /// How many systems were examined.
        examined: usize,
        /// How many of these were resilient enough.
        resilient: usize,
        /// Whether these were all there are.
        complete: bool,
    },
}

impl fmt::Display for QuorumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disjoint { read, write } => write!(
                f,
                "the read quorum {read} and the write quorum {write} have no node in common, so that a \
                 read may miss a write; make either larger, or leave the writes out to have the dual"
            ),
            Self::Overlap { kind, read, write, needed, faults } => {
                let common = Quorum { set: read.set & write.set, all: read.all.clone() };
                write!(
                    f,
                    "the read quorum {read} and the write quorum {write} have only {common} in common, \
                     but a {kind} system with f = {faults} needs {needed} nodes there; make the \
                     quorums larger"
                )
            }
            Self::Fragile { side, failures, without } => write!(
                f,
                "no {side} quorum survives f = {failures} failures, whichever they are: without \
                 {without} there is none; ask for at most {}",
                without.size() - 1
            ),
            Self::Limit { what, limit, least, under } => write!(
                f,
                "no strategy keeps the {what} to {}: the least{under} is {}",
                short(*limit, 4),
                short(*least, 4)
            ),
            Self::NotFound { examined, resilient, complete } => {
                let all = if *complete { "all " } else { "the first " };
                write!(
                    f,
                    "no system was found: of {all}{examined} that were examined {resilient} are \
                     resilient enough, and none of those keeps to the limits"
                )
            }
        }
    }
}

impl fmt::Debug for QuorumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for QuorumError {}
