//! Space-time diagrams (Lamport, 1978): a lane for each process, time to the right, messages as
//! arrows between the lanes.

use super::draw::{MARGIN, TEXT, TITLE, fitting, prepare_font, style};
use super::figure::{self, Failure, Picture};
use super::lanes::{
    Frame, WIDTH, draw_arrow, draw_cut, draw_event, draw_lane, draw_while, label_event,
    label_message, label_while,
};
use super::placing::{Area, Places};
use super::timeline::axis;
use crate::display::{Bundle, Rich};
use pillars_models::number::short;
use pillars_models::state::cluster::{Arrow, LocalEvent, SpaceTime};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;

/// A space-time diagram. It is shown as charts are.
///
/// Events are dots with their labels, marked ones diamonds; messages are arrows; one that was
/// lost ends in a cross, and one that is still under way at the end goes on to the edge without a
/// head; whiles are bands. Messages of a process to itself are not drawn.
/// Labels keep off one another, and those that find no place are left out: look at a part then, by
/// [`SpaceTimeDiagram::during`].
#[derive(Clone, Debug)]
pub struct SpaceTimeDiagram {
    title: String,
    unit: String,
    drawn: SpaceTime,
    during: Option<Range<f64>>,
    cut: Option<Vec<f64>>,
    labels_messages: Option<bool>,
}

/// More lanes or messages cannot be told apart.
const MOST_LANES: usize = 12;
const MOST_MESSAGES: usize = 80;
const MOST_EVENTS: usize = 300;
/// Up to so many messages are labelled, unless something else is said.
const FEW_MESSAGES: usize = 15;

fn is_lost(message: &Arrow) -> bool {
    message.arrived.is_none() && message.lost.is_some()
}

fn is_under_way(message: &Arrow) -> bool {
    message.arrived.is_none() && message.lost.is_none()
}

/// When a message arrived or was lost; when it was sent, if it is under way.
fn ends(message: &Arrow) -> f64 {
    message.arrived.or(message.lost).unwrap_or(message.sent)
}

impl SpaceTimeDiagram {
    /// A drawing of all that happened; `unit` is that of time.
    ///
    /// # Panics
    /// If something happens in a lane that there is not, or at a time that is not finite.
    #[track_caller]
    pub fn new(title: &str, unit: &str, drawn: &SpaceTime) -> Self {
        let lanes = drawn.processes.len();
        let check = |process: usize, time: f64| {
            assert!(
                process < lanes && time.is_finite(),
                "SpaceTimeDiagram::new: what happens must be in one of the {lanes} lanes, numbered \
                 from 0, at a finite time, but something is in lane {process} at {time}"
            );
        };
        drawn.events.iter().for_each(|it| check(it.process, it.time));
        drawn.whiles.iter().for_each(|it| check(it.process, it.from + it.to));
        for it in &drawn.messages {
            check(it.from, it.sent);
            check(it.to, ends(it));
        }
        let mut drawn = drawn.clone();
        drawn.messages.retain(|message| message.from != message.to);
        let (title, unit) = (title.to_owned(), unit.to_owned());
        Self { title, unit, drawn, during: None, cut: None, labels_messages: None }
    }

    /// What happened in a while alone.
    ///
    /// # Panics
    /// If the times are not finite and in order.
    #[track_caller]
    pub fn during(mut self, during: Range<f64>) -> Self {
        assert!(
            during.start < during.end && (during.end - during.start).is_finite(),
            "SpaceTimeDiagram::during: the times must be finite and in order, but they are \
             {during:?}"
        );
        self.drawn = self.drawn.during(during.start, during.end);
        self.during = Some(during);
        self
    }

    /// A cut, one time for each process: a line through the lanes, and what is before it shaded.
    ///
    /// # Panics
    /// If there is not one finite time for each process.
    #[track_caller]
    pub fn cut(mut self, times: &[f64]) -> Self {
        assert!(
            times.len() == self.drawn.processes.len() && times.iter().all(|it| it.is_finite()),
            "SpaceTimeDiagram::cut: a cut has a finite time for each of the {} processes, but it is \
             {times:?}",
            self.drawn.processes.len()
        );
        self.cut = Some(times.to_vec());
        self
    }

    /// Whether messages have their labels beside them. By default they have where they are few.
    pub fn messages_labelled(mut self, are_labelled: bool) -> Self {
        self.labels_messages = Some(are_labelled);
        self
    }

    fn labels_messages(&self) -> bool {
        self.labels_messages.unwrap_or(self.drawn.messages.len() <= FEW_MESSAGES)
    }

