//! Jump consistent hash, and the table of Maglev.

use super::hash::{both, scramble};

/// The bucket of a key among so many (Lamping and Veach, 2014): it jumps ahead from bucket to
/// bucket, each time as far as the key's next random number says, and stays where the next jump
/// would leave the last bucket.
#[inline]
pub(super) fn jump(mut key: u64, buckets: usize) -> usize {
    let (mut bucket, mut next) = (0, 0);
    while next < buckets as u64 {
        bucket = next;
        // The paper's own generator, so that its test vectors hold.
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        let stretch = (1u64 << 31) as f64 / ((key >> 33) + 1) as f64;
        next = ((bucket + 1) as f64 * stretch) as u64;
    }
    bucket as usize
}

/// Maglev's table (Eisenbud and others, 2016): of each slot its member. Members take turns, each
/// the first free slot of its own order, which begins at its offset and goes on by its skip.
pub(super) fn maglev(orders: &[(usize, usize)], slots: usize) -> Vec<u32> {
    const FREE: u32 = u32::MAX;
    let mut table = vec![FREE; slots];
    let mut at: Vec<usize> = orders.iter().map(|(offset, _)| *offset).collect();
    let mut left = slots;
    loop {
        for (member, (_, skip)) in orders.iter().enumerate() {
            while table[at[member]] != FREE {
                at[member] = (at[member] + skip) % slots;
            }
            table[at[member]] = member as u32;
            left -= 1;
            if left == 0 {
                return table;
            }
        }
        crate::interrupt::tick();
    }
}

/// A member's offset and skip, by its hash.
pub(super) fn order(hash: u64, slots: usize) -> (usize, usize) {
    let slots = slots as u64;
    ((scramble(hash) % slots) as usize, (both(hash, 1) % (slots - 1) + 1) as usize)
}

/// Whether it has no divisor but 1 and itself.
pub(super) fn is_prime(number: usize) -> bool {
    number >= 2 && (2..).take_while(|d| d * d <= number).all(|d| !number.is_multiple_of(d))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jump_is_that_of_its_published_vectors() {
        // From the tests of the Go and C++ ports and of ClickHouse.
        let vectors = [
            (1, 1, 0),
            (42, 57, 43),
            (256, 1024, 520),
            (0xdead_10cc, 1, 0),
            (0xdead_10cc, 666, 361),
            (16_045_690_984_833_335_023, 255, 237),
            (0, 60, 0),
            (1, 60, 55),
            (2, 60, 46),
        ];
        for (key, buckets, bucket) in vectors {
            assert_eq!(jump(key, buckets), bucket, "{key} among {buckets}");
        }
    }

    #[test]
    fn the_table_is_that_of_the_papers_example() {
        // Three backends, seven slots: offsets and skips (3, 4), (0, 2), (3, 1).
        assert_eq!(maglev(&[(3, 4), (0, 2), (3, 1)], 7), [1, 0, 1, 0, 2, 2, 0]);
        // Without the second, whose slots the others take; one more slot changes hands.
        assert_eq!(maglev(&[(3, 4), (3, 1)], 7), [0, 0, 0, 0, 1, 1, 1]);
    }

    #[test]
    fn primes() {
        let primes: Vec<usize> = (0..30).filter(|number| is_prime(*number)).collect();
        assert_eq!(primes, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]);
        assert!(is_prime(65_537) && is_prime(655_373) && !is_prime(65_536));
    }
}
