//! The pixels of a space-time diagram: lanes, arrows, events, labels.

use super::draw::{COLOURS, INK, MARGIN, TEXT, fitting, style};
use super::figure::Failure;
use super::placing::{Area, Places, Point, Segment};
use pillars_models::state::cluster::{Arrow, During, LocalEvent};
use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;

pub const WIDTH: i32 = 1560;
/// The size of labels.
const SMALL: f64 = TEXT * 0.75;
/// The height of labels of that size, with the room around them.
const HIGH: i32 = 26;
/// Half of the height of a while's band.
const BAND: i32 = 17;
/// A longer label is cut off.
const LONG: usize = 28;

const PAST: RGBColor = RGBColor(222, 238, 249);
const CUT: RGBColor = COLOURS[0];
const DOWN: RGBColor = RGBColor(200, 200, 200);
const MARKED: RGBColor = COLOURS[1];
const MESSAGE: RGBColor = RGBColor(95, 95, 95);

/// Where lanes and times are, in pixels.
#[derive(Debug)]
pub struct Frame {
    pub during: Range<f64>,
    pub left: i32,
    pub right: i32,
    pub top: i32,
    pub bottom: i32,
    lane: i32,
}

impl Frame {
    /// Of so many lanes, whose longest name is `names` wide.
    pub fn of(lanes: usize, during: Range<f64>, names: i32) -> Self {
        let lane = if lanes <= 6 { 136 } else { 108 };
        let top = MARGIN + 64;
        let (left, right) = (names + 2 * MARGIN, WIDTH - 2 * MARGIN);
        Self { during, left, right, top, bottom: top + lane * lanes.max(1) as i32, lane }
    }

    /// All of it.
    pub fn whole(&self) -> Area {
        let Self { left, right, top, bottom, .. } = *self;
        Area { left, top, right, bottom }
    }

    pub fn middle(&self, lane: usize) -> i32 {
        self.top + self.lane * lane as i32 + self.lane / 2
    }

    /// Where a time is; outside, if it is not drawn.
    pub fn across(&self, time: f64) -> i32 {
        let part = (time - self.during.start) / (self.during.end - self.during.start);
        // What is far outside must not leave the numbers of pixels.
        self.left + (part.clamp(-20.0, 20.0) * f64::from(self.right - self.left)).round() as i32
    }
}

/// A cut: its past shaded, and a line through the lanes, which is returned.
pub fn draw_cut<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    frame: &Frame,
    times: &[f64],
) -> Result<Vec<Segment>, Failure<DB>> {
    let at = |(lane, time): (usize, &f64)| {
        (frame.across(*time).clamp(frame.left, frame.right), frame.middle(lane))
    };
    let mut line: Vec<Point> = times.iter().enumerate().map(at).collect();
    let (Some(first), Some(last)) = (line.first().copied(), line.last().copied()) else {
        return Ok(vec![]);
    };
    line.insert(0, (first.0, frame.top));
    line.push((last.0, frame.bottom));
    let mut past = line.clone();
    past.extend([(frame.left, frame.bottom), (frame.left, frame.top)]);
    area.draw(&Polygon::new(past, PAST.filled()))?;
    area.draw(&DashedPathElement::new(line.clone(), 14, 8, CUT.stroke_width(4)))?;
    let text = style(SMALL).color(&CUT).pos(Pos::new(HPos::Center, VPos::Bottom));
    area.draw_text("cut", &text, (first.0, frame.top - 2))?;
    Ok(line.windows(2).map(|ends| (ends[0], ends[1])).collect())
}

/// The line of a process, and its name.
pub fn draw_lane<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    frame: &Frame,
    lane: usize,
    name: &str,
) -> Result<(), Failure<DB>> {
    let middle = frame.middle(lane);
    let at = style(TEXT).pos(Pos::new(HPos::Right, VPos::Center));
    area.draw_text(name, &at, (frame.left - 16, middle))?;
    let line = vec![(frame.left, middle), (frame.right, middle)];
    area.draw(&PathElement::new(line, INK.stroke_width(2)))
}

