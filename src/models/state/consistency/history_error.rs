//! Why no history can be made of what was given.

use std::fmt;

/// Events or operations that no history has.
#[derive(Clone, PartialEq)]
pub enum HistoryError {
    /// A process asks while it waits.
    Overlap {
        /// The process.
        process: usize,
        /// What it waits for, and since when.
        open: (String, f64),
        /// What it asks for, and when.
        next: (String, f64),
    },
    /// A reply, or another end, to a process that waits for nothing.
    NotInvoked {
        /// The process.
        process: usize,
        /// When.
        at: f64,
    },
    /// A time before that of the event before it.
    Backwards {
        /// The process.
        process: usize,
        /// The time.
        at: f64,
        /// That of the event before it.
        before: f64,
    },
    /// A time that is not finite.
    NotATime {
        /// The process.
        process: usize,
        /// What is given as a time.
        at: f64,
    },
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overlap { process, open: (open, since), next: (next, at) } => write!(
                f,
                "process {process} invokes {next} at {at} while its {open}, invoked at {since}, is \
                 open; a process has one operation at a time: end the first before, or give the \
                 second to another process"
            ),
            Self::NotInvoked { process, at } => write!(
                f,
                "process {process} has no open operation that could end at {at}; invoke one before"
            ),
            Self::Backwards { process, at, before } => write!(
                f,
                "process {process} has an event at {at}, but what comes before it happened at \
                 {before}; give events in the order of their times, and operations an end that is \
                 not before their beginning"
            ),
            Self::NotATime { process, at } => write!(
                f,
                "process {process} has an event at {at}, which is no time; a time is a finite \
                 number"
            ),
        }
    }
}

/// The sentence too: it is what a cell shows of an error.
impl fmt::Debug for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for HistoryError {}
