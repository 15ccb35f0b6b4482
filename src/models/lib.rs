//! The models of the course: simulation, queueing and parallel work, quorums,
//! placement, staleness, clusters and their protocols, a checker of histories, the operation of
//! fleets, forecasts and detectors.
//!
//! They know neither charts nor tables nor cells, so that they are compiled at
//! full speed and beside polars; `pillars` offers them to cells. Everything here
//! is a function of its arguments: random numbers come from named streams of a
//! seed, results from threads are put in order.

pub mod columns;
pub mod control;
mod deadline;
pub mod intelligence;
pub mod interrupt;
pub mod number;
pub mod operations;
pub mod progress;
pub mod request;
pub mod sim;
pub mod state;
pub mod truth;
pub mod work;
