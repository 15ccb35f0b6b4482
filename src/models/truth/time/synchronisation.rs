//! Clocks that are set by a server over a network (Cristian, 1989; Mills, 1991).

use super::{not_negative, several};
use crate::number::positive;
use crate::sim::{Distribution, Estimate, Stream, replicate};

/// Four readings of two clocks: a client asks a server for the time, and is answered. All in
/// milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeExchange {
    /// The client's clock when it asks.
    pub t0: f64,
    /// The server's clock when the question arrives.
    pub t1: f64,
    /// The server's clock when it answers.
    pub t2: f64,
    /// The client's clock when the answer arrives.
    pub t3: f64,
}

impl TimeExchange {
    /// By how much the server's clock is ahead of the client's, if both ways took the same time:
    /// ((t1 - t0) + (t2 - t3)) / 2 (Mills, 1991). Off by half of what the way there took longer
    /// than the way back.
    pub fn offset(&self) -> f64 {
        f64::midpoint(self.t1 - self.t0, self.t2 - self.t3)
    }

    /// The time that both ways took together.
    pub fn round_trip(&self) -> f64 {
        (self.t3 - self.t0) - (self.t2 - self.t1)
    }

    /// By how much [`TimeExchange::offset`] may be off, if nothing is known of the ways: half of
    /// the round trip.
    pub fn error_bound(&self) -> f64 {
        self.round_trip() / 2.0
    }

    /// As [`TimeExchange::error_bound`], if each way takes at least `least` milliseconds (Cristian,
    /// 1989).
    ///
    /// # Panics
    /// If that is negative or not a number.
    #[track_caller]
    pub fn error_bound_above(&self, least: f64) -> f64 {
        self.error_bound() - not_negative("TimeExchange::error_bound_above", "least way", least)
    }
}

/// A client's clock that is off and drifts, and is set by a server's, which is right.
///
/// As made by [`ClockSync::ways`]: to the shortest time of each way comes a jitter of 2 ms on
/// average, exponentially distributed; every 64 s one exchange sets the clock; the clock is
/// 50 ms ahead at first and does not drift; there are 50 polls.
#[derive(Clone, Debug, PartialEq)]
pub struct ClockSync {
    there: f64,
    back: f64,
    jitter: Distribution,
    every: f64,
    samples: usize,
    polls: usize,
    ahead: f64,
    drift: f64,
    gain: f64,
    seed: u64,
}

/// How far the client's clock was off, in milliseconds; positive is ahead of the server. Intervals
/// are over runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SyncSurvey {
    /// Just after a poll has set it.
    pub after: Estimate,
    /// The same, whatever the sign.
    pub magnitude: Estimate,
    /// Just before the next poll: with what it drifted meanwhile.
    pub before: Estimate,
    /// The same, whatever the sign.
    pub before_magnitude: Estimate,
    /// Half of the round trip of the exchange that set it.
    pub bound: Estimate,
    /// The part of the polls after which the clock was off by no more than that bound.
    pub within_bound: Estimate,
}

impl ClockSync {
    /// A way there that takes at least so many milliseconds, and a way back.
    ///
    /// # Panics
    /// If one is negative or not a number.
    #[track_caller]
    pub fn ways(there: f64, back: f64) -> Self {
        Self {
            there: not_negative("ClockSync::ways", "way there", there),
            back: not_negative("ClockSync::ways", "way back", back),
            jitter: Distribution::exponential(2.0),
            every: 64_000.0,
            samples: 1,
            polls: 50,
            ahead: 50.0,
            drift: 0.0,
            gain: 0.0,
            seed: 1,
        }
    }

    /// What comes to the time of each way, in milliseconds.
    pub fn jitter(self, jitter: Distribution) -> Self {
        Self { jitter, ..self }
    }

