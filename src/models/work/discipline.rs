//! Who is served next.

use crate::sim::Stream;
use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;
use std::sync::Arc;

/// What a discipline may know of a customer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Customer {
    /// How many came before it.
    pub number: u64,
    /// Its class, from 0.
    pub class: u32,
    /// When it came, in units of time.
    pub arrival: f64,
    /// The service that it needs, in units of time.
    pub service: f64,
    /// What of that is still to be done.
    pub left: f64,
    /// How often it has come before, and gone away.
    pub retries: u32,
    /// How long it stayed away the latest time, in units of time.
    pub delayed: f64,
}

/// Who is served next: one of the usual disciplines, or the reader's own.
#[derive(Clone, Default)]
pub enum Discipline {
    /// First come, first served.
    #[default]
    Fifo,
    /// Last come, first served; who is being served stays.
    Lifo,
    /// Last come, first served, and at once: who was being served waits.
    LifoPreemptive,
    /// In random order.
    Siro,
    /// The shortest job first; who is being served stays.
    Sjf,
    /// The shortest remaining time first, at once (Schrage and Miller, 1966).
    Srpt,
    /// Processor sharing: all are served at once, each a little.
    Ps,
    /// The class with the lowest number first; who is being served stays.
    Priority,
    /// The class with the lowest number first, and at once; who was being served goes on later.
    PriorityPreemptive,
    /// The least key first; equal ones as they came. With `preemptive`, at once.
    ByKey {
        /// The key, asked when a customer begins to wait or to be served.
        key: Key,
        /// Whether who is being served makes way.
        preemptive: bool,
    },
    /// Whom the reader's code points at among all that wait.
    Choose(Choose),
}

/// A reader's order.
pub type Key = Arc<dyn Fn(&Customer) -> f64 + Send + Sync>;

/// A reader's choice: of those that wait, in the order in which they came, the place of the next.
pub type Choose = Arc<dyn Fn(&[Customer], &mut Stream) -> usize + Send + Sync>;

impl Discipline {
    /// The least key first: `Discipline::by_key(|customer| customer.service)` is SJF.
    pub fn by_key(key: impl Fn(&Customer) -> f64 + Send + Sync + 'static) -> Self {
        Self::ByKey { key: Arc::new(key), preemptive: false }
    }

    /// The least key first, and at once: `by_key_preemptive(|customer| customer.left)` is SRPT.
    pub fn by_key_preemptive(key: impl Fn(&Customer) -> f64 + Send + Sync + 'static) -> Self {
        Self::ByKey { key: Arc::new(key), preemptive: true }
    }

    /// Whom `choose` points at: `Discipline::choose(|waiting, _| waiting.len() - 1)` is LIFO.
    pub fn choose(
        choose: impl Fn(&[Customer], &mut Stream) -> usize + Send + Sync + 'static,
    ) -> Self {
        Self::Choose(Arc::new(choose))
    }

    /// The name, as textbooks have it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fifo => "FIFO",
            Self::Lifo => "LIFO",
            Self::LifoPreemptive => "LIFO-PR",
            Self::Siro => "SIRO",
            Self::Sjf => "SJF",
            Self::Srpt => "SRPT",
            Self::Ps => "PS",
            Self::Priority => "priority",
            Self::PriorityPreemptive => "preemptive priority",
            Self::ByKey { .. } | Self::Choose(_) => "a discipline of the reader's",
        }
    }

    /// Whether who is being served may have to make way.
    pub(super) fn is_preemptive(&self) -> bool {
        matches!(
            self,
            Self::LifoPreemptive
                | Self::Srpt
                | Self::PriorityPreemptive
                | Self::ByKey { preemptive: true, .. }
        )
    }

    /// The key by which it orders, if it orders by one.
    pub(super) fn key(&self, customer: &Customer) -> f64 {
        match self {
            Self::Sjf => customer.service,
            Self::Srpt => customer.left,
            Self::LifoPreemptive => -(customer.number as f64),
            Self::Priority | Self::PriorityPreemptive => f64::from(customer.class),
            Self::ByKey { key, .. } => key(customer),
            _ => 0.0,
        }
    }
}

