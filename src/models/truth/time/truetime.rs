//! Commit wait: timestamps in the order of real time, by waiting out what clocks do not know
//! (Corbett et al., 2012, section 4.1.2).

use super::uncertainty::{UncertainClock, Uncertainty};
use super::{not_negative, several};
use crate::number::positive;
use crate::sim::{Estimate, Stream, replicate};

/// Clients who each make one transaction after the other, each at another node than the last. Who
/// has seen that one is committed, and then begins the next, expects the next to have the greater
/// timestamp: external consistency.
///
/// A transaction takes the latest time that its node's clock allows as its timestamp, and (unless
/// without wait) is acknowledged when the node is certain that this time is past.
///
/// As made by [`CommitWait::nodes`]: one client, 100 transactions, no time between them; the
/// uncertainty is 4 ms, and clocks are really off by at most so much, uniformly.
#[derive(Clone, Debug, PartialEq)]
pub struct CommitWait {
    nodes: usize,
    uncertainty: Uncertainty,
    factor: f64,
    waits: bool,
    gap: f64,
    work: f64,
    clients: usize,
    transactions: usize,
    seed: u64,
}

/// A transaction. Times are true, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Committed {
    /// Whose.
    pub client: usize,
    /// Where.
    pub node: usize,
    /// When it began, and took its timestamp.
    pub started: f64,
    /// The timestamp.
    pub timestamp: f64,
    /// When its client was told that it is committed.
    pub acknowledged: f64,
}

/// What many runs say. Intervals are over runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WaitSurvey {
    /// From the beginning of a transaction to its acknowledgement, in milliseconds: the commit
    /// wait, or the work if that takes longer.
    pub latency: Estimate,
    /// The part of the transactions whose timestamp is not above that of the one that their client
    /// had seen committed before.
    pub violations: Estimate,
}

impl CommitWait {
    /// So many nodes.
    ///
    /// # Panics
    /// If there are fewer than 2: with one clock there is no order to violate.
    #[track_caller]
    pub fn nodes(nodes: usize) -> Self {
        assert!(
            (2..=1000).contains(&nodes),
            "CommitWait::nodes: there must be from 2 to 1000 nodes, but there are {nodes}"
        );
        Self {
            nodes,
            uncertainty: Uncertainty::Constant(4.0),
            factor: 1.0,
            waits: true,
            gap: 0.0,
            work: 0.0,
            clients: 1,
            transactions: 100,
            seed: 1,
        }
    }