/// A while: a band on its lane; `nth` is the number of its label among the labels of whiles.
/// Returns the band.
pub fn draw_while<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    frame: &Frame,
    it: &During,
    nth: usize,
) -> Result<Area, Failure<DB>> {
    let middle = frame.middle(it.process);
    let [left, to] = [it.from, it.to].map(|time| frame.across(time).clamp(frame.left, frame.right));
    let band = Area { left, top: middle - BAND, right: to.max(left + 2), bottom: middle + BAND };
    // "down" is grey; what else there is has a colour of its own.
    let (fill, line) = match nth.checked_sub(1) {
        None => (DOWN.filled(), DOWN),
        Some(other) => {
            let colour = COLOURS[(other + 2) % COLOURS.len()];
            (colour.mix(0.3).filled(), colour)
        }
    };
    let corners = [(band.left, band.top), (band.right, band.bottom)];
    area.draw(&Rectangle::new(corners, WHITE.filled()))?;
    area.draw(&Rectangle::new(corners, fill))?;
    area.draw(&Rectangle::new(corners, line.stroke_width(2)))?;
    Ok(band)
}

/// A while's label, within its band, or above or below it.
pub fn label_while<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    it: &During,
    band: Area,
    places: &mut Places,
) -> Result<(), Failure<DB>> {
    let label = cut_off(&it.label);
    let size = label_size(area, &label)?;
    let (x, y) = ((band.left + band.right) / 2, (band.top + band.bottom) / 2);
    let mut candidates = vec![];
    if size.0 + 8 <= band.right - band.left {
        // In the middle, at the beginning, at the end.
        let room = (band.right - band.left - size.0) / 2 - 4;
        candidates.extend([0, -room, room].map(|dx| (x + dx, y)));
    }
    candidates.extend([-1, 1].map(|up| (x, y + up * (BAND + HIGH / 2 + 2))));
    let areas: Vec<Area> = candidates.into_iter().map(|at| Area::around(at, size)).collect();
    write_label(area, &label, &areas, None, places, false)
}

/// A message's line and head, or its cross; one that is under way goes to the edge. Returns the
/// line.
pub fn draw_arrow<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    frame: &Frame,
    message: &Arrow,
    usual: f64,
) -> Result<Option<Segment>, Failure<DB>> {
    let from = (frame.across(message.sent), frame.middle(message.from));
    let goal = frame.middle(message.to);
    let to = match (message.arrived, message.lost) {
        (Some(time), _) => (frame.across(time), goal),
        // Lost: between two lanes, when it was lost; if it was on sending it, about halfway of what
        // it usually takes.
        (None, Some(lost)) => {
            let lanes = message.from.abs_diff(message.to);
            let part = (lanes.div_ceil(2) as f64 - 0.5) / lanes as f64;
            let time = if lost > message.sent { lost } else { message.sent + part * usual };
            let x = frame.across(time).min(frame.right - 12);
            (x, from.1 + (part * f64::from(goal - from.1)).round() as i32)
        }
        // Under way: it reaches the other lane only behind the edge.
        (None, None) => {
            let x = frame.across(message.sent + usual);
            (x.max(frame.right + (frame.right - from.0).max(0) / 4 + 8), goal)
        }
    };
    let Some(line) = frame.whole().clips((from, to)) else { return Ok(None) };
    let (dx, dy) = (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
    let long = dx.hypot(dy).max(1.0);
    let (along, aside) = ((dx / long, dy / long), (-dy / long, dx / long));
    let beside = |at: Point, forth: f64, side: f64| {
        let x = f64::from(at.0) + forth * along.0 + side * aside.0;
        let y = f64::from(at.1) + forth * along.1 + side * aside.1;
        (x.round() as i32, y.round() as i32)
    };
    let is_whole = line.1 == to;
    let end = if is_whole && message.arrived.is_some() { beside(to, -16.0, 0.0) } else { line.1 };
    let is_lost = message.arrived.is_none() && message.lost.is_some();
    let colour = if is_lost { MARKED } else { MESSAGE };
    area.draw(&PathElement::new(vec![line.0, end], colour.stroke_width(3)))?;
    if line.0 == from {
        area.draw(&Circle::new(from, 6, colour.filled()))?;
    }
    if is_lost {
        for side in [-10, 10] {
            let stroke = vec![(to.0 - 10, to.1 - side), (to.0 + 10, to.1 + side)];
            area.draw(&PathElement::new(stroke, colour.stroke_width(5)))?;
        }
    } else if is_whole {
        let head = vec![beside(to, -3.0, 0.0), beside(to, -21.0, 8.0), beside(to, -21.0, -8.0)];
        area.draw(&Polygon::new(head, colour.filled()))?;
    }
    Ok(Some(line))
}

/// An event's dot; a diamond, if it is marked.
pub fn draw_event<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    event: &LocalEvent,
    (x, y): Point,
) -> Result<(), Failure<DB>> {
    if !event.is_marked {
        area.draw(&Circle::new((x, y), 10, WHITE.filled()))?;
        return area.draw(&Circle::new((x, y), 8, COLOURS[0].filled()));
    }
    for (size, colour) in [(19, WHITE), (16, INK), (12, MARKED)] {
        let corners = vec![(x - size, y), (x, y - size), (x + size, y), (x, y + size)];
        area.draw(&Polygon::new(corners, colour.filled()))?;
    }
    Ok(())
}

