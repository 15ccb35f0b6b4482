//! Load balancers against published values and against what is proved of them.

#[path = "common/columns.rs"]
mod columns;
#[path = "common/said.rs"]
mod said;

use columns::Named as _;
use pillars_models::sim::{Distribution, Trials};
use pillars_models::work::{Arrivals, Balancer, Policy, Queue, power_of_d};
use said::each_says;
use std::panic::{AssertUnwindSafe, catch_unwind};

fn stay(balancer: &Balancer, trials: Trials) -> f64 {
    balancer.simulate(trials).time_in_system.mean
}

/// Mitzenmacher's table: the mean time in the system in the limit of many servers.
#[test]
fn the_limit_of_two_and_three_choices_is_mitzenmachers() {
    let rates = [0.5, 0.7, 0.8, 0.9, 0.95, 0.99];
    // At 0.8 the table has 1.9475; the sum, 1 + .64 + .8^6 + .8^14 + .., is 1.94736.
    let two = [1.2657, 1.6145, 1.9474, 2.6141, 3.3830, 5.4320];
    let three = [1.1252, 1.3568, 1.5809, 2.0279, 2.5351, 3.8578];
    for (choices, table) in [(2, two), (3, three)] {
        for (rate, printed) in rates.into_iter().zip(table) {
            let time = power_of_d(rate, choices).unwrap();
            assert!((time - printed).abs() < 6e-5, "{choices} at {rate}: {time} and {printed}");
        }
    }
    assert_eq!(power_of_d(0.5, 1), Ok(2.0));
    assert!(power_of_d(1.0, 2).is_err() && power_of_d(-1.0, 2).is_err());
}

/// His simulation of 100 servers lies within a few per cent of the limit at moderate loads; with
/// replacement above it, since one may be looked at twice.
#[test]
fn a_hundred_servers_are_near_the_limit() {
    let trials = Trials::new(10, 400_000).seed(1917);
    for (load, within) in [(0.5, 0.01), (0.8, 0.02), (0.9, 0.03)] {
        let limit = power_of_d(load, 2).unwrap();
        let [distinct, replaced] = [true, false].map(|distinct| {
            let policy = Policy::PowerOf { choices: 2, distinct };
            stay(&Balancer::memoryless(load, 100).policy(policy), trials)
        });
        for time in [distinct, replaced] {
            assert!((time / limit - 1.0).abs() < within + 0.01, "{load}: {time} and {limit}");
        }
        assert!(distinct < replaced, "{load}: {distinct} and {replaced}");
    }
}

/// Ten servers at a load of 0.95: values that were computed for this project apart.
#[test]
fn ten_servers_at_95_per_cent() {
    let trials = Trials::new(20, 400_000).warmup(100_000).seed(7);
    let cases = [
        (Policy::Random, 20.0),
        (Policy::RoundRobin, 11.16),
        (Policy::TWO_CHOICES, 4.34),
        (Policy::JoinIdleQueue, 4.28),
        (Policy::LeastConnections, 2.94),
        (Policy::LeastWork, 2.65),
    ];
    for (policy, value) in cases {
        let balancer = Balancer::memoryless(0.95, 10).policy(policy.clone());
        let run = balancer.simulate(trials);
        let relative = run.time_in_system.mean / value - 1.0;
        assert!(relative.abs() < 0.05, "{policy:?}: {} and {value}", run.time_in_system);
        if let Ok(theory) = balancer.theory()
            && !matches!(policy, Policy::PowerOf { .. })
        {
            assert!(run.time_in_system.gap_in_bars(theory) < 2.0, "{policy:?}: {theory}");
        }
    }
    // Whoever knows the work that is left has one line for all.
    let central = Queue::mmc(9.5, 1.0, 10);
    let least = Balancer::memoryless(0.95, 10).policy(Policy::LeastWork).simulate(trials);
    let truth = central.theory().unwrap().time_in_system;
    assert!(least.time_in_system.gap_in_bars(truth) < 2.0, "{}", least.time_in_system);
}

