//! Stopping a cell: while it compiles, by ending the compiler; while it runs, by
//! a signal at which the library's loops unwind, and, if that does not help
//! within a second, by ending the child process.

use pillars_kernel::{CellError, Interrupter};
use pillars_unix::{Signal, children, end_group, send};
use std::path::{Path, PathBuf};
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
    /// Whether that is still to be told to what runs.
    pending: bool,
    child: Option<ProcessNumber>,
    /// A process that has nothing to do with cells.
    spared: Option<ProcessNumber>,
    /// Where compiled cells are.
    folder: Option<PathBuf>,
}

/// Tells the number of the process that runs cells, which may change; `None` when
/// there is none.
pub type ProcessNumber = Box<dyn Fn() -> Option<u32> + Send>;

#[derive(Clone, Copy, Default, PartialEq)]
enum Phase {
    #[default]
    Idle,
    Compiling,
    Running,
}

impl State {
    fn child(&self) -> Option<u32> {
        self.child.as_ref().and_then(|number| number())
    }

    /// Ends the child and what the cell has started from it: its process group.
    fn kill_child(&self) {
        if let Some(child) = self.child() {
            end_group(child);
        }
    }
}

impl Stopper {
    /// A child process has been started, for cells that are compiled in this folder.
    pub fn child_is(&self, child: ProcessNumber, folder: &Path) {
        let mut state = self.lock();
        state.child = Some(child);
        state.folder = Some(folder.to_owned());
    }

    /// This process is not a compiler, though it is the kernel's: an interrupt leaves it alone.
    pub fn spare(&self, number: ProcessNumber) {
        self.lock().spared = Some(number);
    }

    /// A cell begins, with its compilation.
    pub fn cell_begins(&self) {
        let mut state = self.lock();
        state.cell += 1;
        state.phase = Phase::Compiling;
        state.interrupted = false;
        state.pending = false;
    }

    /// The cell's code has begun to run. If it was interrupted just before, that counts now.
    pub fn code_runs(self: &Arc<Self>) {
        let mut state = self.lock();
        state.phase = Phase::Running;
        if state.pending {
            self.signal(&state);
        }
    }

    /// Earlier cells are run again: an interrupt so far was not meant for them, one from
    /// now on is.
    pub fn restoring(&self) {
        self.lock().pending = false;
    }

    /// The cell's code has ended; what follows is not to be killed for its slowness.
    pub fn code_ends(&self) {
        self.lock().phase = Phase::Compiling;
        self.changed.notify_all();
    }

    /// The cell is over; tells whether it was interrupted.
    pub fn cell_ends(&self) -> bool {
        let mut state = self.lock();
        state.phase = Phase::Idle;
        self.changed.notify_all();
        state.interrupted
    }

    fn signal(self: &Arc<Self>, state: &State) {
        let Some(child) = state.child() else { return };
        send(child, Signal::Interrupt);
        let (stopper, cell) = (self.clone(), state.cell);
        std::thread::spawn(move || stopper.lose_patience(cell));
    }

    fn lose_patience(&self, cell: u64) {
        let runs = |state: &mut State| state.cell == cell && state.phase == Phase::Running;
        let waited = self.changed.wait_timeout_while(self.lock(), PATIENCE, runs);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if runs(&mut state) {
            state.kill_child();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an interrupt has made of a cell's error: the reader is told of the interrupt, not
/// of a compiler or a process that was killed for it.
pub fn as_interrupted(error: CellError) -> CellError {
    match error.ename {
        "Crashed" => {
            let told = error.evalue.split_once("); ").map_or("", |(_, told)| told);
            let reason = format!("the cell did not stop within a second and was ended; {told}");
            CellError::new("Interrupted", reason)
        }
        "CompileError" | "CommandError" => {
            CellError::new("Interrupted", "the cell was interrupted before it ran")
        }
        _ => error,
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
                state.pending = true;
                let spared = state.spared.as_ref().and_then(|number| number());
                end_compilers(&[state.child(), spared]);
            }
            Phase::Running => {
                state.interrupted = true;
                state.pending = true;
                self.0.signal(&state);
            }
        }
    }

    fn shut_down(&self) {
        let state = self.0.lock();
        state.kill_child();
        end_compilers(&[]);
        if let Some(folder) = &state.folder {
            // What cannot be removed is swept at a later start.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Ends all processes that this one started, but for these.
fn end_compilers(keep: &[Option<u32>]) {
    let mut ended = vec![std::process::id()];
    while let Some(parent) = ended.pop() {
        for child in children(parent).into_iter().filter(|child| !keep.contains(&Some(*child))) {
            ended.push(child);
            send(child, Signal::Kill);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_found_and_only_ours() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let found = children(std::process::id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.contains(&child.id()));
        assert!(!children(child.id()).contains(&std::process::id()));
    }
}
