//! A store that keeps versions: a transaction reads from the snapshot at its beginning.

use super::history::Version;
use super::store::{Engine, Held, Outcome};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
pub(super) struct Snapshots {
    is_serializable: bool,
    /// Of each object its versions, with the number of the commit that made them.
    versions: Vec<Vec<(u64, Held)>>,
    commits: u64,
    transactions: BTreeMap<usize, Transaction>,
    /// Who has read an object, transactions that have committed included.
    readers: Vec<BTreeSet<usize>>,
}

#[derive(Debug, Default)]
struct Transaction {
    /// The number of the last commit before it began, and of its own, if it has committed.
    snapshot: u64,
    committed: Option<u64>,
    writes: BTreeMap<usize, Held>,
    /// Whether a concurrent transaction must come before it because that read what it wrote over;
    /// and whether one must come after it.
    comes_after: bool,
    comes_before: bool,
}

impl Snapshots {
    pub fn new(is_serializable: bool, values: &[i64]) -> Self {
        let first = |value: &i64| vec![(0, Held { version: Version::INITIAL, value: *value })];
        let versions = values.iter().map(first).collect();
        let (transactions, readers) = (BTreeMap::new(), vec![BTreeSet::new(); values.len()]);
        Self { is_serializable, versions, commits: 0, transactions, readers }
    }

    fn of(&mut self, transaction: usize) -> &mut Transaction {
        let snapshot = self.commits;
        let begins = || Transaction { snapshot, ..Transaction::default() };
        self.transactions.entry(transaction).or_insert_with(begins)
    }

    /// A reader must come before a writer. Whether the one of them that is at work must abort:
    /// because the other has committed, and another must come on its other side.
    fn must_come_before(&mut self, reader: usize, writer: usize) -> bool {
        self.of(reader).comes_before = true;
        self.of(writer).comes_after = true;
        [reader, writer].iter().any(|it| {
            let it = &self.transactions[it];
            it.committed.is_some() && it.comes_before && it.comes_after
        })
    }
}

impl Engine for Snapshots {
    fn read(&mut self, transaction: usize, at: usize) -> Outcome<Held> {
        let snapshot = self.of(transaction).snapshot;
        if let Some(own) = self.of(transaction).writes.get(&at) {
            return Outcome::Done(*own);
        }
        let mut found = self.versions[at][0].1;
        let mut writers: Vec<usize> = vec![];
        for (number, held) in &self.versions[at] {
            if *number <= snapshot {
                found = *held;
            } else {
                writers.push(held.version.writer);
            }
        }
        if self.is_serializable {
            self.readers[at].insert(transaction);
            let is_at_work = |(_, it): &(&usize, &Transaction)| {
                it.committed.is_none() && it.writes.contains_key(&at)
            };
            writers.extend(self.transactions.iter().filter(is_at_work).map(|(it, _)| *it));
            for writer in writers {
                if self.must_come_before(transaction, writer) {
                    return Outcome::Aborts;
                }
            }
        }
        Outcome::Done(found)
    }

    fn write(&mut self, transaction: usize, at: usize, value: i64) -> Outcome<Held> {
        let first = Version { writer: transaction, number: 1 };
        let own = self.of(transaction);
        let snapshot = own.snapshot;
        let version = own.writes.get(&at).map_or(first, |it| it.version.next());
        own.writes.insert(at, Held { version, value });
        if self.is_serializable {
            let is_concurrent = |it: &&usize| {
                let committed = self.transactions.get(it).map(|it| it.committed);
                **it != transaction
                    && committed.is_some_and(|at| at.is_none_or(|number| number > snapshot))
            };
            let readers: Vec<usize> =
                self.readers[at].iter().filter(is_concurrent).copied().collect();
            for reader in readers {
                if self.must_come_before(reader, transaction) {
                    return Outcome::Aborts;
                }
            }
        }
        Outcome::Done(Held { version, value })
    }

    fn commit(&mut self, transaction: usize) -> bool {
        let own = self.of(transaction);
        let is_between = own.comes_before && own.comes_after;
        let (snapshot, writes) = (own.snapshot, own.writes.clone());
        let is_first = |at: &usize| {
            let last = self.versions[*at].last();
            last.is_none_or(|(number, _)| *number <= snapshot)
        };
        if !writes.keys().all(is_first) || (self.is_serializable && is_between) {
            self.abort(transaction);
            return false;
        }
        self.commits += 1;
        for (at, held) in writes {
            self.versions[at].push((self.commits, held));
        }
        self.of(transaction).committed = Some(self.commits);
        true
    }

    fn abort(&mut self, transaction: usize) {
        self.transactions.remove(&transaction);
        for readers in &mut self.readers {
            readers.remove(&transaction);
        }
    }

    fn values(&self) -> Vec<i64> {
        let last = |versions: &Vec<(u64, Held)>| versions.last().map_or(0, |(_, it)| it.value);
        self.versions.iter().map(last).collect()
    }
}
