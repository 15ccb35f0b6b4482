//! How many events a second the simulated cluster takes, how many states a second an exhaustive
//! search, and how long a survey takes; Raft and the search beside what others offer.
//!
//!     cargo bench --profile cells -p pillars-course --bench cluster
//!
//! One thread for events and states, all for surveys; medians of several runs. The peers are
//! `cluster_peer.py` (happysim, where `PYTHON` or `python3` has it) and the crate `cluster_peer`
//! (TiKV's Raft on turmoil, and stateright), which cargo builds here: without a network or without
//! a Python there are fewer rows.

use pillars::prelude::{Abd, Dynamo, LastWriterWins, MergingCounter, Raft, Replica, Scenario};
use pillars::sim::Distribution;
use pillars::truth::commit::TwoPhaseSpec;
use pillars::truth::explore::{
    AbdServer, Model, Network, PaxosServer, RegisterServer, Registers, Search,
};
use std::process::Command;
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
    survey("Raft", Raft::new);
    let peer = built();
    raft(peer.as_deref());
    searches(peer.as_deref());
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

/// What was measured: of Raft events and answers, of a search states and steps.
struct Speed {
    who: String,
    what: String,
    count: f64,
    other: f64,
    /// Events or states a second, the median over runs.
    rate: f64,
}

impl Speed {
    /// `run` does something, and tells how much and what besides. Many short runs are timed as
    /// one.
    fn of(who: &str, what: &str, run: impl Fn(u64) -> (u64, usize)) -> Self {
        let begin = Instant::now();
        let (count, other) = run(0);
        let repeats = (0.2 / begin.elapsed().as_secs_f64()).clamp(1.0, 1_000.0) as u64;
        let timed = |round: u64| {
            let begin = Instant::now();
            let count: u64 = (0..repeats).map(|at| run(round * repeats + at).0).sum();
            count as f64 / begin.elapsed().as_secs_f64()
        };
        let mut rates: Vec<f64> = (0..RUNS as u64).map(timed).collect();
        rates.sort_by(f64::total_cmp);
        let (who, what) = (who.to_owned(), what.to_owned());
        Self { who, what, count: count as f64, other: other as f64, rate: rates[RUNS / 2] }
    }

    /// From a peer's line: five fields between tabs.
    fn read(line: &str) -> Option<Self> {
        let mut fields = line.split('\t');
        let (who, what) = (fields.next()?.to_owned(), fields.next()?.to_owned());
        let mut number = || fields.next()?.parse().ok();
        Some(Self { who, what, count: number()?, other: number()?, rate: number()? })
    }

    fn print(&self, ours: f64) {
        let Self { who, what, count, other, rate } = self;
        let ratio = ours / rate;
        println!("{what:<30} {who:<22} {count:>10} {other:>10} {rate:>12.0} {ratio:>8.1}x");
    }
}

/// Ours, and below it theirs of the same name; ratios are those of our first to each.
fn compare(ours: &[Speed], theirs: &[Speed]) {
    let same = theirs.iter().filter(|peer| peer.what == ours[0].what);
    for speed in ours.iter().chain(same) {
        speed.print(ours[0].rate);
    }
}

/// A minute of Raft: messages take from 1 to 3 ms, heartbeats come every 50 ms, election time-outs
/// are from 150 to 300 ms; clients wait 20 ms on average between an answer and the next request.
/// With faults one message in a hundred is lost, and each second a node is cut off for 400 ms. An
/// event is what reaches a node: a message, a timer, a request. stateright's Raft has no clock and
/// no clients but at the start: what happens next is drawn, and its properties are looked at after
/// each step.
fn raft(peer: Option<&str>) {
    let mut theirs = lines(peer, "raft");
    theirs.extend(python());
    println!(
        "\n{:<30} {:<22} {:>10} {:>10} {:>12} {:>9}",
        "Raft, a minute", "who", "events", "answers", "events/s", "ratio"
    );
    for nodes in [3, 5] {
        let plain = Scenario::nodes(nodes).latency(Distribution::uniform(1.0, 3.0)).keys(10);
        let plain = plain.until(60_000.0).settling(1.0);
        // There must be a client; it has no time to ask.
        let idle = plain.clone().clients(1).think(1e9);
        let busy = plain.clients(10).think(20.0);
        let faults = (1..60).fold(busy.clone().loss(0.01), |scenario, second| {
            let from = 1_000.0 * second as f64 + 200.0;
            scenario.isolate(second % nodes, from..from + 400.0)
        });
        for (name, scenario) in [("idle", idle), ("10 clients", busy), ("faults", faults)] {
            let what = format!("{nodes} nodes, {name}");
            let ours = [
                minutes("pillars", &what, &scenario),
                minutes("pillars, unchecked", &what, &scenario.clone().unwatched()),
            ];
            compare(&ours, &theirs);
        }
    }
}

