//! Networks of queues against Jackson, mean value analysis, and what is proved of fork and join.

#[path = "common/said.rs"]
mod said;

use pillars_models::sim::{Distribution, Trials};
use pillars_models::work::{ForkJoin, Network, Queue, Station};
use said::each_says;

fn station(name: &str, mean: f64, servers: usize) -> Station {
    Station::new(name, Distribution::exponential(mean), servers)
}

fn near(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * b.abs()
}

/// A web site: each request goes to the application, which asks the database or is done.
fn site() -> Network {
    let stations = [station("web", 0.05, 1), station("app", 0.3, 4), station("db", 0.1, 1)];
    Network::open(
        &stations,
        &[5.0, 0.0, 1.0],
        &[&[0.0, 1.0, 0.0], &[0.0, 0.0, 0.4], &[0.0, 0.5, 0.0]],
    )
}

#[test]
fn an_open_network_is_jacksons() {
    let theory = site().theory().unwrap();
    let run = site().simulate(Trials::new(20, 50_000).seed(1));
    assert!(run.time_in_system.gap_in_bars(theory.time_in_system) < 2.0, "{}", run.time_in_system);
    assert!(run.throughput.gap_in_bars(6.0) < 2.0);
    for i in 0..3 {
        assert!(run.utilization[i].gap_in_bars(theory.utilization[i]) < 2.0, "{i}");
        assert!(run.number[i].gap_in_bars(theory.number[i]) < 2.0, "{i}");
    }
    // Little's law, for the whole.
    assert!(near(theory.number.iter().sum::<f64>(), 6.0 * theory.time_in_system, 1e-12));
}

#[test]
fn stations_in_a_row_are_queues_of_their_own() {
    let tandem = Network::tandem(0.8, &[station("first", 1.0, 1), station("second", 2.0, 3)]);
    let alone =
        [Queue::mm1(0.8, 1.0), Queue::mmc(0.8, 0.5, 3)].map(|queue| queue.theory().unwrap());
    let sum: f64 = alone.iter().map(|theory| theory.time_in_system).sum();
    assert!(near(tandem.theory().unwrap().time_in_system, sum, 1e-12));
    assert!(tandem.simulate(Trials::new(20, 100_000)).time_in_system.gap_in_bars(sum) < 2.0);
}

/// Terminals that think, a processor, two disks: the usual example of a closed network.
#[test]
fn a_closed_network_is_that_of_mean_value_analysis() {
    for servers in [1, 2] {
        let stations = [
            Station::new("think", Distribution::exponential(5.0), usize::MAX),
            station("cpu", 0.3, servers),
            station("disk", 0.4, 1),
        ];
        let routes: [&[f64]; 3] = [&[0.0, 1.0, 0.0], &[0.25, 0.25, 0.5], &[0.0, 1.0, 0.0]];
        for customers in [1, 5, 20] {
            let network = Network::closed(&stations, customers, &routes);
            let theory = network.theory().unwrap();
            let run = network.simulate(Trials::new(20, 20_000).seed(2));
            let name = format!("{customers} customers, {servers} servers");
            assert!(run.throughput.gap_in_bars(theory.throughput) < 2.0, "{name}");
            assert!(run.number[1].gap_in_bars(theory.number[1]) < 2.0, "{name}");
            assert!(near(theory.number.iter().sum::<f64>(), customers as f64, 1e-9), "{name}");
            assert!(theory.utilization[1..].iter().all(|u| *u < 1.0), "{name}");
        }
    }
}

/// Two stations by hand: with equal services and n customers each is busy n / (n + 1) of the time.
#[test]
fn a_cycle_of_two_equal_stations_by_hand() {
    let stations = [station("a", 1.0, 1), station("b", 1.0, 1)];
    for customers in [1usize, 2, 10] {
        let theory =
            Network::closed(&stations, customers, &[&[0.0, 1.0], &[1.0, 0.0]]).theory().unwrap();
        let busy = customers as f64 / (customers as f64 + 1.0);
        assert!(near(theory.utilization[0], busy, 1e-9) && near(theory.throughput, busy, 1e-9));
    }
}

#[test]
fn forks_join_when_the_last_is_done() {
    for load in [0.3, 0.8] {
        for (servers, within) in [(1, 0.0), (2, 0.0), (8, 0.05)] {
            let fork = ForkJoin::new(load, Distribution::exponential(1.0), servers);
            let (theory, run) = (fork.theory().unwrap(), fork.simulate(Trials::new(20, 100_000)));
            let fits = run.gap_in_bars(theory) < 2.0 || near(run.mean, theory, within);
            assert!(fits, "{servers} at {load}: {run} and {theory}");
        }
    }
    assert!(ForkJoin::new(2.0, Distribution::exponential(1.0), 2).theory().is_err());
}

/// Stations of one name, or of the name of a stream of the network's own, draw numbers of their
/// own: five service times each, for the load is 0.8.
#[test]
fn what_a_station_is_called_changes_nothing() {
    for names in [["s", "s", "s"], ["arrivals", "routes", "s"], ["s", "s 2", "s"]] {
        let tandem = Network::tandem(0.8, &names.map(|name| station(name, 1.0, 1)));
        let time = tandem.simulate(Trials::new(20, 100_000).warmup(20_000)).time_in_system;
        assert!(time.gap_in_bars(15.0) < 2.0, "{names:?}: {time}");
    }
}

