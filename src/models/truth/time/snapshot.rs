//! A state of the whole, put together from what each process writes down (Chandy and Lamport,
//! 1985).

use super::execution::Execution;
use crate::sim::Estimate;
use crate::state::cluster::{Arrow, LocalEvent, SpaceTime};

/// How processes know when to write down their states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotBy {
    /// By markers, which tell what was sent before from what was sent after (Chandy and Lamport,
    /// 1985). What arrives between a process's own record and the marker of a channel was under way
    /// on that channel.
    Markers,
    /// By their clocks, each when its own shows the time that was agreed on. Nobody looks at the
    /// channels.
    Clocks,
}

/// What the processes wrote down in one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Of each account what it had.
    pub balances: Vec<u64>,
    /// What was under way: from, to, and how much.
    pub under_way: Vec<(usize, usize, u64)>,
    /// When each account wrote down what it had, in true time.
    pub times: Vec<f64>,
    /// How many of its events, transfers that it sent or received, each account had seen then.
    pub cut: Vec<usize>,
    /// How much money there really is.
    pub money: u64,
    /// The transfers: who sent them, and when; how much message k carries is `amounts[k]`.
    pub execution: Execution,
    /// How much each message carries.
    pub amounts: Vec<u64>,
    /// The markers: from, when, to, and when they arrived.
    pub markers: Vec<(usize, f64, usize, f64)>,
}

/// What many snapshots say. Intervals are over runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SnapshotSurvey {
    /// The part of the snapshots that have all the money, and no more.
    pub right: Estimate,
    /// The part that have less.
    pub less: Estimate,
    /// The part that have more than there is.
    pub more: Estimate,
    /// By how much they are off, whatever the sign, as a part of all the money.
    pub off_by: Estimate,
    /// The part whose cut is consistent.
    pub consistent: Estimate,
}

impl Snapshot {
    /// How much money the snapshot has, on accounts and under way.
    pub fn total(&self) -> u64 {
        let under_way = self.under_way.iter().map(|(_, _, amount)| amount);
        self.balances.iter().chain(under_way).sum()
    }

    /// Whether what was sent after the cut was received after it: against happened-before.
    pub fn is_consistent(&self) -> bool {
        self.execution.is_consistent(&self.cut)
    }

    /// The run as a space-time diagram: transfers with their amounts, markers, and where each
    /// account wrote down its balance. The cut is at `times`.
    pub fn space_time(&self) -> SpaceTime {
        let blank = vec![""; self.execution.events().len()];
        let mut drawn = self.execution.space_time(&blank);
        drawn.processes = (0..self.times.len()).map(|it| format!("account {it}")).collect();
        for (arrow, amount) in drawn.messages.iter_mut().zip(&self.amounts) {
            arrow.label = amount.to_string();
        }
        for (process, (time, balance)) in self.times.iter().zip(&self.balances).enumerate() {
            let label = format!("has {balance}");
            drawn.events.push(LocalEvent { process, time: *time, label, is_marked: true });
        }
        drawn.events.sort_by(|a, b| a.time.total_cmp(&b.time));
        drawn.messages.extend(self.markers.iter().map(|&(from, sent, to, arrived)| Arrow {
            from,
            sent,
            to,
            arrived: Some(arrived),
            lost: None,
            label: "marker".to_owned(),
        }));
        drawn.messages.sort_by(|a, b| a.sent.total_cmp(&b.sent));
        drawn
    }

    pub(super) fn survey(snapshots: &[[f64; 5]]) -> SnapshotSurvey {
        let over = |i: usize| Estimate::of(&snapshots.iter().map(|it| it[i]).collect::<Vec<_>>());
        let (right, less, more) = (over(0), over(1), over(2));
        SnapshotSurvey { right, less, more, off_by: over(3), consistent: over(4) }
    }

    /// In the order of [`SnapshotSurvey`].
    pub(super) fn measures(&self) -> [f64; 5] {
        let (total, money) = (self.total(), self.money);
        let off_by = total.abs_diff(money) as f64 / money as f64;
        let flag = |it: bool| f64::from(u8::from(it));
        [
            flag(total == money),
            flag(total < money),
            flag(total > money),
            off_by,
            flag(self.is_consistent()),
        ]
    }
}
