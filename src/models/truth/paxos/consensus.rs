//! The object of consensus: many propose, one value is decided, for ever.

use crate::sim::Stream;
use crate::state::cluster::Workload;
use crate::state::consistency::{Hint, History, Specification};
use std::fmt::{self, Display};

/// An object that decides once: the first proposal is decided, and every proposal is told what is
/// decided. A history of it is linearizable exactly if all were told the same value, and somebody
/// proposed it before anybody was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsensusSpec;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConsensusCall {
    /// Decide this, if nothing is decided yet.
    Propose(i64),
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConsensusReply {
    /// This is decided.
    Decided(i64),
}

/// As "propose 3".
impl Display for ConsensusCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Propose(value) = self;
        write!(f, "propose {value}")
    }
}

/// As "3".
impl Display for ConsensusReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Decided(value) = self;
        write!(f, "{value}")
    }
}

impl Specification for ConsensusSpec {
    type Call = ConsensusCall;
    type Reply = ConsensusReply;
    type State = Option<i64>;

    fn initial(&self) -> Option<i64> {
        None
    }

    fn step(
        &self,
        decided: &Option<i64>,
        call: &ConsensusCall,
        reply: Option<&ConsensusReply>,
    ) -> Option<Option<i64>> {
        let ConsensusCall::Propose(proposed) = *call;
        let value = decided.unwrap_or(proposed);
        reply.is_none_or(|reply| *reply == ConsensusReply::Decided(value)).then_some(Some(value))
    }

    fn hint(&self, call: &ConsensusCall, reply: Option<&ConsensusReply>) -> Hint {
        let ConsensusCall::Propose(proposed) = *call;
        match reply {
            // It was told another's value, which was there before.
            Some(ConsensusReply::Decided(value)) if *value != proposed => Hint::OnlyReads,
            _ => Hint::Nothing,
        }
    }
}

/// Every proposal is a value of its own, from 1 on; the final question is a proposal of 0. A
/// decision cannot be replaced, so nothing is ever stale.
impl Workload for ConsensusSpec {
    fn next(number: usize, _: f64, _: u64, _: &mut Stream) -> ConsensusCall {
        ConsensusCall::Propose(number as i64 + 1)
    }

    fn read_all(_: u64) -> Vec<ConsensusCall> {
        vec![ConsensusCall::Propose(0)]
    }

    /// Decisions that clients were told of, and that no final answer tells of.
    fn lost(history: &History<ConsensusCall, ConsensusReply>, settled: f64) -> (usize, usize) {
        let (mut early, mut last) = (vec![], vec![]);
        for operation in history.operations() {
            if let Some(ConsensusReply::Decided(value)) = operation.reply() {
                if operation.invoked >= settled { &mut last } else { &mut early }.push(*value);
            }
        }
        early.sort_unstable();
        early.dedup();
        let lost = early.iter().filter(|value| !last.is_empty() && !last.contains(value)).count();
        (lost, early.len())
    }
}

/// A replica that takes part in one decision: what its properties are asked of.
pub trait Decides {
    /// What its clients want decided, if they want anything.
    fn proposes(&self) -> Option<i64>;

    /// What it takes for decided.
    fn decided(&self) -> Option<i64>;
}
