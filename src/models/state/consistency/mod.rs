//! Histories of what clients saw, and whether a consistency model allows them.
//!
//! ```
//! # use pillars_models::state::consistency::*;
//! let mut history = RegisterHistory::new();
//! history.invoke(0, RegisterCall::Write(1), 0.0).returns(0, RegisterReply::Written, 1.0);
//! history.invoke(1, RegisterCall::Read, 2.0).returns(1, RegisterReply::Value(None), 3.0);
//! let verdict = Checker::new().check(&RegisterSpec, &history);
//! assert!(verdict.is_violation());
//! println!("{}", verdict.explain(&history));
//! assert!(Checker::new().sequential(&RegisterSpec, &history).is_consistent());
//! ```

mod accesses;
mod causal;
mod convergence;
mod edn;
mod graph;
mod history;
mod history_error;
mod index;
mod jepsen;
mod jepsen_calls;
mod lanes;
mod limit;
mod linearizable;
mod lookahead;
mod machine;
mod memo;
mod must;
mod objects;
mod random;
mod real_time;
mod search;
mod sequential;
mod session;
mod specification;
mod verdict;
mod words;

pub use accesses::{AmbiguousRead, RegisterAccess};
pub use causal::{BadPattern, Causal, CausalModel};
pub use convergence::Convergence;
pub use edn::Edn;
pub use history::{End, Event, EventKind, History, Operation};
pub use history_error::HistoryError;
pub use jepsen::{JepsenCall, ReadError};
pub use lanes::{Lane, Lanes, Mark, Span};
pub use linearizable::Checker;
pub use objects::{
    CounterCall, CounterReply, CounterSpec, KeyValueCall, KeyValueSpec, MultiValueReply,
    MultiValueSpec, QueueCall, QueueReply, QueueSpec, RegisterCall, RegisterReply, RegisterSpec,
    SetCall, SetReply, SetSpec,
};
pub use random::RandomHistory;
pub use sequential::Sequential;
pub use session::{SessionReport, StaleRead};
pub use specification::{Finds, Hint, RegisterHint, Specification};
pub use verdict::{Verdict, Violation};

/// What clients of a register saw.
pub type RegisterHistory = History<RegisterCall, RegisterReply>;
/// What clients of a key-value store saw.
pub type KeyValueHistory = History<KeyValueCall, RegisterReply>;

pub(crate) use linearizable::judge;
pub(crate) use specification::judged_here;
