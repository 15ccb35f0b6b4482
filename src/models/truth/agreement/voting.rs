//! Small protocols of consensus on one bit, by which votes they wait for.

/// No value: a vote of those who saw no majority.
pub(super) const NEITHER: u8 = 2;

/// A protocol of consensus on one bit among n processes. Each tells all others its value, waits for
/// votes, its own included, and goes on; f is the largest number of crashes below n / 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Voting {
    /// It waits for the values of all, and decides for the majority, for 0 if there is none. It
    /// waits for ever for a process that has crashed.
    All,
    /// It waits for the values of all but one, and decides for the majority, for 0 if there is
    /// none. Those who wait for different ones may disagree.
    AllButOne,
    /// Ben-Or's rounds without his coin. Of n - f reported values a process proposes the one that
    /// more than n / 2 processes reported, if there is one; of n - f proposals it adopts a value
    /// that is proposed, and decides it if more than f propose it; where nothing is proposed it
    /// takes 0.
    Rounds,
    /// The same with a coin: where nothing is proposed it takes what that shows (Ben-Or, 1983).
    Coin,
    /// A broken one, with a coin too: a single proposal is enough for it to decide. Others may not
    /// have heard of that, and toss.
    Hasty,
}

/// What a process does after a phase.
pub(super) struct Next {
    /// Its value, and its vote in the next phase.
    pub value: u8,
    pub vote: u8,
    pub decides: Option<u8>,
    /// A coin was tossed for the value.
    pub is_tossed: bool,
}

impl Voting {
    /// How many votes, its own included, a process waits for.
    pub(super) const fn waits_for(self, nodes: usize) -> usize {
        match self {
            Self::All => nodes,
            Self::AllButOne => nodes - 1,
            Self::Rounds | Self::Coin | Self::Hasty => nodes - (nodes - 1) / 2,
        }
    }

    /// The phases of a round.
    pub(super) const fn phases(self) -> u32 {
        match self {
            Self::All | Self::AllButOne => 1,
            Self::Rounds | Self::Coin | Self::Hasty => 2,
        }
    }

    /// Whether a process goes on after its first round.
    pub(super) const fn has_rounds(self) -> bool {
        matches!(self, Self::Rounds | Self::Coin | Self::Hasty)
    }

    /// What follows from the votes of a phase: so many for 0 and for 1.
    pub(super) fn next(
        self,
        phase: u32,
        nodes: usize,
        votes: [usize; 2],
        own: u8,
        coin: impl FnOnce() -> u8,
    ) -> Next {
        let [zeros, ones] = votes;
        if !self.has_rounds() {
            let value = u8::from(ones > zeros);
            return Next { value, vote: value, decides: Some(value), is_tossed: false };
        }
        let leading = u8::from(ones > zeros);
        let most = zeros.max(ones);
        if phase.is_multiple_of(2) {
            let vote = if 2 * most > nodes { leading } else { NEITHER };
            return Next { value: own, vote, decides: None, is_tossed: false };
        }
        let is_tossed = most == 0 && self != Self::Rounds;
        let value = match most {
            0 if is_tossed => coin(),
            0 => 0,
            _ => leading,
        };
        let faults = if self == Self::Hasty { 0 } else { (nodes - 1) / 2 };
        let decides = (most > faults).then_some(leading);
        Next { value, vote: value, decides, is_tossed }
    }
}
