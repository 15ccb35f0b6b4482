//! What must hold in every state of a run of Raft (Ongaro 2014, figure 3.2), each looked at only
//! where something has changed.

mod election_safety;
mod leader_append_only;
mod leader_completeness;
mod log_matching;
mod state_machine_safety;

pub use election_safety::ElectionSafety;
pub use leader_append_only::LeaderAppendOnly;
pub use leader_completeness::LeaderCompleteness;
pub use log_matching::LogMatching;
pub use state_machine_safety::StateMachineSafety;

use super::replica::Raft;
use crate::state::cluster::Property;

/// All five, for so many nodes.
pub fn all(nodes: usize) -> Vec<Box<dyn Property<Raft>>> {
    vec![
        Box::new(ElectionSafety::new(nodes)),
        Box::new(LeaderAppendOnly::new(nodes)),
        Box::new(LogMatching::new(nodes)),
        Box::new(LeaderCompleteness::new(nodes)),
        Box::new(StateMachineSafety::new(nodes)),
    ]
}
