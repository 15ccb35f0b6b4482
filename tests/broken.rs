//! Every broken variant of every protocol is caught: on the simulated cluster within 1,000 seeds, by
//! a run that is repeated from its seed and becomes as short as can be; and, where a model is small
//! enough, by going through all states, with the shortest way there is.

use pillars_models::state::cluster::{Replica, Scenario, Schedule};
use pillars_models::truth::agreement::{BenOr, Voters, Voting};
use pillars_models::truth::byzantine::{Behaviour, OralMessages, Pbft};
use pillars_models::truth::commit::{Phases, TwoPhaseRegister, TwoPhaseSpec, is_consistent};
use pillars_models::truth::explore::{
    AbdServer, GlobalOf, Model, Network, PaxosServer, RegisterServer, Registers, Search,
    SingleCopy, Verdict,
};
use pillars_models::truth::paxos::{MultiPaxos, Paxos, PaxosFlaw, PaxosSpec};
use pillars_models::truth::raft::{RaftFlaw, RaftSpec, RaftState, Trap};
use pillars_models::truth::{Nemesis, hunt, shrink, wrong};
use std::collections::{BTreeSet, HashSet};

/// Caught within a thousand seeds, by what it is to break; repeated from its seed; shortened.
fn caught<R: Replica>(
    name: &str,
    scenario: impl Fn(u64) -> Scenario + Sync,
    replica: impl Fn(usize) -> R + Sync,
    breaks: &str,
) {
    let found = hunt(&scenario, &replica, 0..1_000);
    let found = found.unwrap_or_else(|| panic!("{name}: not caught in 1,000 seeds"));
    assert!(found.what.starts_with(breaks), "{name}: {}", found.what);
    // The seed is all that it takes.
    let before = scenario(found.seed).seed(found.seed).run(&replica, 0);
    assert_eq!(wrong(&before).as_ref(), Some(&found.what), "{name}");
    // The whole schedule is the run.
    let whole = Schedule::of(&found.scenario, &replica, 0);
    let same = whole.run(&replica);
    assert_eq!((&same.history, &same.broken), (&before.history, &before.broken), "{name}");
    assert_eq!(same.messages.1, before.messages.1, "{name}");

    let fails = |it: &_| wrong(it).is_some_and(|what| what.starts_with(breaks));
    let shrunk = shrink(&found.scenario, &replica, 0, fails);
    assert!(fails(&shrunk.scenario.run(&replica, shrunk.run)), "{name}");
    let (after, drawn) = shrunk.schedule.trace(&replica);
    assert!(fails(&after), "{name}");
    assert!(shrunk.schedule.len() <= whole.len(), "{name}: {:?}", shrunk.schedule);
    assert!(after.messages.1 <= before.messages.1, "{name}: {:?}", after.messages);
    // Nothing is left in it that it could do without.
    for place in 0..shrunk.schedule.len() {
        let less = shrunk.schedule.without(place..place + 1).run(&replica);
        assert!(!fails(&less), "{name}: step {place} of {:?} is not needed", shrunk.schedule);
    }
    let arrived = drawn.messages.iter().filter(|it| it.arrived.is_some()).count();
    assert_eq!(arrived as u64, after.messages.1, "{name}");
    let is_marked = drawn.events.iter().any(|event| event.is_marked);
    assert_eq!(is_marked, after.broken.is_some(), "{name}");
    println!(
        "{name}: seed {}: {}\n    {} steps, in the end {:?}; {} runs",
        found.seed,
        found.what,
        whole.len(),
        shrunk.schedule,
        shrunk.tried
    );
}

#[test]
fn raft() {
    let breaks = [
        "leader completeness",
        "leader completeness",
        "election safety",
        "leader completeness",
        "not linearizable",
        "not linearizable",
        "not linearizable",
        "leader completeness",
    ];
    let traps = Trap::all();
    assert_eq!(traps.len(), breaks.len());
    for (trap, breaks) in traps.iter().zip(breaks) {
        let name = format!("Raft, {}", trap.name);
        caught(&name, |_| trap.scenario.clone(), trap.broken, breaks);
    }
}

