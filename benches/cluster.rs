//! How many messages a second the simulated cluster delivers, and how long a survey takes.
//!
//!     cargo bench --profile cells -p pillars-course --bench cluster
//!
//! One thread for messages, all for surveys; medians of several runs.

use pillars::prelude::{Abd, Dynamo, LastWriterWins, MergingCounter, Replica, Scenario};
use std::time::Instant;

const RUNS: usize = 7;

fn main() {
    println!("{:<34} {:>12} {:>14}", "one run, 50 clients", "messages", "messages/s");
    messages("majority (ABD)", Abd::new);
    messages("last writer wins", LastWriterWins::new);
    messages("dynamo 3/2/2", |_| Dynamo::new(3, 2, 2));
    messages("merging counter", MergingCounter::new);
    println!("\n{:<34} {:>12} {:>14}", "survey of 200 runs, cut, checked", "operations", "seconds");
    survey("majority (ABD)", Abd::new);
    survey("impatient", |node| Abd::new(node).impatient(50.0));
    survey("last writer wins", LastWriterWins::new);
}

fn messages<R: Replica>(name: &str, replica: impl Fn(usize) -> R + Copy) {
    let scenario =
        Scenario::nodes(5).clients(50).think(1.0).keys(50).until(3_000.0).settling(100.0);
    let run = |seed: u64| {
        let begin = Instant::now();
        let outcome = scenario.run(replica, seed);
        (outcome.messages.1 as f64, begin.elapsed().as_secs_f64())
    };
    let mut runs: Vec<(f64, f64)> = (0..RUNS as u64).map(run).collect();
    runs.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    let (count, seconds) = runs[RUNS / 2];
    println!("{name:<34} {count:>12} {:>14.0}", count / seconds);
}

fn survey<R: Replica>(name: &str, replica: impl Fn(usize) -> R + Copy + Sync) {
    let cut = Scenario::nodes(5).keys(2).partition(&[&[0, 1], &[2, 3, 4]], 300.0..700.0);
    let run = |seed: u64| {
        let begin = Instant::now();
        let survey = cut.clone().seed(seed).survey(replica, 200);
        let operations: usize = survey.runs().iter().map(|run| run.history.len()).sum();
        (operations, begin.elapsed().as_secs_f64())
    };
    let mut runs: Vec<(usize, f64)> = (0..3).map(run).collect();
    runs.sort_by(|a, b| a.1.total_cmp(&b.1));
    println!("{name:<34} {:>12} {:>14.2}", runs[1].0, runs[1].1);
}
