//! How many customers a second the queues serve, beside what Python users would reach for: SimPy,
//! Ciw and a numpy Lindley recursion, where `PYTHON` (or `python3`) has them.
//!
//!     cargo bench --profile cells -p pillars-course --bench queueing
//!
//! One thread each, utilization 0.8, medians of several runs. `LARGEST=1e9` takes the last rows,
//! which show how the cost grows, up to so many customers. `-- SRPT` runs the models alone whose
//! names have that in them, and no peers.

use pillars::prelude::{
    Arrivals, Balancer, Discipline, Distribution, Policy, Queue, Stream, Trials,
};
use std::process::Command;
use std::time::Instant;

const CUSTOMERS: usize = 1_000_000;
const RUNS: usize = 7;

struct Speed {
    who: String,
    model: String,
    /// Customers simulated in a run.
    customers: f64,
    /// Customers a second, the median over runs.
    rate: f64,
}

fn main() {
    if let Some(wanted) = wanted() {
        return some(&wanted);
    }
    let random = random_numbers();
    println!("two exponential random numbers: {random:.1} ns\n");
    let models = [("M/M/1", Queue::mm1(0.8, 1.0)), ("M/M/4", Queue::mmc(3.2, 1.0, 4))];
    let peers = peers();
    println!(
        "{:<26} {:<16} {:>10} {:>14} {:>10} {:>12}",
        "model", "who", "customers", "customers/s", "ratio", "ns/customer"
    );
    for (model, queue) in &models {
        let ours = plain(model, queue, CUSTOMERS);
        let theirs = peers.iter().filter(|peer| peer.model == *model);
        for speed in [&ours].into_iter().chain(theirs) {
            row(speed, ours.rate);
        }
    }
    if peers.is_empty() {
        println!("no peers: PYTHON imports none of simpy, ciw, numpy");
    }
    println!("\nother services and more servers, by recursion");
    for (model, queue) in &recursions() {
        let speed = plain(model, queue, CUSTOMERS);
        row(&speed, speed.rate);
    }
    println!("\nany discipline, by the event loop");
    for (model, queue) in &disciplines() {
        let speed = plain(model, queue, CUSTOMERS);
        row(&speed, speed.rate);
    }
    println!("\nload balancing, ten servers");
    for policy in policies() {
        let speed = balanced(policy);
        row(&speed, speed.rate);
    }
    println!("\nM/M/4, as the run grows");
    let largest: f64 = std::env::var("LARGEST").map_or(1e8, |text| text.parse().unwrap_or(1e8));
    let mut customers = 1_000_000;
    while customers as f64 <= largest {
        let speed = plain("M/M/4", &models[1].1, customers);
        row(&speed, speed.rate);
        customers *= 10;
    }
}

/// The part of a name that is asked for.
fn wanted() -> Option<String> {
    std::env::args().skip(1).find(|argument| !argument.starts_with("--"))
}

fn some(wanted: &str) {
    let plain_ones = [("M/M/1", Queue::mm1(0.8, 1.0)), ("M/M/4", Queue::mmc(3.2, 1.0, 4))];
    let queues = plain_ones.into_iter().chain(recursions()).chain(disciplines());
    for (model, queue) in queues.filter(|(model, _)| model.contains(wanted)) {
        let speed = plain(model, &queue, CUSTOMERS);
        row(&speed, speed.rate);
    }
    for policy in policies().into_iter().filter(|policy| policy.name().contains(wanted)) {
        let speed = balanced(policy);
        row(&speed, speed.rate);
    }
}

fn balanced(policy: Policy) -> Speed {
    let name = policy.name();
    let balancer = Balancer::memoryless(0.8, 10).policy(policy);
    speed(&name, CUSTOMERS, |trials| balancer.simulate(trials).wait.mean)
}

fn recursions() -> Vec<(&'static str, Queue)> {
    vec![
        ("M/D/1", Queue::mg1(0.8, Distribution::deterministic(1.0))),
        ("M/LN/1", Queue::mg1(0.8, Distribution::lognormal(1.0, 4.0))),
        ("M/H2/4", Queue::new(Arrivals::poisson(3.2), Distribution::fitted(1.0, 4.0), 4)),
        ("M/M/16", Queue::mmc(12.8, 1.0, 16)),
        ("M/M/32", Queue::mmc(25.6, 1.0, 32)),
        ("M/M/64", Queue::mmc(51.2, 1.0, 64)),
        ("M/M/100", Queue::mmc(80.0, 1.0, 100)),
        ("M/M/1000", Queue::mmc(800.0, 1.0, 1000)),
        ("M/M/10000", Queue::mmc(8000.0, 1.0, 10_000)),
    ]
}

