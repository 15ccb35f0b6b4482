//! Sketches, sampling and alerts against their guarantees and closed forms.

#[path = "common/said.rs"]
mod said;

use pillars_models::operations::{
    BurnRate, BurnRule, DdSketch, Fleet, GreenwaldKhanna, HeadSampling, Reservoir, Sketch,
    SketchTest, TDigest, ThresholdAlert,
};
use pillars_models::sim::{Distribution, Estimate, Histogram, Stream, Trials};
use said::each_says;

fn close(what: &str, measured: Estimate, exact: f64) {
    println!("{what}: {measured} and {exact:.6}");
    let is_same = (measured.mean - exact).abs() < 1e-9;
    assert!(is_same || measured.gap_in_bars(exact) < 2.0, "{what}: {measured} and {exact}");
}

fn laws() -> [Distribution; 4] {
    [
        Distribution::exponential(10.0),
        Distribution::pareto(1.2, 1.0),
        Distribution::lognormal(50.0, 9.0),
        Distribution::uniform(1.0, 2.0),
    ]
}

#[test]
fn each_sketch_keeps_its_promise() {
    let trials = Trials::new(4, 5);
    for law in laws() {
        for p in [0.0, 0.1, 0.5, 0.99, 0.999] {
            let test = SketchTest::new(law.clone(), 3000).quantile(p);
            let dd = test.measure(|_| DdSketch::new(0.01), trials);
            assert!(dd.worst.mean <= 0.01 + 1e-9, "{law:?} {p}: {}", dd.worst);
            let gk = test.measure(|_| GreenwaldKhanna::new(0.01), trials);
            assert!(gk.rank_worst.mean <= 0.01 + 1e-9, "{law:?} {p}: {}", gk.rank_worst);
            assert!(gk.size.mean < 1000.0, "{}", gk.size);
            let digest = test.measure(|_| TDigest::new(100.0), trials);
            assert!(digest.rank_worst.mean < 0.02, "{law:?} {p}: {}", digest.rank_worst);
            assert!(p < 0.99 || digest.rank_worst.mean < 0.002, "{}", digest.rank_worst);
            if p > 0.0 && p < 0.99 {
                let bins = test.measure(|_| Histogram::default(), trials);
                assert!(bins.worst.mean < 0.02, "{law:?} {p}: {}", bins.worst);
            }
        }
    }
}

#[test]
fn a_sample_is_off_by_its_binomial_error() {
    let trials = Trials::new(20, 50).seed(4);
    for (room, p) in [(200, 0.5), (500, 0.9), (1000, 0.95)] {
        let test = SketchTest::new(Distribution::exponential(1.0), 5000).quantile(p);
        let run = test.measure(|random| Reservoir::new(room, random), trials);
        let exact = Reservoir::rank_error(room, 5000, p);
        println!("{room} {p}: {:.5} {exact:.5}", run.rank());
        assert!((run.rank() / exact - 1.0).abs() < 0.1, "{} {exact}", run.rank());
        // E|normal| is 0.798 of its deviation, relative to the value that it is of.
        let relative = 0.798 * test.sampling_error(room) * (1.0 - room as f64 / 5000.0).sqrt();
        assert!((run.relative.mean / relative - 1.0).abs() < 0.15, "{} {relative}", run.relative);
        assert_eq!(run.size.mean, room as f64);
    }
}

