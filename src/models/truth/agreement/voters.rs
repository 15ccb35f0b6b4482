//! Processes that vote, and who decides which message arrives next.

use super::bivalence::{Delay, delay};
use super::configuration::Configuration;
use super::disagreement::{Disagreement, disagreement};
use super::exploration::{Exploration, explore};
use super::voting::Voting;
use crate::sim::{Stream, replicate};

/// Steps after which a run under a fair scheduler is given up.
const STEPS: usize = 1_000_000;

/// Processes with a protocol and a bit each to begin with. Messages take any time, and one process
/// at most crashes, before it begins.
#[derive(Clone, Debug)]
pub struct Voters {
    voting: Voting,
    inputs: Vec<u8>,
    crashed: Option<usize>,
}

/// A run in which the next message to arrive was chosen by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FairRun {
    /// Messages delivered until all had decided.
    pub steps: usize,
    /// The round in which the last decided, from 1 on.
    pub rounds: u32,
    /// What was decided, by the process with the lowest number.
    pub decision: u8,
}

impl Voters {
    /// Processes that begin with these bits.
    ///
    /// # Panics
    /// If there are fewer than 2 or more than 7, or one is not 0 or 1.
    #[track_caller]
    pub fn new(voting: Voting, inputs: &[u8]) -> Self {
        assert!(
            (2..=7).contains(&inputs.len()),
            "Voters::new: there must be from 2 to 7 processes, but there are {}",
            inputs.len()
        );
        assert!(
            inputs.iter().all(|input| *input <= 1),
            "Voters::new: every process begins with 0 or 1, but they begin with {inputs:?}"
        );
        Self { voting, inputs: inputs.to_vec(), crashed: None }
    }

    /// The same with one process that crashes before it begins.
    ///
    /// # Panics
    /// If there is no such process.
    #[track_caller]
    pub fn crash(self, process: usize) -> Self {
        assert!(
            process < self.inputs.len(),
            "Voters::crash: there are {} processes, numbered from 0, but it is {process}",
            self.inputs.len()
        );
        Self { crashed: Some(process), ..self }
    }

    /// Every configuration that can be reached in so many rounds, whatever order messages arrive in
    /// and however coins fall.
    ///
    /// # Panics
    /// If there are no rounds, or more than 300,000 configurations.
    #[track_caller]
    pub fn explore(&self, rounds: u32) -> Exploration {
        assert!(rounds >= 1, "Voters::explore: there must be at least 1 round to explore");
        let last = rounds.saturating_mul(self.voting.phases());
        explore(self.initial(), self.voting, last, self.crashed)
    }

    /// The shortest way to a disagreement within so many rounds, if there is one.
    ///
    /// # Panics
    /// If there are no rounds, or more than 300,000 configurations.
    #[track_caller]
    pub fn disagreement(&self, rounds: u32) -> Option<Disagreement> {
        assert!(rounds >= 1, "Voters::disagreement: there must be at least 1 round to explore");
        disagreement(self.initial(), self.voting, rounds.saturating_mul(self.voting.phases()))
    }

    /// A run in which processes take so many turns, and nobody ever decides: every process goes on,
    /// every message arrives, and after each turn either decision can still follow. Nothing if the
    /// decision is not open at the beginning, or cannot be kept open.
    ///
    /// # Panics
    /// If the protocol tosses coins (nobody can know beforehand what then follows), or may decide
    /// differently at different processes, or a process has crashed.
    #[track_caller]
    pub fn delay(&self, turns: usize) -> Option<Delay> {
        assert!(
            matches!(self.voting, Voting::All | Voting::Rounds) && self.crashed.is_none(),
            "Voters::delay: the protocol must be deterministic and safe, and no process crashed; \
             use Voting::Rounds or Voting::All, without crash"
        );
        delay(self.initial(), self.voting, turns)
    }

    /// So many runs in which the next message is any of those under way, each as likely as the
    /// others. Nothing for one in which somebody waits for ever, or a million messages do not do.
    pub fn fair(&self, runs: usize, seed: u64) -> Vec<Option<FairRun>> {
        replicate(runs, |run| self.fair_run(&mut Stream::new(seed, run, "scheduler")))
    }

    fn initial(&self) -> Configuration {
        Configuration::initial(&self.inputs, self.crashed)
    }

    fn fair_run(&self, random: &mut Stream) -> Option<FairRun> {
        let mut configuration = self.initial();
        let mut last = 0;
        for steps in 0..STEPS {
            let live = || {
                let processes = configuration.processes.iter().enumerate();
                processes.filter(|(node, _)| Some(*node) != self.crashed).map(|(_, it)| it)
            };
            if live().all(|process| process.decided.is_some()) {
                let decision = configuration.decision()?;
                return Some(FairRun { steps, rounds: last / self.voting.phases() + 1, decision });
            }
            let flying: Vec<usize> = (0..configuration.messages.len())
                .filter(|index| Some(configuration.messages[*index].to) != self.crashed)
                .collect();
            if flying.is_empty() {
                return None;
            }
            let index = flying[random.below(flying.len())];
            let step = configuration.deliver(index, self.voting, |_| random.below(2) as u8);
            last = last.max(step.decides_in.unwrap_or(0));
        }
        None
    }
}
