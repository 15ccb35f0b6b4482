//! Protocols on the simulated cluster: what each promises, healthy and cut, and what its clients
//! saw in many runs.

#[path = "common/said.rs"]
mod said;

use pillars::experiment::{HistoryTimeline as _, SurveyTimeline as _};
use pillars::prelude::{
    Abd, CallOf, Checker, CounterCall, CounterReply, CounterSpec, Dynamo, History, KeyValueCall,
    LastWriterWins, MergingCounter, MergingRegister, MergingSet, MultiValueReply, Outbox, Outcome,
    RegisterReply, Replica, Request, Scenario, Survey, Workload,
};
use said::each_says;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

const MINORITY: [usize; 2] = [0, 1];
const MAJORITY: [usize; 3] = [2, 3, 4];

fn cut() -> Scenario {
    Scenario::nodes(5).keys(2).partition(&[&MINORITY, &MAJORITY], 300.0..700.0)
}

/// How many runs there are: `RUNS=1000` for the whole.
fn runs() -> usize {
    std::env::var("RUNS").map_or(60, |text| text.parse().unwrap())
}

/// Linearizable runs, requests answered at the minority and at the majority, stale reads, changes
/// lost, runs that agree in the end: between which bounds.
type Promise = [RangeInclusive<f64>; 6];

fn keeps<O: Workload>(name: &str, survey: &Survey<O>, promise: &Promise) {
    let measured = [
        survey.linearizable(),
        survey.availability(&MINORITY),
        survey.availability(&MAJORITY),
        survey.stale_reads(),
        survey.lost(),
        survey.converged(),
    ]
    .map(|estimate| estimate.mean);
    for (at, (value, bounds)) in measured.iter().zip(promise).enumerate() {
        assert!(bounds.contains(value), "{name}, promise {at}: {measured:?}");
    }
}

fn both<R: Replica>(
    name: &str,
    replica: impl Fn(usize) -> R + Sync + Copy,
    healthy: &Promise,
    troubled: &Promise,
) {
    keeps(&format!("{name}, healthy"), &cut().healthy().survey(replica, runs()), healthy);
    keeps(&format!("{name}, cut"), &cut().survey(replica, runs()), troubled);
}

const ALL: RangeInclusive<f64> = 1.0..=1.0;
const NONE: RangeInclusive<f64> = 0.0..=0.0;
const ANY: RangeInclusive<f64> = 0.0..=1.0;
const MOST: RangeInclusive<f64> = 0.99..=1.0;
const FEW: RangeInclusive<f64> = 0.0..=0.1;

/// The table of promises: a row for each protocol, healthy and cut.
#[test]
fn every_protocol_keeps_its_promises() {
    let perfect = [ALL, ALL, ALL, NONE, NONE, ALL];
    both("majority", Abd::new, &perfect, &[ALL, FEW, MOST, NONE, NONE, ALL]);
    let impatient = |node| Abd::new(node).impatient(50.0);
    both("impatient", impatient, &perfect, &[FEW, MOST, MOST, ANY, ANY, ALL]);
    let at_once = [NONE, ALL, ALL, 0.01..=0.4, ANY, ALL];
    both("last writer", LastWriterWins::new, &at_once, &at_once);
    let dynamo = |_: usize| Dynamo::new(3, 2, 2);
    both("dynamo", dynamo, &[ANY, ALL, ALL, ANY, ANY, ALL], &[ANY, 0.1..=0.8, ANY, ANY, ANY, ALL]);
    let sloppy = |_: usize| Dynamo::new(3, 2, 2).sloppy();
    both("sloppy", sloppy, &[ANY, ALL, ALL, ANY, ANY, ALL], &[FEW, MOST, MOST, ANY, ANY, ALL]);
    // What merges loses nothing, cut or not; and is not linearizable, cut or not.
    let merging = [FEW, ALL, ALL, NONE, NONE, ALL];
    both("counter", MergingCounter::new, &merging, &merging);
    both("set", MergingSet::new, &merging, &merging);
    let merging = [FEW, ALL, ALL, 0.01..=0.4, NONE, ALL];
    both("register", MergingRegister::new, &merging, &merging);
}

