//! Proportional, integral, derivative.

use super::super::not_negative;
use super::plant::{Margins, Plant, Unstable};
use super::{Reading, Scaler};

/// Servers = those at first + kp e + ki ∫ e dt + kd de/dt, e being metric - goal: the more there is
/// to do the more servers. The integral is kept within what is allowed (no wind-up).
#[derive(Clone, Debug, PartialEq)]
pub struct Pid {
    goal: f64,
    pub(super) kp: f64,
    pub(super) ki: f64,
    pub(super) kd: f64,
    first: Option<f64>,
    integral: f64,
    before: Option<f64>,
}

impl Pid {
    /// The value that the metric is to have, and the gains: servers for one unit of error, for one
    /// unit during a second, and for one unit a second.
    ///
    /// # Panics
    /// If the goal is not a number, or a gain is negative or not a number.
    #[track_caller]
    pub fn new(goal: f64, kp: f64, ki: f64, kd: f64) -> Self {
        const PLACE: &str = "Pid::new";
        not_negative(PLACE, "goal", goal);
        let kp = not_negative(PLACE, "gain kp", kp);
        let ki = not_negative(PLACE, "gain ki", ki);
        let kd = not_negative(PLACE, "gain kd", kd);
        Self { goal, kp, ki, kd, first: None, integral: 0.0, before: None }
    }

    /// All gains times a factor.
    ///
    /// # Panics
    /// If it is negative or not a number.
    #[track_caller]
    pub fn times(self, factor: f64) -> Self {
        let factor = not_negative("Pid::times", "factor", factor);
        Self { kp: factor * self.kp, ki: factor * self.ki, kd: factor * self.kd, ..self }
    }

    /// The same with the wrong sign, a popular error: what should push back pushes on.
    pub fn reversed(self) -> Self {
        Self { kp: -self.kp, ki: -self.ki, kd: -self.kd, ..self }
    }

    /// Whether the loop of this controller and a plant settles, and by how much.
    ///
    /// # Errors
    /// If it does not: with the largest factor of all gains with which it does.
    pub fn margins(&self, plant: &Plant) -> Result<Margins, Unstable> {
        plant.margins([self.kp, self.ki, self.kd])
    }

    /// The same, if its loop with the plant settles.
    ///
    /// # Panics
    /// If it does not, with the gains that are allowed.
    #[track_caller]
    pub fn stable_with(self, plant: &Plant) -> Self {
        if let Err(unstable) = self.margins(plant) {
            panic!("Pid::stable_with: {unstable}");
        }
        self
    }
}

impl Scaler for Pid {
    fn wants(&mut self, seen: Reading) -> f64 {
        let first = *self.first.get_or_insert(seen.wanted);
        let error = seen.value - self.goal;
        let integral = self.integral + self.ki * error * seen.period;
        self.integral = integral.clamp(seen.least - first, seen.most - first);
        let slope = self.before.map_or(0.0, |before| (error - before) / seen.period);
        self.before = Some(error);
        first + self.kp * error + self.integral + self.kd * slope
    }
}
