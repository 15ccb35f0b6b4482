//! Linearizability and sequential consistency against published verdicts, and against slow methods
//! that follow the definitions. `TIMES=20` takes twenty times as many random histories.

#[path = "common/histories.rs"]
mod histories;

use histories::{
    Brief, Make, Plain, counters, explains, is_linearizable, is_sequential, queues, registers,
    sets, stores, times,
};
use pillars::prelude::{Abd, LastWriterWins, Outcome, Scenario, Stream, Survey};
use pillars::state::consistency::{
    Checker, CounterCall, CounterReply, CounterSpec, End, EventKind, History, KeyValueCall,
    KeyValueHistory, KeyValueSpec, Operation, RandomHistory, RegisterCall, RegisterHistory,
    RegisterReply, RegisterSpec, Sequential, Specification, Verdict, Violation,
};
use std::time::Duration;

use RegisterCall::{CompareAndSet, Read, Write};
use RegisterReply::{Value, Written};

/// The thirty logs of etcd.
const ETCD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../notebooks/data/etcd");
/// Those that are linearizable, as published with Porcupine.
const LINEARIZABLE: [usize; 5] = [2, 5, 7, 18, 25];

fn etcd(number: usize) -> RegisterHistory {
    RegisterHistory::open(format!("{ETCD}/etcd_{number:03}.log")).unwrap()
}

#[test]
fn etcd_has_its_published_verdicts() {
    for number in 0..30 {
        let history = etcd(number);
        let verdict = Checker::new().check(&RegisterSpec, &history);
        match &verdict {
            Verdict::Linearizable { order } => {
                assert!(explains(&RegisterSpec, &history, order), "etcd {number}");
            }
            Verdict::Violation(violation) => {
                let before = history.prefix(violation.prefix - 1);
                assert!(violation.shortest && explains(&RegisterSpec, &before, &violation.order));
            }
            Verdict::Unknown { .. } => panic!("etcd {number} is not known"),
        }
        assert_eq!(verdict.is_linearizable(), LINEARIZABLE.contains(&number), "etcd {number}");
        // A method that knows nothing of registers agrees.
        assert_eq!(Checker::new().check(&Plain(&RegisterSpec), &history).brief(), verdict.brief());
    }
}

/// Small histories against all orders: verdict, witness, shortest prefix, and what contradicts.
fn against_all_orders<S: Specification>(make: &Make<S>, name: &str, histories: u64) {
    let specification = &make.specification;
    let checker = Checker::new();
    let histories = histories * times();
    let (mut good, mut bad, mut later) = (0, 0, 0);
    for seed in 0..histories {
        let mut stream = Stream::new(seed, 0, name);
        let (processes, operations) = (2 + stream.below(3), 3 + stream.below(5));
        let history = make.history(&mut stream, processes, operations, 0.15);
        let verdict = checker.check(specification, &history);
        let plain = checker.check(&Plain(specification), &history);
        assert_eq!(plain.brief(), verdict.brief(), "{name} {seed}");
        match verdict {
            Verdict::Linearizable { order } => {
                assert!(is_linearizable(specification, &history), "{name} {seed}");
                assert!(explains(specification, &history, &order), "{name} {seed}");
                good += 1;
            }
            Verdict::Violation(Violation { prefix, unplaced, order, shortest, .. }) => {
                let before = history.prefix(prefix - 1);
                assert!(!is_linearizable(specification, &history.prefix(prefix)), "{name} {seed}");
                assert!(is_linearizable(specification, &before), "{name} {seed}");
                assert!(shortest && history.events()[prefix - 1].operation == unplaced);
                if specification.partition(&history.operations()[unplaced].call).is_none() {
                    assert!(explains(specification, &before, &order), "{name} {seed}");
                }
                let conflict = checker.conflict(specification, &history);
                contradicts(specification, &history.prefix(prefix), &conflict);
                bad += 1;
                later += u32::from(prefix < history.events().len());
            }
            Verdict::Unknown { .. } => panic!("{name} {seed} is not known"),
        }
    }
    let least = histories / 10;
    assert!(good > least && bad > least, "{name}: {good} linearizable, {bad} not");
    assert!(later > 50, "{name}: only {later} are violated before their end");
}

