//! Systems that have a name.

use super::error::QuorumError;
use super::node::Node;
use super::plane;
use super::quorums::{Quorums, listed};
use super::system::QuorumSystem;
use super::tree::Tree;

type Parts = Vec<Tree<Node>>;

/// Each takes its nodes in the order of their places; expressions may stand for nodes, so that a
/// grid of majorities is one too. Where nothing else is said reads and writes have the same quorums,
/// any two of which meet.
impl QuorumSystem {
    /// Reads and writes by more than half of the nodes (Thomas, 1979).
    ///
    /// # Panics
    /// If there are no nodes, or one is there twice.
    #[track_caller]
    pub fn majority<P: Into<Quorums>>(nodes: impl IntoIterator<Item = P>) -> Self {
        let parts = listed("QuorumSystem::majority", nodes);
        coterie("QuorumSystem::majority", Tree::choose(parts.len() / 2 + 1, parts))
    }

    /// Reads (phase 1) by any `reads` nodes, writes (phase 2) by any `writes`.
    ///
    /// # Errors
    /// If these do not meet, since they sum to no more than all nodes: two quorums are named.
    ///
    /// # Panics
    /// If there are no nodes, one is there twice, or a number is not between 1 and all.
    #[track_caller]
    pub fn thresholds<P: Into<Quorums>>(
        nodes: impl IntoIterator<Item = P>,
        reads: usize,
        writes: usize,
    ) -> Result<Self, QuorumError> {
        let parts = listed("QuorumSystem::thresholds", nodes);
        for (side, number) in [("reads", reads), ("writes", writes)] {
            assert!(
                (1..=parts.len()).contains(&number),
                "QuorumSystem::thresholds: {side} must take between 1 and all {} nodes, but they take \
                 {number}",
                parts.len()
            );
        }
        let [reads, writes] = [reads, writes].map(|k| Quorums(Tree::choose(k, parts.clone())));
        Self::both(reads, writes)
    }

    /// Rows of so many columns: reads by a row, writes by one node of each row (Cheung, Ammar and
    /// Ahamad, 1992).
    ///
    /// # Panics
    /// If the nodes do not fill rows, or one is there twice.
    #[track_caller]
    pub fn grid<P: Into<Quorums>>(nodes: impl IntoIterator<Item = P>, columns: usize) -> Self {
        let rows = rows("QuorumSystem::grid", listed("QuorumSystem::grid", nodes), columns);
        Self::reading(Quorums(any(rows.into_iter().map(all).collect())))
    }

    /// Rows of so many columns: quorums of a row and a column (after Maekawa, 1985).
    ///
    /// # Panics
    /// If the nodes do not fill rows, or one is there twice.
    #[track_caller]
    pub fn crosses<P: Into<Quorums>>(nodes: impl IntoIterator<Item = P>, columns: usize) -> Self {
        let place = "QuorumSystem::crosses";
        let rows = rows(place, listed(place, nodes), columns);
        let column = |i: usize| all(rows.iter().map(|row| row[i].clone()).collect());
        let down = any((0..columns).map(column).collect());
        coterie(place, any(rows.iter().cloned().map(all).collect()).joined(down, 2))
    }

    /// A binary tree, the root first and level by level: quorums of a path from the root to a leaf;
    /// in place of a node that has failed, paths from both of its children (Agrawal and El Abbadi,
    /// 1991).
    ///
    /// # Panics
    /// If the levels are not full (1, 3, 7, 15 nodes and so on), or a node is there twice.
    #[track_caller]
    pub fn tree<P: Into<Quorums>>(nodes: impl IntoIterator<Item = P>) -> Self {
        let parts = listed("QuorumSystem::tree", nodes);
        let count = parts.len();
        assert!(
            (count + 1).is_power_of_two(),
            "QuorumSystem::tree: the levels of a binary tree must be full, with 3, 7 or 15 nodes, but \
             there are {count}"
        );
        coterie("QuorumSystem::tree", subtree(&parts, 0))
    }

    /// Majorities of majorities (Kumar, 1991): the first of `groups` says of how many parts the
    /// whole is, the next of how many each of these is, and so on. `&[3, 3]` needs 9 nodes, and
    /// quorums of 4.
    ///
    /// # Panics
    /// If the nodes do not fill the groups, or one is there twice.
    #[track_caller]
    pub fn hierarchical<P: Into<Quorums>>(
        nodes: impl IntoIterator<Item = P>,
        groups: &[usize],
    ) -> Self {
        let mut parts = listed("QuorumSystem::hierarchical", nodes);
        let (count, product) = (parts.len(), groups.iter().product::<usize>());
        assert!(
            count == product,
            "QuorumSystem::hierarchical: groups of {groups:?} are filled by {product} nodes, but there \
             are {count}"
        );
        for group in groups.iter().rev() {
            let majority = |part: &[Tree<Node>]| Tree::choose(group / 2 + 1, part.to_vec());
            parts = parts.chunks(*group).map(majority).collect();
        }
        coterie("QuorumSystem::hierarchical", any(parts))
    }

