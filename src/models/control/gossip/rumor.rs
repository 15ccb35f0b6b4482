//! Rumours: who tells what is known already loses interest, and some never hear of it (Demers and
//! others, 1987).

use super::super::at_least;
use crate::sim::{Estimate, Stream, replicate};

/// A rumour among many. As made by [`Rumor::new`]: push, with feedback and a counter, as in table 1
/// of the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rumor {
    nodes: usize,
    interest: u32,
    pull: bool,
    blind: bool,
    coin: bool,
}

/// What is measured until nobody spreads it any more. Intervals are over replications.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RumorSurvey {
    /// The share that never hears of it.
    pub residue: Estimate,
    /// Times that it was sent, a node.
    pub traffic: Estimate,
    /// Rounds until a node hears of it, the mean over those that do.
    pub mean_time: Estimate,
    /// Rounds until the last one that does.
    pub last_time: Estimate,
}

impl Rumor {
    /// So many nodes, and `interest`, the paper's k: who has told it in vain so often in a row
    /// stops.
    ///
    /// # Panics
    /// With fewer than 2 nodes, or no interest at all.
    #[track_caller]
    pub fn new(nodes: usize, interest: u32) -> Self {
        at_least("Rumor::new", "nodes", 2, nodes);
        at_least("Rumor::new", "times that it is told in vain", 1, interest as usize);
        Self { nodes, interest, pull: false, blind: false, coin: false }
    }

    /// The same where each asks another for news. A round in which somebody who needed it asked is
    /// not in vain; one in which others asked counts one, however many they were.
    pub fn pull(self) -> Self {
        Self { pull: true, ..self }
    }

    /// The same without feedback: every telling counts, in vain or not.
    pub fn blind(self) -> Self {
        Self { blind: true, ..self }
    }

    /// The same without a counter: it stops with probability 1 / k each time that would count.
    pub fn coin(self) -> Self {
        Self { coin: true, ..self }
    }

    /// The share that never hears of a rumour with feedback and a coin, for many nodes: the
    /// solution below 1 of s = e^(-(k + 1)(1 - s)).
    pub fn residue(&self) -> f64 {
        let k = f64::from(self.interest);
        let gap = |s: f64| (-(k + 1.0) * (1.0 - s)).exp() - s;
        let (mut low, mut high) = (0.0, 1.0 / (k + 1.0));
        for _ in 0..200 {
            let middle = (low + high) / 2.0;
            if gap(middle) > 0.0 { low = middle } else { high = middle }
        }
        low
    }

    /// What becomes of it, measured.
    ///
    /// # Panics
    /// With fewer than 2 replications.
    #[track_caller]
    pub fn survey(&self, replications: usize, seed: u64) -> RumorSurvey {
        at_least("Rumor::survey", "replications", 2, replications);
        let runs = replicate(replications, |replication| {
            crate::interrupt::tick();
            self.run(&mut Stream::new(seed, replication, "rumor"))
        });
        let of = |part: usize| Estimate::of(&runs.iter().map(|run| run[part]).collect::<Vec<_>>());
        RumorSurvey { residue: of(0), traffic: of(1), mean_time: of(2), last_time: of(3) }
    }

    fn run(&self, stream: &mut Stream) -> [f64; 4] {
        let n = self.nodes;
        let mut heard: Vec<Option<u32>> = vec![None; n];
        heard[0] = Some(0);
        // Who spreads it, with how often that was in vain.
        let mut vain: Vec<Option<u32>> = vec![None; n];
        vain[0] = Some(0);
        let (mut sent, mut round) = (0usize, 0u32);
        while vain.iter().any(Option::is_some) {
            round += 1;
            // Of each that spread at the beginning: told, and told somebody who needed it.
            let mut told = vec![(false, false); n];
            let spreads: Vec<bool> = vain.iter().map(Option::is_some).collect();
            for me in 0..n {
                if !self.pull && !spreads[me] {
                    continue;
                }
                let peer = (me + 1 + stream.below(n - 1)) % n;
                let (from, to) = if self.pull { (peer, me) } else { (me, peer) };
                if !spreads[from] {
                    continue;
                }
                sent += 1;
                // All tellings of a round are at the same time: none knows of another.
                let needed = heard[to].is_none_or(|at| at == round);
                if heard[to].is_none() {
                    heard[to] = Some(round);
                    vain[to] = Some(0);
                }
                told[from] = (true, told[from].1 || needed);
            }
            for (count, (told, needed)) in vain.iter_mut().zip(told) {
                let Some(times) = *count else { continue };
                if !told {
                    continue;
                }
                if needed && !self.blind {
                    // It begins to count anew.
                    *count = Some(0);
                } else if self.coin {
                    if stream.uniform() * f64::from(self.interest) < 1.0 {
                        *count = None;
                    }
                } else {
                    *count = (times + 1 < self.interest).then_some(times + 1);
                }
            }
        }
        let times = || heard.iter().flatten().map(|round| f64::from(*round));
        let reached = times().count() as f64;
        let last = times().fold(0.0, f64::max);
        [1.0 - reached / n as f64, sent as f64 / n as f64, times().sum::<f64>() / reached, last]
    }
}
