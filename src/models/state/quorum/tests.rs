//! Expressions by chance, each answer found a second time by going through all sets of nodes.

use super::diagram::Builder;
use super::family::{self, Family};
use super::sets::{Set, members, minimal_of, smallest_transversal, sum_over};
use super::tree::{Formula, Tree};
use super::*;
use crate::sim::Stream;

/// An expression of `nodes` nodes, in which some stand twice or with several votes.
fn by_chance(stream: &mut Stream, nodes: usize, levels: usize) -> Formula {
    if levels == 0 || stream.uniform() < 0.2 {
        return Tree::Leaf(stream.below(nodes));
    }
    let count = 2 + stream.below(3);
    let parts: Vec<Formula> = (0..count).map(|_| by_chance(stream, nodes, levels - 1)).collect();
    if stream.uniform() < 0.5 {
        return Tree::choose(1 + stream.below(count), parts);
    }
    let parts: Vec<_> = parts.into_iter().map(|part| (stream.below(4) as u32, part)).collect();
    let total = parts.iter().map(|(votes, _)| *votes as usize).sum::<usize>();
    match total {
        0 => parts[0].1.clone(),
        _ => Tree::votes(1 + stream.below(total) as u32, parts),
    }
}

/// Expressions of 2 to 7 nodes, and their number.
fn formulas(name: &str) -> impl Iterator<Item = (Formula, usize, Stream)> {
    (0..300).map(move |round| {
        let mut stream = Stream::new(11, round, name);
        let nodes = 2 + stream.below(6);
        (by_chance(&mut stream, nodes, 3), nodes, stream)
    })
}

fn all_sets(nodes: usize) -> impl Iterator<Item = Set> {
    0..1 << nodes
}

fn sorted(mut sets: Vec<Set>) -> Vec<Set> {
    sets.sort_unstable();
    sets
}

/// The sets that hold and of which no node can be left out.
fn minimal_by_hand(nodes: usize, holds: impl Fn(Set) -> bool) -> Vec<Set> {
    let minimal = |set: &Set| holds(*set) && members(*set).all(|node| !holds(set & !(1 << node)));
    all_sets(nodes).filter(minimal).collect()
}

/// Whether it still holds without any so many nodes.
fn survives(formula: &Formula, set: Set, failures: usize) -> bool {
    formula.holds(set)
        && (failures == 0
            || members(set).all(|node| survives(formula, set & !(1 << node), failures - 1)))
}

fn nodes(count: usize, stream: &mut Stream) -> Vec<Node> {
    let mut draw = |most: usize| 1.0 + stream.below(most) as f64;
    let node = |node: Node| node.capacity(draw(9)).latency(draw(4));
    Node::numbered(count).into_iter().map(node).collect()
}

#[test]
fn minimal_quorums_duals_and_transversals() {
    for (formula, count, _) in formulas("minimal") {
        let expected = minimal_by_hand(count, |set| formula.holds(set));
        assert_eq!(sorted(formula.minimal(1000).unwrap()), expected, "{formula}");
        let mut builder = Builder::of(&[&formula]);
        let root = builder.build(&formula).unwrap();
        assert_eq!(sorted(builder.diagram(root).minimal(1000).unwrap()), expected, "{formula}");
        let (dual, full) = (formula.dual(), (1 << count) - 1);
        for set in all_sets(count) {
            assert_eq!(dual.holds(set), !formula.holds(full & !set), "{formula} by {set:b}");
        }
        assert_eq!(dual.dual(), formula);
        let smallest = all_sets(count)
            .filter(|set| expected.iter().all(|quorum| quorum & set != 0))
            .map(Set::count_ones)
            .min();
        let found = smallest_transversal(&expected);
        assert!(expected.iter().all(|quorum| quorum & found != 0));
        assert_eq!(Some(found.count_ones()), smallest, "{formula}");
        assert_eq!(Some(smallest_of(&dual).count_ones()), smallest, "{formula}");
    }
}

fn smallest_of(formula: &Formula) -> Set {
    let mut builder = Builder::of(&[formula]);
    let root = builder.build(formula).unwrap();
    builder.diagram(root).cheapest(&[1.0; 7]).unwrap().1
}

