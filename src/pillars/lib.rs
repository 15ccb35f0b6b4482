//! What a cell imports: simulation, closed forms, charts, tables and claims for
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
mod deadline;
pub mod display;
pub mod experiment;
mod number;
pub mod prelude;
mod progress;
pub mod runner;
mod show;
pub mod sim;
pub mod state;
pub mod table;
mod text;
pub mod warm;
pub mod work;

pub use chart::plotters;
pub use table::polars;
