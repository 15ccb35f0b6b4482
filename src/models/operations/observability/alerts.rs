//! Alerts on a noisy metric: how many of them mean something, and how much of what matters they
//! find.

use crate::number::positive;
use crate::operations::checks::{at_least, inner, probability};
use crate::operations::deploy::normal_below;
use crate::sim::{Estimate, Stream, Trials, replicate};
use std::fmt;
use std::sync::Arc;

/// Windows and alerts, in health and in incidents.
type Counted = [[f64; 2]; 2];

type Detector = Arc<dyn Fn(&[f64]) -> bool + Send + Sync>;

/// An alert on the mean of a window of samples that are normally distributed, around one mean in
/// health and around another in an incident. Some windows are incidents: the base rate.
#[derive(Clone)]
pub struct ThresholdAlert {
    healthy: f64,
    incident: f64,
    deviation: f64,
    base_rate: f64,
    window: usize,
    threshold: f64,
    own: Option<Detector>,
}

/// What a simulation says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlertRun {
    /// The share of alerts that are incidents; 0 without alerts.
    pub precision: Estimate,
    /// The share of incidents with an alert.
    pub recall: Estimate,
    /// The share of healthy windows with an alert.
    pub false_alarms: Estimate,
}

impl ThresholdAlert {
    /// The metric's mean in health and in an incident, its standard deviation, and the share of
    /// windows that are incidents. The window is 1 sample, the threshold half way.
    ///
    /// # Panics
    /// If the means are not numbers with healthy < incident, the deviation is not positive, or the
    /// base rate not above 0 and below 1.
    #[track_caller]
    pub fn new(healthy: f64, incident: f64, deviation: f64, base_rate: f64) -> Self {
        const PLACE: &str = "ThresholdAlert::new";
        assert!(
            healthy < incident && healthy.is_finite() && incident.is_finite(),
            "{PLACE}: the mean in an incident must be above that in health, but they are {incident} \
             and {healthy}; for a metric that falls give both with the other sign"
        );
        Self {
            healthy,
            incident,
            deviation: positive(PLACE, "standard deviation", deviation),
            base_rate: inner(PLACE, "share of windows that are incidents", base_rate),
            window: 1,
            threshold: (healthy + incident) / 2.0,
            own: None,
        }
    }

    /// The same with so many samples in a window.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn window(self, samples: usize) -> Self {
        Self { window: at_least("ThresholdAlert::window", "samples", 1, samples), ..self }
    }

    /// The same with another threshold, in the metric's unit.
    ///
    /// # Panics
    /// If it is not a finite number.
    #[track_caller]
    pub fn threshold(self, threshold: f64) -> Self {
        assert!(
            threshold.is_finite(),
            "ThresholdAlert::threshold: the threshold must be a finite number, but it is {threshold}"
        );
        Self { threshold, ..self }
    }

    /// The same with the reader's own detector, which sees the samples of a window:
    /// `own(|window| window.iter().all(|x| *x > 3.0))`.
    pub fn own(self, detects: impl Fn(&[f64]) -> bool + Send + Sync + 'static) -> Self {
        Self { own: Some(Arc::new(detects)), ..self }
    }

    /// The share of incidents with an alert, 1 - Φ((threshold - mean) sqrt(w) / σ); of the
    /// threshold, whatever the reader's own detector does.
    pub fn recall(&self) -> f64 {
        self.beyond(self.incident)
    }

    /// The share of healthy windows with an alert.
    pub fn false_alarms(&self) -> f64 {
        self.beyond(self.healthy)
    }

    /// The share of alerts that are incidents, by Bayes.
    pub fn precision(&self) -> f64 {
        Self::bayes(self.recall(), self.false_alarms(), self.base_rate)
    }

    /// π r / (π r + (1 - π) f): the share of alerts that are incidents, by recall, false alarms
    /// and base rate. 0 if there is never an alert.
    ///
    /// # Panics
    /// If one of them is not between 0 and 1.
    #[track_caller]
    pub fn bayes(recall: f64, false_alarms: f64, base_rate: f64) -> f64 {
        const PLACE: &str = "ThresholdAlert::bayes";
        probability(PLACE, "recall", recall);
        probability(PLACE, "share of false alarms", false_alarms);
        probability(PLACE, "base rate", base_rate);
        let right = base_rate * recall;
        let all = right + (1.0 - base_rate) * false_alarms;
        if all > 0.0 { right / all } else { 0.0 }
    }

    fn beyond(&self, mean: f64) -> f64 {
        normal_below((mean - self.threshold) * (self.window as f64).sqrt() / self.deviation)
    }

    /// Windows, one a customer of `trials`.
    pub fn simulate(&self, trials: Trials) -> AlertRun {
        let runs = replicate(trials.replications, |replication| {
            let mut states = Stream::new(trials.seed, replication, "incidents");
            let mut noise = Stream::new(trials.seed, replication, "noise");
            let mut samples = vec![0.0; self.window];
            let mut counted: Counted = [[0.0; 2]; 2];
            for at in 0..trials.customers {
                if at % 256 == 0 {
                    crate::interrupt::tick();
                }
                let is_incident = states.uniform() < self.base_rate;
                let mean = if is_incident { self.incident } else { self.healthy };
                samples.fill_with(|| mean + self.deviation * noise.normal());
                let alerts = match &self.own {
                    Some(detects) => detects(&samples),
                    None => samples.iter().sum::<f64>() / self.window as f64 > self.threshold,
                };
                let here = &mut counted[usize::from(is_incident)];
                here[0] += 1.0;
                here[1] += f64::from(u8::from(alerts));
            }
            counted
        });
        let parts = |of: fn(&Counted) -> (f64, f64)| {
            Estimate::of_parts(&runs.iter().map(of).collect::<Vec<_>>())
        };
        AlertRun {
            precision: parts(|[healthy, incident]| (incident[1], healthy[1] + incident[1])),
            recall: parts(|[_, incident]| (incident[1], incident[0])),
            false_alarms: parts(|[healthy, _]| (healthy[1], healthy[0])),
        }
    }
}

impl fmt::Debug for ThresholdAlert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "an alert above {} of {} samples, {} in health and {} in one of {} windows",
            self.threshold, self.window, self.healthy, self.incident, self.base_rate
        )
    }
}
