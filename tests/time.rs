//! Which event came before which: logical clocks against happened-before, versions against causal
//! histories, snapshots against the money that there is.

#[path = "common/said.rs"]
mod said;

use pillars_models::truth::time::{
    Action, DottedVersion, Execution, HybridClock, HybridTime, LamportClock, LogicalClock, Put,
    RandomExecution, Replicated, SharedKey, SnapshotBy, Transfers, VectorClock, VectorTime,
    VersionVector, Versioning,
};
use said::each_says;
use std::collections::BTreeSet;

/// How many runs there are: `RUNS=1000` for the whole.
fn runs() -> usize {
    std::env::var("RUNS").map_or(100, |text| text.parse().unwrap())
}

fn lamport(run: &Execution) -> Vec<u64> {
    run.stamp(|_| LamportClock::new())
}

fn vectors(run: &Execution) -> Vec<VectorTime> {
    run.stamp(|process| VectorClock::new(process, run.processes()))
}

/// Happened-before by the definition: search from each event along its process and its message.
fn reached(run: &Execution, from: usize) -> Vec<bool> {
    let events = run.events();
    let mut seen = vec![false; events.len()];
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        let process = events[at].process;
        let next = (at + 1..events.len()).find(|other| events[*other].process == process);
        let told = match events[at].action {
            Action::Sends(message) => run.messages()[message].received,
            _ => None,
        };
        for other in [next, told].into_iter().flatten() {
            if !std::mem::replace(&mut seen[other], true) {
                open.push(other);
            }
        }
    }
    seen
}

fn executions() -> impl Iterator<Item = Execution> {
    (0..runs() as u64).map(|number| {
        RandomExecution::processes(2 + number as usize % 6)
            .until(60.0)
            .loss(0.1)
            .clocks(20.0, 10_000.0)
            .seed(3)
            .run(number)
    })
}

#[test]
fn happened_before_is_the_transitive_closure() {
    for run in executions() {
        let before = run.happens_before();
        for a in 0..run.events().len() {
            let reached = reached(&run, a);
            for (b, reached) in reached.into_iter().enumerate() {
                assert_eq!(before.precedes(a, b), reached, "{a} and {b}");
                let concurrent = a != b && !before.precedes(a, b) && !before.precedes(b, a);
                assert_eq!(before.concurrent(a, b), concurrent);
            }
        }
    }
}

/// Lamport, 1978, figure 1 in small: by hand.
#[test]
fn stamps_by_hand() {
    let mut run = Execution::of(3);
    run.acts(0, 1.0);
    let m = run.sends(0, 1, 2.0);
    run.acts(2, 3.0);
    run.receives(m, 4.0);
    let n = run.sends(1, 2, 5.0);
    run.receives(n, 6.0);
    let lost = run.sends(2, 0, 7.0);
    assert_eq!(lamport(&run), [1, 2, 1, 3, 4, 5, 6]);
    let shown: Vec<String> = vectors(&run).iter().map(VectorTime::to_string).collect();
    let by_hand = ["[1 0 0]", "[2 0 0]", "[0 0 1]", "[2 1 0]", "[2 2 0]", "[2 2 2]", "[2 2 3]"];
    assert_eq!(shown, by_hand);
    let drawn = run.space_time(&shown);
    assert_eq!((drawn.events.len(), drawn.messages.len()), (7, 3));
    assert_eq!(drawn.messages[lost].arrived, None);
    assert_eq!(drawn.messages[m].arrived, Some(4.0));
    assert_eq!((run.cut_at(&[2.0, 4.5, 0.0]), run.under_way(&[2, 0, 0])), (vec![2, 1, 0], vec![m]));
    assert!(run.is_consistent(&[2, 1, 0]) && !run.is_consistent(&[1, 1, 0]));
}

/// Lamport's stamps never contradict happened-before, and say more than it; vectors say exactly it.
#[test]
fn lamport_is_sound_and_vectors_are_exact() {
    let mut invented = 0;
    for run in executions() {
        let order = run.compare(&lamport(&run));
        assert!(order.is_sound());
        invented += order.invented;
        assert!(run.compare(&vectors(&run)).is_exact());
    }
    assert!(invented > 0, "Lamport's stamps say no more than happened-before");
}

