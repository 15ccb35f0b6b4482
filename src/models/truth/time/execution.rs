//! Executions: what each process did, and what was told whom (Lamport, 1978).

use super::clocks::LogicalClock;
use super::order::{HappensBefore, StampOrder};
use crate::state::cluster::{Arrow, LocalEvent, SpaceTime};
use std::fmt::Display;

/// An execution of processes that pass messages, written down event by event in the order of time.
/// Each process has a clock of its own, which may be wrong.
///
/// ```
/// # use pillars_models::truth::time::*;
/// let mut run = Execution::of(2);
/// run.acts(0, 1.0);
/// let message = run.sends(0, 1, 2.0);
/// run.receives(message, 5.0);
/// assert_eq!(run.stamp(|_| LamportClock::new()), [1, 2, 3]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    processes: usize,
    /// Of each clock, by how many milliseconds it is ahead, and how much faster it runs.
    clocks: Vec<(f64, f64)>,
    events: Vec<ProcessEvent>,
    messages: Vec<Passed>,
}

/// Something that a process did.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessEvent {
    /// Which process, from 0 on.
    pub process: usize,
    /// When, in true time.
    pub time: f64,
    /// What its clock showed.
    pub clock: f64,
    /// What it did.
    pub action: Action,
}

/// What a process did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Something that concerns no other.
    Acts,
    /// It sent a message, by its number.
    Sends(usize),
    /// It received a message, by its number.
    Receives(usize),
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// The event by which it was sent.
    pub sent: usize,
    /// To which process.
    pub to: usize,
    /// The event by which it was received; nothing if it was lost.
    pub received: Option<usize>,
}

impl Execution {
    /// So many processes, numbered from 0, with perfect clocks, and nothing that happens.
    ///
    /// # Panics
    /// If there are none, or more than 1,000.
    #[track_caller]
    pub fn of(processes: usize) -> Self {
        assert!(
            (1..=1000).contains(&processes),
            "Execution::of: there must be from 1 to 1000 processes, but there are {processes}"
        );
        let clocks = vec![(0.0, 0.0); processes];
        Self { processes, clocks, events: vec![], messages: vec![] }
    }

    /// A process's clock is ahead by so many milliseconds, and gains so many in each (0.001 is
    /// a millisecond a second). To be said before anything happens.
    ///
    /// # Panics
    /// If there is no such process, or the clock would stand still, or something has happened.
    #[track_caller]
    pub fn clock(mut self, process: usize, ahead: f64, drift: f64) -> Self {
        const PLACE: &str = "Execution::clock";
        self.check_process(PLACE, process);
        assert!(
            ahead.is_finite() && drift > -1.0 && drift.is_finite(),
            "{PLACE}: the clock must be ahead by a number, and its drift must be above -1, but \
             they are {ahead} and {drift}"
        );
        assert!(
            self.events.is_empty(),
            "{PLACE}: {} events have been written down by other clocks; set the clocks first",
            self.events.len()
        );
        self.clocks[process] = (ahead, drift);
        self
    }

    /// A process does something that concerns no other. Returns the event's number.
    ///
    /// # Panics
    /// If there is no such process, or time goes backwards.
    #[track_caller]
    pub fn acts(&mut self, process: usize, time: f64) -> usize {
        self.happens("Execution::acts", process, time, Action::Acts)
    }

    /// A process sends a message to another. Returns the message's number.
    ///
    /// # Panics
    /// If there are no such processes, or it sends to itself, or time goes backwards.
    #[track_caller]
    pub fn sends(&mut self, process: usize, to: usize, time: f64) -> usize {
        const PLACE: &str = "Execution::sends";
        self.check_process(PLACE, to);
        assert!(
            process != to,
            "{PLACE}: process {process} sends to itself; let it act instead, messages are between \
             two processes"
        );
        let message = self.messages.len();
        let sent = self.happens(PLACE, process, time, Action::Sends(message));
        self.messages.push(Passed { sent, to, received: None });
        message
    }

