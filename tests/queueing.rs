//! Queues against their formulas, published values, and second methods; how often intervals cover
//! the truth is in coverage.rs.

#[path = "common/columns.rs"]
mod columns;
#[path = "common/queues.rs"]
mod queues;
#[path = "common/said.rs"]
mod said;

use columns::Named as _;
use pillars_models::sim::{Distribution, Trials};
use pillars_models::work::{
    Arrivals, Backoff, Discipline, Estimates, Queue, Theory, TheoryError, erlang_b, halfin_whitt,
};
use queues::models;
use said::each_says;
use std::panic::{AssertUnwindSafe, catch_unwind};

fn near(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * b.abs()
}

#[test]
fn waits_of_classes_are_those_of_the_formulas() {
    for discipline in [Discipline::Priority, Discipline::PriorityPreemptive] {
        let classes = [
            (1.0, Distribution::exponential(1.0)),
            (1.0, Distribution::erlang(2, 1.0)),
            (2.0, Distribution::fitted(0.5, 3.0)),
        ];
        let queue = Queue::mg1(0.9, Distribution::exponential(1.0));
        let queue = queue.classes(&classes).discipline(discipline.clone());
        let run = queue.simulate(Trials::new(30, 100_000).seed(3));
        for (class, truth) in queue.waits_by_class().unwrap().into_iter().enumerate() {
            let gap = run.wait_of_class(class).gap_in_bars(truth);
            assert!(gap < 2.0, "{discipline:?}, class {class}: {gap} bars from {truth}");
        }
    }
}

/// The same law by two roads: what is a special case of another agrees with it.
#[test]
fn formulas_meet_where_their_models_do() {
    let load = 0.7;
    let exponential = || Distribution::exponential(1.0);
    let one = Queue::mm1(load, 1.0).theory().unwrap();
    let of = |queue: Queue| queue.theory().unwrap();
    let phases = Distribution::phase_type(&[1.0], &[1.0], &[&[0.0]]);
    let same = [
        ("M/G/1 with phases", of(Queue::mg1(load, phases.clone()))),
        (
            "GI/M/1",
            of(Queue::new(Distribution::phase_type(&[1.0], &[load], &[&[0.0]]), exponential(), 1)),
        ),
        ("M/M/1 with room for many", of(Queue::mm1(load, 1.0).room(2_000))),
        ("M/M/1 PS", of(Queue::mm1(load, 1.0).discipline(Discipline::Ps))),
        ("M/M/1 LIFO", of(Queue::mm1(load, 1.0).discipline(Discipline::Lifo))),
        (
            "one class",
            of(Queue::mm1(load, 1.0)
                .classes(&[(3.0, exponential())])
                .discipline(Discipline::Priority)),
        ),
    ];
    for (name, theory) in same {
        assert!(near(theory.wait, one.wait, 1e-9), "{name}: {} and {}", theory.wait, one.wait);
        assert!(near(theory.queue_length, one.queue_length, 1e-9), "{name}");
    }
    // Several servers: one class is all, and classes keep the mean wait; patience in phases, and
    // patience that is nearly endless.
    let three = of(Queue::mmc(3.0 * load, 1.0, 3));
    for discipline in [Discipline::Priority, Discipline::PriorityPreemptive] {
        for shares in [&[1.0][..], &[1.0, 0.0, 4.0]] {
            let classes: Vec<_> = shares.iter().map(|share| (*share, exponential())).collect();
            let queue = Queue::mmc(3.0 * load, 1.0, 3).classes(&classes);
            let ranked = of(queue.discipline(discipline.clone()));
            assert!(near(ranked.wait, three.wait, 1e-6), "{discipline:?}: {}", ranked.wait);
        }
    }
    for (servers, load) in [(1, 0.7), (3, 2.1), (3, 5.0), (200, 260.0)] {
        let queue = |patience| of(Queue::mmc(load, 1.0, servers).patience(patience));
        let palm = queue(Distribution::exponential(2.0));
        let mandelbaum = queue(Distribution::phase_type(&[1.0], &[0.5], &[&[0.0]]));
        let all = |theory: Theory| {
            let waits = theory.probability_of_waiting().unwrap();
            [theory.wait, theory.queue_length, theory.abandoned, theory.number_in_system, waits]
        };
        for (a, b) in all(palm).into_iter().zip(all(mandelbaum)) {
            assert!(near(a, b, 1e-6), "{servers} servers: {a} and {b}");
        }
    }
    let patient = of(Queue::mmc(2.1, 1.0, 3).patience(Distribution::deterministic(200.0)));
    assert!(near(patient.wait, three.wait, 1e-6), "{}", patient.wait);
    // A server that breaks: White and Christie (1958) for exponential times, by another road.
    let (breaks, mends, comes, serves) = (0.1, 0.5, 0.6, 1.0);
    let number = comes * ((mends + breaks) * (mends + breaks) + serves * breaks)
        / ((mends + breaks) * (serves * mends - comes * (mends + breaks)));
    let rate = Distribution::with_rate;
    let breaking = of(Queue::mm1(comes, serves).breakdowns(rate(breaks), rate(mends)));
    assert!(near(breaking.number_in_system, number, 1e-9), "{number}");
    // SRPT and SJF of nearly constant service are nearly first come, first served.
    let constant = of(Queue::mg1(load, Distribution::deterministic(1.0)));
    assert!(near(constant.wait, one.wait / 2.0, 1e-12));
    for discipline in [Discipline::Sjf, Discipline::Srpt] {
        let law = Distribution::uniform(0.999, 1.001);
        let wait = of(Queue::mg1(load, law).discipline(discipline.clone())).wait;
        assert!(wait < constant.wait && near(wait, constant.wait, 0.3), "{discipline:?}: {wait}");
    }
    // M/D/c: one server by Pollaczek and Khinchin, and less than M/M/c always.
    let spitzer = of(Queue::new(Arrivals::poisson(1.4), Distribution::deterministic(1.0), 2));
    assert!(spitzer.wait < of(Queue::mmc(1.4, 1.0, 2)).wait / 1.9);
    // Erlang B is M/M/c/c.
    let full = of(Queue::mmc(4.0, 1.0, 5).room(5));
    assert!(near(full.lost, erlang_b(5, 4.0).unwrap(), 1e-12));
    assert_eq!(full.wait, 0.0);
}