/// Without the replies of all others these operations cannot be explained, and without that of any
/// one of them the rest can.
fn contradicts<S: Specification>(
    specification: &S,
    history: &History<S::Call, S::Reply>,
    conflict: &[usize],
) {
    let with = |kept: &dyn Fn(usize) -> bool| {
        let mut only = History::new();
        for event in history.events() {
            let Operation { process, call, .. } = &history.operations()[event.operation];
            match (event.kind, &history.operations()[event.operation].end) {
                (EventKind::Invoked, _) => _ = only.invoke(*process, call.clone(), event.at),
                (EventKind::Returned, Some(End::Returned(reply))) if kept(event.operation) => {
                    only.returns(*process, reply.clone(), event.at);
                }
                (EventKind::Failed, _) => _ = only.fails(*process, event.at),
                _ => _ = only.times_out(*process, event.at),
            }
        }
        is_linearizable(specification, &only)
    };
    assert!(!with(&|it| conflict.contains(&it)));
    for &without in conflict {
        assert!(with(&|it| it != without && conflict.contains(&it)));
    }
}

#[test]
fn small_histories_of_registers() {
    against_all_orders(&registers(), "register", 4000);
}

#[test]
fn small_histories_of_stores() {
    against_all_orders(&stores(), "store", 2000);
}

#[test]
fn small_histories_of_queues() {
    against_all_orders(&queues(), "queue", 2000);
}

#[test]
fn small_histories_of_counters() {
    against_all_orders(&counters(), "counter", 1500);
}

#[test]
fn small_histories_of_sets() {
    against_all_orders(&sets(), "set", 1500);
}

/// Histories that are too long for all orders, with and without what is known of registers.
#[test]
fn what_is_known_beforehand_changes_no_verdict() {
    let (mut good, mut bad) = (0, 0);
    for seed in 0..1500 * times() {
        let mut stream = Stream::new(seed, 0, "beforehand");
        let (processes, operations) = (2 + stream.below(6), 10 + stream.below(40));
        let history = registers().history(&mut stream, processes, operations, 0.03);
        let verdict = Checker::new().check(&RegisterSpec, &history);
        assert_eq!(Checker::new().check(&Plain(&RegisterSpec), &history).brief(), verdict.brief());
        match verdict {
            Verdict::Violation(it) => {
                bad += 1;
                assert!(explains(&RegisterSpec, &history.prefix(it.prefix - 1), &it.order));
            }
            Verdict::Linearizable { order } => {
                good += 1;
                assert!(explains(&RegisterSpec, &history, &order));
            }
            Verdict::Unknown { .. } => unreachable!("brief would have panicked"),
        }
    }
    assert!(good > 200 && bad > 200, "{good} linearizable, {bad} not");
}

/// With values that are written once, and reads that are wrong by chance.
#[test]
fn values_that_are_written_once() {
    let (mut good, mut bad) = (0, 0);
    for seed in 0..1500 * times() {
        let mut stream = Stream::new(seed, 0, "once");
        let random = RandomHistory::new(2 + stream.below(5), 10 + stream.below(40));
        let random = if seed % 2 == 0 { random } else { random.timeouts(0.1).compare_and_set(0.2) };
        let right = random.register(seed);
        let mut history = RegisterHistory::new();
        for event in right.events() {
            let Operation { process, call, end, .. } = right.operations()[event.operation].clone();
            match (event.kind, end) {
                (EventKind::Invoked, _) => _ = history.invoke(process, call, event.at),
                (EventKind::Returned, Some(End::Returned(Value(Some(value)))))
                    if stream.below(30) == 0 =>
                {
                    history.returns(process, Value(Some((value - 2).max(1))), event.at);
                }
                (_, Some(End::Returned(reply))) => _ = history.returns(process, reply, event.at),
                _ => _ = history.times_out(process, event.at),
            }
        }
        let verdict = Checker::new().check(&RegisterSpec, &history);
        assert_eq!(Checker::new().check(&Plain(&RegisterSpec), &history).brief(), verdict.brief());
        if verdict.is_violation() { bad += 1 } else { good += 1 }
    }
    assert!(good > 200 && bad > 200, "{good} linearizable, {bad} not");
}

