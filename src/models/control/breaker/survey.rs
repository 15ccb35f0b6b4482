//! What a breaker does in health and in an outage.

use super::{Breaker, CircuitState, Rule};
use crate::columns::Columns;
use crate::number::positive;
use crate::sim::{Calendar, Estimate, Stream, Trials, replicate};

/// What calls met during an outage. Intervals are over replications.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutageSurvey {
    /// Calls that were sent to the service while it was down.
    pub sent: Estimate,
    /// The same without a breaker: all there were.
    pub without: Estimate,
    /// Seconds that callers waited for these calls altogether, each to the end of its time-out.
    pub waited: Estimate,
    /// Calls that were refused after the service was back.
    pub refused_after: Estimate,
    /// Seconds from the end of the outage until the circuit was closed.
    pub closed_after: Estimate,
}

impl OutageSurvey {
    /// One row each: `what`, `mean` and `half_width`.
    pub fn columns(&self) -> Columns {
        let rows = [
            ("calls sent into the outage", self.sent),
            ("the same without a breaker", self.without),
            ("seconds waited", self.waited),
            ("calls refused afterwards", self.refused_after),
            ("seconds until closed", self.closed_after),
        ];
        Columns::new("an outage behind a circuit breaker")
            .texts("what", &rows.map(|(what, _)| what))
            .numbers("mean", &rows.map(|(_, estimate)| estimate.mean))
            .numbers("half_width", &rows.map(|(_, estimate)| estimate.half_width))
    }
}

impl Breaker {
    /// The number of calls until it trips although nothing is wrong, measured: Poisson calls,
    /// `rate` a second, each fails with probability `p`. In each replication it trips
    /// `trials.customers` times, from closed; their mean counts.
    ///
    /// # Panics
    /// If the rate is not positive, `p` is not above 0 and below 1, or none of ten million calls
    /// trips it.
    #[track_caller]
    pub fn measured_run_length(&self, rate: f64, p: f64, trials: Trials) -> Estimate {
        const PLACE: &str = "Breaker::measured_run_length";
        const MOST: u64 = 10_000_000;
        positive(PLACE, "rate of calls", rate);
        assert!(
            p > 0.0 && p < 1.0,
            "{PLACE}: the probability of a failure must be above 0 and below 1, but it is {p}"
        );
        let lengths = replicate(trials.replications, |replication| {
            let mut stream = Stream::new(trials.seed, replication, "calls");
            let mut total = 0u64;
            for _ in 0..trials.customers {
                let (mut circuit, mut now, mut calls) = (self.start(), 0.0, 0);
                while circuit.state() == CircuitState::Closed && calls < MOST {
                    if calls % 1024 == 0 {
                        crate::interrupt::tick();
                    }
                    now += stream.exponential() / rate;
                    calls += 1;
                    circuit.hears(now, stream.uniform() >= p);
                }
                if calls == MOST {
                    return None;
                }
                total += calls;
            }
            Some(total as f64 / trials.customers as f64)
        });
        match lengths.into_iter().collect::<Option<Vec<f64>>>() {
            Some(lengths) => Estimate::of(&lengths),
            None => panic!(
                "{PLACE}: ten million calls that fail with probability {p} did not trip it; ask \
                 Breaker::run_length, or give a larger probability"
            ),
        }
    }

    /// The share of calls that are refused although nothing is wrong, measured over
    /// `trials.customers` calls a replication, each answered at once.
    ///
    /// # Panics
    /// If the rate is not positive or `p` is no probability.
    #[track_caller]
    pub fn measured_refused(&self, rate: f64, p: f64, trials: Trials) -> Estimate {
        const PLACE: &str = "Breaker::measured_refused";
        positive(PLACE, "rate of calls", rate);
        super::probability(PLACE, "probability of a failure", p);
        let shares = replicate(trials.replications, |replication| {
            let mut stream = Stream::new(trials.seed, replication, "calls");
            let (mut circuit, mut now, mut refused) = (self.start(), 0.0, 0);
            for call in 0..trials.warmup + trials.customers {
                if call % 1024 == 0 {
                    crate::interrupt::tick();
                }
                now += stream.exponential() / rate;
                if circuit.allows(now) {
                    circuit.hears(now, stream.uniform() >= p);
                } else {
                    refused += usize::from(call >= trials.warmup);
                }
            }
            refused as f64 / trials.customers as f64
        });
        Estimate::of(&shares)
    }

