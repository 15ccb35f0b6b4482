//! Forecasts against published fits and exact series; scaling by them against the reactive and the
//! all-knowing.

#[path = "common/columns.rs"]
mod columns;
#[path = "common/said.rs"]
mod said;

use columns::Named as _;
use pillars_models::intelligence::{Autoscaler, Forecaster, Scaling, Trace};
use pillars_models::sim::Stream;
use said::each_says;

fn near(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * b.abs()
}

/// Oil production of Saudi Arabia, million tonnes, 1996 to 2013 (Hyndman and Athanasopoulos,
/// Forecasting: Principles and Practice, 2nd ed., section 7.1).
const OIL: [f64; 18] = [
    445.36, 453.20, 454.41, 422.38, 456.04, 440.39, 425.19, 486.21, 500.43, 521.28, 508.95, 488.89,
    509.87, 456.72, 473.82, 525.95, 549.83, 542.34,
];

/// Air passengers of Australia, millions, 1990 to 2016 (the same, section 7.2).
const AIR: [f64; 27] = [
    17.55, 21.86, 23.89, 26.93, 26.89, 28.83, 30.08, 30.95, 30.19, 31.58, 32.58, 33.48, 39.02,
    41.39, 41.60, 44.66, 46.95, 48.73, 51.49, 50.03, 60.64, 63.36, 66.36, 68.20, 68.12, 69.78,
    72.60,
];

#[test]
fn fits_are_those_of_the_textbook() {
    let oil = Forecaster::simple().fit(&OIL);
    let (alpha, first) = (oil.smoothing().unwrap().alpha, oil.first_states().unwrap().0);
    assert!((alpha - 0.8339).abs() < 5e-4, "{alpha}");
    assert!((first - 446.5868).abs() < 0.05, "{first}");
    assert!((oil.ahead(1) - 542.68).abs() < 0.01, "{}", oil.ahead(1));
    let air = Forecaster::holt().fit(&AIR);
    let (by, (level, trend)) = (air.smoothing().unwrap(), air.first_states().unwrap());
    // The values in print are rounded, and the optimum is flat: theirs is no better on them.
    assert!((by.alpha - 0.8302).abs() < 0.01 && by.beta < 0.01, "{by:?}");
    let width = |(low, high): (f64, f64)| high - low;
    let theirs = Forecaster::holt().smoothing(0.8302, 0.0001, 0.0).fit(&AIR);
    let (ours, theirs) = (width(air.interval(1, 0.95)), width(theirs.interval(1, 0.95)));
    assert!(ours <= theirs && near(ours, theirs, 1e-3), "{ours} and {theirs}");
    assert!((level - 15.57).abs() < 0.3 && (trend - 2.102).abs() < 0.02, "{level}, {trend}");
    assert!((air.ahead(1) - 74.60).abs() < 0.05, "{}", air.ahead(1));
    assert!((air.ahead(5) - 83.01).abs() < 0.1, "{}", air.ahead(5));
}

/// A series that is exactly of a method's form is forecast exactly, whatever its numbers.
#[test]
fn series_without_noise_are_forecast_exactly() {
    let mut stream = Stream::new(3, 0, "seasons");
    for (period, level, trend) in
        [(4, 50.0, 1.0), (7, 100.0, -0.3), (24, 10.0, 0.0), (12, 300.0, 2.0)]
    {
        let mut swing: Vec<f64> = (0..period).map(|_| stream.uniform() - 0.5).collect();
        let mean = swing.iter().sum::<f64>() / period as f64;
        swing.iter_mut().for_each(|s| *s -= mean);
        let line = |t: usize| level + trend * t as f64;
        let added: Vec<f64> = (0..4 * period).map(|t| line(t) + 20.0 * swing[t % period]).collect();
        let times: Vec<f64> =
            (0..4 * period).map(|t| line(t) * (1.0 + swing[t % period])).collect();
        let lines: Vec<f64> = (0..4 * period).map(line).collect();
        for (method, series) in [
            (Forecaster::holt_winters(period), &added),
            (Forecaster::holt_winters_multiplied(period), &times),
            (Forecaster::holt(), &lines),
        ] {
            let fitted = method.fit(&series[..3 * period]);
            for (ahead, value) in (1..).zip(&series[3 * period..]) {
                let gap = (fitted.ahead(ahead) - value).abs();
                assert!(gap < 1e-5 * level, "{method}, {period}, {ahead}: off by {gap}");
            }
        }
        if trend == 0.0 {
            let fitted = Forecaster::seasonal_naive(period).fit(&added);
            assert!((1..=period).all(|h| (fitted.ahead(h) - added[h - 1]).abs() < 1e-9));
        }
    }
}

