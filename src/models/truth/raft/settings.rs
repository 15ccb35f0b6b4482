//! How a replica is set up: the variants of the protocol that are sound.

use super::members::Nodes;
use super::replica::Raft;
use crate::number::positive;
use crate::state::cluster::Setting;

/// How it is set up.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub timeouts: (f64, f64),
    pub heartbeat: f64,
    pub pre_vote: bool,
    pub reads: Reads,
    pub snapshot_every: Option<u64>,
    pub batch: usize,
    pub begins_with_nothing: bool,
    pub first_leader: Option<usize>,
    pub voters: Option<Nodes>,
    /// From when on which nodes are to vote.
    pub plan: Vec<(f64, Nodes)>,
    pub broken: Broken,
}

/// How a leader answers reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reads {
    /// As other commands, through the log.
    Logged,
    /// From its store, after a round of heartbeats.
    Confirmed,
    /// From its store, as long as its followers' time-out cannot have passed: so many times as
    /// much as by its clock may have passed by another's.
    Leased(f64),
    /// From its store, at once: broken.
    Unchecked,
}

/// What is left out on purpose.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Broken {
    pub quorum_short: usize,
    pub counts_earlier_terms: bool,
    pub forgets_votes: bool,
    pub ignores_logs: bool,
    pub applies_twice: bool,
    pub changes_at_once: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeouts: (150.0, 300.0),
            heartbeat: 50.0,
            pre_vote: false,
            reads: Reads::Logged,
            snapshot_every: None,
            batch: 100,
            begins_with_nothing: true,
            first_leader: None,
            voters: None,
            plan: vec![],
            broken: Broken::default(),
        }
    }
}

impl Settings {
    /// Whether a node that hears from a leader keeps its vote for itself.
    pub fn is_loyal(&self) -> bool {
        self.pre_vote || matches!(self.reads, Reads::Leased(_)) || !self.plan.is_empty()
    }

    /// Who is to vote at a time, if that was planned.
    pub fn planned(&self, now: f64) -> Option<Nodes> {
        let due = self.plan.iter().filter(|(at, _)| *at <= now);
        due.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, nodes)| *nodes)
    }

    /// What does not go together is told before a run.
    #[track_caller]
    pub fn check(&self, setting: Setting) {
        let Setting { nodes, .. } = setting;
        let (low, high) = self.timeouts;
        assert!(
            nodes <= Nodes::MOST,
            "Raft: there may be at most {} nodes, but there are {nodes}; give Scenario::nodes \
             fewer",
            Nodes::MOST
        );
        assert!(
            self.heartbeat < low,
            "Raft: election time-outs begin at {low} ms and heartbeats come every {} ms, so that \
             followers would depose every leader; give Raft::timeouts more or Raft::heartbeat less",
            self.heartbeat
        );
        setting.allows("Raft::timeouts", "longest election time-out", high);
        let named = self.plan.iter().map(|(_, nodes)| *nodes).chain(self.voters);
        if let Some(node) = named.flat_map(Nodes::iter).find(|node| *node >= nodes) {
            panic!(
                "Raft: there are {nodes} nodes, numbered from 0, but node {node} is to be a member"
            );
        }
    }
}

/// Sound variants.
impl Raft {
    /// The range of election time-outs, in milliseconds by a node's own clock; each is drawn
    /// evenly from it. Two equal numbers: no randomness.
    ///
    /// # Panics
    /// If they are not positive numbers, the first at most the second. A scenario panics too if
    /// the first is not above the time between heartbeats.
    #[track_caller]
    pub fn timeouts(mut self, low: f64, high: f64) -> Self {
        assert!(
            low > 0.0 && low <= high && high.is_finite(),
            "Raft::timeouts: the range must be of positive numbers, the lower first, in \
             milliseconds, but it is from {low} to {high}; give 150 and 300, say"
        );
        self.settings.timeouts = (low, high);
        self
    }

