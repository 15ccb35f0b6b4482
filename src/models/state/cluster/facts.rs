//! What can be told of a run whatever its object: measured once, where the object is known.

use super::outcome::{Asked, Outcome};
use super::property::Broken;
use super::workload::Workload;
use crate::state::consistency::{Checker, Verdict};
use std::ops::Range;

/// A run, measured.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Of each operation where it was asked, when, and after how long it was answered, if it was.
    operations: Vec<(Asked, f64, Option<f64>)>,
    /// The part and all.
    pub(super) stale: (usize, usize),
    pub(super) lost: (usize, usize),
    /// All final reads that were answered say the same.
    pub(super) converged: bool,
    /// The run, and what of the protocol's properties did not hold.
    pub(super) broken: Option<(u64, Broken)>,
    /// Messages that were sent, and operations.
    pub(super) messages: (u64, usize),
}

impl Facts {
    /// Those of a run.
    pub(super) fn of<O: Workload>(run: &Outcome<O>) -> (Verdict, Self) {
        let latency = |operation: &crate::state::consistency::Operation<O::Call, O::Reply>| {
            operation.reply().map(|_| operation.ended - operation.invoked)
        };
        let operations = run.history.operations().iter().zip(&run.asked);
        let verdict = Checker::new().check(&O::default(), &run.history);
        let facts = Self {
            operations: operations.map(|(it, asked)| (*asked, it.invoked, latency(it))).collect(),
            stale: O::stale(&run.history),
            lost: O::lost(&run.history, run.settled),
            converged: converged(run),
            broken: run.broken.clone().map(|broken| (run.run, broken)),
            messages: (run.messages.0, run.history.len()),
        };
        (verdict, facts)
    }

    /// How many of the requests that clients of these nodes made in a time were answered before
    /// they gave up, and how many there were.
    pub(super) fn answered(&self, nodes: &[usize], during: &Range<f64>) -> (usize, usize) {
        let of = self.of_clients(nodes, during);
        of.fold((0, 0), |(answered, all), it| (answered + usize::from(it.is_some()), all + 1))
    }

    /// How long each of the answers took that clients of these nodes got, in milliseconds.
    pub(super) fn latencies(&self, nodes: &[usize], during: &Range<f64>) -> Vec<f64> {
        self.of_clients(nodes, during).flatten().collect()
    }

    fn of_clients<'a>(
        &'a self,
        nodes: &'a [usize],
        during: &'a Range<f64>,
    ) -> impl Iterator<Item = Option<f64>> + 'a {
        self.operations.iter().filter_map(move |(asked, invoked, latency)| {
            let counts = !asked.is_final && nodes.contains(&asked.node) && during.contains(invoked);
            counts.then_some(*latency)
        })
    }
}

fn converged<O: Workload>(run: &Outcome<O>) -> bool {
    let finals = run.history.operations().iter().zip(&run.asked);
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
