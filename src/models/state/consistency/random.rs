//! Histories by chance that are linearizable by construction, and the same with a wrong read.

use super::history::{EventKind, History};
use super::objects::{KeyValueCall, RegisterCall, RegisterReply, RegisterSpec};
use super::specification::Specification;
use crate::number::fraction;
use crate::sim::{Calendar, Stream};

/// Clients of registers, each with one operation at a time, half of them reads. An operation
/// takes effect at a random time between its beginning and its end; both parts last 1 on average,
/// and a client rests for a tenth of that between two operations. All that is written is written
/// once: 1, 2, 3 and so on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomHistory {
    clients: usize,
    operations: usize,
    keys: usize,
    values: Option<usize>,
    swaps: f64,
    timeouts: f64,
}

/// What happens to a client, or to the operation that it began.
enum Step {
    Begins(usize),
    /// To the operation of this client with this key, unless that is the last of its wait.
    TakesEffect(usize, usize, RegisterCall),
    Ends(usize),
    /// It does after its client stopped waiting.
    TakesEffectLate(usize, RegisterCall),
    TimesOut(usize),
}

/// A client stops waiting after this time; an operation that nobody waits for takes effect, if it
/// does, after ten times as long on average.
const PATIENCE: f64 = 5.0;

impl RandomHistory {
    /// So many clients of one register, and so many operations of all together.
    ///
    /// # Panics
    /// If there are no clients.
    #[track_caller]
    pub const fn new(clients: usize, operations: usize) -> Self {
        assert!(
            clients >= 1,
            "RandomHistory::new: there must be at least 1 client, as in RandomHistory::new(5, 100)"
        );
        Self { clients, operations, keys: 1, values: None, swaps: 0.0, timeouts: 0.0 }
    }

