//! Scaling by feedback: the loop's margins, the rule of Kubernetes, fluid and queue.

#[path = "common/columns.rs"]
mod columns;
#[path = "common/said.rs"]
mod said;

use columns::Named as _;
use pillars_models::control::{Hpa, Load, Metric, Pid, Plant, Reading, Scaler, Service, Threshold};
use said::each_says;

fn near(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * b.abs()
}

/// The loop itself, step by step, for small changes: whether it settles.
fn settles(plant: (f64, usize, usize), [kp, ki, kd]: [f64; 3], period: f64) -> bool {
    let (gain, dead, window) = plant;
    let (mut servers, mut integral, mut before) = (vec![0.0f64; 1], 1.0, 0.0);
    let mut late: Vec<f64> = vec![];
    for t in 0..20_000 {
        let seen: f64 = (1..=window)
            .map(|j| t as i64 - dead as i64 - j as i64)
            .map(|at| if at < 0 { 0.0 } else { -gain * servers[at as usize + 1] })
            .sum::<f64>()
            / window as f64;
        integral += ki * period * seen;
        let wants = integral + kp * seen + kd * (seen - before) / period;
        before = seen;
        servers.push(wants);
        late.push(wants);
        if wants.abs() > 1e9 {
            return false;
        }
    }
    let swing = |range: &[f64]| {
        let of = |pick: fn(f64, f64) -> f64| range.iter().copied().reduce(pick).unwrap();
        of(f64::max) - of(f64::min)
    };
    swing(&late[19_000..]) < 0.5 * swing(&late[..2000])
}

#[test]
fn the_largest_gain_is_the_one_at_which_the_loop_rings() {
    // Levin and May (1976), in closed form; without delay 2, with one period 1.
    for (dead, largest) in [(0, 2.0), (1, 1.0), (2, 0.618_034), (3, 0.445_042)] {
        let plant = Plant::new(0.5, 10.0).dead_time(dead);
        let pid = Pid::new(0.6, 0.0, 0.01, 0.0);
        let margin = pid.margins(&plant).unwrap().gain;
        assert!(near(margin * 0.01 * 10.0 * 0.5, largest, 1e-5), "{dead}: {margin}");
        assert!(near(plant.largest_ki().unwrap(), margin * 0.01, 1e-9));
    }
    for (gain, dead, window, gains) in [
        (0.05, 0, 1, [1.0, 0.1, 0.0]),
        (0.05, 3, 1, [2.0, 0.05, 0.0]),
        (0.1, 4, 4, [1.0, 0.05, 0.0]),
        (0.02, 12, 2, [5.0, 0.2, 20.0]),
        (0.3, 2, 1, [1.0, 0.0, 0.0]),
        (0.3, 1, 3, [0.0, 0.01, 1.0]),
    ] {
        let plant = Plant::new(gain, 15.0).dead_time(dead).window(window);
        let pid = Pid::new(0.6, gains[0], gains[1], gains[2]);
        let margin = match pid.margins(&plant) {
            Ok(margins) => margins.gain,
            Err(unstable) => unstable.largest,
        };
        for (factor, expected) in [(0.97, true), (1.03, false)] {
            let gains = gains.map(|each| each * margin * factor);
            assert_eq!(
                settles((gain, dead, window), gains, 15.0),
                expected,
                "{gains:?}, {plant:?}"
            );
        }
        // With the largest gain there is no margin left.
        let edge = pid.clone().times(0.999 * margin).margins(&plant).unwrap();
        assert!(
            near(edge.gain, 1.001, 1e-3) && edge.phase.is_none_or(|phase| phase < 15.0),
            "{edge:?}"
        );
        let half = pid.times(0.5 * margin).margins(&plant).unwrap();
        assert!(near(half.gain, 2.0, 1e-6), "{half:?}");
    }
}

/// A pure integrator with dead time: phase margin 90° - ω (d + 1/2) periods, at the crossing.
#[test]
fn phase_margins_are_those_by_hand() {
    let plant = Plant::new(0.1, 10.0).dead_time(3);
    let margins = Pid::new(0.5, 0.0, 0.2, 0.0).margins(&plant).unwrap();
    // |K / (1 - z^-1)| = K / (2 sin(ω/2)) = 1 with K = .2.
    let omega = 2.0 * (0.1f64).asin();
    let phase = 180.0 - (90.0 - (omega / 2.0).to_degrees()) - (4.0 * omega).to_degrees();
    assert!((margins.phase.unwrap() - phase).abs() < 0.05, "{margins:?}, {phase}");
    let delay = phase.to_radians() / omega * 10.0;
    assert!(near(margins.delay.unwrap(), delay, 1e-3), "{margins:?}, {delay}");
    // It rings with 4 d + 2 periods.
    assert!(near(margins.swings, 140.0, 1e-2), "{margins:?}");
}

