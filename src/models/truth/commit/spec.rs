//! What transaction commit is, and two-phase commit as its inventors' successors wrote it down
//! (Gray and Lamport 2006, sections 2 and 3): messages are a set that only grows, and receiving one
//! is what its being there allows.

use crate::truth::explore::{Condition, Happening, Model, explored_here};

/// The most resource managers: their states are kept in an array, and more would not end.
const MOST: usize = 10;

/// The state of a resource manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rm {
    /// At work: it may still abort by itself.
    Working,
    /// It has promised to do what is decided.
    Prepared,
    /// Committed.
    Committed,
    /// Aborted.
    Aborted,
}

/// Whether no two resource managers have decided differently.
pub fn is_consistent(rms: &[Rm]) -> bool {
    !(rms.contains(&Rm::Committed) && rms.contains(&Rm::Aborted))
}

/// Transaction commit itself, without a protocol: what resource managers may do if each could look
/// at all others (Gray and Lamport 2006, section 2).
#[derive(Clone, Copy, Debug)]
pub struct TransactionCommit {
    rms: usize,
}

/// Two-phase commit (Gray and Lamport 2006, section 3).
#[derive(Clone, Copy, Debug)]
pub struct TwoPhaseSpec {
    rms: usize,
    may_crash: bool,
    is_short: bool,
    aborts_in_doubt: bool,
}

#[track_caller]
pub(super) fn check_count(place: &str, rms: usize) -> usize {
    assert!(
        (1..=MOST).contains(&rms),
        "{place}: there must be from 1 to {MOST} resource managers, but there are {rms}; a search \
         through more would not end"
    );
    rms
}

impl TransactionCommit {
    /// So many resource managers.
    ///
    /// # Panics
    /// If there are none, or more than 10.
    #[track_caller]
    pub fn new(rms: usize) -> Self {
        Self { rms: check_count("TransactionCommit::new", rms) }
    }
}

impl Model for TransactionCommit {
    type State = Vec<Rm>;
    type Action = (usize, Rm);

    explored_here!();

    fn initial(&self) -> Vec<Vec<Rm>> {
        vec![vec![Rm::Working; self.rms]]
    }

    fn steps(&self, state: &Vec<Rm>, steps: &mut Vec<((usize, Rm), Vec<Rm>)>) {
        let all_prepared = state.iter().all(|rm| matches!(rm, Rm::Prepared | Rm::Committed));
        let none_committed = !state.contains(&Rm::Committed);
        for (at, rm) in state.iter().enumerate() {
            let mut becomes = |rm: Rm| {
                let mut next = state.clone();
                next[at] = rm;
                steps.push(((at, rm), next));
            };
            if *rm == Rm::Working {
                becomes(Rm::Prepared);
            }
            if *rm == Rm::Prepared && all_prepared {
                becomes(Rm::Committed);
            }
            if matches!(rm, Rm::Working | Rm::Prepared) && none_committed {
                becomes(Rm::Aborted);
            }
        }
    }

    fn conditions(&self) -> Vec<Condition<'_, Vec<Rm>>> {
        vec![Condition::always("consistent", |state: &Vec<Rm>| is_consistent(state))]
    }
}

/// The state of two-phase commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TwoPhaseState {
    rms: [Rm; MOST],
    count: u8,
    /// What the coordinator has decided, if it has.
    pub decided: Option<bool>,
    /// From which the coordinator has heard that they are prepared; and which have said so.
    heard: u16,
    said: u16,
    /// Whether the coordinator is down.
    pub is_down: bool,
}

/// A step of two-phase commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TwoPhaseAction {
    /// The coordinator hears that this resource manager is prepared.
    Hears(usize),
    /// The coordinator decides to commit, and says so.
    Commits,
    /// The coordinator decides to abort, and says so.
    Aborts,
    /// The coordinator goes down, and stays down.
    Crashes,
    /// This resource manager prepares, and says so.
    Prepares(usize),
    /// This resource manager aborts by itself.
    Refuses(usize),
    /// This resource manager is told what is decided: to commit, or not.
    IsTold(usize, bool),
}

impl TwoPhaseState {
    /// The resource managers.
    pub fn rms(&self) -> &[Rm] {
        &self.rms[..usize::from(self.count)]
    }

    /// Whether all have decided.
    pub fn is_over(&self) -> bool {
        self.rms().iter().all(|rm| matches!(rm, Rm::Committed | Rm::Aborted))
    }
}

impl TwoPhaseSpec {
    /// So many resource managers.
    ///
    /// # Panics
    /// If there are none, or more than 10.
    #[track_caller]
    pub fn new(rms: usize) -> Self {
        let rms = check_count("TwoPhaseSpec::new", rms);
        Self { rms, may_crash: false, is_short: false, aborts_in_doubt: false }
    }

