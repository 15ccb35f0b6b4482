//! Paxos: one decision and a log of them, healthy and under faults by chance; what is broken is
//! caught on the seeds on which what is right holds.

#[path = "common/said.rs"]
mod said;

use pillars_models::sim::{Distribution, Estimate, Stream, replicate};
use pillars_models::state::cluster::{Property, Replica, Scenario};
use pillars_models::state::consistency::{Checker, KeyValueCall};
use pillars_models::truth::paxos::{
    Agreement, Command, Decides, MultiPaxos, Paxos, PaxosFlaw, ReplicatedLog, SlotAgreement,
    SlotValidity, Validity, command_messages, decision_messages, duels, quorum_round_trip, tenures,
};
use said::each_says;
use std::collections::BTreeMap;

fn seeds() -> usize {
    std::env::var("SEEDS").map_or(300, |text| text.parse().unwrap())
}

/// Faults by chance: `length` is how long a run's clients ask. Every other run begins with two who
/// do not hear each other, and others whom both reach; there are cuts, crashes, and a node that
/// crashes often and too shortly for others to notice. Some messages take much longer than others.
fn nemesis(nodes: usize, length: f64, seed: u64) -> Scenario {
    let mut random = Stream::new(seed, 0, "nemesis");
    let mut scenario = Scenario::nodes(nodes).think(length / 40.0).until(length).seed(seed).keys(2);
    scenario = scenario.loss(0.2 * random.uniform()).duplication(0.3 * random.uniform());
    scenario = scenario.latency(Distribution::lognormal(2.0, 4.0));
    if seed % 4 < 2 {
        let during = 0.0..length * random.uniform();
        scenario = scenario.one_way(&[0], &[1], during.clone()).one_way(&[1], &[0], during);
        scenario = scenario.clients(2);
    }
    for _ in 0..random.below(4) {
        let from = length * random.uniform();
        let during = from..from + length * (0.02 + random.uniform() / 2.0);
        let node = random.below(nodes);
        let other = (node + 1 + random.below(nodes - 1)) % nodes;
        scenario = match random.below(5) {
            0 => scenario.isolate(node, during),
            1 => scenario.crash(node, during),
            2 => scenario.pause(node, during),
            3 => scenario.one_way(&[node], &[other], during),
            _ => {
                let (left, right): (Vec<usize>, Vec<usize>) =
                    (0..nodes).partition(|_| random.uniform() < 0.5);
                scenario.partition(&[&left, &right], during)
            }
        };
    }
    let frail = random.below(nodes);
    for _ in 0..random.below(40) {
        let from = length * random.uniform();
        scenario = scenario.crash(frail, from..from + 0.02 + 0.4 * random.uniform());
    }
    scenario
}

/// What is wrong with a run: a property that does not hold, or a history that no object allows.
fn wrong<R: Replica>(scenario: &Scenario, replica: impl Fn(usize) -> R) -> Option<String> {
    let run = scenario.run(replica, 0);
    if let Some(broken) = run.broken {
        return Some(format!("{}: {}", broken.property, broken.what));
    }
    let verdict = Checker::new().check(&R::Object::default(), &run.history);
    verdict.is_violation().then(|| "the history is not linearizable".to_owned())
}

fn holds<R: Replica>(
    name: &str,
    scenario: impl Fn(u64) -> Scenario + Sync,
    replica: impl Fn(usize) -> R + Sync,
) {
    let runs = replicate(seeds(), |seed| wrong(&scenario(seed), &replica));
    let first = runs.iter().enumerate().find_map(|(seed, it)| it.as_ref().map(|it| (seed, it)));
    assert_eq!(first, None, "{name}");
    println!("{name}: holds on {} seeds", runs.len());
}

/// Caught within a thousand seeds; returns the property.
fn caught<R: Replica>(
    name: &str,
    scenario: impl Fn(u64) -> Scenario + Sync,
    replica: impl Fn(usize) -> R + Sync,
) -> String {
    for batch in 0..10 {
        let of = |run| batch * 100 + run;
        let runs = replicate(100, |run| wrong(&scenario(of(run)), &replica));
        if let Some((run, what)) = runs.into_iter().zip(0..).find_map(|(it, run)| Some((run, it?)))
        {
            println!("{name}: caught at seed {}: {what}", of(run));
            return what;
        }
    }
    panic!("{name} is not caught");
}