#[test]
fn merged_sketches_are_as_good_as_one() {
    for seed in 0..20 {
        let mut random = Stream::new(seed, 0, "values");
        let values: Vec<f64> = (0..4000).map(|_| 1.0 + 9.0 * random.exponential()).collect();
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let (mut dd, mut whole) = (DdSketch::new(0.02), DdSketch::new(0.02));
        let (mut bins, mut all_bins) = (Histogram::default(), Histogram::default());
        let mut gk = GreenwaldKhanna::new(0.01);
        let mut digest = TDigest::new(100.0);
        for part in values.chunks(700) {
            let mut parts = (
                DdSketch::new(0.02),
                Histogram::default(),
                GreenwaldKhanna::new(0.01),
                TDigest::new(100.0),
            );
            for value in part {
                whole.record(*value);
                Sketch::record(&mut all_bins, *value);
                parts.0.record(*value);
                Sketch::record(&mut parts.1, *value);
                parts.2.record(*value);
                parts.3.record(*value);
            }
            dd.merge(&parts.0);
            bins.merge(&parts.1);
            gk.merge(&parts.2);
            digest.merge(&parts.3);
        }
        assert_eq!(dd, whole);
        assert_eq!((bins.count(), gk.count(), digest.count()), (4000, 4000, 4000));
        for p in [0.01, 0.5, 0.9, 0.99] {
            assert_eq!(Sketch::quantile(&bins, p), Sketch::quantile(&all_bins, p));
            let rank = p * 3999.0;
            for (name, told, bound) in
                [("gk", gk.quantile(p), 0.011), ("t-digest", digest.quantile(p), 0.02)]
            {
                let found = sorted.partition_point(|value| *value <= told) as f64;
                assert!((found - rank).abs() <= bound * 4000.0, "{name} {p}: {found} {rank}");
            }
        }
    }
    // A merged sample is a sample of both, however unequal.
    let mut from_first = 0.0;
    for seed in 0..400 {
        let stream = |name: &str| Stream::new(seed, 0, name);
        let mut a = Reservoir::new(50, stream("a"));
        let mut b = Reservoir::new(50, stream("b"));
        (0..900).for_each(|_| a.record(1.0));
        (0..300).for_each(|_| b.record(2.0));
        a.merge(&b);
        assert_eq!((a.count(), a.size()), (1200, 50));
        // The share of ones, read as the greatest quantile that is still one.
        let ones = (0..50).filter(|i| a.quantile(f64::from(*i) / 49.0 * 0.9999999) < 1.5).count();
        from_first += ones as f64 / 50.0;
    }
    assert!((from_first / 400.0 - 0.75).abs() < 0.02, "{from_first}");
}

#[test]
fn the_mean_of_p99s_is_no_p99() {
    let host = |requests, mean| (requests, Distribution::exponential(mean));
    let mut hosts = vec![host(2000, 10.0); 9];
    hosts.push(host(2000, 100.0));
    let fleet = Fleet::new(&hosts);
    let trials = Trials::new(20, 1);
    let run = fleet.simulate(0.99, |_| DdSketch::new(0.005), trials);
    let (truth, mean) = (fleet.quantile(0.99), fleet.averaged(0.99));
    println!("{} {truth}, {} {mean}, {:.4}", run.merged, run.averaged, fleet.beyond_averaged(0.99));
    // By hand: nine p99s of 10 ln 100 and one of 100 ln 100.
    assert!((mean - 19.0 * 100f64.ln()).abs() < 1e-9);
    // The sketch may be half a per cent off.
    assert!((run.merged.mean - truth).abs() < 0.005 * truth + 2.0 * run.merged.half_width);
    assert!((run.averaged.mean - mean).abs() < 0.005 * mean + 2.0 * run.averaged.half_width);
    assert!(truth > 2.0 * mean && fleet.beyond_averaged(0.99) > 0.03);
    // The healthy control: equal hosts.
    let equal = Fleet::new(&vec![host(2000, 10.0); 5]);
    assert!((equal.quantile(0.99) - equal.averaged(0.99)).abs() < 1e-6);
}

#[test]
fn head_sampling_misses_what_is_rare() {
    let trials = Trials::new(20, 2000).seed(3);
    let head = HeadSampling::new(0.01);
    assert!((head.catches(10) - (1.0 - 0.99f64.powi(10))).abs() < 1e-12);
    assert_eq!((head.needed(0.95), head.catches(0)), (299, 0.0));
    assert!((head.whole_if_each_decides(3) - 1e-6).abs() < 1e-15);
    assert!((head.relative_error(99) - 1.0).abs() < 1e-12);
    let half = HeadSampling::new(0.3);
    // One request a batch, which is an error: caught as often as kept.
    close("one", half.simulate(1, 1.0, trials).caught, half.catches(1));
    close("five", half.simulate(5, 1.0, trials).caught, half.catches(5));
    let run = half.simulate(100, 0.01, trials);
    close("kept", run.kept, 0.3);
    close("errors kept", run.errors_kept, 0.3);
    // Binomial errors, given that there is one.
    let (none, kept) = (0.99f64.powi(100), 1.0 - (1.0 - 0.003f64).powi(100));
    close("caught", run.caught, kept / (1.0 - none));
    // Decided in the end: all errors for hardly more traces.
    let tail = HeadSampling::simulate_own(100, 0.01, trials, |trace, random| {
        trace.is_error || random.uniform() < 0.01
    });
    assert_eq!((tail.caught.mean, tail.errors_kept.mean), (1.0, 1.0));
    close("kept in the end", tail.kept, 0.01 + 0.99 * 0.01);
}

