//! What a simulation of a queue measured, with error bars.

use super::run::Run;
use crate::columns::Columns;
use crate::number::fraction;
use crate::sim::Estimate;

/// The measures of a simulated queue; names and units are those of
/// [`Theory`](super::Theory), so that one can be put beside the other.
#[derive(Clone, Debug)]
pub struct Estimates {
    /// Mean time that those who are served do not spend being served, Wq, in units of time.
    pub wait: Estimate,
    /// Their mean time from arrival to departure, W, in units of time.
    pub time_in_system: Estimate,
    /// Mean number of customers waiting, Lq.
    pub queue_length: Estimate,
    /// Mean number of customers in the system, L.
    pub number_in_system: Estimate,
    /// The fraction of server time spent busy, 0 to 1.
    pub utilization: Estimate,
    /// The fraction of those who are served that wait at all, 0 to 1.
    pub probability_of_waiting: Estimate,
    /// Customers served per unit of time.
    pub throughput: Estimate,
    /// The fraction of customers that find no room, or balk, for good.
    pub lost: Estimate,
    /// The fraction of customers that lose patience, for good.
    pub abandoned: Estimate,
    /// How often a customer comes, on average: 1 without retries.
    pub attempts: Estimate,
    runs: Vec<Run>,
}

impl Estimates {
    pub(super) fn of(runs: Vec<Run>) -> Self {
        let over = |measure: fn(&Run) -> f64| {
            Estimate::of(&runs.iter().map(measure).collect::<Vec<f64>>())
        };
        Self {
            wait: over(|run| ratio(run.wait_sum, run.served())),
            time_in_system: over(|run| ratio(run.wait_sum + run.service_sum, run.served())),
            queue_length: over(|run| run.waiting / run.span),
            number_in_system: over(|run| run.present / run.span),
            utilization: over(|run| run.busy / (run.servers as f64 * run.span)),
            probability_of_waiting: over(|run| {
                if run.waits.is_empty() { 0.0 } else { run.waits.positive() }
            }),
            throughput: over(|run| run.served() / run.span),
            lost: over(|run| ratio(run.lost as f64, run.customers())),
            abandoned: over(|run| ratio(run.abandoned as f64, run.customers())),
            attempts: over(|run| ratio(run.attempts as f64, run.customers())),
            runs,
        }
    }

    /// The fraction of customers that wait longer than `t` units of time.
    pub fn wait_exceeds(&self, t: f64) -> Estimate {
        self.over(|run| run.waits.exceeds(t))
    }

    /// The wait that a fraction `p` of the customers does not exceed, in units of time.
    ///
    /// # Panics
    /// If `p` is not at least 0 and below 1.
    #[track_caller]
    pub fn wait_quantile(&self, p: f64) -> Estimate {
        fraction("Estimates::wait_quantile", p);
        self.over(|run| run.waits.quantile(p))
    }

    /// The time in the system that a fraction `p` of the customers does not exceed, in units of
    /// time.
    ///
    /// # Panics
    /// If `p` is not at least 0 and below 1.
    #[track_caller]
    pub fn time_quantile(&self, p: f64) -> Estimate {
        fraction("Estimates::time_quantile", p);
        self.over(|run| run.times.quantile(p))
    }

    /// The mean wait of one class of customers, in units of time.
    ///
    /// # Panics
    /// If there is no such class.
    #[track_caller]
    pub fn wait_of_class(&self, class: usize) -> Estimate {
        let count = self.runs.first().map_or(0, |run| run.classes.len());
        assert!(
            class < count,
            "Estimates::wait_of_class: there are {count} classes, numbered from 0, but number \
             {class} is asked for"
        );
        self.over(|run| ratio(run.classes[class].1, run.classes[class].0 as f64))
    }

    /// All measures as a table, one row each.
    pub fn columns(&self) -> Columns {
        let mut rows = vec![
            ("mean wait", self.wait),
            ("mean time in system", self.time_in_system),
            ("mean queue length", self.queue_length),
            ("utilization", self.utilization),
            ("probability of waiting", self.probability_of_waiting),
            ("99 % of waits are below", self.wait_quantile(0.99)),
        ];
        let more =
            [("lost", self.lost), ("abandoned", self.abandoned), ("attempts", self.attempts)];
        rows.extend(more.into_iter().filter(|(_, each)| ![0.0, 1.0].contains(&each.mean)));
        let names: Vec<&str> = rows.iter().map(|(name, _)| *name).collect();
        let of = |part: fn(&Estimate) -> f64| rows.iter().map(|(_, each)| part(each)).collect();
        let (means, bars): (Vec<f64>, Vec<f64>) =
            (of(|each| each.mean), of(|each| each.half_width));
        Columns::new("measured, with 95 % confidence intervals")
            .texts("measure", &names)
            .numbers("mean", &means)
            .numbers("±", &bars)
    }

    fn over(&self, measure: impl Fn(&Run) -> f64) -> Estimate {
        Estimate::of(&self.runs.iter().map(measure).collect::<Vec<f64>>())
    }
}

/// 0 of nothing.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}
