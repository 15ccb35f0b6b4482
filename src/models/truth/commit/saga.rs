//! Sagas (Garcia-Molina and Salem, 1987): a long transaction as a row of short ones, each with a
//! compensation that undoes it if a later one fails.

use super::saga_run::one;
use crate::number::positive;
use crate::sim::{Distribution, Estimate, replicate};

/// A saga: steps in their order, and the messages that carry it from one to the next. Times are in
/// milliseconds.
///
/// As made by [`Saga::new`] there are no steps; a coordinator tells each service what to do; a
/// message takes 1 ms and is never lost; and compensations succeed.
#[derive(Clone, Debug)]
pub struct Saga {
    pub(super) steps: Vec<SagaStep>,
    pub(super) style: Style,
    pub(super) latency: Distribution,
    pub(super) loss: f64,
    pub(super) timeout: f64,
    pub(super) delivery: Delivery,
    pub(super) undo: f64,
    pub(super) seed: u64,
}

/// A step of a saga.
#[derive(Clone, Debug, PartialEq)]
pub struct SagaStep {
    /// Its name: "charge".
    pub name: String,
    /// The probability that it succeeds.
    pub succeeds: f64,
    /// How long it takes, in milliseconds.
    pub time: f64,
}

/// Who says what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A coordinator: it tells each service what to do, and is told how it went.
    Orchestrated,
    /// The services themselves: each tells the next one that it has done, or the one before it that
    /// it must undo.
    Choreographed,
}

/// What becomes of a message that is not acknowledged in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It is not sent again: the saga may stay where it is.
    AtMostOnce,
    /// It is sent again until it is acknowledged. One whose acknowledgement was lost takes effect
    /// again.
    AtLeastOnce,
    /// It is sent again, with a key by which the service knows it: it takes effect once.
    Idempotent,
}

/// What became of many runs of a saga: means over the runs.
#[derive(Clone, Debug)]
pub struct SagaResult {
    /// The part of the runs in which all steps were done.
    pub completed: Estimate,
    /// The part of the runs in which each step that had been done was compensated, as far as those
    /// know who ran it: see `unbalanced`.
    pub undone: Estimate,
    /// The part of the runs that stayed somewhere in between: some steps done, and nobody goes on.
    pub stuck: Estimate,
    /// Compensations that succeeded, a run.
    pub compensations: Estimate,
    /// Attempts at a compensation, a run.
    pub attempts: Estimate,
    /// Messages sent, a run, those that were lost included.
    pub messages: Estimate,
    /// The part of the runs in which some step took effect more than once.
    pub doubled: Estimate,
    /// The part of the runs in which some compensation took effect more than once.
    pub repeated: Estimate,
    /// The part of the runs that were undone, and yet some step took effect more often than its
    /// compensation, or less.
    pub unbalanced: Estimate,
    /// Of each step how often it took effect, a run.
    pub effects: Vec<Estimate>,
    /// Of each step how often its compensation took effect, a run.
    pub undoings: Vec<Estimate>,
    /// From the first message until the saga's end is known, in milliseconds; of the runs that
    /// did not stay in between. Nothing if that is fewer than two.
    pub latency: Option<Estimate>,
}

impl Saga {
    /// One without steps.
    #[expect(clippy::new_without_default, reason = "an empty saga is only a beginning")]
    pub fn new() -> Self {
        Self {
            steps: vec![],
            style: Style::Orchestrated,
            latency: Distribution::deterministic(1.0),
            loss: 0.0,
            timeout: 100.0,
            delivery: Delivery::Idempotent,
            undo: 1.0,
            seed: 1,
        }
    }

    /// One more step: its name, the probability that it succeeds, and how long it takes.
    ///
    /// # Panics
    /// If the probability is not between 0 and 1, or the time is negative or not a number.
    #[track_caller]
    pub fn step(mut self, name: &str, succeeds: f64, time: f64) -> Self {
        const PLACE: &str = "Saga::step";
        let succeeds = probability(PLACE, "success", succeeds);
        assert!(
            time >= 0.0 && time.is_finite(),
            "{PLACE}: the time of a step must be a number of at least 0, but it is {time}"
        );
        self.steps.push(SagaStep { name: name.to_owned(), succeeds, time });
        self
    }

