//! A configuration: the states of all processes, and the messages under way (Fischer, Lynch and
//! Paterson, 1985, section 2).

use super::voting::Voting;

/// A vote on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Message {
    pub to: usize,
    pub from: usize,
    pub phase: u32,
    pub vote: u8,
}

/// A process: in a phase, with its votes for it and for later ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Process {
    pub phase: u32,
    pub value: u8,
    pub vote: u8,
    pub decided: Option<u8>,
    /// Votes of others that have arrived: phase, sender, vote, in this order.
    heard: Vec<(u32, usize, u8)>,
}

/// What a process did on receiving a message.
pub(super) struct Step {
    pub is_tossed: bool,
    /// The phase in which it decided, if it did so now.
    pub decides_in: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Configuration {
    pub processes: Vec<Process>,
    /// In the order in which they were sent.
    pub messages: Vec<Message>,
}

impl Configuration {
    /// All processes have begun but those that crashed before, and told the others their values.
    pub fn initial(inputs: &[u8], crashed: Option<usize>) -> Self {
        let process = |value: &u8| Process {
            phase: 0,
            value: *value,
            vote: *value,
            decided: None,
            heard: vec![],
        };
        let mut initial =
            Self { processes: inputs.iter().map(process).collect(), messages: vec![] };
        // To one that has crashed everything comes too late.
        if let Some(crashed) = crashed {
            initial.processes[crashed].phase = u32::MAX;
        }
        for from in (0..inputs.len()).filter(|from| Some(*from) != crashed) {
            initial.broadcast(from);
        }
        initial
    }

    fn broadcast(&mut self, from: usize) {
        let Process { phase, vote, .. } = self.processes[from];
        let others = (0..self.processes.len()).filter(|to| *to != from);
        self.messages.extend(others.map(|to| Message { to, from, phase, vote }));
    }

    /// The step of a process that receives the message with this index; if it tosses a coin, what
    /// it shows in this phase.
    pub fn deliver(
        &mut self,
        index: usize,
        voting: Voting,
        mut coin: impl FnMut(u32) -> u8,
    ) -> Step {
        let Message { to, from, phase, vote } = self.messages.remove(index);
        let nodes = self.processes.len();
        let process = &mut self.processes[to];
        let mut step = Step { is_tossed: false, decides_in: None };
        if phase < process.phase {
            return step;
        }
        let heard = (phase, from, vote);
        let at = process.heard.binary_search(&heard).unwrap_or_else(|at| at);
        process.heard.insert(at, heard);
        let others = voting.waits_for(nodes) - 1;
        // What had arrived early may do for several phases.
        loop {
            let process = &mut self.processes[to];
            let now = process.phase;
            let heard = process.heard.iter().take_while(|(phase, ..)| *phase == now);
            if heard.clone().count() < others || self.is_done(to, voting) {
                return step;
            }
            let process = &mut self.processes[to];
            let mut votes = [0; 2];
            let own = std::iter::once(process.vote);
            let heard = process.heard.iter().take_while(|(phase, ..)| *phase == now);
            for vote in own.chain(heard.take(others).map(|(.., vote)| *vote)) {
                if let Some(count) = votes.get_mut(usize::from(vote)) {
                    *count += 1;
                }
            }
            let next = voting.next(now, nodes, votes, process.value, || coin(now));
            step.is_tossed |= next.is_tossed;
            if process.decided.is_none() && next.decides.is_some() {
                step.decides_in = Some(now);
            }
            process.heard.retain(|(phase, ..)| *phase > now);
            (process.phase, process.value, process.vote) = (now + 1, next.value, next.vote);
            process.decided = process.decided.or(next.decides);
            if !self.is_done(to, voting) {
                self.broadcast(to);
            }
        }
    }

    /// Whether a process takes no more steps.
    fn is_done(&self, process: usize, voting: Voting) -> bool {
        !voting.has_rounds() && self.processes[process].phase > 0
    }

    /// Messages that are waited for now, by their index. Others may as well wait: what is early
    /// until it is waited for, what is late for ever.
    pub fn awaited(&self) -> impl Iterator<Item = usize> + '_ {
        let is_awaited = |message: &Message| message.phase == self.processes[message.to].phase;
        let indexed = self.messages.iter().enumerate();
        indexed.filter(move |(_, message)| is_awaited(message)).map(|(index, _)| index)
    }

    /// The same for all that can follow: without messages that come too late, the others ordered.
    pub fn canonical(mut self) -> Self {
        let processes = &self.processes;
        self.messages.retain(|message| message.phase >= processes[message.to].phase);
        self.messages.sort_unstable();
        self
    }

    /// The same, with rounds counted from the slowest process's on.
    pub fn shifted(self, voting: Voting) -> Self {
        let mut shifted = self.canonical();
        let slowest = shifted.processes.iter().map(|process| process.phase).min().unwrap_or(0);
        let by = slowest - slowest % voting.phases();
        for process in &mut shifted.processes {
            process.phase -= by;
            process.heard.iter_mut().for_each(|(phase, ..)| *phase -= by);
        }
        shifted.messages.iter_mut().for_each(|message| message.phase -= by);
        shifted
    }

    /// The value that a process has decided, if one has.
    pub fn decision(&self) -> Option<u8> {
        self.processes.iter().find_map(|process| process.decided)
    }

    /// Whether two processes have decided different values.
    pub fn disagrees(&self) -> bool {
        let first = self.decision();
        self.processes.iter().any(|process| process.decided.is_some() && process.decided != first)
    }

    /// What one more delivery can lead to: with both sides of the coin, where one is tossed.
    pub fn successors(&self, voting: Voting, last: u32) -> Vec<(usize, Self)> {
        let mut found = vec![];
        for index in self.awaited() {
            let Message { to, .. } = self.messages[index];
            if self.processes[to].phase >= last {
                continue;
            }
            let mut heads = self.clone();
            if heads.deliver(index, voting, |_| 1).is_tossed {
                let mut tails = self.clone();
                tails.deliver(index, voting, |_| 0);
                found.push((index, tails));
            }
            found.push((index, heads));
        }
        found
    }
}
