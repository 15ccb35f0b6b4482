//! Forecasts: the next values of a series from those before, by the methods of Hyndman and
//! Athanasopoulos (Forecasting: Principles and Practice, 2nd ed., chapters 3 and 7), whose form of
//! the equations is used here.
//!
//! ```
//! use pillars_models::intelligence::Forecaster;
//! // A line with a season of four: after two seasons it is known.
//! let sales: Vec<f64> = (0..12).map(|t| t as f64 + [5.0, 0.0, -5.0, 0.0][t % 4]).collect();
//! let fitted = Forecaster::holt_winters(4).fit(&sales);
//! assert!((fitted.ahead(1) - 17.0).abs() < 1e-6);
//! ```

mod accuracy;
mod fit;
mod simplex;
mod smooth;

pub use accuracy::{Accuracy, ForecastSurvey};
pub use smooth::Smoothing;

use super::checks::{at_least, series, within};
use smooth::Smooth;
use statrs::distribution::{ContinuousCDF, Normal};
use std::fmt;
use std::sync::Arc;

/// A reader's own method: the value so many steps after the end of a history.
type Own = Arc<dyn Fn(&[f64], usize) -> f64 + Send + Sync>;

/// A method to forecast a series.
#[derive(Clone)]
pub struct Forecaster {
    kind: Kind,
    fixed: Option<Smoothing>,
}

#[derive(Clone)]
pub(super) enum Kind {
    Naive,
    SeasonalNaive { period: usize },
    Smooth { trend: bool, season: Season },
    Own { name: String, next: Own },
}

/// How seasons enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Season {
    None,
    Added(usize),
    Multiplied(usize),
}

impl Season {
    fn period(self) -> usize {
        match self {
            Self::None => 1,
            Self::Added(period) | Self::Multiplied(period) => period,
        }
    }
}

impl Forecaster {
    /// As now.
    pub fn naive() -> Self {
        Kind::Naive.into()
    }

    /// As a season of so many steps ago.
    ///
    /// # Panics
    /// As for all with a season: if it has fewer than 2 steps.
    #[track_caller]
    pub fn seasonal_naive(period: usize) -> Self {
        at_least("Forecaster::seasonal_naive", "steps of a season", period, 2);
        Kind::SeasonalNaive { period }.into()
    }

    /// Simple exponential smoothing: a level, no trend.
    pub fn simple() -> Self {
        Kind::Smooth { trend: false, season: Season::None }.into()
    }

    /// Holt's (1957) linear method: a level and a trend.
    pub fn holt() -> Self {
        Kind::Smooth { trend: true, season: Season::None }.into()
    }

    /// Holt and Winters (1960): level, trend, and a season that is added.
    #[track_caller]
    pub fn holt_winters(period: usize) -> Self {
        at_least("Forecaster::holt_winters", "steps of a season", period, 2);
        Kind::Smooth { trend: true, season: Season::Added(period) }.into()
    }

    /// The same with a season that multiplies: its swing grows with the level.
    #[track_caller]
    pub fn holt_winters_multiplied(period: usize) -> Self {
        at_least("Forecaster::holt_winters_multiplied", "steps of a season", period, 2);
        Kind::Smooth { trend: true, season: Season::Multiplied(period) }.into()
    }

    /// A method of one's own: from a history, the value so many steps after its end.
    pub fn own(name: &str, next: impl Fn(&[f64], usize) -> f64 + Send + Sync + 'static) -> Self {
        Kind::Own { name: name.to_owned(), next: Arc::new(next) }.into()
    }

    /// The same with these smoothing constants, which are otherwise those of least squares.
    ///
    /// # Panics
    /// If the method smooths nothing, or a constant is not from 0 to 1.
    #[track_caller]
    pub fn smoothing(mut self, alpha: f64, beta: f64, gamma: f64) -> Self {
        const PLACE: &str = "Forecaster::smoothing";
        assert!(
            matches!(self.kind, Kind::Smooth { .. }),
            "{PLACE}: only exponential smoothing has smoothing constants, but this is {self}"
        );
        within(PLACE, "constant alpha, of the level,", alpha, 0.0, 1.0);
        within(PLACE, "constant beta, of the trend,", beta, 0.0, 1.0);
        within(PLACE, "constant gamma, of the season,", gamma, 0.0, 1.0);
        self.fixed = Some(Smoothing { alpha, beta, gamma });
        self
    }

