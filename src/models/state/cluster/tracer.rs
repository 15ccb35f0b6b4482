//! Writes down who did what when, for one run that is to be drawn.

use super::spacetime::{Arrow, During, LocalEvent, SpaceTime};
use std::collections::BTreeMap;

#[derive(Debug)]
pub(super) struct Tracer {
    pub drawn: SpaceTime,
    /// The arrow of each message that is under way, by the message's number.
    flying: BTreeMap<u32, usize>,
    /// What was said of each process last.
    labels: Vec<String>,
    down: Vec<Option<f64>>,
}

impl Tracer {
    pub fn new(nodes: usize) -> Self {
        let processes = (0..nodes).map(|node| format!("node {node}")).collect();
        let drawn = SpaceTime { processes, ..SpaceTime::default() };
        let labels = vec![String::new(); nodes];
        Self { drawn, flying: BTreeMap::new(), labels, down: vec![None; nodes] }
    }

    /// A replica has done something; its label is drawn where it changes.
    pub fn step(&mut self, process: usize, time: f64, label: String) {
        if label != self.labels[process] {
            self.labels[process].clone_from(&label);
            self.drawn.events.push(LocalEvent { process, time, label, is_marked: false });
        }
    }

    pub fn marks(&mut self, process: usize, time: f64, label: String) {
        self.drawn.events.push(LocalEvent { process, time, label, is_marked: true });
    }

    pub fn sends(&mut self, message: u32, from: usize, to: usize, sent: f64, label: String) {
        self.flying.insert(message, self.drawn.messages.len());
        self.drawn.messages.push(Arrow { from, sent, to, arrived: None, lost: None, label });
    }

    pub fn arrives(&mut self, message: u32, time: f64) {
        let Some(&at) = self.flying.get(&message) else { return };
        let arrow = &mut self.drawn.messages[at];
        match arrow.arrived {
            None => (arrow.arrived, arrow.lost) = (Some(time), None),
            // A copy.
            Some(_) => {
                let copy = Arrow { arrived: Some(time), ..arrow.clone() };
                self.drawn.messages.push(copy);
            }
        }
    }

    /// A message is lost, unless a copy of it has arrived.
    pub fn is_lost(&mut self, message: u32, time: f64) {
        let Some(&at) = self.flying.get(&message) else { return };
        let arrow = &mut self.drawn.messages[at];
        if arrow.arrived.is_none() {
            arrow.lost = Some(time);
        }
    }

    pub fn goes_down(&mut self, process: usize, time: f64) {
        self.down[process].get_or_insert(time);
    }

    pub fn comes_back(&mut self, process: usize, to: f64) {
        if let Some(from) = self.down[process].take() {
            self.drawn.whiles.push(During { process, from, to, label: "down".to_owned() });
        }
    }

    pub fn ends(mut self, time: f64) -> SpaceTime {
        for process in 0..self.down.len() {
            self.comes_back(process, time);
        }
        self.drawn
    }
}
