//! Work: queues in front of servers, simulated and in closed form.

pub mod arrivals;
pub mod backoff;
pub mod balance;
mod closed;
pub mod discipline;
mod endless;
mod engine;
pub mod estimates;
mod fifo;
mod flow;
pub mod fork_join;
pub mod network;
pub mod parallel;
pub mod policy;
pub mod queue;
mod records;
mod run;
mod services;
mod sharing;
mod tally;
pub mod theory;

pub use arrivals::Arrivals;
pub use backoff::{Backoff, Jitter};
pub use balance::{Balancer, power_of_d};
pub use discipline::{Customer, Discipline};
pub use estimates::Estimates;
pub use flow::Flow;
pub use fork_join::ForkJoin;
pub use network::{Network, Station};
pub use parallel::{
    Contended, Contention, Fanout, MapReduce, RetryStorm, Scalability, Serverless, WorkStealing,
    amdahl, gustafson,
};
pub use policy::{Policy, Servers};
pub use queue::Queue;
pub use theory::{Theory, TheoryError, erlang_b, erlang_c, halfin_whitt};
