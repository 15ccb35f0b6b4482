//! The second way to tell whether a history is serializable: by trying all orders.

use super::history::{Event, Transactions, Version};
use std::collections::BTreeMap;

/// The most committed transactions whose orders are tried: 40,320.
const MOST: usize = 8;

impl Transactions {
    /// An order of the committed transactions in which each, running alone, reads what it has read,
    /// and which leaves the versions in their order: found by trying all orders. Nothing if there
    /// is none.
    ///
    /// # Panics
    /// With more than 8 committed transactions.
    #[track_caller]
    pub fn serial_order_by_force(&self) -> Option<Vec<usize>> {
        let committed = self.committed();
        assert!(
            committed.len() <= MOST,
            "Transactions::serial_order_by_force: there may be at most {MOST} committed \
             transactions, of which all orders are tried, but there are {}; use check",
            committed.len()
        );
        let mut order = vec![];
        self.extends(&committed, &mut order, &BTreeMap::new()).then_some(order)
    }

    /// Whether the order so far, which leaves these versions, can be made whole.
    fn extends<'a>(
        &'a self,
        committed: &[usize],
        order: &mut Vec<usize>,
        current: &BTreeMap<&'a str, Version>,
    ) -> bool {
        if order.len() == committed.len() {
            return self.leaves_its_order(order);
        }
        for transaction in committed {
            if order.contains(transaction) {
                continue;
            }
            if let Some(after) = self.alone(*transaction, current) {
                order.push(*transaction);
                if self.extends(committed, order, &after) {
                    return true;
                }
                order.pop();
            }
        }
        false
    }

    /// The versions after a transaction that runs alone on these; nothing if it would not read
    /// what it has read.
    fn alone<'a>(
        &'a self,
        transaction: usize,
        current: &BTreeMap<&'a str, Version>,
    ) -> Option<BTreeMap<&'a str, Version>> {
        let mut after = current.clone();
        for event in self.events().iter().filter(|event| event.transaction() == transaction) {
            match event {
                Event::Read(_, object, version) => {
                    let there = after.get(object.as_str()).unwrap_or(&Version::INITIAL);
                    if there != version {
                        return None;
                    }
                }
                Event::Write(_, object, version) => drop(after.insert(object, *version)),
                Event::Commit(_) | Event::Abort(_) => {}
            }
        }
        Some(after)
    }

    fn leaves_its_order(&self, order: &[usize]) -> bool {
        let place = |it: &usize| order.iter().position(|other| other == it);
        self.version_orders().values().all(|writers| writers.is_sorted_by_key(place))
    }
}