/// An event's label, above or below its dot.
pub fn label_event<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    event: &LocalEvent,
    (x, y): Point,
    places: &mut Places,
) -> Result<(), Failure<DB>> {
    let label = cut_off(&event.label);
    let size = label_size(area, &label)?;
    let half = size.0 / 2;
    let mut candidates = vec![];
    for tier in 0..2 {
        for up in [-1, 1] {
            let away = 12 + HIGH / 2 + tier * (HIGH + 2) + 8 * i32::from(event.is_marked);
            let middle = y + up * away;
            // Over it, to its right, to its left, and between.
            for dx in [0, half - 8, 8 - half, half / 2, -half / 2] {
                candidates.push(Area::around((x + dx, middle), size));
            }
        }
    }
    // Near an end it is shifted into the drawing.
    let (left, right) = (places.bounds.left, places.bounds.right);
    for candidate in &mut candidates {
        let shift = (left - candidate.left).max(0) - (candidate.right - right).max(0);
        (candidate.left, candidate.right) = (candidate.left + shift, candidate.right + shift);
    }
    write_label(area, &label, &candidates, None, places, event.is_marked)
}

/// A message's label, on its line; `number` is that of the line.
pub fn label_message<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    message: &Arrow,
    number: usize,
    places: &mut Places,
) -> Result<(), Failure<DB>> {
    let (from, to) = places.lines[number];
    let label = cut_off(&message.label);
    let size = label_size(area, &label)?;
    let along = [0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78].map(|part: f64| {
        let between = |a: i32, b: i32| a + (part * f64::from(b - a)).round() as i32;
        Area::around((between(from.0, to.0), between(from.1, to.1)), size)
    });
    write_label(area, &label, &along, Some(number), places, false)
}

/// Writes a label at the best place that is free, if there is one.
fn write_label<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    label: &str,
    candidates: &[Area],
    own: Option<usize>,
    places: &mut Places,
    is_marked: bool,
) -> Result<(), Failure<DB>> {
    if label.is_empty() {
        return Ok(());
    }
    let Some(place) = places.take(candidates, own) else { return Ok(()) };
    let corners = [(place.left, place.top + 1), (place.right, place.bottom - 1)];
    // What is below it must not make it hard to read.
    if is_marked || places.covers(&place) {
        area.draw(&Rectangle::new(corners, WHITE.mix(0.85).filled()))?;
    }
    let middle = ((place.left + place.right) / 2, (place.top + place.bottom) / 2 + 2);
    if is_marked {
        area.draw(&Rectangle::new(corners, MARKED.stroke_width(2)))?;
    }
    let room = place.right - place.left;
    let text = style(fitting(area, label, SMALL, room)?);
    area.draw_text(label, &text.pos(Pos::new(HPos::Center, VPos::Center)), middle)
}

/// The size of a label with the room around it.
fn label_size<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    label: &str,
) -> Result<(i32, i32), Failure<DB>> {
    Ok((area.estimate_text_size(label, &style(SMALL))?.0 as i32 + 10, HIGH))
}

/// One line, and not longer than is readable.
fn cut_off(label: &str) -> String {
    let label = label.replace('\n', " ");
    if label.chars().count() <= LONG {
        return label;
    }
    let kept: String = label.chars().take(LONG - 1).collect();
    format!("{}…", kept.trim_end())
}