/// A bottleneck of ten servers with a hundred customers: what it can serve is the limit, and the
/// customers add up. Mean value analysis in floats lost all digits here.
#[test]
fn many_customers_at_several_servers_are_exact() {
    let stations =
        [Station::new("think", Distribution::exponential(5.0), usize::MAX), station("s", 1.0, 10)];
    let routes: [&[f64]; 2] = [&[0.0, 1.0], &[1.0, 0.0]];
    // The machine repairman (M/M/c//N) by birth and death.
    let repairman = |machines: usize| {
        let mut weights = vec![1.0];
        for n in 1..=machines {
            let (up, busy) = ((machines - n + 1) as f64 / 5.0, n.min(10) as f64);
            weights.push(weights[n - 1] * up / busy);
        }
        let busy: f64 = weights.iter().enumerate().map(|(n, w)| n.min(10) as f64 * w).sum();
        busy / weights.iter().sum::<f64>()
    };
    for customers in [1, 30, 60, 100] {
        let theory = Network::closed(&stations, customers, &routes).theory().unwrap();
        assert!(near(theory.throughput, repairman(customers), 1e-12), "{customers}");
        assert!(near(theory.number.iter().sum(), customers as f64, 1e-9), "{customers}");
    }
    assert!(near(repairman(100), 10.0, 1e-7) && near(repairman(1), 1.0 / 6.0, 1e-12));
    for customers in [1000, 20_000] {
        let theory = Network::closed(&stations, customers, &routes).theory().unwrap();
        assert!(near(theory.throughput, 10.0, 1e-9), "{customers}: {}", theory.throughput);
        assert!(near(theory.number.iter().sum(), customers as f64, 1e-9), "{customers}");
    }
    // Stations of many servers each, all in use: no weight is lost.
    let wide = [station("a", 1.0, 4000), station("b", 1.0, 4000)];
    let theory = Network::closed(&wide, 6000, &routes).theory().unwrap();
    assert!(near(theory.throughput, 3000.0, 1e-3), "{}", theory.throughput);
    assert!(near(theory.number[0], 3000.0, 1e-9));
}

/// Where a customer cannot go it never was: the stations beyond do not count.
#[test]
fn stations_that_nobody_reaches_are_empty() {
    let stations = [station("a", 1.0, 1), station("b", 1.0, 1), station("c", 1.0, 1)];
    let routes: [&[f64]; 3] = [&[0.0, 1.0, 0.0], &[1.0, 0.0, 0.0], &[0.0, 0.0, 1.0]];
    let network = Network::closed(&stations, 2, &routes);
    let theory = network.theory().unwrap();
    assert!(near(theory.throughput, 2.0 / 3.0, 1e-12) && theory.number[2] == 0.0);
    let run = network.simulate(Trials::new(10, 20_000));
    assert!(run.throughput.gap_in_bars(2.0 / 3.0) < 2.0 && run.number[2].mean == 0.0);
}

#[test]
fn what_makes_no_sense_is_told_in_a_sentence() {
    let one = || vec![station("one", 1.0, 1)];
    type Case = (Box<dyn Fn()>, &'static str);
    let cases: [Case; 9] = [
        (
            Box::new(move || drop(Network::open(&one(), &[], &[&[0.0]]))),
            "for each of the 1 stations",
        ),
        (Box::new(move || drop(Network::open(&one(), &[0.0], &[&[0.0]]))), "one of them above"),
        (Box::new(move || drop(Network::open(&one(), &[1.0], &[&[1.5]]))), "between 0 and 1"),
        (Box::new(move || drop(Network::closed(&one(), 0, &[&[1.0]]))), "at least 1 customer"),
        (Box::new(move || drop(Network::closed(&one(), 1, &[&[0.5]]))), "must sum to 1"),
        (Box::new(|| drop(Network::tandem(1.0, &[]))), "at least 1 station"),
        (
            Box::new(|| {
                let stations = [station("a", 1.0, 1), station("b", 1.0, 1)];
                drop(Network::closed(&stations, 3, &[&[0.0, 1.0], &[0.0, 1.0]]));
            }),
            "come back to the first station from every other, but from `b` they never do",
        ),
        (
            Box::new(|| {
                let instant = Station::new("a", Distribution::deterministic(0.0), 1);
                drop(Network::closed(&[instant], 3, &[&[1.0]]));
            }),
            "some station must take time",
        ),
        (
            Box::new(move || {
                let forever = Network::open(&one(), &[1.0], &[&[1.0]]);
                drop(forever.simulate(Trials::new(2, 10)));
            }),
            "but from `one` they never do",
        ),
    ];
    each_says(cases);
    let forever = Network::open(&one(), &[1.0], &[&[1.0]]).theory();
    assert!(forever.unwrap_err().to_string().contains("never leave"));
}
