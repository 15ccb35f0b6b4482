//! Work: queues in front of servers, simulated and in closed form.

pub mod estimates;
mod fifo;
pub mod queue;
pub mod theory;

pub use estimates::Estimates;
pub use queue::Queue;
pub use theory::{Theory, TheoryError, erlang_b, erlang_c};
