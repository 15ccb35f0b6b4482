//! How long objects are wrong, in closed form.

use super::controller::Kind;
use super::{Controller, Reconcile};
use crate::operations::checks::over;

impl Reconcile {
    /// The share of time that an object is not what is desired, in the long run, where work takes
    /// no time.
    ///
    /// The newest change has an age A, exponential with the rate c of changes, and the latest
    /// resync an age that is uniform on the period T. Level-triggered, the object is wrong if
    /// neither a resync nor any event has arrived since the newest change: with S(a) = P(D > a) of
    /// the delays, and probabilities p of a loss and q of a second copy,
    ///
    ///   ∫ c e^(-cA) (1 - A/T) (p + (1-p) S(A) (1 - q + q S(A))) e^(-c (1-p) m(A)) dA
    ///
    /// over A from 0 to T. c (1-p) m(A) is the mean number of older changes of which at least one
    /// copy arrives in that time: m(A) = (1+q) ∫ w(b) db - q ∫ w(b)² db, where w(b) = S(b) - S(A+b)
    /// is the chance that a copy sent b before the newest one does; ∫ w(b) db = E[min(D, A)].
    /// Without delay this is p (1 - (1 - e^(-cT)) / (cT)), about
    /// p c T / 2; without events (p = 1) that without p.
    ///
    /// Edge-triggered by values and without resync, the newest event must have arrived and none of
    /// the older ones after it: 1 - (1-p) e^(-cδ) with a constant delay δ, whatever the rate
    /// without any: the next event of the object mends it, and busier objects lose more of them.
    ///
    /// Edge-triggered by changes the share tends to 1 as time goes by; see
    /// [`Reconcile::divergence`].
    ///
    /// Nothing where no formula is known: a worker that takes time, a reader's own controller,
    /// edges with both delay and resync, and second copies of values that are reordered.
    pub fn wrong(&self, controller: &Controller) -> Option<f64> {
        if self.work > 0.0 {
            return None;
        }
        let instant = self.delay == 0.0;
        match controller.kind {
            Kind::Level => Some(self.level()),
            // What arrives at once is what is desired: the same as a look at it.
            Kind::Values if instant => Some(self.level()),
            Kind::Values if self.resync.is_some() => None,
            Kind::Values if !self.reorders => {
                Some(1.0 - (1.0 - self.lost) * (-self.rate * self.delay).exp())
            }
            Kind::Values if self.repeated == 0.0 => Some(self.reordered_values()),
            Kind::Changes if self.lost == 0.0 && self.repeated == 0.0 && self.resync.is_none() => {
                // Wrong while anything is under way.
                Some(-(-self.rate * self.delay).exp_m1())
            }
            Kind::Changes if instant && self.repeated == 0.0 && self.resync.is_some() => {
                // Any loss since the latest resync, of age uniform on the period.
                let x = self.rate * self.lost * self.resync?;
                Some(if x == 0.0 { 0.0 } else { 1.0 + (-x).exp_m1() / x })
            }
            Kind::Changes if self.resync.is_none() => Some(1.0),
            _ => None,
        }
    }

    /// The root mean square of actual minus desired of an object that is edge-triggered by
    /// changes, `time` after it was right, in standard deviations of one change. Each change that
    /// was lost is missing for ever, each second copy is too much for ever, and what is under way
    /// is missing for a while: a random walk, whose square grows with time without end.
    ///
    /// Nothing with a resync or a reordering channel.
    pub fn divergence(&self, time: f64) -> Option<f64> {
        if self.resync.is_some() || self.reorders || self.work > 0.0 {
            return None;
        }
        let settled = (time - self.delay).max(0.0);
        let stays = self.lost + (1.0 - self.lost) * self.repeated;
        Some((self.rate * (settled * stays + time.min(self.delay))).sqrt())
    }

    /// Looks at objects per unit of time, all together: level-triggered by events and resyncs,
    /// none of them merged.
    pub fn looks(&self) -> f64 {
        let events = self.rate * (1.0 - self.lost) * (1.0 + self.repeated);
        self.objects as f64 * (events + self.resync.map_or(0.0, |period| 1.0 / period))
    }

    fn level(&self) -> f64 {
        let (c, p, q) = (self.rate, self.lost, self.repeated);
        let arriving = c * (1.0 - p);
        // P(D > a), E[min(D, a)], and the integral of w squared: that of w itself where copies
        // arrive together.
        let beyond = |a: f64| match self.reorders {
            true => (-a / self.delay).exp(),
            false => f64::from(u8::from(a < self.delay)),
        };
        let least = |a: f64| match self.reorders {
            true => -self.delay * (-a / self.delay).exp_m1(),
            false => a.min(self.delay),
        };
        let square = |a: f64| match self.reorders {
            true => 0.5 * self.delay * (-a / self.delay).exp_m1().powi(2),
            false => least(a),
        };
        let still = |a: f64| {
            let newest = p + (1.0 - p) * beyond(a) * (1.0 - q + q * beyond(a));
            newest * (-arriving * ((1.0 + q) * least(a) - q * square(a))).exp()
        };
        let none_yet = |a: f64| self.resync.map_or(1.0, |period| 1.0 - a / period);
        let at = |a: f64| c * (-c * a).exp() * none_yet(a) * still(a);
        // Beyond 40 mean times between changes there is nothing left.
        let end = self.resync.unwrap_or(f64::INFINITY).min(40.0 / c);
        let bend = if self.reorders { (20.0 * self.delay).min(end) } else { self.delay.min(end) };
        over(0.0, bend, at) + over(bend, end, at)
    }

    /// With exponential delays of mean 1/m, x = e^(-m D) of the newest is uniform, y = e^(-m A) has
    /// y^(c/m) uniform, and older events arrive between with a mean number of (1-p) c/m (x - y).
    fn reordered_values(&self) -> f64 {
        let k = self.rate * self.delay;
        let older = k * (1.0 - self.lost);
        if older == 0.0 {
            return 1.0;
        }
        let right = over(0.0, 1.0, |v| -(-older * (1.0 - v.powf(1.0 / k))).exp_m1() / older);
        1.0 - (1.0 - self.lost) * right
    }
}
