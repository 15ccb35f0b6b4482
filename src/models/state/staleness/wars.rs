//! The four messages of a write and a read, and fits of them to production systems.

use super::latency::Latency;
use crate::number::positive;
use crate::sim::Distribution;

/// How long the messages between a coordinator and each replica take: the write W, its
/// acknowledgement A, the read R, its response S. Every message is independent of the others.
///
/// The fits are in milliseconds, by Bailis et al. (2012, Table 3).
#[derive(Clone, Debug, PartialEq)]
pub struct Wars {
    pub(super) write: Latency,
    pub(super) ack: Latency,
    pub(super) read: Latency,
    pub(super) response: Latency,
    /// What each way to another datacenter adds, if each replica is in one of its own.
    pub(super) distance: f64,
}

impl Wars {
    /// Write, acknowledgement, read, response; each a [`Distribution`] or a [`Latency`].
    pub fn new(
        write: impl Into<Latency>,
        ack: impl Into<Latency>,
        read: impl Into<Latency>,
        response: impl Into<Latency>,
    ) -> Self {
        let (write, ack) = (write.into(), ack.into());
        Self { write, ack, read: read.into(), response: response.into(), distance: 0.0 }
    }

    /// Writes of one law, and the three other messages of another: W, and A = R = S.
    pub fn writes(write: impl Into<Latency>, others: impl Into<Latency>) -> Self {
        let others = others.into();
        Self::new(write, others.clone(), others.clone(), others)
    }

    /// The same with each replica in a datacenter of its own. A write and a read each begin in
    /// one of these, whichever it is; a message to or from another takes `each_way` longer.
    ///
    /// # Panics
    /// If `each_way` is not a positive number.
    #[track_caller]
    pub fn distance(self, each_way: f64) -> Self {
        Self { distance: positive("Wars::distance", "time each way", each_way), ..self }
    }

    /// LNKD-SSD: Voldemort on solid-state disks at LinkedIn.
    pub fn lnkd_ssd() -> Self {
        Self::writes(ssd(), ssd())
    }

    /// LNKD-DISK: Voldemort on spinning disks at LinkedIn.
    pub fn lnkd_disk() -> Self {
        Self::writes(fit(0.38, (1.51, 1.05), 0.183), ssd())
    }

    /// YMMR: Riak at Yammer.
    pub fn ymmr() -> Self {
        Self::yammer(3.35)
    }

    /// YMMR as the authors' published program has it: the Pareto of the write with shape 3.5,
    /// where their table says 3.35.
    pub fn ymmr_program() -> Self {
        Self::yammer(3.5)
    }

    /// WAN: LNKD-DISK in datacenters 75 ms from each other.
    pub fn wan() -> Self {
        Self::lnkd_disk().distance(75.0)
    }

    fn yammer(shape: f64) -> Self {
        Self::writes(fit(0.939, (shape, 3.0), 0.0028), fit(0.982, (3.8, 1.5), 0.0217))
    }

    /// The four, in the order of the name.
    pub(super) fn messages(&self) -> [&Latency; 4] {
        [&self.write, &self.ack, &self.read, &self.response]
    }
}

fn ssd() -> Latency {
    fit(0.9122, (10.0, 0.235), 1.66)
}

/// A Pareto (shape and scale) with this weight, else an exponential of this rate.
fn fit(weight: f64, (shape, scale): (f64, f64), rate: f64) -> Latency {
    Latency::mixture(&[
        (weight, Distribution::pareto(shape, scale)),
        (1.0 - weight, Distribution::with_rate(rate)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_means_of_the_fits() {
        // weight shape scale / (shape - 1) + (1 - weight) / rate, by hand.
        let means = [
            (Wars::lnkd_ssd().write, 0.291_08),
            (Wars::lnkd_disk().write, 4.569_33),
            (Wars::ymmr().write, 25.801_44),
            (Wars::ymmr_program().write, 25.729_51),
            (Wars::ymmr().ack, 2.828_56),
        ];
        for (latency, mean) in means {
            assert!((latency.mean() - mean).abs() < 1e-5, "{} for {mean}", latency.mean());
        }
        assert_eq!(Wars::lnkd_disk().ack, Wars::lnkd_ssd().write);
    }

    #[test]
    #[should_panic(expected = "Wars::distance: the time each way must be a positive number")]
    fn no_distance() {
        let _ = Wars::lnkd_ssd().distance(0.0);
    }
}
