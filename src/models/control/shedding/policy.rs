//! Who is dropped, when it comes or when its turn has come.

use super::super::at_least;
use crate::number::positive;
use crate::sim::Stream;
use std::sync::Arc;

/// What a policy sees of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// The time.
    pub now: f64,
    /// How many wait or are served: before it when it comes, with it when its turn has come.
    pub standing: usize,
    /// How long it has waited, if its turn has come; nothing if it has just arrived.
    pub waited: Option<f64>,
}

type Fresh = Arc<dyn Fn() -> Box<dyn FnMut(Seen) -> bool + Send> + Send + Sync>;

/// A policy of shedding.
#[derive(Clone)]
pub struct Shed {
    kind: Kind,
    newest_first: bool,
}

#[derive(Clone)]
pub(super) enum Kind {
    None,
    Room(usize),
    Deadline(f64),
    Probability(usize, usize),
    CoDel(f64, f64),
    ControlledDelay(f64, f64),
    Own(String, Fresh),
}

impl Shed {
    /// Nothing is dropped: the control.
    pub fn none() -> Self {
        Kind::None.into()
    }

    /// Who comes when so many wait or are served is dropped: a bounded queue.
    ///
    /// # Panics
    /// If there is no room.
    #[track_caller]
    pub fn room(places: usize) -> Self {
        at_least("Shed::room", "places", 1, places);
        Kind::Room(places).into()
    }

    /// Who has waited longer than this when its turn comes is dropped.
    ///
    /// # Panics
    /// If it is not a positive number.
    #[track_caller]
    pub fn deadline(wait: f64) -> Self {
        Kind::Deadline(positive("Shed::deadline", "longest wait", wait)).into()
    }

    /// Nothing is dropped, but the newest is served first.
    pub fn newest() -> Self {
        Shed::none().newest_first()
    }

    /// Who comes is dropped with a probability that rises evenly from 0, with `from` that wait or
    /// are served, to 1 with `to` (as random early detection does; Floyd and Jacobson, 1993,
    /// without its average).
    ///
    /// # Panics
    /// If `to` is not above `from`.
    #[track_caller]
    pub fn probability(from: usize, to: usize) -> Self {
        assert!(
            from < to,
            "Shed::probability: dropping must end at more requests than it begins with, but it \
             goes from {from} to {to}; as in Shed::probability(5, 20)"
        );
        Kind::Probability(from, to).into()
    }

    /// CoDel (Nichols and Jacobson, 2012; RFC 8289): when for an interval no wait was below the
    /// target, one is dropped when its turn comes, and then more and more often, after
    /// interval / sqrt(n), until a wait is below the target. It is made for senders who slow down
    /// when something is dropped; Poisson requests do not.
    ///
    /// # Panics
    /// If target and interval are not positive numbers.
    #[track_caller]
    pub fn codel(target: f64, interval: f64) -> Self {
        positive("Shed::codel", "target", target);
        Kind::CoDel(target, positive("Shed::codel", "interval", interval)).into()
    }

    /// Controlled delay as servers use it (Maurer, Fail at Scale, 2015): who has waited longer than
    /// the interval is dropped when its turn comes; and if the line was not empty for an interval,
    /// who has waited longer than the target.
    ///
    /// # Panics
    /// If target and interval are not positive numbers.
    #[track_caller]
    pub fn controlled_delay(target: f64, interval: f64) -> Self {
        positive("Shed::controlled_delay", "target", target);
        positive("Shed::controlled_delay", "interval", interval);
        Kind::ControlledDelay(target, interval).into()
    }

