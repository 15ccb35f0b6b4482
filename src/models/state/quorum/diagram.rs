//! Expressions as reduced ordered binary decision diagrams (Bryant, 1986): what takes a sum or a
//! minimum over all sets of nodes takes a walk over a diagram, which is small for gates of gates.

use super::sets::Set;
use super::tree::Formula;
use std::collections::BTreeMap;

/// A decision: where to go on without the node and with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Vertex {
    /// Its node's place in the order of decisions.
    rank: u32,
    without: u32,
    with: u32,
}

const FALSE: u32 = 0;
const TRUE: u32 = 1;

/// More vertices than fit a second or a hundred megabytes.
const MOST: usize = 1 << 20;

/// Where diagrams are built: equal functions get the same number. All that builds gives nothing
/// when there is no room left.
pub(super) struct Builder {
    vertices: Vec<Vertex>,
    known: BTreeMap<Vertex, u32>,
    chosen: BTreeMap<(u32, u32, u32), u32>,
    /// The nodes in the order of decisions, and of each its place there.
    nodes: Vec<usize>,
    ranks: Vec<u32>,
}

impl Builder {
    /// For functions of the nodes of these formulas, decided in the order in which they appear:
    /// what stands together in an expression does in the diagram, which keeps it small.
    pub fn of(formulas: &[&Formula]) -> Self {
        let mut nodes = vec![];
        formulas.iter().for_each(|formula| formula.appearance(&mut nodes));
        let mut ranks = vec![0; nodes.iter().max().map_or(0, |most| most + 1)];
        nodes.iter().enumerate().for_each(|(rank, node)| ranks[*node] = rank as u32);
        let end = |at| Vertex { rank: u32::MAX, without: at, with: at };
        let (known, chosen) = (BTreeMap::new(), BTreeMap::new());
        Self { vertices: vec![end(FALSE), end(TRUE)], known, chosen, nodes, ranks }
    }

    /// The function of a formula.
    pub fn build(&mut self, formula: &Formula) -> Option<u32> {
        let gate = match formula {
            Formula::Leaf(node) => return self.vertex(self.ranks[*node], FALSE, TRUE),
            Formula::Gate(gate) => gate,
        };
        let parts = gate.parts.iter().map(|(votes, part)| Some((*votes, self.build(part)?)));
        let parts = parts.collect::<Option<Vec<_>>>()?;
        self.count(&parts, gate.needed, &mut BTreeMap::new())
    }

    /// True if these parts have so many votes together.
    fn count(
        &mut self,
        parts: &[(u32, u32)],
        needed: u32,
        memo: &mut BTreeMap<(usize, u32), u32>,
    ) -> Option<u32> {
        if needed == 0 {
            return Some(TRUE);
        }
        if parts.iter().map(|(votes, _)| votes).sum::<u32>() < needed {
            return Some(FALSE);
        }
        if let Some(known) = memo.get(&(parts.len(), needed)) {
            return Some(*known);
        }
        let (votes, part) = parts[0];
        let with = self.count(&parts[1..], needed.saturating_sub(votes), memo)?;
        let without = self.count(&parts[1..], needed, memo)?;
        let made = self.choose(part, with, without)?;
        memo.insert((parts.len(), needed), made);
        Some(made)
    }

    /// True where both are.
    pub fn and(&mut self, a: u32, b: u32) -> Option<u32> {
        if a == b { Some(a) } else { self.choose(a, b, FALSE) }
    }

    /// `with` where `condition` is true, `without` elsewhere.
    fn choose(&mut self, condition: u32, with: u32, without: u32) -> Option<u32> {
        match condition {
            TRUE => return Some(with),
            FALSE => return Some(without),
            _ if with == without => return Some(with),
            _ if (with, without) == (TRUE, FALSE) => return Some(condition),
            _ => {}
        }
        let key = (condition, with, without);
        if let Some(known) = self.chosen.get(&key) {
            return Some(*known);
        }
        let rank = [condition, with, without].map(|at| self.vertices[at as usize].rank);
        let rank = rank.into_iter().min().unwrap_or(u32::MAX);
        let [(c0, c1), (w0, w1), (o0, o1)] =
            [condition, with, without].map(|at| self.split(at, rank));
        let high = self.choose(c1, w1, o1)?;
        let low = self.choose(c0, w0, o0)?;
        let made = self.vertex(rank, low, high)?;
        self.chosen.insert(key, made);
        Some(made)
    }

