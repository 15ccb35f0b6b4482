//! Breakers, buckets, shedding, back-pressure, health checks: against theory, published values and
//! second methods.

#[path = "common/columns.rs"]
mod columns;
#[path = "common/said.rs"]
mod said;

use columns::Named as _;
use pillars_models::control::{
    Breaker, Call, Chain, CircuitState, Credits, FixedWindow, HealthCheck, LeakyBucket, Limiter,
    Overload, Pool, Seen, Shed, TokenBucket, bucket,
};
use pillars_models::sim::{Distribution, Stream, Trials};
use pillars_models::work::Queue;
use said::each_says;

fn near(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * b.abs()
}

#[test]
fn a_circuit_goes_through_its_states() {
    let mut circuit = Breaker::consecutive(3).open_for(10.0).probes(2).start();
    for (now, ok) in [(0.0, false), (1.0, false), (2.0, true), (3.0, false), (4.0, false)] {
        assert!(circuit.allows(now));
        circuit.hears(now, ok);
        assert_eq!(circuit.state(), CircuitState::Closed);
    }
    circuit.hears(5.0, false);
    assert_eq!((circuit.state(), circuit.trips()), (CircuitState::Open, 1));
    assert!(!circuit.allows(14.9));
    // One probe at a time.
    assert!(circuit.allows(15.0) && !circuit.allows(15.0));
    circuit.hears(15.5, true);
    assert_eq!(circuit.state(), CircuitState::HalfOpen);
    assert!(circuit.allows(15.6));
    circuit.hears(15.7, false);
    assert!(!circuit.allows(25.6) && circuit.allows(25.7));
    circuit.hears(25.8, true);
    assert!(circuit.allows(25.9));
    circuit.hears(26.0, true);
    assert_eq!((circuit.state(), circuit.trips()), (CircuitState::Closed, 1));
}

/// How often it trips for nothing: by simulation, and by Feller's formula, the chain of the window,
/// the binomial chance of a bad window.
#[test]
fn false_alarms_of_breakers_are_those_of_theory() {
    let trials = Trials::new(20, 200).seed(5);
    for (breaker, p) in [
        (Breaker::consecutive(1), 0.02),
        (Breaker::consecutive(3), 0.1),
        (Breaker::consecutive(5), 0.4),
        (Breaker::rate(0.5, 10, 5), 0.15),
        (Breaker::rate(0.4, 5, 5), 0.1),
        (Breaker::rate(1.0, 3, 3), 0.1),
        (Breaker::rate_per_window(0.3, 2.0, 5), 0.1),
        (Breaker::rate_per_window(0.5, 1.0, 1), 0.05),
    ] {
        let theory = breaker.run_length_at(7.0, p).unwrap();
        let measured = breaker.measured_run_length(7.0, p, trials);
        assert!(measured.gap_in_bars(theory) < 2.0, "{breaker:?}, {p}: {measured} and {theory}");
        let refused = breaker.clone().open_for(3.0).probes(2);
        let theory = refused.refused_in_health(7.0, p).unwrap();
        let measured = refused.measured_refused(7.0, p, Trials::new(20, 50_000).seed(6));
        assert!(measured.gap_in_bars(theory) < 2.0, "{refused:?}: {measured} and {theory}");
    }
    // All of the latest three failed: three in a row.
    let (row, window) = (Breaker::consecutive(3), Breaker::rate(1.0, 3, 3));
    for p in [0.001, 0.1, 0.7] {
        assert!(near(row.run_length(p).unwrap(), window.run_length(p).unwrap(), 1e-8));
    }
    assert_eq!(row.run_length(0.0), Some(f64::INFINITY));
    assert_eq!(row.run_length(1.0), Some(3.0));
    // A rule needs more failures, a longer window more calls: rarer alarms.
    let length = |calls| Breaker::rate(0.5, calls, calls).run_length(0.1).unwrap();
    assert!(length(4) < length(8) && length(8) < length(12));
}

