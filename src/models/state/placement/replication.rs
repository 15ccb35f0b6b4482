//! Kinds of replication: how long a write takes, and what is lost when nodes crash.

use super::NoFormula;
use crate::number::{fraction, positive};
use crate::sim::{Distribution, Estimate, Stream, Trials, replicate};
use statrs::function::factorial::ln_binomial;

/// Data that is kept on several nodes, and when a write is acknowledged. Times are in units of
/// time, from the moment at which a node takes the write; the way of a client to that node and
/// back is left out, being the same for all kinds. A delay lasts until another node has the write
/// and the one that waits for it knows; delays are independent of one another.
#[derive(Clone, Debug, PartialEq)]
pub struct Replication {
    kind: Kind,
    delay: Distribution,
    local: f64,
    rate: f64,
    crash: usize,
    read_after: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A primary that waits for so many of its backups.
    Backups { backups: usize, acks: usize },
    /// One after the other, and the last acknowledges.
    Chain { replicas: usize },
    /// Whoever takes the write waits for so many replicas, of which it is none.
    Quorum { replicas: usize, acks: usize },
}

/// What a simulation of writes measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Writes {
    /// Mean time until a write is acknowledged, in units of time.
    pub latency: Estimate,
    /// The time that 99 of 100 writes do not exceed, in units of time.
    pub p99: Estimate,
    /// Acknowledged writes that no surviving node has, if nodes crash at any time.
    pub lost: Estimate,
    /// The fraction of crashes that lose none.
    pub harmless: Estimate,
    /// The fraction of reads of any replica but the primary that miss the last acknowledged write.
    pub stale: Estimate,
}

/// The same in closed form.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WriteTheory {
    /// Mean time until a write is acknowledged, in units of time.
    pub latency: f64,
    /// Acknowledged writes that are lost on average.
    pub lost: f64,
    /// The fraction of crashes that lose none, e^-lost: of Poisson writes, those that are lost
    /// are a Poisson number.
    pub harmless: f64,
    /// The fraction of reads that are stale.
    pub stale: f64,
}

impl Replication {
    /// A primary that acknowledges at once, and backups that have the write after this delay each,
    /// their lag.
    ///
    /// # Panics
    /// As for all constructors here: without anybody to have a copy.
    #[track_caller]
    pub fn asynchronous(backups: usize, delay: Distribution) -> Self {
        Self::backups("Replication::asynchronous", backups, 0, delay)
    }

    /// A primary that waits until one of its backups has the write and has said so.
    #[track_caller]
    pub fn semi_synchronous(backups: usize, delay: Distribution) -> Self {
        Self::backups("Replication::semi_synchronous", backups, 1, delay)
    }

    /// A primary that waits for all of its backups.
    #[track_caller]
    pub fn synchronous(backups: usize, delay: Distribution) -> Self {
        Self::backups("Replication::synchronous", backups, backups, delay)
    }

    /// Chain replication (van Renesse and Schneider, 2004): the head passes a write on, and so on;
    /// the tail acknowledges, and is read. The delay is that from one replica to the next.
    #[track_caller]
    pub fn chain(replicas: usize, delay: Distribution) -> Self {
        some("Replication::chain", "replica", replicas);
        Self::of(Kind::Chain { replicas }, delay)
    }

    /// A write to N replicas that is acknowledged when W of them have it.
    ///
    /// # Panics
    /// If W is not between 1 and N.
    #[track_caller]
    pub fn quorum(replicas: usize, acks: usize, delay: Distribution) -> Self {
        some("Replication::quorum", "replica", replicas);
        assert!(
            (1..=replicas).contains(&acks),
            "Replication::quorum: W, the replicas waited for, must be between 1 and N = {replicas}, but it \
             is {acks}"
        );
        Self::of(Kind::Quorum { replicas, acks }, delay)
    }

    /// The same with so much time that the node that takes a write needs before it sends it on,
    /// in units of time; 0 at first.
    ///
    /// # Panics
    /// If it is not a number of at least 0.
    #[track_caller]
    pub fn local(mut self, time: f64) -> Self {
        self.local = at_least_0("Replication::local", time);
        self
    }

