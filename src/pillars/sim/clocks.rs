//! Clocks of which the first to ring is asked for: a tournament tree (Knuth, The Art of Computer
//! Programming 3, 5.4.1). For events that belong to one of so many servers: setting one costs the
//! logarithm of their number, and unlike in a calendar it can be set anew.

/// One clock for each server.
#[derive(Clone, Debug)]
pub(crate) struct Clocks {
    /// A binary tree, its root at 1, a clock at each leaf: when the first below rings, and which
    /// it is; of equal ones the lower number. Infinite: never.
    tree: Vec<(f64, u32)>,
}

impl Clocks {
    /// So many, none of them set.
    pub fn new(count: usize) -> Self {
        let size = count.next_power_of_two();
        let mut tree = vec![(f64::INFINITY, 0); 2 * size];
        for node in (1..2 * size).rev() {
            tree[node].1 = if node >= size { (node - size) as u32 } else { tree[2 * node].1 };
        }
        Self { tree }
    }

    /// Sets one to ring at a time; infinite: not at all.
    #[inline]
    pub fn set(&mut self, clock: usize, time: f64) {
        let mut node = self.tree.len() / 2 + clock;
        self.tree[node] = (time, clock as u32);
        while node > 1 {
            let (left, right) = (self.tree[node & !1], self.tree[node | 1]);
            let first = if right.0 < left.0 { right } else { left };
            node /= 2;
            // Most are neither the first nor were it.
            if self.tree[node] == first {
                return;
            }
            self.tree[node] = first;
        }
    }

    /// When the first rings, and which.
    #[inline]
    pub fn first(&self) -> (f64, usize) {
        let (time, clock) = self.tree[1];
        (time, clock as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Stream;

    #[test]
    fn the_first_is_the_least_of_all_and_of_equal_ones_the_lowest() {
        let mut stream = Stream::new(2, 0, "clocks");
        for count in [1, 2, 3, 4, 7, 8, 33] {
            let mut clocks = Clocks::new(count);
            let mut times = vec![f64::INFINITY; count];
            assert_eq!(clocks.first(), (f64::INFINITY, 0));
            for _ in 0..2000 {
                let clock = stream.below(count);
                let time =
                    if stream.below(4) == 0 { f64::INFINITY } else { stream.below(20) as f64 };
                (times[clock], _) = (time, clocks.set(clock, time));
                let least = times.iter().copied().fold(f64::INFINITY, f64::min);
                let first = times.iter().position(|time| *time == least).unwrap();
                assert_eq!(clocks.first(), (least, first), "{count}");
            }
        }
    }
}
