//! How fast quorum systems are optimised and searched, beside Quoracle (Whittaker et al., 2021),
//! where `PYTHON` (or `python3`) has it.
//!
//!     cargo bench --profile cells -p pillars-course --bench quorums
//!
//! One thread each, medians of several runs; both must find the same value.

use pillars::prelude::{Failures, Goal, Node, QuorumSearch, QuorumSystem, choose, majority};
use std::process::Command;
use std::time::Instant;

/// What is measured: a name, and what it computes.
type Task = (&'static str, Box<dyn Fn() -> f64>);

struct Peer {
    task: String,
    seconds: f64,
    value: f64,
}

fn main() {
    let peers = peers();
    println!(
        "{:<44} {:>12} {:>12} {:>9} {:>14}",
        "task", "pillars ms", "Quoracle ms", "ratio", "value"
    );
    for (task, compute) in case_study().into_iter().chain(systems()) {
        let (seconds, value) = measured(&compute);
        let peer = peers.iter().find(|peer| peer.task == task);
        let theirs = peer.map_or("-".to_owned(), |peer| format!("{:.3}", peer.seconds * 1e3));
        let ratio = peer.map_or("-".to_owned(), |peer| format!("{:.0}x", peer.seconds / seconds));
        println!("{task:<44} {:>12.3} {theirs:>12} {ratio:>9} {value:>14.6}", seconds * 1e3);
        if let Some(peer) = peer {
            let gap = (peer.value / value - 1.0).abs();
            assert!(gap < 1e-6, "{task}: {value} here, {} there", peer.value);
        }
    }
    if peers.is_empty() {
        println!("no peer: PYTHON does not import quoracle");
    }
}

/// The median time of several runs, and the value.
fn measured(compute: &dyn Fn() -> f64) -> (f64, f64) {
    let mut times = vec![];
    let mut value = 0.0;
    let begin = Instant::now();
    while times.len() < 15 && (times.len() < 3 || begin.elapsed().as_secs_f64() < 2.0) {
        let start = Instant::now();
        value = compute();
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], value)
}

/// The five nodes of Quoracle's case study, and its distribution of read fractions.
fn five() -> ([Node; 5], [(f64, f64); 9]) {
    let node = |name: &str, writes: f64, latency: f64| {
        Node::new(name).write_capacity(writes).read_capacity(2.0 * writes).latency(latency)
    };
    let nodes = [
        node("a", 2000.0, 1.0),
        node("b", 1000.0, 1.0),
        node("c", 2000.0, 3.0),
        node("d", 1000.0, 4.0),
        node("e", 2000.0, 5.0),
    ];
    let weights = [20.0, 30.0, 30.0, 60.0, 100.0, 100.0, 100.0, 20.0, 10.0];
    (nodes, std::array::from_fn(|i| ((i + 1) as f64 / 10.0, weights[i])))
}

fn searched(goal: &Goal, nodes: &[Node]) -> f64 {
    match QuorumSearch::over(nodes).resilience(1).find(goal) {
        Ok(found) => found.value,
        Err(error) => panic!("{error}"),
    }
}

fn case_study() -> Vec<Task> {
    let ([a, b, c, d, e], reads) = five();
    let nodes = [a, b, c, d, e];
    let paths = QuorumSystem::reading(a * b + a * c * e + d * e + d * c * b);
    let latency = Goal::latency(reads).load_limit(1.0 / 2000.0);
    vec![
        ("five nodes: capacity of paths", Box::new(move || paths.capacity(reads))),
        ("five nodes: search for load", Box::new(move || searched(&Goal::load(reads), &nodes))),
        (
            "five nodes: search for load, 1-resilient",
            Box::new(move || searched(&Goal::load(reads).f_resilient(1), &nodes)),
        ),
        ("five nodes: search for latency", Box::new(move || searched(&latency, &nodes))),
    ]
}

