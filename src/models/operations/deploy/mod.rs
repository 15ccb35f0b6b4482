//! Deployments: how a new version takes the place of the old one, whom a bad one reaches, and how
//! soon a canary tells.
//!
//! ```
//! # use pillars_models::operations::*;
//! # use pillars_models::sim::Trials;
//! // Ten replicas, one more than that at most, a minute to start: ten rounds.
//! assert_eq!(Rolling::new(10, 60.0).surge(1).unavailable(0).duration(), 600.0);
//!
//! // 1 % of failures before and 2 % after: what 4,000 requests to each find.
//! let test = ProportionTest::new(0.01, 0.02, 4000, 4000);
//! println!("{:.3} {}", test.power(), test.simulate(Trials::new(10, 500)));
//! ```

mod canary;
mod exposure;
mod looks;
mod proportions;
mod rolling;
mod sprt;

pub use canary::{Canary, CanaryDecision, CanaryRun, Counts};
pub use exposure::{Exposure, Release};
pub use looks::{Looks, obrien_fleming, pocock, repeated_significance};
pub use proportions::ProportionTest;
pub(super) use proportions::normal_below;
pub use rolling::{Rolled, Rolling};
pub use sprt::{Sprt, SprtRun};