#[test]
fn methods_by_hand() {
    let series = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0];
    assert_eq!(Forecaster::naive().fit(&series).forecast(2), [6.0, 6.0]);
    let mut two = Forecaster::seasonal_naive(2).fit(&series);
    assert_eq!(two.forecast(3), [3.0, 6.0, 3.0]);
    two.observe(9.0);
    assert_eq!(two.forecast(3), [6.0, 9.0, 6.0]);
    // Level 8 before, half of each error: 8, 9 after the first value of 10, 9.5 after the second.
    let mut flat = Forecaster::simple().smoothing(0.5, 0.0, 0.0).fit(&[8.0; 5]);
    [10.0, 10.0].iter().for_each(|value| flat.observe(*value));
    assert!((flat.ahead(3) - 9.5).abs() < 1e-9);
    // A reader's own: the mean of the history.
    let mean =
        Forecaster::own("mean", |history, _| history.iter().sum::<f64>() / history.len() as f64);
    assert_eq!(mean.fit(&series).ahead(4), 3.5);
    assert_eq!(mean.to_string(), "mean");
    // The naive forecast scaled by itself: about 1.
    let walk = Trace::level(100.0).noise(0.1).values(4000, 1, 0);
    let accuracy = Forecaster::naive().backtest(&walk, 2000, 1, 1);
    // Of two halves, by chance some per cent apart.
    assert!(near(accuracy.mase, 1.0, 0.1), "{}", accuracy.mase);
    assert!(accuracy.actual.len() == 2000);
    // Adding a constant, or another unit, changes the forecast alike.
    let shifted: Vec<f64> = AIR.iter().map(|x| 10.0 * x + 7.0).collect();
    let (a, b) = (Forecaster::holt().fit(&AIR), Forecaster::holt().fit(&shifted));
    assert!(near(b.ahead(3), 10.0 * a.ahead(3) + 7.0, 1e-4), "{} {}", a.ahead(3), b.ahead(3));
}

/// Intervals cover what they promise where the method's own model is true, and fail where noise
/// remembers; a method that knows the season is better than one that does not.
#[test]
fn intervals_cover_as_promised_and_seasons_pay() {
    let flat = Trace::level(100.0).noise(0.05);
    let survey = Forecaster::simple().survey(&flat, 600, 300, 3, 40, 5);
    assert!((0.93..0.97).contains(&survey.coverage.mean), "{:?}", survey.coverage);
    let daily = Trace::level(100.0).day(24, 0.5).noise(0.03);
    let of = |method: Forecaster| method.survey(&daily, 24 * 20, 24 * 10, 6, 20, 5);
    let (naive, seasonal) = (of(Forecaster::naive()), of(Forecaster::seasonal_naive(24)));
    let (added, times) =
        (of(Forecaster::holt_winters(24)), of(Forecaster::holt_winters_multiplied(24)));
    println!("naive {:?}\nseasonal {:?}\nadded {:?}\ntimes {:?}", naive, seasonal, added, times);
    assert!(added.mae.high() < seasonal.mae.low() && seasonal.mae.high() < naive.mae.low());
    assert!(times.mae.high() < seasonal.mae.low());
    for survey in [added, times] {
        assert!((0.90..0.98).contains(&survey.coverage.mean), "{:?}", survey.coverage);
    }
    assert!(added.mase.mean < 1.0 && naive.mase.mean > 2.0);
}

fn service() -> Scaling {
    Scaling::new(10.0, 0.2).start_up(4)
}

fn daily() -> Trace {
    Trace::level(400.0).day(96, 0.6).noise(0.03)
}

#[test]
fn what_is_needed_is_erlangs() {
    let service = service();
    for load in [0.0, 3.0, 77.7, 400.0, 1234.5] {
        let needed = service.needed(load);
        assert!(service.waits(needed, load) <= 0.05 + 1e-6, "{load}");
        assert!(needed == 1 || service.waits(needed - 1, load) > 0.05 - 1e-6, "{load}");
    }
    assert_eq!((service.waits(3, 40.0), service.waits(3, 0.0)), (1.0, 0.0));
    // One server is M/M/1: 0.5 e^(-5 · 0.2).
    assert!(near(service.waits(1, 5.0), 0.5 * (-1.0f64).exp(), 1e-12));
}