#[test]
fn paxos() {
    for flaw in PaxosFlaw::ALL {
        let name = format!("Paxos, {flaw:?}");
        caught(&name, |_| flaw.trap(), |node| Paxos::new(node).flaw(flaw), "agreement");
        assert!(hunt(|_| flaw.trap(), Paxos::new, 0..200).is_none(), "{name}: a sound one is not");
    }
    let four = |seed| Nemesis::new(4).until(40.0).run(seed).think(2.0);
    caught("Paxos, half of four", four, |node| Paxos::new(node).quorums(2, 2), "agreement");
    let five = |seed| Nemesis::new(5).until(40.0).run(seed).think(2.0);
    caught("Paxos, 3 and 2 of five", five, |node| Paxos::new(node).quorums(3, 2), "agreement");
}

#[test]
fn multi_paxos() {
    let hasty = |node| MultiPaxos::new(node).timing(5.0, 20.0);
    for flaw in PaxosFlaw::ALL {
        let name = format!("multi-Paxos, {flaw:?}");
        caught(&name, |_| flaw.log_trap(), |node| hasty(node).flaw(flaw), "agreement");
        assert!(hunt(|_| flaw.log_trap(), hasty, 0..200).is_none(), "{name}: a sound one is not");
    }
    let four = |seed| Nemesis::new(4).until(300.0).run(seed);
    caught("multi-Paxos, half of four", four, |node| hasty(node).quorums(2, 2), "agreement");
    let five = |seed| Nemesis::new(5).until(300.0).run(seed);
    caught("multi-Paxos, 3 and 2 of five", five, |node| hasty(node).quorums(3, 2), "agreement");
}

#[test]
fn byzantine_faults() {
    let liar = |node| Pbft::new(node).traitor(0, Behaviour::Equivocates);
    let three = |_| Scenario::nodes(3).think(50.0).timeout(1_000.0);
    caught("PBFT, 2 of three", three, |node| liar(node).faults(1).quorum(2), "agreement");
    let four = |seed| Nemesis::new(4).run(seed).think(60.0).timeout(1_500.0);
    caught("PBFT, 2 of four", four, |node| liar(node).quorum(2), "agreement");
    // Oral messages among three: every lie is tried, and one divides them.
    let verdict = OralMessages::new(3, 1).traitors(&[2]).exhaustive();
    assert_eq!(verdict.broken, Some((1, vec![(1, 0)])));
}

#[test]
fn commitment() {
    let cut = |_| Scenario::nodes(4).partition(&[&[0, 1], &[2, 3]], 200.0..400.0).loss(0.05);
    let impatient = |node| TwoPhaseRegister::new(node).impatient(20.0);
    caught("two-phase commit, impatient", cut, impatient, "atomic commitment");
}

/// Ben-Or's runs are known by their seed and number; which messages disagree soonest is known by
/// trying all.
#[test]
fn randomised_consensus() {
    for nodes in [3, 5, 7] {
        let hasty = BenOr::new(nodes).hasty();
        let first = || hasty.runs(1_000, 1).0.iter().position(|run| !run.is_safe);
        println!("Ben-Or, hasty, {nodes} processes: run {:?}", first());
        assert!(first().is_some() && first() == first(), "{nodes}");
        assert!(BenOr::new(nodes).runs(1_000, 1).are_safe(), "{nodes}");
    }
    for (voting, inputs, steps) in [
        // Two hear each a different one.
        (Voting::AllButOne, vec![0, 1, 1], 2),
        (Voting::Hasty, vec![0, 1, 1], 9),
        (Voting::Hasty, vec![0, 0, 1], 9),
    ] {
        let found = Voters::new(voting, &inputs).disagreement(2).expect("a disagreement");
        println!("{voting:?}, {inputs:?}: {} messages", found.steps);
        assert_eq!(found.steps, steps, "{voting:?} {inputs:?}");
        let arrived = found.drawn.messages.iter().filter(|it| it.arrived.is_some()).count();
        assert_eq!(arrived, steps);
        assert_eq!(found.drawn.events.iter().filter(|event| event.is_marked).count(), 1);
    }
    for voting in [Voting::All, Voting::Rounds, Voting::Coin] {
        assert_eq!(Voters::new(voting, &[0, 1, 1]).disagreement(2), None, "{voting:?}");
    }
}

