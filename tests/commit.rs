//! Atomic commitment: what each protocol keeps and where it blocks, found by exhaustive search;
//! costs against Gray and Lamport (2006); blocking times against closed forms.

#[path = "common/said.rs"]
mod said;

use pillars_models::sim::{Distribution, Estimate};
use pillars_models::state::cluster::Scenario;
use pillars_models::truth::commit::{
    BlockingWindow, CommitCost, PaxosCommitSpec, PaxosCommitState, Phases, Stage, TwoPhaseRegister,
    TwoPhaseSpec, TwoPhaseState,
};
use pillars_models::truth::explore::{
    Explored, Found, GlobalOf, Model, Move, Network, Search, Verdict,
};
use said::each_says;

fn broken<S, A>(found: &Explored<S, A>, name: &str) -> usize {
    assert_eq!(found.verdict, Verdict::Broken(name.to_owned()), "{found}");
    found.counterexample().map_or(0, |path| path.len())
}

/// Two-phase commit is consistent whatever happens; without its coordinator it may never end.
#[test]
fn two_phase_commit_waits_for_its_coordinator() {
    let sound = TwoPhaseSpec::new(3);
    assert!(Search::of(&sound).possible("over", TwoPhaseState::is_over).run().holds());
    let crashes = sound.coordinator_may_crash();
    let found = Search::of(&crashes).possible("over", TwoPhaseState::is_over).run();
    // It goes down, and one has prepared.
    assert_eq!(broken(&found, "over"), 2);
    assert!(Search::of(&crashes).run().holds());
}

#[test]
fn broken_two_phase_commits_are_caught() {
    for (spec, steps) in
        [(TwoPhaseSpec::new(3).commits_one_short(), 7), (TwoPhaseSpec::new(3).aborts_in_doubt(), 9)]
    {
        let found = Search::of(&spec).run();
        assert_eq!(broken(&found, "consistent"), steps);
        let path = found.counterexample().unwrap();
        let drawn = path.space_time(&spec);
        assert_eq!(drawn.processes.len(), 4);
        assert!(drawn.events.last().unwrap().is_marked);
        // Whatever arrives was sent before.
        assert!(drawn.messages.iter().all(|it| it.arrived.is_none_or(|at| it.sent < at)));
        assert!(drawn.messages.iter().any(|it| it.arrived.is_some()));
    }
}

/// Paxos commit with three acceptors ends without any one of them, and not without two; with all
/// its acceptors down at once nothing wrong is said either.
#[test]
fn paxos_commit_does_without_a_minority_of_acceptors() {
    let spec = PaxosCommitSpec::new(1, 3, 2);
    for (crashes, ends) in [(0, true), (1, true), (2, false)] {
        let spec = spec.clone().acceptors_may_crash(crashes);
        let found = Search::of(&spec).possible("over", PaxosCommitState::is_over).run();
        assert_eq!(found.holds(), ends, "{crashes} down: {found}");
        assert!(Search::of(&spec).run().holds());
    }
    // Two-phase commit is Paxos commit with one acceptor.
    let one = PaxosCommitSpec::new(2, 1, 2).acceptors_may_crash(1);
    let found = Search::of(&one).possible("over", PaxosCommitState::is_over).run();
    assert_eq!(broken(&found, "over"), 2);
}

#[test]
fn broken_paxos_commits_are_caught() {
    let spec = PaxosCommitSpec::new(2, 3, 2);
    assert_eq!(broken(&Search::of(&spec.clone().with_quorums_of(1)).run(), "consistent"), 12);
    assert_eq!(broken(&Search::of(&spec.without_looking_back()).run(), "consistent"), 16);
}

type State = GlobalOf<Phases>;

fn judged(network: &Network<Phases>) -> Explored<State, <Network<Phases> as Model>::Action> {
    Search::of(network).at_end("nobody is in doubt", Phases::nobody_in_doubt).run()
}

/// The table of the protocols: what survives what.
#[test]
fn what_each_protocol_survives() {
    for participants in 1..=3 {
        let all = |phases: Phases| {
            let healthy = Network::of(phases);
            let found = judged(&healthy);
            assert!(found.holds(), "{participants}: {found}");
            // Nothing of it is a matter of luck: one outcome.
            assert_eq!(found.terminal, 1);
        };
        all(Phases::two(participants));
        all(Phases::three(participants));
        all(Phases::two(participants).refuses(1));
        all(Phases::three(participants).refuses(participants));

        // Two phases: atomic and blocking.
        let two = Network::of(Phases::two(participants));
        // Where all may go down, all are in the end, and nobody in doubt.
        let most = two.clone().crashes(participants.min(2));
        for troubled in [two.clone().crashes(1), most, two.cut(&[participants])] {
            assert!(Search::of(&troubled).run().holds());
            broken(&judged(&troubled), "nobody is in doubt");
        }
        // Three: atomic and not blocking as long as nodes only go down.
        for crashes in 1..=2 {
            for phases in [Phases::three(participants), Phases::three(participants).refuses(1)] {
                let found = judged(&Network::of(phases).crashes(crashes));
                assert!(found.holds(), "{participants} participants: {found}");
            }
        }
        // And not atomic when the network is cut.
        let cut = Network::of(Phases::three(participants)).cut(&[participants]);
        assert_eq!(broken(&judged(&cut), "atomic"), 5 * participants);
        // A guess in doubt is as wrong.
        let guess = Network::of(Phases::two(participants).guesses()).crashes(1);
        broken(&Search::of(&guess).run(), "atomic");
    }
}

