//! The four session guarantees of Terry, Demers, Petersen, Spreitzer, Theimer and Welch (1994), as
//! far as the clients of registers can see them.

use super::accesses::{Access, Accesses, AmbiguousRead, RegisterAccess, Source};
use super::history::History;
use super::objects::RegisterReply;
use std::collections::BTreeMap;

/// The reads of a history that break a session guarantee. A process is a session.
///
/// A read is stale if it returns an older version than one that the guarantee says it must know. A
/// version is older than another if its write was over, or somebody had read it, before the write
/// of the other began: no more than that is known of the order of versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionReport {
    /// A read must know what its process wrote before.
    pub read_your_writes: Vec<StaleRead>,
    /// A read must know what its process read before.
    pub monotonic_reads: Vec<StaleRead>,
    /// A process that has read a write must know those that the writer wrote before, and not find
    /// two writes of one process in the wrong order. In a single register this is seen only where
    /// reads are not monotonic either: whether the reader or the writes went astray, clients cannot
    /// tell.
    pub monotonic_writes: Vec<StaleRead>,
    /// A process that has read a write must know what the writer had read before it, and so on;
    /// and not find the two in the wrong order.
    pub writes_follow_reads: Vec<StaleRead>,
}

/// A read that should have returned something newer. Operations are told by their index in the
/// history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleRead {
    /// The read.
    pub read: usize,
    /// The write that it is of; none, if it found nil.
    pub returned: Option<usize>,
    /// The write that it had to know.
    pub missed: usize,
    /// The earlier operation of its process because of which it had to.
    pub because: usize,
}

impl SessionReport {
    /// Whether all four guarantees hold.
    pub const fn all_hold(&self) -> bool {
        self.read_your_writes.is_empty()
            && self.monotonic_reads.is_empty()
            && self.monotonic_writes.is_empty()
            && self.writes_follow_reads.is_empty()
    }
}

impl<Call: RegisterAccess> History<Call, RegisterReply> {
    /// Which reads break which session guarantee. Of pending writes nobody has to know. A read of
    /// what nobody wrote breaks none: see [`BadPattern::ThinAirRead`](super::BadPattern).
    ///
    /// # Errors
    /// If a value that was read was written twice.
    pub fn session_guarantees(&self) -> Result<SessionReport, AmbiguousRead> {
        let accesses = Accesses::of(self)?;
        let versions = Versions::of(&accesses);
        let mut report = SessionReport::default();
        for session in 0..accesses.sessions.len() {
            crate::interrupt::tick();
            Reader::new(&accesses, &versions).follow(session, &mut report);
        }
        let sorted = [
            &mut report.read_your_writes,
            &mut report.monotonic_reads,
            &mut report.monotonic_writes,
            &mut report.writes_follow_reads,
        ];
        sorted.into_iter().for_each(|stale| stale.sort_by_key(|it| it.read));
        Ok(report)
    }
}

/// What is known of the versions that were written.
struct Versions {
    /// Of each write the number of the event by which it was there for certain.
    there: Vec<usize>,
    /// Of each write the sessions that read it, each with the place where it did first.
    readers: Vec<Vec<(usize, usize)>>,
}

impl Versions {
    fn of(accesses: &Accesses) -> Self {
        let mut there: Vec<usize> = accesses.all.iter().map(|access| access.ends).collect();
        let mut readers = vec![vec![]; there.len()];
        for session in &accesses.sessions {
            for &it in session {
                let Access { session, place, ends, reads, .. } = accesses.all[it];
                let Some(Source::Write(write)) = reads else { continue };
                there[write] = there[write].min(ends);
                let known: &mut Vec<(usize, usize)> = &mut readers[write];
                if known.last().is_none_or(|(last, _)| *last != session) {
                    known.push((session, place));
                }
            }
        }
        Self { there, readers }
    }
}

/// Of each key the newest write that must be known, and the access because of which.
type Known = BTreeMap<u64, (usize, usize)>;

/// One session as it goes on.
struct Reader<'a> {
    accesses: &'a Accesses,
    versions: &'a Versions,
    own: Known,
    read: Known,
    /// What follows from what was read: the writes before it, and what was read before it.
    written_before: Known,
    read_before: Known,
    /// Of each session how much of it was taken into these two.
    writes_taken: BTreeMap<usize, usize>,
    reads_taken: BTreeMap<usize, usize>,
    /// Of a session and a key the last write that was read: its rank there, the write, and the
    /// read.
    last_read: BTreeMap<(usize, u64), (usize, usize, usize)>,
}

