//! Stores at each level of isolation: the anomalies that they show over many runs are those that the
//! level allows; write skew and lost updates by closed form and by the sum.

#[path = "common/said.rs"]
mod said;

use pillars_models::sim::Estimate;
use pillars_models::truth::isolation::{Anomaly, Execution, Level, Mix, Program, Store};
use said::each_says;
use std::collections::BTreeSet;

use Anomaly::{G2Item, GSingle, LostUpdate};

/// How many runs there are: `RUNS=10000` for the whole.
fn runs() -> usize {
    std::env::var("RUNS").map_or(1_500, |text| text.parse().unwrap())
}

/// Over many runs the anomalies of each level are those that it allows: all of them, and no other.
#[test]
fn every_level_shows_what_it_allows_and_nothing_else() {
    for level in Level::ALL {
        let mut seen = BTreeSet::new();
        for (seed, mix) in [
            Mix::new(6, 4, 2),
            Mix::new(8, 4, 3).writes(0.4),
            Mix::new(8, 3, 2).writes(0.3),
            Mix::new(5, 3, 2).writes(0.6),
        ]
        .into_iter()
        .enumerate()
        {
            let mix = mix.seed(seed as u64 + 1);
            for run in 0..runs() as u64 {
                let Execution { history, .. } = mix.run(level, run);
                let report = history.check();
                assert!(
                    report.is_allowed_at(level),
                    "{level}, run {run} of {mix:?}: {history}: {report}"
                );
                if level.is_serializable() {
                    assert!(report.is_serializable(), "{level}: {history}: {report}");
                }
                seen.extend(report.anomalies());
            }
        }
        let allowed: BTreeSet<Anomaly> =
            Anomaly::ALL.into_iter().filter(|anomaly| level.allows(*anomaly)).collect();
        assert_eq!(seen, allowed, "{level}");
    }
}

/// The same by trying all orders, where there are few enough transactions.
#[test]
fn stores_are_serializable_by_brute_force_too() {
    let mix = Mix::new(6, 3, 2);
    let mut serializable = [0; 6];
    for (at, level) in Level::ALL.into_iter().enumerate() {
        for run in 0..500 {
            let history = mix.run(level, run).history;
            let forced = history.serial_order_by_force().is_some();
            assert_eq!(forced, history.check().is_serializable(), "{level}: {history}");
            serializable[at] += usize::from(forced);
        }
    }
    assert_eq!(serializable[4..], [500, 500]);
    assert!(serializable[..4].is_sorted() && serializable[3] < 500, "{serializable:?}");
}

/// Increments of a counter: at the levels that lose updates the counter is behind.
#[test]
fn lost_updates_are_missing_from_the_sum() {
    let programs = vec![Program::new().read("x").add("x", 1); 5];
    for level in Level::ALL {
        let mut lost = 0;
        for seed in 0..300 {
            let run = Store::new(level).run(&programs, seed);
            let committed = run.history.committed().len() as i64;
            assert_eq!(committed as usize + run.aborted.len(), 5);
            let behind = committed - run.values["x"];
            assert!(behind >= 0);
            lost += usize::from(behind > 0);
            // The sum and the checker say the same, where nothing dirty is read.
            if level >= Level::ReadCommitted {
                assert_eq!(
                    behind > 0,
                    run.history.check().has(LostUpdate),
                    "{level}: {}",
                    run.history
                );
            }
        }
        let loses = level.allows(LostUpdate);
        assert_eq!(lost > 0, loses, "{level}: {lost}");
    }
}

/// Two doctors on call: under snapshots both go home if neither has begun after the other's end.
/// Each has `reads + 2` steps, and before the first has ended each choice is even: the second
/// begins too late with probability 2^-(steps - 1).
#[test]
fn doctors_on_call_are_the_closed_form() {
    let doctors = ["alice", "bob"];
    for more in 0..3 {
        let programs: Vec<Program> = doctors
            .iter()
            .map(|doctor| {
                let looks = (0..more).fold(Program::new(), |program, _| program.read("rota"));
                let looks = doctors.iter().fold(looks, |program, it| program.read(it));
                looks.stop_if_sum_below(2).set(doctor, 0)
            })
            .collect();
        assert!(more > 0 || programs[0] == Program::goes_home("alice", &doctors));
        let nobody = |level: Level| {
            let store = Store::new(level).holds("alice", 1).holds("bob", 1);
            let left: Vec<f64> = (0..4_000)
                .map(|seed| {
                    let run = store.run(&programs, seed);
                    let is_nobody = run.values["alice"] + run.values["bob"] == 0;
                    let has_skew = run.history.check().has(G2Item);
                    assert!(!level.is_serializable() || !is_nobody);
                    assert!(level != Level::Snapshot || is_nobody == has_skew);
                    f64::from(u8::from(is_nobody))
                })
                .collect();
            Estimate::of(&left)
        };
        let truth = 1.0 - 0.5f64.powi(more + 3);
        let measured = nobody(Level::Snapshot);
        assert!(measured.gap_in_bars(truth) < 1.5, "{more}: {measured} and {truth}");
        assert_eq!(nobody(Level::SerializableSnapshot).mean, 0.0);
        assert_eq!(nobody(Level::TwoPhaseLocking).mean, 0.0);
        assert!(nobody(Level::ReadCommitted).mean > 0.0);
    }
}