    /// The same with so many registers, each as likely as the others.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub const fn keys(self, keys: usize) -> Self {
        assert!(keys >= 1, "RandomHistory::keys: there must be at least 1 key, as in keys(10)");
        Self { keys, ..self }
    }

    /// The same with only so many values, from 0 on, which are written again and again.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub const fn values(self, values: usize) -> Self {
        assert!(
            values >= 1,
            "RandomHistory::values: there must be at least 1 value, as in values(5)"
        );
        Self { values: Some(values), ..self }
    }

    /// The same with this fraction of the writes as compare-and-set: of a random value, or with
    /// values that are written once, of the last that was written.
    ///
    /// # Panics
    /// If it is not at least 0 and below 1.
    #[track_caller]
    pub fn compare_and_set(self, p: f64) -> Self {
        Self { swaps: fraction("RandomHistory::compare_and_set", p), ..self }
    }

    /// The same with this fraction of operations that time out; half of these take effect later.
    ///
    /// # Panics
    /// If it is not at least 0 and below 1.
    #[track_caller]
    pub fn timeouts(self, p: f64) -> Self {
        Self { timeouts: fraction("RandomHistory::timeouts", p), ..self }
    }

    /// What the clients of one register see.
    ///
    /// # Panics
    /// If there are several keys.
    #[track_caller]
    pub fn register(&self, seed: u64) -> History<RegisterCall, RegisterReply> {
        assert!(
            self.keys == 1,
            "RandomHistory::register: one register has 1 key, but there are {}; ask for \
             RandomHistory::key_value",
            self.keys
        );
        self.run(seed, |_, call| call)
    }

    /// What the clients of a key-value store see.
    pub fn key_value(&self, seed: u64) -> History<KeyValueCall, RegisterReply> {
        self.run(seed, |key, call| KeyValueCall { key: key as u64, call })
    }

    /// What the clients of one register see, but one of the reads in the second half returns what
    /// had been overwritten before it began: the history is not linearizable. With the index of
    /// the read.
    ///
    /// # Panics
    /// If there are several keys, values are written more than once, or the history is too short to
    /// have such a read.
    #[track_caller]
    pub fn with_stale_read(&self, seed: u64) -> (History<RegisterCall, RegisterReply>, usize) {
        assert!(
            self.values.is_none(),
            "RandomHistory::with_stale_read: each value must be written once; leave out \
             RandomHistory::values"
        );
        let mut history = self.register(seed);
        // Of the completed writes so far: the latest beginning, and the last that ended before it.
        let mut ended: Vec<(f64, f64, i64)> = vec![];
        let mut found = None;
        for event in history.events() {
            let operation = &history.operations()[event.operation];
            match (event.kind, operation.call, operation.reply()) {
                (EventKind::Returned, RegisterCall::Write(value), _) => {
                    ended.push((operation.invoked, event.at, value));
                }
                (EventKind::Invoked, RegisterCall::Read, Some(_))
                    if event.operation * 2 > history.len() =>
                {
                    let newest = ended.iter().map(|it| it.0).fold(f64::NEG_INFINITY, f64::max);
                    let stale = ended.iter().rev().find(|it| it.1 < newest);
                    found = stale.map(|&(_, _, value)| (event.operation, value));
                }
                _ => {}
            }
            if found.is_some() {
                break;
            }
        }
        let Some((read, value)) = found else {
            panic!(
                "RandomHistory::with_stale_read: no read of these {} operations comes after two \
                 writes, one after the other; ask for more operations",
                self.operations
            );
        };
        history.replace_reply(read, RegisterReply::Value(Some(value)));
        (history, read)
    }

    fn run<Call: std::fmt::Display>(
        &self,
        seed: u64,
        named: impl Fn(usize, RegisterCall) -> Call,
    ) -> History<Call, RegisterReply> {
        let mut history = History::new();
        let mut stream = Stream::new(seed, 0, "histories");
        let mut calendar = Calendar::new();
        let mut registers: Vec<Option<i64>> = vec![None; self.keys];
        let mut replies: Vec<Option<RegisterReply>> = vec![None; self.clients];
        let mut takes_effect = |key: usize, call: RegisterCall| {
            let swapped = match call {
                RegisterCall::Read => return RegisterReply::Value(registers[key]),
                RegisterCall::Write(_) => RegisterReply::Written,
                RegisterCall::CompareAndSet(from, _) => {
                    RegisterReply::Swapped(registers[key] == Some(from))
                }
            };
            if let Some(next) = RegisterSpec.step(&registers[key], &call, None) {
                registers[key] = next;
            }
            swapped
        };
        let (mut begun, mut written) = (0, 0);
        for client in 0..self.clients {
            calendar.book(stream.exponential(), Step::Begins(client));
        }
        while let Some(step) = calendar.next() {
            let now = calendar.now();
            let rest = |stream: &mut Stream| 0.1 * stream.exponential();
            match step {
                Step::Begins(_) if begun == self.operations => {}
                Step::Begins(client) => {
                    crate::interrupt::tick();
                    begun += 1;
                    let key = stream.below(self.keys);
                    let call = self.call(&mut stream, &mut written);
                    history.invoke(client, named(key, call), now);
                    if stream.uniform() < self.timeouts {
                        calendar.book(PATIENCE, Step::TimesOut(client));
                        if stream.uniform() < 0.5 {
                            let late = 10.0 * PATIENCE * stream.exponential();
                            calendar.book(late, Step::TakesEffectLate(key, call));
                        }
                    } else {
                        calendar.book(stream.exponential(), Step::TakesEffect(client, key, call));
                    }
                }
                Step::TakesEffect(client, key, call) => {
                    replies[client] = Some(takes_effect(key, call));
                    calendar.book(stream.exponential(), Step::Ends(client));
                }
                Step::TakesEffectLate(key, call) => _ = takes_effect(key, call),
                Step::Ends(client) => {
                    if let Some(reply) = replies[client].take() {
                        history.returns(client, reply, now);
                    }
                    calendar.book(rest(&mut stream), Step::Begins(client));
                }
                Step::TimesOut(client) => {
                    history.times_out(client, now);
                    calendar.book(rest(&mut stream), Step::Begins(client));
                }
            }
        }
        history
    }

    fn call(&self, stream: &mut Stream, written: &mut i64) -> RegisterCall {
        if stream.uniform() < 0.5 {
            return RegisterCall::Read;
        }
        let swaps = stream.uniform() < self.swaps;
        let (from, to) = match self.values {
            Some(values) => (stream.below(values) as i64, stream.below(values) as i64),
            None => {
                *written += 1;
                (*written - 1, *written)
            }
        };
        if swaps { RegisterCall::CompareAndSet(from, to) } else { RegisterCall::Write(to) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_known_by_its_seed() {
        let random = RandomHistory::new(4, 200).timeouts(0.1).compare_and_set(0.3);
        assert_eq!(random.register(1), random.register(1));
        assert_ne!(random.register(1), random.register(2));
        let history = random.register(1);
        assert_eq!(history.len(), 200);
        assert!(
            (5..50).contains(&history.operations().iter().filter(|it| it.is_pending()).count())
        );
        let keys = random.keys(7).key_value(1);
        assert!((0..7).all(|key| keys.operations().iter().any(|it| it.call.key == key)));
    }

    #[test]
    #[should_panic(expected = "no read of these 3 operations comes after two writes")]
    fn too_short_for_a_stale_read() {
        RandomHistory::new(1, 3).with_stale_read(1);
    }

    #[test]
    #[should_panic(expected = "RandomHistory::new: there must be at least 1 client")]
    fn nobody() {
        RandomHistory::new(0, 3);
    }
}
