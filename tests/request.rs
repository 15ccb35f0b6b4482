//! The path of a request: against closed forms, other models of its parts, and itself without a part.

#[path = "common/columns.rs"]
mod columns;
#[path = "common/said.rs"]
mod said;

use columns::Named as _;
use pillars_models::control::{Hpa, Load, Reading};
use pillars_models::request::RequestPath;
use pillars_models::sim::{Estimate, Trials};
use pillars_models::state::placement::{Cache, Popularity};
use pillars_models::work::{Balancer, Policy, power_of_d};
use said::each_says;

fn constant(load: f64, servers: usize) -> RequestPath {
    RequestPath::new(Load::constant(load), servers)
}

/// Jackson's network: servers by lot, then a replica by lot or the leader.
#[test]
fn the_mean_is_that_of_the_network() {
    for (load, servers, hits, writes, replicas, write_quorum) in [
        (300.0, 5, 0.0, 0.0, 1, 1),
        (600.0, 10, 0.9, 0.05, 3, 2),
        (800.0, 10, 0.5, 0.2, 5, 3),
        (400.0, 8, 1.0, 0.3, 3, 3),
        (450.0, 5, 0.2, 0.1, 3, 1),
    ] {
        let path = constant(load, servers)
            .choices(1)
            .keys(Popularity::uniform(100_000))
            .hit_ratio(hits)
            .writes(writes)
            .replicas(replicas, 0.002, 0.02)
            .quorums(1, write_quorum)
            .warmup(20.0);
        let theory = path.theory().unwrap();
        let found = path.simulate(320.0, 10, 7);
        assert!(
            found.latency.gap_in_bars(theory) < 2.0,
            "{load}, {hits}: {} {theory}",
            found.latency
        );
        assert!(found.hits.gap_in_bars(hits) < 2.0 || found.hits.mean == hits, "{}", found.hits);
        assert_eq!((found.ejected.mean, found.servers.mean), (0.0, servers as f64));
        let busy = load * 0.01 / servers as f64;
        assert!(found.app_load.gap_in_bars(busy) < 2.5, "{} {busy}", found.app_load);
        let reads = (1.0 - writes) * (1.0 - hits);
        let work = load * 0.002 * (reads + writes) / replicas as f64;
        assert!(found.database_load.gap_in_bars(work) < 2.5, "{} {work}", found.database_load);
    }
    assert!(constant(999.0, 10).choices(1).hit_ratio(0.5).theory().is_some());
    // What has no closed form, or no steady state.
    assert_eq!(constant(600.0, 10).hit_ratio(0.5).theory(), None);
    assert_eq!(constant(600.0, 10).choices(1).theory(), None);
    assert_eq!(constant(1001.0, 10).choices(1).hit_ratio(0.5).theory(), None);
    assert_eq!(
        constant(900.0, 10).choices(1).hit_ratio(0.0).replicas(1, 0.002, 0.0).theory(),
        None
    );
}

/// The servers alone are the balancer of the chapter on load balancing, and many are the mean field.
#[test]
fn the_better_of_two_is_the_balancers() {
    let path = constant(90.0, 10).service(0.1).hit_ratio(1.0).writes(0.0).warmup(100.0);
    let found = path.clone().simulate(2100.0, 10, 3).latency;
    // Choices with replacement there and here; its unit of time is a service, of which this has ten.
    let policy = Policy::PowerOf { choices: 2, distinct: false };
    let trials = Trials::new(10, 200_000).warmup(10_000).seed(4);
    let alone = Balancer::memoryless(0.9, 10).policy(policy).simulate(trials).time_in_system;
    let found = Estimate { mean: 10.0 * found.mean, half_width: 10.0 * found.half_width, n: 10 };
    let stay = alone;
    let bars = (found.half_width.powi(2) + stay.half_width.powi(2)).sqrt();
    assert!((found.mean - stay.mean).abs() < 2.0 * bars, "{found} and {stay}");
    let many =
        RequestPath::new(Load::constant(900.0), 1000).service(1.0).hit_ratio(1.0).writes(0.0);
    let found = many.warmup(100.0).simulate(400.0, 4, 3).latency.mean;
    let field = power_of_d(0.9, 2).unwrap();
    assert!((found / field - 1.0).abs() < 0.02, "{found} and {field}");
}

