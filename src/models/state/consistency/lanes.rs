//! A history as a drawing shows it: a lane for each process, its operations side by side.

use super::history::{End, History};
use super::verdict::Verdict;
use std::collections::BTreeMap;
use std::fmt::Display;

/// A history, ready to be drawn. Times are those of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct Lanes {
    /// One for each process, in the order of their numbers.
    pub lanes: Vec<Lane>,
    /// The first and the last event.
    pub from: f64,
    /// The first and the last event.
    pub to: f64,
    /// The end of the shortest prefix that cannot be explained, if there is one.
    pub violated: Option<f64>,
    /// What else happened, and when.
    pub notes: Vec<(f64, String)>,
}

/// A process.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// Its number.
    pub process: usize,
    /// Its operations, one after the other: they do not overlap.
    pub spans: Vec<Span>,
}

/// An operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Its index in the history.
    pub operation: usize,
    /// When it began.
    pub from: f64,
    /// When it ended, or its process stopped waiting; the last event, if neither.
    pub to: f64,
    /// Whether it is pending: it may take effect at any time after `from`, also after `to`.
    pub pending: bool,
    /// Whether it is known not to have happened.
    pub failed: bool,
    /// As "read → 3".
    pub label: String,
    /// How it stands to the verdict.
    pub mark: Mark,
    /// Its place in the order that explains the replies, from 1 on, if it has one there.
    pub place: Option<usize>,
}

/// How an operation stands to the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nothing is wrong with it.
    Plain,
    /// It is evidence of what is wrong.
    Offending,
    /// It is not part of what was judged: it began after the shortest prefix that cannot be
    /// explained, or is about another object than that of the violation.
    Outside,
}

impl<Call: Display, Reply: Display> History<Call, Reply> {
    /// The history as lanes, with what the verdict says of it.
    pub fn lanes(&self, verdict: &Verdict) -> Lanes {
        let mut lanes = self.lanes_marking(&[]);
        let mut places = BTreeMap::new();
        let order = match verdict {
            Verdict::Linearizable { order } => order.as_slice(),
            Verdict::Violation(violation) => &violation.order,
            Verdict::Unknown { .. } => &[],
        };
        places.extend(order.iter().zip(1..).map(|(&it, place)| (it, place)));
        for span in lanes.lanes.iter_mut().flat_map(|lane| &mut lane.spans) {
            span.place = places.get(&span.operation).copied();
            if let Verdict::Violation(violation) = verdict {
                if violation.unplaced == span.operation {
                    span.mark = Mark::Offending;
                } else if violation.operations.binary_search(&span.operation).is_err() {
                    span.mark = Mark::Outside;
                }
            }
        }
        if let Verdict::Violation(violation) = verdict {
            lanes.violated = Some(violation.at);
        }
        lanes
    }

    /// The history as lanes, with these operations marked: what another check gave as evidence.
    pub fn lanes_marking(&self, offending: &[usize]) -> Lanes {
        let from = self.events().first().map_or(0.0, |event| event.at);
        let to = self.events().last().map_or(0.0, |event| event.at);
        let mut lanes: BTreeMap<usize, Vec<Span>> = BTreeMap::new();
        for (it, operation) in self.operations().iter().enumerate() {
            let is_offending = offending.contains(&it);
            lanes.entry(operation.process).or_default().push(Span {
                operation: it,
                from: operation.invoked,
                to: operation.ended.min(to),
                pending: operation.is_pending(),
                failed: matches!(operation.end, Some(End::Failed)),
                label: operation.label(),
                mark: if is_offending { Mark::Offending } else { Mark::Plain },
                place: None,
            });
        }
        let lanes = lanes.into_iter().map(|(process, spans)| Lane { process, spans }).collect();
        Lanes { lanes, from, to, violated: None, notes: self.notes().to_vec() }
    }
}

impl Lanes {
    /// The same with these operations marked too: those of
    /// [`Checker::conflict`](super::Checker::conflict), say.
    pub fn marking(mut self, offending: &[usize]) -> Self {
        for span in self.lanes.iter_mut().flat_map(|lane| &mut lane.spans) {
            if offending.contains(&span.operation) {
                span.mark = Mark::Offending;
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::linearizable::Checker;
    use super::super::objects::{RegisterCall::*, RegisterReply::*, RegisterSpec};
    use super::*;

    #[test]
    fn a_stale_read_is_marked() {
        let mut history = History::new();
        history.invoke(1, Write(1), 0.0).returns(1, Written, 1.0);
        history.invoke(0, Write(2), 1.5).times_out(0, 2.0);
        history.invoke(1, Read, 2.0).returns(1, Value(None), 3.0);
        history.invoke(0, Read, 4.0).note(4.5, "healed");
        let verdict = Checker::new().check(&RegisterSpec, &history);
        let lanes = history.lanes(&verdict);
        assert_eq!((lanes.from, lanes.to, lanes.violated), (0.0, 4.0, Some(3.0)));
        assert_eq!(lanes.notes, [(4.5, "healed".to_owned())]);
        let spans: Vec<_> = lanes
            .lanes
            .iter()
            .flat_map(|lane| &lane.spans)
            .map(|it| (it.operation, it.from, it.to, it.label.as_str(), it.mark, it.place))
            .collect();
        let expected = [
            (1, 1.5, 2.0, "write 2 ?", Mark::Plain, None),
            (3, 4.0, 4.0, "read ?", Mark::Outside, None),
            (0, 0.0, 1.0, "write 1", Mark::Plain, Some(1)),
            (2, 2.0, 3.0, "read → nil", Mark::Offending, None),
        ];
        assert_eq!(spans, expected);
        let both = history.lanes_marking(&[0]).marking(&[2]);
        let marked = both.lanes.iter().flat_map(|lane| &lane.spans);
        assert_eq!(marked.filter(|it| it.mark == Mark::Offending).count(), 2);
    }
}
