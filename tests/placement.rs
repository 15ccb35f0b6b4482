//! Placement of keys, hot keys and moving data against theory, published results, and second methods.

#[path = "common/said.rs"]
mod said;

use pillars::prelude::Trials;
use pillars::prelude::{
    HotKeys, Placement, Popularity, Resharding, ring_deviation, ring_share_interval, stable_hash,
};
use said::each_says;

/// What is called, and what it is to say.
type Case = (Box<dyn Fn()>, &'static str);

const KEYS: usize = 20_000;

fn trials() -> Trials {
    Trials::new(20, KEYS).seed(1907)
}

fn near(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * b.abs()
}

/// Every scheme, with so many nodes; the last is one's own, rendezvous in a line.
fn schemes(nodes: usize) -> Vec<Placement> {
    vec![
        Placement::ring(nodes, 100),
        Placement::jump(nodes),
        Placement::rendezvous(nodes),
        Placement::maglev(nodes, 5003),
        Placement::modulo(nodes),
        Placement::bounded(nodes, 100, 0.05),
        Placement::own("mine", nodes, |key, nodes| {
            *nodes.iter().max_by_key(|node| stable_hash((key, **node))).unwrap()
        }),
    ]
}

#[test]
fn joining_and_leaving_again_changes_nothing() {
    for placement in schemes(7) {
        let before = placement.assign(2000);
        assert_eq!(placement.join().leave(7).assign(2000), before, "{placement}");
        assert!(before.iter().all(|node| placement.nodes().contains(node)));
        assert_eq!(placement.join().nodes(), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(placement.leave(2).nodes(), [0, 1, 3, 4, 5, 6]);
        assert_ne!(placement.clone().seed(9).assign(2000), before);
        assert_eq!(placement.clone().seed(9).seed(0).assign(2000), before);
    }
}

/// A joining node takes its share and nothing else moves, with all that are consistent.
#[test]
fn what_moves_when_a_node_joins() {
    for placement in schemes(10) {
        let moves = placement.on_join(trials());
        let name = placement.to_string();
        assert!(near(moves.least, 1.0 / 11.0, 1e-12));
        if name.starts_with("modulo") {
            // A key stays if it has the same rest by 10 and by 11.
            assert!(moves.moved.gap_in_bars(10.0 / 11.0) < 3.0, "{name}: {}", moves.moved);
            assert!(moves.needless.mean > 0.8);
        } else if name.starts_with("Maglev") {
            assert!(moves.needless.low() > 0.0 && moves.needless.mean < 0.03, "{name}: {moves:?}");
        } else if name.starts_with("bounded") {
            assert!(moves.moved.mean > moves.least && moves.moved.mean < 0.3, "{name}: {moves:?}");
        } else {
            assert_eq!(moves.needless.mean, 0.0, "{name}");
            assert!(moves.moved.gap_in_bars(moves.least) < 3.0, "{name}: {}", moves.moved);
        }
    }
}

#[test]
fn what_moves_when_a_node_leaves() {
    for placement in schemes(10) {
        let name = placement.to_string();
        for node in [0, 4, 9] {
            let moves = placement.on_leave(node, trials());
            assert!(near(moves.least, 0.1, 1e-12));
            let moved = if name.starts_with("modulo") {
                // Of 90 pairs of rests, by 10 and by 9, nine name the same node.
                0.9
            } else if name.starts_with("jump") {
                // Those behind move up. The last bucket's keys are spread over the nine that are
                // left, of which one is the node that has it now, unless that is who leaves.
                let stay = if node == 9 { 0.0 } else { 1.0 / 9.0 };
                (9.0 - node as f64) / 10.0 + (1.0 - stay) / 10.0
            } else if name.starts_with("Maglev") || name.starts_with("bounded") {
                let needless = moves.needless;
                assert!(needless.low() > 0.0 && needless.mean < 0.15, "{name}: {needless}");
                continue;
            } else {
                assert_eq!(moves.needless.mean, 0.0, "{name}, {node}");
                0.1
            };
            assert!(moves.moved.gap_in_bars(moved) < 3.0, "{name}, {node}: {}", moves.moved);
        }
    }
}

#[test]
fn jump_moves_keys_to_the_new_node_alone() {
    for nodes in 1..60 {
        let (before, after) = (Placement::jump(nodes), Placement::jump(nodes + 1));
        let pairs = before.assign(500).into_iter().zip(after.assign(500));
        assert!(pairs.into_iter().all(|(from, to)| from == to || to == nodes));
    }
}

#[test]
fn rings_are_as_uneven_as_theory_says() {
    let trials = Trials::new(200, 20_000).seed(3);
    for (nodes, points) in [(2, 1), (10, 1), (10, 10), (10, 100), (50, 20)] {
        let spread = Placement::ring(nodes, points).spread(trials);
        // The deviation of the arcs, and that of a sample of keys on top.
        let arcs = ring_deviation(nodes, points).powi(2);
        let sampled = (nodes as f64 - 1.0 - arcs) / 20_000.0;
        let theory = (arcs + sampled).sqrt();
        let gap = spread.deviation.gap_in_bars(theory);
        assert!(gap < 2.5, "{nodes}, {points}: {} and {theory}", spread.deviation);
        let fair = 1.0 / nodes as f64;
        assert!(
            spread.shares.iter().filter(|share| share.gap_in_bars(fair) < 2.0).count()
                >= nodes * 4 / 5
        );
    }
}

/// The distribution of a node's share, and not its deviation alone.
#[test]
fn shares_of_a_ring_are_beta() {
    for (nodes, points) in [(3, 1), (5, 4), (10, 50)] {
        let (low, high) = ring_share_interval(nodes, points, 0.8);
        let fair = 1.0 / nodes as f64;
        let share = |seed| Placement::ring(nodes, points).seed(seed).shares()[0] / fair;
        let shares: Vec<f64> = (0..2000).map(share).collect();
        let below = shares.iter().filter(|share| **share < low).count();
        let above = shares.iter().filter(|share| **share > high).count();
        // A tenth on each side; four deviations of a count of 2000 are 54.
        assert!(
            below.abs_diff(200) < 54 && above.abs_diff(200) < 54,
            "{nodes}, {points}: {below}, {above}"
        );
    }
}

#[test]
fn even_schemes_differ_by_the_sample_alone() {
    let trials = Trials::new(100, 10_000).seed(5);
    for placement in [Placement::jump(10), Placement::rendezvous(10), Placement::modulo(10)] {
        // A multinomial sample: the square of the relative deviation is (n - 1) / keys.
        let deviation = placement.spread(trials).deviation;
        assert!(deviation.gap_in_bars((9.0 / 10_000f64).sqrt()) < 2.5, "{placement}: {deviation}");
        assert!(placement.shares().iter().all(|share| *share == 0.1));
    }
}

/// Nodes take turns: no two differ by more than one slot, whatever they are (the paper: with 100
/// slots a node, by 1 %).
#[test]
fn maglev_is_even_to_a_slot() {
    for (nodes, slots) in [(3, 7), (10, 1009), (100, 10_007), (1000, 65_537), (7, 7)] {
        let shares = Placement::maglev(nodes, slots).shares();
        let most = shares.iter().copied().fold(0.0, f64::max) * slots as f64;
        let least = shares.iter().copied().fold(1.0, f64::min) * slots as f64;
        assert!(most - least < 1.0 + 1e-6, "{nodes}, {slots}: {least} to {most}");
    }
    // More slots, less disruption.
    let needless = |slots| Placement::maglev(20, slots).on_leave(3, trials()).needless.mean;
    assert!(needless(65_537) < 0.5 * needless(211), "{} {}", needless(65_537), needless(211));
}

#[test]
fn bounded_loads_are_bounded() {
    for slack in [0.05, 0.25, 1.0] {
        for nodes in [3, 10, 40] {
            let placement = Placement::bounded(nodes, 5, slack);
            let most = ((1.0 + slack) * KEYS as f64 / nodes as f64).ceil();
            let mut loads = vec![0; nodes];
            placement.assign(KEYS).iter().for_each(|node| loads[*node] += 1);
            let heaviest = *loads.iter().max().unwrap() as f64;
            assert!(heaviest <= most, "{placement}: {heaviest} of {most}");
        }
    }
    // With room enough it is the ring; with little a join moves more than with much.
    let (ring, roomy) = (Placement::ring(10, 50), Placement::bounded(10, 50, 9.0));
    assert_eq!(ring.assign(5000), roomy.assign(5000));
    let moved = |slack| Placement::bounded(20, 20, slack).on_join(trials()).moved.mean;
    assert!(moved(0.02) > 1.5 * moved(1.0), "{} and {}", moved(0.02), moved(1.0));
}

#[test]
fn weights_are_kept() {
    let weights = [1.0, 2.0, 3.0, 4.0];
    let trials = Trials::new(40, 20_000);
    for placement in [Placement::ring(4, 200), Placement::rendezvous(4)] {
        let weighted = placement.weights(&weights);
        let spread = weighted.spread(trials);
        for (share, weight) in spread.shares.iter().zip(weights) {
            assert!(share.gap_in_bars(weight / 10.0) < 3.0, "{weighted}: {share} for {weight}");
        }
        // The new node's weight is 1 of 11 then, and no key moves elsewhere.
        let moves = weighted.on_join(trials);
        assert!(near(moves.least, 1.0 / 11.0, 1e-12) && moves.needless.mean == 0.0);
    }
    // A node whose weight rises only gains.
    let (before, after) = (
        Placement::rendezvous(4).weights(&weights),
        Placement::rendezvous(4).weights(&[1.0, 2.0, 6.0, 4.0]),
    );
    let pairs: Vec<_> = before.assign(5000).into_iter().zip(after.assign(5000)).collect();
    assert!(pairs.iter().all(|(from, to)| from == to || *to == 2));
    assert!(pairs.iter().any(|(from, to)| from != to));
    let same = Placement::rendezvous(4).weights(&[2.5; 4]);
    assert_eq!(same.assign(5000), Placement::rendezvous(4).assign(5000));
}

#[test]
fn copies_are_on_different_nodes_and_zones() {
    for placement in [Placement::ring(6, 50), Placement::rendezvous(6)] {
        for key in 0..500 {
            let all = placement.replicas(key, 6);
            assert_eq!(all[0], placement.node_of(key));
            let mut sorted = all.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4, 5]);
            // Fewer copies are the first of more; if the first node leaves, the next is first.
            assert_eq!(placement.replicas(key, 3), all[..3]);
            assert_eq!(placement.leave(all[0]).replicas(key, 2), all[1..3]);
        }
        let zoned = placement.zones(&[0, 0, 0, 1, 1, 2]);
        for key in 0..500 {
            let mut zones: Vec<usize> =
                zoned.replicas(key, 3).iter().map(|node| [0, 0, 0, 1, 1, 2][*node]).collect();
            zones.sort_unstable();
            assert_eq!(zones, [0, 1, 2]);
            assert_eq!(zoned.replicas(key, 1), [zoned.node_of(key)]);
        }
        // The newcomer belongs to zone 2, the smallest.
        let pairs = (0..300).map(|key| zoned.join().replicas(key, 3));
        assert!(pairs.into_iter().all(|nodes| !(nodes.contains(&5) && nodes.contains(&6))));
    }
}

