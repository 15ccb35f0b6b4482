//! What can be wrong with a history, by the names of Adya (1999, chapter 4) and of the checker Elle
//! (Kingsbury and Alvaro, 2020).

use super::history::Version;
use std::fmt;

/// A phenomenon that a stricter level forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anomaly {
    /// A transaction read something else than what it had written itself.
    Internal,
    /// Dirty write: a cycle of write-write edges.
    G0,
    /// Aborted read: a committed transaction read what an aborted one wrote.
    G1a,
    /// Intermediate read: a committed transaction read what its writer then wrote over.
    G1b,
    /// Circular information flow: a cycle of write-write and write-read edges, with a write-read
    /// edge.
    G1c,
    /// Lost update: two transactions read the same version of an object, and both wrote the object.
    LostUpdate,
    /// Read skew: a cycle with one read-write edge.
    GSingle,
    /// Long fork and its like: a cycle with at least two read-write edges, no two of them in a row.
    GNonadjacent,
    /// Write skew and its like: a cycle with two read-write edges in a row, on objects that are
    /// known by name (none that a predicate selects). Adya's G2-item has the cycles of the two
    /// before too; Fekete et al. (2005) show that snapshots allow only these.
    G2Item,
}

impl Anomaly {
    /// All of them, the gravest first.
    pub const ALL: [Self; 9] = [
        Self::Internal,
        Self::G0,
        Self::G1a,
        Self::G1b,
        Self::G1c,
        Self::LostUpdate,
        Self::GSingle,
        Self::GNonadjacent,
        Self::G2Item,
    ];

    /// Its name: "G-single".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::G0 => "G0",
            Self::G1a => "G1a",
            Self::G1b => "G1b",
            Self::G1c => "G1c",
            Self::LostUpdate => "lost update",
            Self::GSingle => "G-single",
            Self::GNonadjacent => "G-nonadjacent",
            Self::G2Item => "G2-item",
        }
    }

    /// What it is, in two or three words: "read skew".
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Internal => "own write not seen",
            Self::G0 => "dirty write",
            Self::G1a => "aborted read",
            Self::G1b => "intermediate read",
            Self::G1c => "circular information flow",
            Self::LostUpdate => "lost update",
            Self::GSingle => "read skew",
            Self::GNonadjacent => "long fork",
            Self::G2Item => "write skew",
        }
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How one transaction depends on another, which must come before it in any serial order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dependency {
    /// It wrote over what the other wrote.
    WriteWrite,
    /// It read what the other wrote.
    WriteRead,
    /// It wrote over what the other read: an anti-dependency.
    ReadWrite,
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::WriteWrite => "ww",
            Self::WriteRead => "wr",
            Self::ReadWrite => "rw",
        })
    }
}

/// An edge of the serialization graph: one transaction must come before another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// The one that comes before.
    pub from: usize,
    /// The one that comes after.
    pub to: usize,
    /// Why.
    pub dependency: Dependency,
    /// By which object.
    pub object: String,
}

/// As "T1 -rw(x)-> T2".
impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "T{} -{}({})-> T{}", self.from, self.dependency, self.object, self.to)
    }
}

/// What shows that a history has an anomaly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// A cycle of dependencies, each beginning where the one before it ends: a shortest one.
    Cycle(Vec<Edge>),
    /// A read that should not have been possible.
    Read {
        /// Who read.
        reader: usize,
        /// Which object.
        object: String,
        /// Which version.
        version: Version,
    },
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Read { reader, object, version } => write!(f, "r{reader}({object}{version})"),
            Self::Cycle(edges) => {
                for (at, edge) in edges.iter().enumerate() {
                    let Edge { from, dependency, object, to } = edge;
                    if at == 0 {
                        write!(f, "T{from}")?;
                    }
                    write!(f, " -{dependency}({object})-> T{to}")?;
                }
                Ok(())
            }
        }
    }
}
