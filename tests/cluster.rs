//! The simulated cluster: what is drawn of a run, properties that must hold in every state of it,
//! regions, and an end for those that find none.

#[path = "common/said.rs"]
mod said;

use pillars::prelude::{
    Abd, CallOf, CounterCall, CounterReply, CounterSpec, Distribution, Outbox, Property, Replica,
    Request, Rich as _, Scenario, Schedule, Verdict, surveys,
};
use said::each_says;

/// A counter whose replicas keep the larger number they have heard of, and its property: no
/// replica's number ever goes down.
#[derive(Clone)]
struct Larger {
    number: i64,
    forgets: bool,
}

struct NeverDown(Vec<i64>);

impl Property<Larger> for NeverDown {
    fn name(&self) -> &'static str {
        "numbers do not go down"
    }

    fn check(&mut self, node: usize, replicas: &[Larger]) -> Result<(), String> {
        let (before, now) = (self.0[node], replicas[node].number);
        self.0[node] = now;
        if now >= before { Ok(()) } else { Err(format!("node {node} had {before}, has {now}")) }
    }
}

impl Replica for Larger {
    type Object = CounterSpec;
    type Message = i64;

    fn call(&mut self, request: Request, call: CallOf<Self>, out: &mut Outbox<Self>) {
        match call {
            CounterCall::Read => out.reply(request, CounterReply::Value(self.number)),
            CounterCall::Add(more) => {
                self.number += more;
                out.broadcast(self.number);
                out.reply(request, CounterReply::Added);
            }
        }
    }

    fn message(&mut self, _: usize, told: i64, _: &mut Outbox<Self>) {
        self.number = if self.forgets { told } else { self.number.max(told) };
    }

    fn properties(nodes: usize) -> Vec<Box<dyn Property<Self>>> {
        vec![Box::new(NeverDown(vec![0; nodes]))]
    }

    fn label(&self) -> String {
        self.number.to_string()
    }
}

#[test]
fn a_property_that_does_not_hold_ends_the_run_and_is_told() {
    let scenario = Scenario::nodes(3).think(3.0);
    let sound = scenario.survey(|_| Larger { number: 0, forgets: false }, 20);
    assert_eq!((sound.safe().mean, sound.broken()), (1.0, None));
    let forgetful = |_| Larger { number: 0, forgets: true };
    let survey = scenario.survey(forgetful, 20);
    assert!(survey.safe().mean < 1.0);
    let (run, broken) = survey.broken().unwrap();
    assert_eq!(broken.property, "numbers do not go down");
    assert!(broken.what.contains("had") && broken.at > 0.0 && broken.step > 0, "{broken:?}");
    // It replays, and its drawing ends there, with a mark.
    let (outcome, drawing) = scenario.trace(forgetful, run);
    assert_eq!(outcome.broken.as_ref(), Some(broken));
    let marked: Vec<_> = drawing.events.iter().filter(|event| event.is_marked).collect();
    assert_eq!((marked.len(), marked[0].time), (1, broken.at));
    assert!(drawing.messages.iter().all(|arrow| arrow.sent <= broken.at));
    // What had not arrived by then is under way, not lost: the network loses nothing.
    let mut under_way = 0;
    for run in survey.runs().iter().filter(|run| run.broken.is_some()) {
        let (_, drawing) = scenario.trace(forgetful, run.run);
        assert!(drawing.messages.iter().all(|arrow| arrow.lost.is_none()));
        under_way += drawing.messages.iter().filter(|arrow| arrow.arrived.is_none()).count();
        let (_, followed) = Schedule::of(&scenario, forgetful, run.run).trace(forgetful);
        assert_eq!(followed.messages, drawing.messages);
    }
    assert!(under_way > 0);
    // Nobody looks, and it goes on to its end.
    assert_eq!(scenario.clone().unwatched().survey(forgetful, 20).safe().mean, 1.0);
}

/// A run that ended early had no time to contradict itself: it is counted as what it is.
#[test]
fn runs_that_end_at_a_broken_property_are_not_counted_as_linearizable() {
    let scenario = Scenario::nodes(3).think(3.0);
    let forgetful = scenario.survey(|_| Larger { number: 0, forgets: true }, 50);
    let (mut linearizable, mut converged) = (0, 0);
    for (run, verdict) in forgetful.runs().iter().zip(forgetful.verdicts()) {
        let is_whole = run.broken.is_none();
        linearizable += u32::from(is_whole && matches!(verdict, Verdict::Linearizable { .. }));
        converged += u32::from(is_whole);
    }
    assert!(forgetful.safe().mean < 0.5, "{}", forgetful.safe());
    assert_eq!(forgetful.linearizable().mean, f64::from(linearizable) / 50.0);
    assert!(forgetful.converged().mean <= f64::from(converged) / 50.0);
    // In a table they have a column, which is not there where there are none.
    let sound = scenario.survey(|_| Larger { number: 0, forgets: false }, 50);
    let table = surveys(&[("forgetful", &forgetful), ("sound", &sound)], &[]);
    let ended = table.column("ended at a broken property");
    assert_eq!(ended, [1.0 - forgetful.safe().mean, 0.0]);
    assert_eq!(table.column("linearizable")[0], forgetful.linearizable().mean);
    let calm = surveys(&[("sound", &sound)], &[]);
    assert!(!calm.bundle().text("text/plain").unwrap().contains("broken"));
}