/// The service's own loop, with servers that may be fractions: the plant's limit is its limit.
#[test]
fn the_service_rings_where_its_plant_says() {
    let load = Load::own("100, then a little more", |now| if now < 3000.0 { 100.0 } else { 100.5 });
    let service = Service::new(load, 10.0)
        .servers(20)
        .metric(Metric::Demand)
        .seen_after(45.0, 30.0)
        .fractional();
    let plant = service.plant(0.5, 100.0);
    for pid in [Pid::new(0.5, 0.0, 0.1, 0.0), Pid::new(0.5, 4.0, 0.1, 0.0)] {
        let edge = pid.margins(&plant).map_or_else(|unstable| unstable.largest, |fine| fine.gain);
        let calm = service.run(pid.clone().times(0.9 * edge), 40_000.0);
        let rings = service.run(pid.clone().times(1.1 * edge), 40_000.0);
        assert!(calm.swing(35_000.0) < 0.02, "{}", calm.swing(35_000.0));
        assert!(rings.swing(35_000.0) > 2.0, "{}", rings.swing(35_000.0));
    }
    // The sign reversed: it runs to a bound and stays there.
    let reversed = Pid::new(0.5, 2.0, 0.05, 0.0).reversed();
    assert_eq!(reversed.margins(&plant).unwrap_err().largest, 0.0);
    let lost = service.run(reversed, 40_000.0);
    assert!([1.0, 1000.0].contains(lost.wanted.last().unwrap()), "{:?}", lost.wanted.last());
    let fine = Pid::new(0.5, 2.0, 0.05, 0.0).stable_with(&plant);
    assert!(near(*service.run(fine, 40_000.0).wanted.last().unwrap(), 20.1, 1e-3));
}

fn reading(now: f64, value: f64, ready: f64, wanted: f64) -> Reading {
    Reading { now, period: 15.0, value, ready, wanted, least: 1.0, most: 100.0 }
}

/// Kubernetes' documentation: ceil(current x ratio), 200m for 100m doubles, 50m halves; tolerance
/// .1; the highest of the recommendations of 300 s on the way down.
#[test]
fn the_autoscaler_follows_its_documentation() {
    let hpa = Hpa::new(0.5);
    for (value, ready, wanted, desired) in [
        (1.0, 4.0, 4.0, 8.0),
        (0.25, 4.0, 4.0, 2.0),
        (0.55, 4.0, 4.0, 4.0),
        (0.45, 4.0, 4.0, 4.0),
        (0.56, 4.0, 4.0, 5.0),
        (0.44, 10.0, 10.0, 9.0),
        (0.1, 3.0, 3.0, 1.0),
        // Starting servers are taken as doing nothing: no second doubling.
        (1.0, 4.0, 8.0, 8.0),
        (1.0, 4.0, 6.0, 8.0),
        (0.8, 4.0, 8.0, 8.0),
    ] {
        assert_eq!(hpa.desired(value, ready, wanted), desired, "{value}, {ready}, {wanted}");
    }
    assert_eq!(Hpa::new(0.5).counts_starting().desired(1.0, 4.0, 8.0), 16.0);
    let mut hpa = Hpa::new(0.5);
    assert_eq!(hpa.wants(reading(0.0, 1.0, 5.0, 5.0)), 10.0);
    // Low from now on: it stays for 300 s.
    for at in 1..=20 {
        assert_eq!(hpa.wants(reading(15.0 * f64::from(at), 0.1, 10.0, 10.0)), 10.0, "{at}");
    }
    assert_eq!(hpa.wants(reading(315.0, 0.1, 10.0, 10.0)), 2.0);
    let mut hasty = Hpa::new(0.5).stabilisation(0.0, 0.0);
    assert_eq!(hasty.wants(reading(15.0, 0.1, 10.0, 10.0)), 2.0);
    // Upwards only what was wanted for 60 s.
    let mut slow = Hpa::new(0.5).stabilisation(0.0, 60.0);
    assert_eq!(slow.wants(reading(0.0, 0.5, 4.0, 4.0)), 4.0);
    for at in 1..=4 {
        assert_eq!(slow.wants(reading(15.0 * f64::from(at), 1.0, 4.0, 4.0)), 4.0);
    }
    assert_eq!(slow.wants(reading(75.0, 1.0, 4.0, 4.0)), 8.0);
    let mut limited = Hpa::new(0.1).limited();
    assert_eq!(limited.wants(reading(15.0, 1.0, 3.0, 3.0)), 7.0);
    assert_eq!(limited.wants(reading(30.0, 1.0, 10.0, 10.0)), 20.0);
}