#[test]
fn histories_that_are_linearizable_by_construction() {
    let plain = RandomHistory::new(10, 400);
    let cases = [
        plain,
        RandomHistory::new(100, 400),
        plain.values(3),
        plain.compare_and_set(0.4).timeouts(0.1),
        plain.values(5).compare_and_set(0.4).timeouts(0.05),
    ];
    for (number, random) in cases.into_iter().enumerate() {
        for seed in 0..10 {
            let history = random.register(seed);
            match Checker::new().check(&RegisterSpec, &history) {
                Verdict::Linearizable { order } => {
                    assert!(explains(&RegisterSpec, &history, &order));
                }
                other => panic!("case {number}, seed {seed}: {}", other.explain(&history)),
            }
        }
    }
    let history = plain.keys(8).values(3).timeouts(0.05).key_value(1);
    match Checker::new().check(&KeyValueSpec, &history) {
        Verdict::Linearizable { order } => assert!(explains(&KeyValueSpec, &history, &order)),
        other => panic!("{}", other.explain(&history)),
    }
}

#[test]
fn a_stale_read_is_found() {
    for seed in 0..20 {
        for (clients, operations) in [(2, 300), (10, 300), (100, 600)] {
            let (history, read) = RandomHistory::new(clients, operations).with_stale_read(seed);
            let Verdict::Violation(violation) = Checker::new().check(&RegisterSpec, &history)
            else {
                panic!("seed {seed}, {clients} clients");
            };
            // It is the first wrong reply, and its value can have been read by nobody since.
            assert_eq!(violation.unplaced, read, "seed {seed}, {clients} clients");
            assert!(violation.shortest);
            let before = history.prefix(violation.prefix - 1);
            assert!(explains(&RegisterSpec, &before, &violation.order));
            let conflict = Checker::new().conflict(&RegisterSpec, &history);
            assert!(conflict.contains(&read) && conflict.len() <= 4, "{conflict:?}");
        }
    }
}

/// More concurrent and pending operations than bits in a word.
#[test]
fn hundreds_at_once() {
    let mut history = RegisterHistory::new();
    for process in 0..200 {
        history.invoke(process, Write(process as i64), 0.0);
    }
    for process in (0..200).step_by(2) {
        history.times_out(process, 0.0);
    }
    for value in (0..200).rev() {
        history.invoke(0, Read, 2.0).returns(0, Value(Some(value)), 2.0);
    }
    for process in (1..200).step_by(2) {
        history.returns(process, Written, 3.0);
    }
    let Verdict::Linearizable { order } = Checker::new().check(&RegisterSpec, &history) else {
        panic!("each is read once");
    };
    assert!(explains(&RegisterSpec, &history, &order) && order.len() == 400);
    history.invoke(0, Read, 4.0).returns(0, Value(Some(77)), 5.0);
    assert!(Checker::new().check(&RegisterSpec, &history).is_violation());
    // A counter: how many of a hundred pending additions count?
    let mut counter = History::new();
    for process in 0..100 {
        counter.invoke(process, CounterCall::Add(1), 0.0).times_out(process, 0.0);
    }
    for value in [0, 40, 40, 99, 100] {
        counter.invoke(0, CounterCall::Read, 2.0).returns(0, CounterReply::Value(value), 2.0);
    }
    assert!(Checker::new().check(&CounterSpec, &counter).is_linearizable());
    counter.invoke(0, CounterCall::Read, 4.0).returns(0, CounterReply::Value(101), 5.0);
    assert!(Checker::new().check(&CounterSpec, &counter).is_violation());
}

#[test]
fn a_limit_leaves_it_unknown() {
    let history = RandomHistory::new(12, 300).values(4).compare_and_set(0.5).register(3);
    let specification = Plain(&RegisterSpec);
    let verdict = Checker::new().limit(100).check(&specification, &history);
    assert_eq!(verdict, Verdict::Unknown { visited: 100, out_of_time: false });
    assert!(verdict.explain(&history).starts_with("Unknown. The limit was reached after 100"));
    let sequential = Checker::new().limit(10).sequential(&specification, &history);
    assert_eq!(sequential, Sequential::Unknown { visited: 10, out_of_time: false });
    assert!(Checker::new().conflict(&specification, &history).is_empty());
    let long = RandomHistory::new(12, 5000).values(4).register(3);
    let at_once = Checker::new().time_limit(Duration::ZERO).check(&specification, &long);
    assert!(matches!(at_once, Verdict::Unknown { out_of_time: true, .. }), "{at_once:?}");
    // A violation that is known stays one, but perhaps not the first.
    let mut both = KeyValueHistory::new();
    both.invoke(0, KeyValueCall::read(0), 0.0).returns(0, Value(Some(1)), 1.0);
    for process in 0..9 {
        both.invoke(process, KeyValueCall::write(1, process as i64), 2.0);
    }
    for process in 0..9 {
        both.returns(process, Written, 3.0);
    }
    both.invoke(0, KeyValueCall::read(0), 4.0).returns(0, Value(None), 5.0);
    let verdict = Checker::new().limit(3).check(&KeyValueSpec, &both);
    assert_eq!(verdict.brief(), Some((2, 0, true)));
}

