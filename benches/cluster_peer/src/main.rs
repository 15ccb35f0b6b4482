//! Events and states a second of Rust's simulators and model checkers, for `benches/cluster.rs`.
//!
//! Prints tab-separated lines. `raft`: who, workload, events, commands answered, events a second.
//! `search`: who, model, states, steps, states a second. All are medians of [`RUNS`].

mod examples;
mod tikv;

use std::time::Instant;

const RUNS: usize = 5;

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("raft") => raft(),
        Some("search") => search(),
        _ => eprintln!("raft or search?"),
    }
}

/// The run of median speed, of those that tell how much they did, and of what kind besides.
fn median(mut run: impl FnMut(u64) -> (u64, u64)) -> (u64, u64, f64) {
    let timed = |seed| {
        let start = Instant::now();
        let (count, other) = run(seed);
        (count, other, count as f64 / start.elapsed().as_secs_f64())
    };
    let mut runs: Vec<(u64, u64, f64)> = (0..RUNS as u64).map(timed).collect();
    runs.sort_by(|a, b| a.2.total_cmp(&b.2));
    runs[RUNS / 2]
}

fn row(who: &str, what: &str, (count, other, rate): (u64, u64, f64)) {
    println!("{who}\t{what}\t{count}\t{other}\t{rate:.0}");
}

fn raft() {
    for nodes in [3, 5] {
        for (name, clients, faults) in
            [("idle", 0, false), ("10 clients", 10, false), ("faults", 10, true)]
        {
            let run = |seed| tikv::run(nodes, clients, faults, seed);
            row("turmoil, TiKV's raft", &format!("{nodes} nodes, {name}"), median(run));
        }
        for steps in [100, 1_000] {
            let run = |seed| examples::walk(nodes, steps, seed);
            row(
                &format!("stateright, {steps} steps"),
                &format!("{nodes} nodes, idle"),
                median(run),
            );
        }
    }
}

fn search() {
    for threads in [1, num_cpus::get()] {
        let who = format!("stateright, {threads} threads");
        row(&who, "two-phase commit, 6", median(|_| examples::two_phase(6, threads)));
        row(&who, "two-phase commit, 7", median(|_| examples::two_phase(7, threads)));
        row(&who, "ABD, 2 clients", median(|_| examples::abd(2, 2, threads)));
        row(&who, "Paxos, 2 clients", median(|_| examples::paxos(2, threads)));
        row(&who, "Paxos, 3 clients", median(|_| examples::paxos(3, threads)));
    }
}
