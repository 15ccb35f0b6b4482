//! Run lengths by simulation: also for charts that learn, and for values that remember.

use super::super::checks::{several, within};
use super::chart::ControlChart;
use crate::number::positive;
use crate::sim::{Estimate, Stream, replicate};

/// Values with mean 0 and standard deviation 1, which shift at a time; a chart looks at them.
///
/// ```
/// use pillars_models::intelligence::{ControlChart, Runs};
/// let chart = ControlChart::cusum(0.5, 5.0);
/// let measured = Runs::of(&chart).shift(1.0).simulate(4000, 1);
/// assert!(measured.mean.gap_in_bars(chart.run_length(1.0).unwrap()) < 2.5);
/// ```
#[derive(Clone, Debug)]
pub struct Runs {
    chart: ControlChart,
    shift: f64,
    lasts: usize,
    quiet: usize,
    correlation: f64,
    outliers: (f64, f64),
    most: usize,
}

/// What many runs say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunLengths {
    /// Values from the shift to the alarm, the one with which it comes counted. A run that was
    /// given up counts with as many values as it had.
    pub mean: Estimate,
    /// The middle one of the runs: far below the mean, for they are about geometric.
    pub median: f64,
    /// The part of the runs with an alarm before the shift, which were begun anew.
    pub early: f64,
    /// The part of the runs that were given up without an alarm.
    pub silent: Estimate,
}

impl Runs {
    /// A chart, and values without a shift.
    pub fn of(chart: &ControlChart) -> Self {
        Self {
            chart: chart.clone(),
            shift: 0.0,
            lasts: usize::MAX,
            quiet: 0,
            correlation: 0.0,
            outliers: (0.0, 1.0),
            most: 1_000_000,
        }
    }

    /// The same with values that are so many standard deviations off.
    ///
    /// # Panics
    /// If it is not a finite number.
    #[track_caller]
    pub fn shift(self, deviations: f64) -> Self {
        assert!(
            deviations.is_finite(),
            "Runs::shift: the shift must be a finite number, but it is {deviations}; give 1.0"
        );
        Self { shift: deviations, ..self }
    }

    /// The same with a shift that ends after so many values.
    ///
    /// # Panics
    /// If these are none.
    #[track_caller]
    pub fn lasts(self, values: usize) -> Self {
        super::super::checks::at_least("Runs::lasts", "values of the shift", values, 1);
        Self { lasts: values, ..self }
    }

    /// The same with so many values before the shift in which all is well, beyond those that a
    /// window needs to learn from. Alarms among them are false; the chart then begins anew.
    pub fn after(self, values: usize) -> Self {
        Self { quiet: values, ..self }
    }

    /// The same with values that remember: the correlation of neighbours, from -0.99 to 0.99. Their
    /// standard deviation stays 1.
    ///
    /// # Panics
    /// If the correlation is outside of that.
    #[track_caller]
    pub fn autocorrelated(self, correlation: f64) -> Self {
        let correlation = within("Runs::autocorrelated", "correlation", correlation, -0.99, 0.99);
        Self { correlation, ..self }
    }

    /// The same with outliers while all is well: each value that a window learns from is with this
    /// chance so many times as far off.
    ///
    /// # Panics
    /// If the chance is no probability, or the factor is not positive.
    #[track_caller]
    pub fn outliers(self, chance: f64, times: f64) -> Self {
        const PLACE: &str = "Runs::outliers";
        within(PLACE, "chance of an outlier", chance, 0.0, 1.0);
        Self { outliers: (chance, positive(PLACE, "factor", times)), ..self }
    }

    /// The same with runs that are given up after so many values; a million, if not said.
    ///
    /// # Panics
    /// If these are none.
    #[track_caller]
    pub fn most(self, values: usize) -> Self {
        super::super::checks::at_least("Runs::most", "values of a run", values, 1);
        Self { most: values, ..self }
    }

    /// So many runs.
    ///
    /// # Panics
    /// With fewer than 2.
    #[track_caller]
    pub fn simulate(&self, runs: usize, seed: u64) -> RunLengths {
        several("Runs::simulate", runs);
        let all = replicate(runs, |replication| self.run(seed, replication));
        let mut lengths: Vec<f64> = all.iter().map(|run| run.0).collect();
        let mean = Estimate::of(&lengths);
        let part = |of: fn(&(f64, bool, bool)) -> bool| -> Vec<f64> {
            all.iter().map(|run| f64::from(u8::from(of(run)))).collect()
        };
        let silent = Estimate::of(&part(|run| run.2));
        let early = part(|run| run.1).iter().sum::<f64>() / runs as f64;
        lengths.sort_by(f64::total_cmp);
        RunLengths { mean, median: lengths[runs / 2], early, silent }
    }

    /// How long, whether there was an alarm before the shift, and whether there was none at all.
    fn run(&self, seed: u64, replication: u64) -> (f64, bool, bool) {
        let mut stream = Stream::new(seed, replication, "values");
        let mut strange = Stream::new(seed, replication, "outliers");
        let mut watcher = self.chart.watcher();
        let fresh = (1.0 - self.correlation * self.correlation).sqrt();
        let mut value = stream.normal();
        let mut next = move || {
            let this = value;
            value = self.correlation * value + fresh * stream.normal();
            this
        };
        let mut early = false;
        for _ in 0..self.chart.learns() + self.quiet {
            let mut value = next();
            if self.outliers.0 > 0.0 && strange.uniform() < self.outliers.0 {
                value *= self.outliers.1;
            }
            if watcher.shown(value) {
                early = true;
                watcher.begin_anew();
            }
        }
        for length in 1..=self.most {
            if length % 1024 == 0 {
                crate::interrupt::tick();
            }
            let shift = if length <= self.lasts { self.shift } else { 0.0 };
            if watcher.shown(next() + shift) {
                return (length as f64, early, false);
            }
        }
        (self.most as f64, early, true)
    }
}
