//! What must come before what in every order that explains the replies, as far as it follows from
//! reads of values that one operation alone writes: a write comes before the reads of it, and no
//! other write comes between (saturation: Zennou, Bouajjani, Enea and Erradi, *Gradual consistency
//! checking*, 2019). Whether there is an order stays open; but what contradicts itself has none.

use super::specification::{Finds, RegisterHint};
use std::collections::BTreeMap;

/// The operations of a history: completed ones by process, and pending ones.
pub(super) struct Programs<'a> {
    /// Of each operation what is known of it, completed ones first.
    pub hints: &'a [RegisterHint],
    /// Of each operation its register.
    pub objects: &'a [u32],
    /// Of each process its completed operations in order.
    pub lanes: &'a [Vec<u32>],
    /// Of each pending operation its process, and how many of its completed ones come before.
    pub after: &'a [(usize, u32)],
}

/// Of each operation those that must come before it, but for what follows from its process.
pub(super) struct Must {
    before: Vec<Vec<u32>>,
}

impl Must {
    /// What must come before what; nothing if that contradicts itself.
    pub(super) fn of(programs: &Programs<'_>) -> Option<Self> {
        let mut known = Known::of(programs)?;
        while known.saturates()? {
            crate::interrupt::tick();
        }
        Some(Self { before: known.before() })
    }

    /// With nothing known.
    pub(super) fn nothing(count: usize) -> Self {
        Self { before: vec![vec![]; count] }
    }

    /// Whether all is placed that must come before an operation.
    pub(super) fn allows(&self, operation: u32, is_placed: &[bool]) -> bool {
        self.before[operation as usize].iter().all(|&it| is_placed[it as usize])
    }
}

/// Writes of a register, by lane, in the order of the lane.
type Writes = Vec<(usize, Vec<u32>)>;

struct Known {
    /// The processes, and each pending operation that must have taken effect by itself.
    lanes: Vec<Vec<u32>>,
    /// Of each operation its lane and its place in it; none of pending ones that nobody needs.
    place: Vec<Option<(usize, u32)>>,
    /// Of each operation and each lane how many of the lane must come before.
    past: Vec<u32>,
    /// Of each operation some that must come after it.
    next: Vec<Vec<u32>>,
    /// Reads, each with the write that it is of.
    reads: Vec<(u32, u32)>,
    /// The writes of each read's register.
    writes: Vec<Writes>,
    objects: Vec<u32>,
}

impl Known {
    fn of(programs: &Programs<'_>) -> Option<Self> {
        let &Programs { hints, objects, lanes, after } = programs;
        let completed = hints.len() - after.len();
        let needs = |it: usize| match hints[it].finds {
            Finds::Only(value) => Some(value),
            Finds::Anything | Finds::NotThis(_) => None,
        };
        // Of each value the operation that leaves it, if that is one alone.
        let mut leaver: BTreeMap<(u32, i64), Option<u32>> = BTreeMap::new();
        for (it, hint) in (0..).zip(hints) {
            if let Some(value) = hint.leaves {
                let one = leaver.entry((objects[it as usize], value));
                one.and_modify(|one| *one = None).or_insert(Some(it));
            }
        }
        let source = |it: usize| leaver.get(&(objects[it], needs(it)??)).copied().flatten();
        let mut lanes = lanes.to_vec();
        let mut place = vec![None; hints.len()];
        for (number, lane) in lanes.iter().enumerate() {
            for (at, it) in (0..).zip(lane) {
                place[*it as usize] = Some((number, at));
            }
        }
        let mut reads = vec![];
        let mut open: Vec<usize> = (0..completed).collect();
        while let Some(it) = open.pop() {
            let Some(write) = source(it) else { continue };
            reads.push((it as u32, write));
            if place[write as usize].is_none() {
                place[write as usize] = Some((lanes.len(), 0));
                lanes.push(vec![write]);
                open.push(write as usize);
            }
        }
        let mut writes = vec![Writes::new(); objects.iter().max().map_or(0, |&it| it as usize + 1)];
        for (number, lane) in lanes.iter().enumerate() {
            for &it in lane.iter().filter(|&&it| hints[it as usize].leaves.is_some()) {
                let of = &mut writes[objects[it as usize] as usize];
                match of.last_mut() {
                    Some((last, all)) if *last == number => all.push(it),
                    _ => of.push((number, vec![it])),
                }
            }
        }
        let mut known = Self {
            past: vec![0; hints.len() * lanes.len()],
            next: vec![vec![]; hints.len()],
            lanes,
            place,
            reads,
            writes,
            objects: objects.to_vec(),
        };
        for lane in known.lanes.clone() {
            lane.windows(2).try_for_each(|pair| known.add(pair[0], pair[1]).map(drop))?;
        }
        for (number, &(lane, before)) in after.iter().enumerate() {
            let it = completed + number;
            if known.place[it].is_some() && before > 0 {
                known.add(known.lanes[lane][before as usize - 1], it as u32)?;
            }
        }
        for (read, write) in known.reads.clone() {
            known.add(write, read)?;
        }
        // Nobody writes nil: who finds it comes before all writes.
        for (it, &object) in objects.iter().enumerate() {
            if known.place[it].is_none() || needs(it) != Some(None) {
                continue;
            }
            for (_, all) in known.writes[object as usize].clone() {
                if let Some(first) = all.into_iter().find(|&write| write as usize != it) {
                    known.add(it as u32, first)?;
                }
            }
        }
        Some(known)
    }

