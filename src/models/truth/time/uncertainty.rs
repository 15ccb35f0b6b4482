//! Clocks that know how far off they may be (TrueTime; Corbett et al., 2012, section 3).

use crate::sim::Stream;

/// How far off a clock may be, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Uncertainty {
    /// Always as much.
    Constant(f64),
    /// From `least`, when it is set, to `most`, before it is set again after `period`.
    SawTooth {
        /// Just after the clock is set.
        least: f64,
        /// Just before it is set again.
        most: f64,
        /// The time between.
        period: f64,
    },
}

impl Uncertainty {
    /// Spanner's: a poll every 30 s, 1 ms for the way to the time masters, and 200 millionths of
    /// assumed drift, which makes 1 to 7 ms (Corbett et al., 2012, section 3).
    pub const SPANNER: Self = Self::SawTooth { least: 1.0, most: 7.0, period: 30_000.0 };

    /// At a time, in milliseconds, if the clock was set at time 0: ε(t).
    ///
    /// # Panics
    /// If the time is not finite.
    #[track_caller]
    pub fn at(&self, time: f64) -> f64 {
        assert!(
            time.is_finite(),
            "Uncertainty::at: the time must be a finite number, in milliseconds, but it is {time}"
        );
        match *self {
            Self::Constant(eps) => eps,
            Self::SawTooth { least, most, period } => {
                least + (most - least) * (time / period).rem_euclid(1.0)
            }
        }
    }

    /// Its mean over time.
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Constant(eps) => eps,
            Self::SawTooth { least, most, .. } => f64::midpoint(least, most),
        }
    }

    /// The mean over time of the greater of twice the uncertainty and `work`, and that of one over
    /// it.
    pub(super) fn means(&self, work: f64) -> (f64, f64) {
        let (least, most) = match *self {
            Self::SawTooth { least, most, .. } if least < most => (least, most),
            Self::SawTooth { least: eps, .. } | Self::Constant(eps) => {
                let time = work.max(2.0 * eps);
                return (time, 1.0 / time);
            }
        };
        // Below this the work takes longer.
        let turn = (work / 2.0).clamp(least, most);
        let below = turn - least;
        let one_over = if work > 0.0 { below / work } else { 0.0 } + (most / turn).ln() / 2.0;
        let mean = work * below + most * most - turn * turn;
        (mean / (most - least), one_over / (most - least))
    }
}

/// While a clock is not set: it shows t + `off` + `drift` (t - `from`), and says that it may be off
/// by `eps` + `growth` (t - `from`), from then until `to`.
#[derive(Clone, Copy, Debug)]
struct Segment {
    from: f64,
    to: f64,
    off: f64,
    drift: f64,
    eps: f64,
    growth: f64,
}

/// A node's clock. Its true error is uniform within what it says, times `factor`.
#[derive(Debug)]
pub struct UncertainClock {
    uncertainty: Uncertainty,
    factor: f64,
    segments: Vec<Segment>,
    random: Stream,
}

impl UncertainClock {
    pub fn new(uncertainty: Uncertainty, factor: f64, mut random: Stream) -> Self {
        let mut within = |most: f64| factor * most * (2.0 * random.uniform() - 1.0);
        let first = match uncertainty {
            Uncertainty::Constant(eps) => {
                let off = within(eps);
                Segment { from: 0.0, to: f64::INFINITY, off, drift: 0.0, eps, growth: 0.0 }
            }
            Uncertainty::SawTooth { least, most, period } => {
                let growth = (most - least) / period;
                let (off, drift) = (within(least), within(growth));
                // Nodes are not polled at the same time.
                let from = -period * random.uniform();
                Segment { from, to: from + period, off, drift, eps: least, growth }
            }
        };
        Self { uncertainty, factor, segments: vec![first], random }
    }

    /// The segment of this number; the clock is set anew as often as is needed.
    fn segment(&mut self, number: usize) -> Segment {
        while self.segments.len() <= number {
            let last = self.segments[self.segments.len() - 1];
            let mut within = |most: f64| self.factor * most * (2.0 * self.random.uniform() - 1.0);
            let (off, drift) = (within(last.eps), within(last.growth));
            let to = last.to + (last.to - last.from);
            self.segments.push(Segment { from: last.to, to, off, drift, ..last });
        }
        self.segments[number]
    }

    fn number_at(&self, time: f64) -> usize {
        match self.uncertainty {
            Uncertainty::Constant(_) => 0,
            Uncertainty::SawTooth { period, .. } => {
                ((time - self.segments[0].from) / period).floor() as usize
            }
        }
    }

    /// The earliest and the latest true time that it may be: TT.now().
    pub fn now(&mut self, time: f64) -> (f64, f64) {
        let number = self.number_at(time);
        let segment = self.segment(number);
        let since = time - segment.from;
        let shown = time + segment.off + segment.drift * since;
        let eps = segment.eps + segment.growth * since;
        (shown - eps, shown + eps)
    }

    /// The first time from `time` on at which `stamp` is past for certain: TT.after(stamp).
    pub fn first_after(&mut self, time: f64, stamp: f64) -> f64 {
        let mut number = self.number_at(time);
        loop {
            let segment = self.segment(number);
            let start = time.max(segment.from);
            let since = start - segment.from;
            let earliest =
                start + segment.off - segment.eps + (segment.drift - segment.growth) * since;
            let slope = 1.0 + segment.drift - segment.growth;
            let reached = start + ((stamp - earliest) / slope).max(0.0);
            if reached <= segment.to {
                return reached;
            }
            number += 1;
        }
    }
}