fn systems() -> Vec<Task> {
    let n = Node::numbered;
    let majority_of = |count| QuorumSystem::reading(majority(n(count)));
    let plane = |order: usize| QuorumSystem::projective_plane(n(order * order + order + 1), order);
    let mixed = [(0.1, 1.0), (0.5, 2.0), (0.9, 1.0)];
    let load = |system: QuorumSystem| Box::new(move || system.load(0.5));
    let (twenty, nine) = (majority_of(20), majority_of(9));
    let uneven = n(20).into_iter().enumerate();
    let uneven: Vec<Node> =
        uneven.map(|(i, node)| node.capacity(1000.0 * (1 + i % 4) as f64)).collect();
    let uneven = QuorumSystem::reading(choose(11, uneven));
    let (grid, tree) = (QuorumSystem::grid(n(20), 5), QuorumSystem::tree(n(31)));
    let wall = QuorumSystem::wall(n(21), &[1, 2, 3, 4, 5, 6]);
    let seven: Vec<Node> = (0..7)
        .map(|i| n(7)[i].capacity(1000.0 * (1 + i % 3) as f64).latency((1 + i) as f64))
        .collect();
    vec![
        ("load, majority of 9", Box::new(move || nine.load(0.5))),
        ("load, grid 4 x 5", load(grid.clone())),
        ("load, majority of 20", load(twenty.clone())),
        ("load, majority of 20, three read fractions", Box::new(move || twenty.load(mixed))),
        ("load, majority of 20 uneven", Box::new(move || uneven.load(mixed))),
        ("load, grid 4 x 5, 1-resilient", {
            let (grid, goal) = (grid.clone(), Goal::load(0.5).f_resilient(1));
            Box::new(move || grid.strategy(&goal).map_or(f64::NAN, |best| best.load(0.5)))
        }),
        ("load, tree of 31", load(tree.clone())),
        ("load, wall of 21", load(wall.clone())),
        ("load, hierarchical of 81", load(QuorumSystem::hierarchical(n(81), &[3, 3, 3, 3]))),
        ("load, crosses 6 x 6", load(QuorumSystem::crosses(n(36), 6))),
        ("load, plane of order 4 (21)", load(plane(4))),
        ("load, plane of order 9 (91)", load(plane(9))),
        ("resilience, plane of order 4 (21)", {
            let plane = plane(4);
            Box::new(move || plane.resilience() as f64)
        }),
        ("resilience, plane of order 7 (57)", {
            let plane = plane(7);
            Box::new(move || plane.resilience() as f64)
        }),
        ("availability, grid 4 x 5", Box::new(move || grid.availability(0.1).both)),
        ("availability, tree of 31", Box::new(move || tree.availability(0.1).both)),
        ("availability, plane of order 4 (21)", {
            let plane = plane(4);
            Box::new(move || plane.availability(Failures::each(0.1)).both)
        }),
        ("availability, plane of order 5 (31)", {
            let plane = plane(5);
            Box::new(move || plane.availability(Failures::each(0.1)).both)
        }),
        ("search, six nodes", {
            let six: Vec<Node> = seven[..6].to_vec();
            Box::new(move || searched(&Goal::load(mixed), &six))
        }),
        ("search, seven nodes, 100,000 systems", {
            Box::new(move || {
                let search = QuorumSearch::over(&seven).resilience(1).limit(100_000);
                search.find(&Goal::load(mixed).latency_limit(5.0)).map_or(f64::NAN, |f| f.value)
            })
        }),
    ]
}

/// What the script beside this file measures: tab-separated lines of task, seconds and value. A
/// missing Python or peer is no failure.
fn peers() -> Vec<Peer> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/quorums_peer.py");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let Ok(output) = Command::new(python).arg(script).output() else {
        return Vec::new();
    };
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let peer = |line: &str| {
        let mut fields = line.split('\t');
        let task = fields.next()?.to_owned();
        let (seconds, value) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(Peer { task, seconds, value })
    };
    text.lines().filter_map(peer).collect()
}
