//! What a simulation of a queue measured, with error bars.

use super::engine::Order;
use super::run::Run;
use crate::columns::Columns;
use crate::number::{fraction, positive};
use crate::sim::{Estimate, Trials, mser5, replicate};

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
            time_in_system: over(Run::time),
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

    /// Of replications that are added, twice as many each time, until the interval of the mean
    /// time in the system is narrow enough or there are `most`.
    #[track_caller]
    pub(super) fn until(
        place: &str,
        relative: f64,
        most: usize,
        trials: Trials,
        one: impl Fn(u64) -> Run + Sync,
    ) -> Self {
        positive(place, "relative half width", relative);
        let first = trials.replications;
        assert!(
            most >= first,
            "{place}: there must be at least the {first} replications of the trials, but at most \
             {most} are allowed"
        );
        let (mut runs, mut target) = (vec![], first);
        loop {
            let done = runs.len();
            runs.extend(replicate(target - done, |more| one(done as u64 + more)));
            let times: Vec<f64> = runs.iter().map(Run::time).collect();
            let time = Estimate::of(&times);
            if time.half_width <= relative * time.mean.abs() || target == most {
                return Self::of(runs);
            }
            target = most.min(2 * target);
        }
    }

    /// The fraction of those who are served that wait longer than `t` units of time.
    pub fn wait_exceeds(&self, t: f64) -> Estimate {
        self.over(|run| if run.waits.is_empty() { 0.0 } else { run.waits.exceeds(t) })
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

    /// The fraction of a balancer's customers that were sent to one of its servers, 0 to 1.
    ///
    /// # Panics
    /// If there is no such server, or customers are not sent to servers: in a queue they take any.
    #[track_caller]
    pub fn share_of_server(&self, server: usize) -> Estimate {
        let count = self.runs.first().map_or(0, |run| run.sent.len());
        assert!(
            server < count,
            "Estimates::share_of_server: a balancer sends to {count} servers here, numbered from \
             0, but number {server} is asked for"
        );
        self.over(|run| ratio(run.sent[server] as f64, run.sent.iter().sum::<u64>() as f64))
    }

    /// The fraction of a balancer's customers that were sent to another server than their own,
    /// the one that their key has on the ring, 0 to 1.
    ///
    /// # Panics
    /// With another policy than a ring: there customers have no server of their own.
    #[track_caller]
    pub fn sent_away(&self) -> Estimate {
        assert!(
            self.runs.iter().all(|run| run.away.is_some()),
            "Estimates::sent_away: only with Policy::Ring do customers have a server of their own"
        );
        let away = |run: &Run| run.away.unwrap_or_default() as f64;
        self.over(|run| ratio(away(run), run.sent.iter().sum::<u64>() as f64))
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

/// `trials` with the warm-up that MSER-5 finds in the mean of ten runs' waits.
#[track_caller]
pub(super) fn settled(
    place: &str,
    trials: Trials,
    waits: impl Fn(Order) -> Vec<f64> + Sync,
) -> Trials {
    const RUNS: usize = 10;
    let Trials { customers: counted, seed, .. } = trials;
    assert!(
        counted >= 20,
        "{place}: a warm-up cannot be seen in fewer than 20 customers, but there are {counted}; \
         ask for more, as in Trials::new(10, 100_000)"
    );
    // Numbers that no replication has that is measured.
    let runs = replicate(RUNS, |run| {
        waits(Order { seed, replication: u64::MAX - run, warmup: 0, counted })
    });
    let shortest = runs.iter().map(Vec::len).min().unwrap_or(0);
    let mean = |at: usize| runs.iter().map(|waits| waits[at]).sum::<f64>() / RUNS as f64;
    trials.warmup(mser5(&(0..shortest).map(mean).collect::<Vec<_>>()))
}

/// 0 of nothing.
pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}
