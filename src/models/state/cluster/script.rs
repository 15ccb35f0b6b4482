//! A run written down step by step, and a run that takes only some of those steps.
//!
//! What happens in a run was booked before: a message by the step that sent it, a timer by the one
//! that set it. So each is known by that step and by its place among what the step booked. A run
//! that leaves steps out also leaves out what they would have booked, and the steps that are left
//! do as they did, with the random numbers that they had. A timer or a client whose step is not there
//! any more is taken to be an earlier one of the same name that has not had its turn, and is late.

use super::machine::Happens;
use crate::sim::Stream;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The step that booked something, from 1 on (0 if it was before the first), and how many things it
/// had booked before.
type Origin = (u32, u32);

/// A step of a run.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    time: f64,
    what: What,
    draws: Option<Draws>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// What was booked before.
    Booked(Origin),
    /// A timer of a node, by its name, that was set before.
    Rings(Origin, usize, u64),
    /// A client, who was to ask.
    Asks(Origin, usize),
    /// A node goes down.
    Crashes(usize),
    /// It comes back, without its disk or with it.
    Restarts(usize, bool),
}

/// The random numbers that are next at the beginning of a step.
#[derive(Clone, Debug)]
pub(super) struct Draws {
    pub replicas: Stream,
    pub mix: Stream,
    /// How many calls clients had made.
    pub calls: usize,
}

#[derive(Debug)]
pub(super) enum Script {
    Writes(Written),
    Follows(Followed),
}

impl Script {
    /// Something is to happen, at a node in a life of it.
    pub fn books(&mut self, happens: Happens, node: usize, life: u32) -> Option<u32> {
        match self {
            Self::Writes(written) => {
                written.next.1 += 1;
                None
            }
            Self::Follows(followed) => {
                let origin = followed.next;
                followed.next.1 += 1;
                followed.held.insert(origin, (happens, node, life));
                if matches!(happens, Happens::Rings { .. } | Happens::Asks { .. }) {
                    followed.waiting.push(origin);
                }
                Some(followed.copies.get(&origin).copied().unwrap_or(0))
            }
        }
    }

    /// It has got this number in the calendar.
    pub fn booked(&mut self, number: u64) {
        if let Self::Writes(written) = self {
            let (step, count) = written.next;
            written.origins.insert(number, (step, count - 1));
        }
    }

    /// It has got another number.
    pub fn moved(&mut self, from: u64, to: u64) {
        if let Self::Writes(written) = self
            && let Some(origin) = written.origins.remove(&from)
        {
            written.origins.insert(to, origin);
        }
    }

    pub fn draws(&mut self, draws: impl FnOnce() -> Draws) -> Option<Draws> {
        match self {
            Self::Writes(written) => {
                written.steps.last_mut()?.draws.get_or_insert_with(draws);
                None
            }
            Self::Follows(followed) => {
                let last = *followed.taken.last()?;
                followed.whole.steps[last as usize].draws.clone()
            }
        }
    }
}

/// A run that is being written down.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub steps: Vec<Step>,
    next: Origin,
    /// Of what is booked, by its number in the calendar.
    origins: BTreeMap<u64, Origin>,
}

impl Written {
    /// This happens, which has this number in the calendar.
    pub fn takes(&mut self, happens: Happens, time: f64, number: u64) {
        let what = match happens {
            Happens::Lost { .. } => {
                self.origins.remove(&number);
                return;
            }
            Happens::Crashes { node } => What::Crashes(node),
            Happens::Restarts { node, lost_disk } => What::Restarts(node, lost_disk),
            _ => {
                let Some(origin) = self.origins.remove(&number) else { return };
                match happens {
                    Happens::Rings { node, name } => What::Rings(origin, node, name),
                    Happens::Asks { client } => What::Asks(origin, client),
                    _ => What::Booked(origin),
                }
            }
        };
        self.steps.push(Step { time, what, draws: None });
        self.next = (self.steps.len() as u32, 0);
    }
}

/// A run, all of it.
#[derive(Debug)]
pub(super) struct Whole {
    pub steps: Vec<Step>,
    /// What is still to happen at its end.
    late: BTreeSet<Origin>,
}

impl From<Written> for Whole {
    fn from(written: Written) -> Self {
        Self { late: written.origins.into_values().collect(), steps: written.steps }
    }
}

/// A run that takes some of the steps that another took.
#[derive(Debug)]
pub(super) struct Followed {
    whole: Arc<Whole>,
    /// Those that are to be taken, by their index, and how many of them have had their turn.
    kept: Vec<u32>,
    at: usize,
    /// Those that could be taken.
    pub taken: Vec<u32>,
    next: Origin,
    /// What is to happen, at which node, and in which of its lives.
    held: BTreeMap<Origin, (Happens, usize, u32)>,
    /// Timers and clients who wait, in the order in which they were booked.
    waiting: Vec<Origin>,
    /// How often each is to happen: a message may arrive twice, or never.
    copies: BTreeMap<Origin, u32>,
}

impl Followed {
    pub fn new(whole: Arc<Whole>, kept: Vec<u32>) -> Self {
        let mut copies = BTreeMap::new();
        for index in &kept {
            if let What::Booked(origin) = whole.steps[*index as usize].what {
                *copies.entry(origin).or_insert(0) += 1;
            }
        }
        let (held, taken, waiting) = (BTreeMap::new(), vec![], vec![]);
        Self { whole, kept, at: 0, taken, next: (0, 0), held, waiting, copies }
    }

    /// When the next step was taken, and what it was.
    pub fn next(&mut self) -> Option<(f64, What)> {
        let step = &self.whole.steps[*self.kept.get(self.at)? as usize];
        self.at += 1;
        Some((step.time, step.what))
    }

    /// It is taken now.
    pub fn taken(&mut self) {
        let index = self.kept[self.at - 1];
        self.taken.push(index);
        self.next = (index + 1, 0);
    }

    /// Whether what was booked last is still to happen at the end of the whole run.
    pub fn is_late(&self) -> bool {
        let (step, count) = self.next;
        count > 0 && self.whole.late.contains(&(step, count - 1))
    }

    pub fn held(&self, origin: Origin) -> Option<(Happens, usize, u32)> {
        self.held.get(&origin).copied()
    }

    /// A timer or a client whose turn it is, or the last of the same name that still waits, in this
    /// life of the node if it is a timer.
    pub fn waits(
        &mut self,
        origin: Origin,
        is_it: impl Fn(&(Happens, usize, u32)) -> bool,
    ) -> Option<(Happens, usize, u32)> {
        let held = &self.held;
        let place = self.waiting.iter().position(|it| *it == origin);
        let late = || self.waiting.iter().rposition(|it| held.get(it).is_some_and(&is_it));
        let place = place.or_else(late)?;
        self.held.remove(&self.waiting.remove(place))
    }
}
