//! Money that is sent from account to account, while somebody wants to know how much there is.

use super::execution::Execution;
use super::snapshot::{Snapshot, SnapshotBy, SnapshotSurvey};
use super::{not_negative, several};
use crate::number::positive;
use crate::sim::{Calendar, Distribution, Stream, replicate};

/// Accounts at nodes of their own, which send one another money. None is made and none is spent.
///
/// As made by [`Transfers::accounts`]: 100 on each; every 10 ms on average, exponentially
/// distributed, each sends up to 20 to another, which takes 5 ms on average and does not overtake
/// what was sent before it; this goes on for 200 ms, and after half of that the snapshot begins.
/// Clocks are off by up to 5 ms.
#[derive(Clone, Debug, PartialEq)]
pub struct Transfers {
    accounts: usize,
    every: f64,
    latency: Distribution,
    is_fifo: bool,
    until: f64,
    skew: f64,
    seed: u64,
}

const BALANCE: u64 = 100;
const MOST_SENT: usize = 20;
/// More steps than this are given up: a wrong number makes no endless run.
const MOST: usize = 1_000_000;

enum Happens {
    Sends(usize),
    Arrives { message: usize },
    Records(usize),
    Marker { from: usize, to: usize, sent: f64 },
}

impl Transfers {
    /// So many accounts.
    ///
    /// # Panics
    /// If there are fewer than 2, or more than 100.
    #[track_caller]
    pub fn accounts(accounts: usize) -> Self {
        assert!(
            (2..=100).contains(&accounts),
            "Transfers::accounts: there must be from 2 to 100 accounts, but there are {accounts}"
        );
        let latency = Distribution::exponential(5.0);
        Self { accounts, every: 10.0, latency, is_fifo: true, until: 200.0, skew: 5.0, seed: 1 }
    }

    /// The mean time between two transfers of an account, in milliseconds.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn every(self, mean: f64) -> Self {
        Self { every: positive("Transfers::every", "mean time", mean), ..self }
    }

    /// How long a message takes, in milliseconds; longer, where it would overtake another.
    pub fn latency(self, latency: Distribution) -> Self {
        Self { latency, ..self }
    }

    /// Messages may overtake one another, markers too: Chandy and Lamport forbid that.
    pub fn overtaking(self) -> Self {
        Self { is_fifo: false, ..self }
    }

    /// How long it goes on, in milliseconds. The snapshot begins after half of it.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn until(self, time: f64) -> Self {
        Self { until: positive("Transfers::until", "end", time), ..self }
    }

    /// Clocks are off, each by a number that is uniform on ±`offset` milliseconds: for snapshots by
    /// clocks.
    ///
    /// # Panics
    /// If it is negative, not a number, or more than half of the time.
    #[track_caller]
    pub fn skew(self, offset: f64) -> Self {
        const PLACE: &str = "Transfers::skew";
        let skew = not_negative(PLACE, "offset", offset);
        assert!(
            skew <= self.until / 2.0,
            "{PLACE}: clocks may be off by at most half of the {} ms that transfers go on, but \
             they are off by {offset}",
            self.until
        );
        Self { skew, ..self }
    }

    /// Chooses all random numbers.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The snapshot of one run, by its number.
    pub fn snapshot(&self, by: SnapshotBy, number: u64) -> Snapshot {
        let mut run = Run::new(self, by, number);
        run.whole();
        run.ends()
    }

    /// The snapshots of so many runs.
    ///
    /// # Panics
    /// If there are fewer than 2.
    #[track_caller]
    pub fn survey(&self, by: SnapshotBy, runs: usize) -> SnapshotSurvey {
        several("Transfers::survey", runs);
        let measured = replicate(runs, |number| self.snapshot(by, number).measures());
        Snapshot::survey(&measured)
    }
}

/// What an account wrote down.
#[derive(Clone, Copy)]
struct Record {
    balance: u64,
    time: f64,
    events: usize,
}

struct Run<'a> {
    transfers: &'a Transfers,
    by: SnapshotBy,
    calendar: Calendar<Happens>,
    network: Stream,
    steps: Stream,
    clocks: Stream,
    execution: Execution,
    amounts: Vec<u64>,
    balances: Vec<u64>,
    /// How many events each account has seen.
    events: Vec<usize>,
    /// When the latest message of each channel arrives, `[from][to]`.
    arrives: Vec<Vec<f64>>,
    records: Vec<Option<Record>>,
    /// The channels whose marker has arrived, `[from][to]`.
    is_closed: Vec<Vec<bool>>,
    under_way: Vec<(usize, usize, u64)>,
    markers: Vec<(usize, f64, usize, f64)>,
}

