//! Detection of anomalies: control charts and their like, how long they run until they alarm, and
//! what they find in a load.
//!
//! ```
//! use pillars_models::intelligence::ControlChart;
//! // One false alarm in 370 values is what three standard deviations promise.
//! let promised = ControlChart::shewhart(3.0).run_length(0.0).unwrap();
//! assert!((promised - 370.4).abs() < 0.1);
//! ```

mod chart;
mod exact;
mod runs;
mod watch;

pub use chart::{ControlChart, Watcher};
pub use runs::{RunLengths, Runs};
pub use watch::{Found, Watch};
