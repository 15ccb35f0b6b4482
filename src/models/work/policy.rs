//! Policies of load balancing: which server a customer is sent to.

use super::engine::Order;
use crate::sim::Stream;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// Which server a customer is sent to.
#[derive(Clone)]
pub enum Policy {
    /// Any of them.
    Random,
    /// One after the other.
    RoundRobin,
    /// Any of them, in proportion to these weights.
    Weighted(Vec<f64>),
    /// The one with the fewest customers; of several, any (join the shortest queue).
    LeastConnections,
    /// The one that will be done first with what it has, if one could know that.
    LeastWork,
    /// The one with the fewest customers among so many chosen at random.
    PowerOf {
        /// How many are looked at.
        choices: usize,
        /// Whether they are different ones.
        distinct: bool,
    },
    /// The one that has been idle longest; any, if none is (Lu and others, 2011).
    JoinIdleQueue,
    /// Of two chosen at random, the one with the less (connections + 1) times a moving average of
    /// how long its customers stayed, which rises at once and falls with this time constant
    /// (Twitter's Finagle).
    PeakEwma {
        /// In units of time.
        decay: f64,
    },
    /// The first on a ring after the customer's key that has no more than `bound` times the mean
    /// number of customers (Mirrokni and others, 2018); without a bound the first.
    Ring {
        /// How many keys there are; each customer has one of them, all equally likely.
        keys: usize,
        /// Points of each server on the ring.
        points: usize,
        /// At least 1, or infinite.
        bound: f64,
    },
    /// The reader's own.
    Own(Choice),
}

/// A reader's policy.
pub type Choice = Arc<dyn Fn(&Servers, &mut Stream) -> usize + Send + Sync>;

impl Policy {
    /// The better of two different servers.
    pub const TWO_CHOICES: Policy = Policy::PowerOf { choices: 2, distinct: true };

    /// The number of the server that `choose` names:
    /// `Policy::own(|servers, random| random.below(servers.count()))`.
    pub fn own(choose: impl Fn(&Servers, &mut Stream) -> usize + Send + Sync + 'static) -> Self {
        Self::Own(Arc::new(choose))
    }

    /// The name, as operators have it.
    pub fn name(&self) -> String {
        match self {
            Self::Random => "random".to_owned(),
            Self::RoundRobin => "round robin".to_owned(),
            Self::Weighted(_) => "weighted".to_owned(),
            Self::LeastConnections => "least connections".to_owned(),
            Self::LeastWork => "least work left".to_owned(),
            Self::PowerOf { choices, .. } => format!("best of {choices}"),
            Self::JoinIdleQueue => "join idle queue".to_owned(),
            Self::PeakEwma { .. } => "peak EWMA".to_owned(),
            Self::Ring { bound, .. } if bound.is_infinite() => "ring".to_owned(),
            Self::Ring { .. } => "ring with bounded loads".to_owned(),
            Self::Own(_) => "the reader's own".to_owned(),
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// What a policy sees.
#[derive(Debug)]
pub struct Servers {
    /// Customers at each, the one in service included, as the policy knows them.
    pub(super) lengths: Vec<u32>,
    /// When each will be done with all it has, as the policy knows it, and when it was told.
    pub(super) done: Vec<f64>,
    pub(super) told: f64,
    pub(super) now: f64,
    /// The truth, where what the policy knows is old.
    pub(super) present: Vec<u32>,
    pub(super) ends: Vec<f64>,
}

impl Servers {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.lengths.len()
    }

    /// The number of customers at a server, as it was when the policy was last told.
    pub fn length(&self, server: usize) -> usize {
        self.lengths[server] as usize
    }

    /// How much longer a server has to work for those it has, in units of time, as it was when
    /// the policy was last told.
    pub fn work_left(&self, server: usize) -> f64 {
        (self.done[server] - self.told).max(0.0)
    }
}

/// A policy at work.
pub(super) struct Chooser<'a> {
    policy: &'a Policy,
    random: Stream,
    next: usize,
    /// Of weights, their sums.
    sums: Vec<f64>,
    /// Servers that are idle, the one that is so longest in front.
    idle: VecDeque<u32>,
    /// Moving averages of how long customers stayed, and when each last changed.
    averages: Vec<(f64, f64)>,
    /// Points on the ring and their servers, and the point at which each key begins.
    ring: Vec<(u64, u32)>,
    keys: Vec<usize>,
    /// Whether the latest customer was sent to another server than that of its key.
    pub is_away: bool,
}

impl<'a> Chooser<'a> {
    pub fn new(policy: &'a Policy, count: usize, order: Order) -> Self {
        let mut chooser = Self {
            policy,
            random: order.stream("policy"),
            next: 0,
            sums: vec![],
            idle: VecDeque::new(),
            averages: vec![],
            ring: vec![],
            keys: vec![],
            is_away: false,
        };
        match policy {
            Policy::Weighted(weights) => {
                let mut sum = 0.0;
                let sums = weights.iter().map(|weight| {
                    sum += weight;
                    sum
                });
                chooser.sums = sums.collect();
            }
            Policy::JoinIdleQueue => chooser.idle = (0..count as u32).collect(),
            Policy::PeakEwma { .. } => chooser.averages = vec![(0.0, 0.0); count],
            Policy::Ring { keys, points, .. } => {
                // The ring is the same whatever the replication: servers do not move.
                let mut places = Stream::new(order.seed, 0, "ring");
                let servers = (0..count as u32).flat_map(|server| vec![server; *points]);
                chooser.ring = servers.map(|server| (places.bits(), server)).collect();
                chooser.ring.sort_unstable();
                let key = |_| {
                    let at = places.bits();
                    chooser.ring.partition_point(|(point, _)| *point < at) % chooser.ring.len()
                };
                chooser.keys = (0..*keys).map(key).collect();
            }
            _ => {}
        }
        chooser
    }

