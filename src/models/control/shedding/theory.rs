//! Goodput in closed form, where there is one.

use super::Overload;
use super::policy::{Kind, Shed};

impl Overload {
    /// Goodput in the long run, with exponential services served in the order of arrival: without
    /// shedding that of M/M/1 (0 if it is overloaded), with a bounded queue of M/M/1/K, with a
    /// deadline of M/M/1 whose customers have a constant patience (Barrer, 1957). Nothing else.
    pub fn goodput(&self, shed: &Shed) -> Option<f64> {
        let (load, deadline) = (self.load, self.deadline);
        let service = self.service.rate_if_exponential()?;
        if shed.is_newest_first() {
            return None;
        }
        let spare = service - load;
        match shed.kind() {
            Kind::None if spare <= 0.0 => Some(0.0),
            Kind::None => Some(-load * (-spare * deadline).exp_m1()),
            Kind::Room(places) => {
                let weight = |n: usize| (load / service).powi(n as i32);
                let total: f64 = (0..=*places).map(weight).sum();
                // Who finds n is answered in time if n + 1 services are: not fewer Poisson events.
                let (mut term, mut fewer, mut sum) = ((-service * deadline).exp(), 0.0, 0.0);
                for n in 0..*places {
                    fewer += term;
                    term *= service * deadline / (n + 1) as f64;
                    sum += weight(n) / total * (1.0 - fewer);
                }
                Some(load * sum)
            }
            Kind::Deadline(longest) => {
                // The density of the wait is λ p0 e^(-(μ - λ) w) up to the longest; above it, of
                // what is left to do, it falls by e^(-μ w).
                let area = |to: f64| match spare == 0.0 {
                    true => load * to,
                    false => -load * (-spare * to).exp_m1() / spare,
                };
                let beyond = load / service * (-spare * longest).exp();
                let idle = 1.0 / (1.0 + area(*longest) + beyond);
                let within = longest.min(deadline);
                let late = (-service * deadline).exp() * (load * within).exp_m1();
                let at_once = -(-service * deadline).exp_m1();
                Some(load * idle * (at_once + area(within) - late))
            }
            _ => None,
        }
    }
}
