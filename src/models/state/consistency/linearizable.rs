//! Is there an order of the operations in which each takes effect between its beginning and its
//! end, and all replies are right? Linearizability: Herlihy and Wing (1990).

use super::history::{Event, EventKind, History};
use super::limit::Limit;
use super::machine::Machine;
use super::real_time::{RealTime, Span};
use super::search::{Answer, Kinds, search};
use super::specification::{Hint, Specification};
use super::verdict::{Verdict, Violation};
use std::collections::BTreeMap;
use std::time::Duration;

/// Configurations that a checker visits before it gives up, unless it is told otherwise.
const VISITS: usize = 2_000_000;

/// At most so many for each of the checks by which a conflict is found.
const EACH: usize = 10_000;

/// Checks histories against specifications, and gives up at a limit: the question is NP-complete
/// (Gibbons and Korach, 1997).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checker {
    pub(super) visits: usize,
    pub(super) time: Option<Duration>,
}

impl Default for Checker {
    fn default() -> Self {
        Self::new()
    }
}

/// The operations of one object.
struct Part {
    key: Option<u64>,
    operations: Vec<usize>,
}

/// What an attempt found, in the history's numbers.
pub(super) struct Attempt {
    answer: Answer,
    order: Vec<usize>,
    progress: u32,
}

impl Checker {
    /// Gives up after 2 million configurations, and has no limit in time.
    pub const fn new() -> Self {
        Self { visits: VISITS, time: None }
    }

    /// Gives up after so many configurations. They take some hundred bytes each.
    pub const fn limit(self, configurations: usize) -> Self {
        Self { visits: configurations, ..self }
    }

    /// Gives up after this time too. What is found then depends on how fast the machine is.
    pub const fn time_limit(self, time: Duration) -> Self {
        Self { time: Some(time), ..self }
    }

    /// Whether the history is linearizable: by the search of Wing and Gong (1993) with the memo of
    /// Lowe (2017), object by object if the specification knows several (Horn and Kroening, 2015).
    /// Operations that timed out, or are open at the end, may have taken effect or not; those that
    /// failed have not.
    pub fn check<S: Specification>(
        &self,
        specification: &S,
        history: &History<S::Call, S::Reply>,
    ) -> Verdict {
        specification.judge(self, history)
    }

    /// Completed operations that contradict one another, whatever became of all others: without
    /// the reply of any one of them the history would be linearizable. None, if it is or if that is
    /// not known. There may be other such sets; this is the one that is left when later operations
    /// are given up first.
    ///
    /// It checks the history many times, and each time gives up after ten thousand configurations:
    /// then there may be more operations in the set than it takes.
    pub fn conflict<S: Specification>(
        &self,
        specification: &S,
        history: &History<S::Call, S::Reply>,
    ) -> Vec<usize> {
        let Verdict::Violation(violation) = self.check(specification, history) else {
            return vec![];
        };
        let mut spans = spans(history);
        let part = Part { key: violation.key, operations: violation.operations };
        let mut problem = Problem::new(specification, history, &part);
        let until = violation.prefix as u32 - 1;
        let mut suspects = part.operations.clone();
        suspects.retain(|&it| !spans[it].fails && spans[it].ends.is_some_and(|end| end <= until));
        suspects.sort_by_key(|&it| spans[it].ends);
        // Gives up runs of operations, ever shorter ones; what cannot be given up is kept.
        let mut size = suspects.len().div_ceil(2).max(1);
        loop {
            let mut kept = vec![];
            for run in suspects.rchunks(size) {
                let mut without = spans.clone();
                run.iter().for_each(|&it| without[it].ends = None);
                let mut limit = Limit::new(self.visits.min(EACH), self.time);
                let found = problem.attempt(&without, until, &mut limit);
                if found.answer == Answer::NoOrder {
                    spans = without;
                } else {
                    kept.extend(run.iter().rev());
                }
            }
            kept.reverse();
            suspects = kept;
            if size == 1 {
                suspects.sort_unstable();
                return suspects;
            }
            size = size.div_ceil(2);
        }
    }
}

