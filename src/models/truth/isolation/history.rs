//! What transactions did: reads and writes of versions, commits and aborts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A version of an object: who wrote it, and which of the writer's writes to the object it is, from
/// 1 on. Transaction 0 wrote all objects before the history began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The transaction.
    pub writer: usize,
    /// Which of its writes to the object.
    pub number: usize,
}

impl Version {
    /// What was there before the history began.
    pub const INITIAL: Self = Self { writer: 0, number: 1 };
}

/// Something that a transaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A transaction read a version of an object.
    Read(usize, String, Version),
    /// A transaction wrote an object.
    Write(usize, String, Version),
    /// A transaction committed.
    Commit(usize),
    /// A transaction aborted.
    Abort(usize),
}

impl Event {
    /// Which transaction did it.
    pub const fn transaction(&self) -> usize {
        match self {
            Self::Read(it, ..) | Self::Write(it, ..) | Self::Commit(it) | Self::Abort(it) => *it,
        }
    }
}

/// A history of transactions on objects that have names, in the order in which things happened.
/// Every write makes a version of its own, so that it is known what a read has read. Transactions
/// are numbered from 1; one that has not ended counts as aborted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transactions {
    events: Vec<Event>,
    /// Of objects whose versions are in another order than their writers committed: the order of
    /// the writers.
    orders: BTreeMap<String, Vec<usize>>,
}

impl Transactions {
    /// One in which nothing has happened.
    pub fn new() -> Self {
        Self::default()
    }

    /// A transaction reads the last version that a transaction has written (0 for what was there
    /// before).
    ///
    /// # Panics
    /// As for all that is added here: if the transaction has ended or is number 0; here also if
    /// the writer has not written the object.
    #[track_caller]
    pub fn read(&mut self, transaction: usize, object: &str, writer: usize) -> &mut Self {
        let number = self.writes_of(writer, object);
        assert!(
            number >= 1,
            "Transactions::read: transaction {transaction} is to read {object} as transaction \
             {writer} wrote it, but that has not written it; put its write first"
        );
        self.read_version(transaction, object, Version { writer, number })
    }

    /// A transaction reads this version.
    #[track_caller]
    pub fn read_version(
        &mut self,
        transaction: usize,
        object: &str,
        version: Version,
    ) -> &mut Self {
        assert!(
            (1..=self.writes_of(version.writer, object)).contains(&version.number),
            "Transactions::read_version: transaction {} has written {object} {} times, but its \
             write {} is read; they are numbered from 1",
            version.writer,
            self.writes_of(version.writer, object),
            version.number
        );
        self.add(Event::Read(transaction, object.to_owned(), version))
    }

    /// A transaction writes an object.
    #[track_caller]
    pub fn write(&mut self, transaction: usize, object: &str) -> &mut Self {
        let number = self.writes_of(transaction, object) + 1;
        let version = Version { writer: transaction, number };
        self.add(Event::Write(transaction, object.to_owned(), version))
    }

    /// A transaction commits.
    #[track_caller]
    pub fn commit(&mut self, transaction: usize) -> &mut Self {
        self.add(Event::Commit(transaction))
    }

    /// A transaction aborts.
    #[track_caller]
    pub fn abort(&mut self, transaction: usize) -> &mut Self {
        self.add(Event::Abort(transaction))
    }

    /// The versions of an object are in this order of their writers, all of which commit;
    /// otherwise they are in the order in which their writers committed. Who is named and has not
    /// written the object is left out, and who has written it and is not named comes last.
    ///
    /// # Panics
    /// If one is named twice.
    #[track_caller]
    pub fn order(&mut self, object: &str, writers: &[usize]) -> &mut Self {
        let distinct: BTreeSet<usize> = writers.iter().copied().collect();
        assert!(
            distinct.len() == writers.len(),
            "Transactions::order: each writer of {object} has one place in the order, but one is \
             named twice in {writers:?}"
        );
        self.orders.insert(object.to_owned(), writers.to_vec());
        self
    }

    #[track_caller]
    fn add(&mut self, event: Event) -> &mut Self {
        let transaction = event.transaction();
        assert!(
            transaction >= 1,
            "Transactions: transaction 0 is what was there before; number them from 1"
        );
        assert!(
            !self.has_ended(transaction),
            "Transactions: transaction {transaction} has ended, but does something more ({event}); \
             give what comes after its end another number"
        );
        self.events.push(event);
        self
    }

    fn has_ended(&self, transaction: usize) -> bool {
        let is_end = |event: &Event| matches!(event, Event::Commit(it) | Event::Abort(it) if *it == transaction);
        self.events.iter().any(is_end)
    }

    fn writes_of(&self, writer: usize, object: &str) -> usize {
        if writer == 0 {
            return 1;
        }
        let is_it = |event: &&Event| matches!(event, Event::Write(it, of, _) if *it == writer && of == object);
        self.events.iter().filter(is_it).count()
    }

    /// Takes a history that was made step by step, where nothing needs a check.
    pub(super) fn recorded(events: Vec<Event>, orders: BTreeMap<String, Vec<usize>>) -> Self {
        Self { events, orders }
    }

    /// What happened, in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The transactions that committed, in the order in which they did.
    pub fn committed(&self) -> Vec<usize> {
        let commits = self.events.iter().filter_map(|event| match event {
            Event::Commit(transaction) => Some(*transaction),
            _ => None,
        });
        commits.collect()
    }

    /// How many transactions there are, those that did not commit included.
    pub fn count(&self) -> usize {
        self.events.iter().map(Event::transaction).collect::<BTreeSet<_>>().len()
    }

    /// The writers of each object that committed, in the order of its versions.
    pub(super) fn version_orders(&self) -> BTreeMap<&str, Vec<usize>> {
        let mut writers: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for event in &self.events {
            if let Event::Write(writer, object, _) = event {
                writers.entry(object).or_default().insert(*writer);
            }
        }
        let committed = self.committed();
        let mut orders = BTreeMap::new();
        for (object, writers) in writers {
            let commits = committed.iter().filter(|it| writers.contains(it)).copied();
            let order: Vec<usize> = match self.orders.get(object) {
                // Those that are not named come last.
                Some(given) => {
                    let wrote = |it: &usize| committed.contains(it) && writers.contains(it);
                    let known = given.iter().copied().filter(wrote);
                    known.chain(commits.filter(|it| !given.contains(it))).collect()
                }
                None => commits.collect(),
            };
            orders.insert(object, order);
        }
        orders
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.number {
            1 => write!(f, "{}", self.writer),
            number => write!(f, "{}.{number}", self.writer),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Read(it, object, version) => write!(f, "r{it}({object}{version})"),
            Self::Write(it, object, version) => write!(f, "w{it}({object}{version})"),
            Self::Commit(it) => write!(f, "c{it}"),
            Self::Abort(it) => write!(f, "a{it}"),
        }
    }
}

/// In Adya's notation, as [`Transactions::parse`] reads it.
impl fmt::Display for Transactions {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let events = self.events.iter().map(ToString::to_string);
        let orders =
            self.orders.iter().filter(|(_, order)| order.len() > 1).map(|(object, order)| {
                let versions: Vec<String> =
                    order.iter().map(|it| format!("{object}{it}")).collect();
                format!("[{}]", versions.join("<<"))
            });
        write!(f, "{}", events.chain(orders).collect::<Vec<_>>().join(" "))
    }
}
