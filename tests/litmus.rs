//! Histories of the literature, and whether they are linearizable and sequentially consistent.

use pillars::state::consistency::{
    CausalModel, Checker, History, KeyValueCall, KeyValueSpec, Operation, QueueCall, QueueReply,
    QueueSpec, RegisterCall, RegisterHistory, RegisterReply, RegisterSpec, Sequential,
    Specification, Verdict, Violation,
};

use RegisterCall::{CompareAndSet, Read, Write};
use RegisterReply::{Swapped, Value, Written};

/// Where a history ends to be linearizable: how many events that takes, and the operation.
fn violated(verdict: &Verdict) -> Option<(usize, usize)> {
    match verdict {
        Verdict::Violation(Violation { prefix, unplaced, shortest: true, .. }) => {
            Some((*prefix, *unplaced))
        }
        _ => None,
    }
}

fn register(operations: &[(usize, RegisterCall, RegisterReply, f64, f64)]) -> RegisterHistory {
    let one =
        |&(process, call, reply, from, to): &_| Operation::new(process, call, reply, from, to);
    History::of(operations.iter().map(one).collect()).unwrap()
}

#[test]
fn queues_of_herlihy_and_wing() {
    // Figure 1 of "Linearizability: a correctness condition for concurrent objects" (1990).
    let enqueue = |process, element, from, to| {
        Operation::new(process, QueueCall::Enqueue(element), QueueReply::Enqueued, from, to)
    };
    let dequeue = |process, element, from, to| {
        Operation::new(process, QueueCall::Dequeue, QueueReply::Dequeued(Some(element)), from, to)
    };
    let (x, y, z) = (1, 2, 3);
    let cases = [
        // (a) concurrent enqueues may take effect in either order.
        (
            vec![
                enqueue(0, x, 0.0, 2.0),
                enqueue(1, y, 1.0, 3.0),
                dequeue(1, x, 4.0, 6.0),
                dequeue(0, y, 5.0, 7.0),
                enqueue(0, z, 8.0, 9.0),
            ],
            true,
        ),
        // (b) x was there before y.
        (vec![enqueue(0, x, 0.0, 1.0), enqueue(1, y, 2.0, 3.0), dequeue(0, y, 4.0, 5.0)], false),
        // (c) x may be taken out before its enqueue returns.
        (vec![enqueue(0, x, 0.0, 3.0), dequeue(1, x, 1.0, 2.0)], true),
        // (d) y is taken out twice.
        (
            vec![
                enqueue(0, x, 0.0, 2.0),
                enqueue(1, y, 1.0, 3.0),
                dequeue(0, y, 4.0, 6.0),
                dequeue(2, y, 5.0, 7.0),
            ],
            false,
        ),
    ];
    for (number, (operations, linearizable)) in cases.into_iter().enumerate() {
        let history = History::of(operations).unwrap();
        let verdict = Checker::new().check(&QueueSpec, &history);
        assert_eq!(verdict.is_linearizable(), linearizable, "case {number}");
        assert_eq!(verdict.is_violation(), !linearizable, "case {number}");
    }
}

