//! Leader append-only: a leader never overwrites or takes back entries of its log (Ongaro 2014,
//! figure 3.2 and section 3.5).

use crate::state::cluster::Property;
use crate::truth::raft::{Entry, Raft};

/// A leader only appends. What it is asked is whether its last entry is still there: that those
/// before it are the same then is log matching.
#[derive(Debug)]
pub struct LeaderAppendOnly {
    /// Of each node that leads its term, the index of the last entry, and the entry.
    last: Vec<Option<(u64, u64, Option<Entry>)>>,
}

impl LeaderAppendOnly {
    /// For so many nodes.
    pub fn new(nodes: usize) -> Self {
        Self { last: vec![None; nodes] }
    }
}

impl Property<Raft> for LeaderAppendOnly {
    fn name(&self) -> &'static str {
        "leader append-only (Ongaro 2014, fig. 3.2)"
    }

    fn check(&mut self, node: usize, replicas: &[Raft]) -> Result<(), String> {
        let replica = &replicas[node];
        if !replica.is_leader() {
            self.last[node] = None;
            return Ok(());
        }
        let (term, index) = (replica.term(), replica.last_index());
        if let Some((led, last, entry)) = &self.last[node]
            && *led == term
        {
            if index < *last {
                return Err(format!(
                    "node {node}, leader of term {term}, had {last} entries and has {index}"
                ));
            }
            let now = replica.entry(*last);
            // A snapshot may have taken its place.
            if now.is_some() && now != entry.as_ref() {
                return Err(format!(
                    "node {node}, leader of term {term}, has another entry at {last} than before"
                ));
            }
            if index == *last {
                return Ok(());
            }
        }
        self.last[node] = Some((term, index, replica.entry(index).copied()));
        Ok(())
    }
}
