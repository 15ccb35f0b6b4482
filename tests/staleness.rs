//! Probabilistically bounded staleness: the quadrature, the simulation, a simulation that is
//! written as the definition reads, and closed forms of exponential messages, against one another.
//! `SEEDS=500 cargo test --profile cells -p pillars-course --test staleness -- --nocapture
//! intervals` prints how often each interval covers the truth.

#[path = "common/said.rs"]
mod said;

use pillars::prelude::{Distribution, Stream, Trials};
use pillars::prelude::{Latency, Pbs, Wars};
use said::each_says;

/// What is done, and what is said to it.
type Case = (Box<dyn Fn()>, &'static str);

fn ignore<T>(_: T) {}

fn near(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * b.abs()
}

fn fits() -> [(&'static str, Wars); 5] {
    [
        ("LNKD-SSD", Wars::lnkd_ssd()),
        ("LNKD-DISK", Wars::lnkd_disk()),
        ("YMMR", Wars::ymmr()),
        ("YMMR by the program", Wars::ymmr_program()),
        ("WAN", Wars::wan()),
    ]
}

fn rates(write: f64, ack: f64, read: f64, response: f64) -> Wars {
    let law = Distribution::with_rate;
    Wars::new(law(write), law(ack), law(read), law(response))
}

/// N, R and W with R + W <= N, up to so many replicas.
fn partial(most: usize) -> Vec<[usize; 3]> {
    let of = |n: usize| (1..n).flat_map(move |r| (1..=n - r).map(move |w| [n, r, w]));
    (1..=most).flat_map(of).collect()
}

/// Sums of c e^(-rate x), by which everything about exponential messages can be written.
#[derive(Clone)]
struct Sum(Vec<(f64, f64)>);

impl Sum {
    fn times(&self, other: &Self) -> Self {
        let pairs = self.0.iter().flat_map(|a| other.0.iter().map(move |b| (a, b)));
        Self(pairs.map(|(a, b)| (a.0 * b.0, a.1 + b.1)).collect())
    }

    fn power(&self, n: usize) -> Self {
        (0..n).fold(Self(vec![(1.0, 0.0)]), |product, _| product.times(self))
    }

    fn plus(&self, factor: f64, other: &Self) -> Self {
        let more = other.0.iter().map(|(c, rate)| (factor * c, *rate));
        Self(self.0.iter().copied().chain(more).collect())
    }

    /// The integral from 0 on of e^(-s x) times this.
    fn transform(&self, s: f64) -> f64 {
        self.0.iter().map(|(c, rate)| c / (s + rate)).sum()
    }

    /// P(X + Y > x) of exponentials of two rates.
    fn tail(x: f64, y: f64) -> Self {
        Self(vec![(y / (y - x), x), (-x / (y - x), y)])
    }
}

fn choose(n: usize, k: usize) -> f64 {
    (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product()
}

/// P_stale(t) of exponential messages, whose rates must not be such that a sum of two of them
/// hides in another: a write that has not come is as far away as ever.
fn closed_form([n, r, w]: [usize; 3], rates: [f64; 4], t: f64) -> f64 {
    let [write, ack, read, response] = rates;
    let left = n - r;
    let one = Sum(vec![(1.0, 0.0)]);
    // The W-th of those that are left acknowledges later than x.
    let tail = Sum::tail(write, ack);
    let by = one.plus(-1.0, &tail);
    let none = Sum(vec![]);
    let later = (0..w)
        .fold(none, |sum, j| sum.plus(choose(left, j), &by.power(j).times(&tail.power(left - j))));
    let late = r as f64 * write;
    let commit = 1.0 - late * later.transform(late);
    // The read comes before the write, and its answer before m.
    let both = read + write;
    let rest = both - response;
    let answer =
        Sum(vec![(read / both, 0.0), (-read / both + read / rest, both), (-read / rest, response)]);
    let density = Sum::tail(read, response).power(left);
    let density = Sum(density.0.iter().map(|(c, rate)| (c * rate, *rate)).collect());
    choose(n, r) * (-late * t).exp() * commit * density.times(&answer.power(r)).transform(0.0)
}

#[test]
fn the_quadrature_agrees_with_the_closed_form_of_exponential_messages() {
    for messages in [[0.1, 1.0, 0.9, 1.3], [1.0, 3.0, 2.5, 2.2], [4.0, 1.0, 0.7, 1.9]] {
        let [write, ack, read, response] = messages;
        for [n, r, w] in partial(if write == 1.0 { 4 } else { 3 }) {
            let pbs = Pbs::new(n, r, w).latencies(rates(write, ack, read, response));
            for t in [0.0, 0.3, 2.0] {
                let truth = closed_form([n, r, w], messages, t);
                let stale = 1.0 - pbs.consistent(t);
                let allowed = 2e-5_f64.min(1e-3 * truth) + 1e-12;
                assert!(
                    (stale - truth).abs() <= allowed,
                    "{pbs} {messages:?} {t}: {stale} {truth}"
                );
            }
            let p = 1.0 - closed_form([n, r, w], messages, 1.5);
            assert!(near(pbs.t_for(p), 1.5, 1e-3), "{pbs} {messages:?}: {}", pbs.t_for(p));
        }
    }
}

/// A write and a read as the definition has them, drawn by the distributions' own ways.
struct Plain {
    arrived: Vec<f64>,
    commit: f64,
    /// When the read reaches a replica, and when that has answered; counted from its beginning.
    answers: Vec<(f64, f64)>,
}

impl Plain {
    fn draw([n, w]: [usize; 2], laws: &[Latency; 4], distance: f64, stream: &mut Stream) -> Self {
        let (writer, reader) = (stream.below(n), stream.below(n));
        let away = |i: usize, home: usize| if i == home { 0.0 } else { distance };
        let mut message = |law: usize, away: f64| laws[law].sample(stream) + away;
        let arrived: Vec<f64> = (0..n).map(|i| message(0, away(i, writer))).collect();
        let mut acked: Vec<f64> =
            (0..n).map(|i| arrived[i] + message(1, away(i, writer))).collect();
        let mut answers = vec![];
        for i in 0..n {
            let reached = message(2, away(i, reader));
            answers.push((reached, reached + message(3, away(i, reader))));
        }
        acked.sort_by(f64::total_cmp);
        Self { arrived, commit: acked[w - 1], answers }
    }

    fn is_stale(&self, r: usize, t: f64) -> bool {
        let mut order: Vec<usize> = (0..self.arrived.len()).collect();
        order.sort_by(|a, b| self.answers[*a].1.total_cmp(&self.answers[*b].1));
        order[..r].iter().all(|i| self.arrived[*i] > self.commit + t + self.answers[*i].0)
    }
}

/// Laws of many shapes, with the distance between datacenters.
fn laws() -> Vec<([Latency; 4], f64, Wars)> {
    let pareto = || Distribution::pareto(2.5, 0.6);
    let disk = Latency::mixture(&[
        (0.38, Distribution::pareto(1.51, 1.05)),
        (0.62, Distribution::with_rate(0.183)),
    ]);
    let ssd = Latency::mixture(&[
        (0.9122, Distribution::pareto(10.0, 0.235)),
        (0.0878, Distribution::with_rate(1.66)),
    ]);
    let same = |law: &Latency| [law.clone(), law.clone(), law.clone(), law.clone()];
    let sets: Vec<([Latency; 4], f64)> = vec![
        ([disk.clone(), ssd.clone(), ssd.clone(), ssd.clone()], 0.0),
        ([disk, ssd.clone(), ssd.clone(), ssd.clone()], 3.0),
        (same(&Distribution::uniform(0.5, 2.0).into()), 0.0),
        (same(&Distribution::lognormal(1.0, 3.0).into()), 0.7),
        (
            [
                Distribution::weibull(0.6, 2.0).into(),
                Distribution::erlang(3, 1.0).into(),
                Distribution::hyperexponential(&[(0.8, 0.5), (0.2, 3.0)]).into(),
                pareto().into(),
            ],
            0.0,
        ),
    ];
    let of = |(laws, distance): ([Latency; 4], f64)| {
        let [write, ack, read, response] = laws.clone();
        let wars = Wars::new(write, ack, read, response);
        let wars = if distance > 0.0 { wars.distance(distance) } else { wars };
        (laws, distance, wars)
    };
    sets.into_iter().map(of).collect()
}

#[test]
fn simulation_quadrature_and_definition_agree() {
    const PAIRS: usize = 20_000;
    for (number, (laws, distance, wars)) in laws().into_iter().enumerate() {
        for [n, r, w] in [[2, 1, 1], [3, 1, 1], [3, 1, 2], [3, 2, 1], [5, 2, 2]] {
            let pbs = Pbs::new(n, r, w).latencies(wars.clone());
            let seed = 100 * number as u64 + 10 * n as u64 + r as u64;
            let run = pbs.simulate(Trials::new(10, PAIRS / 2).seed(seed));
            let mut stream = Stream::new(seed, w as u64, "plain");
            let plain: Vec<Plain> =
                (0..PAIRS).map(|_| Plain::draw([n, w], &laws, distance, &mut stream)).collect();
            for t in [0.0, 0.4, 3.0] {
                let stale = 1.0 - pbs.consistent(t);
                // Four deviations, and one trial where there are hardly any.
                let allowed =
                    |pairs: f64| 4.0 * (stale * (1.0 - stale) / pairs).sqrt() + 1.0 / pairs;
                let fast = 1.0 - run.consistent(t).mean;
                let allowed_fast = allowed(5.0 * PAIRS as f64);
                assert!((fast - stale).abs() <= allowed_fast, "{number} {pbs} {t}: {fast} {stale}");
                let slow = plain.iter().filter(|pair| pair.is_stale(r, t)).count();
                let slow = slow as f64 / PAIRS as f64;
                let allowed_slow = allowed(PAIRS as f64);
                assert!((slow - stale).abs() <= allowed_slow, "{number} {pbs} {t}: {slow} {stale}");
            }
        }
    }
}

#[test]
fn intervals_cover_the_quadrature_as_often_as_they_say() {
    let seeds: u64 = std::env::var("SEEDS").map_or(60, |text| text.parse().unwrap());
    for (name, wars) in fits() {
        for [n, r, w] in [[3, 1, 1], [3, 2, 1]] {
            let pbs = Pbs::new(n, r, w).latencies(wars.clone());
            let p = (1.0 + pbs.consistent(0.0)) / 2.0;
            if p > 0.99 {
                continue; // hardly a stale read in a replication
            }
            let t = pbs.t_for(p);
            let truths = [pbs.consistent(0.0), p, pbs.read_latency(0.9), pbs.write_latency(0.9)];
            let mut covered = [0; 4];
            for seed in 0..seeds {
                let run = pbs.simulate(Trials::new(10, 2000).seed(seed));
                let measured = [
                    run.consistent(0.0),
                    run.consistent(t),
                    run.read_latency(0.9),
                    run.write_latency(0.9),
                ];
                for (covered, (estimate, truth)) in
                    covered.iter_mut().zip(measured.iter().zip(truths))
                {
                    *covered += u32::from(estimate.covers(truth));
                }
            }
            println!("{name} {pbs}: {:?}", covered.map(|count| f64::from(count) / seeds as f64));
            // 1 in 100,000 falls short of the mean by so much.
            let least = 0.95 * seeds as f64 - 4.5 * (0.0475 * seeds as f64).sqrt();
            assert!(covered.iter().all(|count| f64::from(*count) >= least), "{name} {pbs}");
        }
    }
}

#[test]
fn a_long_run_finds_the_times_and_latencies_of_the_quadrature() {
    for (name, wars) in fits() {
        let pbs = Pbs::new(3, 1, 1).latencies(wars);
        let run = pbs.simulate(Trials::new(20, 50_000));
        let pairs = [
            (run.t_for(0.99), pbs.t_for(0.99)),
            (run.read_latency(0.99), pbs.read_latency(0.99)),
            (run.write_latency(0.99), pbs.write_latency(0.99)),
        ];
        for (estimate, truth) in pairs {
            // Two error bars are four deviations.
            assert!(estimate.gap_in_bars(truth) <= 2.0, "{name}: {estimate} for {truth}");
        }
    }
}

#[test]
fn more_answers_acknowledgements_and_time_never_make_staler() {
    let times = [0.0, 0.5, 2.0, 10.0, 100.0];
    // The quadrature is right to a thousandth of the staleness.
    let less = |a: f64, b: f64| a <= b + 2e-3 * (1.0 - b) + 1e-9;
    for (name, wars) in fits() {
        for n in 2..=4 {
            let one = |r: usize, w: usize| {
                let pbs = Pbs::new(n, r, w).latencies(wars.clone());
                let run = pbs.simulate(Trials::new(2, 3000));
                let exact = if n < 4 { times.map(|t| pbs.consistent(t)) } else { [1.0; 5] };
                let latencies = (pbs.read_latency(0.9), pbs.write_latency(0.9));
                (exact, times.map(|t| run.consistent(t).mean), latencies)
            };
            let all: Vec<Vec<_>> = (1..=n).map(|r| (1..=n).map(|w| one(r, w)).collect()).collect();
            for [_, r, w] in partial(n).into_iter().filter(|sizes| sizes[0] == n) {
                let (exact, simulated, (read, write)) = &all[r - 1][w - 1];
                let name = format!("{name} N={n} R={r} W={w}");
                assert!(
                    exact.windows(2).all(|p| less(p[0], p[1]) && p[0] > 0.0),
                    "{name} {exact:?}"
                );
                assert!(simulated.is_sorted(), "{name} {simulated:?}");
                let (more_reads, more_writes) = (&all[r][w - 1], &all[r - 1][w]);
                for more in [more_reads, more_writes] {
                    assert!(exact.iter().zip(more.0).all(|(p, q)| less(*p, q)), "{name}");
                    // The same messages: read by read.
                    assert!(simulated.iter().zip(more.1).all(|(p, q)| *p <= q), "{name}");
                }
                assert!(*read <= more_reads.2.0 && *write <= more_writes.2.1, "{name}");
                assert!(*write == more_reads.2.1 && *read == more_writes.2.0, "{name}");
            }
        }
    }
}

#[test]
fn quorums_that_meet_are_always_fresh() {
    for (name, wars) in fits() {
        for (n, r, w) in [(1, 1, 1), (3, 2, 2), (3, 1, 3), (3, 3, 1), (5, 3, 3), (7, 2, 6)] {
            let pbs = Pbs::new(n, r, w).latencies(wars.clone());
            let run = pbs.simulate(Trials::new(2, 5000));
            assert!(pbs.is_strict() && pbs.misses() == 0.0);
            assert_eq!((pbs.consistent(0.0), pbs.t_for(0.999)), (1.0, 0.0), "{name} {pbs}");
            assert_eq!(
                (run.consistent(0.0).mean, run.t_for(0.999).mean),
                (1.0, 0.0),
                "{name} {pbs}"
            );
        }
    }
}

#[test]
fn read_repair_helps_and_never_harms() {
    let trials = Trials::new(10, 10_000);
    for (name, wars) in fits() {
        for (r, w) in [(1, 1), (2, 1)] {
            let pbs = Pbs::new(3, r, w).latencies(wars.clone());
            let plain = pbs.simulate(trials);
            for after in [0.0, 50.0, 1000.0] {
                let repaired = pbs.simulate_repaired(after, trials);
                for t in [0.0, 10.0, 100.0, 1000.0] {
                    let (with, without) = (repaired.consistent(t), plain.consistent(t));
                    assert!(with.mean >= without.mean, "{name} {pbs} {after} {t}");
                }
                assert_eq!(repaired.write_latency(0.9), plain.write_latency(0.9));
                assert_eq!(repaired.read_latency(0.9), plain.read_latency(0.9));
            }
        }
    }
    let pbs = Pbs::new(3, 1, 1).latencies(Wars::ymmr());
    let plain = pbs.simulate(trials);
    // A read at once, and the write once more, halve what is stale a tenth of a second later.
    let stale = |run: &pillars::state::staleness::PbsRun| 1.0 - run.consistent(100.0).mean;
    let repaired = pbs.simulate_repaired(0.0, trials);
    assert!(stale(&repaired) < 0.5 * stale(&plain), "{} {}", stale(&repaired), stale(&plain));
}

#[test]
fn any_number_of_threads_gives_the_same() {
    let of = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let pbs = Pbs::new(3, 1, 1).latencies(Wars::wan());
            let scan = pbs.scan(0.99, 1.0, 1000, 3);
            let run = pbs.simulate_repaired(5.0, Trials::new(9, 3000).seed(4));
            let sweep = Pbs::configurations(2, &Wars::ymmr(), 1.0, 0.9);
            format!("{scan} {run:?} {sweep:?}")
        })
    };
    assert_eq!(of(1), of(2));
}

