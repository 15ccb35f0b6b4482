//! State: where data are, how many copies agree, and what clients see of it.

pub mod cluster;
pub mod consistency;
pub mod placement;
pub mod protocols;
pub mod quorum;
pub mod staleness;
