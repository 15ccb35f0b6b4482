//! The search for an order of operations that a specification explains, after Wing and Gong (1993)
//! with the memo of Lowe (2017): try each operation that may be next, and never twice from the same
//! configuration (what has been placed, and the state).
//!
//! More rules keep it short; none loses an order that exists.
//! - A read that is right now is placed at once: whatever comes later can come after it.
//! - Pending operations need not be placed. Of all orders one with the fewest is enough, and there
//!   none can be left out: what follows a pending operation would be wrong, or lead elsewhere,
//!   without it. So a pending write is only placed right before something that depends on it.
//! - Of operations that are alike, that which began and ended first is placed first.
//! - Of registers it is known beforehand who needs which value: see [`Lookahead`].

use super::limit::Limit;
use super::lookahead::Lookahead;
use super::machine::{Machine, REFUSED};
use super::memo::Memo;
use super::specification::{Hint, RegisterHint};

/// Which operations may be next. Completed operations have the numbers from 0 on, and pending ones
/// those after them.
pub(super) trait Order {
    /// The completed operations that may be next, in the order in which to try them. None: all are
    /// placed.
    fn candidates(&self, into: &mut Vec<u32>);
    /// Places a completed operation.
    fn place(&mut self, operation: u32);
    /// Takes back the last that was placed, this one.
    fn take_back(&mut self, operation: u32);
    /// Whether a pending operation may be next.
    fn may_begin(&self, pending: u32) -> bool;
    /// Whether an operation that may be next can be: whether all is placed that must come before
    /// it in any order.
    fn allows(&self, _operation: u32, _is_placed: &[bool]) -> bool {
        true
    }
    /// How far it is: the search remembers where it was farthest.
    fn progress(&self, candidates: &[u32]) -> u32;
    /// When the first ends of the completed operations that are not placed and not passed over, if
    /// there is one and time matters.
    fn first_end(&self, passed_over: impl Fn(u32) -> bool) -> Option<u32>;
    /// When each completed operation begins, or the last moment if time does not matter.
    fn begins(&self) -> Vec<u32>;
    /// Puts what tells this configuration from others, but for the state and pending operations.
    fn key(&self, candidates: &[u32], into: &mut Vec<u64>);
    /// How many words that are.
    fn key_words(&self) -> usize;
}

/// The operations, in numbers.
pub(super) struct Kinds<'a> {
    /// Of each completed operation, then each pending one, its kind.
    pub(super) of: Vec<u32>,
    /// Of each kind what is known of it.
    pub(super) hints: &'a [Hint],
    /// Of each operation its object, from 0 on; nothing if there is but one.
    pub(super) objects: Vec<u32>,
    /// How many are completed.
    pub(super) completed: usize,
    /// Of each operation one that is alike and must be placed before it.
    pub(super) twins: Vec<Option<u32>>,
}

/// What a search found.
pub(super) struct Found {
    pub(super) answer: Answer,
    /// The order that it found, or the one with which it came farthest.
    pub(super) order: Vec<u32>,
    /// How far that was.
    pub(super) progress: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Order,
    NoOrder,
    Stopped,
}

/// Where something else can still be tried.
struct Choice {
    /// How many operations were placed.
    placed: usize,
    state: u32,
    before: u32,
    /// Its moves in the pool begin here.
    begin: usize,
    /// The next to try.
    next: usize,
    /// Whether pending operations are among its moves by now.
    with_pending: bool,
}

/// The last operation was a completed one.
const NONE: u32 = u32::MAX;

struct Search<'a, 'm, O> {
    order: &'a mut O,
    machine: &'a mut Machine<'m>,
    kinds: &'a Kinds<'a>,
    /// If all objects are registers.
    ahead: Option<Lookahead>,
    /// The operations placed, in order; of each whether it is; and of the pending ones in bits.
    placed: Vec<u32>,
    is_placed: Vec<bool>,
    used: Vec<u64>,
    state: u32,
    /// The state before the last operation, if that is a pending one.
    before: u32,
    candidates: Vec<u32>,
    /// Moves of all choices: an operation and the state after it.
    pool: Vec<(u32, u32)>,
    choices: Vec<Choice>,
    farthest: Farthest,
}

/// The order with which the search came farthest; of two, the longer one.
struct Farthest {
    progress: u32,
    order: Vec<u32>,
    /// So many of it are placed as they are there.
    shared: usize,
}

