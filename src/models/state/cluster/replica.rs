//! What a protocol is to the simulation: a state machine with an outbox.

use super::outcome::Outcome;
use super::property::Property;
use super::run::{follow, run, several, trace};
use super::scenario::Scenario;
use super::schedule::Schedule;
use super::spacetime::SpaceTime;
use super::workload::Workload;
use crate::sim::Stream;
use crate::state::consistency::Specification;
use std::fmt::Debug;

/// A replica of a protocol: what it does when something reaches it. It knows no clock but its own,
/// no randomness but its outbox's, and reaches others by its outbox alone, so that a run can be
/// repeated.
pub trait Replica: Sized {
    /// The object that clients see, and by which their history is judged.
    type Object: Workload;
    /// What replicas tell each other.
    type Message: Clone + Debug;

    /// Says by a panic why it cannot work in a setting at all, if so: quorums of more nodes than
    /// there are, a time-out that is over before an answer can come. Every replica is asked before
    /// a run. By default any setting will do.
    fn check(&self, _setting: Setting) {}

    /// It begins, with an empty disk: timers are set here.
    fn start(&mut self, _out: &mut Outbox<Self>) {}

    /// A client asks. The reply, at any later time, names the request: `out.reply(request, ..)`.
    fn call(&mut self, request: Request, call: CallOf<Self>, out: &mut Outbox<Self>);

    /// A message arrives.
    fn message(&mut self, from: usize, message: Self::Message, out: &mut Outbox<Self>);

    /// A timer rings that it has set.
    fn timer(&mut self, _name: u64, _out: &mut Outbox<Self>) {}

    /// It comes back from a crash with its disk. What is not on disk must be forgotten here; by
    /// default all is on disk. Timers are gone. (After a crash that takes the disk, a new replica
    /// is started instead.)
    fn restart(&mut self, out: &mut Outbox<Self>) {
        self.start(out);
    }

    /// What must hold in every state of a run with so many nodes; a run in which something does
    /// not ends there, and says so. By default nothing is asked.
    fn properties(_nodes: usize) -> Vec<Box<dyn Property<Self>>> {
        vec![]
    }

    /// What a space-time diagram says of the replica, wherever it changes: "leader, term 3".
    fn label(&self) -> String {
        String::new()
    }

    /// The first runs of a scenario: replica k of each is `replica(k)`. The library's own
    /// protocols write it down again, with the same body: so it is compiled with them, at full
    /// speed, and not in the reader's cell.
    fn runs(
        scenario: &Scenario,
        replica: &(dyn Fn(usize) -> Self + Sync),
        runs: usize,
    ) -> Vec<Outcome<Self::Object>> {
        several(scenario, replica, runs)
    }

    /// One run, by its number. As [`Replica::runs`].
    fn run(
        scenario: &Scenario,
        replica: &dyn Fn(usize) -> Self,
        number: u64,
    ) -> Outcome<Self::Object> {
        run(scenario, replica, number)
    }

    /// One run, by its number, with all that happened in it. As [`Replica::runs`].
    fn trace(
        scenario: &Scenario,
        replica: &dyn Fn(usize) -> Self,
        number: u64,
    ) -> (Outcome<Self::Object>, SpaceTime) {
        trace(scenario, replica, number)
    }

    /// One run that takes the steps of a schedule: what came of it, its drawing if it is to be
    /// drawn, and the steps that it did take. As [`Replica::runs`].
    fn follow(
        schedule: &Schedule,
        replica: &dyn Fn(usize) -> Self,
        is_drawn: bool,
    ) -> (Outcome<Self::Object>, SpaceTime, Schedule) {
        follow(schedule, replica, is_drawn)
    }
}

/// Within an implementation of [`Replica`]: its runs are compiled here.
macro_rules! compiled_here {
    () => {
        fn runs(
            scenario: &$crate::state::cluster::Scenario,
            replica: &(dyn Fn(usize) -> Self + Sync),
            runs: usize,
        ) -> Vec<$crate::state::cluster::Outcome<Self::Object>> {
            $crate::state::cluster::several(scenario, replica, runs)
        }

        fn run(
            scenario: &$crate::state::cluster::Scenario,
            replica: &dyn Fn(usize) -> Self,
            number: u64,
        ) -> $crate::state::cluster::Outcome<Self::Object> {
            $crate::state::cluster::run(scenario, replica, number)
        }

        fn trace(
            scenario: &$crate::state::cluster::Scenario,
            replica: &dyn Fn(usize) -> Self,
            number: u64,
        ) -> ($crate::state::cluster::Outcome<Self::Object>, $crate::state::cluster::SpaceTime) {
            $crate::state::cluster::trace(scenario, replica, number)
        }

        fn follow(
            schedule: &$crate::state::cluster::Schedule,
            replica: &dyn Fn(usize) -> Self,
            is_drawn: bool,
        ) -> (
            $crate::state::cluster::Outcome<Self::Object>,
            $crate::state::cluster::SpaceTime,
            $crate::state::cluster::Schedule,
        ) {
            $crate::state::cluster::follow(schedule, replica, is_drawn)
        }
    };
}
pub(crate) use compiled_here;