#[test]
fn precision_falls_with_the_base_rate() {
    let trials = Trials::new(20, 20_000).seed(7);
    for (window, threshold, base) in [(1, 1.0, 0.1), (5, 1.0, 0.1), (5, 1.5, 0.01), (10, 0.8, 0.01)]
    {
        let alert = ThresholdAlert::new(0.0, 2.0, 1.5, base).window(window).threshold(threshold);
        let run = alert.simulate(trials);
        close("recall", run.recall, alert.recall());
        close("false alarms", run.false_alarms, alert.false_alarms());
        close("precision", run.precision, alert.precision());
    }
    // By hand: of 99 % and 1 %, one in a thousand: nine out of a hundred alerts mean something.
    let precision = ThresholdAlert::bayes(0.99, 0.01, 0.001);
    assert!((precision - 0.00099 / (0.00099 + 0.00999)).abs() < 1e-12 && precision < 0.1);
    assert_eq!(ThresholdAlert::bayes(0.0, 0.0, 0.5), 0.0);
    // The same detector by a reader.
    let alert = ThresholdAlert::new(0.0, 2.0, 1.5, 0.1).window(5);
    let own = alert.clone().own(|window| window.iter().sum::<f64>() / 5.0 > 1.0);
    assert_eq!(own.simulate(trials), alert.simulate(trials));
}

/// The SRE Workbook (2018), chapter 5: 2 %, 5 % and 10 % of the budget of 30 days.
#[test]
fn burn_rates_are_those_of_the_workbook() {
    let alert = BurnRate::new(0.999, &BurnRule::GOOGLE);
    let spent = BurnRule::GOOGLE.map(|rule| alert.spent(&rule));
    assert!(spent.iter().zip([0.02, 0.05, 0.10]).all(|(a, b)| (a - b).abs() < 1e-12), "{spent:?}");
    // All fails: 14.4 x 0.001 of an hour, 52 s; the ticket of 1 takes 4.3 minutes alone.
    assert!((alert.detection(0.0, 1.0) - 0.864).abs() < 1e-9);
    assert!((BurnRate::new(0.999, &BurnRule::GOOGLE[2..]).detection(0.0, 1.0) - 4.32).abs() < 1e-9);
    assert_eq!(alert.detection(0.0, 0.001), f64::INFINITY);
}

