//! What happened where, and when: a lane for each place, with spans that have a beginning and an
//! end, and bands over all of them.

use super::draw::{COLOURS, GRID, INK, MARGIN, TEXT, TITLE, fitting, prepare_font, style};
use super::figure::{self, Failure, Picture};
use crate::display::{Bundle, Rich};
use pillars_models::number::short;
use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;

/// A drawing of spans of time in lanes: of operations by client, say. It is shown as charts are.
#[derive(Clone, Debug)]
pub struct Timeline {
    title: String,
    unit: String,
    lanes: Vec<Lane>,
    bands: Vec<(Range<f64>, String)>,
}

#[derive(Clone, Debug)]
struct Lane {
    name: String,
    spans: Vec<Span>,
}

#[derive(Clone, Debug)]
struct Span {
    during: Range<f64>,
    label: String,
    mark: Mark,
}

/// How a span is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// As all others.
    Plain,
    /// As what the drawing is about.
    Offending,
    /// As what has no known end.
    Pending,
    /// As what does not matter here.
    Faint,
}

const WIDTH: u32 = 1560;
const LANE: i32 = 92;
const BAR: i32 = 40;
/// Between the words of two spans.
const GAP: i32 = 4;

impl Timeline {
    /// A drawing without lanes yet; `unit` is that of time.
    pub fn new(title: &str, unit: &str) -> Self {
        Self { title: title.to_owned(), unit: unit.to_owned(), lanes: vec![], bands: vec![] }
    }

    /// Adds a lane below the others.
    pub fn lane(mut self, name: &str) -> Self {
        self.lanes.push(Lane { name: name.to_owned(), spans: vec![] });
        self
    }

    /// Adds a span to the latest lane.
    ///
    /// # Panics
    /// If there is no lane, or the times are not finite and in order.
    #[track_caller]
    pub fn span(mut self, during: Range<f64>, label: &str, mark: Mark) -> Self {
        assert!(
            during.start <= during.end && (during.end - during.start).is_finite(),
            "Timeline::span: the times must be finite and in order, but they are {during:?}"
        );
        let Some(lane) = self.lanes.last_mut() else {
            panic!("Timeline::span: there is no lane yet; add one by `lane` first")
        };
        lane.spans.push(Span { during, label: label.to_owned(), mark });
        self
    }

    /// Shades a time in all lanes.
    ///
    /// # Panics
    /// If the times are not finite and in order.
    #[track_caller]
    pub fn band(mut self, during: Range<f64>, label: &str) -> Self {
        assert!(
            during.start <= during.end && (during.end - during.start).is_finite(),
            "Timeline::band: the times must be finite and in order, but they are {during:?}"
        );
        self.bands.push((during, label.to_owned()));
        self
    }

    /// The times of the first and the last span.
    fn during(&self) -> Range<f64> {
        let spans = || self.lanes.iter().flat_map(|lane| &lane.spans);
        let from = spans().map(|span| span.during.start).fold(f64::INFINITY, f64::min);
        let to = spans().map(|span| span.during.end).fold(f64::NEG_INFINITY, f64::max);
        if from < to { from..to } else { 0.0..1.0 }
    }
}

impl Rich for Timeline {
    fn bundle(&self) -> Bundle {
        figure::bundle(self)
    }
}

impl Picture for Timeline {
    fn size(&self) -> (u32, u32) {
        (WIDTH, (MARGIN + 110 + LANE * self.lanes.len().max(1) as i32 + 110) as u32)
    }

    fn words(&self) -> String {
        let during = self.during();
        let time = |time: f64| short(time, 4);
        let mut words = format!(
            "Timeline: {}. {} lanes from {} to {} {}.",
            self.title,
            self.lanes.len(),
            time(during.start),
            time(during.end),
            self.unit
        );
        for (during, label) in &self.bands {
            words += &format!(" {label} from {} to {}.", time(during.start), time(during.end));
        }
        for lane in &self.lanes {
            for span in lane.spans.iter().filter(|span| span.mark == Mark::Offending) {
                words += &format!(
                    " Marked in {}: {} from {} to {}.",
                    lane.name,
                    span.label,
                    time(span.during.start),
                    time(span.during.end)
                );
            }
        }
        words.replace('\n', " ")
    }

