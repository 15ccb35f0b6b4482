//! Schemes that say on which node a key is kept, behind one type.

use super::hash::{Key, both, scramble};
use super::ring::Ring;
use super::table::{is_prime, maglev, order};
use crate::number::{positive, short};
use std::fmt;
use std::sync::Arc;

/// A scheme of placement, and the nodes it places keys on. Made by one of the constructors, with
/// nodes 0, 1, 2 and so on of equal weight; [`Placement::join`] and [`Placement::leave`] make the
/// placement that it is with one node more or less. Who gives it a `seed` has another hash
/// function; nothing else in it is by chance.
#[derive(Clone)]
pub struct Placement {
    pub(super) scheme: Scheme,
    pub(super) nodes: Vec<usize>,
    pub(super) weights: Vec<f64>,
    pub(super) zones: Option<Vec<usize>>,
    pub(super) seed: u64,
    pub(super) table: Table,
}

/// The node of a key, given the key's hash and the nodes.
type Own = Arc<dyn Fn(u64, &[usize]) -> usize + Send + Sync>;

#[derive(Clone)]
pub(super) enum Scheme {
    Ring { virtual_nodes: usize },
    Bounded { virtual_nodes: usize, slack: f64 },
    Jump,
    Rendezvous,
    Maglev { slots: usize },
    Modulo,
    Own { name: String, choose: Own },
}

/// What is worked out once, when the nodes are known.
#[derive(Clone)]
pub(super) enum Table {
    Nothing,
    Ring(Ring),
    /// Of each slot its member.
    Slots(Vec<u32>),
    /// Of each member its hash, and whether all have the same weight.
    Hashes(Vec<u64>, bool),
}

impl Placement {
    /// A ring with so many points (virtual nodes) for each node (Karger and others, 1997): a key
    /// belongs to the node of the first point clockwise of its own.
    ///
    /// # Panics
    /// As for all constructors here: without nodes; without virtual nodes.
    #[track_caller]
    pub fn ring(nodes: usize, virtual_nodes: usize) -> Self {
        some_points("Placement::ring", virtual_nodes);
        Self::of("Placement::ring", Scheme::Ring { virtual_nodes }, nodes)
    }

    /// A ring with bounded loads (Mirrokni, Thorup and Zadimoghaddam, 2018): no node gets more
    /// than its fair share times 1 + `slack`, rounded up; a key whose node is full goes on to the
    /// next that is not. Where a key is depends on the others: keys are placed in their order.
    ///
    /// # Panics
    /// As [`Placement::ring`]; if the slack is not a positive number.
    #[track_caller]
    pub fn bounded(nodes: usize, virtual_nodes: usize, slack: f64) -> Self {
        some_points("Placement::bounded", virtual_nodes);
        let slack = positive("Placement::bounded", "slack", slack);
        Self::of("Placement::bounded", Scheme::Bounded { virtual_nodes, slack }, nodes)
    }

    /// Jump consistent hash (Lamping and Veach, 2014): no table, and shares as even as those of
    /// the hash. It knows places in the list of nodes, not nodes: whoever leaves, all behind move
    /// up, so that only the last can leave cheaply.
    #[track_caller]
    pub fn jump(nodes: usize) -> Self {
        Self::of("Placement::jump", Scheme::Jump, nodes)
    }

    /// Rendezvous hashing (Thaler and Ravishankar, 1998): every node draws a number for the key,
    /// and the highest wins. With weights the number is -w / ln u, u being uniform.
    #[track_caller]
    pub fn rendezvous(nodes: usize) -> Self {
        Self::of("Placement::rendezvous", Scheme::Rendezvous, nodes)
    }

    /// Maglev (Eisenbud and others, 2016): a table of so many slots, a prime, that the nodes fill
    /// in turns. The paper takes 65,537, and at least a hundred slots a node.
    ///
    /// # Panics
    /// If the number of slots is no prime or less than that of the nodes.
    #[track_caller]
    pub fn maglev(nodes: usize, slots: usize) -> Self {
        const PLACE: &str = "Placement::maglev";
        assert!(
            is_prime(slots),
            "{PLACE}: the number of slots must be a prime, so that every node's order comes to every \
             slot, but it is {slots}; give one as 65_537"
        );
        Self::of(PLACE, Scheme::Maglev { slots }, nodes)
    }