    /// What is left of a function without and with the node of such a rank.
    fn split(&self, at: u32, rank: u32) -> (u32, u32) {
        let vertex = self.vertices[at as usize];
        if vertex.rank == rank { (vertex.without, vertex.with) } else { (at, at) }
    }

    fn vertex(&mut self, rank: u32, without: u32, with: u32) -> Option<u32> {
        if without == with {
            return Some(with);
        }
        let vertex = Vertex { rank, without, with };
        if let Some(known) = self.known.get(&vertex) {
            return Some(*known);
        }
        let number = self.vertices.len();
        if number.is_multiple_of(1000) {
            crate::interrupt::tick();
        }
        if number >= MOST {
            return None;
        }
        self.vertices.push(vertex);
        self.known.insert(vertex, number as u32);
        Some(number as u32)
    }

    /// The sets in which the function is still true when any `failures` nodes are taken out.
    pub fn surviving(&mut self, at: u32, failures: usize) -> Option<u32> {
        self.survivors(at, failures, &mut BTreeMap::new())
    }

    fn survivors(
        &mut self,
        at: u32,
        failures: usize,
        memo: &mut BTreeMap<(u32, usize), u32>,
    ) -> Option<u32> {
        if failures == 0 || at <= TRUE {
            return Some(at);
        }
        if let Some(known) = memo.get(&(at, failures)) {
            return Some(*known);
        }
        let Vertex { rank, without, with } = self.vertices[at as usize];
        let low = self.survivors(without, failures, memo)?;
        // A node that is in the set stays, or is one of those that fail.
        let stays = self.survivors(with, failures, memo)?;
        let fails = self.survivors(without, failures - 1, memo)?;
        let high = self.and(stays, fails)?;
        let made = self.vertex(rank, low, high)?;
        memo.insert((at, failures), made);
        Some(made)
    }

    /// The function when the nodes outside of `kept` are never there.
    pub fn within(&mut self, at: u32, kept: Set) -> Option<u32> {
        self.without_others(at, kept, &mut BTreeMap::new())
    }

    fn without_others(&mut self, at: u32, kept: Set, memo: &mut BTreeMap<u32, u32>) -> Option<u32> {
        if at <= TRUE {
            return Some(at);
        }
        if let Some(known) = memo.get(&at) {
            return Some(*known);
        }
        let Vertex { rank, without, with } = self.vertices[at as usize];
        let low = self.without_others(without, kept, memo)?;
        let made = if kept >> self.nodes[rank as usize] & 1 == 1 {
            let high = self.without_others(with, kept, memo)?;
            self.vertex(rank, low, high)?
        } else {
            low
        };
        memo.insert(at, made);
        Some(made)
    }

    /// Of all pairs of a set in which `a` is true and one in which `b` is, one with the fewest
    /// nodes in common: their number, and the sets. Nothing if either is never true.
    pub fn closest(&self, a: u32, b: u32) -> Option<(usize, Set, Set)> {
        let mut memo = BTreeMap::new();
        let common = self.common(a, b, &mut memo)?;
        let (mut a, mut b, mut sets) = (a, b, [0, 0]);
        while (a, b) != (TRUE, TRUE) {
            let left = self.common(a, b, &mut memo);
            let (rank, ways) = self.ways(a, b);
            let node: Set = 1 << self.nodes[rank as usize];
            let way = ways.into_iter().enumerate().find(|(way, (a, b))| {
                let common = self.common(*a, *b, &mut memo);
                common.map(|common| common + usize::from(*way == 2)) == left
            });
            let (way, next) = way?;
            sets[0] |= if way != 0 { node } else { 0 };
            sets[1] |= if way != 1 { node } else { 0 };
            (a, b) = next;
        }
        Some((common, sets[0], sets[1]))
    }

    /// The next node, and where the two go on when it is in the second alone, in the first alone,
    /// in both; functions only gain by a node, so that none of them need not be tried.
    fn ways(&self, a: u32, b: u32) -> (u32, [(u32, u32); 3]) {
        let rank = self.vertices[a as usize].rank.min(self.vertices[b as usize].rank);
        let ((a0, a1), (b0, b1)) = (self.split(a, rank), self.split(b, rank));
        (rank, [(a0, b1), (a1, b0), (a1, b1)])
    }

