//! How soon a detector finds a crash, and how often it is wrong.

use super::super::{at_least, below_one};
use super::{Beat, Detector};
use crate::columns::Columns;
use crate::number::positive;
use crate::sim::integral::integral;
use crate::sim::{Distribution, Estimate, Stream, Trials, replicate};

/// Heartbeats at even times over a network that delays and loses them.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    period: f64,
    delay: Distribution,
    loss: f64,
}

/// What a detector says of a sender that is well. Intervals are over replications.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watched {
    /// How often a second it begins to suspect.
    pub mistakes: Estimate,
    /// How long such a mistake lasts, in seconds; 0 if there was none.
    pub duration: Estimate,
    /// The share of the time in which it is right.
    pub accuracy: Estimate,
}

impl Link {
    /// A beat every `period` seconds, and how long it takes, in seconds.
    ///
    /// # Panics
    /// If the period is not a positive number.
    #[track_caller]
    pub fn new(period: f64, delay: Distribution) -> Self {
        Self { period: positive("Link::new", "period", period), delay, loss: 0.0 }
    }

    /// The same where each beat is lost with this probability.
    ///
    /// # Panics
    /// If it is not at least 0 and below 1.
    #[track_caller]
    pub fn loss(self, p: f64) -> Self {
        Self { loss: below_one("Link::loss", "probability of loss", p), ..self }
    }

    /// What a detector says of a sender that is well, over `trials.customers` beats sent after
    /// `trials.warmup`. A clone of the detector serves each replication.
    pub fn healthy<D: Detector + Clone + Sync>(&self, detector: D, trials: Trials) -> Watched {
        let runs = replicate(trials.replications, |replication| {
            let mut detector = detector.clone();
            let beats = self.beats(
                1,
                trials.warmup + trials.customers,
                &mut Stream::new(trials.seed, replication, "beats"),
            );
            let (mut begin, mut end, mut suspects) = (f64::NAN, 0.0, f64::INFINITY);
            let (mut mistakes, mut wrong) = (0.0, 0.0);
            for (i, beat) in beats.iter().enumerate() {
                if i % 1024 == 0 {
                    crate::interrupt::tick();
                }
                if begin.is_nan() {
                    if beat.number as usize > trials.warmup {
                        begin = beat.at;
                    }
                } else if suspects < beat.at {
                    mistakes += 1.0;
                    wrong += beat.at - suspects.max(end);
                }
                end = beat.at;
                suspects = said(detector.hears(*beat));
            }
            (mistakes, wrong, end - begin)
        });
        let times = |of: fn(&(f64, f64, f64)) -> (f64, f64)| -> Vec<(f64, f64)> {
            runs.iter().map(of).collect()
        };
        Watched {
            mistakes: Estimate::of_parts(&times(|run| (run.0, run.2))),
            duration: Estimate::of_parts(&times(|run| (run.1, run.0))),
            accuracy: Estimate::of_parts(&times(|run| (run.2 - run.1, run.2))),
        }
    }

    /// The time from a crash until it is suspected, in seconds: `trials.customers` crashes a
    /// replication, each at any time between two beats, after `trials.warmup` beats; 0 if it was
    /// suspected before.
    pub fn detection<D: Detector + Clone + Sync>(&self, detector: D, trials: Trials) -> Estimate {
        let means = replicate(trials.replications, |replication| {
            let mut stream = Stream::new(trials.seed, replication, "crashes");
            let mut total = 0.0;
            for _ in 0..trials.customers {
                crate::interrupt::tick();
                let mut detector = detector.clone();
                let (mut sent, mut suspects) = (trials.warmup.max(1), None);
                let crash = self.period * (sent as f64 + stream.uniform());
                let mut first = 1;
                // If nothing at all was heard, there was no sender: it has to have been there.
                while suspects.is_none() {
                    for beat in self.beats(first, sent, &mut stream) {
                        suspects = Some(said(detector.hears(beat)));
                    }
                    (first, sent) = (1, sent.max(1));
                }
                total += (suspects.unwrap_or(crash) - crash).max(0.0);
            }
            total / trials.customers as f64
        });
        Estimate::of(&means)
    }

