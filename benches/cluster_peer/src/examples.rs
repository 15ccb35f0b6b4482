//! stateright's own examples, as they are in its package: `build.rs` brings them here.

use stateright::actor::Network;
use stateright::{Checker, HasDiscoveries, Model, UniformChooser};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::Hash;

#[allow(dead_code, unused_imports, clippy::all)]
mod two_phase_commit {
    include!(concat!(env!("OUT_DIR"), "/2pc.rs"));

    pub fn search(rms: usize, threads: usize) -> (u64, u64) {
        super::search(TwoPhaseSys { rms: 0..rms }, threads)
    }
}

#[allow(dead_code, unused_imports, clippy::all)]
mod register {
    include!(concat!(env!("OUT_DIR"), "/linearizable-register.rs"));

    pub fn search(client_count: usize, server_count: usize, threads: usize) -> (u64, u64) {
        let network = Network::new_unordered_nonduplicating([]);
        super::search(AbdModelCfg { client_count, server_count, network }.into_model(), threads)
    }
}

#[allow(dead_code, unused_imports, clippy::all)]
mod synod {
    include!(concat!(env!("OUT_DIR"), "/paxos.rs"));

    pub fn search(client_count: usize, threads: usize) -> (u64, u64) {
        let network = Network::new_unordered_nonduplicating([]);
        let model = PaxosModelCfg { client_count, server_count: 3, network }.into_model();
        super::search(model, threads)
    }
}

#[allow(dead_code, unused_imports, clippy::all)]
mod raft {
    include!(concat!(env!("OUT_DIR"), "/raft.rs"));
}

pub use register::search as abd;
pub use synod::search as paxos;
pub use two_phase_commit::search as two_phase;

/// States and steps, breadth first.
fn search<M>(model: M, threads: usize) -> (u64, u64)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq,
{
    let checker = model.checker().threads(threads).spawn_bfs().join();
    checker.assert_properties();
    // The initial states count as generated.
    (checker.unique_state_count() as u64, checker.state_count() as u64 - 1)
}

/// Walks of so many steps through stateright's Raft: what happens next is drawn from all that may,
/// and its properties are looked at after each. There is no clock: a time-out is as likely as
/// a message. Returns the steps, and the walks.
pub fn walk(server_count: usize, depth: usize, seed: u64) -> (u64, u64) {
    const STEPS: usize = 100_000;
    let network = Network::new_unordered_nonduplicating([]);
    let model = raft::RaftModelCfg { server_count, network }.into_model();
    let checker = model.checker().threads(1).target_max_depth(depth).target_state_count(STEPS);
    // Whatever it finds, it goes on.
    let checker = checker.finish_when(HasDiscoveries::AnyOf(BTreeSet::new()));
    let checker = checker.spawn_simulation(seed, UniformChooser).join();
    let steps = checker.state_count();
    (steps as u64, (steps / depth) as u64)
}
