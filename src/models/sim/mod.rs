//! What every simulation stands on: random streams that any machine repeats,
//! distributions, replications in parallel, and statistics with intervals.

pub mod calendar;
pub(crate) mod clocks;
pub mod distribution;
pub(crate) mod drawn;
pub mod exponential;
mod fitted;
pub mod histogram;
pub(crate) mod integral;
pub(crate) mod linear;
pub mod output;
mod phase;
pub mod replicate;
pub mod statistics;
pub mod stream;

pub use calendar::Calendar;
pub use distribution::Distribution;
pub use exponential::Exponential;
pub use histogram::Histogram;
pub use output::{batch_means, mser5, quantile_interval, replicate_until};
pub use replicate::{Trials, replicate};
pub use statistics::Estimate;
pub use stream::Stream;
