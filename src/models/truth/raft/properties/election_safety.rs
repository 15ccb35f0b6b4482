//! Election safety: at most one leader is elected in a term (Ongaro 2014, figure 3.2 and
//! section 3.4).

use crate::state::cluster::Property;
use crate::truth::raft::Raft;
use std::collections::BTreeMap;

/// At most one leader in a term.
#[derive(Debug)]
pub struct ElectionSafety {
    leaders: BTreeMap<u64, usize>,
    /// Of each node the last term that it was seen to lead.
    seen: Vec<u64>,
}

impl ElectionSafety {
    /// For so many nodes.
    pub fn new(nodes: usize) -> Self {
        Self { leaders: BTreeMap::new(), seen: vec![0; nodes] }
    }
}

impl Property<Raft> for ElectionSafety {
    fn name(&self) -> &'static str {
        "election safety (Ongaro 2014, fig. 3.2)"
    }

    fn check(&mut self, node: usize, replicas: &[Raft]) -> Result<(), String> {
        let term = replicas[node].term();
        if !replicas[node].is_leader() || self.seen[node] == term {
            return Ok(());
        }
        self.seen[node] = term;
        match *self.leaders.entry(term).or_insert(node) {
            leader if leader == node => Ok(()),
            leader => Err(format!("nodes {leader} and {node} were both elected in term {term}")),
        }
    }
}
