//! The usual objects: a register, a key-value store, a counter, a set, a queue.

use super::specification::{Finds, Hint, RegisterHint, Specification, judged_here};
use std::collections::{BTreeSet, VecDeque};

/// A register that holds an integer, or nil at first: read, write, compare-and-set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegisterSpec;

/// What a register is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegisterCall {
    /// What does it hold?
    Read,
    /// Hold this.
    Write(i64),
    /// Hold the second, if it holds the first.
    CompareAndSet(i64, i64),
}

/// What a register answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegisterReply {
    /// It holds this; nil at first.
    Value(Option<i64>),
    /// It is written.
    Written,
    /// Whether the compare-and-set found what it expected, and set the register.
    Swapped(bool),
}

impl Specification for RegisterSpec {
    type Call = RegisterCall;
    type Reply = RegisterReply;
    type State = Option<i64>;

    judged_here!();

    fn initial(&self) -> Option<i64> {
        None
    }

    fn step(
        &self,
        state: &Option<i64>,
        call: &RegisterCall,
        reply: Option<&RegisterReply>,
    ) -> Option<Option<i64>> {
        let (next, right) = match *call {
            RegisterCall::Read => (*state, RegisterReply::Value(*state)),
            RegisterCall::Write(value) => (Some(value), RegisterReply::Written),
            RegisterCall::CompareAndSet(from, to) => {
                let swaps = *state == Some(from);
                (if swaps { Some(to) } else { *state }, RegisterReply::Swapped(swaps))
            }
        };
        reply.is_none_or(|reply| *reply == right).then_some(next)
    }

    fn hint(&self, call: &RegisterCall, reply: Option<&RegisterReply>) -> Hint {
        let (finds, leaves) = match (*call, reply) {
            (RegisterCall::Read, None) => (Finds::Anything, None),
            (RegisterCall::Read, Some(RegisterReply::Value(value))) => (Finds::Only(*value), None),
            (RegisterCall::Write(value), None | Some(RegisterReply::Written)) => {
                (Finds::Anything, Some(value))
            }
            (RegisterCall::CompareAndSet(from, _), Some(RegisterReply::Swapped(false))) => {
                (Finds::NotThis(from), None)
            }
            (RegisterCall::CompareAndSet(from, to), None | Some(RegisterReply::Swapped(true))) => {
                (Finds::Only(Some(from)), (from != to).then_some(to))
            }
            _ => return Hint::Nothing,
        };
        Hint::Register(RegisterHint { finds, leaves })
    }
}

/// Registers by their key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyValueSpec;

/// What a key-value store is asked: the register of a key. It answers as a register does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyValueCall {
    /// Which register.
    pub key: u64,
    /// What it is asked.
    pub call: RegisterCall,
}

impl KeyValueCall {
    /// What does the key hold?
    pub const fn read(key: u64) -> Self {
        Self { key, call: RegisterCall::Read }
    }

    /// Let the key hold this.
    pub const fn write(key: u64, value: i64) -> Self {
        Self { key, call: RegisterCall::Write(value) }
    }

    /// Let the key hold `to`, if it holds `from`.
    pub const fn compare_and_set(key: u64, from: i64, to: i64) -> Self {
        Self { key, call: RegisterCall::CompareAndSet(from, to) }
    }
}

/// The state is ordered by key, and has no key twice.
impl Specification for KeyValueSpec {
    type Call = KeyValueCall;
    type Reply = RegisterReply;
    type State = Vec<(u64, i64)>;

    judged_here!();

    fn initial(&self) -> Self::State {
        vec![]
    }

    fn step(
        &self,
        state: &Self::State,
        call: &KeyValueCall,
        reply: Option<&RegisterReply>,
    ) -> Option<Self::State> {
        let at = state.binary_search_by_key(&call.key, |(key, _)| *key);
        let held = at.ok().map(|at| state[at].1);
        let next = RegisterSpec.step(&held, &call.call, reply)?;
        let mut state = state.clone();
        match (at, next) {
            (Ok(at), Some(value)) => state[at].1 = value,
            (Err(at), Some(value)) => state.insert(at, (call.key, value)),
            (_, None) => {}
        }
        Some(state)
    }

    fn partition(&self, call: &KeyValueCall) -> Option<u64> {
        Some(call.key)
    }

    fn hint(&self, call: &KeyValueCall, reply: Option<&RegisterReply>) -> Hint {
        RegisterSpec.hint(&call.call, reply)
    }
}

/// Registers by their key of which a read may tell several values: all that were written by clients
/// who could not know of one another's, and that nobody who knew has replaced. One client alone
/// never sees two. So a history is judged as that of a [`KeyValueSpec`], in which a read of several
/// values is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MultiValueSpec;

/// What such a register answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MultiValueReply {
    /// It holds these; none at first.
    Values(BTreeSet<i64>),
    /// It is written.
    Written,
}

