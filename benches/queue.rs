//! How many customers a second the queues serve, beside what Python users would
//! reach for: SimPy, Ciw and a numpy Lindley recursion, where `python3` has them.
//!
//!     cargo bench --profile cells -p pillars-course
//!
//! One thread each, utilization 0.8, medians of several runs.

use pillars::prelude::{Queue, Trials};
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
    let models = [("M/M/1", Queue::mm1(0.8, 1.0)), ("M/M/4", Queue::mmc(3.2, 1.0, 4))];
    let peers = peers();
    println!(
        "{:<8} {:<16} {:>10} {:>14} {:>10}",
        "model", "who", "customers", "customers/s", "ratio"
    );
    for (model, queue) in models {
        let ours = ours(model, &queue);
        let theirs = peers.iter().filter(|peer| peer.model == model);
        for speed in [&ours].into_iter().chain(theirs) {
            println!(
                "{model:<8} {:<16} {:>10} {:>14.0} {:>9.1}x",
                speed.who,
                speed.customers,
                speed.rate,
                ours.rate / speed.rate
            );
        }
    }
    if peers.is_empty() {
        println!("no peers: `python3` imports none of simpy, ciw, numpy");
    }
}

fn ours(model: &str, queue: &Queue) -> Speed {
    // Two replications, the fewest with an interval, share the customers.
    let trials = |seed| Trials::new(2, CUSTOMERS / 2).warmup(0).seed(seed);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.unwrap_or_else(|error| panic!("one thread: {error}"));
    let run = |seed: usize| {
        let start = Instant::now();
        let wait = pool.install(|| queue.simulate(trials(seed as u64)).wait.mean);
        let seconds = start.elapsed().as_secs_f64();
        assert!(wait.is_finite());
        CUSTOMERS as f64 / seconds
    };
    let mut rates: Vec<f64> = (0..RUNS).map(run).collect();
    rates.sort_by(f64::total_cmp);
    let (who, model) = ("pillars".to_owned(), model.to_owned());
    Speed { who, model, customers: CUSTOMERS as f64, rate: rates[RUNS / 2] }
}

/// What the script beside this file measures: tab-separated lines of name, model,
/// customers and customers a second. A missing Python or peer is no failure.
fn peers() -> Vec<Speed> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/queue_peers.py");
    let Ok(output) = Command::new("python3").arg(script).output() else {
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
