//! Agreement: only a single value is decided.

use super::consensus::Decides;
use crate::state::cluster::Property;

/// No two replicas ever take different values for decided, and none changes its mind: "consistency"
/// of Lamport (1998, section 2.2, theorem 1), the second safety requirement of Lamport (2001,
/// section 2.1).
#[derive(Clone, Debug, Default)]
pub struct Agreement {
    /// The first decision, and whose it was.
    first: Option<(usize, i64)>,
}

impl<R: Decides> Property<R> for Agreement {
    fn name(&self) -> &'static str {
        "agreement (Lamport 2001, section 2.1)"
    }

    fn check(&mut self, node: usize, replicas: &[R]) -> Result<(), String> {
        let Some(decided) = replicas[node].decided() else { return Ok(()) };
        let (first, value) = *self.first.get_or_insert((node, decided));
        if value == decided {
            return Ok(());
        }
        Err(format!("node {first} took {value} for decided, and node {node} takes {decided}"))
    }
}