/// How many steps it takes at least to what is wrong: a second search, level by level.
fn distance<M: Model>(model: &M, is_wrong: impl Fn(&M::State) -> bool) -> Option<usize> {
    let mut level = model.initial();
    let mut seen: HashSet<M::State> = level.iter().cloned().collect();
    for distance in 0.. {
        if level.iter().any(&is_wrong) {
            return Some(distance);
        }
        let mut next = vec![];
        for state in &level {
            let mut steps = vec![];
            model.steps(state, &mut steps);
            next.extend(steps.into_iter().map(|(_, to)| to).filter(|to| seen.insert(to.clone())));
        }
        if next.is_empty() {
            return None;
        }
        level = next;
    }
    None
}

/// Caught by going through all states, after so many steps: as few as there can be.
fn searched<M: Model>(
    name: &str,
    model: &M,
    breaks: &str,
    steps: usize,
    is_wrong: impl Fn(&M::State) -> bool,
) {
    let found = Search::of(model).run();
    println!("{name}: {found}");
    assert_eq!(found.verdict, Verdict::Broken(breaks.to_owned()), "{name}");
    let path = found.counterexample().expect("it is broken");
    assert!(is_wrong(path.last()), "{name}");
    assert_eq!((path.len(), distance(model, &is_wrong)), (steps, Some(steps)), "{name}");
    let drawn = path.space_time(model);
    assert_eq!(drawn.processes, model.processes(), "{name}");
    assert!(drawn.events.last().is_none_or(|event| event.is_marked), "{name}");
    assert!(drawn.messages.iter().all(|it| it.arrived.is_none_or(|at| it.sent < at)), "{name}");
}

/// The lengths are those that one finds by hand: a decision takes two promises and two votes, their
/// requests and proposals; with the flaw another follows; what is forgotten takes a crash more.
#[test]
fn every_flaw_of_paxos_exhaustively() {
    for (flaw, ballots, steps) in [
        (PaxosFlaw::IgnoresAccepted, 2, 6 + 6),
        (PaxosFlaw::ForgetsPromises, 2, 6 + 6 + 1),
        (PaxosFlaw::ForgetsAccepted, 2, 6 + 6 + 1),
        // One acceptor is enough.
        (PaxosFlaw::CountsTwice, 2, 4 + 4),
        // Of three ballots the first has one vote.
        (PaxosFlaw::TakesAnyAccepted, 3, 5 + 6 + 6),
    ] {
        let sound = PaxosSpec::new(3, 2, ballots);
        let spec = sound.clone().flaw(flaw);
        let name = format!("Paxos, {flaw:?}");
        searched(&name, &spec, "agreement", steps, |state| spec.chosen(state).len() > 1);
        if ballots == 2 {
            assert!(Search::of(&sound).run().holds(), "{name}");
        }
    }
    let short = PaxosSpec::new(3, 2, 2).with_quorums_of(1);
    searched("Paxos, 1 of 3", &short, "agreement", 8, |state| short.chosen(state).len() > 1);
}