#[test]
fn keys_are_numbers_or_texts() {
    let ring = Placement::ring(10, 100);
    assert_eq!(ring.node_of(42), ring.node_of(42_u64));
    assert_eq!(ring.node_of("user:42"), ring.node_of(format!("user:{}", 42)));
    let spread: std::collections::BTreeSet<usize> =
        (0..200).map(|i| ring.node_of(format!("user:{i}"))).collect();
    assert_eq!(spread.len(), 10);
    assert_eq!(Placement::ring(10, 100).memory(), 1000 * 12 + 1024 * 4);
    assert_eq!(Placement::jump(10).memory(), 0);
}

#[test]
fn hot_keys_load_their_shard_as_the_formula_says() {
    let trials = Trials::new(100, 20_000).seed(13);
    let zipf = || Popularity::zipf(1000, 1.1);
    let plain = HotKeys::new(zipf(), 20);
    let cases = [
        plain.clone(),
        plain.clone().split(1, 8),
        plain.clone().split(5, 4).reads(0.5),
        plain.clone().copies(3).reads(0.9),
        plain.clone().copies(20).reads(1.0),
        HotKeys::new(Popularity::uniform(1000), 20),
        HotKeys::new(zipf(), 1),
    ];
    for case in &cases {
        let run = case.simulate(trials);
        let close = near(run.hottest.mean, case.hottest(), 1e-12);
        assert!(
            close || run.hottest.gap_in_bars(case.hottest()) < 2.5,
            "{case:?}: {run:?}, {}",
            case.hottest()
        );
        assert!(run.busiest.mean >= run.hottest.mean);
    }
    // By hand: p + (1 - p) / n.
    let p = zipf().probabilities()[0];
    assert!(near(plain.hottest(), p + (1.0 - p) / 20.0, 1e-12));
    // More shards do not help against one key, parts and copies do.
    assert!(HotKeys::new(zipf(), 10_000).hottest() > p);
    let work = |case: &HotKeys| case.simulate(trials).work.mean;
    assert!(plain.clone().split(1, 8).hottest() < 0.6 * plain.hottest());
    assert_eq!(work(&plain.clone().split(1, 8)), 1.0);
    // Parts cost readers, copies cost writers.
    assert!(near(work(&plain.clone().split(1, 8).reads(1.0)), 1.0 + 7.0 * p, 0.02));
    assert!(near(work(&plain.clone().copies(3).reads(0.75)), 1.5, 0.02));
    assert!(plain.clone().split(1, 8).reads(1.0).hottest() > plain.hottest());
    assert!(plain.clone().copies(3).hottest() > plain.hottest());
    assert!(near(plain.clone().copies(20).reads(1.0).hottest(), 0.05, 1e-9));
}

