//! Isolation: transactions that run at the same time, what they may see of each other, and whether
//! a history of what they did could have come from one after the other.
//!
//! ```
//! # use pillars_models::truth::isolation::*;
//! // Each of two transactions reads what the other writes: write skew.
//! let history = Transactions::parse("r1(x0) r1(y0) r2(x0) r2(y0) w1(x1) w2(y2) c1 c2").unwrap();
//! let report = history.check();
//! assert!(report.has(Anomaly::G2Item) && !report.is_serializable());
//! assert!(report.is_allowed_at(Level::Snapshot));
//! println!("{report}");
//! ```

mod anomaly;
mod checker;
mod graph;
mod history;
mod level;
mod locks;
mod notation;
mod program;
mod report;
mod serial;
mod snapshots;
mod store;
mod survey;

pub use anomaly::{Anomaly, Dependency, Edge, Evidence};
pub use history::{Event, Transactions, Version};
pub use level::Level;
pub use notation::NotationError;
pub use program::{Program, Step};
pub use report::Report;
pub use store::{Execution, Store};
pub use survey::{AnomalyRates, Mix};
