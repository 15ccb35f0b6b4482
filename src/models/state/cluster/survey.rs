//! Many runs of one scenario, and what their clients saw.

use super::facts::Facts;
use super::outcome::Outcome;
use super::property::Broken;
#[expect(unused_imports, reason = "for the documentation")]
use super::replica::Replica;
use super::scenario::Scenario;
use super::workload::Workload;
use crate::number::fraction;
use crate::sim::Estimate;
use crate::state::consistency::Verdict;
use std::ops::{Deref, Range};

/// The runs of a survey, in order, each judged. All that is measured is in [`Measured`], which a
/// survey is too.
#[derive(Debug)]
pub struct Survey<O: Workload> {
    runs: Vec<Outcome<O>>,
    measured: Measured,
}

/// What can be told of a survey whatever its object.
#[derive(Clone, Debug)]
pub struct Measured {
    scenario: Scenario,
    facts: Vec<Facts>,
    verdicts: Vec<Verdict>,
}

impl<O: Workload> Survey<O> {
    pub(super) fn of(scenario: &Scenario, runs: Vec<Outcome<O>>) -> Self {
        let measured = Measured::of(scenario, O::judged(&runs));
        Self { runs, measured }
    }

    /// The runs.
    pub fn runs(&self) -> &[Outcome<O>] {
        &self.runs
    }

    /// The first run whose history is not linearizable, with the verdict.
    pub fn counterexample(&self) -> Option<(&Outcome<O>, &Verdict)> {
        let at = self.measured.first_violation()?;
        Some((&self.runs[at], &self.measured.verdicts[at]))
    }
}

impl<O: Workload> Deref for Survey<O> {
    type Target = Measured;

    fn deref(&self) -> &Measured {
        &self.measured
    }
}

impl Measured {
    fn of(scenario: &Scenario, judged: Vec<(Verdict, Facts)>) -> Self {
        let (verdicts, facts) = judged.into_iter().unzip();
        Self { scenario: scenario.clone(), facts, verdicts }
    }

    /// How many runs there are.
    pub fn count(&self) -> usize {
        self.facts.len()
    }

    /// Of each run, whether its history is linearizable, as far as it goes: a run in which a
    /// property did not hold ended there.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    fn first_violation(&self) -> Option<usize> {
        self.verdicts.iter().position(|verdict| matches!(verdict, Verdict::Violation(_)))
    }

    /// The part of the runs that came to their end with a linearizable history. A run that ended
    /// early, at a property that did not hold, counts as one that is not, whatever its clients had
    /// seen by then; and so does one that could not be judged within the checker's limit.
    pub fn linearizable(&self) -> Estimate {
        let judged = self.verdicts.iter().zip(&self.facts).map(|(verdict, run)| {
            let is_linearizable = matches!(verdict, Verdict::Linearizable { .. });
            f64::from(u8::from(is_linearizable && run.broken.is_none()))
        });
        Estimate::of(&judged.collect::<Vec<_>>())
    }

    /// The part of the requests at these nodes that were answered in time, while something was
    /// wrong (all the time, if nothing was), of all runs together.
    ///
    /// # Panics
    /// If there is no such node, or nobody asked there in any run.
    #[track_caller]
    pub fn availability(&self, nodes: &[usize]) -> Estimate {
        self.check("Survey::availability", nodes);
        let during = self.troubled();
        let counts: Vec<(usize, usize)> =
            self.facts.iter().map(|run| run.answered(nodes, &during)).collect();
        assert!(
            counts.iter().any(|(_, all)| *all > 0),
            "Survey::availability: nobody asked at these nodes in that time; let the clients run \
             longer, or ask at other nodes"
        );
        parts(counts.into_iter())
    }

    /// The time that a part `p` of the answers at these nodes did not exceed, in milliseconds,
    /// while something was wrong (all the time, if nothing was); the mean over the runs.
    ///
    /// # Panics
    /// If there is no such node, `p` is not at least 0 and below 1, or nobody was answered there
    /// in any run.
    #[track_caller]
    pub fn latency(&self, nodes: &[usize], p: f64) -> Estimate {
        const PLACE: &str = "Survey::latency";
        self.check(PLACE, nodes);
        fraction(PLACE, p);
        let during = self.troubled();
        self.over(PLACE, |run| {
            let mut latencies = run.latencies(nodes, &during);
            latencies.sort_by(f64::total_cmp);
            let rank = (p * latencies.len() as f64) as usize;
            latencies.get(rank).copied()
        })
    }

    /// The part of the answered reads that told what had been replaced before they began, of all
    /// runs together.
    pub fn stale_reads(&self) -> Estimate {
        parts(self.facts.iter().map(|run| run.stale))
    }

    /// The part of the acknowledged changes of which, in the end, nothing is left: no final read
    /// tells of them or of what replaced them; of all runs together.
    pub fn lost(&self) -> Estimate {
        parts(self.facts.iter().map(|run| run.lost))
    }

    /// The part of the runs at whose end all nodes said the same. A run that ended early, at a
    /// property that did not hold, is not one of them.
    pub fn converged(&self) -> Estimate {
        let agrees = |run: &Facts| run.converged && run.broken.is_none();
        self.over("Survey::converged", |run| Some(f64::from(u8::from(agrees(run)))))
    }

    /// The part of the runs in which all properties of the protocol held ([`Replica::properties`]).
    pub fn safe(&self) -> Estimate {
        self.over("Survey::safe", |run| Some(f64::from(u8::from(run.broken.is_none()))))
    }

    /// The first run in which a property of the protocol did not hold, by its number, and which.
    pub fn broken(&self) -> Option<(u64, &Broken)> {
        self.facts.iter().find_map(|run| run.broken.as_ref().map(|(run, broken)| (*run, broken)))
    }

    /// Messages sent for each request, of all runs together.
    pub fn messages(&self) -> Estimate {
        parts(self.facts.iter().map(|run| (run.messages.0 as usize, run.messages.1)))
    }

    /// The time in which something was wrong; the whole run, if nothing was.
    pub fn troubled(&self) -> Range<f64> {
        self.scenario.troubled().unwrap_or(0.0..self.scenario.until)
    }

    /// Whether anything was wrong at any time.
    pub fn has_faults(&self) -> bool {
        self.scenario.troubled().is_some()
    }

    #[track_caller]
    fn check(&self, place: &str, nodes: &[usize]) {
        let count = self.scenario.nodes;
        if let Some(node) = nodes.iter().find(|node| **node >= count) {
            panic!("{place}: there are {count} nodes, numbered from 0, but node {node} is named");
        }
    }

    #[track_caller]
    fn over(&self, place: &str, measure: impl Fn(&Facts) -> Option<f64>) -> Estimate {
        let values: Vec<f64> = self.facts.iter().filter_map(measure).collect();
        assert!(
            values.len() >= 2,
            "{place}: fewer than 2 runs have something to measure; let the clients run longer, or \
             ask at other nodes"
        );
        Estimate::of(&values)
    }
}

/// One run may have few of what is counted: all runs count together.
fn parts(counts: impl Iterator<Item = (usize, usize)>) -> Estimate {
    let parts: Vec<(f64, f64)> = counts.map(|(part, all)| (part as f64, all as f64)).collect();
    Estimate::of_parts(&parts)
}
