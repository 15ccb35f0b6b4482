//! Queues with a closed form.

use pillars_models::sim::Distribution;
use pillars_models::work::{Arrivals, Discipline, Queue};

/// Models at a load of each server, the mean service being 1.
pub fn models(load: f64) -> Vec<(&'static str, Queue)> {
    let service = |scv: f64| Distribution::fitted(1.0, scv);
    let mg1 = |scv| Queue::mg1(load, service(scv));
    let classes = [(1.0, service(0.5)), (2.0, Distribution::exponential(0.5)), (1.0, service(4.0))];
    // Their mean is 1.375.
    let by_class = |discipline| {
        Queue::mg1(load / 1.375, service(1.0)).classes(&classes).discipline(discipline)
    };
    let ranks = [(1.0, service(1.0)), (2.0, service(1.0))];
    let ranked = |discipline| Queue::mmc(3.0 * load, 1.0, 3).classes(&ranks).discipline(discipline);
    // Up for nine tenths of the time.
    let breaking = |service| {
        let (works, repair) = (Distribution::exponential(18.0), Distribution::erlang(2, 2.0));
        Queue::mg1(0.9 * load, service).breakdowns(works, repair)
    };
    let measured = || Distribution::empirical(&[0.2, 0.2, 0.2, 0.4, 0.4, 1.0, 2.6, 3.0]);
    // Half as many and one and a half times as many as on average, for ten services each.
    let bursts = |rate: f64| Arrivals::modulated(&[(1.5 * rate, 10.0), (0.5 * rate, 10.0)]);
    let patient = Distribution::exponential(3.0);
    vec![
        ("M/M/1", Queue::mm1(load, 1.0)),
        ("M/M/3", Queue::mmc(3.0 * load, 1.0, 3)),
        ("M/M/20", Queue::mmc(20.0 * load, 1.0, 20)),
        ("M/M/1/5", Queue::mm1(load, 1.0).room(5)),
        ("M/M/3/7", Queue::mmc(3.0 * load, 1.0, 3).room(7)),
        ("M/M/4/4", Queue::mmc(4.0 * load, 1.0, 4).room(4)),
        ("M/M/2+M", Queue::mmc(2.0 * load, 1.0, 2).patience(patient)),
        ("M/M/1 balking", Queue::mm1(load, 1.0).balking(|n| n as f64 / (n as f64 + 4.0))),
        ("M/M/1 balking at any load", {
            Queue::mm1(2.0 * load, 1.0).balking(|n| 1.0 - 1.0 / (n as f64 + 1.0))
        }),
        ("M/M/inf", Queue::mm_infinity(20.0 * load, 1.0)),
        ("M/LN/inf", {
            let service = Distribution::lognormal(1.0, 2.0);
            Queue::new(Arrivals::poisson(20.0 * load), service, usize::MAX)
        }),
        ("M/D/1", Queue::mg1(load, Distribution::deterministic(1.0))),
        ("M/D/4", Queue::new(Arrivals::poisson(4.0 * load), Distribution::deterministic(1.0), 4)),
        ("M/E/1", mg1(0.3)),
        ("M/H2/1", mg1(4.0)),
        ("M/LN/1", Queue::mg1(load, Distribution::lognormal(1.0, 2.0))),
        ("M/H2/1 LIFO", mg1(4.0).discipline(Discipline::Lifo)),
        ("M/H2/1 SIRO", mg1(4.0).discipline(Discipline::Siro)),
        ("M/H2/1 PS", mg1(4.0).discipline(Discipline::Ps)),
        ("M/H2/1 LIFO-PR", mg1(4.0).discipline(Discipline::LifoPreemptive)),
        ("M/H2/1 SJF", mg1(4.0).discipline(Discipline::Sjf)),
        ("M/H2/1 SRPT", mg1(4.0).discipline(Discipline::Srpt)),
        ("M/E/1 SRPT", mg1(0.3).discipline(Discipline::Srpt)),
        ("M/emp/1 SJF", Queue::mg1(load, measured()).discipline(Discipline::Sjf)),
        ("M/emp/1 SRPT", Queue::mg1(load, measured()).discipline(Discipline::Srpt)),
        ("M/M/3 LIFO", Queue::mmc(3.0 * load, 1.0, 3).discipline(Discipline::Lifo)),
        ("M/M/3 PS", Queue::mmc(3.0 * load, 1.0, 3).discipline(Discipline::Ps)),
        ("M/G/1 priority", by_class(Discipline::Priority)),
        ("M/G/1 preemptive priority", by_class(Discipline::PriorityPreemptive)),
        ("M/M/3 priority", ranked(Discipline::Priority)),
        ("M/M/3 preemptive priority", ranked(Discipline::PriorityPreemptive)),
        ("M/M/2+D", Queue::mmc(2.0 * load, 1.0, 2).patience(Distribution::deterministic(2.0))),
        ("M/M/2+LN", Queue::mmc(2.0 * load, 1.0, 2).patience(Distribution::lognormal(3.0, 2.0))),
        ("M/M/1 breaking", breaking(service(1.0))),
        ("M/H2/1 breaking", breaking(service(4.0))),
        ("E2/M/1", Queue::new(Distribution::erlang(2, 1.0 / load), service(1.0), 1)),
        ("D/M/1", Queue::new(Distribution::deterministic(1.0 / load), service(1.0), 1)),
        ("H2/M/1", Queue::new(Distribution::fitted(1.0 / load, 5.0), service(1.0), 1)),
        ("MMPP/M/1", Queue::new(bursts(load), service(1.0), 1)),
        ("MMPP/M/3 SIRO", {
            Queue::new(bursts(3.0 * load), service(1.0), 3).discipline(Discipline::Siro)
        }),
        ("W/M/1", Queue::new(Distribution::weibull(0.8, 0.8826 / load), service(1.0), 1)),
    ]
}