    fn past(&self, of: u32, lane: usize) -> u32 {
        self.past[of as usize * self.lanes.len() + lane]
    }

    /// Whether one must come before another, as far as is known.
    fn precedes(&self, one: u32, other: u32) -> bool {
        self.place[one as usize].is_some_and(|(lane, at)| self.past(other, lane) > at)
    }

    /// One must come before another; whether that is new. Nothing if it contradicts what is known.
    fn add(&mut self, one: u32, other: u32) -> Option<bool> {
        if self.precedes(one, other) {
            return Some(false);
        }
        self.next[one as usize].push(other);
        let mut raised = vec![one];
        while let Some(it) = raised.pop() {
            let (lane, at) = self.place[it as usize]?;
            for number in 0..self.next[it as usize].len() {
                let later = self.next[it as usize][number];
                let mut is_new = false;
                for of in 0..self.lanes.len() {
                    let own = if of == lane { at + 1 } else { 0 };
                    let count = self.past(it, of).max(own);
                    let there = &mut self.past[later as usize * self.lanes.len() + of];
                    if count > *there {
                        (*there, is_new) = (count, true);
                    }
                }
                if self.precedes(later, later) {
                    return None;
                }
                if is_new {
                    raised.push(later);
                }
            }
        }
        Some(true)
    }

    /// Draws conclusions from each read; whether there was one that is new.
    fn saturates(&mut self) -> Option<bool> {
        let mut is_new = false;
        for number in 0..self.reads.len() {
            let (read, write) = self.reads[number];
            let object = self.objects[write as usize] as usize;
            for of_lane in 0..self.writes[object].len() {
                let (lane, all) = &self.writes[object][of_lane];
                let seen = self.past(read, *lane);
                // What comes before the read comes before its write.
                let is_seen = |it: &u32| self.place[*it as usize].is_some_and(|(_, at)| at < seen);
                let last = all[..all.partition_point(is_seen)].last().copied();
                // What comes after the write comes after the read.
                let first = all.partition_point(|it| !self.precedes(write, *it));
                let first = all[first..].iter().copied().find(|&it| it != read);
                if let Some(last) = last.filter(|&it| it != write) {
                    is_new |= self.add(last, write)?;
                }
                if let Some(first) = first {
                    is_new |= self.add(read, first)?;
                }
            }
        }
        Some(is_new)
    }

    /// Of each operation the last of each lane that must come before it, unless that must come
    /// before what its process did before already.
    fn before(&self) -> Vec<Vec<u32>> {
        let of = |it: usize| {
            let Some((lane, at)) = self.place[it] else { return vec![] };
            let previous = at.checked_sub(1).map(|at| self.lanes[lane][at as usize]);
            let last = |other: usize| {
                let count = self.past(it as u32, other);
                let known = previous.map_or(0, |it| self.past(it, other));
                (other != lane && count > known).then(|| self.lanes[other][count as usize - 1])
            };
            (0..self.lanes.len()).filter_map(last).collect()
        };
        (0..self.place.len()).map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(value: i64) -> RegisterHint {
        RegisterHint { finds: Finds::Anything, leaves: Some(value) }
    }

    fn read(value: Option<i64>) -> RegisterHint {
        RegisterHint { finds: Finds::Only(value), leaves: None }
    }

    fn before(hints: &[RegisterHint], lanes: &[Vec<u32>]) -> Option<Vec<Vec<u32>>> {
        let objects = vec![0; hints.len()];
        let programs = Programs { hints, objects: &objects, lanes, after: &[] };
        Must::of(&programs).map(|must| must.before)
    }

    #[test]
    fn what_follows_from_reads() {
        // One process writes 1 and reads 2; another writes 2 and reads nothing else: 1 before 2.
        let hints = [write(1), read(Some(2)), write(2)];
        assert_eq!(before(&hints, &[vec![0, 1], vec![2]]), Some(vec![vec![], vec![2], vec![0]]));
        // And the other finds 1 after its own write: no order.
        let hints = [write(1), read(Some(2)), write(2), read(Some(1))];
        assert_eq!(before(&hints, &[vec![0, 1], vec![2, 3]]), None);
        // Nil is found before all writes, not after one's own.
        let hints = [write(1), read(None)];
        assert_eq!(before(&hints, &[vec![0], vec![1]]), Some(vec![vec![1], vec![]]));
        assert_eq!(before(&hints, &[vec![0, 1]]), None);
        // Of a value that is written twice nothing is known.
        let hints = [write(1), write(1), read(Some(1))];
        assert_eq!(
            before(&hints, &[vec![0], vec![1], vec![2]]),
            Some(vec![vec![], vec![], vec![]])
        );
    }
}
