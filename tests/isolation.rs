//! Transaction histories: the textbook's anomalies by hand, and every verdict by a second way.

#[path = "common/said.rs"]
mod said;

use pillars_models::sim::Stream;
use pillars_models::truth::isolation::{
    Anomaly, Dependency, Edge, Evidence, Level, Report, Transactions, Version,
};
use said::each_says;
use std::collections::{BTreeMap, BTreeSet};

use Anomaly::{G0, G1a, G1b, G1c, G2Item, GNonadjacent, GSingle, Internal, LostUpdate};

/// Histories with all their anomalies, the length of the shortest cycle, and the strictest level
/// that allows them (by its place among all levels).
const LITMUS: &[(&str, &str, &[Anomaly], usize, Level)] = &[
    ("serial", "w1(x1) c1 r2(x1) w2(x2) c2", &[], 0, Level::TwoPhaseLocking),
    (
        "a stale snapshot, serializable the other way round",
        "r1(x0) w2(x2) c2 r1(y0) c1",
        &[],
        0,
        Level::TwoPhaseLocking,
    ),
    // Adya (1999), section 4.2.1.
    (
        "write cycle",
        "w1(x1) w2(x2) w2(y2) c2 w1(y1) c1 [x1<<x2] [y2<<y1]",
        &[G0],
        2,
        Level::Nothing,
    ),
    ("aborted read", "w1(x1) r2(x1) c2 a1", &[G1a], 0, Level::ReadUncommitted),
    ("intermediate read", "w1(x1) r2(x1) w1(x1.2) c1 c2", &[G1b], 0, Level::ReadUncommitted),
    (
        "circular information flow",
        "w1(x1) w2(y2) r1(y2) r2(x1) c1 c2",
        &[G1c],
        2,
        Level::ReadUncommitted,
    ),
    // Berenson et al. (1995), H4, H5, A5A, P2.
    (
        "lost update",
        "r1(x0) r2(x0) w2(x2) c2 w1(x1) c1",
        &[LostUpdate, GSingle],
        2,
        Level::ReadCommitted,
    ),
    (
        "write skew",
        "r1(x0) r1(y0) r2(x0) r2(y0) w1(y1) w2(x2) c1 c2",
        &[G2Item],
        2,
        Level::Snapshot,
    ),
    ("read skew", "r1(x0) w2(x2) w2(y2) c2 r1(y2) c1", &[GSingle], 2, Level::ReadCommitted),
    ("fuzzy read", "r1(x0) w2(x2) c2 r1(x2) c1", &[GSingle], 2, Level::ReadCommitted),
    // Fekete, O'Neil and O'Neil (2004): without transaction 3, which only reads, all is well.
    (
        "read-only anomaly",
        "r2(x0) r2(y0) r1(y0) w1(y1) c1 r3(x0) r3(y1) c3 w2(x2) c2",
        &[G2Item],
        3,
        Level::Snapshot,
    ),
    (
        "the same without the reader",
        "r2(x0) r2(y0) r1(y0) w1(y1) c1 w2(x2) c2",
        &[],
        0,
        Level::TwoPhaseLocking,
    ),
    // Sovran et al. (2011): two readers see two writes in two orders.
    (
        "long fork",
        "w1(x1) c1 w2(y2) c2 r3(x1) r3(y0) c3 r4(x0) r4(y2) c4",
        &[GNonadjacent],
        4,
        Level::ReadCommitted,
    ),
    ("own write not seen", "w1(x1) r1(x0) c1", &[Internal], 0, Level::Nothing),
    (
        "three who each read what the next one writes",
        "r1(x0) r2(y0) r3(z0) w1(z1) w2(x2) w3(y3) c1 c2 c3",
        &[G2Item],
        3,
        Level::Snapshot,
    ),
    (
        "what aborts does not count",
        "r1(x0) r2(x0) w2(x2) c2 w1(x1) a1",
        &[],
        0,
        Level::TwoPhaseLocking,
    ),
];

