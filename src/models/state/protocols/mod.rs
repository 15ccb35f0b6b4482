//! Protocols for the simulated cluster: a key-value store in four ways, and objects whose
//! replicas merge.

mod abd;
mod dynamo;
mod last_writer;
mod merging;
mod multi_value;

pub use abd::{Abd, AbdMessage};
pub use dynamo::{Dynamo, DynamoMessage};
pub use last_writer::{LastWriterWins, LwwMessage};
pub use merging::{MergingCounter, MergingSet, SetState};
pub use multi_value::{MergingRegister, MultiValue};

#[cfg(test)]
mod tests;
