//! How a replica is set up, and whether that can work.

use super::{Behaviour, Pbft};
use crate::number::positive;
use crate::state::cluster::Setting;

impl Pbft {
    /// For so many faults, whether or not there are nodes enough.
    pub fn faults(self, faults: usize) -> Self {
        Self { faults: Some(faults), ..self }
    }

    /// With quorums of so many replicas, whether or not two of them have an honest one in common.
    ///
    /// # Panics
    /// If they are of none.
    #[track_caller]
    pub fn quorum(self, replicas: usize) -> Self {
        assert!(replicas >= 1, "Pbft::quorum: a quorum needs at least 1 replica");
        Self { quorum: Some(replicas), ..self }
    }

    /// If this is replica `node`, it does not follow the protocol.
    pub fn traitor(self, node: usize, behaviour: Behaviour) -> Self {
        let of_this = if self.node == node { Some(behaviour) } else { self.behaviour };
        let mut traitors = self.traitors;
        traitors.push(node);
        Self { behaviour: of_this, traitors, ..self }
    }

    /// Clients ask all replicas after `patience` milliseconds; replicas want another primary after
    /// `timeout` milliseconds.
    ///
    /// # Panics
    /// If one of them is not a positive number.
    #[track_caller]
    pub fn timing(self, patience: f64, timeout: f64) -> Self {
        const PLACE: &str = "Pbft::timing";
        let patience = positive(PLACE, "patience of clients", patience);
        Self { patience, timeout: positive(PLACE, "time-out of replicas", timeout), ..self }
    }

    pub(super) fn most_faults(&self, nodes: usize) -> usize {
        self.faults.unwrap_or((nodes - 1) / 3)
    }

    pub(super) fn quorum_of(&self, nodes: usize) -> usize {
        self.quorum.unwrap_or((nodes + self.most_faults(nodes)) / 2 + 1)
    }

    /// Says by a panic what can never come to anything.
    pub(super) fn suits(&self, setting: Setting) {
        let Setting { nodes, .. } = setting;
        let faults = self.most_faults(nodes);
        assert!(
            faults < nodes,
            "Pbft::faults: clients believe what {faults} + 1 replicas say, but there are {nodes}; \
             give fewer faults, or Scenario::nodes more: 3 f + 1"
        );
        setting.has_quorums("Pbft::quorum", self.quorum_of(nodes));
        if let Some(traitor) = self.traitors.iter().find(|traitor| **traitor >= nodes) {
            panic!(
                "Pbft::traitor: there are {nodes} nodes, numbered from 0, but node {traitor} is to \
                 be a traitor"
            );
        }
    }
}