    /// A message arrives at the process that it was sent to. Returns the event's number.
    ///
    /// # Panics
    /// If there is no such message, it has arrived already, or time goes backwards.
    #[track_caller]
    pub fn receives(&mut self, message: usize, time: f64) -> usize {
        const PLACE: &str = "Execution::receives";
        let Some(&Passed { to, received, .. }) = self.messages.get(message) else {
            panic!(
                "{PLACE}: {} messages were sent, numbered from 0, but number {message} arrives; \
                 give what `sends` returned",
                self.messages.len()
            )
        };
        assert!(received.is_none(), "{PLACE}: message {message} has arrived already");
        let event = self.happens(PLACE, to, time, Action::Receives(message));
        self.messages[message].received = Some(event);
        event
    }

    #[track_caller]
    fn happens(&mut self, place: &str, process: usize, time: f64, action: Action) -> usize {
        self.check_process(place, process);
        let latest = self.events.last().map_or(f64::NEG_INFINITY, |event| event.time);
        assert!(
            time.is_finite() && time >= latest,
            "{place}: events are written down in the order of time, but {time} comes after {latest}"
        );
        let clock = self.reading(process, time);
        self.events.push(ProcessEvent { process, time, clock, action });
        self.events.len() - 1
    }

    #[track_caller]
    fn check_process(&self, place: &str, process: usize) {
        assert!(
            process < self.processes,
            "{place}: there are {} processes, numbered from 0, but process {process} is named",
            self.processes
        );
    }

    /// How many processes there are.
    pub fn processes(&self) -> usize {
        self.processes
    }

    /// What happened, in the order of time.
    pub fn events(&self) -> &[ProcessEvent] {
        &self.events
    }

    /// The messages, in the order in which they were sent.
    pub fn messages(&self) -> &[Passed] {
        &self.messages
    }

    /// What a process's clock shows at a true time.
    fn reading(&self, process: usize, time: f64) -> f64 {
        let (ahead, drift) = self.clocks[process];
        time + ahead + drift * time
    }

    /// What the clocks of the processes showed at each event.
    pub fn readings(&self) -> Vec<f64> {
        self.events.iter().map(|event| event.clock).collect()
    }

    /// By how much two of the clocks differed at most, in milliseconds, from 0 to the last event.
    pub fn greatest_skew(&self) -> f64 {
        let last = self.events.last().map_or(0.0, |event| event.time);
        // Differences are linear in time: the greatest is at an end.
        let apart = |time: f64| {
            let shown = || (0..self.processes).map(|process| self.reading(process, time));
            shown().fold(f64::NEG_INFINITY, f64::max) - shown().fold(f64::INFINITY, f64::min)
        };
        apart(0.0).max(apart(last))
    }

    /// The stamp of each event by a clock of the reader's choice: `clock(k)` is that of process k.
    /// A message carries the stamp of its sending.
    pub fn stamp<C: LogicalClock>(&self, clock: impl Fn(usize) -> C) -> Vec<C::Stamp> {
        let mut clocks: Vec<C> = (0..self.processes).map(clock).collect();
        let mut stamps: Vec<C::Stamp> = Vec::with_capacity(self.events.len());
        for event in &self.events {
            let clock = &mut clocks[event.process];
            let stamp = match event.action {
                Action::Acts | Action::Sends(_) => clock.tick(event.clock),
                Action::Receives(message) => {
                    clock.receive(&stamps[self.messages[message].sent], event.clock)
                }
            };
            stamps.push(stamp);
        }
        stamps
    }

    /// The longest time between two events with one stamp, in milliseconds; 0 if all differ.
    ///
    /// # Panics
    /// If there is not one stamp for each event.
    #[track_caller]
    pub fn longest_tie<T: PartialEq>(&self, stamps: &[T]) -> f64 {
        assert!(
            stamps.len() == self.events.len(),
            "Execution::longest_tie: there are {} events and {} stamps; give one for each event",
            self.events.len(),
            stamps.len()
        );
        let first = |last: usize| stamps.iter().position(|stamp| *stamp == stamps[last]);
        let since = |last: usize| {
            first(last).map_or(0.0, |first| self.events[last].time - self.events[first].time)
        };
        (0..stamps.len()).map(since).fold(0.0, f64::max)
    }

