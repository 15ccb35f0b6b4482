//! What can be known beforehand of the operations on a register, and spares a search much.

use super::specification::{Finds, RegisterHint};

/// No value.
const NONE: u32 = u32::MAX;

/// Of the operations that are not placed, how many depend on which value. Values have numbers, and
/// those of different registers have different ones.
pub(super) struct Lookahead {
    steps: Vec<Step>,
    completed: usize,
    /// Of each value the completed operations that are right only if the register holds it.
    needed: Vec<u32>,
    /// Of each value the completed operations that only read it.
    read: Vec<u32>,
    /// Of each value the operations to which it makes a difference.
    cared: Vec<u32>,
    /// Of each value the operations that leave it.
    left: Vec<u32>,
    /// Of each register the operations that are right unless it holds some value.
    avoiding: Vec<u32>,
    /// What each register holds.
    held: Vec<u32>,
    /// What the registers held before the operations that are placed, one after the other.
    undo: Vec<u32>,
    /// Of each value whether one operation alone leaves it, among all.
    is_unique: Vec<bool>,
    /// Of each value the last beginning of a completed operation that needs it, among all.
    latest: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Step {
    object: u32,
    needs: u32,
    avoids: u32,
    leaves: u32,
}

impl Lookahead {
    /// Of the completed operations, with their beginnings in time, then the pending ones; and of
    /// each its register, from 0 on.
    pub(super) fn new(hints: &[RegisterHint], objects: &[u32], begins: &[u32]) -> Self {
        let count = objects.iter().max().map_or(1, |&last| last + 1);
        let mut values: Vec<(u32, Option<i64>)> = (0..count).map(|object| (object, None)).collect();
        for (hint, &object) in hints.iter().zip(objects) {
            values.extend(hint.leaves.map(|value| (object, Some(value))));
            values.extend(match hint.finds {
                Finds::Anything => None,
                Finds::Only(value) => Some((object, value)),
                Finds::NotThis(value) => Some((object, Some(value))),
            });
        }
        values.sort_unstable();
        values.dedup();
        let number = |object: u32, value: Option<i64>| {
            values.binary_search(&(object, value)).map_or(NONE, |at| at as u32)
        };
        let step = |(hint, &object): (&RegisterHint, &u32)| Step {
            object,
            needs: if let Finds::Only(it) = hint.finds { number(object, it) } else { NONE },
            avoids: match hint.finds {
                Finds::NotThis(value) => number(object, Some(value)),
                Finds::Anything | Finds::Only(_) => NONE,
            },
            leaves: hint.leaves.map_or(NONE, |value| number(object, Some(value))),
        };
        let zeros = vec![0; values.len()];
        let mut lookahead = Self {
            steps: hints.iter().zip(objects).map(step).collect(),
            completed: begins.len(),
            needed: zeros.clone(),
            read: zeros.clone(),
            cared: zeros.clone(),
            left: zeros.clone(),
            avoiding: vec![0; count as usize],
            held: (0..count).map(|object| number(object, None)).collect(),
            undo: vec![],
            is_unique: vec![],
            latest: zeros,
        };
        (0..hints.len()).for_each(|operation| lookahead.add(operation as u32, 1));
        lookahead.is_unique = lookahead.left.iter().map(|&left| left == 1).collect();
        for (step, &begins) in lookahead.steps.iter().zip(begins) {
            if let Some(latest) = lookahead.latest.get_mut(step.needs as usize) {
                *latest = begins.max(*latest);
            }
        }
        lookahead
    }

    pub(super) fn place(&mut self, operation: u32) {
        self.add(operation, u32::MAX);
        let Step { object, leaves, .. } = self.steps[operation as usize];
        if leaves != NONE {
            let held = &mut self.held[object as usize];
            self.undo.push(std::mem::replace(held, leaves));
        }
    }

    /// Takes back the last that was placed, this one.
    pub(super) fn take_back(&mut self, operation: u32) {
        self.add(operation, 1);
        let Step { object, leaves, .. } = self.steps[operation as usize];
        if leaves != NONE
            && let Some(held) = self.undo.pop()
        {
            self.held[object as usize] = held;
        }
    }

    fn add(&mut self, operation: u32, count: u32) {
        let Step { object, needs, avoids, leaves } = self.steps[operation as usize];
        let add = |counts: &mut [u32], value: u32| {
            if let Some(there) = counts.get_mut(value as usize) {
                *there = there.wrapping_add(count);
            }
        };
        if (operation as usize) < self.completed {
            add(&mut self.needed, needs);
            if leaves == NONE {
                add(&mut self.read, needs);
            }
        }
        add(&mut self.cared, needs);
        add(&mut self.cared, avoids);
        add(&mut self.left, leaves);
        if avoids != NONE {
            add(&mut self.avoiding, object);
        }
    }

    /// Whether some operation needs a value that its register does not hold and nobody writes.
    pub(super) fn is_hopeless(&self) -> bool {
        let mut values = (0..).zip(self.needed.iter().zip(&self.left));
        values
            .any(|(value, (&needed, &left))| needed > 0 && left == 0 && !self.held.contains(&value))
    }

