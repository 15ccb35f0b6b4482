//! What asynchrony forbids (Fischer, Lynch and Paterson, 1985), and what coins bring back.

#[path = "common/said.rs"]
mod said;

use pillars_models::truth::agreement::{
    BenOr, Exploration, Valency, Voters, Voting, ben_or_rounds,
};
use said::each_says;

fn seeds() -> usize {
    std::env::var("SEEDS").map_or(500, |text| text.parse().unwrap())
}

fn inputs(number: u8) -> [u8; 3] {
    [number & 1, number >> 1 & 1, number >> 2 & 1]
}

fn alike(inputs: &[u8]) -> Option<u8> {
    inputs.iter().all(|input| *input == inputs[0]).then_some(inputs[0])
}

/// Nothing that a safe protocol can reach disagrees, whatever begins, crashes or is tossed.
#[test]
fn what_is_safe_is_safe_in_every_configuration() {
    for voting in [Voting::All, Voting::Rounds, Voting::Coin] {
        for number in 0..8 {
            for crashed in [None, Some(0), Some(2)] {
                let voters = Voters::new(voting, &inputs(number));
                let voters = crashed.map_or(voters.clone(), |process| voters.crash(process));
                let explored = voters.explore(2);
                let Exploration { disagreeing, invalid, .. } = explored;
                assert_eq!((disagreeing, invalid), (0, 0), "{voting:?} {number} {explored:?}");
            }
        }
    }
}

/// The three ways out, of which each protocol takes one: it waits for ever, it disagrees, or it may
/// go on for ever.
#[test]
fn each_protocol_pays_its_price() {
    for number in 0..8 {
        let begun = inputs(number);
        let all = Voters::new(Voting::All, &begun);
        // Without a crash everybody decides the majority.
        let ones = begun.iter().filter(|input| **input == 1).count();
        let majority = if ones >= 2 { Valency::One } else { Valency::Zero };
        let explored = all.explore(1);
        assert_eq!((explored.first, explored.blocked), (majority, 0));
        // With one nobody ever does.
        let crashed = all.crash(1).explore(1);
        assert_eq!((crashed.first, crashed.blocked > 0), (Valency::Neither, true));
        let most = Voters::new(Voting::AllButOne, &begun);
        let explored = most.explore(1);
        // Two ones and a zero: who waits for the zero decides 0, the others may decide 1.
        assert_eq!(explored.disagreeing > 0, ones == 2, "{begun:?} {explored:?}");
        assert_eq!((explored.blocked, most.crash(1).explore(1).blocked), (0, 0));
    }
}

/// Lemma 2: some beginning is bivalent; those in which all are alike are not.
#[test]
fn beginnings_that_differ_are_bivalent() {
    for voting in [Voting::Rounds, Voting::Coin] {
        for number in 0..8 {
            let begun = inputs(number);
            let explored = Voters::new(voting, &begun).explore(2);
            let ones = begun.iter().filter(|input| **input == 1).count();
            let wanted = match (ones, voting) {
                (0, _) => Valency::Zero,
                (3, _) => Valency::One,
                // Nobody sees a majority for 1, and without a coin nobody takes it.
                (1, Voting::Rounds) => Valency::Zero,
                _ => Valency::Bivalent,
            };
            assert_eq!(explored.first, wanted, "{voting:?} {begun:?} {explored:?}");
            let Exploration { zero_valent, one_valent, bivalent, undecided, .. } = explored;
            assert_eq!(zero_valent + one_valent + bivalent + undecided, explored.configurations);
            // With a crash it goes on and is never stuck.
            let crashed = Voters::new(voting, &begun).crash(2).explore(2);
            assert_eq!(crashed.blocked, 0, "{crashed:?}");
        }
    }
}

/// The counts are what they are, so that a change of the model is seen.
#[test]
fn configurations_are_counted() {
    let count = |voting, rounds| Voters::new(voting, &[0, 1, 1]).explore(rounds).configurations;
    println!("{:?}", Voters::new(Voting::Rounds, &[0, 1, 1]).explore(2));
    println!("{:?}", Voters::new(Voting::Coin, &[0, 1, 1]).explore(2));
    println!("{} {} {}", count(Voting::All, 1), count(Voting::Rounds, 1), count(Voting::Rounds, 3));
    assert_eq!(count(Voting::AllButOne, 1), 18);
}

/// Theorem 1: as many steps as one likes, all messages delivered, nobody crashed, nothing decided.
#[test]
fn the_decision_can_be_kept_open_for_ever() {
    for number in [3, 5, 6] {
        for turns in [30, 300, 3_000] {
            let delay = Voters::new(Voting::Rounds, &inputs(number)).delay(turns).unwrap();
            assert!(delay.steps >= turns, "{turns}: {}", delay.steps);
            assert!(delay.rounds as usize >= turns / 20, "{turns}: {}", delay.rounds);
            assert!(delay.longest_wait <= 40, "{turns}: {}", delay.longest_wait);
            assert!(
                delay.steps_to.iter().all(|steps| (1..60).contains(steps)),
                "{:?}",
                delay.steps_to
            );
            let arrived = delay.drawn.messages.iter().filter(|it| it.arrived.is_some()).count();
            assert_eq!(arrived, delay.steps);
        }
    }
    assert_eq!(Voters::new(Voting::Rounds, &[1, 1, 1]).delay(10), None);
    assert_eq!(Voters::new(Voting::Rounds, &[1, 0, 0]).delay(10), None);
    assert_eq!(Voters::new(Voting::All, &[0, 1, 1]).delay(10), None);
}

