//! Every model with a closed form, simulated: the intervals must cover the truth as often as they
//! say, neither less nor more. `SEEDS=200 LOADS=0.1,0.5,0.8,0.9,0.95,0.99 cargo test --profile
//! cells --test coverage -- --nocapture` prints the coverage of each model; `MODELS=M/LN,SIRO` runs
//! those with one of these in their name, and `FIRST=7` takes other seeds than those from 1917 on.

#[path = "common/queues.rs"]
mod queues;

use pillars_models::sim::{Distribution, Estimate, Trials};
use pillars_models::work::{Balancer, Estimates, Fanout, ForkJoin, MapReduce, Network, Policy};
use pillars_models::work::{Queue, Serverless, Station, Theory, power_of_d};
use std::collections::BTreeMap;

/// What was measured, and the truth.
type Pair = (&'static str, Estimate, f64);

/// A model: how it is run, how many times as long as with exponential services, and of every so
/// many seeds one, where a run is long.
struct Case {
    name: &'static str,
    spread: f64,
    one_in: u64,
    run: Box<dyn Fn(Trials) -> Vec<Pair>>,
}

fn case(name: &'static str, run: impl Fn(Trials) -> Vec<Pair> + 'static) -> Case {
    Case { name, spread: 1.0, one_in: 1, run: Box::new(run) }
}

/// Of what is so rare that a run hardly sees it there is no interval.
fn of_queue(run: &Estimates, theory: &Theory) -> Vec<Pair> {
    let mut pairs = vec![("time in system", run.time_in_system, theory.time_in_system)];
    if theory.wait >= 1e-4 {
        pairs.push(("wait", run.wait, theory.wait));
        pairs.push(("queue length", run.queue_length, theory.queue_length));
    }
    if theory.utilization > 0.0 {
        pairs.push(("utilization", run.utilization, theory.utilization));
    }
    pairs.push(("number", run.number_in_system, theory.number_in_system));
    for (what, run, truth) in
        [("lost", run.lost, theory.lost), ("abandoned", run.abandoned, theory.abandoned)]
    {
        if truth > 1e-3 {
            pairs.push((what, run, truth));
        }
    }
    if let (Ok(waiting), Ok(late)) = (theory.probability_of_waiting(), theory.time_exceeds(3.0)) {
        if (1e-2..0.99).contains(&waiting) {
            pairs.push(("who waits", run.probability_of_waiting, waiting));
        }
        if (1e-2..0.99).contains(&late) && theory.wait_exceeds(1.0).is_ok_and(|p| p > 1e-2) {
            pairs.push(("late waits", run.wait_exceeds(1.0), theory.wait_exceeds(1.0).unwrap()));
        }
    }
    pairs
}

fn of_network(network: &Network, trials: Trials) -> Vec<Pair> {
    let (run, theory) = (network.simulate(trials), network.theory().unwrap());
    let mut pairs = vec![
        ("time in system", run.time_in_system, theory.time_in_system),
        ("throughput", run.throughput, theory.throughput),
    ];
    for i in 0..theory.number.len() {
        pairs.push(("number", run.number[i], theory.number[i]));
        pairs.push(("utilization", run.utilization[i], theory.utilization[i]));
    }
    pairs
}

fn networks(load: f64) -> Vec<Case> {
    let station =
        |name, mean, servers| Station::new(name, Distribution::exponential(mean), servers);
    // Of three stations the second and the third are visited more than once, each loaded alike.
    let stations = [station("a", 1.0, 1), station("b", 1.5, 3), station("c", 1.0, 1)];
    let routes: [&[f64]; 3] = [&[0.0, 1.0, 0.0], &[0.0, 0.0, 0.5], &[0.0, 1.0, 0.0]];
    let open = Network::open(&stations, &[load, 0.0, 0.0], &routes);
    let tandem = Network::tandem(load, &[station("one", 1.0, 1), station("one", 2.0, 2)]);
    let thinking = [station("think", 8.0, usize::MAX), station("s", 1.0, 2), station("t", 0.4, 1)];
    let round: [&[f64]; 3] = [&[0.0, 1.0, 0.0], &[0.5, 0.0, 0.5], &[0.0, 1.0, 0.0]];
    let closed = Network::closed(&thinking, (20.0 * load).ceil() as usize, &round);
    vec![
        case("open network", move |trials| of_network(&open, trials)),
        case("tandem", move |trials| of_network(&tandem, trials)),
        case("closed network", move |trials| of_network(&closed, trials)),
    ]
}

fn balancers(load: f64) -> Vec<Case> {
    let stay = move |policy: Policy| {
        let balancer = Balancer::memoryless(load, 4).policy(policy);
        move |trials| {
            let run = balancer.simulate(trials);
            let truth = match balancer.theory() {
                Ok(truth) => truth,
                // Least work left is one line for all.
                Err(_) => Queue::mmc(4.0 * load, 1.0, 4).theory().unwrap().time_in_system,
            };
            vec![("time in system", run.time_in_system, truth)]
        }
    };
    let mut cases = vec![
        case("balancer, random", stay(Policy::Random)),
        case("balancer, round robin", stay(Policy::RoundRobin)),
        case("balancer, least work left", stay(Policy::LeastWork)),
    ];
    // The limit of many servers, as near as a thousandth of the wait: beyond these loads it takes
    // more of them.
    if load <= 0.8 {
        let two = Policy::PowerOf { choices: 2, distinct: true };
        let many = Balancer::memoryless(load, 1000).policy(two);
        let run = move |trials: Trials| {
            let run = many.simulate(Trials::new(10, 60_000).warmup(30_000).seed(trials.seed));
            vec![("time in system", run.time_in_system, power_of_d(load, 2).unwrap())]
        };
        cases.push(Case { one_in: 2, ..case("best of two of 1000", run) });
    }
    cases
}

fn parallel(load: f64) -> Vec<Case> {
    let exponential = Distribution::exponential;
    let mut cases = vec![];
    for (name, servers) in [("fork-join of 1", 1), ("fork-join of 2", 2)] {
        let fork = ForkJoin::new(load, exponential(1.0), servers);
        cases.push(case(name, move |trials| {
            vec![("time in system", fork.simulate(trials), fork.theory().unwrap())]
        }));
    }
    let leaf = || Distribution::lognormal(1.0, 2.0);
    let fans = [
        ("fan-out", Fanout::new(leaf(), 20)),
        ("fan-out, hedged", Fanout::new(leaf(), 20).hedge_after(3.0)),
        ("fan-out, tied", Fanout::new(leaf(), 20).queued(exponential(load)).tied()),
    ];
    for (name, fan) in fans {
        let (half, most) = (fan.quantile(0.5), fan.quantile(0.95));
        cases.push(case(name, move |trials| {
            let run = fan.simulate(Trials::new(10, 2_000).seed(trials.seed));
            let mut pairs =
                vec![("half", run.exceeds(half), 0.5), ("a twentieth", run.exceeds(most), 0.05)];
            if fan.asked() > 1.0 {
                pairs.push(("asked", run.asked, fan.asked()));
            }
            pairs
        }));
    }
    let job = MapReduce::new(20, exponential(1.0), 20);
    cases.push(case("MapReduce", move |trials| {
        let run = job.simulate(Trials::new(10, 100).seed(trials.seed));
        vec![("makespan", run.makespan, MapReduce::last_of(20, 1.0)), ("work", run.work, 20.0)]
    }));
    let rare = {
        let start = Distribution::deterministic(1e-9);
        Serverless::new(load, exponential(1e-6), start, 2.0)
    };
    cases.push(case("serverless", move |trials| {
        vec![("cold", rare.simulate(trials).cold, rare.cold_when_rare())]
    }));
    cases
}

fn cases(load: f64) -> Vec<Case> {
    let of = |(name, queue): (&'static str, Queue)| {
        let theory = queue.theory().unwrap();
        // What is past is forgotten the later the more services differ (heavy traffic's time scale).
        let spread = if name.contains("H2/1") || name.contains("LN/1") { 2.5 } else { 1.0 };
        Case { spread, ..case(name, move |trials| of_queue(&queue.simulate(trials), &theory)) }
    };
    let queues = queues::models(load).into_iter().map(of);
    queues.chain(networks(load)).chain(balancers(load)).chain(parallel(load)).collect()
}

fn numbers(name: &str, default: &str) -> Vec<f64> {
    let text = std::env::var(name).unwrap_or_else(|_| default.to_owned());
    text.split(',').map(|number| number.parse().unwrap()).collect()
}

#[test]
fn intervals_cover_theory_as_often_as_they_say() {
    let seeds = numbers("SEEDS", "20")[0] as u64;
    let first = numbers("FIRST", "1917")[0] as u64;
    let models = std::env::var("MODELS").unwrap_or_default();
    let (mut all, mut covered_all) = (0, 0);
    // Of each model and measure: how many independent runs, intervals, and of those covered.
    let mut counts: BTreeMap<(&str, &str), [u64; 3]> = BTreeMap::new();
    for (at, load) in (0..).zip(numbers("LOADS", "0.3,0.8")) {
        // What happens in a relaxation time depends on nothing that was before.
        let relaxation = 1.0 / (1.0 - load.sqrt()).powi(2);
        // Near 1 that is long: runs of forty relaxation times each.
        let most = if load > 0.98 { 1_600_000.0 } else { 400_000.0 };
        let customers = (200.0 * relaxation).clamp(40_000.0, most);
        let warmup = (20.0 * relaxation).clamp(1_000.0, 400_000.0);
        for (nth, Case { name, spread, one_in, run }) in (0..).zip(cases(load)) {
            if !models.split(',').any(|part| name.contains(part)) {
                continue;
            }
            // With seeds of its own: one unlucky row of arrivals is not everyone's.
            let first = first + 10_000_000 * at + 100_000 * nth;
            let mut told: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
            for seed in (0..seeds).filter(|seed| seed % one_in == 0) {
                let trials = Trials::new(10, (spread * customers) as usize)
                    .warmup((spread * warmup) as usize)
                    .seed(first + seed);
                let mut seen = vec![];
                for (what, estimate, truth) in run(trials) {
                    let is_covered = u64::from(estimate.covers(truth));
                    let [runs, intervals, covered] = counts.entry((name, what)).or_default();
                    *runs += u64::from(!seen.contains(&what));
                    seen.push(what);
                    (*intervals, *covered) = (*intervals + 1, *covered + is_covered);
                    let [intervals, covered] = told.entry(what).or_default();
                    (*intervals, *covered) = (*intervals + 1, *covered + is_covered);
                    (all, covered_all) = (all + 1, covered_all + is_covered);
                }
            }
            let told: Vec<String> = told
                .into_iter()
                .map(|(what, [n, k])| format!("{what} {:.1} %", 100.0 * k as f64 / n as f64))
                .collect();
            println!("{load} {name:<26}{}", told.join(", "));
        }
    }
    let share = covered_all as f64 / all as f64;
    println!("all: {:.2} % of {all} intervals", 100.0 * share);
    assert!((0.92..0.98).contains(&share), "{share} of all intervals cover the truth");
    // Each by itself: three per cent either way, or five standard deviations where the runs are
    // too few for that.
    let wrong: Vec<String> = counts
        .into_iter()
        .filter_map(|((name, what), [runs, intervals, covered])| {
            let share = covered as f64 / intervals as f64;
            let deviation = (0.95 * 0.05 / runs as f64).sqrt();
            let fits = (share - 0.95).abs() <= (5.0 * deviation).max(0.03);
            (!fits).then(|| format!("{name}, {what}: {covered} of {intervals}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
