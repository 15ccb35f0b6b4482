//! Ways to tell which of two versions of a key overwrites the other.

use super::dotted::{DottedVersion, VersionVector};
use std::collections::BTreeSet;

/// A write as a server takes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Put {
    /// At which server.
    pub server: usize,
    /// Whose it is.
    pub client: usize,
    /// Its number among all writes, which is its value too.
    pub number: usize,
    /// What the server's clock shows, in steps.
    pub clock: f64,
    /// The client's own count of its writes, this one included.
    pub count: u64,
}

/// A server's copy of a key: how it tells which write overwrites which. At first it is empty
/// (`default()`).
pub trait Replicated: Clone + Default {
    /// What a client is given with the values it reads, and gives back when it writes.
    type Context: Clone;

    /// The values, more than one where writes were concurrent, and the context.
    fn read(&self) -> (Vec<usize>, Self::Context);
    /// Takes a write, with the context of the read before it.
    fn write(&mut self, put: &Put, context: &Self::Context);
    /// Learns what another copy has.
    fn merge(&mut self, other: &Self);
    /// How many numbers are kept beside the values: entries of vectors, or of histories.
    fn entries(&self) -> usize;
}

/// What a version is stamped with, one for each value.
pub trait Stamp: Clone {
    type Context: Clone;

    fn context(kept: &[(usize, Self)]) -> Self::Context;
    fn of(put: &Put, context: &Self::Context, kept: &[(usize, Self)]) -> Self;
    fn is_overwritten_by(&self, other: &Self) -> bool;
    fn entries(&self) -> usize;
}

/// Versions of which none overwrites another.
#[derive(Clone)]
pub struct Versions<S>(Vec<(usize, S)>);

impl<S> Default for Versions<S> {
    fn default() -> Self {
        Self(vec![])
    }
}

impl<S: Stamp> Versions<S> {
    fn add(&mut self, value: usize, stamp: S) {
        let is_known = self.0.iter().any(|(other, _)| *other == value);
        if is_known || self.0.iter().any(|(_, other)| stamp.is_overwritten_by(other)) {
            return;
        }
        self.0.retain(|(_, other)| !other.is_overwritten_by(&stamp));
        self.0.push((value, stamp));
    }
}

impl<S: Stamp> Replicated for Versions<S> {
    type Context = S::Context;

    fn read(&self) -> (Vec<usize>, S::Context) {
        (self.0.iter().map(|(value, _)| *value).collect(), S::context(&self.0))
    }

    fn write(&mut self, put: &Put, context: &S::Context) {
        let stamp = S::of(put, context, &self.0);
        self.add(put.number, stamp);
    }

    fn merge(&mut self, other: &Self) {
        for (value, stamp) in &other.0 {
            self.add(*value, stamp.clone());
        }
    }

    fn entries(&self) -> usize {
        self.0.iter().map(|(_, stamp)| stamp.entries()).sum()
    }
}

/// The writes in the past of a version, itself included: exact, and as long as all of history.
#[derive(Clone)]
pub struct CausalHistory {
    write: usize,
    past: BTreeSet<usize>,
}

impl Stamp for CausalHistory {
    type Context = BTreeSet<usize>;

    fn context(kept: &[(usize, Self)]) -> BTreeSet<usize> {
        kept.iter().flat_map(|(_, it)| it.past.iter().copied().chain([it.write])).collect()
    }

    fn of(put: &Put, context: &BTreeSet<usize>, _: &[(usize, Self)]) -> Self {
        Self { write: put.number, past: context.clone() }
    }

    fn is_overwritten_by(&self, other: &Self) -> bool {
        other.past.contains(&self.write)
    }

    fn entries(&self) -> usize {
        self.past.len() + 1
    }
}

impl Stamp for DottedVersion {
    type Context = VersionVector;

