//! Log matching: two logs that have an entry of the same index and term are the same up to there
//! (Ongaro 2014, figure 3.2 and section 3.5).

use crate::state::cluster::Property;
use crate::truth::raft::{Entry, Raft};

/// An index and a term say what the entry is, and of which term the one before it is: then, entry
/// by entry towards the beginning, logs that share an index and term are the same.
#[derive(Debug)]
pub struct LogMatching {
    /// By index: of each term in which there is one, the entry, the term of the entry before, and
    /// the node that had it first. Most have one.
    known: Vec<Vec<(Entry, u64, usize)>>,
    /// Of each node, up to which index its log is known, and how often it was cut until then.
    seen: Vec<(u64, u64)>,
}

impl LogMatching {
    /// For so many nodes.
    pub fn new(nodes: usize) -> Self {
        Self { known: vec![], seen: vec![(0, 0); nodes] }
    }
}

impl Property<Raft> for LogMatching {
    fn name(&self) -> &'static str {
        "log matching (Ongaro 2014, fig. 3.2)"
    }

    fn check(&mut self, node: usize, replicas: &[Raft]) -> Result<(), String> {
        let log = &replicas[node].log;
        let (seen, cuts) = self.seen[node];
        let (now, from) = log.cuts();
        let (last, _) = log.last();
        let same = match now.wrapping_sub(cuts) {
            0 => seen.min(last),
            1 => seen.min(from - 1),
            // Cut more than once, or on another disk.
            _ => 0,
        };
        self.seen[node] = (last, now);
        for index in same.max(log.base().0) + 1..=last {
            let (Some(entry), Some(before)) = (log.entry(index), log.term(index - 1)) else {
                continue;
            };
            if self.known.len() <= index as usize {
                self.known.resize(index as usize + 1, vec![]);
            }
            let known = &mut self.known[index as usize];
            let Some((same, other, first)) = known.iter().find(|it| it.0.term == entry.term) else {
                known.push((*entry, before, node));
                continue;
            };
            if same != entry {
                return Err(format!(
                    "nodes {first} and {node} have different entries at {index}, both of term {}",
                    entry.term
                ));
            }
            if *other != before {
                return Err(format!(
                    "nodes {first} and {node} have an entry of term {} at {index}, but before it \
                     one of term {other} and one of term {before}",
                    entry.term
                ));
            }
        }
        Ok(())
    }
}
