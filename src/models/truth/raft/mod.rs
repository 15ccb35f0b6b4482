//! Raft (Ongaro and Ousterhout, In Search of an Understandable Consensus Algorithm, 2014; Ongaro,
//! Consensus: Bridging Theory and Practice, 2014, by whose sections it is cited).

mod broken;
mod clients;
mod elections;
mod leases;
mod log;
mod members;
mod message;
pub mod properties;
mod race;
mod replica;
mod replication;
mod scenarios;
mod settings;
mod spec;
mod store;
mod voting;

pub use elections::{Election, Elections};
pub use leases::{LeaseRow, Leases};
pub use log::{ClientCommand, Command, CommandId, Entry};
pub use members::{Members, Nodes};
pub use message::RaftMessage;
pub use replica::Raft;
pub use scenarios::Trap;
pub use spec::{RaftAction, RaftFlaw, RaftSpec, RaftState};
pub use store::Snapshot;