/// Fewer objects are more contention: more anomalies where they are allowed, more aborts where not.
#[test]
fn contention_makes_anomalies_and_aborts() {
    let survey = |level, objects| Mix::new(8, 4, objects).aborts(0.0).survey(level, 600);
    // Updates are lost by few among many.
    for (level, anomaly, objects) in [
        (Level::ReadCommitted, GSingle, [4, 16, 64]),
        (Level::Snapshot, G2Item, [4, 16, 64]),
        (Level::ReadCommitted, LostUpdate, [4, 8, 16]),
    ] {
        let rates: Vec<Estimate> =
            objects.map(|objects| survey(level, objects).rates[&anomaly]).to_vec();
        assert!(
            rates[0].low() > rates[1].high() && rates[1].low() > rates[2].high(),
            "{level}, {anomaly}: {rates:?}"
        );
    }
    for level in [Level::Snapshot, Level::SerializableSnapshot, Level::TwoPhaseLocking] {
        let aborts: Vec<Estimate> =
            [4, 16, 64].map(|objects| survey(level, objects).aborted).to_vec();
        assert!(
            aborts[0].low() > aborts[1].high() && aborts[1].low() > aborts[2].high(),
            "{level}"
        );
    }
    // Two serializable ways, and neither ever shows anything.
    for level in [Level::SerializableSnapshot, Level::TwoPhaseLocking] {
        let rates = survey(level, 4);
        assert_eq!(rates.serializable.mean, 1.0);
        assert!(rates.rates.values().all(|rate| rate.mean == 0.0));
    }
    // One at a time nothing can go wrong anywhere.
    let alone = Mix::new(8, 4, 2).at_once(1).survey(Level::Nothing, 50);
    assert_eq!((alone.serializable.mean, alone.aborted.mean), (1.0, 0.0));
}

/// What a store does is a function of its seed.
#[test]
fn a_seed_repeats_its_run() {
    let mix = Mix::new(10, 4, 3);
    for level in Level::ALL {
        assert_eq!(mix.run(level, 7), mix.run(level, 7));
        assert_ne!(mix.run(level, 7).history, mix.run(level, 8).history);
    }
}

/// Waiting ends: a circle of those who wait is broken, and all transactions end.
#[test]
fn deadlocks_are_broken() {
    let there = Program::new().set("x", 1).set("y", 1);
    let back = Program::new().set("y", 2).set("x", 2);
    let mut aborted = 0;
    for level in [Level::ReadUncommitted, Level::ReadCommitted, Level::TwoPhaseLocking] {
        for seed in 0..200 {
            let run = Store::new(level).run(&[there.clone(), back.clone()], seed);
            let committed = run.history.committed().len();
            assert_eq!(committed + run.aborted.len(), 2);
            assert!(committed >= 1 && run.values["x"] == run.values["y"]);
            aborted += run.aborted.len();
        }
    }
    assert!(aborted > 50, "{aborted}");
}

#[test]
fn what_makes_no_sense_is_told() {
    let doctors = || Program::goes_home("eve", &["alice", "bob"]);
    each_says([
        (Box::new(|| drop(Program::new().add("x", 1))) as Box<dyn Fn()>, "x must be read before"),
        (Box::new(|| drop(Program::new().read("x1"))), "made of letters, as in \"x\""),
        (Box::new(|| drop(Store::new(Level::Snapshot).holds("", 1))), "made of letters"),
        (Box::new(move || drop(doctors())), "\"eve\" must be one of the doctors"),
        (Box::new(|| drop(Store::new(Level::Snapshot).at_once(0))), "at least 1 transaction"),
        (
            Box::new(|| {
                let _ = Mix::new(0, 1, 1);
            }),
            "at least 1 transaction, 1 step and 1 object",
        ),
        (
            Box::new(|| {
                let _ = Mix::new(1, 1, 1).writes(2.0);
            }),
            "the share must be between 0 and 1, but it is 2",
        ),
        (Box::new(|| drop(Mix::new(1, 1, 1).survey(Level::Snapshot, 1))), "at least 2 runs"),
    ]);
}
