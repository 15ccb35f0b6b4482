//! Quorum systems against published values and against formulas.

use pillars::prelude::{
    Failures, Goal, Node, QuorumError, QuorumSearch, QuorumSystem, Quorums, Stream, Trials, choose,
    majority, votes,
};

fn near(found: f64, expected: f64, within: f64) -> bool {
    (found - expected).abs() <= within
}

/// The case study of Whittaker et al. (2021): five nodes, and how often there are how many reads.
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

fn case_study() -> [QuorumSystem; 3] {
    let [a, b, c, d, e] = five().0;
    let of = |reads: Quorums| QuorumSystem::reading(reads);
    let paths = a * b + a * c * e + d * e + d * c * b;
    [of(majority([a, b, c, d, e])), of(a * b + c * d * e), of(paths)]
}

/// Printed by Quoracle 0.0.4, to the digits given here.
#[test]
fn the_case_study_of_quoracle() {
    let (_, reads) = five();
    let systems = case_study();
    let uniform = systems[0].uniform_strategy(0).unwrap();
    assert!(near(uniform.capacity(reads), 2291.6024, 1e-4));
    assert!(near(uniform.latency(reads), 4.5, 1e-12));
    let printed = [
        (3666.5638, 2749.9228, 2000.0, 3.238_298),
        (4200.2161, 1374.9614, 2637.6120, 1.953_191),
        (4124.8842, 1374.9614, 2161.1415, 2.433_570),
    ];
    for (system, (capacity, resilient, limited, latency)) in systems.iter().zip(printed) {
        assert!(near(system.capacity(reads), capacity, 1e-4), "{system}");
        let one = system.strategy(&Goal::load(reads).f_resilient(1)).unwrap();
        assert!(near(one.capacity(reads), resilient, 1e-4), "{system}");
        let fast = system.strategy(&Goal::latency(reads).load_limit(1.0 / 2000.0)).unwrap();
        assert!(near(fast.latency(reads), latency, 1e-6), "{system}: {}", fast.latency(reads));
        assert!(near(fast.capacity(reads), limited, 2e-4), "{system}: {}", fast.capacity(reads));
    }
}

#[test]
fn the_searches_of_quoracle() {
    let (nodes, reads) = five();
    let search = QuorumSearch::over(nodes).resilience(1);
    let cases = [
        (Goal::load(reads), 2.015_957_4e-4, 5005.1853),
        (Goal::load(reads).f_resilient(1), 3.351_063_8e-4, 3012.0263),
        (Goal::latency(reads).load_limit(1.0 / 2000.0), 1.476_596, 2000.0),
    ];
    for (goal, value, capacity) in cases {
        let found = search.find(&goal).unwrap();
        assert!(near(found.value / value, 1.0, 1e-6), "{found:?}");
        assert!(near(found.strategy.capacity(reads), capacity, 1e-3), "{found:?}");
        assert!(found.system.resilience() >= 1 && found.complete && found.examined == 885);
        assert_eq!(found, search.find(&goal).unwrap());
    }
}