    /// Whether the operation overwrites what another still needs, and nobody writes again.
    pub(super) fn is_dead_end(&self, operation: u32) -> bool {
        let Step { object, needs, leaves, .. } = self.steps[operation as usize];
        let held = self.held[object as usize];
        if leaves == NONE || leaves == held {
            return false;
        }
        let itself = needs == held && (operation as usize) < self.completed;
        let needed = self.needed[held as usize] - u32::from(itself);
        needed > 0 && self.left[held as usize] == 0
    }

    /// Whether a pending operation leaves what nobody cares about, and nobody cares for the loss
    /// of what there was.
    pub(super) fn is_vain(&self, pending: u32) -> bool {
        let Step { object, leaves, .. } = self.steps[pending as usize];
        self.avoiding[object as usize] == 0 && (leaves == NONE || self.cared[leaves as usize] == 0)
    }

    /// Whether it makes no difference what a register holds.
    pub(super) fn is_forgotten(&self, object: u32) -> bool {
        self.cared[self.held[object as usize] as usize] == 0
    }

    /// Puts what each register holds, as far as it makes a difference.
    pub(super) fn key(&self, into: &mut Vec<u64>) {
        let held = |object: u32| match self.is_forgotten(object) {
            true => NONE,
            false => self.held[object as usize],
        };
        let count = self.held.len() as u32;
        into.extend((0..count).step_by(2).map(|object| {
            let other = if object + 1 < count { held(object + 1) } else { NONE };
            u64::from(held(object)) << 32 | u64::from(other)
        }));
    }

    /// How many words that are; none if there is one register, which the state tells.
    pub(super) fn key_words(&self) -> usize {
        if self.held.len() == 1 { 0 } else { self.held.len().div_ceil(2) }
    }

    /// Whether the operation overwrites what nobody cares about with what is only read, by
    /// operations that have all begun by the first end of what is not placed. Then it may as well
    /// be now, and these reads with it: what would have come before them sees no difference. Not,
    /// if some operation after it is right because of what the register does not hold.
    pub(super) fn is_free(&self, operation: u32, first_end: u32) -> bool {
        let Step { object, needs, leaves, .. } = self.steps[operation as usize];
        self.avoiding[object as usize] == 0
            && needs == NONE
            && leaves != NONE
            && self.is_forgotten(object)
            && self.cared[leaves as usize] == self.read[leaves as usize]
            && (self.cared[leaves as usize] == 0 || self.latest[leaves as usize] < first_end)
    }

    /// When the last read of what the operation alone leaves begins, if that is after the first end
    /// of what is not placed. What ends before that reading, and cannot be between the operation and
    /// the reading, must come before the operation.
    pub(super) fn is_read_until(&self, operation: u32, first_end: u32) -> Option<u32> {
        let leaves = self.steps[operation as usize].leaves;
        let until = *self.latest.get(leaves as usize)?;
        (self.is_unique[leaves as usize] && until > first_end).then_some(until)
    }

    /// Whether an operation may be right between another and a read of what that leaves.
    pub(super) fn fits_behind(&self, operation: u32, other: u32) -> bool {
        let value = self.steps[other as usize].leaves;
        let Step { needs, avoids, leaves, .. } = self.steps[operation as usize];
        needs == value || (leaves == NONE && needs == NONE && avoids != value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_cannot_be_overwritten() {
        let write = |value| RegisterHint { finds: Finds::Anything, leaves: Some(value) };
        let read = |value| RegisterHint { finds: Finds::Only(value), leaves: None };
        let hints = [write(1), write(2), read(Some(1)), read(Some(2)), write(3), write(1)];
        let mut ahead = Lookahead::new(&hints, &[0; 6], &[0, 1, 2, 5, 4]);
        assert!(ahead.is_forgotten(0) && !ahead.is_hopeless());
        let free = |first_end| [0, 1, 4].map(|it| ahead.is_free(it, first_end));
        assert_eq!(free(3), [true, false, true]);
        assert_eq!(free(6), [true, true, true]);
        // The value 1 is written twice, 3 is not read.
        assert_eq!([0, 1, 4].map(|it| ahead.is_read_until(it, 3)), [None, Some(5), None]);
        assert_eq!([0, 2, 3].map(|it| ahead.fits_behind(it, 1)), [false, false, true]);
        assert!(ahead.is_vain(4) && !ahead.is_vain(5));
        ahead.place(1);
        assert_eq!([0, 4, 3].map(|it| ahead.is_dead_end(it)), [true, true, false]);
        ahead.place(3);
        assert!(!ahead.is_dead_end(0) && ahead.is_forgotten(0));
        ahead.place(0);
        // The pending write of 1 may still come.
        assert!(!ahead.is_dead_end(4) && !ahead.is_forgotten(0));
        ahead.place(5);
        assert!(ahead.is_dead_end(4));
        assert!(Lookahead::new(&[read(Some(7))], &[0], &[0]).is_hopeless());
        assert!(!Lookahead::new(&[read(None)], &[0], &[0]).is_hopeless());
        // Two registers: who still needs what the one holds does not mind the other.
        let hints = [write(1), write(1), write(2), read(Some(1))];
        let mut ahead = Lookahead::new(&hints, &[0, 1, 1, 0], &[0; 4]);
        ahead.place(0);
        ahead.place(1);
        assert_eq!((ahead.is_forgotten(0), ahead.is_forgotten(1)), (false, true));
        assert!(!ahead.is_dead_end(2));
        ahead.take_back(1);
        ahead.take_back(0);
        assert!(ahead.is_forgotten(0) && ahead.undo.is_empty());
    }
}