#[test]
fn breakers_spare_a_service_that_is_down() {
    let breaker = Breaker::consecutive(5).open_for(10.0);
    let found = breaker.outage(20.0, 1.0, 120.0, 50, 3);
    assert!(found.without.gap_in_bars(2400.0) < 2.0, "{found:?}");
    // 5 until it knows, 20 under way meanwhile, and a probe each 11 seconds.
    let theory = breaker.sent_into_outage(20.0, 1.0, 120.0).unwrap();
    assert!((found.sent.mean - theory).abs() < 1.0, "{} and {theory}", found.sent);
    assert!(near(found.waited.mean, found.sent.mean, 1e-9));
    // The price: it finds out late that the service is back.
    assert!(found.closed_after.mean > 0.5 && found.closed_after.mean < 11.0, "{found:?}");
    let longer = breaker.clone().open_for(40.0).outage(20.0, 1.0, 120.0, 50, 3);
    assert!(longer.sent.mean < found.sent.mean);
    assert!(longer.closed_after.mean > found.closed_after.mean);
    assert_eq!(found.columns().column("mean").len(), 5);
    // Its own rule as first-class as the others.
    let mine = Breaker::own("mine", || {
        let mut run = 0;
        move |call: Call| {
            run = if call.ok { 0 } else { run + 1 };
            run == 5
        }
    });
    assert_eq!(mine.open_for(10.0).outage(20.0, 1.0, 120.0, 50, 3), found);
}

/// Both buckets against M/D/1/K, and each other.
#[test]
fn buckets_drop_as_many_as_a_queue_of_their_room() {
    // Published: M/D/1/1 loses ρ / (1 + ρ) as any queue without room (Erlang); M/D/1/2 has the
    // blocking 1 - 1 / (e^-ρ + ρ).
    for load in [0.3, 1.0, 2.5] {
        assert!(near(TokenBucket::new(1.0, 1).drops(load), load / (1.0 + load), 1e-12));
        let two = 1.0 - 1.0 / ((-load).exp() + load);
        assert!(near(TokenBucket::new(1.0, 2).drops(load), two, 1e-12));
    }
    let trials = Trials::new(20, 50_000).seed(7);
    for (load, burst) in [(5.0, 1), (8.0, 3), (10.0, 10), (12.0, 5), (30.0, 20)] {
        let token = TokenBucket::new(10.0, burst);
        let leaky = LeakyBucket::new(10.0, burst);
        let through = bucket::simulate(&token, load, 10.0, trials);
        let shaped = bucket::simulate(&leaky, load, 10.0, trials);
        let (drops, wait) = leaky.theory(load);
        assert_eq!(token.drops(load), drops);
        assert!(through.dropped.gap_in_bars(drops) < 2.0, "{load}, {burst}: {through:?}, {drops}");
        assert!(near(shaped.dropped.mean, through.dropped.mean, 1e-3), "{shaped:?}, {through:?}");
        if burst > 1 {
            assert!(shaped.delay.gap_in_bars(wait) < 2.0, "{load}, {burst}: {shaped:?}, {wait}");
        }
        assert_eq!(through.delay.mean, 0.0);
        // The one lets its whole burst through, the other no two at once.
        assert!(through.excess.high() <= burst as f64 + 1e-6, "{through:?}");
        assert!(shaped.excess.mean <= 1.0 + 1e-6, "{shaped:?}");
    }
    // Never too little: with plenty of room for what comes nothing is dropped.
    assert!(TokenBucket::new(10.0, 60).drops(5.0) < 1e-12);
}

