//! Who votes: sets of nodes, majorities of them, and of two sets at once.

use std::fmt;

/// A set of nodes, numbered from 0 to 63.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Nodes(u64);

impl Nodes {
    /// The highest number of nodes.
    pub(super) const MOST: usize = 64;

    /// The nodes below `count`, which is from 1 to 64.
    pub(super) const fn below(count: usize) -> Self {
        Self(u64::MAX >> (Self::MOST - count))
    }

    /// These nodes, each below 64.
    pub(super) fn of(nodes: &[usize]) -> Self {
        nodes.iter().fold(Self(0), |set, node| set.with(*node))
    }

    /// The same and one more.
    pub(super) const fn with(self, node: usize) -> Self {
        Self(self.0 | 1 << node)
    }

    /// The same but one.
    pub(super) const fn without(self, node: usize) -> Self {
        Self(self.0 & !(1 << node))
    }

    /// Those of both.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a node is in it.
    pub const fn contains(self, node: usize) -> bool {
        self.0 >> node & 1 == 1
    }

    /// How many there are.
    pub const fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The nodes, in their order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let node = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (node < Self::MOST).then_some(node)
        })
    }
}

/// As "{0, 2, 3}".
impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// A configuration: who votes, and, while it changes, who will (joint consensus; Ongaro 2014,
/// section 4.3). Then a majority of each is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Members {
    /// Who votes.
    pub voters: Nodes,
    /// Who votes too, and will vote alone when the change is complete.
    pub next: Option<Nodes>,
}

impl Members {
    pub(super) const fn of(voters: Nodes) -> Self {
        Self { voters, next: None }
    }

    /// All who have a vote.
    pub fn everyone(self) -> Nodes {
        self.next.map_or(self.voters, |next| self.voters.and(next))
    }

    /// Whether `nodes` are enough to decide: a majority of each set, less `short`, which is 0
    /// unless the protocol is broken on purpose.
    pub(super) fn agree(self, nodes: Nodes, short: usize) -> bool {
        self.reached(short, |node| nodes.contains(node)).unwrap_or(false)
    }

    /// The greatest value that enough nodes have reached to decide.
    pub(super) fn reached<T: PartialOrd + Copy>(
        self,
        short: usize,
        value: impl Fn(usize) -> T,
    ) -> Option<T> {
        let first = reached_by(self.voters, short, &value)?;
        let Some(next) = self.next else { return Some(first) };
        let second = reached_by(next, short, &value)?;
        Some(if second < first { second } else { first })
    }
}

fn reached_by<T: PartialOrd + Copy>(
    nodes: Nodes,
    short: usize,
    value: &impl Fn(usize) -> T,
) -> Option<T> {
    let needed = (nodes.count() / 2 + 1).saturating_sub(short).max(1);
    let mut greatest: Option<T> = None;
    for node in nodes.iter() {
        let it = value(node);
        let have = nodes.iter().filter(|other| value(*other) >= it).count();
        if have >= needed && greatest.is_none_or(|greatest| it > greatest) {
            greatest = Some(it);
        }
    }
    greatest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn majorities_and_what_they_reached() {
        let five = Members::of(Nodes::below(5));
        for (nodes, agree) in [(&[0, 1][..], false), (&[0, 1, 4], true), (&[0, 1, 7, 8], false)] {
            assert_eq!(five.agree(Nodes::of(nodes), 0), agree, "{nodes:?}");
        }
        assert!(five.agree(Nodes::of(&[0, 1]), 1));
        let matched = [9, 3, 7, 1, 5];
        assert_eq!(five.reached(0, |node| matched[node]), Some(5));
        assert_eq!(five.reached(1, |node| matched[node]), Some(7));
        assert_eq!(Members::of(Nodes::of(&[0, 3])).reached(0, |node| matched[node]), Some(1));
        assert_eq!(Members::of(Nodes::default()).reached(0, |_| 1), None);
        assert_eq!(Nodes::below(64).count(), 64);
    }

    #[test]
    fn while_it_changes_both_majorities_are_needed() {
        let joint = Members { voters: Nodes::below(3), next: Some(Nodes::of(&[2, 3, 4, 5, 6])) };
        for (nodes, agree) in
            [(&[0, 1][..], false), (&[2, 3, 4], false), (&[1, 2, 3, 4], true), (&[0, 1, 3], false)]
        {
            assert_eq!(joint.agree(Nodes::of(nodes), 0), agree, "{nodes:?}");
        }
        let matched = [9, 9, 2, 4, 5, 6, 1];
        assert_eq!(joint.reached(0, |node| matched[node]), Some(4));
        assert_eq!(format!("{:?}", joint.everyone()), "{0, 1, 2, 3, 4, 5, 6}");
    }
}
