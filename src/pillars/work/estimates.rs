//! What a simulation of a queue measured, with error bars.

use super::fifo::Run;
use crate::sim::{Estimate, Histogram};
use crate::table::Table;

/// The measures of a simulated queue; names and units are those of
/// [`Theory`](super::Theory), so that one can be put beside the other.
#[derive(Clone, Debug)]
pub struct Estimates {
    /// Mean wait before service, Wq, in units of time.
    pub wait: Estimate,
    /// Mean time from arrival to departure, W, in units of time.
    pub time_in_system: Estimate,
    /// Mean number of customers waiting, Lq: by Little's law (1961), the mean
    /// wait times the arrival rate that was measured.
    pub queue_length: Estimate,
    /// The fraction of server time spent busy, 0 to 1.
    pub utilization: Estimate,
    /// The fraction of customers that wait at all, 0 to 1.
    pub probability_of_waiting: Estimate,
    waits: Vec<Histogram>,
}

impl Estimates {
    pub(super) fn of(runs: Vec<Run>) -> Self {
        let over = |measure: fn(&Run) -> f64| {
            Estimate::of(&runs.iter().map(measure).collect::<Vec<f64>>())
        };
        Self {
            wait: over(|run| run.wait_sum / run.count()),
            time_in_system: over(|run| (run.wait_sum + run.service_sum) / run.count()),
            queue_length: over(|run| run.wait_sum / run.span),
            utilization: over(|run| run.busy / (run.servers as f64 * run.span)),
            probability_of_waiting: over(|run| run.waits.positive()),
            waits: runs.into_iter().map(|run| run.waits).collect(),
        }
    }

    /// The fraction of customers that wait longer than `t` units of time.
    pub fn wait_exceeds(&self, t: f64) -> Estimate {
        self.over_waits(|waits| waits.exceeds(t))
    }

    /// The wait that a fraction `p` of the customers does not exceed, in units of time.
    ///
    /// # Panics
    /// If `p` is not at least 0 and below 1.
    #[track_caller]
    pub fn wait_quantile(&self, p: f64) -> Estimate {
        super::theory::check_fraction("Estimates::wait_quantile", p);
        self.over_waits(|waits| waits.quantile(p))
    }

    /// All measures as a table, one row each.
    pub fn table(&self) -> Table {
        let rows = [
            ("mean wait", self.wait),
            ("mean time in system", self.time_in_system),
            ("mean queue length", self.queue_length),
            ("utilization", self.utilization),
            ("probability of waiting", self.probability_of_waiting),
            ("99 % of waits are below", self.wait_quantile(0.99)),
        ];
        Table::new("measured, with 95 % confidence intervals")
            .texts("measure", &rows.map(|(name, _)| name))
            .numbers("mean", &rows.map(|(_, estimate)| estimate.mean))
            .numbers("±", &rows.map(|(_, estimate)| estimate.half_width))
    }

    fn over_waits(&self, measure: impl Fn(&Histogram) -> f64) -> Estimate {
        Estimate::of(&self.waits.iter().map(measure).collect::<Vec<f64>>())
    }
}

impl Run {
    fn count(&self) -> f64 {
        self.waits.len() as f64
    }
}