/// The envelope holds for whatever comes, and a reader's own rules are limited alike.
#[test]
fn no_trace_breaks_the_envelope() {
    for seed in 0..50 {
        let mut stream = Stream::new(seed, 0, "trace");
        let (mut now, rate, burst) = (0.0, 0.5 + 5.0 * stream.uniform(), 1 + stream.below(10));
        let times: Vec<f64> = (0..2000)
            .map(|_| {
                // Bursts and pauses.
                now += if stream.below(20) == 0 { 3.0 * stream.uniform() } else { 0.0 };
                now
            })
            .collect();
        let mut token = TokenBucket::new(rate, burst);
        let admitted: Vec<f64> = times.iter().copied().filter(|now| token.admits(*now)).collect();
        assert!(bucket::excess(&admitted, rate) <= burst as f64 + 1e-6);
        // By hand: the excess over all pairs.
        let short = &admitted[..admitted.len().min(60)];
        let mut worst = 0.0f64;
        for (i, from) in short.iter().enumerate() {
            for (j, to) in short.iter().enumerate().skip(i) {
                worst = worst.max((j - i + 1) as f64 - rate * (to - from));
            }
        }
        assert!((bucket::excess(short, rate) - worst).abs() < 1e-9);
        // The two buckets are one rule.
        let mut leaky = LeakyBucket::new(rate, burst);
        let held: Vec<f64> = times.iter().copied().filter(|now| leaky.admits(*now)).collect();
        assert_eq!(admitted, held);
    }
    // The fixed window: 5 a second, and 10 within a tenth of one.
    let mut window = FixedWindow::new(5, 1.0);
    let times: Vec<f64> = (0..20).map(|i| 0.95 + 0.005 * f64::from(i)).collect();
    let admitted = times.iter().filter(|now| window.admits(**now)).count();
    assert_eq!(admitted, 10);
    let mut evens = 0;
    let own = move |_now: f64| {
        evens += 1;
        evens % 2 == 0
    };
    let found = bucket::simulate(&own, 4.0, 4.0, Trials::new(2, 1000));
    assert_eq!(found.dropped.mean, 0.5);
}

#[test]
fn shedding_saves_the_goodput() {
    let trials = Trials::new(20, 40_000).seed(9);
    let policies = [Shed::none(), Shed::room(4), Shed::room(15), Shed::deadline(3.0)];
    for load in [0.6, 0.95, 1.0, 1.4, 3.0] {
        let overload = Overload::new(load, 1.0, 8.0);
        for shed in policies.iter().chain(&[Shed::deadline(12.0)]) {
            // Without shedding there is no steady state at 1.
            if shed.name() == "no shedding" && (0.9..1.2).contains(&load) {
                continue;
            }
            let theory = overload.goodput(shed).unwrap();
            let found = overload.simulate(shed, trials);
            let gap = (found.goodput.mean - theory).abs();
            assert!(
                found.goodput.gap_in_bars(theory) < 2.0 || gap < 0.01,
                "{shed:?} at {load}: {} and {theory}",
                found.goodput
            );
        }
        // The deadline's throughput is that of a queue with patience.
        let patient = Queue::mm1(load, 1.0).patience(Distribution::deterministic(3.0));
        let theory = load * (1.0 - patient.theory().unwrap().abandoned);
        let found = overload.simulate(&Shed::deadline(3.0), trials).throughput;
        assert!(found.gap_in_bars(theory) < 2.5, "{load}: {found} and {theory}");
    }
    // In overload: nothing without, nearly all that is possible with.
    let overload = Overload::new(1.5, 1.0, 8.0);
    let goodput = |shed: &Shed| overload.simulate(shed, trials).goodput.mean;
    assert!(goodput(&Shed::none()) < 0.02);
    for shed in [
        Shed::room(4),
        Shed::deadline(3.0),
        Shed::probability(1, 8),
        Shed::controlled_delay(2.0, 6.0),
        Shed::deadline(4.0).newest_first(),
    ] {
        assert!(goodput(&shed) > 0.85, "{shed:?}: {}", goodput(&shed));
    }
    assert!(goodput(&Shed::newest()) > 0.6, "{}", goodput(&Shed::newest()));
    // CoDel drops more and more often, until the line is short; better than nothing.
    assert!(goodput(&Shed::codel(1.0, 8.0)) > 0.3, "{}", goodput(&Shed::codel(1.0, 8.0)));
    // Healthy, hardly anything is dropped by any.
    let healthy = Overload::new(0.3, 1.0, 8.0);
    for shed in [Shed::room(8), Shed::deadline(6.0), Shed::codel(2.0, 20.0), Shed::none()] {
        let found = healthy.simulate(&shed, trials);
        assert!(found.dropped.mean < 0.005 && found.goodput.mean > 0.29, "{shed:?}: {found:?}");
    }
    // One's own, and the table of loads.
    let mine = Shed::own("mine", || |seen: Seen| seen.waited.is_none() && seen.standing >= 4);
    let loads = [0.5, 1.5];
    let table = overload.across(&loads, &mine, trials);
    assert_eq!(
        table.column("goodput"),
        overload.across(&loads, &Shed::room(4), trials).column("goodput")
    );
}