#[test]
fn who_knows_violates_nothing_and_who_forecasts_beats_who_reacts() {
    let (service, trace, train) = (service(), daily(), 96 * 3);
    let steps = 96 * 6;
    let of = |scaler: Autoscaler| service.survey(&trace, steps, train, &scaler, 20, 7);
    let oracle = of(Autoscaler::oracle());
    assert_eq!((oracle.violated.mean, oracle.violated.half_width), (0.0, 0.0));
    let reactive = of(Autoscaler::utilization(0.85));
    let predictive = of(Autoscaler::predictive(Forecaster::holt_winters(96), 1.06));
    println!("oracle {oracle:?}\nreactive {reactive:?}\npredictive {predictive:?}");
    // Fewer violations, at no more servers.
    assert!(predictive.violated.high() < 0.5 * reactive.violated.low());
    assert!(predictive.servers.mean < 1.03 * reactive.servers.mean);
    assert!(oracle.servers.mean < predictive.servers.low());
    // Head-room costs servers and saves violations.
    let curve: Vec<_> = [0.95, 1.0, 1.05, 1.1, 1.2]
        .map(|h| Autoscaler::predictive(Forecaster::holt_winters(96), h))
        .to_vec();
    let table = service.curve(&trace, steps, train, &curve, 6, 7);
    assert!(table.column("violated").is_sorted_by(|a, b| a >= b));
    assert!(table.column("servers").is_sorted_by(|a, b| a <= b));
    // The control: a load without days has nothing to foresee.
    let flat = Trace::level(400.0).noise(0.03);
    let survey = |scaler: &Autoscaler| service.survey(&flat, steps, train, scaler, 10, 7);
    let (a, b) = (
        survey(&Autoscaler::utilization(0.82)),
        survey(&Autoscaler::predictive(Forecaster::simple(), 1.0 / 0.93)),
    );
    println!("flat: reactive {a:?}\npredictive {b:?}");
    // What nobody could have foreseen hits all but the oracle: a step without a warning.
    let sudden = flat.clone().step(train + 50, 1.5);
    let hit =
        |scaler: &Autoscaler| service.run(&sudden.values(steps, 1, 0), train, scaler).violated;
    assert!(hit(&Autoscaler::predictive(Forecaster::holt(), 1.1)) > 0.0);
    assert_eq!(hit(&Autoscaler::oracle()), 0.0);
}

#[test]
fn scaling_keeps_its_books() {
    let (service, train) = (service(), 96 * 2);
    let loads = daily().values(96 * 4, 3, 0);
    let enough = service.run(&loads, train, &Autoscaler::fixed(500));
    // The first steps have what was needed, until those that were asked for have started.
    assert!(enough.violated == 0.0 && enough.servers > 490.0);
    let few = service.run(&loads, train, &Autoscaler::fixed(1));
    assert_eq!(few.violated, 1.0);
    // A reader's own that does what a built-in one does.
    let mine = Autoscaler::own("mine", |seen| {
        (seen.loads[seen.loads.len() - 1] / (seen.service.rate() * 0.8)).ceil() as usize
    });
    let own = service.run(&loads, train, &mine);
    assert_eq!(own, service.run(&loads, train, &Autoscaler::utilization(0.8)));
    assert_eq!(own.columns().column("load"), loads[train..]);
    let patient = service.run(&loads, train, &Autoscaler::utilization(0.8).patience(20));
    assert!(patient.servers > own.servers && patient.violated <= own.violated);
    assert!(patient.changes < own.changes);
    let thresholds = service.run(&loads, train, &Autoscaler::threshold(0.5, 0.8, 5));
    assert!(thresholds.changes > 0 && thresholds.servers > 10.0);
    // Quicker servers, fewer violations.
    let violated = |steps: usize| {
        let service = Scaling::new(10.0, 0.2).start_up(steps);
        service.run(&loads, train, &Autoscaler::utilization(0.85)).violated
    };
    assert!(violated(0) <= violated(4) && violated(4) < violated(12));
}