#[test]
fn quorums_that_survive_failures_and_the_cheapest_of_them() {
    for (formula, count, mut stream) in formulas("failures") {
        let nodes = nodes(count, &mut stream);
        let prices: Vec<f64> = (0..count).map(|_| stream.uniform()).collect();
        let of_latency = stream.uniform() / 4.0;
        for failures in 0..3 {
            let expected = minimal_by_hand(count, |set| survives(&formula, set, failures));
            let found = family::minimal(&formula, failures).unwrap();
            assert_eq!(sorted(found), expected, "{formula}, {failures} failures");
            for timed in [false, true] {
                let time = if timed { of_latency } else { 0.0 };
                let cost =
                    |set| sum_over(set, &prices) + time * family::latency(&nodes, &formula, set);
                let able = all_sets(count).filter(|set| survives(&formula, *set, failures));
                let least = able.map(cost).min_by(f64::total_cmp);
                let family = Family::of(&nodes, &formula, failures, timed);
                let found = family.map(|family| family.cheapest(&prices, time));
                assert_eq!(found.is_some(), least.is_some(), "{formula}, {failures} failures");
                if let (Some((found, set)), Some(least)) = (found, least) {
                    assert!((found - least).abs() < 1e-12 && survives(&formula, set, failures));
                    assert!((cost(set) - least).abs() < 1e-12, "{formula}, {failures} failures");
                }
            }
        }
    }
}

#[test]
fn quorums_that_have_the_fewest_nodes_in_common() {
    for (first, count, mut stream) in formulas("closest") {
        let second = by_chance(&mut stream, count, 3);
        let common = |a: Set, b: Set| (a & b).count_ones() as usize;
        let [a, b] = [&first, &second].map(|of| minimal_by_hand(count, |set| of.holds(set)));
        let least = a.iter().flat_map(|a| b.iter().map(|b| common(*a, *b))).min();
        let (x, y) = family::closest(&Node::numbered(count), &first, &second);
        assert!(first.holds(x) && second.holds(y));
        assert_eq!(Some(common(x, y)), least, "{first} and {second}");
        let mut builder = Builder::of(&[&first, &second]);
        let roots = (builder.build(&first).unwrap(), builder.build(&second).unwrap());
        let (found, x, y) = builder.closest(roots.0, roots.1).unwrap();
        assert!(first.holds(x) && second.holds(y) && common(x, y) == found);
        assert_eq!(Some(found), least, "{first} and {second}");
    }
}

/// Sets of three of twelve nodes by chance.
#[test]
fn the_smallest_set_that_meets_many() {
    for round in 0..200 {
        let mut stream = Stream::new(12, round, "sets");
        let mut set = || (0..3).fold(0, |set: Set, _| set | 1 << stream.below(12));
        let sets: Vec<Set> = (0..6 + round % 20).map(|_| set()).collect();
        let meets = |set: &Set| sets.iter().all(|other| other & set != 0);
        let least = all_sets(12).filter(meets).map(Set::count_ones).min();
        let found = smallest_transversal(&sets);
        assert!(meets(&found) && Some(found.count_ones()) == least, "{sets:?}: {found:b}");
    }
}

