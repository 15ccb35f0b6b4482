//! Queues at the ends of what they can be: whom a formula does not fit, servers without limit,
//! percentiles, warm-ups and numbers of replications that are found.

#[path = "common/columns.rs"]
mod columns;
#[path = "common/said.rs"]
mod said;

use columns::Named as _;
use pillars_models::sim::{Distribution, Trials};
use pillars_models::work::{Arrivals, Backoff, Balancer, Discipline, Policy, Queue, TheoryError};
use pillars_models::work::{erlang_b, erlang_c};
use said::each_says;

fn near(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * b.abs()
}

/// Who sees n goes away with probability 1 - 1 / (n + 1): the number is Poisson whatever the load
/// (Reynolds, 1968), also where the server could not keep up with all.
#[test]
fn balking_holds_a_queue_back_that_is_offered_too_much() {
    for load in [0.5f64, 1.0, 2.0, 30.0] {
        let queue = Queue::mm1(load, 1.0).balking(|n| 1.0 - 1.0 / (n as f64 + 1.0));
        let theory = queue.theory().unwrap();
        assert!(near(theory.number_in_system, load, 1e-9), "{load}: {}", theory.number_in_system);
        assert!(near(theory.utilization, 1.0 - (-load).exp(), 1e-9), "{load}");
    }
    // Not enough of them go: the number grows without end.
    let never = Queue::mm1(2.0, 1.0).balking(|_| 0.25).theory().unwrap_err();
    assert_eq!(never, TheoryError::Unstable { servers: 1, offered: 1.5 });
    assert!(Queue::mm1(2.0, 1.0).balking(|_| 0.75).theory().is_ok());
}

#[test]
fn nobody_who_is_served_has_no_wait() {
    let error = Queue::mm1(0.5, 1.0).balking(|_| 1.0).theory().unwrap_err();
    assert!(error.to_string().starts_with("nobody is served, because everybody balks"), "{error}");
    let some = Queue::mm1(0.5, 1.0).balking(|n| f64::from(u8::from(n > 0))).theory().unwrap();
    assert!(some.wait == 0.0 && near(some.lost, 1.0 / 3.0, 1e-12));
}

#[test]
fn servers_without_limit_let_nobody_wait() {
    let queue = Queue::mm_infinity(6.0, 0.5);
    assert_eq!(queue.to_string(), "M/M/∞ with λ = 6, μ = 0.5");
    let theory = queue.theory().unwrap();
    assert_eq!((theory.wait, theory.number_in_system, theory.utilization), (0.0, 12.0, 0.0));
    assert_eq!(theory.probability_of_waiting(), Ok(0.0));
    assert!(near(theory.time_quantile(0.99).unwrap(), 2.0 * 100f64.ln(), 1e-12));
    let run = queue.simulate(Trials::new(20, 50_000).seed(3));
    assert!(run.number_in_system.gap_in_bars(12.0) < 2.0, "{}", run.number_in_system);
    assert!(run.time_in_system.gap_in_bars(2.0) < 2.0 && run.wait.mean == 0.0);
    assert!(run.time_quantile(0.99).gap_in_bars(2.0 * 100f64.ln()) < 2.0);
    // Of the service only the mean counts; of the arrivals only the rate.
    let bursts = Arrivals::modulated(&[(9.0, 1.0), (3.0, 1.0)]);
    for (queue, number) in [
        (Queue::new(Arrivals::poisson(6.0), Distribution::lognormal(2.0, 4.0), usize::MAX), 12.0),
        (Queue::new(bursts, Distribution::deterministic(2.0), usize::MAX), 12.0),
        (Queue::mmc(6.0, 0.5, usize::MAX).discipline(Discipline::Lifo), 12.0),
    ] {
        let (theory, run) = (queue.theory().unwrap(), queue.simulate(Trials::new(20, 50_000)));
        assert!(near(theory.number_in_system, number, 1e-9), "{queue}");
        assert!(
            run.number_in_system.gap_in_bars(number) < 2.0,
            "{queue}: {}",
            run.number_in_system
        );
    }
    // As with many servers, customer by customer.
    let (ours, many) = (queue.observed(500, 4), Queue::mmc(6.0, 0.5, 500).observed(500, 4));
    let sum = |values: Vec<f64>| values.iter().sum::<f64>();
    assert!(sum(ours.column("wait")) == 0.0 && sum(many.column("wait")) == 0.0);
    assert!(ours.column("departure").is_sorted());
    assert!((erlang_b(usize::MAX, 3.0), erlang_c(usize::MAX, 3.0)) == (Ok(0.0), Ok(0.0)));
    assert!(erlang_b(usize::MAX, 1e18).is_err());
}