#[test]
fn configurations_in_order() {
    let all = Pbs::configurations(3, &Wars::lnkd_disk(), 1.0, 0.99);
    let sizes: Vec<_> = all.iter().map(|one| (one.reads, one.writes)).collect();
    let expected: Vec<_> = (1..=3).flat_map(|r| (1..=3).map(move |w| (r, w))).collect();
    assert_eq!(sizes, expected);
    let one = Pbs::new(3, 2, 1).latencies(Wars::lnkd_disk());
    let again = one.configuration(1.0, 0.99);
    assert_eq!(all[3], again);
    assert_eq!((again.consistent, again.t), (one.consistent(1.0), one.t_for(0.99)));
}

#[test]
fn constant_and_measured_times_are_simulated() {
    // Each message takes 1: the write is everywhere before it is committed.
    let constant = || Distribution::deterministic(1.0);
    let pbs = Pbs::new(3, 1, 1).latencies(Wars::writes(constant(), constant()));
    assert_eq!(pbs.simulate(Trials::new(2, 100)).consistent(0.0).mean, 1.0);
    // The write takes 1 or 9, and 2 of 3 replicas answer a read at once, in their order: it is
    // stale if the first has 9 and another 1, until 7 after the commit.
    let write = Distribution::empirical(&[1.0, 9.0]);
    let pbs = Pbs::new(3, 1, 1).latencies(Wars::writes(write, Distribution::deterministic(0.5)));
    let run = pbs.simulate(Trials::new(20, 10_000));
    assert!(run.consistent(0.0).gap_in_bars(1.0 - 0.5 * 0.75) < 2.0, "{}", run.consistent(0.0));
    assert!(run.consistent(6.9).mean < 0.7 && run.consistent(7.1).mean == 1.0);
}

