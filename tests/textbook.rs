//! The library against what is published about queues: tables, limits, laws.

use pillars::display::Rich;
use pillars::experiment::QueueTables as _;
use pillars::prelude::{Chart, Estimate, Exponential, Queue, Stream, Trials};
use pillars::prelude::{erlang_b, erlang_c, sweep};

fn near(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * b.abs()
}

/// a^k / k! for k = 0..=c: the sums that Erlang wrote down.
fn terms(c: usize, a: f64) -> Vec<f64> {
    let next = |term: &mut f64, k| {
        if k > 0 {
            *term *= a / k as f64;
        }
        Some(*term)
    };
    (0..=c).scan(1.0, next).collect()
}

#[test]
fn erlang_b_is_the_quotient_of_erlangs_sums() {
    for c in 1..=30 {
        for a in [0.01, 0.5, 1.0, 7.3, 40.0] {
            let terms = terms(c, a);
            let lost = terms[c] / terms.iter().sum::<f64>();
            assert!(near(erlang_b(c, a).unwrap(), lost, 1e-12), "{c} servers, {a} erlangs");
        }
    }
}

/// The traffic that so many trunks carry with 1 % lost, as Erlang B tables print it.
#[test]
fn erlang_b_agrees_with_the_traffic_tables() {
    for (trunks, erlangs) in
        [(1, 0.0101), (5, 1.361), (10, 4.461), (20, 12.03), (50, 37.90), (100, 84.06)]
    {
        let lost = erlang_b(trunks, erlangs).unwrap();
        assert!(near(lost, 0.01, 0.005), "{trunks} trunks, {erlangs} erlangs: {lost}");
    }
}

#[test]
fn erlang_c_is_the_quotient_of_erlangs_sums() {
    for c in 1..=30 {
        for rho in [0.05, 0.5, 0.8, 0.99] {
            let terms = terms(c, rho * c as f64);
            let waiting = terms[c] / (1.0 - rho);
            let expected = waiting / (terms[..c].iter().sum::<f64>() + waiting);
            assert!(near(erlang_c(c, rho * c as f64).unwrap(), expected, 1e-12), "{c} at {rho}");
        }
    }
}

#[test]
fn one_server_has_the_closed_forms_of_m_m_1() {
    for (lambda, mu) in [(0.5, 1.0), (3.0, 4.0), (0.99, 1.0), (1e-3, 7.0)] {
        let rho: f64 = lambda / mu;
        for theory in
            [Queue::mm1(lambda, mu), Queue::mmc(lambda, mu, 1)].map(|q| q.theory().unwrap())
        {
            assert!(near(theory.time_in_system, 1.0 / (mu - lambda), 1e-12));
            assert!(near(theory.wait, rho / (mu - lambda), 1e-12));
            assert!(near(theory.queue_length, rho * rho / (1.0 - rho), 1e-12));
            assert!(near(theory.probability_of_waiting().unwrap(), rho, 1e-12));
            assert!(near(
                theory.wait_exceeds(2.0).unwrap(),
                rho * (-2.0 * (mu - lambda)).exp(),
                1e-12
            ));
        }
    }
}

/// Halfin and Whitt (1981): with a + β √a servers, C tends to
/// 1 / (1 + β Φ(β) / φ(β)); 0.22336 at β = 1.
#[test]
fn ten_thousand_servers_and_more_do_not_overflow() {
    assert!(near(erlang_c(10_100, 10_000.0).unwrap(), 0.22336, 0.01));
    assert!(near(erlang_c(1_001_000, 1_000_000.0).unwrap(), 0.22336, 0.001));
    let theory = Queue::mmc(9_000.0, 1.0, 10_000).theory().unwrap();
    assert!((0.0..1e-20).contains(&theory.probability_of_waiting().unwrap()));
    assert!((0.0..=1.0).contains(&erlang_b(10_000, 9_999.0).unwrap()));
    assert_eq!(erlang_c(10_000, 1e-300), Ok(0.0));
}

/// Erlang B falls with every server and C lies between B and 1.
#[test]
fn erlang_formulae_are_probabilities_in_the_right_order() {
    for a in [0.3, 2.0, 17.5, 400.0] {
        let mut before = 1.0;
        for c in (a as usize + 1)..(2 * a as usize + 20) {
            let (b, waiting) = (erlang_b(c, a).unwrap(), erlang_c(c, a).unwrap());
            assert!(
                0.0 < b && b < before && b <= waiting && waiting < 1.0,
                "{c} servers, {a} erlangs"
            );
            before = b;
        }
    }
}

#[test]
fn ninety_five_of_a_hundred_intervals_cover_the_truth() {
    let queue = Queue::mmc(1.4, 1.0, 2);
    let theory = queue.theory().unwrap();
    let (mut seeds, mut covered) = (0, [0; 5]);
    for seed in 1..=200 {
        let run = queue.simulate(Trials::new(10, 20_000).seed(seed));
        let pairs = [
            (run.wait, theory.wait),
            (run.time_in_system, theory.time_in_system),
            (run.queue_length, theory.queue_length),
            (run.probability_of_waiting, theory.probability_of_waiting().unwrap()),
            (run.wait_exceeds(3.0), theory.wait_exceeds(3.0).unwrap()),
        ];
        seeds += 1;
        for (count, (estimate, truth)) in covered.iter_mut().zip(pairs) {
            *count += u32::from(estimate.covers(truth));
        }
    }
    // 190 of 200 expected; four standard deviations are 12.
    assert!(covered.iter().all(|n| (178..=200).contains(n)), "{covered:?} of {seeds} intervals");
}

