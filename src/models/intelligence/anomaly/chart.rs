//! The charts: each looks at one value after the other and says when it takes alarm.

use super::super::checks::{at_least, within};
use crate::number::positive;
use std::fmt;
use std::sync::Arc;

/// A detector for values that have mean 0 and standard deviation 1 while all is well.
#[derive(Clone)]
pub struct ControlChart {
    kind: Kind,
}

type Fresh = Arc<dyn Fn() -> Box<dyn FnMut(f64) -> bool> + Send + Sync>;

#[derive(Clone)]
pub(super) enum Kind {
    Shewhart { limit: f64 },
    Ewma { weight: f64, limit: f64 },
    Cusum { slack: f64, limit: f64 },
    Robust { window: usize, limit: f64 },
    Moving { window: usize, limit: f64 },
    Own { name: String, fresh: Fresh },
}

impl ControlChart {
    /// Alarm when a value is further than so many standard deviations from the mean (Shewhart,
    /// 1931).
    ///
    /// # Panics
    /// As for all charts: if a limit is not a positive number.
    #[track_caller]
    pub fn shewhart(limit: f64) -> Self {
        Kind::Shewhart { limit: positive("ControlChart::shewhart", "limit", limit) }.into()
    }

    /// An exponentially weighted moving average (Roberts, 1959): z = (1 - λ) z + λ x, from 0 on,
    /// with an alarm when |z| > L √(λ / (2 - λ)), L standard deviations of z in the long run.
    ///
    /// # Panics
    /// If the weight λ is not above 0 and at most 1.
    #[track_caller]
    pub fn ewma(weight: f64, limit: f64) -> Self {
        const PLACE: &str = "ControlChart::ewma";
        within(PLACE, "weight of the newest value", weight, 1e-6, 1.0);
        Kind::Ewma { weight, limit: positive(PLACE, "limit", limit) }.into()
    }

    /// The two-sided tabular cumulative sum (Page, 1954): up = max(0, up + x - k) and the same
    /// downwards, with an alarm when one exceeds h. It is quickest for shifts of 2 k.
    ///
    /// # Panics
    /// If the slack k is negative.
    #[track_caller]
    pub fn cusum(slack: f64, limit: f64) -> Self {
        const PLACE: &str = "ControlChart::cusum";
        super::super::checks::not_negative(PLACE, "slack k", slack);
        Kind::Cusum { slack, limit: positive(PLACE, "limit h", limit) }.into()
    }

    /// Robust z: the distance to the median of the latest `window` values, over 1.4826 times the
    /// median of their absolute deviations from it. It learns what is usual by itself, and is not
    /// misled by a few outliers; it is silent until the window is full.
    ///
    /// # Panics
    /// With a window of fewer than 4 values.
    #[track_caller]
    pub fn robust(window: usize, limit: f64) -> Self {
        const PLACE: &str = "ControlChart::robust";
        at_least(PLACE, "values of the window", window, 4);
        Kind::Robust { window, limit: positive(PLACE, "limit", limit) }.into()
    }

    /// The same with mean and standard deviation of the window, which an outlier inflates.
    ///
    /// # Panics
    /// With a window of fewer than 4 values.
    #[track_caller]
    pub fn moving(window: usize, limit: f64) -> Self {
        const PLACE: &str = "ControlChart::moving";
        at_least(PLACE, "values of the window", window, 4);
        Kind::Moving { window, limit: positive(PLACE, "limit", limit) }.into()
    }

    /// A detector of one's own: `fresh` makes one, which is shown value after value and says when
    /// it takes alarm.
    pub fn own<D: FnMut(f64) -> bool + 'static>(
        name: &str,
        fresh: impl Fn() -> D + Send + Sync + 'static,
    ) -> Self {
        let fresh = Arc::new(move || -> Box<dyn FnMut(f64) -> bool> { Box::new(fresh()) });
        Kind::Own { name: name.to_owned(), fresh }.into()
    }

    /// A fresh one, to be shown values.
    pub fn watcher(&self) -> Watcher {
        let state = match &self.kind {
            Kind::Shewhart { limit } => State::Shewhart { limit: *limit },
            Kind::Ewma { weight, limit } => {
                let limit = limit * (weight / (2.0 - weight)).sqrt();
                State::Ewma { weight: *weight, limit, z: 0.0 }
            }
            Kind::Cusum { slack, limit } => {
                State::Cusum { slack: *slack, limit: *limit, up: 0.0, down: 0.0 }
            }
            Kind::Robust { window, limit } => {
                State::Window { limit: *limit, robust: true, room: *window, seen: vec![], at: 0 }
            }
            Kind::Moving { window, limit } => {
                State::Window { limit: *limit, robust: false, room: *window, seen: vec![], at: 0 }
            }
            Kind::Own { fresh, .. } => State::Own(fresh()),
        };
        Watcher { state }
    }

    /// For each value of a series whether it takes alarm; after an alarm it begins anew, but for
    /// what a window has learned.
    ///
    /// # Panics
    /// If the series is empty or a value is not finite.
    #[track_caller]
    pub fn alarms(&self, values: &[f64]) -> Vec<bool> {
        super::super::checks::series("ControlChart::alarms", "series", values, 1);
        let mut watcher = self.watcher();
        let mut one = |value: &f64| {
            let alarm = watcher.shown(*value);
            if alarm {
                watcher.begin_anew();
            }
            alarm
        };
        values.iter().map(&mut one).collect()
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Values that it must see before it can take alarm.
    pub(super) fn learns(&self) -> usize {
        match self.kind {
            Kind::Robust { window, .. } | Kind::Moving { window, .. } => window,
            _ => 0,
        }
    }
}

