//! Which item makes way for another: what is simulated.

use super::super::bloom::CountMin;
use super::lists::Lists;
use crate::sim::Stream;

/// A cache that is empty at first. Items are numbered from 0 to below a count that it knows.
pub(super) trait Policy {
    /// Asks for an item: whether it was there.
    fn request(&mut self, item: usize) -> bool;

    /// Asks for one after the other: how many were there.
    fn serve(&mut self, items: &[u32]) -> usize {
        items.iter().map(|item| usize::from(self.request(*item as usize))).sum()
    }
}

/// Least recently used, and first in, first out.
pub(super) struct Recent {
    lists: Lists,
    capacity: usize,
    /// Whether a hit makes an item the newest.
    renews: bool,
}

impl Recent {
    pub fn new(items: usize, capacity: usize, renews: bool) -> Self {
        Self { lists: Lists::new(items, 1), capacity, renews }
    }
}

impl Policy for Recent {
    #[inline]
    fn request(&mut self, item: usize) -> bool {
        let hit = self.lists.of(item).is_some();
        if hit {
            if self.renews {
                self.lists.remove(item);
                self.lists.push(0, item);
            }
            return true;
        }
        if self.lists.length(0) == self.capacity {
            self.lists.remove(self.lists.oldest(0));
        }
        self.lists.push(0, item);
        false
    }
}

/// Any of those that are there.
pub(super) struct Random {
    held: Vec<u32>,
    is_held: Vec<bool>,
    capacity: usize,
    choices: Stream,
}

impl Random {
    pub fn new(items: usize, capacity: usize, choices: Stream) -> Self {
        Self { held: vec![], is_held: vec![false; items], capacity, choices }
    }
}

impl Policy for Random {
    #[inline]
    fn request(&mut self, item: usize) -> bool {
        if self.is_held[item] {
            return true;
        }
        self.is_held[item] = true;
        if self.held.len() < self.capacity {
            self.held.push(item as u32);
        } else {
            let place = self.choices.below(self.capacity);
            let gone = std::mem::replace(&mut self.held[place], item as u32);
            self.is_held[gone as usize] = false;
        }
        false
    }
}

/// Least frequently used, and of these the least recently: a heap with the next to go on top.
pub(super) struct Frequent {
    heap: Vec<u32>,
    /// Where in the heap an item is.
    places: Vec<u32>,
    /// Of each item how often it was asked for, and when last.
    ranks: Vec<(u32, u64)>,
    capacity: usize,
    /// Whether those that are gone keep their count.
    remembers: bool,
    /// After how many requests all counts are halved.
    ageing: Option<u64>,
    now: u64,
}

const AWAY: u32 = u32::MAX;

impl Frequent {
    pub fn new(items: usize, capacity: usize, remembers: bool, ageing: Option<u64>) -> Self {
        let (heap, places, ranks) = (vec![], vec![AWAY; items], vec![(0, 0); items]);
        Self { heap, places, ranks, capacity, remembers, ageing, now: 0 }
    }

    fn rank(&self, place: usize) -> (u32, u64) {
        self.ranks[self.heap[place] as usize]
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.places[self.heap[a] as usize] = a as u32;
        self.places[self.heap[b] as usize] = b as u32;
    }

    /// Moves what has become larger down.
    #[inline]
    fn sink(&mut self, mut place: usize) {
        loop {
            let mut child = 2 * place + 1;
            if child >= self.heap.len() {
                return;
            }
            if child + 1 < self.heap.len() && self.rank(child + 1) < self.rank(child) {
                child += 1;
            }
            if self.rank(place) <= self.rank(child) {
                return;
            }
            self.swap(place, child);
            place = child;
        }
    }

