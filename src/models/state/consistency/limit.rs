//! When a search gives up: at a number of configurations, or at a limit in time, which is off
//! unless it is asked for.

use crate::deadline::Deadline;
use std::time::Duration;

/// How much a search may do.
pub(super) struct Limit {
    /// Configurations it may still visit.
    left: usize,
    visited: usize,
    deadline: Deadline,
    /// Whether it was time that ended it.
    pub(super) out_of_time: bool,
}

impl Limit {
    pub(super) fn new(visits: usize, time: Option<Duration>) -> Self {
        let deadline = Deadline::after(time);
        Self { left: visits, visited: 0, deadline, out_of_time: false }
    }

    pub(super) const fn visited(&self) -> usize {
        self.visited
    }

    /// Counts a visit; whether it is one too many.
    #[inline]
    pub(super) fn is_reached(&mut self) -> bool {
        if self.left == 0 {
            return true;
        }
        self.left -= 1;
        self.visited += 1;
        self.visited.is_multiple_of(512) && self.is_time_over()
    }

    fn is_time_over(&mut self) -> bool {
        crate::interrupt::tick();
        if self.deadline.has_passed() {
            (self.left, self.out_of_time) = (0, true);
        }
        self.out_of_time
    }
}
