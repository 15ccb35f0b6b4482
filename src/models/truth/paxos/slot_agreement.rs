//! Agreement, slot by slot.

use super::command::{Command, ReplicatedLog};
use crate::state::cluster::Property;
use std::collections::BTreeMap;

/// No two replicas hold different commands to be in the same slot for ever: each slot is a decision
/// of its own (Lamport, 2001, section 3; of Byzantine faults Castro and Liskov, 1999, section
/// 4.5.1). Replicas that lie are not asked.
#[derive(Clone, Debug, Default)]
pub struct SlotAgreement {
    /// By slot who held what first.
    first: BTreeMap<u64, (usize, Command)>,
    /// Of each node the slots from which on it has not been looked at.
    seen: BTreeMap<usize, u64>,
}

impl<R: ReplicatedLog> Property<R> for SlotAgreement {
    fn name(&self) -> &'static str {
        "agreement in every slot (Lamport 2001, section 3)"
    }

    fn check(&mut self, node: usize, replicas: &[R]) -> Result<(), String> {
        let replica = &replicas[node];
        if !replica.is_honest() {
            return Ok(());
        }
        let from = self.seen.insert(node, replica.applied()).unwrap_or(0);
        // A disk that was lost is filled anew.
        for (slot, command) in replica.log().range(from.min(replica.applied())..) {
            let (first, held) = *self.first.entry(*slot).or_insert((node, *command));
            if held != *command {
                return Err(format!(
                    "in slot {slot} node {first} has {held:?}, and node {node} has {command:?}"
                ));
            }
        }
        Ok(())
    }
}
