//! Copies of data: finding where they differ, and writing to them, against theory.

#[path = "common/said.rs"]
mod said;

use pillars::prelude::{Distribution, Trials};
use pillars::prelude::{MerkleTree, Replication};
use said::each_says;

/// What is called, and what it is to say.
type Case = (Box<dyn Fn()>, &'static str);

fn near(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * b.abs()
}

#[test]
fn trees_exchange_what_theory_says() {
    for (fan_out, depth, keys, differing) in [
        (2, 10, 5000, 5),
        (16, 3, 20_000, 20),
        (16, 2, 5000, 300),
        (4, 0, 100, 1),
        (64, 2, 3000, 0),
    ] {
        let tree = MerkleTree::new(fan_out, depth);
        let (run, mean) = (tree.simulate(keys, differing, 40, 23), tree.expected(keys, differing));
        for (what, simulated, expected) in [
            ("hashes", run.hashes, mean.hashes),
            ("items", run.items, mean.items),
            ("bytes", run.bytes, mean.bytes),
        ] {
            let gap = simulated.gap_in_bars(expected);
            let same = (simulated.mean - expected).abs() < 1e-6;
            assert!(gap < 2.5 || same, "{fan_out}^{depth}, {what}: {simulated} and {expected}");
        }
        assert_eq!(run.everything, mean.everything);
    }
    let tree = MerkleTree::new(16, 4);
    let saved = tree.expected(1_000_000, 10);
    assert!(saved.bytes < saved.everything / 10_000.0, "{saved:?}");
    // If all differ, a tree costs more than it saves.
    let all = tree.expected(1_000_000, 1_000_000);
    assert!(all.bytes > all.everything);
}

#[test]
fn writes_take_and_lose_what_theory_says() {
    let delay = || Distribution::exponential(3.0);
    let trials = Trials::new(60, 10_000).seed(31);
    let cases = [
        Replication::asynchronous(1, delay()),
        Replication::asynchronous(3, delay()).rate(5.0).local(0.5),
        Replication::asynchronous(3, delay()).crash(2).read_after(2.0),
        Replication::semi_synchronous(3, delay()).rate(2.0),
        Replication::semi_synchronous(3, delay()).rate(2.0).crash(2).read_after(1.0),
        Replication::semi_synchronous(2, delay()).crash(2),
        Replication::synchronous(3, delay()).local(1.0).crash(3),
        Replication::chain(4, delay()).local(0.25).crash(3),
        Replication::quorum(3, 2, delay()),
        Replication::quorum(5, 2, delay()).crash(2).rate(20.0),
        Replication::quorum(3, 1, delay()).rate(4.0).read_after(0.5),
        Replication::quorum(5, 5, delay()).crash(4),
        Replication::asynchronous(1, Distribution::lognormal(2.0, 3.0)).rate(3.0).read_after(1.0),
        Replication::chain(3, Distribution::uniform(1.0, 2.0)),
        Replication::synchronous(2, Distribution::deterministic(2.0)).read_after(1.0),
        Replication::asynchronous(2, Distribution::deterministic(2.0)).rate(3.0),
    ];
    for case in &cases {
        let (run, theory) = (case.simulate(trials), case.theory().unwrap());
        for (what, simulated, exact) in [
            ("latency", run.latency, theory.latency),
            ("lost", run.lost, theory.lost),
            ("harmless", run.harmless, theory.harmless),
            ("stale", run.stale, theory.stale),
        ] {
            let close = (simulated.mean - exact).abs() < 1e-9;
            let gap = simulated.gap_in_bars(exact);
            assert!(close || gap < 2.7, "{case:?}, {what}: {simulated} and {exact}");
        }
        if let Ok(p99) = case.quantile(0.99) {
            let close = (run.p99.mean - p99).abs() < 1e-6;
            assert!(close || run.p99.gap_in_bars(p99) < 3.0, "{case:?}: {} and {p99}", run.p99);
        }
    }
    // Rate times mean lag, and nothing where somebody else has each acknowledged write.
    assert!(near(cases[0].theory().unwrap().lost, 3.0, 1e-12));
    assert!([3, 6, 7, 8, 11].iter().all(|case| cases[*case].theory().unwrap().lost == 0.0));
    let any = Replication::quorum(3, 2, Distribution::lognormal(1.0, 2.0));
    assert!(any.theory().is_err() && any.quantile(0.99).is_ok());
    let said = Replication::chain(3, Distribution::uniform(1.0, 2.0)).quantile(0.5).unwrap_err();
    assert_eq!(said.to_string(), "there is no closed form for a sum of these delays; simulate it");
    assert_eq!(format!("{said:?}"), said.to_string());
}

/// The order statistics hold for any delays, not exponential ones alone.
#[test]
fn quantiles_of_any_delay_are_simulated_ones() {
    let trials = Trials::new(40, 20_000).seed(37);
    for delay in [
        Distribution::lognormal(2.0, 1.5),
        Distribution::pareto(2.5, 1.0),
        Distribution::uniform(0.0, 4.0),
    ] {
        for case in [
            Replication::quorum(5, 3, delay.clone()),
            Replication::semi_synchronous(2, delay.clone()),
            Replication::synchronous(2, delay.clone()).local(1.0),
        ] {
            let (run, p99) = (case.simulate(trials).p99, case.quantile(0.99).unwrap());
            assert!(run.gap_in_bars(p99) < 3.0, "{case:?}: {run} and {p99}");
            assert!(near(case.acknowledged_by(p99).unwrap(), 0.99, 1e-9));
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let all = || -> Vec<String> {
        let trials = Trials::new(6, 2000).seed(41);
        let writes = Replication::quorum(3, 2, Distribution::exponential(1.0)).simulate(trials);
        vec![format!("{:?}", MerkleTree::new(4, 3).simulate(500, 9, 6, 1)), format!("{writes:?}")]
    };
    let with = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all)
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn what_makes_no_sense_is_told_in_a_sentence() {
    let delay = || Distribution::exponential(1.0);
    let cases: Vec<Case> = vec![
        (Box::new(|| _ = MerkleTree::new(1, 3)), "the fan-out must be at least 2"),
        (Box::new(|| _ = MerkleTree::new(16, 30)), "at most 2^24"),
        (Box::new(|| _ = MerkleTree::new(2, 3).expected(5, 6)), "of 5 keys 6 are to"),
        (
            Box::new(move || _ = Replication::quorum(3, 4, delay())),
            "between 1 and N = 3, but it is 4",
        ),
        (Box::new(move || _ = Replication::quorum(3, 0, delay())), "but it is 0"),
        (Box::new(move || _ = Replication::asynchronous(0, delay())), "at least 1 backup"),
        (Box::new(move || _ = Replication::chain(0, delay())), "at least 1 replica"),
        (
            Box::new(move || _ = Replication::chain(3, delay()).crash(3)),
            "of 3 nodes 3 are to crash",
        ),
        (
            Box::new(move || _ = Replication::chain(3, delay()).rate(-1.0)),
            "rate of writes must be a positive number",
        ),
        (
            Box::new(move || _ = Replication::chain(3, delay()).local(f64::NAN)),
            "at least 0, but it is NaN",
        ),
        (
            Box::new(move || _ = Replication::chain(3, delay()).quantile(1.0)),
            "must be at least 0 and below 1",
        ),
    ];
    each_says(cases);
}
