//! What cannot work is told in a sentence, whoever's protocol it is, and nothing runs for ever.

#[path = "common/said.rs"]
mod said;

use pillars_models::sim::Distribution;
use pillars_models::state::cluster::{CallOf, Outbox, Replica, Request, Scenario, Schedule};
use pillars_models::state::consistency::{RegisterCall, RegisterReply, RegisterSpec};
use pillars_models::truth::agreement::BenOr;
use pillars_models::truth::byzantine::{Behaviour, OralMessages, Pbft};
use pillars_models::truth::explore::{Envelope, Network, Protocol, Search, Sends};
use pillars_models::truth::paxos::{MultiPaxos, Paxos, PaxosSpec};
use pillars_models::truth::raft::{Raft, RaftSpec};
use pillars_models::truth::{Nemesis, hunt, shrink, wrong};
use said::each_says;

/// What a reader's protocol may do wrong.
#[derive(Clone, Copy, PartialEq)]
enum Habit {
    /// It answers nobody.
    Silent,
    /// It panics at the tenth call.
    Panics,
    /// It sends to whom there is not.
    Misaddresses,
    /// Each message makes one for everybody.
    Floods,
    /// It sets a timer that rings at once, and then again.
    Restless,
}

struct Reader {
    habit: Habit,
    calls: usize,
}

impl Reader {
    fn with(habit: Habit) -> impl Fn(usize) -> Self + Sync {
        move |_| Self { habit, calls: 0 }
    }
}

impl Replica for Reader {
    type Object = RegisterSpec;
    type Message = ();

    fn call(&mut self, request: Request, call: CallOf<Self>, out: &mut Outbox<Self>) {
        self.calls += 1;
        match self.habit {
            Habit::Silent => {}
            Habit::Panics => {
                assert!(self.calls < 10, "the reader's own words on {call}");
                if matches!(call, RegisterCall::Write(_)) {
                    out.reply(request, RegisterReply::Written);
                }
            }
            Habit::Misaddresses => out.send(out.nodes(), ()),
            Habit::Floods => out.to_all(()),
            Habit::Restless => out.after(0.0, 1),
        }
    }

    fn message(&mut self, _: usize, (): (), out: &mut Outbox<Self>) {
        out.to_all(());
    }

    fn timer(&mut self, name: u64, out: &mut Outbox<Self>) {
        out.after(0.0, name);
    }
}

/// Nobody is answered, and that is all: surveys, hunts and schedules end.
#[test]
fn a_protocol_that_never_answers_is_surveyed_to_the_end() {
    let silent = || Reader::with(Habit::Silent);
    let survey = Scenario::nodes(3).survey(silent(), 5);
    assert_eq!(survey.availability(&[0, 1, 2]).mean, 0.0);
    assert_eq!((survey.linearizable().mean, survey.safe().mean), (1.0, 1.0));
    assert!(hunt(|seed| Nemesis::new(3).run(seed), silent(), 0..50).is_none());
    let run = Scenario::nodes(3).run(silent(), 0);
    assert_eq!(wrong(&run), None);
    assert_eq!(Schedule::of(&Scenario::nodes(3), silent(), 0).run(silent()).history, run.history);
}

/// A hunt tells by which seed a protocol panics, and with which words; the seed repeats it.
#[test]
fn a_protocol_that_panics_is_hunted_down() {
    let nemesis = |seed| Nemesis::new(3).run(seed);
    let found = hunt(nemesis, Reader::with(Habit::Panics), 5..50).expect("it panics");
    assert!(found.what.starts_with("it panicked: the reader's own words on "), "{}", found.what);
    assert_eq!(found.seed, 5);
    let scenario = found.scenario;
    each_says([(
        Box::new(move || drop(scenario.run(Reader::with(Habit::Panics), 0))) as Box<dyn Fn()>,
        "the reader's own words",
    )]);
}

/// A protocol of the search's whose node has a choice for every number.
struct Endless;

impl Protocol for Endless {
    type Node = ();
    type Message = ();
    type Seen = ();

    fn nodes(&self) -> usize {
        1
    }

    fn start(&self, _: usize, _: &mut Sends<()>) {}

    fn receive(&self, _: usize, (): &(), _: &Envelope<()>, _: &mut Sends<()>) -> Option<()> {
        None
    }

    fn act(&self, _: usize, (): &(), _: usize, _: &mut Sends<()>) -> Option<()> {
        Some(())
    }
}

fn slow(nodes: usize) -> Scenario {
    Scenario::nodes(nodes).latency(Distribution::deterministic(30.0))
}

