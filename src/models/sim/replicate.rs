//! Independent replications, run on all processors, with the same bytes for
//! any number of them.

use crate::progress::Task;
use rayon::prelude::*;

/// How much to simulate: independent replications, each of so many customers
/// after a warm-up that is simulated and not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trials {
    /// Independent replications, at least 2: their spread gives the interval.
    pub replications: usize,
    /// Customers counted in each replication, at least 1.
    pub customers: usize,
    /// Customers served before the counting starts.
    pub warmup: usize,
    /// Chooses all random numbers; the same seed gives the same result.
    pub seed: u64,
}

impl Trials {
    /// Replications of so many customers each, after a tenth as many to warm
    /// up, with seed 1. Constant, so that a parameters cell may hold it.
    ///
    /// # Panics
    /// With fewer than 2 replications or without customers.
    #[track_caller]
    pub const fn new(replications: usize, customers: usize) -> Self {
        assert!(
            replications >= 2,
            "Trials::new: an interval needs at least 2 replications, as in Trials::new(10, 100_000)"
        );
        assert!(
            customers >= 1,
            "Trials::new: each replication needs at least 1 customer, as in Trials::new(10, 100_000)"
        );
        Self { replications, customers, warmup: customers / 10, seed: 1 }
    }

    /// The same amount with other random numbers.
    pub const fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Another number of customers to leave out at the start of each replication.
    pub const fn warmup(self, customers: usize) -> Self {
        Self { warmup: customers, ..self }
    }
}

/// Runs `one` for the replications 0, 1, ... in parallel; results come in that
/// order, whichever finished first.
pub fn replicate<T: Send>(replications: usize, one: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let numbers = 0..replications as u64;
    let task = Task::begin("replications", Some(numbers.end));
    let run = |replication| {
        crate::interrupt::tick();
        let result = one(replication);
        task.step();
        result
    };
    numbers.into_par_iter().map(run).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order() {
        assert_eq!(replicate(1000, |i| i * i), (0..1000).map(|i| i * i).collect::<Vec<_>>());
    }

    #[test]
    #[should_panic(expected = "at least 2 replications")]
    fn one_replication_has_no_interval() {
        Trials::new(1, 100);
    }
}
