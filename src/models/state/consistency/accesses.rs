//! A history of registers as reads and writes, and which write each read is of.

use super::history::{EventKind, History};
use super::objects::{KeyValueCall, RegisterCall, RegisterReply};
use std::collections::BTreeMap;
use std::fmt::{self, Display};

/// A call that is about one register of those that there are.
pub trait RegisterAccess: Display {
    /// The key of the register (0, if there is but one), and what it is asked.
    fn access(&self) -> (u64, RegisterCall);
}

impl RegisterAccess for RegisterCall {
    fn access(&self) -> (u64, RegisterCall) {
        (0, *self)
    }
}

impl RegisterAccess for KeyValueCall {
    fn access(&self) -> (u64, RegisterCall) {
        (self.key, self.call)
    }
}

/// A read could be of several writes. The checks that ask which write a read is of need values
/// that are written once.
#[derive(Clone, PartialEq, Eq)]
pub struct AmbiguousRead {
    /// The read, by its index in the history.
    pub read: usize,
    /// Two writes of what it returned.
    pub writes: [usize; 2],
    /// The three in words.
    texts: [String; 3],
}

/// What a read is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Nothing was written yet.
    Initial,
    /// An access that wrote it.
    Write(usize),
    /// Nobody wrote it.
    Nobody,
}

/// A read, a write, or (compare-and-set) both.
pub(super) struct Access {
    pub(super) operation: usize,
    pub(super) key: u64,
    pub(super) reads: Option<Source>,
    pub(super) writes: bool,
    /// Whose it is, and how many of that session come before.
    pub(super) session: usize,
    pub(super) place: usize,
    /// The numbers of the events of its beginning and its end.
    pub(super) begins: usize,
    pub(super) ends: usize,
}

/// The accesses of a history. A compare-and-set that was refused is none. A pending write is one
/// only if somebody read it; it is a session of its own, that begins after what its process did
/// before.
pub(super) struct Accesses {
    pub(super) all: Vec<Access>,
    /// Of each session its accesses in order.
    pub(super) sessions: Vec<Vec<usize>>,
    /// Of each session the access after which it begins.
    pub(super) after: Vec<Option<usize>>,
}

impl Accesses {
    pub(super) fn of<Call: RegisterAccess>(
        history: &History<Call, RegisterReply>,
    ) -> Result<Self, AmbiguousRead> {
        let mut all: Vec<Access> = vec![];
        let mut values: Vec<(Option<Option<i64>>, Option<i64>)> = vec![];
        let mut begins = vec![0; history.len()];
        let mut ends = vec![usize::MAX; history.len()];
        for (number, event) in history.events().iter().enumerate() {
            match event.kind {
                EventKind::Invoked => begins[event.operation] = number,
                EventKind::Returned => ends[event.operation] = number,
                EventKind::TimedOut | EventKind::Failed => {}
            }
        }
        for (it, operation) in history.operations().iter().enumerate() {
            let (key, call) = operation.call.access();
            let value = match (call, operation.reply()) {
                _ if operation.has_failed() => continue,
                (RegisterCall::Read, Some(RegisterReply::Value(value))) => (Some(*value), None),
                (RegisterCall::Write(value), _) => (None, Some(value)),
                (
                    RegisterCall::CompareAndSet(from, to),
                    None | Some(RegisterReply::Swapped(true)),
                ) => (Some(Some(from)), Some(to)),
                _ => continue,
            };
            values.push(value);
            all.push(Access {
                operation: it,
                key,
                reads: None,
                writes: value.1.is_some(),
                session: operation.process,
                place: 0,
                begins: begins[it],
                ends: ends[it],
            });
        }
        // Pending writes count when somebody read them: nobody but a read that was answered, or
        // another pending one that counts.
        let mut writers: BTreeMap<(u64, i64), [Option<usize>; 2]> = BTreeMap::new();
        for (access, (_, value)) in values.iter().enumerate() {
            if let Some(value) = value {
                let known = writers.entry((all[access].key, *value)).or_default();
                let free = known.iter().position(Option::is_none);
                free.into_iter().for_each(|place| known[place] = Some(access));
            }
        }
        let mut counts: Vec<bool> = all.iter().map(|access| access.ends != usize::MAX).collect();
        let mut to_see: Vec<usize> = (0..all.len()).filter(|&access| counts[access]).collect();
        while let Some(access) = to_see.pop() {
            let Some(value) = values[access].0 else { continue };
            let key = all[access].key;
            let known = value.map(|value| writers.get(&(key, value)).copied().unwrap_or_default());
            all[access].reads = Some(match known {
                None => Source::Initial,
                Some([Some(one), Some(other)]) => {
                    return Err(AmbiguousRead::new(history, &all, [access, one, other]));
                }
                Some([Some(write), _]) => {
                    if !std::mem::replace(&mut counts[write], true) {
                        to_see.push(write);
                    }
                    Source::Write(write)
                }
                Some([None, _]) => Source::Nobody,
            });
        }
        Ok(Self::sorted(all, &counts))
    }

