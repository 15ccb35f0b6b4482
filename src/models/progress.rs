//! How far a long computation has come. It counts and has no clock: whoever runs it gives a
//! sign every so often, and what is under way then tells.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Who is told.
#[derive(Clone, Copy, Debug)]
pub struct Listener {
    /// A name for a task that may be shown.
    pub name: fn() -> String,
    /// Takes what is told; returns whether anybody sees it.
    pub tell: fn(&Told) -> bool,
}

/// How far a task is.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The task's name, from [`Listener::name`].
    pub id: &'a str,
    /// What its steps are: "replications"; empty for those of a reader's loop.
    pub label: &'static str,
    /// Steps done, with the part of the one that is under way.
    pub done: f64,
    /// All steps, if that is known.
    pub total: Option<u64>,
    /// It has come to its end.
    pub ended: bool,
}

static LISTENER: OnceLock<Listener> = OnceLock::new();
/// Taken back by whoever answers it.
static SIGN: AtomicBool = AtomicBool::new(false);

/// Has `listener` told from now on; the first one stays.
pub fn listen(listener: Listener) {
    let _ = LISTENER.set(listener);
}

/// Asks what is under way to tell. May be called by the handler of a signal.
pub fn sign() {
    SIGN.store(true, Ordering::Relaxed);
}

/// A cell begins: what an earlier one has begun, and kept in a variable, is not its.
pub fn begin_cell() {
    SIGN.store(false, Ordering::Relaxed);
    OUTERMOST.set(None);
}

thread_local! {
    /// The outermost task that is under way on this thread: it is the one that is shown.
    static OUTERMOST: RefCell<Option<Arc<Count>>> = const { RefCell::new(None) };
}

/// Something that takes several steps, which other threads may take too.
#[derive(Debug)]
pub struct Task {
    own: Arc<Count>,
    /// The task that this one is a step of.
    outer: Option<Arc<Count>>,
}

#[derive(Debug)]
struct Count {
    id: String,
    label: &'static str,
    total: Option<u64>,
    done: AtomicU64,
    told: AtomicBool,
}

impl Task {
    /// Begins a task of so many steps, if that is known.
    pub fn begin(label: &'static str, total: Option<u64>) -> Self {
        let outer = OUTERMOST.with_borrow(Clone::clone);
        // A name is taken by what is shown alone.
        let id = match (&outer, LISTENER.get()) {
            (None, Some(listener)) => (listener.name)(),
            _ => String::new(),
        };
        let (done, told) = (AtomicU64::new(0), AtomicBool::new(false));
        let own = Arc::new(Count { id, label, total, done, told });
        if outer.is_none() {
            OUTERMOST.set(Some(own.clone()));
        }
        Self { own, outer }
    }

    /// One step more is done.
    pub fn step(&self) {
        let done = self.own.done.fetch_add(1, Ordering::Relaxed) + 1;
        if SIGN.load(Ordering::Relaxed) && SIGN.swap(false, Ordering::Relaxed) {
            match (&self.outer, self.own.total) {
                (None, _) => self.own.tell(0.0, false),
                (Some(outer), Some(total @ 1..)) => outer.tell(done as f64 / total as f64, false),
                (Some(outer), _) => outer.tell(0.0, false),
            }
        }
    }

    /// The steps that are done.
    pub fn done(&self) -> u64 {
        self.own.done.load(Ordering::Relaxed)
    }

    /// All steps, if that is known.
    pub fn total(&self) -> Option<u64> {
        self.own.total
    }
}

impl Count {
    /// Tells how far it is; `part` is the share of the step that is under way.
    fn tell(&self, part: f64, ended: bool) {
        let Some(listener) = LISTENER.get() else { return };
        let done = self.done.load(Ordering::Relaxed) as f64 + part.min(1.0);
        let Self { id, label, total, .. } = self;
        if (listener.tell)(&Told { id, label, done, total: *total, ended }) {
            self.told.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if self.outer.is_some() {
            return;
        }
        OUTERMOST.with_borrow_mut(|outermost| {
            outermost.take_if(|other| Arc::ptr_eq(other, &self.own));
        });
        if self.own.told.load(Ordering::Relaxed) {
            self.own.tell(0.0, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_within_another_is_a_step_of_it() {
        let outer = Task::begin("outer", Some(2));
        let inner = Task::begin("inner", Some(2));
        assert!(inner.outer.as_ref().is_some_and(|other| Arc::ptr_eq(other, &outer.own)));
        drop((inner, outer));
        assert!(Task::begin("next", None).outer.is_none());
    }
}
