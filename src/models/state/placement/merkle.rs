//! Anti-entropy by Merkle trees (Merkle, 1987): two copies of the data find where they differ
//! without sending all of it.

use super::hash::{Key, below, both};
use crate::sim::{Estimate, replicate};
use std::collections::BTreeMap;

/// The shape of a tree of hashes over buckets of keys, and how many bytes things take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MerkleTree {
    fan_out: usize,
    depth: u32,
    hash_bytes: usize,
    key_bytes: usize,
    value_bytes: usize,
}

/// What goes over the network so that two replicas become alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exchange<V = f64> {
    /// Hashes of the tree's nodes: the root's, and the children's of each node that differs.
    pub hashes: V,
    /// Keys in the buckets that differ, each with the hash of its value.
    pub items: V,
    /// Bytes of these and of the values that differ.
    pub bytes: V,
    /// Bytes of all keys and values: what the tree saves is the difference.
    pub everything: f64,
}

/// What two replicas found out.
#[derive(Clone, Debug, PartialEq)]
pub struct Repair {
    /// The keys whose values differ, or that one replica lacks, in ascending order.
    pub differing: Vec<u64>,
    /// What it took.
    pub exchange: Exchange,
}

impl MerkleTree {
    /// A tree whose inner nodes have so many children, with so many levels below the root: the
    /// leaves are fan-out^depth buckets of keys, by their hashes. Hashes of 32 bytes, keys of 16
    /// and values of 1,000, unless [`MerkleTree::bytes`] says otherwise.
    ///
    /// # Panics
    /// If the fan-out is less than 2, or there are more than 2^24 leaves.
    #[track_caller]
    pub fn new(fan_out: usize, depth: u32) -> Self {
        let leaves = fan_out.checked_pow(depth).filter(|leaves| *leaves <= 1 << 24);
        assert!(
            fan_out >= 2 && leaves.is_some(),
            "MerkleTree::new: the fan-out must be at least 2 and fan-out^depth, the number of leaves, at \
             most 2^24, but they are {fan_out} and {depth}; give them as in MerkleTree::new(16, 3)"
        );
        Self { fan_out, depth, hash_bytes: 32, key_bytes: 16, value_bytes: 1000 }
    }

    /// The same with so many bytes for a hash, a key and a value.
    #[must_use]
    pub fn bytes(self, hash: usize, key: usize, value: usize) -> Self {
        Self { hash_bytes: hash, key_bytes: key, value_bytes: value, ..self }
    }

    /// The number of buckets.
    pub fn leaves(&self) -> usize {
        self.fan_out.pow(self.depth)
    }

    /// Compares two replicas, keys with their values (or versions), from the root down: one sends
    /// its root's hash; of each node that differs it sends the children's, and of each bucket that
    /// differs its keys with the hashes of their values. What it was sent tells the other all.
    pub fn compare(&self, a: &BTreeMap<u64, u64>, b: &BTreeMap<u64, u64>) -> Repair {
        self.compare_hashed(a, b, 0)
    }

    fn compare_hashed(&self, a: &BTreeMap<u64, u64>, b: &BTreeMap<u64, u64>, seed: u64) -> Repair {
        let (levels, others) = (self.levels(a, seed), self.levels(b, seed));
        let mut hashes = 1;
        let mut suspects: Vec<usize> =
            (levels[0][0] != others[0][0]).then_some(0).into_iter().collect();
        for (level, other) in levels.iter().zip(&others).skip(1) {
            hashes += suspects.len() * self.fan_out;
            let children =
                suspects.iter().flat_map(|node| node * self.fan_out..(node + 1) * self.fan_out);
            suspects = children.filter(|node| level[*node] != other[*node]).collect();
        }
        let mut is_suspect = vec![false; self.leaves()];
        suspects.iter().for_each(|leaf| is_suspect[*leaf] = true);
        let in_suspects = |(key, _): &(&u64, &u64)| is_suspect[self.bucket(**key, seed)];
        let sent: BTreeMap<u64, u64> =
            a.iter().filter(in_suspects).map(|(k, v)| (*k, *v)).collect();
        let lacking = sent.keys().filter(|key| !b.contains_key(key));
        let changed =
            b.iter().filter(in_suspects).filter(|(key, value)| sent.get(key) != Some(value));
        let mut differing: Vec<u64> =
            lacking.copied().chain(changed.map(|(key, _)| *key)).collect();
        differing.sort_unstable();
        let all = a.len().max(b.len());
        let exchange = self.exchange(hashes as f64, sent.len() as f64, differing.len(), all);
        Repair { differing, exchange }
    }

    /// What is exchanged on average between replicas of so many keys of which so many differ:
    /// with L nodes on a level, each is above one of d differing keys with probability
    /// 1 - (1 - 1 / L)^d.
    ///
    /// # Panics
    /// If more keys differ than there are.
    #[track_caller]
    pub fn expected(&self, keys: usize, differing: usize) -> Exchange {
        at_most_all("MerkleTree::expected", keys, differing);
        let touched = |nodes: f64| -(differing as f64 * (-1.0 / nodes).ln_1p()).exp_m1();
        // The one root is touched as soon as anything is.
        let touched = |level: u32| match level {
            0 => f64::from(u8::from(differing > 0)),
            _ => touched((self.fan_out as f64).powi(level as i32)),
        };
        let nodes = |level: u32| (self.fan_out as f64).powi(level as i32) * touched(level);
        let hashes = 1.0 + self.fan_out as f64 * (0..self.depth).map(nodes).sum::<f64>();
        let items = differing as f64 + (keys - differing) as f64 * touched(self.depth);
        self.exchange(hashes, items, differing, keys)
    }

