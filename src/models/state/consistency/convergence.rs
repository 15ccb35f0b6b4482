//! Eventual consistency (Vogels, 2009): when nobody writes any more, all come to read the same.

use super::accesses::RegisterAccess;
use super::history::History;
use super::objects::{RegisterCall, RegisterReply};
use std::collections::BTreeMap;

/// Whether reads agree after a time. Operations are told by their index in the history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Convergence {
    /// The keys of which all reads agree, and on what.
    pub agreed: Vec<(u64, Option<i64>)>,
    /// The keys of which they do not, with a read of each value, the first.
    pub disagreed: Vec<(u64, Vec<usize>)>,
    /// The keys to which somebody still wrote: nothing is said of them.
    pub written: Vec<u64>,
}

impl Convergence {
    /// Whether there were reads, all of them agreed, and nobody still wrote.
    pub const fn is_reached(&self) -> bool {
        !self.agreed.is_empty() && self.disagreed.is_empty() && self.written.is_empty()
    }
}

impl<Call: RegisterAccess> History<Call, RegisterReply> {
    /// Whether the reads that began at this time or later agree, key by key. A key counts as still
    /// written if a write that was not refused was answered or began at this time or later. A
    /// write that timed out before may still take effect; choose the time so that it does not.
    pub fn convergence(&self, after: f64) -> Convergence {
        let mut written: BTreeMap<u64, bool> = BTreeMap::new();
        let mut reads: BTreeMap<u64, BTreeMap<Option<i64>, usize>> = BTreeMap::new();
        for (it, operation) in self.operations().iter().enumerate() {
            let (key, call) = operation.call.access();
            match (call, operation.reply()) {
                (RegisterCall::Read, Some(RegisterReply::Value(value))) => {
                    if operation.invoked >= after {
                        reads.entry(key).or_default().entry(*value).or_insert(it);
                    }
                }
                (RegisterCall::Read, _) | (_, Some(RegisterReply::Swapped(false))) => {}
                _ if operation.has_failed() => {}
                _ => {
                    let late = operation.invoked >= after || operation.ended >= after;
                    *written.entry(key).or_default() |= late;
                }
            }
        }
        written.retain(|_, late| *late);
        let mut found =
            Convergence { written: written.keys().copied().collect(), ..Convergence::default() };
        for (key, values) in reads.into_iter().filter(|(key, _)| !written.contains_key(key)) {
            match values.first_key_value() {
                Some((&value, _)) if values.len() == 1 => found.agreed.push((key, value)),
                _ => {
                    let mut reads: Vec<usize> = values.into_values().collect();
                    reads.sort_unstable();
                    found.disagreed.push((key, reads));
                }
            }
        }
        found
    }
}
