//! What a check for linearizability says.

use super::history::History;
use std::fmt::Display;

/// So many operations of an order are told.
const MOST: usize = 20;
/// And of one that leads to a violation so many at its end.
const LAST: usize = 3;

/// Whether a history is linearizable. Operations are told by their index in it.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It is.
    Linearizable {
        /// An order in which the operations may have taken effect: all that were answered, and
        /// those pending ones without which the replies cannot be explained.
        order: Vec<usize>,
    },
    /// It is not.
    Violation(Violation),
    /// The limit was reached before it was known.
    Unknown {
        /// The configurations that were visited.
        visited: usize,
        /// Whether it was the limit in time.
        out_of_time: bool,
    },
}

/// Why a history is not linearizable.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// The object, if the specification knows several.
    pub key: Option<u64>,
    /// So many events of the history cannot be explained by any order. The last of them is a reply,
    /// or says that an operation failed.
    pub prefix: usize,
    /// When that was.
    pub at: f64,
    /// The operations on the object that began by then.
    pub operations: Vec<usize>,
    /// The one whose end is the last event: there is no place for it, or, if it failed, no
    /// explanation without it.
    pub unplaced: usize,
    /// An order that explains all events before the last.
    pub order: Vec<usize>,
    /// Whether it is known that fewer events can be explained. It is, unless a limit was reached.
    pub shortest: bool,
}

impl Verdict {
    /// Whether the history is known to be linearizable.
    pub const fn is_linearizable(&self) -> bool {
        matches!(self, Self::Linearizable { .. })
    }

    /// Whether the history is known not to be linearizable.
    pub const fn is_violation(&self) -> bool {
        matches!(self, Self::Violation(_))
    }

    /// In words, with the operations of the history that was checked.
    pub fn explain<Call: Display, Reply: Display>(&self, history: &History<Call, Reply>) -> String {
        let list = |operations: &[usize]| -> String {
            let line = |&it: &usize| format!("\n  {}", history.operations()[it]);
            operations.iter().map(line).collect()
        };
        match self {
            Self::Linearizable { order } => {
                let (first, more) = order.split_at(order.len().min(MOST));
                let more = match more.len() {
                    0 => String::new(),
                    more => format!("\n  and {more} more"),
                };
                let first = list(first);
                format!("Linearizable. The operations may have taken effect as{first}{more}")
            }
            Self::Violation(Violation { key, prefix, at, unplaced, order, .. }) => {
                let object = key.map_or_else(String::new, |key| format!(" on object {key}"));
                let last = match order.is_empty() {
                    true => " nothing".to_owned(),
                    false => list(&order[order.len().saturating_sub(LAST)..]),
                };
                let unplaced = list(&[*unplaced]);
                format!(
                    "Not linearizable. No order explains the replies{object} up to event {prefix}, \
                     at {at}: there is no place for{unplaced}\nAn order that explains all before it \
                     ends with{last}"
                )
            }
            Self::Unknown { visited, out_of_time } => {
                let which = if *out_of_time { "time limit" } else { "limit" };
                format!(
                    "Unknown. The {which} was reached after {visited} configurations; raise it, or \
                     check a shorter history"
                )
            }
        }
    }
}
