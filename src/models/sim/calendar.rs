//! The event calendar: what is to happen, in the order of time.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Events by their time. Those of the same time happen in the order in which they were
/// booked, so that a simulation is the same on every machine.
#[derive(Clone, Debug)]
pub struct Calendar<E> {
    heap: BinaryHeap<Entry<E>>,
    now: f64,
    booked: u64,
    latest: u64,
}

#[derive(Clone, Debug)]
struct Entry<E> {
    /// The time's bits above the number: times are not negative, and such floats are in the order
    /// of their bits. One comparison without a branch, where a heap makes most of its way.
    key: u128,
    event: E,
}

impl<E> Entry<E> {
    fn time(&self) -> f64 {
        f64::from_bits((self.key >> 64) as u64)
    }
}

impl<E> Calendar<E> {
    /// One without events, at time 0.
    pub fn new() -> Self {
        Self { heap: BinaryHeap::new(), now: 0.0, booked: 0, latest: 0 }
    }

    /// The time of the latest event that happened, in units of time: the virtual clock.
    pub fn now(&self) -> f64 {
        self.now
    }

    /// The number of the event that was booked last: they are numbered from 1.
    #[inline]
    pub(crate) fn booked(&self) -> u64 {
        self.booked
    }

    /// The number of the event that happened last.
    #[inline]
    pub(crate) fn latest(&self) -> u64 {
        self.latest
    }

    /// Moves the clock on without an event.
    pub(crate) fn moves_to(&mut self, time: f64) {
        self.now = self.now.max(time);
    }

    /// Books an event for `delay` units of time from now.
    ///
    /// # Panics
    /// If the delay is negative or not a number.
    #[track_caller]
    pub fn book(&mut self, delay: f64, event: E) {
        assert!(
            delay >= 0.0,
            "Calendar::book: the delay must be a number of at least 0, but it is {delay}; nothing \
             can happen before now"
        );
        self.book_at(self.now + delay, event);
    }

    /// Books an event for a time, which must not lie before now.
    #[inline]
    pub fn book_at(&mut self, time: f64, event: E) {
        debug_assert!(time >= self.now);
        self.booked += 1;
        // -0 becomes 0, of which it is the equal.
        let time = (time + 0.0).to_bits();
        self.heap.push(Entry { key: u128::from(time) << 64 | u128::from(self.booked), event });
    }

    /// Lets the next event happen: moves the clock to its time and returns it.
    #[inline]
    #[allow(clippy::should_implement_trait, reason = "events are booked in between")]
    pub fn next(&mut self) -> Option<E> {
        let entry = self.heap.pop()?;
        (self.now, self.latest) = (entry.time(), entry.key as u64);
        Some(entry.event)
    }

    /// When the next event will happen, if there is one.
    pub fn upcoming(&self) -> Option<f64> {
        self.heap.peek().map(Entry::time)
    }

    /// How many events are booked.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

impl<E> Default for Calendar<E> {
    fn default() -> Self {
        Self::new()
    }
}

/// The heap has its greatest on top: the earliest is the greatest.
impl<E> Ord for Entry<E> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        other.key.cmp(&self.key)
    }
}

impl<E> PartialOrd for Entry<E> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Entry<E> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_those_of_one_time_as_they_were_booked() {
        let mut calendar = Calendar::new();
        for (delay, event) in [(2.0, 'c'), (1.0, 'a'), (2.0, 'd'), (1.0, 'b'), (0.0, 'z')] {
            calendar.book(delay, event);
        }
        let mut seen = String::new();
        while let Some(event) = calendar.next() {
            seen.push(event);
            if event == 'a' {
                calendar.book(1.0, 'e');
            }
        }
        assert_eq!((seen.as_str(), calendar.now()), ("zabcde", 2.0));
    }

    #[test]
    #[should_panic(expected = "the delay must be a number of at least 0, but it is -1")]
    fn nothing_happens_before_now() {
        Calendar::new().book(-1.0, ());
    }
}
