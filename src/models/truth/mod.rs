//! What many nodes hold to be true: leaders, decisions, order, time, transactions.

pub mod election;
