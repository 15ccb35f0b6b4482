//! Charts against published run lengths, a second exact method, and simulation.

#[path = "common/said.rs"]
mod said;

use pillars_models::intelligence::{ControlChart, Runs, Trace, Watch};
use said::each_says;

fn near(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * b.abs()
}

/// Montgomery, Introduction to Statistical Quality Control, 6th ed., table 9.3 (two-sided CUSUM,
/// k = 1/2) and table 9.11 (EWMA, adapted from Lucas and Saccucci, 1990), and Shewhart's three
/// standard deviations.
#[test]
fn run_lengths_are_those_of_the_tables() {
    let rounded = |value: f64, told: f64| {
        // To as many digits as the table has, and one unit in the last of them.
        let unit: f64 = if told >= 100.0 {
            1.0
        } else if told >= 6.0 {
            0.1
        } else {
            0.05
        };
        (value - told).abs() <= unit.max(0.003 * told)
    };
    let cusum = [
        (0.0, 168.0, 465.0),
        (0.25, 74.2, 139.0),
        (0.5, 26.6, 38.0),
        (0.75, 13.3, 17.0),
        (1.0, 8.38, 10.4),
        (1.5, 4.75, 5.75),
        (2.0, 3.34, 4.01),
        (2.5, 2.62, 3.11),
        (3.0, 2.19, 2.57),
        (4.0, 1.71, 2.01),
    ];
    for (shift, four, five) in cusum {
        for (limit, told) in [(4.0, four), (5.0, five)] {
            let exact = ControlChart::cusum(0.5, limit).run_length(shift).unwrap();
            assert!(rounded(exact, told), "CUSUM {limit} at {shift}: {exact} and {told}");
        }
    }
    let ewma: [(f64, f64, &[f64]); 5] = [
        (0.40, 3.054, &[500.0, 224.0, 71.2, 28.4, 14.3, 5.9, 3.5, 2.5, 2.0, 1.4]),
        (0.25, 2.998, &[500.0, 170.0, 48.2, 20.1, 11.1, 5.5, 3.6, 2.7, 2.3, 1.7]),
        (0.20, 2.962, &[500.0, 150.0, 41.8, 18.2, 10.5, 5.5, 3.7, 2.9, 2.4, 1.9]),
        (0.10, 2.814, &[500.0, 106.0, 31.3, 15.9, 10.3, 6.1, 4.4, 3.4, 2.9, 2.2]),
        (0.05, 2.615, &[500.0, 84.1, 28.8, 16.4, 11.4, 7.1, 5.2, 4.2, 3.5, 2.7]),
    ];
    let shifts = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0];
    for (weight, limit, told) in ewma {
        for (shift, told) in shifts.into_iter().zip(told) {
            let exact = ControlChart::ewma(weight, limit).run_length(shift).unwrap();
            // The limits of the table are rounded: a per cent of 500.
            let close = rounded(exact, *told) || near(exact, *told, 0.01);
            assert!(close, "EWMA {weight} at {shift}: {exact} and {told}");
        }
    }
    let shewhart = ControlChart::shewhart(3.0);
    assert!(near(shewhart.run_length(0.0).unwrap(), 370.4, 1e-4));
    assert!(near(shewhart.run_length(1.0).unwrap(), 43.9, 1e-3));
    assert!(near(ControlChart::ewma(1.0, 3.0).run_length(1.0).unwrap(), 43.9, 1e-3));
}