/// Those that schedules by chance find; the two others need schedules that are made for them, as in
/// tests/broken.rs.
const FLAWS: [PaxosFlaw; 3] =
    [PaxosFlaw::ForgetsPromises, PaxosFlaw::ForgetsAccepted, PaxosFlaw::IgnoresAccepted];

fn three(seed: u64) -> Scenario {
    nemesis(3, 30.0, seed)
}

fn five(seed: u64) -> Scenario {
    nemesis(5, 30.0, seed)
}

#[test]
fn one_decision_is_safe_under_every_fault() {
    holds("Paxos, three", three, Paxos::new);
    holds("Paxos, five", five, Paxos::new);
    holds("Paxos, five, eager", five, |node| Paxos::new(node).without_back_off());
    holds("Paxos, five, quorums 4 and 2", five, |node| Paxos::new(node).quorums(4, 2));
    holds("Paxos, five, quorums 2 and 4", five, |node| Paxos::new(node).quorums(2, 4));
}

#[test]
fn what_is_broken_in_one_decision_is_caught() {
    for flaw in FLAWS {
        for (nodes, scenario) in [(3, three as fn(u64) -> Scenario), (5, five)] {
            let what =
                caught(&format!("{flaw:?}, {nodes}"), scenario, |node| Paxos::new(node).flaw(flaw));
            assert!(what.starts_with("agreement"), "{flaw:?}: {what}");
        }
    }
    // Half of four is no majority; 3 + 2 is not above 5.
    caught("half of four", |seed| nemesis(4, 30.0, seed), |node| Paxos::new(node).quorums(2, 2));
    caught("quorums 3 and 2 of five", five, |node| Paxos::new(node).quorums(3, 2));
}

fn logs(seed: u64) -> Scenario {
    nemesis(3 + 2 * (seed as usize % 2), 400.0, seed)
}

fn four_logs(seed: u64) -> Scenario {
    nemesis(4, 400.0, seed)
}

fn five_logs(seed: u64) -> Scenario {
    nemesis(5, 400.0, seed)
}

/// Elections are frequent.
fn hasty(node: usize) -> MultiPaxos {
    MultiPaxos::new(node).timing(5.0, 20.0)
}

#[test]
fn a_log_is_safe_under_every_fault() {
    holds("multi-Paxos, three and five", logs, hasty);
    holds("multi-Paxos, four", four_logs, hasty);
    holds("multi-Paxos, five, quorums 4 and 2", five_logs, |node| hasty(node).quorums(4, 2));
}

#[test]
fn what_is_broken_in_a_log_is_caught() {
    for flaw in FLAWS {
        caught(&format!("log, {flaw:?}"), logs, |node| hasty(node).flaw(flaw));
    }
    caught("log, half of four", four_logs, |node| hasty(node).quorums(2, 2));
    caught("log, quorums 3 and 2 of five", five_logs, |node| hasty(node).quorums(3, 2));
}

/// All come to the same log in the end, and to all that was acknowledged.
#[test]
fn a_log_catches_up() {
    for seed in 0..40 {
        let survey = five_logs(seed).settling(2_000.0).survey(MultiPaxos::new, 2);
        assert_eq!((survey.converged().mean, survey.lost().mean), (1.0, 0.0), "seed {seed}");
    }
    let away = Scenario::nodes(3).crash(2, 100.0..900.0).settling(300.0);
    let survey = away.survey(MultiPaxos::new, 40);
    assert_eq!((survey.converged().mean, survey.linearizable().mean), (1.0, 1.0));
    assert!(survey.availability(&[0, 1]).mean > 0.999);
}

fn constant(nodes: usize) -> Scenario {
    Scenario::nodes(nodes).latency(Distribution::deterministic(5.0))
}

