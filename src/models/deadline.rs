//! The one clock of the library: a limit in time that a reader may set to a search. What is found
//! then depends on the machine; no limit is set unless it is asked for.

use std::time::{Duration, Instant};

/// When a search is to give up, if it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// After this time from now; never, without one.
    pub fn after(time: Option<Duration>) -> Self {
        Self(time.and_then(|time| Instant::now().checked_add(time)))
    }

    /// Whether it has passed.
    pub fn has_passed(self) -> bool {
        self.0.is_some_and(|deadline| Instant::now() >= deadline)
    }
}
