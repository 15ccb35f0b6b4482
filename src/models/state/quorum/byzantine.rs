//! Byzantine quorum systems (Malkhi and Reiter, 1998): some nodes may answer anything.

use super::error::QuorumError;
use super::named::coterie;
use super::quorums::{Quorums, listed};
use super::system::{Meeting, QuorumSystem};
use super::tree::Tree;

impl QuorumSystem {
    /// The dissemination system for `faults` Byzantine nodes of n > 3 faults: quorums of
    /// ⌈(n + faults + 1) / 2⌉, two of which have a correct node in common. Enough for data that
    /// cannot be forged, since it is signed.
    ///
    /// # Panics
    /// If there are too few nodes, or one is there twice.
    #[track_caller]
    pub fn dissemination<P: Into<Quorums>>(
        nodes: impl IntoIterator<Item = P>,
        faults: usize,
    ) -> Self {
        byzantine(
            "QuorumSystem::dissemination",
            &listed("QuorumSystem::dissemination", nodes),
            faults,
            1,
        )
    }

    /// The masking system for `faults` Byzantine nodes of n > 4 faults: quorums of
    /// ⌈(n + 2 faults + 1) / 2⌉, two of which have more correct nodes in common than Byzantine
    /// ones. Enough for data that anybody might forge.
    ///
    /// # Panics
    /// If there are too few nodes, or one is there twice.
    #[track_caller]
    pub fn masking<P: Into<Quorums>>(nodes: impl IntoIterator<Item = P>, faults: usize) -> Self {
        byzantine("QuorumSystem::masking", &listed("QuorumSystem::masking", nodes), faults, 2)
    }

    /// Whether it is a dissemination system for so many Byzantine nodes: any read and any write
    /// quorum meet in at least `faults` + 1 nodes, and some quorum of each kind is left without
    /// any `faults` nodes.
    ///
    /// # Errors
    /// If it is not: two quorums that meet in too few nodes, or nodes without which there is none.
    pub fn check_dissemination(&self, faults: usize) -> Result<(), QuorumError> {
        self.check_byzantine("dissemination", faults, faults + 1)
    }

    /// Whether it is a masking system for so many Byzantine nodes: any read and any write quorum
    /// meet in at least 2 `faults` + 1 nodes, and some quorum of each kind is left without any
    /// `faults` nodes.
    ///
    /// # Errors
    /// If it is not: two quorums that meet in too few nodes, or nodes without which there is none.
    pub fn check_masking(&self, faults: usize) -> Result<(), QuorumError> {
        self.check_byzantine("masking", faults, 2 * faults + 1)
    }

    fn check_byzantine(
        &self,
        kind: &'static str,
        faults: usize,
        needed: usize,
    ) -> Result<(), QuorumError> {
        let Meeting { first: read, second: write, common } = self.closest();
        if common.size() < needed {
            return Err(QuorumError::Overlap { kind, read, write, needed, faults });
        }
        let transversals = [("read", self.read_transversal()), ("write", self.write_transversal())];
        for (side, without) in transversals {
            if without.size() <= faults {
                return Err(QuorumError::Fragile { side, failures: faults, without });
            }
        }
        Ok(())
    }
}

/// Quorums that meet in `times` faults + 1 nodes.
#[track_caller]
fn byzantine(
    place: &str,
    parts: &[Tree<super::node::Node>],
    faults: usize,
    times: usize,
) -> QuorumSystem {
    let count = parts.len();
    let least = (times + 2) * faults + 1;
    assert!(
        count >= least,
        "{place}: {faults} Byzantine nodes need at least {least} nodes in all, but there are {count}"
    );
    coterie(place, Tree::choose((count + times * faults + 1).div_ceil(2), parts.to_vec()))
}
