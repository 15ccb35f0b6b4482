//! Stopping a cell: while it compiles, by ending the compiler; while it runs, by
//! a signal at which the library's loops unwind, and, if that does not help
//! within a second, by ending the child process.

use crate::evcxr::ChildHandle;
use pillars_kernel::Interrupter;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a running cell may take to unwind.
const PATIENCE: Duration = Duration::from_secs(1);

/// Shared by the interpreter and whoever interrupts it.
#[derive(Default)]
pub struct Stopper {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    phase: Phase,
    /// Counts cells, so that patience with one does not end the next.
    cell: u64,
    /// Whether the running cell has been interrupted.
    interrupted: bool,
    child: Option<ChildHandle>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Phase {
    #[default]
    Idle,
    Compiling,
    Running,
}

impl Stopper {
    /// A child process has been started.
    pub fn child_is(&self, child: ChildHandle) {
        self.lock().child = Some(child);
    }

    /// A cell begins, with its compilation.
    pub fn cell_begins(&self) {
        let mut state = self.lock();
        state.cell += 1;
        state.phase = Phase::Compiling;
        state.interrupted = false;
    }

    /// The cell's code has begun to run. If it was interrupted just before, that counts now.
    pub fn code_runs(self: &Arc<Self>) {
        let mut state = self.lock();
        state.phase = Phase::Running;
        if state.interrupted {
            self.signal(&state);
        }
    }

    /// The cell is over; tells whether it was interrupted.
    pub fn cell_ends(&self) -> bool {
        let mut state = self.lock();
        state.phase = Phase::Idle;
        self.changed.notify_all();
        state.interrupted
    }

    fn signal(self: &Arc<Self>, state: &State) {
        let Some(child) = &state.child else { return };
        send(child.id(), libc::SIGINT);
        let (stopper, cell) = (self.clone(), state.cell);
        std::thread::spawn(move || stopper.lose_patience(cell));
    }

    fn lose_patience(&self, cell: u64) {
        let runs = |state: &mut State| state.cell == cell && state.phase == Phase::Running;
        let waited = self.changed.wait_timeout_while(self.lock(), PATIENCE, runs);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if runs(&mut state)
            && let Some(child) = &state.child
        {
            send(child.id(), libc::SIGKILL);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the kernel holds.
pub struct Handle(pub Arc<Stopper>);

impl Interrupter for Handle {
    fn interrupt(&self) {
        let mut state = self.0.lock();
        match state.phase {
            Phase::Idle => {}
            Phase::Compiling => {
                state.interrupted = true;
                let cells = state.child.as_ref().map(ChildHandle::id);
                end_compilers(cells);
            }
            Phase::Running => {
                state.interrupted = true;
                self.0.signal(&state);
            }
        }
    }

    fn shut_down(&self) {
        let state = self.0.lock();
        if let Some(child) = &state.child {
            send(child.id(), libc::SIGKILL);
        }
        end_compilers(None);
    }
}

/// Ends all processes that this one started, but for the one that runs cells.
fn end_compilers(keep: Option<u32>) {
    let mut ended = vec![std::process::id()];
    while let Some(parent) = ended.pop() {
        for child in children(parent).into_iter().filter(|child| Some(*child) != keep) {
            ended.push(child);
            send(child, libc::SIGKILL);
        }
    }
}

fn children(parent: u32) -> Vec<u32> {
    let listed = std::process::Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output();
    let Ok(listed) = listed else { return vec![] };
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let pairs = listed.lines().filter_map(|line| {
        let mut fields = line.split_whitespace().map(str::parse::<u32>);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    });
    pairs.filter(|(_, of)| *of == parent).map(|(child, _)| child).collect()
}

fn send(process: u32, signal: libc::c_int) {
    if let Ok(process) = libc::pid_t::try_from(process) {
        // SAFETY: kill has no memory effects; a process that is gone is an error that does not matter.
        unsafe { libc::kill(process, signal) };
    }
}
