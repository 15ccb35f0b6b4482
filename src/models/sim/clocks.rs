//! Clocks of which the first to ring is asked for, for events that belong to one of so many
//! servers: unlike in a calendar, each can be set anew.

/// Up to this many are looked through when the first of them is set later; of more the first is
/// found by a tree.
const FEW: usize = 16;

/// So many are compared at once.
const LANES: usize = 4;

/// One clock for each server. Infinite: not set.
#[derive(Clone, Debug)]
pub(crate) enum Clocks {
    /// Their times, of which so many are used; beyond their number none is ever set.
    Few { times: [f64; FEW], used: usize, first: f64 },
    /// A tournament tree (Knuth, The Art of Computer Programming 3, 5.4.1), its root at 1, a clock
    /// at each leaf: when the first below rings, and which it is; of equal ones the lower number.
    Many { tree: Vec<(f64, u32)> },
}

impl Clocks {
    /// So many, none of them set.
    pub fn new(count: usize) -> Self {
        if count <= FEW {
            let (times, first) = ([f64::INFINITY; FEW], f64::INFINITY);
            return Self::Few { times, used: count.next_multiple_of(LANES), first };
        }
        let size = count.next_power_of_two();
        let mut tree = vec![(f64::INFINITY, 0); 2 * size];
        for node in (1..2 * size).rev() {
            tree[node].1 = if node >= size { (node - size) as u32 } else { tree[2 * node].1 };
        }
        Self::Many { tree }
    }

    /// Sets one to ring at a time; infinite: not at all.
    #[inline]
    pub fn set(&mut self, clock: usize, time: f64) {
        match self {
            Self::Few { times, used, first } => {
                let old = std::mem::replace(&mut times[clock], time);
                if time <= *first {
                    *first = time;
                } else if old == *first {
                    *first = least(&times[..*used]);
                }
            }
            Self::Many { tree } => {
                let mut node = tree.len() / 2 + clock;
                tree[node] = (time, clock as u32);
                while node > 1 {
                    let left = node & !1;
                    // Which is less cannot be foretold: a place to read from, and no branch.
                    let first = tree[left + usize::from(tree[left + 1].0 < tree[left].0)];
                    node /= 2;
                    // Most are neither the first nor were it.
                    if tree[node] == first {
                        return;
                    }
                    tree[node] = first;
                }
            }
        }
    }

    /// When the first rings.
    #[inline(always)]
    pub fn first(&self) -> f64 {
        match self {
            Self::Few { first, .. } => *first,
            Self::Many { tree } => tree[1].0,
        }
    }

    /// Which is the first; of equal ones the lowest.
    #[inline]
    pub fn which(&self) -> usize {
        match self {
            Self::Few { times, used, first } => {
                times[..*used].iter().position(|time| time == first).unwrap_or_default()
            }
            Self::Many { tree } => tree[1].1 as usize,
        }
    }

    /// The last of those that are set: when it rings, and which it is.
    #[inline]
    pub fn last(&self) -> Option<(f64, usize)> {
        match self {
            Self::Few { times, used, .. } => latest(times[..*used].iter().copied()),
            Self::Many { tree } => latest(tree[tree.len() / 2..].iter().map(|(time, _)| *time)),
        }
    }
}

/// The least of numbers, by lanes: which is less cannot be foretold, and must be no branch.
#[inline(always)]
fn least(times: &[f64]) -> f64 {
    let less = |a: f64, b: f64| if b < a { b } else { a };
    let mut lanes = [f64::INFINITY; LANES];
    for several in times.chunks_exact(LANES) {
        for (lane, time) in lanes.iter_mut().zip(several) {
            *lane = less(*lane, *time);
        }
    }
    less(less(lanes[0], lanes[1]), less(lanes[2], lanes[3]))
}

/// The greatest that is finite, and its place.
#[inline(always)]
fn latest(times: impl Iterator<Item = f64>) -> Option<(f64, usize)> {
    let (mut latest, mut place) = (f64::NEG_INFINITY, 0);
    for (at, time) in times.enumerate() {
        let is_later = time > latest && time < f64::INFINITY;
        latest = if is_later { time } else { latest };
        place = if is_later { at } else { place };
    }
    (latest > f64::NEG_INFINITY).then_some((latest, place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Stream;

    #[test]
    fn the_first_is_the_least_of_all_and_of_equal_ones_the_lowest() {
        let mut stream = Stream::new(2, 0, "clocks");
        for count in [1, 2, 3, 4, 7, 8, 16, 17, 33] {
            let mut clocks = Clocks::new(count);
            let mut times = vec![f64::INFINITY; count];
            assert_eq!((clocks.first(), clocks.which()), (f64::INFINITY, 0));
            for _ in 0..2000 {
                let clock = stream.below(count);
                let time =
                    if stream.below(4) == 0 { f64::INFINITY } else { stream.below(20) as f64 };
                (times[clock], _) = (time, clocks.set(clock, time));
                let least = times.iter().copied().fold(f64::INFINITY, f64::min);
                let which = times.iter().position(|time| *time == least).unwrap();
                assert_eq!((clocks.first(), clocks.which()), (least, which), "{count}");
                let set = times.iter().copied().filter(|time| time.is_finite());
                let last = set.reduce(f64::max);
                assert_eq!(clocks.last().map(|(time, _)| time), last);
                assert!(clocks.last().is_none_or(|(time, which)| times[which] == time));
            }
        }
    }
}