#[test]
fn resharding_takes_what_moves_and_loses_nothing() {
    const KEYS: usize = 5000;
    let plan = |from: &Placement| {
        Resharding::new(from, &from.join(), KEYS).rate(500.0).requests(2000.0, 0.3)
    };
    let (ring, modulo) = (plan(&Placement::ring(10, 100)), plan(&Placement::modulo(10)));
    let mut forwarded = vec![];
    for plan in [&ring, &modulo] {
        let run = plan.simulate(40, 17);
        assert!(near(run.duration, run.moved * KEYS as f64 / 500.0, 1e-12));
        assert!(run.requests.gap_in_bars(2000.0 * run.duration) < 2.5);
        assert!(run.forwarded.gap_in_bars(plan.forwarded()) < 2.5, "{run:?}, {}", plan.forwarded());
        assert_eq!((run.lost.mean, run.misplaced), (0.0, 0));
        forwarded.push(run.forwarded.mean);
    }
    // As the squares of what moves: a hundred times as many.
    let squares = (modulo.moved() / ring.moved()).powi(2);
    assert!(near(forwarded[1] / forwarded[0], squares, 0.1), "{forwarded:?}, {squares}");
    assert!(modulo.duration() > 8.0 * ring.duration());
    // Popular keys forward no more: the order is by chance.
    let zipf = modulo.clone().popularity(&Popularity::zipf(KEYS, 1.0));
    assert!(near(zipf.simulate(100, 3).forwarded.mean, modulo.forwarded(), 0.1));
    // Without care, writes that come while their key is on its way are lost.
    let careless = zipf.careless().simulate(10, 17);
    assert!(careless.lost.low() > 0.0 && careless.misplaced == 0, "{careless:?}");
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let all = || -> Vec<String> {
        let trials = Trials::new(6, 2000).seed(41);
        let ring = Placement::ring(5, 20);
        let measures = schemes(5).into_iter().map(|placement| {
            format!("{:?}{:?}", placement.on_join(trials), placement.spread(trials))
        });
        let hot = HotKeys::new(Popularity::zipf(500, 0.9), 7).split(2, 3).simulate(trials);
        let moving = Resharding::new(&ring, &ring.join(), 500).simulate(6, 1);
        measures.chain([format!("{hot:?}"), format!("{moving:?}")]).collect()
    };
    let with = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all)
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn what_makes_no_sense_is_told_in_a_sentence() {
    let zipf = || Popularity::zipf(10, 1.0);
    let moving = || Resharding::new(&Placement::jump(1), &Placement::jump(2), 9);
    let cases: Vec<Case> = vec![
        (Box::new(|| _ = Placement::ring(0, 10)), "Placement::ring: keys must be on some node"),
        (
            Box::new(|| _ = Placement::jump(0)),
            "Placement::jump: keys must be on some node, but there are 0",
        ),
        (Box::new(|| _ = Placement::ring(3, 0)), "each node needs at least 1 virtual node"),
        (Box::new(|| _ = Placement::bounded(3, 0, 0.1)), "Placement::bounded: each node needs"),
        (
            Box::new(|| _ = Placement::bounded(3, 1, 0.0)),
            "the slack must be a positive number, but it is 0",
        ),
        (Box::new(|| _ = Placement::maglev(3, 65_536)), "must be a prime"),
        (Box::new(|| _ = Placement::maglev(10, 7)), "must have a slot for each node"),
        (Box::new(|| _ = Placement::maglev(1, 2)), "and more than 2"),
        (
            Box::new(|| _ = Placement::maglev(7, 7).join()),
            "Placement::join: the table must have a slot",
        ),
        (Box::new(|| _ = Placement::ring(1, 1).leave(0)), "node 0 is the only one"),
        (
            Box::new(|| _ = Placement::ring(2, 1).leave(7)),
            "there is no node 7; the nodes are [0, 1]",
        ),
        (
            Box::new(|| _ = Placement::jump(2).on_leave(7, trials())),
            "Placement::on_leave: there is no node 7",
        ),
        (
            Box::new(|| _ = Placement::jump(2).weights(&[1.0, 2.0])),
            "only a ring and rendezvous hashing take weights, but this is jump, 2 nodes",
        ),
        (
            Box::new(|| _ = Placement::ring(2, 1).weights(&[1.0])),
            "each of the 2 nodes needs a weight, but 1 are given",
        ),
        (
            Box::new(|| _ = Placement::ring(2, 1).weights(&[1.0, -1.0])),
            "weight of each node must be a positive number, but it is -1",
        ),
        (Box::new(|| _ = Placement::ring(2, 1).zones(&[1])), "each of the 2 nodes needs a zone"),
        (
            Box::new(|| _ = Placement::ring(2, 1).replicas(1, 3)),
            "at most one on each of the 2 nodes, but 3",
        ),
        (
            Box::new(|| _ = Placement::jump(2).replicas(1, 2)),
            "copies are defined for rings and rendezvous",
        ),
        (
            Box::new(|| _ = Placement::bounded(2, 1, 0.5).node_of(1)),
            "depends on the other keys; place them together",
        ),
        (
            Box::new(|| _ = Placement::bounded(2, 1, 0.5).shares()),
            "measure it, as in placement.spread",
        ),
        (
            Box::new(|| _ = Placement::own("bad", 2, |_, _| 5).assign(3)),
            "bad chose node 5 for a key, but the nodes are [0, 1]",
        ),
        (Box::new(|| _ = Placement::jump(2).moved(&Placement::jump(3), 0)), "at least 1 key"),
        (
            Box::new(|| _ = ring_deviation(0, 1)),
            "ring_deviation: there must be at least 1 node and 1 virtual node",
        ),
        (
            Box::new(|| _ = ring_share_interval(3, 1, 1.0)),
            "the confidence must be between 0 and 1, but it is 1",
        ),
        (Box::new(move || _ = HotKeys::new(zipf(), 0)), "keys must be on some shard"),
        (
            Box::new(move || _ = HotKeys::new(zipf(), 2).reads(1.2)),
            "must be between 0 and 1, but it is 1.2",
        ),
        (Box::new(move || _ = HotKeys::new(zipf(), 2).split(1, 0)), "at least 1 part"),
        (Box::new(move || _ = HotKeys::new(zipf(), 2).copies(3)), "1 to 2 copies"),
        (Box::new(move || _ = HotKeys::new(zipf(), 2).copies(2).split(1, 2)), "no copies besides"),
        (
            Box::new(|| _ = Resharding::new(&Placement::jump(1), &Placement::jump(2), 0)),
            "at least 1 key",
        ),
        (Box::new(move || _ = moving().rate(0.0)), "rate of keys must be a positive number"),
        (
            Box::new(move || _ = moving().requests(1.0, 2.0)),
            "fraction of writes must be between 0 and 1",
        ),
        (
            Box::new(move || _ = moving().popularity(&zipf())),
            "as many items as there are keys, 9, but is of 10",
        ),
        (Box::new(move || _ = moving().simulate(1, 1)), "at least 2 replications"),
    ];
    each_says(cases);
}
