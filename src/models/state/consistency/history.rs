//! What clients saw: operations with the times at which they began and ended.

use super::history_error::HistoryError;
use std::collections::BTreeMap;
use std::fmt::{self, Display};

/// The operations of some processes (clients), in the order in which they began. A process has one
/// operation at a time. Times may be in any unit, and are the observer's, on one clock.
///
/// Built event by event, as a simulation would, or from whole operations by [`History::of`].
#[derive(Clone, Debug, PartialEq)]
pub struct History<Call, Reply> {
    operations: Vec<Operation<Call, Reply>>,
    events: Vec<Event>,
    notes: Vec<(f64, String)>,
    /// Of each process that has one, its open operation.
    open: BTreeMap<usize, usize>,
    latest: f64,
}

/// What a process asked for, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation<Call, Reply> {
    /// Who asked.
    pub process: usize,
    /// What for.
    pub call: Call,
    /// When.
    pub invoked: f64,
    /// What came of it; nothing yet, if the history ends before it does.
    pub end: Option<End<Reply>>,
    /// When it ended; infinite if it did not.
    pub ended: f64,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End<Reply> {
    /// With this reply.
    Returned(Reply),
    /// Without a reply. It may take effect at any later time, or never: it is pending for ever.
    TimedOut,
    /// It is known not to have happened.
    Failed,
}

/// The beginning or the end of an operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub at: f64,
    /// Which operation, by its index.
    pub operation: usize,
    /// What happened to it.
    pub kind: EventKind,
}

/// What happened to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It began.
    Invoked,
    /// Its reply came.
    Returned,
    /// Its process stopped waiting.
    TimedOut,
    /// Its process learnt that it did not happen.
    Failed,
}

impl<Call, Reply> Operation<Call, Reply> {
    /// One that was answered.
    pub const fn new(
        process: usize,
        call: Call,
        reply: Reply,
        invoked: f64,
        returned: f64,
    ) -> Self {
        Self { process, call, invoked, end: Some(End::Returned(reply)), ended: returned }
    }

    /// One that timed out at once: pending from `invoked` on, its process free.
    pub const fn pending(process: usize, call: Call, invoked: f64) -> Self {
        Self { process, call, invoked, end: Some(End::TimedOut), ended: invoked }
    }

    /// The reply, if there was one.
    pub const fn reply(&self) -> Option<&Reply> {
        match &self.end {
            Some(End::Returned(reply)) => Some(reply),
            _ => None,
        }
    }

    /// Whether it may have taken effect, and nobody knows: it timed out, or is open at the end.
    pub const fn is_pending(&self) -> bool {
        matches!(self.end, None | Some(End::TimedOut))
    }

    /// Whether it is known not to have happened.
    pub const fn has_failed(&self) -> bool {
        matches!(self.end, Some(End::Failed))
    }
}

impl<Call: Display, Reply: Display> Operation<Call, Reply> {
    /// As "write 3", "read → 3", "cas 1 2 ?" (pending), "write 4 failed". A reply that reads "ok"
    /// is left out.
    pub fn label(&self) -> String {
        let call = &self.call;
        match &self.end {
            None | Some(End::TimedOut) => format!("{call} ?"),
            Some(End::Failed) => format!("{call} failed"),
            Some(End::Returned(reply)) => match reply.to_string() {
                text if text == "ok" => call.to_string(),
                text => format!("{call} → {text}"),
            },
        }
    }
}

/// As "process 2: read → 3 [0.5, 1.25]".
impl<Call: Display, Reply: Display> Display for Operation<Call, Reply> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}: {} [{}, ", self.process, self.label(), self.invoked)?;
        if self.is_pending() { write!(f, "∞)") } else { write!(f, "{}]", self.ended) }
    }
}

