//! Hybrid logical clocks (Kulkarni, Demirbas, Madappa, Avva, Leone, 2014).

use super::clocks::LogicalClock;
use crate::number::positive;
use std::fmt;

/// A stamp of a hybrid clock: the greatest physical clock that its process has heard of, and
/// a counter that tells events of the same such reading apart. Ordered by both, in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct HybridTime {
    /// The greatest reading of a physical clock that the event knows of, in ticks.
    pub l: i64,
    /// Tells events with the same `l` apart.
    pub c: u64,
}

/// As "17.2".
impl fmt::Display for HybridTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.l, self.c)
    }
}

/// A hybrid logical clock (Kulkarni et al., 2014, figure 5): as Lamport's, it never contradicts
/// happened-before, and it stays near the physical clock. Where no two physical clocks differ by
/// more than eps, l is at least what the process's own clock shows and at most eps more. It needs
/// 64 bits, however many processes there are: 48 for l and 16 for c.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HybridClock {
    tick: f64,
    latest: HybridTime,
}

impl HybridClock {
    /// One that reads the physical clock in ticks of so many milliseconds.
    ///
    /// # Panics
    /// If the tick is not a positive number.
    #[track_caller]
    pub fn new(tick: f64) -> Self {
        let tick = positive("HybridClock::new", "tick", tick);
        Self { tick, latest: HybridTime { l: i64::MIN, c: 0 } }
    }

    fn ticks(&self, physical: f64) -> i64 {
        (physical / self.tick).floor() as i64
    }
}

impl LogicalClock for HybridClock {
    type Stamp = HybridTime;

    fn tick(&mut self, physical: f64) -> HybridTime {
        let before = self.latest;
        let l = before.l.max(self.ticks(physical));
        let c = if l == before.l { before.c + 1 } else { 0 };
        self.latest = HybridTime { l, c };
        self.latest
    }

    fn receive(&mut self, sent: &HybridTime, physical: f64) -> HybridTime {
        let before = self.latest;
        let l = before.l.max(sent.l).max(self.ticks(physical));
        // The counters of those whose l it takes over.
        let counters = [before, *sent].into_iter().filter(|it| it.l == l).map(|it| it.c + 1);
        self.latest = HybridTime { l, c: counters.max().unwrap_or(0) };
        self.latest
    }
}