    /// Which event happened before which.
    ///
    /// # Panics
    /// If there are more than 10,000 events: all pairs are held.
    #[track_caller]
    pub fn happens_before(&self) -> HappensBefore {
        HappensBefore::of(self)
    }

    /// Whether stamps order events as happened-before does, over all pairs of events.
    ///
    /// # Panics
    /// If there is not one stamp for each event, or as [`Execution::happens_before`].
    #[track_caller]
    pub fn compare<T: PartialOrd>(&self, stamps: &[T]) -> StampOrder {
        assert!(
            stamps.len() == self.events.len(),
            "Execution::compare: there are {} events and {} stamps; give one for each event",
            self.events.len(),
            stamps.len()
        );
        StampOrder::of(&self.happens_before(), stamps)
    }

    /// How many events of each process are done at these times, one for each process: a cut.
    ///
    /// # Panics
    /// If there is not one time for each process.
    #[track_caller]
    pub fn cut_at(&self, times: &[f64]) -> Vec<usize> {
        self.check_cut("Execution::cut_at", times.len());
        let mut cut = vec![0; self.processes];
        for event in &self.events {
            cut[event.process] += usize::from(event.time <= times[event.process]);
        }
        cut
    }

    /// Whether a cut, the number of events of each process in it, is consistent: with an event, all
    /// that happened before it is in the cut (Chandy and Lamport, 1985; Mattern, 1988).
    ///
    /// # Panics
    /// If there is not one number for each process, or as [`Execution::happens_before`].
    #[track_caller]
    pub fn is_consistent(&self, cut: &[usize]) -> bool {
        let within = self.within("Execution::is_consistent", cut);
        let before = self.happens_before();
        let events = 0..self.events.len();
        events
            .clone()
            .filter(|&b| within[b])
            .all(|b| events.clone().all(|a| within[a] || !before.precedes(a, b)))
    }

    /// The messages that were sent in a cut and received after it or never: what is under way.
    ///
    /// # Panics
    /// If there is not one number for each process.
    #[track_caller]
    pub fn under_way(&self, cut: &[usize]) -> Vec<usize> {
        let within = self.within("Execution::under_way", cut);
        let crosses = |passed: &Passed| {
            within[passed.sent] && !passed.received.is_some_and(|event| within[event])
        };
        (0..self.messages.len()).filter(|&message| crosses(&self.messages[message])).collect()
    }

    /// Of each event whether it is in a cut.
    #[track_caller]
    fn within(&self, place: &str, cut: &[usize]) -> Vec<bool> {
        self.check_cut(place, cut.len());
        let mut seen = vec![0; self.processes];
        let mut is_within = |event: &ProcessEvent| {
            seen[event.process] += 1;
            seen[event.process] <= cut[event.process]
        };
        self.events.iter().map(&mut is_within).collect()
    }

    #[track_caller]
    fn check_cut(&self, place: &str, count: usize) {
        assert!(
            count == self.processes,
            "{place}: a cut has one number for each of the {} processes, but there are {count}",
            self.processes
        );
    }

    /// The execution as a space-time diagram, with a stamp beside each event.
    ///
    /// # Panics
    /// If there is not one stamp for each event.
    #[track_caller]
    pub fn space_time<T: Display>(&self, stamps: &[T]) -> SpaceTime {
        assert!(
            stamps.len() == self.events.len(),
            "Execution::space_time: there are {} events and {} stamps; give one for each event",
            self.events.len(),
            stamps.len()
        );
        let event = |(event, stamp): (&ProcessEvent, &T)| LocalEvent {
            process: event.process,
            time: event.time,
            label: stamp.to_string(),
            is_marked: false,
        };
        let arrow = |message: &Passed| Arrow {
            from: self.events[message.sent].process,
            sent: self.events[message.sent].time,
            to: message.to,
            arrived: message.received.map(|event| self.events[event].time),
            lost: message.received.is_none().then(|| self.events[message.sent].time),
            label: String::new(),
        };
        SpaceTime {
            processes: (0..self.processes).map(|process| format!("process {process}")).collect(),
            events: self.events.iter().zip(stamps).map(event).collect(),
            messages: self.messages.iter().map(arrow).collect(),
            whiles: vec![],
        }
    }
}
