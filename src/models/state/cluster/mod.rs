//! A cluster in simulation: replicas that are state machines, a network that delays, loses and
//! repeats messages, faults on a schedule, and clients who write down what they saw.
//!
//! Time is virtual, in milliseconds; a run is a function of its seed.

mod facts;
mod faults;
mod machine;
mod outcome;
mod property;
mod replica;
mod run;
mod scenario;
mod schedule;
mod script;
mod simpler;
mod spacetime;
mod survey;
mod tracer;
mod workload;

pub use facts::Facts;
pub use outcome::{Asked, Outcome};
pub use property::{Broken, Property};
pub use replica::{CallOf, Outbox, Replica, ReplyOf, Request, Setting};
pub use scenario::Scenario;
pub use schedule::Schedule;
pub use spacetime::{Arrow, During, LocalEvent, SpaceTime};
pub use survey::{Measured, Survey};
pub use workload::Workload;

pub(crate) use replica::compiled_here;
pub(crate) use run::{follow, run, several, trace};
pub(crate) use workload::{judge, measured_here};
