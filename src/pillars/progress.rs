//! How far a long loop has come, shown under its cell: when a cell has run for a second, the
//! engine gives a sign every tenth of one, and what is under way tells.

use crate::display;
use pillars_models::progress::{Listener, Task, Told, listen, sign};
use serde_json::json;

/// Has the engine's sign noticed: a signal that does nothing where nobody has asked for it.
pub(crate) fn watch_signs() {
    extern "C" fn on_sign(_: i32) {
        sign();
    }
    listen(Listener { name: display::next_id, tell });
    pillars_unix::on(pillars_unix::Signal::Sign, on_sign);
}

fn tell(told: &Told) -> bool {
    let is_seen = display::in_a_cell();
    if is_seen {
        let Told { id, label, done, total, ended } = told;
        display::send(&json!({
            "kind": "progress", "id": id, "label": label, "done": done, "total": total,
            "ended": ended,
        }));
    }
    is_seen
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_items_are_the_same_and_each_is_counted_when_it_is_done() {
        assert_eq!(progress(vec!["a", "b"]).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(progress(0..10).filter(|n| n % 2 == 0).sum::<i32>(), 20);
        let mut items = progress(0..3);
        for count in [0, 1, 2, 3] {
            let _ = items.next();
            assert_eq!(items.task.done(), count);
        }
        let odd = progress((0..9).filter(|n| n % 2 == 0));
        assert_eq!((items.task.total(), odd.task.total()), (Some(3), None));
    }
}