/// In what a replica is to work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// How many nodes there are.
    pub nodes: usize,
    /// How long a message takes from one node to another and its answer back, on average, in
    /// milliseconds; between regions it may be more. 0 if there is only one node, or no mean.
    pub round_trip: f64,
}

impl Setting {
    /// For a time-out within which somebody is to be answered.
    ///
    /// # Panics
    /// If it is over before that, on average.
    #[track_caller]
    pub fn allows(&self, place: &str, what: &str, timeout: f64) {
        assert!(
            timeout > self.round_trip,
            "{place}: the {what} is {timeout} ms, but a message and its answer take {} ms on \
             average: it would be over before anybody can answer; give it more, or \
             Scenario::latency less",
            self.round_trip
        );
    }

    /// For quorums of so many nodes.
    ///
    /// # Panics
    /// If there are fewer.
    #[track_caller]
    pub fn has_quorums(&self, place: &str, size: usize) {
        assert!(
            size <= self.nodes,
            "{place}: a quorum is of {size} nodes, but there are {}: nothing would ever be \
             decided; give smaller quorums, or Scenario::nodes more",
            self.nodes
        );
    }
}

/// What clients ask of a protocol.
pub type CallOf<R> = <<R as Replica>::Object as Specification>::Call;
/// What they are answered.
pub type ReplyOf<R> = <<R as Replica>::Object as Specification>::Reply;

/// A client's request, by which its reply finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request(pub(super) usize);

/// Where a replica puts what it wants done.
#[derive(Debug)]
pub struct Outbox<R: Replica> {
    pub(super) node: usize,
    pub(super) nodes: usize,
    pub(super) now: f64,
    pub(super) random: Stream,
    pub(super) sends: Vec<(usize, R::Message)>,
    pub(super) replies: Vec<(Request, ReplyOf<R>)>,
    pub(super) refusals: Vec<Request>,
    pub(super) timers: Vec<(f64, u64)>,
}

impl<R: Replica> Outbox<R> {
    pub(super) fn new(nodes: usize, random: Stream) -> Self {
        let (sends, replies, refusals, timers) = (vec![], vec![], vec![], vec![]);
        Self { node: 0, nodes, now: 0.0, random, sends, replies, refusals, timers }
    }

    /// The number of this replica, from 0 on.
    pub fn node(&self) -> usize {
        self.node
    }

    /// How many replicas there are.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// How many are a majority.
    pub fn majority(&self) -> usize {
        self.nodes / 2 + 1
    }

    /// The replica's own clock, in milliseconds; it may be wrong.
    pub fn now(&self) -> f64 {
        self.now
    }

    /// Random numbers.
    pub fn random(&mut self) -> &mut Stream {
        &mut self.random
    }

    /// Sends a message. To itself it takes no time and is never lost.
    ///
    /// # Panics
    /// If there is no such replica.
    #[track_caller]
    pub fn send(&mut self, to: usize, message: R::Message) {
        assert!(
            to < self.nodes,
            "Outbox::send: there are {} replicas, numbered from 0, but the message is to {to}",
            self.nodes
        );
        self.sends.push((to, message));
    }

    /// Sends a message to all others.
    pub fn broadcast(&mut self, message: R::Message) {
        for to in (0..self.nodes).filter(|to| *to != self.node) {
            self.sends.push((to, message.clone()));
        }
    }

    /// Sends a message to all, itself included.
    pub fn to_all(&mut self, message: R::Message) {
        self.sends.extend((0..self.nodes).map(|to| (to, message.clone())));
    }

    /// Answers a request. A second answer, or one that comes too late, is not heard.
    pub fn reply(&mut self, request: Request, reply: ReplyOf<R>) {
        self.replies.push((request, reply));
    }

    /// Refuses a request: the client may be sure that nothing happened.
    pub fn refuse(&mut self, request: Request) {
        self.refusals.push(request);
    }

    /// Lets a timer ring after so many milliseconds of its own clock.
    ///
    /// # Panics
    /// If they are negative or not a number.
    #[track_caller]
    pub fn after(&mut self, delay: f64, name: u64) {
        assert!(
            delay >= 0.0,
            "Outbox::after: the delay must be a number of at least 0, in milliseconds, but it is \
             {delay}"
        );
        self.timers.push((delay, name));
    }
}