/// Majorities stay linearizable whatever happens to messages, clocks and (with their disks) nodes.
#[test]
fn majorities_are_linearizable_under_every_fault() {
    let base = || Scenario::nodes(5).keys(2).clients(10).think(10.0);
    let scenarios = [
        base(),
        base().loss(0.1).duplication(0.1),
        base().isolate(0, 200.0..600.0).isolate(3, 500.0..900.0),
        base().one_way(&[0], &[1, 2, 3, 4], 200.0..800.0),
        base().bridge([&[0, 1, 2], &[2, 3, 4]], 200.0..800.0),
        base().crash(0, 200.0..500.0).crash(1, 300.0..800.0).crash(2, 600.0..700.0),
        base().pause(0, 100.0..400.0).pause(1, 300.0..700.0),
        base().clock(0, 500.0, 0.1).clock(1, -500.0, -0.1),
    ];
    for (number, scenario) in scenarios.iter().enumerate() {
        let survey = scenario.survey(Abd::new, runs() / 2);
        assert_eq!(survey.linearizable().mean, 1.0, "scenario {number}");
        assert_eq!(survey.lost().mean, 0.0, "scenario {number}");
    }
}

/// What is left out is found: overlapping quorums alone are not linearizable.
#[test]
fn reads_must_write_back() {
    let busy = Scenario::nodes(5).clients(10).think(5.0).reads(0.7);
    let with = busy.survey(Abd::new, 40);
    let without = busy.survey(|node| Abd::new(node).without_write_back(), 40);
    assert_eq!(with.linearizable().mean, 1.0);
    assert!(without.linearizable().high() < 1.0 && without.counterexample().is_some());
    // Quorums that do not meet are worse.
    let apart = busy.survey(|_| Abd::with_quorums(2, 2), 40);
    assert!(apart.linearizable().mean < without.linearizable().mean);
}

/// A clock that is ahead makes the last writer lose what others were told is done.
#[test]
fn a_clock_that_is_ahead_loses_writes() {
    let skewed = Scenario::nodes(5).clock(0, 200.0, 0.0).survey(LastWriterWins::new, 40);
    let sound = Scenario::nodes(5).survey(LastWriterWins::new, 40);
    assert!(skewed.lost().low() > 0.0 && sound.lost().mean == 0.0);
    // Majorities do not ask clocks.
    let majority = Scenario::nodes(5).clock(0, 200.0, 0.0).survey(Abd::new, 40);
    assert_eq!((majority.linearizable().mean, majority.lost().mean), (1.0, 0.0));
}

/// Hints alone bring all copies together: each home that did not take a write gets it, also of
/// writes that enough others took.
#[test]
fn each_silent_home_is_left_a_hint() {
    let strict = |_: usize| Dynamo::new(3, 1, 2).without_repair();
    let sloppy = |_: usize| Dynamo::new(3, 1, 2).sloppy().without_repair();
    let base = || Scenario::nodes(5).keys(5);
    let scenarios = [
        base().partition(&[&MINORITY, &MAJORITY], 300.0..1000.0),
        base().isolate(2, 300.0..1000.0),
        base().crash(2, 300.0..1000.0),
        base().pause(2, 300.0..1000.0),
    ];
    for (number, scenario) in scenarios.iter().enumerate() {
        let with = scenario.survey(sloppy, runs());
        assert_eq!(with.converged().mean, 1.0, "scenario {number}");
        assert_eq!(with.lost().mean, 0.0, "scenario {number}");
        // A node that stands still misses nothing: messages wait for it.
        let without = scenario.survey(strict, runs()).converged();
        assert_eq!(without.mean == 1.0, number == 3, "scenario {number}: {without}");
    }
    // Where messages are lost all homes agree too; but a read that hears from none of them asks
    // stand-ins, who have handed over what they had.
    let lossy = base().loss(0.1).survey(sloppy, runs());
    for run in lossy.runs() {
        for (key, reads) in run.history.convergence(run.settled).disagreed {
            let told = |it: &usize| run.history.operations()[*it].reply();
            let nothing = Some(&RegisterReply::Value(None));
            let is_of_nothing = reads.iter().any(|it| told(it) == nothing);
            assert!(reads.len() == 2 && is_of_nothing, "run {}, key {key}: {reads:?}", run.run);
        }
    }
    assert!(lossy.converged().mean > 0.8, "{}", lossy.converged());
    assert!(base().loss(0.1).survey(strict, runs()).converged().mean < 0.5);
}

