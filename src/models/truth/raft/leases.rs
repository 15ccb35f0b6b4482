//! What becomes of reads under leases when clocks drift apart more than the leases allow for.

use super::replica::Raft;
use super::scenarios::slow_leader;
use crate::sim::Estimate;

/// Leaders with leases, and clocks that drift: the leader's is slow, the others are fast, and the
/// leader is cut off from them, not from its clients (Ongaro 2014, section 6.4.1).
///
/// Election time-outs are from 150 to 165 ms. A lease is 150 ms divided by the bound, by the
/// leader's clock, from the sending of the last heartbeat that was answered; the others wait at
/// least 150 ms by theirs, from its arrival.
#[derive(Clone, Copy, Debug)]
pub struct Leases {
    bound: f64,
    seed: u64,
}

/// What was measured at one drift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeaseRow {
    /// By how much the leader's clock is slow and the others are fast: 0.05 is five percent.
    pub drift: f64,
    /// How many times as fast as the leader's the other clocks are: leases are safe up to the
    /// bound.
    pub ratio: f64,
    /// For how many milliseconds the lease may last after the others have stood for election, if
    /// messages took no time. Election and first write take a few of them.
    pub exposed: f64,
    /// The part of the reads that were stale.
    pub stale: Estimate,
    /// The part of the runs that were linearizable.
    pub linearizable: Estimate,
}

/// Election time-outs, in milliseconds: a narrow range, or luck would hide the drift.
const TIMEOUTS: (f64, f64) = (150.0, 165.0);

impl Leases {
    /// Leases that allow for clocks that are so many times as fast as others.
    ///
    /// # Panics
    /// If that is not a number of at least 1.
    #[track_caller]
    pub fn bound(bound: f64) -> Self {
        assert!(
            bound >= 1.0 && bound.is_finite(),
            "Leases::bound: the bound is how many times as fast as another a clock may run, at \
             least 1, but it is {bound}; give 1.1 for ten percent"
        );
        Self { bound, seed: 1 }
    }

    /// Chooses all random numbers.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// A row for each drift, of so many runs of 700 ms, in each of which the leader is cut off
    /// once.
    ///
    /// # Panics
    /// If there are fewer than 2 runs, or a drift is not at least 0 and below 1.
    #[track_caller]
    pub fn stale_reads(&self, drifts: &[f64], runs: usize) -> Vec<LeaseRow> {
        let (bound, (low, high)) = (self.bound, TIMEOUTS);
        if let Some(drift) = drifts.iter().find(|drift| !(0.0..1.0).contains(*drift)) {
            panic!(
                "Leases::stale_reads: a drift must be at least 0 and below 1, but one is {drift}; \
                 give 0.05 for five percent"
            );
        }
        let replica =
            |node| Raft::new(node).timeouts(low, high).heartbeat(25.0).led_by(0).leases(bound);
        let row = |&drift: &f64| {
            let survey = slow_leader(drift).seed(self.seed).survey(replica, runs);
            let ends = low / bound / (1.0 - drift);
            LeaseRow {
                drift,
                ratio: (1.0 + drift) / (1.0 - drift),
                exposed: (ends - low / (1.0 + drift)).max(0.0),
                stale: survey.stale_reads(),
                linearizable: survey.linearizable(),
            }
        };
        drifts.iter().map(row).collect()
    }
}
