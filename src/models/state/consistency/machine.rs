//! A specification in numbers: its states, and the operations that are alike.

use super::index::{Index, hash_of};
use super::specification::{Hint, Specification};

/// No state: the reply is not right.
pub(super) const REFUSED: u32 = u32::MAX;
/// Not asked yet.
const UNKNOWN: u32 = u32::MAX - 1;
/// With at most so many kinds of operations, steps are kept in a table.
const MOST_KINDS: usize = 1024;
/// And at most so many steps.
const MOST_STEPS: usize = 1 << 22;

/// The states of a specification, and its steps by numbers. It hides the specification, so that the
/// search is compiled once for all.
pub(super) struct Machine<'a> {
    steps: Box<dyn Steps + 'a>,
    kinds: usize,
    table: Vec<u32>,
}

trait Steps {
    fn step(&mut self, state: u32, kind: u32) -> u32;
}

struct Known<'a, S: Specification> {
    specification: &'a S,
    states: Vec<S::State>,
    index: Index,
    kinds: Vec<Kind<'a, S>>,
}

/// A call, and the reply to it unless it is pending.
pub(super) type Kind<'a, S> =
    (&'a <S as Specification>::Call, Option<&'a <S as Specification>::Reply>);

impl<'a> Machine<'a> {
    /// The machine, in its initial state 0; of each operation the number of its kind; and of each
    /// kind what is known of it beforehand.
    pub(super) fn new<S: Specification>(
        specification: &'a S,
        operations: impl Iterator<Item = Kind<'a, S>>,
    ) -> (Self, Vec<u32>, Vec<Hint>) {
        let mut index = Index::default();
        let mut kinds: Vec<Kind<'a, S>> = vec![];
        let numbers = operations.map(|kind| {
            let (number, new) = index.number(hash_of(&kind), |at| kinds[at as usize] == kind);
            if new {
                kinds.push(kind);
            }
            number
        });
        let numbers = numbers.collect();
        let initial = specification.initial();
        let mut index = Index::default();
        index.number(hash_of(&initial), |_| false);
        let count = kinds.len();
        let hints = kinds.iter().map(|(call, reply)| specification.hint(call, *reply)).collect();
        let known = Known { specification, states: vec![initial], index, kinds };
        (Self { steps: Box::new(known), kinds: count, table: vec![] }, numbers, hints)
    }

    /// The state after an operation of this kind, or [`REFUSED`].
    #[inline]
    pub(super) fn step(&mut self, state: u32, kind: u32) -> u32 {
        let at = state as usize * self.kinds + kind as usize;
        match self.table.get(at) {
            Some(&to) if to != UNKNOWN => to,
            _ => self.first_step(at, state, kind),
        }
    }

    fn first_step(&mut self, at: usize, state: u32, kind: u32) -> u32 {
        let to = self.steps.step(state, kind);
        if self.kinds <= MOST_KINDS && at < MOST_STEPS {
            if at >= self.table.len() {
                self.table.resize((state as usize + 1) * self.kinds, UNKNOWN);
            }
            self.table[at] = to;
        }
        to
    }
}

impl<S: Specification> Steps for Known<'_, S> {
    fn step(&mut self, state: u32, kind: u32) -> u32 {
        let (call, reply) = self.kinds[kind as usize];
        let Some(next) = self.specification.step(&self.states[state as usize], call, reply) else {
            return REFUSED;
        };
        let states = &mut self.states;
        let (number, new) = self.index.number(hash_of(&next), |at| states[at as usize] == next);
        if new {
            states.push(next);
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::super::objects::{RegisterCall, RegisterReply, RegisterSpec};
    use super::*;

    #[test]
    fn a_register_in_numbers() {
        let calls = [
            (RegisterCall::Write(7), Some(RegisterReply::Written)),
            (RegisterCall::Read, Some(RegisterReply::Value(Some(7)))),
            (RegisterCall::Write(7), Some(RegisterReply::Written)),
            (RegisterCall::Write(7), None),
        ];
        let (mut machine, kinds, hints) =
            Machine::new(&RegisterSpec, calls.iter().map(|(call, reply)| (call, reply.as_ref())));
        assert_eq!(kinds, [0, 1, 0, 2]);
        assert_eq!([0, 1, 2].map(|kind: usize| hints[kind].only_reads()), [false, true, false]);
        for _ in 0..2 {
            assert_eq!([0, 1].map(|kind| machine.step(0, kind)), [1, REFUSED]);
            assert_eq!([0, 1, 2].map(|kind| machine.step(1, kind)), [1, 1, 1]);
        }
    }
}