fn parsed(text: &str) -> Transactions {
    Transactions::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The strictest level that allows all anomalies of a history.
fn strictest(report: &Report) -> Level {
    *Level::ALL.iter().rfind(|level| report.is_allowed_at(**level)).expect("the weakest allows all")
}

#[test]
fn litmus_histories() {
    for (name, text, anomalies, cycle, level) in LITMUS {
        let history = parsed(text);
        let report = history.check();
        assert_eq!(report.anomalies(), *anomalies, "{name}: {report}");
        assert_eq!(report.shortest_cycle().map_or(0, <[Edge]>::len), *cycle, "{name}: {report}");
        assert_eq!(strictest(&report), *level, "{name}: {report}");
        assert_eq!(report.is_serializable(), anomalies.is_empty(), "{name}");
        assert_eq!(history.serial_order_by_force().is_some(), anomalies.is_empty(), "{name}");
        assert_eq!(report.serial_order().is_some(), anomalies.is_empty(), "{name}");
        is_well_founded(&history, &report);
        // What is shown is read again.
        assert_eq!(parsed(&history.to_string()), history, "{name}");
    }
    // Each level is the strictest for some history, but for one of the two serializable ones.
    let levels: BTreeSet<Level> = LITMUS.iter().map(|row| row.4).collect();
    assert_eq!(levels.len(), Level::ALL.len() - 1);
    let text = parsed("r1(x0) r2(x0) w2(x2) c2 w1(x1) c1").check().to_string();
    assert_eq!(
        text,
        "2 committed, not serializable\nlost update (lost update): T1 -rw(x)-> T2 -ww(x)-> T1\n\
         G-single (read skew): T1 -rw(x)-> T2 -ww(x)-> T1"
    );
    assert_eq!(
        parsed("w1(x1) c1 r2(x1) c2").check().to_string(),
        "2 committed, serializable as T1 T2"
    );
}

/// Every cycle is one, of edges that the graph has, of the kind that it is said to be.
fn is_well_founded(history: &Transactions, report: &Report) {
    for anomaly in report.anomalies() {
        let Some(Evidence::Cycle(cycle)) = report.evidence(anomaly) else { continue };
        for (at, edge) in cycle.iter().enumerate() {
            assert_eq!(edge.to, cycle[(at + 1) % cycle.len()].from, "{history}");
            assert!(report.edges().contains(edge), "{history}");
        }
        let kind = if anomaly == LostUpdate { GSingle } else { anomaly };
        assert_eq!(kind_of(cycle), Some(kind), "{history}: {report}");
    }
}

/// Of which kind a cycle is, if it comes to no transaction twice.
fn kind_of(cycle: &[Edge]) -> Option<Anomaly> {
    let nodes: BTreeSet<usize> = cycle.iter().map(|edge| edge.from).collect();
    let is_rw = |at: usize| cycle[at % cycle.len()].dependency == Dependency::ReadWrite;
    let has = |dependency| cycle.iter().any(|edge| edge.dependency == dependency);
    let count = (0..cycle.len()).filter(|at| is_rw(*at)).count();
    let kind = match count {
        0 if has(Dependency::WriteRead) => G1c,
        0 => G0,
        1 => GSingle,
        _ if (0..cycle.len()).any(|at| is_rw(at) && is_rw(at + 1)) => G2Item,
        _ => GNonadjacent,
    };
    (nodes.len() == cycle.len()).then_some(kind)
}

/// Of each kind the length of the shortest cycle, by going through all cycles.
fn all_cycles(edges: &[Edge]) -> BTreeMap<Anomaly, usize> {
    fn goes_on<'a>(
        edges: &'a [Edge],
        path: &mut Vec<&'a Edge>,
        found: &mut BTreeMap<Anomaly, usize>,
    ) {
        let (first, last) = (path[0].from, path[path.len() - 1].to);
        if first == last {
            let cycle: Vec<Edge> = path.iter().map(|edge| (*edge).clone()).collect();
            let kind = kind_of(&cycle).expect("a simple cycle");
            let length = found.entry(kind).or_insert(usize::MAX);
            *length = cycle.len().min(*length);
            return;
        }
        // Each cycle once, from its smallest transaction.
        let is_new = |to: usize| to == first || (to > first && path.iter().all(|it| it.from != to));
        for edge in
            edges.iter().filter(|edge| edge.from == last && is_new(edge.to)).collect::<Vec<_>>()
        {
            path.push(edge);
            goes_on(edges, path, found);
            path.pop();
        }
    }
    let mut found = BTreeMap::new();
    for edge in edges.iter().filter(|edge| edge.from < edge.to) {
        goes_on(edges, &mut vec![edge], &mut found);
    }
    found
}

/// A history of chance that no store made: reads of any version, versions in any order.
fn of_chance(seed: u64) -> Transactions {
    let mut random = Stream::new(seed, 0, "histories");
    let (transactions, objects) = (2 + random.below(4), ["x", "y", "z"]);
    let mut history = Transactions::new();
    let mut open: Vec<usize> = (1..=transactions).collect();
    let mut written: Vec<(usize, &str)> = objects.map(|object| (0, object)).to_vec();
    while !open.is_empty() {
        let at = random.below(open.len());
        let transaction = open[at];
        match random.below(7) {
            0..=2 => {
                let (writer, object) = written[random.below(written.len())];
                history.read(transaction, object, writer);
            }
            3..=5 => {
                let object = objects[random.below(2 + seed as usize % 2)];
                history.write(transaction, object);
                written.push((transaction, object));
            }
            _ if random.below(6) == 0 => {
                history.abort(transaction);
                open.remove(at);
            }
            _ => {
                history.commit(transaction);
                open.remove(at);
            }
        }
    }
    if random.below(2) == 0 {
        let mut writers: Vec<usize> = (1..=transactions).collect();
        writers.reverse();
        history.order("x", &writers);
    }
    history
}

