//! What may be wrong with an implementation of Paxos.

/// A mistake that one might make in writing Paxos. Each breaks agreement, though not in every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaxosFlaw {
    /// An acceptor that comes back from a crash has forgotten which ballots it promised to refuse.
    ForgetsPromises,
    /// An acceptor that comes back from a crash has forgotten that, and what it accepted.
    ForgetsAccepted,
    /// A proposer that has its promises proposes its own value, whatever was accepted before.
    IgnoresAccepted,
    /// A proposer takes over the accepted value that it heard of last, not that of the highest
    /// ballot.
    TakesAnyAccepted,
    /// A proposer counts answers, not who answers: one that arrives twice counts as two.
    CountsTwice,
}