impl<Call, Reply> Default for History<Call, Reply> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Call, Reply> History<Call, Reply> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self {
            operations: vec![],
            events: vec![],
            notes: vec![],
            open: BTreeMap::new(),
            latest: f64::NEG_INFINITY,
        }
    }

    /// The operations, in the order of their beginnings.
    pub fn operations(&self) -> &[Operation<Call, Reply>] {
        &self.operations
    }

    /// Beginnings and ends in the order in which they happened. Of two at one time, that which
    /// comes first here happened first.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// What else happened, and when: what the nemesis of a Jepsen test did, say.
    pub fn notes(&self) -> &[(f64, String)] {
        &self.notes
    }

    /// The number of operations.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// What was known after so many events: what was open then is open in it. Notes are kept.
    pub fn prefix(&self, events: usize) -> Self
    where
        Call: Clone,
        Reply: Clone,
    {
        let mut prefix = Self { notes: self.notes.clone(), ..Self::new() };
        for &event in self.events.iter().take(events) {
            let operation = &self.operations[event.operation];
            if event.kind == EventKind::Invoked {
                prefix.open.insert(operation.process, event.operation);
                let open = Operation { end: None, ended: f64::INFINITY, ..operation.clone() };
                prefix.operations.push(open);
            } else {
                prefix.open.remove(&operation.process);
                prefix.operations[event.operation] = operation.clone();
            }
            prefix.happens(event);
        }
        prefix
    }

    /// Writes down what else happened at a time.
    pub fn note(&mut self, at: f64, text: &str) -> &mut Self {
        self.notes.push((at, text.to_owned()));
        self
    }

    /// A process gets the reply to its open operation.
    ///
    /// # Panics
    /// If it has none, or time goes backwards.
    #[track_caller]
    pub fn returns(&mut self, process: usize, reply: Reply, at: f64) -> &mut Self {
        self.ends("History::returns", process, End::Returned(reply), at)
    }

    /// A process stops waiting for its open operation, whose fate is unknown: it stays pending for
    /// ever. The process may begin another.
    ///
    /// # Panics
    /// If it has none, or time goes backwards.
    #[track_caller]
    pub fn times_out(&mut self, process: usize, at: f64) -> &mut Self {
        self.ends("History::times_out", process, End::TimedOut, at)
    }

    /// A process learns that its open operation did not happen, and will not.
    ///
    /// # Panics
    /// If it has none, or time goes backwards.
    #[track_caller]
    pub fn fails(&mut self, process: usize, at: f64) -> &mut Self {
        self.ends("History::fails", process, End::Failed, at)
    }

    #[track_caller]
    fn ends(&mut self, place: &str, process: usize, end: End<Reply>, at: f64) -> &mut Self {
        if let Err(error) = self.try_end(process, end, at) {
            panic!("{place}: {error}");
        }
        self
    }

    /// As [`History::returns`], [`History::times_out`] or [`History::fails`].
    ///
    /// # Errors
    /// If the process has no open operation, or time goes backwards.
    pub fn try_end(
        &mut self,
        process: usize,
        end: End<Reply>,
        at: f64,
    ) -> Result<(), HistoryError> {
        self.check_time(process, at)?;
        let Some(operation) = self.open.remove(&process) else {
            return Err(HistoryError::NotInvoked { process, at });
        };
        let kind = match end {
            End::Returned(_) => EventKind::Returned,
            End::TimedOut => EventKind::TimedOut,
            End::Failed => EventKind::Failed,
        };
        self.operations[operation].end = Some(end);
        self.operations[operation].ended = at;
        self.happens(Event { at, operation, kind });
        Ok(())
    }

    fn happens(&mut self, event: Event) {
        self.latest = event.at;
        self.events.push(event);
    }

    fn check_time(&self, process: usize, at: f64) -> Result<(), HistoryError> {
        if !at.is_finite() {
            return Err(HistoryError::NotATime { process, at });
        }
        if at < self.latest {
            return Err(HistoryError::Backwards { process, at, before: self.latest });
        }
        Ok(())
    }

    /// Gives an operation that was answered another reply.
    pub(super) fn replace_reply(&mut self, operation: usize, reply: Reply) {
        self.operations[operation].end = Some(End::Returned(reply));
    }

    /// What the open operation of a process asks for.
    pub(super) fn waits_for(&self, process: usize) -> Option<&Call> {
        self.open.get(&process).map(|&operation| &self.operations[operation].call)
    }
}

impl<Call: Display, Reply> History<Call, Reply> {
    /// A process begins an operation.
    ///
    /// # Panics
    /// If it has one open, or time goes backwards.
    #[track_caller]
    pub fn invoke(&mut self, process: usize, call: Call, at: f64) -> &mut Self {
        if let Err(error) = self.try_invoke(process, call, at) {
            panic!("History::invoke: {error}");
        }
        self
    }

    /// As [`History::invoke`].
    ///
    /// # Errors
    /// If the process has an operation open, or time goes backwards.
    pub fn try_invoke(&mut self, process: usize, call: Call, at: f64) -> Result<(), HistoryError> {
        self.check_time(process, at)?;
        if let Some(&open) = self.open.get(&process) {
            let open = &self.operations[open];
            return Err(HistoryError::Overlap {
                process,
                open: (open.call.to_string(), open.invoked),
                next: (call.to_string(), at),
            });
        }
        let operation = self.operations.len();
        self.open.insert(process, operation);
        self.operations.push(Operation {
            process,
            call,
            invoked: at,
            end: None,
            ended: f64::INFINITY,
        });
        self.happens(Event { at, operation, kind: EventKind::Invoked });
        Ok(())
    }

