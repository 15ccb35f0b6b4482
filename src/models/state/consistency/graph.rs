//! Directed graphs: an order of the nodes, or a cycle.

use std::collections::VecDeque;

#[derive(Clone)]
pub(super) struct Graph {
    after: Vec<Vec<usize>>,
}

impl Graph {
    pub(super) fn new(nodes: usize) -> Self {
        Self { after: vec![vec![]; nodes] }
    }

    pub(super) fn edge(&mut self, from: usize, to: usize) {
        self.after[from].push(to);
    }

    /// Where the edges of a node lead.
    pub(super) fn after(&self, node: usize) -> &[usize] {
        &self.after[node]
    }

    pub(super) fn reversed(&self) -> Self {
        let mut reversed = Self::new(self.after.len());
        for (from, after) in self.after.iter().enumerate() {
            after.iter().for_each(|&to| reversed.edge(to, from));
        }
        reversed
    }

    /// All nodes that can be reached from one, which is among them only if it is on a cycle.
    pub(super) fn reachable(&self, from: usize) -> Vec<usize> {
        let mut seen = vec![false; self.after.len()];
        let mut found: Vec<usize> = vec![];
        let mut next = Some(from);
        let mut done = 0;
        while let Some(node) = next {
            for &to in &self.after[node] {
                if !std::mem::replace(&mut seen[to], true) {
                    found.push(to);
                }
            }
            next = found.get(done).copied();
            done += 1;
        }
        found
    }

    /// The nodes in an order that all edges follow (Kahn, 1962); or a cycle, the shortest through
    /// one of its nodes.
    pub(super) fn sorted(&self) -> Result<Vec<usize>, Vec<usize>> {
        let mut before = vec![0; self.after.len()];
        self.after.iter().flatten().for_each(|&to| before[to] += 1);
        let mut order: Vec<usize> = (0..before.len()).filter(|&node| before[node] == 0).collect();
        let mut done = 0;
        while let Some(&node) = order.get(done) {
            done += 1;
            for &to in &self.after[node] {
                before[to] -= 1;
                if before[to] == 0 {
                    order.push(to);
                }
            }
        }
        if order.len() == before.len() {
            return Ok(order);
        }
        // Each node that is left follows one that is left: going back leads into a cycle.
        let backward = self.reversed();
        let left = |&&node: &&usize| before[node] > 0;
        let mut node = (0..before.len()).find(|&node| before[node] > 0).unwrap_or_default();
        let mut seen = vec![false; before.len()];
        while !std::mem::replace(&mut seen[node], true) {
            node = backward.after(node).iter().find(left).copied().unwrap_or(node);
        }
        Err(self.cycle(node))
    }

    /// The shortest cycle through a node that is on one.
    fn cycle(&self, through: usize) -> Vec<usize> {
        let mut from = vec![usize::MAX; self.after.len()];
        let mut queue = VecDeque::from([through]);
        while let Some(node) = queue.pop_front() {
            for &to in &self.after[node] {
                if to == through {
                    let mut cycle = vec![node];
                    let mut at = node;
                    while at != through {
                        at = from[at];
                        cycle.push(at);
                    }
                    cycle.reverse();
                    return cycle;
                }
                if from[to] == usize::MAX {
                    from[to] = node;
                    queue.push_back(to);
                }
            }
        }
        vec![]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_and_cycles() {
        let mut graph = Graph::new(6);
        for (from, to) in [(3, 1), (1, 0), (3, 0), (0, 5)] {
            graph.edge(from, to);
        }
        let order = graph.sorted().unwrap();
        let place = |node| order.iter().position(|&it| it == node).unwrap();
        assert!(place(3) < place(1) && place(1) < place(0) && place(0) < place(5));
        assert_eq!(graph.reachable(1), [0, 5]);
        assert_eq!(graph.reversed().reachable(0), [1, 3]);
        // A long cycle with a short cut, and a tail behind it.
        graph.edge(5, 4);
        graph.edge(4, 3);
        graph.edge(4, 2);
        let cycle = graph.sorted().unwrap_err();
        assert_eq!(cycle.len(), 4);
        for (at, &node) in cycle.iter().enumerate() {
            assert!(graph.after(node).contains(&cycle[(at + 1) % 4]));
        }
        let mut own = Graph::new(1);
        own.edge(0, 0);
        assert_eq!(own.sorted(), Err(vec![0]));
    }
}