    /// The time between polls, in milliseconds.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn every(self, time: f64) -> Self {
        Self { every: positive("ClockSync::every", "time between polls", time), ..self }
    }

    /// So many exchanges a poll, one after the other: that of the smallest round trip sets the
    /// clock (Mills, 1991: the clock filter takes the best of 8).
    ///
    /// # Panics
    /// If there are none, or more than 1,000.
    #[track_caller]
    pub fn samples(self, samples: usize) -> Self {
        assert!(
            (1..=1000).contains(&samples),
            "ClockSync::samples: there must be from 1 to 1000 exchanges a poll, but there are \
             {samples}"
        );
        Self { samples, ..self }
    }

    /// So many polls a run.
    ///
    /// # Panics
    /// If there are fewer than 2, or more than 100,000.
    #[track_caller]
    pub fn polls(self, polls: usize) -> Self {
        assert!(
            (2..=100_000).contains(&polls),
            "ClockSync::polls: there must be from 2 to 100000 polls, but there are {polls}"
        );
        Self { polls, ..self }
    }

    /// By how many milliseconds the clock is ahead at first, and by how many millionths it runs too
    /// fast: quartz drifts by some 10 to 100 ppm.
    ///
    /// # Panics
    /// If one is not a number, or the clock would stand still.
    #[track_caller]
    pub fn clock(self, ahead: f64, ppm: f64) -> Self {
        assert!(
            ahead.is_finite() && ppm > -1e6 && ppm.is_finite(),
            "ClockSync::clock: the clock must be ahead by a number, and drift by more than \
             -1000000 ppm, but they are {ahead} and {ppm}"
        );
        Self { ahead, drift: ppm / 1e6, ..self }
    }

    /// The client corrects its rate too: at each poll by this part of what it was off by, over the
    /// time since the last (a frequency-locked loop). With 0, as at first, it does not.
    ///
    /// # Panics
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn learns_rate(self, gain: f64) -> Self {
        Self { gain: super::probability("ClockSync::learns_rate", gain), ..self }
    }

    /// Chooses all random numbers.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// By how much the clock is ahead on average after a poll: half of what the way there takes
    /// longer than the way back. No number of exchanges shows it.
    pub fn bias(&self) -> f64 {
        (self.there - self.back) / 2.0
    }

    /// How far off the clock is on average just before a poll, if it does not learn its rate:
    /// [`ClockSync::bias`] and the drift since the last poll.
    pub fn bias_before(&self) -> f64 {
        self.bias() + self.drift * self.every
    }

    /// So many runs. The first tenth of the polls of each is not counted.
    ///
    /// # Panics
    /// If there are fewer than 2.
    #[track_caller]
    pub fn survey(&self, runs: usize) -> SyncSurvey {
        several("ClockSync::survey", runs);
        let runs = replicate(runs, |number| self.run(number));
        let over = |i: usize| Estimate::of(&runs.iter().map(|run| run[i]).collect::<Vec<_>>());
        let (after, magnitude, before) = (over(0), over(1), over(2));
        let (bound, within_bound, before_magnitude) = (over(3), over(4), over(5));
        SyncSurvey { after, magnitude, before, before_magnitude, bound, within_bound }
    }

    /// Means over the polls of a run: in the order of [`SyncSurvey`], that before a poll whatever the
    /// sign last.
    fn run(&self, number: u64) -> [f64; 6] {
        let mut network = Stream::new(self.seed, number, "network");
        // The client's clock and its correction; the server's is the true time.
        let mut now = 0.0;
        let (mut ahead, mut rate) = (self.ahead, self.drift);
        let mut sums = [0.0; 6];
        let warmup = self.polls / 10;
        for poll in 0..self.polls {
            if poll % 1024 == 0 {
                crate::interrupt::tick();
            }
            let due = poll as f64 * self.every;
            let wait = (due - now).max(0.0);
            (now, ahead) = (now + wait, ahead + rate * wait);
            let before = ahead;
            let mut best: Option<TimeExchange> = None;
            for _ in 0..self.samples {
                let there = self.there + self.jitter.sample(&mut network);
                let back = self.back + self.jitter.sample(&mut network);
                let t0 = now + ahead;
                let served = now + there;
                (now, ahead) = (served + back, ahead + rate * (there + back));
                let exchange = TimeExchange { t0, t1: served, t2: served, t3: now + ahead };
                if best.is_none_or(|best| exchange.round_trip() < best.round_trip()) {
                    best = Some(exchange);
                }
            }
            let Some(best) = best else { continue };
            ahead += best.offset();
            if poll > 0 {
                rate += self.gain * best.offset() / self.every;
            }
            if poll >= warmup.max(1) {
                let is_within = ahead.abs() <= best.error_bound() * (1.0 + 1e-9);
                let bound = best.error_bound();
                let within = f64::from(u8::from(is_within));
                let seen = [ahead, ahead.abs(), before, bound, within, before.abs()];
                for (sum, value) in sums.iter_mut().zip(seen) {
                    *sum += value;
                }
            }
        }
        let counted = (self.polls - warmup.max(1)).max(1) as f64;
        sums.map(|sum| sum / counted)
    }
}

/// How far off the clock is after a poll on average, whatever the sign, in milliseconds, where both
/// ways take the same time but for an exponential jitter of mean `jitter` on each, and the exchange
/// of the smallest round trip of `samples` sets the clock.
///
/// Given the jitter s of both ways together, that of one way is uniform on [0, s], so that the
/// clock is off by s/4 on average; the smallest s of k has the mean jitter (sum over j from 0 to k
/// of k! / ((k - j)! k^(j + 1))).
///
/// # Panics
/// If the jitter is not a positive number, or there are no samples.
#[track_caller]
pub fn filtered_error(jitter: f64, samples: usize) -> f64 {
    positive("filtered_error", "jitter", jitter);
    assert!(samples >= 1, "filtered_error: there must be at least 1 sample");
    let k = samples as f64;
    let (mut term, mut sum) = (1.0 / k, 0.0);
    for j in 0..=samples {
        sum += term;
        term *= (k - j as f64) / k;
    }
    jitter * sum / 4.0
}
