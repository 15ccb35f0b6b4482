//! Random histories, and slow methods that follow the definitions.

use pillars::prelude::Stream;
use pillars::state::consistency::{
    CounterCall, CounterReply, CounterSpec, EventKind, History, KeyValueCall, KeyValueSpec,
    QueueCall, QueueReply, QueueSpec, RegisterCall, RegisterReply, RegisterSpec, SetCall, SetReply,
    SetSpec, Specification, Verdict,
};
use std::collections::BTreeSet;

use RegisterCall::{CompareAndSet, Read, Write};
use RegisterReply::{Swapped, Value, Written};

/// Of each operation the numbers of the events of its beginning and its reply; none of those that
/// failed.
pub fn spans<C, R>(history: &History<C, R>) -> Vec<Option<(usize, Option<usize>)>> {
    let mut spans = vec![None; history.len()];
    for (number, event) in history.events().iter().enumerate() {
        match event.kind {
            EventKind::Invoked => spans[event.operation] = Some((number, None)),
            EventKind::Returned => {
                spans[event.operation] =
                    spans[event.operation].map(|(begin, _)| (begin, Some(number)));
            }
            EventKind::TimedOut => {}
            EventKind::Failed => spans[event.operation] = None,
        }
    }
    spans
}

/// Whether an order explains a history: all that was answered is in it, nothing twice, nothing
/// before what ended before it began, and the specification takes it.
pub fn explains<S: Specification>(
    specification: &S,
    history: &History<S::Call, S::Reply>,
    order: &[usize],
) -> bool {
    let spans = spans(history);
    let mut state = specification.initial();
    let mut latest = 0;
    for &it in order {
        let Some((begin, end)) = spans[it] else { return false };
        latest = latest.max(begin);
        if end.is_some_and(|end| end < latest) {
            return false;
        }
        let operation = &history.operations()[it];
        match specification.step(&state, &operation.call, operation.reply()) {
            Some(next) => state = next,
            None => return false,
        }
    }
    let once: BTreeSet<usize> = order.iter().copied().collect();
    let answered = (0..history.len()).filter(|&it| history.operations()[it].reply().is_some());
    once.len() == order.len() && answered.into_iter().all(|it| once.contains(&it))
}

/// All orders, one after the other: `before` says which of two operations must come first.
pub fn some_order<S: Specification>(
    specification: &S,
    history: &History<S::Call, S::Reply>,
    before: &dyn Fn(usize, usize) -> bool,
) -> bool {
    fn place<S: Specification>(
        specification: &S,
        history: &History<S::Call, S::Reply>,
        before: &dyn Fn(usize, usize) -> bool,
        left: &[usize],
        state: &S::State,
    ) -> bool {
        let operations = history.operations();
        if left.iter().all(|&it| operations[it].is_pending()) {
            return true;
        }
        left.iter().any(|&it| {
            if left.iter().any(|&other| other != it && before(other, it)) {
                return false;
            }
            let operation = &operations[it];
            let next = specification.step(state, &operation.call, operation.reply());
            let rest: Vec<usize> = left.iter().copied().filter(|&other| other != it).collect();
            next.is_some_and(|next| place(specification, history, before, &rest, &next))
        })
    }
    let left: Vec<usize> =
        (0..history.len()).filter(|&it| !history.operations()[it].has_failed()).collect();
    place(specification, history, before, &left, &specification.initial())
}

pub fn is_linearizable<S: Specification>(
    specification: &S,
    history: &History<S::Call, S::Reply>,
) -> bool {
    let spans = spans(history);
    some_order(specification, history, &|one, other| match (spans[one], spans[other]) {
        (Some((_, Some(end))), Some((begin, _))) => end < begin,
        _ => false,
    })
}

pub fn is_sequential<S: Specification>(
    specification: &S,
    history: &History<S::Call, S::Reply>,
) -> bool {
    let operations = history.operations();
    some_order(specification, history, &|one, other| {
        one < other
            && operations[one].process == operations[other].process
            && operations[one].reply().is_some()
    })
}

/// What a random history is made of.
pub struct Make<S: Specification> {
    pub specification: S,
    call: fn(&mut Stream) -> S::Call,
    /// All replies to a call.
    replies: fn(&S::Call) -> Vec<S::Reply>,
}