/// Percentiles of what is simulated are those of the formulas.
#[test]
fn percentiles_of_waits_and_stays_are_met() {
    let queues = [
        Queue::mm1(0.8, 1.0),
        Queue::mmc(3.2, 1.0, 4),
        Queue::mm1(0.8, 1.0).room(10),
        Queue::mmc(5.0, 1.0, 4).room(12),
        Queue::new(Distribution::deterministic(1.25), Distribution::exponential(1.0), 1),
        Queue::new(Distribution::fitted(1.25, 4.0), Distribution::exponential(1.0), 1),
    ];
    for queue in queues {
        let theory = queue.theory().unwrap();
        let run = queue.simulate(Trials::new(30, 100_000).seed(8));
        for p in [0.3, 0.9, 0.99] {
            for (what, estimate, truth) in [
                ("wait", run.wait_quantile(p), theory.wait_quantile(p).unwrap()),
                ("stay", run.time_quantile(p), theory.time_quantile(p).unwrap()),
            ] {
                // A histogram's bins are 0.4 % wide.
                let fits = estimate.gap_in_bars(truth) < 2.0 || near(estimate.mean, truth, 0.004);
                assert!(fits, "{queue}, {what} at {p}: {estimate} and {truth}");
            }
        }
        let tail = run.wait_exceeds(3.0);
        assert!(tail.gap_in_bars(theory.wait_exceeds(3.0).unwrap()) < 2.5, "{queue}: {tail}");
    }
}

/// The wait drifts for some relaxation times; what MSER-5 leaves out grows with them, and the
/// bias of a run without a warm-up is gone.
#[test]
fn a_warm_up_is_found() {
    let trials = Trials::new(400, 3_000).warmup(0).seed(5);
    let settled = |load: f64| Queue::mm1(load, 1.0).settled(trials);
    let [light, heavy] = [0.5, 0.95].map(settled);
    println!("{} and {}", light.warmup, heavy.warmup);
    assert!(light.warmup < heavy.warmup && heavy.warmup <= 1_500, "{heavy:?}");
    assert_eq!(heavy, trials.warmup(heavy.warmup));
    let queue = Queue::mm1(0.95, 1.0);
    let truth = queue.theory().unwrap().wait;
    let (cold, warm) = (queue.simulate(trials).wait, queue.simulate(heavy).wait);
    assert!(cold.high() < truth, "{cold}");
    assert!((warm.mean - truth).abs() < 0.7 * (cold.mean - truth).abs(), "{cold}, {warm}, {truth}");
    let balancer = Balancer::memoryless(0.9, 10).policy(Policy::LeastConnections);
    assert!(balancer.settled(trials).warmup <= 10_000);
}

