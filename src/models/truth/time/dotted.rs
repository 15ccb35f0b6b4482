//! Version vectors (Parker et al., 1983), and those with a dot (Preguica, Baquero, Almeida, Fonte,
//! Goncalves, 2010 and 2012).

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

/// Of each writer, a server or a client, how many of its writes are known: all up to that number.
/// Those of which none is known are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionVector(BTreeMap<usize, u64>);

impl VersionVector {
    /// One that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// One by its entries, writer and count.
    pub fn of(entries: &[(usize, u64)]) -> Self {
        Self(entries.iter().copied().filter(|(_, count)| *count > 0).collect())
    }

    /// How many writes of this writer are known.
    pub fn count(&self, writer: usize) -> u64 {
        self.0.get(&writer).copied().unwrap_or(0)
    }

    /// Whether it knows the n-th write of a writer, n from 1 on.
    pub fn knows(&self, (writer, n): (usize, u64)) -> bool {
        n <= self.count(writer)
    }

    /// Whether it knows all that the other does.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|(writer, count)| self.count(*writer) >= *count)
    }

    /// Learns of the writes of a writer up to the n-th.
    pub fn learn(&mut self, (writer, n): (usize, u64)) {
        let known = self.0.entry(writer).or_default();
        *known = (*known).max(n);
    }

    /// Learns all that the other knows.
    pub fn merge(&mut self, other: &Self) {
        for (writer, count) in &other.0 {
            self.learn((*writer, *count));
        }
    }

    /// How many writers it names.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it names none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PartialOrd for VersionVector {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (other.covers(self), self.covers(other)) {
            (true, true) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Less),
            (false, true) => Some(Ordering::Greater),
            (false, false) => None,
        }
    }
}

/// As "{0:2 3:1}".
impl fmt::Display for VersionVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: Vec<String> =
            self.0.iter().map(|(writer, count)| format!("{writer}:{count}")).collect();
        write!(f, "{{{}}}", entries.join(" "))
    }
}

/// A dotted version vector: the write itself, as the n-th of a server, and apart from it the writes
/// that its client had seen. Only so two writes of clients who saw the same, by the same server,
/// can be told from one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DottedVersion {
    /// The server that took the write, and its number there, from 1 on.
    pub dot: (usize, u64),
    /// What the client had seen when it wrote.
    pub past: VersionVector,
}

impl DottedVersion {
    /// A new write that a server takes from a client who has seen `context`; `kept` are the
    /// versions that the server has. The dot is the least that neither knows (Preguica et al.,
    /// 2012, section 3: `update`).
    pub fn write(server: usize, context: &VersionVector, kept: &[Self]) -> Self {
        let known = Self::context(kept).count(server).max(context.count(server));
        Self { dot: (server, known + 1), past: context.clone() }
    }

    /// What a client has seen who reads these versions: their dots and their pasts.
    pub fn context(versions: &[Self]) -> VersionVector {
        let mut context = VersionVector::new();
        for version in versions {
            context.merge(&version.past);
            context.learn(version.dot);
        }
        context
    }
}

/// One comes before another if the other's past has its dot: one look, whatever the number of
/// servers.
impl PartialOrd for DottedVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if self.dot == other.dot {
            return Some(Ordering::Equal);
        }
        match (other.past.knows(self.dot), self.past.knows(other.dot)) {
            (true, false) => Some(Ordering::Less),
            (false, true) => Some(Ordering::Greater),
            _ => None,
        }
    }
}

/// As "(0:3) after {0:2 1:1}".
impl fmt::Display for DottedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (server, n) = self.dot;
        write!(f, "({server}:{n}) after {}", self.past)
    }
}
