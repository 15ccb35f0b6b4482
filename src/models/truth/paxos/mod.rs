//! Paxos: one decision among proposers who duel, and a log of decisions under one leader.

mod agreement;
mod command;
mod consensus;
mod duels;
mod flaw;
mod learning;
mod multi;
mod multi_message;
mod single;
mod slot_agreement;
mod slot_validity;
mod spec;
mod tenure;
mod theory;
mod traps;
mod validity;

pub use agreement::Agreement;
pub use command::{Command, ReplicatedLog, Store};
pub use consensus::{ConsensusCall, ConsensusReply, ConsensusSpec, Decides};
pub use duels::{Decision, Duels, duels};
pub use flaw::PaxosFlaw;
pub use learning::Learning;
pub use multi::MultiPaxos;
pub use multi_message::MultiPaxosMessage;
pub use single::{Ballot, Paxos, PaxosMessage};
pub use slot_agreement::SlotAgreement;
pub use slot_validity::SlotValidity;
pub use spec::{PaxosAcceptor, PaxosAction, PaxosSpec, PaxosSpecState};
pub use tenure::{Tenure, Tenures, tenures};
pub use theory::{command_messages, decision_messages, quorum_round_trip};
pub use validity::Validity;