/// The tutorial that comes with Quoracle, in its order.
#[test]
fn the_tutorial_of_quoracle() {
    let [a, b, c, d, e, f] = Node::named(["a", "b", "c", "d", "e", "f"]);
    let grid = QuorumSystem::reading(a * b * c + d * e * f);
    assert_eq!(grid, QuorumSystem::both(a * b * c + d * e * f, (a + b + c) * (d + e + f)).unwrap());
    let shown = |quorums: Vec<_>| format!("{quorums:?}");
    assert_eq!(shown(grid.read_quorums()), "[{a, b, c}, {d, e, f}]");
    assert_eq!(shown(grid.write_quorums()[..3].to_vec()), "[{a, d}, {a, e}, {a, f}]");
    assert!(grid.is_read_quorum([a, b, c, d]) && !grid.is_read_quorum([a, b, d]));
    assert!(grid.is_write_quorum([a, d]) && !grid.is_write_quorum([a, b]));
    assert_eq!((grid.read_resilience(), grid.write_resilience(), grid.resilience()), (1, 2, 1));

    let strategy = grid.weighted_strategy(
        [(a * b * c, 2.0), (d * e * f, 1.0)],
        [(a * d, 1.0), (b * e, 1.0), (c * f, 1.0)],
    );
    let loads = [(1.0, 2.0 / 3.0), (0.0, 1.0 / 3.0), (0.25, 5.0 / 12.0)];
    assert!(loads.into_iter().all(|(reads, load)| near(strategy.load(reads), load, 1e-12)));
    let each = strategy.node_loads(0.25).into_iter().map(|(_, load)| load);
    let expected = [5.0, 5.0, 5.0, 4.0, 4.0, 4.0].map(|x| x / 12.0);
    assert!(each.zip(expected).all(|(found, load)| near(found, load, 1e-12)));
    let best = grid.strategy(&Goal::load(0.25)).unwrap();
    let loads = [(0.25, 3.0 / 8.0), (0.0, 1.0 / 3.0), (0.5, 5.0 / 12.0), (1.0, 0.5)];
    assert!(loads.into_iter().all(|(reads, load)| near(best.load(reads), load, 1e-9)), "{best}");
    let mix = [(0.1, 0.5), (0.75, 0.5)];
    assert!(near(grid.load(mix), 0.404_166_7, 1e-6));

    let uneven = |node: Node, i: usize| node.capacity([1000.0, 500.0][i % 2]);
    let [a, b, c, d, e, f] = [a, b, c, d, e, f];
    let nodes = [a, b, c, d, e, f];
    let [a, b, c, d, e, f] = std::array::from_fn(|i| uneven(nodes[i], i));
    assert!(near(QuorumSystem::reading(a * b * c + d * e * f).capacity(0.75), 1333.3333, 1e-3));
    let [a, b, c, d, e, f] = [a, b, c, d, e, f].map(|n| n.read_capacity(10.0 * n.write_capacity));
    let grid = QuorumSystem::reading(a * b * c + d * e * f);
    for (reads, capacity) in [(1.0, 10_000.0), (0.5, 3913.0435), (0.0, 2000.0)] {
        assert!(near(grid.capacity(reads), capacity, 1e-3));
    }
    let two = QuorumSystem::writing(choose(2, Node::named(["a", "b", "c", "d", "e"])));
    let resilient = two.strategy(&Goal::load(0.0).f_resilient(1)).unwrap();
    assert!(near(two.capacity(0.0), 2.5, 1e-9) && near(resilient.capacity(0.0), 5.0 / 3.0, 1e-9));

    let nodes = [a, b, c, d, e, f];
    let [a, b, c, d, e, f] = std::array::from_fn(|i| nodes[i].latency((i + 1) as f64));
    let grid = QuorumSystem::reading(a * b * c + d * e * f);
    let best = |goal: Goal| grid.strategy(&goal).unwrap();
    let fast = best(Goal::latency(0.5));
    assert!(near(fast.latency(0.5), 3.5, 1e-9) && near(fast.network_load(0.5), 2.5, 1e-9));
    let limited = best(Goal::latency(0.5).load_limit(1.0 / 1500.0));
    assert!(
        near(limited.latency(0.5), 3.666_667, 1e-6) && near(limited.capacity(0.5), 1500.0, 1e-3)
    );
    let limited = best(Goal::load(0.5).latency_limit(4.0));
    assert!(near(limited.capacity(0.5), 3856.2091, 1e-3) && near(limited.latency(0.5), 4.0, 1e-9));
    let limited = best(Goal::network(0.5).load_limit(1.0 / 2000.0).latency_limit(4.0));
    assert!(near(limited.network_load(0.5), 2.5, 1e-9) && limited.latency(0.5) < 4.0 + 1e-9);
    let goal = Goal::load(0.75).latency_limit(4.0).network_limit(4.0).f_resilient(1);
    let found = QuorumSearch::over([a, b, c, d, e]).resilience(1).find(&goal).unwrap();
    assert!(near(found.value, 2.892_857e-4, 1e-10), "{found:?}");
}

