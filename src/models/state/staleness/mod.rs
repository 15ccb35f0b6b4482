//! How stale reads are under partial quorums: probabilistically bounded staleness (Bailis,
//! Venkataraman, Franklin, Hellerstein and Stoica, VLDB 2012).
//!
//! A write goes to all N replicas and is committed when W have acknowledged it; a read goes to
//! all and returns the newest of the first R answers. [`Pbs`] is such a system. Staleness in
//! versions is a formula; staleness in time follows from how long the four messages take
//! ([`Wars`]), by quadrature ([`Pbs::consistent`]) and by simulation ([`Pbs::simulate`]).

mod exact;
pub mod latency;
pub mod pbs;
pub mod published;
mod sampler;
pub mod scan;
pub mod simulate;
mod solve;
pub mod wars;

pub use latency::Latency;
pub use pbs::{Configuration, Pbs};
pub use published::Published;
pub use scan::FirstPassage;
pub use simulate::PbsRun;
pub use wars::Wars;
