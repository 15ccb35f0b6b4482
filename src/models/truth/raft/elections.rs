//! Elections alone: how long a cluster is without a leader after the leader's crash (Ongaro 2014,
//! chapter 9), by simulation and by the formulas of the thesis.

use super::race::Race;
use crate::number::{fraction, positive};
use crate::sim::{Distribution, Estimate, replicate};
use statrs::distribution::{Binomial, DiscreteCDF};

/// A cluster whose leader has crashed. Times are in milliseconds.
///
/// As made: messages take 1 ms and disks nothing, election time-outs are from 150 to 300 ms, one
/// node has failed (the leader), all logs are the same, and the leader's heartbeats came every 75
/// ms (half of the least time-out). All nodes begin to wait at the same time, when the last of
/// them arrives, which is the worst case; the leader crashes at any time until it would have sent
/// the next. Measured is the time from the crash until another is elected.
#[derive(Clone, Debug)]
pub struct Elections {
    pub(super) nodes: usize,
    pub(super) failed: usize,
    pub(super) latency: Distribution,
    pub(super) disk: Distribution,
    pub(super) timeouts: (f64, f64),
    pub(super) heartbeat: Option<f64>,
    pub(super) differing_logs: bool,
    pub(super) until_heard: bool,
    pub(super) limit: f64,
}

/// An election.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Election {
    /// From the crash until a leader is elected, in milliseconds; the limit, if none was by then.
    pub time: f64,
    /// How many terms were begun: 1 if no vote was split.
    pub terms: u64,
    /// Messages that were sent.
    pub messages: u64,
}

impl Elections {
    /// A cluster of so many nodes, the crashed leader included.
    ///
    /// # Panics
    /// If there are fewer than 2 or more than 1,000.
    #[track_caller]
    pub fn nodes(nodes: usize) -> Self {
        assert!(
            (2..=1000).contains(&nodes),
            "Elections::nodes: there must be from 2 to 1000 nodes, but there are {nodes}"
        );
        Self {
            nodes,
            failed: 1,
            latency: Distribution::deterministic(1.0),
            disk: Distribution::deterministic(0.0),
            timeouts: (150.0, 300.0),
            heartbeat: None,
            differing_logs: false,
            until_heard: false,
            limit: 10_000.0,
        }
    }

    /// The thesis's cluster of five in one room, with these time-outs (section 9.4, figure 9.8):
    /// a broadcast, there and back with a write to disk, takes about 15 ms; the logs differ, so
    /// that two of the four nodes left cannot win; it ends when all have heard of the new leader.
    /// How the 15 ms are made up the thesis does not say; here 2 to 3 ms there, 8 to 12 for the
    /// disk, 2 to 3 back.
    #[track_caller]
    pub fn local(low: f64, high: f64) -> Self {
        Self::nodes(5)
            .latency(Distribution::uniform(2.0, 3.0))
            .disk(Distribution::uniform(8.0, 12.0))
            .timeouts(low, high)
            .differing_logs()
            .until_heard()
    }

    /// The thesis's cluster of five across the United States, of which so many have failed
    /// (section 9.4, figure 9.9): messages take 30 to 40 ms, time-outs are from 300 to 600 ms, and
    /// time is counted from when the nodes began to wait.
    #[track_caller]
    pub fn wide_area(failed: usize) -> Self {
        Self::nodes(5)
            .latency(Distribution::uniform(30.0, 40.0))
            .timeouts(300.0, 600.0)
            .failed(failed)
            .heartbeat(0.0)
    }

    /// How long a message takes.
    pub fn latency(self, latency: Distribution) -> Self {
        Self { latency, ..self }
    }

    /// How long a node takes to write its vote to disk before it sends it.
    pub fn disk(self, disk: Distribution) -> Self {
        Self { disk, ..self }
    }

    /// The range of election time-outs; two equal numbers: no randomness.
    ///
    /// # Panics
    /// If they are not positive numbers, the first at most the second.
    #[track_caller]
    pub fn timeouts(self, low: f64, high: f64) -> Self {
        assert!(
            low > 0.0 && low <= high && high.is_finite(),
            "Elections::timeouts: the range must be of positive numbers, the lower first, in \
             milliseconds, but it is from {low} to {high}; give 150 and 300, say"
        );
        Self { timeouts: (low, high), ..self }
    }

    /// So many nodes have failed, the leader among them; 0 for a cluster that has just started.
    ///
    /// # Panics
    /// If fewer than a majority are left, who can elect nobody.
    #[track_caller]
    pub fn failed(self, failed: usize) -> Self {
        let most = (self.nodes - 1) / 2;
        assert!(
            failed <= most,
            "Elections::failed: of {} nodes at most {most} may fail, or no majority is left to \
             elect a leader, but {failed} are to",
            self.nodes
        );
        Self { failed, ..self }
    }