/// In every state without a crash or a cut, one can still come to commit or to abort by the rules.
#[test]
fn both_outcomes_can_be_reached() {
    let some = |stage: Stage| move |state: &State| state.nodes.iter().all(|it| it.stage == stage);
    for phases in [Phases::two(3), Phases::three(3)] {
        let network = Network::of(phases).crashes(1);
        let found = Search::of(&network)
            .sometimes("all commit", some(Stage::Committed))
            .sometimes("all abort", move |state| {
                let nodes = state.nodes.iter().zip(&state.down);
                let up = |(_, down): &(_, &bool)| !**down;
                nodes.filter(up).all(|(it, _)| it.stage == Stage::Aborted)
            })
            .run();
        assert!(found.holds(), "{found}");
        let refused = Network::of(phases.refuses(2)).crashes(1);
        let found = Search::of(&refused).sometimes("commit", some(Stage::Committed)).run();
        assert_eq!(found.verdict, Verdict::Unreached("commit".to_owned()));
    }
}

/// The counterexample to three-phase commit, drawn: one side has been told that all voted yes, and
/// commits; the other has not, and aborts.
#[test]
fn three_phase_commit_disagrees_across_a_cut() {
    let network = Network::of(Phases::three(2)).cut(&[2]);
    let found = Search::of(&network).run();
    let path = found.counterexample().unwrap();
    assert!(path.actions().contains(&&Move::Cuts));
    let stages: Vec<Stage> = path.last().nodes.iter().map(|node| node.stage).collect();
    assert_eq!((stages[0], stages[2]), (Stage::Committed, Stage::Aborted));
    let drawn = path.space_time(&network);
    assert_eq!(drawn.processes, ["coordinator", "participant 1", "participant 2"]);
    assert_eq!(drawn.whiles.len(), 1);
    assert_eq!((drawn.whiles[0].process, drawn.whiles[0].label.as_str()), (2, "cut off"));
    let labels: Vec<(usize, &str)> =
        drawn.events.iter().map(|event| (event.process, event.label.as_str())).collect();
    assert!(labels.contains(&(0, "committed")) && labels.contains(&(2, "aborted")), "{labels:?}");
    // A message that the cut has swallowed does not arrive.
    let lost = drawn.messages.iter().find(|it| it.to == 2 && it.label == "pre-commit");
    assert!(lost.is_some_and(|it| it.arrived.is_none()));
    // Nothing is lost before the network is cut, and what is lost is on its way across.
    let cut = drawn.whiles[0].from;
    for (arrow, lost) in drawn.messages.iter().filter_map(|it| Some((it, it.lost?))) {
        assert!(lost >= cut && arrow.sent <= lost, "{arrow:?}");
        assert!((arrow.from == 2) != (arrow.to == 2), "{arrow:?}");
    }
}

/// The whole search, not only its first finding: every state in which somebody waits for ever has
/// its coordinator down.
#[test]
fn only_without_the_coordinator_is_anybody_in_doubt() {
    let network = Network::of(Phases::two(3)).crashes(1);
    let found = Search::of(&network)
        .at_end("nobody is in doubt, or the coordinator is down", |state: &State| {
            state.down[0] || Phases::nobody_in_doubt(state)
        })
        .run();
    assert!(found.holds(), "{found}");
    assert!(matches!(found.findings[0].found, Found::Nothing));
}