/// The cache is the cache of the chapter on placement; one that forgets has a closed form.
#[test]
fn hits_are_those_of_the_cache_alone() {
    let keys = Popularity::zipf(2000, 0.9);
    let path = constant(600.0, 10).keys(keys.clone()).writes(0.0).warmup(60.0);
    for cache in [Cache::lru(200), Cache::lfu(100), Cache::tiny_lfu(50)] {
        let alone = cache.hit_ratio(&keys, Trials::new(6, 200_000).warmup(40_000)).mean;
        let found =
            path.clone().cache(cache.clone(), f64::INFINITY).simulate(400.0, 6, 2).hits.mean;
        // What is under way is not there yet.
        assert!((found - alone).abs() < 0.01, "{cache}: {found} and {alone}");
    }
    // A key that is asked for all the time is not there while the first answer is under way, and then
    // for as long as it is kept.
    let hot = path.clone().keys(Popularity::uniform(1)).replicas(9, 0.01, 0.0);
    let found = hot.cache(Cache::lru(1), 1.0).simulate(400.0, 6, 2).hits.mean;
    assert!((0.97..0.995).contains(&found), "{found}");
    // Room for all: a key asked for at rate a is asked for a T times for each miss.
    for keeps in [1.0, 5.0] {
        let theory: f64 = keys
            .probabilities()
            .iter()
            .map(|p| p * (600.0 * p * keeps) / (1.0 + 600.0 * p * keeps))
            .sum();
        let found = path.clone().cache(Cache::lru(2000), keeps).simulate(400.0, 6, 2).hits.mean;
        assert!((found - theory).abs() < 0.01, "{keeps}: {found} and {theory}");
    }
}

/// What a cache holds gets old at the rate of the writes; quorums that meet see all.
#[test]
fn what_is_stale_and_what_is_not() {
    // All is read and written alike, and held for 2 s: of an age between 0 and 2 s, by lot.
    let (items, load, writes, keeps) = (200, 600.0, 0.2, 2.0);
    let path = constant(load, 10)
        .keys(Popularity::uniform(items))
        .writes(writes)
        .replicas(1, 1e-6, 0.0)
        .cache(Cache::lru(items), keeps)
        .warmup(10.0);
    let found = path.simulate(400.0, 6, 5);
    let rate = load * writes / items as f64 * keeps;
    let held = 1.0 - (1.0 - (-rate).exp()) / rate;
    let theory = held * found.hits.mean;
    assert!((found.stale.mean - theory).abs() < 0.01, "{} and {theory}", found.stale);
    // Without a cache, by quorums of five.
    let stale = |reads: usize, writes: usize| {
        let path = constant(600.0, 10).keys(Popularity::uniform(50)).writes(0.2).hit_ratio(0.0);
        let path = path.replicas(5, 0.0005, 0.05).quorums(reads, writes);
        path.warmup(10.0).simulate(60.0, 4, 6).stale.mean
    };
    for (reads, writes) in [(1, 5), (2, 4), (3, 3), (5, 1)] {
        assert_eq!(stale(reads, writes), 0.0, "{reads} and {writes}");
    }
    let (one, two, three) = (stale(1, 1), stale(2, 1), stale(2, 3));
    assert!(one > 1.2 * two && two > three && three > 0.0, "{one}, {two}, {three}");
}

#[test]
fn a_scaler_follows_the_load_and_one_that_does_nothing_is_none() {
    let day = Load::diurnal(500.0, 0.6, 1800.0);
    let path = RequestPath::new(day, 10);
    let fixed = path.clone().simulate(600.0, 2, 1);
    let idle = path.clone().scaled(|seen: Reading| seen.wanted, 60.0).simulate(600.0, 2, 1);
    assert_eq!(fixed, idle);
    let scaled = path.scaled(Hpa::new(0.6), 60.0).warmup(900.0).simulate(3600.0, 4, 1);
    // 500 requests of 10 ms: 5 servers busy, 8.3 at a target of .6; it goes down late.
    assert!((8.0..13.0).contains(&scaled.servers.mean), "{}", scaled.servers);
    assert!(scaled.app_load.mean < 0.7, "{}", scaled.app_load);
    let rows = scaled.columns();
    let wanted = rows.column("wanted");
    assert_eq!(wanted.len(), 240);
    let most = wanted.iter().copied().fold(0.0, f64::max);
    assert!(most >= 13.0 && rows.column("load")[100] > 0.0, "{most}");
    // Servers start late: from too few it takes a minute and a period.
    let few = constant(600.0, 3).scaled(|_: Reading| 12.0, 60.0).simulate(300.0, 2, 1);
    let ready = few.columns().column("ready");
    assert_eq!(&ready[..6], &[3.0, 3.0, 3.0, 3.0, 3.0, 12.0], "{ready:?}");
}

