//! A cluster in simulation: replicas that are state machines, a network that delays, loses and
//! repeats messages, faults on a schedule, and clients who write down what they saw.
//!
//! Time is virtual, in milliseconds; a run is a function of its seed.

mod facts;
mod faults;
mod machine;
mod outcome;
mod replica;
mod run;
mod scenario;
mod survey;
mod workload;

pub use facts::Facts;
pub use outcome::{Asked, Outcome};
pub use replica::{CallOf, Outbox, Replica, ReplyOf, Request};
pub use scenario::Scenario;
pub use survey::{Measured, Survey};
pub use workload::Workload;

pub(super) use replica::compiled_here;
pub(super) use run::{run, several};
