//! Every correct protocol under every nemesis: nothing is broken and every history is linearizable,
//! seed by seed. `SEEDS=10000` for the whole.

use pillars_models::state::cluster::Replica;
use pillars_models::truth::agreement::BenOr;
use pillars_models::truth::byzantine::{Behaviour, Pbft};
use pillars_models::truth::commit::TwoPhaseRegister;
use pillars_models::truth::paxos::{MultiPaxos, Paxos};
use pillars_models::truth::raft::Raft;
use pillars_models::truth::{Nemesis, hunt};
use std::time::Instant;

fn seeds() -> u64 {
    std::env::var("SEEDS").map_or(24, |text| text.parse().unwrap())
}

/// Of so many nodes each kind of trouble, within so many milliseconds.
fn nemeses(nodes: usize, until: f64) -> [(&'static str, Nemesis); 4] {
    let all = Nemesis::new(nodes).until(until);
    [
        ("all faults", all.clone()),
        ("many short faults", all.clone().faults(40).until(until / 2.0)),
        ("a rough network", all.clone().network(0.5, 0.5).faults(2)),
        ("no crashes", all.without_crashes().network(0.3, 0.0)),
    ]
}

/// A log, for a second; one decision, for as long as it may take.
const LOG: f64 = 1_000.0;
const DECISION: f64 = 40.0;

/// None of the seeds, divided among the nemeses, breaks it; and clients are answered.
fn holds<R: Replica>(name: &str, nodes: usize, until: f64, replica: impl Fn(usize) -> R + Sync) {
    let began = Instant::now();
    let each = seeds().div_ceil(4);
    let mut answered = 0;
    for ((kind, nemesis), number) in nemeses(nodes, until).into_iter().zip(0..) {
        let seeds = number * each..(number + 1) * each;
        // One decision is soon over: they all want it at once.
        let scenario = |seed| nemesis.run(seed).think((until / 100.0).max(2.0));
        let found = hunt(scenario, &replica, seeds.clone());
        assert!(found.is_none(), "{name}, {kind}: {found:#?}");
        let run = scenario(seeds.start).run(&replica, 0);
        answered += run.history.operations().iter().filter(|it| it.reply().is_some()).count();
    }
    // Who is silent is safe, too. (Eager proposers may duel for as long as the run is.)
    assert!(answered > 0, "{name}: no answers in four runs");
    println!("{name}, {nodes} nodes: {} seeds in {:.1} s", 4 * each, began.elapsed().as_secs_f64());
}

#[test]
fn raft() {
    for nodes in [3, 4, 5] {
        holds("Raft", nodes, LOG, Raft::new);
    }
    holds("Raft, pre-vote", 5, LOG, |node| Raft::new(node).pre_vote());
    holds("Raft, confirmed reads", 5, LOG, |node| Raft::new(node).confirmed_reads());
    holds("Raft, leases", 5, LOG, |node| Raft::new(node).leases(1.05));
    holds("Raft, snapshots", 5, LOG, |node| Raft::new(node).snapshots(7));
    holds("Raft, members change", 5, LOG, |node| {
        let raft = Raft::new(node).members_at_first(&[0, 1, 2]).snapshots(20);
        let raft = raft.change_members(150.0, &[2, 3, 4]);
        raft.change_members(300.0, &[0, 1, 2, 3, 4]).change_members(450.0, &[1])
    });
    holds("Raft, all of it", 5, LOG, |node| {
        let raft = Raft::new(node).pre_vote().leases(1.05).snapshots(5).batch(3);
        let raft = raft.timeouts(50.0, 100.0).heartbeat(15.0).members_at_first(&[0, 1, 2]);
        raft.change_members(200.0, &[0, 1, 2, 3, 4]).change_members(400.0, &[2, 3, 4])
    });
}

#[test]
fn paxos() {
    for nodes in [3, 4, 5] {
        holds("Paxos", nodes, DECISION, Paxos::new);
    }
    holds("Paxos, eager", 5, DECISION, |node| Paxos::new(node).without_back_off());
    holds("flexible Paxos, 4 and 2", 5, DECISION, |node| Paxos::new(node).quorums(4, 2));
    holds("flexible Paxos, 2 and 4", 5, DECISION, |node| Paxos::new(node).quorums(2, 4));
}

#[test]
fn multi_paxos() {
    for nodes in [3, 4, 5] {
        holds("multi-Paxos", nodes, LOG, MultiPaxos::new);
    }
    let hasty = |node| MultiPaxos::new(node).timing(5.0, 20.0);
    holds("multi-Paxos, hasty", 5, LOG, hasty);
    holds("flexible multi-Paxos, 4 and 2", 5, LOG, move |node| hasty(node).quorums(4, 2));
}

#[test]
fn byzantine_faults() {
    holds("PBFT", 4, LOG, Pbft::new);
    for behaviour in [Behaviour::Silent, Behaviour::Equivocates, Behaviour::Lies] {
        for traitor in [0, 3] {
            let name = format!("PBFT, {behaviour:?}, node {traitor}");
            holds(&name, 4, LOG, |node| Pbft::new(node).traitor(traitor, behaviour));
        }
    }
}

#[test]
fn commitment() {
    holds("two-phase commit", 3, LOG, TwoPhaseRegister::new);
    holds("two-phase commit", 4, LOG, TwoPhaseRegister::new);
}

/// Three-phase commit and Paxos commit are gone through to the end elsewhere: tests/commit.rs.
#[test]
fn randomised_consensus() {
    for (nodes, crashes) in [(3, 1), (4, 1), (5, 2), (9, 4)] {
        let began = Instant::now();
        let runs = BenOr::new(nodes).crashes(crashes).runs(seeds() as usize, 1);
        assert!(runs.are_safe(), "{nodes} {crashes}");
        let took = began.elapsed().as_secs_f64();
        println!("Ben-Or, {nodes} nodes, {crashes} crash: {} seeds in {took:.1} s", runs.0.len());
    }
}
