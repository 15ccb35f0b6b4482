//! Histories as drawings: what clients saw, with what is wrong in it.

use crate::chart::{Mark, Timeline};
use crate::sim::Estimate;
use crate::state::cluster::{Measured, Survey, Workload};
use crate::state::consistency::{Checker, History, Specification, Verdict};
use crate::table::Table;
use std::fmt::Display;

/// A history as a drawing.
pub trait HistoryTimeline<Call, Reply> {
    /// The history as a drawing, a lane for each client. If it is not linearizable, only the part
    /// around the operations that contradict one another, and those are marked; times are in
    /// `unit`.
    fn timeline<S>(&self, specification: &S, unit: &str) -> Timeline
    where
        S: Specification<Call = Call, Reply = Reply>;
}

impl<Call, Reply> HistoryTimeline<Call, Reply> for History<Call, Reply>
where
    Call: Clone + Display,
    Reply: Clone + Display,
{
    fn timeline<S>(&self, specification: &S, unit: &str) -> Timeline
    where
        S: Specification<Call = Call, Reply = Reply>,
    {
        let checker = Checker::new();
        let verdict = checker.check(specification, self);
        let conflict = checker.conflict(specification, self);
        let lanes = self.lanes(&verdict).marking(&conflict);
        let title = match (&verdict, conflict.len()) {
            (Verdict::Linearizable { .. }, _) => "A linearizable history".to_owned(),
            (Verdict::Unknown { .. }, _) => "A history that was not judged".to_owned(),
            (Verdict::Violation(_), count) => {
                format!("Not linearizable: {count} operations that contradict one another")
            }
        };
        let operations = self.operations();
        let times = conflict.iter().map(|it| (operations[*it].invoked, operations[*it].ended));
        let window = times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let (from, to) = window.map_or((lanes.from, lanes.to), |(from, to)| {
            let margin = 0.1 * (to - from);
            (from - margin, to + margin)
        });
        let key = match &verdict {
            Verdict::Violation(violation) => violation.key,
            _ => None,
        };
        let mut drawing = Timeline::new(&title, unit);
        for lane in &lanes.lanes {
            drawing = drawing.lane(&format!("client {}", lane.process));
            for span in lane.spans.iter().filter(|span| span.to >= from && span.from <= to) {
                let is_marked = conflict.contains(&span.operation);
                let is_other = key.is_some()
                    && specification.partition(&operations[span.operation].call) != key;
                let mark = match (is_marked, span.pending) {
                    (true, _) => Mark::Offending,
                    (false, true) => Mark::Pending,
                    (false, false) => Mark::Plain,
                };
                if !is_other || is_marked {
                    let during = span.from.max(from)..span.to.min(to);
                    drawing = drawing.span(during, &span.label, mark);
                }
            }
        }
        drawing
    }
}

/// A survey's counterexample as a drawing.
pub trait SurveyTimeline {
    /// The first run whose history is not linearizable, as a drawing: the operations that
    /// contradict one another are marked, and the time in which something was wrong is shaded.
    ///
    /// # Panics
    /// If there is no such run.
    fn timeline(&self) -> Timeline;
}

impl<O: Workload> SurveyTimeline for Survey<O> {
    #[track_caller]
    fn timeline(&self) -> Timeline {
        let Some((run, _)) = self.counterexample() else {
            if let Some((run, broken)) = self.broken() {
                panic!(
                    "Survey::timeline: no history contradicts itself, but run {run} ended where a \
                     property did not hold, {}; draw it by Scenario::trace(.., {run})",
                    broken.property
                )
            }
            panic!(
                "Survey::timeline: all {} runs are linearizable, so there is nothing to show; make \
                 more runs, or worse faults",
                self.runs().len()
            )
        };
        let drawing = run.history.timeline(&O::default(), "ms");
        match self.has_faults() {
            true => drawing.band(self.troubled(), "something is wrong"),
            false => drawing,
        }
    }
}

/// Surveys side by side, a row each: the part of the runs that is linearizable; if there are any,
/// the part that ended early, where a property of the protocol did not hold (they are not among the
/// linearizable ones); the part of the requests that were answered at the nodes of each side, while
/// something was wrong; the parts of the reads that were stale and of the acknowledged changes that
/// were lost in the end; and the part of the runs at whose end all nodes agreed.
///
/// # Panics
/// If a side names a node that there is not, or nobody asked there.
#[track_caller]
pub fn surveys<O: Workload>(rows: &[(&str, &Survey<O>)], sides: &[(&str, &[usize])]) -> Table {
    let rows: Vec<(&str, &Measured)> =
        rows.iter().map(|(name, survey)| (*name, &***survey)).collect();
    side_by_side(&rows, sides)
}

/// What of [`surveys`] is the same for all objects: compiled once.
#[track_caller]
fn side_by_side(rows: &[(&str, &Measured)], sides: &[(&str, &[usize])]) -> Table {
    let names: Vec<&str> = rows.iter().map(|(name, _)| *name).collect();
    let column = |measure: &dyn Fn(&Measured) -> Estimate| -> Vec<f64> {
        rows.iter().map(|(_, survey)| measure(survey).mean).collect()
    };
    let mut table =
        Table::new(&format!("{} runs each", rows.first().map_or(0, |(_, survey)| survey.count())))
            .texts("survey", &names)
            .numbers("linearizable", &column(&Measured::linearizable));
    let safe = column(&Measured::safe);
    if safe.iter().any(|part| *part < 1.0) {
        let ended: Vec<f64> = safe.iter().map(|part| 1.0 - part).collect();
        table = table.numbers("ended at a broken property", &ended);
    }
    for (side, nodes) in sides {
        let answered = column(&|survey| survey.availability(nodes));
        table = table.numbers(&format!("{side} answered"), &answered);
    }
    table
        .numbers("stale reads", &column(&Measured::stale_reads))
        .numbers("lost", &column(&Measured::lost))
        .numbers("agree in the end", &column(&Measured::converged))
}