    /// The time between a leader's heartbeats, in milliseconds.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn heartbeat(mut self, time: f64) -> Self {
        self.settings.heartbeat = positive("Raft::heartbeat", "time between heartbeats", time);
        self
    }

    /// Before a node stands for election it asks whether it would win, and whoever hears from
    /// a leader says no: one that was cut off does not depose the leader when it comes back
    /// (Ongaro 2014, section 9.6).
    pub fn pre_vote(mut self) -> Self {
        self.settings.pre_vote = true;
        self
    }

    /// Reads do not go through the log: the leader answers them from its store, after a round of
    /// heartbeats by which it knows that it still leads (Ongaro 2014, section 6.4).
    pub fn confirmed_reads(mut self) -> Self {
        self.settings.reads = Reads::Confirmed;
        self
    }

    /// The leader answers reads from its store without asking anybody as long as it holds
    /// a lease: from the sending of heartbeats that a majority answered, for the least election
    /// time-out divided by `drift_bound`. That is right if no clock runs faster than that many
    /// times any other (Ongaro 2014, section 6.4.1). Without a lease it asks, as in
    /// [`Raft::confirmed_reads`]. Whoever hears from a leader does not vote.
    ///
    /// # Panics
    /// If the bound is not a number of at least 1.
    #[track_caller]
    pub fn leases(mut self, drift_bound: f64) -> Self {
        assert!(
            drift_bound >= 1.0 && drift_bound.is_finite(),
            "Raft::leases: the bound is how many times as fast as another a clock may run, at \
             least 1, but it is {drift_bound}; give 1.01 for one percent"
        );
        self.settings.reads = Reads::Leased(drift_bound);
        self
    }

    /// After every so many entries that it has applied, a node makes a snapshot, and forgets the
    /// entries up to the one before. Who lacks them is sent the snapshot (Ongaro 2014, chapter 5).
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn snapshots(mut self, every: usize) -> Self {
        assert!(
            every >= 1,
            "Raft::snapshots: a snapshot holds at least 1 entry, but one is to be made after \
             every 0; give 100, say"
        );
        self.settings.snapshot_every = Some(every as u64);
        self
    }

    /// A message has at most so many entries; as made, 100.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn batch(mut self, most: usize) -> Self {
        assert!(
            most >= 1,
            "Raft::batch: a message must have room for at least 1 entry, but it has for 0"
        );
        self.settings.batch = most;
        self
    }

    /// A new leader does not begin its term with an entry of its own. What earlier terms left
    /// then waits until a client asks for something (and reads that do not go through the log
    /// wait too).
    pub fn without_first_entry(mut self) -> Self {
        self.settings.begins_with_nothing = false;
        self
    }

    /// This node stands for election as soon as it starts, so that it is the first leader.
    pub fn led_by(mut self, node: usize) -> Self {
        self.settings.first_leader = Some(node);
        self
    }

    /// Only these nodes are members at first; the others wait to be.
    ///
    /// # Panics
    /// If there are none, or one of them is above 63. A scenario panics too if it has no such
    /// node.
    #[track_caller]
    pub fn members_at_first(mut self, nodes: &[usize]) -> Self {
        self.settings.voters = Some(named("Raft::members_at_first", nodes));
        self
    }

    /// From a time on, in milliseconds by its clock, the leader changes the members to these, by
    /// joint consensus (Ongaro 2014, section 4.3). Whoever hears from a leader does not vote:
    /// those who are no longer members cannot disturb.
    ///
    /// # Panics
    /// If the time is not a number of at least 0; if there are no nodes, or one of them is above
    /// 63. A scenario panics too if it has no such node.
    #[track_caller]
    pub fn change_members(mut self, at: f64, nodes: &[usize]) -> Self {
        assert!(
            at >= 0.0 && at.is_finite(),
            "Raft::change_members: the time must be a number of at least 0, in milliseconds, but \
             it is {at}"
        );
        self.settings.plan.push((at, named("Raft::change_members", nodes)));
        self
    }
}

#[track_caller]
fn named(place: &str, nodes: &[usize]) -> Nodes {
    assert!(
        !nodes.is_empty(),
        "{place}: there must be at least 1 member; give some, as in &[0, 1, 2]"
    );
    if let Some(node) = nodes.iter().find(|node| **node >= Nodes::MOST) {
        panic!("{place}: nodes are numbered from 0 to {}, but one is {node}", Nodes::MOST - 1);
    }
    Nodes::of(nodes)
}