#[test]
fn two_exact_methods_and_simulation_agree() {
    for chart in [
        ControlChart::cusum(0.5, 4.0),
        ControlChart::cusum(0.25, 8.0),
        ControlChart::ewma(0.1, 2.814),
        ControlChart::ewma(0.4, 3.054),
        ControlChart::shewhart(2.5),
    ] {
        for shift in [0.0, 0.5, 1.0, -2.0] {
            let exact = chart.run_length(shift).unwrap();
            let chain = chart.run_length_by_chain(shift, 201).unwrap();
            assert!(near(chain, exact, 2e-3), "{chart} at {shift}: {chain} and {exact}");
            let runs = Runs::of(&chart).shift(shift).simulate(3000, 11);
            let gap = runs.mean.gap_in_bars(exact);
            assert!(gap < 2.5, "{chart} at {shift}: {} and {exact}", runs.mean);
            // About geometric: the median is ln 2 of the mean.
            if shift == 0.0 {
                assert!(near(runs.median, 0.693 * exact, 0.15), "{chart}: {}", runs.median);
            }
        }
        // Both sides alike, and quicker for larger shifts.
        let of = |shift| chart.run_length(shift).unwrap();
        assert!(near(of(1.3), of(-1.3), 1e-9));
        assert!(of(0.0) > of(0.5) && of(0.5) > of(1.0) && of(1.0) > of(2.0));
    }
    // Memory finds small shifts sooner, and large ones later.
    let length = |chart: ControlChart, shift| chart.run_length(shift).unwrap();
    assert!(
        length(ControlChart::cusum(0.5, 4.77), 1.0)
            < length(ControlChart::shewhart(3.0), 1.0) / 4.0
    );
    assert!(length(ControlChart::cusum(0.5, 4.77), 4.0) > length(ControlChart::shewhart(3.0), 4.0));
}

/// What remembers breaks the promise: it was made for independent values.
#[test]
fn autocorrelated_values_break_the_promised_run_length() {
    for chart in [ControlChart::cusum(0.5, 5.0), ControlChart::ewma(0.2, 2.962)] {
        let promised = chart.run_length(0.0).unwrap();
        let kept = Runs::of(&chart).simulate(2000, 3).mean;
        assert!(kept.gap_in_bars(promised) < 2.5, "{chart}: {kept} and {promised}");
        let broken = Runs::of(&chart).autocorrelated(0.5).simulate(2000, 3).mean;
        assert!(broken.high() < promised / 4.0, "{chart}: {broken} and {promised}");
        let negative = Runs::of(&chart).autocorrelated(-0.3).simulate(300, 3).mean;
        assert!(negative.low() > promised, "{chart}: {negative} and {promised}");
        println!("{chart}: promised {promised:.0}, .5: {broken}, -.3: {negative}");
    }
}

/// A window that learns has its own promise: with many values that of the normal law, with few far
/// less; outliers blind the mean and not the median; a shift that stays is taken for usual.
#[test]
fn windows_learn_what_is_usual_for_better_and_worse() {
    let normal = ControlChart::shewhart(3.0).run_length(0.0).unwrap();
    let length = |window| Runs::of(&ControlChart::robust(window, 3.0)).simulate(600, 4).mean;
    let (few, many) = (length(11), length(401));
    println!("robust windows: 11 {few}, 401 {many}, promised {normal}");
    assert!(few.high() < normal / 3.0);
    assert!(near(many.mean, normal, 0.2), "{many} and {normal}");
    let found = |chart: ControlChart| {
        Runs::of(&chart).outliers(0.1, 20.0).shift(6.0).lasts(1).most(1).simulate(500, 8).silent
    };
    let (robust, moving) =
        (found(ControlChart::robust(50, 4.0)), found(ControlChart::moving(50, 4.0)));
    println!("missed with outliers: robust {robust}, moving {moving}");
    assert!(robust.high() < 0.2 && moving.low() > 0.8);
    // A shift of one deviation that stays: the window comes to hold nothing else.
    let shift = Runs::of(&ControlChart::robust(40, 4.5)).shift(2.0).simulate(300, 5);
    assert!(shift.mean.low() > 5.0 * ControlChart::cusum(0.5, 5.0).run_length(2.0).unwrap());
}

/// With days in the load, its raw values hide an incident at night; what is left of them when the
/// season is out does not.
#[test]
fn seasons_must_be_taken_out_first() {
    let trace = Trace::level(1000.0).day(96, 0.6).noise(0.03);
    let watch = Watch::new(&trace, 96 * 7, 96 * 14).incidents(10, 1.3, 6);
    let chart = ControlChart::shewhart(4.0);
    let (raw, seasonal) = (watch.by(&chart, 20, 2), watch.clone().seasonal().by(&chart, 20, 2));
    println!("raw {raw:?}\nseasonal {seasonal:?}");
    assert!(seasonal.found.low() > 0.6 && raw.found.high() < 0.3);
    // The control: no incident, nothing to find.
    let quiet = watch.clone().seasonal().incidents(0, 1.3, 6).by(&chart, 20, 2);
    assert_eq!(quiet.found.mean, 0.0);
    println!("quiet {quiet:?}");
    assert!(quiet.false_alarms.mean < 20.0, "{quiet:?}");
    // A chart with a memory finds what is small and lasts.
    let small = watch.seasonal().incidents(10, 1.08, 12);
    let (memory, none) = (small.by(&ControlChart::cusum(0.5, 8.0), 20, 2), small.by(&chart, 20, 2));
    println!("small: cusum {memory:?}\nshewhart {none:?}");
    assert!(memory.found.low() > none.found.high());
}

