//! What a placement is asked: where keys are, and who has how many.

use super::hash::{Key, below, both, scramble};
use super::scheme::{Placement, Scheme, Table};
use super::table::jump;

impl Placement {
    /// The node of a key.
    ///
    /// # Panics
    /// With bounded loads, where that depends on the other keys; if a scheme of one's own names a
    /// node that there is not.
    #[track_caller]
    pub fn node_of(&self, key: impl Key) -> usize {
        assert!(
            !matches!(self.scheme, Scheme::Bounded { .. }),
            "Placement::node_of: with bounded loads the node of a key depends on the other keys; place \
             them together, as in placement.assign(100_000)"
        );
        self.nodes[self.locate(self.hash(key.hashed()))]
    }

    /// The nodes of the keys 0, 1, 2 and so on, so many of them.
    ///
    /// # Panics
    /// If a scheme of one's own names a node that there is not.
    #[track_caller]
    pub fn assign(&self, keys: usize) -> Vec<usize> {
        let members = self.members(keys);
        members.into_iter().map(|member| self.nodes[member as usize]).collect()
    }

    /// As [`Placement::assign`], by places in the list of nodes.
    #[track_caller]
    pub(super) fn members(&self, keys: usize) -> Vec<u32> {
        let mut placed = Vec::with_capacity(keys);
        let mut loads = vec![0; self.nodes.len()];
        let most = self.capacity(keys);
        for key in 0..keys as u64 {
            if key.is_multiple_of(1024) {
                crate::interrupt::tick();
            }
            let hash = self.hash(key.hashed());
            let member = match (&self.table, most) {
                (Table::Ring(ring), Some(most)) => {
                    // There is room: the capacities sum to more than the keys.
                    let free = ring.from(hash).find(|member| loads[*member] < most);
                    free.unwrap_or_else(|| unreachable!("{keys} keys, {most} to a node"))
                }
                _ => self.locate(hash),
            };
            loads[member] += 1;
            placed.push(member as u32);
        }
        placed
    }

    /// The most keys that a node gets, if loads are bounded.
    fn capacity(&self, keys: usize) -> Option<usize> {
        match self.scheme {
            Scheme::Bounded { slack, .. } => {
                Some(((1.0 + slack) * keys as f64 / self.nodes.len() as f64).ceil() as usize)
            }
            _ => None,
        }
    }

    /// The nodes of a key's copies, the first its own: on a ring the next different nodes, with
    /// rendezvous those with the highest numbers; where there are zones, first one of each.
    ///
    /// # Panics
    /// If it is neither of these two; if there are not so many nodes.
    #[track_caller]
    pub fn replicas(&self, key: impl Key, copies: usize) -> Vec<usize> {
        const PLACE: &str = "Placement::replicas";
        assert!(
            (1..=self.nodes.len()).contains(&copies),
            "{PLACE}: there must be at least 1 copy and at most one on each of the {} nodes, but {copies} \
             are asked for",
            self.nodes.len()
        );
        let key = self.hash(key.hashed());
        let mut preferred: Vec<usize> = vec![];
        match (&self.table, &self.scheme) {
            (Table::Ring(ring), Scheme::Ring { .. }) => {
                for member in ring.from(key) {
                    if !preferred.contains(&member) {
                        preferred.push(member);
                    }
                    if preferred.len() == self.nodes.len()
                        || preferred.len() == copies && self.zones.is_none()
                    {
                        break;
                    }
                }
            }
            (Table::Hashes(hashes, even), _) => {
                preferred.extend(0..hashes.len());
                preferred.sort_by_key(|member| {
                    (!self.draw(*member, hashes[*member] ^ key, *even), self.nodes[*member])
                });
            }
            _ => panic!(
                "{PLACE}: copies are defined for rings and rendezvous hashing, but this is {self}"
            ),
        }
        if let Some(zones) = &self.zones {
            let mut seen = vec![];
            let (mut first, mut rest) = (vec![], vec![]);
            for member in preferred {
                let known = seen.contains(&zones[member]);
                seen.push(zones[member]);
                if known { rest.push(member) } else { first.push(member) }
            }
            first.append(&mut rest);
            preferred = first;
        }
        preferred.truncate(copies);
        preferred.into_iter().map(|member| self.nodes[member]).collect()
    }