    fn context(kept: &[(usize, Self)]) -> VersionVector {
        let versions: Vec<Self> = kept.iter().map(|(_, version)| version.clone()).collect();
        Self::context(&versions)
    }

    fn of(put: &Put, context: &VersionVector, kept: &[(usize, Self)]) -> Self {
        let versions: Vec<Self> = kept.iter().map(|(_, version)| version.clone()).collect();
        Self::write(put.server, context, &versions)
    }

    fn is_overwritten_by(&self, other: &Self) -> bool {
        self < other
    }

    fn entries(&self) -> usize {
        self.past.len() + 1
    }
}

/// A version vector with an entry for each server. The new entry covers all that the server has
/// taken, also what the client did not see.
#[derive(Clone)]
pub struct ByServer(VersionVector);

impl Stamp for ByServer {
    type Context = VersionVector;

    fn context(kept: &[(usize, Self)]) -> VersionVector {
        joined(kept.iter().map(|(_, it)| &it.0))
    }

    fn of(put: &Put, context: &VersionVector, kept: &[(usize, Self)]) -> Self {
        let known = Self::context(kept).count(put.server).max(context.count(put.server));
        let mut vector = context.clone();
        vector.learn((put.server, known + 1));
        Self(vector)
    }

    fn is_overwritten_by(&self, other: &Self) -> bool {
        self.0 < other.0
    }

    fn entries(&self) -> usize {
        self.0.len()
    }
}

/// A version vector with an entry for each client.
#[derive(Clone)]
pub struct ByClient(VersionVector);

impl Stamp for ByClient {
    type Context = VersionVector;

    fn context(kept: &[(usize, Self)]) -> VersionVector {
        joined(kept.iter().map(|(_, it)| &it.0))
    }

    fn of(put: &Put, context: &VersionVector, _: &[(usize, Self)]) -> Self {
        let mut vector = context.clone();
        vector.learn((put.client, put.count));
        Self(vector)
    }

    fn is_overwritten_by(&self, other: &Self) -> bool {
        self.0 < other.0
    }

    fn entries(&self) -> usize {
        self.0.len()
    }
}

/// The time of the write by the server's clock; of two at one time the later write.
#[derive(Clone)]
pub struct Latest(f64, usize);

impl Stamp for Latest {
    type Context = ();

    fn context(_: &[(usize, Self)]) {}

    fn of(put: &Put, (): &(), _: &[(usize, Self)]) -> Self {
        Self(put.clock, put.number)
    }

    fn is_overwritten_by(&self, other: &Self) -> bool {
        self.0.total_cmp(&other.0).then(self.1.cmp(&other.1)).is_lt()
    }

    fn entries(&self) -> usize {
        1
    }
}

/// One version vector by servers for all siblings of the key. It cannot say which of them a client
/// has seen, so that none goes unless all do.
#[derive(Clone, Default)]
pub struct OneVector {
    vector: VersionVector,
    values: BTreeSet<usize>,
}

impl Replicated for OneVector {
    type Context = VersionVector;

    fn read(&self) -> (Vec<usize>, VersionVector) {
        (self.values.iter().copied().collect(), self.vector.clone())
    }

    fn write(&mut self, put: &Put, context: &VersionVector) {
        if context.covers(&self.vector) {
            self.values.clear();
        }
        self.vector.merge(context);
        self.vector.learn((put.server, self.vector.count(put.server) + 1));
        self.values.insert(put.number);
    }

    fn merge(&mut self, other: &Self) {
        if self.vector.covers(&other.vector) {
            return;
        }
        if other.vector.covers(&self.vector) {
            return self.clone_from(other);
        }
        self.vector.merge(&other.vector);
        self.values.extend(&other.values);
    }

    fn entries(&self) -> usize {
        self.vector.len()
    }
}

fn joined<'a>(vectors: impl Iterator<Item = &'a VersionVector>) -> VersionVector {
    let mut all = VersionVector::new();
    vectors.for_each(|vector| all.merge(vector));
    all
}