// Relations between histories.

#[test]
fn what_makes_no_difference() {
    for seed in 0..400 {
        let mut stream = Stream::new(seed, 0, "relations");
        let history = registers().history(&mut stream, 4, 12, 0.03);
        let verdict = Checker::new().check(&RegisterSpec, &history);
        let moved = history.operations().iter().cloned().map(|mut it| {
            (it.invoked, it.ended) = (2.0 * it.invoked - 100.0, 2.0 * it.ended - 100.0);
            it
        });
        let moved = History::of(moved.collect()).unwrap();
        assert_eq!(Checker::new().check(&RegisterSpec, &moved).brief(), verdict.brief());
        let value = |it: i64| 7 - 3 * it;
        let renamed = history.operations().iter().cloned().map(|mut it| {
            it.process = 1000 - 7 * it.process;
            it.call = match it.call {
                Read => Read,
                Write(it) => Write(value(it)),
                CompareAndSet(from, to) => CompareAndSet(value(from), value(to)),
            };
            if let Some(End::Returned(Value(Some(it)))) = &mut it.end {
                *it = value(*it);
            }
            it
        });
        let renamed = History::of(renamed.collect()).unwrap();
        assert_eq!(Checker::new().check(&RegisterSpec, &renamed).brief(), verdict.brief());
    }
}

#[test]
fn what_keeps_a_history_linearizable() {
    let mut kept = 0;
    for seed in 0..1200 {
        let mut stream = Stream::new(seed, 0, "kept");
        let history = registers().history(&mut stream, 4, 12, 0.01);
        let Verdict::Linearizable { order } = Checker::new().check(&RegisterSpec, &history) else {
            continue;
        };
        kept += 1;
        // Without a pending operation that did not take effect.
        for out in (0..history.len()).filter(|it| !order.contains(it)) {
            let rest = history.operations().iter().enumerate();
            let rest = rest.filter(|(it, _)| *it != out).map(|(_, it)| it.clone()).collect();
            let rest = History::of(rest).unwrap();
            assert!(Checker::new().check(&RegisterSpec, &rest).is_linearizable());
        }
        // With operations that take longer, as far as their process allows.
        let mut longer = history.operations().to_vec();
        for it in 0..longer.len() {
            let process = longer[it].process;
            let next = longer[it + 1..].iter().find(|other| other.process == process);
            let until = next.map_or(1e6, |next| next.invoked);
            if longer[it].end.is_some() {
                let more = stream.uniform() * (until - longer[it].ended);
                longer[it].ended += more;
            }
            let before = longer[..it].iter().rfind(|other| other.process == process);
            let since = before.map_or(-5.0, |before| before.ended);
            let less = stream.uniform() * (longer[it].invoked - since);
            longer[it].invoked -= less;
        }
        let longer = History::of(longer).unwrap();
        assert!(Checker::new().check(&RegisterSpec, &longer).is_linearizable(), "seed {seed}");
    }
    assert!(kept > 300, "only {kept} are linearizable");
}

#[test]
fn sequential_consistency_against_all_orders() {
    fn compare<S: Specification>(make: &Make<S>, name: &str) {
        let (mut good, mut bad) = (0, 0);
        for seed in 0..1500 * times() {
            let mut stream = Stream::new(seed, 0, name);
            let (processes, operations) = (2 + stream.below(3), 3 + stream.below(5));
            let history = make.history(&mut stream, processes, operations, 0.5);
            let verdict = Checker::new().sequential(&make.specification, &history);
            let plain = Checker::new().sequential(&Plain(&make.specification), &history);
            assert_eq!(verdict.is_consistent(), plain.is_consistent(), "{name} {seed}");
            let expected = is_sequential(&make.specification, &history);
            match verdict {
                Sequential::Consistent { .. } => good += 1,
                Sequential::Violation { .. } => bad += 1,
                Sequential::Unknown { .. } => panic!("{name} {seed} is not known"),
            }
            assert_eq!(plain.is_consistent(), expected, "{name} {seed}");
        }
        assert!(good > 100 && bad > 100, "{name}: {good} are consistent, {bad} are not");
    }
    compare(&registers(), "register");
    compare(&stores(), "store");
    compare(&queues(), "queue");
}

