//! What time it is: clocks that are set by others, and commit wait, against closed forms and
//! definitions.

#[path = "common/said.rs"]
mod said;

use pillars_models::sim::{Estimate, Stream};
use pillars_models::truth::time::{
    ClockSync, CommitWait, Committed, TimeExchange, TimeSources, Uncertainty, filtered_error,
    marzullo,
};
use said::each_says;

/// How many runs there are: `RUNS=1000` for the whole.
fn runs() -> usize {
    std::env::var("RUNS").map_or(100, |text| text.parse().unwrap())
}

/// An honest interval covers the truth in 19 of 20 cases; three times as wide it nearly always
/// does.
fn near(what: &str, measured: Estimate, truth: f64) {
    assert!(
        (measured.mean - truth).abs() <= 3.0 * measured.half_width.max(1e-9),
        "{what}: {measured}, and by the formula {truth}"
    );
}

#[test]
fn an_exchange_by_hand() {
    let exchange = TimeExchange { t0: 100.0, t1: 158.0, t2: 160.0, t3: 122.0 };
    // 8 there and 12 back where the server is 50 ahead.
    assert_eq!((exchange.offset(), exchange.round_trip()), (48.0, 20.0));
    assert_eq!((exchange.error_bound(), exchange.error_bound_above(8.0)), (10.0, 2.0));
}

#[test]
fn synchronisation_is_off_by_what_the_formulas_say() {
    // Two ways, drift in ppm.
    for (there, back, ppm) in [(5.0, 5.0, 0.0), (30.0, 10.0, 0.0), (5.0, 25.0, 20.0)] {
        let sync = ClockSync::ways(there, back).clock(50.0, ppm);
        let survey = sync.survey(runs());
        let what = format!("{there} there, {back} back, {ppm} ppm");
        assert_eq!(sync.bias(), (there - back) / 2.0);
        near(&what, survey.after, sync.bias());
        near(&what, survey.before, sync.bias_before());
        near(&what, survey.bound, (there + back + 4.0) / 2.0);
        assert_eq!(survey.within_bound.mean, 1.0, "{what}");
    }
    // A mean of 2 ms: off by 2/2 ms with one exchange.
    assert!((filtered_error(2.0, 1) - 1.0).abs() < 1e-12);
    for samples in [1, 2, 4, 8, 16] {
        let survey = ClockSync::ways(5.0, 5.0).samples(samples).survey(runs());
        near(&format!("{samples} samples"), survey.magnitude, filtered_error(2.0, samples));
    }
    // Many samples do not help against ways that differ.
    let survey = ClockSync::ways(30.0, 10.0).samples(16).survey(runs());
    near("16 samples", survey.after, 10.0);
    // Who learns the rate is hardly off before a poll either.
    let drifting = ClockSync::ways(5.0, 5.0).clock(0.0, 50.0).polls(200);
    assert!((drifting.bias_before() - 3.2).abs() < 1e-12);
    let drifting_set = drifting.survey(runs());
    near("drifts", drifting_set.before, 3.2);
    let learnt = drifting.learns_rate(0.3).survey(runs());
    assert!(learnt.before.mean.abs() < 0.05, "{}", learnt.before);
    // That is the mean of both signs: what one sees at a time is more, and not less than after.
    assert!(learnt.before_magnitude.low() > learnt.magnitude.high());
    assert!((0.3..3.0).contains(&learnt.before_magnitude.mean), "{}", learnt.before_magnitude);
    let set = drifting_set.before_magnitude;
    assert!((set.mean - 3.2).abs() < 0.2, "{set}");
}

/// Against the definition: the hull of all ends that enough intervals have.
#[test]
fn intersections_are_those_of_the_definition() {
    let mut stream = Stream::new(5, 0, "sources");
    for _ in 0..20 * runs() {
        let count = 1 + stream.below(6);
        let mut whole = |to: usize| stream.below(to) as f64;
        let sources: Vec<(f64, f64)> = (0..count).map(|_| (whole(12), whole(4))).collect();
        for faulty in 0..count.div_ceil(2) {
            let votes = |time: f64| {
                sources.iter().filter(|(it, bound)| (time - it).abs() <= *bound).count()
            };
            let ends = sources.iter().flat_map(|(it, bound)| [it - bound, it + bound]);
            let enough: Vec<f64> = ends.filter(|time| votes(*time) >= count - faulty).collect();
            let hull =
                enough.iter().copied().reduce(f64::min).zip(enough.into_iter().reduce(f64::max));
            let found = marzullo(&sources, faulty);
            assert_eq!(found.as_ref().map(|it| (it.low, it.high)), hull, "{sources:?}, {faulty}");
            if let Some(found) = found {
                for (at, (it, bound)) in sources.iter().enumerate() {
                    let misses = it + bound < found.low || it - bound > found.high;
                    assert_eq!(found.outvoted.contains(&at), misses);
                }
            }
        }
    }
    // 8 to 12, 11 to 13, 14 to 15: two agree on 11 to 12.
    let found = marzullo(&[(10.0, 2.0), (12.0, 1.0), (14.5, 0.5)], 1).unwrap();
    assert_eq!((found.low, found.high, found.outvoted), (11.0, 12.0, vec![2]));
    assert_eq!(marzullo(&[(10.0, 2.0), (12.0, 1.0), (14.5, 0.5)], 0), None);
}

