//! Faults that lie: oral messages, PBFT on three and on four nodes, and confirmations.

#[path = "common/said.rs"]
mod said;

use pillars_models::sim::{Distribution, Stream, replicate};
use pillars_models::state::cluster::{Scenario, Survey};
use pillars_models::state::consistency::{Checker, KeyValueSpec};
use pillars_models::truth::byzantine::{
    Behaviour, OralMessages, Pbft, confirmations_needed, double_spend, double_spend_poisson,
    oral_messages, pbft_messages, simulate_double_spend,
};
use said::each_says;

fn seeds() -> usize {
    std::env::var("SEEDS").map_or(60, |text| text.parse().unwrap())
}

/// Lamport, Shostak and Pease (1982): more than three times as many generals as traitors, and no
/// lie helps; no more than that, and some does.
#[test]
fn oral_messages_need_more_than_three_generals_a_traitor() {
    for generals in 3..=6 {
        for traitor in 0..generals {
            let verdict = OralMessages::new(generals, 1).traitors(&[traitor]).exhaustive();
            let lies = if traitor == 0 { generals - 1 } else { generals - 2 };
            assert_eq!(verdict.behaviours, 2 << lies);
            // Of three, only a traitor who is a lieutenant can do harm by one round of telling:
            // both lieutenants of a traitor hear the same two values.
            assert_eq!(verdict.holds(), generals > 3 || traitor == 0, "{generals} {traitor}");
            assert_eq!(verdict.broken.is_none(), verdict.holds());
        }
    }
    // A traitor says "retreat" of an order to attack.
    let verdict = OralMessages::new(3, 1).traitors(&[2]).exhaustive();
    assert_eq!((verdict.behaviours, verdict.disobeying, verdict.disagreeing), (4, 1, 0));
    assert_eq!(verdict.broken, Some((1, vec![(1, 0)])));
    // Without telling each other a commander who is a traitor divides any number.
    for generals in 3..=6 {
        assert!(!OralMessages::new(generals, 0).traitors(&[0]).exhaustive().holds());
    }
}

#[test]
fn two_traitors_need_seven_generals_and_two_rounds() {
    for first in 0..7 {
        for second in first + 1..7 {
            let seven = OralMessages::new(7, 2).traitors(&[first, second]);
            assert!(seven.sampled(seeds() as u64, 3).holds(), "{first} {second}");
        }
    }
    let six = OralMessages::new(6, 2).traitors(&[1, 2]).sampled(1_000, 3);
    assert!(six.disobeying > 0 && six.disagreeing > 0, "{six:?}");
    // One round is not enough for two traitors.
    let short = OralMessages::new(7, 1).traitors(&[0, 1]).sampled(2_000, 3);
    assert!(!short.holds(), "{short:?}");
}

#[test]
fn oral_messages_are_counted() {
    for (generals, rounds, count) in [(3, 1, 4), (4, 1, 9), (7, 2, 156), (4, 0, 3), (10, 3, 3609)] {
        assert_eq!(oral_messages(generals, rounds), count);
        // If all are traitors every message is a lie.
        let all: Vec<usize> = (0..generals).collect();
        let lies = OralMessages::new(generals, rounds).traitors(&all).lies();
        assert_eq!(u64::from(lies), count);
    }
}

fn calm(nodes: usize) -> Scenario {
    Scenario::nodes(nodes).latency(Distribution::deterministic(5.0)).think(100.0)
}

/// Figure 1 of Castro and Liskov (1999): messages of each phase, and five latencies for a client
/// that is not the primary's.
#[test]
fn a_request_takes_as_many_messages_and_as_long_as_it_should() {
    for nodes in [4, 7, 10, 13] {
        let run = calm(nodes).clients(1).run(Pbft::new, 1);
        let requests = run.history.len() as u64;
        assert!(requests > 5);
        let replies = nodes as u64 - 1;
        assert_eq!(run.messages.0, requests * (pbft_messages(nodes) as u64 + replies), "{nodes}");
        let all = calm(nodes).run(Pbft::new, 1);
        for (operation, asked) in all.history.operations().iter().zip(&all.asked) {
            let took = operation.ended - operation.invoked;
            let wanted = if asked.node == 0 { 20.0 } else { 25.0 };
            assert!(operation.reply().is_some() && (took - wanted).abs() < 1e-6, "{took}");
        }
    }
    assert_eq!([4, 7, 13].map(pbft_messages), [24, 84, 312]);
}

fn is_safe(name: &str, survey: &Survey<KeyValueSpec>) {
    assert_eq!(survey.safe().mean, 1.0, "{name}: {:?}", survey.broken());
    assert_eq!(survey.linearizable().mean, 1.0, "{name}");
}