#[test]
fn burn_alerts_come_and_go_when_the_formulas_say() {
    let trials = Trials::new(10, 20).seed(1);
    let rule = BurnRule { factor: 10.0, long: 60, short: 5 };
    let alert = |rule| BurnRate::new(0.99, &[rule]).requests(200);
    // 10 % is the bound; 40 % fail.
    let run = alert(rule).simulate([0.0, 0.4], [30, 120], trials);
    let detection = alert(rule).detection(0.0, 0.4);
    println!("{} {detection}, {} {}", run.delay, run.lasting, alert(rule).lasting(&rule, 0.4));
    assert!((detection - 15.0f64).abs() < 1e-9);
    assert_eq!((run.detected.mean, run.false_minutes.mean), (1.0, 0.0));
    assert!((run.delay.mean - detection - 0.5).abs() < 0.7, "{}", run.delay);
    assert!((run.lasting.mean - alert(rule).lasting(&rule, 0.4)).abs() < 1.0, "{}", run.lasting);
    // Without the short window it goes on for nearly an hour.
    let long = rule.without_short();
    let slow = alert(long).simulate([0.0, 0.4], [30, 120], trials);
    assert!((slow.lasting.mean - 45.0).abs() < 1.5, "{}", slow.lasting);
    // False alarms by chance where requests are few.
    let rule = BurnRule { factor: 2.0, long: 20, short: 5 };
    let noisy = BurnRate::new(0.9, &[rule]).requests(2);
    let run = noisy.simulate([0.1, 0.9], [400, 30], Trials::new(20, 50));
    close("by chance", run.false_minutes, noisy.by_chance(&rule, 0.1));
    assert!(noisy.by_chance(&rule, 0.1) < noisy.by_chance(&rule.without_short(), 0.1) + 1e-12);
    // More requests, less chance.
    assert!(noisy.clone().requests(50).by_chance(&rule, 0.1) < 1e-6);
    // The reader's own, the same rule.
    let own = noisy.clone().own(|past| past.share(20) > 0.2 + 1e-9 && past.share(5) > 0.2 + 1e-9);
    assert_eq!(own.simulate([0.1, 0.9], [400, 30], Trials::new(20, 50)), run);
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let all = || {
        let trials = Trials::new(6, 5);
        let law = || Distribution::exponential(1.0);
        format!(
            "{:?} {:?} {:?}",
            SketchTest::new(law(), 500).measure(|random| Reservoir::new(50, random), trials),
            Fleet::new(&[(100, law()), (200, law())]).simulate(0.9, |_| TDigest::new(50.0), trials),
            ThresholdAlert::new(0.0, 1.0, 1.0, 0.5).simulate(Trials::new(6, 100))
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
    let law = || Distribution::exponential(1.0);
    let rule = |factor, long, short| BurnRule { factor, long, short };
    let cases: Vec<Case> = vec![
        (Box::new(|| drop(DdSketch::new(0.0))), "above 0 and below 1, but it is 0"),
        (Box::new(|| DdSketch::new(0.1).record(f64::NAN)), "at least 0, but one is NaN"),
        (Box::new(|| TDigest::new(100.0).record(-1.0)), "at least 0, but one is -1"),
        (Box::new(|| _ = DdSketch::new(0.1).quantile(0.5)), "at least 1 value"),
        (Box::new(|| _ = TDigest::new(1.0).quantile(0.5)), "at least 1 value"),
        (Box::new(|| DdSketch::new(0.1).merge(&DdSketch::new(0.2))), "their bins do not match"),
        (Box::new(|| drop(Reservoir::new(0, Stream::new(1, 0, "")))), "must be at least 1"),
        (Box::new(|| drop(GreenwaldKhanna::new(f64::NAN))), "but it is NaN"),
        (Box::new(|| drop(TDigest::new(0.0))), "the compression must be a positive"),
        (Box::new(move || drop(SketchTest::new(law(), 1))), "values must be at least 2"),
        (Box::new(move || _ = SketchTest::new(law(), 9).quantile(1.0)), "below 1, but it is 1"),
        (Box::new(|| drop(Fleet::new(&[]))), "hosts must be at least 1"),
        (
            Box::new(move || drop(Fleet::new(&[(0, law())]))),
            "requests of each host must be at least 1",
        ),
        (Box::new(|| _ = HeadSampling::new(1.5)), "between 0 and 1, but it is 1.5"),
        (Box::new(|| _ = HeadSampling::new(0.0).needed(0.9)), "above 0 and below 1, but it is 0"),
        (
            Box::new(|| drop(ThresholdAlert::new(1.0, 1.0, 1.0, 0.1))),
            "must be above that in health",
        ),
        (
            Box::new(|| drop(ThresholdAlert::new(0.0, 1.0, 1.0, 0.1).window(0))),
            "samples must be at least 1",
        ),
        (Box::new(|| drop(ThresholdAlert::new(0.0, 1.0, 1.0, 0.0))), "above 0 and below 1"),
        (Box::new(|| _ = ThresholdAlert::bayes(0.5, f64::NAN, 0.1)), "but it is NaN"),
        (Box::new(|| drop(BurnRate::new(1.0, &BurnRule::GOOGLE))), "the objective must be above 0"),
        (Box::new(|| drop(BurnRate::new(0.9, &[]))), "rules must be at least 1"),
        (Box::new(move || drop(BurnRate::new(0.9, &[rule(1.0, 5, 0)]))), "1 <= short <= long"),
        (Box::new(move || drop(BurnRate::new(0.9, &[rule(f64::NAN, 5, 1)]))), "the factor must be"),
    ];
    each_says(cases);
}