#[test]
fn falsetickers_are_outvoted() {
    for (servers, liars) in [(3, 1), (5, 2), (7, 3)] {
        let survey = TimeSources::servers(servers).falsetickers(liars, 500.0).survey(runs());
        assert_eq!((survey.holds.mean, survey.outvoted.mean), (1.0, 1.0), "{servers}");
        assert!(survey.by_intersection.high() < 5.0);
        near("the mean", survey.by_mean, 500.0 * liars as f64 / servers as f64);
    }
    // One that is off by less than the bounds pulls, and the true time is still within.
    let sly = TimeSources::servers(4).falsetickers(1, 12.0).survey(runs());
    assert_eq!(sly.holds.mean, 1.0);
    assert!(sly.outvoted.mean < 1.0);
    // Nobody lies: all agree.
    let honest = TimeSources::servers(4).survey(runs());
    assert_eq!((honest.holds.mean, honest.outvoted.mean), (1.0, 0.0));
}

/// The least agreement that is needed matters: who trusts the largest majority may be deceived.
#[test]
fn a_falseticker_among_the_majority_deceives_who_does_not_allow_for_it() {
    // The true time is 0; the last source is wrong and overlaps both others.
    let sources = [(-1.0, 1.5), (1.0, 1.5), (0.9, 0.4)];
    let trusting = marzullo(&sources, 0).unwrap_or_else(|| panic!("they overlap"));
    assert!(trusting.low > 0.0);
    let careful = marzullo(&sources, 1).unwrap();
    assert!(careful.low <= 0.0 && 0.0 <= careful.high);
}

#[test]
fn commit_wait_is_twice_the_uncertainty() {
    for eps in [1.0, 2.0, 5.0, 10.0] {
        let survey = CommitWait::nodes(3).uncertainty(eps).survey(runs());
        assert!((survey.latency.mean - 2.0 * eps).abs() < 1e-6, "{}", survey.latency);
        assert_eq!(survey.violations.mean, 0.0);
        let row = CommitWait::nodes(3).uncertainty(eps);
        assert!((row.row_throughput(10).mean - 500.0 / eps).abs() < 1e-3);
        assert!((row.row_limit() - 500.0 / eps).abs() < 1e-9);
    }
    let Uncertainty::SawTooth { least, most, period } = Uncertainty::SPANNER else { panic!() };
    let spanner = CommitWait::nodes(5).saw_tooth(least, most, period).gap(1_000.0);
    assert_eq!((Uncertainty::SPANNER.mean(), spanner.mean_latency()), (4.0, 8.0));
    let survey = spanner.survey(runs());
    near("the saw-tooth", survey.latency, 8.0);
    assert_eq!(survey.violations.mean, 0.0);
    let without = spanner.clone().gap(0.0).without_wait().survey(runs());
    assert!(without.violations.low() > 0.3);
    // On one row there are more commits while the uncertainty is small: by more than 1000 / 8.
    let row = CommitWait::nodes(2).saw_tooth(1.0, 7.0, 30_000.0).transactions(50_000);
    assert!((row.row_limit() - 1e3 * 7f64.ln() / 12.0).abs() < 1e-9);
    near("a row", row.row_throughput(20), row.row_limit());
    for work in [1.0, 6.0, 20.0] {
        let case = spanner.clone().work(work);
        near(&format!("work {work}"), case.survey(runs()).latency, case.mean_latency());
        let row = row.clone().work(work);
        near(&format!("a row, work {work}"), row.row_throughput(20), row.row_limit());
    }
    // A third of the time the work of 6 ms takes longer, else the wait, 10 ms on average.
    let mixed = 6.0 / 3.0 + 10.0 * 2.0 / 3.0;
    assert!((spanner.clone().work(6.0).mean_latency() - mixed).abs() < 1e-9);
    // What takes longer than the wait hides it.
    let slow = CommitWait::nodes(3).work(20.0).survey(10);
    assert!((slow.latency.mean - 20.0).abs() < 1e-6 && slow.violations.mean == 0.0);
}

