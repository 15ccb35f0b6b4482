//! Where data is kept: placement on nodes, hot keys, moving data while it is used, caches, Bloom
//! filters, Merkle trees, and copies on several nodes.

mod bloom;
mod cache;
mod hash;
mod hot;
mod lookup;
mod measure;
mod merkle;
mod popularity;
mod replication;
mod resharding;
mod ring;
mod scheme;
mod table;

pub use bloom::{BloomFilter, CountMin};
pub use cache::{Cache, Replay};
pub use hash::{Key, stable_hash};
pub use hot::{HotKeys, HotShard};
pub use measure::{Moves, Spread, ring_deviation, ring_share_interval};
pub use merkle::{Exchange, MerkleTree, Repair};
pub use popularity::Popularity;
pub use replication::{Replication, WriteTheory, Writes};
pub use resharding::{Move, Resharding};
pub use scheme::Placement;

use std::fmt;

/// Nobody has found a closed form, or none is known here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NoFormula {
    /// Of what.
    pub what: &'static str,
}

impl fmt::Display for NoFormula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no closed form for {}; simulate it", self.what)
    }
}

impl fmt::Debug for NoFormula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for NoFormula {}
