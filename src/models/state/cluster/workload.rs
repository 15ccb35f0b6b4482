//! What clients ask in a run: for each kind of object a mix of calls, and what must be found at
//! the end.

use super::facts::Facts;
use super::outcome::Outcome;
use crate::sim::Stream;
use crate::state::consistency::{
    CounterCall, CounterReply, CounterSpec, History, KeyValueCall, KeyValueSpec, MultiValueReply,
    MultiValueSpec, RegisterAccess, RegisterCall, RegisterReply, RegisterSpec, SetCall, SetReply,
    SetSpec, Specification, Verdict,
};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

/// An object that clients can be let loose on.
pub trait Workload:
    Specification<Call: Debug + Send + Sync, Reply: Debug + Send + Sync> + Default
{
    /// The next call of a client: `number` calls of all clients came before; `reads` of them are
    /// to be reads; there are so many keys, where there are any.
    fn next(number: usize, reads: f64, keys: u64, random: &mut Stream) -> Self::Call;

    /// The calls at the end of a run that read all there is.
    fn read_all(keys: u64) -> Vec<Self::Call>;

    /// How many acknowledged changes there are that no final read (one that began at `settled` or
    /// later) tells of any more, nor of what replaced them; and how many there are in all.
    fn lost(history: &History<Self::Call, Self::Reply>, settled: f64) -> (usize, usize);

    /// How many reads were of what had been replaced before they began; and how many reads there
    /// are.
    fn stale(_history: &History<Self::Call, Self::Reply>) -> (usize, usize) {
        (0, 0)
    }

    /// Runs judged and measured. The objects here write it down again, with the same body: so it
    /// is compiled in this library, at full speed, and not in the reader's cell.
    fn judged(runs: &[Outcome<Self>]) -> Vec<(Verdict, Facts)> {
        judge(runs)
    }
}

pub(crate) fn judge<O: Workload>(runs: &[Outcome<O>]) -> Vec<(Verdict, Facts)> {
    let one = |run| {
        crate::interrupt::tick();
        Facts::of(run)
    };
    runs.par_iter().map(one).collect()
}

macro_rules! measured_here {
    () => {
        fn judged(
            runs: &[$crate::state::cluster::Outcome<Self>],
        ) -> Vec<($crate::state::consistency::Verdict, $crate::state::cluster::Facts)> {
            $crate::state::cluster::judge(runs)
        }
    };
}
pub(crate) use measured_here;

impl Workload for RegisterSpec {
    measured_here!();

    fn next(number: usize, reads: f64, _: u64, random: &mut Stream) -> RegisterCall {
        register(number, reads, random)
    }

    fn read_all(_: u64) -> Vec<RegisterCall> {
        vec![RegisterCall::Read]
    }

    fn lost(history: &History<RegisterCall, RegisterReply>, settled: f64) -> (usize, usize) {
        lost_writes(&by_key(history, one_value), settled)
    }

    fn stale(history: &History<RegisterCall, RegisterReply>) -> (usize, usize) {
        stale_reads(&by_key(history, one_value))
    }
}

impl Workload for KeyValueSpec {
    measured_here!();

    fn next(number: usize, reads: f64, keys: u64, random: &mut Stream) -> KeyValueCall {
        let key = random.below(keys as usize) as u64;
        KeyValueCall { key, call: register(number, reads, random) }
    }

    fn read_all(keys: u64) -> Vec<KeyValueCall> {
        (0..keys).map(KeyValueCall::read).collect()
    }

    fn lost(history: &History<KeyValueCall, RegisterReply>, settled: f64) -> (usize, usize) {
        lost_writes(&by_key(history, one_value), settled)
    }

    fn stale(history: &History<KeyValueCall, RegisterReply>) -> (usize, usize) {
        stale_reads(&by_key(history, one_value))
    }
}

/// A read of several values counts as one of the newest of them.
impl Workload for MultiValueSpec {
    measured_here!();

    fn next(number: usize, reads: f64, keys: u64, random: &mut Stream) -> KeyValueCall {
        KeyValueSpec::next(number, reads, keys, random)
    }

    fn read_all(keys: u64) -> Vec<KeyValueCall> {
        KeyValueSpec::read_all(keys)
    }

    fn lost(history: &History<KeyValueCall, MultiValueReply>, settled: f64) -> (usize, usize) {
        lost_writes(&by_key(history, newest_value), settled)
    }

    fn stale(history: &History<KeyValueCall, MultiValueReply>) -> (usize, usize) {
        stale_reads(&by_key(history, newest_value))
    }
}

impl Workload for CounterSpec {
    measured_here!();

    fn next(_: usize, reads: f64, _: u64, random: &mut Stream) -> CounterCall {
        if random.uniform() < reads { CounterCall::Read } else { CounterCall::Add(1) }
    }

    fn read_all(_: u64) -> Vec<CounterCall> {
        vec![CounterCall::Read]
    }

    fn lost(history: &History<CounterCall, CounterReply>, settled: f64) -> (usize, usize) {
        let (mut added, mut most) = (0, None);
        for operation in history.operations() {
            match (&operation.call, operation.reply()) {
                (CounterCall::Add(n), Some(_)) => added += *n,
                (CounterCall::Read, Some(CounterReply::Value(value)))
                    if operation.invoked >= settled =>
                {
                    most = most.max(Some(*value));
                }
                _ => {}
            }
        }
        let added = usize::try_from(added).unwrap_or(0);
        let found = most.map_or(added, |most| usize::try_from(most).unwrap_or(0));
        (added.saturating_sub(found), added)
    }
}

