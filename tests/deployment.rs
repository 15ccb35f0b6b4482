//! Deployments, canaries and sequential tests against published values and simulation.

#[path = "common/columns.rs"]
mod columns;
#[path = "common/said.rs"]
mod said;

use columns::Named as _;
use pillars_models::operations::{
    Canary, CanaryDecision, Exposure, Looks, ProportionTest, Release, Rolling, Sprt,
    obrien_fleming, pocock, repeated_significance,
};
use pillars_models::sim::{Distribution, Estimate, Trials};
use said::each_says;

fn close(what: &str, measured: Estimate, exact: f64) {
    println!("{what}: {measured} and {exact:.5}");
    let is_same = (measured.mean - exact).abs() < 1e-9;
    assert!(is_same || measured.gap_in_bars(exact) < 2.0, "{what}: {measured} and {exact}");
}

/// Armitage, McPherson and Rowe (1969), table 2, 5 % at each look.
#[test]
fn peeking_is_as_wrong_as_published() {
    let published = [
        (1, 0.05),
        (2, 0.083),
        (3, 0.107),
        (4, 0.126),
        (5, 0.142),
        (10, 0.193),
        (20, 0.248),
        (50, 0.320),
        (100, 0.374),
    ];
    for (looks, share) in published {
        let found = repeated_significance(looks, 0.05);
        println!("{looks} {found:.4}");
        assert!((found - share).abs() < 6e-4, "{looks}: {found} and {share}");
    }
}

/// Pocock (1977); O'Brien and Fleming (1979), as in Jennison and Turnbull (2000), tables 2.1 and
/// 2.3, two-sided 5 %.
#[test]
fn the_constants_of_group_sequential_tests_are_the_published_ones() {
    for (looks, first, second) in [
        (1, 1.960, 1.960),
        (2, 2.178, 1.977),
        (3, 2.289, 2.004),
        (5, 2.413, 2.040),
        (10, 2.555, 2.087),
    ] {
        let found = (pocock(looks, 0.05), obrien_fleming(looks, 0.05));
        assert!((found.0 - first).abs() < 6e-4, "{looks}: {found:?}");
        assert!((found.1 - second).abs() < 6e-4, "{looks}: {found:?}");
    }
    // Both keep their level whatever the looks, and at 1 % too.
    assert!((Looks::pocock(4, 0.01).crossed(0.0) - 0.01).abs() < 1e-4);
    // A single look at the end is one look.
    assert!((Looks::at_the_end(5, 0.05).crossed(0.0) - 0.05).abs() < 1e-6);
}

#[test]
fn one_look_has_the_power_of_the_formula() {
    let trials = Trials::new(20, 700).seed(3);
    for (old, canary, n0, n1) in
        [(0.05, 0.05, 2000, 2000), (0.05, 0.07, 2000, 2000), (0.1, 0.13, 9000, 1000)]
    {
        let test = ProportionTest::new(old, canary, n0, n1);
        let run = test.simulate(trials);
        println!("{run} {}", test.power());
        // The normal approximation of binomial counts is right to about one per cent.
        assert!((run.mean - test.power()).abs() < 0.012 + run.half_width, "{run} {}", test.power());
    }
    // The textbooks' number for 10 % against 15 %, power 80 %: 686 in each arm.
    let needed = ProportionTest::new(0.10, 0.15, 1, 1).needed(0.8);
    assert_eq!(needed, 686);
    let power = ProportionTest::new(0.10, 0.15, needed, needed).power();
    assert!((power - 0.8).abs() < 0.002, "{power}");
}

