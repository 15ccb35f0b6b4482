//! Two-phase commit (Gray, 1978) and three-phase commit (Skeen, 1981) message by message, with the
//! termination protocol by which participants go on without their coordinator (Skeen 1981, section
//! 6; Bernstein, Hadzilacos and Goodman 1987, sections 7.4 and 7.5).

use super::node::{CommitMessage, CommitNode, Stage, Told};
use crate::truth::explore::{
    Condition, Envelope, GlobalOf, Protocol, Sends, network_explored_here,
};

/// Commitment in two or three phases: node 0 coordinates, the others take part and vote yes unless
/// they are told otherwise. A participant finds out that a node cannot be reached only when that is
/// so, and when nothing of it is under way: failures are detected perfectly, and between messages
/// time-outs are long enough. When all before it are gone, a participant takes over, asks those
/// that it can reach how far they are, and decides if it can; the others ask it what it knows.
#[derive(Clone, Copy, Debug)]
pub struct Phases {
    participants: usize,
    is_three: bool,
    refuses: Option<usize>,
    guesses: bool,
}

type Node = CommitNode;
type Outgoing = Sends<CommitMessage>;

impl Phases {
    /// Two-phase commit among so many participants.
    ///
    /// # Panics
    /// If there are none, or more than 6.
    #[track_caller]
    pub fn two(participants: usize) -> Self {
        Self::new("Phases::two", participants, false)
    }

    /// Three-phase commit among so many participants.
    ///
    /// # Panics
    /// If there are none, or more than 6.
    #[track_caller]
    pub fn three(participants: usize) -> Self {
        Self::new("Phases::three", participants, true)
    }

    #[track_caller]
    fn new(place: &str, participants: usize, is_three: bool) -> Self {
        assert!(
            (1..=6).contains(&participants),
            "{place}: there must be from 1 to 6 participants, but there are {participants}; a \
             search through more would not end"
        );
        Self { participants, is_three, refuses: None, guesses: false }
    }

    /// This participant votes no.
    ///
    /// # Panics
    /// If there is no such participant; they are numbered from 1.
    #[track_caller]
    pub fn refuses(self, participant: usize) -> Self {
        assert!(
            (1..=self.participants).contains(&participant),
            "Phases::refuses: participants are numbered from 1 to {}, but {participant} is named",
            self.participants
        );
        Self { refuses: Some(participant), ..self }
    }

    /// A broken two-phase commit: a participant that took over and knows of nobody who has decided
    /// aborts, instead of waiting.
    pub fn guesses(self) -> Self {
        Self { guesses: true, ..self }
    }

    /// Whether nobody has committed while another has aborted, nodes that are down included.
    pub fn is_atomic(state: &GlobalOf<Self>) -> bool {
        let some = |stage: Stage| state.nodes.iter().any(|node| node.stage == stage);
        !(some(Stage::Committed) && some(Stage::Aborted))
    }

    /// Whether every node that is not down has decided.
    pub fn nobody_in_doubt(state: &GlobalOf<Self>) -> bool {
        let mut nodes = state.nodes.iter().zip(&state.down);
        nodes.all(|(node, down)| *down || node.stage.is_decided())
    }

    fn others(&self, node: &Node, me: usize) -> impl Iterator<Item = usize> {
        let gone = node.gone;
        (0..=self.participants).filter(move |it| *it != me && gone & 1 << it == 0)
    }

    fn decides(&self, node: &mut Node, me: usize, commits: bool, sends: &mut Outgoing) {
        node.stage = if commits { Stage::Committed } else { Stage::Aborted };
        (node.awaits, node.is_second) = (0, false);
        if node.leader == me {
            let message = if commits { CommitMessage::Commit } else { CommitMessage::Abort };
            sends.to_each(self.others(node, me), message);
        } else {
            // Whoever took over may wait for just this.
            sends.send(node.leader, CommitMessage::Tell(node.stage));
        }
        node.told = Told::default();
    }

    /// The leader has heard all that it waited for.
    fn goes_on(&self, node: &mut Node, me: usize, sends: &mut Outgoing) {
        if node.leader != me || node.awaits != 0 || node.stage.is_decided() {
            return;
        }
        if me == 0 {
            match node.stage {
                Stage::Prepared if self.is_three => self.pre_commits(node, me, sends),
                _ => self.decides(node, me, true, sends),
            }
            return;
        }
        let all_in_doubt = node.stage == Stage::Prepared && !node.told.pre_committed;
        if node.told.committed || node.told.aborted {
            self.decides(node, me, node.told.committed, sends);
        } else if node.is_second {
            self.decides(node, me, true, sends);
        } else if !all_in_doubt {
            self.pre_commits(node, me, sends);
        } else if self.is_three || self.guesses {
            self.decides(node, me, false, sends);
        }
    }

    fn pre_commits(&self, node: &mut Node, me: usize, sends: &mut Outgoing) {
        (node.stage, node.is_second) = (Stage::PreCommitted, true);
        let to: Vec<usize> = self.others(node, me).filter(|it| *it > me).collect();
        node.awaits = to.iter().fold(0, |bits, it| bits | 1 << it);
        sends.to_each(to, CommitMessage::PreCommit);
        self.goes_on(node, me, sends);
    }

    fn takes_over(&self, node: &mut Node, me: usize, sends: &mut Outgoing) {
        node.leader = me;
        if node.stage == Stage::Working {
            return self.decides(node, me, false, sends);
        }
        let to: Vec<usize> = self.others(node, me).filter(|it| *it > me).collect();
        node.awaits = to.iter().fold(0, |bits, it| bits | 1 << it);
        sends.to_each(to, CommitMessage::Ask);
        self.goes_on(node, me, sends);
    }
}