fn minutes(who: &str, what: &str, scenario: &Scenario) -> Speed {
    Speed::of(who, what, |seed| {
        let outcome = scenario.run(Raft::new, seed);
        assert!(outcome.broken.is_none());
        let operations = outcome.history.operations().iter();
        (outcome.steps, operations.filter(|it| it.reply().is_some()).count())
    })
}

/// All states of a model, one thread: the same models, with the same numbers of states and steps.
fn searches(peer: Option<&str>) {
    let theirs = lines(peer, "search");
    println!(
        "\n{:<30} {:<22} {:>10} {:>10} {:>12} {:>9}",
        "all states", "who", "states", "steps", "states/s", "ratio"
    );
    let search = |what: &str, run: &dyn Fn() -> (usize, usize)| {
        let ours = Speed::of("pillars", what, |_| {
            let (states, steps) = run();
            (states as u64, steps)
        });
        for other in theirs.iter().filter(|other| other.what == what) {
            assert_eq!((other.count, other.other), (ours.count, ours.other), "{what}");
        }
        compare(&[ours], &theirs);
    };
    for rms in [6, 7] {
        search(&format!("two-phase commit, {rms}"), &|| all_states(&TwoPhaseSpec::new(rms)));
    }
    search("ABD, 2 clients", &|| registers(AbdServer::new(), 2, 2));
    search("Paxos, 2 clients", &|| registers(PaxosServer::new(), 3, 2));
    search("Paxos, 3 clients", &|| registers(PaxosServer::new(), 3, 3));
}

fn registers<S: RegisterServer>(server: S, servers: usize, clients: usize) -> (usize, usize) {
    all_states(&Network::of(Registers::new(server, servers, clients)))
}

fn all_states<M: Model>(model: &M) -> (usize, usize) {
    let found = Search::of(model).run();
    assert!(found.holds());
    (found.states, found.transitions)
}

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches");

/// The program of the crate `cluster_peer`, if cargo can build it.
fn built() -> Option<String> {
    let target = concat!(env!("CARGO_TARGET_TMPDIR"), "/cluster_peer");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let manifest = format!("{HERE}/cluster_peer/Cargo.toml");
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "--locked", "--quiet", "--manifest-path", &manifest]);
    let status = build.args(["--target-dir", target]).status();
    let is_built = status.is_ok_and(|status| status.success());
    if !is_built {
        println!("\nno Rust peers: cargo could not build benches/cluster_peer");
    }
    is_built.then(|| format!("{target}/release/cluster-peer"))
}

fn lines(program: Option<&str>, what: &str) -> Vec<Speed> {
    program.map_or_else(Vec::new, |program| told(Command::new(program).arg(what)))
}

fn python() -> Vec<Speed> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let speeds = told(Command::new(python).arg(format!("{HERE}/cluster_peer.py")));
    if speeds.is_empty() {
        println!("no Python peer: PYTHON imports no happysimulator (happysim, for Python 3.13)");
    }
    speeds
}

/// What a peer prints. One that is missing is no failure.
fn told(command: &mut Command) -> Vec<Speed> {
    let Ok(output) = command.output() else { return Vec::new() };
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().filter_map(Speed::read).collect()
}
