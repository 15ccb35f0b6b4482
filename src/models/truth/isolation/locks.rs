//! A store of one copy of everything, with locks or without: the levels below snapshots, and
//! two-phase locking.

use super::history::Version;
use super::level::Level;
use super::store::{Engine, Held, Outcome};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
struct Object {
    /// What was committed last, and what is there now.
    committed: Held,
    current: Held,
    writer: Option<usize>,
    readers: BTreeSet<usize>,
}

#[derive(Debug)]
pub(super) struct Locks {
    level: Level,
    objects: Vec<Object>,
    /// Of each transaction what it has written, by object, and what was there before.
    written: BTreeMap<(usize, usize), (Held, Held)>,
    /// Whom a transaction waits for.
    waits: BTreeMap<usize, BTreeSet<usize>>,
}

impl Locks {
    pub fn new(level: Level, values: &[i64]) -> Self {
        let object = |value: &i64| {
            let held = Held { version: Version::INITIAL, value: *value };
            Object { committed: held, current: held, writer: None, readers: BTreeSet::new() }
        };
        let objects = values.iter().map(object).collect();
        Self { level, objects, written: BTreeMap::new(), waits: BTreeMap::new() }
    }

    /// The transaction waits for these; or aborts, if they wait for it.
    fn waits_for(&mut self, transaction: usize, holders: BTreeSet<usize>) -> Outcome<Held> {
        let (mut open, mut seen) = (Vec::from_iter(holders.iter().copied()), BTreeSet::new());
        while let Some(holder) = open.pop() {
            if holder == transaction {
                return Outcome::Aborts;
            }
            if seen.insert(holder) {
                open.extend(self.waits.get(&holder).into_iter().flatten());
            }
        }
        self.waits.insert(transaction, holders);
        Outcome::Waits
    }

    fn ends(&mut self, transaction: usize) {
        for object in &mut self.objects {
            object.readers.remove(&transaction);
            if object.writer == Some(transaction) {
                object.writer = None;
            }
        }
        self.written.retain(|(writer, _), _| *writer != transaction);
        // All who wait try again.
        self.waits.clear();
    }
}

impl Engine for Locks {
    fn read(&mut self, transaction: usize, at: usize) -> Outcome<Held> {
        let object = &mut self.objects[at];
        match self.level {
            Level::TwoPhaseLocking => {
                if let Some(writer) = object.writer.filter(|it| *it != transaction) {
                    return self.waits_for(transaction, BTreeSet::from([writer]));
                }
                object.readers.insert(transaction);
                Outcome::Done(object.current)
            }
            Level::ReadCommitted => {
                let own = self.written.get(&(transaction, at));
                Outcome::Done(own.map_or(object.committed, |(own, _)| *own))
            }
            _ => Outcome::Done(object.current),
        }
    }

    fn write(&mut self, transaction: usize, at: usize, value: i64) -> Outcome<Held> {
        let object = &mut self.objects[at];
        if self.level != Level::Nothing {
            let mut holders: BTreeSet<usize> = object.writer.into_iter().collect();
            if self.level == Level::TwoPhaseLocking {
                holders.extend(&object.readers);
            }
            holders.remove(&transaction);
            if !holders.is_empty() {
                return self.waits_for(transaction, holders);
            }
            object.writer = Some(transaction);
        }
        let before = object.current;
        let written = self.written.entry((transaction, at));
        let (own, _) = written
            .and_modify(|(own, _)| *own = Held { version: own.version.next(), value })
            .or_insert((
                Held { version: Version { writer: transaction, number: 1 }, value },
                before,
            ));
        object.current = *own;
        Outcome::Done(*own)
    }

    fn commit(&mut self, transaction: usize) -> bool {
        for ((writer, at), (own, _)) in &self.written {
            if *writer == transaction {
                self.objects[*at].committed = *own;
            }
        }
        self.ends(transaction);
        true
    }

    fn abort(&mut self, transaction: usize) {
        for ((writer, at), (own, before)) in &self.written {
            let object = &mut self.objects[*at];
            // Without locks another may have written over it.
            if *writer == transaction && object.current == *own {
                object.current = *before;
            }
        }
        self.ends(transaction);
    }

    fn values(&self) -> Vec<i64> {
        let holds = |object: &Object| match self.level {
            Level::Nothing => object.current.value,
            _ => object.committed.value,
        };
        self.objects.iter().map(holds).collect()
    }
}
