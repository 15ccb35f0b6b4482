//! What asynchrony forbids, and what chance brings back: the result of Fischer, Lynch and Paterson
//! (1985), played on small protocols, and randomised consensus of Ben-Or (1983).

mod ben_or;
mod bivalence;
mod configuration;
mod disagreement;
mod exploration;
mod voters;
mod voting;

pub use ben_or::{BenOr, BenOrRun, BenOrRuns, ben_or_rounds};
pub use bivalence::Delay;
pub use disagreement::Disagreement;
pub use exploration::{Exploration, Valency};
pub use voters::{FairRun, Voters};
pub use voting::Voting;