    fn common(
        &self,
        a: u32,
        b: u32,
        memo: &mut BTreeMap<(u32, u32), Option<usize>>,
    ) -> Option<usize> {
        if a == FALSE || b == FALSE {
            return None;
        }
        if a == TRUE && b == TRUE {
            return Some(0);
        }
        if let Some(known) = memo.get(&(a, b)) {
            return *known;
        }
        crate::interrupt::tick();
        let (_, [second, first, both]) = self.ways(a, b);
        let apart = [second, first].into_iter().filter_map(|(a, b)| self.common(a, b, memo));
        let apart: Vec<usize> = apart.collect();
        let both = self.common(both.0, both.1, memo).map(|common| common + 1);
        let least = apart.into_iter().chain(both).min();
        memo.insert((a, b), least);
        least
    }

    /// A function by itself.
    pub fn diagram(&self, root: u32) -> Diagram {
        // A vertex is younger than those it leads to.
        let vertices = self.vertices[..=root as usize].iter().enumerate();
        let mut reached = vec![false; self.vertices.len()];
        reached[root as usize] = true;
        for (at, vertex) in vertices.clone().rev() {
            if reached[at] {
                reached[vertex.without as usize] = true;
                reached[vertex.with as usize] = true;
            }
        }
        let mut place = vec![0, 1];
        let mut decisions = vec![];
        for (at, Vertex { rank, without, with }) in vertices.skip(2) {
            place.push(decisions.len() + 2);
            if reached[at] {
                let node = self.nodes[*rank as usize];
                decisions.push((node, place[*without as usize], place[*with as usize]));
            }
        }
        Diagram { decisions, root: place[root as usize] }
    }
}

/// One function. Number 0 is false, 1 is true, 2 the first decision: a node, and the numbers to go
/// on with without it and with it, which are smaller.
pub(super) struct Diagram {
    decisions: Vec<(usize, usize, usize)>,
    root: usize,
}

impl Diagram {
    /// The probability that the function is true, and that it is false, when each node has failed
    /// with a probability of its own. Both are sums, so that small ones are exact too.
    pub fn chance(&self, failed: &[f64]) -> (f64, f64) {
        let mut chances = vec![(0.0, 1.0), (1.0, 0.0)];
        for (node, without, with) in &self.decisions {
            let ((w, not_w), (o, not_o)) = (chances[*with], chances[*without]);
            let (down, up) = (failed[*node], 1.0 - failed[*node]);
            chances.push((up * w + down * o, up * not_w + down * not_o));
        }
        chances[self.root]
    }

    /// The set with the least sum of costs in which the function is true, and the sum.
    pub fn cheapest(&self, cost: &[f64]) -> Option<(f64, Set)> {
        let mut least = vec![f64::INFINITY, 0.0];
        for (node, without, with) in &self.decisions {
            least.push(least[*without].min(cost[*node] + least[*with]));
        }
        let (mut at, mut set) = (self.root, 0);
        while at > 1 {
            let (node, without, with) = self.decisions[at - 2];
            let taken = least[without] > cost[node] + least[with];
            set |= if taken { 1 << node } else { 0 };
            at = if taken { with } else { without };
        }
        (least[self.root] < f64::INFINITY).then_some((least[self.root], set))
    }

    /// The minimal sets in which the function is true; nothing if there are more than `most`.
    pub fn minimal(&self, most: usize) -> Option<Vec<Set>> {
        let mut lists: Vec<Vec<Set>> = vec![vec![], vec![0]];
        for (node, without, with) in &self.decisions {
            crate::interrupt::tick();
            // With the node, whatever does not do without it.
            let needs = lists[*with].iter().filter(|set| !self.holds(*without, **set));
            let needs: Vec<Set> = needs.map(|set| set | 1 << node).collect();
            let list: Vec<Set> = lists[*without].iter().copied().chain(needs).collect();
            if list.len() > most {
                return None;
            }
            lists.push(list);
        }
        Some(lists.swap_remove(self.root))
    }

    fn holds(&self, mut at: usize, set: Set) -> bool {
        while at > 1 {
            let (node, without, with) = self.decisions[at - 2];
            at = if set >> node & 1 == 1 { with } else { without };
        }
        at == 1
    }
}