    /// The times that are drawn: those that were asked for, or all.
    fn range(&self) -> Range<f64> {
        if let Some(during) = &self.during {
            return during.clone();
        }
        let SpaceTime { events, messages, whiles, .. } = &self.drawn;
        let times = events.iter().map(|event| event.time);
        let times = times.chain(messages.iter().flat_map(|it| [it.sent, ends(it)]));
        let times = times.chain(whiles.iter().flat_map(|it| [it.from, it.to]));
        let times = times.chain(self.cut.iter().flatten().copied());
        let (from, to) = times.fold((f64::INFINITY, f64::NEG_INFINITY), |(from, to), time| {
            (from.min(time), to.max(time))
        });
        if from > to {
            return 0.0..1.0;
        }
        // A little room, for marks at the ends.
        let margin = if from < to { 0.02 * (to - from) } else { 0.5 };
        from - margin..to + margin
    }

    /// How long messages take that arrive, their median: for those that do not.
    fn usual_time(&self) -> f64 {
        let took = |message: &Arrow| message.arrived.map(|arrived| arrived - message.sent);
        let mut times: Vec<f64> = self.drawn.messages.iter().filter_map(took).collect();
        times.sort_by(f64::total_cmp);
        let range = self.range();
        times.get(times.len() / 2).copied().unwrap_or(0.1 * (range.end - range.start))
    }

    /// The number of a while's label among all: 0 for "down".
    fn kind_of(&self, label: &str) -> usize {
        let mut kinds = vec!["down"];
        for it in &self.drawn.whiles {
            if !kinds.contains(&it.label.as_str()) {
                kinds.push(&it.label);
            }
        }
        kinds.iter().position(|kind| *kind == label).unwrap_or(0)
    }

    /// # Panics
    /// If there are too many lanes, messages or events to be told apart.
    fn check_size(&self) {
        let SpaceTime { processes, messages, events, .. } = &self.drawn;
        assert!(
            processes.len() <= MOST_LANES,
            "SpaceTimeDiagram: at most {MOST_LANES} processes can be told apart, but there are {}; \
             draw a run of fewer",
            processes.len()
        );
        let sent = messages.iter().map(|message| message.sent).collect();
        self.check_count("messages", sent, MOST_MESSAGES);
        let times = events.iter().map(|event| event.time).collect();
        self.check_count("events", times, MOST_EVENTS);
    }

    fn check_count(&self, what: &str, mut times: Vec<f64>, most: usize) {
        let count = times.len();
        if count <= most {
            return;
        }
        times.sort_by(f64::total_cmp);
        // What is marked, with some of what comes before it; or the beginning.
        let marked = self.drawn.events.iter().find(|event| event.is_marked);
        let to = marked.map_or(times[most / 2], |event| event.time);
        let end = times.partition_point(|time| *time <= to);
        let from = times[end.saturating_sub(most / 2).min(count - 1)].min(to);
        // A little more, so that what is rounded does not leave out the end.
        let rounded = |time: f64| short(time, 4).parse().unwrap_or(time);
        let part = rounded(from)..rounded(to + 0.01 * (to - from));
        panic!(
            "SpaceTimeDiagram: at most {most} {what} can be told apart, but there are {count}; look \
             at a part, as by during({part:?})"
        );
    }
}

impl Rich for SpaceTimeDiagram {
    /// # Panics
    /// If there are more than 12 processes, 80 messages or 300 events.
    fn bundle(&self) -> Bundle {
        self.check_size();
        figure::bundle(self)
    }
}

impl Picture for SpaceTimeDiagram {
    fn size(&self) -> (u32, u32) {
        let frame = Frame::of(self.drawn.processes.len(), self.range(), 0);
        (WIDTH as u32, (frame.bottom + 104) as u32)
    }