/// A register that keeps several values loses none to clocks: each acknowledged write is there in
/// the end, or somebody who knew it has replaced it. What both sides of a cut wrote is told.
#[test]
fn a_register_that_merges_needs_no_clock() {
    let skewed = cut().clock(0, 200.0, 0.0).clock(3, 0.0, 0.2);
    let survey = skewed.survey(MergingRegister::new, runs());
    assert_eq!((survey.lost().mean, survey.converged().mean), (0.0, 1.0));
    let disk = Scenario::nodes(5).keys(2).crash_and_lose_disk(0, 300.0..400.0);
    assert_eq!(disk.survey(MergingRegister::new, runs()).converged().mean, 1.0);
    let told_two = |scenario: Scenario| {
        let survey = scenario.survey(MergingRegister::new, runs());
        let of_two = |run: &&Outcome<_>| {
            let history: &History<_, _> = &run.history;
            history.operations().iter().any(|read| {
                let several = |values: &BTreeSet<i64>| values.len() > 1;
                let is_final = read.invoked >= run.settled;
                is_final && matches!(read.reply(), Some(MultiValueReply::Values(it)) if several(it))
            })
        };
        survey.runs().iter().filter(of_two).count() as f64 / runs() as f64
    };
    let apart = || Scenario::nodes(5).partition(&[&MINORITY, &MAJORITY], 300.0..1000.0);
    let (cut, healthy) = (told_two(apart()), told_two(apart().healthy()));
    assert!(cut > 0.95 && healthy < 0.5, "{cut} {healthy}");
}

/// A disk that is lost takes with it what only a majority had; one that is kept does not.
#[test]
fn disks_matter() {
    let write = |survey: &Survey<_>| survey.lost().mean;
    let base = || Scenario::nodes(3).clients(3).reads(0.0).keys(50).think(2.0).until(500.0);
    let kept = base().crash(0, 200.0..210.0).crash(1, 230.0..240.0).survey(Abd::new, 40);
    let lost = base()
        .crash_and_lose_disk(0, 200.0..210.0)
        .crash_and_lose_disk(1, 230.0..240.0)
        .survey(Abd::new, 40);
    assert_eq!(write(&kept), 0.0);
    assert!(write(&lost) > 0.0);
}

/// A protocol written as a reader would: a counter that loses increments.
struct Naive(i64);

impl Replica for Naive {
    type Object = CounterSpec;
    type Message = i64;

    fn call(&mut self, request: Request, call: CallOf<Self>, out: &mut Outbox<Self>) {
        match call {
            CounterCall::Read => out.reply(request, CounterReply::Value(self.0)),
            CounterCall::Add(amount) => {
                self.0 += amount;
                out.broadcast(self.0);
                out.reply(request, CounterReply::Added);
            }
        }
    }

    fn message(&mut self, _: usize, told: i64, _: &mut Outbox<Self>) {
        self.0 = self.0.max(told);
    }
}

#[test]
fn a_naive_counter_loses_increments_and_one_that_merges_does_not() {
    let naive = cut().survey(|_| Naive(0), 40);
    assert!(naive.lost().low() > 0.0, "{}", naive.lost());
}