    /// The hash modulo the number of nodes: even, and the control for all others, since almost
    /// every key moves when that number changes.
    #[track_caller]
    pub fn modulo(nodes: usize) -> Self {
        Self::of("Placement::modulo", Scheme::Modulo, nodes)
    }

    /// A scheme of one's own: from the hash of a key and the list of nodes to one of these.
    #[track_caller]
    pub fn own(
        name: &str,
        nodes: usize,
        choose: impl Fn(u64, &[usize]) -> usize + Send + Sync + 'static,
    ) -> Self {
        let scheme = Scheme::Own { name: name.to_owned(), choose: Arc::new(choose) };
        Self::of("Placement::own", scheme, nodes)
    }

    /// The same with nodes of different weight, one for each: a ring gives them as many times the
    /// virtual nodes (rounded, at least 1), rendezvous as many times the chance.
    ///
    /// # Panics
    /// If it is neither of these two; if there are not as many weights as nodes, or one is not a
    /// positive number.
    #[track_caller]
    pub fn weights(mut self, weights: &[f64]) -> Self {
        const PLACE: &str = "Placement::weights";
        assert!(
            matches!(self.scheme, Scheme::Ring { .. } | Scheme::Rendezvous),
            "{PLACE}: only a ring and rendezvous hashing take weights, but this is {self}"
        );
        one_each(PLACE, "weight", weights.len(), self.nodes.len());
        for weight in weights {
            positive(PLACE, "weight of each node", *weight);
        }
        self.weights = weights.to_vec();
        self.built("Placement::weights")
    }

    /// The same with nodes in zones, one number for each: [`Placement::replicas`] takes nodes of
    /// different zones as long as there are any.
    ///
    /// # Panics
    /// If there are not as many zones given as nodes.
    #[track_caller]
    pub fn zones(mut self, zones: &[usize]) -> Self {
        one_each("Placement::zones", "zone", zones.len(), self.nodes.len());
        self.zones = Some(zones.to_vec());
        self
    }

