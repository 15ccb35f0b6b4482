//! What a cell imports: the models of `pillars-models`, and charts, tables and claims for
//! learning distributed systems by running them. The names meant for cells are
//! in [`prelude`].
//!
//! Everything here is a function of its arguments: random numbers come from
//! named streams of a seed, results from threads are put in order, and no
//! clock, path or address reaches an output.

mod ask;
mod calls;
pub mod cell;
pub mod chart;
mod comm;
mod content;
pub mod display;
pub mod experiment;
pub mod prelude;
mod progress;
pub mod runner;
mod show;
pub mod table;
mod text;
pub mod warm;

pub use chart::plotters;
pub use pillars_models::{control, intelligence, operations, request, sim, state, truth, work};
pub use table::polars;
