//! Scheduling: tasks that ask for processors and memory are placed on machines.
//!
//! ```
//! # use pillars_models::operations::*;
//! # use pillars_models::sim::{Distribution, Trials};
//! // Packed once, in descending order of size: never more than 11/9 of the best and 6/9.
//! let sizes: Vec<Resources> = [0.6, 0.5, 0.4, 0.3, 0.2].map(|cpu| Resources::new(cpu, 0.0)).to_vec();
//! let packing = Packing::new(&sizes, Resources::new(1.0, 0.0));
//! assert_eq!((packing.decreasing(&Fit::first()).count(), packing.optimum()), (2, Some(2)));
//!
//! // Placed as they come, on machines of 16 cores and 64 GB.
//! let web = TaskClass::new("web", 2.0, Distribution::exponential(10.0), Resources::new(2.0, 4.0));
//! let cluster = Cluster::new(4, Resources::new(16.0, 64.0)).class(web);
//! println!("{}", cluster.simulate(&Fit::best(), Trials::new(5, 2000)).cpu);
//! ```

mod churn;
mod cluster;
mod engine;
mod fit;
mod packing;

pub use churn::{ClusterLimits, churn};
pub use cluster::{ClassRun, Cluster, ClusterRun, TaskClass, Waiting};
pub use fit::{Fit, Offer, Resources};
pub use packing::{Packed, Packing};