    /// Speed against false alarms: a detector for each value of its parameter. Columns `parameter`,
    /// `detection` (s), `mistakes` (a second), `accuracy`, and the half widths of the first two,
    /// `detection_bar` and `mistakes_bar`. Crashes are a hundredth as many as
    /// beats, and at least 100.
    ///
    /// # Panics
    /// If there is no value.
    #[track_caller]
    pub fn curve<D: Detector + Clone + Sync>(
        &self,
        parameters: &[f64],
        make: impl Fn(f64) -> D,
        trials: Trials,
    ) -> Columns {
        at_least("Link::curve", "parameters", 1, parameters.len());
        let crashes = Trials {
            customers: (trials.customers / 100).max(100),
            warmup: trials.warmup.min(200),
            ..trials
        };
        let rows: Vec<[f64; 5]> = parameters
            .iter()
            .map(|parameter| {
                let detection = self.detection(make(*parameter), crashes);
                let watched = self.healthy(make(*parameter), trials);
                let mistakes = watched.mistakes;
                let bars = [detection.half_width, mistakes.half_width];
                [detection.mean, mistakes.mean, watched.accuracy.mean, bars[0], bars[1]]
            })
            .collect();
        let column = |at: usize| rows.iter().map(|row| row[at]).collect::<Vec<_>>();
        Columns::new("speed against false alarms")
            .numbers("parameter", parameters)
            .numbers("detection", &column(0))
            .numbers("mistakes", &column(1))
            .numbers("accuracy", &column(2))
            .numbers("detection_bar", &column(3))
            .numbers("mistakes_bar", &column(4))
    }

    /// How often a second a detector with this time-out begins to suspect a sender that is well:
    /// when g beats are lost between two, and the second is later than the first by more than
    /// is left. Nothing if more than one beat in a thousand takes longer than a period: beats may
    /// overtake each other then.
    ///
    /// # Panics
    /// If the time-out is not a positive number.
    #[track_caller]
    pub fn mistakes(&self, timeout: f64) -> Option<f64> {
        positive("Link::mistakes", "time-out", timeout);
        self.is_in_order().then(|| {
            let late = |lost: u32| {
                let slack = timeout - f64::from(lost + 1) * self.period;
                match self.delay.is_deterministic() {
                    true => f64::from(u8::from(slack < 0.0)),
                    false => integral(|u| 1.0 - self.delay.at_most(slack + self.delay.quantile(u))),
                }
            };
            (1.0 - self.loss) / self.period * self.over_losses(late)
        })
    }

    /// The mean time until a detector with this time-out suspects a crash, as measured by
    /// [`Link::detection`]; nothing if beats may overtake each other.
    ///
    /// # Panics
    /// If the time-out is not a positive number.
    #[track_caller]
    pub fn detects(&self, timeout: f64) -> Option<f64> {
        positive("Link::detects", "time-out", timeout);
        // Over all times of the crash after a beat, if the deadline is x after it.
        let left = |x: f64| match x {
            x if x <= 0.0 => 0.0,
            x if x < self.period => x * x / 2.0 / self.period,
            x => x - self.period / 2.0,
        };
        self.is_in_order().then(|| {
            self.over_losses(|lost| {
                let at = |delay: f64| left(timeout + delay - f64::from(lost) * self.period);
                match self.delay.is_deterministic() {
                    true => at(self.delay.mean()),
                    // The integral wants values up to 1.
                    false => integral(|u| at(self.delay.quantile(u))),
                }
            })
        })
    }

    /// The mean over how many beats are lost in a row.
    fn over_losses(&self, of: impl Fn(u32) -> f64) -> f64 {
        let (mut total, mut chance, mut lost) = (0.0, 1.0 - self.loss, 0);
        while chance > 1e-14 {
            total += chance * of(lost);
            chance *= self.loss;
            lost += 1;
        }
        total
    }

    fn is_in_order(&self) -> bool {
        self.delay.at_most(self.period) >= 0.999
    }

    /// The beats from one number to another that are heard and not overtaken, in order.
    fn beats(&self, first: usize, last: usize, stream: &mut Stream) -> Vec<Beat> {
        let mut beats = vec![];
        for number in first as u64..=last as u64 {
            let delay = self.delay.sample(stream);
            if self.loss == 0.0 || stream.uniform() >= self.loss {
                beats.push(Beat { number, at: self.period * number as f64 + delay });
            }
        }
        beats.sort_by(|a, b| a.at.total_cmp(&b.at));
        let mut latest = 0;
        beats.retain(|beat| {
            let heard = beat.number > latest;
            latest = latest.max(beat.number);
            heard
        });
        beats
    }
}

/// What a detector said.
#[track_caller]
fn said(suspects: f64) -> f64 {
    assert!(
        !suspects.is_nan(),
        "Detector::hears: the time from which it suspects must be a number, but it is NaN"
    );
    suspects
}
