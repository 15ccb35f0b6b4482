//! Validity, slot by slot.

use super::command::{Command, ReplicatedLog};
use crate::state::cluster::Property;
use std::collections::BTreeMap;

/// What is in a log was asked by a client, at the node and by the number that it bears, or is a
/// no-op (Lamport, 2001, sections 2.1 and 3). Replicas that lie are not asked.
#[derive(Clone, Debug, Default)]
pub struct SlotValidity {
    /// Of each node the slots from which on it has not been looked at.
    seen: BTreeMap<usize, u64>,
}

impl<R: ReplicatedLog> Property<R> for SlotValidity {
    fn name(&self) -> &'static str {
        "validity in every slot (Lamport 2001, section 2.1)"
    }

    fn check(&mut self, node: usize, replicas: &[R]) -> Result<(), String> {
        let replica = &replicas[node];
        if !replica.is_honest() {
            return Ok(());
        }
        let from = self.seen.insert(node, replica.applied()).unwrap_or(0);
        for (slot, command) in replica.log().range(from.min(replica.applied())..) {
            let Command::Call { node: asked, number, call } = *command else { continue };
            if replicas.get(asked).and_then(|at| at.asked().get(number)) != Some(&call) {
                return Err(format!("slot {slot} has {command:?}, which nobody asked there"));
            }
        }
        Ok(())
    }
}