    fn rise(&mut self, mut place: usize) {
        while place > 0 && self.rank(place) < self.rank((place - 1) / 2) {
            self.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
    }

    /// Halved counts may be equal where they were not: the heap is made anew.
    fn halve(&mut self) {
        self.ranks.iter_mut().for_each(|(count, _)| *count /= 2);
        (0..self.heap.len()).rev().for_each(|place| self.sink(place));
    }
}

impl Policy for Frequent {
    #[inline]
    fn request(&mut self, item: usize) -> bool {
        self.now += 1;
        if self.ageing.is_some_and(|after| self.now.is_multiple_of(after)) {
            self.halve();
        }
        let place = self.places[item];
        let known = if place != AWAY || self.remembers { self.ranks[item].0 } else { 0 };
        self.ranks[item] = (known + 1, self.now);
        if place != AWAY {
            self.sink(place as usize);
            return true;
        }
        if self.heap.len() < self.capacity {
            self.heap.push(item as u32);
            self.places[item] = self.heap.len() as u32 - 1;
            self.rise(self.heap.len() - 1);
        } else {
            let gone = std::mem::replace(&mut self.heap[0], item as u32);
            self.places[gone as usize] = AWAY;
            self.places[item] = 0;
            self.sink(0);
        }
        false
    }
}

/// W-TinyLFU (Einziger, Friedman and Manes, 2017): new items pass a small window; who falls out
/// of it is let in only if it is asked for more often than who would have to go.
pub(super) struct TinyLfu {
    lists: Lists,
    window: usize,
    /// Room beyond the window, and how much of that is protected.
    main: usize,
    protected: usize,
    counts: CountMin,
    /// Requests counted since all counts were halved, and after how many that is.
    counted: usize,
    sample: usize,
}

/// The lists: new ones; those let in; those of them that were hit since.
const WINDOW: usize = 0;
const PROBATION: usize = 1;
const PROTECTED: usize = 2;

impl TinyLfu {
    pub fn new(items: usize, capacity: usize, window: usize) -> Self {
        let main = capacity - window;
        Self {
            lists: Lists::new(items, 3),
            window,
            main,
            protected: main * 4 / 5,
            // Four rows of counters up to 15, four for each item that there is room for.
            counts: CountMin::new((4 * capacity).next_power_of_two(), 4).most(15),
            counted: 0,
            sample: 10 * capacity,
        }
    }

    /// Who fell out of the window, against who would have to make way.
    fn admit(&mut self, candidate: usize) {
        if self.lists.length(PROBATION) + self.lists.length(PROTECTED) == self.main {
            let from = if self.lists.length(PROBATION) > 0 { PROBATION } else { PROTECTED };
            if self.main == 0 {
                return;
            }
            let victim = self.lists.oldest(from);
            if self.counts.estimate(candidate) <= self.counts.estimate(victim) {
                return;
            }
            self.lists.remove(victim);
        }
        self.lists.push(PROBATION, candidate);
    }
}

impl Policy for TinyLfu {
    #[inline]
    fn request(&mut self, item: usize) -> bool {
        self.counts.add(item);
        self.counted += 1;
        if self.counted == self.sample {
            self.counts.halve();
            self.counted /= 2;
        }
        let Some(list) = self.lists.of(item) else {
            self.lists.push(WINDOW, item);
            if self.lists.length(WINDOW) > self.window {
                let candidate = self.lists.oldest(WINDOW);
                self.lists.remove(candidate);
                self.admit(candidate);
            }
            return false;
        };
        self.lists.remove(item);
        self.lists.push(if list == WINDOW { WINDOW } else { PROTECTED }, item);
        if self.lists.length(PROTECTED) > self.protected {
            let demoted = self.lists.oldest(PROTECTED);
            self.lists.remove(demoted);
            self.lists.push(PROBATION, demoted);
        }
        true
    }
}

/// A policy of the reader's own.
pub(super) struct Own(pub Box<dyn FnMut(usize) -> bool>);

impl Policy for Own {
    fn request(&mut self, item: usize) -> bool {
        (self.0)(item)
    }
}
