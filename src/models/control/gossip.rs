//! Gossip: news that everybody tells somebody.
//!
//! In rounds, each calls another by lot: push tells it, pull asks it, push-pull does both. How
//! many rounds it takes is a Markov chain of how many know, solved exactly, beside the simulation
//! and the laws for many (Frieze and Grimmett, 1985; Pittel, 1987; Karp and others, 2000).
//!
//! ```
//! use pillars_models::control::Gossip;
//! let gossip = Gossip::push(100);
//! let measured = gossip.spread(200, 1);
//! assert!(measured.rounds.gap_in_bars(gossip.exact_rounds().unwrap()) < 2.0);
//! // log2 100 + ln 100
//! assert!((gossip.pittel() - 11.25).abs() < 0.01);
//! ```

mod rumor;

use super::{at_least, below_one};
use crate::columns::Columns;
use crate::sim::{Estimate, Stream, replicate};
pub use rumor::{Rumor, RumorSurvey};
use std::sync::Arc;

type Peers = Arc<dyn Fn(&mut Stream, usize, usize) -> usize + Send + Sync>;

/// Nodes of which one knows something, and how the others come to know it.
#[derive(Clone)]
pub struct Gossip {
    nodes: usize,
    push: bool,
    pull: bool,
    fan_out: usize,
    loss: f64,
    peers: Option<Peers>,
}

/// What is measured until all know it. Intervals are over replications.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// Rounds.
    pub rounds: Estimate,
    /// Messages with the news, and questions for it, a node.
    pub messages: Estimate,
    /// The mean share that knows it after each round, from round 0.
    pub known: Vec<f64>,
}

impl Spread {
    /// One row a round: `round`, `known`.
    pub fn columns(&self) -> Columns {
        let rounds: Vec<f64> = (0..self.known.len()).map(|round| round as f64).collect();
        Columns::new("how gossip spreads").numbers("round", &rounds).numbers("known", &self.known)
    }
}

/// More rounds than any gossip of use takes.
const MOST_ROUNDS: usize = 100_000;

impl Gossip {
    /// Who knows tells another.
    ///
    /// # Panics
    /// As for all constructors here: with fewer than 2 nodes.
    #[track_caller]
    pub fn push(nodes: usize) -> Self {
        Self::of("Gossip::push", nodes, true, false)
    }

    /// Who does not know asks another.
    #[track_caller]
    pub fn pull(nodes: usize) -> Self {
        Self::of("Gossip::pull", nodes, false, true)
    }

    /// Both.
    #[track_caller]
    pub fn push_pull(nodes: usize) -> Self {
        Self::of("Gossip::push_pull", nodes, true, true)
    }

    /// The same with so many calls a round by each.
    ///
    /// # Panics
    /// If it is none.
    #[track_caller]
    pub fn fan_out(self, calls: usize) -> Self {
        Self { fan_out: at_least("Gossip::fan_out", "calls", 1, calls), ..self }
    }

    /// The same where each call fails with this probability.
    ///
    /// # Panics
    /// If it is not at least 0 and below 1.
    #[track_caller]
    pub fn loss(self, p: f64) -> Self {
        Self { loss: below_one("Gossip::loss", "probability of loss", p), ..self }
    }

    /// The same with another choice of whom to call: by a stream, one's own number and the number
    /// of nodes.
    ///
    /// ```
    /// use pillars_models::control::Gossip;
    /// // Neighbours in a ring only: a push takes as many rounds as the ring is long.
    /// let ring = Gossip::push(32).peers(|_, me, nodes| (me + 1) % nodes);
    /// assert_eq!(ring.spread(2, 1).rounds.mean, 31.0);
    /// ```
    pub fn peers(
        self,
        choose: impl Fn(&mut Stream, usize, usize) -> usize + Send + Sync + 'static,
    ) -> Self {
        Self { peers: Some(Arc::new(choose)), ..self }
    }

    /// Rounds until all know it, measured.
    ///
    /// # Panics
    /// With fewer than 2 replications, or if some node never hears of it.
    #[track_caller]
    pub fn spread(&self, replications: usize, seed: u64) -> Spread {
        at_least("Gossip::spread", "replications", 2, replications);
        let runs = replicate(replications, |replication| {
            self.run(&mut Stream::new(seed, replication, "gossip"))
        });
        let longest = runs.iter().map(|(known, _)| known.len()).max().unwrap_or(0);
        assert!(
            longest <= MOST_ROUNDS,
            "Gossip::spread: after {MOST_ROUNDS} rounds some node has not heard of it; choose peers \
             so that each can be reached"
        );
        let nodes = self.nodes as f64;
        let known = |round: usize| {
            let of = |known: &Vec<usize>| known.get(round).copied().unwrap_or(self.nodes) as f64;
            runs.iter().map(|(known, _)| of(known)).sum::<f64>() / nodes / replications as f64
        };
        let rounds: Vec<f64> = runs.iter().map(|(known, _)| (known.len() - 1) as f64).collect();
        let messages: Vec<f64> = runs.iter().map(|(_, sent)| *sent as f64 / nodes).collect();
        Spread {
            rounds: Estimate::of(&rounds),
            messages: Estimate::of(&messages),
            known: (0..longest).map(known).collect(),
        }
    }

