//! What one run left behind.

use super::property::Broken;
use super::workload::Workload;
use crate::state::consistency::History;

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
    /// Steps of all replicas: what reached them, messages, timers and requests, and their starts.
    pub steps: u64,
    /// Which run of the survey it was.
    pub run: u64,
    /// The first of the protocol's properties that did not hold, if one did not: the run ends
    /// there.
    pub broken: Option<Broken>,
}

/// An operation, as far as it is not in the history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked {
    /// At which node.
    pub node: usize,
    /// Whether it is one of the final reads.
    pub is_final: bool,
}
