//! The direct serialization graph of a history (Adya 1999, section 3.1): which committed
//! transaction must come before which, and the shortest cycles in it.

use super::anomaly::{Dependency, Edge};
use super::history::{Event, Transactions};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The graph. Transactions are known by their place among those that committed.
pub(super) struct Graph {
    /// Their numbers in the history.
    pub transactions: Vec<usize>,
    /// Of each the edges that leave it: where to, why, and by which object.
    pub after: Vec<Vec<Step>>,
    pub objects: Vec<String>,
    /// Of each the strongly connected component.
    component: Vec<usize>,
}

/// An edge from a known transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step {
    pub to: usize,
    pub why: Dependency,
    pub object: usize,
}

/// An edge with where it begins.
pub(super) type Directed = (usize, Step);

impl Graph {
    pub fn of(history: &Transactions) -> Self {
        let transactions = history.committed();
        let place: BTreeMap<usize, usize> =
            transactions.iter().enumerate().map(|(at, it)| (*it, at)).collect();
        let orders = history.version_orders();
        let mut edges: BTreeSet<(usize, Step)> = BTreeSet::new();
        let names: BTreeSet<&str> = history
            .events()
            .iter()
            .filter_map(|event| match event {
                Event::Read(_, object, _) | Event::Write(_, object, _) => Some(object.as_str()),
                Event::Commit(_) | Event::Abort(_) => None,
            })
            .collect();
        let objects: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let number: BTreeMap<&str, usize> =
            names.iter().enumerate().map(|(at, name)| (*name, at)).collect();
        let mut add = |from: usize, to: usize, why: Dependency, object: &str| {
            if from != to {
                let step = Step { to: place[&to], why, object: number[object] };
                edges.insert((place[&from], step));
            }
        };
        for (object, order) in &orders {
            for pair in order.windows(2) {
                add(pair[0], pair[1], Dependency::WriteWrite, object);
            }
        }
        for event in history.events() {
            let Event::Read(reader, object, version) = event else { continue };
            let writer = version.writer;
            if !place.contains_key(reader) || *reader == writer {
                continue;
            }
            let order = orders.get(object.as_str()).map_or(&[][..], |order| order.as_slice());
            let next = if writer == 0 {
                Some(0)
            } else {
                order.iter().position(|it| *it == writer).map(|at| at + 1)
            };
            // What an aborted transaction wrote has no place in the order.
            let Some(next) = next else { continue };
            if writer != 0 {
                add(writer, *reader, Dependency::WriteRead, object);
            }
            if let Some(overwriter) = order.get(next) {
                add(*reader, *overwriter, Dependency::ReadWrite, object);
            }
        }
        let mut after = vec![vec![]; transactions.len()];
        for (from, step) in edges {
            after[from].push(step);
        }
        let component = components(&after);
        Self { transactions, after, objects, component }
    }

    /// The edges that may be on a cycle: those within a component.
    pub fn on_cycles(&self) -> impl Iterator<Item = Directed> {
        let of = |(from, after): (usize, &'_ Vec<Step>)| {
            let steps: Vec<Directed> = after.iter().map(|step| (from, *step)).collect();
            steps
        };
        let all = self.after.iter().enumerate().flat_map(of);
        all.filter(|(from, step)| self.component[*from] == self.component[step.to])
    }

    pub fn edge(&self, (from, step): Directed) -> Edge {
        Edge {
            from: self.transactions[from],
            to: self.transactions[step.to],
            dependency: step.why,
            object: self.objects[step.object].clone(),
        }
    }

    pub fn edges(&self) -> Vec<Edge> {
        let all = self.after.iter().enumerate();
        all.flat_map(|(from, after)| after.iter().map(move |step| self.edge((from, *step))))
            .collect()
    }