impl<'a> Reader<'a> {
    const fn new(accesses: &'a Accesses, versions: &'a Versions) -> Self {
        Self {
            accesses,
            versions,
            own: Known::new(),
            read: Known::new(),
            written_before: Known::new(),
            read_before: Known::new(),
            writes_taken: BTreeMap::new(),
            reads_taken: BTreeMap::new(),
            last_read: BTreeMap::new(),
        }
    }

    fn follow(mut self, session: usize, report: &mut SessionReport) {
        for &it in &self.accesses.sessions[session] {
            let access = &self.accesses.all[it];
            match access.reads {
                Some(Source::Write(write)) => {
                    self.check(it, Some(write), report);
                    self.learn(it, write);
                }
                Some(Source::Initial) => self.check(it, None, report),
                Some(Source::Nobody) | None => {}
            }
            if access.writes {
                raise(self.accesses, &mut self.own, it, it);
            }
        }
    }

    fn check(&self, read: usize, returned: Option<usize>, report: &mut SessionReport) {
        let key = self.accesses.all[read].key;
        let stale = |known: &Known| {
            let &(missed, because) = known.get(&key)?;
            let begins = self.accesses.all[missed].begins;
            let is_older = |write| write != missed && self.versions.there[write] < begins;
            returned.is_none_or(is_older).then_some((missed, because))
        };
        let after = |session: usize, rank: usize| {
            let &(last, write, because) = self.last_read.get(&(session, key))?;
            (rank < last).then_some((write, because))
        };
        let turned = || {
            let Access { session, place, .. } = self.accesses.all[returned?];
            after(session, 2 * place + 1)
        };
        let turned_read = || {
            let mut readers = self.versions.readers[returned?].iter();
            readers.find_map(|&(session, place)| after(session, 2 * place))
        };
        let operation = |access: usize| self.accesses.all[access].operation;
        let report_to = |list: &mut Vec<StaleRead>, found: Option<(usize, usize)>| {
            list.extend(found.map(|(missed, because)| StaleRead {
                read: operation(read),
                returned: returned.map(operation),
                missed: operation(missed),
                because: operation(because),
            }));
        };
        report_to(&mut report.read_your_writes, stale(&self.own));
        report_to(&mut report.monotonic_reads, stale(&self.read));
        report_to(&mut report.monotonic_writes, stale(&self.written_before).or_else(turned));
        report_to(&mut report.writes_follow_reads, stale(&self.read_before).or_else(turned_read));
    }

    /// This read is of that write.
    fn learn(&mut self, read: usize, write: usize) {
        let accesses = self.accesses;
        let key = accesses.all[write].key;
        raise(accesses, &mut self.read, write, read);
        for (session, place, until) in before(accesses, write) {
            // The read of a place has an even rank, the write of it the next, and what is pending
            // after it the one after that.
            let rank = place + until;
            let last = self.last_read.entry((session, key)).or_insert((rank, write, read));
            if last.0 < rank {
                *last = (rank, write, read);
            }
            for &it in more(accesses, &mut self.writes_taken, session, place) {
                if accesses.all[it].writes {
                    raise(accesses, &mut self.written_before, it, read);
                }
            }
        }
        let mut to_see = vec![write];
        while let Some(write) = to_see.pop() {
            // A compare-and-set read before it wrote.
            for (session, _, until) in before(accesses, write) {
                for &it in more(accesses, &mut self.reads_taken, session, until) {
                    if let Some(Source::Write(earlier)) = accesses.all[it].reads {
                        raise(accesses, &mut self.read_before, earlier, read);
                        to_see.push(earlier);
                    }
                }
            }
        }
    }
}

/// How much of which session comes before a write, without it and with it. A pending write is a
/// session of its own, that comes after part of another.
fn before(accesses: &Accesses, write: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let Access { session, place, .. } = accesses.all[write];
    let after = accesses.after[session].map(|after| {
        let Access { session, place, .. } = accesses.all[after];
        (session, place + 1, place + 1)
    });
    [(session, place, place + 1)].into_iter().chain(after)
}

/// The accesses of a session up to a place that were not taken yet.
fn more<'a>(
    accesses: &'a Accesses,
    taken: &mut BTreeMap<usize, usize>,
    session: usize,
    until: usize,
) -> &'a [usize] {
    let taken = taken.entry(session).or_default();
    let until = until.max(*taken);
    &accesses.sessions[session][std::mem::replace(taken, until)..until]
}

/// A write must be known from now on, if it is the newest of its key.
fn raise(accesses: &Accesses, known: &mut Known, write: usize, because: usize) {
    let Access { key, begins, .. } = accesses.all[write];
    let newest = known.entry(key).or_insert((write, because));
    if accesses.all[newest.0].begins < begins {
        *newest = (write, because);
    }
}