/// Two round trips, 4 (n - 1) messages, and n - 1 more until all know.
#[test]
fn a_decision_costs_two_round_trips() {
    for nodes in [1, 3, 4, 5, 9] {
        let alone = constant(nodes).clients(1);
        let found = duels(&alone, Paxos::new, 5);
        let wanted = decision_messages(nodes) as f64;
        let time = if nodes == 1 { 0.0 } else { 20.0 };
        assert!((found.time().mean - time).abs() < 1e-9, "{nodes}: {}", found.time());
        assert_eq!((found.messages().mean, found.ballots().mean), (wanted, 1.0), "{nodes}");
        let sent = alone.run(Paxos::new, 1).messages.0;
        assert_eq!(sent as usize, decision_messages(nodes) + nodes - 1);
    }
    // By chance: the order statistic of sums of two exponentials, twice.
    for (nodes, quorums) in [(3, (2, 2)), (5, (3, 3)), (5, (4, 2)), (7, (4, 4))] {
        let alone = Scenario::nodes(nodes).clients(1);
        let replica = |node| Paxos::new(node).quorums(quorums.0, quorums.1).patience(500.0);
        let found = duels(&alone, replica, 2_000).time();
        let mean = |quorum| quorum_round_trip(2.0, nodes - 1, quorum - 1);
        let wanted = mean(quorums.0) + mean(quorums.1);
        println!("{nodes} {quorums:?}: {found}, {wanted:.3}");
        assert!(found.gap_in_bars(wanted) < 2.0, "{nodes} {quorums:?}: {found} {wanted}");
    }
}

/// Two who always outbid each other never decide; one who waits for a random time ends it.
#[test]
fn proposers_who_duel_need_back_off() {
    for nodes in [3, 5] {
        for length in [500.0, 5_000.0, 20_000.0] {
            let duel = constant(nodes).clients(2).think(1.0).until(length);
            let eager = |node| Paxos::new(node).without_back_off();
            let found = duels(&duel, eager, 20);
            assert_eq!(found.decided().mean, 0.0, "{nodes}, {length}");
            let survey = duel.survey(eager, 20);
            assert_eq!((survey.safe().mean, survey.linearizable().mean), (1.0, 1.0));
            assert_eq!(survey.availability(&[0, 1]).mean, 0.0);
        }
        let duel = constant(nodes).clients(2).think(1.0);
        let found = duels(&duel, |node| Paxos::new(node).back_off(40.0), 500);
        println!(
            "{nodes}: {} ballots, {} ms, {} messages",
            found.ballots(),
            found.time(),
            found.messages()
        );
        assert_eq!(found.decided().mean, 1.0);
        assert!(found.ballots().low() > 2.0 && found.ballots().mean < 6.0);
        // A longer back-off costs fewer ballots.
        let long = duels(&duel, |node| Paxos::new(node).back_off(200.0), 500);
        assert!(long.ballots().high() < found.ballots().low());
    }
    // Messages that take random times end a duel too, and later.
    let by_chance = Scenario::nodes(3).clients(2).think(1.0);
    let eager = duels(&by_chance, |node| Paxos::new(node).without_back_off(), 500);
    assert_eq!(eager.decided().mean, 1.0);
}

/// Losses cost ballots, not safety.
#[test]
fn losses_cost_ballots() {
    let mut before = 0.9;
    for loss in [0.0, 0.2, 0.4] {
        let scenario = constant(5).clients(1).loss(loss).until(5_000.0);
        let found = duels(&scenario, Paxos::new, 400);
        println!("loss {loss}: {} ballots, {} messages", found.ballots(), found.messages());
        assert!(found.ballots().mean > before, "{loss}: {}", found.ballots());
        before = found.ballots().mean + found.ballots().half_width;
    }
}

/// A command costs 3 (n - 1) messages at the leader and one more elsewhere; one round trip, and two
/// elsewhere.
#[test]
fn a_command_costs_a_round_trip() {
    for nodes in [3, 5, 7] {
        let quiet = |node| MultiPaxos::new(node).timing(1e5, 2e5);
        let scenario = constant(nodes).think(300.0).until(5_000.0);
        let run = scenario.run(quiet, 1);
        let mut messages = 3 * (nodes - 1);
        for (operation, asked) in run.history.operations().iter().zip(&run.asked) {
            let took = operation.ended - operation.invoked;
            let wanted = if asked.node == 0 { 10.0 } else { 20.0 };
            assert!((took - wanted).abs() < 1e-6, "{nodes}, {}: {took}", asked.node);
            messages += command_messages(nodes) + usize::from(asked.node != 0);
        }
        assert_eq!(run.messages.0 as usize, messages, "{nodes}");
    }
    // By chance, and with flexible quorums: what counts is the quorum of phase 2.
    for (nodes, quorums) in [(3, (2, 2)), (5, (3, 3)), (5, (4, 2)), (7, (4, 4)), (7, (6, 2))] {
        let quiet = |node| MultiPaxos::new(node).quorums(quorums.0, quorums.1).timing(1e5, 2e5);
        let scenario = Scenario::nodes(nodes).clients(1).until(20_000.0);
        let means = replicate(20, |run| {
            let run = scenario.run(quiet, run);
            let took = run.history.operations().iter().map(|it| it.ended - it.invoked);
            let took: Vec<f64> = took.skip(5).collect();
            took.iter().sum::<f64>() / took.len() as f64
        });
        let (found, wanted) =
            (Estimate::of(&means), quorum_round_trip(2.0, nodes - 1, quorums.1 - 1));
        println!("{nodes} {quorums:?}: {found}, {wanted:.3}");
        assert!(found.gap_in_bars(wanted) < 2.0, "{nodes} {quorums:?}: {found} {wanted}");
    }
}