impl Protocol for Phases {
    type Node = CommitNode;
    type Message = CommitMessage;
    type Seen = ();

    network_explored_here!();

    fn nodes(&self) -> usize {
        self.participants + 1
    }

    fn start(&self, node: usize, sends: &mut Outgoing) -> Node {
        let (mut stage, mut awaits) = (Stage::Working, 0);
        if node == 0 {
            stage = Stage::Prepared;
            sends.to_each(1..=self.participants, CommitMessage::Prepare);
            awaits = (1..=self.participants).fold(0, |bits, it| bits | 1 << it);
        }
        Node { stage, gone: 0, leader: 0, awaits, is_second: false, told: Told::default() }
    }

    fn receive(
        &self,
        me: usize,
        state: &Node,
        envelope: &Envelope<CommitMessage>,
        sends: &mut Outgoing,
    ) -> Option<Node> {
        let mut node = state.clone();
        let (from, bit) = (envelope.from, 1u8 << envelope.from);
        let is_leading = node.leader == me && node.awaits & bit != 0;
        let is_open = !node.stage.is_decided();
        match envelope.message {
            // It waits until there is an answer.
            CommitMessage::Help if is_open => return None,
            CommitMessage::Help => {
                let commits = node.stage == Stage::Committed;
                sends
                    .send(from, if commits { CommitMessage::Commit } else { CommitMessage::Abort });
            }
            CommitMessage::Prepare if node.stage == Stage::Working && node.leader == from => {
                if self.refuses == Some(me) {
                    node.stage = Stage::Aborted;
                    sends.send(from, CommitMessage::No);
                } else {
                    node.stage = Stage::Prepared;
                    sends.send(from, CommitMessage::Yes);
                }
            }
            CommitMessage::Yes if is_leading && is_open => {
                node.awaits &= !bit;
                self.goes_on(&mut node, me, sends);
            }
            CommitMessage::No if is_leading && is_open => {
                self.decides(&mut node, me, false, sends);
            }
            CommitMessage::PreCommit if node.leader == from && is_open => {
                node.stage = Stage::PreCommitted;
                sends.send(from, CommitMessage::Acknowledge);
            }
            CommitMessage::Acknowledge if is_leading && node.is_second => {
                node.awaits &= !bit;
                self.goes_on(&mut node, me, sends);
            }
            CommitMessage::Commit if is_open => {
                node.leader = if node.leader == me { me } else { node.leader.max(from) };
                self.is_told(&mut node, me, from, true, sends);
            }
            CommitMessage::Abort if is_open => {
                node.leader = if node.leader == me { me } else { node.leader.max(from) };
                self.is_told(&mut node, me, from, false, sends);
            }
            CommitMessage::Ask if from > node.leader || node.leader == 0 => {
                node.leader = from;
                if node.stage == Stage::Working {
                    node.stage = Stage::Aborted;
                }
                sends.send(from, CommitMessage::Tell(node.stage));
            }
            CommitMessage::Tell(stage) if node.leader == me && is_open => {
                match stage {
                    Stage::Committed => node.told.committed = true,
                    Stage::Aborted => node.told.aborted = true,
                    Stage::PreCommitted => node.told.pre_committed = true,
                    Stage::Working | Stage::Prepared => {}
                }
                // A decision settles it, whoever else is still to answer.
                node.awaits = if stage.is_decided() { 0 } else { node.awaits & !bit };
                self.goes_on(&mut node, me, sends);
            }
            _ => {}
        }
        Some(node)
    }

    fn lost(&self, me: usize, state: &Node, other: usize, sends: &mut Outgoing) -> Option<Node> {
        let bit = 1u8 << other;
        if state.gone & bit != 0 || state.stage.is_decided() {
            return None;
        }
        let mut node = state.clone();
        node.gone |= bit;
        if node.leader == me {
            let is_unheard = node.awaits & bit != 0;
            node.awaits &= !bit;
            if me == 0 && node.stage == Stage::Prepared && is_unheard {
                // A vote will never come.
                self.decides(&mut node, me, false, sends);
            } else if is_unheard {
                self.goes_on(&mut node, me, sends);
            }
        } else if let Some(next) = (0..=me).find(|it| node.gone & 1 << it == 0)
            && other < next
        {
            // All before the next in line are gone.
            if next == me {
                self.takes_over(&mut node, me, sends);
            } else {
                sends.send(next, CommitMessage::Help);
            }
        }
        Some(node)
    }

    fn conditions(&self) -> Vec<Condition<'_, GlobalOf<Self>>> {
        vec![Condition::always("atomic", Self::is_atomic)]
    }

    fn name(&self, node: usize) -> String {
        if node == 0 { "coordinator".to_owned() } else { format!("participant {node}") }
    }

    fn label(&self, node: &Node) -> String {
        match node.stage {
            Stage::Working => "working",
            Stage::Prepared => "in doubt",
            Stage::PreCommitted => "pre-committed",
            Stage::Committed => "committed",
            Stage::Aborted => "aborted",
        }
        .to_owned()
    }

    fn message_label(&self, message: &CommitMessage) -> String {
        match message {
            CommitMessage::Tell(stage) => format!("{stage:?}").to_lowercase(),
            CommitMessage::PreCommit => "pre-commit".to_owned(),
            other => format!("{other:?}").to_lowercase(),
        }
    }
}

impl Phases {
    /// A node learns the decision from another.
    fn is_told(
        &self,
        node: &mut Node,
        me: usize,
        from: usize,
        commits: bool,
        sends: &mut Outgoing,
    ) {
        if node.leader == from {
            node.stage = if commits { Stage::Committed } else { Stage::Aborted };
            (node.awaits, node.is_second, node.told) = (0, false, Told::default());
        } else {
            self.decides(node, me, commits, sends);
        }
    }
}