/// The sum over all that can be down, of zones and of nodes.
#[test]
fn availability_is_the_sum_over_all_sets() {
    for (formula, count, mut stream) in formulas("availability") {
        let zones = ["east", "west", "south"];
        let named = Node::numbered(count)
            .into_iter()
            .map(|node| node.failure(stream.uniform()).zone(zones[stream.below(3)]));
        let named: Vec<Node> = named.collect();
        let reads = Quorums(formula.map(&mut |i| named[*i]));
        let system = QuorumSystem::reading(&reads);
        let own = &system.nodes;
        let there: Vec<&str> = zones
            .into_iter()
            .filter(|zone| own.iter().any(|node| node.zone == Some(zone)))
            .collect();
        let chance = |zone: usize| 0.1 + 0.2 * zone as f64;
        let failures = there.iter().enumerate();
        let failures = failures.fold(Failures::own(), |all, (i, zone)| all.zone(zone, chance(i)));
        let mut sums = [0.0; 3];
        for up in all_sets(there.len()) {
            for alive in all_sets(own.len()) {
                let of = |bit: bool, p: f64| if bit { 1.0 - p } else { p };
                let zones: f64 =
                    (0..there.len()).map(|i| of(up >> i & 1 == 1, chance(i))).product();
                let weight = (0..own.len())
                    .fold(zones, |product, i| product * of(alive >> i & 1 == 1, own[i].failure));
                let lives = |i: &usize| {
                    let zone = there.iter().position(|zone| Some(*zone) == own[*i].zone);
                    alive >> i & 1 == 1 && zone.is_none_or(|zone| up >> zone & 1 == 1)
                };
                let living = (0..own.len()).filter(lives).map(|i| own[i]).collect::<Vec<_>>();
                let (read, write) =
                    (system.is_read_quorum(&living), system.is_write_quorum(&living));
                for (sum, here) in sums.iter_mut().zip([read, write, read && write]) {
                    *sum += if here { weight } else { 0.0 };
                }
            }
        }
        let Availability { reads, writes, both } = system.availability(failures.clone());
        let failed = system.failure_probability(failures);
        let found = [(reads, failed.reads), (writes, failed.writes), (both, failed.either)];
        for ((alive, dead), sum) in found.into_iter().zip(sums) {
            assert!((alive - sum).abs() < 1e-12 && (dead - (1.0 - sum)).abs() < 1e-12, "{system}");
        }
    }
}

/// A family of so many quorums that they are found in a diagram is priced as one that is listed.
#[test]
fn large_families_are_priced_as_small_ones() {
    let nodes = nodes(15, &mut Stream::new(3, 0, "nodes"));
    let formula = Tree::choose(8, (0..15).map(Tree::Leaf).collect());
    assert!(formula.minimal(2000).is_none());
    for timed in [false, true] {
        let family = Family::of(&nodes, &formula, 0, timed).unwrap();
        for round in 0..50 {
            let mut stream = Stream::new(4, round, "prices");
            let prices: Vec<f64> = (0..15).map(|_| stream.uniform()).collect();
            let time = if timed { stream.uniform() / 4.0 } else { 0.0 };
            let (cost, set) = family.cheapest(&prices, time);
            let of = |set| sum_over(set, &prices) + time * family.latency(set);
            let all = formula.minimal(10_000).unwrap();
            let least = all.into_iter().map(of).fold(f64::INFINITY, f64::min);
            assert!((cost - least).abs() < 1e-12 && (of(set) - least).abs() < 1e-12);
        }
    }
}

#[test]
fn of_sets_that_contain_each_other_the_minimal_ones_stay() {
    assert_eq!(minimal_of(vec![0b111, 0b010, 0b101, 0b110, 0b101]), [0b010, 0b101]);
    assert_eq!(minimal_of(vec![0b1, 0]), [0]);
}

#[test]
fn names_are_in_a_readers_order() {
    let mut names = ["n10", "n2", "b", "n1", "a", "7", "n", "12"];
    names.sort_by(|a, b| node::in_order(a, b));
    assert_eq!(names, ["7", "12", "a", "b", "n", "n1", "n2", "n10"]);
}

#[test]
fn expressions_are_shown_with_the_brackets_they_need() {
    let [a, b, c, d] = Node::named(["a", "b", "c", "d"]);
    let borrowed = &c;
    let shown = [
        (a * b + c * d, "a * b + c * d"),
        ((a + b) * (c + d), "(a + b) * (c + d)"),
        (a * (b * borrowed) * (borrowed + a), "a * b * c * (c + a)"),
        (choose(2, [a + b, c * d, a.into()]), "choose(2, [a + b, c * d, a])"),
        (choose(1, [a, b]) * choose(2, [c, d]), "(a + b) * c * d"),
        (majority([a]), "a"),
        (votes(3, [(a, 2), (b, 1), (c, 1)]), "votes(3, [(a, 2), (b, 1), (c, 1)])"),
    ];
    for (quorums, text) in shown {
        assert_eq!(quorums.to_string(), text);
    }
}