    /// The coordinator may go down at any time, and does not come back.
    pub fn coordinator_may_crash(self) -> Self {
        Self { may_crash: true, ..self }
    }

    /// A broken one: the coordinator commits when all but one have said that they are prepared.
    pub fn commits_one_short(self) -> Self {
        Self { is_short: true, ..self }
    }

    /// A broken one: a resource manager that has prepared aborts when it has waited too long.
    pub fn aborts_in_doubt(self) -> Self {
        Self { aborts_in_doubt: true, ..self }
    }
}

impl Model for TwoPhaseSpec {
    type State = TwoPhaseState;
    type Action = TwoPhaseAction;

    explored_here!();

    fn initial(&self) -> Vec<TwoPhaseState> {
        let (rms, count) = ([Rm::Working; MOST], self.rms as u8);
        vec![TwoPhaseState { rms, count, decided: None, heard: 0, said: 0, is_down: false }]
    }

    fn steps(&self, state: &TwoPhaseState, steps: &mut Vec<(TwoPhaseAction, TwoPhaseState)>) {
        use TwoPhaseAction::{Aborts, Commits, Crashes, Hears, IsTold, Prepares, Refuses};
        let is_open = state.decided.is_none() && !state.is_down;
        let missing = self.rms as u32 - state.heard.count_ones();
        if is_open && missing <= u32::from(self.is_short) {
            steps.push((Commits, TwoPhaseState { decided: Some(true), ..*state }));
        }
        if is_open {
            steps.push((Aborts, TwoPhaseState { decided: Some(false), ..*state }));
        }
        if self.may_crash && !state.is_down {
            steps.push((Crashes, TwoPhaseState { is_down: true, ..*state }));
        }
        for rm in 0..self.rms {
            let bit = 1 << rm;
            let becomes = |rm_is: Rm| {
                let mut next = *state;
                next.rms[rm] = rm_is;
                next
            };
            if is_open && state.said & bit != 0 {
                steps.push((Hears(rm), TwoPhaseState { heard: state.heard | bit, ..*state }));
            }
            if state.rms[rm] == Rm::Working {
                let prepared = TwoPhaseState { said: state.said | bit, ..becomes(Rm::Prepared) };
                steps.push((Prepares(rm), prepared));
                steps.push((Refuses(rm), becomes(Rm::Aborted)));
            }
            if self.aborts_in_doubt && state.rms[rm] == Rm::Prepared {
                steps.push((Refuses(rm), becomes(Rm::Aborted)));
            }
            if let Some(commits) = state.decided {
                let rm_is = if commits { Rm::Committed } else { Rm::Aborted };
                steps.push((IsTold(rm, commits), becomes(rm_is)));
            }
        }
    }

    fn conditions(&self) -> Vec<Condition<'_, TwoPhaseState>> {
        let all = |state: &TwoPhaseState, rm: Rm| state.rms().iter().all(|it| *it == rm);
        vec![
            Condition::always("consistent", |state: &TwoPhaseState| is_consistent(state.rms())),
            Condition::sometimes("all commit", move |state| all(state, Rm::Committed)),
            Condition::sometimes("all abort", move |state| all(state, Rm::Aborted)),
        ]
    }

    fn processes(&self) -> Vec<String> {
        let rms = (0..self.rms).map(|rm| format!("RM {rm}"));
        std::iter::once("coordinator".to_owned()).chain(rms).collect()
    }

    fn happening(
        &self,
        _: &TwoPhaseState,
        action: &TwoPhaseAction,
        _: &TwoPhaseState,
    ) -> Happening {
        use TwoPhaseAction::{Aborts, Commits, Crashes, Hears, IsTold, Prepares, Refuses};
        let says = |commits: bool| if commits { "commit" } else { "abort" }.to_owned();
        let to_all = |text: String| (1..=self.rms).map(|rm| (rm, text.clone())).collect();
        let at = |process: usize, label: &str| Happening {
            process,
            label: label.to_owned(),
            ..Happening::default()
        };
        match *action {
            Hears(rm) => {
                let received = Some((rm + 1, "prepared".to_owned()));
                Happening { received, ..Happening::default() }
            }
            Commits => Happening { sent: to_all(says(true)), ..at(0, "decides to commit") },
            Aborts => Happening { sent: to_all(says(false)), ..at(0, "decides to abort") },
            Crashes => Happening { whiles: vec![(0, "down".to_owned())], ..at(0, "") },
            Prepares(rm) => {
                Happening { sent: vec![(0, "prepared".to_owned())], ..at(rm + 1, "prepared") }
            }
            Refuses(rm) => at(rm + 1, "aborted"),
            IsTold(rm, commits) => {
                let label = if commits { "committed" } else { "aborted" };
                Happening { received: Some((0, says(commits))), ..at(rm + 1, label) }
            }
        }
    }
}
