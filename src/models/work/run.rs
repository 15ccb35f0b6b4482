//! What one replication of a queue measured.

use super::estimates::ratio;
use crate::sim::Histogram;

/// Of the window in which customers were counted.
#[derive(Clone, Debug, Default)]
pub struct Run {
    pub servers: usize,
    /// How long it was, in units of time.
    pub span: f64,
    /// Of those that were served: the sums of their waits and of their service times.
    pub wait_sum: f64,
    pub service_sum: f64,
    /// Their waits, and their times in the system.
    pub waits: Histogram,
    pub times: Histogram,
    /// How many were turned away, or turned away themselves, for good.
    pub lost: u64,
    /// How many lost patience, for good.
    pub abandoned: u64,
    /// How often all these came, for the first time or again.
    pub attempts: u64,
    /// Server time spent busy.
    pub busy: f64,
    /// Customer time spent waiting, and in the system.
    pub waiting: f64,
    pub present: f64,
    /// By class: how many were served, and the sum of their waits.
    pub classes: Vec<(u64, f64)>,
    /// By server of a balancer: how many were sent to it; and of a ring how many of them to
    /// another server than their own.
    pub sent: Vec<u64>,
    pub away: Option<u64>,
}

impl Run {
    /// How many were served.
    pub fn served(&self) -> f64 {
        self.waits.len() as f64
    }

    /// The mean time in the system of those that were served.
    pub fn time(&self) -> f64 {
        ratio(self.wait_sum + self.service_sum, self.served())
    }

    /// How many came and went, in whichever way.
    pub fn customers(&self) -> f64 {
        self.served() + (self.lost + self.abandoned) as f64
    }
}

/// What became of a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Served,
    Lost,
    Abandoned,
}

/// One customer's record, in units of time.
#[derive(Clone, Copy, Debug)]
pub struct Visit {
    pub number: u64,
    pub class: u32,
    pub arrival: f64,
    pub wait: f64,
    pub service: f64,
    pub departure: f64,
    pub retries: u32,
    pub outcome: Outcome,
}