#[test]
fn registers_of_the_literature() {
    // Lamport (1986): a regular register may show the new value and then the old one.
    let inversion = register(&[
        (0, Write(1), Written, 0.0, 1.0),
        (0, Write(2), Written, 2.0, 9.0),
        (1, Read, Value(Some(2)), 3.0, 4.0),
        (2, Read, Value(Some(1)), 5.0, 6.0),
    ]);
    let verdict = Checker::new().check(&RegisterSpec, &inversion);
    assert_eq!(violated(&verdict), Some((7, 3)));
    assert_eq!(Checker::new().conflict(&RegisterSpec, &inversion), [0, 2, 3]);
    let text = verdict.explain(&inversion);
    assert!(
        text.contains("up to event 7, at 6: there is no place for\n  process 2: read → 1 [5, 6]")
    );
    // While both reads overlap either order is right.
    let overlap = register(&[
        (0, Write(1), Written, 0.0, 1.0),
        (0, Write(2), Written, 2.0, 9.0),
        (1, Read, Value(Some(2)), 3.0, 5.0),
        (2, Read, Value(Some(1)), 4.0, 6.0),
    ]);
    assert!(Checker::new().check(&RegisterSpec, &overlap).is_linearizable());
    // A stale read is sequentially consistent all the same.
    let stale = register(&[(0, Write(1), Written, 0.0, 1.0), (1, Read, Value(None), 2.0, 3.0)]);
    assert_eq!(violated(&Checker::new().check(&RegisterSpec, &stale)), Some((4, 1)));
    assert_eq!(Checker::new().conflict(&RegisterSpec, &stale), [0, 1]);
    let sequential = Checker::new().sequential(&RegisterSpec, &stale);
    assert_eq!(sequential, Sequential::Consistent { order: vec![1, 0] });
    // A lost update: two compare-and-sets of one value.
    let lost = register(&[
        (0, Write(1), Written, 0.0, 1.0),
        (1, CompareAndSet(1, 2), Swapped(true), 2.0, 4.0),
        (2, CompareAndSet(1, 3), Swapped(true), 3.0, 5.0),
    ]);
    assert_eq!(violated(&Checker::new().check(&RegisterSpec, &lost)), Some((6, 2)));
    assert!(Checker::new().sequential(&RegisterSpec, &lost).is_violation());
}

/// Two queues in one object, without what is known of either.
struct TwoQueues;

impl Specification for TwoQueues {
    type Call = String;
    type Reply = i64;
    type State = [Vec<i64>; 2];

    fn initial(&self) -> [Vec<i64>; 2] {
        [vec![], vec![]]
    }

    /// "p+1" puts 1 into p and is answered with 0, "q-" takes out of q.
    fn step(
        &self,
        state: &[Vec<i64>; 2],
        call: &String,
        reply: Option<&i64>,
    ) -> Option<[Vec<i64>; 2]> {
        let mut next = state.clone();
        let queue = &mut next[usize::from(call.starts_with('q'))];
        match call[2..].parse() {
            Ok(element) => queue.push(element),
            Err(_) if queue.is_empty() => return None,
            Err(_) => {
                let first = queue.remove(0);
                return reply.is_none_or(|reply| *reply == first).then_some(next);
            }
        }
        Some(next)
    }
}

#[test]
fn sequential_consistency_is_not_local() {
    // Herlihy and Wing (1990), section 3.3: each queue is sequentially consistent, both are not.
    let operation = |process, call: &str, reply, at: f64| {
        Operation::new(process, call.to_owned(), reply, at, at + 0.5)
    };
    let both = vec![
        operation(0, "p+1", 0, 0.0),
        operation(1, "q+2", 0, 1.0),
        operation(0, "q+1", 0, 2.0),
        operation(1, "p+2", 0, 3.0),
        operation(0, "p-", 2, 4.0),
        operation(1, "q-", 1, 5.0),
    ];
    let of = |queue: char| {
        let one = both.iter().filter(|it| it.call.starts_with(queue)).cloned().collect();
        History::of(one).unwrap()
    };
    for queue in ['p', 'q'] {
        assert!(Checker::new().sequential(&TwoQueues, &of(queue)).is_consistent());
        assert!(Checker::new().check(&TwoQueues, &of(queue)).is_violation());
    }
    let both = History::of(both.clone()).unwrap();
    let verdict = Checker::new().sequential(&TwoQueues, &both);
    let Sequential::Violation { order, stuck } = verdict else { panic!("{verdict:?}") };
    assert!(order.len() >= 4 && !stuck.is_empty() && stuck.iter().all(|it| !order.contains(it)));
    // Two registers (Dekker): neither process sees what the other wrote.
    let store = History::of(vec![
        Operation::new(0, KeyValueCall::write(0, 1), Written, 0.0, 1.0),
        Operation::new(1, KeyValueCall::write(1, 1), Written, 0.0, 1.0),
        Operation::new(0, KeyValueCall::read(1), Value(None), 2.0, 3.0),
        Operation::new(1, KeyValueCall::read(0), Value(None), 2.0, 3.0),
    ]);
    let store = store.unwrap();
    assert!(Checker::new().sequential(&KeyValueSpec, &store).is_violation());
    assert!(store.causal(CausalModel::Convergence).unwrap().is_consistent());
    assert!(store.causal(CausalModel::Memory).unwrap().is_consistent());
}
