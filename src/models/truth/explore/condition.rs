//! What is asked of the states of a model.

use std::fmt;

/// A condition on states, by its name.
pub struct Condition<'a, S> {
    /// Its name: "consistent".
    pub name: String,
    /// Of which states it is asked.
    pub demand: Demand,
    pub(super) holds: Box<dyn Fn(&S) -> bool + 'a>,
}

/// Of which states a condition is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Of every state: an invariant.
    Always,
    /// Of some state: that it can come to this.
    Sometimes,
    /// Of every state from which no step leads to another: how it ends.
    AtEnd,
    /// From every state one can be reached in which it holds: nothing that happens rules it out
    /// for good (in the logic CTL: AG EF).
    Possible,
}

impl<'a, S> Condition<'a, S> {
    /// It holds in every state.
    pub fn always(name: &str, holds: impl Fn(&S) -> bool + 'a) -> Self {
        Self::new(name, Demand::Always, holds)
    }

    /// It holds in some state.
    pub fn sometimes(name: &str, holds: impl Fn(&S) -> bool + 'a) -> Self {
        Self::new(name, Demand::Sometimes, holds)
    }

    /// It holds in every state from which no step leads to another.
    pub fn at_end(name: &str, holds: impl Fn(&S) -> bool + 'a) -> Self {
        Self::new(name, Demand::AtEnd, holds)
    }

    /// From every state one can be reached in which it holds.
    pub fn possible(name: &str, holds: impl Fn(&S) -> bool + 'a) -> Self {
        Self::new(name, Demand::Possible, holds)
    }

    fn new(name: &str, demand: Demand, holds: impl Fn(&S) -> bool + 'a) -> Self {
        Self { name: name.to_owned(), demand, holds: Box::new(holds) }
    }
}

impl<S> fmt::Debug for Condition<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:?} {:?}", self.demand, self.name)
    }
}
