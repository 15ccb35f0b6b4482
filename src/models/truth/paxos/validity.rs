//! Validity: what is decided was proposed.

use super::consensus::Decides;
use crate::state::cluster::Property;
use std::collections::BTreeSet;

/// Nothing is decided that no client proposed: the first safety requirement of Lamport (2001,
/// section 2.1).
#[derive(Clone, Debug, Default)]
pub struct Validity {
    proposed: BTreeSet<i64>,
}

impl<R: Decides> Property<R> for Validity {
    fn name(&self) -> &'static str {
        "validity (Lamport 2001, section 2.1)"
    }

    fn check(&mut self, node: usize, replicas: &[R]) -> Result<(), String> {
        self.proposed.extend(replicas[node].proposes());
        match replicas[node].decided() {
            Some(value) if !self.proposed.contains(&value) => {
                Err(format!("node {node} takes {value} for decided, which nobody proposed"))
            }
            _ => Ok(()),
        }
    }
}