impl<'a> Run<'a> {
    fn new(transfers: &'a Transfers, by: SnapshotBy, number: u64) -> Self {
        let stream = |name: &str| Stream::new(transfers.seed, number, name);
        let count = transfers.accounts;
        Self {
            transfers,
            by,
            calendar: Calendar::new(),
            network: stream("network"),
            steps: stream("steps"),
            clocks: stream("clocks"),
            execution: Execution::of(count),
            amounts: vec![],
            balances: vec![BALANCE; count],
            events: vec![0; count],
            arrives: vec![vec![0.0; count]; count],
            records: vec![None; count],
            is_closed: vec![vec![false; count]; count],
            under_way: vec![],
            markers: vec![],
        }
    }

    fn whole(&mut self) {
        let transfers = self.transfers;
        let middle = transfers.until / 2.0;
        match self.by {
            SnapshotBy::Markers => {
                let first = self.clocks.below(transfers.accounts);
                self.calendar.book(middle, Happens::Records(first));
            }
            SnapshotBy::Clocks => {
                for account in 0..transfers.accounts {
                    let off = transfers.skew * (2.0 * self.clocks.uniform() - 1.0);
                    self.calendar.book((middle + off).max(0.0), Happens::Records(account));
                }
            }
        }
        for account in 0..transfers.accounts {
            self.next_transfer(account);
        }
        let mut steps = 0;
        while let Some(happens) = self.calendar.next() {
            steps += 1;
            if steps % 1024 == 0 {
                crate::interrupt::tick();
            }
            assert!(
                steps < MOST,
                "Transfers::snapshot: there are {MOST} steps at {} ms already; let less happen, by \
                 every or until",
                self.calendar.now()
            );
            match happens {
                Happens::Sends(account) if self.calendar.now() <= transfers.until => {
                    self.sends(account);
                }
                Happens::Sends(_) => {}
                Happens::Arrives { message } => self.arrives(message),
                Happens::Records(account) => self.records(account),
                Happens::Marker { from, to, sent } => {
                    self.markers.push((from, sent, to, self.calendar.now()));
                    self.records(to);
                    self.is_closed[from][to] = true;
                }
            }
        }
    }

    fn next_transfer(&mut self, account: usize) {
        let delay = self.transfers.every * self.steps.exponential();
        self.calendar.book(delay, Happens::Sends(account));
    }

    fn sends(&mut self, from: usize) {
        self.next_transfer(from);
        let count = self.transfers.accounts;
        let to = (from + 1 + self.steps.below(count - 1)) % count;
        let amount = (1 + self.steps.below(MOST_SENT) as u64).min(self.balances[from]);
        if amount == 0 {
            return;
        }
        let now = self.calendar.now();
        self.balances[from] -= amount;
        self.events[from] += 1;
        let message = self.execution.sends(from, to, now);
        self.amounts.push(amount);
        self.posts(from, to, Happens::Arrives { message });
    }

    /// Puts a message on a channel.
    fn posts(&mut self, from: usize, to: usize, happens: Happens) {
        let mut time = self.calendar.now() + self.transfers.latency.sample(&mut self.network);
        let latest = &mut self.arrives[from][to];
        if self.transfers.is_fifo {
            // Not at the same time either: what was received before a record must be told by its
            // time.
            time = time.max(*latest + 1e-6);
        }
        *latest = time;
        self.calendar.book_at(time, happens);
    }

    fn arrives(&mut self, message: usize) {
        let event = self.execution.receives(message, self.calendar.now());
        let to = self.execution.events()[event].process;
        let sent = self.execution.messages()[message].sent;
        let from = self.execution.events()[sent].process;
        let amount = self.amounts[message];
        self.balances[to] += amount;
        self.events[to] += 1;
        // It has recorded, and the marker has not come: this was sent before the sender recorded.
        let is_watched = self.by == SnapshotBy::Markers && self.records[to].is_some();
        if is_watched && !self.is_closed[from][to] {
            self.under_way.push((from, to, amount));
        }
    }

    /// An account writes down what it has, and sends markers before it sends anything else.
    fn records(&mut self, account: usize) {
        if self.records[account].is_some() {
            return;
        }
        let (time, balance) = (self.calendar.now(), self.balances[account]);
        self.records[account] = Some(Record { balance, time, events: self.events[account] });
        if self.by == SnapshotBy::Markers {
            for to in (0..self.transfers.accounts).filter(|to| *to != account) {
                self.posts(account, to, Happens::Marker { from: account, to, sent: time });
            }
        }
    }

    fn ends(self) -> Snapshot {
        // Markers reach every account, so that there is a record of each.
        let records: Vec<Record> = self.records.into_iter().flatten().collect();
        Snapshot {
            balances: records.iter().map(|record| record.balance).collect(),
            under_way: self.under_way,
            times: records.iter().map(|record| record.time).collect(),
            cut: records.iter().map(|record| record.events).collect(),
            money: BALANCE * self.transfers.accounts as u64,
            execution: self.execution,
            amounts: self.amounts,
            markers: self.markers,
        }
    }
}
