//! What was measured.

use crate::columns::Columns;
use crate::sim::Estimate;

/// Of all requests after the warm-up. Intervals are over replications.
#[derive(Clone, Debug, PartialEq)]
pub struct PathSurvey {
    /// The mean time to an answer, in seconds.
    pub latency: Estimate,
    /// The time within which 99 of 100 are answered, in seconds.
    pub p99: Estimate,
    /// The part that is answered later than the goal.
    pub late: Estimate,
    /// The part of the reads that the cache answers.
    pub hits: Estimate,
    /// The part of the reads that show an older version than had been committed before they began.
    pub stale: Estimate,
    /// The work of the servers over what those that were ready could do; above 1 the line grows.
    pub app_load: Estimate,
    /// The same of the replicas.
    pub database_load: Estimate,
    /// Servers that were paid for, those that start among them, on average over time.
    pub servers: Estimate,
    /// How often a server was taken out.
    pub ejected: Estimate,
    /// How often it was one that was not slow.
    pub wrongly: Estimate,
    /// The first replication, period by period.
    pub(super) first: Columns,
}

impl PathSurvey {
    /// The first replication, one row a period, from the first on: `time` (s, the period's end),
    /// `load` (requests a second), `ready` and `wanted` servers, `out` (taken out by the watch),
    /// `latency` (s) and `late` of what was asked in it, and `hits`, of its reads.
    pub fn columns(&self) -> &Columns {
        &self.first
    }
}