    /// The same with another hash function of keys and nodes; 0 is the one at first.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self.built("Placement::seed")
    }

    /// The same with one node more, at the end of the list: its number is one above the highest,
    /// its weight 1, its zone the one with the fewest nodes.
    #[track_caller]
    pub fn join(&self) -> Self {
        let mut more = self.clone();
        more.nodes.push(self.nodes.iter().max().map_or(0, |node| node + 1));
        more.weights.push(1.0);
        if let Some(zones) = &mut more.zones {
            let of = |zone: &usize| zones.iter().filter(|each| *each == zone).count();
            let fewest = zones.iter().copied().min_by_key(|zone| (of(zone), *zone));
            zones.push(fewest.unwrap_or(0));
        }
        more.built("Placement::join")
    }

    /// The same without this node.
    ///
    /// # Panics
    /// If there is no such node, or no other.
    #[track_caller]
    pub fn leave(&self, node: usize) -> Self {
        let mut less = self.clone();
        let at = self.member("Placement::leave", node);
        less.nodes.remove(at);
        less.weights.remove(at);
        if let Some(zones) = &mut less.zones {
            zones.remove(at);
        }
        less.built("Placement::leave")
    }

    /// The name of the scheme, as "ring".
    pub fn name(&self) -> &str {
        match &self.scheme {
            Scheme::Ring { .. } => "ring",
            Scheme::Bounded { .. } => "bounded ring",
            Scheme::Jump => "jump",
            Scheme::Rendezvous => "rendezvous",
            Scheme::Maglev { .. } => "Maglev",
            Scheme::Modulo => "modulo",
            Scheme::Own { name, .. } => name,
        }
    }

    /// The nodes by their numbers, in ascending order.
    pub fn nodes(&self) -> &[usize] {
        &self.nodes
    }

    #[track_caller]
    pub(super) fn member(&self, place: &str, node: usize) -> usize {
        assert!(
            self.nodes.len() > 1,
            "{place}: node {node} is the only one, and keys must be somewhere"
        );
        let at = self.nodes.iter().position(|each| *each == node);
        at.unwrap_or_else(|| {
            panic!("{place}: there is no node {node}; the nodes are {:?}", self.nodes)
        })
    }

    #[track_caller]
    fn of(place: &str, scheme: Scheme, nodes: usize) -> Self {
        assert!(
            nodes >= 1,
            "{place}: keys must be on some node, but there are 0; give at least 1, as in \
             Placement::ring(10, 100)"
        );
        let (nodes, weights) = ((0..nodes).collect(), vec![1.0; nodes]);
        Self { scheme, nodes, weights, zones: None, seed: 0, table: Table::Nothing }.built(place)
    }

    #[track_caller]
    fn built(mut self, place: &str) -> Self {
        // Keys and nodes must not meet by their numbers.
        let hashes = self.nodes.iter().map(|node| both(!self.seed, node.hashed()));
        self.table = match self.scheme {
            Scheme::Ring { virtual_nodes } | Scheme::Bounded { virtual_nodes, .. } => {
                let points =
                    |weight: f64| ((virtual_nodes as f64 * weight).round() as usize).max(1);
                let members =
                    hashes.zip(&self.weights).map(|(hash, weight)| (hash, points(*weight)));
                Table::Ring(Ring::new(&members.collect::<Vec<_>>()))
            }
            Scheme::Maglev { slots } => {
                assert!(
                    slots >= self.nodes.len() && slots > 2,
                    "{place}: the table must have a slot for each node, and more than 2, but for {} \
                     it has {slots}; give more, as 65_537",
                    self.nodes.len()
                );
                let orders: Vec<_> = hashes.map(|hash| order(hash, slots)).collect();
                Table::Slots(maglev(&orders, slots))
            }
            Scheme::Rendezvous => {
                let even = self.weights.iter().all(|weight| *weight == self.weights[0]);
                Table::Hashes(hashes.map(scramble).collect(), even)
            }
            Scheme::Jump | Scheme::Modulo | Scheme::Own { .. } => Table::Nothing,
        };
        self
    }
}

#[track_caller]
fn some_points(place: &str, virtual_nodes: usize) {
    assert!(
        virtual_nodes >= 1,
        "{place}: each node needs at least 1 virtual node, its point on the ring, but has 0; give \
         some, as in Placement::ring(10, 100)"
    );
}

#[track_caller]
fn one_each(place: &str, what: &str, given: usize, nodes: usize) {
    assert!(
        given == nodes,
        "{place}: each of the {nodes} nodes needs a {what}, but {given} are given"
    );
}

/// As "ring, 10 nodes, 100 virtual nodes each".
impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |count: usize, what: &str| {
            format!("{count} {what}{}", if count == 1 { "" } else { "s" })
        };
        write!(f, "{}, {}", self.name(), counted(self.nodes.len(), "node"))?;
        match &self.scheme {
            Scheme::Ring { virtual_nodes } => {
                write!(f, ", {} each", counted(*virtual_nodes, "virtual node"))
            }
            Scheme::Bounded { virtual_nodes, slack } => {
                let slack = short(*slack, 4);
                write!(f, ", {} each, slack {slack}", counted(*virtual_nodes, "virtual node"))
            }
            Scheme::Maglev { slots } => write!(f, ", {slots} slots"),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_nodes_is_nothing_to_rings_and_rendezvous() {
        let weights = [1.0, 2.0, 0.5, 3.0];
        for placement in [
            Placement::ring(4, 30),
            Placement::rendezvous(4),
            Placement::ring(4, 30).weights(&weights),
            Placement::rendezvous(4).weights(&weights),
        ] {
            let mut other = placement.clone();
            other.nodes.reverse();
            other.weights.reverse();
            let other = other.built("a test");
            assert_eq!(placement.assign(3000), other.assign(3000), "{placement}");
            let copies =
                |of: &Placement| (0..300).map(|key| of.replicas(key, 3)).collect::<Vec<_>>();
            assert_eq!(copies(&placement), copies(&other), "{placement}");
        }
    }
}
