//! When customers come.

use crate::number::positive;
use crate::sim::drawn::Drawn;
use crate::sim::{Distribution, Stream};
use std::fmt;
use std::sync::Arc;

/// A process of arrivals.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrivals(Kind);

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// Independent times between arrivals.
    Renewal(Distribution),
    /// Poisson, at a rate that changes: of each state its rate and its mean stay.
    Modulated(Arc<[(f64, f64)]>),
    /// The times between arrivals that were measured.
    Trace(Arc<[f64]>),
}

impl Arrivals {
    /// Poisson: none knows of the others, `rate` of them per unit of time.
    ///
    /// # Panics
    /// If the rate is not a positive number.
    #[track_caller]
    pub fn poisson(rate: f64) -> Self {
        let rate = positive("Arrivals::poisson", "rate", rate);
        Self(Kind::Renewal(Distribution::with_rate(rate)))
    }

    /// Independent times between arrivals, of this distribution.
    ///
    /// # Panics
    /// If their mean is not a positive number.
    #[track_caller]
    pub fn renewal(between: Distribution) -> Self {
        positive("Arrivals::renewal", "mean time between arrivals", between.mean());
        Self(Kind::Renewal(between))
    }

    /// Poisson at a rate that changes (a Markov-modulated Poisson process): of each state its
    /// rate, 0 or more, and how long it lasts on average; the states follow one another in
    /// turn. Two states make bursts: `&[(10.0, 1.0), (0.5, 20.0)]`.
    ///
    /// # Panics
    /// If there are no states, a stay is not positive, or no rate is.
    #[track_caller]
    pub fn modulated(states: &[(f64, f64)]) -> Self {
        const PLACE: &str = "Arrivals::modulated";
        for (rate, stay) in states {
            assert!(
                *rate >= 0.0 && rate.is_finite(),
                "{PLACE}: each rate must be a number of at least 0, but one is {rate}"
            );
            positive(PLACE, "mean stay in each state", *stay);
        }
        assert!(
            states.iter().any(|(rate, _)| *rate > 0.0),
            "{PLACE}: some state must have a rate above 0, or nobody ever comes; give states as in \
             &[(10.0, 1.0), (0.5, 20.0)]"
        );
        Self(Kind::Modulated(states.into()))
    }

    /// A trace: the times at which customers came, in ascending order from 0 on. Every
    /// replication has the same arrivals, and as many as the trace.
    ///
    /// # Panics
    /// If there are none, or they are not in order.
    #[track_caller]
    pub fn trace(times: &[f64]) -> Self {
        assert!(
            !times.is_empty(),
            "Arrivals::trace: the trace is empty; give at least one time, as in &[0.5]"
        );
        let mut before = 0.0;
        let between = times.iter().map(|&time| {
            assert!(
                time >= before && time.is_finite(),
                "Arrivals::trace: the times must be numbers in ascending order from 0 on, but \
                 {time} follows {before}"
            );
            time - std::mem::replace(&mut before, time)
        });
        Self(Kind::Trace(between.collect()))
    }

    /// Customers per unit of time, in the long run.
    pub fn rate(&self) -> f64 {
        match &self.0 {
            Kind::Renewal(between) => {
                between.rate_if_exponential().unwrap_or_else(|| 1.0 / between.mean())
            }
            Kind::Modulated(states) => {
                let (came, time) = states.iter().fold((0.0, 0.0), |(came, time), (rate, stay)| {
                    (came + rate * stay, time + stay)
                });
                came / time
            }
            Kind::Trace(between) => between.len() as f64 / between.iter().sum::<f64>(),
        }
    }

    /// The time between two arrivals, if those times are independent.
    pub fn between(&self) -> Option<&Distribution> {
        match &self.0 {
            Kind::Renewal(between) => Some(between),
            _ => None,
        }
    }

    /// The states of a rate that changes: of each its rate and its mean stay.
    pub(super) fn states(&self) -> Option<&[(f64, f64)]> {
        match &self.0 {
            Kind::Modulated(states) => Some(states),
            _ => None,
        }
    }

    /// Whether they are Poisson, at a constant rate.
    pub fn is_poisson(&self) -> bool {
        self.between().is_some_and(|between| between.rate_if_exponential().is_some())
    }

    /// How many customers come at all; `None`: without an end.
    pub fn count(&self) -> Option<usize> {
        match &self.0 {
            Kind::Trace(between) => Some(between.len()),
            _ => None,
        }
    }

    /// Kendall's letter: M, D, G and so on, MMPP, trace.
    pub fn letter(&self) -> String {
        match &self.0 {
            Kind::Renewal(between) => between.letter(),
            Kind::Modulated(_) => "MMPP".to_owned(),
            Kind::Trace(_) => "trace".to_owned(),
        }
    }

    /// The arrivals, one after the other.
    pub(super) fn begin(&self, stream: Stream) -> Coming<'_> {
        match &self.0 {
            Kind::Renewal(between) => Coming::Renewal(Drawn::new(between, stream)),
            Kind::Modulated(states) => Coming::Modulated { states, stream, state: 0, left: None },
            Kind::Trace(between) => Coming::Trace(between.iter()),
        }
    }
}

impl From<Distribution> for Arrivals {
    /// Independent times between arrivals.
    #[track_caller]
    fn from(between: Distribution) -> Self {
        Self::renewal(between)
    }
}

impl fmt::Display for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.letter())
    }
}

/// Arrivals on their way.
pub(super) enum Coming<'a> {
    Renewal(Drawn<'a>),
    Modulated {
        states: &'a [(f64, f64)],
        stream: Stream,
        /// The state, and how long it still lasts.
        state: usize,
        left: Option<f64>,
    },
    Trace(std::slice::Iter<'a, f64>),
}

impl Coming<'_> {
    /// The time until the next arrival; infinite after the last.
    #[inline]
    pub fn next(&mut self) -> f64 {
        match self {
            Self::Renewal(between) => between.next(),
            Self::Trace(between) => between.next().copied().unwrap_or(f64::INFINITY),
            Self::Modulated { states, stream, state, left } => {
                modulated(states, stream, state, left)
            }
        }
    }
}

fn modulated(
    states: &[(f64, f64)],
    stream: &mut Stream,
    state: &mut usize,
    left: &mut Option<f64>,
) -> f64 {
    let mut waited = 0.0;
    loop {
        let (rate, stay) = states[*state];
        let lasts = *left.get_or_insert_with(|| stay * stream.exponential());
        // What is exponential may be drawn anew in each state: it has no memory.
        let next = match rate > 0.0 {
            true => stream.exponential() / rate,
            false => f64::INFINITY,
        };
        if next <= lasts {
            *left = Some(lasts - next);
            return waited + next;
        }
        waited += lasts;
        *state = (*state + 1) % states.len();
        *left = None;
    }
}