impl MultiValueReply {
    /// What a register of one value would answer; nothing, if it could not.
    fn of_one(&self) -> Option<RegisterReply> {
        match self {
            Self::Written => Some(RegisterReply::Written),
            Self::Values(values) if values.len() > 1 => None,
            Self::Values(values) => Some(RegisterReply::Value(values.first().copied())),
        }
    }
}

impl Specification for MultiValueSpec {
    type Call = KeyValueCall;
    type Reply = MultiValueReply;
    type State = Vec<(u64, i64)>;

    judged_here!();

    fn initial(&self) -> Self::State {
        vec![]
    }

    fn step(
        &self,
        state: &Self::State,
        call: &KeyValueCall,
        reply: Option<&MultiValueReply>,
    ) -> Option<Self::State> {
        match reply {
            None => KeyValueSpec.step(state, call, None),
            Some(reply) => KeyValueSpec.step(state, call, Some(&reply.of_one()?)),
        }
    }

    fn partition(&self, call: &KeyValueCall) -> Option<u64> {
        Some(call.key)
    }

    fn hint(&self, call: &KeyValueCall, reply: Option<&MultiValueReply>) -> Hint {
        match reply.map(MultiValueReply::of_one) {
            None => KeyValueSpec.hint(call, None),
            Some(None) => Hint::Nothing,
            Some(Some(reply)) => KeyValueSpec.hint(call, Some(&reply)),
        }
    }
}

/// A counter, 0 at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CounterSpec;

/// What a counter is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CounterCall {
    /// How much is it?
    Read,
    /// Add this.
    Add(i64),
}

/// What a counter answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CounterReply {
    /// So much.
    Value(i64),
    /// It is added.
    Added,
}

impl Specification for CounterSpec {
    type Call = CounterCall;
    type Reply = CounterReply;
    type State = i64;

    judged_here!();

    fn initial(&self) -> i64 {
        0
    }

    fn step(&self, state: &i64, call: &CounterCall, reply: Option<&CounterReply>) -> Option<i64> {
        let (next, right) = match call {
            CounterCall::Read => (*state, CounterReply::Value(*state)),
            CounterCall::Add(amount) => (state.wrapping_add(*amount), CounterReply::Added),
        };
        reply.is_none_or(|reply| *reply == right).then_some(next)
    }

    fn hint(&self, call: &CounterCall, _: Option<&CounterReply>) -> Hint {
        match call {
            CounterCall::Read => Hint::OnlyReads,
            CounterCall::Add(_) => Hint::Nothing,
        }
    }
}

/// A set of integers, empty at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetSpec;

/// What a set is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetCall {
    /// What is in it?
    Read,
    /// Is this in it?
    Contains(i64),
    /// Put this in.
    Add(i64),
    /// Take this out.
    Remove(i64),
}

/// What a set answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetReply {
    /// These are in it.
    Elements(BTreeSet<i64>),
    /// Whether it is in it.
    Contained(bool),
    /// It is put in or taken out.
    Changed,
}

impl Specification for SetSpec {
    type Call = SetCall;
    type Reply = SetReply;
    type State = BTreeSet<i64>;

    judged_here!();

    fn initial(&self) -> BTreeSet<i64> {
        BTreeSet::new()
    }

    fn step(
        &self,
        state: &BTreeSet<i64>,
        call: &SetCall,
        reply: Option<&SetReply>,
    ) -> Option<BTreeSet<i64>> {
        let right = match (call, reply) {
            (_, None) => true,
            (SetCall::Read, Some(SetReply::Elements(elements))) => elements == state,
            (SetCall::Contains(element), Some(SetReply::Contained(is))) => {
                state.contains(element) == *is
            }
            (SetCall::Add(_) | SetCall::Remove(_), Some(SetReply::Changed)) => true,
            _ => false,
        };
        right.then(|| {
            let mut next = state.clone();
            match call {
                SetCall::Add(element) => _ = next.insert(*element),
                SetCall::Remove(element) => _ = next.remove(element),
                SetCall::Read | SetCall::Contains(_) => {}
            }
            next
        })
    }

    fn hint(&self, call: &SetCall, _: Option<&SetReply>) -> Hint {
        match call {
            SetCall::Read | SetCall::Contains(_) => Hint::OnlyReads,
            SetCall::Add(_) | SetCall::Remove(_) => Hint::Nothing,
        }
    }
}

/// A queue of integers, first in, first out, empty at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueSpec;

/// What a queue is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueCall {
    /// Put this at the end.
    Enqueue(i64),
    /// Take out the first.
    Dequeue,
}

/// What a queue answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueReply {
    /// It is put at the end.
    Enqueued,
    /// This was the first; nil if the queue was empty.
    Dequeued(Option<i64>),
}

