//! Time: which event came before which, clocks that say so, clocks that are set by others, waiting
//! out what a clock does not know, and a state of the whole that makes sense.
//!
//! Times are in milliseconds of the true time, which no process can see.

mod clocks;
mod dotted;
mod execution;
mod hybrid;
mod marzullo;
mod order;
mod random;
mod schemes;
mod shared_key;
mod snapshot;
mod sources;
mod synchronisation;
mod transfers;
mod truetime;
mod uncertainty;

pub use clocks::{LamportClock, LogicalClock, VectorClock, VectorTime};
pub use dotted::{DottedVersion, VersionVector};
pub use execution::{Action, Execution, Passed, ProcessEvent};
pub use hybrid::{HybridClock, HybridTime};
pub use marzullo::{Intersection, marzullo};
pub use order::{HappensBefore, StampOrder};
pub use random::RandomExecution;
pub use schemes::{Put, Replicated};
pub use shared_key::{KeyRun, KeySurvey, SharedKey, Versioning};
pub use snapshot::{Snapshot, SnapshotBy, SnapshotSurvey};
pub use sources::{SourcesSurvey, TimeSources};
pub use synchronisation::{ClockSync, SyncSurvey, TimeExchange, filtered_error};
pub use transfers::Transfers;
pub use truetime::{CommitWait, Committed, WaitSurvey};
pub use uncertainty::Uncertainty;

/// `value` if it is a number of at least 0.
#[track_caller]
fn not_negative(place: &str, what: &str, value: f64) -> f64 {
    assert!(
        value >= 0.0 && value.is_finite(),
        "{place}: the {what} must be a number of at least 0, but it is {value}"
    );
    value
}

/// `p` if it is a probability.
#[track_caller]
fn probability(place: &str, p: f64) -> f64 {
    assert!(
        (0.0..=1.0).contains(&p),
        "{place}: the probability must be between 0 and 1, but it is {p}"
    );
    p
}

/// `runs` if an interval can be given for them.
#[track_caller]
fn several(place: &str, runs: usize) -> usize {
    assert!(runs >= 2, "{place}: there must be at least 2 runs, but there are {runs}");
    runs
}