type Case = (Box<dyn Fn()>, &'static str);

#[test]
fn a_readers_protocol_comes_to_an_end() {
    let bounded = || Scenario::nodes(3).steps(20_000);
    let cases: Vec<Case> = vec![
        (
            Box::new(|| drop(Scenario::nodes(3).survey(Reader::with(Habit::Panics), 2))),
            "the reader's own words",
        ),
        (
            Box::new(|| drop(Scenario::nodes(3).run(Reader::with(Habit::Misaddresses), 0))),
            "there are 3 replicas, numbered from 0, but the message is to 3",
        ),
        (
            Box::new(move || drop(bounded().survey(Reader::with(Habit::Restless), 2))),
            "took 20000 steps in",
        ),
        (
            Box::new(move || drop(bounded().run(Reader::with(Habit::Floods), 0))),
            "have not come to rest; does one send messages or set timers without end?",
        ),
        // Without a bound of the reader's there is one too, and it is soon reached.
        (
            Box::new(|| drop(Scenario::nodes(3).survey(Reader::with(Habit::Floods), 100))),
            "took 1000000 steps in",
        ),
        (
            Box::new(|| drop(Scenario::nodes(3).survey(Reader::with(Habit::Restless), 100))),
            "Allow more by Scenario::steps",
        ),
        // Nor may what is under way fill the memory, if more is allowed.
        (
            Box::new(|| {
                let patient = Scenario::nodes(3).steps(u64::MAX);
                drop(patient.run(Reader::with(Habit::Floods), 0));
            }),
            "messages are under way",
        ),
        (
            Box::new(|| {
                let survey = Scenario::nodes(3).survey(Reader::with(Habit::Silent), 2);
                _ = survey.latency(&[0], 0.5);
            }),
            "fewer than 2 runs have something to measure",
        ),
        (
            Box::new(|| {
                let silent = || Reader::with(Habit::Silent);
                drop(shrink(&Scenario::nodes(3), silent(), 0, |it| wrong(it).is_some()));
            }),
            "run 0 of the scenario does not fail",
        ),
        (Box::new(|| drop(Search::of(&Network::of(Endless)).run())), "more than 10000 choices"),
        (
            Box::new(|| {
                let schedule = Schedule::of(&Scenario::nodes(3), Raft::new, 0);
                drop(schedule.without(3..1_000_000));
            }),
            "but 3..1000000 are to be left out",
        ),
    ];
    each_says(cases);
}

#[test]
fn quorums_of_more_than_there_are_are_told() {
    let cases: Vec<Case> = vec![
        (
            Box::new(|| drop(Scenario::nodes(3).run(|it| Paxos::new(it).quorums(4, 1), 0))),
            "Paxos::quorums: a quorum is of 4 nodes, but there are 3",
        ),
        (
            Box::new(|| drop(Scenario::nodes(3).survey(|it| MultiPaxos::new(it).quorums(2, 5), 2))),
            "MultiPaxos::quorums: a quorum is of 5 nodes, but there are 3",
        ),
        (
            Box::new(|| drop(Scenario::nodes(4).run(|it| Pbft::new(it).quorum(5), 0))),
            "Pbft::quorum: a quorum is of 5 nodes, but there are 4",
        ),
        // As many may lie as there are.
        (
            Box::new(|| drop(Scenario::nodes(4).run(|it| Pbft::new(it).faults(4), 0))),
            "clients believe what 4 + 1 replicas say, but there are 4",
        ),
        (
            Box::new(|| {
                let liar = |it| Pbft::new(it).traitor(4, Behaviour::Lies);
                drop(Scenario::nodes(4).run(liar, 0));
            }),
            "4 nodes, numbered from 0, but node 4 is to be a traitor",
        ),
        // The caller's mistake is no finding.
        (
            Box::new(|| {
                let short = |it| Paxos::new(it).quorums(4, 4);
                drop(hunt(|seed| Nemesis::new(3).run(seed), short, 0..10));
            }),
            "a quorum is of 4 nodes, but there are 3",
        ),
        (Box::new(|| drop(BenOr::new(4).crashes(2))), "of 4 processes at most 1 may crash"),
        (Box::new(|| drop(OralMessages::new(3, 2))), "from m + 2 = 4 to 10 generals"),
        (Box::new(|| drop(PaxosSpec::new(6, 2, 2))), "from 1 to 5 acceptors"),
        (Box::new(|| _ = RaftSpec::new(3, 7, 2)), "from 1 to 6 terms"),
        (Box::new(|| drop(PaxosSpec::new(5, 4, 4))), "at most 128 possible messages"),
        (Box::new(|| drop(PaxosSpec::new(3, 2, 2).with_quorums_of(4))), "from 1 to 3 acceptors"),
    ];
    each_says(cases);
}

#[test]
fn time_outs_that_are_over_before_an_answer_are_told() {
    let cases: Vec<Case> = vec![
        (
            Box::new(|| {
                drop(slow(3).run(|it| Raft::new(it).timeouts(20.0, 40.0).heartbeat(5.0), 0))
            }),
            "the longest election time-out is 40 ms, but a message and its answer take 60 ms",
        ),
        (
            Box::new(|| drop(slow(3).survey(Paxos::new, 2))),
            "the patience of a proposer is 50 ms, but a message and its answer take 60 ms",
        ),
        (
            Box::new(|| drop(slow(3).run(|it| MultiPaxos::new(it).timing(5.0, 20.0), 0))),
            "the longest election time-out is 40 ms, but a message and its answer take 60 ms",
        ),
    ];
    each_says(cases);
    // Alone, nobody waits for messages; within a region they are short enough.
    let alone = slow(1).survey(Paxos::new, 2);
    assert_eq!(alone.availability(&[0]).mean, 1.0);
    let far = Distribution::deterministic(400.0);
    let regions = Scenario::nodes(3).regions(&[&[0, 1], &[2]], far);
    assert!(regions.run(Raft::new, 0).broken.is_none());
}

/// Protocols by majorities do with an even number of nodes, which bears no more failures than one
/// fewer.
#[test]
fn even_clusters_work() {
    let down = Scenario::nodes(4).crash(3, 200.0..900.0);
    let half = down.clone().crash(2, 200.0..900.0);
    let raft = |scenario: &Scenario| scenario.survey(Raft::new, 20).availability(&[0, 1]).mean;
    let paxos =
        |scenario: &Scenario| scenario.survey(MultiPaxos::new, 20).availability(&[0, 1]).mean;
    assert!(raft(&down) > 0.6 && raft(&half) < 0.2, "{} {}", raft(&down), raft(&half));
    assert!(paxos(&down) > 0.9 && paxos(&half) < 0.2, "{} {}", paxos(&down), paxos(&half));
}
