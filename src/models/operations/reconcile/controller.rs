//! What a controller does when it is told of an object.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

/// What a controller may look at: what it was told, and what is.
#[derive(Debug)]
pub struct Glance {
    pub(super) told: Option<(f64, f64)>,
    pub(super) desired: f64,
    pub(super) actual: f64,
    pub(super) looked: Cell<bool>,
}

impl Glance {
    /// The value that the event was sent with: that of then. Nothing at a resync.
    pub fn value(&self) -> Option<f64> {
        self.told.map(|(value, _)| value)
    }

    /// By how much the event says that the value changed. Nothing at a resync.
    pub fn change(&self) -> Option<f64> {
        self.told.map(|(_, change)| change)
    }

    /// What is desired now: a look at the store, which is counted.
    pub fn desired(&self) -> f64 {
        self.looked.set(true);
        self.desired
    }

    /// What the object is now.
    pub fn actual(&self) -> f64 {
        self.actual
    }
}

/// What an object is made to be, from what a controller sees.
#[derive(Clone)]
pub struct Controller {
    name: String,
    pub(super) kind: Kind,
    pub(super) merges: bool,
    act: Arc<dyn Fn(&Glance) -> f64 + Send + Sync>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Changes,
    Values,
    Level,
    Own,
}

impl Controller {
    /// Edge-triggered by changes: adds what the event says has changed. What it is not told of, it
    /// never makes good, unless there is a resync.
    pub fn changes() -> Self {
        let act = |seen: &Glance| match seen.change() {
            Some(change) => seen.actual() + change,
            None => seen.desired(),
        };
        Self::of("edge: changes", Kind::Changes, false, act)
    }

    /// Edge-triggered by values: makes the object what the event says, which may be old.
    pub fn values() -> Self {
        let act = |seen: &Glance| seen.value().unwrap_or_else(|| seen.desired());
        Self::of("edge: values", Kind::Values, false, act)
    }

    /// Level-triggered: an event says only which object to look at; it is made what is desired
    /// now. Events of an object that waits already are merged with it.
    pub fn level() -> Self {
        Self::of("level", Kind::Level, true, |seen: &Glance| seen.desired())
    }

    /// The reader's own: from what it sees to what the object is made to be, as in
    /// `Controller::own("half way", |seen| (seen.actual() + seen.desired()) / 2.0)`.
    pub fn own(name: &str, act: impl Fn(&Glance) -> f64 + Send + Sync + 'static) -> Self {
        Self::of(name, Kind::Own, false, act)
    }

    /// The same with a work queue that holds an object once, however many events there are of it
    /// (or not): right only for a controller that does not look at what the event says.
    pub fn merging(self, merges: bool) -> Self {
        Self { merges, ..self }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    #[track_caller]
    pub(super) fn act(&self, seen: &Glance) -> f64 {
        let value = (self.act)(seen);
        assert!(
            value.is_finite(),
            "Controller::own: a controller must make an object a finite number, but {} makes it \
             {value}",
            self.name
        );
        value
    }

    fn of(
        name: &str,
        kind: Kind,
        merges: bool,
        act: impl Fn(&Glance) -> f64 + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.to_owned(), kind, merges, act: Arc::new(act) }
    }
}

impl fmt::Debug for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