fn disciplines() -> Vec<(&'static str, Queue)> {
    let four = || Queue::mmc(3.2, 1.0, 4);
    let with = |discipline| four().discipline(discipline);
    vec![
        ("M/M/1/1000 FIFO", Queue::mm1(0.8, 1.0).room(1000)),
        ("M/M/4/1000 FIFO", four().room(1000)),
        ("M/M/4 LIFO", with(Discipline::Lifo)),
        ("M/M/4 SIRO", with(Discipline::Siro)),
        ("M/M/4 SJF", with(Discipline::Sjf)),
        ("M/M/4 SRPT", with(Discipline::Srpt)),
        ("M/M/4 PS", with(Discipline::Ps)),
        ("M/M/4 by a reader's key", with(Discipline::by_key(|customer| customer.service))),
        ("M/M/4 patience", four().patience(Distribution::exponential(5.0))),
        ("M/M/1000/2000 FIFO", Queue::mmc(800.0, 1.0, 1000).room(2000)),
    ]
}

fn policies() -> Vec<Policy> {
    vec![
        Policy::Random,
        Policy::RoundRobin,
        Policy::LeastConnections,
        Policy::TWO_CHOICES,
        Policy::JoinIdleQueue,
        Policy::own(|servers, random| random.below(servers.count())),
    ]
}

fn row(speed: &Speed, ours: f64) {
    println!(
        "{:<26} {:<16} {:>10} {:>14.0} {:>9.1}x {:>12.1}",
        speed.model,
        speed.who,
        speed.customers,
        speed.rate,
        ours / speed.rate,
        1e9 / speed.rate
    );
}

/// What no simulation can do without, in nanoseconds a customer.
fn random_numbers() -> f64 {
    let mut times: Vec<f64> = (0..RUNS)
        .map(|seed| {
            let mut arrivals = Stream::new(seed as u64, 0, "arrivals");
            let mut services = Stream::new(seed as u64, 0, "services");
            let start = Instant::now();
            let sum: f64 =
                (0..CUSTOMERS).map(|_| arrivals.exponential() - services.exponential()).sum();
            let took = start.elapsed().as_secs_f64();
            assert!(sum.is_finite());
            took * 1e9 / CUSTOMERS as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}

fn plain(model: &str, queue: &Queue, customers: usize) -> Speed {
    speed(model, customers, |trials| queue.simulate(trials).wait.mean)
}

fn speed(model: &str, customers: usize, simulate: impl Fn(Trials) -> f64 + Sync) -> Speed {
    // Two replications, the fewest with an interval, share the customers.
    let trials = |seed| Trials::new(2, customers / 2).warmup(0).seed(seed);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.unwrap_or_else(|error| panic!("one thread: {error}"));
    let run = |seed: usize| {
        let start = Instant::now();
        let wait = pool.install(|| simulate(trials(seed as u64)));
        let seconds = start.elapsed().as_secs_f64();
        assert!(wait.is_finite());
        customers as f64 / seconds
    };
    let runs = if customers > CUSTOMERS { 3 } else { RUNS };
    let mut rates: Vec<f64> = (0..runs).map(run).collect();
    rates.sort_by(f64::total_cmp);
    let (who, model) = ("pillars".to_owned(), model.to_owned());
    Speed { who, model, customers: customers as f64, rate: rates[runs / 2] }
}

/// What the script beside this file measures: tab-separated lines of name, model,
/// customers and customers a second. A missing Python or peer is no failure.
fn peers() -> Vec<Speed> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/queueing_peers.py");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let Ok(output) = Command::new(python).arg(script).output() else {
        return Vec::new();
    };
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let speed = |line: &str| {
        let mut fields = line.split('\t');
        let (who, model) = (fields.next()?.to_owned(), fields.next()?.to_owned());
        let (customers, rate) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(Speed { who, model, customers, rate })
    };
    text.lines().filter_map(speed).collect()
}
