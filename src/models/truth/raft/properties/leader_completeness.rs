//! Leader completeness: an entry that is committed in a term is in the logs of the leaders of all
//! later terms (Ongaro 2014, figure 3.2 and section 3.6).

use crate::state::cluster::Property;
use crate::truth::raft::Raft;

/// What was committed in earlier terms is in a leader's log. It is asked about the last such
/// entry; that those before it are there too then is log matching.
#[derive(Debug)]
pub struct LeaderCompleteness {
    /// The last entries that were committed, one for each term in which some were, in the order
    /// of the terms: that term, and the entry's index and term.
    committed: Vec<(u64, u64, u64)>,
    /// Of each node the index up to which it was seen to be committed, and the term that it was
    /// seen to lead.
    seen: Vec<(u64, u64)>,
}

impl LeaderCompleteness {
    /// For so many nodes.
    pub fn new(nodes: usize) -> Self {
        Self { committed: vec![], seen: vec![(0, 0); nodes] }
    }

    /// The last entry that was committed in a term before this one.
    fn before(&self, term: u64) -> Option<(u64, u64, u64)> {
        let count = self.committed.partition_point(|(in_term, ..)| *in_term < term);
        // The last term's may be lower than an earlier one's if that leader was late to know.
        self.committed[..count].iter().copied().max_by_key(|(_, index, _)| *index)
    }

    fn lacks(&self, node: usize, replica: &Raft) -> Result<(), String> {
        let Some((in_term, index, term)) = self.before(replica.term()) else { return Ok(()) };
        match replica.log.term(index) {
            Some(own) if own == term => Ok(()),
            None if index < replica.log.base().0 => Ok(()),
            _ => Err(format!(
                "node {node} leads in term {} without entry {index} of term {term}, which was \
                 committed in term {in_term}",
                replica.term()
            )),
        }
    }
}

impl Property<Raft> for LeaderCompleteness {
    fn name(&self) -> &'static str {
        "leader completeness (Ongaro 2014, fig. 3.2)"
    }

    fn check(&mut self, node: usize, replicas: &[Raft]) -> Result<(), String> {
        let replica = &replicas[node];
        let (term, commit) = (replica.term(), replica.committed());
        let (seen, led) = self.seen[node];
        // Only a leader decides; the others are told.
        if replica.is_leader() && commit > seen {
            let at = self.committed.partition_point(|(in_term, ..)| *in_term < term);
            let entry = (term, commit, replica.log.term(commit).unwrap_or(0));
            match self.committed.get_mut(at) {
                Some(last) if last.0 == term => *last = entry,
                _ => self.committed.insert(at, entry),
            }
            for (other, replica) in replicas.iter().enumerate() {
                if replica.is_leader() && replica.term() > term {
                    self.lacks(other, replica)?;
                }
            }
        }
        let leads = if replica.is_leader() { term } else { 0 };
        self.seen[node] = (commit, leads);
        if leads != led && leads != 0 { self.lacks(node, replica) } else { Ok(()) }
    }
}