impl<S: Specification> Make<S> {
    /// A history of so many processes. Operations take effect at their beginning or at their end,
    /// and their replies are mostly what they should be then.
    pub fn history(
        &self,
        stream: &mut Stream,
        processes: usize,
        operations: usize,
        lies: f64,
    ) -> History<S::Call, S::Reply> {
        let mut history = History::new();
        let mut state = self.specification.initial();
        let mut open = vec![];
        open.resize_with(processes, || None::<(S::Call, Option<S::Reply>)>);
        let mut at = 0.0;
        let mut begun = 0;
        while begun < operations || (open.iter().any(Option::is_some) && stream.uniform() < 0.9) {
            at += 1.0;
            let process = stream.below(processes);
            let mut effect = |call: &S::Call, stream: &mut Stream| {
                let replies = (self.replies)(call);
                let right = |reply: &&S::Reply| {
                    self.specification.step(&state, call, Some(reply)).is_some()
                };
                let right = replies.iter().find(right).cloned().expect("some reply is right");
                state = self.specification.step(&state, call, None).expect("any reply will do");
                let lie = replies[stream.below(replies.len())].clone();
                if stream.uniform() < lies { lie } else { right }
            };
            match open[process].take() {
                None if begun == operations => {}
                None => {
                    begun += 1;
                    let call = (self.call)(stream);
                    history.invoke(process, call.clone(), at);
                    let reply = (stream.uniform() < 0.5).then(|| effect(&call, stream));
                    open[process] = Some((call, reply));
                }
                Some((call, reply)) => match stream.below(10) {
                    0 => _ = history.times_out(process, at),
                    1 if reply.is_none() => _ = history.fails(process, at),
                    _ => {
                        let reply = reply.unwrap_or_else(|| effect(&call, stream));
                        history.returns(process, reply, at);
                    }
                },
            }
        }
        history
    }
}

pub fn register_replies(call: &RegisterCall) -> Vec<RegisterReply> {
    match call {
        Read => [None, Some(0), Some(1), Some(2)].map(Value).to_vec(),
        Write(_) => vec![Written],
        CompareAndSet(..) => vec![Swapped(true), Swapped(false)],
    }
}

pub fn register_call(stream: &mut Stream) -> RegisterCall {
    let value = |stream: &mut Stream| stream.below(3) as i64;
    match stream.below(6) {
        0..3 => Read,
        3..5 => Write(value(stream)),
        _ => CompareAndSet(value(stream), value(stream)),
    }
}

pub fn registers() -> Make<RegisterSpec> {
    Make { specification: RegisterSpec, call: register_call, replies: register_replies }
}

pub fn stores() -> Make<KeyValueSpec> {
    Make {
        specification: KeyValueSpec,
        call: |stream| KeyValueCall { key: stream.below(2) as u64, call: register_call(stream) },
        replies: |call| register_replies(&call.call),
    }
}

pub fn queues() -> Make<QueueSpec> {
    Make {
        specification: QueueSpec,
        call: |stream| match stream.below(2) {
            0 => QueueCall::Dequeue,
            _ => QueueCall::Enqueue(stream.below(3) as i64),
        },
        replies: |call| match call {
            QueueCall::Dequeue => {
                [None, Some(0), Some(1), Some(2)].map(QueueReply::Dequeued).to_vec()
            }
            QueueCall::Enqueue(_) => vec![QueueReply::Enqueued],
        },
    }
}

pub fn counters() -> Make<CounterSpec> {
    Make {
        specification: CounterSpec,
        call: |stream| match stream.below(2) {
            0 => CounterCall::Read,
            _ => CounterCall::Add(1 + stream.below(2) as i64),
        },
        replies: |call| match call {
            CounterCall::Read => (0..15).map(CounterReply::Value).collect(),
            CounterCall::Add(_) => vec![CounterReply::Added],
        },
    }
}

pub fn sets() -> Make<SetSpec> {
    Make {
        specification: SetSpec,
        call: |stream| match (stream.below(4), stream.below(2) as i64) {
            (0, _) => SetCall::Read,
            (1, element) => SetCall::Contains(element),
            (2, element) => SetCall::Add(element),
            (_, element) => SetCall::Remove(element),
        },
        replies: |call| match call {
            SetCall::Read => [vec![], vec![0], vec![1], vec![0, 1]]
                .map(|elements| SetReply::Elements(elements.into_iter().collect()))
                .to_vec(),
            SetCall::Contains(_) => vec![SetReply::Contained(true), SetReply::Contained(false)],
            SetCall::Add(_) | SetCall::Remove(_) => vec![SetReply::Changed],
        },
    }
}

/// What a verdict says, but for the evidence that may be chosen freely.
pub trait Brief {
    fn brief(&self) -> Option<(usize, usize, bool)>;
}

impl Brief for Verdict {
    fn brief(&self) -> Option<(usize, usize, bool)> {
        match self {
            Verdict::Violation(it) => Some((it.prefix, it.unplaced, it.shortest)),
            Verdict::Linearizable { .. } => None,
            Verdict::Unknown { .. } => panic!("{self:?}"),
        }
    }
}

/// A specification without what it knows beforehand, and as one object.
pub struct Plain<'a, S>(pub &'a S);

impl<S: Specification> Specification for Plain<'_, S> {
    type Call = S::Call;
    type Reply = S::Reply;
    type State = S::State;

    fn initial(&self) -> S::State {
        self.0.initial()
    }

    fn step(&self, state: &S::State, call: &S::Call, reply: Option<&S::Reply>) -> Option<S::State> {
        self.0.step(state, call, reply)
    }
}

/// Random histories of each kind: `TIMES=20` takes twenty times as many.
pub fn times() -> u64 {
    std::env::var("TIMES").ok().and_then(|times| times.parse().ok()).unwrap_or(1)
}