    /// A history of whole operations, in any order. One precedes another only if it ended before
    /// the other began: operations that touch are concurrent, except those of one process.
    ///
    /// # Errors
    /// If operations of a process overlap, one ends before it begins, or a time is not finite.
    pub fn of(mut operations: Vec<Operation<Call, Reply>>) -> Result<Self, HistoryError> {
        operations.sort_by(|a, b| {
            let by_time = a.invoked.total_cmp(&b.invoked).then(a.ended.total_cmp(&b.ended));
            a.process.cmp(&b.process).then(by_time)
        });
        // Beginnings and ends by time, rank, and index.
        let mut events = Vec::with_capacity(2 * operations.len());
        let (mut process, mut last, mut rank) = (usize::MAX, f64::NAN, 0u32);
        for (index, operation) in operations.iter().enumerate() {
            if operation.process != process {
                (process, last) = (operation.process, f64::NAN);
            }
            let end = operation.end.as_ref().map(|_| operation.ended);
            if let Some(at) = end.filter(|&at| at < operation.invoked) {
                return Err(HistoryError::Backwards { process, at, before: operation.invoked });
            }
            for (at, is_end) in [(Some(operation.invoked), false), (end, true)] {
                let Some(at) = at else { continue };
                // At one time begin those that can, then end those that do, then begin others of
                // the same processes, and so on: the ranks of beginnings are even.
                rank = if at == last { rank + 1 } else { u32::from(is_end) };
                last = at;
                events.push((at, rank, index, is_end));
            }
        }
        events.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let mut history = Self::new();
        let (mut calls, mut ends) = (vec![], vec![]);
        for operation in operations {
            calls.push(Some((operation.process, operation.call)));
            ends.push(operation.end.map(|end| (operation.process, end)));
        }
        for (at, _, index, is_end) in events {
            if is_end {
                let Some((process, end)) = ends[index].take() else { continue };
                history.try_end(process, end, at)?;
            } else {
                let Some((process, call)) = calls[index].take() else { continue };
                history.try_invoke(process, call, at)?;
            }
        }
        Ok(history)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_events_are_named() {
        let mut history: History<&str, &str> = History::new();
        history.invoke(1, "write 3", 0.5);
        let said = |error: Result<(), HistoryError>| error.unwrap_err().to_string();
        assert_eq!(
            said(history.try_invoke(1, "read", 1.0)),
            "process 1 invokes read at 1 while its write 3, invoked at 0.5, is open; a process has \
             one operation at a time: end the first before, or give the second to another process"
        );
        assert_eq!(
            said(history.try_end(2, End::Failed, 1.0)),
            "process 2 has no open operation that could end at 1; invoke one before"
        );
        assert!(
            said(history.try_end(1, End::TimedOut, 0.25)).starts_with(
                "process 1 has an event at 0.25, but what comes before it happened at"
            )
        );
        assert!(said(history.try_invoke(2, "read", f64::NAN)).contains("NaN, which is no time"));
        // Nothing of all that was taken in.
        assert_eq!((history.len(), history.events().len()), (1, 1));
    }

    #[test]
    #[should_panic(expected = "History::returns: process 0 has no open operation")]
    fn a_reply_to_nothing() {
        History::<&str, &str>::new().returns(0, "ok", 1.0);
    }

    #[test]
    fn a_process_that_timed_out_goes_on() {
        let mut history = History::new();
        history.invoke(0, "write 1", 0.0).times_out(0, 1.0).invoke(0, "read", 1.0);
        history.returns(0, "1", 2.0);
        let operations = history.operations();
        assert!(operations[0].is_pending() && !operations[1].is_pending());
        assert_eq!(operations[0].to_string(), "process 0: write 1 ? [0, ∞)");
        assert_eq!(operations[1].to_string(), "process 0: read → 1 [1, 2]");
    }

    #[test]
    fn whole_operations_in_any_order() {
        let touching = vec![
            Operation::new(1, "b", "ok", 1.0, 2.0),
            Operation::new(0, "c", "ok", 1.0, 1.0),
            Operation::new(0, "a", "ok", 0.0, 1.0),
            Operation::pending(0, "d", 1.0),
            Operation::new(0, "e", "ok", 1.0, 3.0),
        ];
        let history = History::of(touching).unwrap();
        let calls: Vec<&str> = history.operations().iter().map(|it| it.call).collect();
        assert_eq!(calls, ["a", "b", "c", "d", "e"]);
        let order = history.events().iter().map(|it| (it.operation, it.kind));
        use EventKind::{Invoked, Returned, TimedOut};
        let expected = [
            (0, Invoked),
            (1, Invoked),
            (0, Returned),
            (2, Invoked),
            (2, Returned),
            (3, Invoked),
            (3, TimedOut),
            (4, Invoked),
            (1, Returned),
            (4, Returned),
        ];
        assert_eq!(order.collect::<Vec<_>>(), expected);
        // Prefixes are what they would be if the rest had not happened.
        assert_eq!(history.prefix(10), history);
        let two = vec![
            Operation { end: None, ended: f64::INFINITY, ..history.operations()[1].clone() },
            history.operations()[0].clone(),
        ];
        assert_eq!(history.prefix(3), History::of(two).unwrap());
    }

    #[test]
    fn whole_operations_that_cannot_be() {
        let of = |operations| History::<&str, &str>::of(operations).unwrap_err().to_string();
        let overlapping =
            vec![Operation::new(4, "a", "ok", 0.0, 2.0), Operation::new(4, "b", "ok", 1.0, 3.0)];
        assert!(of(overlapping).starts_with("process 4 invokes b at 1 while its a, invoked at 0,"));
        let backwards = vec![Operation::new(4, "a", "ok", 2.0, 1.0)];
        assert!(of(backwards).contains("an event at 1, but what comes before it happened at 2"));
        let never = vec![Operation::new(4, "a", "ok", 0.0, f64::NAN)];
        assert!(of(never).contains("an event at NaN, which is no time"));
    }
}
