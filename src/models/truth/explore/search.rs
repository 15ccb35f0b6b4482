//! The search: breadth first, so that the first way found to a state is a shortest one.

use super::condition::{Condition, Demand};
use super::explored::{Explored, Finding, Found, Path, Verdict};
use super::model::Model;
use super::seen::{Seen, fingerprint};

/// States that a search sees unless it is told otherwise.
const STATES: usize = 5_000_000;
/// The most it may be told: states are numbered in 32 bits.
const MOST: usize = 4_000_000_000;
/// States between two looks at whether the reader has interrupted the cell.
const BATCH: usize = 1024;

/// A search through all states of a model, and what is asked of them.
#[derive(Debug)]
pub struct Search<'a, M: Model> {
    model: &'a M,
    conditions: Vec<Condition<'a, M::State>>,
    limit: usize,
    to_the_end: bool,
}

impl<'a, M: Model> Search<'a, M> {
    /// Of this model, with the conditions that it brings, through at most 5,000,000 states.
    pub fn of(model: &'a M) -> Self {
        Self { model, conditions: model.conditions(), limit: STATES, to_the_end: false }
    }

    /// Asks for a condition in every state: an invariant.
    pub fn always(self, name: &str, holds: impl Fn(&M::State) -> bool + 'a) -> Self {
        self.and(Condition::always(name, holds))
    }

    /// Asks for a condition in some state: that it can come to this.
    pub fn sometimes(self, name: &str, holds: impl Fn(&M::State) -> bool + 'a) -> Self {
        self.and(Condition::sometimes(name, holds))
    }

    /// Asks for a condition in every state from which no step leads to another.
    pub fn at_end(self, name: &str, holds: impl Fn(&M::State) -> bool + 'a) -> Self {
        self.and(Condition::at_end(name, holds))
    }

    /// Asks that from every state one can be reached in which a condition holds. It is judged when
    /// all states have been seen, and takes 8 bytes more for every step.
    pub fn possible(self, name: &str, holds: impl Fn(&M::State) -> bool + 'a) -> Self {
        self.and(Condition::possible(name, holds))
    }

    fn and(mut self, condition: Condition<'a, M::State>) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Gives up after so many states.
    ///
    /// # Panics
    /// If it is none, or more than 4,000,000,000.
    #[track_caller]
    pub fn limit(self, states: usize) -> Self {
        assert!(
            (1..=MOST).contains(&states),
            "Search::limit: a search may see from 1 to {MOST} states, but the limit is {states}"
        );
        Self { limit: states, ..self }
    }

    /// Goes on when a condition is broken, so that all states are counted. Otherwise the search
    /// ends there.
    pub fn to_the_end(self) -> Self {
        Self { to_the_end: true, ..self }
    }

    /// Searches.
    ///
    /// # Panics
    /// If the model has no initial state.
    #[track_caller]
    pub fn run(&self) -> Explored<M::State, M::Action> {
        M::explored(self)
    }
}

/// What is known of the states, by number.
struct Known<M: Model> {
    seen: Seen,
    states: Vec<M::State>,
    /// From which state it was first reached, and by which of its steps. Initial states name
    /// themselves.
    from: Vec<(u32, u32)>,
}

impl<M: Model> Known<M> {
    #[inline]
    fn number(&mut self, state: M::State, from: Option<(u32, u32)>) -> (u32, bool) {
        let states = &mut self.states;
        let print = fingerprint(&state);
        let (number, new) = self.seen.number(print, |it| states[it as usize] == state);
        if new {
            states.push(state);
            self.from.push(from.unwrap_or((number, 0)));
        }
        (number, new)
    }