/// The module MCPaxos of the TLA+ examples, by their manifest: 25 distinct states of 82, 9 levels,
/// where acceptors that change places make no difference.
#[test]
fn paxos_has_its_published_number_of_states() {
    const ORDERS: [[usize; 3]; 6] =
        [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let spec = PaxosSpec::new(3, 2, 1);
    let found = Search::of(&spec).run();
    assert!(found.holds() && found.depth == 9 - 1, "{found}");
    let (mut seen, mut open) = (BTreeSet::new(), spec.initial());
    let mut steps = 0;
    while let Some(state) = open.pop() {
        let same = ORDERS.map(|order| state.reordered(&spec, &order));
        if same.into_iter().min().is_some_and(|first| seen.insert(first)) {
            let mut next = vec![];
            spec.steps(&state, &mut next);
            steps += next.len();
            open.extend(next.into_iter().map(|(_, to)| to));
        }
    }
    assert_eq!((seen.len(), steps), (25, 82 - 1));
}

/// The lengths again by hand: to be elected takes a step to stand, one to lead, and one for each vote
/// of another. An entry of an earlier term that is counted is the thesis's figure 3.7 with three
/// nodes: of four elections the second and the fourth need a step more, to a term that is free.
#[test]
fn every_flaw_of_raft_exhaustively() {
    for (flaw, terms, entries, property, steps) in [
        (RaftFlaw::ShortQuorum, 1, 1, "election safety", 2 + 2),
        (RaftFlaw::ForgetsVotes, 1, 1, "election safety", 3 + 1 + 3),
        // An entry written, copied and committed, which the next leader lacks.
        (RaftFlaw::VotesForAnyLog, 2, 1, "leader completeness", 3 + 3 + 3),
        (RaftFlaw::CountsEarlierTerms, 4, 2, "leader completeness", 4 + 4 + 6 + 4),
    ] {
        let sound = RaftSpec::new(3, terms, entries);
        let (spec, name) = (sound.clone().flaw(flaw), format!("Raft, {flaw:?}"));
        let is_broken = |state: &RaftState| match property {
            "election safety" => !state.has_one_leader_a_term(),
            _ => !state.has_complete_leaders(),
        };
        searched(&name, &spec, property, steps, is_broken);
        let found = Search::of(&sound).sometimes("committed", |it| it.committed() > 0).run();
        assert!(found.holds(), "{name}: {found}");
    }
}

/// Paxos commit, whose states are many, is broken in tests/commit.rs.
#[test]
fn every_broken_commitment_exhaustively() {
    for (name, spec, steps) in [
        ("two-phase commit, one short", TwoPhaseSpec::new(3).commits_one_short(), 7),
        ("two-phase commit, aborts in doubt", TwoPhaseSpec::new(3).aborts_in_doubt(), 9),
    ] {
        searched(name, &spec, "consistent", steps, |state| !is_consistent(state.rms()));
    }
    let atomic = |state: &GlobalOf<Phases>| !Phases::is_atomic(state);
    let cut = Network::of(Phases::three(2)).cut(&[2]);
    searched("three-phase commit, cut", &cut, "atomic", 10, atomic);
    let guesses = Network::of(Phases::two(2).guesses()).crashes(1);
    searched("two-phase commit, guesses", &guesses, "atomic", 9, atomic);
}

#[test]
fn every_broken_register_exhaustively() {
    fn registers<S: RegisterServer>(name: &str, server: S, servers: usize, steps: usize) {
        let network = Network::of(Registers::new(server, servers, 2));
        let is_wrong = |state: &GlobalOf<Registers<S>>| !state.seen.is_linearizable();
        searched(name, &network, "linearizable", steps, is_wrong);
    }
    registers("two single copies", SingleCopy, 2, 4);
    registers("majorities, 1 of 2", AbdServer::new().with_quorums_of(1), 2, 4);
    registers("Paxos register, 1 of 3", PaxosServer::new().with_quorums_of(1), 3, 9);
    let hasty = PaxosServer::new().without_looking_back();
    registers("Paxos register, does not look back", hasty, 3, 17);
}