#[test]
fn policies_are_in_the_order_that_is_expected() {
    let trials = Trials::new(10, 200_000).seed(3);
    let service = Distribution::fitted(1.0, 4.0);
    let time = |policy| {
        let balancer = Balancer::new(Arrivals::poisson(16.0), service.clone(), 20);
        stay(&balancer.policy(policy), trials)
    };
    let ring = |bound| Policy::Ring { keys: 10_000, points: 100, bound };
    let order = [
        Policy::LeastWork,
        Policy::LeastConnections,
        Policy::PowerOf { choices: 5, distinct: true },
        Policy::TWO_CHOICES,
        Policy::RoundRobin,
        Policy::Random,
    ];
    let times: Vec<f64> = order.into_iter().map(time).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert!(time(Policy::JoinIdleQueue) < time(Policy::Random));
    assert!(time(Policy::PeakEwma { decay: 10.0 }) < time(Policy::RoundRobin));
    assert!(time(ring(1.25)) < time(ring(f64::INFINITY)));
    // With all its weight on equal servers, weighted is random.
    let weighted = time(Policy::Weighted(vec![2.0; 20]));
    assert!((weighted / time(Policy::Random) - 1.0).abs() < 0.05);
}

/// Old news sends everybody to the server that was shortest: worse than random (Mitzenmacher,
/// 2000), while two choices still help.
#[test]
fn stale_news_makes_a_herd() {
    let trials = Trials::new(10, 100_000).seed(11);
    let of =
        |policy, every| stay(&Balancer::memoryless(0.9, 100).policy(policy).stale(every), trials);
    let fresh = stay(&Balancer::memoryless(0.9, 100).policy(Policy::LeastConnections), trials);
    let herd = of(Policy::LeastConnections, 10.0);
    assert!(of(Policy::LeastConnections, 0.01) < 1.2 * fresh);
    assert!(herd > 10.0 && herd > of(Policy::TWO_CHOICES, 10.0), "{herd}");
    assert!(of(Policy::TWO_CHOICES, 1.0) < 10.0);
}

#[test]
fn slow_servers_want_less() {
    let trials = Trials::new(10, 100_000).seed(5);
    let speeds: Vec<f64> = (0..10).map(|n| if n < 5 { 1.5 } else { 0.5 }).collect();
    let time = |policy| stay(&Balancer::memoryless(0.7, 10).speeds(&speeds).policy(policy), trials);
    let (weighted, two) = (time(Policy::Weighted(speeds.clone())), time(Policy::TWO_CHOICES));
    // Random sends half of the customers to a quarter of the capacity: it cannot keep up.
    assert!(time(Policy::Random) > 20.0 * weighted && two < weighted);
}

#[test]
fn a_readers_own_policy_is_like_one_that_is_built_in() {
    let trials = Trials::new(5, 50_000);
    let balancer = || Balancer::memoryless(0.9, 8);
    let own = Policy::own(|servers, _| {
        let all = 0..servers.count();
        all.min_by(|a, b| servers.work_left(*a).total_cmp(&servers.work_left(*b))).unwrap_or(0)
    });
    let built_in = stay(&balancer().policy(Policy::LeastWork), trials);
    assert_eq!(stay(&balancer().policy(own), trials), built_in);
    let random = Policy::own(|servers, random| random.below(servers.count()));
    assert_eq!(stay(&balancer().policy(random), trials), stay(&balancer(), trials));
    let wrong = balancer().policy(Policy::own(|servers, _| servers.count()));
    let said = catch_unwind(AssertUnwindSafe(|| wrong.simulate(trials))).unwrap_err();
    let said = said.downcast_ref::<String>().unwrap();
    assert!(
        said.contains("there are 8 servers, numbered from 0, but the policy named 8"),
        "{said}"
    );
}

/// Who is told the work left only now and then does no better than who is told the lengths so:
/// all go where there was least. Told at every moment, it is the best.
#[test]
fn work_left_is_old_news_too() {
    let trials = Trials::new(10, 50_000).seed(11);
    let of =
        |policy, every| stay(&Balancer::memoryless(0.9, 20).policy(policy).stale(every), trials);
    let fresh = stay(&Balancer::memoryless(0.9, 20).policy(Policy::LeastWork), trials);
    assert!(of(Policy::LeastWork, 0.001) < 1.05 * fresh);
    let herd = of(Policy::LeastWork, 10.0);
    assert!(herd > 5.0 * fresh, "{herd} and {fresh}");
    let own = Policy::own(|servers, _| {
        let all = 0..servers.count();
        all.min_by(|a, b| servers.work_left(*a).total_cmp(&servers.work_left(*b))).unwrap_or(0)
    });
    assert_eq!(of(own, 10.0), herd);
}