#[test]
fn a_trace_has_every_message_once_and_those_that_were_lost_without_an_end() {
    for (name, scenario) in [
        ("healthy", Scenario::nodes(3)),
        ("lossy", Scenario::nodes(3).loss(0.3)),
        ("repeated", Scenario::nodes(3).duplication(0.5)),
        ("crash", Scenario::nodes(3).crash(1, 200.0..400.0)),
    ] {
        let (outcome, drawing) = scenario.trace(Abd::new, 4);
        let plain = scenario.run(Abd::new, 4);
        assert_eq!(format!("{:?}", plain.history), format!("{:?}", outcome.history), "{name}");
        let arrived = drawing.messages.iter().filter(|arrow| arrow.arrived.is_some()).count();
        assert_eq!(arrived as u64, outcome.messages.1, "{name}");
        for arrow in &drawing.messages {
            assert!(arrow.arrived.is_none_or(|at| at >= arrow.sent), "{name}: {arrow:?}");
            assert!(arrow.from < 3 && arrow.to < 3 && !arrow.label.is_empty());
        }
        // What is lost has an end where it is.
        for lost in drawing.messages.iter().filter_map(|arrow| arrow.lost) {
            assert!(name == "lossy" || (name == "crash" && (200.0..400.0).contains(&lost)));
        }
        let lost = drawing.messages.iter().any(|arrow| arrow.lost.is_some());
        assert_eq!(lost, name == "lossy" || name == "crash", "{name}");
        let down: Vec<_> = drawing.whiles.iter().map(|it| (it.process, it.from, it.to)).collect();
        let expected = if name == "crash" { vec![(1, 200.0, 400.0)] } else { vec![] };
        assert_eq!(down, expected, "{name}");
        let part = drawing.during(100.0, 110.0);
        assert!(part.messages.len() < drawing.messages.len() && part.processes.len() == 3);
    }
}

/// A read of a majority takes two round trips: between regions, if the majority needs both.
#[test]
fn messages_between_regions_take_as_long_as_they_say() {
    let far = Distribution::deterministic(40.0);
    let near = Distribution::deterministic(1.0);
    let regions = |regions: &[&[usize]]| {
        let nodes = regions.iter().map(|region| region.len()).sum();
        let scenario = Scenario::nodes(nodes).latency(near.clone()).timeout(1000.0);
        scenario.regions(regions, far.clone()).survey(Abd::new, 2)
    };
    let both = regions(&[&[0, 1], &[2, 3]]);
    assert_eq!(both.latency(&[0, 1, 2, 3], 0.5).mean, 160.0);
    let one = regions(&[&[0, 1, 2], &[3, 4]]);
    assert_eq!(one.latency(&[0, 1, 2], 0.5).mean, 4.0);
    assert_eq!(one.latency(&[3, 4], 0.5).mean, 160.0);
}

/// One that sends itself messages without end.
struct Restless;

impl Replica for Restless {
    type Object = CounterSpec;
    type Message = ();

    fn start(&mut self, out: &mut Outbox<Self>) {
        out.send(out.node(), ());
    }

    fn call(&mut self, request: Request, _: CallOf<Self>, out: &mut Outbox<Self>) {
        out.refuse(request);
    }

    fn message(&mut self, _: usize, (): (), out: &mut Outbox<Self>) {
        out.send(out.node(), ());
    }
}

/// One that never answers, and one that panics.
struct Silent(bool);

impl Replica for Silent {
    type Object = CounterSpec;
    type Message = ();

    fn call(&mut self, _: Request, call: CallOf<Self>, _: &mut Outbox<Self>) {
        assert!(!self.0, "the reader's own words about {call}");
    }

    fn message(&mut self, _: usize, (): (), _: &mut Outbox<Self>) {}
}

#[test]
fn a_protocol_that_never_answers_comes_to_its_end_too() {
    let survey = Scenario::nodes(3).survey(|_| Silent(false), 5);
    assert_eq!(survey.availability(&[0, 1, 2]).mean, 0.0);
}

#[test]
fn what_finds_no_end_or_makes_no_sense_is_told_in_a_sentence() {
    let far = || Distribution::deterministic(40.0);
    type Case = (Box<dyn Fn()>, &'static str);
    let cases: Vec<Case> = vec![
        (
            Box::new(|| drop(Scenario::nodes(3).steps(10_000).survey(|_| Restless, 2))),
            "have not come to rest; does one send messages or set timers without end?",
        ),
        (
            Box::new(|| drop(Scenario::nodes(3).survey(|_| Silent(true), 2))),
            "the reader's own words",
        ),
        (
            Box::new(|| drop(Scenario::nodes(3).steps(0))),
            "Scenario::steps: a run needs at least 1 step",
        ),
        (
            Box::new(move || drop(Scenario::nodes(3).regions(&[&[0, 1], &[1, 2]], far()))),
            "Scenario::regions: node 1 is named twice",
        ),
        (
            Box::new(move || drop(Scenario::nodes(3).regions(&[&[0, 1]], far()))),
            "Scenario::regions: node 2 of 3 is not named",
        ),
    ];
    each_says(cases);
}
