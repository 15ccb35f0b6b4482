//! The log: what is to be done, in which order, and since which term; its beginning may have given
//! way to a snapshot.

use super::members::{Members, Nodes};
use crate::state::consistency::KeyValueCall;

/// An entry of the log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// The term of the leader who wrote it first.
    pub term: u64,
    /// What is to be done.
    pub command: Command,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Command {
    /// Nothing: a new leader's first entry, which commits those before it (Ongaro 2014, 6.4).
    Nothing,
    /// What a client asks.
    Client(ClientCommand),
    /// From here on these vote.
    Members(Members),
}

/// What a client asks, under a name that is its own: applied twice it is done once (Ongaro 2014,
/// section 6.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClientCommand {
    /// Its name.
    pub id: CommandId,
    /// The lowest serial number of its session that is still unanswered: what is known of lower
    /// ones may be forgotten.
    pub oldest: u64,
    /// What is asked.
    pub call: KeyValueCall,
}

/// The name of a client's command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommandId {
    /// The node that its client asked.
    pub node: usize,
    /// That node's session: another one after each crash.
    pub session: u64,
    /// Counted from 0 in the session.
    pub serial: u64,
}

/// Entries by their index, from 1 on.
#[derive(Clone, Debug)]
pub(super) struct Log {
    /// Index and term of the last entry that a snapshot holds; zeros before there is one.
    base: (u64, u64),
    entries: Vec<Entry>,
    /// The configurations in it, each with the index of its entry, that of the snapshot first.
    members: Vec<(u64, Members)>,
    /// How often entries were taken back, and from which index on the last time.
    cuts: (u64, u64),
}

impl Log {
    pub fn new(voters: Nodes) -> Self {
        let members = vec![(0, Members::of(voters))];
        Self { base: (0, 0), entries: vec![], members, cuts: (0, 0) }
    }

    /// Index and term of the last entry that only a snapshot holds.
    pub const fn base(&self) -> (u64, u64) {
        self.base
    }

    /// Index and term of the last entry.
    pub fn last(&self) -> (u64, u64) {
        let term = self.entries.last().map_or(self.base.1, |entry| entry.term);
        (self.base.0 + self.entries.len() as u64, term)
    }

    /// How often entries were taken back, and from which index on the last time.
    pub const fn cuts(&self) -> (u64, u64) {
        self.cuts
    }

    pub fn entry(&self, index: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(index.checked_sub(self.base.0 + 1)?).ok()?)
    }

    /// The term of an entry, if it is still known.
    pub fn term(&self, index: u64) -> Option<u64> {
        if index == self.base.0 {
            return Some(self.base.1);
        }
        self.entry(index).map(|entry| entry.term)
    }

    /// At most so many entries from an index on, which must lie above the snapshot.
    pub fn entries(&self, from: u64, most: usize) -> &[Entry] {
        let from = self.entries.len().min((from - self.base.0 - 1) as usize);
        let to = self.entries.len().min(from.saturating_add(most));
        &self.entries[from..to]
    }

    pub fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
        if let Command::Members(members) = entry.command {
            self.members.push((self.last().0, members));
        }
    }

    /// Takes back the entries from an index on.
    pub fn truncate(&mut self, from: u64) {
        self.entries.truncate((from - self.base.0 - 1) as usize);
        self.members.retain(|(index, _)| *index < from);
        self.cuts = (self.cuts.0 + 1, from);
    }

    /// Forgets the entries up to an index, which a snapshot holds.
    pub fn compact(&mut self, to: u64) {
        let Some(term) = self.term(to) else { return };
        self.entries.drain(..(to - self.base.0) as usize);
        let members = self.members_at(to);
        self.members.retain(|(index, _)| *index > to);
        self.members.insert(0, (to, members));
        self.base = (to, term);
    }

    /// Forgets everything: a snapshot takes its place.
    pub fn replace(&mut self, base: (u64, u64), members: Members) {
        let cuts = (self.cuts.0 + 1, 1);
        *self = Self { base, entries: vec![], members: vec![(base.0, members)], cuts };
    }

    /// The latest configuration, committed or not, and the index of its entry.
    pub fn members(&self) -> (u64, Members) {
        self.members[self.members.len() - 1]
    }

    /// The configuration as it was after an entry.
    pub fn members_at(&self, index: u64) -> Members {
        let at = self.members.partition_point(|(at, _)| *at <= index);
        self.members[at.saturating_sub(1)].1
    }

    /// The first index of the term that an entry is of; above the snapshot.
    pub fn first_of_its_term(&self, index: u64) -> u64 {
        let term = self.term(index);
        let mut first = index;
        while first > self.base.0 + 1 && self.term(first - 1) == term {
            first -= 1;
        }
        first
    }

    /// The last index of a term, if there is one.
    pub fn last_of_term(&self, term: u64) -> Option<u64> {
        // Terms never decrease along a log.
        let after = self.entries.partition_point(|entry| entry.term <= term);
        let last = self.base.0 + after as u64;
        (self.term(last) == Some(term)).then_some(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(terms: &[u64]) -> Log {
        let mut log = Log::new(Nodes::below(3));
        for &term in terms {
            log.push(Entry { term, command: Command::Nothing });
        }
        log
    }

    #[test]
    fn indices_survive_compaction() {
        let mut log = of(&[1, 1, 2, 4, 4, 4]);
        let known = |log: &Log| (0..8).map(|index| log.term(index)).collect::<Vec<_>>();
        let whole = known(&log);
        assert_eq!((log.last(), log.last_of_term(1), log.last_of_term(3)), ((6, 4), Some(2), None));
        assert_eq!((log.first_of_its_term(6), log.first_of_its_term(2)), (4, 1));
        log.compact(4);
        assert_eq!((log.base(), log.last()), ((4, 4), (6, 4)));
        assert_eq!(known(&log)[4..], whole[4..]);
        assert_eq!(known(&log)[..4], [None; 4]);
        assert_eq!((log.first_of_its_term(6), log.last_of_term(4)), (5, Some(6)));
        assert_eq!(
            (log.entries(5, 1).len(), log.entries(5, 9).len(), log.entries(7, 9).len()),
            (1, 2, 0)
        );
        log.truncate(6);
        assert_eq!((log.last(), log.cuts()), ((5, 4), (1, 6)));
        log.replace((9, 5), Members::of(Nodes::below(2)));
        assert_eq!((log.last(), log.term(9), log.entry(9)), ((9, 5), Some(5), None));
    }

    #[test]
    fn the_latest_configuration_is_in_force_until_it_is_taken_back() {
        let mut log = of(&[1]);
        let joint = Members { voters: Nodes::below(3), next: Some(Nodes::below(5)) };
        log.push(Entry { term: 1, command: Command::Members(joint) });
        log.push(Entry { term: 1, command: Command::Nothing });
        assert_eq!(log.members(), (2, joint));
        assert_eq!(log.members_at(1), Members::of(Nodes::below(3)));
        let mut compacted = log.clone();
        compacted.compact(3);
        assert_eq!(compacted.members(), (3, joint));
        log.truncate(2);
        assert_eq!(log.members(), (0, Members::of(Nodes::below(3))));
    }
}