#[test]
fn bad_input_is_told_in_a_sentence() {
    let pbs = || Pbs::new(3, 1, 1).latencies(Wars::lnkd_ssd());
    let run = move || pbs().simulate(Trials::new(2, 10));
    let measured =
        || Wars::writes(Distribution::deterministic(1.0), Distribution::exponential(1.0));
    let cases: Vec<Case> = vec![
        (
            Box::new(|| ignore(Pbs::new(3, 1, 4))),
            "Pbs::new: W must be from 1 to N, which is 3, but it is 4; the order is N, R, W",
        ),
        (
            Box::new(|| ignore(Pbs::new(3, 0, 1))),
            "Pbs::new: R must be from 1 to N, which is 3, but it is 0",
        ),
        (
            Box::new(|| ignore(Pbs::new(0, 1, 1))),
            "there must be 1 to 64 replicas (N), but there are 0",
        ),
        (
            Box::new(|| ignore(Pbs::new(65, 1, 1))),
            "there must be 1 to 64 replicas (N), but there are 65",
        ),
        (
            Box::new(move || ignore(pbs().consistent(-1.0))),
            "Pbs::consistent: the time t after the commit must be a number of at least 0, but it is -1",
        ),
        (Box::new(move || ignore(pbs().curve(&[0.0, f64::NAN]))), "but it is NaN"),
        (
            Box::new(move || ignore(pbs().t_for(1.2))),
            "Pbs::t_for: the fraction p must be at least 0 and below 1, but it is 1.2",
        ),
        (Box::new(move || ignore(pbs().read_latency(1.0))), "Pbs::read_latency: the fraction p"),
        (
            Box::new(move || ignore(pbs().write_latency(f64::NAN))),
            "Pbs::write_latency: the fraction p",
        ),
        (Box::new(move || ignore(pbs().configuration(-2.0, 0.9))), "but it is -2"),
        (
            Box::new(|| ignore(Pbs::configurations(3, &Wars::ymmr(), 0.0, -0.1))),
            "Pbs::configurations: the fraction p must be at least 0 and below 1, but it is -0.1",
        ),
        (
            Box::new(|| ignore(Pbs::new(3, 1, 1).consistent(0.0))),
            "Pbs::consistent: how long messages take is not known; say so first, as in \
             Pbs::new(3, 1, 1).latencies(Wars::lnkd_ssd())",
        ),
        (
            Box::new(|| ignore(Pbs::new(3, 1, 1).simulate(Trials::new(2, 10)))),
            "Pbs::simulate: how long",
        ),
        (
            Box::new(move || ignore(Pbs::new(3, 1, 1).latencies(measured()).consistent(0.0))),
            "Pbs::consistent: the quadrature needs latencies of which no single value has a \
             probability of its own, but one of these is constant or measured; simulate instead",
        ),
        (Box::new(move || ignore(run().consistent(-0.5))), "PbsRun::consistent: the time t after"),
        (Box::new(move || ignore(run().t_for(1.0))), "PbsRun::t_for: the fraction p must be"),
        (
            Box::new(move || {
                ignore(pbs().simulate(Trials { replications: 1, ..Trials::new(2, 10) }))
            }),
            "Pbs::simulate: there must be at least 2 replications of at least 1 trial, but there \
             are 1 of 10",
        ),
        (
            Box::new(move || ignore(pbs().simulate_repaired(f64::INFINITY, Trials::new(2, 10)))),
            "Pbs::simulate_repaired: the time t after the commit must be a number of at least 0",
        ),
        (
            Box::new(|| ignore(Pbs::new(3, 1, 1).k_staleness(0))),
            "k must be at least 1, the last version",
        ),
        (
            Box::new(|| ignore(Pbs::new(3, 1, 1).non_monotonic(-1.0))),
            "the writes per read must be a number of at least 0, but they are -1",
        ),
        (
            Box::new(move || ignore(pbs().scan(0.9, 0.0, 10, 1))),
            "Pbs::scan: the step must be a positive",
        ),
        (
            Box::new(move || ignore(pbs().scan(0.9, 1.0, 0, 1))),
            "Pbs::scan: there must be at least 1 trial a step, but there are 0",
        ),
        (
            Box::new(move || ignore(pbs().first_passage(1.5, 1.0, 10))),
            "Pbs::first_passage: the fraction",
        ),
        (
            Box::new(|| ignore(Wars::ymmr().distance(-75.0))),
            "Wars::distance: the time each way must be",
        ),
        (Box::new(|| ignore(Latency::mixture(&[]))), "Latency::mixture: there is no law"),
    ];
    each_says(cases);
}