#[test]
fn a_detector_of_ones_own_is_as_good_as_the_built_in() {
    let mine = ControlChart::own("mine", || {
        let mut up = 0.0f64;
        let mut down = 0.0f64;
        move |x: f64| {
            up = (up + x - 0.5).max(0.0);
            down = (down - x - 0.5).max(0.0);
            up > 4.0 || down > 4.0
        }
    });
    let runs = |chart: &ControlChart| Runs::of(chart).shift(0.5).simulate(200, 6).mean;
    assert_eq!(runs(&mine), runs(&ControlChart::cusum(0.5, 4.0)));
    assert!(mine.run_length(0.0).is_none() && mine.to_string() == "mine");
    let values = [0.0, 4.6, 0.0, -4.7, 0.2];
    assert_eq!(ControlChart::shewhart(3.0).alarms(&values), [false, true, false, true, false]);
    assert_eq!(ControlChart::cusum(0.5, 4.0).alarms(&values), [false, true, false, true, false]);
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let all = || {
        let runs = Runs::of(&ControlChart::robust(20, 3.0)).shift(1.0).simulate(50, 1);
        let trace = Trace::level(10.0).day(24, 0.5).noise(0.1);
        let found = Watch::new(&trace, 240, 480).seasonal().by(&ControlChart::ewma(0.2, 3.0), 6, 1);
        format!("{runs:?} {found:?}")
    };
    let with = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all)
    };
    assert_eq!(with(1), with(2));
}

#[test]
fn what_makes_no_sense_is_told_in_a_sentence() {
    type Case = (Box<dyn Fn()>, &'static str);
    let nan = f64::NAN;
    let trace = || Trace::level(10.0).day(24, 0.5);
    let cases: Vec<Case> = vec![
        (
            Box::new(|| _ = ControlChart::shewhart(0.0)),
            "ControlChart::shewhart: the limit must be a positive",
        ),
        (
            Box::new(|| _ = ControlChart::ewma(0.0, 3.0)),
            "the weight of the newest value must be a number",
        ),
        (Box::new(move || _ = ControlChart::ewma(nan, 3.0)), "but it is NaN"),
        (
            Box::new(|| _ = ControlChart::cusum(-0.5, 3.0)),
            "the slack k must be a number of at least 0",
        ),
        (Box::new(|| _ = ControlChart::robust(0, 3.0)), "values of the window must be at least 4"),
        (
            Box::new(|| _ = ControlChart::shewhart(3.0).alarms(&[])),
            "the series must have at least 1 values",
        ),
        (
            Box::new(move || _ = ControlChart::shewhart(3.0).alarms(&[0.0, nan])),
            "must be a finite number, but number 1 is NaN",
        ),
        (
            Box::new(move || _ = ControlChart::cusum(0.5, 4.0).run_length(nan)),
            "the shift must be a finite",
        ),
        (
            Box::new(|| _ = ControlChart::cusum(0.5, 4.0).run_length_by_chain(0.0, 1)),
            "from 3 to 401 states, but there are 1",
        ),
        (
            Box::new(|| _ = Runs::of(&ControlChart::shewhart(3.0)).simulate(1, 1)),
            "at least 2 replications",
        ),
        (
            Box::new(|| _ = Runs::of(&ControlChart::shewhart(3.0)).autocorrelated(1.0)),
            "from -0.99 to 0.99, but it is 1",
        ),
        (
            Box::new(move || _ = Watch::new(&trace(), 24, 100)),
            "steps to learn from must be at least 72",
        ),
        (
            Box::new(move || _ = Watch::new(&trace(), 72, 100).incidents(10, 2.0, 5)),
            "more than 10 steps to itself, but 10 share 100",
        ),
    ];
    each_says(cases);
}
