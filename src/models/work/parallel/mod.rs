//! Work that is done in parallel: its laws, its stragglers, its storms.

mod contention;
mod fanout;
mod laws;
mod mapreduce;
mod serverless;
mod stealing;
mod storm;

pub use contention::{Contended, Contention};
pub use fanout::Fanout;
pub use laws::{Scalability, amdahl, gustafson};
pub use mapreduce::MapReduce;
pub use serverless::Serverless;
pub use stealing::WorkStealing;
pub use storm::RetryStorm;