/// Gray and Lamport (2006), section 5: N resource managers, F failures. Messages apart and together,
/// message delays, writes, write delays.
#[test]
fn costs_are_those_of_the_paper() {
    for n in 2..=10 {
        let two = (CommitCost::two_phase(n), CommitCost::two_phase_together(n));
        assert_eq!((two.0.messages, two.1.messages), (3 * n - 1, 3 * n - 3));
        assert_eq!((two.0.delays, two.1.delays), (4, 3));
        assert_eq!((two.0.writes, two.0.write_delays), (n + 1, 3));
        for f in 0..n {
            let paxos = (CommitCost::paxos(n, f), CommitCost::paxos_together(n, f));
            let messages = ((n + 1) * (f + 3) - 4, n * (f + 3) - 3);
            assert_eq!((paxos.0.messages, paxos.1.messages), messages, "{n}, {f}");
            let faster = (CommitCost::faster_paxos(n, f), CommitCost::faster_paxos_together(n, f));
            let messages = (n * (2 * f + 3) - 1, (n - 1) * (2 * f + 3));
            assert_eq!((faster.0.messages, faster.1.messages), messages, "{n}, {f}");
            assert_eq!((faster.0.delays, faster.1.delays), (4, 3));
            // With one acceptor it is two-phase commit. Of two the second is where the second
            // resource manager is, and hears of both a message sooner.
            let together = if f == 0 || n == 2 { 3 } else { 4 };
            let delays = (if f == 0 { 4 } else { 5 }, together);
            assert_eq!((paxos.0.delays, paxos.1.delays), delays, "{n}, {f}");
            for cost in [paxos.0, paxos.1, faster.0, faster.1] {
                assert_eq!((cost.writes, cost.write_delays), (n + f + 1, 3), "{n}, {f}");
            }
        }
    }
    // The example that the paper gives: five resource managers, one failure, together.
    let messages = [
        CommitCost::two_phase_together(5),
        CommitCost::paxos_together(5, 1),
        CommitCost::faster_paxos_together(5, 1),
    ];
    assert_eq!(messages.map(|cost| cost.messages), [12, 17, 20]);
}

/// Simulation and closed form of the blocking window, over rates of failure and repair.
#[test]
fn blocking_is_that_of_the_closed_form() {
    let mut covered = (0, 0);
    for (seed, (participants, prepare, to_failure, to_repair)) in
        [(3, 0.0, 100.0, 50.0), (1, 5.0, 20.0, 100.0), (5, 1.0, 10.0, 10.0), (2, 2.0, 50.0, 3.0)]
            .into_iter()
            .enumerate()
    {
        let window = BlockingWindow::new(participants, 1.0)
            .prepare(prepare)
            .crashes(to_failure, to_repair)
            .seed(seed as u64 + 1);
        let measured = window.simulate(40_000);
        let mut covers = |estimate: Estimate, truth: f64| {
            covered = (covered.0 + usize::from(estimate.covers(truth)), covered.1 + 1);
            assert!(estimate.gap_in_bars(truth) < 2.0, "{estimate} and {truth}");
        };
        covers(measured.blocked, window.blocks());
        covers(measured.in_doubt, window.mean_in_doubt());
        covers(measured.committed, 1.0 - window.blocks());
        for x in [2.0, 5.0, 20.0, 100.0] {
            let longer: Vec<f64> =
                measured.times.iter().map(|time| f64::from(u8::from(*time > x + 1e-9))).collect();
            let estimate = Estimate::of(&longer);
            let truth = window.in_doubt_longer(x);
            assert!((estimate.mean - truth).abs() < 0.01, "{x}: {estimate} and {truth}");
        }
        assert!(window.in_doubt_longer(1.0).is_nan());
    }
    assert!(covered.0 + 2 >= covered.1, "{covered:?}");
    // A coordinator that stays up blocks nobody.
    let healthy = BlockingWindow::new(4, 1.0).prepare(3.0);
    let measured = healthy.simulate(100);
    assert_eq!((healthy.blocks(), measured.blocked.mean), (0.0, 0.0));
    assert_eq!((healthy.mean_in_doubt(), measured.in_doubt.mean), (2.0, 2.0));
    assert_eq!(healthy.in_doubt_longer(2.0), 0.0);
    // Equal rates are no special case.
    let equal = BlockingWindow::new(1, 1.0).crashes(10.0, 10.0);
    let near = BlockingWindow::new(1, 1.0).crashes(10.0, 10.0 + 1e-6);
    assert!((equal.in_doubt_longer(4.0) - near.in_doubt_longer(4.0)).abs() < 1e-6);
}

/// With messages of other lengths more participants take longer to hear from.
#[test]
fn more_participants_are_longer_in_doubt() {
    let mean = |participants| {
        let window = BlockingWindow::new(participants, 1.0);
        window.latency(Distribution::exponential(1.0)).simulate(20_000).in_doubt
    };
    // One waits for two messages; of n the last of n rounds of two to three messages.
    assert!(mean(1).covers(2.0));
    assert!(mean(8).low() > mean(2).high() && mean(2).low() > 2.0);
}

/// How long nodes were in doubt in a run, in milliseconds, as its diagram says.
fn doubts(scenario: &Scenario, run: u64) -> Vec<f64> {
    let (_, drawn) = scenario.trace(TwoPhaseRegister::new, run);
    let mut doubts = vec![];
    for node in 1..drawn.processes.len() {
        let events: Vec<_> = drawn.events.iter().filter(|event| event.process == node).collect();
        let pairs = events.windows(2).filter(|pair| pair[0].label == "in doubt");
        doubts.extend(pairs.map(|pair| pair[1].time - pair[0].time));
    }
    doubts
}

