//! Variants with a mistake, each of which somebody has made: for a checker to find.

use super::replica::Raft;
use super::settings::Reads;

/// Variants that are wrong on purpose.
impl Raft {
    /// Wrong: what a majority holds is taken for committed, of whatever term it is. A leader of
    /// a later term may still overwrite it (Ongaro 2014, figure 3.7).
    pub fn counting_earlier_terms(mut self) -> Self {
        self.settings.broken.counts_earlier_terms = true;
        self
    }

    /// Wrong: one fewer than a majority is taken for enough, in elections and for commitment.
    pub fn with_short_quorums(mut self) -> Self {
        self.settings.broken.quorum_short = 1;
        self
    }

    /// Wrong: a node that comes back from a crash remembers its log, but neither its term nor
    /// whom it voted for, and may vote twice.
    pub fn forgetting_votes(mut self) -> Self {
        self.settings.broken.forgets_votes = true;
        self
    }

    /// Wrong: a node votes for whoever asks first in a term, even for one whose log is behind its
    /// own, which may lack committed entries (Ongaro 2014, section 3.6.1).
    pub fn voting_for_any_log(mut self) -> Self {
        self.settings.broken.ignores_logs = true;
        self
    }

    /// Wrong: a leader answers reads from its store without asking whether it still leads (found
    /// in etcd and Consul by Kingsbury, 2014).
    pub fn reading_unchecked(mut self) -> Self {
        self.settings.reads = Reads::Unchecked;
        self
    }

    /// Wrong: a command that is sent twice is applied twice (Ongaro 2014, figure 6.2).
    pub fn applying_twice(mut self) -> Self {
        self.settings.broken.applies_twice = true;
        self
    }

    /// Wrong: [`Raft::change_members`] goes to the new members in one step. Majorities of the old
    /// and of the new may have no node in common (Ongaro 2014, figure 4.2).
    pub fn changing_at_once(mut self) -> Self {
        self.settings.broken.changes_at_once = true;
        self
    }
}
