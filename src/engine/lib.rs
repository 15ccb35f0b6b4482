//! Compiles and runs cells. [`Rust`] is the interpreter that the kernel serves;
//! evcxr compiles and runs its cells against the prebuilt [`library`]. This
//! crate knows no sockets, and does not import the library that cells use.

mod assistant;
mod channel;
mod commands;
mod diagnostics;
mod evcxr;
mod index;
mod interpreter;
mod interrupt;
mod layout;
pub mod library;
mod listing;
mod running;
mod session;
mod split;
mod syntax;

pub use self::evcxr::runtime_hook;
pub use interpreter::Rust;
