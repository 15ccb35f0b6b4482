//! Quorum systems that survive failures, and what is said of what makes no sense.

#[path = "common/said.rs"]
mod said;

use pillars::prelude::{
    Failures, Goal, Node, QuorumSearch, QuorumSystem, ReadFraction, Strategy, Trials, choose,
    majority, votes,
};
use said::each_says;
use std::time::Duration;

/// Of k of n nodes, what survives f failures is k + f of n.
#[test]
fn thresholds_that_survive_failures() {
    let nodes: Vec<Node> = Node::numbered(9)
        .into_iter()
        .enumerate()
        .map(|(i, node)| node.capacity(1.0 + (i * i % 7) as f64).latency(1.0 + (i % 4) as f64))
        .collect();
    for (k, failures) in [(2, 1), (5, 2), (4, 3)] {
        let system = QuorumSystem::reading(choose(k, &nodes));
        let larger = QuorumSystem::thresholds(&nodes, k + failures, 10 - k + failures).unwrap();
        let goal = Goal::load([(0.2, 1.0), (0.7, 1.0)]).network_limit(9.0);
        let (found, plain) = (goal.clone().f_resilient(failures), goal);
        let found = system.strategy(&found);
        let load = |best: Strategy| best.load([(0.2, 1.0), (0.7, 1.0)]);
        let (found, expected) = (load(found.unwrap()), load(larger.strategy(&plain).unwrap()));
        assert!((found / expected - 1.0).abs() < 1e-9, "{k}, {failures}: {found}, {expected}");
    }
}

/// Each call, and what it says.
macro_rules! cases {
    ($($call:expr => $told:expr,)*) => {
        each_says([$((Box::new(move || drop(Box::new($call))) as Box<dyn Fn()>, $told)),*]);
    };
}

#[test]
fn what_makes_no_sense_is_said() {
    let [a, b, c] = Node::named(["a", "b", "c"]);
    let n = Node::numbered;
    let none = Vec::<Node>::new;
    let pair = move || QuorumSystem::reading(a * b);
    cases! {
        Node::new("") => "Node::new: a node needs a name",
        Node::named(["a", "b", "a"]) => "Node::named: each node needs a name of its own, but \"a\" is there twice",
        n(0) => "Node::numbered: a system needs at least 1 node, but 0 are asked for",
        a.capacity(0.0) => "Node::capacity: the capacity must be a positive number, but it is 0",
        a.read_capacity(f64::INFINITY) => "Node::read_capacity: the capacity must be a positive number, but it is inf",
        a.write_capacity(f64::NAN) => "Node::write_capacity: the capacity must be a positive number, but it is NaN",
        a.latency(-1.0) => "Node::latency: the latency must be a number of at least 0, but it is -1",
        a.failure(1.2) => "Node::failure: the probability must be between 0 and 1, but it is 1.2; for a node",
        a.failure(f64::NAN) => "but it is NaN",
        choose(0, [a, b]) => "choose: k must be between 1 and the number of parts, 2, but it is 0",
        choose(3, [a, b]) => "but it is 3",
        choose(1, none()) => "choose: a system needs at least 1 node, but the list is empty; give some, as in [a, b, c]",
        majority(none()) => "majority: a system needs at least 1 node",
        majority([a, b, a]) => "majority: the node a is there twice; name each once",
        votes(0, [(a, 1)]) => "votes: the votes needed must be between 1 and all votes, 1, but they are 0",
        votes(4, [(a, 2), (b, 1)]) => "between 1 and all votes, 3, but they are 4",
        votes(1, [(a, u32::MAX), (b, 1)]) => "votes: there may be a million votes, but there are 4294967296",
        votes(1, [(a, 1), (a, 1)]) => "votes: the node a is there twice",
        QuorumSystem::reading(a * a.capacity(2.0)) => "QuorumSystem::reading: two different nodes are both named a; give each a name of its own",
        QuorumSystem::majority(n(129)) => "QuorumSystem::majority: a system has at most 128 nodes, but this one has 129",
        QuorumSystem::majority(none()) => "QuorumSystem::majority: a system needs at least 1 node",
        QuorumSystem::wheel([a, b, b]) => "QuorumSystem::wheel: the node b is there twice",
        QuorumSystem::wheel(n(2)) => "QuorumSystem::wheel: a wheel is of a hub and at least 2 nodes around it, but there are 2",
        QuorumSystem::grid(n(10), 4) => "QuorumSystem::grid: the nodes must fill rows of 4, but there are 10",
        QuorumSystem::crosses(n(10), 0) => "QuorumSystem::crosses: the nodes must fill rows of 0, but there are 10",
        QuorumSystem::tree(n(6)) => "QuorumSystem::tree: the levels of a binary tree must be full, with 3, 7 or 15 nodes, but there are 6",
        QuorumSystem::hierarchical(n(8), &[3, 3]) => "groups of [3, 3] are filled by 9 nodes, but there are 8",
        QuorumSystem::wall(n(4), &[4, 0]) => "rows of [4, 0] need 4 nodes, at least 1 in each row, but there are 4",
        QuorumSystem::projective_plane(n(43), 6) => "the order must be a power of a prime, 2, 3, 4, 5, 7, 8 or 9, but it is 6",
        QuorumSystem::projective_plane(n(6), 2) => "the plane of order 2 has 7 nodes, but there are 6; take Node::numbered(7)",
        QuorumSystem::dissemination(n(3), 1) => "QuorumSystem::dissemination: 1 Byzantine nodes need at least 4 nodes in all, but there are 3",
        QuorumSystem::masking(n(8), 2) => "QuorumSystem::masking: 2 Byzantine nodes need at least 9 nodes in all, but there are 8",
        QuorumSystem::thresholds(n(3), 4, 1) => "QuorumSystem::thresholds: reads must take between 1 and all 3 nodes, but they take 4",
        Goal::load(1.2) => "ReadFraction: the fraction of reads must be between 0 and 1, but it is 1.2; for nine reads",
        Goal::load([]) => "ReadFraction: the weights must sum to more than 0, but they sum to 0",
        ReadFraction::mix(&[(0.5, -1.0)]) => "each weight must be a number of at least 0, but that of 0.5 is -1",
        Goal::load(0.5).latency_limit(0.0) => "Goal::latency_limit: the limit must be a positive number, but it is 0",
        pair().load(f64::NAN) => "but it is NaN",
        pair().availability(1.2) => "Failures::each: the probability must be between 0 and 1, but it is 1.2",
        pair().availability(Failures::own().zone("eu", 0.1)) => "no node of the system is in the zone \"eu\"; say which are, as in Node::new(\"a\").zone(\"eu\")",
        pair().simulate_availability(Failures::own().zone("eu", -0.1), Trials::new(2, 2)) => "Failures::zone: the probability must be between 0 and 1, but it is -0.1",
        pair().weighted_strategy([(a, 1.0)], [(b, 1.0)]) => "a is no read quorum; the read quorums are those of a * b",
        pair().weighted_strategy([(a * b, 0.0)], [(b, 1.0)]) => "the weights of the read quorums must sum to more than 0, but they sum to 0",
        pair().weighted_strategy([(a * b, 1.0)], [(a, 2.0), (b, -1.0)]) => "each weight must be a number of at least 0, but that of b is -1",
        QuorumSystem::projective_plane(n(57), 7).availability(0.1) => "this system of 57 nodes is too large to be gone through; use QuorumSystem::simulate_availability",
        QuorumSystem::majority(n(31)).read_quorums() => "this system of 31 nodes is too large: it has more than a million quorums",
        QuorumSearch::over([a, b, c]).resilience(2) => "no system of 3 nodes survives 2 failures, since reads and writes have to meet; ask for at most 1",
        QuorumSearch::over(none()) => "QuorumSearch::over: a system needs at least 1 node",
        QuorumSearch::over([a, b, a]) => "QuorumSearch::over: the node a is there twice",
        QuorumSearch::over([a]).limit(0) => "at least 1 system must be examined",
    }
}