/// Values that are printed elsewhere.
#[test]
fn published_values() {
    // Tijms (1994) and others print the mean wait of M/D/c over that of M/M/c at c = 2, ρ = 0.8:
    // by Crommelin's formula 0.513 to three digits.
    let constant = Queue::new(Arrivals::poisson(1.6), Distribution::deterministic(1.0), 2);
    let ratio = constant.theory().unwrap().wait / Queue::mmc(1.6, 1.0, 2).theory().unwrap().wait;
    assert!((0.50..0.53).contains(&ratio), "{ratio}");
    // SRPT before one server with exponential service at ρ = 0.8: Bansal and Harchol-Balter
    // (2001) and Schrage's formula give less than half of FIFO's time in system.
    let srpt = Queue::mm1(0.8, 1.0).discipline(Discipline::Srpt).theory().unwrap();
    assert!((1.0..2.5).contains(&srpt.time_in_system), "{}", srpt.time_in_system);
    // D/M/1 at ρ = 0.5: σ solves σ = e^(-2 (1 - σ)), 0.2032.
    let constant = Queue::new(Distribution::deterministic(2.0), Distribution::exponential(1.0), 1);
    assert!((constant.theory().unwrap().probability_of_waiting().unwrap() - 0.2032).abs() < 5e-5);
    assert!((halfin_whitt(1.0) - 0.22336).abs() < 5e-5);
}

