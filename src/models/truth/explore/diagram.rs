//! A way through a model as a space-time diagram: one unit of time a step.

use super::explored::Path;
use super::model::Model;
use crate::state::cluster::{Arrow, During, LocalEvent, SpaceTime};

/// What a step looks like in a space-time diagram.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Happening {
    /// Which process does it.
    pub process: usize,
    /// What is written beside it; nothing if nothing is to be.
    pub label: String,
    /// It is drawn so that it is seen.
    pub is_marked: bool,
    /// The message that it receives: from whom, and its label.
    pub received: Option<(usize, String)>,
    /// More messages that it has received by then, and that only now make a difference.
    pub also: Vec<(usize, String)>,
    /// A message that it receives, and that was sent just before: from whom, and its label.
    pub just_sent: Option<(usize, String)>,
    /// Messages that it sends: to whom, and their labels.
    pub sent: Vec<(usize, String)>,
    /// Messages that are lost: from whom, to whom, and their labels.
    pub lost: Vec<(usize, usize, String)>,
    /// What is the matter with processes from here to the end: "down".
    pub whiles: Vec<(usize, String)>,
}

impl<S, A> Path<S, A> {
    /// The way drawn: step k happens at time k, what is sent before the first at time 0.
    pub fn space_time<M: Model<State = S, Action = A>>(&self, model: &M) -> SpaceTime {
        let mut drawn = SpaceTime { processes: model.processes(), ..SpaceTime::default() };
        let mut before = &self.start;
        for (number, (action, after)) in self.steps.iter().enumerate() {
            let happening = model.happening(before, action, after);
            add(&mut drawn, number as f64 + 1.0, happening);
            before = after;
        }
        let end = self.len() as f64 + 1.0;
        drawn.whiles.iter_mut().for_each(|it| it.to = end);
        drawn.messages.sort_by(|a, b| a.sent.total_cmp(&b.sent));
        if let Some(event) = drawn.events.last_mut() {
            event.is_marked = true;
        }
        drawn
    }
}

fn add(drawn: &mut SpaceTime, time: f64, happening: Happening) {
    let Happening { process, label, is_marked, received, also, just_sent, sent, lost, whiles } =
        happening;
    if let Some((from, label)) = just_sent {
        let (sent, arrived) = (time - 0.5, Some(time));
        drawn.messages.push(Arrow { from, sent, to: process, arrived, lost: None, label });
    }
    for (from, label) in received.into_iter().chain(also) {
        arrives(drawn, from, process, time, label);
    }
    if !label.is_empty() || is_marked {
        drawn.events.push(LocalEvent { process, time, label, is_marked });
    }
    for (to, label) in sent {
        let (arrived, lost) = (None, None);
        drawn.messages.push(Arrow { from: process, sent: time, to, arrived, lost, label });
    }
    for (from, to, label) in lost {
        if let Some(arrow) = under_way(drawn, from, to, &label) {
            arrow.lost = Some(time);
        } else if sent_at(drawn, from, to, &label).is_none() {
            let (arrived, lost) = (None, Some(time));
            drawn.messages.push(Arrow { from, sent: 0.0, to, arrived, lost, label });
        }
    }
    for (process, label) in whiles {
        drawn.whiles.push(During { process, from: time, to: time, label });
    }
}

/// The oldest message of this kind that is under way.
fn under_way<'a>(
    drawn: &'a mut SpaceTime,
    from: usize,
    to: usize,
    label: &str,
) -> Option<&'a mut Arrow> {
    let is_it = |it: &&mut Arrow| (it.from, it.to) == (from, to) && it.label == label;
    let mut all = drawn.messages.iter_mut().filter(is_it);
    all.find(|it| it.arrived.is_none() && it.lost.is_none())
}

/// When the first message of this kind was sent, if that is known.
fn sent_at(drawn: &SpaceTime, from: usize, to: usize, label: &str) -> Option<f64> {
    let is_it = |it: &&Arrow| (it.from, it.to) == (from, to) && it.label == label;
    drawn.messages.iter().find(is_it).map(|it| it.sent)
}

/// The oldest message of this kind that is under way arrives; or a copy of one that has; or, if it
/// is not known when it was sent, one that was sent before the first step.
fn arrives(drawn: &mut SpaceTime, from: usize, to: usize, time: f64, label: String) {
    if let Some(arrow) = under_way(drawn, from, to, &label) {
        arrow.arrived = Some(time);
        return;
    }
    let sent = sent_at(drawn, from, to, &label).unwrap_or(0.0);
    drawn.messages.push(Arrow { from, sent, to, arrived: Some(time), lost: None, label });
}
