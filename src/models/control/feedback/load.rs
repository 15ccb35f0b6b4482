//! What a service is asked for, over time.

use super::super::not_negative;
use crate::number::positive;
use std::fmt;
use std::sync::Arc;

const CONSTANT: &str = "constant";

/// Requests a second, as a function of the time in seconds.
#[derive(Clone)]
pub struct Load {
    name: String,
    rate: Arc<dyn Fn(f64) -> f64 + Send + Sync>,
}

impl Load {
    /// Always the same.
    ///
    /// # Panics
    /// As for all constructors here: if a rate is negative or not a number.
    #[track_caller]
    pub fn constant(rate: f64) -> Self {
        not_negative("Load::constant", "rate", rate);
        Self::by(CONSTANT, move |_| rate)
    }

    /// One rate before a time, another from then on.
    #[track_caller]
    pub fn step(before: f64, after: f64, at: f64) -> Self {
        not_negative("Load::step", "rate before", before);
        not_negative("Load::step", "rate after", after);
        not_negative("Load::step", "time", at);
        Self::by("step", move |now| if now < at { before } else { after })
    }

    /// A rate, and another one from one time to another: a flash crowd.
    #[track_caller]
    pub fn spike(base: f64, peak: f64, from: f64, to: f64) -> Self {
        const PLACE: &str = "Load::spike";
        not_negative(PLACE, "rate", base);
        not_negative(PLACE, "rate of the spike", peak);
        assert!(
            0.0 <= from && from < to && to.is_finite(),
            "{PLACE}: the spike must begin at 0 or later and end after that, but it is from {from} \
             to {to}"
        );
        Self::by("spike", move |now| if (from..to).contains(&now) { peak } else { base })
    }

    /// Day and night: mean (1 - swing cos(2π t / period)), least at time 0.
    ///
    /// # Panics
    /// If the mean or the period is not positive, or the swing is not from 0 to 1.
    #[track_caller]
    pub fn diurnal(mean: f64, swing: f64, period: f64) -> Self {
        const PLACE: &str = "Load::diurnal";
        positive(PLACE, "mean rate", mean);
        positive(PLACE, "period", period);
        assert!(
            (0.0..=1.0).contains(&swing),
            "{PLACE}: the swing must be from 0 to 1 times the mean, but it is {swing}; give 0.5 for \
             half as much at night and half as much again at noon"
        );
        let turn = std::f64::consts::TAU / period;
        Self::by("diurnal", move |now| mean * (1.0 - swing * (turn * now).cos()))
    }

    /// A trace: one rate for each `step` seconds; after its end the last holds.
    ///
    /// # Panics
    /// If it is empty, a rate is negative or not a number, or the step is not positive.
    #[track_caller]
    pub fn trace(step: f64, rates: &[f64]) -> Self {
        const PLACE: &str = "Load::trace";
        positive(PLACE, "step", step);
        assert!(
            !rates.is_empty(),
            "{PLACE}: the trace is empty; give at least one rate, as in &[80.0]"
        );
        rates.iter().for_each(|rate| {
            not_negative(PLACE, "rate at each time", *rate);
        });
        let rates: Vec<f64> = rates.to_vec();
        Self::by("trace", move |now| rates[((now / step) as usize).min(rates.len() - 1)])
    }

    /// A load of one's own: requests a second at a time in seconds.
    pub fn own(name: &str, rate: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Self {
        Self::by(name, rate)
    }

    /// Requests a second at this time.
    ///
    /// # Panics
    /// If that is negative or not a number.
    #[track_caller]
    pub fn at(&self, now: f64) -> f64 {
        let rate = (self.rate)(now);
        assert!(
            rate >= 0.0 && rate.is_finite(),
            "Load::at: the load {} must be a number of at least 0, but at {now} s it is {rate}",
            self.name
        );
        rate
    }

    /// The rate, if it is always the same.
    pub(crate) fn constant_rate(&self) -> Option<f64> {
        (self.name == CONSTANT).then(|| self.at(0.0))
    }

    fn by(name: &str, rate: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Self {
        Self { name: name.to_owned(), rate: Arc::new(rate) }
    }
}

impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