/// Four nodes bear one that lies, whatever it does, primary or not; they stay safe and live.
#[test]
fn four_nodes_bear_one_liar() {
    let base = Scenario::nodes(4).think(50.0).timeout(2_000.0);
    for behaviour in [Behaviour::Silent, Behaviour::Equivocates, Behaviour::Lies] {
        for traitor in [0, 3] {
            let name = format!("{behaviour:?} {traitor}");
            let survey = base.survey(|node| Pbft::new(node).traitor(traitor, behaviour), seeds());
            is_safe(&name, &survey);
            let answered = survey.availability(&[0, 1, 2, 3]).mean;
            println!("{name}: {answered} answered, {}", survey.latency(&[1, 2], 0.5));
            assert!(answered > 0.98, "{name}: {answered}");
        }
    }
}

/// Three nodes do not: with quorums of all three one silent node stops them, with quorums of two
/// one that equivocates divides them.
#[test]
fn three_nodes_do_not() {
    let base = Scenario::nodes(3).think(50.0).timeout(1_000.0);
    let all = |node| Pbft::new(node).faults(1).traitor(2, Behaviour::Silent);
    let stuck = base.survey(all, 20);
    is_safe("stuck", &stuck);
    assert_eq!(stuck.availability(&[0, 1, 2]).mean, 0.0);
    let two = |node: usize| Pbft::new(node).faults(1).quorum(2);
    let live = base.survey(|node| two(node).traitor(2, Behaviour::Silent), 20);
    assert!(live.availability(&[0, 1]).mean > 0.98);
    let divided = base.survey(|node| two(node).traitor(0, Behaviour::Equivocates), 20);
    let (run, broken) = divided.broken().unwrap();
    println!("three nodes, quorums of two: run {run}, {broken:?}");
    assert!(broken.property.starts_with("agreement"));
    // It can be drawn.
    let (outcome, drawn) = base.trace(|node| two(node).traitor(0, Behaviour::Equivocates), run);
    assert_eq!(outcome.broken.as_ref(), Some(broken));
    assert!(drawn.events.iter().any(|event| event.is_marked));
}

/// Faults by chance: cuts, crashes that keep the disk, losses.
fn nemesis(nodes: usize, seed: u64) -> Scenario {
    let mut random = Stream::new(seed, 0, "nemesis");
    let mut scenario = Scenario::nodes(nodes).think(60.0).timeout(1_500.0).keys(2).seed(seed);
    scenario = scenario.loss(0.05 * random.uniform()).duplication(0.1 * random.uniform());
    for _ in 0..3 {
        let from = 800.0 * random.uniform();
        let during = from..from + 20.0 + 300.0 * random.uniform();
        let node = random.below(nodes);
        scenario = match random.below(4) {
            0 => scenario.isolate(node, during),
            1 => scenario.crash(node, during),
            2 => scenario.pause(node, during),
            _ => {
                let (left, right): (Vec<usize>, Vec<usize>) =
                    (0..nodes).partition(|_| random.uniform() < 0.5);
                scenario.partition(&[&left, &right], during)
            }
        };
    }
    scenario
}

/// The property that does not hold, or else whether the history is linearizable.
fn judged(scenario: &Scenario, replica: impl Fn(usize) -> Pbft) -> Result<(), String> {
    let run = scenario.run(replica, 0);
    if let Some(broken) = run.broken {
        return Err(format!("{}: {}", broken.property, broken.what));
    }
    let verdict = Checker::new().check(&KeyValueSpec, &run.history);
    if verdict.is_violation() { Err(verdict.explain(&run.history)) } else { Ok(()) }
}

#[test]
fn pbft_is_safe_under_every_fault_and_one_liar() {
    let liars = [Behaviour::Silent, Behaviour::Equivocates, Behaviour::Lies];
    let failures = replicate(seeds(), |seed| {
        let behaviour = liars[seed as usize % 3];
        let traitor = (seed as usize / 3) % 4;
        let four = nemesis(4, seed);
        judged(&four, |node| Pbft::new(node).traitor(traitor, behaviour))
    });
    for (seed, failure) in failures.iter().enumerate() {
        assert_eq!(*failure, Ok(()), "seed {seed}");
    }
}

#[test]
fn seven_nodes_bear_two_liars() {
    let failures = replicate(seeds() / 6, |seed| {
        judged(&nemesis(7, seed), |node| {
            Pbft::new(node).traitor(0, Behaviour::Equivocates).traitor(1, Behaviour::Equivocates)
        })
    });
    for (seed, failure) in failures.iter().enumerate() {
        assert_eq!(*failure, Ok(()), "seed {seed}");
    }
}

/// A quorum one too small is caught on the same seeds.
#[test]
fn a_quorum_off_by_one_is_caught() {
    let caught = (0..1_000).find(|seed| {
        let scenario = nemesis(4, *seed);
        let replica = |node| Pbft::new(node).quorum(2).traitor(0, Behaviour::Equivocates);
        judged(&scenario, replica).is_err()
    });
    println!("quorums of 2 of 4: caught at seed {caught:?}");
    assert!(caught.is_some());
}

