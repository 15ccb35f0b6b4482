//! Operations: how a fleet of services is found, kept as it is wanted, placed on machines, renewed
//! and watched. Each part is simulated, and stands beside its closed form or a second method.
//!
//! ```
//! # use pillars_models::operations::*;
//! # use pillars_models::sim::Trials;
//! // Clients that keep what DNS says for a minute; instances that live for half an hour.
//! let dns = Discovery::new(10, 1800.0).detected_after(10.0).ttl(60.0).requests(2.0);
//! println!("{} and {:.4}", dns.simulate(Trials::new(10, 2000)).errors, dns.errors());
//! // The same clients told of changes within a second.
//! println!("{:.4}", dns.clone().watch(1.0).errors());
//! ```

mod checks;
pub mod coordination;
pub mod deploy;
pub mod discovery;
pub mod observability;
pub mod reconcile;
pub mod scheduling;

pub use coordination::{Coordinated, Coordination, Workflow};
pub use deploy::{
    Canary, CanaryDecision, CanaryRun, Counts, Exposure, Looks, ProportionTest, Release, Rolled,
    Rolling, Sprt, SprtRun, obrien_fleming, pocock, repeated_significance,
};
pub use discovery::{Discovered, Discovery, Listed};
pub use observability::{
    AlertRun, BurnRate, BurnRule, BurnRun, DdSketch, Fleet, FleetRun, GreenwaldKhanna,
    HeadSampling, Past, Reservoir, Sampled, Sketch, SketchAccuracy, SketchTest, TDigest,
    ThresholdAlert, TracedRequest,
};
pub use reconcile::{Controller, Divergence, Glance, Reconcile, Reconciled};
pub use scheduling::{
    ClassRun, Cluster, ClusterLimits, ClusterRun, Fit, Offer, Packed, Packing, Resources,
    TaskClass, Waiting, churn,
};
