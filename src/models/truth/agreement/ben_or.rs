//! Randomised consensus with crashes (Ben-Or, 1983): it ends with probability one, whatever the
//! order of messages.

use super::configuration::{Configuration, Message};
use super::voting::{NEITHER, Voting};
use crate::sim::{Estimate, Stream, replicate};

/// Messages after which a run is given up.
const MESSAGES: usize = 50_000_000;

/// Ben-Or's protocol among n processes, of which fewer than n / 2 may crash. As made by
/// [`BenOr::new`] the first half begins with 0 and the others with 1, nobody crashes, and messages
/// arrive in random order.
#[derive(Clone, Debug)]
pub struct BenOr {
    inputs: Vec<u8>,
    crashes: usize,
    has_adversary: bool,
    has_common_coin: bool,
    voting: Voting,
}

/// A run, to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BenOrRun {
    /// The round in which the last process decided, from 1 on.
    pub rounds: u32,
    /// Messages that were delivered.
    pub messages: usize,
    /// What was decided, by the process with the lowest number.
    pub decision: u8,
    /// Whether all decided the same, and what some process began with.
    pub is_safe: bool,
}

/// Runs, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BenOrRuns(pub Vec<BenOrRun>);

/// The mean number of rounds of Ben-Or's protocol under the worst scheduler that
/// [`BenOr::adversary`] is, if not all begin alike: a first round, then rounds until n coins fall
/// alike, which they do with probability 2^-(n - 1): 1 + 2^(n - 1). With a common coin
/// (Rabin, 1983) the probability is 1/2, and the mean 3, whatever n is.
pub fn ben_or_rounds(nodes: usize, has_common_coin: bool) -> f64 {
    if has_common_coin { 3.0 } else { 1.0 + 2f64.powi(nodes as i32 - 1) }
}

impl BenOr {
    /// So many processes.
    ///
    /// # Panics
    /// If there are fewer than 3 or more than 15.
    #[track_caller]
    pub fn new(nodes: usize) -> Self {
        assert!(
            (3..=15).contains(&nodes),
            "BenOr::new: there must be from 3 to 15 processes, but there are {nodes}"
        );
        let inputs = (0..nodes).map(|node| u8::from(node >= nodes / 2)).collect();
        let (has_adversary, has_common_coin) = (false, false);
        Self { inputs, crashes: 0, has_adversary, has_common_coin, voting: Voting::Coin }
    }

    /// The same where the last so many begin with 1, and the others with 0.
    ///
    /// # Panics
    /// If there are not so many.
    #[track_caller]
    pub fn ones(self, ones: usize) -> Self {
        let nodes = self.inputs.len();
        assert!(
            ones <= nodes,
            "BenOr::ones: there are {nodes} processes, but {ones} are to begin with 1"
        );
        Self { inputs: (0..nodes).map(|node| u8::from(node >= nodes - ones)).collect(), ..self }
    }

    /// So many processes crash, at random times, in the midst of telling the others.
    ///
    /// # Panics
    /// If they are not fewer than half, or there is an adversary.
    #[track_caller]
    pub fn crashes(self, crashes: usize) -> Self {
        let most = (self.inputs.len() - 1) / 2;
        assert!(
            crashes <= most && !self.has_adversary,
            "BenOr::crashes: of {} processes at most {most} may crash, and none beside an \
             adversary, but {crashes} are to",
            self.inputs.len()
        );
        Self { crashes, ..self }
    }

    /// Whoever chooses which message arrives next knows all values. It shows every process two
    /// different reports as long as there are two, so that all must toss coins; with a common coin,
    /// which would then make all alike, it lets one process propose a value first.
    ///
    /// # Panics
    /// If processes crash too.
    #[track_caller]
    pub fn adversary(self) -> Self {
        assert!(
            self.crashes == 0,
            "BenOr::adversary: the adversary delays messages and crashes nobody; leave crashes out"
        );
        Self { has_adversary: true, ..self }
    }

    /// All who toss in a round see the same side (Rabin, 1983).
    pub fn common_coin(self) -> Self {
        Self { has_common_coin: true, ..self }
    }

    /// A broken one: a single proposal is enough to decide, where more than f are needed.
    pub fn hasty(self) -> Self {
        Self { voting: Voting::Hasty, ..self }
    }

    /// So many runs.
    ///
    /// # Panics
    /// If one does not end within 50 million messages.
    pub fn runs(&self, runs: usize, seed: u64) -> BenOrRuns {
        BenOrRuns(replicate(runs, |run| {
            let own = Stream::new(seed, run, "coins");
            let mut coins = Coins { own, common: vec![], is_common: self.has_common_coin };
            match self.has_adversary {
                true => self.worst(&mut coins),
                false => self.random(&mut coins, Stream::new(seed, run, "scheduler")),
            }
        }))
    }

    /// Any message under way is next.
    fn random(&self, coins: &mut Coins, mut random: Stream) -> BenOrRun {
        let nodes = self.inputs.len();
        let mut run = Run::new(&self.inputs, self.voting);
        // Who crashes, and before which delivery: within about the first two rounds.
        let mut victims: Vec<(usize, usize)> = vec![];
        while victims.len() < self.crashes {
            let victim = random.below(nodes);
            if victims.iter().all(|(other, _)| *other != victim) {
                victims.push((victim, random.below(4 * nodes * nodes)));
            }
        }
        loop {
            let now = run.messages;
            for (victim, _) in victims.iter().filter(|(_, at)| *at == now) {
                run.crashes(*victim, &mut random);
            }
            if let Some(ended) = run.ended(&self.inputs) {
                return ended;
            }
            let index = random.below(run.configuration.messages.len());
            run.deliver(index, coins);
            if self.crashes > 0 {
                let is_down = &run.is_down;
                run.configuration.messages.retain(|message| !is_down[message.to]);
            }
        }
    }