/// A leader that dies is replaced after the shortest of n - 1 time-outs and a round trip.
#[test]
fn a_leader_is_replaced() {
    for nodes in [3, 5] {
        // The last heartbeat arrives when the leader goes down, and nobody asks anything.
        let scenario = constant(nodes).clients(1).think(1e7).crash(0, 505.0..2_000.0);
        let found = tenures(&scenario, MultiPaxos::new, 1_000).next_after(505.0);
        let wanted = 100.0 + 100.0 / nodes as f64 + 10.0;
        println!("{nodes}: {found}, {wanted:.1}");
        // Two whose time-outs end within a latency of each other may need a little longer.
        assert!((found.mean - wanted).abs() < found.half_width + 1.5, "{nodes}: {found} {wanted}");
    }
}

/// With quorums of 4 and 2 a leader goes on when three of five are down, as a majority cannot; but
/// no new one can be elected then.
#[test]
fn flexible_quorums_trade_elections_for_commands() {
    let down = Scenario::nodes(5)
        .timeout(40.0)
        .clients(1)
        .crash(2, 300.0..900.0)
        .crash(3, 300.0..900.0)
        .crash(4, 300.0..900.0);
    let majority = down.survey(MultiPaxos::new, 20).availability(&[0]).mean;
    let flexible = down.survey(|node| MultiPaxos::new(node).quorums(4, 2), 20);
    let flexible = flexible.availability(&[0]).mean;
    assert!(majority < 0.2 && flexible > 0.98, "{majority} {flexible}");
    let headless = Scenario::nodes(5).timeout(40.0).crash(0, 300.0..900.0).crash(4, 300.0..900.0);
    let majority = headless.survey(MultiPaxos::new, 20).availability(&[1, 2, 3]).mean;
    let flexible = headless.survey(|node| MultiPaxos::new(node).quorums(4, 2), 20);
    let flexible = flexible.availability(&[1, 2, 3]).mean;
    assert!(majority > 0.5 && flexible < 0.2, "{majority} {flexible}");
}

struct Fake(Option<i64>, Option<i64>);

impl Decides for Fake {
    fn proposes(&self) -> Option<i64> {
        self.0
    }

    fn decided(&self) -> Option<i64> {
        self.1
    }
}

#[test]
fn properties_see_what_contradicts_them() {
    let mut agreement = Agreement::default();
    let mut states = [Fake(Some(1), Some(1)), Fake(Some(2), None)];
    assert_eq!(agreement.check(0, &states), Ok(()));
    assert_eq!(agreement.check(1, &states), Ok(()));
    states[1].1 = Some(2);
    assert!(agreement.check(1, &states).unwrap_err().contains("node 0 took 1"));
    // Nobody changes his mind.
    states[0].1 = Some(3);
    assert!(agreement.check(0, &states).is_err());
    let mut validity = Validity::default();
    assert_eq!(validity.check(1, &states), Ok(()));
    assert!(validity.check(0, &states).unwrap_err().contains("which nobody proposed"));
}

struct FakeLog(BTreeMap<u64, Command>, Vec<KeyValueCall>, bool);

impl ReplicatedLog for FakeLog {
    fn log(&self) -> &BTreeMap<u64, Command> {
        &self.0
    }

    fn applied(&self) -> u64 {
        self.0.len() as u64
    }

    fn asked(&self) -> &[KeyValueCall] {
        &self.1
    }