/// Naor and Wool (1998) and the papers that they cite: loads when all operations are alike.
#[test]
fn loads_of_named_systems_are_those_of_the_literature() {
    let n = Node::numbered;
    let cases = [
        ("majority of 5", QuorumSystem::majority(n(5)), 3.0 / 5.0, 2),
        ("majority of 20", QuorumSystem::majority(n(20)), 11.0 / 20.0, 9),
        // The hub's share x of operations is that of one of the rim, x / 7 + 1 - x.
        ("wheel", QuorumSystem::wheel(n(8)), 7.0 / 13.0, 1),
        // A tree of h + 1 levels has a load of 2 / (h + 2).
        ("tree of 3 levels", QuorumSystem::tree(n(7)), 2.0 / 4.0, 2),
        ("tree of 5 levels", QuorumSystem::tree(n(31)), 2.0 / 6.0, 4),
        // n to the power of log(2/3) / log(3), which is -0.37.
        ("hierarchical of 9", QuorumSystem::hierarchical(n(9), &[3, 3]), 4.0 / 9.0, 3),
        ("hierarchical of 81", QuorumSystem::hierarchical(n(81), &[3; 4]), 16.0 / 81.0, 15),
        ("grid of rows and columns", QuorumSystem::crosses(n(20), 5), 8.0 / 20.0, 3),
        ("Fano plane", QuorumSystem::projective_plane(n(7), 2), 3.0 / 7.0, 2),
        ("plane of order 4", QuorumSystem::projective_plane(n(21), 4), 5.0 / 21.0, 4),
        ("plane of order 7", QuorumSystem::projective_plane(n(57), 7), 8.0 / 57.0, 7),
        ("plane of order 9", QuorumSystem::projective_plane(n(91), 9), 10.0 / 91.0, 9),
        ("wall of one row", QuorumSystem::wall(n(4), &[4]), 1.0, 0),
        ("triangle", QuorumSystem::wall(n(6), &[1, 2, 3]), 0.5, 2),
    ];
    for (name, system, load, resilience) in cases {
        for reads in [0.0, 0.3, 1.0] {
            let (found, bound) = (system.load(reads), system.load_bound(reads));
            assert!(near(found, load, 1e-9), "{name} at {reads}: {found} and {load}");
            let root = 1.0 / (system.nodes().len() as f64).sqrt();
            assert!(bound <= load + 1e-12 && bound >= root - 1e-12, "{name}: {bound}");
        }
        assert_eq!(system.resilience(), resilience, "{name}");
    }
    // A row of 5 for reads, one of each of 4 rows for writes.
    let grid = QuorumSystem::grid(n(20), 5);
    for (reads, load) in [(1.0, 0.25), (0.0, 0.2), (0.5, 0.225)] {
        assert!(near(grid.load(reads), load, 1e-9));
    }
    assert_eq!((grid.read_resilience(), grid.write_resilience()), (3, 4));
}

/// In a coterie that no other dominates, either a set or what it leaves out contains a quorum: at
/// p = 1/2 nothing survives as often as something (Peleg and Wool, 1995).
#[test]
fn half_of_all_failures_stop_a_coterie_that_none_dominates() {
    let n = Node::numbered;
    let systems = [
        QuorumSystem::majority(n(7)),
        QuorumSystem::wheel(n(6)),
        QuorumSystem::tree(n(15)),
        QuorumSystem::hierarchical(n(27), &[3, 3, 3]),
        QuorumSystem::wall(n(10), &[1, 2, 3, 4]),
        QuorumSystem::projective_plane(n(7), 2),
        QuorumSystem::symmetric(votes(4, n(4).into_iter().zip([3, 2, 1, 1]))).unwrap(),
    ];
    for system in systems {
        assert!(near(system.failure_probability(0.5).either, 0.5, 1e-12), "{system}");
        // Below 1/2 it is better than one node, above it is worse (Barbara and Garcia-Molina).
        assert!(system.failure_probability(0.2).either < 0.2);
        assert!(system.failure_probability(0.8).either > 0.8);
    }
    // The plane of order 3 has 13 lines; its dual has more, and so it is dominated.
    let (nodes, plane) = (n(13), QuorumSystem::projective_plane(n(13), 3));
    let within = |set: u32| (0..13).filter(move |i| set >> i & 1 == 1);
    let dead = |set: &u32| !plane.is_read_quorum(within(*set).map(|i| nodes[i]));
    let share = (0..1 << 13).filter(dead).count() as f64 / 8192.0;
    assert!(near(plane.failure_probability(0.5).either, share, 1e-12) && share > 0.52);
}

