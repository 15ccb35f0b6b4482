//! What a search has found.

use super::condition::Demand;
use super::model::Model;
use crate::number::grouped;
use std::fmt;

/// The outcome of a search through states `S` by actions `A`.
#[derive(Clone, Debug)]
pub struct Explored<S, A> {
    /// States, each counted once.
    pub states: usize,
    /// Steps between them: all that could happen in each, what changes nothing included.
    pub transitions: usize,
    /// Steps to the state that is farthest from the beginning.
    pub depth: usize,
    /// States from which no step leads to another.
    pub terminal: usize,
    /// What it says.
    pub verdict: Verdict,
    /// Of each condition, in their order, what was found.
    pub findings: Vec<Finding<S, A>>,
}

/// What a search says of its model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every state has been seen, and all conditions hold.
    Holds,
    /// A condition does not hold, by its name.
    Broken(String),
    /// Every state has been seen, and there is none that the condition of this name asks for.
    Unreached(String),
    /// There are more states than the search was allowed; in those that it saw nothing is wrong.
    Limit,
}

/// What was found of a condition.
#[derive(Clone, Debug)]
pub struct Finding<S, A> {
    /// The condition's name.
    pub name: String,
    /// Of which states it was asked.
    pub demand: Demand,
    /// What was found.
    pub found: Found<S, A>,
}

/// The evidence on a condition.
#[derive(Clone, Debug)]
pub enum Found<S, A> {
    /// The shortest way to a state in which it does not hold (for what must be possible: from
    /// which it cannot be reached any more).
    Counterexample(Path<S, A>),
    /// The shortest way to a state in which it holds, as it must in some.
    Example(Path<S, A>),
    /// Nothing of the kind in the states that were seen.
    Nothing,
}

/// A way through the states of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Path<S, A> {
    /// Where it begins.
    pub start: S,
    /// What happens, and where it leads.
    pub steps: Vec<(A, S)>,
}

/// A way through the states of a model `M`.
pub type PathOf<M> = Path<<M as Model>::State, <M as Model>::Action>;

impl<S, A> Explored<S, A> {
    /// Whether every state has been seen and all conditions hold.
    pub fn holds(&self) -> bool {
        self.verdict == Verdict::Holds
    }

    /// The shortest way to what contradicts a condition; of the first condition for which there
    /// is one.
    pub fn counterexample(&self) -> Option<&Path<S, A>> {
        self.findings.iter().find_map(|finding| match &finding.found {
            Found::Counterexample(path) => Some(path),
            _ => None,
        })
    }

    /// The shortest way to a state that the condition of this name asks for, if it asks for some
    /// state and there is one.
    ///
    /// # Panics
    /// If there is no condition of this name.
    #[track_caller]
    pub fn example(&self, name: &str) -> Option<&Path<S, A>> {
        let Some(finding) = self.findings.iter().find(|finding| finding.name == name) else {
            let names: Vec<&str> = self.findings.iter().map(|it| it.name.as_str()).collect();
            panic!("Explored::example: no condition is called {name:?}; there are {names:?}")
        };
        match &finding.found {
            Found::Example(path) => Some(path),
            _ => None,
        }
    }
}

/// As "288 states, 1,145 steps, 10 deep, 14 final: all conditions hold".
impl<S, A> fmt::Display for Explored<S, A> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let [states, transitions, depth, terminal] =
            [self.states, self.transitions, self.depth, self.terminal].map(grouped);
        write!(f, "{states} states, {transitions} steps, {depth} deep, {terminal} final: ")?;
        match &self.verdict {
            Verdict::Holds => write!(f, "all conditions hold"),
            Verdict::Broken(name) => {
                let steps = self.counterexample().map_or(0, Path::len);
                write!(f, "{name:?} is broken after {steps} steps")
            }
            Verdict::Unreached(name) => write!(f, "no state for {name:?}"),
            Verdict::Limit => write!(f, "not all were seen; allow more by Search::limit"),
        }
    }
}

impl<S, A> Path<S, A> {
    /// How many steps it has.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether it ends where it begins, without a step.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Where it leads.
    pub fn last(&self) -> &S {
        self.steps.last().map_or(&self.start, |(_, state)| state)
    }

    /// The first of a model's invariants that does not hold somewhere on the way, by its name.
    pub fn broken<M: Model<State = S, Action = A>>(&self, model: &M) -> Option<String> {
        let mut conditions = model.conditions();
        conditions.retain(|condition| condition.demand == Demand::Always);
        let states = std::iter::once(&self.start).chain(self.steps.iter().map(|(_, state)| state));
        let mut broken = states.filter_map(|state| conditions.iter().find(|it| !(it.holds)(state)));
        broken.next().map(|condition| condition.name.clone())
    }

    /// What happens on it, in order.
    pub fn actions(&self) -> Vec<&A> {
        self.steps.iter().map(|(action, _)| action).collect()
    }
}

/// A line a step, numbered.
impl<S, A: fmt::Debug> fmt::Display for Path<S, A> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (number, (action, _)) in self.steps.iter().enumerate() {
            let end = if number + 1 < self.steps.len() { "\n" } else { "" };
            write!(f, "{}. {action:?}{end}", number + 1)?;
        }
        Ok(())
    }
}
