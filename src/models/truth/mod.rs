//! What many nodes hold to be true: leaders, decisions, order, time, transactions.

pub mod agreement;
pub mod byzantine;
pub mod commit;
pub mod election;
pub mod explore;
mod hunt;
pub mod isolation;
mod nemesis;
pub mod paxos;
pub mod raft;
mod shrink;
pub mod time;

pub use hunt::{Finding, hunt, wrong};
pub use nemesis::Nemesis;
pub use shrink::{Shrunk, shrink};
