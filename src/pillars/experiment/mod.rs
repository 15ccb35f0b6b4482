//! Experiments: one knob turned, theory put beside simulation, and claims.

mod claim;
mod sweep;
mod tables;
mod timeline;

pub use claim::claim;
pub use sweep::{Sweep, sweep};
pub use tables::{BalancerTables, MeasureTables, QueueTables, RetryStormTables};
pub use timeline::{HistoryTimeline, SurveyTimeline, surveys};
