//! How many keys a second each scheme of placement looks up, and how many requests a second each
//! cache is simulated with; tables in bytes.
//!
//!     cargo bench --profile cells -p pillars-course --bench placement
//!
//! One thread, medians of several runs.

use pillars::prelude::{
    BloomFilter, Cache, MerkleTree, Placement, Popularity, Replication, Resharding,
};
use pillars::prelude::{Distribution, Trials};
use std::time::Instant;

const KEYS: usize = 1_000_000;
const REQUESTS: usize = 1_000_000;
const RUNS: usize = 7;

fn main() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.unwrap_or_else(|error| panic!("one thread: {error}"));
    pool.install(|| {
        lookups();
        caches();
        others();
    });
}

fn lookups() {
    println!("{:<58} {:>14} {:>8} {:>10}", "placement", "lookups/s", "ns", "bytes");
    for nodes in [10, 100, 1000] {
        let mine = |key: u64, nodes: &[usize]| nodes[(key >> 32) as usize % nodes.len()];
        for placement in [
            Placement::modulo(nodes),
            Placement::jump(nodes),
            Placement::ring(nodes, 100),
            Placement::maglev(nodes, 65_537),
            Placement::rendezvous(nodes),
            Placement::own("a closure", nodes, mine),
        ] {
            let keys = if nodes == 1000 { KEYS / 10 } else { KEYS };
            let sum = || (0..keys).map(|key| placement.node_of(key)).sum::<usize>();
            row(&placement.to_string(), keys, sum, placement.memory());
        }
        let bounded = Placement::bounded(nodes, 100, 0.25);
        row(&bounded.to_string(), KEYS, || bounded.assign(KEYS).len(), bounded.memory());
    }
    let weighted =
        Placement::rendezvous(10).weights(&[1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0]);
    let sum = || (0..KEYS / 10).map(|key| weighted.node_of(key)).sum::<usize>();
    row(&format!("{weighted}, two weights"), KEYS / 10, sum, weighted.memory());
    let ring = Placement::ring(10, 100);
    let copies = || (0..KEYS / 10).map(|key| ring.replicas(key, 3)[2]).sum::<usize>();
    row("three copies on a ring of 10 nodes", KEYS / 10, copies, ring.memory());
}

fn caches() {
    println!("\n{:<58} {:>14} {:>8}", "cache, Zipf 0.9", "requests/s", "ns");
    let zipf = Popularity::zipf(100_000, 0.9);
    row("the requests alone", REQUESTS, || zipf.requests(REQUESTS, 3).len(), 0);
    for capacity in [1000, 20_000] {
        for cache in [
            Cache::lru(capacity),
            Cache::fifo(capacity),
            Cache::random(capacity),
            Cache::lfu(capacity),
            Cache::perfect_lfu(capacity),
            Cache::tiny_lfu(capacity),
            Cache::belady(capacity),
        ] {
            let trials = Trials::new(2, REQUESTS / 2).warmup(0);
            let simulate = || (cache.hit_ratio(&zipf, trials).mean * 1e6) as usize;
            row(&format!("{cache} of 100,000"), REQUESTS, simulate, 0);
        }
    }
    let million = Popularity::zipf(1_000_000, 0.8);
    row("Che's approximation, items", 1_000_000, || million.lru_hits(10_000).len(), 0);
    let few = Popularity::zipf(10_000, 0.8);
    let exact = || (few.fifo_exactly(1000) * 1e6) as usize;
    row("FIFO exactly, 10,000 items, room for 1,000, items", 10_000, exact, 0);
}

fn others() {
    println!("\n{:<58} {:>14} {:>8}", "other", "a second", "ns");
    let mut filter = BloomFilter::sized(KEYS, 0.01);
    (0..KEYS).for_each(|key| filter.insert(key));
    row(
        "Bloom filter, members asked for",
        KEYS,
        || (0..KEYS).filter(|key| filter.contains(*key)).count(),
        0,
    );
    let tree = MerkleTree::new(16, 4);
    row(
        "Merkle trees of two replicas, keys",
        2 * 100_000,
        || tree.simulate(100_000, 10, 2, 1).bytes.n,
        0,
    );
    let ring = Placement::ring(10, 100);
    let plan =
        Resharding::new(&ring, &Placement::modulo(11), 50_000).rate(1000.0).requests(10_000.0, 0.1);
    let requests = plan.simulate(2, 1).requests.mean as usize * 2;
    row("resharding, requests", requests, || plan.simulate(2, 1).misplaced + 1, 0);
    let writes = Replication::quorum(5, 3, Distribution::exponential(1.0)).rate(10.0);
    let trials = Trials::new(2, REQUESTS / 2).warmup(0);
    row("writes to three of five", REQUESTS, || writes.simulate(trials).latency.n, 0);
}

fn row(what: &str, count: usize, run: impl Fn() -> usize, bytes: usize) {
    let time = |_| {
        let start = Instant::now();
        assert!(run() > 0);
        start.elapsed().as_secs_f64()
    };
    let mut times: Vec<f64> = (0..RUNS).map(time).collect();
    times.sort_by(f64::total_cmp);
    let rate = count as f64 / times[RUNS / 2];
    println!("{what:<58} {rate:>14.0} {:>8.1} {bytes:>10}", 1e9 / rate);
}
