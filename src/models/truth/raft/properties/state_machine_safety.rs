//! State-machine safety: if a node has applied an entry, no other ever applies another one of the
//! same index (Ongaro 2014, figure 3.2 and section 3.6.3).

use crate::state::cluster::Property;
use crate::truth::raft::{Entry, Raft};

/// All nodes apply the same commands in the same order.
#[derive(Debug)]
pub struct StateMachineSafety {
    /// By index less 1: what was applied first, and by which node. Nothing where only a snapshot
    /// told of it.
    applied: Vec<Option<(Entry, usize)>>,
    /// Of each node, how many it has applied.
    seen: Vec<u64>,
}

impl StateMachineSafety {
    /// For so many nodes.
    pub fn new(nodes: usize) -> Self {
        Self { applied: vec![], seen: vec![0; nodes] }
    }
}

impl Property<Raft> for StateMachineSafety {
    fn name(&self) -> &'static str {
        "state machine safety (Ongaro 2014, fig. 3.2)"
    }

    fn check(&mut self, node: usize, replicas: &[Raft]) -> Result<(), String> {
        let replica = &replicas[node];
        let (seen, now) = (self.seen[node], replica.applied());
        // After a crash it applies its log once more.
        self.seen[node] = now;
        for index in seen + 1..=now {
            let at = index as usize - 1;
            if at >= self.applied.len() {
                self.applied.resize(at + 1, None);
            }
            let Some(entry) = replica.entry(index) else { continue };
            let (known, first) = self.applied[at].get_or_insert((*entry, node));
            if known != entry {
                return Err(format!(
                    "node {first} has applied an entry of term {} at {index}, and node {node} \
                     another one, of term {}",
                    known.term, entry.term
                ));
            }
        }
        Ok(())
    }
}