    /// A hub, which is the first, and a rim: quorums of the hub and one of the rim, or of all of the
    /// rim (Holzman, Marcus and Peleg, 1997).
    ///
    /// # Panics
    /// With fewer than 3 nodes, or if one is there twice.
    #[track_caller]
    pub fn wheel<P: Into<Quorums>>(nodes: impl IntoIterator<Item = P>) -> Self {
        let parts = listed("QuorumSystem::wheel", nodes);
        let count = parts.len();
        assert!(
            count >= 3,
            "QuorumSystem::wheel: a wheel is of a hub and at least 2 nodes around it, but there are \
             {count} nodes in all"
        );
        coterie("QuorumSystem::wheel", layered(parts, &[1, count - 1]))
    }

    /// Rows of such widths, from the top: quorums of a full row and one node of each row below it
    /// (crumbling walls: Peleg and Wool, 1997).
    ///
    /// # Panics
    /// If the nodes do not fill the rows, a row has none, or a node is there twice.
    #[track_caller]
    pub fn wall<P: Into<Quorums>>(nodes: impl IntoIterator<Item = P>, widths: &[usize]) -> Self {
        let parts = listed("QuorumSystem::wall", nodes);
        let (count, sum) = (parts.len(), widths.iter().sum::<usize>());
        assert!(
            count == sum && !widths.contains(&0),
            "QuorumSystem::wall: rows of {widths:?} need {sum} nodes, at least 1 in each row, but there \
             are {count}"
        );
        coterie("QuorumSystem::wall", layered(parts, widths))
    }

    /// The lines of the projective plane of an order q: q² + q + 1 nodes, as many quorums of q + 1
    /// each, any two with one node in common (Maekawa, 1985). The order is a power of a prime: 2,
    /// 3, 4, 5, 7, 8 or 9.
    ///
    /// # Panics
    /// If the order is another, or the nodes are not as many, or one is there twice.
    #[track_caller]
    pub fn projective_plane<P: Into<Quorums>>(
        nodes: impl IntoIterator<Item = P>,
        order: usize,
    ) -> Self {
        let place = "QuorumSystem::projective_plane";
        let parts = listed(place, nodes);
        let Some(lines) = plane::lines(order) else {
            panic!(
                "{place}: the order must be a power of a prime, 2, 3, 4, 5, 7, 8 or 9, but it is {order}"
            )
        };
        assert!(
            parts.len() == lines.len(),
            "{place}: the plane of order {order} has {} nodes, but there are {}; take \
             Node::numbered({})",
            lines.len(),
            parts.len(),
            lines.len()
        );
        let line = |points: &Vec<usize>| all(points.iter().map(|i| parts[*i].clone()).collect());
        coterie(place, any(lines.iter().map(line).collect()))
    }
}

/// Reads and writes by the same quorums, which are known to meet.
#[track_caller]
pub(super) fn coterie(place: &str, tree: Tree<Node>) -> QuorumSystem {
    QuorumSystem::of(place, Quorums(tree.clone()), Quorums(tree))
}

fn all(parts: Parts) -> Tree<Node> {
    Tree::choose(parts.len(), parts)
}

fn any(parts: Parts) -> Tree<Node> {
    Tree::choose(1, parts)
}

#[track_caller]
fn rows(place: &str, parts: Parts, columns: usize) -> Vec<Parts> {
    assert!(
        columns >= 1 && parts.len().is_multiple_of(columns),
        "{place}: the nodes must fill rows of {columns}, but there are {}; take a multiple",
        parts.len()
    );
    parts.chunks(columns).map(<[_]>::to_vec).collect()
}

/// The quorums of the subtree below a node: it and those of either child, or those of both, which
/// is two of the three.
fn subtree(parts: &Parts, root: usize) -> Tree<Node> {
    let (left, right) = (2 * root + 1, 2 * root + 2);
    if right >= parts.len() {
        return parts[root].clone();
    }
    Tree::choose(2, vec![parts[root].clone(), subtree(parts, left), subtree(parts, right)])
}

/// The wall by its rows from the top: all of the lowest row, or one of it and a quorum of the wall
/// above; as votes, one for each of the row's m nodes and m - 1 for the wall above, of which m are
/// needed.
fn layered(parts: Parts, widths: &[usize]) -> Tree<Node> {
    let mut left = parts.into_iter();
    let mut wall: Option<Tree<Node>> = None;
    for width in widths {
        let row: Parts = left.by_ref().take(*width).collect();
        wall = Some(match wall {
            None => all(row),
            // A row of one node is a quorum by itself, and nothing above it is needed.
            Some(above) => {
                let above = (*width as u32 - 1, above);
                let votes = row.into_iter().map(|part| (1, part)).chain([above]);
                Tree::votes(*width as u32, votes.collect())
            }
        });
    }
    wall.unwrap_or_else(|| any(vec![]))
}