impl Farthest {
    fn reach(&mut self, progress: u32, placed: &[u32]) {
        if (progress, placed.len()) > (self.progress, self.order.len()) {
            self.progress = progress;
            self.order.truncate(self.shared);
            self.order.extend_from_slice(&placed[self.shared..]);
            self.shared = placed.len();
        }
    }
}

/// Looks for an order.
pub(super) fn search<O: Order>(
    order: &mut O,
    machine: &mut Machine<'_>,
    kinds: &Kinds<'_>,
    limit: &mut Limit,
) -> Found {
    let count = kinds.of.len();
    let set_words = (count - kinds.completed).div_ceil(64);
    let ahead = kinds.lookahead(&order.begins());
    let held = ahead.as_ref().map_or(0, Lookahead::key_words);
    let mut memo = Memo::new(1 + held + order.key_words(), set_words);
    let mut search = Search {
        order,
        machine,
        kinds,
        ahead,
        placed: vec![],
        is_placed: vec![false; count],
        used: vec![0; set_words],
        state: 0,
        before: NONE,
        candidates: vec![],
        pool: vec![],
        choices: vec![],
        farthest: Farthest { progress: 0, order: vec![], shared: 0 },
    };
    let hopeless = search.ahead.as_ref().is_some_and(Lookahead::is_hopeless);
    let answer = if hopeless { Answer::NoOrder } else { search.run(&mut memo, limit) };
    let Farthest { progress, order, .. } = search.farthest;
    match answer {
        Answer::Order => Found { answer, progress, order: search.placed },
        _ => Found { answer, progress, order },
    }
}

impl Kinds<'_> {
    /// What is known of each operation, if all are operations of registers.
    pub(super) fn registers(&self) -> Option<Vec<RegisterHint>> {
        let hint = |&kind: &u32| match self.hints[kind as usize] {
            Hint::Register(hint) => Some(hint),
            Hint::Nothing | Hint::OnlyReads => None,
        };
        self.of.iter().map(hint).collect()
    }

    fn lookahead(&self, begins: &[u32]) -> Option<Lookahead> {
        let hints = self.registers()?;
        match self.objects.is_empty() {
            true => Some(Lookahead::new(&hints, &vec![0; hints.len()], begins)),
            false => Some(Lookahead::new(&hints, &self.objects, begins)),
        }
    }
}

impl<O: Order> Search<'_, '_, O> {
    fn run(&mut self, memo: &mut Memo, limit: &mut Limit) -> Answer {
        let mut key = vec![];
        loop {
            let begin = self.pool.len();
            self.settle(begin);
            if self.candidates.is_empty() {
                return Answer::Order;
            }
            if self.before == NONE {
                self.farthest.reach(self.order.progress(&self.candidates), &self.placed);
            }
            key.clear();
            self.state_key(&mut key);
            self.order.key(&self.candidates, &mut key);
            if memo.is_new(&key, &self.used) {
                if limit.is_reached() {
                    return Answer::Stopped;
                }
                self.choices.push(Choice {
                    placed: self.placed.len(),
                    state: self.state,
                    before: self.before,
                    begin,
                    next: begin,
                    with_pending: false,
                });
            } else {
                self.pool.truncate(begin);
            }
            if !self.advance() {
                return Answer::NoOrder;
            }
        }
    }

    /// Puts the state, and that before the last operation if it matters. What registers hold that
    /// makes no difference any more counts as one.
    fn state_key(&self, into: &mut Vec<u64>) {
        let exact = u64::from(self.state) << 32 | u64::from(self.before);
        match &self.ahead {
            Some(ahead) if ahead.key_words() == 0 => {
                let is_one = self.before == NONE && ahead.is_forgotten(0);
                into.push(if is_one { u64::MAX } else { exact });
            }
            Some(ahead) if self.before == NONE => {
                into.push(u64::MAX);
                ahead.key(into);
            }
            Some(ahead) => {
                into.push(exact);
                into.resize(into.len() + ahead.key_words(), 0);
            }
            None => into.push(exact),
        }
    }

    /// Places what may as well be next, until there is no such operation. The moves of the rest are
    /// in the pool from `begin` on.
    fn settle(&mut self, begin: usize) {
        loop {
            let mut candidates = std::mem::take(&mut self.candidates);
            candidates.clear();
            self.order.candidates(&mut candidates);
            self.pool.truncate(begin);
            let first_end = self.order.first_end(|_| false).unwrap_or_default();
            let mut settled = true;
            for &operation in &candidates {
                let here = (self.state, self.before);
                if self.settles(operation, first_end) {
                    settled = false;
                    if here != (self.state, self.before) {
                        break; // what was passed over may be right now
                    }
                }
            }
            self.candidates = candidates;
            if settled {
                return;
            }
        }
    }

