//! Levels of isolation, by what each forbids.

use super::anomaly::Anomaly;
use std::fmt;

/// A level of isolation, and how the store here gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// No level at all: reads and writes of one copy, and nobody waits.
    Nothing,
    /// Read uncommitted (PL-1): writers hold locks until they end, readers take what is there.
    ReadUncommitted,
    /// Read committed (PL-2): the same, and readers take what was committed last.
    ReadCommitted,
    /// Snapshot isolation (Berenson et al., 1995): a transaction reads what was committed when it
    /// began; of two that write the same object at the same time, the first to commit wins.
    Snapshot,
    /// Serializable (PL-3) by snapshots: a transaction is aborted too if another must come both
    /// before and after it (Cahill, Röhm and Fekete, 2008).
    SerializableSnapshot,
    /// Serializable (PL-3) by locks that readers and writers hold until they end (Eswaran et al.,
    /// 1976).
    TwoPhaseLocking,
}

impl Level {
    /// All of them, the weakest first.
    pub const ALL: [Self; 6] = [
        Self::Nothing,
        Self::ReadUncommitted,
        Self::ReadCommitted,
        Self::Snapshot,
        Self::SerializableSnapshot,
        Self::TwoPhaseLocking,
    ];

    /// Its name: "read committed".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::ReadUncommitted => "read uncommitted",
            Self::ReadCommitted => "read committed",
            Self::Snapshot => "snapshot isolation",
            Self::SerializableSnapshot => "serializable by snapshots",
            Self::TwoPhaseLocking => "serializable by locks",
        }
    }

    /// Whether a history at this level may have an anomaly (Adya 1999, section 4; for snapshot
    /// isolation section 4.3 and Fekete et al. 2005).
    pub const fn allows(self, anomaly: Anomaly) -> bool {
        match self {
            Self::Nothing => true,
            Self::ReadUncommitted => !matches!(anomaly, Anomaly::Internal | Anomaly::G0),
            Self::ReadCommitted => matches!(
                anomaly,
                Anomaly::LostUpdate | Anomaly::GSingle | Anomaly::GNonadjacent | Anomaly::G2Item
            ),
            Self::Snapshot => matches!(anomaly, Anomaly::G2Item),
            Self::SerializableSnapshot | Self::TwoPhaseLocking => false,
        }
    }

    /// Whether every history at this level is serializable.
    pub const fn is_serializable(self) -> bool {
        matches!(self, Self::SerializableSnapshot | Self::TwoPhaseLocking)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}
