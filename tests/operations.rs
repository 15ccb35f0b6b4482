//! Discovery, reconcile loops and coordination against their closed forms.

#[path = "common/columns.rs"]
mod columns;
#[path = "common/said.rs"]
mod said;

use columns::Named as _;
use pillars_models::operations::{Controller, Coordination, Discovery, Reconcile, Workflow};
use pillars_models::sim::{Distribution, Estimate, Trials};
use said::each_says;

fn close(what: &str, measured: Estimate, exact: f64) {
    println!("{what}: {measured} and {exact:.5}");
    let is_same = (measured.mean - exact).abs() < 1e-9;
    assert!(is_same || measured.gap_in_bars(exact) < 2.0, "{what}: {measured} and {exact}");
}

#[test]
fn discovery_is_as_stale_as_renewal_says() {
    let service = || Discovery::new(10, 100.0).requests(2.0);
    let crash = || service().detected_after(10.0);
    let trials = Trials::new(20, 20_000).seed(7);
    let cases = [
        ("watched", service().watch(2.0)),
        ("noticed late", crash()),
        ("both", crash().watch(3.0)),
        ("cached", crash().ttl(30.0)),
        ("seldom asked", crash().ttl(5.0).requests(0.1)),
        ("retried", crash().ttl(30.0).retries(1)),
        ("retried twice", crash().ttl(60.0).retries(2)),
        ("orderly", crash().orderly(0.7, 20.0).ttl(30.0)),
        ("orderly, retried", crash().orderly(0.7, 20.0).ttl(30.0).retries(1)),
        ("all orderly, watched", crash().orderly(1.0, 2.0).watch(5.0)),
    ];
    for (name, discovery) in cases {
        let run = discovery.simulate(trials);
        close(name, run.errors, discovery.errors());
        close(name, run.attempts, discovery.attempts());
        close(name, run.messages, discovery.messages());
    }
    // Who leaves in order and drains for a time to live is never missed.
    let drained = crash().orderly(1.0, 30.0).ttl(30.0);
    assert!(drained.errors().abs() < 1e-12 && drained.simulate(trials).errors.mean == 0.0);
    // By hand: 1 - e^(-2/100) and d / (L + d).
    assert!((service().watch(2.0).errors() - (1.0 - (-0.02f64).exp())).abs() < 1e-12);
    assert!((crash().errors() - 10.0 / 110.0).abs() < 1e-12);
}

#[test]
fn a_client_of_ones_own_avoids_what_has_failed_it() {
    let trials = Trials::new(10, 10_000);
    let service = Discovery::new(5, 100.0).detected_after(20.0).requests(10.0);
    let by_chance = service.clone().choosing(|listed, random| random.below(listed.count()));
    close("by chance", by_chance.simulate(trials).errors, service.errors());
    let wary = service.clone().choosing(|listed, random| {
        let healthy: Vec<usize> =
            (0..listed.count()).filter(|at| !listed.has_failed(*at)).collect();
        match healthy.is_empty() {
            true => random.below(listed.count()),
            false => healthy[random.below(healthy.len())],
        }
    });
    let wary = wary.simulate(trials).errors;
    assert!(wary.high() < 0.1 * service.errors(), "{wary} and {}", service.errors());
}

#[test]
fn objects_are_wrong_for_as_long_as_the_formulas_say() {
    let trials = Trials::new(20, 4000).seed(3);
    let new = || Reconcile::new(20, 0.1);
    let (level, values, changes) =
        (Controller::level(), Controller::values(), Controller::changes());
    let cases = [
        ("nothing lost", new().delay(2.0), &level),
        ("level, lost", new().lost(0.2), &level),
        ("level, delayed", new().lost(0.2).delay(5.0), &level),
        ("level, reordered", new().lost(0.2).reordered(5.0), &level),
        ("level, twice", new().lost(0.2).repeated(0.5).reordered(5.0), &level),
        ("level, twice at once", new().lost(0.2).repeated(0.9).delay(5.0), &level),
        ("level, resync", new().lost(0.2).resync(10.0), &level),
        ("level, all", new().lost(0.1).repeated(0.3).reordered(4.0).resync(8.0).spread(), &level),
        ("resync alone", new().lost(1.0).resync(10.0), &level),
        ("values, lost", new().lost(0.2), &values),
        ("values, delayed", new().lost(0.2).delay(3.0), &values),
        ("values, reordered", new().lost(0.2).reordered(3.0), &values),
        ("values, busy", Reconcile::new(20, 2.0).lost(0.05).reordered(3.0), &values),
        ("values, resync", new().lost(0.2).resync(10.0), &values),
        ("changes, delayed", new().delay(3.0), &changes),
        ("changes, reordered", new().reordered(3.0), &changes),
        ("changes, resync", new().lost(0.2).resync(20.0), &changes),
    ];
    for (name, objects, controller) in cases {
        let exact = objects.wrong(controller).unwrap();
        close(name, objects.simulate(controller, trials).wrong, exact);
    }
    // By hand: p (1 - (1 - e^-1)) with c T = 1; and about p c T / 2 when that is small.
    let exact = new().lost(0.2).resync(10.0).wrong(&level).unwrap();
    assert!((exact - 0.2 * (-1f64).exp()).abs() < 1e-9, "{exact}");
    let small = new().lost(0.2).resync(0.1).wrong(&level).unwrap();
    assert!((small / (0.2 * 0.01 / 2.0) - 1.0).abs() < 0.01, "{small}");
    let busy = new().lost(0.2).repeated(0.5).resync(5.0);
    close("looks", busy.simulate(&level, trials).looks, busy.looks());
    // A looser channel is no better, and level is never worse than edge.
    for lost in [0.0, 0.01, 0.3] {
        let objects = new().lost(lost).reordered(2.0);
        assert!(objects.wrong(&level) <= objects.wrong(&values));
    }
    assert_eq!(new().work(0.1).wrong(&level), None);
}

