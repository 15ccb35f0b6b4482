//! Causal consistency, session guarantees and convergence against histories of the literature, and
//! against slow methods that follow the definitions.

use pillars::prelude::Stream;
use pillars::state::consistency::{
    BadPattern, Causal, CausalModel, Checker, KeyValueCall, KeyValueHistory, KeyValueSpec,
    RandomHistory, RegisterCall, RegisterReply, Specification, StaleRead,
};
use std::collections::BTreeSet;

use RegisterCall::{CompareAndSet, Read, Write};
use RegisterReply::{Swapped, Value, Written};

/// Random histories of each kind: `TIMES=20` takes twenty times as many.
fn times() -> u64 {
    std::env::var("TIMES").ok().and_then(|times| times.parse().ok()).unwrap_or(1)
}

/// Reads (of a value; nil is 0) and writes of each process, by key: `w(0, 1)`, `r(0, 1)`.
type Access = (bool, u64, i64);

const fn w(key: u64, value: i64) -> Access {
    (true, key, value)
}

const fn r(key: u64, value: i64) -> Access {
    (false, key, value)
}

/// What each process does.
type Program<'a> = &'a [&'a [Access]];

/// What each process does, one after the other; times say nothing.
fn program(processes: &[&[Access]]) -> KeyValueHistory {
    let mut history = KeyValueHistory::new();
    let longest = processes.iter().map(|accesses| accesses.len()).max().unwrap_or(0);
    for (process, accesses) in (0..longest).flat_map(|_| processes.iter().enumerate()) {
        let done = history.operations().iter().filter(|it| it.process == process).count();
        let at = history.len() as f64;
        match accesses.get(done) {
            Some(&(true, key, value)) => {
                history.invoke(process, KeyValueCall::write(key, value), at);
                history.returns(process, Written, at);
            }
            Some(&(false, key, value)) => {
                let value = (value != 0).then_some(value);
                history.invoke(process, KeyValueCall::read(key), at);
                history.returns(process, Value(value), at);
            }
            None => {}
        }
    }
    history
}

const MODELS: [CausalModel; 3] =
    [CausalModel::Consistency, CausalModel::Memory, CausalModel::Convergence];

fn models(history: &KeyValueHistory) -> [bool; 3] {
    MODELS.map(|model| history.causal(model).unwrap().is_consistent())
}

#[test]
fn causal_histories_of_the_literature() {
    const X: u64 = 0;
    const Y: u64 = 1;
    const Z: u64 = 2;
    // Bouajjani and others (2017), figure 2: consistent, memory, convergence; and sequential.
    let cases: [(Program<'_>, [bool; 3], bool); 5] = [
        (&[&[w(X, 1), r(X, 2)], &[w(X, 2), r(X, 1)]], [true, true, false], false),
        (
            &[&[w(Z, 1), w(X, 1), w(Y, 1)], &[w(X, 2), r(Z, 0), r(Y, 1), r(X, 2)]],
            [true, false, true],
            false,
        ),
        (&[&[w(X, 1)], &[w(X, 2), r(X, 1), r(X, 2)]], [true, false, false], false),
        (
            &[&[w(X, 1), r(Y, 0), w(Y, 1), r(X, 1)], &[w(X, 2), r(Y, 0), w(Y, 2), r(X, 2)]],
            [true, true, true],
            false,
        ),
        (
            &[&[w(X, 1), w(Y, 1)], &[r(Y, 1), w(X, 2)], &[r(X, 2), r(X, 1)]],
            [false, false, false],
            false,
        ),
    ];
    for (number, (processes, expected, sequential)) in cases.into_iter().enumerate() {
        let history = program(processes);
        assert_eq!(models(&history), expected, "case {number}");
        if history.len() <= 5 {
            assert_eq!(by_definition(&history), expected, "case {number}, by definition");
        }
        let found = Checker::new().sequential(&KeyValueSpec, &history);
        assert_eq!((found.is_consistent(), found.is_violation()), (sequential, !sequential));
    }
}

#[test]
fn each_bad_pattern_is_named() {
    use BadPattern::*;
    use CausalModel::*;
    let cases: [(Program<'_>, CausalModel, BadPattern, &[usize]); 7] = [
        (&[&[r(0, 1), w(0, 2)], &[r(0, 2), w(0, 1)]], Consistency, CausalCycle, &[0, 2, 1, 3]),
        (&[&[r(0, 7)]], Consistency, ThinAirRead, &[0]),
        (&[&[w(0, 1), w(1, 1)], &[r(1, 1), r(0, 0)]], Consistency, InitialReadAfterWrite, &[0, 3]),
        (&[&[w(0, 1), w(0, 2)], &[r(0, 2), r(0, 1)]], Consistency, OverwrittenRead, &[0, 2, 3]),
        (&[&[w(0, 1), r(0, 2)], &[w(0, 2), r(0, 1)]], Convergence, ConflictCycle, &[0, 1]),
        (&[&[w(0, 1)], &[w(0, 2), r(0, 1), r(0, 2)]], Memory, OwnOrderCycle, &[0, 1]),
        (
            &[&[w(2, 1), w(0, 1), w(1, 1)], &[w(0, 2), r(2, 0), r(1, 1), r(0, 2)]],
            Memory,
            InitialReadInOwnOrder,
            &[0, 3],
        ),
    ];
    for (processes, model, pattern, operations) in cases {
        let found = program(processes).causal(model).unwrap();
        let expected = Causal::Violation { pattern, operations: operations.to_vec() };
        // A cycle may begin anywhere.
        let sorted = |causal: Causal| match causal {
            Causal::Violation { pattern, mut operations } => {
                operations.sort_unstable();
                Some((pattern, operations))
            }
            Causal::Consistent => None,
        };
        assert_eq!(sorted(found), sorted(expected));
    }
}

/// The three models by their definitions: some causal order, and linear orders of what it puts
/// before each operation.
fn by_definition(history: &KeyValueHistory) -> [bool; 3] {
    let operations = history.operations();
    let count = operations.len();
    let program = |one: usize, other: usize| {
        one < other && operations[one].process == operations[other].process
    };
    let mut found = [false; 3];
    let mut orders = vec![];
    permutations(count, &mut vec![], &mut |order| {
        let keeps = (0..count).all(|at| (0..at).all(|before| !program(order[at], order[before])));
        if keeps {
            orders.push(order.to_vec());
        }
    });
    let mut seen = BTreeSet::new();
    for order in orders {
        // Each causal order is part of a total one.
        let pairs: Vec<(usize, usize)> =
            (0..count).flat_map(|at| (0..at).map(move |before| (before, at))).collect();
        for subset in 0..1u32 << pairs.len() {
            let mut causes = vec![0u32; count];
            for (bit, &(before, at)) in pairs.iter().enumerate() {
                if subset >> bit & 1 == 1 {
                    causes[order[at]] |= 1 << order[before];
                }
            }
            let is_causal = (0..count).all(|one| {
                (0..count).all(|other| {
                    let closed = causes[one] >> other & 1 == 0 || causes[other] & !causes[one] == 0;
                    closed && (!program(other, one) || causes[one] >> other & 1 == 1)
                })
            });
            if !is_causal {
                continue;
            }
            let arbitrated =
                (0..count).all(|it| is_right(history, &order, causes[it], it, 1 << it));
            found[2] |= arbitrated;
            if !seen.insert(causes.clone()) {
                continue;
            }
            let own = |it: usize| {
                (0..count).filter(|&one| program(one, it)).fold(1 << it, |set, one| set | 1 << one)
            };
            found[0] |= (0..count).all(|it| is_explained(history, &causes, it, 1 << it));
            found[1] |= (0..count).all(|it| is_explained(history, &causes, it, own(it)));
        }
    }
    found
}

fn permutations(count: usize, begun: &mut Vec<usize>, done: &mut dyn FnMut(&[usize])) {
    if begun.len() == count {
        return done(begun);
    }
    for next in 0..count {
        if begun.contains(&next) {
            continue;
        }
        begun.push(next);
        permutations(count, begun, done);
        begun.pop();
    }
}

/// Whether what precedes an operation has a linear order in which these replies are right.
fn is_explained(history: &KeyValueHistory, causes: &[u32], it: usize, replies: u32) -> bool {
    fn place(
        history: &KeyValueHistory,
        causes: &[u32],
        it: usize,
        replies: u32,
        order: &mut Vec<usize>,
        left: u32,
    ) -> bool {
        if left == 0 {
            return is_right(history, order, causes[it], it, replies);
        }
        (0..causes.len()).any(|next| {
            if left >> next & 1 == 0 || causes[next] & left != 0 {
                return false;
            }
            order.push(next);
            let found = place(history, causes, it, replies, order, left & !(1 << next));
            order.pop();
            found
        })
    }
    place(history, causes, it, replies, &mut vec![], causes[it] | 1 << it)
}

/// Whether the replies to these operations are right if those of the order that precede `it`, and
/// `it`, take effect in this order.
fn is_right(
    history: &KeyValueHistory,
    order: &[usize],
    before: u32,
    it: usize,
    replies: u32,
) -> bool {
    let mut state = KeyValueSpec.initial();
    order.iter().filter(|&&one| one == it || before >> one & 1 == 1).all(|&one| {
        let operation = &history.operations()[one];
        let reply = operation.reply().filter(|_| replies >> one & 1 == 1);
        KeyValueSpec.step(&state, &operation.call, reply).map(|next| state = next).is_some()
    })
}

#[test]
fn causal_models_against_their_definitions() {
    let mut counts = [[0; 2]; 3];
    let mut apart = 0;
    for seed in 0..1500 * times() {
        let mut stream = Stream::new(seed, 0, "causal");
        let count = 3 + stream.below(3);
        let mut processes: Vec<Vec<Access>> = vec![vec![]; 2 + stream.below(2)];
        let mut written = [0i64; 2];
        for _ in 0..count {
            let at = stream.below(processes.len());
            let key = stream.below(1 + seed as usize % 2);
            if stream.uniform() < 0.5 {
                written[key] += 1;
                processes[at].push(w(key as u64, written[key]));
            } else {
                processes[at].push(r(key as u64, stream.below(4) as i64));
            }
        }
        for (_, key, value) in processes.iter_mut().flatten().filter(|it| !it.0) {
            *value = (*value).min(written[*key as usize] + i64::from(seed % 50 == 0));
        }
        let processes: Vec<&[Access]> = processes.iter().map(Vec::as_slice).collect();
        let history = program(&processes);
        let found = models(&history);
        assert_eq!(found, by_definition(&history), "seed {seed}: {:?}", history.operations());
        for (count, found) in counts.iter_mut().zip(found) {
            count[usize::from(found)] += 1;
        }
        apart += u32::from(found == [true, true, false]);
    }
    assert!(counts.iter().flatten().all(|&count| count > 100), "{counts:?}");
    assert!(apart > 0, "{apart} are causal memory and do not converge");
}

#[test]
fn what_is_linearizable_is_causal_and_more() {
    for seed in 0..30 {
        let random = RandomHistory::new(5, 120).keys(3).compare_and_set(0.2).timeouts(0.05);
        let history = random.key_value(seed);
        assert!(Checker::new().check(&KeyValueSpec, &history).is_linearizable());
        assert_eq!(models(&history), [true; 3], "seed {seed}");
        assert!(history.session_guarantees().unwrap().all_hold(), "seed {seed}");
    }
}

// Session guarantees.

/// The reads that break read your writes, monotonic reads, monotonic writes, writes follow reads:
/// of each read all that it must know, and whether one of that is newer.
fn sessions_by_definition(history: &KeyValueHistory) -> [Vec<usize>; 4] {
    let operations = history.operations();
    let writes = |it: usize| match operations[it].call.call {
        Write(value) | CompareAndSet(_, value) => Some(value),
        Read => None,
    };
    let key = |it: usize| operations[it].call.key;
    let source = |it: usize| {
        let value = match (operations[it].call.call, operations[it].reply()) {
            (CompareAndSet(from, _), _) => from,
            (_, Some(Value(Some(value)))) => *value,
            _ => return None,
        };
        (0..operations.len()).find(|&write| key(write) == key(it) && writes(write) == Some(value))
    };
    let earlier =
        |it: usize| (0..it).filter(move |&one| operations[one].process == operations[it].process);
    let answered = |it: &usize| operations[*it].reply().is_some();
    // When it was there: its reply, or that to a read of it.
    let there = |write: usize| {
        let reads = (0..operations.len()).filter(|&it| source(it) == Some(write));
        let answered = reads.chain([write]).filter(|it| operations[*it].reply().is_some());
        let ends = answered.map(|it| operations[it].ended as usize);
        ends.min().unwrap_or(usize::MAX)
    };
    // Times are whole numbers there.
    let is_older = |one: usize, other: usize| there(one) < operations[other].invoked as usize;
    let mut broken = [vec![], vec![], vec![], vec![]];
    for (read, operation) in operations.iter().enumerate() {
        let returned = source(read);
        match operation.reply() {
            // Not of what nobody wrote.
            Some(Value(Some(_)) | Swapped(true)) if returned.is_some() => {}
            Some(Value(None)) => {}
            _ => continue,
        }
        let own: BTreeSet<usize> =
            earlier(read).filter(answered).filter(|&it| writes(it).is_some()).collect();
        let seen: BTreeSet<usize> = earlier(read).filter(answered).filter_map(source).collect();
        let written: BTreeSet<usize> = seen
            .iter()
            .flat_map(|&it| earlier(it).filter(answered).filter(|&it| writes(it).is_some()))
            .collect();
        let mut known: BTreeSet<usize> = BTreeSet::new();
        let mut to_see: Vec<usize> = seen.iter().copied().collect();
        while let Some(write) = to_see.pop() {
            for before in earlier(write).filter(answered).chain([write]).filter_map(source) {
                if known.insert(before) {
                    to_see.push(before);
                }
            }
        }
        let stale = |must: &BTreeSet<usize>| {
            must.iter().any(|&it| {
                key(it) == key(read)
                    && Some(it) != returned
                    && returned.is_none_or(|returned| is_older(returned, it))
            })
        };
        let same = |it: usize| key(it) == key(read);
        let turned = returned.is_some_and(|returned| {
            seen.iter().any(|&it| same(it) && earlier(it).filter(answered).any(|it| it == returned))
        });
        let turned_read = returned.is_some_and(|returned| {
            seen.iter().any(|&it| {
                let mut before = earlier(it).filter(answered).chain([it]);
                same(it) && it != returned && before.any(|it| source(it) == Some(returned))
            })
        });
        let found =
            [stale(&own), stale(&seen), stale(&written) || turned, stale(&known) || turned_read];
        for (list, _) in broken.iter_mut().zip(found).filter(|(_, found)| *found) {
            list.push(read);
        }
    }
    broken
}

#[test]
fn session_guarantees_against_their_definitions() {
    let mut counts = [0; 4];
    for seed in 0..1000 * times() {
        let mut stream = Stream::new(seed, 0, "sessions");
        let mut history = KeyValueHistory::new();
        let mut written = [0i64; 2];
        let processes = 2 + stream.below(3);
        let mut open = vec![None; processes];
        for at in 0..40 {
            let (process, at) = (stream.below(processes), f64::from(at));
            match open[process].take() {
                None => {
                    let key = stream.below(2);
                    let call = if stream.uniform() < 0.4 {
                        written[key] += 1;
                        let from = (written[key] - 1 - stream.below(2) as i64).max(1);
                        match stream.below(4) {
                            0 if written[key] > 1 => {
                                KeyValueCall::compare_and_set(key as u64, from, written[key])
                            }
                            _ => KeyValueCall::write(key as u64, written[key]),
                        }
                    } else {
                        KeyValueCall::read(key as u64)
                    };
                    history.invoke(process, call, at);
                    open[process] = Some(call);
                }
                Some(_) if stream.below(12) == 0 => _ = history.times_out(process, at),
                Some(KeyValueCall { key, call: Read }) => {
                    let newest = written[key as usize];
                    let value = (newest - stream.below(4) as i64).max(0);
                    let value = if stream.below(50) == 0 { 99 } else { value };
                    history.returns(process, Value((value > 0).then_some(value)), at);
                }
                Some(KeyValueCall { call: CompareAndSet(..), .. }) => {
                    history.returns(process, Swapped(true), at);
                }
                Some(_) => _ = history.returns(process, Written, at),
            }
        }
        let report = history.session_guarantees().unwrap();
        let lists = [
            &report.read_your_writes,
            &report.monotonic_reads,
            &report.monotonic_writes,
            &report.writes_follow_reads,
        ];
        let found = lists.map(|list| list.iter().map(|it| it.read).collect::<Vec<_>>());
        assert_eq!(found, sessions_by_definition(&history), "seed {seed}");
        for (count, list) in counts.iter_mut().zip(lists) {
            *count += list.len();
            for StaleRead { read, missed, because, .. } in list {
                let operations = history.operations();
                assert!(
                    because < read && operations[*because].process == operations[*read].process
                );
                assert_eq!(operations[*missed].call.key, operations[*read].call.key);
            }
        }
    }
    assert!(counts.iter().all(|&count| count > 100), "{counts:?}");
}

#[test]
fn each_session_guarantee_has_its_anomaly() {
    const X: u64 = 0;
    const Y: u64 = 1;
    // Of each which are broken, in the order of the report.
    let cases: [(Program<'_>, [usize; 4]); 6] = [
        (&[&[w(X, 1), r(X, 1), r(X, 1)], &[r(X, 1)]], [0, 0, 0, 0]),
        // Its own write is not there.
        (&[&[w(X, 1), r(X, 0)]], [1, 0, 0, 0]),
        // What was there is gone; two writers.
        (&[&[w(X, 1)], &[], &[r(X, 1), r(X, 0)]], [0, 1, 0, 0]),
        // Two writes of one process, the wrong way round.
        (&[&[w(X, 1), w(X, 2)], &[r(X, 2), r(X, 2), r(X, 1)]], [0, 1, 1, 0]),
        // The second write is there, the first is not.
        (&[&[w(X, 1), w(Y, 1)], &[r(Y, 1), r(Y, 1), r(X, 0)]], [0, 0, 1, 0]),
        // An answer without the question.
        (&[&[w(X, 1)], &[r(X, 1), w(Y, 1)], &[r(Y, 1), r(X, 0)]], [0, 0, 0, 1]),
    ];
    for (number, (processes, expected)) in cases.into_iter().enumerate() {
        let mut history = program(processes);
        if number == 0 {
            history.invoke(5, KeyValueCall::write(X, 7), 100.0).times_out(5, 101.0);
            history.invoke(5, KeyValueCall::read(X), 102.0).returns(5, Value(Some(1)), 103.0);
        }
        let report = history.session_guarantees().unwrap();
        let found = [
            report.read_your_writes.len(),
            report.monotonic_reads.len(),
            report.monotonic_writes.len(),
            report.writes_follow_reads.len(),
        ];
        assert_eq!(found, expected, "case {number}");
        assert_eq!(report.all_hold(), expected == [0; 4]);
    }
}

#[test]
fn reads_that_come_to_agree() {
    let write = KeyValueCall::write;
    let mut history = KeyValueHistory::new();
    history.invoke(0, write(0, 1), 0.0).returns(0, Written, 1.0);
    history.invoke(0, write(1, 1), 1.0).times_out(0, 2.0);
    history.invoke(1, KeyValueCall::compare_and_set(1, 7, 8), 2.0).returns(1, Swapped(false), 9.0);
    for (process, key, value) in [(0, 0, 1), (1, 0, 1), (0, 1, 0), (1, 1, 1), (2, 1, 0)] {
        history.invoke(process, KeyValueCall::read(key), 10.0);
        history.returns(process, Value((value > 0).then_some(value)), 10.0);
    }
    let found = history.convergence(5.0);
    assert_eq!(found.agreed, [(0, Some(1))]);
    assert_eq!(found.disagreed, [(1, vec![5, 6])]);
    assert!(found.written.is_empty() && !found.is_reached());
    history.invoke(3, write(1, 2), 11.0);
    assert_eq!(history.convergence(5.0).written, [1]);
    assert!(history.convergence(5.0).disagreed.is_empty());
    assert!(!history.convergence(20.0).is_reached(), "nobody reads");
    let calm = program(&[&[w(0, 1)], &[r(0, 1)], &[r(0, 1)]]);
    assert!(calm.convergence(0.5).is_reached());
}