#[test]
fn failure_probabilities_by_formula() {
    let n = Node::numbered;
    let choose_of = |n: u32, k: u32| {
        (0..k).fold(1.0, |product, i| product * f64::from(n - i) / f64::from(i + 1))
    };
    for p in [0.0, 1e-4, 0.01, 0.2, 0.5, 0.9, 1.0] {
        let q: f64 = 1.0 - p;
        let binomial = |count: u32, from: u32| -> f64 {
            let term = |k: u32| choose_of(count, k) * p.powi(k as i32) * q.powi((count - k) as i32);
            (from..=count).map(term).sum()
        };
        let grid = 1.0 - (1.0 - p.powi(5)).powi(4);
        let (rows, row): (f64, f64) = (1.0 - q.powi(5), 1.0 - p.powi(5));
        let cases = [
            (QuorumSystem::majority(n(20)).failure_probability(p).either, binomial(20, 10)),
            (QuorumSystem::majority(n(5)).failure_probability(p).reads, binomial(5, 3)),
            // All rows hit for reads; some row all gone for writes.
            (QuorumSystem::grid(n(20), 5).failure_probability(p).reads, rows.powi(4)),
            (QuorumSystem::grid(n(20), 5).failure_probability(p).writes, grid),
            (
                QuorumSystem::grid(n(20), 5).availability(p).both,
                row.powi(4) - (row - q.powi(5)).powi(4),
            ),
            // The hub gone and some of the rim, or all of the rim.
            (
                QuorumSystem::wheel(n(6)).failure_probability(p).either,
                p * (1.0 - q.powi(5)) + q * p.powi(5),
            ),
        ];
        for (i, (found, expected)) in cases.into_iter().enumerate() {
            let within = if i == 4 { 1e-12 } else { 1e-12 * expected + 1e-15 };
            assert!(near(found, expected, within), "case {i} at {p}: {found} and {expected}");
        }
    }
    // Tiny ones are not the rest of 1: ten of nineteen nodes.
    let tiny = QuorumSystem::majority(n(19)).failure_probability(1e-3).either;
    assert!(near(tiny / (92_378.0e-30 * 0.999_f64.powi(9)), 1.0, 1e-3), "{tiny}");
}

/// Zones that fail as a whole: two nodes in one make three no better than one.
#[test]
fn zones_fail_together() {
    let zoned = |zones: [&str; 3]| {
        let nodes = Node::numbered(3).into_iter().zip(zones).map(|(node, zone)| node.zone(zone));
        QuorumSystem::majority(nodes)
    };
    let failures =
        |zones: &[&str]| zones.iter().fold(Failures::each(0.0), |all, zone| all.zone(zone, 0.1));
    let spread = zoned(["x", "y", "z"]).failure_probability(failures(&["x", "y", "z"])).either;
    let paired = zoned(["x", "x", "y"]).failure_probability(failures(&["x", "y"])).either;
    assert!(near(spread, 3.0 * 0.01 * 0.9 + 0.001, 1e-12) && near(paired, 0.1, 1e-12));
    let both = zoned(["x", "x", "y"]).availability(Failures::each(0.2).zone("x", 0.1)).both;
    assert!(near(both, 0.9 * (0.8 * 0.8 + 2.0 * 0.8 * 0.2 * 0.8), 1e-12));
}

#[test]
fn simulated_availability_covers_the_exact_one_and_repeats() {
    let trials = Trials::new(40, 4000).seed(6);
    let nodes: Vec<Node> = (0..15)
        .map(|i| Node::new(&format!("n{i}")).failure(0.02 * i as f64).zone(["x", "y", "z"][i % 3]))
        .collect();
    let failures = Failures::own().zone("x", 0.05).zone("y", 0.1);
    for system in [QuorumSystem::tree(&nodes), QuorumSystem::grid(&nodes, 5)] {
        let exact = system.availability(failures.clone());
        let found = system.simulate_availability(failures.clone(), trials);
        for (found, exact) in
            [(found.reads, exact.reads), (found.writes, exact.writes), (found.both, exact.both)]
        {
            assert!(found.gap_in_bars(exact) < 2.0, "{system}: {found} and {exact}");
        }
        assert_eq!(found, system.simulate_availability(failures.clone(), trials));
    }
}

/// Nodes a million times as fast as others do not make the program forget what is small.
#[test]
fn capacities_of_all_sizes() {
    let slow = Node::numbered(3);
    let fast = ["x", "y", "z"].map(|name| Node::new(name).capacity(1e6));
    let system = QuorumSystem::reading(majority(slow) + majority(fast));
    // Writes need two of the slow ones as well.
    assert!(near(system.capacity(1.0), 1.5e6, 10.0) && near(system.capacity(0.0), 1.5, 1e-6));
    let system = QuorumSystem::reading(choose(4, [fast.to_vec(), Node::numbered(3)].concat()));
    // One of the slow ones in each quorum: a third of the operations each.
    assert!(near(system.capacity(1.0), 3.0, 1e-6), "{}", system.capacity(1.0));
}