/// Nakamoto (2008, section 11), as printed.
#[test]
fn nakamotos_table() {
    let table = [
        (0.1, 0, 1.0),
        (0.1, 1, 0.204_587_3),
        (0.1, 2, 0.050_977_9),
        (0.1, 5, 0.000_913_7),
        (0.1, 10, 0.000_001_2),
        (0.3, 5, 0.177_352_3),
        (0.3, 10, 0.041_660_5),
        (0.3, 25, 0.000_613_2),
        (0.3, 50, 0.000_000_6),
    ];
    for (share, blocks, printed) in table {
        let told = double_spend_poisson(share, blocks);
        assert!((told - printed).abs() < 0.6e-7, "{share} {blocks}: {told}");
    }
    // The confirmations for a risk of 0.1 %.
    let table = [
        (0.10, 5),
        (0.15, 8),
        (0.20, 11),
        (0.25, 15),
        (0.30, 24),
        (0.35, 41),
        (0.40, 89),
        (0.45, 340),
    ];
    for (share, blocks) in table {
        assert_eq!((0..).find(|z| double_spend_poisson(share, *z) < 0.001), Some(blocks));
        // The exact answer is never less.
        assert!(confirmations_needed(share, 0.001) >= blocks, "{share}");
    }
}

/// Exactly: by hand for one and two blocks, and by simulation.
#[test]
fn double_spending_depends_on_the_share() {
    for share in [0.05, 0.1, 0.3, 0.4] {
        let q: f64 = share;
        assert!((double_spend(q, 1) - 2.0 * q).abs() < 1e-12);
        let two = q * q * (3.0 - 2.0 * q) * 2.0;
        assert!((double_spend(q, 2) - two).abs() < 1e-12, "{}", double_spend(q, 2));
        for blocks in [1, 3, 6] {
            if double_spend(q, blocks) < 1e-3 {
                continue;
            }
            let simulated = simulate_double_spend(q, blocks, 100, 1);
            assert!(
                simulated.gap_in_bars(double_spend(q, blocks)) < 2.0,
                "{q} {blocks}: {simulated}"
            );
            let exact = double_spend(q, blocks);
            assert!(exact > 0.1 || exact > double_spend_poisson(q, blocks), "{q} {blocks}");
        }
    }
    // Six confirmations: one in 1,700 for a tenth of the power, three in four for 45 %.
    assert!((double_spend(0.1, 6) - 0.000_591).abs() < 1e-6);
    assert!((double_spend(0.3, 6) - 0.156_45).abs() < 1e-5);
    assert!((double_spend(0.45, 6) - 0.733_755).abs() < 1e-6);
    // Far out, where the terms of the sums are too small for a number of their own.
    // The values are those of the incomplete beta function to 50 digits.
    assert!((double_spend(0.499, 20_000) - 0.689_158_063_5).abs() < 1e-9);
    assert!((double_spend(0.3, 1_000) / 8.461_850_074e-78 - 1.0).abs() < 1e-8);
    assert_eq!([0.0, 0.1, 0.3].map(|share| confirmations_needed(share, 0.001)), [1, 6, 32]);
}

#[test]
fn what_makes_no_sense_is_told_in_a_sentence() {
    type Case = (Box<dyn Fn()>, &'static str);
    let cases: Vec<Case> = vec![
        (Box::new(|| drop(OralMessages::new(2, 1))), "from m + 2 = 3 to 10 generals"),
        (Box::new(|| drop(OralMessages::new(4, 1).traitors(&[4]))), "4 generals, numbered from 0"),
        (Box::new(|| drop(OralMessages::new(4, 1).traitors(&[1, 1]))), "at most once"),
        (Box::new(|| drop(OralMessages::new(7, 2).traitors(&[1, 2]).exhaustive())), "50 messages"),
        (Box::new(|| drop(Pbft::new(0).quorum(0))), "at least 1 replica"),
        (Box::new(|| drop(Pbft::new(0).timing(0.0, 1.0))), "patience of clients must be"),
        (Box::new(|| _ = double_spend(0.5, 6)), "below 0.5, but it is 0.5"),
        (Box::new(|| _ = double_spend_poisson(f64::NAN, 6)), "but it is NaN"),
        (Box::new(|| _ = confirmations_needed(0.1, 0.0)), "risk must be a positive"),
        (Box::new(|| _ = confirmations_needed(0.49999, 1e-9)), "more than 100,000 confirmations"),
        (Box::new(|| _ = simulate_double_spend(0.48, 6, 10, 1)), "from 0 to 0.45"),
    ];
    each_says(cases);
}
