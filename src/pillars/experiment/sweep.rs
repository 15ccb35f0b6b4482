//! A sweep: one parameter takes a row of values, and at each of them something
//! is measured by simulation or computed by a formula.

use crate::chart::Chart;
use crate::sim::Estimate;
use crate::table::Table;
use pillars_models::number::short;
use pillars_models::progress::Task;

/// What came of turning one knob; made by [`sweep`].
#[derive(Clone, Debug)]
pub struct Sweep {
    label: String,
    xs: Vec<f64>,
    series: Vec<(String, Values)>,
}

#[derive(Clone, Debug)]
enum Values {
    Measured(Vec<Estimate>),
    /// The values of a formula, and the line that a chart draws: its xs and ys.
    Exact {
        values: Vec<f64>,
        line: (Vec<f64>, Vec<f64>),
    },
}

/// Begins a sweep of the parameter called `label` over `values`.
///
/// # Panics
/// If there are no values or one is not finite.
#[track_caller]
pub fn sweep(label: &str, values: &[f64]) -> Sweep {
    assert!(
        !values.is_empty(),
        "sweep: `{label}` takes no values; give at least one, as in &[0.5]"
    );
    if let Some(bad) = values.iter().find(|value| !value.is_finite()) {
        panic!("sweep: every value of `{label}` must be a finite number, but one is {bad}");
    }
    Sweep { label: label.to_owned(), xs: values.to_vec(), series: Vec::new() }
}

impl Sweep {
    /// Measures something at each value, by simulation.
    #[track_caller]
    pub fn measured(self, name: &str, measure: impl Fn(f64) -> Estimate) -> Self {
        self.with_measured(name, &measure)
    }

    // What takes a closure only hands it on: the reader's cell compiles that much
    // and no more.
    #[track_caller]
    fn with_measured(mut self, name: &str, measure: &dyn Fn(f64) -> Estimate) -> Self {
        self.check_new("measured", name);
        let mut estimates = Vec::with_capacity(self.xs.len());
        let task = Task::begin("points of the sweep", Some(self.xs.len() as u64));
        for &x in &self.xs {
            crate::cell::tick();
            estimates.push(measure(x));
            task.step();
        }
        self.series.push((name.to_owned(), Values::Measured(estimates)));
        self
    }

    /// Computes something at each value of the sweep, and only there, by a formula.
    ///
    /// # Panics
    /// If the formula gives what is not a finite number.
    #[track_caller]
    pub fn exact(self, name: &str, formula: impl Fn(f64) -> f64) -> Self {
        self.with_exact(name, &formula)
    }

    #[track_caller]
    fn with_exact(mut self, name: &str, formula: &dyn Fn(f64) -> f64) -> Self {
        self.check_new("exact", name);
        let values = self.compute("exact", name, &self.xs, formula);
        let line = (self.xs.clone(), values.clone());
        self.series.push((name.to_owned(), Values::Exact { values, line }));
        self
    }

    /// As [`Sweep::exact`], for a formula that holds between the values too: a
    /// chart shows it as a smooth curve.
    ///
    /// # Panics
    /// If the formula gives what is not a finite number.
    #[track_caller]
    pub fn curve(self, name: &str, formula: impl Fn(f64) -> f64) -> Self {
        self.with_curve(name, &formula)
    }

    #[track_caller]
    fn with_curve(mut self, name: &str, formula: &dyn Fn(f64) -> f64) -> Self {
        self.check_new("curve", name);
        let values = self.compute("curve", name, &self.xs, formula);
        let xs = refined(&self.xs);
        let ys = self.compute("curve", name, &xs, formula);
        self.series.push((name.to_owned(), Values::Exact { values, line: (xs, ys) }));
        self
    }

    /// A chart of everything in the sweep, `y` being what its values are, with
    /// their unit in brackets: formulae as lines, simulations as dots with bars.
    pub fn chart(&self, y: &str) -> Chart {
        let title = format!("{} against {}", without_unit(y), without_unit(&self.label));
        let chart = Chart::new(&capitalised(&title)).x(&self.label).y(y);
        self.series.iter().fold(chart, |chart, (name, values)| match values {
            Values::Measured(estimates) => chart.dots(name, &self.xs, estimates),
            Values::Exact { line: (xs, ys), .. } => chart.line(name, xs, ys),
        })
    }

    /// A table of everything in the sweep, one row for each value.
    pub fn table(&self) -> Table {
        let table = Table::new("").numbers(&self.label, &self.xs);
        self.series.iter().fold(table, |table, (name, values)| match values {
            Values::Exact { values, .. } => table.numbers(name, values),
            Values::Measured(estimates) => {
                let of =
                    |part: fn(&Estimate) -> f64| estimates.iter().map(part).collect::<Vec<_>>();
                table
                    .numbers(name, &of(|estimate| estimate.mean))
                    .numbers(&format!("± {name}"), &of(|estimate| estimate.half_width))
            }
        })
    }

    /// The greatest distance of simulation from theory at any value, in error
    /// bars (half widths of the 95 % interval). A right formula stays below 1 at
    /// 95 of 100 values, and nearly always below 2. With one exact series every
    /// measured one is compared with it; with as many as there are measured
    /// ones, they are compared in pairs, in order.
    ///
    /// # Panics
    /// If the series cannot be paired so.
    #[track_caller]
    pub fn largest_gap_in_bars(&self) -> f64 {
        let (mut measured, mut exact) = (Vec::new(), Vec::new());
        for (_, values) in &self.series {
            match values {
                Values::Measured(estimates) => measured.push(estimates),
                Values::Exact { values, .. } => exact.push(values),
            }
        }
        assert!(
            !measured.is_empty() && (exact.len() == 1 || exact.len() == measured.len()),
            "Sweep::largest_gap_in_bars: there are {} measured and {} exact series to compare; \
             give one exact series, or one for each measured",
            measured.len(),
            exact.len()
        );
        let formulae = exact.iter().cycle();
        measured
            .iter()
            .zip(formulae)
            .map(|(by, formula)| largest_gap(by, formula))
            .fold(0.0, f64::max)
    }