    fn words(&self) -> String {
        let SpaceTime { processes, events, messages, whiles } = &self.drawn;
        let during = self.during.clone().unwrap_or_else(|| self.range());
        let time = |time: f64| format!("{} {}", short(time, 4), self.unit);
        let count = |count: usize, what: &str| {
            format!("{count} {what}{}", if count == 1 { "" } else { "s" })
        };
        let lost = messages.iter().filter(|message| is_lost(message)).count();
        let under_way = messages.iter().filter(|message| is_under_way(message)).count();
        let mut words = format!(
            "Space-time diagram: {}. {} from {} to {}: {}, {}",
            self.title,
            count(processes.len(), "lane"),
            time(during.start),
            time(during.end),
            count(events.len(), "event"),
            count(messages.len(), "message")
        );
        words += &match (lost, under_way) {
            (0, 0) => ".".to_owned(),
            (lost, 0) => format!(", {lost} of which did not arrive."),
            (0, under_way) => format!(", {under_way} of which are under way at the end."),
            (lost, under_way) => format!(
                ", {lost} of which did not arrive, and {under_way} are under way at the end."
            ),
        };
        for it in whiles {
            let name = &processes[it.process];
            words += &format!(" {name}: {} from {} to {}.", it.label, time(it.from), time(it.to));
        }
        if let Some(cut) = &self.cut {
            let at = cut.iter().zip(processes);
            let at: Vec<String> = at.map(|(at, name)| format!("{name} at {}", time(*at))).collect();
            words += &format!(" A cut through {}.", at.join(", "));
        }
        for event in events.iter().filter(|event| event.is_marked) {
            let name = &processes[event.process];
            words += &format!(" Marked at {name} at {}: {}.", time(event.time), event.label);
        }
        words.replace('\n', " ")
    }

    fn caption(&self) -> Option<String> {
        let SpaceTime { events, messages, .. } = &self.drawn;
        let mut parts = vec!["Time goes to the right; arrows are messages."];
        if messages.iter().any(is_lost) {
            parts.push("Cross: it did not arrive.");
        }
        if messages.iter().any(is_under_way) {
            parts.push("To the edge, without a head: it is under way at the end.");
        }
        if events.iter().any(|event| event.is_marked) {
            parts.push("Diamond: what the diagram is about.");
        }
        if self.cut.is_some() {
            parts.push("Shaded: what is in the cut.");
        }
        Some(parts.join(" "))
    }

    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Result<(), Failure<DB>> {
        prepare_font();
        area.fill(&WHITE)?;
        let centre = Pos::new(HPos::Center, VPos::Center);
        let size = fitting(area, &self.title, TITLE, WIDTH - 2 * MARGIN)?;
        area.draw_text(&self.title, &style(size).pos(centre), (WIDTH / 2, MARGIN + 16))?;
        let mut names = 0;
        for name in &self.drawn.processes {
            names = names.max(area.estimate_text_size(name, &style(TEXT))?.0 as i32);
        }
        let frame = Frame::of(self.drawn.processes.len(), self.range(), names);
        let bounds = frame.whole();
        let mut places = Places { bounds, labels: vec![], dots: vec![], lines: vec![] };
        let cut = match &self.cut {
            Some(times) => draw_cut(area, &frame, times)?,
            None => vec![],
        };
        let mut lanes = vec![];
        for (lane, name) in self.drawn.processes.iter().enumerate() {
            draw_lane(area, &frame, lane, name)?;
            let middle = frame.middle(lane);
            lanes.push(((frame.left, middle), (frame.right, middle)));
        }
        let mut bands = vec![];
        for it in &self.drawn.whiles {
            bands.push(draw_while(area, &frame, it, self.kind_of(&it.label))?);
        }
        let usual = self.usual_time();
        for message in &self.drawn.messages {
            // One that is not seen has no line; its number is kept.
            let line = draw_arrow(area, &frame, message, usual)?.unwrap_or(((0, 0), (0, 0)));
            places.lines.push(line);
            if is_lost(message) {
                places.dots.push(Area::around(line.1, (24, 24)));
            }
        }
        places.lines.extend(cut);
        // The marked ones lie on top, and their labels choose first.
        let (marked, plain): (Vec<&LocalEvent>, Vec<&LocalEvent>) =
            self.drawn.events.iter().partition(|event| event.is_marked);
        let at = |event: &LocalEvent| (frame.across(event.time), frame.middle(event.process));
        for event in plain.iter().chain(&marked) {
            places.dots.push(Area::around(at(event), (20, 20)));
            draw_event(area, event, at(event))?;
        }
        for (it, band) in self.drawn.whiles.iter().zip(&bands) {
            label_while(area, it, *band, &mut places)?;
        }
        // The other labels keep off lanes and bands too.
        places.lines.extend(lanes);
        places.dots.extend(bands);
        for event in marked.iter().chain(&plain) {
            label_event(area, event, at(event), &mut places)?;
        }
        if self.labels_messages() {
            for (number, message) in self.drawn.messages.iter().enumerate() {
                label_message(area, message, number, &mut places)?;
            }
        }
        let middle = (frame.left + frame.right) / 2;
        axis(area, &frame.during, &self.unit, &|time| frame.across(time), frame.bottom, middle)
    }
}

#[cfg(test)]
#[path = "spacetime_tests.rs"]
mod tests;
