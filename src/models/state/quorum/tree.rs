//! The shape of an expression: leaves, and gates that count the votes of their parts.

use super::sets::Set;
use std::fmt;
use std::sync::Arc;

/// A monotone Boolean function. "And" is a gate that needs all votes, "or" one that needs a single
/// one, so that one rule serves for all that is done with it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree<L> {
    Leaf(L),
    Gate(Arc<Gate<L>>),
}

/// So many votes are needed; each part with the votes it has.
#[derive(Debug, PartialEq)]
pub(super) struct Gate<L> {
    pub needed: u32,
    pub parts: Vec<(u32, Tree<L>)>,
}

/// A function of nodes that are known by number.
pub(super) type Formula = Tree<usize>;

impl<L> Gate<L> {
    fn total(&self) -> u32 {
        self.parts.iter().map(|(votes, _)| votes).sum()
    }

    fn of_equals(&self) -> bool {
        self.parts.iter().all(|(votes, _)| *votes == 1)
    }

    pub fn is_and(&self) -> bool {
        self.of_equals() && self.needed as usize == self.parts.len()
    }

    pub fn is_or(&self) -> bool {
        self.of_equals() && self.needed == 1
    }
}

impl<L: Clone> Tree<L> {
    /// True if at least `needed` parts are; `needed` lies between 1 and their number.
    pub fn choose(needed: usize, mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        Self::votes(needed as u32, parts.into_iter().map(|part| (1, part)).collect())
    }

    /// True if the parts that are have at least `needed` votes.
    pub fn votes(needed: u32, parts: Vec<(u32, Self)>) -> Self {
        Self::Gate(Arc::new(Gate { needed, parts }))
    }

    /// Both, or either, if `needed` is 2, or 1; what is such a gate already grows.
    pub fn joined(self, other: Self, needed: usize) -> Self {
        let parts = |tree: Self| match tree {
            Self::Gate(gate) if if needed == 1 { gate.is_or() } else { gate.is_and() } => {
                gate.parts.iter().map(|(_, part)| part.clone()).collect()
            }
            tree => vec![tree],
        };
        let mut all = parts(self);
        all.extend(parts(other));
        let needed = if needed == 1 { 1 } else { all.len() };
        Self::choose(needed, all)
    }

    /// True if this is false when all leaves are turned round: its quorums are the sets that meet
    /// every quorum of this. A gate of `total` votes fails when more than `total - needed` are
    /// missing.
    pub fn dual(&self) -> Self {
        match self {
            Self::Leaf(_) => self.clone(),
            Self::Gate(gate) => {
                let parts = gate.parts.iter().map(|(votes, part)| (*votes, part.dual()));
                Self::votes(gate.total() - gate.needed + 1, parts.collect())
            }
        }
    }

    /// The same of other leaves.
    pub fn map<M: Clone>(&self, of: &mut impl FnMut(&L) -> M) -> Tree<M> {
        match self {
            Self::Leaf(leaf) => Tree::Leaf(of(leaf)),
            Self::Gate(gate) => {
                let parts = gate.parts.iter().map(|(votes, part)| (*votes, part.map(of)));
                Tree::votes(gate.needed, parts.collect())
            }
        }
    }
}

impl Formula {
    /// Whether these nodes contain a quorum.
    pub fn holds(&self, alive: Set) -> bool {
        match self {
            Self::Leaf(node) => alive >> node & 1 == 1,
            Self::Gate(gate) => {
                let mut votes = 0;
                gate.parts.iter().any(|(own, part)| {
                    votes += if part.holds(alive) { *own } else { 0 };
                    votes >= gate.needed
                })
            }
        }
    }

    /// The nodes that are named.
    pub fn support(&self) -> Set {
        match self {
            Self::Leaf(node) => 1 << node,
            Self::Gate(gate) => {
                gate.parts.iter().fold(0, |nodes, (_, part)| nodes | part.support())
            }
        }
    }

    /// The nodes in the order in which they are named first.
    pub fn appearance(&self, order: &mut Vec<usize>) {
        match self {
            Self::Leaf(node) if order.contains(node) => {}
            Self::Leaf(node) => order.push(*node),
            Self::Gate(gate) => gate.parts.iter().for_each(|(_, part)| part.appearance(order)),
        }
    }
}

/// As "a * b + choose(2, [c, d, e])", with brackets where they are needed.
impl<L: fmt::Display> fmt::Display for Tree<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gate = match self {
            Self::Leaf(leaf) => return write!(f, "{leaf}"),
            Self::Gate(gate) => gate,
        };
        let listed =
            |f: &mut fmt::Formatter<'_>,
             between: &str,
             show: &dyn Fn(&mut fmt::Formatter<'_>, u32, &Self) -> fmt::Result| {
                gate.parts.iter().enumerate().try_for_each(|(i, (votes, part))| {
                    f.write_str(if i > 0 { between } else { "" })?;
                    show(f, *votes, part)
                })
            };
        if gate.is_or() {
            listed(f, " + ", &|f, _, part| write!(f, "{part}"))
        } else if gate.is_and() {
            listed(f, " * ", &|f, _, part| match part {
                Self::Gate(inner) if inner.is_or() => write!(f, "({part})"),
                _ => write!(f, "{part}"),
            })
        } else if gate.of_equals() {
            write!(f, "choose({}, [", gate.needed)?;
            listed(f, ", ", &|f, _, part| write!(f, "{part}"))?;
            f.write_str("])")
        } else {
            write!(f, "votes({}, [", gate.needed)?;
            listed(f, ", ", &|f, votes, part| write!(f, "({part}, {votes})"))?;
            f.write_str("])")
        }
    }
}
