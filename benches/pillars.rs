//! How many requests a second go through the whole path of five pillars, on one core, beside the same
//! path in SimPy where `PYTHON` (or `python3`) has it.
//!
//!     cargo bench --profile cells -p pillars-course --bench pillars
//!
//! Medians of several runs of a million requests. What each part adds stands in the rows; both print
//! the mean time to an answer, so that one sees that they simulate the same.

use pillars::prelude::{Cache, Hpa, Load, RequestPath};
use std::process::Command;
use std::time::Instant;

/// A second; ten servers carry 1000.
const LOAD: f64 = 600.0;
const REQUESTS: f64 = 1_000_000.0;
const RUNS: usize = 7;

fn main() {
    let plain = || RequestPath::new(Load::constant(LOAD), 10);
    let cached = || plain().cache(Cache::lru(1000), 10.0);
    let rows = [
        ("servers only", plain().hit_ratio(1.0).writes(0.0)),
        ("and a database", plain().hit_ratio(0.0)),
        ("and a cache", cached()),
        ("and quorums of 2", cached().quorums(2, 2)),
        ("and a scaler", cached().quorums(2, 2).scaled(Hpa::new(0.6), 60.0)),
        ("all, and a watch", cached().quorums(2, 2).scaled(Hpa::new(0.6), 60.0).watched(8.0)),
    ];
    let peer = peer();
    println!("{:<18} {:<8} {:>12} {:>9} {:>12}", "path", "who", "requests/s", "ratio", "mean, ms");
    for (name, path) in &rows {
        let (ours, mean) = rate(path);
        row(name, "pillars", ours, ours, mean);
        if let Some((_, rate, mean)) = peer.iter().find(|(of, ..)| of == name) {
            row(name, "SimPy", *rate, ours, *mean);
        }
    }
    if peer.is_empty() {
        println!("no peer: PYTHON does not import simpy");
    }
}

fn row(name: &str, who: &str, rate: f64, ours: f64, mean: f64) {
    println!("{name:<18} {who:<8} {rate:>12.0} {:>8.1}x {:>12.3}", ours / rate, 1000.0 * mean);
}

/// Requests a second on one core, the median over runs, and the mean time to an answer.
fn rate(path: &RequestPath) -> (f64, f64) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.unwrap_or_else(|error| panic!("a thread: {error}"));
    let mut mean = 0.0;
    let mut rates: Vec<f64> = (0..RUNS as u64)
        .map(|seed| {
            let start = Instant::now();
            let found = pool.install(|| path.simulate(REQUESTS / LOAD / 2.0, 2, seed));
            mean = found.latency.mean;
            REQUESTS / start.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    (rates[RUNS / 2], mean)
}

fn peer() -> Vec<(String, f64, f64)> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/pillars_peer.py");
    let Ok(output) = Command::new(python).arg(script).output() else { return vec![] };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .filter_map(|line| {
            let mut parts = line.split('\t');
            let name = parts.next()?.to_owned();
            Some((name, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
        })
        .collect()
}