    /// How many know after each round, and messages.
    fn run(&self, stream: &mut Stream) -> (Vec<usize>, usize) {
        let mut knows = vec![false; self.nodes];
        knows[0] = true;
        let (mut count, mut sent) = (1, 0);
        let mut known = vec![count];
        while count < self.nodes && known.len() <= MOST_ROUNDS {
            crate::interrupt::tick();
            let before = knows.clone();
            for me in 0..self.nodes {
                let calls = if before[me] { self.push } else { self.pull };
                for _ in 0..if calls { self.fan_out } else { 0 } {
                    let peer = self.peer(stream, me);
                    sent += 1;
                    if self.loss > 0.0 && stream.uniform() < self.loss {
                        continue;
                    }
                    let learns = if before[me] { peer } else { me };
                    let learned = (before[me] || before[peer]) && !knows[learns];
                    if learned {
                        knows[learns] = true;
                        count += 1;
                    }
                }
            }
            known.push(count);
        }
        (known, sent)
    }

    fn peer(&self, stream: &mut Stream, me: usize) -> usize {
        match &self.peers {
            None => (me + 1 + stream.below(self.nodes - 1)) % self.nodes,
            Some(choose) => {
                let peer = choose(stream, me, self.nodes);
                assert!(
                    peer < self.nodes,
                    "Gossip::peers: a peer must be below the number of nodes, {}, but it is {peer}",
                    self.nodes
                );
                peer
            }
        }
    }

    /// The mean number of rounds, exactly, for up to 400 nodes and peers by lot: the Markov chain
    /// of how many know, each of whose pushes is one more ball into the boxes of those who do not.
    pub fn exact_rounds(&self) -> Option<f64> {
        let n = self.nodes;
        if n > 400 || self.peers.is_some() {
            return None;
        }
        let reach = (1.0 - self.loss) / (n - 1) as f64;
        // From all but one know, downwards: 1 + the mean of what is left.
        let mut left = vec![0.0; n + 1];
        for know in (1..n).rev() {
            crate::interrupt::tick();
            let not = n - know;
            let asks = 1.0 - (1.0 - reach * know as f64).powi(self.fan_out as i32);
            // The chances that so many more know.
            let mut more = vec![0.0; not + 1];
            more[0] = 1.0;
            if self.pull {
                for _ in 0..not {
                    for k in (0..=not).rev() {
                        let before = if k > 0 { more[k - 1] } else { 0.0 };
                        more[k] = more[k] * (1.0 - asks) + before * asks;
                    }
                }
            }
            if self.push {
                for _ in 0..know * self.fan_out {
                    for k in (0..=not).rev() {
                        let stays = 1.0 - reach * (not - k) as f64;
                        let hits = |k: usize| reach * (not - k) as f64;
                        let before = if k > 0 { more[k - 1] * hits(k - 1) } else { 0.0 };
                        more[k] = more[k] * stays + before;
                    }
                }
            }
            let rest: f64 = (1..=not).map(|k| more[k] * left[know + k]).sum();
            left[know] = (1.0 + rest) / (1.0 - more[0]);
        }
        Some(left[1])
    }

    /// log2 n + ln n: the rounds of push among many, but for a constant (Frieze and Grimmett, 1985,
    /// the leading terms; Pittel, 1987, that the rest is bounded in probability).
    pub fn pittel(&self) -> f64 {
        let n = self.nodes as f64;
        n.log2() + n.ln()
    }

    /// log3 n: the rounds of push-pull among many, but for something of the order of log log n
    /// (Karp, Schindelhauer, Shenker and Vöcking, 2000).
    pub fn karp(&self) -> f64 {
        (self.nodes as f64).ln() / 3f64.ln()
    }

    #[track_caller]
    fn of(place: &str, nodes: usize, push: bool, pull: bool) -> Self {
        at_least(place, "nodes", 2, nodes);
        Self { nodes, push, pull, fan_out: 1, loss: 0.0, peers: None }
    }
}
