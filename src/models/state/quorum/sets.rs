//! Sets of nodes as the bits of a number, and families of them.

use super::tree::{Formula, Gate};

/// A set of at most 128 nodes: bit i stands for node i.
pub(super) type Set = u128;

/// The numbers of the nodes of a set, ascending.
pub(super) fn members(set: Set) -> impl Iterator<Item = usize> {
    let mut left = set;
    std::iter::from_fn(move || {
        let next = (left != 0).then(|| left.trailing_zeros() as usize);
        left &= left.wrapping_sub(1);
        next
    })
}

/// The sum over the nodes of a set.
pub(super) fn sum_over(set: Set, of: &[f64]) -> f64 {
    members(set).map(|node| of[node]).sum()
}

impl Formula {
    /// The minimal quorums, in no special order; nothing if more than `most` would have to be gone
    /// through on the way.
    pub fn minimal(&self, most: usize) -> Option<Vec<Set>> {
        match self {
            Self::Leaf(node) => Some(vec![1 << node]),
            Self::Gate(gate) => {
                let lists = gate.parts.iter().map(|(_, part)| part.minimal(most));
                let lists = lists.collect::<Option<Vec<_>>>()?;
                coalitions(gate, &lists, most)
            }
        }
    }
}

/// What of the parts of a gate, by their own minimal quorums, is a minimal quorum of it.
fn coalitions(gate: &Gate<usize>, lists: &[Vec<Set>], most: usize) -> Option<Vec<Set>> {
    let supports: Vec<Set> = gate.parts.iter().map(|(_, part)| part.support()).collect();
    let mut seen = 0;
    let disjoint = supports.iter().all(|support| {
        let new = seen & support == 0;
        seen |= support;
        new
    });
    // In descending order of votes, whoever makes the sum suffice is the weakest: a coalition that
    // ends there is minimal, and each minimal one is met once.
    let mut order: Vec<usize> = (0..lists.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(gate.parts[*i].0));
    let votes: Vec<u32> = order.iter().map(|i| gate.parts[*i].0).collect();
    let lists: Vec<&[Set]> = order.iter().map(|i| lists[*i].as_slice()).collect();
    // To compare each with each takes the square of the time.
    let most = if disjoint { most } else { most.min(20_000) };
    let mut grower = Grower { votes: &votes, lists: &lists, disjoint, most, out: vec![] };
    grower.grow(0, gate.needed, &[0])?;
    let out = grower.out;
    Some(if disjoint { out } else { minimal_of(out) })
}

struct Grower<'a> {
    votes: &'a [u32],
    lists: &'a [&'a [Set]],
    /// Whether the parts have no node in common: what they make is minimal then.
    disjoint: bool,
    most: usize,
    out: Vec<Set>,
}

impl Grower<'_> {
    /// Goes through the parts from `at` on for so many votes more, on top of what there is.
    fn grow(&mut self, at: usize, needed: u32, base: &[Set]) -> Option<()> {
        crate::interrupt::tick();
        if needed == 0 {
            self.out.extend_from_slice(base);
            return (self.out.len() <= self.most).then_some(());
        }
        let left: u32 = self.votes[at..].iter().sum();
        if left < needed {
            return Some(());
        }
        if base.len() * self.lists[at].len() > self.most {
            return None;
        }
        let with = base.iter().flat_map(|set| self.lists[at].iter().map(move |more| set | more));
        let mut with: Vec<Set> = with.collect();
        if !self.disjoint {
            with = minimal_of(with);
        }
        self.grow(at + 1, needed.saturating_sub(self.votes[at]), &with)?;
        self.grow(at + 1, needed, base)
    }
}

/// The sets that contain no other.
pub(super) fn minimal_of(mut sets: Vec<Set>) -> Vec<Set> {
    sets.sort_unstable_by_key(|set| (set.count_ones(), *set));
    sets.dedup();
    let mut kept: Vec<Set> = Vec::with_capacity(sets.len());
    for (i, set) in sets.into_iter().enumerate() {
        if i % 1000 == 0 {
            crate::interrupt::tick();
        }
        if !kept.iter().any(|smaller| smaller & set == *smaller) {
            kept.push(set);
        }
    }
    kept
}

/// The smallest set that meets all of these, by branch and bound: some node of the first set that
/// is not met yet has to be in it.
pub(super) fn smallest_transversal(sets: &[Set]) -> Set {
    let mut best = sets.iter().fold(0, |all, set| all | set);
    branch(sets, 0, &mut best);
    best
}

fn branch(unmet: &[Set], chosen: Set, best: &mut Set) {
    crate::interrupt::tick();
    let Some(next) = unmet.iter().min_by_key(|set| set.count_ones()) else {
        if chosen.count_ones() < best.count_ones() {
            *best = chosen;
        }
        return;
    };
    // No node meets more than the busiest.
    let busy = |node: usize| unmet.iter().filter(|set| *set >> node & 1 == 1).count();
    let all = unmet.iter().fold(0, |all, set| all | set);
    let most = members(all).map(busy).max().unwrap_or(1);
    if chosen.count_ones() as usize + unmet.len().div_ceil(most) >= best.count_ones() as usize {
        return;
    }
    let mut candidates: Vec<usize> = members(*next).collect();
    candidates.sort_by_key(|node| std::cmp::Reverse(busy(*node)));
    let mut refused: Set = 0;
    for node in candidates {
        let left = unmet.iter().filter(|set| *set >> node & 1 == 0);
        // Those refused before are chosen no more: else each set would be met several times.
        let left: Vec<Set> = left.map(|set| set & !refused).collect();
        if left.iter().all(|set| *set != 0) {
            branch(&left, chosen | 1 << node, best);
        }
        refused |= 1 << node;
    }
}