impl Workload for SetSpec {
    measured_here!();

    fn next(number: usize, reads: f64, _: u64, random: &mut Stream) -> SetCall {
        if random.uniform() < reads { SetCall::Read } else { SetCall::Add(number as i64) }
    }

    fn read_all(_: u64) -> Vec<SetCall> {
        vec![SetCall::Read]
    }

    fn lost(history: &History<SetCall, SetReply>, settled: f64) -> (usize, usize) {
        let (mut added, mut found, mut looked) = (BTreeSet::new(), BTreeSet::new(), false);
        for operation in history.operations() {
            match (&operation.call, operation.reply()) {
                (SetCall::Add(element), Some(_)) => {
                    added.insert(*element);
                }
                (SetCall::Read, Some(SetReply::Elements(elements)))
                    if operation.invoked >= settled =>
                {
                    looked = true;
                    found.extend(elements.iter().copied());
                }
                _ => {}
            }
        }
        let lost = if looked { added.difference(&found).count() } else { 0 };
        (lost, added.len())
    }
}

/// Every write of a value of its own: which write a read is of is then known.
fn register(number: usize, reads: f64, random: &mut Stream) -> RegisterCall {
    match random.uniform() < reads {
        true => RegisterCall::Read,
        false => RegisterCall::Write(number as i64 + 1),
    }
}

/// Of one key: writes with value, beginning, end (if acknowledged).
#[derive(Default)]
struct Key {
    writes: Vec<(i64, f64, Option<f64>)>,
    /// What was read, from when to when.
    reads: Vec<(Option<i64>, f64, f64)>,
}

/// What a reply to a read says that the key holds.
fn one_value(reply: &RegisterReply, _: &Key) -> Option<Option<i64>> {
    match reply {
        RegisterReply::Value(value) => Some(*value),
        RegisterReply::Written | RegisterReply::Swapped(_) => None,
    }
}

/// Of several values, the one whose write ended last.
fn newest_value(reply: &MultiValueReply, key: &Key) -> Option<Option<i64>> {
    let MultiValueReply::Values(values) = reply else { return None };
    let ended = |value: &i64| key.ended(Some(*value));
    Some(values.iter().copied().max_by(|a, b| ended(a).total_cmp(&ended(b))))
}

fn by_key<C: RegisterAccess, R>(
    history: &History<C, R>,
    told: impl Fn(&R, &Key) -> Option<Option<i64>>,
) -> BTreeMap<u64, Key> {
    let mut keys: BTreeMap<u64, Key> = BTreeMap::new();
    for operation in history.operations() {
        let (key, call) = operation.call.access();
        let key = keys.entry(key).or_default();
        if let RegisterCall::Write(value) = call
            && !operation.has_failed()
        {
            let end = operation.reply().map(|_| operation.ended);
            key.writes.push((value, operation.invoked, end));
        }
    }
    for operation in history.operations() {
        if let (key, RegisterCall::Read) = operation.call.access()
            && let (Some(key), Some(reply)) = (keys.get_mut(&key), operation.reply())
            && let Some(value) = told(reply, key)
        {
            key.reads.push((value, operation.invoked, operation.ended));
        }
    }
    keys
}

impl Key {
    /// When the write of what was read had ended. A write that was not acknowledged may be in
    /// effect only now.
    fn ended(&self, value: Option<i64>) -> f64 {
        let Some(value) = value else { return f64::NEG_INFINITY };
        let write = self.writes.iter().find(|(other, ..)| *other == value);
        write.and_then(|(.., end)| *end).unwrap_or(f64::INFINITY)
    }

    /// Whether what was read had been replaced when the read began: another write began after the
    /// one that it is of had ended, and ended before the read began.
    fn is_stale(&self, value: Option<i64>, began: f64) -> bool {
        let ended = self.ended(value);
        self.writes
            .iter()
            .any(|(_, invoked, end)| *invoked > ended && end.is_some_and(|end| end < began))
    }
}

fn stale_reads(keys: &BTreeMap<u64, Key>) -> (usize, usize) {
    let (mut stale, mut all) = (0, 0);
    for key in keys.values() {
        all += key.reads.len();
        stale += key.reads.iter().filter(|(value, began, _)| key.is_stale(*value, *began)).count();
    }
    (stale, all)
}

/// An acknowledged write is lost if every final read of its key is of what came before it.
fn lost_writes(keys: &BTreeMap<u64, Key>, settled: f64) -> (usize, usize) {
    let (mut lost, mut all) = (0, 0);
    for key in keys.values() {
        let finals = key.reads.iter().filter(|(_, began, _)| *began >= settled);
        let latest = finals.map(|(value, ..)| key.ended(*value)).reduce(f64::max);
        for (_, invoked, end) in &key.writes {
            if end.is_some() {
                all += 1;
                lost += usize::from(latest.is_some_and(|latest| *invoked > latest));
            }
        }
    }
    (lost, all)
}