#[test]
fn traces_are_as_documented() {
    let trace = Trace::level(100.0).day(24, 0.4).weekend(0.5).trend(0.1).step(200, 2.0);
    let expected = trace.expected(400);
    assert!(near(expected[12], (100.0 + 1.2) * 1.4, 1e-12));
    assert!(near(expected[5 * 24 + 12], (100.0 + 13.2) * 1.4 * 0.5, 1e-12));
    assert!(near(expected[204], (100.0 + 20.4) * 1.4 * 2.0, 1e-12));
    assert_eq!(trace.values(400, 9, 4), expected);
    let noisy = Trace::level(100.0).noise(0.1).autocorrelated(0.8).values(100_000, 2, 0);
    let mean = noisy.iter().sum::<f64>() / 1e5;
    let variance = noisy.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1e5;
    let lagged = noisy.windows(2).map(|w| (w[0] - mean) * (w[1] - mean)).sum::<f64>() / 1e5;
    assert!(near(mean, 100.0, 0.01) && near(variance, 100.0, 0.05));
    assert!(near(lagged / variance, 0.8, 0.02));
    let spikes = Trace::level(1.0).spikes(0.01, 3.0, 2).values(100_000, 2, 0);
    let high = spikes.iter().filter(|x| **x == 3.0).count();
    // A spike of 2 steps, then 100 without on average: 2 of 101.
    assert!(near(high as f64 / 1e5, 2.0 / 101.0, 0.1), "{high}");
    assert_eq!(noisy, Trace::level(100.0).noise(0.1).autocorrelated(0.8).values(100_000, 2, 0));
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let all = || {
        let scaler = Autoscaler::predictive(Forecaster::holt_winters(96), 1.1);
        let survey = service().survey(&daily(), 96 * 4, 96 * 2, &scaler, 4, 1);
        let forecast = Forecaster::holt().survey(&daily(), 400, 200, 2, 5, 1);
        format!("{survey:?} {forecast:?}")
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
    let cases: Vec<Case> = vec![
        (Box::new(move || _ = Trace::level(nan)), "Trace::level: the level must be a positive"),
        (Box::new(|| _ = Trace::level(1.0).day(1, 0.5)), "the steps of a day must be at least 2"),
        (Box::new(|| _ = Trace::level(1.0).day(9, 1.5)), "a number from 0 to 1, but it is 1.5"),
        (Box::new(|| _ = Trace::level(1.0).weekend(0.5)), "must have days before it has weeks"),
        (Box::new(|| _ = Trace::level(1.0).autocorrelated(1.0)), "from -0.99 to 0.99"),
        (Box::new(|| _ = Trace::level(1.0).values(0, 1, 0)), "must be at least 1, but there are 0"),
        (Box::new(|| _ = Forecaster::naive().fit(&[])), "the history must have at least 4 values"),
        (
            Box::new(move || _ = Forecaster::holt().fit(&[1.0, nan, 2.0, 3.0])),
            "each value of the history must be a finite number, but number 1 is NaN",
        ),
        (Box::new(|| _ = Forecaster::holt_winters(1)), "steps of a season must be at least 2"),
        (
            Box::new(|| _ = Forecaster::holt_winters_multiplied(2).fit(&[1.0, 0.0, 1.0, 2.0])),
            "needs positive values, but one is 0",
        ),
        (
            Box::new(|| _ = Forecaster::naive().smoothing(0.5, 0.5, 0.5)),
            "only exponential smoothing has smoothing constants, but this is naive",
        ),
        (
            Box::new(|| _ = Forecaster::simple().smoothing(1.5, 0.5, 0.5)),
            "alpha, of the level, must be a number from 0 to 1, but it is 1.5",
        ),
        (Box::new(|| _ = Forecaster::naive().fit(&OIL).ahead(0)), "at least 1, but there are 0"),
        (
            Box::new(|| _ = Forecaster::naive().fit(&OIL).interval(1, 1.0)),
            "above 0 and below 1, but it is 1",
        ),
        (Box::new(|| _ = Scaling::new(0.0, 1.0)), "the rate of a server must be a positive number"),
        (
            Box::new(|| _ = service().run(&[1.0, -1.0, 2.0], 1, &Autoscaler::oracle())),
            "each load must be at least 0, but one is -1",
        ),
        (
            Box::new(|| _ = service().run(&[], 1, &Autoscaler::oracle())),
            "the trace must have at least 2 values, but it has 0",
        ),
        (
            Box::new(|| _ = Autoscaler::utilization(0.0)),
            "the target must be a number from 0.01 to 1",
        ),
        (Box::new(|| _ = Autoscaler::threshold(0.8, 0.5, 1)), "0 <= low < high <= 1"),
        (Box::new(|| _ = Autoscaler::oracle().patience(3)), "but this is oracle"),
    ];
    each_says(cases);
}
