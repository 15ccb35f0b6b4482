//! The states and messages of commitment in phases.

/// How far a node is with the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// It has not voted, and may still abort by itself.
    Working,
    /// It has voted yes and does not know what others have voted: in doubt.
    Prepared,
    /// It knows that all have voted yes (three phases only).
    PreCommitted,
    /// Committed.
    Committed,
    /// Aborted.
    Aborted,
}

impl Stage {
    /// Whether it has decided.
    pub fn is_decided(self) -> bool {
        matches!(self, Self::Committed | Self::Aborted)
    }
}

/// A node: the coordinator, which is node 0, or a participant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CommitNode {
    /// How far it is. The coordinator is prepared from the beginning.
    pub stage: Stage,
    /// Whom it cannot reach any more, as bits.
    pub(super) gone: u8,
    /// Whom it follows: the coordinator, or a participant that has taken over.
    pub(super) leader: usize,
    /// From whom it waits for a vote, a state or an acknowledgement, as bits.
    pub(super) awaits: u8,
    /// Whether it has taken over, and waits for acknowledgements.
    pub(super) is_second: bool,
    /// What it has been told of others since it took over, the most telling first.
    pub(super) told: Told,
}

/// What a participant that has taken over knows of the stages of those it asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Told {
    pub committed: bool,
    pub aborted: bool,
    pub pre_committed: bool,
}

/// What nodes tell each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommitMessage {
    /// Vote.
    Prepare,
    /// I have prepared.
    Yes,
    /// I have aborted.
    No,
    /// All have voted yes.
    PreCommit,
    /// I know.
    Acknowledge,
    /// Commit.
    Commit,
    /// Abort.
    Abort,
    /// The coordinator is gone, I take over: how far are you?
    Ask,
    /// So far.
    Tell(Stage),
    /// The coordinator is gone, and it is you who take over: what is decided?
    Help,
}
