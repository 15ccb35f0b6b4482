//! Faults that lie: generals with oral messages, a replicated store, and a chain of blocks.

mod confirmations;
mod oral;
mod pbft;

pub use confirmations::{
    confirmations_needed, double_spend, double_spend_poisson, simulate_double_spend,
};
pub use oral::{OralMessages, OralVerdict, oral_messages};
pub use pbft::{Baggage, Behaviour, Certificate, Pbft, PbftMessage, pbft_messages};