impl fmt::Debug for Discipline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name())
    }
}

/// Those that wait, as places in the simulation's list of customers.
pub(super) trait Waiting {
    /// One begins to wait.
    fn push(&mut self, place: u32, customer: &Customer);
    /// The next to be served.
    fn pop(&mut self, random: &mut Stream) -> Option<u32>;
    /// One has gone away before it was served. Tells whether it is forgotten here: else it will
    /// be popped, and is to be passed over.
    fn gone(&mut self, _place: u32) -> bool {
        false
    }
}

impl Waiting for VecDeque<u32> {
    #[inline]
    fn push(&mut self, place: u32, _: &Customer) {
        self.push_back(place);
    }

    #[inline]
    fn pop(&mut self, _: &mut Stream) -> Option<u32> {
        self.pop_front()
    }
}

/// The latest first.
#[derive(Default)]
pub(super) struct Stack(Vec<u32>);

impl Waiting for Stack {
    #[inline]
    fn push(&mut self, place: u32, _: &Customer) {
        self.0.push(place);
    }

    #[inline]
    fn pop(&mut self, _: &mut Stream) -> Option<u32> {
        self.0.pop()
    }
}

/// Any of them.
#[derive(Default)]
pub(super) struct Crowd(Vec<u32>);

impl Waiting for Crowd {
    #[inline]
    fn push(&mut self, place: u32, _: &Customer) {
        self.0.push(place);
    }

    #[inline]
    fn pop(&mut self, random: &mut Stream) -> Option<u32> {
        if self.0.is_empty() {
            return None;
        }
        let chosen = random.below(self.0.len());
        Some(self.0.swap_remove(chosen))
    }

    fn gone(&mut self, place: u32) -> bool {
        let at = self.0.iter().position(|other| *other == place);
        at.map(|at| self.0.swap_remove(at)).is_some()
    }
}

/// The least key first.
pub(super) struct Ranked<'a> {
    discipline: &'a Discipline,
    heap: BinaryHeap<Rank>,
}

impl<'a> Ranked<'a> {
    pub fn by(discipline: &'a Discipline) -> Self {
        Self { discipline, heap: BinaryHeap::new() }
    }
}

impl Waiting for Ranked<'_> {
    #[inline]
    fn push(&mut self, place: u32, customer: &Customer) {
        let key = self.discipline.key(customer);
        self.heap.push(Rank { key, number: customer.number, place });
    }

    #[inline]
    fn pop(&mut self, _: &mut Stream) -> Option<u32> {
        self.heap.pop().map(|rank| rank.place)
    }
}

/// One customer's place in the order: the least key is the greatest, and of equal ones the
/// first that came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rank {
    pub key: f64,
    pub number: u64,
    pub place: u32,
}

impl Ord for Rank {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        other.key.total_cmp(&self.key).then(other.number.cmp(&self.number))
    }
}

impl PartialOrd for Rank {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Rank {}

/// Whom the reader's code points at.
pub(super) struct Chosen<'a> {
    choose: &'a Choose,
    places: Vec<u32>,
    customers: Vec<Customer>,
}

impl<'a> Chosen<'a> {
    pub fn by(choose: &'a Choose) -> Self {
        Self { choose, places: vec![], customers: vec![] }
    }
}

impl Waiting for Chosen<'_> {
    fn push(&mut self, place: u32, customer: &Customer) {
        self.places.push(place);
        self.customers.push(*customer);
    }

    fn pop(&mut self, random: &mut Stream) -> Option<u32> {
        if self.places.is_empty() {
            return None;
        }
        let at = (self.choose)(&self.customers, random);
        assert!(
            at < self.places.len(),
            "Discipline::choose: {} customers wait, so the place of the next must be below {}, but \
             it is {at}",
            self.places.len(),
            self.places.len()
        );
        self.customers.remove(at);
        Some(self.places.remove(at))
    }

    fn gone(&mut self, place: u32) -> bool {
        let at = self.places.iter().position(|other| *other == place);
        at.map(|at| (self.places.remove(at), self.customers.remove(at))).is_some()
    }
}