    /// The part of all possible keys that each node has: of a ring by its arcs, of Maglev by its
    /// slots, else by the weights, which the hash keeps to.
    ///
    /// # Panics
    /// With bounded loads and with a scheme of one's own, where it is to be measured.
    #[track_caller]
    pub fn shares(&self) -> Vec<f64> {
        let measure = "measure it, as in placement.spread(Trials::new(10, 100_000))";
        match (&self.scheme, &self.table) {
            (Scheme::Ring { .. }, Table::Ring(ring)) => ring.arcs(self.nodes.len()),
            (_, Table::Slots(slots)) => {
                let mut shares = vec![0.0; self.nodes.len()];
                slots.iter().for_each(|member| shares[*member as usize] += 1.0);
                shares.iter().map(|count| count / slots.len() as f64).collect()
            }
            (Scheme::Bounded { .. } | Scheme::Own { .. }, _) => {
                panic!("Placement::shares: there is no table to tell for {self}; {measure}")
            }
            _ => self.fair_shares(),
        }
    }

    /// The part of the keys that is each node's by its weight.
    pub fn fair_shares(&self) -> Vec<f64> {
        let total: f64 = self.weights.iter().sum();
        self.weights.iter().map(|weight| weight / total).collect()
    }

    /// Bytes of the tables that a lookup reads, besides the list of nodes.
    pub fn memory(&self) -> usize {
        match &self.table {
            Table::Nothing => 0,
            Table::Ring(ring) => ring.bytes(),
            Table::Slots(slots) => slots.len() * 4,
            Table::Hashes(hashes, _) => hashes.len() * 8,
        }
    }

    #[inline]
    fn hash(&self, key: u64) -> u64 {
        both(self.seed, key)
    }

    /// The place in the list of nodes of the node of a key, by its hash.
    #[inline]
    #[track_caller]
    fn locate(&self, key: u64) -> usize {
        match (&self.table, &self.scheme) {
            (Table::Ring(ring), _) => ring.owner(key),
            (Table::Slots(slots), _) => slots[below(key, slots.len())] as usize,
            (Table::Hashes(hashes, even), _) => self.highest(hashes, *even, key),
            (Table::Nothing, Scheme::Own { name, choose }) => {
                let node = choose(key, &self.nodes);
                // The list is in ascending order, whoever joined and left.
                self.nodes.binary_search(&node).unwrap_or_else(|_| {
                    panic!(
                        "Placement::own: {name} chose node {node} for a key, but the nodes are {:?}; \
                         choose one of the list",
                        self.nodes
                    )
                })
            }
            (Table::Nothing, Scheme::Jump) => jump(key, self.nodes.len()),
            (Table::Nothing, _) => (key % self.nodes.len() as u64) as usize,
        }
    }

    /// Who draws the highest number; the lower node, if two draw the same.
    #[inline]
    fn highest(&self, hashes: &[u64], even: bool, key: u64) -> usize {
        let (mut best, mut most) = (0, 0);
        for (member, hash) in hashes.iter().enumerate() {
            let draw = self.draw(member, hash ^ key, even);
            if draw > most || draw == most && self.nodes[member] < self.nodes[best] {
                (best, most) = (member, draw);
            }
        }
        best
    }

    /// What a member draws for a key.
    #[inline]
    fn draw(&self, member: usize, mixed: u64, even: bool) -> u64 {
        let draw = scramble(mixed);
        if even {
            return draw;
        }
        let uniform = ((draw >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
        // Positive floats are in the order of their bits.
        (-self.weights[member] / uniform.ln()).to_bits()
    }
}
