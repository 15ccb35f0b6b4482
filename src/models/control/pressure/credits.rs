//! Credits: a sender may have so many under way; each comes back when its item has been served.

use super::super::not_negative;
use crate::number::positive;
use crate::sim::{Calendar, Estimate, Stream, Trials, replicate};
use std::collections::VecDeque;

/// A sender that always has something to send, a receiver with exponential services, and the time
/// that an item takes there and its credit back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Credits {
    credits: usize,
    rate: f64,
    round_trip: f64,
}

/// What is measured. Intervals are over replications.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CreditSurvey {
    /// Items served per unit of time.
    pub throughput: Estimate,
    /// The mean number that wait at the receiver or are served.
    pub standing: Estimate,
}

impl Credits {
    /// So many credits, the receiver's service rate, and the time of a round trip.
    ///
    /// # Panics
    /// If there are no credits, the rate is not positive or the time is negative.
    #[track_caller]
    pub fn new(credits: usize, rate: f64, round_trip: f64) -> Self {
        const PLACE: &str = "Credits::new";
        super::super::at_least(PLACE, "credits", 1, credits);
        positive(PLACE, "service rate", rate);
        Self { credits, rate, round_trip: not_negative(PLACE, "round trip", round_trip) }
    }

    /// Throughput and the number at the receiver, exactly: credits in a closed network, by mean
    /// value analysis (Reiser and Lavenberg, 1980), for which only the mean of the round trip
    /// counts. Few credits carry credits / (round trip + service), many the service rate.
    pub fn theory(&self) -> (f64, f64) {
        let (mut through, mut standing) = (0.0, 0.0);
        for credits in 1..=self.credits {
            let stay = (1.0 + standing) / self.rate;
            through = credits as f64 / (stay + self.round_trip);
            standing = through * stay;
        }
        (through, standing)
    }

    /// The same simulated, with a round trip that is always the same: over `trials.customers`
    /// services after `trials.warmup`.
    pub fn simulate(&self, trials: Trials) -> CreditSurvey {
        let runs = replicate(trials.replications, |replication| {
            let mut stream = Stream::new(trials.seed, replication, "services");
            // What is under way, by the time it will be at the receiver again.
            let mut under_way: VecDeque<f64> = (0..self.credits).map(|_| self.round_trip).collect();
            let mut service: Calendar<()> = Calendar::new();
            let (mut standing, mut area, mut now, mut begin, mut done) = (0usize, 0.0, 0.0, 0.0, 0);
            while done < trials.warmup + trials.customers {
                let arrives = under_way.front().copied().unwrap_or(f64::INFINITY);
                let ends = service.upcoming().unwrap_or(f64::INFINITY);
                let next = arrives.min(ends);
                area += standing as f64 * (next - now);
                now = next;
                if ends <= arrives {
                    service.next();
                    standing -= 1;
                    under_way.push_back(now + self.round_trip);
                    done += 1;
                    if done % 1024 == 0 {
                        crate::interrupt::tick();
                    }
                    if done == trials.warmup {
                        (area, begin) = (0.0, now);
                    }
                } else {
                    under_way.pop_front();
                    standing += 1;
                }
                if standing > 0 && service.is_empty() {
                    service.book_at(now + stream.exponential() / self.rate, ());
                }
            }
            let span = now - begin;
            [trials.customers as f64 / span, area / span]
        });
        let of = |part: usize| Estimate::of(&runs.iter().map(|run| run[part]).collect::<Vec<_>>());
        CreditSurvey { throughput: of(0), standing: of(1) }
    }
}