#[test]
fn a_run_is_a_function_of_its_seed_on_any_number_of_threads() {
    let told = |seed: u64, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| format!("{:?}", cut().loss(0.05).seed(seed).survey(Abd::new, 6).runs()))
    };
    assert_eq!(told(1, 1), told(1, 2));
    assert_ne!(told(1, 1), told(2, 1));
}

/// Requests and messages add up, and a healthy network loses none.
#[test]
fn what_is_sent_arrives_unless_something_is_wrong() {
    let healthy = Scenario::nodes(5).run(Abd::new, 0);
    assert!(healthy.messages.0 - healthy.messages.1 < 40, "{:?}", healthy.messages);
    let lossy = Scenario::nodes(5).loss(0.5).run(LastWriterWins::new, 0);
    let (sent, delivered) = lossy.messages;
    assert!((0.4..0.6).contains(&(delivered as f64 / sent as f64)), "{sent} {delivered}");
    let doubled = Scenario::nodes(5).duplication(1.0).run(LastWriterWins::new, 0);
    let (sent, delivered) = doubled.messages;
    assert!((1.9..=2.0).contains(&(delivered as f64 / sent as f64)), "{sent} {delivered}");
}

/// A drawing has a lane for each client, and what contradicts is marked in its words.
#[test]
fn a_counterexample_can_be_drawn() {
    let survey = cut().survey(|node| Abd::new(node).impatient(50.0), 20);
    let (run, _) = survey.counterexample().unwrap();
    let drawing = format!("{:?}", survey.timeline());
    assert!(drawing.contains("client 0") && drawing.contains("Offending"));
    let conflict = Checker::new().conflict(&pillars::prelude::KeyValueSpec, &run.history);
    assert!((2..8).contains(&conflict.len()), "{conflict:?}");
    let mut history = History::new();
    history.invoke(0, KeyValueCall::write(1, 5), 0.0).returns(0, RegisterReply::Written, 1.0);
    let drawing = format!("{:?}", history.timeline(&pillars::prelude::KeyValueSpec, "s"));
    assert!(drawing.contains("A linearizable history"));
}

#[test]
fn what_makes_no_sense_is_told_in_a_sentence() {
    let five = || Scenario::nodes(5);
    type Case = (Box<dyn Fn()>, &'static str);
    let cases: Vec<Case> = vec![
        (Box::new(|| drop(Scenario::nodes(0))), "from 1 to 1000 nodes, but there are 0"),
        (
            Box::new(move || drop(five().partition(&[&[0, 1], &[1, 2, 3, 4]], 0.0..1.0))),
            "node 1 is named twice",
        ),
        (
            Box::new(move || drop(five().partition(&[&[0, 1], &[2, 3]], 0.0..1.0))),
            "node 4 of 5 is not named",
        ),
        (
            Box::new(move || drop(five().partition(&[&[0, 1], &[2, 3, 9]], 0.0..1.0))),
            "numbered from 0, but node 9 is named",
        ),
        (Box::new(move || drop(five().crash(5, 0.0..1.0))), "node 5 is named"),
        (Box::new(move || drop(five().isolate(0, 5.0..5.0))), "begin at 0 or later and end after"),
        (Box::new(move || drop(five().loss(1.2))), "between 0 and 1, but it is 1.2"),
        (Box::new(move || drop(five().clock(0, 0.0, -1.0))), "its drift must be above -1"),
        (
            Box::new(move || drop(five().bridge([&[0, 1], &[2, 3]], 0.0..1.0))),
            "some node must be in both groups",
        ),
        (Box::new(move || drop(five().survey(Abd::new, 1))), "at least 2 runs"),
        (Box::new(|| drop(Dynamo::new(3, 4, 1))), "from 1 to N = 3"),
        (
            Box::new(move || drop(five().survey(Abd::new, 2).timeline())),
            "all 2 runs are linearizable",
        ),
    ];
    each_says(cases);
}