#[test]
fn back_pressure_moves_the_line_and_keeps_the_throughput() {
    let trials = Trials::new(20, 20_000).seed(13);
    // Hunt (1956): 2 saturated stages without buffers carry 2/3, 3 carry 22/39.
    for (rates, carried) in [(vec![1.0; 2], 2.0 / 3.0), (vec![1.0; 3], 22.0 / 39.0)] {
        let found = Chain::saturated(&rates).simulate(trials).throughput;
        assert!(found.gap_in_bars(carried) < 2.0, "{rates:?}: {found} and {carried}");
    }
    for (first, second, room) in [(1.0, 1.0, 3), (1.5, 1.0, 2), (0.7, 1.0, 5)] {
        let chain = Chain::saturated(&[first, second]).room(room);
        let found = chain.simulate(trials).throughput;
        let theory = chain.throughput().unwrap();
        assert!(found.gap_in_bars(theory) < 2.0, "{first}, {second}, {room}: {found}, {theory}");
    }
    // Without bounds each stage is M/M/1.
    let open = Chain::new(0.6, &[1.0, 0.8, 1.2]);
    let found = open.simulate(trials);
    for (measured, theory) in found.standing[1..].iter().zip(open.standing().unwrap()) {
        assert!(measured.gap_in_bars(theory) < 2.0, "{measured} and {theory}");
    }
    assert!(found.throughput.gap_in_bars(0.6) < 2.0 && found.standing[0].mean == 0.0);
    // Too much: with back-pressure the line stands at the source and nothing is lost; without,
    // work of the first stages is done in vain.
    let overload = Chain::new(2.0, &[3.0, 1.0]);
    let pressed = overload.clone().room(4).simulate(trials);
    let dropped = overload.clone().room(4).dropping().simulate(trials);
    let free = overload.simulate(trials);
    assert!(pressed.wasted.mean == 0.0 && pressed.standing[2].mean < 5.0);
    assert!(pressed.standing[0].mean > 100.0 && free.standing[2].mean > 100.0);
    assert!(dropped.wasted.mean > 0.8 && near(dropped.throughput.mean, 1.0, 0.05), "{dropped:?}");
    assert!(near(pressed.throughput.mean, 1.0, 0.05), "{pressed:?}");
    assert_eq!(pressed.columns().column("standing").len(), 3);
    // Credits: the law of the bandwidth and the delay, exactly.
    for (credits, round_trip) in [(1, 0.0), (1, 4.0), (3, 4.0), (10, 4.0), (40, 4.0)] {
        let loop_ = Credits::new(credits, 1.0, round_trip);
        let (through, standing) = loop_.theory();
        let found = loop_.simulate(trials);
        assert!(
            found.throughput.gap_in_bars(through) < 2.0
                || near(found.throughput.mean, through, 0.003),
            "{credits}: {found:?} and {through}"
        );
        assert!(
            found.standing.gap_in_bars(standing) < 2.0
                || near(found.standing.mean, standing, 0.003),
            "{credits}: {found:?} and {standing}"
        );
    }
    assert!(near(Credits::new(1, 1.0, 4.0).theory().0, 0.2, 1e-12));
}