    fn path_to(&self, model: &M, state: u32) -> Path<M::State, M::Action> {
        let (mut at, mut steps) = (state, vec![]);
        while self.from[at as usize].0 != at {
            let (before, step) = self.from[at as usize];
            let mut all = vec![];
            model.steps(&self.states[before as usize], &mut all);
            steps.push(all.swap_remove(step as usize));
            at = before;
        }
        steps.reverse();
        Path { start: self.states[at as usize].clone(), steps }
    }
}

pub(crate) fn explored<M: Model>(search: &Search<'_, M>) -> Explored<M::State, M::Action> {
    let Search { model, conditions, limit, to_the_end } = search;
    let asks = |demand: Demand| move |(_, it): &(usize, &Condition<_>)| it.demand == demand;
    let of_each: Vec<(usize, &Condition<_>)> = conditions
        .iter()
        .enumerate()
        .filter(|(_, it)| matches!(it.demand, Demand::Always | Demand::Sometimes))
        .collect();
    let of_ends: Vec<_> = conditions.iter().enumerate().filter(asks(Demand::AtEnd)).collect();
    let of_all: Vec<_> = conditions.iter().enumerate().filter(asks(Demand::Possible)).collect();

    let mut known = Known::<M> { seen: Seen::new(), states: vec![], from: vec![] };
    // Of each condition the state that is its evidence.
    let mut evidence: Vec<Option<u32>> = vec![None; conditions.len()];
    let mut is_broken = false;
    let mut look = |number: u32, state: &M::State, evidence: &mut Vec<Option<u32>>| {
        for &(at, condition) in &of_each {
            let wanted = condition.demand == Demand::Sometimes;
            if evidence[at].is_none() && (condition.holds)(state) == wanted {
                evidence[at] = Some(number);
                is_broken |= !wanted;
            }
        }
        is_broken && !to_the_end
    };
    let (mut transitions, mut terminal, mut depth) = (0, 0, 0);
    let mut edges: Vec<(u32, u32)> = vec![];
    let (mut stopped, mut too_many) = (false, false);
    for state in model.initial() {
        let (number, new) = known.number(state, None);
        stopped |= new && look(number, &known.states[number as usize], &mut evidence);
    }
    assert!(
        !known.states.is_empty(),
        "Search::run: the model has no initial state; Model::initial must give at least one"
    );
    let mut end_of_level = known.states.len();
    let mut steps: Vec<(M::Action, M::State)> = vec![];
    let mut at = 0;
    while at < known.states.len() && !stopped && !too_many {
        if at % BATCH == 0 {
            crate::interrupt::tick();
        }
        if at == end_of_level {
            (depth, end_of_level) = (depth + 1, known.states.len());
        }
        let from = at as u32;
        model.steps(&known.states[at], &mut steps);
        transitions += steps.len();
        let mut leads_on = false;
        for (step, (_, next)) in steps.drain(..).enumerate() {
            let (to, new) = known.number(next, Some((from, step as u32)));
            leads_on |= to != from;
            if !of_all.is_empty() && to != from {
                edges.push((from, to));
            }
            if new {
                stopped |= look(to, &known.states[to as usize], &mut evidence);
                too_many |= known.states.len() > *limit;
                if stopped || too_many {
                    break;
                }
            }
        }
        if !leads_on && !stopped {
            terminal += 1;
            for &(condition, it) in &of_ends {
                if evidence[condition].is_none() && !(it.holds)(&known.states[at]) {
                    evidence[condition] = Some(from);
                    stopped |= !to_the_end;
                }
            }
        }
        at += 1;
    }
    // States that were met and not gone on from are one step farther.
    if at < known.states.len() && known.states.len() > end_of_level {
        depth += 1;
    }
    if too_many {
        known.states.truncate(*limit);
    } else if !stopped {
        for &(at, condition) in &of_all {
            evidence[at] = hopeless(&known.states, &edges, &*condition.holds);
        }
    }
    let finding = |(condition, state): (&Condition<_>, &Option<u32>)| {
        let path = state.map(|state| known.path_to(model, state));
        let found = match (path, condition.demand) {
            (None, _) => Found::Nothing,
            (Some(path), Demand::Sometimes) => Found::Example(path),
            (Some(path), _) => Found::Counterexample(path),
        };
        Finding { name: condition.name.clone(), demand: condition.demand, found }
    };
    let findings: Vec<Finding<_, _>> = conditions.iter().zip(&evidence).map(finding).collect();
    let verdict = verdict(&findings, too_many);
    Explored { states: known.states.len(), transitions, depth, terminal, verdict, findings }
}

fn verdict<S, A>(findings: &[Finding<S, A>], too_many: bool) -> Verdict {
    let broken = findings.iter().find(|it| matches!(it.found, Found::Counterexample(_)));
    if let Some(finding) = broken {
        return Verdict::Broken(finding.name.clone());
    }
    if too_many {
        return Verdict::Limit;
    }
    let is_missing =
        |it: &&Finding<S, A>| it.demand == Demand::Sometimes && matches!(it.found, Found::Nothing);
    match findings.iter().find(is_missing) {
        Some(finding) => Verdict::Unreached(finding.name.clone()),
        None => Verdict::Holds,
    }
}

/// The first state from which none can be reached in which the condition holds: what cannot be
/// reached backwards from those in which it does.
fn hopeless<S>(states: &[S], edges: &[(u32, u32)], holds: &dyn Fn(&S) -> bool) -> Option<u32> {
    // The edges by where they lead to.
    let mut begin = vec![0usize; states.len() + 1];
    for &(_, to) in edges {
        begin[to as usize + 1] += 1;
    }
    for at in 0..states.len() {
        begin[at + 1] += begin[at];
    }
    let mut before = vec![0u32; edges.len()];
    let mut next = begin.clone();
    for &(from, to) in edges {
        before[next[to as usize]] = from;
        next[to as usize] += 1;
    }
    let mut has_hope: Vec<bool> = states.iter().map(holds).collect();
    let mut open: Vec<usize> = (0..states.len()).filter(|&at| has_hope[at]).collect();
    while let Some(at) = open.pop() {
        for &from in &before[begin[at]..begin[at + 1]] {
            if !std::mem::replace(&mut has_hope[from as usize], true) {
                open.push(from as usize);
            }
        }
    }
    has_hope.iter().position(|hope| !hope).map(|at| at as u32)
}