    /// The shortest way from one transaction to another, none of it over one that is avoided, and
    /// over its end only at its end. `next` says in which of four states one is after an edge of a
    /// kind, by the state before it, if one may take it; the last state must be one that `ends`.
    pub fn way(
        &self,
        (from, first): (usize, usize),
        to: usize,
        avoids: Option<usize>,
        next: impl Fn(usize, Dependency) -> Option<usize>,
        ends: impl Fn(usize) -> bool,
    ) -> Option<Vec<Directed>> {
        const STATES: usize = 4;
        if from == to {
            return ends(first).then(Vec::new);
        }
        let mut came: Vec<Option<(usize, Directed)>> = vec![None; self.after.len() * STATES];
        let mut seen = vec![false; self.after.len() * STATES];
        seen[from * STATES + first] = true;
        let mut queue = VecDeque::from([(from, first)]);
        while let Some((node, state)) = queue.pop_front() {
            for step in &self.after[node] {
                let is_within = self.component[step.to] == self.component[from];
                let Some(state_then) = next(state, step.why) else { continue };
                let then = step.to * STATES + state_then;
                if !is_within || Some(step.to) == avoids || seen[then] {
                    continue;
                }
                seen[then] = true;
                came[then] = Some((node * STATES + state, (node, *step)));
                if step.to != to {
                    queue.push_back((step.to, state_then));
                } else if ends(state_then) {
                    let mut way = vec![];
                    let mut at = then;
                    while let Some((before, edge)) = came[at] {
                        way.push(edge);
                        at = before;
                    }
                    way.reverse();
                    return Some(way);
                }
            }
        }
        None
    }

    /// The transactions, by their numbers, in an order that all edges follow; nothing if there is
    /// a cycle.
    pub fn sorted(&self) -> Option<Vec<usize>> {
        let mut before = vec![0; self.after.len()];
        self.after.iter().flatten().for_each(|step| before[step.to] += 1);
        let mut order: Vec<usize> = (0..before.len()).filter(|&node| before[node] == 0).collect();
        let mut done = 0;
        while let Some(&node) = order.get(done) {
            done += 1;
            for step in &self.after[node] {
                before[step.to] -= 1;
                if before[step.to] == 0 {
                    order.push(step.to);
                }
            }
        }
        let is_whole = order.len() == before.len();
        is_whole.then(|| order.into_iter().map(|node| self.transactions[node]).collect())
    }
}

/// Strongly connected components (Tarjan, 1972), without recursion: of each node the number of its
/// component.
fn components(after: &[Vec<Step>]) -> Vec<usize> {
    const NONE: usize = usize::MAX;
    let count = after.len();
    let (mut index, mut low) = (vec![NONE; count], vec![0; count]);
    let mut component = vec![NONE; count];
    let (mut stack, mut next, mut found) = (vec![], 0, 0);
    for root in 0..count {
        if index[root] != NONE {
            continue;
        }
        let mut calls = vec![(root, 0)];
        while let Some((node, edge)) = calls.pop() {
            if edge == 0 {
                (index[node], low[node]) = (next, next);
                next += 1;
                stack.push(node);
            } else {
                let to = after[node][edge - 1].to;
                if component[to] == NONE {
                    low[node] = low[node].min(low[to]);
                }
            }
            if let Some(step) = after[node].get(edge) {
                calls.push((node, edge + 1));
                if index[step.to] == NONE {
                    calls.push((step.to, 0));
                }
                continue;
            }
            if low[node] == index[node] {
                while let Some(member) = stack.pop() {
                    component[member] = found;
                    if member == node {
                        break;
                    }
                }
                found += 1;
            }
        }
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Stream;

    /// Against reachability, which says the same: two nodes are in one component if each reaches
    /// the other.
    #[test]
    fn components_are_what_reaches_each_other() {
        let mut random = Stream::new(5, 0, "graphs");
        for nodes in 1..40 {
            let mut after: Vec<Vec<Step>> = vec![vec![]; nodes];
            for _ in 0..nodes + random.below(nodes) {
                let (from, to) = (random.below(nodes), random.below(nodes));
                after[from].push(Step { to, why: Dependency::WriteWrite, object: 0 });
            }
            let mut reaches = vec![vec![false; nodes]; nodes];
            for (from, row) in reaches.iter_mut().enumerate() {
                let mut open = vec![from];
                while let Some(node) = open.pop() {
                    if !std::mem::replace(&mut row[node], true) {
                        open.extend(after[node].iter().map(|step| step.to));
                    }
                }
            }
            let component = components(&after);
            for a in 0..nodes {
                for b in 0..nodes {
                    let same = reaches[a][b] && reaches[b][a];
                    assert_eq!(component[a] == component[b], same, "{nodes} nodes: {a}, {b}");
                }
            }
        }
    }
}
