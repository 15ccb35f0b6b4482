//! Each distribution against its own moments, transform, and samples.

use super::*;

/// Of every kind, with its letter.
fn all() -> Vec<(&'static str, Distribution)> {
    vec![
        ("M", Distribution::exponential(2.0)),
        ("D", Distribution::deterministic(1.5)),
        ("U", Distribution::uniform(0.5, 2.5)),
        ("E3", Distribution::erlang(3, 2.0)),
        ("E3,4", Distribution::fitted(2.0, 0.3)),
        ("H2", Distribution::fitted(1.0, 4.0)),
        ("H3", Distribution::hyperexponential(&[(1.0, 0.5), (2.0, 1.0), (1.0, 3.0)])),
        ("LN", Distribution::lognormal(1.0, 2.0)),
        ("Pa", Distribution::pareto(9.0, 1.0)),
        ("W", Distribution::weibull(0.7, 1.0)),
        ("emp", Distribution::empirical(&[3.0, 1.0, 2.0, 2.0])),
        ("PH", Distribution::phase_type(&[0.4, 0.6], &[1.0, 3.0], &[&[0.0, 0.5], &[0.2, 0.0]])),
    ]
}

#[test]
fn samples_have_the_moments_the_transform_and_the_quantiles() {
    const N: usize = 200_000;
    for (letter, law) in all() {
        assert_eq!(law.letter(), letter);
        let mut stream = Stream::new(1917, 0, letter);
        let values: Vec<f64> = (0..N).map(|_| law.sample(&mut stream)).collect();
        let mean_of = |f: &dyn Fn(f64) -> f64| values.iter().map(|x| f(*x)).sum::<f64>() / N as f64;
        // Five standard errors, by the moments themselves.
        let near = |what: &str, seen: f64, truth: f64, second: f64| {
            let error = ((second - truth * truth).max(0.0) / N as f64).sqrt();
            assert!(
                (seen - truth).abs() <= 5.0 * error + 1e-9,
                "{letter}, {what}: {seen}, {truth}"
            );
        };
        near("mean", mean_of(&|x| x), law.mean(), law.moment(2));
        near("second moment", mean_of(&|x| x * x), law.moment(2), law.moment(4));
        for s in [0.3, 1.0, 4.0] {
            near(
                "transform",
                mean_of(&|x| (-s * x).exp()),
                law.transform(s),
                law.transform(2.0 * s),
            );
        }
        for x in [0.7, 1.5, 2.0, 4.0] {
            let below = law.at_most(x);
            near("at most", mean_of(&|v| f64::from(u8::from(v <= x))), below, below);
        }
        if !matches!(letter, "D" | "emp") {
            for p in [0.05, 0.5, 0.99] {
                assert!((law.at_most(law.quantile(p)) - p).abs() < 1e-9, "{letter} at {p}");
            }
        }
        assert!(values.iter().all(|x| *x >= 0.0));
    }
}

#[test]
fn transforms_and_moments_belong_together() {
    for (letter, law) in all() {
        assert!((law.transform(0.0) - 1.0).abs() < 1e-9, "{letter}");
        // The slope at 0 is the mean, and the third difference at 0 the third moment.
        let h = 1e-3;
        let at = |k: f64| law.transform(k * h);
        let slope = (at(0.0) - at(1.0)) / h;
        assert!((slope / law.mean() - 1.0).abs() < 5e-3, "{letter}: {slope} and {}", law.mean());
        let scv = law.moment(2) / law.mean().powi(2) - 1.0;
        assert!((law.scv() - scv).abs() < 1e-9, "{letter}");
    }
}

#[test]
fn a_fit_has_the_mean_and_the_scv_it_was_asked_for() {
    for scv in [0.0, 0.01, 0.2, 0.25, 0.3, 0.5, 0.99, 1.0, 1.5, 10.0, 300.0] {
        let law = Distribution::fitted(3.0, scv);
        assert!(
            (law.mean() - 3.0).abs() < 1e-9 && (law.scv() - scv).abs() < 1e-9 * scv.max(1.0),
            "{scv}: {law}"
        );
    }
    let law = Distribution::lognormal(3.0, 7.0);
    assert!((law.mean() - 3.0).abs() < 1e-9 && (law.scv() - 7.0).abs() < 1e-9);
    assert_eq!(law.to_string(), "LN with mean 3, SCV 7");
}

#[test]
fn heavy_tails_have_infinite_moments() {
    assert_eq!(Distribution::pareto(0.9, 1.0).mean(), f64::INFINITY);
    let law = Distribution::pareto(1.5, 1.0);
    assert_eq!((law.mean(), law.scv()), (3.0, f64::INFINITY));
}

/// An Erlang is also a chain of phases, a hyperexponential a choice of them.
#[test]
fn phases_give_the_others_as_special_cases() {
    let chain = Distribution::phase_type(
        &[1.0, 0.0, 0.0],
        &[1.5; 3],
        &[&[0.0, 1.0, 0.0], &[0.0, 0.0, 1.0], &[0.0, 0.0, 0.0]],
    );
    let choice = Distribution::phase_type(&[0.25, 0.75], &[0.5, 4.0], &[&[0.0; 2], &[0.0; 2]]);
    let pairs = [
        (chain, Distribution::erlang(3, 2.0)),
        (choice, Distribution::hyperexponential(&[(1.0, 2.0), (3.0, 0.25)])),
    ];
    for (phases, law) in pairs {
        for n in 1..=4 {
            assert!((phases.moment(n) / law.moment(n) - 1.0).abs() < 1e-12);
        }
        for x in [0.1, 1.0, 10.0, 2000.0] {
            assert!((phases.at_most(x) - law.at_most(x)).abs() < 1e-10, "{x}");
            assert!((phases.transform(x) - law.transform(x)).abs() < 1e-12, "{x}");
        }
    }
}

#[test]
fn what_is_no_distribution_is_refused_in_a_sentence() {
    type Case = (fn() -> Distribution, &'static str);
    let cases: [Case; 13] = [
        (|| Distribution::exponential(0.0), "the mean must be a positive number, but it is 0"),
        (|| Distribution::deterministic(-1.0), "at least 0, but it is -1"),
        (|| Distribution::uniform(2.0, 1.0), "0 <= low < high, but they are 2 and 1"),
        (|| Distribution::erlang(0, 1.0), "at least 1 stage"),
        (|| Distribution::hyperexponential(&[]), "sum to more than 0"),
        (|| Distribution::hyperexponential(&[(-1.0, 1.0)]), "each weight"),
        (|| Distribution::lognormal(1.0, f64::NAN), "squared coefficient of variation must be"),
        (|| Distribution::pareto(-1.0, 1.0), "the shape must be a positive number"),
        (|| Distribution::empirical(&[]), "there are no values"),
        (|| Distribution::empirical(&[1.0, f64::INFINITY]), "but one is inf"),
        (|| Distribution::fitted(1.0, -0.5), "at least 0, but it is -0.5"),
        (|| Distribution::phase_type(&[0.5], &[1.0], &[&[0.0]]), "sum to 1"),
        (|| Distribution::phase_type(&[1.0], &[1.0], &[&[1.0]]), "come to an end"),
    ];
    for (make, told) in cases {
        let Err(panic) = std::panic::catch_unwind(make) else { panic!("{told:?} was not said") };
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or(panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        assert!(said.as_ref().is_some_and(|said| said.contains(told)), "{said:?} lacks {told:?}");
    }
}
