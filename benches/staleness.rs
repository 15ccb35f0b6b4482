//! How many writes and reads a second the staleness of partial quorums is simulated with, N = 3
//! and R = W = 1, beside numpy where `PYTHON` (or `python3`) has it.
//!
//!     cargo bench --profile cells -p pillars-course --bench staleness
//!
//! The authors' Java program was measured elsewhere at 0.6 million a second. Medians of several
//! runs; then what the quadrature takes for the same configurations.

use pillars::prelude::Trials;
use pillars::prelude::{Pbs, Wars};
use std::process::Command;
use std::time::Instant;

const TRIALS: usize = 4_000_000;
const RUNS: usize = 7;

fn main() {
    let fits = [
        ("LNKD-SSD", Wars::lnkd_ssd()),
        ("LNKD-DISK", Wars::lnkd_disk()),
        ("YMMR", Wars::ymmr()),
        ("WAN", Wars::wan()),
    ];
    let peers = peers();
    println!("{:<10} {:<20} {:>12} {:>8} {:>10}", "fit", "who", "trials/s", "ratio", "ns/trial");
    for (fit, wars) in &fits {
        let pbs = Pbs::new(3, 1, 1).latencies(wars.clone());
        let ours = rate(&pbs, 1);
        row(fit, "pillars, 1 thread", ours, ours);
        row(fit, "pillars, 2 threads", rate(&pbs, 2), ours);
        for (_, who, rate) in peers.iter().filter(|(of, ..)| of == fit) {
            row(fit, who, *rate, ours);
        }
    }
    if peers.is_empty() {
        println!("no peer: PYTHON does not import numpy");
    }
    println!("\nby quadrature, ms");
    println!("{:<10} {:<16} {:>12} {:>14}", "fit", "", "P(0)", "t for 99.9 %");
    for (fit, wars) in &fits {
        for (reads, writes) in [(1, 1), (1, 2), (2, 1)] {
            let pbs = || Pbs::new(3, reads, writes).latencies(wars.clone());
            let at_once = milliseconds(|| pbs().consistent(0.0));
            let t = milliseconds(|| pbs().t_for(0.999));
            println!("{fit:<10} {:<16} {at_once:>12.1} {t:>14.1}", pbs());
        }
    }
}

fn row(fit: &str, who: &str, rate: f64, ours: f64) {
    println!("{fit:<10} {who:<20} {rate:>12.0} {:>7.1}x {:>10.1}", ours / rate, 1e9 / rate);
}

/// Trials a second, the median over runs.
fn rate(pbs: &Pbs, threads: usize) -> f64 {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.unwrap_or_else(|error| panic!("{threads} threads: {error}"));
    let run = |seed: usize| {
        let trials = Trials::new(8, TRIALS / 8).seed(seed as u64);
        let start = Instant::now();
        let run = pool.install(|| pbs.simulate(trials));
        let seconds = start.elapsed().as_secs_f64();
        assert!(run.consistent(0.0).mean < 1.0);
        TRIALS as f64 / seconds
    };
    median((0..RUNS).map(run).collect())
}

fn milliseconds(of: impl Fn() -> f64) -> f64 {
    let run = |_| {
        let start = Instant::now();
        assert!(of().is_finite());
        start.elapsed().as_secs_f64() * 1e3
    };
    median((0..3).map(run).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What the script beside this file measures: tab-separated lines of fit, name and trials a
/// second. A missing Python or numpy is no failure.
fn peers() -> Vec<(String, String, f64)> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/staleness_peer.py");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let Ok(output) = Command::new(python).arg(script).output() else {
        return Vec::new();
    };
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let peer = |line: &str| {
        let mut fields = line.split('\t');
        let (fit, who) = (fields.next()?.to_owned(), fields.next()?.to_owned());
        Some((fit, who, fields.next()?.parse().ok()?))
    };
    text.lines().filter_map(peer).collect()
}
