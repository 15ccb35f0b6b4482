//! The best that can be done by who knows all requests to come.

use std::collections::BinaryHeap;

/// Of which requests, from first to last, the best policy has a hit (Belady, 1966): who is asked
/// for again last, or never, makes way. Who must let in what was asked for, as paging must, may do
/// worse than who may refuse it.
pub(super) fn hits(requests: &[u32], items: usize, capacity: usize, may_refuse: bool) -> Vec<bool> {
    let never = requests.len() as u32;
    let mut next = vec![never; requests.len()];
    let mut upcoming = vec![never; items];
    for (at, item) in requests.iter().enumerate().rev() {
        next[at] = std::mem::replace(&mut upcoming[*item as usize], at as u32);
    }
    // Of each item that is there when it is asked for next; the heap also has what was so once.
    let mut held: Vec<Option<u32>> = vec![None; items];
    let mut heap: BinaryHeap<(u32, u32)> = BinaryHeap::new();
    let mut length = 0;
    let mut hits = vec![false; requests.len()];
    for (at, &item) in requests.iter().enumerate() {
        if at.is_multiple_of(1024) {
            crate::interrupt::tick();
        }
        hits[at] = held[item as usize].is_some();
        if !hits[at] {
            if length == capacity {
                while let Some(&(when, last)) = heap.peek() {
                    if held[last as usize] == Some(when) {
                        break;
                    }
                    heap.pop();
                }
                if may_refuse && heap.peek().is_none_or(|(when, _)| *when <= next[at]) {
                    continue;
                }
                if let Some((_, last)) = heap.pop() {
                    held[last as usize] = None;
                }
            } else {
                length += 1;
            }
        }
        held[item as usize] = Some(next[at]);
        heap.push((next[at], item));
    }
    hits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Stream;

    /// The most hits of all choices that can be made.
    fn by_trying_all(requests: &[u32], held: &[u32], capacity: usize, may_refuse: bool) -> usize {
        let Some((&item, rest)) = requests.split_first() else { return 0 };
        if held.contains(&item) {
            return 1 + by_trying_all(rest, held, capacity, may_refuse);
        }
        let mut best = 0;
        if may_refuse {
            best = by_trying_all(rest, held, capacity, may_refuse);
        }
        if held.len() < capacity {
            let more = [held, &[item]].concat();
            return best.max(by_trying_all(rest, &more, capacity, may_refuse));
        }
        for gone in 0..held.len() {
            let mut other = held.to_vec();
            other[gone] = item;
            best = best.max(by_trying_all(rest, &other, capacity, may_refuse));
        }
        best
    }

    #[test]
    fn nobody_does_better() {
        for seed in 0..60 {
            let mut stream = Stream::new(seed, 0, "belady");
            let requests: Vec<u32> = (0..9).map(|_| stream.below(5) as u32).collect();
            for capacity in 1..4 {
                for may_refuse in [false, true] {
                    let ours = hits(&requests, 5, capacity, may_refuse);
                    let ours = ours.iter().filter(|hit| **hit).count();
                    let best = by_trying_all(&requests, &[], capacity, may_refuse);
                    assert_eq!(ours, best, "{requests:?}, {capacity}, {may_refuse}");
                }
            }
        }
    }
}
