//! The ring of consistent hashing (Karger and others, 1997), with virtual nodes.

use super::hash::both;

/// Points on a circle of 2^64, each of a member; a key belongs to the first point at or after it.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    /// In ascending order.
    points: Vec<u64>,
    owners: Vec<u32>,
    /// The circle in 2^bits equal arcs: of each, where its first point is, or would be.
    starts: Vec<u32>,
    bits: u32,
}

impl Ring {
    /// Of each member its hash and its number of points.
    pub fn new(members: &[(u64, usize)]) -> Self {
        let mut all: Vec<(u64, u64, u32)> = vec![];
        for (member, &(hash, points)) in members.iter().enumerate() {
            // Where two points meet, the order of the list of nodes must not decide.
            all.extend((0..points as u64).map(|point| (both(hash, point), hash, member as u32)));
        }
        all.sort_unstable();
        let points: Vec<u64> = all.iter().map(|(point, ..)| *point).collect();
        let owners = all.iter().map(|(.., owner)| *owner).collect();
        let bits = points.len().next_power_of_two().trailing_zeros().max(1);
        let mut starts = Vec::with_capacity(1 << bits);
        let mut first = 0;
        for arc in 0..1u64 << bits {
            while first < points.len() && points[first] < arc << (64 - bits) {
                first += 1;
            }
            starts.push(first as u32);
        }
        Self { points, owners, starts, bits }
    }

    /// Where a key's point is: the first at or after it, around the circle.
    #[inline]
    fn at(&self, key: u64) -> usize {
        let mut at = self.starts[(key >> (64 - self.bits)) as usize] as usize;
        while at < self.points.len() && self.points[at] < key {
            at += 1;
        }
        if at == self.points.len() { 0 } else { at }
    }

    /// The member to which a key belongs.
    #[inline]
    pub fn owner(&self, key: u64) -> usize {
        self.owners[self.at(key)] as usize
    }

    /// The owners of all points in the order in which a key meets them; members come again.
    pub fn from(&self, key: u64) -> impl Iterator<Item = usize> {
        let at = self.at(key);
        self.owners[at..].iter().chain(&self.owners[..at]).map(|owner| *owner as usize)
    }

    /// Bytes of its tables.
    pub fn bytes(&self) -> usize {
        self.points.len() * 12 + self.starts.len() * 4
    }

    /// The part of the circle that belongs to each of so many members.
    pub fn arcs(&self, members: usize) -> Vec<f64> {
        let mut arcs = vec![0.0; members];
        let mut before = self.points[self.points.len() - 1];
        for (point, owner) in self.points.iter().zip(&self.owners) {
            arcs[*owner as usize] += point.wrapping_sub(before) as f64 / 2f64.powi(64);
            before = *point;
        }
        arcs
    }
}

#[cfg(test)]
mod tests {
    use super::super::hash::scramble;
    use super::*;

    fn ring(members: usize, points: usize) -> Ring {
        Ring::new(&(0..members as u64).map(|id| (scramble(id), points)).collect::<Vec<_>>())
    }

    /// By looking at every point, without the index.
    fn by_hand(ring: &Ring, key: u64) -> usize {
        let clockwise = |at: &usize| ring.points[*at].wrapping_sub(key);
        let first = (0..ring.points.len()).min_by_key(clockwise);
        ring.owners[first.unwrap()] as usize
    }

    #[test]
    fn the_index_finds_what_a_look_at_every_point_finds() {
        for (members, points) in [(1, 1), (2, 1), (3, 5), (7, 100)] {
            let ring = ring(members, points);
            let at_points = ring.points.iter().flat_map(|at| [at.wrapping_sub(1), *at, at + 1]);
            let keys = (0..2000).map(scramble).chain(at_points).chain([0, u64::MAX]);
            for key in keys {
                assert_eq!(ring.owner(key), by_hand(&ring, key), "{members}, {points}, {key}");
                assert_eq!(ring.from(key).next(), Some(ring.owner(key)));
            }
        }
    }

    #[test]
    fn arcs_are_what_keys_meet() {
        let ring = ring(5, 3);
        let mut met = [0.0; 5];
        (0..200_000).for_each(|key| met[ring.owner(scramble(key))] += 1.0 / 200_000.0);
        let arcs = ring.arcs(5);
        assert!((arcs.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        // Five deviations of a share of keys are below 0.0056.
        assert!(
            arcs.iter().zip(met).all(|(arc, met)| (arc - met).abs() < 0.006),
            "{arcs:?} {met:?}"
        );
    }
}
