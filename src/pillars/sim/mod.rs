//! What every simulation stands on: random streams that any machine repeats,
//! distributions, replications in parallel, and statistics with intervals.

pub mod distribution;
pub mod histogram;
pub mod replicate;
pub mod statistics;
pub mod stream;

pub use distribution::Exponential;
pub use histogram::Histogram;
pub use replicate::{Trials, replicate};
pub use statistics::Estimate;
pub use stream::Stream;