    /// The services say themselves what comes next.
    pub fn choreographed(self) -> Self {
        Self { style: Style::Choreographed, ..self }
    }

    /// How long a message takes, in milliseconds.
    pub fn latency(self, latency: Distribution) -> Self {
        Self { latency, ..self }
    }

    /// The probability that a message is lost, an acknowledgement included.
    ///
    /// # Panics
    /// If it is not at least 0 and below 1.
    #[track_caller]
    pub fn loss(self, loss: f64) -> Self {
        assert!(
            (0.0..1.0).contains(&loss),
            "Saga::loss: the probability must be at least 0 and below 1, but it is {loss}; with 1 \
             nothing would ever arrive"
        );
        Self { loss, ..self }
    }

    /// A message that is not acknowledged after so long is sent again, if it is.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn timeout(self, timeout: f64) -> Self {
        Self { timeout: positive("Saga::timeout", "time-out", timeout), ..self }
    }

    /// What becomes of a message that is not acknowledged in time.
    pub fn delivery(self, delivery: Delivery) -> Self {
        Self { delivery, ..self }
    }

    /// The probability that an attempt at a compensation succeeds. It is tried until it does.
    ///
    /// # Panics
    /// If it is not above 0 and at most 1.
    #[track_caller]
    pub fn undo_succeeds(self, undo: f64) -> Self {
        assert!(
            undo > 0.0 && undo <= 1.0,
            "Saga::undo_succeeds: the probability must be above 0 and at most 1, but it is {undo}; \
             with 0 a compensation would be tried without end"
        );
        Self { undo, ..self }
    }

    /// Chooses all random numbers.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The probability that all steps succeed: the product of theirs, if no message stays lost.
    pub fn completes(&self) -> f64 {
        self.steps.iter().map(|step| step.succeeds).product()
    }

    /// The mean number of compensations: the sum over the steps of the probability that it is the
    /// one that fails, times the steps before it; if no message stays lost.
    pub fn mean_compensations(&self) -> f64 {
        let (mut reached, mut sum) = (1.0, 0.0);
        for (before, step) in self.steps.iter().enumerate() {
            sum += reached * (1.0 - step.succeeds) * before as f64;
            reached *= step.succeeds;
        }
        sum
    }

    /// The mean number of attempts at compensations: each succeeds after a geometrically
    /// distributed number of them.
    pub fn mean_attempts(&self) -> f64 {
        self.mean_compensations() / self.undo
    }

    /// The mean number of messages, if none is lost. A coordinator needs two for each step and each
    /// attempt at a compensation. Without one, each step that succeeds tells the next (the last
    /// tells who began), one that fails tells the one before it, and so does each compensation;
    /// the first one tells who began. A message begins it all, and each is acknowledged.
    pub fn mean_messages(&self) -> f64 {
        let (mut reached, mut steps) = (1.0, 0.0);
        for step in &self.steps {
            steps += reached;
            reached *= step.succeeds;
        }
        match self.style {
            // A reply acknowledges its request.
            Style::Orchestrated => 2.0 * (steps + self.mean_attempts()),
            Style::Choreographed => 2.0 * (1.0 + steps + self.mean_compensations()),
        }
    }

    /// How often a step, numbered from 0, takes effect on average. Where nothing knows a message
    /// again it is repeated until an acknowledgement arrives: `1 / (1 - loss)` times, if it is
    /// reached and succeeds. Without a coordinator each repetition is passed on, and repeated: of
    /// step k the power k + 1 of that.
    ///
    /// # Panics
    /// If there is no such step, or messages stay lost.
    #[track_caller]
    pub fn mean_effects(&self, step: usize) -> f64 {
        self.has_closed_form("Saga::mean_effects", step);
        let succeeds: f64 = self.steps[..=step].iter().map(|it| it.succeeds).product();
        succeeds * self.repeats(step + 1)
    }

    /// How often the compensation of a step, numbered from 0, takes effect on average: as
    /// [`Saga::mean_effects`], if a later step fails. Without a coordinator the repetitions on the
    /// way back come on top of those on the way to the step that failed.
    ///
    /// # Panics
    /// If there is no such step, or messages stay lost.
    #[track_caller]
    pub fn mean_undoings(&self, step: usize) -> f64 {
        self.has_closed_form("Saga::mean_undoings", step);
        let (mut reached, mut sum) = (1.0, 0.0);
        for (at, it) in self.steps.iter().enumerate() {
            if at > step {
                // Messages one after the other: to the step that fails, and back from it.
                sum += reached * (1.0 - it.succeeds) * self.repeats(at + 1 + at - step);
            }
            reached *= it.succeeds;
        }
        sum
    }

    #[track_caller]
    fn has_closed_form(&self, place: &str, step: usize) {
        assert!(
            step < self.steps.len(),
            "{place}: there are {} steps, numbered from 0, but step {step} is asked about",
            self.steps.len()
        );
        assert!(
            self.loss == 0.0 || self.delivery != Delivery::AtMostOnce,
            "{place}: messages that stay lost have no closed form here; use Delivery::AtLeastOnce \
             or Delivery::Idempotent, or simulate"
        );
    }

    /// How often the last of so many messages, one after the other, is acted on, on average.
    fn repeats(&self, messages: usize) -> f64 {
        let once = 1.0 / (1.0 - self.loss);
        match (self.delivery, self.style) {
            (Delivery::AtLeastOnce, Style::Orchestrated) => once,
            (Delivery::AtLeastOnce, Style::Choreographed) => once.powi(messages as i32),
            _ => 1.0,
        }
    }

    /// So many runs, each with random numbers of its own.
    ///
    /// # Panics
    /// If there are fewer than 2, or the saga has no steps.
    #[track_caller]
    pub fn survey(&self, runs: usize) -> SagaResult {
        const PLACE: &str = "Saga::survey";
        assert!(runs >= 2, "{PLACE}: there must be at least 2 runs, but there are {runs}");
        assert!(
            !self.steps.is_empty(),
            "{PLACE}: the saga has no steps; give it some, as in Saga::new().step(\"charge\", 0.9, \
             5.0)"
        );
        let all = replicate(runs, |number| one(self, number));
        let mean = |of: &dyn Fn(&super::saga_run::Run) -> f64| {
            Estimate::of(&all.iter().map(of).collect::<Vec<f64>>())
        };
        let part = |is: bool| f64::from(u8::from(is));
        let over_steps = |of: &dyn Fn(&super::saga_run::Run, usize) -> u32| -> Vec<Estimate> {
            (0..self.steps.len()).map(|step| mean(&|run| f64::from(of(run, step)))).collect()
        };
        let times: Vec<f64> = all.iter().filter_map(|run| run.ended).collect();
        SagaResult {
            completed: mean(&|run| part(run.is_completed())),
            undone: mean(&|run| part(run.is_undone())),
            stuck: mean(&|run| part(run.is_stuck())),
            compensations: mean(&|run| run.compensations as f64),
            attempts: mean(&|run| run.attempts as f64),
            messages: mean(&|run| run.messages as f64),
            doubled: mean(&|run| part(run.effects.iter().any(|effects| *effects > 1))),
            repeated: mean(&|run| part(run.undoings.iter().any(|undoings| *undoings > 1))),
            unbalanced: mean(&|run| part(run.is_undone() && run.effects != run.undoings)),
            effects: over_steps(&|run, step| run.effects[step]),
            undoings: over_steps(&|run, step| run.undoings[step]),
            latency: (times.len() >= 2).then(|| Estimate::of(&times)),
        }
    }
}

#[track_caller]
fn probability(place: &str, what: &str, p: f64) -> f64 {
    assert!(
        (0.0..=1.0).contains(&p),
        "{place}: the probability of {what} must be between 0 and 1, but it is {p}"
    );
    p
}
