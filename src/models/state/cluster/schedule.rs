//! The steps of a run, all or some: a run that can be repeated with less in it.

use super::outcome::Outcome;
use super::replica::Replica;
use super::scenario::Scenario;
use super::script::{Followed, Script, Whole, Written};
use super::spacetime::SpaceTime;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Steps of a run of a scenario, in their order: a message arrives, a timer rings, a client asks or
/// gives up, a node goes down or comes back. What is left out of a run does not happen in it:
/// a message is lost, a timer rings late or not at all, a client does not ask. What is left happens
/// at its time and with its random numbers. Any asynchronous network might have done the same: a protocol that
/// is safe whatever is lost and late is safe in every part of a run.
///
/// A schedule is known by the scenario, whose seed it has, the number of the run and the numbers of
/// its steps.
#[derive(Clone)]
pub struct Schedule {
    pub(super) scenario: Scenario,
    pub(super) run: u64,
    /// All steps of the run; nothing if they have not been written down.
    all: Option<Arc<Whole>>,
    /// Those that are taken, by their index.
    kept: Vec<u32>,
}

impl Schedule {
    /// All steps of a run, by its number: replica k is `replica(k)`.
    pub fn of<R: Replica>(scenario: &Scenario, replica: impl Fn(usize) -> R, run: u64) -> Self {
        let unwritten = Self { scenario: scenario.clone(), run, all: None, kept: vec![] };
        R::follow(&unwritten, &replica, false).2
    }

    /// How many steps it has.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// How many steps the whole run has.
    pub fn of_all(&self) -> usize {
        self.all.as_ref().map_or(0, |all| all.steps.len())
    }

    /// The numbers of its steps among all steps of the run, from 0 on.
    pub fn steps(&self) -> &[u32] {
        &self.kept
    }

    /// The run that takes these steps alone. A step that another has to come before, and that is
    /// left out, is not taken.
    pub fn run<R: Replica>(&self, replica: impl Fn(usize) -> R) -> Outcome<R::Object> {
        R::follow(self, &replica, false).0
    }

    /// The same, with all that happened in it as a space-time diagram.
    pub fn trace<R: Replica>(
        &self,
        replica: impl Fn(usize) -> R,
    ) -> (Outcome<R::Object>, SpaceTime) {
        let (outcome, drawn, _) = R::follow(self, &replica, true);
        (outcome, drawn)
    }

    /// The same without some of its steps, by their places in it.
    ///
    /// # Panics
    /// If it has fewer.
    #[track_caller]
    pub fn without(&self, places: Range<usize>) -> Self {
        assert!(
            places.start <= places.end && places.end <= self.len(),
            "Schedule::without: the schedule has {} steps, but {places:?} are to be left out",
            self.len()
        );
        let mut other = self.clone();
        other.kept.drain(places);
        other
    }

    pub(super) fn script(&self) -> Script {
        match &self.all {
            None => Script::Writes(Written::default()),
            Some(all) => Script::Follows(Followed::new(all.clone(), self.kept.clone())),
        }
    }

    /// The steps that were taken.
    pub(super) fn taken(&self, script: Script) -> Self {
        let (all, kept) = match script {
            Script::Writes(written) => {
                let kept = (0..written.steps.len() as u32).collect();
                (Some(Arc::new(written.into())), kept)
            }
            Script::Follows(Followed { taken, .. }) => (self.all.clone(), taken),
        };
        Self { scenario: self.scenario.clone(), run: self.run, all, kept }
    }
}

/// As "17 of the 420 steps of run 0 of seed 3".
impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (steps, all) = (self.len(), self.of_all());
        write!(f, "{steps} of the {all} steps of run {} of seed {}", self.run, self.scenario.seed)
    }
}