    /// A service that answers at once, is down for `outage` seconds, and back. Calls are Poisson,
    /// `rate` a second; a call to the service while it is down ends after `timeout` seconds, and
    /// only then does the breaker hear of it.
    ///
    /// # Panics
    /// If the rate, the time-out or the outage is not positive, or there are fewer than 2
    /// replications.
    #[track_caller]
    pub fn outage(
        &self,
        rate: f64,
        timeout: f64,
        outage: f64,
        replications: usize,
        seed: u64,
    ) -> OutageSurvey {
        const PLACE: &str = "Breaker::outage";
        positive(PLACE, "rate of calls", rate);
        positive(PLACE, "time-out", timeout);
        positive(PLACE, "length of the outage", outage);
        super::at_least(PLACE, "replications", 2, replications);
        let runs = replicate(replications, |replication| {
            let mut stream = Stream::new(seed, replication, "calls");
            self.one_outage(rate, timeout, outage, &mut stream)
        });
        let of = |part: usize| Estimate::of(&runs.iter().map(|run| run[part]).collect::<Vec<_>>());
        OutageSurvey {
            sent: of(0),
            without: of(1),
            waited: of(2),
            refused_after: of(3),
            closed_after: of(4),
        }
    }

    /// Sent, all there were, waited, refused afterwards, closed after.
    fn one_outage(&self, rate: f64, timeout: f64, outage: f64, stream: &mut Stream) -> [f64; 5] {
        // Each open time ends with a probe; a rule of one's own may trip again and again.
        let end = outage + timeout + 100.0 * (self.open + f64::from(self.probes) / rate);
        let mut circuit = self.start();
        let mut results: Calendar<bool> = Calendar::new();
        let [mut sent, mut all, mut refused, mut closed] = [0.0, 0.0, 0.0, end - outage];
        let mut arrival = stream.exponential() / rate;
        while arrival < end {
            crate::interrupt::tick();
            let known = results.upcoming().unwrap_or(f64::INFINITY);
            if known <= arrival {
                let ok = results.next() == Some(true);
                circuit.hears(known, ok);
            } else {
                let now = arrival;
                arrival += stream.exponential() / rate;
                let (down, allowed) = (now < outage, circuit.allows(now));
                all += f64::from(u8::from(down));
                match (allowed, down) {
                    (true, true) => {
                        sent += 1.0;
                        results.book_at(now + timeout, false);
                    }
                    (true, false) => circuit.hears(now, true),
                    (false, true) => {}
                    (false, false) => refused += 1.0,
                }
                // Failures that are still to be heard of may open it again.
                if !down && results.is_empty() && circuit.state() == CircuitState::Closed {
                    closed = now - outage;
                    break;
                }
            }
        }
        [sent, all, sent * timeout, refused, closed]
    }

    /// About how many calls are sent into an outage, for a rule of failures in a row: those until
    /// the first trip (k of them, and those made before the k-th has ended), then a probe for each
    /// open time. Nothing for other rules.
    ///
    /// # Panics
    /// If the rate, the time-out or the outage is not positive.
    #[track_caller]
    pub fn sent_into_outage(&self, rate: f64, timeout: f64, outage: f64) -> Option<f64> {
        const PLACE: &str = "Breaker::sent_into_outage";
        positive(PLACE, "rate of calls", rate);
        positive(PLACE, "time-out", timeout);
        positive(PLACE, "length of the outage", outage);
        let Rule::Consecutive(k) = self.rule else { return None };
        let trips = f64::from(k) / rate + timeout;
        if trips >= outage {
            return Some(rate * outage);
        }
        // After the trip a probe goes out each time that it was open, asked, and timed out.
        let cycle = self.open + 1.0 / rate + timeout;
        let probes = ((outage - trips - self.open - 1.0 / rate) / cycle + 1.0).floor().max(0.0);
        Some(f64::from(k) + rate * timeout + probes)
    }
}