    /// The same by simulation: replicas that differ in the values of so many keys, compared in
    /// replications with hash functions of their own; each must find these keys and no others.
    ///
    /// # Panics
    /// If more keys differ than there are; with fewer than 2 replications.
    #[track_caller]
    pub fn simulate(
        &self,
        keys: usize,
        differing: usize,
        replications: usize,
        seed: u64,
    ) -> Exchange<Estimate> {
        at_most_all("MerkleTree::simulate", keys, differing);
        let a: BTreeMap<u64, u64> = (0..keys as u64).map(|key| (key, 0)).collect();
        let mut b = a.clone();
        b.extend((0..differing as u64).map(|key| (key, 1)));
        let runs = replicate(replications, |replication| {
            let Repair { differing: found, exchange } =
                self.compare_hashed(&a, &b, both(seed, replication));
            assert!(
                found.iter().copied().eq(0..differing as u64),
                "MerkleTree::simulate: {} keys were found to differ, and {differing} do",
                found.len()
            );
            exchange
        });
        let of =
            |part: fn(&Exchange) -> f64| Estimate::of(&runs.iter().map(part).collect::<Vec<_>>());
        Exchange {
            hashes: of(|run| run.hashes),
            items: of(|run| run.items),
            bytes: of(|run| run.bytes),
            everything: runs[0].everything,
        }
    }

    fn exchange(&self, hashes: f64, items: f64, differing: usize, all: usize) -> Exchange {
        let (hash, key, value) = (self.hash_bytes, self.key_bytes, self.value_bytes);
        let bytes = hashes * hash as f64 + items * (key + hash) as f64 + (differing * value) as f64;
        Exchange { hashes, items, bytes, everything: (all * (key + value)) as f64 }
    }

    #[inline]
    fn bucket(&self, key: u64, seed: u64) -> usize {
        below(both(seed, key.hashed()), self.leaves())
    }

    /// The hashes of all nodes, level by level from the root.
    fn levels(&self, replica: &BTreeMap<u64, u64>, seed: u64) -> Vec<Vec<u64>> {
        // A sum does not depend on the order in which keys came, and a write changes it at once.
        let mut leaves = vec![0u64; self.leaves()];
        for (number, (key, value)) in replica.iter().enumerate() {
            if number.is_multiple_of(1024) {
                crate::interrupt::tick();
            }
            let bucket = &mut leaves[self.bucket(*key, seed)];
            *bucket = bucket.wrapping_add(both(key.hashed(), *value));
        }
        let mut levels = vec![leaves];
        for _ in 0..self.depth {
            let below = &levels[levels.len() - 1];
            let hash = |children: &[u64]| children.iter().fold(0, |hash, child| both(hash, *child));
            levels.push(below.chunks(self.fan_out).map(hash).collect());
        }
        levels.reverse();
        levels
    }
}

#[track_caller]
fn at_most_all(place: &str, keys: usize, differing: usize) {
    assert!(
        differing <= keys,
        "{place}: at most all keys can differ, but of {keys} keys {differing} are to"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Stream;

    #[test]
    fn what_differs_is_found_whatever_it_is() {
        for seed in 0..40 {
            let mut stream = Stream::new(seed, 0, "merkle");
            let mut replica = |chance: f64| -> BTreeMap<u64, u64> {
                let kept = (0..300).filter(|_| stream.uniform() < chance).collect::<Vec<u64>>();
                kept.into_iter().map(|key| (key, stream.below(2) as u64)).collect()
            };
            let (a, b) = (replica(0.9), replica(0.8));
            let by_hand: Vec<u64> = (0..300).filter(|key| a.get(key) != b.get(key)).collect();
            for (fan_out, depth) in [(2, 0), (2, 5), (16, 1), (3, 4)] {
                let tree = MerkleTree::new(fan_out, depth);
                assert_eq!(tree.compare(&a, &b).differing, by_hand, "{seed}, {fan_out}, {depth}");
                assert_eq!(tree.compare(&b, &a).differing, by_hand);
            }
        }
    }

    #[test]
    fn alike_replicas_exchange_one_hash() {
        let replica: BTreeMap<u64, u64> = (0..1000).map(|key| (key, key * key)).collect();
        let repair = MerkleTree::new(16, 2).compare(&replica, &replica.clone());
        assert_eq!((repair.exchange.hashes, repair.exchange.items), (1.0, 0.0));
        assert_eq!((repair.exchange.bytes, repair.exchange.everything), (32.0, 1_016_000.0));
        let empty = BTreeMap::new();
        assert_eq!(MerkleTree::new(2, 3).compare(&empty, &replica).differing.len(), 1000);
    }

    #[test]
    fn one_key_costs_one_path() {
        let exchange = MerkleTree::new(16, 3).bytes(8, 8, 100).expected(40_960, 1);
        // The root, three times 16 children, and a bucket of ten keys on average.
        assert_eq!(exchange.hashes, 49.0);
        assert!((exchange.items - (1.0 + 40_959.0 / 4096.0)).abs() < 1e-9);
        assert!((exchange.bytes - (49.0 * 8.0 + exchange.items * 16.0 + 100.0)).abs() < 1e-9);
        let none = MerkleTree::new(16, 3).expected(1000, 0);
        assert_eq!((none.hashes, none.items), (1.0, 0.0));
    }
}
