//! Experiments: one knob turned, theory put beside simulation, and claims.

mod claim;
mod sweep;
mod timeline;

pub use claim::claim;
pub use sweep::{Sweep, sweep};
pub use timeline::surveys;
