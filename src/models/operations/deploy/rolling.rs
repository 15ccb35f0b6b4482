//! Rolling updates: replicas are replaced a few at a time.

use crate::columns::Columns;
use crate::number::positive;
use crate::operations::checks::at_least;
use crate::sim::{Calendar, Distribution, Estimate, Stream, Trials, replicate};

/// A service of so many replicas that is updated as a Deployment of Kubernetes is: never more than
/// replicas + surge at the same time, never fewer than replicas - unavailable that are ready. Old
/// ones end at once, new ones take a while until they are ready.
#[derive(Clone, Debug)]
pub struct Rolling {
    replicas: usize,
    start: Distribution,
    surge: usize,
    unavailable: usize,
}

/// What a simulation says of an update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rolled {
    /// From its beginning until all replicas are new and ready, in units of time.
    pub duration: Estimate,
    /// The fewest replicas that are ready at any time.
    pub least: Estimate,
    /// Replicas that are ready, on the mean over the update.
    pub ready: Estimate,
    /// The most replicas that there are at any time, ready or not.
    pub most: Estimate,
    /// The share of the update's time in which both versions are ready.
    pub mixed: Estimate,
}

impl Rolling {
    /// So many replicas, each new one of which is ready after a constant time. One more than that
    /// may there be, and none fewer.
    ///
    /// # Panics
    /// If there is none, or the time is not a positive number.
    #[track_caller]
    pub fn new(replicas: usize, start: f64) -> Self {
        const PLACE: &str = "Rolling::new";
        at_least(PLACE, "replicas", 1, replicas);
        let start = Distribution::deterministic(positive(PLACE, "time of a start", start));
        Self { replicas, start, surge: 1, unavailable: 0 }
    }

    /// The same with starts that take a time of this law.
    ///
    /// # Panics
    /// If its mean is 0 or infinite.
    #[track_caller]
    pub fn starts(self, start: Distribution) -> Self {
        positive("Rolling::starts", "mean time of a start", start.mean());
        Self { start, ..self }
    }

    /// The same with so many replicas more than are wanted.
    pub fn surge(self, surge: usize) -> Self {
        Self { surge, ..self }
    }

    /// The same with so many replicas fewer that are ready.
    ///
    /// # Panics
    /// If there are not as many.
    #[track_caller]
    pub fn unavailable(self, unavailable: usize) -> Self {
        assert!(
            unavailable <= self.replicas,
            "Rolling::unavailable: of {} replicas at most as many may be unavailable, but {} are to \
             be",
            self.replicas,
            unavailable
        );
        Self { unavailable, ..self }
    }

    /// Replicas that start at the same time: surge + unavailable.
    ///
    /// # Panics
    /// If there are none: an update could not begin.
    #[track_caller]
    pub fn step(&self) -> usize {
        let step = self.surge + self.unavailable;
        assert!(
            step >= 1,
            "Rolling::step: surge and unavailable must not both be 0, or no replica can ever be \
             replaced; give one of them 1"
        );
        step.min(self.replicas)
    }

    /// How long the update takes on the mean, where that is known: with constant starts b
    /// ceil(n / m) b, m being surge + unavailable; with exponential ones of mean b
    /// b (n - m) / m + b (1 + 1/2 + .. + 1/m): m of them are always under way until there are
    /// fewer left. For other laws it is not a number.
    #[track_caller]
    pub fn duration(&self) -> f64 {
        let (n, m, mean) = (self.replicas, self.step(), self.start.mean());
        match self.start.scv() {
            0.0 => n.div_ceil(m) as f64 * mean,
            1.0 if self.start == Distribution::exponential(mean) => {
                let last: f64 = (1..=m).map(|left| 1.0 / left as f64).sum();
                mean * ((n - m) as f64 / m as f64 + last)
            }
            _ => f64::NAN,
        }
    }