#[test]
fn a_canary_that_is_looked_at_again_and_again() {
    let trials = Trials::new(20, 300).seed(6);
    for looks in [
        Looks::at_each(10, 0.05),
        Looks::pocock(10, 0.05),
        Looks::obrien_fleming(5, 0.05),
        Looks::at_the_end(10, 0.05),
    ] {
        // A share of a half: binomial counts are nearly normal.
        for canary in [0.5, 0.55] {
            let test = Canary::new(0.5, canary, 200, looks.clone());
            let run = test.simulate(trials);
            let (alarms, expected) = (test.alarms().unwrap(), test.expected_looks().unwrap());
            println!(
                "{:?} {} {alarms:.4}, {} {expected:.3}",
                looks.bounds().len(),
                run.alarms,
                run.looks
            );
            assert!((run.alarms.mean - alarms).abs() < 0.01 + 2.0 * run.alarms.half_width);
            assert!(
                (run.looks.mean - expected).abs() < 0.01 * expected + 2.0 * run.looks.half_width
            );
        }
    }
    // The same rule by a reader.
    let own = Canary::own(0.5, 0.55, 200, 10, |seen| {
        (seen.z().abs() > 2.5547).then_some(CanaryDecision::Alarm)
    });
    let own = own.simulate(trials).alarms;
    let theirs = Canary::new(0.5, 0.55, 200, Looks::pocock(10, 0.05)).simulate(trials).alarms;
    assert!((own.mean - theirs.mean).abs() < 0.002, "{own} {theirs}");
    assert_eq!(
        Canary::own(0.5, 0.5, 1, 1, |_| Some(CanaryDecision::Go)).simulate(trials).alarms.mean,
        0.0
    );
}

#[test]
fn wald_is_within_an_overshoot_of_the_truth() {
    let trials = Trials::new(20, 1000).seed(9);
    let test = Sprt::new(0.01, 0.02).errors(0.05, 0.1);
    // By hand, at the hypotheses: α and 1 - β.
    assert!((test.alarms(0.01) - 0.05).abs() < 1e-6 && (test.alarms(0.02) - 0.9).abs() < 1e-6);
    for p in [0.005, 0.01, 0.0144, 0.02, 0.03] {
        let run = test.simulate(p, trials);
        println!(
            "{p}: {} {:.4}, {} {:.0}",
            run.alarms,
            test.alarms(p),
            run.requests,
            test.requests(p)
        );
        // Sums that end beyond a bound: errors are smaller, and it takes somewhat longer.
        assert!((run.alarms.mean - test.alarms(p)).abs() < 0.06, "{p}");
        assert!((run.requests.mean / test.requests(p) - 1.0).abs() < 0.15, "{p}");
    }
    assert!(test.simulate(0.01, trials).alarms.low() < 0.05);
    // What Wald promises: the two errors together are no more than asked for.
    let (false_alarm, miss) =
        (test.simulate(0.01, trials).alarms.mean, 1.0 - test.simulate(0.02, trials).alarms.mean);
    assert!(false_alarm + miss < 0.15 + 0.01, "{false_alarm} {miss}");
    // Less than half of what a single look of the same errors needs in each arm.
    let single = ProportionTest::new(0.01, 0.02, 1, 1).level(0.1).needed(0.9) as f64;
    assert!(test.requests(0.02) < single, "{} {single}", test.requests(0.02));
    // Continuous where the drift changes its sign.
    let (failure, success) = ((2f64).ln(), (0.98f64 / 0.99).ln());
    let still = -success / (failure - success);
    for ask in [Sprt::alarms, Sprt::requests] {
        let (at, near) = (ask(&test, still), ask(&test, still * 1.0001));
        assert!((at / near - 1.0).abs() < 1e-2, "{at} {near}");
    }
}

#[test]
fn rolling_updates_keep_their_bounds() {
    let trials = Trials::new(10, 500);
    for (n, surge, unavailable) in
        [(10, 1, 0), (10, 0, 1), (10, 3, 2), (7, 2, 0), (4, 4, 0), (3, 0, 3)]
    {
        let update = Rolling::new(n, 60.0).surge(surge).unavailable(unavailable);
        let run = update.simulate(trials);
        assert_eq!(run.duration.mean, update.duration(), "{update:?}");
        assert!(run.least.mean >= (n - unavailable) as f64 && run.most.mean <= (n + surge) as f64);
        let course = update.course();
        let (ready, starting) = (course.column("ready"), course.column("starting"));
        assert_eq!(
            ready.iter().copied().fold(f64::INFINITY, f64::min),
            run.least.mean,
            "{update:?}"
        );
        let rounds = ready.len() - 1;
        let mean = ready[..rounds].iter().sum::<f64>() / rounds as f64;
        assert!((run.ready.mean - mean).abs() < 1e-9, "{update:?}: {} {mean}", run.ready);
        assert_eq!((ready[rounds], starting[rounds]), (n as f64, 0.0));
        // With starts by chance the same bounds, and another time.
        let random = update.starts(Distribution::exponential(60.0));
        let run = random.simulate(trials);
        close("exponential starts", run.duration, random.duration());
        assert!(run.least.mean >= (n - unavailable) as f64 && run.most.mean <= (n + surge) as f64);
    }
}