#[test]
fn changes_that_are_lost_are_lost_for_ever() {
    let changes = Controller::changes();
    let objects = Reconcile::new(50, 0.5).lost(0.1).repeated(0.05);
    let seen = objects.observed(&changes, 400.0, 100.0, 40, 1);
    for (time, rms) in seen.times.iter().zip(&seen.rms) {
        let exact = objects.divergence(*time).unwrap();
        println!("{time} {rms} {exact}");
        assert!((rms / exact - 1.0).abs() < 0.06, "{time}: {rms} and {exact}");
    }
    assert!(seen.wrong.last().unwrap() > &0.99);
    assert_eq!(seen.columns().column("time"), [100.0, 200.0, 300.0, 400.0]);
    // What is under way is missing too: c δ of it when nothing is lost.
    let slow = Reconcile::new(50, 0.5).delay(4.0);
    let rms = slow.observed(&changes, 100.0, 50.0, 40, 1).rms[1];
    assert!((rms / 2f64.sqrt() - 1.0).abs() < 0.06 && slow.divergence(100.0) == Some(2f64.sqrt()));
    // Healthy, and mended: a resync, or a look at what is.
    let healthy = Reconcile::new(50, 0.5).observed(&changes, 400.0, 400.0, 5, 1);
    assert_eq!((healthy.rms[0] < 1e-9, healthy.wrong[0]), (true, 0.0));
    let level = objects.resync(10.0).observed(&Controller::level(), 400.0, 100.0, 40, 1);
    assert!(level.rms.iter().all(|rms| *rms < 0.5), "{:?}", level.rms);
    // The same, written by a reader.
    let own = Controller::own("mine", |seen| seen.desired()).merging(true);
    assert_eq!(objects.resync(10.0).observed(&own, 400.0, 100.0, 40, 1), level);
}

#[test]
fn a_work_queue_merges_and_a_resync_is_a_storm() {
    let trials = Trials::new(10, 5000);
    let objects = Reconcile::new(200, 0.01).work(0.2).lost(0.01);
    let calm = objects.simulate(&Controller::level(), trials);
    let storm = objects.resync(100.0).simulate(&Controller::level(), trials);
    let spread = objects.resync(100.0).spread().simulate(&Controller::level(), trials);
    assert_eq!(objects.resync(100.0).storm(), 40.0);
    assert!((objects.resync(100.0).load() - 0.796).abs() < 1e-9);
    println!("{calm:?}\n{storm:?}\n{spread:?}");
    // Who changes in a storm waits for it to end; spread over the period there is none.
    assert!(storm.backlog.low() > 150.0 && spread.backlog.high() < 60.0);
    assert!(storm.spell_p99.low() > 2.0 * spread.spell_p99.high().min(19.0));
    // Overloaded without merging, the line grows for as long as it runs; merged, it cannot hold
    // more than all objects.
    let busy = Reconcile::new(50, 0.2).work(0.15);
    assert!(busy.load() > 1.0);
    let merged = busy.simulate(&Controller::level(), trials);
    let each = busy.simulate(&Controller::level().merging(false), trials);
    assert!(merged.backlog.high() <= 50.0 && each.backlog.low() > 500.0);
    assert!(merged.wrong.high() < each.wrong.low());
}