#[test]
fn checks_flap_and_find_as_their_chains_say() {
    let trials = Trials::new(20, 50_000).seed(17);
    for (check, p) in [
        (HealthCheck::new(1.0, 1, 1), 0.1),
        (HealthCheck::new(5.0, 2, 3), 0.2),
        (HealthCheck::new(10.0, 3, 2), 0.3),
        (HealthCheck::new(10.0, 3, 1), 0.6),
        (HealthCheck::of_last(1.0, 3, 4, 5), 0.3),
        (HealthCheck::of_last(2.0, 2, 3, 8), 0.1),
    ] {
        let found = check.simulate(p, trials);
        let (flaps, out) = (check.flaps(p).unwrap(), check.out(p).unwrap());
        assert!(found.flaps.gap_in_bars(flaps) < 2.0, "{check:?}, {p}: {found:?} and {flaps}");
        assert!(found.out.gap_in_bars(out) < 2.0, "{check:?}, {p}: {found:?} and {out}");
        for seen in [1.0, 0.7] {
            let time = check.detection(seen).unwrap();
            let measured = check.measured_detection(seen, Trials::new(20, 2000).seed(18));
            assert!(measured.gap_in_bars(time) < 2.0, "{check:?}, {seen}: {measured} and {time}");
        }
    }
    // In a row is the special case of all of the latest.
    for p in [0.05, 0.5] {
        let (row, last) = (HealthCheck::new(1.0, 3, 2), HealthCheck::of_last(1.0, 3, 2, 3));
        assert!(near(row.stays(p).unwrap().0, 1.0 / p + 1.0 / p / p + p.powi(-3), 1e-9));
        assert!(last.stays(p).unwrap().0 <= row.stays(p).unwrap().0 * (1.0 + 1e-9));
    }
    // Hysteresis: each more in a row means fewer flaps and later detection.
    let (mut flaps, mut time) = (f64::INFINITY, 0.0);
    for falls in 1..6 {
        let check = HealthCheck::new(10.0, falls, 2);
        assert!(check.flaps(0.05).unwrap() < flaps && check.detection(1.0).unwrap() > time);
        (flaps, time) = (check.flaps(0.05).unwrap(), check.detection(1.0).unwrap());
    }
    assert_eq!(HealthCheck::new(1.0, 2, 2).flaps(0.0), Some(0.0));
    let mine = HealthCheck::own("never out", 1.0, || |_: bool| true);
    assert_eq!(mine.simulate(0.5, Trials::new(2, 100)).out.mean, 0.0);
}