    /// A policy of one's own: `fresh` makes one; it is asked when a request comes and when its turn
    /// has come, and says whether to drop it.
    ///
    /// ```
    /// use pillars_models::control::{Seen, Shed};
    /// let mine = Shed::own("at most 4", || |seen: Seen| seen.waited.is_none() && seen.standing >= 4);
    /// assert_eq!(mine.name(), "at most 4");
    /// ```
    pub fn own<P: FnMut(Seen) -> bool + Send + 'static>(
        name: &str,
        fresh: impl Fn() -> P + Send + Sync + 'static,
    ) -> Self {
        Kind::Own(name.to_owned(), Arc::new(move || Box::new(fresh()))).into()
    }

    /// The same with the newest served first.
    pub fn newest_first(self) -> Self {
        Self { newest_first: true, ..self }
    }

    /// Its name, as "CoDel".
    pub fn name(&self) -> String {
        let name = match &self.kind {
            Kind::None if self.newest_first => return "newest first".to_owned(),
            Kind::None => "no shedding",
            Kind::Room(_) => "bounded queue",
            Kind::Deadline(_) => "deadline",
            Kind::Probability(..) => "probability",
            Kind::CoDel(..) => "CoDel",
            Kind::ControlledDelay(..) => "controlled delay",
            Kind::Own(name, _) => name,
        };
        match self.newest_first {
            true => format!("{name}, newest first"),
            false => name.to_owned(),
        }
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.kind
    }

    pub(super) fn is_newest_first(&self) -> bool {
        self.newest_first
    }

    pub(super) fn start(&self, stream: Stream) -> Policy {
        let own = match &self.kind {
            Kind::Own(_, fresh) => Some(fresh()),
            _ => None,
        };
        Policy { kind: self.kind.clone(), own, stream, empty: 0.0, codel: CoDel::default() }
    }
}

impl From<Kind> for Shed {
    fn from(kind: Kind) -> Self {
        Self { kind, newest_first: false }
    }
}

impl std::fmt::Debug for Shed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

/// What becomes of a request.
#[derive(PartialEq)]
pub(super) enum Verdict {
    Takes,
    Drops,
}

/// A policy at work.
pub(super) struct Policy {
    kind: Kind,
    own: Option<Box<dyn FnMut(Seen) -> bool + Send>>,
    stream: Stream,
    /// When nobody waited for the last time.
    empty: f64,
    codel: CoDel,
}

impl Policy {
    pub(super) fn hears(&mut self, seen: Seen) -> Verdict {
        if seen.standing == 1 && seen.waited.is_some() {
            self.empty = seen.now;
        }
        let drops = match (&self.kind, seen.waited) {
            (Kind::Room(places), None) => seen.standing >= *places,
            (Kind::Deadline(longest), Some(waited)) => waited > *longest,
            (Kind::Probability(from, to), None) => {
                let above = seen.standing.saturating_sub(*from) as f64;
                above > 0.0 && self.stream.uniform() * (to - from) as f64 <= above
            }
            (Kind::CoDel(target, interval), Some(waited)) => {
                self.codel.drops(seen.now, waited, seen.standing == 1, *target, *interval)
            }
            (Kind::ControlledDelay(target, interval), Some(waited)) => {
                let stands = seen.now - self.empty > *interval;
                waited > if stands { *target } else { *interval }
            }
            (Kind::Own(..), _) => self.own.as_mut().is_some_and(|own| own(seen)),
            _ => false,
        };
        if drops { Verdict::Drops } else { Verdict::Takes }
    }

    /// Nobody is there.
    pub(super) fn idle(&mut self, now: f64) {
        self.empty = now;
        self.codel.first_above = None;
    }
}

/// The state of RFC 8289, section 5.
#[derive(Default)]
struct CoDel {
    first_above: Option<f64>,
    dropping: bool,
    next: f64,
    count: u32,
    last_count: u32,
}

impl CoDel {
    fn drops(&mut self, now: f64, waited: f64, is_last: bool, target: f64, interval: f64) -> bool {
        let law = |from: f64, count: u32| from + interval / f64::from(count.max(1)).sqrt();
        let may_drop = if waited < target || is_last {
            self.first_above = None;
            false
        } else {
            now >= *self.first_above.get_or_insert(now + interval)
        };
        if self.dropping {
            if !may_drop {
                self.dropping = false;
            } else if now >= self.next {
                self.count += 1;
                self.next = law(self.next, self.count);
                return true;
            }
            return false;
        }
        if may_drop {
            self.dropping = true;
            // Having stopped only just now it goes on at nearly the pace it had.
            let recent = self.count - self.last_count > 1 && now - self.next < 16.0 * interval;
            self.count = if recent { self.count - self.last_count } else { 1 };
            self.last_count = self.count;
            self.next = law(now, self.count);
        }
        may_drop
    }
}
