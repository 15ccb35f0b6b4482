//! How far a long loop has come. The library counts and has no clock: when a cell has run
//! for a second, the engine gives a sign every tenth of one, and what is under way tells.

use crate::display;
use serde_json::json;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The engine's sign; taken back by whoever answers it.
static SIGN: AtomicBool = AtomicBool::new(false);

/// Has the engine's sign noticed: a signal that does nothing where nobody has asked for it.
pub(crate) fn watch_signs() {
    extern "C" fn on_sign(_: i32) {
        SIGN.store(true, Ordering::Relaxed);
    }
    pillars_unix::on(pillars_unix::Signal::Sign, on_sign);
}

/// A cell begins: what an earlier one has begun, and kept in a variable, is not its.
pub(crate) fn begin_cell() {
    SIGN.store(false, Ordering::Relaxed);
    OUTERMOST.set(None);
}

/// An iterator that tells how far it is; made by [`progress`].
#[derive(Debug)]
pub struct Progress<I> {
    items: I,
    task: Task,
    begun: bool,
}

/// Goes through `items` and shows how far it is: percentage, rate and time left, if their
/// number is known. Nothing is shown of a loop that ends within a second.
///
/// ```
/// # use pillars::prelude::*;
/// let mut sum = 0;
/// for n in progress(0..1000) {
///     sum += n;
/// }
/// ```
pub fn progress<T: IntoIterator>(items: T) -> Progress<T::IntoIter> {
    let items = items.into_iter();
    let total = match items.size_hint() {
        (least, Some(most)) if least == most => Some(most as u64),
        _ => None,
    };
    Progress { items, task: Task::begin("", total), begun: false }
}

impl<I: Iterator> Iterator for Progress<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        crate::cell::tick();
        // An item is done when the next one is asked for.
        if std::mem::replace(&mut self.begun, true) {
            self.task.step();
        }
        self.items.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

thread_local! {
    /// The outermost task that is under way on this thread: it is the one that is shown.
    static OUTERMOST: RefCell<Option<Arc<Count>>> = const { RefCell::new(None) };
}

/// Something that takes several steps, which other threads may take too.
#[derive(Debug)]
pub(crate) struct Task {
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
    pub(crate) fn begin(label: &'static str, total: Option<u64>) -> Self {
        let outer = OUTERMOST.with_borrow(Clone::clone);
        // The number of an output is taken by what is shown alone.
        let id = if outer.is_none() { display::next_id() } else { String::new() };
        let (done, told) = (AtomicU64::new(0), AtomicBool::new(false));
        let own = Arc::new(Count { id, label, total, done, told });
        if outer.is_none() {
            OUTERMOST.set(Some(own.clone()));
        }
        Self { own, outer }
    }

    /// One step more is done.
    pub(crate) fn step(&self) {
        let done = self.own.done.fetch_add(1, Ordering::Relaxed) + 1;
        if SIGN.load(Ordering::Relaxed) && SIGN.swap(false, Ordering::Relaxed) {
            match (&self.outer, self.own.total) {
                (None, _) => self.own.tell(0.0, false),
                (Some(outer), Some(total @ 1..)) => outer.tell(done as f64 / total as f64, false),
                (Some(outer), _) => outer.tell(0.0, false),
            }
        }
    }
}

impl Count {
    /// Tells how far it is; `part` is the share of the step that is under way.
    fn tell(&self, part: f64, ended: bool) {
        if !display::in_a_cell() {
            return;
        }
        self.told.store(true, Ordering::Relaxed);
        let Self { id, label, total, done, .. } = self;
        let done = done.load(Ordering::Relaxed) as f64 + part.min(1.0);
        display::send(&json!({
            "kind": "progress", "id": id, "label": label, "done": done, "total": total,
            "ended": ended,
        }));
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
    fn the_items_are_the_same_and_each_is_counted_when_it_is_done() {
        assert_eq!(progress(vec!["a", "b"]).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(progress(0..10).filter(|n| n % 2 == 0).sum::<i32>(), 20);
        let mut items = progress(0..3);
        let done = |items: &Progress<_>| items.task.own.done.load(Ordering::Relaxed);
        for count in [0, 1, 2, 3] {
            let _ = items.next();
            assert_eq!(done(&items), count);
        }
        let odd = progress((0..9).filter(|n| n % 2 == 0));
        assert_eq!((items.task.own.total, odd.task.own.total), (Some(3), None));
    }

    #[test]
    fn a_task_within_another_is_a_step_of_it() {
        let outer = Task::begin("outer", Some(2));
        let inner = Task::begin("inner", Some(2));
        assert!(inner.outer.as_ref().is_some_and(|other| Arc::ptr_eq(other, &outer.own)));
        drop((inner, outer));
        assert!(Task::begin("next", None).outer.is_none());
    }
}
