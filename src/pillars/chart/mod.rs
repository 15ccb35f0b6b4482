//! Charts on plotters: lines for theory, dots with error bars for simulation.
//! A chart knows no model: it is handed plain series of numbers.

mod draw;
mod figure;
mod lanes;
mod placing;
mod scale;
mod spacetime;
mod timeline;
mod words;

use crate::display::{Bundle, Rich};
use crate::sim::Estimate;
use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, DrawingBackend};

pub(crate) use draw::prepare_font;
pub use plotters;
pub use spacetime::SpaceTimeDiagram;
pub use timeline::{Mark, Timeline};

/// A chart of one quantity against another. It is shown as a figure (SVG with
/// a description for those who cannot see it), as PNG for print, and as text.
#[derive(Clone, Debug)]
pub struct Chart {
    title: String,
    x: Axis,
    y: Axis,
    series: Vec<Series>,
}

#[derive(Clone, Debug, Default)]
struct Axis {
    label: String,
    log: bool,
}

#[derive(Clone, Debug)]
struct Series {
    name: String,
    kind: Kind,
    points: Vec<Point>,
}

/// What the names of two series of the same quantity may end in, to tell them apart.
const FORMULA: &str = ", formula";
const SIMULATED: &str = ", simulated";

impl Series {
    /// The name without the ending that says where its values come from.
    fn quantity(&self) -> &str {
        let ending = [FORMULA, SIMULATED].into_iter().find(|end| self.name.ends_with(end));
        &self.name[..self.name.len() - ending.map_or(0, str::len)]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Line,
    Dots,
}

#[derive(Clone, Copy, Debug)]
struct Point {
    x: f64,
    y: f64,
    /// Half the height of the error bar; 0 for none.
    bar: f64,
}

impl Chart {
    /// A chart without series yet.
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), x: Axis::default(), y: Axis::default(), series: Vec::new() }
    }

    /// Another title.
    pub fn title(mut self, title: &str) -> Self {
        title.clone_into(&mut self.title);
        self
    }

    /// What the horizontal axis shows, with its unit in brackets.
    pub fn x(mut self, label: &str) -> Self {
        label.clone_into(&mut self.x.label);
        self
    }

    /// What the vertical axis shows, with its unit in brackets.
    pub fn y(mut self, label: &str) -> Self {
        label.clone_into(&mut self.y.label);
        self
    }

    /// A logarithmic horizontal axis; all values on it must be positive.
    pub fn log_x(mut self) -> Self {
        self.x.log = true;
        self
    }

    /// A logarithmic vertical axis; all values on it must be positive.
    pub fn log_y(mut self) -> Self {
        self.y.log = true;
        self
    }

    /// Adds a line through points. A line called `a, formula` has the colour of the dots called
    /// `a`; one called `a, simulated` is not said to be a formula.
    ///
    /// # Panics
    /// If there are not as many `ys` as `xs`, or one is not finite.
    #[track_caller]
    pub fn line(self, name: &str, xs: &[f64], ys: &[f64]) -> Self {
        same_length("Chart::line", name, xs.len(), ys.len());
        let points = xs.iter().zip(ys).map(|(&x, &y)| Point { x, y, bar: 0.0 });
        self.with(Kind::Line, name, points.collect())
    }

    /// Adds dots with error bars: the mean and 95 % interval of each estimate.
    ///
    /// # Panics
    /// If there are not as many estimates as `xs`, or one is not finite.
    #[track_caller]
    pub fn dots(self, name: &str, xs: &[f64], estimates: &[Estimate]) -> Self {
        same_length("Chart::dots", name, xs.len(), estimates.len());
        let point = |(&x, of): (&f64, &Estimate)| Point { x, y: of.mean, bar: of.half_width };
        self.with(Kind::Dots, name, xs.iter().zip(estimates).map(point).collect())
    }

    #[track_caller]
    fn with(mut self, kind: Kind, name: &str, points: Vec<Point>) -> Self {
        let finite = |point: &Point| (point.x + point.y + point.bar).is_finite();
        if let Some(bad) = points.iter().find(|point| !finite(point)) {
            panic!(
                "Chart: every value must be a finite number, but `{name}` has the point \
                 ({}, {}); leave it out",
                bad.x, bad.y
            );
        }
        self.series.push(Series { name: name.to_owned(), kind, points });
        self
    }
}

impl Rich for Chart {
    /// # Panics
    /// If an axis is logarithmic and a value on it is not positive.
    fn bundle(&self) -> Bundle {
        self.check_logs();
        figure::bundle(self)
    }
}

impl figure::Picture for Chart {
    fn size(&self) -> (u32, u32) {
        draw::SIZE
    }

    fn words(&self) -> String {
        words::describe(self)
    }

    fn caption(&self) -> Option<String> {
        let dots = self.series.iter().any(|series| series.kind == Kind::Dots);
        let formula =
            |series: &Series| series.kind == Kind::Line && !series.name.ends_with(SIMULATED);
        let caption = match (self.series.iter().any(formula), dots) {
            (true, true) => "Lines: formula. Dots: simulation, with 95 % confidence intervals.",
            (false, true) => "Dots: simulation, with 95 % confidence intervals.",
            _ => return None,
        };
        Some(caption.to_owned())
    }

    fn draw<DB: DrawingBackend>(
        &self,
        area: &DrawingArea<DB, Shift>,
    ) -> Result<(), figure::Failure<DB>> {
        draw::draw(area, self)
    }
}

impl Chart {
    /// The number of a series' colour: dots and a line of the same quantity share one.
    fn colour(&self, series: usize) -> usize {
        let own = &self.series[series];
        let pair = |other: &Series| other.kind != own.kind && other.quantity() == own.quantity();
        self.series[..series].iter().position(pair).unwrap_or(series)
    }

    fn check_logs(&self) {
        for series in &self.series {
            for point in &series.points {
                let axes = [("log_x", &self.x, point.x), ("log_y", &self.y, point.y)];
                for (method, axis, value) in axes {
                    assert!(
                        !axis.log || value > 0.0,
                        "Chart::{method}: a logarithmic axis shows only values above 0, but \
                         `{}` has {value}; leave it out or drop {method}()",
                        series.name
                    );
                }
            }
        }
    }
}

#[track_caller]
fn same_length(place: &str, name: &str, xs: usize, ys: usize) {
    assert!(
        xs == ys,
        "{place}: `{name}` has {xs} values along x and {ys} along y; give one y for each x"
    );
}

#[cfg(test)]
mod tests;
