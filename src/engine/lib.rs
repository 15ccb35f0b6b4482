//! Compiles and runs cells. [`Rust`] is the interpreter that the kernel serves: it
//! calls rustc and a linker itself, against the prebuilt [`library`], and runs cells
//! in a process that is linked to that. [`Reference`] does the same by evcxr: slower,
//! and what the other is compared with. This crate knows no sockets, and does not
//! import the library that cells use.

mod ahead;
mod analyzer;
mod assistant;
mod backtrace;
mod bars;
mod books;
mod cache;
mod channel;
mod child;
mod compiler;
mod deps;
mod diagnostics;
mod index;
mod instrument;
mod interpreter;
mod interrupt;
mod language;
mod layout;
pub mod library;
mod linker;
mod listener;
mod listing;
mod memory;
mod overflow;
mod prepare;
#[cfg(feature = "evcxr")]
mod reference;
mod scratch;
mod split;
mod units;
mod waiting;

pub use interpreter::Rust;
#[cfg(feature = "evcxr")]
pub use reference::{Reference, runtime_hook};