/// The same protocol under a scheduler that means no harm ends soon, and safely.
#[test]
fn without_an_adversary_it_ends() {
    for number in 0..8 {
        let begun = inputs(number);
        for voting in [Voting::Rounds, Voting::Coin] {
            for voters in [Voters::new(voting, &begun), Voters::new(voting, &begun).crash(0)] {
                for run in voters.fair(seeds(), 3) {
                    let run = run.unwrap();
                    assert!(
                        alike(&begun).is_none_or(|value| value == run.decision && run.rounds == 1)
                    );
                }
            }
        }
        let crashed = Voters::new(Voting::All, &begun).crash(0).fair(20, 1);
        assert!(crashed.iter().all(Option::is_none));
    }
}

/// The adversary's best: 1 + 2^(n - 1) rounds on average, geometrically distributed; with a common
/// coin 3, however many there are.
#[test]
fn the_adversary_delays_ben_or_for_as_long_as_it_should() {
    let runs = seeds().max(2_000);
    for (nodes, common) in
        [(3, false), (4, false), (5, false), (7, false), (3, true), (5, true), (9, true)]
    {
        let ben_or = BenOr::new(nodes).adversary();
        let ben_or = if common { ben_or.common_coin() } else { ben_or };
        let found = ben_or.runs(runs, 11);
        let mean = ben_or_rounds(nodes, common);
        println!("{nodes} {common}: {} {mean}", found.rounds());
        assert!(found.are_safe());
        assert!(found.rounds().gap_in_bars(mean) < 2.0, "{nodes}: {} {mean}", found.rounds());
        let p = 1.0 / (mean - 1.0);
        let longer = found.longer_than();
        for (rounds, part) in longer.iter().enumerate().take(20) {
            let told = (1.0 - p).powi(rounds.saturating_sub(1) as i32);
            let spread = 5.0 * (told * (1.0 - told) / runs as f64).sqrt() + 1e-9;
            assert!((part - told).abs() <= spread, "{nodes}, {rounds}: {part} {told}");
        }
    }
}

/// Safe and over in every run with crashes; quick where nobody means harm.
#[test]
fn ben_or_is_safe_and_ends() {
    for (nodes, crashes) in [(3, 0), (3, 1), (5, 0), (5, 2), (6, 2), (9, 4)] {
        for ones in [0, nodes / 2, nodes] {
            let runs = BenOr::new(nodes).ones(ones).crashes(crashes).runs(seeds(), 5);
            assert!(runs.are_safe(), "{nodes} {crashes}");
            if ones == 0 || ones == nodes {
                // Alike: decided in the first round, and rightly.
                let value = u8::from(ones == nodes);
                assert!(runs.0.iter().all(|run| (run.rounds, run.decision) == (1, value)));
            } else {
                println!("{nodes} {crashes}: {}", runs.rounds());
                assert!(runs.rounds().mean < ben_or_rounds(nodes, false));
            }
        }
    }
}

#[test]
fn what_makes_no_sense_is_told_in_a_sentence() {
    type Case = (Box<dyn Fn()>, &'static str);
    let cases: Vec<Case> = vec![
        (Box::new(|| drop(Voters::new(Voting::All, &[1]))), "from 2 to 7 processes"),
        (Box::new(|| drop(Voters::new(Voting::All, &[1, 2]))), "begins with 0 or 1"),
        (Box::new(|| drop(Voters::new(Voting::All, &[1, 0]).crash(2))), "but it is 2"),
        (Box::new(|| _ = Voters::new(Voting::All, &[1, 0]).explore(0)), "at least 1 round"),
        (
            Box::new(|| _ = Voters::new(Voting::Coin, &[0, 1, 0, 1, 0, 1, 1]).explore(9)),
            "more than 300000 configurations",
        ),
        (
            Box::new(|| drop(Voters::new(Voting::Coin, &[1, 0, 0]).delay(5))),
            "must be deterministic",
        ),
        (Box::new(|| drop(BenOr::new(2))), "from 3 to 15"),
        (Box::new(|| drop(BenOr::new(5).ones(6))), "but 6 are to begin with 1"),
        (Box::new(|| drop(BenOr::new(4).crashes(2))), "at most 1 may crash"),
        (Box::new(|| drop(BenOr::new(4).crashes(1).adversary())), "leave crashes out"),
    ];
    each_says(cases);
}