    /// What clocks say of their error: always `eps` milliseconds. Each clock is off by an amount
    /// that is uniform on ±`eps` and stays as it is.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn uncertainty(self, eps: f64) -> Self {
        let eps = positive("CommitWait::uncertainty", "uncertainty", eps);
        Self { uncertainty: Uncertainty::Constant(eps), ..self }
    }

    /// Clocks that are set every `period` milliseconds, and say that they are off by `least` then
    /// and by evenly more until `most`. Each is off by an amount that is uniform within `least`,
    /// and drifts at a rate that is uniform within what is assumed; see [`Uncertainty::SPANNER`].
    ///
    /// # Panics
    /// If these are not positive numbers with `least` <= `most`, or the uncertainty grows by more
    /// than a tenth of the time that passes.
    #[track_caller]
    pub fn saw_tooth(self, least: f64, most: f64, period: f64) -> Self {
        const PLACE: &str = "CommitWait::saw_tooth";
        positive(PLACE, "least uncertainty", least);
        positive(PLACE, "period", period);
        assert!(
            least <= most && most - least <= 0.1 * period,
            "{PLACE}: the uncertainty must grow from {least} to something that is not less, by at \
             most a tenth of the period of {period} ms, but it grows to {most}"
        );
        Self { uncertainty: Uncertainty::SawTooth { least, most, period }, ..self }
    }

    /// Clocks are really off by up to so many times what they say: above 1, the uncertainty is
    /// understated.
    ///
    /// # Panics
    /// If it is negative or not a number.
    #[track_caller]
    pub fn really_off(self, factor: f64) -> Self {
        Self { factor: not_negative("CommitWait::really_off", "factor", factor), ..self }
    }

    /// The same without the wait: acknowledged as soon as the work is done.
    pub fn without_wait(self) -> Self {
        Self { waits: false, ..self }
    }

    /// The mean time between what a client has seen committed and what it begins then,
    /// exponentially distributed, in milliseconds.
    ///
    /// # Panics
    /// If it is negative or not a number.
    #[track_caller]
    pub fn gap(self, mean: f64) -> Self {
        Self { gap: not_negative("CommitWait::gap", "mean gap", mean), ..self }
    }

    /// The time that a commit takes anyhow, to be copied to a majority: it goes on while the wait
    /// does. In milliseconds.
    ///
    /// # Panics
    /// If it is negative or not a number.
    #[track_caller]
    pub fn work(self, time: f64) -> Self {
        Self { work: not_negative("CommitWait::work", "work", time), ..self }
    }

    /// So many clients at the same time.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn clients(self, clients: usize) -> Self {
        assert!(clients >= 1, "CommitWait::clients: there must be at least 1 client");
        Self { clients, ..self }
    }

    /// So many transactions of each client in a run.
    ///
    /// # Panics
    /// If there are fewer than 2.
    #[track_caller]
    pub fn transactions(self, transactions: usize) -> Self {
        assert!(
            transactions >= 2,
            "CommitWait::transactions: there must be at least 2 transactions to have an order, but \
             there are {transactions}"
        );
        Self { transactions, ..self }
    }

    /// Chooses all random numbers.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// One run, by its number: all transactions, in the order in which they were acknowledged.
    pub fn run(&self, number: u64) -> Vec<Committed> {
        let mut clocks = self.clocks(number);
        let mut steps = Stream::new(self.seed, number, "clients");
        let mut all = Vec::with_capacity(self.clients * self.transactions);
        for client in 0..self.clients {
            // Somewhere in the clocks' saw-tooth.
            let mut now = 30_000.0 * steps.uniform();
            let mut node = steps.below(self.nodes);
            for count in 0..self.transactions {
                if count % 1024 == 0 {
                    crate::interrupt::tick();
                }
                let (timestamp, acknowledged) = self.commit(&mut clocks[node], now);
                all.push(Committed { client, node, started: now, timestamp, acknowledged });
                now = acknowledged + self.gap * steps.exponential();
                node = (node + 1 + steps.below(self.nodes - 1)) % self.nodes;
            }
        }
        all.sort_by(|a, b| a.acknowledged.total_cmp(&b.acknowledged));
        all
    }

    fn clocks(&self, number: u64) -> Vec<UncertainClock> {
        let clock = |node: usize| {
            let random = Stream::new(self.seed, number, &format!("clock {node}"));
            UncertainClock::new(self.uncertainty, self.factor, random)
        };
        (0..self.nodes).map(clock).collect()
    }

    /// The timestamp of a transaction that begins at a time, and when it is acknowledged.
    fn commit(&self, clock: &mut UncertainClock, started: f64) -> (f64, f64) {
        let (_, timestamp) = clock.now(started);
        let done = started + self.work;
        let certain = if self.waits { clock.first_after(started, timestamp) } else { done };
        (timestamp, certain.max(done))
    }

    /// So many runs.
    ///
    /// # Panics
    /// If there are fewer than 2.
    #[track_caller]
    pub fn survey(&self, runs: usize) -> WaitSurvey {
        several("CommitWait::survey", runs);
        let measured = replicate(runs, |number| {
            let all = self.run(number);
            let took: f64 = all.iter().map(|it| it.acknowledged - it.started).sum();
            let mut before: Vec<Option<f64>> = vec![None; self.clients];
            let mut violations = 0;
            // Those of one client are in their order.
            for it in &all {
                let last = before[it.client].replace(it.timestamp);
                violations += usize::from(last.is_some_and(|last| it.timestamp <= last));
            }
            let pairs = self.clients * (self.transactions - 1);
            (took / all.len() as f64, violations as f64 / pairs as f64)
        });
        let (latency, violations): (Vec<f64>, Vec<f64>) = measured.into_iter().unzip();
        WaitSurvey { latency: Estimate::of(&latency), violations: Estimate::of(&violations) }
    }

    /// The mean latency of a commit that begins at any time: that of the wait, 2 eps, or of the
    /// work where that takes longer. With a saw-tooth it is the mean over time, but for what the
    /// uncertainty changes while a transaction waits, which is little.
    pub fn mean_latency(&self) -> f64 {
        if self.waits { self.uncertainty.means(self.work).0 } else { self.work }
    }

    /// The part of the transactions whose timestamp is not above that of the one that their client
    /// saw before, where the uncertainty is constant. The errors of two clocks are independent and
    /// uniform on ±E, their difference D is triangular on ±2E; the order is violated if D is above
    /// h, the time from one beginning to the other: the latency and the exponential gap. This is
    /// E[max(0, 2E - h)²] / (8 E²).
    ///
    /// Nothing with a saw-tooth.
    pub fn violation_rate(&self) -> Option<f64> {
        let Uncertainty::Constant(eps) = self.uncertainty else { return None };
        let error = self.factor * eps;
        let left = 2.0 * error - self.mean_latency();
        // With the wait and clocks that do not lie nothing is left, whatever rounding says.
        if left <= 1e-9 * eps {
            return Some(0.0);
        }
        let square = if self.gap == 0.0 {
            left * left
        } else {
            let b = left / self.gap;
            self.gap * self.gap * (b * b - 2.0 * b - 2.0 * (-b).exp_m1())
        };
        Some(square / (8.0 * error * error))
    }

    /// Commits a second on one row whose clients are always there: each holds the lock until it is
    /// acknowledged. So many runs.
    ///
    /// # Panics
    /// If there are fewer than 2, or neither wait nor work takes time.
    #[track_caller]
    pub fn row_throughput(&self, runs: usize) -> Estimate {
        const PLACE: &str = "CommitWait::row_throughput";
        several(PLACE, runs);
        self.check_takes_time(PLACE);
        let rates = replicate(runs, |number| {
            let mut clocks = self.clocks(number);
            let begin = 30_000.0 * Stream::new(self.seed, number, "clients").uniform();
            let mut now = begin;
            for _ in 0..self.transactions {
                (_, now) = self.commit(&mut clocks[0], now);
            }
            self.transactions as f64 / (now - begin) * 1e3
        });
        Estimate::of(&rates)
    }

    /// Commits a second on one row by the formula: 1000 over the time that each takes, averaged
    /// over time. With a saw-tooth and no work this is 1000 ln(most / least) / (2 (most - least)),
    /// which is more than 1000 over the mean latency: most are committed while the uncertainty is
    /// small.
    ///
    /// # Panics
    /// If neither wait nor work takes time.
    #[track_caller]
    pub fn row_limit(&self) -> f64 {
        self.check_takes_time("CommitWait::row_limit");
        1e3 * if self.waits { self.uncertainty.means(self.work).1 } else { 1.0 / self.work }
    }

    #[track_caller]
    fn check_takes_time(&self, place: &str) {
        assert!(
            self.waits || self.work > 0.0,
            "{place}: without wait and work a commit takes no time, and there is no limit; give \
             some work"
        );
    }
}

impl Committed {
    /// Whether transactions are externally consistent: one that began after another was
    /// acknowledged, whoever made them, has the greater timestamp (Corbett et al., 2012, section
    /// 4.1.2).
    pub fn externally_consistent(all: &[Self]) -> bool {
        let mut by_start: Vec<&Self> = all.iter().collect();
        by_start.sort_by(|a, b| a.started.total_cmp(&b.started));
        let mut by_end: Vec<&Self> = all.iter().collect();
        by_end.sort_by(|a, b| a.acknowledged.total_cmp(&b.acknowledged));
        // The greatest timestamp of all that were acknowledged before the next begins.
        let (mut ended, mut greatest) = (0, f64::NEG_INFINITY);
        by_start.into_iter().all(|it| {
            while ended < by_end.len() && by_end[ended].acknowledged < it.started {
                greatest = greatest.max(by_end[ended].timestamp);
                ended += 1;
            }
            it.timestamp > greatest
        })
    }
}