    /// Steps of its season; 1 if it has none.
    pub fn period(&self) -> usize {
        match &self.kind {
            Kind::SeasonalNaive { period } => *period,
            Kind::Smooth { season, .. } => season.period(),
            Kind::Naive | Kind::Own { .. } => 1,
        }
    }

    /// The values that it needs at least: two seasons, or 4.
    pub fn needs(&self) -> usize {
        if self.period() == 1 { 4 } else { 2 * self.period() }
    }

    /// Fitted to a history: smoothing constants by least squares of the errors one step ahead
    /// (Nelder and Mead's simplex, 1965, from the best of a grid); first states of level and trend
    /// by least squares too, those of seasons from the first two.
    ///
    /// # Panics
    /// If the history is shorter than [`Forecaster::needs`], a value is not finite, or, for a
    /// season that multiplies, one is not positive.
    #[track_caller]
    pub fn fit(&self, history: &[f64]) -> Fitted {
        const PLACE: &str = "Forecaster::fit";
        series(PLACE, "history", history, self.needs());
        let (state, errors) = match &self.kind {
            Kind::Naive => {
                let errors = history.windows(2).map(|two| two[1] - two[0]).collect();
                (State::Naive(history[history.len() - 1]), errors)
            }
            Kind::SeasonalNaive { period } => {
                let before = history.iter().zip(&history[*period..]);
                let errors = before.map(|(then, now)| now - then).collect();
                let last = history[history.len() - period..].to_vec();
                (State::SeasonalNaive { last, at: 0, seen: 0 }, errors)
            }
            Kind::Smooth { trend, season } => {
                if let Season::Multiplied(_) = season
                    && let Some(bad) = history.iter().find(|value| **value <= 0.0)
                {
                    panic!(
                        "{PLACE}: a season that multiplies needs positive values, but one is \
                         {bad}; take Forecaster::holt_winters, whose season is added"
                    );
                }
                let (smooth, errors) = fit::fit(history, *trend, *season, self.fixed);
                (State::Smooth(smooth), errors)
            }
            Kind::Own { next, .. } => {
                // The latest errors alone: each takes a look at the whole history.
                let from = (history.len() / 2).max(history.len().saturating_sub(200));
                let error = |at: usize| history[at] - next(&history[..at], 1);
                let errors = (from.max(1)..history.len()).map(error).collect();
                (State::Own { next: next.clone(), history: history.to_vec() }, errors)
            }
        };
        let errors: Vec<f64> = errors;
        let free = match &self.kind {
            Kind::Smooth { trend: false, .. } => 2,
            Kind::Smooth { .. } => 4,
            _ => 0,
        };
        let count = errors.len().saturating_sub(free).max(1) as f64;
        let sigma = (errors.iter().map(|error| error * error).sum::<f64>() / count).sqrt();
        Fitted { state, sigma }
    }
}

impl From<Kind> for Forecaster {
    fn from(kind: Kind) -> Self {
        Self { kind, fixed: None }
    }
}

/// As "Holt-Winters, seasons of 24 added".
impl fmt::Display for Forecaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Naive => write!(f, "naive"),
            Kind::SeasonalNaive { period } => write!(f, "seasonal naive, seasons of {period}"),
            Kind::Smooth { trend, season } => match season {
                Season::None if *trend => write!(f, "Holt"),
                Season::None => write!(f, "simple exponential smoothing"),
                Season::Added(m) => write!(f, "Holt-Winters, seasons of {m} added"),
                Season::Multiplied(m) => write!(f, "Holt-Winters, seasons of {m} multiplied"),
            },
            Kind::Own { name, .. } => write!(f, "{name}"),
        }
    }
}

impl fmt::Debug for Forecaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A method that has seen a history, and may be shown more of it.
#[derive(Clone)]
pub struct Fitted {
    state: State,
    sigma: f64,
}

