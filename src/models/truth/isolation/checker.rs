//! Finds the anomalies of a history: reads that should not have been possible, and cycles in the
//! serialization graph, the shortest of each kind.

use super::anomaly::{Anomaly, Dependency, Evidence};
use super::graph::{Directed, Graph};
use super::history::{Event, Transactions, Version};
use super::report::Report;
use std::collections::{BTreeMap, BTreeSet};

impl Transactions {
    /// Finds its anomalies.
    pub fn check(&self) -> Report {
        let graph = Graph::of(self);
        let mut found: BTreeMap<Anomaly, Evidence> = wrong_reads(self);
        if graph.sorted().is_none() {
            found.extend(cycles(&graph));
            found.extend(lost_update(self, &graph).map(|it| (Anomaly::LostUpdate, it)));
        }
        Report::of(self, &graph, found)
    }
}

/// Of each kind of read that should not have been possible the first.
fn wrong_reads(history: &Transactions) -> BTreeMap<Anomaly, Evidence> {
    let committed: BTreeSet<usize> = history.committed().into_iter().collect();
    let mut last: BTreeMap<(usize, &str), Version> = BTreeMap::new();
    for event in history.events() {
        if let Event::Write(writer, object, version) = event {
            last.insert((*writer, object), *version);
        }
    }
    let mut own: BTreeMap<(usize, &str), Version> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for event in history.events() {
        let (reader, object, version) = match event {
            Event::Write(writer, object, version) => {
                own.insert((*writer, object), *version);
                continue;
            }
            Event::Read(reader, object, version) if committed.contains(reader) => {
                (*reader, object, *version)
            }
            _ => continue,
        };
        let written = own.get(&(reader, object));
        let is_internal = written.is_some_and(|written| *written != version);
        let is_foreign = version.writer != reader && version.writer != 0;
        let is_aborted = is_foreign && !committed.contains(&version.writer);
        let is_intermediate =
            is_foreign && last.get(&(version.writer, object)).is_some_and(|it| *it != version);
        let kinds = [
            (is_internal, Anomaly::Internal),
            (is_aborted, Anomaly::G1a),
            (is_intermediate, Anomaly::G1b),
        ];
        for (_, anomaly) in kinds.into_iter().filter(|(is, _)| *is) {
            let object = object.clone();
            found.entry(anomaly).or_insert(Evidence::Read { reader, object, version });
        }
    }
    found
}

/// Of each kind of cycle a shortest one.
fn cycles(graph: &Graph) -> BTreeMap<Anomaly, Evidence> {
    use Dependency::{ReadWrite, WriteRead, WriteWrite};
    let mut shortest: BTreeMap<Anomaly, Vec<Directed>> = BTreeMap::new();
    let mut take = |anomaly: Anomaly, edges: &[Directed], way: Option<Vec<Directed>>| {
        let Some(way) = way else { return };
        let length = edges.len() + way.len();
        if shortest.get(&anomaly).is_none_or(|known| length < known.len()) {
            shortest.insert(anomaly, edges.iter().copied().chain(way).collect());
        }
    };
    for edge in graph.on_cycles() {
        crate::interrupt::tick();
        let (from, step) = edge;
        let back = |allows: &dyn Fn(Dependency) -> bool| {
            graph.way((step.to, 0), from, None, |_, why| allows(why).then_some(0), |_| true)
        };
        match step.why {
            WriteWrite => take(Anomaly::G0, &[edge], back(&|why| why == WriteWrite)),
            WriteRead => take(Anomaly::G1c, &[edge], back(&|why| why != ReadWrite)),
            ReadWrite => {
                take(Anomaly::GSingle, &[edge], back(&|why| why != ReadWrite));
                // States: 1 is after an anti-dependency, 2 is that there was another than the first.
                let next = |state: usize, why: Dependency| match why {
                    ReadWrite if state & 1 != 0 => None,
                    ReadWrite => Some(3),
                    _ => Some(state & 2),
                };
                let apart = graph
                    .way((step.to, 1), from, None, next, |state| state == 2)
                    .filter(|way| is_simple(way));
                take(Anomaly::GNonadjacent, &[edge], apart);
                let next = graph.after[step.to].iter().filter(|next| next.why == ReadWrite);
                for next in next {
                    let second = (step.to, *next);
                    let way =
                        graph.way((next.to, 0), from, Some(step.to), |_, _| Some(0), |_| true);
                    take(Anomaly::G2Item, &[edge, second], way);
                }
            }
        }
    }
    let evidence = |way: Vec<Directed>| {
        Evidence::Cycle(way.into_iter().map(|edge| graph.edge(edge)).collect())
    };
    shortest.into_iter().map(|(anomaly, way)| (anomaly, evidence(way))).collect()
}

/// Whether a way comes to no transaction twice.
fn is_simple(way: &[Directed]) -> bool {
    let nodes: BTreeSet<usize> = way.iter().map(|edge| edge.0).collect();
    nodes.len() == way.len()
}

/// Two transactions that read the same version of an object, and then both wrote the object.
fn lost_update(history: &Transactions, graph: &Graph) -> Option<Evidence> {
    let orders = history.version_orders();
    // Of each object and version who read it before it wrote the object.
    let mut readers: BTreeMap<(&str, Version), BTreeSet<usize>> = BTreeMap::new();
    let mut wrote: BTreeSet<(usize, &str)> = BTreeSet::new();
    for event in history.events() {
        match event {
            Event::Write(writer, object, _) => drop(wrote.insert((*writer, object))),
            Event::Read(reader, object, version) if !wrote.contains(&(*reader, object)) => {
                readers.entry((object, *version)).or_default().insert(*reader);
            }
            _ => {}
        }
    }
    for ((object, version), readers) in readers {
        let Some(order) = orders.get(object) else { continue };
        let begin = match version.writer {
            0 => Some(0),
            writer => order.iter().position(|it| *it == writer).map(|at| at + 1),
        };
        let Some(begin) = begin else { continue };
        // The second to write it over: what it read is not what it wrote over.
        let both = order[begin..].iter().filter(|it| readers.contains(it)).nth(1);
        let Some(second) = both.and_then(|second| order.iter().position(|it| it == second)) else {
            continue;
        };
        let edge = |from: usize, to: usize, why: Dependency| {
            let place = |it: usize| graph.transactions.iter().position(|other| *other == it);
            let is_it = |step: &&super::graph::Step| {
                Some(step.to) == place(to)
                    && step.why == why
                    && graph.objects[step.object] == object
            };
            let from = place(from)?;
            graph.after[from].iter().find(is_it).map(|step| graph.edge((from, *step)))
        };
        let overwritten = edge(order[second], order[begin], Dependency::ReadWrite);
        let chain =
            (begin..second).map(|at| edge(order[at], order[at + 1], Dependency::WriteWrite));
        if let Some(cycle) = std::iter::once(overwritten).chain(chain).collect() {
            return Some(Evidence::Cycle(cycle));
        }
    }
    None
}