#[test]
fn replications_are_added_until_the_interval_is_narrow() {
    let queue = Queue::mm1(0.8, 1.0);
    let trials = Trials::new(10, 5_000).seed(2);
    let narrow = queue.simulate_until(0.01, 10_000, trials).time_in_system;
    assert!(narrow.half_width <= 0.01 * narrow.mean && narrow.n > 20, "{narrow} of {}", narrow.n);
    assert!(narrow.gap_in_bars(5.0) < 2.0, "{narrow}");
    assert_eq!(queue.simulate_until(1e-9, 30, trials).wait.n, 30);
    // One that is narrow at once is the same run.
    let (once, until) = (queue.simulate(trials), queue.simulate_until(10.0, 10, trials));
    assert_eq!(format!("{once:?}"), format!("{until:?}"));
    let balancer = Balancer::memoryless(0.8, 4);
    let time = balancer.simulate_until(0.02, 10_000, trials).time_in_system;
    assert!(time.half_width <= 0.02 * time.mean && time.gap_in_bars(5.0) < 2.0, "{time}");
}

#[test]
fn what_is_not_known_is_told_of_this_library() {
    let (up, repair) = (Distribution::erlang(2, 90.0), Distribution::exponential(10.0));
    let impatient = || Distribution::deterministic(1.0);
    let classes = [(1.0, Distribution::exponential(1.0)), (1.0, Distribution::exponential(2.0))];
    for (queue, advice) in [
        (Queue::mm1(0.5, 1.0).breakdowns(up, repair), false),
        (Queue::mmc(1.0, 1.0, 2).classes(&classes).discipline(Discipline::Priority), false),
        (Queue::mmc(1.0, 1.0, 2).patience(impatient()).room(5), false),
        (Queue::mg1(0.5, Distribution::erlang(2, 1.0)).patience(impatient()), false),
        (Queue::new(Arrivals::modulated(&[(1.0, 1.0)]), Distribution::erlang(2, 0.5), 1), false),
        (Queue::new(Distribution::erlang(2, 2.0), Distribution::erlang(2, 1.0), 1), true),
        (Queue::new(Arrivals::poisson(2.0), Distribution::erlang(2, 1.0), 3), true),
    ] {
        let said = queue.theory().unwrap_err().to_string();
        assert!(said.starts_with("this library has no closed form for"), "{said}");
        assert_eq!(said.contains("allen_cunneen"), advice, "{said}");
        // The advice can be followed.
        assert!(!advice || queue.allen_cunneen().is_ok(), "{said}");
    }
}

#[test]
fn what_makes_no_sense_is_told_in_a_sentence() {
    let one = || Queue::mm1(0.5, 1.0);
    let few = Trials::new(2, 10);
    type Case = (Box<dyn Fn()>, &'static str);
    let cases: [Case; 11] = [
        (Box::new(move || drop(one().balking(|_| 1.5))), "with 0 customers present it is 1.5"),
        (Box::new(move || drop(one().balking(|_| f64::NAN))), "customers present it is NaN"),
        (
            Box::new(move || _ = one().balking(|n| 0.9 * n as f64).theory()),
            "between 0 and 1, but with 2 customers present it is 1.8",
        ),
        (
            Box::new(move || {
                let again = one().room(3).retries(Backoff::constant(1.0, 3));
                drop(again.discipline(Discipline::Ps).simulate(few));
            }),
            "processor sharing is not simulated with patience, balking, breakdowns or retries",
        ),
        (
            Box::new(move || drop(Queue::mmc(1.0, 1.0, usize::MAX - 1).simulate(few))),
            "at most 100000000 servers can be simulated",
        ),
        (
            Box::new(move || drop(Queue::mm_infinity(1.0, 1.0).balking(|_| 0.5).simulate(few))),
            "without limit are not simulated with balking",
        ),
        (Box::new(move || drop(Queue::mm_infinity(0.0, 1.0))), "Queue::mm_infinity: the arrival"),
        (Box::new(move || drop(one().simulate_until(0.0, 10, few))), "relative half width"),
        (Box::new(move || drop(one().simulate_until(0.1, 1, few))), "at least the 2 replications"),
        (Box::new(move || _ = one().settled(few)), "fewer than 20 customers"),
        (
            Box::new(|| _ = Balancer::memoryless(0.5, 2).settled(Trials::new(2, 10))),
            "Balancer::settled: a warm-up cannot be seen",
        ),
    ];
    each_says(cases);
}