#[derive(Clone)]
enum State {
    Naive(f64),
    /// The last season, where the next value stands in it, and how many came since the fit.
    SeasonalNaive {
        last: Vec<f64>,
        at: usize,
        seen: usize,
    },
    Smooth(Smooth),
    Own {
        next: Own,
        history: Vec<f64>,
    },
}

impl Fitted {
    /// The value so many steps ahead, from 1.
    ///
    /// # Panics
    /// If it is to be 0 steps ahead.
    #[track_caller]
    pub fn ahead(&self, steps: usize) -> f64 {
        at_least("Fitted::ahead", "steps ahead", steps, 1);
        match &self.state {
            State::Naive(last) => *last,
            State::SeasonalNaive { last, at, .. } => last[(at + steps - 1) % last.len()],
            State::Smooth(smooth) => smooth.ahead(steps),
            State::Own { next, history } => next(history, steps),
        }
    }

    /// The next values.
    #[track_caller]
    pub fn forecast(&self, steps: usize) -> Vec<f64> {
        at_least("Fitted::forecast", "steps ahead", steps, 1);
        (1..=steps).map(|ahead| self.ahead(ahead)).collect()
    }

    /// Takes the next value of the series; smoothing constants stay as they are.
    ///
    /// # Panics
    /// If it is not finite.
    #[track_caller]
    pub fn observe(&mut self, value: f64) {
        assert!(
            value.is_finite(),
            "Fitted::observe: the value must be a finite number, but it is {value}"
        );
        match &mut self.state {
            State::Naive(last) => *last = value,
            State::SeasonalNaive { last, at, seen } => {
                last[*at] = value;
                *at = (*at + 1) % last.len();
                *seen += 1;
            }
            State::Smooth(smooth) => {
                smooth.observe(value);
            }
            State::Own { history, .. } => history.push(value),
        }
    }

    /// The standard deviation of the errors one step ahead in the history, in the series' unit.
    /// For a season that multiplies it is a part of the value.
    pub fn sigma(&self) -> f64 {
        self.sigma
    }

    /// The smoothing constants, if it smooths.
    pub fn smoothing(&self) -> Option<Smoothing> {
        match &self.state {
            State::Smooth(smooth) => Some(smooth.by),
            _ => None,
        }
    }

    /// The first level and trend that were fitted, if it smooths.
    pub fn first_states(&self) -> Option<(f64, f64)> {
        match &self.state {
            State::Smooth(smooth) => Some(smooth.first),
            _ => None,
        }
    }

    /// The standard deviation of the error so many steps ahead, by the state space models of
    /// Hyndman and others (2008): σ² (1 + Σ c_j²), where c_j is what an error of today adds to
    /// the forecast j steps ahead. For a season that multiplies this is an approximation.
    #[track_caller]
    pub fn deviation(&self, steps: usize) -> f64 {
        at_least("Fitted::deviation", "steps ahead", steps, 1);
        let ahead = steps as f64;
        match &self.state {
            State::Naive(_) => self.sigma * ahead.sqrt(),
            State::SeasonalNaive { last, .. } => {
                self.sigma * (((steps - 1) / last.len() + 1) as f64).sqrt()
            }
            State::Smooth(smooth) => {
                let squares: f64 = (1..steps).map(|j| smooth.weight(j).powi(2)).sum();
                self.sigma * (1.0 + squares).sqrt() * smooth.unit(steps)
            }
            // Nothing is known of it: errors as of today.
            State::Own { .. } => self.sigma,
        }
    }

    /// The interval that the value so many steps ahead lies in with this probability, if errors
    /// are normal and independent. How often it really does is measured by
    /// [`Forecaster::backtest`].
    ///
    /// # Panics
    /// If the probability is not above 0 and below 1.
    #[track_caller]
    pub fn interval(&self, steps: usize, probability: f64) -> (f64, f64) {
        assert!(
            probability > 0.0 && probability < 1.0,
            "Fitted::interval: the probability must be above 0 and below 1, but it is \
             {probability}; give 0.95"
        );
        let width = Normal::standard().inverse_cdf(0.5 + probability / 2.0) * self.deviation(steps);
        let middle = self.ahead(steps);
        (middle - width, middle + width)
    }
}

impl fmt::Debug for Fitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fitted").field("next", &self.ahead(1)).field("sigma", &self.sigma).finish()
    }
}
