//! Caches, and filters that may err, against theory, published results, and second methods.

#[path = "common/said.rs"]
mod said;

use pillars::prelude::{BloomFilter, Cache, CountMin, Popularity};
use pillars::prelude::{Stream, Trials};
use said::each_says;

/// What is called, and what it is to say.
type Case = (Box<dyn Fn()>, &'static str);

fn near(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * b.abs()
}

/// The classical reference strings: Belady, Nelson and Shedler (1969), whose FIFO gets worse with
/// more room, and the one that textbooks on operating systems print.
#[test]
fn page_faults_are_those_of_the_textbooks() {
    let anomaly = [1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5];
    let textbook = [7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1];
    let faults = |cache: Cache, trace: &[u64]| cache.replay(trace).misses;
    for (room, fifo, lru, best) in [(3, 9, 10, 7), (4, 10, 8, 6)] {
        assert_eq!(faults(Cache::fifo(room), &anomaly), fifo);
        assert_eq!(faults(Cache::lru(room), &anomaly), lru);
        assert_eq!(faults(Cache::belady_paging(room), &anomaly), best);
    }
    assert_eq!(faults(Cache::fifo(3), &textbook), 15);
    assert_eq!(faults(Cache::lru(3), &textbook), 12);
    assert_eq!(faults(Cache::belady_paging(3), &textbook), 9);
}

fn caches(capacity: usize) -> Vec<Cache> {
    vec![
        Cache::lru(capacity),
        Cache::fifo(capacity),
        Cache::random(capacity),
        Cache::lfu(capacity),
        Cache::lfu(capacity).ageing(10 * capacity),
        Cache::perfect_lfu(capacity),
        Cache::perfect_lfu(capacity).ageing(100),
        Cache::tiny_lfu(capacity),
        Cache::tiny_lfu(capacity).window(0.5),
        Cache::belady_paging(capacity),
        Cache::belady(capacity),
    ]
}

/// Traces of several kinds: popular items, a scan, a loop, two that alternate.
fn traces(seed: u64) -> Vec<Vec<u64>> {
    let zipf = Popularity::zipf(200, 0.9).requests(3000, seed);
    let scan = zipf.iter().zip(1000..).flat_map(|(item, new)| [*item, new]).collect();
    let around: Vec<u64> = (0..2000).map(|i| i % 37).collect();
    vec![zipf, scan, around, Popularity::uniform(60).requests(2000, seed)]
}

#[test]
fn nobody_beats_belady_and_room_for_all_has_compulsory_misses_alone() {
    for seed in 0..4 {
        for trace in traces(seed) {
            let distinct = trace.iter().collect::<std::collections::BTreeSet<_>>().len();
            for capacity in [1, 2, 5, 20, 60] {
                let best = Cache::belady(capacity).replay(&trace).hits;
                for cache in caches(capacity) {
                    let replay = cache.replay(&trace);
                    assert_eq!(replay.hits + replay.misses, trace.len());
                    assert_eq!(replay.compulsory, distinct);
                    assert!(replay.hits <= best && replay.misses >= distinct, "{cache}");
                }
            }
            for cache in caches(distinct) {
                let replay = cache.replay(&trace);
                assert_eq!(replay.misses, replay.compulsory, "{cache}");
                assert!(near(
                    replay.hit_ratio(),
                    1.0 - distinct as f64 / trace.len() as f64,
                    1e-12
                ));
            }
        }
    }
}

/// What must let in everything cannot beat who knows the future and must do the same.
#[test]
fn who_must_let_in_is_bounded_by_paging() {
    for trace in traces(9) {
        for capacity in [1, 3, 10, 50] {
            let window_alone = Cache::tiny_lfu(capacity).window(1.0);
            assert_eq!(window_alone.replay(&trace), Cache::lru(capacity).replay(&trace));
            let best = Cache::belady_paging(capacity).replay(&trace).hits;
            for cache in caches(capacity).into_iter().take(9) {
                assert!(cache.replay(&trace).hits <= best, "{cache}");
            }
        }
    }
}

/// The stack property (Mattson and others, 1970): a larger LRU cache holds all that a smaller one
/// does. And a second method: a request is a hit if fewer than that many others came since.
#[test]
fn lru_is_a_stack() {
    for trace in traces(2) {
        let mut distances = vec![];
        let mut stack: Vec<u64> = vec![];
        for item in &trace {
            let depth = stack.iter().rev().position(|other| other == item);
            distances.push(depth);
            stack.retain(|other| other != item);
            stack.push(*item);
        }
        let mut before = 0;
        for capacity in 1..80 {
            let hits = Cache::lru(capacity).replay(&trace).hits;
            let by_distance = distances
                .iter()
                .filter(|depth| depth.is_some_and(|depth| depth < capacity))
                .count();
            assert_eq!(hits, by_distance, "{capacity}");
            assert!(hits >= before);
            before = hits;
        }
    }
}

/// The others, written again with nothing but lists that are looked through.
#[test]
fn caches_by_hand_agree() {
    for trace in traces(6) {
        for capacity in [1, 2, 7, 30] {
            let mut queue: Vec<u64> = vec![];
            let mut hits = 0;
            for item in &trace {
                if queue.contains(item) {
                    hits += 1;
                } else {
                    queue.push(*item);
                    if queue.len() > capacity {
                        queue.remove(0);
                    }
                }
            }
            assert_eq!(Cache::fifo(capacity).replay(&trace).hits, hits, "FIFO {capacity}");
            for ageing in [None, Some(50), Some(500)] {
                for remembers in [false, true] {
                    let cache =
                        if remembers { Cache::perfect_lfu(capacity) } else { Cache::lfu(capacity) };
                    let cache = ageing.map_or(cache.clone(), |requests| cache.ageing(requests));
                    let hits = lfu_by_hand(&trace, capacity, remembers, ageing);
                    assert_eq!(cache.replay(&trace).hits, hits, "{cache}, {ageing:?}");
                }
            }
            let hits = tiny_lfu_by_hand(&trace, capacity);
            assert_eq!(Cache::tiny_lfu(capacity).replay(&trace).hits, hits, "TinyLFU {capacity}");
        }
    }
}

fn lfu_by_hand(trace: &[u64], capacity: usize, remembers: bool, ageing: Option<usize>) -> usize {
    let mut counts = std::collections::BTreeMap::<u64, (u32, usize)>::new();
    let mut held: Vec<u64> = vec![];
    let mut hits = 0;
    for (now, item) in (1..).zip(trace) {
        if ageing.is_some_and(|requests| now % requests == 0) {
            counts.values_mut().for_each(|(count, _)| *count /= 2);
        }
        let is_held = held.contains(item);
        hits += usize::from(is_held);
        let count = counts.get(item).map_or(0, |(count, _)| *count);
        let count = if is_held || remembers { count } else { 0 };
        if !is_held {
            if held.len() == capacity {
                let least = (0..held.len()).min_by_key(|at| counts[&held[*at]]).unwrap();
                held.remove(least);
            }
            held.push(*item);
        }
        counts.insert(*item, (count + 1, now));
    }
    hits
}

fn tiny_lfu_by_hand(trace: &[u64], capacity: usize) -> usize {
    let mut sorted = trace.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let window_room = ((capacity as f64 * 0.01).round() as usize).max(1);
    let main_room = capacity - window_room;
    let mut sketch = CountMin::new((4 * capacity).next_power_of_two(), 4).most(15);
    let (mut window, mut probation, mut protected) = (vec![], vec![], vec![]);
    let (mut hits, mut counted) = (0, 0);
    for item in trace {
        // The sketch knows items by their number among all.
        let item = sorted.binary_search(item).unwrap();
        sketch.add(item);
        counted += 1;
        if counted == 10 * capacity {
            sketch.halve();
            counted /= 2;
        }
        if window.contains(&item) {
            hits += 1;
            window.retain(|other| *other != item);
            window.push(item);
        } else if probation.contains(&item) || protected.contains(&item) {
            hits += 1;
            probation.retain(|other| *other != item);
            protected.retain(|other| *other != item);
            protected.push(item);
            if protected.len() > main_room * 4 / 5 {
                probation.push(protected.remove(0));
            }
        } else {
            window.push(item);
            if window.len() > window_room {
                let candidate = window.remove(0);
                if probation.len() + protected.len() < main_room {
                    probation.push(candidate);
                } else if main_room > 0 {
                    let from = if probation.is_empty() { &mut protected } else { &mut probation };
                    if sketch.estimate(candidate) > sketch.estimate(from[0]) {
                        from.remove(0);
                        probation.push(candidate);
                    }
                }
            }
        }
    }
    hits
}

/// Simulated, approximated, exact: all three for small caches, the first two for large ones.
#[test]
fn hit_ratios_are_those_of_theory() {
    let trials = Trials::new(20, 50_000).seed(11);
    for (items, exponent, capacity) in
        [(10, 0.8, 3), (100, 0.6, 10), (1000, 0.8, 100), (10_000, 0.8, 100), (1000, 1.2, 50)]
    {
        let zipf = Popularity::zipf(items, exponent);
        let lru = Cache::lru(capacity).hit_ratio(&zipf, trials);
        let che = Cache::lru(capacity).theory(&zipf).unwrap();
        let slack = if capacity < 10 { 0.03 } else { 0.01 };
        assert!(near(lru.mean, che, slack), "LRU {zipf}, {capacity}: {lru} and {che}");
        let exact = zipf.fifo_exactly(capacity);
        for cache in [Cache::fifo(capacity), Cache::random(capacity)] {
            let simulated = cache.hit_ratio(&zipf, trials);
            assert!(simulated.gap_in_bars(exact) < 2.5, "{cache}, {zipf}: {simulated} and {exact}");
            assert!(near(cache.theory(&zipf).unwrap(), exact, slack), "{cache}, {zipf}");
        }
        assert!(che > exact);
    }
}

/// LRU exactly, by King's (1971) sum over all orders of what is in the cache.
#[test]
fn lru_is_that_of_kings_formula() {
    fn sum(p: &[f64], order: &mut Vec<usize>, left: usize, chance: f64) -> f64 {
        if left == 0 {
            return chance * order.iter().map(|item| p[*item]).sum::<f64>();
        }
        let rest = 1.0 - order.iter().map(|item| p[*item]).sum::<f64>();
        let mut total = 0.0;
        for item in 0..p.len() {
            if !order.contains(&item) {
                order.push(item);
                total += sum(p, order, left - 1, chance * p[item] / rest);
                order.pop();
            }
        }
        total
    }
    let trials = Trials::new(30, 100_000).seed(4);
    for (exponent, capacity) in [(0.0, 3), (0.8, 2), (0.8, 4), (1.5, 3)] {
        let zipf = Popularity::zipf(7, exponent);
        let exact = sum(zipf.probabilities(), &mut vec![], capacity, 1.0);
        let simulated = Cache::lru(capacity).hit_ratio(&zipf, trials);
        assert!(simulated.gap_in_bars(exact) < 2.5, "{exponent}, {capacity}: {simulated}, {exact}");
        let che = Cache::lru(capacity).theory(&zipf).unwrap();
        assert!(near(che, exact, 0.05), "{exponent}, {capacity}: {che} and {exact}");
    }
}

/// Jelenković (1999): with Zipf exponents above 1 a large LRU cache misses
/// (1 - 1/α) Γ(1 - 1/α)^α times as often as the best static one; π/2 for an exponent of 2.
#[test]
fn lru_misses_as_often_as_its_asymptote_says() {
    let zipf = Popularity::zipf(300_000, 2.0);
    let miss = |cache: Cache| 1.0 - cache.theory(&zipf).unwrap();
    let ratio = miss(Cache::lru(1000)) / miss(Cache::perfect_lfu(1000));
    assert!(near(ratio, std::f64::consts::FRAC_PI_2, 0.01), "{ratio}");
}

#[test]
fn policies_stand_in_their_known_order() {
    let trials = Trials::new(10, 100_000).seed(8);
    let zipf = Popularity::zipf(10_000, 0.9);
    let ratio = |cache: Cache| cache.hit_ratio(&zipf, trials);
    let (lru, fifo) = (ratio(Cache::lru(200)), ratio(Cache::fifo(200)));
    let (tiny, perfect) = (ratio(Cache::tiny_lfu(200)), ratio(Cache::perfect_lfu(200)));
    let (in_cache, best) = (ratio(Cache::lfu(200)), ratio(Cache::belady(200)));
    assert!(fifo.high() < lru.low() && lru.high() < in_cache.low());
    assert!(in_cache.high() < perfect.low() && lru.high() < tiny.low());
    assert!(perfect.high() < best.low());
    // In the long run the most popular are there, but for the one place that each newcomer takes.
    let top = Cache::perfect_lfu(200).theory(&zipf).unwrap();
    assert!(perfect.mean < top && perfect.mean > 0.97 * top, "{perfect} and {top}");
    assert!(tiny.mean > 0.93 * top, "{tiny} and {top}");
    // A scan of items that are asked for once empties LRU, and passes W-TinyLFU by.
    let scan = traces(3).swap_remove(1);
    let hits = |cache: Cache| cache.replay(&scan).hits as f64;
    assert!(hits(Cache::tiny_lfu(30)) > 1.3 * hits(Cache::lru(30)));
}

#[test]
fn a_cache_of_ones_own_is_simulated_like_the_others() {
    // FIFO, written by a reader.
    let mine = |capacity| {
        Cache::own("mine", capacity, |capacity| {
            let mut queue = std::collections::VecDeque::new();
            move |item| {
                let hit = queue.contains(&item);
                if !hit {
                    queue.push_back(item);
                    if queue.len() > capacity {
                        queue.pop_front();
                    }
                }
                hit
            }
        })
    };
    let (zipf, trials) = (Popularity::zipf(300, 0.8), Trials::new(4, 5000));
    assert_eq!(mine(20).hit_ratio(&zipf, trials), Cache::fifo(20).hit_ratio(&zipf, trials));
    assert!(mine(20).theory(&zipf).is_err());
    assert_eq!(mine(20).to_string(), "mine, room for 20");
}

/// Streams of the same name meet the same requests: differences between caches are not noise.
#[test]
fn caches_meet_the_same_requests() {
    let (zipf, trials) = (Popularity::zipf(1000, 0.8), Trials::new(5, 2000).warmup(0).seed(6));
    let mut counted = vec![];
    for replication in 0..5 {
        let mut stream = Stream::new(6, replication, "requests");
        let trace: Vec<u64> = (0..2000).map(|_| zipf.sample(&mut stream) as u64).collect();
        counted.push(Cache::lru(50).replay(&trace).hit_ratio());
    }
    let mean = counted.iter().sum::<f64>() / 5.0;
    assert!(near(Cache::lru(50).hit_ratio(&zipf, trials).mean, mean, 1e-12));
}

#[test]
fn filters_take_strangers_as_often_as_the_exact_formula_says() {
    let trials = Trials::new(100, 2000).seed(21);
    for (bits, hashes, members) in
        [(64, 3, 10), (200, 5, 40), (1000, 7, 100), (4096, 1, 3000), (30, 4, 3)]
    {
        let filter = BloomFilter::new(bits, hashes);
        let measured = filter.measured_rate(members, trials);
        let exact = filter.exact_rate(members);
        assert!(measured.gap_in_bars(exact) < 2.5, "{bits}, {hashes}: {measured} and {exact}");
    }
    // Small enough, the formula of the textbooks is wrong by more than the error bars.
    let small = BloomFilter::new(30, 4);
    let measured = small.measured_rate(3, Trials::new(400, 10_000));
    assert!(measured.gap_in_bars(small.rate(3)) > 2.5, "{measured} and {}", small.rate(3));
    let mut filter = BloomFilter::sized(5000, 0.01);
    (0..5000).for_each(|key| filter.insert(key));
    assert!((0..5000).all(|key| filter.contains(key)));
    // A stranger is taken if all of its bits are set.
    let fill = filter.rate(5000).powf(1.0 / filter.hashes() as f64);
    assert!(near(filter.fill(), fill, 0.01), "{} and {fill}", filter.fill());
    filter.insert("a text");
    assert!(filter.contains("a text") && !BloomFilter::new(8, 1).contains(1));
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let all = || -> Vec<String> {
        let trials = Trials::new(6, 2000).seed(41);
        let zipf = Popularity::zipf(500, 0.9);
        let ratios =
            caches(30).into_iter().map(|cache| format!("{:?}", cache.hit_ratio(&zipf, trials)));
        let rate = BloomFilter::new(300, 4).measured_rate(50, trials);
        ratios.chain([format!("{rate:?}")]).collect()
    };
    let with = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all)
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn what_makes_no_sense_is_told_in_a_sentence() {
    let zipf = || Popularity::zipf(10, 1.0);
    let cases: Vec<Case> = vec![
        (Box::new(|| _ = Popularity::zipf(0, 1.0)), "at least 1 item"),
        (
            Box::new(|| _ = Popularity::zipf(9, -0.5)),
            "the exponent must be a number of at least 0, but it is -0.5",
        ),
        (Box::new(|| _ = Popularity::zipf(9, f64::NAN)), "at least 0, but it is NaN"),
        (
            Box::new(|| _ = Popularity::of(&[1.0, -2.0])),
            "each weight must be a number of at least 0, but one is -2",
        ),
        (Box::new(|| _ = Popularity::of(&[0.0])), "must sum to a positive number"),
        (
            Box::new(|| _ = Cache::lru(0)),
            "Cache::lru: the cache must have room for at least 1 item",
        ),
        (Box::new(|| _ = Cache::belady(0)), "Cache::belady: the cache must have room"),
        (
            Box::new(|| _ = Cache::lru(3).ageing(5)),
            "only the counts of LFU age, after at least 1 request, but this is LRU",
        ),
        (Box::new(|| _ = Cache::lfu(3).ageing(0)), "after 0"),
        (Box::new(|| _ = Cache::tiny_lfu(3).window(1.5)), "a fraction between 0 and 1 of the room"),
        (Box::new(|| _ = Cache::lru(3).replay(&[])), "the trace must have at least 1 request"),
        (
            Box::new(move || _ = zipf().lru_hits(0)),
            "Popularity::lru_hits: the cache must have room",
        ),
        (
            Box::new(|| _ = BloomFilter::new(0, 1)),
            "at least 1 bit and 1 hash, but there are 0 and 1",
        ),
        (Box::new(|| _ = BloomFilter::sized(10, 1.2)), "above 0 and below 1, but it is 1.2"),
        (Box::new(|| _ = BloomFilter::sized(0, 0.1)), "at least 1 member"),
        (Box::new(|| _ = CountMin::new(0, 1)), "at least 1 counter in a row and 1 row"),
    ];
    each_says(cases);
}