/// The control: a clock that does not listen is caught, and so are physical clocks.
/// Against all pairs.
#[test]
fn the_longest_tie_is_the_farthest_pair_with_one_stamp() {
    for run in executions() {
        let (stamps, times) = (lamport(&run), run.events());
        let pairs = (0..stamps.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
        let ties = pairs.filter(|(a, b)| stamps[*a] == stamps[*b]);
        let longest = ties.map(|(a, b)| times[b].time - times[a].time).fold(0.0, f64::max);
        assert_eq!(run.longest_tie(&stamps), longest);
        assert_eq!(run.longest_tie(&vectors(&run)), 0.0, "no two events have one vector");
    }
}

#[test]
fn a_clock_that_does_not_listen_is_not_sound() {
    #[derive(Clone)]
    struct Deaf(u64);
    impl LogicalClock for Deaf {
        type Stamp = u64;
        fn tick(&mut self, _: f64) -> u64 {
            self.0 += 1;
            self.0
        }
        fn receive(&mut self, _: &u64, physical: f64) -> u64 {
            self.tick(physical)
        }
    }
    let (mut deaf, mut physical) = (0, 0);
    for run in executions() {
        deaf += usize::from(!run.compare(&run.stamp(|_| Deaf(0))).is_sound());
        physical += usize::from(!run.compare(&run.readings()).is_sound());
        let perfect = RandomExecution::processes(3).run(run.events().len() as u64);
        assert!(perfect.compare(&perfect.readings()).is_sound());
    }
    assert!(deaf > runs() / 2 && physical > runs() / 2, "{deaf} and {physical} of {}", runs());
}

/// Kulkarni et al., 2014: theorems 1 to 4 and corollaries 1 and 2, on clocks that are off.
#[test]
fn hybrid_clocks_keep_their_bounds() {
    for tick in [0.01, 1.0, 5.0] {
        let mut ahead_of_own = 0;
        for run in executions() {
            let stamps: Vec<HybridTime> = run.stamp(|_| HybridClock::new(tick));
            assert!(run.compare(&stamps).is_sound());
            let before = run.happens_before();
            let own: Vec<i64> =
                run.events().iter().map(|event| (event.clock / tick).floor() as i64).collect();
            let eps = (run.greatest_skew() / tick).ceil() as i64;
            for (f, stamp) in stamps.iter().enumerate() {
                let past: Vec<usize> = (0..f).filter(|g| before.precedes(*g, f)).collect();
                assert!(own[f] <= stamp.l && stamp.l - own[f] <= eps, "{stamp} at {}", own[f]);
                // l is the greatest clock that the event knows of.
                let known = past.iter().map(|g| own[*g]).max().unwrap_or(i64::MIN).max(own[f]);
                assert_eq!(stamp.l, known);
                // c counts at most the events of its past with the same l.
                let same = past.iter().filter(|g| stamps[**g].l == stamp.l).count();
                assert!(stamp.c <= same as u64);
                // Monotone at each process.
                let process = run.events()[f].process;
                let last = past.iter().rfind(|g| run.events()[**g].process == process);
                assert!(last.is_none_or(|last| stamps[*last] < *stamp));
                ahead_of_own += usize::from(stamp.l > own[f]);
                let error = stamp.l as f64 * tick - run.events()[f].time;
                // Each clock is off by at most 20 ms and 1 % of some 100 ms.
                assert!((-23.0 - tick..=23.0).contains(&error), "{error}");
            }
        }
        assert!(ahead_of_own > 0);
    }
}

/// Kulkarni et al., 2014, figure 6: by hand.
#[test]
fn a_hybrid_clock_by_hand() {
    let mut clock = HybridClock::new(1.0);
    let time = |l, c| HybridTime { l, c };
    assert_eq!(clock.tick(0.5), time(0, 0));
    assert_eq!(clock.tick(0.9), time(0, 1));
    assert_eq!(clock.receive(&time(10, 0), 1.0), time(10, 1));
    assert_eq!(clock.receive(&time(10, 4), 2.0), time(10, 5));
    assert_eq!(clock.receive(&time(3, 9), 2.0), time(10, 6));
    assert_eq!(clock.receive(&time(10, 9), 11.0), time(11, 0));
    assert_eq!(clock.tick(-5.0), time(11, 1));
}

/// Preguica et al., 2010, section 3: two clients write at one server after the same read.
#[test]
fn a_dot_tells_concurrent_writes_at_one_server() {
    let nothing = VersionVector::new();
    let first = DottedVersion::write(0, &nothing, &[]);
    let second = DottedVersion::write(0, &nothing, std::slice::from_ref(&first));
    assert_eq!((first.dot, second.dot), ((0, 1), (0, 2)));
    assert_eq!(first.partial_cmp(&second), None);
    // Who has read both replaces both; who has read the first alone, that alone.
    let both = DottedVersion::context(&[first.clone(), second.clone()]);
    assert_eq!(both, VersionVector::of(&[(0, 2)]));
    let third = DottedVersion::write(1, &both, &[]);
    assert!(first < third && second < third && third.to_string() == "(1:1) after {0:2}");
    let of_first = DottedVersion::context(std::slice::from_ref(&first));
    let fourth = DottedVersion::write(0, &of_first, &[first.clone(), second.clone()]);
    assert!(first < fourth && fourth.partial_cmp(&second).is_none() && fourth.dot == (0, 3));
    // Version vectors by servers say that the second came after the first.
    assert!(VersionVector::of(&[(0, 1)]) < VersionVector::of(&[(0, 2)]));
    assert!(VersionVector::of(&[(0, 1)]).partial_cmp(&VersionVector::of(&[(1, 1)])).is_none());
}

/// What is lost and what comes back, by versioning: stationary clients, and clients who roam.
#[test]
fn versions_are_kept_as_causal_histories_say() {
    let key = SharedKey::servers(3).clients(9);
    for versioning in [Versioning::CausalHistories, Versioning::Dotted] {
        for key in [key.clone(), key.clone().roaming(), key.clone().exchanges(0.8)] {
            let survey = key.survey(versioning, runs());
            let wrong = (survey.lost.mean, survey.resurrected.mean);
            assert_eq!(wrong, (0.0, 0.0), "{versioning:?}");
        }
    }
    let by = |versioning| key.survey(versioning, runs());
    let (server, writer) = (by(Versioning::PerServer), by(Versioning::LastWriter));
    assert!(server.lost.low() > 0.5 && writer.lost.low() > 0.5);
    let one = by(Versioning::OneVector);
    let dotted = by(Versioning::Dotted);
    assert!(one.lost.mean == 0.0 && one.resurrected.low() > 5.0);
    assert!(one.most_siblings.low() > 2.0 * dotted.most_siblings.high());
    let client = by(Versioning::PerClient);
    assert_eq!((client.lost.mean, client.resurrected.mean), (0.0, 0.0));
    assert!(key.clone().roaming().survey(Versioning::PerClient, runs()).lost.low() > 0.0);
    // Where clocks are wrong, writes of those who had seen the latest are lost too.
    let wrong = key.clone().skew(50.0).survey(Versioning::LastWriter, runs());
    assert!(wrong.lost.low() > 1.2 * writer.lost.high() && writer.resurrected.mean == 0.0);
    // Numbers kept: a dotted version has at most one for each server, and its dot.
    assert!(dotted.entries.high() < client.entries.low());
    let exact = by(Versioning::CausalHistories);
    assert!(client.entries.high() < exact.entries.low());
}

/// A versioning as a reader would write it: the last writer wins.
#[derive(Clone, Default)]
struct Last(Option<(f64, usize)>);

impl Replicated for Last {
    type Context = ();

    fn read(&self) -> (Vec<usize>, ()) {
        (self.0.iter().map(|(_, value)| *value).collect(), ())
    }

    fn write(&mut self, put: &Put, (): &()) {
        self.merge(&Self(Some((put.clock, put.number))));
    }

    fn merge(&mut self, other: &Self) {
        if other.0 > self.0 {
            self.0 = other.0;
        }
    }

    fn entries(&self) -> usize {
        usize::from(self.0.is_some())
    }
}

/// One that forgets to look at what its client had seen keeps everything.
#[derive(Clone, Default)]
struct Hoard(BTreeSet<usize>);

impl Replicated for Hoard {
    type Context = ();

    fn read(&self) -> (Vec<usize>, ()) {
        (self.0.iter().copied().collect(), ())
    }

    fn write(&mut self, put: &Put, (): &()) {
        self.0.insert(put.number);
    }

    fn merge(&mut self, other: &Self) {
        self.0.extend(&other.0);
    }

    fn entries(&self) -> usize {
        self.0.len()
    }
}

#[test]
fn a_readers_versioning_is_measured_as_the_others_are() {
    for key in [SharedKey::servers(3).skew(40.0), SharedKey::servers(2).roaming().seed(5)] {
        assert_eq!(key.run_with::<Last>(4), key.run(Versioning::LastWriter, 4));
        assert_eq!(key.survey_with::<Last>(20), key.survey(Versioning::LastWriter, 20));
    }
    let hoard = SharedKey::servers(3).writes(100).survey_with::<Hoard>(20);
    assert!(hoard.lost.mean == 0.0 && hoard.most_siblings.mean > 80.0);
    assert!(hoard.resurrected.low() > 50.0);
}

#[test]
fn markers_keep_the_total_and_clocks_do_not() {
    for accounts in [2, 3, 5] {
        let bank = Transfers::accounts(accounts);
        let survey = bank.survey(SnapshotBy::Markers, runs());
        assert_eq!((survey.right.mean, survey.consistent.mean), (1.0, 1.0));
        assert_eq!((survey.less.mean, survey.more.mean, survey.off_by.mean), (0.0, 0.0, 0.0));
    }
    let bank = Transfers::accounts(5).skew(20.0);
    let naive = bank.survey(SnapshotBy::Clocks, runs());
    assert!(naive.less.low() > 0.3 && naive.more.low() > 0.02, "{naive:?}");
    assert!(naive.consistent.high() < 0.5);
    // All at the same time: consistent, and short of what is under way.
    let at_once = bank.clone().skew(0.0).survey(SnapshotBy::Clocks, runs());
    assert_eq!((at_once.consistent.mean, at_once.more.mean), (1.0, 0.0));
    assert!(at_once.less.low() > 0.5);
    // Channels that do not keep the order break the markers.
    let overtaking = bank.every(3.0).overtaking().survey(SnapshotBy::Markers, runs());
    assert!(overtaking.right.high() < 0.5 && overtaking.consistent.high() < 0.95);
    assert!(overtaking.less.low() > 0.1 && overtaking.more.low() > 0.1);
}

/// Each snapshot against the run: what is under way, and by how much it is off.
#[test]
fn snapshots_hold_what_the_cut_says() {
    for number in 0..runs() as u64 {
        let bank = Transfers::accounts(2 + number as usize % 4);
        let snapshot = bank.snapshot(SnapshotBy::Markers, number);
        let accounts = snapshot.balances.len();
        assert_eq!(snapshot.markers.len(), accounts * (accounts - 1));
        let run = &snapshot.execution;
        let who = |event: usize| run.events()[event].process;
        let mut crossing: Vec<(usize, usize, u64)> = run
            .under_way(&snapshot.cut)
            .into_iter()
            .map(|it| (who(run.messages()[it].sent), run.messages()[it].to, snapshot.amounts[it]))
            .collect();
        let mut recorded = snapshot.under_way.clone();
        crossing.sort_unstable();
        recorded.sort_unstable();
        assert_eq!(recorded, crossing, "run {number}");
        assert_eq!(run.cut_at(&snapshot.times), snapshot.cut);
        let drawn = snapshot.space_time();
        assert_eq!(drawn.messages.len(), snapshot.amounts.len() + snapshot.markers.len());
        assert_eq!(drawn.events.iter().filter(|event| event.is_marked).count(), accounts);

        // Without the channels: what crosses the cut is lost, what crosses it backwards is made.
        let naive = bank.skew(20.0).snapshot(SnapshotBy::Clocks, number);
        let run = &naive.execution;
        let cut = &naive.cut;
        let mut seen = vec![0; accounts];
        let within: Vec<bool> = run
            .events()
            .iter()
            .map(|event| {
                seen[event.process] += 1;
                seen[event.process] <= cut[event.process]
            })
            .collect();
        let mut total = naive.money as i64;
        let mut is_consistent = true;
        for (message, amount) in run.messages().iter().zip(&naive.amounts) {
            let sent = within[message.sent];
            let received = message.received.is_some_and(|event| within[event]);
            total += *amount as i64 * (i64::from(received) - i64::from(sent));
            is_consistent &= sent || !received;
        }
        assert_eq!(naive.total() as i64, total, "run {number}");
        assert_eq!(naive.is_consistent(), is_consistent, "run {number}");
    }
}

#[test]
fn a_run_is_a_function_of_its_seed() {
    let base = || RandomExecution::processes(3).clocks(5.0, 100.0);
    assert_eq!(base().run(4), base().run(4));
    assert_ne!(base().run(4), base().run(5));
    assert_ne!(base().run(4), base().seed(2).run(4));
    let key = SharedKey::servers(2);
    assert_eq!(key.run(Versioning::Dotted, 1), key.run(Versioning::Dotted, 1));
    let bank = Transfers::accounts(3);
    assert_eq!(bank.snapshot(SnapshotBy::Markers, 2), bank.snapshot(SnapshotBy::Markers, 2));
    let measured = base().measure(10, |run| run.events().len() as f64);
    assert!(measured.mean > 20.0);
}

#[test]
fn what_makes_no_sense_is_told() {
    let case = |run: fn(), told| (Box::new(run) as Box<dyn Fn()>, told);
    each_says([
        case(|| _ = Execution::of(0), "Execution::of: there must be from 1 to 1000 processes"),
        case(|| _ = Execution::of(2).clock(2, 0.0, 0.0), "but process 2 is named"),
        case(|| _ = Execution::of(2).clock(0, 0.0, -1.0), "its drift must be above -1"),
        case(
            || _ = Execution::of(1).sends(0, 0, 1.0),
            "Execution::sends: process 0 sends to itself",
        ),
        case(
            || _ = Execution::of(1).receives(0, 1.0),
            "Execution::receives: 0 messages were sent, numbered from 0, but number 0 arrives",
        ),
        case(
            || {
                let mut run = Execution::of(2);
                let message = run.sends(0, 1, 1.0);
                run.receives(message, 2.0);
                run.receives(message, 3.0);
            },
            "message 0 has arrived already",
        ),
        case(
            || {
                let mut run = Execution::of(2);
                run.acts(0, 1.0);
                run.acts(1, 0.5);
            },
            "Execution::acts: events are written down in the order of time, but 0.5 comes after 1",
        ),
        case(
            || {
                let mut run = Execution::of(2);
                run.acts(0, 1.0);
                let _ = run.clock(0, 1.0, 0.0);
            },
            "set the clocks first",
        ),
        case(
            || _ = Execution::of(2).space_time(&["a"]),
            "there are 0 events and 1 stamps; give one for each event",
        ),
        case(
            || _ = Execution::of(2).is_consistent(&[0]),
            "a cut has one number for each of the 2 processes, but there are 1",
        ),
        case(|| _ = RandomExecution::processes(1), "from 2 to 1000 processes"),
        case(|| _ = RandomExecution::processes(2).every(0.0), "the mean time must be a positive"),
        case(|| _ = RandomExecution::processes(2).sends(2.0), "between 0 and 1, but it is 2"),
        case(|| _ = RandomExecution::processes(2).clocks(1.0, 1e6), "below 1000000 ppm"),
        case(
            || _ = RandomExecution::processes(9).every(1e-9).run(0),
            "there are 1000000 events at",
        ),
        case(
            || _ = RandomExecution::processes(9).every(0.01).run(0).happens_before(),
            "at most 10000 are compared, pair by pair; make a shorter run",
        ),
        case(|| _ = VectorClock::new(3, 3), "the clock is that of process 3"),
        case(|| _ = HybridClock::new(0.0), "the tick must be a positive number"),
        case(|| _ = SharedKey::servers(0), "from 1 to 100 servers"),
        case(|| _ = SharedKey::servers(2).exchanges(1.0), "at most 0.99 of the steps"),
        case(|| _ = SharedKey::servers(2).writes(0), "from 1 to 10000 writes"),
        case(
            || _ = SharedKey::servers(2).survey(Versioning::Dotted, 1),
            "SharedKey::survey: there must be at least 2 runs, but there are 1",
        ),
        case(|| _ = Transfers::accounts(1), "from 2 to 100 accounts"),
        case(|| _ = Transfers::accounts(2).skew(101.0), "at most half of the 200 ms"),
        case(
            || _ = Transfers::accounts(2).every(1e-9).snapshot(SnapshotBy::Markers, 0),
            "there are 1000000 steps at",
        ),
    ]);
}
