//! Is there an order of the operations that keeps that of each process, and explains all replies?
//! Sequential consistency: Lamport (1979).

use super::history::History;
use super::limit::Limit;
use super::linearizable::Checker;
use super::machine::Machine;
use super::must::{Must, Programs};
use super::search::{Answer, Kinds, Order, search};
use super::specification::{Hint, RegisterHint, Specification};
use std::collections::BTreeMap;

/// Whether a history is sequentially consistent. Operations are told by their index in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sequential {
    /// It is.
    Consistent {
        /// An order that explains the replies.
        order: Vec<usize>,
    },
    /// It is not.
    Violation {
        /// The longest order that was found that explains the replies in it.
        order: Vec<usize>,
        /// Of each process the operation that it does not get past then.
        stuck: Vec<usize>,
    },
    /// The limit was reached before it was known.
    Unknown {
        /// The configurations that were visited.
        visited: usize,
        /// Whether it was the limit in time.
        out_of_time: bool,
    },
}

impl Sequential {
    /// Whether the history is known to be sequentially consistent.
    pub const fn is_consistent(&self) -> bool {
        matches!(self, Self::Consistent { .. })
    }

    /// Whether the history is known not to be sequentially consistent.
    pub const fn is_violation(&self) -> bool {
        matches!(self, Self::Violation { .. })
    }
}

impl Checker {
    /// Whether the history is sequentially consistent: as linearizability, without real time. A
    /// pending operation comes after what its process did before it, and need not come before what
    /// the process did since. All objects are looked at together, because each may be sequentially
    /// consistent where all are not.
    ///
    /// Of registers whose values are written once it is known which write a read is of, and from
    /// that mostly which write comes before which: then it takes about as long as linearizability.
    /// Else all positions of the processes may have to be visited, and the limit is reached soon.
    pub fn sequential<S: Specification>(
        &self,
        specification: &S,
        history: &History<S::Call, S::Reply>,
    ) -> Sequential {
        let operations = history.operations();
        let known = (0..history.len()).filter(|&it| !operations[it].has_failed());
        let (pending, mut named): (Vec<usize>, Vec<usize>) =
            known.partition(|&it| operations[it].is_pending());
        let completed = named.len();
        // Of each process, by a number from 0 on, what it did in order; and of each pending
        // operation its process and how many come before it there.
        let mut lanes: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for (number, &it) in (0..).zip(&named) {
            lanes.entry(operations[it].process).or_default().push(number);
        }
        for &it in &pending {
            lanes.entry(operations[it].process).or_default();
        }
        let after = |&it: &usize| {
            let process = operations[it].process;
            let lane = lanes.range(..process).count();
            let before = lanes[&process].partition_point(|&number| named[number as usize] < it);
            (lane, before as u32)
        };
        let after: Vec<(usize, u32)> = pending.iter().map(after).collect();
        named.extend(pending);
        let all = named.iter().map(|&it| (&operations[it].call, operations[it].reply()));
        let (mut machine, of, mut hints) = Machine::new(specification, all);
        let calls = named.iter().map(|&it| &operations[it].call);
        let objects = objects(calls.map(|call| specification.partition(call)).collect());
        if objects.is_none() {
            hints.iter_mut().for_each(Hint::forget_register);
        }
        let objects = objects.unwrap_or_default();
        // Alike are pending operations of one process only: others may begin in any order.
        let mut last = BTreeMap::new();
        let mut twins = vec![None; completed];
        let alike = of[completed..].iter().zip(&after).zip(completed as u32..);
        twins.extend(alike.map(|((&kind, &(lane, _)), it)| last.insert((kind, lane), it)));
        let kinds = Kinds { of, hints: &hints, objects, completed, twins };
        let lanes: Vec<Vec<u32>> = lanes.into_values().collect();
        let mut order = Program::new(lanes, after, completed);
        let registers = kinds.registers();
        // A search that does not go astray visits a configuration for each operation at most. One
        // that does begins again, when it is known what must come before what.
        let quick = match registers {
            Some(_) => self.visits.min(named.len()),
            None => self.visits,
        };
        let mut limit = Limit::new(quick, self.time);
        let mut found = search(&mut order, &mut machine, &kinds, &mut limit);
        let mut visited = limit.visited();
        if let (Answer::Stopped, Some(hints)) = (found.answer, registers)
            && !limit.out_of_time
        {
            if order.concludes(&hints, &kinds.objects) {
                limit = Limit::new(self.visits - quick, self.time);
                found = search(&mut order, &mut machine, &kinds, &mut limit);
                visited += limit.visited();
            } else {
                found.answer = Answer::NoOrder;
            }
        }
        let order: Vec<usize> = found.order.iter().map(|&it| named[it as usize]).collect();
        match found.answer {
            Answer::Order => Sequential::Consistent { order },
            Answer::NoOrder => Sequential::Violation { stuck: stuck(history, &order), order },
            Answer::Stopped => Sequential::Unknown { visited, out_of_time: limit.out_of_time },
        }
    }
}