#[test]
fn the_textbook_rule_overshoots_while_servers_start() {
    let load = Load::step(50.0, 150.0, 600.0);
    let service = Service::new(load, 10.0).servers(10).start_up(120.0);
    let most = |hpa: Hpa| service.run(hpa, 3600.0).wanted.into_iter().fold(0.0, f64::max);
    let (real, told) = (most(Hpa::new(0.5)), most(Hpa::new(0.5).counts_starting()));
    assert!(real <= 80.0 && told == 1000.0, "{real} and {told}");
}

#[test]
fn thresholds_need_a_gap() {
    // 100 requests a second: 17 servers are busy for 59 %, 16 for 62.5 %.
    let service = Service::new(Load::constant(100.0), 10.0).servers(17);
    let flaps = service.run(Threshold::new(0.59, 0.6), 7200.0);
    let calm = service.run(Threshold::new(0.5, 0.7), 7200.0);
    assert!(flaps.turns > 100 && calm.changes == 0, "{} and {}", flaps.turns, calm.changes);
    let paused = service.run(Threshold::new(0.59, 0.6).pause(600.0), 7200.0);
    assert!(paused.changes <= 12 && paused.changes > 5, "{}", paused.changes);
    let by_two = service.run(Threshold::new(0.5, 0.55).by(2), 7200.0);
    assert_eq!(by_two.wanted.last(), Some(&19.0));
}

/// A step by hand: cost, lateness, and what is left standing.
#[test]
fn a_fluid_by_hand() {
    // 10 servers carry 100; for 60 s come 150, and 3000 requests stand.
    let load = Load::spike(50.0, 150.0, 100.0, 160.0);
    let service = Service::new(load, 10.0).servers(10).goal(5.0);
    let run = service.run(|seen: Reading| seen.wanted, 360.0);
    assert!(near(run.server_hours, 1.0, 1e-12));
    assert!(near(run.standing[159], 3000.0, 1e-9) && run.standing[219].abs() < 1e-6);
    // Above 500 from the 10th second of the spike until 500 are left, 50 s after it.
    assert!(near(run.late_time, 100.0 / 360.0, 0.02), "{}", run.late_time);
    let requests = 300.0 * 50.0 + 60.0 * 150.0;
    let late = 50.0 * 150.0 + 50.0 * 50.0;
    assert!(near(run.late_requests, late / requests, 0.02), "{}", run.late_requests);
    assert_eq!((run.changes, run.turns, run.swing(0.0)), (0, 0, 0.0));
    assert_eq!(run.columns().column("time").len(), 360);
}

/// The queue is the fluid for many servers: what it costs and how late it is come together.
#[test]
fn the_queue_comes_to_the_fluid_as_it_grows() {
    let mut gaps = vec![];
    for size in [1.0, 40.0] {
        let load = Load::spike(50.0 * size, 150.0 * size, 300.0, 600.0);
        let service = Service::new(load, 10.0)
            .servers((10.0 * size) as usize)
            .between(1, 10_000)
            .start_up(60.0)
            .goal(5.0);
        let fluid = service.run(Hpa::new(0.5), 1800.0);
        let queue = service.simulate(Hpa::new(0.5), 1800.0, 4, 1);
        gaps.push((queue.server_hours.mean / fluid.server_hours - 1.0).abs());
        if size > 1.0 {
            assert!(near(queue.server_hours.mean, fluid.server_hours, 0.05), "{queue:?}");
            let late = (queue.late_requests.mean - fluid.late_requests).abs();
            assert!(late < 0.02, "{} and {}", queue.late_requests, fluid.late_requests);
            assert!((queue.late_time.mean - fluid.late_time).abs() < 0.02);
        }
    }
    assert!(gaps[1] < gaps[0] + 0.01, "{gaps:?}");
    // With a constant number of servers it is M/M/n: who waits longer than the goal.
    let service = Service::new(Load::constant(45.0), 10.0).servers(5).goal(0.2).step(5.0);
    let queue = service.simulate(|seen: Reading| seen.wanted, 20_000.0, 8, 2);
    let waits = pillars_models::work::erlang_c(5, 4.5).unwrap() * (-(50.0f64 - 45.0) * 0.2).exp();
    assert!(queue.late_requests.gap_in_bars(waits) < 2.0, "{} and {waits}", queue.late_requests);
}