/// A server that is slow is found; where none is, hardly any is taken out.
#[test]
fn the_watch_finds_who_is_slow() {
    let path = constant(600.0, 12).choices(1).warmup(60.0);
    let slow = path.clone().slow(1, 4.0, 60.0, 660.0);
    let (blind, seen) =
        (slow.clone().simulate(660.0, 10, 3), slow.watched(8.0).simulate(660.0, 10, 3));
    assert!(blind.p99.low() > 2.0 * seen.p99.high(), "{} and {}", blind.p99, seen.p99);
    // It comes back every two minutes, and is found again.
    assert!(seen.ejected.mean > 3.0 && seen.wrongly.mean < 0.5 * seen.ejected.mean, "{seen:?}");
    let healthy = path.clone().watched(8.0).simulate(660.0, 10, 3);
    assert_eq!(healthy.ejected, healthy.wrongly);
    assert!(healthy.ejected.mean < seen.ejected.mean / 2.0, "{}", healthy.ejected);
    // One's own; and one that is never content takes out no more than a third.
    let mine =
        path.clone().watched_by(|| |means: &[f64]| means.iter().position(|mean| *mean > 1.0));
    assert_eq!(mine.simulate(120.0, 2, 3), path.clone().simulate(120.0, 2, 3));
    let never = path.watched_by(|| |_: &[f64]| Some(0)).simulate(660.0, 2, 3);
    let out = never.columns().column("out");
    assert_eq!(out.iter().copied().fold(0.0, f64::max), 4.0, "{out:?}");
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let all = || {
        let path = constant(600.0, 10).scaled(Hpa::new(0.6), 30.0).watched(6.0);
        format!("{:?}", path.simulate(60.0, 4, 5))
    };
    let with = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all)
    };
    assert_eq!(with(1), with(2));
}

/// What is called, and what it is to say.
type Case = (Box<dyn Fn()>, &'static str);

#[test]
fn what_makes_no_sense_is_told_in_a_sentence() {
    let path = || constant(10.0, 2);
    let cases: Vec<Case> = vec![
        (
            Box::new(|| _ = constant(1.0, 0)),
            "the number of servers must be from 1 to 1000, but it is 0",
        ),
        (Box::new(move || _ = path().choices(0)), "the number of choices must be from 1 to 1000"),
        (
            Box::new(move || _ = path().service(f64::NAN)),
            "the mean service must be a positive number",
        ),
        (Box::new(move || _ = path().hit_ratio(1.2)), "must be from 0 to 1, but it is 1.2"),
        (Box::new(move || _ = path().writes(f64::NAN)), "must be from 0 to 1, but it is NaN"),
        (
            Box::new(move || _ = path().replicas(10, 1.0, 0.0)),
            "replicas must be from 1 to 9, but it is 10",
        ),
        (Box::new(move || _ = path().replicas(3, 1.0, -1.0)), "at least 0, but it is -1"),
        (
            Box::new(move || _ = path().quorums(4, 1)),
            "the read quorum must be from 1 to 3, but it is 4",
        ),
        (Box::new(move || _ = path().cache(Cache::belady(5), 1.0)), "needs to know all requests"),
        (Box::new(move || _ = path().cache(Cache::lru(5), 0.0)), "a positive number, but it is 0"),
        (Box::new(move || _ = path().period(0.0)), "the period must be a positive number"),
        (Box::new(move || _ = path().scaled(Hpa::new(0.5), -1.0)), "at least 0, but it is -1"),
        (Box::new(move || _ = path().watched(0.0)), "the number of deviations must be a positive"),
        (Box::new(move || _ = path().slow(3, 2.0, 0.0, 1.0)), "slow servers must be from 1 to 2"),
        (Box::new(move || _ = path().slow(1, 2.0, 1.0, 1.0)), "it is from 1 to 1"),
        (Box::new(move || _ = path().simulate(30.0, 1, 1)), "replications must be from 2"),
        (
            Box::new(move || _ = path().warmup(9.0).simulate(9.0, 2, 1)),
            "at least two periods of 15 s after the warm-up of 9 s",
        ),
        (
            Box::new(|| _ = constant(0.0, 1).simulate(30.0, 2, 1)),
            "no request came after the warm-up",
        ),
        (
            Box::new(move || _ = path().scaled(|_: Reading| f64::NAN, 1.0).simulate(60.0, 2, 1)),
            "but at 15 s it is NaN",
        ),
    ];
    each_says(cases);
}
