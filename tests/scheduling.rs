//! Scheduling against bounds, exact optima, and queues of which much is known.

#[path = "common/said.rs"]
mod said;

use pillars_models::operations::{
    Cluster, ClusterLimits, Fit, Packing, Resources, TaskClass, Waiting, churn,
};
use pillars_models::sim::{Distribution, Stream, Trials};
use pillars_models::work::erlang_c;
use said::each_says;

fn one(sizes: &[f64]) -> Packing {
    let tasks: Vec<Resources> = sizes.iter().map(|size| Resources::new(*size, 0.0)).collect();
    Packing::new(&tasks, Resources::new(1.0, 0.0))
}

fn fits() -> [Fit; 5] {
    [Fit::first(), Fit::best(), Fit::worst(), Fit::balanced(), Fit::aligned()]
}

/// The instance with which Johnson (1973) shows that 11/9 cannot be bettered: 9 machines suffice,
/// and first fit decreasing takes 11.
#[test]
fn first_fit_decreasing_meets_its_bound() {
    let e = 0.01;
    let parts = [(6, 0.5 + e), (6, 0.25 + 2.0 * e), (6, 0.25 + e), (12, 0.25 - 2.0 * e)];
    let sizes: Vec<f64> = parts.iter().flat_map(|(count, size)| vec![*size; *count]).collect();
    let packing = one(&sizes);
    assert_eq!(packing.decreasing(&Fit::first()).count(), 11);
    assert_eq!((packing.optimum(), packing.volume_bound()), (Some(9), 9));
    assert_eq!([1, 2, 3, 9, 18].map(Packing::ffd_bound), [1, 3, 4, 11, 22]);
}

#[test]
fn no_packing_beats_the_optimum_nor_its_bounds() {
    let mut random = Stream::new(5, 0, "sizes");
    let mut above = 0;
    for case in 0..300 {
        let count = 4 + random.below(11);
        let sizes: Vec<f64> = (0..count).map(|_| 0.05 + 0.75 * random.uniform()).collect();
        let packing = one(&sizes);
        let best = packing.optimum().unwrap();
        assert!(packing.volume_bound() <= best, "{case}: {sizes:?}");
        let ffd = packing.decreasing(&Fit::first()).count();
        assert!(best <= ffd && ffd <= Packing::ffd_bound(best), "{case}: {ffd} of {best}");
        // First fit in any order: 1.7 of the optimum (Dósa and Sgall, 2013).
        let ff = packing.packed(&Fit::first()).count();
        assert!(best <= ff && ff as f64 <= 1.7 * best as f64, "{case}: {ff} of {best}");
        above += usize::from(ff > best);
        // Second method: the best of all ways to share the tasks out.
        if count <= 7 {
            assert_eq!(best, by_force(&sizes), "{case}: {sizes:?}");
        }
    }
    assert!(above > 20, "{above}");
}

/// The fewest sets of at most 1, by dynamic programming over subsets.
fn by_force(sizes: &[f64]) -> usize {
    let fits: Vec<bool> = (0..1usize << sizes.len())
        .map(|set| {
            let part = sizes.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1);
            part.map(|(_, size)| size).sum::<f64>() <= 1.0 + 1e-9
        })
        .collect();
    let mut best = vec![usize::MAX; fits.len()];
    best[0] = 0;
    for set in 1..fits.len() {
        let mut part = set;
        while part > 0 {
            if fits[part] && best[set ^ part] < usize::MAX {
                best[set] = best[set].min(best[set ^ part] + 1);
            }
            part = (part - 1) & set;
        }
    }
    best[fits.len() - 1]
}

#[test]
fn every_packing_places_each_task_once_and_within_capacity() {
    let mut random = Stream::new(9, 0, "demands");
    for _ in 0..50 {
        let tasks: Vec<Resources> = (0..40)
            .map(|_| Resources::new(0.5 + 7.0 * random.uniform(), 1.0 + 20.0 * random.uniform()))
            .collect();
        let capacity = Resources::new(16.0, 64.0);
        let packing = Packing::new(&tasks, capacity);
        for fit in fits() {
            for packed in [packing.packed(&fit), packing.decreasing(&fit)] {
                let mut all: Vec<usize> = packed.nodes.concat();
                all.sort_unstable();
                assert_eq!(all, (0..40).collect::<Vec<_>>(), "{fit:?}");
                assert!(packed.count() >= packing.volume_bound());
                for node in &packed.nodes {
                    let sum = node.iter().fold(Resources::default(), |sum, at| sum + tasks[*at]);
                    assert!(sum.fits(&capacity), "{fit:?}: {sum:?}");
                }
            }
        }
    }
}

