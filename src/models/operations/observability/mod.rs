//! Observability: what is known of a fleet from less than all of its data, and when it is worth
//! waking somebody.
//!
//! ```
//! # use pillars_models::operations::*;
//! # use pillars_models::sim::{Distribution, Trials};
//! // The p99 of ten equal hosts and of one that is slow, and what the mean of their p99s makes of it.
//! let host = |mean| (1000, Distribution::exponential(mean));
//! let mut hosts = vec![host(10.0); 9];
//! hosts.push(host(100.0));
//! let fleet = Fleet::new(&hosts);
//! println!("{:.0} is not {:.0}", fleet.quantile(0.99), fleet.averaged(0.99));
//!
//! // An alert of 99 % recall and 1 % false alarms, where one window in a thousand is an incident.
//! println!("{:.3}", ThresholdAlert::bayes(0.99, 0.01, 0.001));
//! ```

mod accuracy;
mod alerts;
mod burn;
mod fleet;
mod ranks;
mod sketch;
mod traces;

pub use accuracy::{SketchAccuracy, SketchTest};
pub use alerts::{AlertRun, ThresholdAlert};
pub use burn::{BurnRate, BurnRule, BurnRun, Past};
pub use fleet::{Fleet, FleetRun};
pub use ranks::{GreenwaldKhanna, TDigest};
pub use sketch::{DdSketch, Reservoir, Sketch};
pub use traces::{HeadSampling, Sampled, TracedRequest};
