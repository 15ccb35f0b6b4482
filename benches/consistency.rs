//! How many histories, and operations of long ones, are checked in a second on one core.
//!
//!     cargo bench --profile cells -p pillars-course --bench consistency
//!
//! The fastest of several runs counts, as others may use the machine. `LARGEST=10000` leaves out
//! longer histories.

use pillars::state::consistency::{
    CausalModel, Checker, KeyValueSpec, RandomHistory, RegisterHistory, RegisterSpec, Verdict,
};
use std::hint::black_box;
use std::time::Instant;

/// The thirty logs of etcd.
const ETCD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../notebooks/data/etcd");
/// Those that are linearizable, as published.
const LINEARIZABLE: [usize; 5] = [2, 5, 7, 18, 25];
/// Porcupine on all 102 logs of the set, one core, as published: not measured here.
const PEER_SECONDS: f64 = 0.40;
const PEER_HISTORIES: f64 = 102.0;
const PEER_WORST: f64 = 0.143;

const RUNS: usize = 7;

fn main() {
    etcd();
    let largest = std::env::var("LARGEST").ok().and_then(|it| it.parse().ok());
    synthetic(largest.unwrap_or(100_000));
    others();
}

/// The least time of several runs, in seconds.
fn fastest<T>(mut run: impl FnMut() -> T) -> f64 {
    let time = |_| {
        let begin = Instant::now();
        black_box(run());
        begin.elapsed().as_secs_f64()
    };
    (0..RUNS).map(time).fold(f64::INFINITY, f64::min)
}

fn etcd() {
    let texts: Vec<String> = (0..30)
        .map(|number| std::fs::read_to_string(format!("{ETCD}/etcd_{number:03}.log")).unwrap())
        .collect();
    let read = || texts.iter().map(|text| RegisterHistory::from_log(text).unwrap());
    let histories: Vec<RegisterHistory> = read().collect();
    let operations: usize = histories.iter().map(RegisterHistory::len).sum();
    let checker = Checker::new();
    let check = |history| checker.check(&RegisterSpec, history);
    let verdicts: Vec<usize> =
        (0..30).filter(|&it| check(&histories[it]).is_linearizable()).collect();
    println!(
        "thirty logs of etcd, {operations} operations; linearizable: {verdicts:?}, {}",
        if verdicts == LINEARIZABLE { "as published" } else { "NOT as published" }
    );
    let reading = fastest(|| read().count());
    let all = fastest(|| histories.iter().filter(|it| check(it).is_linearizable()).count());
    let times = histories.iter().map(|history| fastest(|| check(history)));
    let worst = times.fold(0.0, f64::max);
    println!(
        "{:<40} {:>10} {:>14} {:>12} {:>10}",
        "", "total", "histories/s", "a history", "worst"
    );
    let row = |who: &str, total: f64, histories: f64, worst: f64| {
        println!(
            "{who:<40} {:>7.2} ms {:>14.0} {:>9.1} us {:>7.2} ms",
            total * 1e3,
            histories / total,
            total / histories * 1e6,
            worst * 1e3
        );
    };
    row("pillars, verdict and shortest prefix", all, 30.0, worst);
    row("porcupine, 102 logs (published)", PEER_SECONDS, PEER_HISTORIES, PEER_WORST);
    println!(
        "ratio a history: {:.0} (another machine, and verdicts alone)",
        PEER_SECONDS / PEER_HISTORIES / (all / 30.0)
    );
    println!("reading the logs takes {:.2} ms", reading * 1e3);
    let conflict = |history| checker.conflict(&RegisterSpec, history).len();
    let conflicts = fastest(|| histories.iter().map(conflict).sum::<usize>());
    println!("what contradicts, in all that are not linearizable: {:.1} ms\n", conflicts * 1e3);
}

/// What a verdict is, in a word.
fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Linearizable { .. } => "linearizable",
        Verdict::Violation(_) => "violation",
        Verdict::Unknown { .. } => "unknown",
    }
}

/// Which history of so many clients and operations.
type Of = fn(RandomHistory) -> RegisterHistory;

fn synthetic(largest: usize) {
    println!("registers by chance: operations a second");
    println!("{:<34} {:>8} {:>11} {:>11} {:>11}", "", "clients", "1,000", "10,000", "100,000");
    let sizes: Vec<usize> =
        [1_000, 10_000, 100_000].into_iter().filter(|&it| it <= largest).collect();
    let few = |random: RandomHistory| random.values(5).compare_and_set(0.3);
    let kinds: [(&str, Of); 5] = [
        ("values written once", |random| random.register(1)),
        ("the same, one stale read", |random| random.with_stale_read(1).0),
        ("the same, 1 % timeouts", |random| random.timeouts(0.01).register(1)),
        ("five values", |random| random.values(5).register(1)),
        ("five values, compare-and-set", |random| {
            random.values(5).compare_and_set(0.3).register(1)
        }),
    ];
    let row = |name: &str, clients: usize, of: &dyn Fn(RandomHistory) -> RegisterHistory| {
        print!("{name:<34} {clients:>8}");
        let mut words = vec![];
        for &size in &sizes {
            let history = of(RandomHistory::new(clients, size));
            let check = || Checker::new().check(&RegisterSpec, &history);
            let begin = Instant::now();
            let said = word(&check());
            let first = begin.elapsed().as_secs_f64();
            // What takes long is not repeated.
            let time = if first < 1.0 { fastest(check).min(first) } else { first };
            print!(" {:>11.0}", size as f64 / time);
            words.push(said);
        }
        words.dedup();
        println!("  {}", words.join(", "));
    };
    for (name, of) in kinds {
        for clients in [5, 20, 50] {
            row(name, clients, &of);
        }
    }
    row("five values, swaps, 1 % timeouts", 5, &|random| few(random).timeouts(0.01).register(1));
    println!();
}

fn others() {
    println!("other checks, operations a second");
    let row = |name: &str, count: usize, seconds: f64| {
        println!("{name:<46} {count:>8} {:>12.0}", count as f64 / seconds);
    };
    let store = RandomHistory::new(10, 10_000).keys(20).timeouts(0.01).key_value(1);
    let count = store.len();
    row(
        "linearizable, 20 keys, 10 clients",
        count,
        fastest(|| Checker::new().check(&KeyValueSpec, &store)),
    );
    for (name, model) in [
        ("causal consistency", CausalModel::Consistency),
        ("causal convergence", CausalModel::Convergence),
    ] {
        row(name, count, fastest(|| store.causal(model)));
    }
    row("session guarantees", count, fastest(|| store.session_guarantees()));
    row("eventual convergence", count, fastest(|| store.convergence(0.0)));
    let short = RandomHistory::new(10, 1000).keys(20).key_value(1);
    row("causal memory", short.len(), fastest(|| short.causal(CausalModel::Memory)));
    let few = RandomHistory::new(4, 200).register(1);
    row(
        "sequential consistency, 4 clients",
        few.len(),
        fastest(|| Checker::new().sequential(&RegisterSpec, &few)),
    );
}