    /// The course of an update with constant starts, in closed form, one row each round: `time` (of
    /// its beginning), `old` and `new` (ready then and until the next), `ready` (their sum) and
    /// `starting`. In round k, from 0, k m new ones are ready, and as many old ones as are needed
    /// for n - unavailable, if there still are any.
    ///
    /// With starts of another law their mean is taken.
    #[track_caller]
    pub fn course(&self) -> Columns {
        let (n, m) = (self.replicas, self.step());
        let rounds = n.div_ceil(m);
        let new: Vec<usize> = (0..=rounds).map(|round| (round * m).min(n)).collect();
        // At least n - unavailable are ready, and n + surge there at most.
        let starting: Vec<usize> = new.iter().map(|new| m.min(n - new)).collect();
        let old: Vec<usize> = new
            .iter()
            .zip(&starting)
            .map(|(new, starting)| {
                let wanted = (n - self.unavailable).saturating_sub(*new);
                let room = (n + self.surge).saturating_sub(new + starting);
                if *starting == 0 { 0 } else { wanted.min(room) }
            })
            .collect();
        let numbers = |of: &dyn Fn(usize) -> f64| (0..=rounds).map(of).collect::<Vec<f64>>();
        Columns::new("replicas in the course of a rolling update")
            .numbers("time", &numbers(&|round| round as f64 * self.start.mean()))
            .numbers("old", &numbers(&|round| old[round] as f64))
            .numbers("new", &numbers(&|round| new[round] as f64))
            .numbers("ready", &numbers(&|round| (old[round] + new[round]) as f64))
            .numbers("starting", &numbers(&|round| starting[round] as f64))
    }

    /// The share of ready replicas that are new at a time after the beginning, with constant
    /// starts: the share of users that meet the new version.
    #[track_caller]
    pub fn share(&self, time: f64) -> f64 {
        let (n, m) = (self.replicas, self.step());
        let round = (time / self.start.mean()).floor().max(0.0);
        let new = (round * m as f64).min(n as f64);
        let ready = (n - self.unavailable).max(new as usize) as f64;
        if new == 0.0 { 0.0 } else { new / ready }
    }

    /// Updates, one a customer of `trials`; the warm-up is not needed.
    #[track_caller]
    pub fn simulate(&self, trials: Trials) -> Rolled {
        self.step();
        let runs = replicate(trials.replications, |replication| {
            let mut starts = Stream::new(trials.seed, replication, "starts");
            let mut sums = [0.0; 5];
            for update in 0..trials.customers {
                if update % 256 == 0 {
                    crate::interrupt::tick();
                }
                for (sum, part) in sums.iter_mut().zip(self.update(&mut starts)) {
                    *sum += part;
                }
            }
            sums.map(|sum| sum / trials.customers as f64)
        });
        let of = |part: usize| Estimate::of(&runs.iter().map(|run| run[part]).collect::<Vec<_>>());
        Rolled { duration: of(0), least: of(1), ready: of(2), most: of(3), mixed: of(4) }
    }

    fn update(&self, starts: &mut Stream) -> [f64; 5] {
        let n = self.replicas;
        let mut calendar: Calendar<()> = Calendar::new();
        let (mut old, mut new) = (n, 0);
        let (mut least, mut most, mut ready, mut mixed) = (n, n, 0.0, 0.0);
        loop {
            // Old ones end as long as enough are ready; new ones begin as long as there is room.
            old -= (old + new).saturating_sub(n - self.unavailable).min(old);
            let room = (n + self.surge).saturating_sub(old + new + calendar.len());
            for _ in 0..room.min(n - new - calendar.len()) {
                calendar.book(self.start.sample(starts), ());
            }
            least = least.min(old + new);
            most = most.max(old + new + calendar.len());
            let before = calendar.now();
            if calendar.next().is_none() {
                break;
            }
            let time = calendar.now() - before;
            ready += time * (old + new) as f64;
            mixed += if old > 0 && new > 0 { time } else { 0.0 };
            new += 1;
        }
        let duration = calendar.now();
        [duration, least as f64, ready / duration, most as f64, mixed / duration]
    }
}
