//! Quorum systems as an algebra of nodes: `a * b + c * d` is "a and b, or c and d". Reads and
//! writes, what they survive, what they can carry, and the best system for given nodes.
//!
//! The algebra and the linear programs are those of Whittaker, Charapko, Hellerstein, Howard and
//! Stoica, Read-Write Quorum Systems Made Practical (PaPoC 2021); load and its bounds are those of
//! Naor and Wool, The Load, Capacity, and Availability of Quorum Systems (1998).

pub mod availability;
mod byzantine;
mod diagram;
pub mod error;
mod family;
pub mod goal;
mod named;
pub mod node;
mod optimum;
mod plane;
pub mod quorums;
pub mod search;
mod sets;
mod simplex;
pub mod strategy;
pub mod system;
#[cfg(test)]
mod tests;
mod tree;

pub use availability::{Availability, AvailabilityEstimate, FailureProbability, Failures};
pub use error::QuorumError;
pub use goal::{Goal, ReadFraction};
pub use node::Node;
pub use quorums::{Quorum, Quorums, choose, majority, votes};
pub use search::{Found, QuorumSearch};
pub use strategy::Strategy;
pub use system::{Meeting, QuorumSystem};
