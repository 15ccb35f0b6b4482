//! Feedback: a service that is given servers by what is seen of its load, late.
//!
//! Between the load and what is done about it lie the delay of the metric, the window that it is
//! averaged over, the period of the controller, and the time that a server takes to start. What
//! acts on old news overshoots, and beyond a gain that is known exactly it never settles.
//!
//! [`Service::run`] takes time in small steps and load as a fluid; [`Service::simulate`] has
//! requests by lot in a queue before the same servers: two methods for one system.
//!
//! ```
//! use pillars_models::control::{Hpa, Load, Reading, Service};
//! let load = Load::step(50.0, 150.0, 600.0);
//! let service = Service::new(load, 10.0).start_up(60.0).servers(10);
//! let scaled = service.run(Hpa::new(0.5), 3600.0);
//! assert!(scaled.late_time > 0.0 && scaled.wanted.last() == Some(&30.0));
//! // A reader's own: so many servers as are needed for half of what they can do.
//! let mine = |seen: Reading| seen.ready * seen.value / 0.5;
//! assert!(service.run(mine, 3600.0).server_hours > 10.0);
//! ```

mod fleet;
mod fluid;
mod hpa;
mod load;
mod pid;
mod plant;
mod queue;
mod scaled;
mod service;
mod threshold;

pub use hpa::Hpa;
pub use load::Load;
pub use pid::Pid;
pub use plant::{Margins, Plant, Unstable};
pub use scaled::{Scaled, ScaledSurvey};
pub use service::{Metric, Service};
pub use threshold::Threshold;

/// What a scaler sees, once a period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// The time, in seconds.
    pub now: f64,
    /// The time since the last reading, in seconds.
    pub period: f64,
    /// The metric: averaged over its window, and as old as its delay.
    pub value: f64,
    /// Servers that work now.
    pub ready: f64,
    /// Servers that are wanted: those that work and those that start.
    pub wanted: f64,
    /// The fewest servers that are allowed.
    pub least: f64,
    /// The most.
    pub most: f64,
}

/// Who says how many servers are wanted. A closure from a [`Reading`] to a number is one.
///
/// The number is rounded to the nearest whole one (unless the service has fractional servers), and
/// kept between the least and the most.
pub trait Scaler {
    /// How many servers are wanted from now on.
    fn wants(&mut self, seen: Reading) -> f64;
}

impl<F: FnMut(Reading) -> f64> Scaler for F {
    fn wants(&mut self, seen: Reading) -> f64 {
        self(seen)
    }
}