    /// Phase by phase: what each process waits for is chosen; the rest arrives too late.
    fn worst(&self, coins: &mut Coins) -> BenOrRun {
        let nodes = self.inputs.len();
        let mut run = Run::new(&self.inputs, self.voting);
        let mut phase = 0;
        loop {
            if let Some(ended) = run.ended(&self.inputs) {
                return ended;
            }
            let votes: Vec<u8> = run.configuration.processes.iter().map(|it| it.vote).collect();
            let ones = votes.iter().filter(|vote| **vote == 1).count();
            let leading = u8::from(2 * ones > nodes);
            let proposer = votes.iter().position(|vote| *vote == leading);
            for (to, own) in votes.iter().enumerate() {
                let proposes = self.has_common_coin && proposer == Some(to);
                while run.configuration.processes[to].phase == phase {
                    // Whether a message had better come too late.
                    let is_unwanted = |index: &usize| {
                        let vote = run.configuration.messages[*index].vote;
                        match (phase % 2 == 0, proposes) {
                            (true, true) => vote != leading,
                            (true, false) => vote == *own,
                            (false, _) => vote != NEITHER,
                        }
                    };
                    let awaited = run.configuration.awaited();
                    let mine = awaited.filter(|it| run.configuration.messages[*it].to == to);
                    let Some(index) = mine.min_by_key(is_unwanted) else { break };
                    run.deliver(index, coins);
                }
            }
            let late = |message: &Message| message.phase <= phase;
            run.messages += run.configuration.messages.iter().filter(|it| late(it)).count();
            run.configuration.messages.retain(|message| !late(message));
            phase += 1;
        }
    }
}

/// What coins show.
struct Coins {
    own: Stream,
    /// Of each round the side that all see, as far as somebody has asked.
    common: Vec<u8>,
    is_common: bool,
}

impl Coins {
    fn toss(&mut self, phase: u32) -> u8 {
        if !self.is_common {
            return self.own.below(2) as u8;
        }
        let round = (phase / 2) as usize;
        while self.common.len() <= round {
            self.common.push(self.own.below(2) as u8);
        }
        self.common[round]
    }
}

struct Run {
    voting: Voting,
    configuration: Configuration,
    is_down: Vec<bool>,
    messages: usize,
    /// The phase in which the last so far decided.
    last: u32,
}

impl Run {
    fn new(inputs: &[u8], voting: Voting) -> Self {
        let configuration = Configuration::initial(inputs, None);
        let is_down = vec![false; inputs.len()];
        Self { voting, configuration, is_down, messages: 0, last: 0 }
    }

    fn deliver(&mut self, index: usize, coins: &mut Coins) {
        let step = self.configuration.deliver(index, self.voting, |phase| coins.toss(phase));
        self.last = self.last.max(step.decides_in.unwrap_or(0));
        self.messages += 1;
        if self.messages.is_multiple_of(1024) {
            crate::interrupt::tick();
        }
        assert!(self.messages < MESSAGES, "BenOr::runs: a run did not end in {MESSAGES} messages");
    }

    /// A process stops. What it sent last has reached some only.
    fn crashes(&mut self, victim: usize, random: &mut Stream) {
        self.is_down[victim] = true;
        let last = self.configuration.processes[victim].phase;
        self.configuration.messages.retain(|message| {
            let is_last = message.from == victim && message.phase == last;
            message.to != victim && !(is_last && random.uniform() < 0.5)
        });
    }

    fn ended(&self, inputs: &[u8]) -> Option<BenOrRun> {
        let mut live = self.configuration.processes.iter().zip(&self.is_down);
        if !live.all(|(process, is_down)| *is_down || process.decided.is_some()) {
            return None;
        }
        let decision = self.configuration.decision()?;
        let is_safe = !self.configuration.disagrees() && inputs.contains(&decision);
        let Self { messages, last, .. } = *self;
        Some(BenOrRun { rounds: last / 2 + 1, messages, decision, is_safe })
    }
}

impl BenOrRuns {
    /// The mean number of rounds.
    ///
    /// # Panics
    /// If there are fewer than 2 runs.
    #[track_caller]
    pub fn rounds(&self) -> Estimate {
        Estimate::of(&self.0.iter().map(|run| f64::from(run.rounds)).collect::<Vec<_>>())
    }

    /// Of each number of rounds from 0 on the part of the runs that needed more.
    pub fn longer_than(&self) -> Vec<f64> {
        let longest = self.0.iter().map(|run| run.rounds).max().unwrap_or(0);
        let longer = |rounds: u32| self.0.iter().filter(|run| run.rounds > rounds).count();
        (0..=longest).map(|rounds| longer(rounds) as f64 / self.0.len() as f64).collect()
    }

    /// Whether in every run all who decided decided the same, and what some process began with.
    pub fn are_safe(&self) -> bool {
        self.0.iter().all(|run| run.is_safe)
    }
}
