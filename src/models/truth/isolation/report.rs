//! What a check of a history says.

use super::anomaly::{Anomaly, Edge, Evidence};
use super::graph::Graph;
use super::history::Transactions;
use super::level::Level;
use std::collections::BTreeMap;
use std::fmt;

/// The anomalies of a history, each with evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    found: BTreeMap<Anomaly, Evidence>,
    order: Option<Vec<usize>>,
    edges: Vec<Edge>,
    committed: usize,
}

impl Report {
    pub(super) fn of(
        history: &Transactions,
        graph: &Graph,
        found: BTreeMap<Anomaly, Evidence>,
    ) -> Self {
        let order = graph.sorted();
        let committed = history.committed().len();
        Self { found, order, edges: graph.edges(), committed }
    }

    /// The anomalies that it has, the gravest first.
    pub fn anomalies(&self) -> Vec<Anomaly> {
        self.found.keys().copied().collect()
    }

    /// Whether it has this one.
    pub fn has(&self, anomaly: Anomaly) -> bool {
        self.found.contains_key(&anomaly)
    }

    /// What shows that it has this one: of cycles a shortest.
    pub fn evidence(&self, anomaly: Anomaly) -> Option<&Evidence> {
        self.found.get(&anomaly)
    }

    /// The shortest of the cycles that it has.
    pub fn shortest_cycle(&self) -> Option<&[Edge]> {
        let cycles = self.found.values().filter_map(|evidence| match evidence {
            Evidence::Cycle(edges) => Some(edges.as_slice()),
            Evidence::Read { .. } => None,
        });
        cycles.min_by_key(|edges| edges.len())
    }

    /// Whether the committed transactions could have run one after the other, with the same reads
    /// and the same versions in the end.
    pub fn is_serializable(&self) -> bool {
        self.order.is_some() && self.found.is_empty()
    }

    /// An order in which they could have; nothing if there is none.
    pub fn serial_order(&self) -> Option<&[usize]> {
        self.order.as_deref().filter(|_| self.is_serializable())
    }

    /// Whether a level of isolation allows all the anomalies that it has.
    pub fn is_allowed_at(&self, level: Level) -> bool {
        self.found.keys().all(|anomaly| level.allows(*anomaly))
    }

    /// The edges of its serialization graph, by transaction.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let count = self.committed;
        if let Some(order) = self.serial_order() {
            let order: Vec<String> = order.iter().map(|it| format!("T{it}")).collect();
            return write!(f, "{count} committed, serializable as {}", order.join(" "));
        }
        write!(f, "{count} committed, not serializable")?;
        for (anomaly, evidence) in &self.found {
            write!(f, "\n{anomaly} ({}): {evidence}", anomaly.meaning())?;
        }
        Ok(())
    }
}