/// Without the wait, or with an uncertainty that is understated, by the formula.
#[test]
fn violations_are_as_many_as_the_formula_says() {
    let base = || CommitWait::nodes(4).uncertainty(4.0);
    let cases = [
        ("no gap", base().without_wait()),
        ("gap", base().without_wait().gap(3.0)),
        ("long gap", base().without_wait().gap(40.0)),
        ("work", base().without_wait().work(2.0).gap(1.0)),
        ("understated", base().really_off(2.0)),
        ("understated with gap", base().really_off(3.0).gap(2.0)),
        ("overstated", base().really_off(0.5).without_wait()),
    ];
    for (what, case) in cases {
        let rate = case.violation_rate().unwrap();
        assert!(rate > 0.0, "{what}");
        near(what, case.transactions(50).survey(10 * runs()).violations, rate);
    }
    assert!((base().without_wait().violation_rate().unwrap() - 0.5).abs() < 1e-12);
    assert_eq!(base().violation_rate(), Some(0.0));
    assert_eq!(base().work(8.0).without_wait().violation_rate(), Some(0.0));
    assert_eq!(base().saw_tooth(1.0, 7.0, 30_000.0).violation_rate(), None);
}

/// External consistency over all pairs, by the definition, with many clients at once.
#[test]
fn the_wait_makes_all_transactions_externally_consistent() {
    let definition = |all: &[Committed]| {
        all.iter()
            .all(|a| all.iter().all(|b| a.acknowledged >= b.started || a.timestamp < b.timestamp))
    };
    // The clients of a run begin within 30 s: with small gaps they would not meet.
    let base = || CommitWait::nodes(5).clients(6).transactions(30).gap(300.0);
    let cases = [
        (base(), true),
        (base().saw_tooth(1.0, 7.0, 3_000.0), true),
        (base().really_off(0.9), true),
        (base().without_wait().gap(0.5), false),
        (base().really_off(10.0).gap(1.0), false),
        (base().saw_tooth(1.0, 7.0, 3_000.0).without_wait().gap(0.5), false),
    ];
    for (number, (case, holds)) in cases.iter().enumerate() {
        let mut broken = 0;
        for run in 0..runs() as u64 / 2 {
            let all = case.run(run);
            let is_consistent = Committed::externally_consistent(&all);
            assert_eq!(is_consistent, definition(&all), "case {number}, run {run}");
            broken += usize::from(!is_consistent);
        }
        assert_eq!(broken == 0, *holds, "case {number}: {broken} runs broken");
    }
}

/// ε(t) is what a clock says after so long, and its mean is the mean.
#[test]
fn the_uncertainty_is_a_curve() {
    let tooth = Uncertainty::SPANNER;
    assert_eq!((tooth.at(0.0), tooth.at(15_000.0), tooth.at(30_000.0)), (1.0, 4.0, 1.0));
    assert!((tooth.at(-1.0) - 6.9998).abs() < 1e-9 && tooth.at(29_999.0) < 7.0);
    assert_eq!(Uncertainty::Constant(3.0).at(12.5), 3.0);
    for it in [tooth, Uncertainty::Constant(2.5)] {
        let sum: f64 = (0..3_000).map(|step| it.at(20.0 * f64::from(step) + 10.0)).sum();
        assert!((sum / 3_000.0 - it.mean()).abs() < 1e-9, "{it:?}");
    }
}

#[test]
fn a_run_is_a_function_of_its_seed() {
    let wait = CommitWait::nodes(3).saw_tooth(1.0, 7.0, 30_000.0);
    assert_eq!(wait.run(1), wait.run(1));
    assert_eq!(ClockSync::ways(1.0, 2.0).survey(5), ClockSync::ways(1.0, 2.0).survey(5));
}

#[test]
fn what_makes_no_sense_is_told() {
    let case = |run: fn(), told| (Box::new(run) as Box<dyn Fn()>, told);
    each_says([
        case(|| _ = ClockSync::ways(-1.0, 0.0), "the way there must be a number of at least 0"),
        case(|| _ = ClockSync::ways(1.0, 0.0).samples(0), "from 1 to 1000 exchanges a poll"),
        case(|| _ = ClockSync::ways(1.0, 0.0).polls(1), "from 2 to 100000 polls"),
        case(|| _ = ClockSync::ways(1.0, 0.0).clock(f64::NAN, 0.0), "ahead by a number"),
        case(|| _ = marzullo(&[], 0), "ask at least 1 sources"),
        case(|| _ = marzullo(&[(0.0, 1.0), (0.0, 1.0)], 1), "these are 1 of 2"),
        case(|| _ = marzullo(&[(0.0, -1.0)], 0), "source 0 is (0, -1)"),
        case(|| _ = TimeSources::servers(4).falsetickers(2, 1.0), "fewer than half of the 4"),
        case(|| _ = CommitWait::nodes(1), "from 2 to 1000 nodes"),
        case(|| _ = CommitWait::nodes(2).uncertainty(0.0), "the uncertainty must be a positive"),
        case(|| _ = CommitWait::nodes(2).saw_tooth(7.0, 1.0, 30.0), "grow from 7 to something"),
        case(|| _ = CommitWait::nodes(2).transactions(1), "at least 2 transactions"),
        case(
            || _ = CommitWait::nodes(2).without_wait().row_limit(),
            "a commit takes no time, and there is no limit; give some work",
        ),
    ]);
}
