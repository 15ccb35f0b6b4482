//! Intelligence: systems that look ahead, notice, choose, adapt, and mend themselves.
//!
//! Loads are synthetic ([`Trace`]), so that the truth is known; what is measured comes with an
//! interval over seeds, and beside it stand the closed form, the bound or the healthy control.

mod anomaly;
mod checks;
mod forecast;
mod scaling;
mod trace;

pub use anomaly::{ControlChart, Found, RunLengths, Runs, Watch, Watcher};
pub use forecast::{Accuracy, Fitted, ForecastSurvey, Forecaster, Smoothing};
pub use scaling::{Autoscaler, Outlook, Scaling, ScalingRun, ScalingSurvey};
pub use trace::Trace;
