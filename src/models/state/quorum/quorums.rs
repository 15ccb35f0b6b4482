//! Expressions over nodes, and the quorums that they stand for.

use super::node::{Node, in_order};
use super::sets::{Set, members};
use super::tree::Tree;
use std::fmt;
use std::ops::{Add, Mul};
use std::sync::Arc;

/// A family of quorums, written as an expression: `a * b` is both, `a + b` is either, and
/// [`choose`], [`majority`] and [`votes`] count. Nodes and expressions are put together as they
/// are or by reference.
///
/// ```
/// # use pillars_models::state::quorum::*;
/// let [a, b, c, d] = Node::named(["a", "b", "c", "d"]);
/// assert_eq!((a * b + c * d).dual().to_string(), "(a + b) * (c + d)");
/// ```
#[derive(Clone, PartialEq)]
pub struct Quorums(pub(super) Tree<Node>);

impl Quorums {
    /// The sets that meet every quorum of this, as an expression: "and" and "or" change places.
    pub fn dual(&self) -> Self {
        Self(self.0.dual())
    }
}

impl From<Node> for Quorums {
    fn from(node: Node) -> Self {
        Self(Tree::Leaf(node))
    }
}

impl From<&Node> for Quorums {
    fn from(node: &Node) -> Self {
        Self(Tree::Leaf(*node))
    }
}

impl From<&Self> for Quorums {
    fn from(quorums: &Self) -> Self {
        quorums.clone()
    }
}

impl fmt::Display for Quorums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Quorums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

macro_rules! operators {
    ($($left:ty),*) => { $(
        impl<R: Into<Quorums>> Mul<R> for $left {
            type Output = Quorums;
            fn mul(self, right: R) -> Quorums {
                joined(self.into(), right.into(), 2)
            }
        }

        impl<R: Into<Quorums>> Add<R> for $left {
            type Output = Quorums;
            fn add(self, right: R) -> Quorums {
                joined(self.into(), right.into(), 1)
            }
        }
    )* };
}

operators!(Node, &Node, Quorums, &Quorums);

fn joined(left: Quorums, right: Quorums, needed: usize) -> Quorums {
    Quorums(left.0.joined(right.0, needed))
}

/// At least `k` of the parts, which are nodes or expressions.
///
/// # Panics
/// If there are no parts, `k` is not between 1 and their number, or a node is there twice.
#[track_caller]
pub fn choose<P: Into<Quorums>>(k: usize, parts: impl IntoIterator<Item = P>) -> Quorums {
    let parts = listed("choose", parts);
    assert!(
        (1..=parts.len()).contains(&k),
        "choose: k must be between 1 and the number of parts, {}, but it is {k}",
        parts.len()
    );
    Quorums(Tree::choose(k, parts))
}

/// More than half of the parts, which are nodes or expressions.
///
/// # Panics
/// If there are no parts, or a node is there twice.
#[track_caller]
pub fn majority<P: Into<Quorums>>(parts: impl IntoIterator<Item = P>) -> Quorums {
    let parts = listed("majority", parts);
    Quorums(Tree::choose(parts.len() / 2 + 1, parts))
}

/// Parts with at least `needed` votes together, each with its own number of them (Gifford,
/// Weighted Voting for Replicated Data, 1979): `votes(3, [(a, 2), (b, 1), (c, 1)])`.
///
/// # Panics
/// If there are no parts, a node is there twice, or `needed` is not between 1 and the sum of the
/// votes, which is at most a million.
#[track_caller]
pub fn votes<P: Into<Quorums>>(needed: u32, parts: impl IntoIterator<Item = (P, u32)>) -> Quorums {
    let (parts, votes): (Vec<P>, Vec<u32>) = parts.into_iter().unzip();
    let parts = listed("votes", parts);
    let total: u64 = votes.iter().map(|own| u64::from(*own)).sum();
    assert!(
        total <= 1_000_000,
        "votes: there may be a million votes, but there are {total}; give each part fewer"
    );
    assert!(
        needed >= 1 && u64::from(needed) <= total,
        "votes: the votes needed must be between 1 and all votes, {total}, but they are {needed}"
    );
    Quorums(Tree::votes(needed, votes.into_iter().zip(parts).collect()))
}

/// The parts, if there are any and no node stands among them twice.
#[track_caller]
pub(super) fn listed<P: Into<Quorums>>(
    place: &str,
    parts: impl IntoIterator<Item = P>,
) -> Vec<Tree<Node>> {
    let parts: Vec<Tree<Node>> = parts.into_iter().map(|part| part.into().0).collect();
    check(place, &parts);
    parts
}

#[track_caller]
fn check(place: &str, parts: &[Tree<Node>]) {
    assert!(
        !parts.is_empty(),
        "{place}: a system needs at least 1 node, but the list is empty; give some, as in [a, b, c]"
    );
    let mut names: Vec<&str> = vec![];
    for part in parts {
        if let Tree::Leaf(node) = part {
            assert!(
                !names.contains(&node.name),
                "{place}: the node {node} is there twice; name each once"
            );
            names.push(node.name);
        }
    }
}

/// A set of nodes of a system.
#[derive(Clone)]
pub struct Quorum {
    pub(super) set: Set,
    pub(super) all: Arc<[Node]>,
}

impl Quorum {
    /// Its nodes, ordered by name.
    pub fn nodes(&self) -> Vec<Node> {
        members(self.set).map(|i| self.all[i]).collect()
    }

    /// How many nodes it has.
    pub fn size(&self) -> usize {
        self.set.count_ones() as usize
    }

    /// Whether a node belongs to it.
    pub fn contains(&self, node: impl Into<Node>) -> bool {
        let name = node.into().name;
        members(self.set).any(|i| self.all[i].name == name)
    }
}

impl PartialEq for Quorum {
    fn eq(&self, other: &Self) -> bool {
        self.nodes() == other.nodes()
    }
}

/// As "{a, b}".
impl fmt::Display for Quorum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = members(self.set).map(|i| self.all[i].name).collect();
        write!(f, "{{{}}}", names.join(", "))
    }
}

impl fmt::Debug for Quorum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The nodes of expressions, each once, ordered by name.
///
/// # Panics
/// If nodes of the same name differ, or there are more than a [`Set`] holds.
#[track_caller]
pub(super) fn nodes_of(place: &str, trees: &[&Tree<Node>]) -> Arc<[Node]> {
    let mut all: Vec<Node> = vec![];
    for tree in trees {
        tree.map(&mut |node| all.push(*node));
    }
    all.sort_by(|a, b| in_order(a.name, b.name));
    for pair in all.windows(2) {
        assert!(
            pair[0].name != pair[1].name || pair[0] == pair[1],
            "{place}: two different nodes are both named {}; give each a name of its own, or use the \
             same node throughout",
            pair[0].name
        );
    }
    all.dedup();
    let most = Set::BITS as usize;
    assert!(
        all.len() <= most,
        "{place}: a system has at most {most} nodes, but this one has {}",
        all.len()
    );
    all.into()
}