    fn is_honest(&self) -> bool {
        self.2
    }
}

#[test]
fn properties_of_logs_see_what_contradicts_them() {
    let (first, second) = (KeyValueCall::write(1, 5), KeyValueCall::read(1));
    let command = |call| Command::Call { node: 0, number: 0, call };
    let log = |commands: &[Command], is_honest| {
        FakeLog((0..).zip(commands.iter().copied()).collect(), vec![first], is_honest)
    };
    let asked = command(first);
    let cases = [
        // The logs of nodes 0 and 1, whether 1 is honest, and whether they agree and are valid.
        (vec![asked], vec![asked, Command::Nothing], true, [true, true]),
        (vec![asked], vec![Command::Nothing], true, [false, true]),
        (vec![asked], vec![Command::Nothing], false, [true, true]),
        (vec![], vec![command(second)], true, [true, false]),
        (vec![], vec![Command::Call { node: 0, number: 1, call: first }], true, [true, false]),
        (vec![], vec![Command::Call { node: 7, number: 0, call: first }], true, [true, false]),
        (vec![], vec![command(second)], false, [true, true]),
    ];
    for (at, (zero, one, is_honest, holds)) in cases.into_iter().enumerate() {
        let replicas = [log(&zero, true), log(&one, is_honest)];
        let (mut agreement, mut validity) = (SlotAgreement::default(), SlotValidity::default());
        let both = (0..2).map(|node| agreement.check(node, &replicas).is_ok()).collect::<Vec<_>>();
        let valid = (0..2).map(|node| validity.check(node, &replicas).is_ok()).collect::<Vec<_>>();
        assert_eq!((both, valid), (vec![true, holds[0]], vec![true, holds[1]]), "case {at}");
    }
}

#[test]
fn a_counterexample_is_drawn() {
    let found = (0..1_000).find(|seed| {
        three(*seed)
            .run(|node| Paxos::new(node).flaw(PaxosFlaw::IgnoresAccepted), 0)
            .broken
            .is_some()
    });
    let replica = |node| Paxos::new(node).flaw(PaxosFlaw::IgnoresAccepted);
    let (outcome, drawn) = three(found.unwrap()).trace(replica, 0);
    assert!(outcome.broken.is_some());
    let marked: Vec<_> = drawn.events.iter().filter(|event| event.is_marked).collect();
    assert_eq!(marked.len(), 1);
    assert!(marked[0].label.starts_with("agreement"), "{}", marked[0].label);
    assert!(drawn.events.iter().any(|event| event.label.starts_with("decided")));
}

#[test]
fn what_makes_no_sense_is_told_in_a_sentence() {
    type Case = (Box<dyn Fn()>, &'static str);
    let cases: Vec<Case> = vec![
        (Box::new(|| drop(Paxos::new(0).quorums(0, 2))), "they are 0 and 2"),
        (Box::new(|| drop(Paxos::new(0).patience(0.0))), "patience must be a positive"),
        (Box::new(|| drop(Paxos::new(0).back_off(f64::NAN))), "longest wait must be a positive"),
        (Box::new(|| drop(MultiPaxos::new(0).quorums(1, 0))), "they are 1 and 0"),
        (Box::new(|| drop(MultiPaxos::new(0).timing(1.0, -1.0))), "election time-out must be"),
        (Box::new(|| drop(duels(&Scenario::nodes(3), Paxos::new, 1))), "at least 2 runs"),
        (
            Box::new(|| {
                let duel = constant(3).clients(2).think(1.0);
                _ = duels(&duel, |node| Paxos::new(node).without_back_off(), 5).time();
            }),
            "only 0 of 5 runs decided",
        ),
        (
            Box::new(|| _ = tenures(&Scenario::nodes(3), MultiPaxos::new, 2).next_after(900.0)),
            "in 0 of 2 runs",
        ),
        // A proposer whose patience is shorter than a round trip would never end.
        (
            Box::new(|| {
                let hasty = |node| Paxos::new(node).patience(1.0).without_back_off();
                drop(constant(3).steps(10_000).until(1e6).run(hasty, 0));
            }),
            "the patience of a proposer is 1 ms, but a message and its answer take 10 ms",
        ),
        (Box::new(|| _ = quorum_round_trip(0.0, 2, 1)), "latency of a message must be"),
    ];
    each_says(cases);
}
