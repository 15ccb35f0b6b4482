//! Small models searched through to the end: every state that any schedule can lead to, what holds
//! in all of them, and the shortest way to one in which it does not.
//!
//! ```
//! # use pillars_models::truth::explore::*;
//! /// Two processes that each read a counter and then write back one more.
//! struct Increments;
//! impl Model for Increments {
//!     type State = (u8, [Option<u8>; 2], [bool; 2]); // counter, what was read, who is done
//!     type Action = usize; // who goes on
//!     fn initial(&self) -> Vec<Self::State> {
//!         vec![(0, [None; 2], [false; 2])]
//!     }
//!     fn steps(&self, &state: &Self::State, steps: &mut Vec<(usize, Self::State)>) {
//!         for who in (0..2).filter(|&who| !state.2[who]) {
//!             let (mut counter, mut read, mut done) = state;
//!             match read[who] {
//!                 None => read[who] = Some(counter),
//!                 Some(value) => (counter, done[who]) = (value + 1, true),
//!             }
//!             steps.push((who, (counter, read, done)));
//!         }
//!     }
//! }
//! let found = Search::of(&Increments).at_end("both count", |state| state.0 == 2).run();
//! assert_eq!(found.counterexample().unwrap().actions(), [&0, &1, &0, &1]);
//! ```

mod condition;
mod diagram;
mod explored;
mod linear;
mod model;
mod network;
mod paxos;
mod protocol;
mod register;
mod search;
mod seen;

pub use condition::{Condition, Demand};
pub use diagram::Happening;
pub use explored::{Explored, Finding, Found, Path, PathOf, Verdict};
pub use linear::{Access, Accesses};
pub use model::Model;
pub use network::{Global, GlobalOf, Move, Network};
pub use paxos::{PaxosMessage, PaxosServer, PaxosState};
pub use protocol::{Envelope, Protocol, Sends};
pub use register::{
    AbdMessage, AbdServer, AbdState, RegisterMessage, RegisterNode, RegisterServer, Registers,
    SingleCopy,
};
pub use search::Search;

pub(crate) use model::explored_here;
pub(crate) use protocol::network_explored_here;
pub(crate) use search::explored;