    /// Places an operation if it may as well be next; or else puts it in the pool, if it may.
    fn settles(&mut self, operation: u32, first_end: u32) -> bool {
        let Some(to) = self.next(operation) else { return false };
        let kind = self.kinds.of[operation as usize];
        let is_free = |ahead: &Lookahead| ahead.is_free(operation, first_end);
        let at_once = self.kinds.hints[kind as usize].only_reads()
            || self.ahead.as_ref().is_some_and(is_free);
        if at_once {
            self.place(operation, to);
        } else {
            self.pool.push((operation, to));
        }
        at_once
    }

    /// The state after an operation, if that may be next.
    fn next(&mut self, operation: u32) -> Option<u32> {
        let twin = self.kinds.twins[operation as usize];
        if twin.is_some_and(|twin| !self.is_placed[twin as usize]) {
            return None;
        }
        if !self.order.allows(operation, &self.is_placed) {
            return None;
        }
        let kind = self.kinds.of[operation as usize];
        let to = self.machine.step(self.state, kind);
        // If it is the same without the pending operation before it, that is in vain.
        if to == REFUSED || (self.before != NONE && self.machine.step(self.before, kind) == to) {
            return None;
        }
        let is_dead_end = |ahead: &Lookahead| {
            ahead.is_dead_end(operation) || self.comes_too_early(operation, ahead)
        };
        (!self.ahead.as_ref().is_some_and(is_dead_end)).then_some(to)
    }

    /// Whether something must come before this operation, as it ends before a read of what the
    /// operation leaves begins, and is wrong in between.
    fn comes_too_early(&self, operation: u32, ahead: &Lookahead) -> bool {
        let first_end = self.order.first_end(|_| false).unwrap_or(u32::MAX);
        let Some(until) = ahead.is_read_until(operation, first_end) else { return false };
        let passed_over = |it| it == operation || ahead.fits_behind(it, operation);
        self.order.first_end(passed_over).is_some_and(|end| end < until)
    }

    /// Goes to the next configuration to look at; not, if there is none.
    fn advance(&mut self) -> bool {
        loop {
            let Some(choice) = self.choices.last_mut() else { return false };
            let (placed, begin) = (choice.placed, choice.begin);
            (self.state, self.before) = (choice.state, choice.before);
            if choice.next < self.pool.len() {
                let (operation, to) = self.pool[choice.next];
                choice.next += 1;
                self.take_back_to(placed);
                self.place(operation, to);
                return true;
            }
            let with_pending = choice.with_pending;
            choice.with_pending = true;
            self.take_back_to(placed);
            if with_pending {
                self.pool.truncate(begin);
                self.choices.pop();
            } else {
                self.pending_moves();
            }
        }
    }

    fn place(&mut self, operation: u32, to: u32) {
        self.before = match (operation as usize).checked_sub(self.kinds.completed) {
            None => {
                self.order.place(operation);
                NONE
            }
            Some(pending) => {
                self.used[pending / 64] |= 1 << (pending % 64);
                self.state
            }
        };
        self.is_placed[operation as usize] = true;
        if let Some(ahead) = &mut self.ahead {
            ahead.place(operation);
        }
        self.placed.push(operation);
        self.state = to;
    }

    fn take_back_to(&mut self, count: usize) {
        while self.placed.len() > count
            && let Some(operation) = self.placed.pop()
        {
            match (operation as usize).checked_sub(self.kinds.completed) {
                None => self.order.take_back(operation),
                Some(pending) => self.used[pending / 64] &= !(1 << (pending % 64)),
            }
            self.is_placed[operation as usize] = false;
            if let Some(ahead) = &mut self.ahead {
                ahead.take_back(operation);
            }
        }
        self.farthest.shared = self.farthest.shared.min(count);
    }

    fn pending_moves(&mut self) {
        let completed = self.kinds.completed as u32;
        for operation in completed..self.kinds.of.len() as u32 {
            let is_vain = |ahead: &Lookahead| ahead.is_vain(operation);
            if self.is_placed[operation as usize]
                || self.ahead.as_ref().is_some_and(is_vain)
                || !self.order.may_begin(operation - completed)
            {
                continue;
            }
            if let Some(to) = self.next(operation).filter(|&to| to != self.state) {
                self.pool.push((operation, to));
            }
        }
    }
}
