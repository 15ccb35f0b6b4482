//! All configurations that a protocol can reach, and which decisions each still leaves open.

use super::configuration::Configuration;
use super::voting::Voting;
use std::collections::BTreeMap;

/// More configurations than this are not explored.
const LIMIT: usize = 300_000;

/// Which decisions can follow a configuration (Fischer, Lynch and Paterson, 1985, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Valency {
    /// Only 0.
    Zero,
    /// Only 1.
    One,
    /// Either.
    Bivalent,
    /// None within the rounds that were explored.
    Neither,
}

/// The configurations that can be reached from one, within so many rounds. Messages that come too
/// late to matter are not told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exploration {
    /// How many there are.
    pub configurations: usize,
    /// Those from which only 0 can be decided.
    pub zero_valent: usize,
    /// Those from which only 1 can be decided.
    pub one_valent: usize,
    /// Those from which either can be decided.
    pub bivalent: usize,
    /// Those from which nothing is decided within the rounds explored.
    pub undecided: usize,
    /// Those in which two processes have decided differently.
    pub disagreeing: usize,
    /// Those in which a process decided what no process began with.
    pub invalid: usize,
    /// Those in which a process that has not crashed waits for ever: it has not decided, and no
    /// message is under way.
    pub blocked: usize,
    /// The valency of the first.
    pub first: Valency,
}

const fn valency(decisions: u8) -> Valency {
    match decisions {
        0 => Valency::Neither,
        1 => Valency::Zero,
        2 => Valency::One,
        _ => Valency::Bivalent,
    }
}

const fn bit(decision: u8) -> u8 {
    1 << decision
}

/// Of which rounds `last` is the phase after them.
pub(super) fn explore(
    initial: Configuration,
    voting: Voting,
    last: u32,
    crashed: Option<usize>,
) -> Exploration {
    let values = initial.processes.iter().map(|process| bit(process.value));
    let inputs = values.fold(0, |all, value| all | value);
    let first = initial.canonical();
    let mut numbers = BTreeMap::from([(first.clone(), 0)]);
    let mut queue = vec![first];
    let mut before: Vec<Vec<u32>> = vec![vec![]];
    let mut decided: Vec<u8> = vec![];
    let (mut disagreeing, mut invalid, mut blocked) = (0, 0, 0);
    while decided.len() < queue.len() {
        let number = decided.len();
        if number.is_multiple_of(1024) {
            crate::interrupt::tick();
        }
        assert!(
            queue.len() <= LIMIT,
            "Voters::explore: more than {LIMIT} configurations can be reached; explore fewer \
             rounds, or fewer processes"
        );
        let configuration = queue[number].clone();
        let decisions = configuration.processes.iter().filter_map(|process| process.decided);
        let decisions = decisions.fold(0, |all, decision| all | bit(decision));
        decided.push(decisions);
        disagreeing += usize::from(configuration.disagrees());
        invalid += usize::from(decisions & !inputs != 0);
        let waits = |(node, process): (usize, &super::configuration::Process)| -> bool {
            Some(node) != crashed && process.decided.is_none() && process.phase < last
        };
        let is_waiting = configuration.processes.iter().enumerate().any(waits);
        blocked += usize::from(is_waiting && configuration.messages.is_empty());
        for (_, next) in configuration.successors(voting, last) {
            let next = next.canonical();
            let number_of_next = *numbers.entry(next).or_insert_with_key(|next| {
                queue.push(next.clone());
                before.push(vec![]);
                queue.len() - 1
            });
            before[number_of_next].push(number as u32);
        }
    }
    let reachable = backwards(decided, &before);
    let of = |wanted| reachable.iter().filter(|decisions| valency(**decisions) == wanted).count();
    Exploration {
        configurations: reachable.len(),
        zero_valent: of(Valency::Zero),
        one_valent: of(Valency::One),
        bivalent: of(Valency::Bivalent),
        undecided: of(Valency::Neither),
        disagreeing,
        invalid,
        blocked,
        first: valency(reachable[0]),
    }
}

/// Of each configuration all decisions that can follow, from those that are taken in each and from
/// what each can follow.
fn backwards(decided: Vec<u8>, before: &[Vec<u32>]) -> Vec<u8> {
    let mut reachable = decided;
    let mut changed: Vec<u32> = (0..reachable.len() as u32).collect();
    while let Some(number) = changed.pop() {
        let decisions = reachable[number as usize];
        for &earlier in &before[number as usize] {
            let known = &mut reachable[earlier as usize];
            if *known | decisions != *known {
                *known |= decisions;
                changed.push(earlier);
            }
        }
    }
    reachable
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What processes have decided in some configuration, whatever message is delivered next: early
    /// and late ones too, and nothing is taken for the same.
    fn outcomes(inputs: [u8; 3], voting: Voting) -> BTreeSet<Vec<Option<u8>>> {
        let first = Configuration::initial(&inputs, None);
        let (mut seen, mut stack) = (BTreeSet::from([first.clone()]), vec![first]);
        let mut outcomes = BTreeSet::new();
        while let Some(at) = stack.pop() {
            outcomes.insert(at.processes.iter().map(|process| process.decided).collect());
            for index in 0..at.messages.len() {
                for coin in 0..=1 {
                    let mut next = at.clone();
                    let message = next.messages[index];
                    let is_over = next.processes[message.to].phase >= voting.phases();
                    if is_over || message.phase >= voting.phases() {
                        continue;
                    }
                    next.deliver(index, voting, |_| coin);
                    next.messages.sort_unstable();
                    if seen.insert(next.clone()) {
                        stack.push(next);
                    }
                }
            }
        }
        outcomes
    }

    #[test]
    fn what_is_left_out_makes_no_difference() {
        for voting in [Voting::All, Voting::AllButOne, Voting::Rounds, Voting::Coin] {
            for inputs in [[0, 0, 0], [0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]] {
                let all = outcomes(inputs, voting);
                let initial = Configuration::initial(&inputs, None);
                let explored = explore(initial, voting, voting.phases(), None);
                let decided = |value| all.iter().flatten().any(|it| *it == Some(value));
                let found = match (decided(0), decided(1)) {
                    (true, true) => Valency::Bivalent,
                    (true, false) => Valency::Zero,
                    (false, true) => Valency::One,
                    (false, false) => Valency::Neither,
                };
                assert_eq!(explored.first, found, "{voting:?} {inputs:?}");
                let differ = |it: &Vec<Option<u8>>| it.contains(&Some(0)) && it.contains(&Some(1));
                let disagrees = all.iter().any(differ);
                assert_eq!(explored.disagreeing > 0, disagrees, "{voting:?} {inputs:?}");
            }
        }
    }
}