/// Values that are written once, of which much is known beforehand, in one register and in two;
/// with reads that are wrong by chance, and pending writes that somebody may have read.
#[test]
fn sequential_consistency_of_values_that_are_written_once() {
    let (mut good, mut bad) = (0, 0);
    for seed in 0..4000 * times() {
        let mut stream = Stream::new(seed, 0, "once, without time");
        let random = RandomHistory::new(2 + stream.below(3), 4 + stream.below(4));
        let right =
            random.keys(1 + seed as usize % 2).timeouts(0.15).compare_and_set(0.2).key_value(seed);
        let history = with_lies(&right, 3, &mut stream);
        let verdict = Checker::new().sequential(&KeyValueSpec, &history);
        let expected = is_sequential(&KeyValueSpec, &history);
        assert_eq!(
            (verdict.is_consistent(), verdict.is_violation()),
            (expected, !expected),
            "{seed}"
        );
        if expected { good += 1 } else { bad += 1 }
    }
    assert!(good > 500 && bad > 500, "{good} are consistent, {bad} are not");
    // Longer ones against the search that knows nothing beforehand.
    let (mut good, mut bad) = (0, 0);
    for seed in 0..300 * times() {
        let mut stream = Stream::new(seed, 0, "longer, without time");
        let random = RandomHistory::new(2 + stream.below(3), 10 + stream.below(30));
        let right =
            random.keys(1 + seed as usize % 3).timeouts(0.03).compare_and_set(0.1).key_value(seed);
        let history = with_lies(&right, 30, &mut stream);
        let verdict = Checker::new().sequential(&KeyValueSpec, &history);
        let plain = Checker::new().sequential(&Plain(&KeyValueSpec), &history);
        assert_eq!(verdict.is_consistent(), plain.is_consistent(), "{seed}");
        assert_eq!(verdict.is_violation(), plain.is_violation(), "{seed}");
        if verdict.is_consistent() { good += 1 } else { bad += 1 }
    }
    assert!(good > 30 && bad > 30, "{good} are consistent, {bad} are not");
}

/// The history with one read in so many of an earlier value, or of nil.
fn with_lies(right: &KeyValueHistory, one_in: usize, stream: &mut Stream) -> KeyValueHistory {
    let mut history = KeyValueHistory::new();
    for event in right.events() {
        let Operation { process, call, end, .. } = right.operations()[event.operation].clone();
        match (event.kind, end) {
            (EventKind::Invoked, _) => _ = history.invoke(process, call, event.at),
            (EventKind::Returned, Some(End::Returned(Value(Some(value)))))
                if stream.below(one_in) == 0 =>
            {
                history.returns(process, Value((value > 2).then_some(value - 2)), event.at);
            }
            (_, Some(End::Returned(reply))) => _ = history.returns(process, reply, event.at),
            _ => _ = history.times_out(process, event.at),
        }
    }
    history
}

/// A thousand operations of five clients on two keys, where all positions of the clients would be
/// more than can be visited: what is known of reads leaves a few.
#[test]
fn contended_histories_are_judged_without_time() {
    let busy = Scenario::nodes(5).keys(2).think(5.0);
    let judged = |survey: Survey<KeyValueSpec>| {
        let checker = Checker::new().limit(20_000);
        let verdict = |it: &Outcome<_>| checker.sequential(&KeyValueSpec, &it.history);
        let verdicts: Vec<Sequential> = survey.runs().iter().map(verdict).collect();
        let consistent = verdicts.iter().filter(|it| it.is_consistent()).count();
        (consistent, verdicts.iter().filter(|it| it.is_violation()).count())
    };
    // What is linearizable is sequentially consistent.
    assert_eq!(judged(busy.survey(Abd::new, 10)), (10, 0));
    let (good, bad) = judged(busy.survey(LastWriterWins::new, 10));
    assert!(good >= 1 && bad >= 1 && good + bad == 10, "{good} {bad}");
    assert_eq!(judged(busy.clock(0, 20.0, 0.0).survey(LastWriterWins::new, 10)), (0, 10));
}