    /// The same with so many writes per unit of time, which come as a Poisson process; 1 at first.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn rate(mut self, writes: f64) -> Self {
        self.rate = positive("Replication::rate", "rate of writes", writes);
        self
    }

    /// The same with so many nodes that crash at the same moment, for good; 1 at first. The first
    /// is the primary, or the head of a chain, where there is one; the others are any.
    ///
    /// # Panics
    /// If none crashes, or none is left.
    #[track_caller]
    pub fn crash(mut self, nodes: usize) -> Self {
        let all = self.replicas();
        assert!(
            1 <= nodes && nodes < all,
            "Replication::crash: at least 1 node must crash and at least 1 survive, but of {all} nodes \
             {nodes} are to crash"
        );
        self.crash = nodes;
        self
    }

    /// The same with reads so long after the acknowledgement, in units of time; 0 at first.
    ///
    /// # Panics
    /// If it is not a number of at least 0.
    #[track_caller]
    pub fn read_after(mut self, time: f64) -> Self {
        self.read_after = at_least_0("Replication::read_after", time);
        self
    }

    /// The number of nodes that keep the data.
    pub fn replicas(&self) -> usize {
        match self.kind {
            Kind::Backups { backups, .. } => backups + 1,
            Kind::Chain { replicas } | Kind::Quorum { replicas, .. } => replicas,
        }
    }

    /// The fraction of writes that are acknowledged within this time: of backups and quorums the
    /// order statistic of the delays, of a chain of exponential delays Erlang's distribution.
    ///
    /// # Errors
    /// For chains of other delays, unless they are constant.
    pub fn acknowledged_by(&self, time: f64) -> Result<f64, NoFormula> {
        let left = time - self.local;
        if left < 0.0 {
            return Ok(0.0);
        }
        let (count, acks) = match self.kind {
            Kind::Backups { backups, acks } => (backups, acks),
            Kind::Quorum { replicas, acks } => (replicas, acks),
            Kind::Chain { replicas: 1 } => return Ok(1.0),
            Kind::Chain { replicas } => {
                let (hops, mean) = (replicas - 1, self.delay.mean());
                return if self.delay.rate_if_exponential().is_some() {
                    Ok(Distribution::erlang(hops as u32, hops as f64 * mean).at_most(left))
                } else if self.delay.is_deterministic() {
                    Ok(f64::from(u8::from(left >= hops as f64 * mean)))
                } else {
                    Err(NoFormula { what: "a sum of these delays" })
                };
            }
        };
        let each = self.delay.at_most(left);
        let exactly = |k: usize| {
            let ways = ln_binomial(count as u64, k as u64).exp();
            ways * each.powi(k as i32) * (1.0 - each).powi((count - k) as i32)
        };
        Ok((acks..=count).map(exactly).sum::<f64>().min(1.0))
    }

    /// The time that a fraction `p` of the writes does not exceed, in units of time.
    ///
    /// # Errors
    /// As [`Replication::acknowledged_by`].
    ///
    /// # Panics
    /// If `p` is not at least 0 and below 1.
    #[track_caller]
    pub fn quantile(&self, p: f64) -> Result<f64, NoFormula> {
        fraction("Replication::quantile", p);
        if self.acknowledged_by(self.local)? >= p {
            return Ok(self.local);
        }
        let (mut low, mut high) = (self.local, self.local + self.delay.mean().clamp(1e-9, 1e9));
        while self.acknowledged_by(high)? < p {
            high += high - low;
        }
        // As many halvings as a float has bits.
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            if self.acknowledged_by(middle)? < p { low = middle } else { high = middle }
        }
        Ok(high)
    }

    /// Latency, losses and stale reads in closed form. With exponential delays of mean m, the
    /// j-th of n acknowledgements comes after m (1/n + .. + 1/(n - j + 1)) on average; what only
    /// nodes that crash have when they crash, j of c among n, is lost for another m / (n - c): the
    /// rate of writes times C(c, j) / C(n, j) times m / (n - c).
    ///
    /// # Errors
    /// If the delays are not exponential and it depends on that.
    pub fn theory(&self) -> Result<WriteTheory, NoFormula> {
        let lost = self.rate * self.exposed()?;
        let latency = self.local + self.waits()?;
        Ok(WriteTheory { latency, lost, harmless: (-lost).exp(), stale: self.stale()? })
    }

    /// How long a write waits for others, on average.
    fn waits(&self) -> Result<f64, NoFormula> {
        let mean = self.delay.mean();
        let (count, acks) = match self.kind {
            Kind::Backups { backups, acks } => (backups, acks),
            Kind::Quorum { replicas, acks } => (replicas, acks),
            Kind::Chain { replicas } => return Ok((replicas - 1) as f64 * mean),
        };
        if acks == 0 {
            return Ok(0.0);
        }
        if self.delay.is_deterministic() || count == 1 {
            return Ok(mean);
        }
        if self.delay.rate_if_exponential().is_none() {
            return Err(NoFormula { what: "the mean of an order statistic of these delays" });
        }
        Ok((count - acks + 1..=count).map(|left| mean / left as f64).sum())
    }

    /// How long an acknowledged write is on nodes alone that crash, on average.
    fn exposed(&self) -> Result<f64, NoFormula> {
        let mean = self.delay.mean();
        let (count, acks, crashed) = match self.kind {
            Kind::Backups { backups, acks } => (backups, acks, self.crash - 1),
            Kind::Quorum { replicas, acks } => (replicas, acks, self.crash),
            Kind::Chain { .. } => return Ok(0.0),
        };
        if crashed < acks {
            return Ok(0.0); // somebody who has it survives
        }
        if self.delay.is_deterministic() {
            return Ok(if acks == 0 { mean } else { 0.0 });
        }
        if acks == 0 && count == 1 {
            return Ok(mean);
        }
        if self.delay.rate_if_exponential().is_none() {
            return Err(NoFormula { what: "losses with these delays" });
        }
        let ln_chance =
            ln_binomial(crashed as u64, acks as u64) - ln_binomial(count as u64, acks as u64);
        Ok(ln_chance.exp() * mean / (count - crashed) as f64)
    }

    fn stale(&self) -> Result<f64, NoFormula> {
        let (count, acks) = match self.kind {
            Kind::Backups { backups, acks } => (backups, acks),
            Kind::Quorum { replicas, acks } => (replicas, acks),
            Kind::Chain { .. } => return Ok(0.0),
        };
        if acks == 0 {
            return Ok(1.0 - self.delay.at_most(self.read_after));
        }
        let behind = (count - acks) as f64 / count as f64;
        if acks == count || self.delay.is_deterministic() {
            return Ok(0.0);
        }
        match self.delay.rate_if_exponential() {
            Some(rate) => Ok(behind * (-rate * self.read_after).exp()),
            // No two delays are equal: those that were not waited for are behind.
            None if self.read_after == 0.0 && self.delay.measured().is_none() => Ok(behind),
            None => Err(NoFormula { what: "stale reads with these delays" }),
        }
    }

    /// Simulates `trials.customers` writes in each replication. Each arrival, after the warm-up,
    /// is also a moment at which nodes might have crashed: Poisson arrivals see what is there at
    /// any time.
    pub fn simulate(&self, trials: Trials) -> Writes {
        let runs = replicate(trials.replications, |replication| self.run(trials, replication));
        let of = |part: usize| Estimate::of(&runs.iter().map(|run| run[part]).collect::<Vec<_>>());
        Writes { latency: of(0), p99: of(1), lost: of(2), harmless: of(3), stale: of(4) }
    }

    /// Mean latency, its 99th percentile, losses, crashes without any, stale reads.
    fn run(&self, trials: Trials, replication: u64) -> [f64; 5] {
        let Trials { customers, warmup, seed, .. } = trials;
        let mut arrivals = Stream::new(seed, replication, "writes");
        let mut delays = Stream::new(seed, replication, "delays");
        let mut reads = Stream::new(seed, replication, "reads");
        let (mut now, mut stale) = (0.0, 0);
        let mut moments = Vec::with_capacity(customers);
        let mut latencies = Vec::with_capacity(customers);
        // When writes begin to be at risk, and when they cease to.
        let (mut begins, mut ends) = (vec![], vec![]);
        let (mut arrives, mut sorted) = (vec![], vec![]);
        for write in 0..warmup + customers {
            if write.is_multiple_of(256) {
                crate::interrupt::tick();
            }
            now += arrivals.exponential() / self.rate;
            let acknowledged = self.send(&mut arrives, &mut sorted, &mut delays);
            // Who crashes is any of those that are alike: the first.
            let survivor = arrives[self.crash..].iter().copied().fold(f64::INFINITY, f64::min);
            if survivor > acknowledged {
                begins.push(now + acknowledged);
                ends.push(now + survivor);
            }
            if write >= warmup {
                moments.push(now);
                latencies.push(acknowledged);
                let others = &arrives[self.first_read()..];
                let read = others[reads.below(others.len())];
                stale += usize::from(read > acknowledged + self.read_after);
            }
        }
        begins.sort_by(f64::total_cmp);
        ends.sort_by(f64::total_cmp);
        let (mut begun, mut ended, mut lost, mut harmless) = (0, 0, 0, 0);
        for moment in moments {
            while begun < begins.len() && begins[begun] < moment {
                begun += 1;
            }
            while ended < ends.len() && ends[ended] <= moment {
                ended += 1;
            }
            let at_risk = begun.saturating_sub(ended);
            lost += at_risk;
            harmless += usize::from(at_risk == 0);
        }
        let count = customers as f64;
        let latency = latencies.iter().sum::<f64>() / count;
        let rank = ((0.99 * count).ceil() as usize).clamp(1, customers) - 1;
        let (_, p99, _) = latencies.select_nth_unstable_by(rank, f64::total_cmp);
        [latency, *p99, lost as f64 / count, harmless as f64 / count, stale as f64 / count]
    }

    /// When a write arrives at each replica, and when it is acknowledged.
    fn send(&self, arrives: &mut Vec<f64>, sorted: &mut Vec<f64>, delays: &mut Stream) -> f64 {
        arrives.clear();
        match self.kind {
            Kind::Chain { replicas } => {
                let mut at = self.local;
                arrives.push(at);
                for _ in 1..replicas {
                    at += self.delay.sample(delays);
                    arrives.push(at);
                }
                at
            }
            Kind::Backups { backups: count, acks } | Kind::Quorum { replicas: count, acks } => {
                if matches!(self.kind, Kind::Backups { .. }) {
                    arrives.push(self.local);
                }
                let others = arrives.len();
                arrives.extend((0..count).map(|_| self.local + self.delay.sample(delays)));
                if acks == 0 {
                    return self.local;
                }
                sorted.clear();
                sorted.extend_from_slice(&arrives[others..]);
                sorted.sort_unstable_by(f64::total_cmp);
                sorted[acks - 1]
            }
        }
    }

    /// The first in the list of replicas that is read; the primary is not, if there are others.
    fn first_read(&self) -> usize {
        match self.kind {
            Kind::Backups { backups, .. } => backups.min(1),
            Kind::Chain { replicas } => replicas - 1,
            Kind::Quorum { .. } => 0,
        }
    }

    #[track_caller]
    fn backups(place: &str, backups: usize, acks: usize, delay: Distribution) -> Self {
        some(place, "backup", backups);
        Self::of(Kind::Backups { backups, acks }, delay)
    }

    fn of(kind: Kind, delay: Distribution) -> Self {
        Self { kind, delay, local: 0.0, rate: 1.0, crash: 1, read_after: 0.0 }
    }
}