/// What the data do not allow is an error that names the evidence.
#[test]
fn what_cannot_be_had_is_said() {
    let [a, b, c, d] = Node::named(["a", "b", "c", "d"]);
    let disjoint = QuorumSystem::both(a * b + c * d, a * c + b * d + a * b).unwrap_err();
    let told = "the read quorum {c, d} and the write quorum {a, b} have no node in common, so that a \
                read may miss a write; make either larger, or leave the writes out to have the dual";
    assert_eq!((disjoint.to_string(), format!("{disjoint:?}")), (told.to_owned(), told.to_owned()));
    let disjoint = QuorumSystem::symmetric(choose(2, [a, b, c, d])).unwrap_err();
    assert!(disjoint.to_string().contains("{a, b} and the write quorum {c, d}"), "{disjoint}");

    let slow = |node: Node, latency: f64| node.capacity(100.0).latency(latency);
    let nodes = [slow(a, 1.0), slow(b, 2.0), slow(c, 3.0), slow(d, 4.0)];
    let system = QuorumSystem::reading(choose(3, nodes));
    let cases = [
        (
            Goal::load(1.0).latency_limit(2.5),
            "no strategy keeps the latency to 2.5: the least is 3",
        ),
        (
            Goal::latency(1.0).network_limit(4.0).load_limit(0.005),
            "no strategy keeps the load to 0.005: the least is 0.0075",
        ),
        (
            Goal::network(1.0).latency_limit(3.0).load_limit(0.008),
            "no strategy keeps the load to 0.008: the least with a latency of at most 3 is 0.01",
        ),
        (
            Goal::load(1.0).f_resilient(2),
            "no read quorum survives f = 2 failures, whichever they are: without {a, b} there is none; \
             ask for at most 1",
        ),
        (Goal::load(1.0).f_resilient(3), "ask for at most 1"),
    ];
    for (goal, told) in cases {
        let said = system.strategy(&goal).unwrap_err().to_string();
        assert!(said.contains(told), "{said:?} lacks {told:?}");
    }
    assert!(
        system.uniform_strategy(2).unwrap_err().to_string().contains("no read quorum survives")
    );
    assert!(system.uniform_strategy(1).is_ok());

    let search = QuorumSearch::over(nodes).resilience(1);
    let said =
        |search: &QuorumSearch| search.find(&Goal::load(0.5).latency_limit(0.5)).unwrap_err();
    assert_eq!(
        said(&search).to_string(),
        "no system was found: of all 74 that were examined 20 are resilient enough, and none of those \
         keeps to the limits"
    );
    assert!(
        said(&search.clone().limit(3)).to_string().contains("of the first 3 that were examined")
    );
    let found = search.clone().limit(20).find(&Goal::load(0.5)).unwrap();
    assert!(found.examined == 20 && !found.complete && found.solved <= 20);
    let late = search.time_limit(Duration::ZERO).find(&Goal::load(0.5)).unwrap_err();
    assert!(late.to_string().contains("of the first 0 that"), "{late}");
}
