//! The reference engine: cells compiled and run by evcxr.

mod evcxr;
mod interpreter;
mod program;
mod running;
mod session;
mod syntax;

pub use self::evcxr::runtime_hook;
pub use interpreter::Reference;