#[test]
fn quorums_are_drawn_as_often_as_the_strategy_says() {
    let [a, b, c, d] = Node::named(["a", "b", "c", "d"]);
    let system = QuorumSystem::reading(a * b + c * d);
    let strategy = system.weighted_strategy([(a * b, 3.0), (c * d, 1.0)], [(a * c, 1.0)]);
    let draw = |seed| {
        let mut stream = Stream::new(seed, 0, "quorums");
        let count = 40_000;
        let reads = (0..count).filter(|_| strategy.read_quorum(&mut stream).contains(a)).count();
        assert!(system.is_write_quorum(strategy.write_quorum(&mut stream).nodes()));
        reads as f64 / f64::from(count)
    };
    // Four deviations of the share are 0.0087.
    assert!(near(draw(1), 0.75, 0.0087) && draw(1) == draw(1) && draw(1) != draw(2));
    assert_eq!(strategy.to_string(), "reads {a, b} 0.75, {c, d} 0.25; writes {a, c} 1");
    let busy = strategy.node_utilizations(0.5).into_iter().map(|(node, share)| (node.name, share));
    let expected = [("a", 1.0), ("b", 3.0 / 7.0), ("c", 5.0 / 7.0), ("d", 1.0 / 7.0)];
    assert!(busy.zip(expected).all(|(found, by)| found.0 == by.0 && near(found.1, by.1, 1e-12)));
    let through = strategy.node_throughputs(0.5);
    assert!(near(through[0].1, 1.0, 1e-12) && near(through[3].1, 1.0 / 7.0, 1e-12));
}

/// Capacity over a distribution is the mean of 1 / load, not 1 / mean load.
#[test]
fn capacity_over_a_distribution() {
    let [a, b] = Node::named(["a", "b"]);
    let system = QuorumSystem::reading(a * b);
    // Reads load both with 1, writes each with 1/2.
    let mix = [(1.0, 1.0), (0.0, 1.0)];
    assert!(near(system.load(mix), 0.75, 1e-9) && near(system.capacity(mix), 1.5, 1e-9));
}

/// Malkhi and Reiter (1998): sizes of quorums, and how many nodes two have in common.
#[test]
fn byzantine_systems() {
    for faults in 1..4 {
        for extra in 0..4 {
            let (few, more) = (3 * faults + 1 + extra, 4 * faults + 1 + extra);
            let spread = QuorumSystem::dissemination(Node::numbered(few), faults);
            let size = spread.closest().first.size();
            assert_eq!(size, (few + faults + 1).div_ceil(2));
            assert!(spread.closest().common.size() > faults && few - size >= faults);
            assert_eq!(spread.check_dissemination(faults), Ok(()));
            let masking = QuorumSystem::masking(Node::numbered(more), faults);
            let size = masking.closest().first.size();
            assert_eq!(size, (more + 2 * faults + 1).div_ceil(2));
            assert!(masking.closest().common.size() > 2 * faults && more - size >= faults);
            assert_eq!(masking.check_masking(faults), Ok(()));
            assert!(masking.check_dissemination(faults).is_ok());
        }
    }
    let told = |checked: Result<(), QuorumError>| checked.unwrap_err().to_string();
    let majority = QuorumSystem::majority(Node::numbered(5));
    assert_eq!(
        told(majority.check_dissemination(1)),
        "the read quorum {n1, n2, n3} and the write quorum {n1, n4, n5} have only {n1} in common, but \
         a dissemination system with f = 1 needs 2 nodes there; make the quorums larger"
    );
    // Large quorums meet, but one failure leaves none.
    let all = QuorumSystem::symmetric(choose(4, Node::numbered(4))).unwrap();
    assert_eq!(
        told(all.check_masking(1)),
        "no read quorum survives f = 1 failures, whichever they are: without {n1} there is none; ask \
         for at most 0"
    );
    // PBFT's 2f + 1 of 3f + 1 disseminates, and does not mask.
    let pbft = QuorumSystem::symmetric(choose(5, Node::numbered(7))).unwrap();
    assert!(pbft.check_dissemination(2).is_ok() && pbft.check_masking(2).is_err());
}

/// Howard, Malkhi and Spiegelman (2016): only the two phases need to meet.
#[test]
fn flexible_quorums() {
    let flexible = QuorumSystem::thresholds(Node::numbered(10), 8, 3).unwrap();
    assert_eq!((flexible.closest().common.size(), flexible.closest_writes().common.size()), (1, 0));
    assert_eq!((flexible.read_resilience(), flexible.write_resilience()), (2, 7));
    let grid = QuorumSystem::both(
        choose(1, [choose(3, &Node::numbered(9)[..3]), choose(3, &Node::numbered(9)[3..6])]),
        choose(2, [choose(1, &Node::numbered(9)[..3]), choose(1, &Node::numbered(9)[3..6])]),
    );
    assert!(grid.is_ok());
    let disjoint = QuorumSystem::thresholds(Node::numbered(5), 3, 2).unwrap_err();
    let QuorumError::Disjoint { read, write } = &disjoint else { panic!("{disjoint}") };
    assert!(
        (read.size(), write.size()) == (3, 2) && !read.nodes().iter().any(|n| write.contains(n))
    );
}
