//! What one run left behind.

use super::workload::Workload;
use crate::state::consistency::History;
use std::ops::Range;

/// A run, as its clients saw it.
#[derive(Debug)]
pub struct Outcome<O: Workload> {
    /// The history. Process k is client k.
    pub history: History<O::Call, O::Reply>,
    /// Of each operation, by its index in the history, where it was asked.
    pub asked: Vec<Asked>,
    /// When the final reads began, in milliseconds.
    pub settled: f64,
    /// Messages that were sent, and that arrived.
    pub messages: (u64, u64),
    /// Which run of the survey it was.
    pub run: u64,
}

/// An operation, as far as it is not in the history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked {
    /// At which node.
    pub node: usize,
    /// Whether it is one of the final reads.
    pub is_final: bool,
}

impl<O: Workload> Outcome<O> {
    /// The part of the requests that clients of these nodes made in a time, and that were
    /// answered before they gave up; nothing if there were none.
    pub fn availability(&self, nodes: &[usize], during: &Range<f64>) -> Option<f64> {
        let (mut answered, mut all) = (0u32, 0u32);
        for latency in self.of(nodes, during) {
            all += 1;
            answered += u32::from(latency.is_some());
        }
        (all > 0).then(|| f64::from(answered) / f64::from(all))
    }

    /// How long each of the answers took that clients of these nodes got, in milliseconds.
    pub fn latencies(&self, nodes: &[usize], during: &Range<f64>) -> Vec<f64> {
        self.of(nodes, during).flatten().collect()
    }

    /// How long the answer took, if there was one.
    fn of<'a>(
        &'a self,
        nodes: &'a [usize],
        during: &'a Range<f64>,
    ) -> impl Iterator<Item = Option<f64>> + 'a {
        self.history.operations().iter().zip(&self.asked).filter_map(move |(operation, asked)| {
            let counts = !asked.is_final
                && nodes.contains(&asked.node)
                && during.contains(&operation.invoked);
            let latency = operation.reply().map(|_| operation.ended - operation.invoked);
            counts.then_some(latency)
        })
    }

    /// Whether all final reads that were answered say the same.
    pub fn converged(&self) -> bool {
        let finals = self.history.operations().iter().zip(&self.asked);
        let mut seen: Vec<(&O::Call, &O::Reply)> = vec![];
        for (operation, asked) in finals {
            let Some(reply) = operation.reply().filter(|_| asked.is_final) else { continue };
            match seen.iter().find(|(call, _)| **call == operation.call) {
                Some((_, other)) if *other != reply => return false,
                Some(_) => {}
                None => seen.push((&operation.call, reply)),
            }
        }
        true
    }
}
