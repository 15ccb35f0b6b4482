//! How good forecasts are, on values that they have not seen.

use super::super::checks::{at_least, series, several};
use super::super::trace::Trace;
use super::Forecaster;
use crate::sim::{Estimate, replicate};

/// Errors of forecasts, all made the same number of steps ahead.
#[derive(Clone, Debug, PartialEq)]
pub struct Accuracy {
    /// What came, in order.
    pub actual: Vec<f64>,
    /// What was forecast for it.
    pub forecast: Vec<f64>,
    /// Mean absolute error, in the series' unit.
    pub mae: f64,
    /// Root of the mean squared error, in the series' unit.
    pub rmse: f64,
    /// Mean absolute scaled error (Hyndman and Koehler, 2006): over the mean absolute error of
    /// the seasonal naive forecast in the history, or of the naive one without seasons. Below 1
    /// it is better than that.
    pub mase: f64,
    /// The part of the values that lay within their 95 % intervals.
    pub coverage: f64,
}

/// The same over many replications of a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForecastSurvey {
    /// Mean absolute error.
    pub mae: Estimate,
    /// Root of the mean squared error.
    pub rmse: Estimate,
    /// Mean absolute scaled error.
    pub mase: Estimate,
    /// The part of the values within their 95 % intervals.
    pub coverage: Estimate,
}

impl Forecaster {
    /// Fits to the first `train` values and then goes on value by value, each time with a forecast
    /// so many steps ahead (rolling origin). Errors are scaled by seasons of `period` steps, 1 for
    /// none.
    ///
    /// # Panics
    /// If there is nothing to forecast, the history is too short, or a value is not finite.
    #[track_caller]
    pub fn backtest(&self, values: &[f64], train: usize, ahead: usize, period: usize) -> Accuracy {
        const PLACE: &str = "Forecaster::backtest";
        at_least(PLACE, "steps ahead", ahead, 1);
        at_least(PLACE, "steps of a season", period, 1);
        at_least(PLACE, "values to fit to", train, self.needs().max(period + 1));
        series(PLACE, "series", values, train + ahead);
        let mut fitted = self.fit(&values[..train]);
        let (mut actual, mut forecast, mut within) = (vec![], vec![], 0.0);
        for origin in train..=values.len() - ahead {
            let value = values[origin + ahead - 1];
            let (low, high) = fitted.interval(ahead, 0.95);
            within += f64::from(u8::from((low..=high).contains(&value)));
            actual.push(value);
            forecast.push(fitted.ahead(ahead));
            fitted.observe(values[origin]);
        }
        let count = actual.len() as f64;
        let errors = || actual.iter().zip(&forecast).map(|(a, f): (&f64, &f64)| a - f);
        let mae = errors().map(f64::abs).sum::<f64>() / count;
        let rmse = (errors().map(|e| e * e).sum::<f64>() / count).sqrt();
        let naive = values[..train].windows(period + 1).map(|w| (w[period] - w[0]).abs());
        let scale = naive.sum::<f64>() / (train - period) as f64;
        let mase = if mae == 0.0 { 0.0 } else { mae / scale };
        Accuracy { mae, rmse, mase, coverage: within / count, actual, forecast }
    }

    /// The same for so many steps of each of so many replications of a trace, with intervals over
    /// them.
    ///
    /// # Panics
    /// As [`Forecaster::backtest`]; with fewer than 2 replications.
    #[track_caller]
    pub fn survey(
        &self,
        trace: &Trace,
        steps: usize,
        train: usize,
        ahead: usize,
        replications: usize,
        seed: u64,
    ) -> ForecastSurvey {
        const PLACE: &str = "Forecaster::survey";
        several(PLACE, replications);
        at_least(PLACE, "steps", steps, train + ahead);
        let all = replicate(replications, |replication| {
            let values = trace.values(steps, seed, replication);
            let result = self.backtest(&values, train, ahead, trace.period());
            [result.mae, result.rmse, result.mase, result.coverage]
        });
        let over = |part: usize| Estimate::of(&all.iter().map(|one| one[part]).collect::<Vec<_>>());
        ForecastSurvey { mae: over(0), rmse: over(1), mase: over(2), coverage: over(3) }
    }
}
