//! How far a sketch is from the sorted values.

use super::Sketch;
use crate::number::{fraction, positive};
use crate::operations::checks::at_least;
use crate::sim::{Distribution, Estimate, Stream, Trials, replicate};

/// Values of a law, so many for each sketch, and a quantile that is asked for.
#[derive(Clone, Debug)]
pub struct SketchTest {
    law: Distribution,
    values: usize,
    p: f64,
}

/// How far sketches are off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SketchAccuracy {
    /// |told / true - 1|, on the mean.
    pub relative: Estimate,
    /// The greatest of these in a replication, on the mean over replications.
    pub worst: Estimate,
    /// The mean square of (rank of what was told - rank that was asked for), over all values.
    pub rank_square: Estimate,
    /// The greatest difference of ranks in a replication, over all values, on the mean over
    /// replications.
    pub rank_worst: Estimate,
    /// Numbers that are remembered.
    pub size: Estimate,
}

impl SketchAccuracy {
    /// The root mean square error of rank, as a share of all values.
    pub fn rank(&self) -> f64 {
        self.rank_square.mean.sqrt()
    }
}

impl SketchTest {
    /// So many values of this law; the quantile is p99.
    ///
    /// # Panics
    /// If there are fewer than 2, or the mean of the law is 0 or infinite.
    #[track_caller]
    pub fn new(law: Distribution, values: usize) -> Self {
        at_least("SketchTest::new", "values", 2, values);
        positive("SketchTest::new", "mean of the values", law.mean());
        Self { law, values, p: 0.99 }
    }

    /// The same with another quantile.
    ///
    /// # Panics
    /// If it is not at least 0 and below 1.
    #[track_caller]
    pub fn quantile(self, p: f64) -> Self {
        Self { p: fraction("SketchTest::quantile", p), ..self }
    }

    /// Sketches that `fresh` makes, one a customer of `trials`, against the sorted values:
    /// `measure(|_| DdSketch::new(0.01), trials)`. The stream is for a sketch that needs chance.
    #[track_caller]
    pub fn measure<S: Sketch>(
        &self,
        fresh: impl Fn(Stream) -> S + Sync,
        trials: Trials,
    ) -> SketchAccuracy {
        let runs = replicate(trials.replications, |replication| {
            let mut law = Stream::new(trials.seed, replication, "values");
            let mut own = Stream::new(trials.seed, replication, "sketches");
            let mut sums = [0.0; 5];
            for _ in 0..trials.customers {
                crate::interrupt::tick();
                let mut sketch = fresh(Stream::new(own.bits(), replication, "sketch"));
                let mut values: Vec<f64> =
                    (0..self.values).map(|_| self.law.sample(&mut law)).collect();
                values.iter().for_each(|value| sketch.record(*value));
                values.sort_by(f64::total_cmp);
                let rank = (self.p * (self.values - 1) as f64).floor() as usize;
                let told = sketch.quantile(self.p);
                let relative = (told / values[rank] - 1.0).abs();
                // Between the ranks of what is smaller and of what is not greater it is right.
                let low = values.partition_point(|value| *value < told);
                let high = values.partition_point(|value| *value <= told);
                let off = match (rank < low, rank < high) {
                    (true, _) => low - rank,
                    (false, true) => 0,
                    (false, false) => rank + 1 - high,
                };
                let off = off as f64 / self.values as f64;
                sums[0] += relative;
                sums[1] = relative.max(sums[1]);
                sums[2] += off * off;
                sums[3] = off.max(sums[3]);
                sums[4] += sketch.size() as f64;
            }
            let all = trials.customers as f64;
            [sums[0] / all, sums[1], sums[2] / all, sums[3], sums[4] / all]
        });
        let of = |part: usize| Estimate::of(&runs.iter().map(|run| run[part]).collect::<Vec<_>>());
        SketchAccuracy {
            relative: of(0),
            worst: of(1),
            rank_square: of(2),
            rank_worst: of(3),
            size: of(4),
        }
    }

    /// By how much the quantile of so many values drawn at random is off, relative to the law's:
    /// half of what one standard error of rank on either side makes of it.
    pub fn sampling_error(&self, sample: usize) -> f64 {
        let error = (self.p * (1.0 - self.p) / sample.max(1) as f64).sqrt();
        let at = |p: f64| self.law.quantile(p.clamp(0.0, 1.0 - 1e-12));
        (at(self.p + error) - at(self.p - error)) / (2.0 * at(self.p))
    }
}