#[test]
fn simulation_meets_theory_for_one_few_and_many_servers() {
    for servers in [1, 2, 8, 9, 50] {
        let queue = Queue::mmc(0.8 * servers as f64, 1.0, servers);
        let (run, theory) = (queue.simulate(Trials::new(20, 100_000)), queue.theory().unwrap());
        for (what, estimate, truth) in [
            ("wait", run.wait, theory.wait),
            ("utilization", run.utilization, theory.utilization),
            ("waiting", run.probability_of_waiting, theory.probability_of_waiting().unwrap()),
            ("p90", run.wait_quantile(0.9), theory.wait_quantile(0.9).unwrap()),
        ] {
            let gap = estimate.gap_in_bars(truth);
            assert!(gap < 2.5, "{servers} servers, {what}: {estimate} and {truth}, {gap} bars");
        }
    }
}

/// Little's law (1961), counted: the area under the number waiting, summed event
/// by event, is the sum of the waits.
#[test]
fn littles_law_counted_from_the_records() {
    for servers in [1, 3] {
        let records = Queue::mmc(0.9 * servers as f64, 1.0, servers).observe(5_000, 11);
        let (arrivals, waits) = (records.column("arrival"), records.column("wait"));
        let comes = arrivals.iter().map(|&at| (at, 1.0));
        let goes = arrivals.iter().zip(&waits).map(|(at, wait)| (at + wait, -1.0));
        let mut events: Vec<(f64, f64)> = comes.chain(goes).collect();
        events.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut area, mut waiting) = (0.0, 0.0);
        for pair in events.windows(2) {
            waiting += pair[0].1;
            area += waiting * (pair[1].0 - pair[0].0);
        }
        assert!(near(area, waits.iter().sum(), 1e-9), "{area}");
    }
}

/// With the same customers, one more server makes no customer wait longer.
#[test]
fn common_random_numbers_make_comparisons_sharp() {
    let waits = |servers| Queue::mmc(1.8, 1.0, servers).observe(20_000, 3).column("wait");
    let (two, three) = (waits(2), waits(3));
    assert!(two.iter().zip(&three).all(|(two, three)| three <= two));
    assert!(two.iter().sum::<f64>() > three.iter().sum::<f64>());
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let run = pool.install(|| Queue::mmc(3.2, 1.0, 4).simulate(Trials::new(7, 5_000).seed(2)));
        format!("{run:?}")
    };
    assert_eq!(on(1), on(2));
    assert_eq!(on(1), on(5));
}

/// The bits are those of numpy's PCG64DXSM at the same state and increment,
/// computed with numpy 2.4.6.
#[test]
fn streams_are_portable() {
    let bits = |mut stream: Stream| [stream.bits(), stream.bits(), stream.bits()];
    assert_eq!(
        bits(Stream::new(1, 0, "arrivals")),
        [4_469_932_653_138_537_402, 2_154_264_788_862_527_212, 12_902_404_240_892_531_823]
    );
    assert_eq!(
        bits(Stream::new(1917, 3, "services")),
        [5_647_701_342_425_720_250, 12_541_672_068_743_579_975, 10_193_417_287_248_283_778]
    );
    let mut stream = Stream::new(1, 0, "arrivals");
    let unit = Exponential::with_rate(1.0);
    let times = [unit.sample(&mut stream), unit.sample(&mut stream)];
    assert_eq!(times, [0.24570931492738327, 0.05177312635702226]);
}

#[test]
fn an_overloaded_queue_is_simulated_but_has_no_theory() {
    let queue = Queue::mmc(5.0, 1.0, 4);
    let said = queue.theory().map(|theory| theory.wait).unwrap_err().to_string();
    assert!(said.starts_with("the queue has no steady state: 4 servers cannot keep up"), "{said}");
    let wait = |customers| queue.simulate(Trials::new(10, customers).warmup(0)).wait.mean;
    // Nothing is left over: the mean wait grows in proportion to the run.
    assert!(near(wait(40_000) / wait(20_000), 2.0, 0.1));
}

#[test]
fn figures_are_the_same_bytes_every_time() {
    let chart = || {
        let wait = |rho| Queue::mm1(rho, 1.0).simulate(Trials::new(3, 1_000)).wait;
        let swept = sweep("ρ", &[0.5, 0.7]).measured("simulated", wait);
        swept.curve("formula", |rho| rho / (1.0 - rho)).chart("mean wait (service times)")
    };
    let forms = |chart: Chart| {
        let bundle = chart.bundle();
        ["text/html", "image/png", "text/plain"].map(|mime| bundle.text(mime).unwrap().to_owned())
    };
    let first = forms(chart());
    assert_eq!(first, std::thread::spawn(move || forms(chart())).join().unwrap());
    for trace in ["/home", "/work", "/tmp", "0x"] {
        assert!(!first[0].contains(trace) && !first[2].contains(trace), "{trace}");
    }
}

#[test]
fn intervals_shrink_with_the_root_of_the_replications() {
    let wait = |n| Queue::mm1(0.6, 1.0).simulate(Trials::new(n, 2_000)).wait;
    let (few, many): (Estimate, Estimate) = (wait(100), wait(1_600));
    assert!(near(few.half_width / many.half_width, 4.0, 0.35), "{few} and {many}");
}
