//! Atomic commitment: all parts of a transaction take effect or none does, whoever fails.
//!
//! ```
//! # use pillars_models::truth::{commit::*, explore::*};
//! // A coordinator that goes down after the votes leaves the others in doubt.
//! let two = Network::of(Phases::two(2)).crashes(1);
//! let found = Search::of(&two).at_end("nobody is in doubt", Phases::nobody_in_doubt).run();
//! println!("{}", found.counterexample().unwrap());
//! ```

mod blocking;
mod cost;
mod node;
mod paxos_spec;
mod phases;
mod register;
mod saga;
mod saga_run;
mod spec;

pub use blocking::{Blocked, BlockingWindow};
pub use cost::CommitCost;
pub use node::{CommitMessage, CommitNode, Stage};
pub use paxos_spec::{PaxosCommitAction, PaxosCommitSpec, PaxosCommitState};
pub use phases::Phases;
pub use register::{TwoPhaseMessage, TwoPhaseRegister};
pub use saga::{Delivery, Saga, SagaResult, SagaStep, Style};
pub use spec::{Rm, TransactionCommit, TwoPhaseAction, TwoPhaseSpec, TwoPhaseState, is_consistent};