/// One class of tasks is Erlang's loss system, or M/M/c if tasks wait, whoever places them.
#[test]
fn equal_tasks_are_a_queue_with_many_servers() {
    let trials = Trials::new(20, 20_000).seed(2);
    let class = |life| TaskClass::new("task", 3.0, life, Resources::new(2.0, 3.0));
    // Four machines with room for three each: 12 servers, 10.5 erlangs.
    let cluster = |life| Cluster::new(4, Resources::new(7.0, 9.5)).class(class(life));
    let lives = || [Distribution::exponential(3.5), Distribution::lognormal(3.5, 4.0)];
    for fit in fits() {
        for life in lives() {
            let cluster = cluster(life);
            let run = cluster.simulate(&fit, trials);
            let lost = cluster.erlang().unwrap();
            assert!(
                run.classes[0].lost.gap_in_bars(lost) < 2.5,
                "{fit:?}: {:?} {lost}",
                run.classes
            );
            let running = 10.5 * (1.0 - lost);
            assert!(run.classes[0].running.gap_in_bars(running) < 2.5, "{:?}", run.classes);
            // Little's law once more, in processors.
            assert!(run.cpu.gap_in_bars(running * 2.0 / 28.0) < 2.5, "{}", run.cpu);
        }
    }
    let waiting = cluster(Distribution::exponential(3.5)).waiting(Waiting::Line);
    assert_eq!(waiting.erlang(), None);
    let run = waiting.simulate(&Fit::worst(), trials);
    let wait = erlang_c(12, 10.5).unwrap() / (12.0 / 3.5 - 3.0);
    println!("{} {wait}", run.classes[0].wait);
    assert!(run.classes[0].wait.gap_in_bars(wait) < 2.5, "{} {wait}", run.classes[0].wait);
    assert!(run.classes[0].waiting.gap_in_bars(3.0 * wait) < 2.5);
    assert!((waiting.offered()[0] - 10.5 * 2.0 / 28.0).abs() < 1e-12);
}

/// With preemption those of high priority are alone in the world: Erlang's formula C of their own.
#[test]
fn preemption_makes_some_wait_as_if_alone_and_wastes_the_work_of_others() {
    let trials = Trials::new(20, 20_000).seed(8);
    let class = |name: &str, rate| {
        TaskClass::new(name, rate, Distribution::exponential(1.0), Resources::new(1.0, 0.0))
    };
    let cluster = Cluster::new(3, Resources::new(2.0, 0.0))
        .class(class("batch", 2.0))
        .class(class("serving", 3.0).priority(10))
        .waiting(Waiting::Line);
    let alone = erlang_c(6, 3.0).unwrap() / (6.0 - 3.0);
    let (kind, harsh) = (
        cluster.simulate(&Fit::first(), trials),
        cluster.clone().preemptive().simulate(&Fit::first(), trials),
    );
    println!("{:?}\n{:?} {alone}", kind.classes, harsh.classes);
    assert!(harsh.classes[1].wait.gap_in_bars(alone) < 2.5, "{} {alone}", harsh.classes[1].wait);
    assert!(kind.classes[1].wait.low() > 2.0 * alone && kind.wasted.mean == 0.0);
    assert!(harsh.wasted.low() > 0.01 && harsh.classes[0].killed.low() > 0.05);
    assert!(harsh.classes[1].killed.mean == 0.0);
    // What was wasted is held besides what was useful: 5 erlangs of 6.
    let useful = harsh.cpu.mean - harsh.wasted.mean;
    assert!((useful - 5.0 / 6.0).abs() < 0.02, "{useful}");
}

/// Backfilling keeps machines busy and lets a big task starve; a strict line does the opposite.
#[test]
fn a_big_task_starves_behind_small_ones_that_go_past() {
    let trials = Trials::new(10, 20_000).seed(4);
    let small =
        TaskClass::new("small", 6.0, Distribution::exponential(1.0), Resources::new(1.0, 1.0));
    let big = TaskClass::new("big", 0.03, Distribution::exponential(1.0), Resources::new(8.0, 8.0));
    let cluster = |waiting| {
        let cluster = Cluster::new(1, Resources::new(8.0, 8.0));
        cluster.class(small.clone()).class(big.clone()).waiting(waiting)
    };
    let line = cluster(Waiting::Line).simulate(&Fit::best(), trials);
    let past = cluster(Waiting::Backfill).simulate(&Fit::best(), trials);
    println!("{:?}\n{:?}", line.classes, past.classes);
    assert!(past.classes[1].wait.mean > 5.0 * line.classes[1].wait.mean);
    assert!(past.classes[0].wait.high() < line.classes[0].wait.low());
    // Without the big one neither matters.
    let healthy = Cluster::new(1, Resources::new(8.0, 8.0)).class(small.clone());
    let (a, b) = (Waiting::Line, Waiting::Backfill);
    let run = |waiting| healthy.clone().waiting(waiting).simulate(&Fit::best(), trials);
    assert_eq!(run(a), run(b));
}

