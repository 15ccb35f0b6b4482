//! The states of exponential smoothing, and how an error corrects them.

use super::Season;

/// Smoothing constants: how much of an error each state takes up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Smoothing {
    /// Of the level.
    pub alpha: f64,
    /// Of the trend: the part of the level's correction that is taken as a change of trend
    /// (Hyndman and Athanasopoulos call it β*).
    pub beta: f64,
    /// Of the season.
    pub gamma: f64,
}

/// Level, trend and seasons after what was observed.
#[derive(Clone, Debug)]
pub(super) struct Smooth {
    pub by: Smoothing,
    /// Level and trend before the first value.
    pub first: (f64, f64),
    level: f64,
    trend: f64,
    seasons: Vec<f64>,
    /// The season of the next value.
    at: usize,
    season: Season,
    has_trend: bool,
}

impl Smooth {
    pub fn new(
        by: Smoothing,
        first: (f64, f64),
        seasons: Vec<f64>,
        season: Season,
        has_trend: bool,
    ) -> Self {
        let (level, trend) = first;
        Self { by, first, level, trend, seasons, at: 0, season, has_trend }
    }

    pub fn ahead(&self, steps: usize) -> f64 {
        let line = self.level + self.trend * steps as f64;
        let season = || self.seasons[(self.at + steps - 1) % self.seasons.len()];
        match self.season {
            Season::None => line,
            Season::Added(_) => line + season(),
            Season::Multiplied(_) => line * season(),
        }
    }

    /// Takes a value and returns the error of its forecast, for a season that multiplies as a part
    /// of the forecast.
    #[inline]
    pub fn observe(&mut self, value: f64) -> f64 {
        let forecast = self.ahead(1);
        let mut error = value - forecast;
        let line = self.level + self.trend;
        let Smoothing { alpha, beta, gamma } = self.by;
        let mut told = error;
        match self.season {
            Season::None => {}
            Season::Added(_) => self.seasons[self.at] += gamma * error,
            Season::Multiplied(_) => {
                // A line that has come to nothing must not divide.
                let season = self.seasons[self.at].max(1e-9);
                self.seasons[self.at] += gamma * error / line.abs().max(1e-9);
                told = error / forecast.abs().max(1e-9);
                error /= season;
            }
        }
        self.level = line + alpha * error;
        if self.has_trend {
            self.trend += alpha * beta * error;
        }
        if !self.seasons.is_empty() {
            self.at = (self.at + 1) % self.seasons.len();
        }
        told
    }

    /// What an error of today adds to the forecast so many steps ahead.
    pub fn weight(&self, steps: usize) -> f64 {
        let Smoothing { alpha, beta, gamma } = self.by;
        let beta = if self.has_trend { beta } else { 0.0 };
        let line = alpha * (1.0 + beta * steps as f64);
        match self.season {
            Season::None => line,
            Season::Added(m) | Season::Multiplied(m) => {
                line + if steps.is_multiple_of(m) { gamma } else { 0.0 }
            }
        }
    }

    /// In what errors are counted: 1, or the forecast if they are parts of it.
    pub fn unit(&self, steps: usize) -> f64 {
        match self.season {
            Season::Multiplied(_) => self.ahead(steps).abs(),
            _ => 1.0,
        }
    }
}