    #[inline]
    pub fn choose(&mut self, servers: &Servers) -> usize {
        let count = servers.count();
        match self.policy {
            Policy::Random => self.random.below(count),
            Policy::RoundRobin => {
                let chosen = self.next;
                self.next = if chosen + 1 == count { 0 } else { chosen + 1 };
                chosen
            }
            Policy::Weighted(_) => {
                let total = self.sums[count - 1];
                let at = self.random.uniform() * total;
                self.sums.partition_point(|sum| *sum <= at).min(count - 1)
            }
            Policy::LeastConnections => {
                let least = servers.lengths.iter().min().copied().unwrap_or(0);
                let ties = servers.lengths.iter().filter(|length| **length == least).count();
                let mut left = self.random.below(ties);
                let found = servers.lengths.iter().position(|length| {
                    let is_it = *length == least && left == 0;
                    left -= usize::from(*length == least && left > 0);
                    is_it
                });
                found.unwrap_or(0)
            }
            Policy::LeastWork => {
                let least = servers
                    .done
                    .iter()
                    .enumerate()
                    .min_by(|a, b| a.1.max(servers.told).total_cmp(&b.1.max(servers.told)));
                least.map_or(0, |(server, _)| server)
            }
            Policy::PowerOf { choices, distinct } => {
                let mut best = self.random.below(count);
                if *distinct && *choices > 2 {
                    return self.best_of_distinct(*choices, servers);
                }
                for _ in 1..*choices {
                    let other = match distinct {
                        // Any but the first.
                        true => (best + 1 + self.random.below(count - 1)) % count,
                        false => self.random.below(count),
                    };
                    if servers.lengths[other] < servers.lengths[best] {
                        best = other;
                    }
                }
                best
            }
            Policy::JoinIdleQueue => {
                let idle = self.idle.pop_front().map(|server| server as usize);
                idle.unwrap_or_else(|| self.random.below(count))
            }
            Policy::PeakEwma { decay } => {
                let first = self.random.below(count);
                if count == 1 {
                    return first;
                }
                let other = (first + 1 + self.random.below(count - 1)) % count;
                let cost = |server: usize| {
                    let (average, since) = self.averages[server];
                    let average = average * (-(servers.now - since) / decay).exp();
                    f64::from(servers.lengths[server] + 1) * average.max(1e-9)
                };
                if cost(other) < cost(first) { other } else { first }
            }
            Policy::Ring { keys, bound, .. } => {
                let begin = self.keys[self.random.below(*keys)];
                let all: u32 = servers.lengths.iter().sum();
                let most = (bound * f64::from(all + 1) / count as f64).ceil();
                let around = (0..self.ring.len())
                    .map(|step| self.ring[(begin + step) % self.ring.len()].1 as usize);
                let mut free = around.filter(|at| f64::from(servers.lengths[*at] + 1) <= most);
                let own = self.ring[begin].1 as usize;
                let chosen = free.next().unwrap_or(own);
                self.is_away = chosen != own;
                chosen
            }
            Policy::Own(choose) => {
                let chosen = choose(servers, &mut self.random);
                assert!(
                    chosen < count,
                    "Policy::own: there are {count} servers, numbered from 0, but the policy named \
                     {chosen}"
                );
                chosen
            }
        }
    }

    fn best_of_distinct(&mut self, choices: usize, servers: &Servers) -> usize {
        let mut chosen: Vec<usize> = Vec::with_capacity(choices);
        while chosen.len() < choices {
            let other = self.random.below(servers.count());
            if !chosen.contains(&other) {
                chosen.push(other);
            }
        }
        let least = chosen.iter().min_by_key(|server| servers.lengths[**server]);
        least.copied().unwrap_or(0)
    }

    /// A customer has left a server, after so long.
    #[inline]
    pub fn left(&mut self, server: usize, stayed: f64, now: f64, is_idle: bool) {
        match self.policy {
            Policy::JoinIdleQueue if is_idle => self.idle.push_back(server as u32),
            Policy::PeakEwma { decay } => {
                let (average, since) = self.averages[server];
                let kept = (-(now - since) / decay).exp();
                let moved = average * kept + stayed * (1.0 - kept);
                self.averages[server] = (moved.max(stayed), now);
            }
            _ => {}
        }
    }
}