#[test]
fn pools_are_exact_and_fail_open() {
    let trials = Trials::new(20, 5000).seed(19);
    let base = Pool::new(10).broken(0.1).false_alarms(0.05).misses(0.2).load(0.7);
    for pool in [
        base,
        base.fail_open(0.5),
        base.shared_cause(0.05),
        base.shared_cause(0.05).fail_open(0.5),
        base.broken(0.6).fail_open(0.7),
    ] {
        let (exact, found) = (pool.availability(), pool.simulate(trials));
        assert!(found.gap_in_bars(exact) < 2.0, "{pool:?}: {found} and {exact}");
    }
    // All look bad for a reason that is not theirs: nothing is served, or all is.
    let all_bad = Pool::new(5).shared_cause(1.0);
    assert_eq!((all_bad.availability(), all_bad.fail_open(0.5).availability()), (0.0, 1.0));
    // The control: without faults it makes no difference.
    assert_eq!(Pool::new(5).availability(), Pool::new(5).fail_open(0.5).availability());
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let all = || -> Vec<String> {
        let trials = Trials::new(6, 500).seed(41);
        let breaker = Breaker::consecutive(2);
        vec![
            format!("{:?}", breaker.measured_run_length(5.0, 0.2, Trials::new(6, 20))),
            format!("{:?}", breaker.outage(5.0, 1.0, 50.0, 6, 1)),
            format!("{:?}", bucket::simulate(&TokenBucket::new(1.0, 3), 1.0, 1.0, trials)),
            format!("{:?}", Overload::new(2.0, 1.0, 5.0).simulate(&Shed::room(3), trials)),
            format!("{:?}", Chain::new(0.5, &[1.0, 1.0]).room(2).simulate(trials)),
            format!("{:?}", Credits::new(3, 1.0, 2.0).simulate(trials)),
            format!("{:?}", HealthCheck::new(1.0, 2, 2).simulate(0.3, trials)),
            format!("{:?}", Pool::new(4).broken(0.3).simulate(trials)),
        ]
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
    let cases: Vec<Case> = vec![
        (Box::new(|| _ = Breaker::consecutive(0)), "must be at least 1, but it is 0"),
        (Box::new(|| _ = Breaker::rate(0.0, 10, 5)), "above 0 and at most 1, but it is 0"),
        (Box::new(|| _ = Breaker::rate(f64::NAN, 10, 5)), "but it is NaN"),
        (Box::new(|| _ = Breaker::rate(0.5, 10, 11)), "the window must be of 1 to 64 calls"),
        (Box::new(|| _ = Breaker::rate_per_window(0.5, 0.0, 1)), "the window must be a positive"),
        (Box::new(|| _ = Breaker::consecutive(2).open_for(-1.0)), "the time must be a positive"),
        (Box::new(|| _ = Breaker::consecutive(2).run_length(1.5)), "a probability from 0 to 1"),
        (
            Box::new(|| {
                let never = Breaker::own("never", || |_: Call| false);
                never.measured_run_length(1.0, 0.5, Trials::new(2, 1));
            }),
            "ten million calls",
        ),
        (Box::new(|| _ = TokenBucket::new(f64::NAN, 1)), "the rate of tokens must be a positive"),
        (Box::new(|| _ = TokenBucket::new(1.0, 0)), "tokens that it holds must be at least 1"),
        (Box::new(|| _ = LeakyBucket::new(1.0, 0)), "LeakyBucket::new: the number of requests"),
        (Box::new(|| _ = FixedWindow::new(5, 0.0)), "the window must be a positive number"),
        (Box::new(|| _ = bucket::excess(&[], 1.0)), "the trace is empty"),
        (Box::new(|| _ = bucket::excess(&[1.0, 0.5], 1.0)), "in ascending order"),
        (Box::new(|| _ = bucket::excess(&[f64::NAN], 1.0)), "must be numbers in ascending order"),
        (Box::new(|| _ = Overload::new(1.0, 1.0, f64::NAN)), "the deadline must be a positive"),
        (Box::new(|| _ = Shed::probability(5, 5)), "it goes from 5 to 5"),
        (Box::new(|| _ = Shed::codel(0.0, 1.0)), "the target must be a positive number"),
        (
            Box::new(|| {
                let trials = Trials::new(2, 10);
                Overload::new(1.0, 1.0, 1.0).across(&[], &Shed::none(), trials);
            }),
            "there are no loads",
        ),
        (Box::new(|| _ = Chain::new(1.0, &[])), "there must be at least 1 stage"),
        (Box::new(|| _ = Chain::saturated(&[1.0, -2.0])), "each stage must be a positive number"),
        (Box::new(|| _ = Chain::saturated(&[1.0]).room(0)), "places in each stage"),
        (Box::new(|| _ = Credits::new(0, 1.0, 1.0)), "the number of credits"),
        (Box::new(|| _ = HealthCheck::new(0.0, 1, 1)), "the period must be a positive number"),
        (Box::new(|| _ = HealthCheck::new(1.0, 0, 1)), "failures in a row must be at least 1"),
        (Box::new(|| _ = HealthCheck::of_last(1.0, 6, 1, 5)), "must be from 1 to the latest"),
        (Box::new(|| _ = Pool::new(0)), "from 1 to 200 servers"),
        (Box::new(|| _ = Pool::new(3).broken(-0.1)), "must be a probability from 0 to 1"),
    ];
    each_says(cases);
}
