//! A cluster in simulation: replicas that are state machines, a network that delays, loses and
//! repeats messages, faults on a schedule, and clients who write down what they saw.
//!
//! Time is virtual, in milliseconds; a run is a function of its seed.

mod faults;
mod machine;
mod outcome;
mod replica;
mod run;
mod scenario;
mod survey;
mod workload;

pub use outcome::{Asked, Outcome};
pub use replica::{CallOf, Outbox, Replica, ReplyOf, Request};
pub use scenario::Scenario;
pub use survey::Survey;
pub use workload::Workload;