/// Spreading leaves a little everywhere, in which no big task fits; packing leaves machines whole.
#[test]
fn spreading_fragments_and_packing_does_not() {
    let trials = Trials::new(10, 10_000).seed(6);
    let cluster = Cluster::new(10, Resources::new(16.0, 64.0))
        .class(TaskClass::new(
            "web",
            6.0,
            Distribution::exponential(10.0),
            Resources::new(1.0, 4.0),
        ))
        .class(TaskClass::new(
            "job",
            0.1,
            Distribution::exponential(10.0),
            Resources::new(16.0, 64.0),
        ));
    let (best, worst) =
        (cluster.simulate(&Fit::best(), trials), cluster.simulate(&Fit::worst(), trials));
    println!("{} {} {:?}", best.fragmented, worst.fragmented, best.classes[1].lost);
    assert!(best.fragmented.high() < 0.5 && worst.fragmented.low() > 0.95);
    assert!(best.classes[1].lost.high() < 0.2 && worst.classes[1].lost.low() > 0.8);
    // The reader's own score is as good as the built-in one.
    let own = Fit::own("mine", |offer| -offer.left().iter().sum::<f64>());
    assert_eq!(cluster.simulate(&own, trials), best);
    // Two kinds that need different things, and memory that runs out first: processors strand.
    let lean =
        TaskClass::new("cpu", 2.0, Distribution::exponential(10.0), Resources::new(2.0, 1.0));
    let fat =
        TaskClass::new("ram", 3.0, Distribution::exponential(10.0), Resources::new(1.0, 16.0));
    let mixed = Cluster::new(10, Resources::new(16.0, 64.0)).class(lean).class(fat.clone());
    assert!(mixed.simulate(&Fit::first(), trials).stranded.low() > 0.0);
    let alone = Cluster::new(10, Resources::new(16.0, 64.0)).class(fat);
    assert!(alone.simulate(&Fit::first(), trials).stranded.low() > 0.2);
}

#[test]
fn published_numbers_of_borg_and_kubernetes() {
    let week = 7.0 * 86_400.0;
    assert_eq!(churn(2e9, week, 1.0).round(), 3307.0);
    let limits = ClusterLimits::KUBERNETES;
    assert_eq!((limits.clusters(churn(2e9, week, 60.0)), limits.pods_at_the_limit()), (1, 30.0));
    assert_eq!(limits.clusters(churn(2e9, week, 3600.0)), 40);
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let all = || {
        let class = |name: &str, cpu| {
            TaskClass::new(name, 2.0, Distribution::lognormal(2.0, 2.0), Resources::new(cpu, 1.0))
        };
        let cluster = Cluster::new(3, Resources::new(4.0, 8.0))
            .class(class("a", 1.0))
            .class(class("b", 2.0).priority(1))
            .waiting(Waiting::Backfill)
            .preemptive();
        format!("{:?}", cluster.simulate(&Fit::balanced(), Trials::new(6, 1000)))
    };
    let with = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all)
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn what_makes_no_sense_is_told_in_a_sentence() {
    type Case = (Box<dyn Fn()>, &'static str);
    let room = || Resources::new(1.0, 1.0);
    let life = || Distribution::exponential(1.0);
    let cases: Vec<Case> = vec![
        (Box::new(|| _ = Resources::new(f64::NAN, 1.0)), "at least 0, but it is NaN"),
        (Box::new(|| _ = Resources::new(0.0, 0.0)), "need not be placed"),
        (Box::new(move || _ = Packing::new(&[], room())), "at least 1 task to pack"),
        (
            Box::new(move || _ = Packing::new(&[Resources::new(2.0, 0.0)], room())),
            "must fit on an empty machine of 1 cores and a memory of 1, but one asks for 2",
        ),
        (Box::new(move || drop(Cluster::new(0, room()))), "machines must be at least 1"),
        (
            Box::new(move || {
                let big = TaskClass::new("big", 1.0, life(), Resources::new(2.0, 0.5));
                drop(Cluster::new(1, room()).class(big));
            }),
            "a task of big asks for 2 cores",
        ),
        (
            Box::new(move || {
                _ = Cluster::new(1, room()).simulate(&Fit::first(), Trials::new(2, 9))
            }),
            "at least 1 class of tasks",
        ),
        (
            Box::new(move || {
                let task = TaskClass::new("task", 1.0, life(), room());
                let nan = Fit::own("mine", |_| f64::NAN);
                _ = Cluster::new(1, room()).class(task).simulate(&nan, Trials::new(2, 9));
            }),
            "a score must be a number, but mine gives node 0 NaN",
        ),
        (
            Box::new(move || _ = TaskClass::new("task", 0.0, life(), room())),
            "the rate of tasks must be a positive number",
        ),
        (Box::new(|| _ = churn(1.0, 0.0, 1.0)), "the period must be a positive number"),
    ];
    each_says(cases);
}