    /// The time between the crashed leader's heartbeats; 0: time is counted from when the nodes
    /// began to wait.
    ///
    /// # Panics
    /// If it is not a number of at least 0.
    #[track_caller]
    pub fn heartbeat(self, time: f64) -> Self {
        assert!(
            time >= 0.0 && time.is_finite(),
            "Elections::heartbeat: the time between heartbeats must be a number of at least 0, in \
             milliseconds, but it is {time}"
        );
        Self { heartbeat: Some(time), ..self }
    }

    /// Each node's log is longer than the one before's: it does not vote for those before it
    /// (section 9.5).
    pub fn differing_logs(self) -> Self {
        Self { differing_logs: true, ..self }
    }

    /// Measured is until all nodes have heard from the new leader.
    pub fn until_heard(self) -> Self {
        Self { until_heard: true, ..self }
    }

    /// An election is given up after so many milliseconds; as made, 10,000.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn limit(self, limit: f64) -> Self {
        Self { limit: positive("Elections::limit", "limit", limit), ..self }
    }

    /// So many elections, each with random numbers of its own.
    ///
    /// # Panics
    /// If the time-outs are shorter than it takes to ask for a vote.
    #[track_caller]
    pub fn trials(&self, count: usize, seed: u64) -> Vec<Election> {
        let (low, latency) = (self.timeouts.0, self.latency.mean());
        assert!(
            low > latency,
            "Elections: election time-outs begin at {low} ms, but a message takes {latency} ms on \
             average, so that nobody could be elected in time; give Elections::timeouts 10 to 20 \
             times as much"
        );
        replicate(count, |number| Race::new(self, seed, number).run())
    }

    /// Of so many elections the times.
    ///
    /// # Panics
    /// As [`Elections::trials`].
    #[track_caller]
    pub fn times(&self, count: usize, seed: u64) -> Vec<f64> {
        self.trials(count, seed).iter().map(|election| election.time).collect()
    }

    /// The mean time of so many elections.
    ///
    /// # Panics
    /// As [`Elections::trials`]; and if there are fewer than 2.
    #[track_caller]
    pub fn mean(&self, count: usize, seed: u64) -> Estimate {
        Estimate::of(&self.times(count, seed))
    }

    /// The time that a part `p` of so many elections did not exceed.
    ///
    /// # Panics
    /// As [`Elections::trials`]; if there are none, or `p` is not at least 0 and below 1.
    #[track_caller]
    pub fn quantile(&self, p: f64, count: usize, seed: u64) -> f64 {
        const PLACE: &str = "Elections::quantile";
        fraction(PLACE, p);
        assert!(count >= 1, "{PLACE}: there must be at least 1 election, but there are 0");
        let mut times = self.times(count, seed);
        times.sort_by(f64::total_cmp);
        times[(p * count as f64) as usize]
    }

    /// The part of so many elections in which the first term's vote was split.
    ///
    /// # Panics
    /// As [`Elections::mean`].
    #[track_caller]
    pub fn split_votes(&self, count: usize, seed: u64) -> Estimate {
        let split = |election: &Election| f64::from(u8::from(election.terms > 1));
        Estimate::of(&self.trials(count, seed).iter().map(split).collect::<Vec<_>>())
    }

    /// By formula, the probability that a term's vote is split: that too many of the s nodes left
    /// of n stand within a message's way l of the first, with l a part of the range of time-outs:
    /// P(Bin(s, l) >= c - 1) with c = s - floor(n/2) + 1 (section 9.2). Exact if all messages take
    /// the same time and all logs are the same.
    pub fn split_vote_formula(&self) -> f64 {
        let (low, high) = self.timeouts;
        let left = self.nodes - self.failed;
        let others = (left - self.nodes / 2) as u64;
        let way = self.latency.mean() / (high - low);
        if way >= 1.0 {
            return 1.0;
        }
        match Binomial::new(way, left as u64) {
            Ok(count) => count.sf(others - 1),
            Err(error) => unreachable!("a binomial distribution with p = {way}: {error}"),
        }
    }

    /// By formula, the expected time: 1 / (1 - p) terms, with p as in
    /// [`Elections::split_vote_formula`], each of the least of s time-outs and a message's way;
    /// the vote's way back and its writing; less half of the time between heartbeats (section
    /// 9.3). The least time-out is low plus a part 1 / (s + 1) of the range. Infinite if every
    /// vote is split.
    pub fn mean_formula(&self) -> f64 {
        let (low, high) = self.timeouts;
        let left = (self.nodes - self.failed) as f64;
        let terms = 1.0 / (1.0 - self.split_vote_formula());
        let way = self.latency.mean();
        let term = low + (high - low) / (left + 1.0) + way;
        terms * term + way + self.disk.mean() - self.between_heartbeats() / 2.0
    }

    pub(super) fn between_heartbeats(&self) -> f64 {
        self.heartbeat.unwrap_or(self.timeouts.0 / 2.0)
    }
}
