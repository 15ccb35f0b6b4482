//! What merges does so in any order, in any grouping and as often as one likes (Shapiro and others,
//! 2011: a join of a semilattice), over states that replicas come to by chance.

use super::last_writer::Stamped;
use super::merging::merge_parts;
use super::{MultiValue, SetState};
use crate::sim::Stream;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

/// Replicas change what they hold, or merge what another holds, by chance; then of any three of
/// them the order, the grouping and the repetition of merging make no difference, and all come to
/// hold the same once each has heard of each other.
fn merges<S: Clone + Debug + PartialEq>(
    name: &str,
    initial: &S,
    change: impl Fn(&mut S, usize, &mut Stream),
    merge: impl Fn(&mut S, &S),
) {
    let merged = |a: &S, b: &S| {
        let mut both = a.clone();
        merge(&mut both, b);
        both
    };
    let mut apart = 0;
    for seed in 0..500 {
        let mut stream = Stream::new(seed, 0, name);
        let mut replicas = vec![initial.clone(); 4];
        for _ in 0..5 + stream.below(20) {
            let (node, other) = (stream.below(4), stream.below(4));
            match stream.below(3) {
                0 => replicas[node] = merged(&replicas[node], &replicas[other]),
                _ => change(&mut replicas[node], node, &mut stream),
            }
        }
        let [a, b, c, _] = &replicas[..] else { unreachable!("there are four") };
        apart += usize::from(merged(a, b) != *a && merged(a, b) != *b);
        assert_eq!(merged(a, b), merged(b, a), "{name} {seed}: commutative");
        assert_eq!(
            merged(&merged(a, b), c),
            merged(a, &merged(b, c)),
            "{name} {seed}: associative"
        );
        assert_eq!(merged(a, a), *a, "{name} {seed}: idempotent");
        assert_eq!(merged(&merged(a, b), b), merged(a, b), "{name} {seed}: absorbing");
        let all = |order: &[usize]| {
            order.iter().fold(initial.clone(), |held, node| merged(&held, &replicas[*node]))
        };
        assert_eq!(all(&[0, 1, 2, 3]), all(&[3, 1, 0, 2, 2, 0]), "{name} {seed}: converged");
    }
    assert!(apart > 100, "{name}: only {apart} pairs knew what the other did not");
}

#[test]
fn counters_sets_and_registers_merge_in_any_order() {
    let add = |parts: &mut Vec<(i64, i64)>, node: usize, stream: &mut Stream| {
        parts[node].0 += stream.below(3) as i64;
        parts[node].1 += stream.below(3) as i64;
    };
    merges("counter", &vec![(0, 0); 4], add, |held, told| merge_parts(held, told));
    let change = |set: &mut SetState, node: usize, stream: &mut Stream| {
        let element = stream.below(3) as i64;
        if stream.below(3) == 0 {
            let tags = set.added.get(&element).cloned().unwrap_or_default();
            set.removed.extend(tags);
        } else {
            set.added.entry(element).or_default().insert((node, stream.bits()));
        }
    };
    merges("set", &SetState::default(), change, SetState::merge);
    let write = |register: &mut MultiValue, node: usize, stream: &mut Stream| {
        register.write(node as u64, stream.below(100) as i64);
    };
    merges("several values", &MultiValue::default(), write, MultiValue::merge);
    // Clocks may say the same.
    type Held = BTreeMap<u64, Stamped>;
    let write = |held: &mut Held, node: usize, stream: &mut Stream| {
        let (key, at) = (stream.below(2) as u64, stream.below(5) as f64);
        Stamped { at, node, value: stream.below(100) as i64 }.keep(held, key);
    };
    let keep = |held: &mut Held, told: &Held| {
        told.iter().for_each(|(key, stamped)| stamped.keep(held, *key));
    };
    merges("last writer", &Held::new(), write, keep);
}

/// Against what was written and known, written down: a value is held exactly if no write that knew
/// of it came after.
#[test]
fn a_register_holds_what_no_write_that_knew_of_it_has_replaced() {
    let mut most = 0;
    for seed in 0..500 {
        let mut stream = Stream::new(seed, 0, "known");
        let mut replicas = vec![MultiValue::default(); 4];
        // Of each replica the writes that it knows, and of each write those that it knew.
        let mut knows = vec![BTreeSet::new(); 4];
        let mut knew: Vec<BTreeSet<usize>> = vec![];
        for _ in 0..30 {
            let (node, other) = (stream.below(4), stream.below(4));
            if stream.below(2) == 0 {
                let told = replicas[other].clone();
                replicas[node].merge(&told);
                let told = knows[other].clone();
                knows[node].extend(told);
            } else {
                replicas[node].write(node as u64, knew.len() as i64);
                knew.push(knows[node].clone());
                knows[node].insert(knew.len() - 1);
            }
            let of: &BTreeSet<usize> = &knows[node];
            let is_replaced = |write: &usize| of.iter().any(|later| knew[*later].contains(write));
            let expected: BTreeSet<i64> =
                of.iter().filter(|write| !is_replaced(write)).map(|write| *write as i64).collect();
            let held: BTreeSet<i64> = replicas[node].values.values().copied().collect();
            assert_eq!(held, expected, "seed {seed}");
            most = most.max(held.len());
        }
    }
    assert!(most >= 3, "at most {most} values were held");
}