#[track_caller]
fn some(place: &str, what: &str, count: usize) {
    assert!(count >= 1, "{place}: there must be at least 1 {what}, but there are 0");
}

#[track_caller]
fn at_least_0(place: &str, time: f64) -> f64 {
    assert!(
        time >= 0.0 && time.is_finite(),
        "{place}: the time must be a number of at least 0, but it is {time}"
    );
    time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_by_hand() {
        let delay = || Distribution::exponential(6.0);
        let theory = |kind: Replication| kind.local(1.0).theory().unwrap().latency;
        assert_eq!(theory(Replication::asynchronous(2, delay())), 1.0);
        assert_eq!(theory(Replication::semi_synchronous(2, delay())), 4.0);
        assert_eq!(theory(Replication::synchronous(2, delay())), 10.0);
        assert_eq!(theory(Replication::chain(3, delay())), 13.0);
        // 6 (1/3 + 1/2).
        assert!((theory(Replication::quorum(3, 2, delay())) - 6.0).abs() < 1e-12);
        let within = Replication::quorum(3, 2, delay()).acknowledged_by(6.0).unwrap();
        let each = 1.0 - (-1f64).exp();
        assert!((within - (3.0 * each * each * (1.0 - each) + each.powi(3))).abs() < 1e-12);
        let median = Replication::semi_synchronous(3, delay()).quantile(0.5).unwrap();
        assert!((median - 2.0 * std::f64::consts::LN_2).abs() < 1e-9);
    }
}