/// Numbers for objects, from 0 on; none if some operations are about all of them.
fn objects(parts: Vec<Option<u64>>) -> Option<Vec<u32>> {
    let mut all = parts.clone();
    all.sort_unstable();
    all.dedup();
    let is_one = all.len() <= 1 || all[0].is_some();
    let number = |part| all.binary_search(&part).map_or(0, |at| at as u32);
    is_one.then(|| parts.into_iter().map(number).collect())
}

/// Of each process the first answered operation that is not in the order.
fn stuck<Call, Reply>(history: &History<Call, Reply>, order: &[usize]) -> Vec<usize> {
    let mut placed = vec![false; history.len()];
    order.iter().for_each(|&it| placed[it] = true);
    let mut first = BTreeMap::new();
    for (it, operation) in history.operations().iter().enumerate() {
        if operation.reply().is_some() && !placed[it] {
            first.entry(operation.process).or_insert(it);
        }
    }
    first.into_values().collect()
}

/// The order of each process.
struct Program {
    lanes: Vec<Vec<u32>>,
    /// Of each lane how many are placed.
    placed: Vec<u32>,
    /// Of each completed operation its lane.
    lane_of: Vec<u32>,
    /// Of each pending operation the lane, and how many of it come before.
    after: Vec<(usize, u32)>,
    must: Must,
}

impl Program {
    fn new(lanes: Vec<Vec<u32>>, after: Vec<(usize, u32)>, completed: usize) -> Self {
        let mut lane_of = vec![0; completed];
        for (number, lane) in (0..).zip(&lanes) {
            lane.iter().for_each(|&it| lane_of[it as usize] = number);
        }
        let must = Must::nothing(completed + after.len());
        Self { placed: vec![0; lanes.len()], lanes, lane_of, after, must }
    }

    /// Begins again, with what must come before what; not, if that contradicts itself.
    fn concludes(&mut self, hints: &[RegisterHint], objects: &[u32]) -> bool {
        self.placed.fill(0);
        let programs = Programs { hints, objects, lanes: &self.lanes, after: &self.after };
        let must = Must::of(&programs);
        let is_possible = must.is_some();
        self.must = must.unwrap_or_else(|| Must::nothing(hints.len()));
        is_possible
    }
}

impl Order for Program {
    /// What began first is tried first: mostly real time is not far from an order.
    fn candidates(&self, into: &mut Vec<u32>) {
        let next = |(lane, &placed): (&Vec<u32>, &u32)| lane.get(placed as usize).copied();
        into.extend(self.lanes.iter().zip(&self.placed).filter_map(next));
        into.sort_unstable();
    }

    fn allows(&self, operation: u32, is_placed: &[bool]) -> bool {
        self.must.allows(operation, is_placed)
    }

    fn place(&mut self, operation: u32) {
        self.placed[self.lane_of[operation as usize] as usize] += 1;
    }

    fn take_back(&mut self, operation: u32) {
        self.placed[self.lane_of[operation as usize] as usize] -= 1;
    }

    fn may_begin(&self, pending: u32) -> bool {
        let (lane, before) = self.after[pending as usize];
        self.placed[lane] >= before
    }

    fn progress(&self, _: &[u32]) -> u32 {
        self.placed.iter().sum()
    }

    fn first_end(&self, _: impl Fn(u32) -> bool) -> Option<u32> {
        None
    }

    fn begins(&self) -> Vec<u32> {
        vec![u32::MAX; self.lane_of.len()]
    }

    fn key(&self, _: &[u32], into: &mut Vec<u64>) {
        let word = |pair: &[u32]| pair.iter().fold(0, |word, &it| word << 32 | u64::from(it));
        into.extend(self.placed.chunks(2).map(word));
    }

    fn key_words(&self) -> usize {
        self.placed.len().div_ceil(2)
    }
}