/// [`Checker::check`].
pub(crate) fn judge<S: Specification>(
    specification: &S,
    checker: &Checker,
    history: &History<S::Call, S::Reply>,
) -> Verdict {
    let mut limit = Limit::new(checker.visits, checker.time);
    let spans = spans(history);
    let mut orders = vec![];
    let mut worst: Option<Violation> = None;
    let mut unknown = false;
    for part in parts(specification, history) {
        crate::interrupt::tick();
        // What is not found before a violation that is known already does not matter.
        let until = worst.as_ref().map_or(u32::MAX, |known| known.prefix as u32 - 2);
        let mut problem = Problem::new(specification, history, &part);
        let mut run = |until| problem.attempt(&spans, until, &mut limit);
        let found = run(until);
        match found.answer {
            Answer::Order => orders.push(found.order),
            Answer::Stopped => unknown = true,
            Answer::NoOrder => {
                worst = Some(violation(found, until, &part, &spans, history, run));
            }
        }
    }
    match worst {
        Some(violation) => {
            let shortest = violation.shortest && !unknown;
            Verdict::Violation(Violation { shortest, ..violation })
        }
        None if unknown => {
            Verdict::Unknown { visited: limit.visited(), out_of_time: limit.out_of_time }
        }
        None => Verdict::Linearizable { order: merged(orders, &spans) },
    }
}

/// Of each operation its span.
fn spans<Call, Reply>(history: &History<Call, Reply>) -> Vec<Span> {
    let mut spans = vec![Span { begins: 0, ends: None, fails: false }; history.len()];
    for (number, event) in (0..).zip(history.events()) {
        let span = &mut spans[event.operation];
        match event.kind {
            EventKind::Invoked => span.begins = number,
            EventKind::Returned => span.ends = Some(number),
            EventKind::TimedOut => {}
            EventKind::Failed => (span.ends, span.fails) = (Some(number), true),
        }
    }
    spans
}

/// The operations by object.
fn parts<S: Specification>(specification: &S, history: &History<S::Call, S::Reply>) -> Vec<Part> {
    let mut parts: BTreeMap<Option<u64>, Vec<usize>> = BTreeMap::new();
    for (it, operation) in history.operations().iter().enumerate() {
        parts.entry(specification.partition(&operation.call)).or_default().push(it);
    }
    if parts.len() > 1 && parts.contains_key(&None) {
        // Some operations are about all objects.
        return vec![Part { key: None, operations: (0..history.len()).collect() }];
    }
    parts.into_iter().map(|(key, operations)| Part { key, operations }).collect()
}

/// A part in numbers.
struct Problem<'a> {
    part: &'a Part,
    machine: Machine<'a>,
    /// Of each operation of the part its kind, and its kind if it is pending.
    kinds: Vec<[u32; 2]>,
    hints: Vec<Hint>,
}

impl<'a> Problem<'a> {
    fn new<S: Specification>(
        specification: &'a S,
        history: &'a History<S::Call, S::Reply>,
        part: &'a Part,
    ) -> Self {
        let both = part.operations.iter().flat_map(|&it| {
            let operation = &history.operations()[it];
            [(&operation.call, operation.reply()), (&operation.call, None)]
        });
        let (machine, of, hints) = Machine::new(specification, both);
        let kinds = of.as_chunks().0.to_vec();
        Self { part, machine, kinds, hints }
    }

