//! A scheduler that keeps the decision open (Fischer, Lynch and Paterson, 1985, theorem 1).

use super::configuration::Configuration;
use super::voting::Voting;
use crate::state::cluster::{Arrow, LocalEvent, SpaceTime};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How many rounds a decision is looked for ahead of the fastest process.
const HORIZON: u32 = 2;
/// More configurations than this are not looked at for one step of the scheduler.
const LIMIT: usize = 100_000;

/// A run that was kept undecided: after each turn of a process either decision could still follow.
#[derive(Clone, Debug, PartialEq)]
pub struct Delay {
    /// Messages that were delivered, one a step.
    pub steps: usize,
    /// The rounds that every process has completed.
    pub rounds: u32,
    /// The longest that a message was under way, in steps, those still under way included.
    pub longest_wait: usize,
    /// From the end of the run, how many steps it would take at least to decide 0, and 1.
    pub steps_to: [usize; 2],
    /// The run. A step takes a unit of time.
    pub drawn: SpaceTime,
}

/// Lets processes take turns: each receives the oldest message to it, once others have received
/// what they must so that both decisions are still possible after it. So no process crashes, and no
/// message waits for ever.
pub(super) fn delay(initial: Configuration, voting: Voting, turns: usize) -> Option<Delay> {
    let mut oracle = Oracle { voting, known: BTreeMap::new() };
    let mut run = Run::new(initial);
    if !oracle.is_bivalent(&run.configuration) {
        return None;
    }
    let nodes = run.configuration.processes.len();
    for turn in 0..turns {
        crate::interrupt::tick();
        let to = turn % nodes;
        let messages = &run.configuration.messages;
        let Some(oldest) = messages.iter().position(|message| message.to == to) else { continue };
        for index in oracle.schedule(&run.configuration, oldest)? {
            run.deliver(index, voting, 0);
        }
    }
    let steps_to = oracle.steps_to_decisions(&run.configuration)?;
    let slowest = run.configuration.processes.iter().map(|process| process.phase).min();
    let waits = run.sent.iter().map(|sent| run.steps - sent);
    Some(Delay {
        steps: run.steps,
        rounds: slowest.unwrap_or(0) / voting.phases(),
        longest_wait: waits.max().unwrap_or(0).max(run.longest_wait),
        steps_to,
        drawn: run.drawn,
    })
}

/// A run that is drawn.
pub(super) struct Run {
    pub configuration: Configuration,
    /// Of each message under way when it was sent, and its arrow.
    sent: Vec<usize>,
    arrows: Vec<usize>,
    steps: usize,
    longest_wait: usize,
    pub drawn: SpaceTime,
}

impl Run {
    pub fn new(configuration: Configuration) -> Self {
        let names = (0..configuration.processes.len()).map(|node| format!("process {node}"));
        let drawn = SpaceTime { processes: names.collect(), ..SpaceTime::default() };
        let (sent, arrows) = (vec![], vec![]);
        let mut run = Self { configuration, sent, arrows, steps: 0, longest_wait: 0, drawn };
        for process in 0..run.configuration.processes.len() {
            run.marks(process);
        }
        run.draws();
        run
    }

    /// What was sent in this step.
    fn draws(&mut self) {
        for message in &self.configuration.messages[self.sent.len()..] {
            self.sent.push(self.steps);
            self.arrows.push(self.drawn.messages.len());
            let label = match message.vote {
                super::voting::NEITHER => "?".to_owned(),
                vote => vote.to_string(),
            };
            let (from, to, sent) = (message.from, message.to, self.steps as f64);
            let (arrived, lost) = (None, None);
            self.drawn.messages.push(Arrow { from, sent, to, arrived, lost, label });
        }
    }

    fn marks(&mut self, process: usize) {
        let label = self.configuration.processes[process].value.to_string();
        let time = self.steps as f64;
        self.drawn.events.push(LocalEvent { process, time, label, is_marked: false });
    }

    /// A message arrives; if a coin is tossed, this is what it shows.
    pub fn deliver(&mut self, index: usize, voting: Voting, coin: u8) {
        self.steps += 1;
        let to = self.configuration.messages[index].to;
        self.longest_wait = self.longest_wait.max(self.steps - self.sent.remove(index));
        let arrow = self.arrows.remove(index);
        self.drawn.messages[arrow].arrived = Some(self.steps as f64);
        let before = self.configuration.processes[to].phase;
        self.configuration.deliver(index, voting, |_| coin);
        if self.configuration.processes[to].phase / voting.phases() > before / voting.phases() {
            self.marks(to);
        }
        self.draws();
    }
}

/// Knows which decisions can follow.
struct Oracle {
    voting: Voting,
    /// Of configurations up to the number of the round, whether they are bivalent.
    known: BTreeMap<Configuration, bool>,
}

impl Oracle {
    /// The shortest list of deliveries that ends with that of the message `oldest`, and leaves both
    /// decisions possible (lemma 3: there is one). Each is an index at its time.
    fn schedule(&mut self, from: &Configuration, oldest: usize) -> Option<Vec<usize>> {
        let mut seen = BTreeSet::new();
        let mut queue = VecDeque::from([(from.clone(), oldest, vec![])]);
        while let Some((configuration, oldest, path)) = queue.pop_front() {
            let mut after = configuration.clone();
            after.deliver(oldest, self.voting, |_| 0);
            if self.is_bivalent(&after) {
                return Some([path, vec![oldest]].concat());
            }
            if seen.len() > LIMIT {
                return None;
            }
            for (index, next) in configuration.successors(self.voting, u32::MAX) {
                if index == oldest {
                    continue;
                }
                let oldest = if index < oldest { oldest - 1 } else { oldest };
                if seen.insert((next.clone().canonical(), next.messages[oldest])) {
                    queue.push_back((next, oldest, [&path[..], &[index]].concat()));
                }
            }
        }
        None
    }

    fn is_bivalent(&mut self, configuration: &Configuration) -> bool {
        if configuration.decision().is_some() {
            return false;
        }
        let key = configuration.clone().shifted(self.voting);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let is_bivalent = self.steps_to_decisions(&key).is_some();
        self.known.insert(key, is_bivalent);
        is_bivalent
    }

    /// How many steps each decision is away; nothing unless both can follow within the horizon.
    fn steps_to_decisions(&self, configuration: &Configuration) -> Option<[usize; 2]> {
        let fastest = configuration.processes.iter().map(|process| process.phase).max()?;
        let last = fastest + HORIZON * self.voting.phases();
        let mut found = [None; 2];
        let first = configuration.clone().canonical();
        let mut seen = BTreeSet::from([first.clone()]);
        let mut queue = VecDeque::from([(first, 0)]);
        while let Some((configuration, steps)) = queue.pop_front() {
            if let Some(decision) = configuration.decision() {
                found[usize::from(decision)].get_or_insert(steps);
                if let [Some(zero), Some(one)] = found {
                    return Some([zero, one]);
                }
                // The protocol is safe: nothing else can follow.
                continue;
            }
            for (_, next) in configuration.successors(self.voting, last) {
                let next = next.canonical();
                if seen.insert(next.clone()) {
                    queue.push_back((next, steps + 1));
                }
            }
        }
        None
    }
}