    /// Those that count, by session.
    fn sorted(all: Vec<Access>, counts: &[bool]) -> Self {
        let mut numbers = vec![0; all.len()];
        let mut kept: Vec<Access> = vec![];
        for (old, access) in all.into_iter().enumerate() {
            numbers[old] = kept.len();
            if counts[old] {
                kept.push(access);
            }
        }
        let (mut sessions, mut after) = (vec![], vec![]);
        let mut of_process: BTreeMap<usize, usize> = BTreeMap::new();
        for (number, access) in kept.iter_mut().enumerate() {
            if let Some(Source::Write(write)) = &mut access.reads {
                *write = numbers[*write];
            }
            let known = of_process.get(&access.session).copied();
            let session = if access.ends == usize::MAX {
                let last = known.and_then(|session: usize| -> Option<&usize> {
                    let session: &Vec<usize> = &sessions[session];
                    session.last()
                });
                after.push(last.copied());
                sessions.push(vec![]);
                sessions.len() - 1
            } else {
                known.unwrap_or_else(|| {
                    of_process.insert(access.session, sessions.len());
                    after.push(None);
                    sessions.push(vec![]);
                    sessions.len() - 1
                })
            };
            access.session = session;
            access.place = sessions[session].len();
            sessions[session].push(number);
        }
        Self { all: kept, sessions, after }
    }
}

impl AmbiguousRead {
    fn new<Call: RegisterAccess>(
        history: &History<Call, RegisterReply>,
        all: &[Access],
        accesses: [usize; 3],
    ) -> Self {
        let operations = accesses.map(|access| all[access].operation);
        let [read, one, other] = operations;
        let texts = operations.map(|it| history.operations()[it].to_string());
        Self { read, writes: [one, other], texts }
    }
}

impl Display for AmbiguousRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [read, one, other] = &self.texts;
        write!(
            f,
            "what {read} returned was written twice, by {one} and {other}; this check must know \
             which write a read is of: write each value once"
        )
    }
}

/// The sentence too: it is what a cell shows of an error.
impl fmt::Debug for AmbiguousRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for AmbiguousRead {}

#[cfg(test)]
mod tests {
    use super::super::history::Operation;
    use super::*;

    fn read(process: usize, value: Option<i64>, at: f64) -> Operation<RegisterCall, RegisterReply> {
        Operation::new(process, RegisterCall::Read, RegisterReply::Value(value), at, at + 0.5)
    }

    #[test]
    fn a_pending_write_counts_when_it_was_read() {
        let history = History::of(vec![
            Operation::pending(0, RegisterCall::Write(1), 0.0),
            Operation::pending(0, RegisterCall::CompareAndSet(1, 2), 1.0),
            Operation::pending(0, RegisterCall::Write(3), 2.0),
            read(0, Some(2), 3.0),
            read(1, Some(9), 4.0),
            read(1, None, 5.0),
        ]);
        let accesses = Accesses::of(&history.unwrap()).unwrap();
        let found: Vec<_> =
            accesses.all.iter().map(|it| (it.operation, it.reads, it.writes)).collect();
        let expected = [
            (0, None, true),
            (1, Some(Source::Write(0)), true),
            (3, Some(Source::Write(1)), false),
            (4, Some(Source::Nobody), false),
            (5, Some(Source::Initial), false),
        ];
        assert_eq!(found, expected);
        assert_eq!(accesses.sessions, [vec![0], vec![1], vec![2], vec![3, 4]]);
    }

    #[test]
    fn a_value_that_was_written_twice() {
        let write = |process, at: f64| {
            Operation::new(process, RegisterCall::Write(1), RegisterReply::Written, at, at + 0.5)
        };
        let twice = vec![write(0, 0.0), write(1, 1.0)];
        assert!(Accesses::of(&History::of(twice.clone()).unwrap()).is_ok(), "nobody read it");
        let read = vec![read(2, Some(1), 2.0)];
        let history = History::of([twice, read].concat()).unwrap();
        let error = Accesses::of(&history).err().unwrap();
        assert_eq!((error.read, error.writes), (2, [0, 1]));
        assert!(error.to_string().contains(
            "process 2: read → 1 [2, 2.5] returned was written twice, by process 0: write 1 [0, 0.5]"
        ));
    }
}