impl Specification for QueueSpec {
    type Call = QueueCall;
    type Reply = QueueReply;
    type State = VecDeque<i64>;

    judged_here!();

    fn initial(&self) -> VecDeque<i64> {
        VecDeque::new()
    }

    fn step(
        &self,
        state: &VecDeque<i64>,
        call: &QueueCall,
        reply: Option<&QueueReply>,
    ) -> Option<VecDeque<i64>> {
        let right = match call {
            QueueCall::Enqueue(_) => QueueReply::Enqueued,
            QueueCall::Dequeue => QueueReply::Dequeued(state.front().copied()),
        };
        reply.is_none_or(|reply| *reply == right).then(|| {
            let mut next = state.clone();
            match call {
                QueueCall::Enqueue(element) => next.push_back(*element),
                QueueCall::Dequeue => _ = next.pop_front(),
            }
            next
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One after the other: all calls with right replies, and after each a wrong reply to it.
    fn follows<S: Specification>(specification: &S, calls: &[(S::Call, S::Reply, S::Reply)]) {
        let mut state = specification.initial();
        for (call, right, wrong) in calls {
            assert!(specification.step(&state, call, Some(wrong)).is_none(), "{call} → {wrong}");
            let without = specification.step(&state, call, None);
            let next = specification.step(&state, call, Some(right));
            assert!(next.is_some() && next == without, "{call} → {right}");
            let reads = specification.hint(call, Some(right)).only_reads();
            assert!(!reads || next.as_ref() == Some(&state), "{call} is no read");
            state = next.unwrap_or(state);
        }
    }

    #[test]
    fn registers() {
        use RegisterCall::*;
        use RegisterReply::*;
        let calls = [
            (Read, Value(None), Value(Some(0))),
            (CompareAndSet(0, 1), Swapped(false), Swapped(true)),
            (Write(3), Written, Swapped(true)),
            (Read, Value(Some(3)), Value(None)),
            (CompareAndSet(3, 4), Swapped(true), Swapped(false)),
            (CompareAndSet(3, 5), Swapped(false), Swapped(true)),
            (CompareAndSet(4, 4), Swapped(true), Written),
            (Read, Value(Some(4)), Value(Some(3))),
        ];
        follows(&RegisterSpec, &calls);
        let keyed = |key| {
            calls.map(|(call, right, wrong)| (KeyValueCall { key, call }, right, wrong)).to_vec()
        };
        follows(&KeyValueSpec, &[keyed(7), keyed(2), keyed(9)].concat());
        assert_eq!(KeyValueSpec.partition(&KeyValueCall::read(7)), Some(7));
        let values = |of: &[i64]| MultiValueReply::Values(of.iter().copied().collect());
        let written = || MultiValueReply::Written;
        let calls = [
            (KeyValueCall::read(7), values(&[]), values(&[1])),
            (KeyValueCall::write(7, 1), written(), values(&[1])),
            (KeyValueCall::write(2, 3), written(), values(&[])),
            (KeyValueCall::read(7), values(&[1]), values(&[1, 3])),
        ];
        follows(&MultiValueSpec, &calls);
    }

    #[test]
    fn counters_sets_and_queues() {
        use CounterReply::{Added, Value};
        let calls = [
            (CounterCall::Read, Value(0), Value(1)),
            (CounterCall::Add(5), Added, Value(5)),
            (CounterCall::Add(-2), Added, Value(3)),
            (CounterCall::Read, Value(3), Value(5)),
        ];
        follows(&CounterSpec, &calls);
        use SetReply::{Changed, Contained, Elements};
        let elements = |of: &[i64]| Elements(of.iter().copied().collect());
        let calls = [
            (SetCall::Read, elements(&[]), elements(&[1])),
            (SetCall::Add(2), Changed, Contained(true)),
            (SetCall::Add(1), Changed, elements(&[1, 2])),
            (SetCall::Add(1), Changed, Contained(false)),
            (SetCall::Contains(1), Contained(true), Contained(false)),
            (SetCall::Remove(1), Changed, Contained(true)),
            (SetCall::Contains(1), Contained(false), Changed),
            (SetCall::Read, elements(&[2]), elements(&[1, 2])),
        ];
        follows(&SetSpec, &calls);
        use QueueReply::{Dequeued, Enqueued};
        let calls = [
            (QueueCall::Dequeue, Dequeued(None), Dequeued(Some(1))),
            (QueueCall::Enqueue(1), Enqueued, Dequeued(Some(1))),
            (QueueCall::Enqueue(2), Enqueued, Dequeued(None)),
            (QueueCall::Dequeue, Dequeued(Some(1)), Dequeued(Some(2))),
            (QueueCall::Dequeue, Dequeued(Some(2)), Dequeued(None)),
            (QueueCall::Dequeue, Dequeued(None), Dequeued(Some(2))),
        ];
        follows(&QueueSpec, &calls);
    }
}