    /// Looks for an order of the events up to this one: what ends later is pending there.
    fn attempt(&mut self, spans: &[Span], until: u32, limit: &mut Limit) -> Attempt {
        let (mut completed, mut pending) = (vec![], vec![]);
        let (mut of, mut named) = (vec![], vec![]);
        let (mut of_pending, mut named_pending) = (vec![], vec![]);
        for (&it, [kind, if_pending]) in self.part.operations.iter().zip(&self.kinds) {
            match spans[it] {
                Span { begins, .. } if begins > until => break,
                Span { ends: Some(end), fails: true, .. } if end <= until => {}
                Span { begins, ends: Some(end), .. } if end <= until => {
                    completed.push((begins, end));
                    of.push(*kind);
                    named.push(it);
                }
                Span { begins, .. } => {
                    pending.push(begins);
                    of_pending.push(*if_pending);
                    named_pending.push(it);
                }
            }
        }
        of.extend(of_pending);
        named.extend(named_pending);
        let twins = twins(&of, &completed, self.hints.len());
        let (hints, objects) = (self.hints.as_slice(), vec![]);
        let kinds = Kinds { of, hints, objects, completed: completed.len(), twins };
        let mut order = RealTime::new(completed, pending);
        let found = search(&mut order, &mut self.machine, &kinds, limit);
        let order = found.order.into_iter().map(|it| named[it as usize]).collect();
        Attempt { answer: found.answer, order, progress: found.progress }
    }
}

/// Of each operation the one before it of its kind, if that began and ended first: the two could
/// change places in any order that has them the other way round.
fn twins(of: &[u32], completed: &[(u32, u32)], kinds: usize) -> Vec<Option<u32>> {
    let mut last = vec![None; kinds];
    let alike = of.iter().zip(0..).map(|(&kind, number)| {
        let twin: Option<u32> = last[kind as usize].replace(number);
        let ends = |number: u32| completed.get(number as usize).map_or(u32::MAX, |span| span.1);
        twin.filter(|&twin| ends(twin) <= ends(number))
    });
    alike.collect()
}

/// The violation in a part that has no order of its events up to `until`, as an attempt `found`.
///
/// The attempt explains all replies before the end at which it came to its own. From there the
/// shortest prefix is looked for, by steps that double and then halve.
fn violation<Call, Reply>(
    found: Attempt,
    until: u32,
    part: &Part,
    spans: &[Span],
    history: &History<Call, Reply>,
    mut run: impl FnMut(u32) -> Attempt,
) -> Violation {
    let mut ends: Vec<u32> = part.operations.iter().filter_map(|&it| spans[it].ends).collect();
    ends.retain(|&end| found.progress <= end && end <= until);
    ends.sort_unstable();
    // The shortest ends at one of `low..=high`; at `high` there is no order.
    let (mut low, mut high, mut step) = (0, ends.len() - 1, 0);
    let (mut explained, mut shortest) = (None, true);
    while low < high {
        let probe = low.midpoint(high).min(low + step);
        let attempt = run(ends[probe]);
        match attempt.answer {
            Answer::NoOrder => high = probe,
            Answer::Order => {
                (low, step) = (probe + 1, 2 * step + 1);
                explained = Some(attempt);
            }
            Answer::Stopped => {
                shortest = false;
                break;
            }
        }
    }
    let end = ends[high];
    let order = explained.unwrap_or_else(|| run(end - 1)).order;
    let begun = |it: &usize| spans[*it].begins <= end;
    let operations = part.operations.iter().copied().filter(begun).collect();
    let Event { at, operation: unplaced, .. } = history.events()[end as usize];
    Violation { key: part.key, prefix: end as usize + 1, at, operations, unplaced, order, shortest }
}

/// One order of all operations out of those of the objects: each operation takes effect when it
/// has begun and those before it in its object's order have taken effect.
fn merged(mut orders: Vec<Vec<usize>>, spans: &[Span]) -> Vec<usize> {
    if orders.len() <= 1 {
        return orders.pop().unwrap_or_default();
    }
    let mut all = vec![];
    for order in orders {
        let mut at = 0;
        for (place, it) in order.into_iter().enumerate() {
            at = at.max(spans[it].begins);
            all.push((at, place, it));
        }
    }
    // Points of different objects differ, as they are beginnings.
    all.sort_unstable();
    all.into_iter().map(|(_, _, it)| it).collect()
}