impl From<Kind> for ControlChart {
    fn from(kind: Kind) -> Self {
        Self { kind }
    }
}

/// As "EWMA, λ = 0.1, L = 2.814".
impl fmt::Display for ControlChart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Shewhart { limit } => write!(f, "Shewhart, limit {limit}"),
            Kind::Ewma { weight, limit } => write!(f, "EWMA, λ = {weight}, L = {limit}"),
            Kind::Cusum { slack, limit } => write!(f, "CUSUM, k = {slack}, h = {limit}"),
            Kind::Robust { window, limit } => write!(f, "robust z of {window}, limit {limit}"),
            Kind::Moving { window, limit } => write!(f, "moving z of {window}, limit {limit}"),
            Kind::Own { name, .. } => write!(f, "{name}"),
        }
    }
}

impl fmt::Debug for ControlChart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A chart at work.
pub struct Watcher {
    state: State,
}

enum State {
    Shewhart { limit: f64 },
    Ewma { weight: f64, limit: f64, z: f64 },
    Cusum { slack: f64, limit: f64, up: f64, down: f64 },
    Window { limit: f64, robust: bool, room: usize, seen: Vec<f64>, at: usize },
    Own(Box<dyn FnMut(f64) -> bool>),
}

impl Watcher {
    /// Is shown the next value: whether it takes alarm.
    #[inline]
    pub fn shown(&mut self, value: f64) -> bool {
        match &mut self.state {
            State::Shewhart { limit } => value.abs() > *limit,
            State::Ewma { weight, limit, z } => {
                *z += *weight * (value - *z);
                z.abs() > *limit
            }
            State::Cusum { slack, limit, up, down } => {
                *up = (*up + value - *slack).max(0.0);
                *down = (*down - value - *slack).max(0.0);
                *up > *limit || *down > *limit
            }
            State::Window { limit, robust, room, seen, at } => {
                if seen.len() < *room {
                    seen.push(value);
                    return false;
                }
                let (middle, width) = if *robust { by_median(seen) } else { by_mean(seen) };
                seen[*at] = value;
                *at = (*at + 1) % *room;
                (value - middle).abs() > *limit * width
            }
            State::Own(own) => own(value),
        }
    }

    /// Sums and averages begin anew, as after an alarm that was seen to; what a window has learned
    /// stays, and a detector of one's own looks after itself.
    pub fn begin_anew(&mut self) {
        match &mut self.state {
            State::Ewma { z, .. } => *z = 0.0,
            State::Cusum { up, down, .. } => (*up, *down) = (0.0, 0.0),
            State::Shewhart { .. } | State::Window { .. } | State::Own(_) => {}
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

/// The median, and 1.4826 times the median of the distances to it: the standard deviation, if
/// values are normal.
pub(super) fn by_median(values: &[f64]) -> (f64, f64) {
    let mut sorted = values.to_vec();
    let middle = median(&mut sorted);
    sorted.iter_mut().for_each(|value| *value = (*value - middle).abs());
    (middle, 1.4826 * median(&mut sorted))
}

/// The value in the middle, or the mean of the two that are.
fn median(values: &mut [f64]) -> f64 {
    let (half, odd) = (values.len() / 2, values.len() % 2 == 1);
    let (below, middle, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let middle = *middle;
    if odd {
        return middle;
    }
    (below.iter().copied().fold(f64::NEG_INFINITY, f64::max) + middle) / 2.0
}

fn by_mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, variance.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_by_hand() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        let (middle, width) = by_median(&[1.0, 2.0, 3.0, 4.0, 1000.0]);
        assert_eq!((middle, width), (3.0, 1.4826));
        let (mean, width) = by_mean(&[1.0, 2.0, 3.0]);
        assert_eq!((mean, width), (2.0, 1.0));
    }
}