/// On thousands of histories: a verdict is that of trying all orders, an order that is given is
/// one, and the cycles are those of going through all.
#[test]
fn verdicts_are_those_of_brute_force() {
    let (mut serializable, mut seen, mut missed) = (0, BTreeSet::new(), 0);
    for seed in 0..4_000 {
        let history = of_chance(seed);
        let report = history.check();
        is_well_founded(&history, &report);
        let forced = history.serial_order_by_force();
        assert_eq!(report.is_serializable(), forced.is_some(), "{history}: {report}");
        serializable += usize::from(forced.is_some());
        assert_eq!(parsed(&history.to_string()), history);

        let cycles = all_cycles(report.edges());
        for anomaly in [G0, G1c, GSingle, GNonadjacent, G2Item] {
            let found = match report.evidence(anomaly) {
                Some(Evidence::Cycle(cycle)) => Some(cycle.len()),
                _ => None,
            };
            let shortest = cycles.get(&anomaly).copied();
            // A long fork may hide behind shorter walks that cross themselves.
            if anomaly == GNonadjacent && found != shortest {
                assert!(found.is_none(), "{history}: {report}");
                missed += 1;
            } else {
                assert_eq!(found, shortest, "{anomaly} in {history}: {report}");
            }
        }
        seen.extend(report.anomalies());
    }
    assert!((200..3_800).contains(&serializable), "{serializable}");
    assert_eq!(seen.len(), Anomaly::ALL.len(), "{seen:?}");
    assert!(missed < 40, "{missed} long forks not found");
}

#[test]
fn histories_that_do_not_read_say_why() {
    for (text, part, what) in [
        ("x", "x", "a history has parts like"),
        ("r1(x0", "r1(x0", "the bracket is not closed"),
        ("r1(x)", "r1(x)", "a history has parts like"),
        ("r(x0)", "r(x0)", "a history has parts like"),
        ("é1(x0)", "é1(x0)", "a history has parts like"),
        ("w1(x2)", "w1(x2)", "the version that it writes must be x1"),
        ("w1(x1) w1(x1)", "w1(x1)", "the version that it writes must be x1.2"),
        ("r1(x2)", "r1(x2)", "transaction 2 has not written that version of x before"),
        ("c1 r1(x0)", "r1(x0)", "transaction 1 has ended before"),
        ("c0", "c0", "number them from 1"),
        ("c1(x0)", "c1(x0)", "a history has parts like"),
        ("[x1<<y2]", "[x1<<y2]", "an order is of the versions of one object"),
        ("[x1 << x2 << x1]", "[x1<<x2<<x1]", "a writer is named twice"),
        ("[x1<<]", "[x1<<]", "a history has parts like"),
    ] {
        let error = Transactions::parse(text).expect_err(text);
        assert!(error.part == part && error.what.contains(what), "{text}: {error}");
    }
    assert_eq!(parsed("w1(x1) c1 w2(x2) c2 [x2 << x1]"), parsed("w1(x1) c1 w2(x2) c2 [x2<<x1]"));
}

#[test]
fn what_makes_no_sense_is_told() {
    each_says([
        (
            Box::new(|| _ = Transactions::new().read(1, "x", 2).count()) as Box<dyn Fn()>,
            "transaction 1 is to read x as transaction 2 wrote it",
        ),
        (
            Box::new(|| {
                let version = Version { writer: 0, number: 2 };
                Transactions::new().read_version(1, "x", version);
            }),
            "but its write 2 is read",
        ),
        (
            Box::new(|| {
                Transactions::new().commit(1).write(1, "x");
            }),
            "transaction 1 has ended, but does something more (w1(x1))",
        ),
        (
            Box::new(|| {
                Transactions::new().commit(0);
            }),
            "number them from 1",
        ),
        (
            Box::new(|| {
                Transactions::new().order("x", &[1, 2, 1]);
            }),
            "one is named twice in [1, 2, 1]",
        ),
        (
            Box::new(|| {
                let mut history = Transactions::new();
                (1..=9).for_each(|it| _ = history.commit(it));
                drop(history.serial_order_by_force());
            }),
            "at most 8 committed transactions",
        ),
    ]);
}
