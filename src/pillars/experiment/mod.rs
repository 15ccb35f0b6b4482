//! Experiments: one knob turned, theory put beside simulation, and claims.

mod claim;
mod sweep;

pub use claim::claim;
pub use sweep::{Sweep, sweep};