#[test]
fn approximations_are_exact_where_they_should_be_and_near_elsewhere() {
    let queue = Queue::mmc(3.2, 1.0, 4);
    assert!(near(queue.allen_cunneen().unwrap(), queue.theory().unwrap().wait, 1e-12));
    let queue = Queue::mg1(0.9, Distribution::erlang(4, 1.0));
    assert!(near(queue.kingman().unwrap(), queue.theory().unwrap().wait, 1e-12));
    let queue = Queue::new(Distribution::erlang(2, 1.0 / 2.7), Distribution::fitted(1.0, 2.0), 3);
    let wait = queue.simulate(Trials::new(20, 200_000)).wait;
    assert!(near(queue.allen_cunneen().unwrap(), wait.mean, 0.1), "{wait}");
    assert!(matches!(queue.theory(), Err(TheoryError::Approximate(_))));
}

/// A reader's own code gives what the built-in discipline gives, customer by customer.
#[test]
fn disciplines_of_the_readers_own_are_like_those_built_in() {
    let queue = || Queue::mg1(0.8, Distribution::fitted(1.0, 3.0));
    let records = |discipline| {
        let table = queue().discipline(discipline).observed(20_000, 7);
        (table.column("number"), table.column("wait"))
    };
    let pairs = [
        (Discipline::Sjf, Discipline::by_key(|customer| customer.service)),
        (Discipline::Srpt, Discipline::by_key_preemptive(|customer| customer.left)),
        (Discipline::Lifo, Discipline::choose(|waiting, _| waiting.len() - 1)),
        (Discipline::by_key(|customer| customer.arrival), Discipline::choose(|_, _| 0)),
        (Discipline::Siro, Discipline::choose(|waiting, random| random.below(waiting.len()))),
    ];
    for (built_in, own) in pairs {
        let (ours, theirs) = (records(built_in.clone()), records(own));
        if matches!(built_in, Discipline::Siro) {
            // Another order in the list, and so another choice; the mean is the same in the end.
            assert!(near(mean(&ours.1), mean(&theirs.1), 0.3));
        } else {
            assert_eq!(ours, theirs, "{built_in:?}");
        }
    }
    // First come, first served by the event loop is the recursion.
    let loop_ = queue().discipline(Discipline::choose(|_, _| 0)).observed(5_000, 9);
    let recursion = queue().observed(5_000, 9);
    for (a, b) in loop_.column("wait").iter().zip(recursion.column("wait")) {
        assert!((a - b).abs() < 1e-7);
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Whoever serves the shortest first, the mean is least; and it is least with preemption.
#[test]
fn disciplines_are_in_the_order_that_is_proved() {
    let time = |discipline| {
        let queue = Queue::mg1(0.9, Distribution::fitted(1.0, 4.0)).discipline(discipline);
        queue.simulate(Trials::new(20, 50_000).seed(5)).time_in_system.mean
    };
    let [srpt, sjf, ps, fifo] =
        [Discipline::Srpt, Discipline::Sjf, Discipline::Ps, Discipline::Fifo].map(time);
    assert!(srpt < sjf && srpt < ps && sjf < fifo && ps < fifo, "{srpt} {sjf} {ps} {fifo}");
}

#[test]
fn servers_that_break_serve_what_is_left_of_their_time() {
    // Up 9 of 10: a load of 0.6 of a server that is always up is 2/3 of one that is not.
    let (up, repair) = (Distribution::exponential(90.0), Distribution::exponential(10.0));
    let queue = Queue::mm1(0.6, 1.0).breakdowns(up, repair);
    let run = queue.simulate(Trials::new(20, 200_000).seed(1));
    assert!(run.utilization.gap_in_bars(0.6) < 2.0, "{}", run.utilization);
    // White and Christie (1958): breakdowns are customers of a class that preempts:
    // L = (λ/μ + λ θ' / ...); by their formula with a completion time of mean 1/0.9.
    let (lambda, breaks, mean_repair): (f64, f64, f64) = (0.6, 1.0 / 90.0, 10.0);
    let completion = 1.0 + breaks * mean_repair;
    let second = 2.0 * completion.powi(2) + breaks * 2.0 * mean_repair.powi(2);
    // One who comes while the empty server is down waits for its repair.
    let down = breaks * mean_repair / completion;
    let wait = lambda * second / (2.0 * (1.0 - lambda * completion)) + down * mean_repair;
    let truth = wait + completion;
    assert!(run.time_in_system.gap_in_bars(truth) < 2.0, "{} and {truth}", run.time_in_system);
}

#[test]
fn who_comes_again_is_served_in_the_end_if_there_is_time() {
    use Backoff;
    let queue = Queue::mm1(0.5, 1.0).room(1);
    let once = queue.simulate(Trials::new(20, 20_000));
    assert!(once.lost.gap_in_bars(1.0 / 3.0) < 2.0 && once.attempts.mean == 1.0);
    let again = queue.clone().retries(Backoff::exponential(20.0, 1000.0, 30));
    let again = again.simulate(Trials::new(20, 20_000));
    assert!(again.lost.mean < 1e-3 && again.attempts.mean > 1.5, "{}", again.attempts);
    // All are served, by a server that is busy for each as long as before.
    assert!(again.utilization.gap_in_bars(0.5) < 2.0, "{}", again.utilization);
}

#[test]
fn a_trace_and_bursts_are_arrivals_too() {
    let times: Vec<f64> = (1..=100).map(|n| f64::from(n) * 2.0).collect();
    let queue = Queue::new(Arrivals::trace(&times), Distribution::deterministic(1.0), 1);
    let run = queue.simulate(Trials::new(2, 90));
    assert_eq!((run.wait.mean, run.utilization.mean), (0.0, 0.5));
    let said = catch_unwind(AssertUnwindSafe(|| queue.simulate(Trials::new(2, 100)))).unwrap_err();
    assert!(said.downcast_ref::<String>().unwrap().contains("the trace has 100 arrivals, but 110"));
    // Bursts: the same rate, and a longer wait than Poisson's.
    let bursts = Arrivals::modulated(&[(4.0, 10.0), (0.0, 70.0)]);
    assert!(near(bursts.rate(), 0.5, 1e-12));
    let bursty = Queue::new(bursts, Distribution::exponential(1.0), 1);
    let run = bursty.simulate(Trials::new(20, 100_000));
    assert!(run.throughput.gap_in_bars(0.5) < 2.0, "{}", run.throughput);
    assert!(run.wait.mean > 5.0, "{}", run.wait);
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let queues = models(0.8);
        let run = || queues.iter().map(|(_, queue)| queue.simulate(Trials::new(5, 500))).collect();
        let runs: Vec<Estimates> = pool.install(run);
        format!("{runs:?}")
    };
    assert_eq!(on(1), on(2));
}

#[test]
fn what_makes_no_sense_is_told_in_a_sentence() {
    let one = || Queue::mm1(0.5, 1.0);
    type Case = (Box<dyn Fn()>, &'static str);
    let cases: [Case; 7] = [
        (
            Box::new(move || drop(Queue::mmc(1.0, 1.0, 3).room(2))),
            "as many customers as servers, 3, but there is for 2",
        ),
        (
            Box::new(move || drop(one().classes(&[(0.0, Distribution::exponential(1.0))]))),
            "sum to more than 0",
        ),
        (Box::new(move || drop(Arrivals::trace(&[]))), "the trace is empty"),
        (Box::new(move || drop(Arrivals::trace(&[2.0, 1.0]))), "1 follows 2"),
        (
            Box::new(move || drop(Arrivals::modulated(&[(0.0, 1.0)]))),
            "above 0, or nobody ever comes",
        ),
        (
            Box::new(move || drop(one().balking(|_| 1.5).simulate(Trials::new(2, 10)))),
            "between 0 and 1, but with 0 customers present it is 1.5",
        ),
        (
            Box::new(move || {
                let patience = Distribution::exponential(1.0);
                drop(
                    one()
                        .discipline(Discipline::Ps)
                        .patience(patience)
                        .simulate(Trials::new(2, 10)),
                );
            }),
            "processor sharing is not simulated with patience",
        ),
    ];
    each_says(cases);
}