#[test]
fn a_bad_version_reaches_as_many_as_the_formula_says() {
    let trials = Trials::new(20, 200).seed(2);
    let update = Rolling::new(10, 30.0).surge(2);
    let releases = [
        Release::blue_green(),
        Release::rolling(&update),
        Release::canary(0.05, 400.0),
        Release::own("slowly", |time| (time / 300.0).min(1.0)),
    ];
    let bad = Exposure::new(10.0, 0.2).noticed_after(5);
    for release in &releases {
        // What gives it away is the same for all; what differs is the time that it takes to act.
        assert_eq!((bad.failed(release), bad.simulate(release, trials).mean), (5.0, 5.0));
        let late = bad.clone().delay(60.0);
        close(release.name(), late.simulate(release, trials), late.failed(release));
    }
    let late = bad.delay(60.0);
    let [blue, rolling, canary] = [0, 1, 2].map(|at| late.failed(&releases[at]));
    // By hand: 5 + 0.2 x 10 x 60, and a twentieth of that.
    assert!((blue - 125.0).abs() < 1e-6 && (canary - 11.0).abs() < 0.2 && rolling < blue);
    // Rounds of 30: 2/10, 4/10, .. of the requests.
    assert!((releases[1].exposed(90.0) - 30.0 * (0.2 + 0.4 + 0.6)).abs() < 1e-6);
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let all = || {
        let trials = Trials::new(6, 100);
        format!(
            "{:?} {:?} {:?} {:?}",
            Canary::new(0.1, 0.2, 50, Looks::pocock(3, 0.05)).simulate(trials),
            Sprt::new(0.1, 0.2).simulate(0.1, trials),
            Rolling::new(5, 1.0).starts(Distribution::exponential(1.0)).simulate(trials),
            Exposure::new(1.0, 0.5).simulate(&Release::blue_green(), trials)
        )
    };
    let with = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all)
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn what_makes_no_sense_is_told_in_a_sentence() {
    type Case = (Box<dyn Fn()>, &'static str);
    let cases: Vec<Case> = vec![
        (Box::new(|| drop(Rolling::new(0, 1.0))), "replicas must be at least 1"),
        (Box::new(|| drop(Rolling::new(3, f64::NAN))), "time of a start must be a positive"),
        (Box::new(|| drop(Rolling::new(3, 1.0).unavailable(4))), "at most as many"),
        (Box::new(|| _ = Rolling::new(3, 1.0).surge(0).duration()), "must not both be 0"),
        (Box::new(|| drop(Release::canary(1.0, 1.0))), "above 0 and below 1, but it is 1"),
        (Box::new(|| _ = Release::own("mine", |_| 2.0).share(0.0)), "between 0 and 1, but it is 2"),
        (Box::new(|| _ = Exposure::new(1.0, 0.0)), "share that fails must be a positive"),
        (Box::new(|| _ = ProportionTest::new(0.0, 0.1, 1, 1)), "above 0 and below 1, but it is 0"),
        (
            Box::new(|| _ = ProportionTest::new(0.1, 0.1, 1, 1).needed(0.8)),
            "the two shares must differ",
        ),
        (Box::new(|| _ = ProportionTest::new(0.1, 0.1, 0, 1)), "must be at least 1, but it is 0"),
        (Box::new(|| _ = pocock(0, 0.05)), "looks must be at least 1"),
        (Box::new(|| _ = repeated_significance(2, f64::NAN)), "above 0 and below 1, but it is NaN"),
        (Box::new(|| drop(Looks::own(&[f64::NAN]))), "a number above 0, but one is NaN"),
        (
            Box::new(|| drop(Canary::new(0.1, 0.1, 0, Looks::at_each(1, 0.05)))),
            "at least 1, but it is 0",
        ),
        (Box::new(|| _ = Sprt::new(0.2, 0.1)), "0 < good < bad < 1"),
        (Box::new(|| _ = Sprt::new(0.1, 0.2).errors(0.6, 0.5)), "a coin does better"),
    ];
    each_says(cases);
}
