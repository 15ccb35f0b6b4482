//! Results of the models as tables: methods that the models, which know no tables, are given here.

use crate::control::{ChainSurvey, OutageSurvey, Scaled, Spread};
use crate::operations::Divergence;
use crate::request::PathSurvey;
use crate::sim::Estimate;
use crate::table::Table;
use crate::work::{Balancer, Estimates, Flow, Queue, RetryStorm};

/// Of a queue.
pub trait QueueTables {
    /// The first customers of one run as a table, one row each, in the order in which they left:
    /// `arrival`, `wait` and `service`, in units of time, and what else there is to tell of this
    /// queue's customers. It is replication 0 of the same seed, which starts empty, without
    /// warm-up.
    fn observe(&self, customers: usize, seed: u64) -> Table;
}

impl QueueTables for Queue {
    #[track_caller]
    fn observe(&self, customers: usize, seed: u64) -> Table {
        self.observed(customers, seed).into()
    }
}

/// Of servers with a line each.
pub trait BalancerTables {
    /// The first customers of one run as a table, one row each, in the order in which they left:
    /// `number` (of those who came before), `server`, `arrival`, `wait`, `service` (as long as
    /// that server took) and `departure`, in units of time. It is replication 0 of the same seed,
    /// which starts empty, without warm-up.
    fn observe(&self, customers: usize, seed: u64) -> Table;
}

impl BalancerTables for Balancer {
    #[track_caller]
    fn observe(&self, customers: usize, seed: u64) -> Table {
        self.observed(customers, seed).into()
    }
}

/// Of requests that are repeated.
pub trait RetryStormTables {
    /// What happens until `end`, in intervals of `step` units of time, one row each, means over
    /// so many replications: `time` (the interval's end), `requests`, `attempts` and `answered`
    /// (in time), each per unit of time, and `queue`, the number waiting at its end.
    ///
    /// # Panics
    /// If end and step are not positive numbers, or there is no replication.
    fn observe(&self, end: f64, step: f64, replications: usize, seed: u64) -> Table;

    /// The same system as its load is turned up slowly and down again, which shows its memory
    /// (hysteresis): each rate of requests of `loads`, in ascending order, is held for a time
    /// `hold`, first from the lowest to the highest, then back, without a pause. One row for each
    /// load: `load` (requests per unit of time), and of the second half of the time that it was
    /// held the fraction of requests that were answered in time, on the way `up` and on the way
    /// `down`; means over so many replications.
    ///
    /// # Panics
    /// If there are no loads, they are not positive or not in ascending order, the time is not
    /// positive, or there is no replication.
    fn hysteresis(&self, loads: &[f64], hold: f64, replications: usize, seed: u64) -> Table;
}

impl RetryStormTables for RetryStorm {
    #[track_caller]
    fn observe(&self, end: f64, step: f64, replications: usize, seed: u64) -> Table {
        self.observed(end, step, replications, seed).into()
    }

    #[track_caller]
    fn hysteresis(&self, loads: &[f64], hold: f64, replications: usize, seed: u64) -> Table {
        self.turned(loads, hold, replications, seed).into()
    }
}

/// Of what was measured or computed: of a queue all measures, one row each; of a network by
/// station; of what runs in time, one row for each step of it.
pub trait MeasureTables {
    /// All of it as a table.
    fn table(&self) -> Table;
}

impl MeasureTables for PathSurvey {
    fn table(&self) -> Table {
        self.columns().clone().into()
    }
}

macro_rules! tables_of_columns {
    ($($measured:ty),* $(,)?) => {$(
        impl MeasureTables for $measured {
            fn table(&self) -> Table {
                self.columns().into()
            }
        }
    )*};
}

tables_of_columns!(
    Estimates,
    Flow<f64>,
    Flow<Estimate>,
    Scaled,
    OutageSurvey,
    ChainSurvey,
    Spread,
    Divergence,
);