/// What costs more is late less often, on a day: the trade that a scaler makes.
#[test]
fn cost_buys_promptness() {
    let day = Load::diurnal(200.0, 0.6, 7200.0);
    let service = Service::new(day, 10.0).servers(20).start_up(120.0).goal(1.0);
    let at = |target: f64| service.run(Hpa::new(target), 14_400.0);
    let (lean, ample) = (at(0.9), at(0.5));
    assert!(lean.server_hours < ample.server_hours && lean.late_requests > ample.late_requests);
    // Within the tolerance of what a busy server can show, nothing is ever done.
    assert_eq!(at(0.95).wanted.iter().copied().fold(0.0, f64::max), 20.0);
    assert!(at(0.95).late_requests > 0.9);
    let fixed = service.clone().servers(40).run(|seen: Reading| seen.wanted, 14_400.0);
    assert!(fixed.server_hours > lean.server_hours && fixed.late_requests == 0.0);
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let all = || {
        let load = Load::diurnal(30.0, 0.5, 600.0);
        format!("{:?}", Service::new(load, 10.0).simulate(Hpa::new(0.5), 900.0, 4, 5))
    };
    let with = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(all)
    };
    assert_eq!(with(1), with(2));
}

/// What is called, and what it is to say.
type Case = (Box<dyn Fn()>, &'static str);

#[test]
fn what_makes_no_sense_is_told_in_a_sentence() {
    let service = || Service::new(Load::constant(10.0), 1.0);
    let cases: Vec<Case> = vec![
        (Box::new(|| _ = Load::constant(f64::NAN)), "a number of at least 0, but it is NaN"),
        (Box::new(|| _ = Load::trace(1.0, &[])), "the trace is empty"),
        (Box::new(|| _ = Load::trace(1.0, &[1.0, -2.0])), "at least 0, but it is -2"),
        (Box::new(|| _ = Load::spike(1.0, 2.0, 5.0, 5.0)), "it is from 5 to 5"),
        (Box::new(|| _ = Load::diurnal(1.0, 2.0, 5.0)), "the swing must be from 0 to 1"),
        (Box::new(|| _ = Load::own("odd", |_| f64::NAN).at(3.0)), "at 3 s it is NaN"),
        (Box::new(move || _ = service().period(0.0)), "the period must be a positive number"),
        (Box::new(move || _ = service().seen_after(1.0, 0.0)), "the window must be a positive"),
        (Box::new(move || _ = service().between(3, 2)), "but they are 3 and 2"),
        (Box::new(move || _ = service().run(|_: Reading| f64::NAN, 60.0)), "but at 15 s it is NaN"),
        (
            Box::new(move || _ = service().fractional().simulate(Hpa::new(0.5), 60.0, 2, 1)),
            "a queue needs whole servers",
        ),
        (Box::new(|| _ = Threshold::new(0.7, 0.3)), "0 <= low < high, but they are 0.7 and 0.3"),
        (Box::new(|| _ = Hpa::new(0.0)), "the target must be a positive number"),
        (
            Box::new(|| _ = Pid::new(0.5, -1.0, 0.0, 0.0)),
            "the gain kp must be a number of at least",
        ),
        (
            Box::new(|| {
                let plant = Plant::new(0.5, 10.0).dead_time(1);
                _ = Pid::new(0.5, 0.0, 0.4, 0.0).stable_with(&plant);
            }),
            "must be below 0.5 times as much, that is below 0, 0.2, 0",
        ),
        (
            Box::new(|| {
                let plant = Plant::new(0.5, 10.0);
                _ = Pid::new(0.5, 0.1, 0.01, 0.0).reversed().stable_with(&plant);
            }),
            "their sign is reversed",
        ),
        (Box::new(|| _ = Plant::new(0.5, 10.0).window(0)), "from 1 to 200 periods"),
    ];
    each_says(cases);
}
