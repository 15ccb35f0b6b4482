//! Histories as drawings: what clients saw, with what is wrong in it.

use crate::chart::{Mark, Timeline};
use crate::sim::Estimate;
use crate::state::cluster::{Survey, Workload};
use crate::state::consistency::{Checker, History, Specification, Verdict};
use crate::table::Table;
use std::fmt::Display;

impl<Call, Reply> History<Call, Reply>
where
    Call: Clone + Display,
    Reply: Clone + Display,
{
    /// The history as a drawing, a lane for each client. If it is not linearizable, only the part
    /// around the operations that contradict one another, and those are marked; times are in
    /// `unit`.
    pub fn timeline<S>(&self, specification: &S, unit: &str) -> Timeline
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

impl<O: Workload> Survey<O> {
    /// The first run whose history is not linearizable, as a drawing: the operations that
    /// contradict one another are marked, and the time in which something was wrong is shaded.
    ///
    /// # Panics
    /// If there is no such run.
    #[track_caller]
    pub fn timeline(&self) -> Timeline {
        let Some((run, _)) = self.counterexample() else {
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

/// Surveys side by side, a row each: the part of the runs that is linearizable; the part of the
/// requests that were answered at the nodes of each side, while something was wrong; the parts of
/// the reads that were stale and of the acknowledged changes that were lost in the end; and the
/// part of the runs at whose end all nodes agreed.
///
/// # Panics
/// If a side names a node that there is not, or nobody asked there.
#[track_caller]
pub fn surveys<O: Workload>(rows: &[(&str, &Survey<O>)], sides: &[(&str, &[usize])]) -> Table {
    let names: Vec<&str> = rows.iter().map(|(name, _)| *name).collect();
    let column = |measure: &dyn Fn(&Survey<O>) -> Estimate| -> Vec<f64> {
        rows.iter().map(|(_, survey)| measure(survey).mean).collect()
    };
    let mut table = Table::new(&format!(
        "{} runs each",
        rows.first().map_or(0, |(_, survey)| survey.runs().len())
    ))
    .texts("survey", &names)
    .numbers("linearizable", &column(&Survey::linearizable));
    for (side, nodes) in sides {
        let answered = column(&|survey| survey.availability(nodes));
        table = table.numbers(&format!("{side} answered"), &answered);
    }
    table
        .numbers("stale reads", &column(&Survey::stale_reads))
        .numbers("lost", &column(&Survey::lost))
        .numbers("agree in the end", &column(&Survey::converged))
}
