//! Control: systems that watch themselves and act on what they see.
//!
//! What is seen is late and noisy. Each module has a mechanism, its theory or a second method, and
//! the healthy system or the system without the mechanism to compare with.

pub mod breaker;
pub mod bucket;
pub mod detectors;
pub mod feedback;
pub mod gossip;
pub mod health;
pub mod pressure;
mod run_length;
pub mod shedding;

pub use breaker::{Breaker, Call, Circuit, CircuitState, OutageSurvey};
pub use bucket::{BucketSurvey, FixedWindow, LeakyBucket, Limiter, TokenBucket};
pub use detectors::{Beat, Chen, Crash, Detector, FalseAlarms, Link, Phi, Swim, Timeout, Watched};
pub use feedback::{
    Hpa, Load, Margins, Metric, Pid, Plant, Reading, Scaled, ScaledSurvey, Scaler, Service,
    Threshold, Unstable,
};
pub use gossip::{Gossip, Rumor, RumorSurvey, Spread};
pub use health::{HealthCheck, HealthSurvey, Pool};
pub use pressure::{Chain, ChainSurvey, CreditSurvey, Credits};
pub use shedding::{Overload, Seen, Shed, Shedding};

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
fn probability(place: &str, what: &str, p: f64) -> f64 {
    assert!(
        (0.0..=1.0).contains(&p),
        "{place}: the {what} must be a probability from 0 to 1, but it is {p}; give 0.01 for one in \
         a hundred"
    );
    p
}

/// `p` if it is a probability below 1: what always fails would be tried for ever.
#[track_caller]
fn below_one(place: &str, what: &str, p: f64) -> f64 {
    assert!(
        (0.0..1.0).contains(&p),
        "{place}: the {what} must be at least 0 and below 1, but it is {p}; give 0.01 for one in a \
         hundred"
    );
    p
}

/// `count` if it is at least `least`.
#[track_caller]
fn at_least(place: &str, what: &str, least: usize, count: usize) -> usize {
    assert!(
        count >= least,
        "{place}: the number of {what} must be at least {least}, but it is {count}"
    );
    count
}