/// On the cluster: a register by two-phase commit is linearizable and atomic under every fault that
/// leaves disks alone, and blocks while its coordinator is down.
#[test]
fn a_register_by_two_phase_commit_blocks_and_stays_right() {
    let base = || Scenario::nodes(4);
    let crash = base().crash(0, 300.0..500.0);
    for (number, scenario) in [
        base(),
        base().loss(0.1).duplication(0.1),
        crash.clone(),
        base().crash(1, 300.0..500.0).crash(2, 400.0..700.0),
        base().crash(0, 300.0..310.0).crash(1, 305.0..600.0).loss(0.05),
        base().isolate(0, 300.0..600.0),
        base().partition(&[&[0, 1], &[2, 3]], 200.0..600.0),
        base().pause(0, 300.0..600.0),
    ]
    .iter()
    .enumerate()
    {
        let survey = scenario.survey(TwoPhaseRegister::new, 60);
        assert_eq!(survey.safe().mean, 1.0, "scenario {number}: {:?}", survey.broken());
        assert_eq!(survey.linearizable().mean, 1.0, "scenario {number}");
        assert_eq!((survey.lost().mean, survey.converged().mean), (0.0, 1.0), "scenario {number}");
    }
    // Healthy, doubt is two messages of 2 ms and the slowest of the others'; it does not last.
    let usual = (0..20).flat_map(|run| doubts(&base(), run)).collect::<Vec<_>>();
    let mean = Estimate::of(&usual).mean;
    assert!((4.0..12.0).contains(&mean), "{mean}");
    // With the coordinator down, until it is back.
    let blocked = (0..20).flat_map(|run| doubts(&crash, run)).fold(0.0, f64::max);
    assert!((190.0..240.0).contains(&blocked), "{blocked}");
    let survey = crash.survey(TwoPhaseRegister::new, 60);
    assert!(survey.availability(&[1, 2, 3]).mean < 0.6);
    assert_eq!(
        crash.healthy().survey(TwoPhaseRegister::new, 20).availability(&[1, 2, 3]).mean,
        1.0
    );
}

/// Who does not wait is wrong: caught by the property, and by the clients' history.
#[test]
fn an_impatient_participant_is_caught() {
    let impatient = |node| TwoPhaseRegister::new(node).impatient(20.0);
    let cut = Scenario::nodes(4).partition(&[&[0, 1], &[2, 3]], 200.0..400.0).loss(0.05);
    let survey = cut.survey(impatient, 60);
    assert!(survey.safe().high() < 1.0);
    let (run, broken) = survey.broken().unwrap();
    assert!(broken.property.contains("AC1") && broken.what.contains("aborted"), "{broken:?}");
    let (outcome, drawn) = cut.trace(impatient, run);
    assert_eq!(outcome.broken.as_ref(), Some(broken));
    assert!(drawn.events.last().unwrap().is_marked);
    let unwatched = cut.unwatched().survey(impatient, 60);
    assert!(unwatched.linearizable().high() < 1.0);
}

#[test]
fn what_makes_no_sense_is_told() {
    let window = || BlockingWindow::new(1, 1.0);
    each_says([
        (Box::new(|| _ = Phases::two(0)) as Box<dyn Fn()>, "from 1 to 6 participants"),
        (Box::new(|| _ = Phases::three(7)), "Phases::three: there must be from 1 to 6"),
        (Box::new(|| _ = Phases::two(2).refuses(3)), "numbered from 1 to 2, but 3 is named"),
        (Box::new(|| drop(TwoPhaseRegister::new(0).impatient(0.0))), "patience must be a positive"),
        (Box::new(|| _ = CommitCost::two_phase(0)), "from 1 to 10 resource managers"),
        (Box::new(|| _ = CommitCost::paxos(2, 2)), "3 acceptors take part"),
        (Box::new(|| drop(PaxosCommitSpec::new(2, 3, 2).with_quorums_of(4))), "from 1 to 3"),
        (Box::new(|| drop(BlockingWindow::new(0, 1.0))), "at least 1 participant"),
        (Box::new(|| drop(BlockingWindow::new(1, 0.0))), "latency must be a positive number"),
        (Box::new(move || drop(window().prepare(-1.0))), "at least 0, but it is -1"),
        (Box::new(move || drop(window().crashes(0.0, 1.0))), "mean time to failure must be"),
        (Box::new(move || drop(window().simulate(1))), "at least 2 transactions"),
        (
            Box::new(move || {
                let _ = window().latency(Distribution::exponential(1.0)).blocks();
            }),
            "the closed form is for messages that always take the same time",
        ),
    ]);
}
