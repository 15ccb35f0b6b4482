//! Traps: schedules of faults that the sound protocol lives through, and one mistake does not.

use super::replica::Raft;
use crate::sim::Distribution;
use crate::state::cluster::Scenario;

/// A scenario, and two replicas that differ in one mistake.
#[derive(Clone, Debug)]
pub struct Trap {
    /// What is wrong with the broken one.
    pub name: &'static str,
    /// The schedule.
    pub scenario: Scenario,
    /// The protocol as it should be, set up as the broken one is.
    pub sound: fn(usize) -> Raft,
    /// The same with the mistake.
    pub broken: fn(usize) -> Raft,
}

impl Trap {
    /// All of them.
    pub fn all() -> Vec<Self> {
        vec![
            Self::earlier_terms(),
            Self::short_quorums(),
            Self::forgotten_votes(),
            Self::any_log(),
            Self::unchecked_reads(),
            Self::drifting_leases(),
            Self::applied_twice(),
            Self::changed_at_once(),
        ]
    }

    /// Figure 3.7 of Ongaro's thesis, with nodes 0 to 4 for its S1 to S5. Node 0 leads in term 1
    /// and is cut off with node 1 after it has written entries that only the two hold; it goes
    /// down. Node 4 is elected in term 2, writes an entry of its own that nobody else gets, and
    /// goes down. Node 0 comes back, is elected in term 3, and sends its old entries on: one by
    /// one, so that the first is held by a majority before any entry of term 3 is. It goes down
    /// again, and node 4 comes back to overwrite the entry.
    pub fn earlier_terms() -> Self {
        fn sound(node: usize) -> Raft {
            // Only nodes 0 and 4 ever stand for election, and it is known when.
            let timeout = match node {
                0 => 60.0,
                4 => 100.0,
                _ => 1e6,
            };
            let raft = Raft::new(node).timeouts(timeout, timeout).heartbeat(20.0).led_by(0);
            raft.batch(1).without_first_entry()
        }
        let scenario = Scenario::nodes(5)
            .latency(Distribution::deterministic(1.0))
            .think(10.0)
            .timeout(1_000.0)
            .keys(50)
            .until(700.0)
            // (a) Entries of term 1 reach node 1 alone.
            .partition(&[&[0, 1], &[2, 3, 4]], 100.0..150.0)
            .crash(0, 140.0..320.0)
            // (b) Node 4 begins to wait at 110, stands at 210 and is elected at 212; what it
            // sends as the leader is lost.
            .crash(4, 100.0..110.0)
            .one_way(&[4], &[0, 1, 2, 3], 211.5..400.0)
            .crash(4, 300.0..450.0)
            // (c) Node 0 stands at 380 in vain (the term is taken) and at 440 again; its old
            // entry is with nodes 2 and 3 at 445, it knows at 446, and tells a client of node 1.
            .one_way(&[0], &[2, 3, 4], 446.5..1_000.0)
            .crash(0, 447.5..1_000.0);
        Self {
            name: "counts replicas of earlier terms' entries",
            scenario,
            sound,
            broken: |node| sound(node).counting_earlier_terms(),
        }
    }

    /// Two of five nodes, cut off from the rest, decide for themselves.
    pub fn short_quorums() -> Self {
        Self {
            name: "takes one fewer than a majority for enough",
            scenario: cut(),
            sound: Raft::new,
            broken: |node| Raft::new(node).with_short_quorums(),
        }
    }

    /// Nodes 0 and 1 stand for election at nearly the same time; node 2 votes for the one, goes
    /// down and comes back, and is asked by the other.
    pub fn forgotten_votes() -> Self {
        fn sound(node: usize) -> Raft {
            let timeout = match node {
                0 => 100.0,
                1 => 104.0,
                _ => 1_000.0,
            };
            Raft::new(node).timeouts(timeout, timeout)
        }
        let scenario = Scenario::nodes(3)
            .latency(Distribution::deterministic(5.0))
            .until(300.0)
            // Asked at 105 and at 109.
            .crash(2, 106.0..107.0);
        Self {
            name: "forgets in a crash whom it voted for",
            scenario,
            sound,
            broken: |node| sound(node).forgetting_votes(),
        }
    }

    /// Node 4 is cut off, and hears nothing of what the others commit meanwhile. It stands for
    /// election again and again, so that its term is the highest when it comes back.
    pub fn any_log() -> Self {
        Self {
            name: "votes for candidates whose logs are behind",
            scenario: Scenario::nodes(5).think(10.0).isolate(4, 300.0..700.0),
            sound: |node| Raft::new(node).led_by(0),
            broken: |node| Raft::new(node).led_by(0).voting_for_any_log(),
        }
    }

    /// A leader that is cut off goes on answering reads, while the others have elected another.
    pub fn unchecked_reads() -> Self {
        Self {
            name: "answers reads without asking whether it leads",
            scenario: cut(),
            sound: |node| Raft::new(node).confirmed_reads(),
            broken: |node| Raft::new(node).reading_unchecked(),
        }
    }

    /// A leader whose clock is slow is cut off, and others whose clocks are fast elect another
    /// before its lease is over. The broken one does not expect clocks to differ; the sound one
    /// expects more than there is.
    pub fn drifting_leases() -> Self {
        Self {
            name: "trusts in leases as if clocks did not drift",
            scenario: slow_leader(0.2),
            sound: |node| Raft::new(node).timeouts(150.0, 160.0).led_by(0).leases(1.5),
            broken: |node| Raft::new(node).timeouts(150.0, 160.0).led_by(0).leases(1.0),
        }
    }

    /// Messages arrive twice, a client's requests to the leader among them.
    pub fn applied_twice() -> Self {
        Self {
            name: "applies a command as often as it comes",
            scenario: Scenario::nodes(3).think(5.0).duplication(0.3).until(500.0),
            sound: Raft::new,
            broken: |node| Raft::new(node).applying_twice(),
        }
    }

    /// Figure 4.2 of Ongaro's thesis: three members become five in one step while two of the
    /// three are cut off. They are a majority of the old members, the others of the new.
    pub fn changed_at_once() -> Self {
        fn sound(node: usize) -> Raft {
            let raft = Raft::new(node).led_by(2).members_at_first(&[0, 1, 2]);
            raft.change_members(300.0, &[0, 1, 2, 3, 4])
        }
        Self {
            name: "changes members in one step",
            scenario: Scenario::nodes(5).partition(&[&[0, 1], &[2, 3, 4]], 290.0..900.0),
            sound,
            broken: |node| sound(node).changing_at_once(),
        }
    }
}

fn cut() -> Scenario {
    Scenario::nodes(5).think(10.0).partition(&[&[0, 1], &[2, 3, 4]], 300.0..700.0)
}

/// Node 0, the first leader, is cut off from the others, not from its clients. Its clock is slow
/// by `drift`, the others are fast by as much.
pub(super) fn slow_leader(drift: f64) -> Scenario {
    // Mostly reads: who writes where the leader is alone waits, and reads no more.
    let base = Scenario::nodes(5).clients(25).think(20.0).reads(0.9).until(700.0);
    let scenario = base.isolate(0, 300.0..600.0);
    (0..5).fold(scenario, |scenario, node| {
        scenario.clock(node, 0.0, if node == 0 { -drift } else { drift })
    })
}