    /// The same distance of one measured series from one exact series, by name.
    ///
    /// # Panics
    /// If there are no such series.
    #[track_caller]
    pub fn largest_gap_between(&self, measured: &str, exact: &str) -> f64 {
        match (self.find(measured), self.find(exact)) {
            (Values::Measured(estimates), Values::Exact { values, .. }) => {
                largest_gap(estimates, values)
            }
            _ => panic!(
                "Sweep::largest_gap_between: name a measured series first and an exact one \
                 second; `{measured}` and `{exact}` are not that"
            ),
        }
    }

    /// The values of the parameter, in the order given.
    pub fn xs(&self) -> &[f64] {
        &self.xs
    }

    /// The value of a series at one value of the parameter: what the formula
    /// gives there, or the mean of what was measured.
    ///
    /// # Panics
    /// If there is no such series or the sweep has not been there.
    #[track_caller]
    pub fn at(&self, name: &str, x: f64) -> f64 {
        self.values(name)[self.position(x)]
    }

    /// What was measured at one value of the parameter.
    ///
    /// # Panics
    /// As [`Sweep::at`], and if the series is exact.
    #[track_caller]
    pub fn estimate(&self, name: &str, x: f64) -> Estimate {
        match self.find(name) {
            Values::Measured(estimates) => estimates[self.position(x)],
            _ => {
                panic!("Sweep::estimate: `{name}` is exact and has no interval; ask `at` for it")
            }
        }
    }

    /// A series, one number for each value of the parameter.
    ///
    /// # Panics
    /// If there is no such series.
    #[track_caller]
    pub fn values(&self, name: &str) -> Vec<f64> {
        match self.find(name) {
            Values::Measured(estimates) => estimates.iter().map(|estimate| estimate.mean).collect(),
            Values::Exact { values, .. } => values.clone(),
        }
    }

    #[track_caller]
    fn compute(&self, by: &str, name: &str, xs: &[f64], formula: &dyn Fn(f64) -> f64) -> Vec<f64> {
        let ys: Vec<f64> = xs.iter().map(|&x| formula(x)).collect();
        if let Some((x, y)) = xs.iter().zip(&ys).find(|(_, y)| !y.is_finite()) {
            panic!(
                "Sweep::{by}: `{name}` must be a finite number everywhere, but at {} = {x} it is \
                 {y}; leave that value out of the sweep",
                self.label
            );
        }
        ys
    }

    #[track_caller]
    fn find(&self, name: &str) -> &Values {
        let found = self.series.iter().find(|(other, _)| other == name);
        match found {
            Some((_, values)) => values,
            None => panic!(
                "Sweep: there is no series called `{name}`; there is {}",
                listed(self.series.iter().map(|(name, _)| format!("`{name}`")))
            ),
        }
    }

    #[track_caller]
    fn position(&self, x: f64) -> usize {
        let near = |other: f64| (other - x).abs() <= 1e-9 * x.abs().max(1.0);
        match self.xs.iter().position(|&other| near(other)) {
            Some(position) => position,
            None => panic!(
                "Sweep: {} did not take the value {x}; it took {}",
                self.label,
                listed(self.xs.iter().map(|&x| short(x, 6)))
            ),
        }
    }

    #[track_caller]
    fn check_new(&self, method: &str, name: &str) {
        assert!(
            self.series.iter().all(|(other, _)| other != name),
            "Sweep::{method}: there are two series called `{name}`; give one another name"
        );
    }
}

/// The values in ascending order, each step between them cut into equal parts; if they go over
/// a decade or more, into parts of equal ratio, as a logarithmic axis shows them.
fn refined(xs: &[f64]) -> Vec<f64> {
    // More would not be smoother: a picture has whole pixels.
    const PARTS: u32 = 6;
    let mut knots = xs.to_vec();
    knots.sort_by(f64::total_cmp);
    knots.dedup();
    let (least, most) = (knots[0], knots[knots.len() - 1]);
    let by_ratio = least > 0.0 && most >= 10.0 * least;
    let between = |pair: &[f64]| {
        let (from, to) = (pair[0], pair[1]);
        (0..PARTS).map(move |part| match by_ratio {
            true => from * (to / from).powf(f64::from(part) / f64::from(PARTS)),
            false => from + (to - from) / f64::from(PARTS) * f64::from(part),
        })
    };
    let fine: Vec<f64> = knots.windows(2).flat_map(between).collect();
    fine.into_iter().chain(knots.last().copied()).collect()
}

fn largest_gap(estimates: &[Estimate], formula: &[f64]) -> f64 {
    let gaps = estimates.iter().zip(formula).map(|(by, &truth)| by.gap_in_bars(truth));
    gaps.fold(0.0, f64::max)
}

fn listed(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

/// "mean wait (ms)" without "(ms)".
fn without_unit(label: &str) -> &str {
    label.split(" (").next().unwrap_or(label)
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
#[path = "sweep_tests.rs"]
mod tests;