/// The price of a bound, by the ring alone: shares add up, and the tighter the bound, the more
/// requests go to another server than that of their key, and the more even are the shares.
#[test]
fn a_bound_sends_requests_away_from_their_own_server() {
    let run = |bound| {
        let ring = Policy::Ring { keys: 10_000, points: 100, bound };
        Balancer::memoryless(0.8, 10).policy(ring).simulate(Trials::new(10, 50_000).seed(1))
    };
    let bounds = [1.1, 1.25, 1.5, 2.0, 3.0, f64::INFINITY];
    let runs = bounds.map(run);
    let away = runs.each_ref().map(|run| run.sent_away().mean);
    println!("{away:?}");
    assert!(away.is_sorted_by(|a, b| a > b) && away[5] == 0.0, "{away:?}");
    // Counted apart: 45, 37, 23, 10 and 2 %.
    for (share, counted) in away.into_iter().zip([0.45, 0.37, 0.23, 0.10, 0.02]) {
        assert!((share - counted).abs() < 0.015, "{away:?}");
    }
    let spread = runs.each_ref().map(|run| {
        let shares: Vec<f64> = (0..10).map(|i| run.share_of_server(i).mean).collect();
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        shares.iter().map(|share| (share - 0.1).powi(2)).sum::<f64>()
    });
    assert!(spread[0] < spread[5] && spread[1] < spread[5], "{spread:?}");
    // Weights are shares.
    let weighted = Balancer::memoryless(0.2, 2).policy(Policy::Weighted(vec![3.0, 1.0]));
    let run = weighted.simulate(Trials::new(10, 20_000));
    assert!(run.share_of_server(0).gap_in_bars(0.75) < 2.0, "{}", run.share_of_server(0));
}

#[test]
fn records_tell_who_was_served_where() {
    let balancer =
        Balancer::memoryless(0.9, 4).policy(Policy::RoundRobin).speeds(&[1.0, 1.0, 1.0, 2.0]);
    let table = balancer.observed(5_000, 3);
    let [number, server, arrival, wait, service, departure] =
        ["number", "server", "arrival", "wait", "service", "departure"]
            .map(|name| table.column(name));
    assert!(departure.is_sorted());
    let mut ends = [0.0f64; 4];
    let mut by_number: Vec<usize> = (0..number.len()).collect();
    by_number.sort_by(|a, b| number[*a].total_cmp(&number[*b]));
    for row in by_number {
        // In turn, and each server one after the other.
        let at = server[row] as usize;
        assert_eq!(at, number[row] as usize % 4);
        let begins = arrival[row] + wait[row];
        assert!(begins > ends[at] - 1e-6 || number[row] > 4_900.0, "{row}");
        assert!((begins + service[row] - departure[row]).abs() < 1e-6);
        ends[at] = departure[row];
    }
    // The records are those of the run that is measured.
    let mean = wait.iter().sum::<f64>() / wait.len() as f64;
    let run = balancer.simulate(Trials::new(2, 5_000).warmup(0).seed(3));
    assert!((run.wait.mean - mean).abs() <= run.wait.half_width, "{mean} and {}", run.wait);
}

#[test]
fn what_makes_no_sense_is_told_in_a_sentence() {
    let three = || Balancer::memoryless(0.5, 3);
    type Case = (Box<dyn Fn()>, &'static str);
    let cases: [Case; 11] = [
        (Box::new(|| drop(Balancer::memoryless(-0.5, 3))), "the load must be a positive number"),
        (Box::new(|| drop(Balancer::memoryless(0.5, 0))), "at least 1 server"),
        (
            Box::new(move || drop(three().policy(Policy::Weighted(vec![1.0])))),
            "a weight for each of the 3",
        ),
        (
            Box::new(move || drop(three().policy(Policy::Weighted(vec![0.0; 3])))),
            "sum to more than 0",
        ),
        (
            Box::new(move || drop(three().policy(Policy::PowerOf { choices: 4, distinct: true }))),
            "from 1 to the number of servers, 3",
        ),
        (
            Box::new(move || drop(three().policy(Policy::Ring { keys: 1, points: 1, bound: 0.5 }))),
            "the bound must be at least 1",
        ),
        (
            Box::new(move || drop(three().speeds(&[1.0, 0.0, 1.0]))),
            "speed of each server must be a positive number",
        ),
        (
            Box::new(move || {
                let stale = three().policy(Policy::JoinIdleQueue).stale(1.0);
                drop(stale.simulate(Trials::new(2, 10)));
            }),
            "join idle queue is not told by the balancer's news",
        ),
        (
            Box::new(move || _ = three().simulate(Trials::new(2, 10)).sent_away()),
            "only with Policy::Ring",
        ),
        (
            Box::new(move || _ = three().simulate(Trials::new(2, 10)).share_of_server(3)),
            "sends to 3 servers here, numbered from 0, but number 3",
        ),
        (
            Box::new(|| _ = Queue::mm1(0.5, 1.0).simulate(Trials::new(2, 10)).share_of_server(0)),
            "sends to 0 servers here",
        ),
    ];
    each_says(cases);
}