    fn caption(&self) -> Option<String> {
        let has = |mark| {
            self.lanes.iter().flat_map(|lane| &lane.spans).any(|span: &Span| span.mark == mark)
        };
        let mut parts = vec![];
        if has(Mark::Offending) {
            parts.push("With a thick orange frame: what no order can explain.");
        }
        if has(Mark::Pending) {
            parts.push("Dashed: the client gave up and does not know.");
        }
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Result<(), Failure<DB>> {
        prepare_font();
        area.fill(&WHITE)?;
        let (width, height) = self.size();
        let (width, height) = (width as i32, height as i32);
        let centre = Pos::new(HPos::Center, VPos::Center);
        let size = fitting(area, &self.title, TITLE, width - 2 * MARGIN)?;
        area.draw_text(&self.title, &style(size).pos(centre), (width / 2, MARGIN + 16))?;
        let mut left = 0;
        for lane in &self.lanes {
            left = left.max(area.estimate_text_size(&lane.name, &style(TEXT))?.0 as i32);
        }
        let (left, right) = (left + 2 * MARGIN, width - MARGIN);
        let (top, bottom) = (MARGIN + 100, height - 100);
        let during = self.during();
        let across = |time: f64| {
            let part = (time - during.start) / (during.end - during.start);
            left + (part.clamp(0.0, 1.0) * f64::from(right - left)) as i32
        };
        for (band, label) in &self.bands {
            let (from, to) = (across(band.start), across(band.end));
            area.draw(&Rectangle::new([(from, top - 34), (to, bottom)], BAND.filled()))?;
            let at = Pos::new(HPos::Left, VPos::Center);
            let size = fitting(area, label, TEXT * 0.85, (to - from - 8).max(60))?;
            area.draw_text(label, &style(size).pos(at), (from + 6, top - 16))?;
        }
        for (row, lane) in self.lanes.iter().enumerate() {
            let middle = top + LANE * row as i32 + LANE / 2;
            let name = Pos::new(HPos::Right, VPos::Center);
            area.draw_text(&lane.name, &style(TEXT).pos(name), (left - 16, middle))?;
            let line = vec![(left, middle), (right, middle)];
            area.draw(&PathElement::new(line, GRID.stroke_width(3)))?;
            let ends = |span: &Span| {
                let (from, to) = (across(span.during.start), across(span.during.end));
                (from, to.max(from + 4))
            };
            for span in &lane.spans {
                draw_span(area, span, ends(span), middle)?;
            }
            // What the drawing is about has its words before all others.
            let mut taken = Taken::default();
            let (first, others): (Vec<_>, Vec<_>) =
                lane.spans.iter().partition(|span| span.mark == Mark::Offending);
            for span in first.into_iter().chain(others) {
                label_span(area, span, ends(span), middle, right, &mut taken)?;
            }
        }
        axis(area, &during, &self.unit, &across, bottom, (left + right) / 2)
    }
}

const BAND: RGBColor = RGBColor(236, 236, 236);

fn draw_span<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    span: &Span,
    (from, to): (i32, i32),
    middle: i32,
) -> Result<(), Failure<DB>> {
    let colour = match span.mark {
        Mark::Plain | Mark::Pending => COLOURS[0],
        Mark::Offending => COLOURS[1],
        Mark::Faint => RGBColor(150, 150, 150),
    };
    let (up, down) = (middle - BAR / 2, middle + BAR / 2);
    area.draw(&Rectangle::new([(from, up), (to, down)], colour.mix(0.25).filled()))?;
    let frame = vec![(from, up), (to, up), (to, down), (from, down), (from, up)];
    match span.mark {
        Mark::Pending => {
            area.draw(&DashedPathElement::new(frame, 8, 6, colour.stroke_width(2)))?;
        }
        Mark::Offending => area.draw(&PathElement::new(frame, colour.stroke_width(5)))?,
        _ => area.draw(&PathElement::new(frame, colour.stroke_width(2)))?,
    }
    Ok(())
}

/// Where a lane has words already, above its spans and below them, from and to.
#[derive(Default)]
struct Taken {
    above: Vec<(i32, i32)>,
    below: Vec<(i32, i32)>,
}

/// Words in the span, if it has room; else above it or below it, if there is; else none, but for
/// what the drawing is about.
fn label_span<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    span: &Span,
    (from, to): (i32, i32),
    middle: i32,
    right: i32,
    taken: &mut Taken,
) -> Result<(), Failure<DB>> {
    let text = style(TEXT * 0.8);
    let wide = area.estimate_text_size(&span.label, &text)?.0 as i32;
    if wide <= to - from - 8 {
        let at = text.pos(Pos::new(HPos::Center, VPos::Center));
        return area.draw_text(&span.label, &at, ((from + to) / 2, middle));
    }
    let x = from.min(right - wide);
    let place = (x - GAP, x + wide + GAP);
    let is_free =
        |taken: &[(i32, i32)]| taken.iter().all(|other| place.1 <= other.0 || other.1 <= place.0);
    if is_free(&taken.above) || span.mark == Mark::Offending && !is_free(&taken.below) {
        taken.above.push(place);
        let at = text.pos(Pos::new(HPos::Left, VPos::Bottom));
        return area.draw_text(&span.label, &at, (x, middle - BAR / 2 - 2));
    }
    if is_free(&taken.below) {
        taken.below.push(place);
        let at = text.pos(Pos::new(HPos::Left, VPos::Top));
        return area.draw_text(&span.label, &at, (x, middle + BAR / 2 + 2));
    }
    Ok(())
}

pub(super) fn axis<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    during: &Range<f64>,
    unit: &str,
    across: &dyn Fn(f64) -> i32,
    bottom: i32,
    middle: i32,
) -> Result<(), Failure<DB>> {
    let ends = vec![(across(during.start), bottom), (across(during.end), bottom)];
    area.draw(&PathElement::new(ends, INK.stroke_width(2)))?;
    // Some five ticks at 1, 2 or 5 times a power of ten.
    let rough = (during.end - during.start) / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
    let step = step.into_iter().find(|step| *step >= rough).unwrap_or(rough);
    let mut tick = (during.start / step).ceil();
    while tick * step <= during.end {
        let x = across(tick * step);
        area.draw(&PathElement::new(vec![(x, bottom), (x, bottom + 8)], INK.stroke_width(2)))?;
        let at = style(TEXT).pos(Pos::new(HPos::Center, VPos::Top));
        area.draw_text(&short(tick * step, 6), &at, (x, bottom + 12))?;
        tick += 1.0;
    }
    let at = style(TEXT).pos(Pos::new(HPos::Center, VPos::Center));
    area.draw_text(&format!("time ({unit})"), &at, (middle, bottom + 72))
}