#[test]
fn workflows_take_as_long_as_the_formulas_say() {
    use Coordination::{Choreographed, Orchestrated};
    let trials = Trials::new(20, 5000).seed(5);
    let new = || Workflow::new(4, Distribution::exponential(10.0)).hop(1.0);
    let cases = [
        ("healthy", new()),
        ("lost", new().lost(0.1).time_out(60.0)),
        (
            "longer each time",
            new().lost(0.2).time_outs(|asked| 30.0 * 2f64.powi(asked.min(6) as i32)),
        ),
        ("outages", new().outages(100.0, 20.0)),
        ("both", new().lost(0.1).time_out(60.0).outages(100.0, 20.0)),
    ];
    for (name, workflow) in cases {
        for by in [Orchestrated, Choreographed] {
            let run = workflow.simulate(by, trials);
            close(name, run.messages, workflow.messages(by));
            close(name, run.completed, workflow.completed(by));
            close(name, run.latency, workflow.latency(by));
        }
    }
    assert_eq!((new().least_messages(Orchestrated), new().least_messages(Choreographed)), (8, 5));
    assert_eq!((new().latency(Orchestrated), new().latency(Choreographed)), (48.0, 45.0));
    // A lost event that nobody looks for is never seen; with a sweep all end, later.
    let lossy = new().lost(0.05);
    assert_eq!(lossy.seen_after(Choreographed), f64::INFINITY);
    let swept = lossy.clone().sweep(20.0, 60.0);
    let run = swept.simulate(Choreographed, trials);
    assert_eq!((run.completed.mean, swept.seen_after(Choreographed)), (1.0, 70.0));
    close("messages", run.messages, swept.messages(Choreographed));
    // First-order: the phase of the sweep is not quite uniform after the first loss.
    let exact = swept.latency(Choreographed);
    assert!((run.latency.mean / exact - 1.0).abs() < 0.03, "{} and {exact}", run.latency);
    assert!(
        (new().services_up(0.99).outages(99.0, 1.0).availability(Orchestrated) - 0.99f64.powi(5))
            .abs()
            < 1e-12
    );
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let all = || {
        let trials = Trials::new(6, 500).seed(11);
        let discovery = Discovery::new(5, 50.0).ttl(10.0).simulate(trials);
        let objects = Reconcile::new(10, 0.1).lost(0.1).reordered(2.0).work(0.1).resync(20.0);
        let workflow = Workflow::new(3, Distribution::exponential(1.0)).lost(0.1).outages(5.0, 1.0);
        format!(
            "{discovery:?} {:?} {:?}",
            objects.simulate(&Controller::level(), trials),
            workflow.simulate(Coordination::Orchestrated, trials)
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
    let exponential = || Distribution::exponential(1.0);
    let cases: Vec<Case> = vec![
        (Box::new(|| drop(Discovery::new(0, 1.0))), "instances must be at least 1, but it is 0"),
        (Box::new(|| drop(Discovery::new(1, f64::NAN))), "life of an instance must be a positive"),
        (Box::new(|| drop(Discovery::new(1, 1.0).ttl(0.0))), "the time to live must be a positive"),
        (
            Box::new(|| drop(Discovery::new(1, 1.0).orderly(1.5, 0.0))),
            "between 0 and 1, but it is 1.5",
        ),
        (
            Box::new(|| drop(Discovery::new(2, 1.0).retries(2))),
            "at most 1 retries, but there are 2",
        ),
        (
            Box::new(|| {
                let own = Discovery::new(2, 1.0).choosing(|_, _| 7);
                _ = own.simulate(Trials::new(2, 10));
            }),
            "numbered from 0, but the choice named 7",
        ),
        (Box::new(|| _ = Reconcile::new(0, 1.0)), "objects must be at least 1"),
        (Box::new(|| _ = Reconcile::new(1, 1.0).lost(f64::NAN)), "between 0 and 1, but it is NaN"),
        (Box::new(|| _ = Reconcile::new(1, 1.0).resync(0.0)), "the period must be a positive"),
        (
            Box::new(|| {
                let own = Controller::own("mine", |_| f64::NAN);
                _ = Reconcile::new(1, 1.0).simulate(&own, Trials::new(2, 10));
            }),
            "a finite number, but mine makes it NaN",
        ),
        (Box::new(move || drop(Workflow::new(0, exponential()))), "services must be at least 1"),
        (Box::new(move || drop(Workflow::new(1, exponential()).lost(1.0))), "nothing is ever done"),
        (
            Box::new(move || {
                let never = Workflow::new(1, exponential()).lost(0.5).time_outs(|_| -1.0);
                _ = never.latency(Coordination::Orchestrated);
            }),
            "the time-out must be a positive number",
        ),
    ];
    each_says(cases);
}
