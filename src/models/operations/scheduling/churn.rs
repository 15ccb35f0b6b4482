//! How many run, of how many that start: Little's law at the size of published clusters.

use crate::number::positive;

/// Tasks that run at the same time when `started` of them start in each `period`, and each lives
/// for a mean time `life`, all in one unit of time: Little's law, rate x life.
///
/// "2 billion containers a week" is what Google started in a week, said in a talk at GlueCon in
/// May 2014 (Beda, "Containers at Scale"), and no number of containers that run: 3,307 a second.
/// If they live for a minute, 198,413 run at the same time.
///
/// ```
/// # use pillars_models::operations::churn;
/// let week = 7.0 * 86_400.0;
/// assert_eq!(churn(2e9, week, 60.0).round(), 198_413.0);
/// ```
///
/// # Panics
/// If one of them is not a positive number.
#[track_caller]
pub fn churn(started: f64, period: f64, life: f64) -> f64 {
    const PLACE: &str = "churn";
    positive(PLACE, "number that start in a period", started) / positive(PLACE, "period", period)
        * positive(PLACE, "mean life", life)
}

/// What one cluster is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterLimits {
    /// Machines.
    pub nodes: u64,
    /// Pods on all of them.
    pub pods: u64,
    /// Containers in all of these.
    pub containers: u64,
    /// Pods on one machine.
    pub pods_a_node: u64,
}

impl ClusterLimits {
    /// Kubernetes, one cluster ("Considerations for large clusters", in its documentation): up to
    /// 5,000 nodes, 150,000 pods, 300,000 containers, and 110 pods on a node.
    pub const KUBERNETES: Self =
        Self { nodes: 5_000, pods: 150_000, containers: 300_000, pods_a_node: 110 };

    /// Clusters that are needed for so many containers at the same time.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn clusters(&self, containers: f64) -> u64 {
        let all = positive("ClusterLimits::clusters", "number of containers", containers);
        (all / self.containers as f64).ceil() as u64
    }

    /// Pods on each node when nodes and pods are both at their limits: 30 in Kubernetes, far below
    /// what one node may hold. Not all limits can be reached together.
    pub fn pods_at_the_limit(&self) -> f64 {
        self.pods as f64 / self.nodes as f64
    }
}
