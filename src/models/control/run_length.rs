//! How long a machine that hears of successes and failures stays of its mind: the mean time until
//! a finite Markov chain is absorbed.

use std::collections::BTreeMap;

/// More states than one should wait for.
const MOST_STATES: usize = 1 << 17;

/// The mean number of observations until `step` says nothing for the first time, each of them a
/// failure with probability `p` and independent of the others. Infinite if that cannot happen;
/// nothing if there are too many states. `step` gets a state and whether it was a success.
///
/// The chance to be still there is summed until the hazard is constant; from there on it falls
/// geometrically, and the rest of the sum is known. Rare events take no longer than frequent ones.
pub(super) fn run_length<S: Ord + Clone>(
    start: S,
    p: f64,
    step: impl Fn(&S, bool) -> Option<S>,
) -> Option<f64> {
    let mut numbers = BTreeMap::from([(start.clone(), 0)]);
    let mut states = vec![start];
    // Of each state where a success and a failure lead.
    let mut next: Vec<[Option<usize>; 2]> = vec![];
    while next.len() < states.len() {
        if states.len() > MOST_STATES {
            return None;
        }
        let here = states[next.len()].clone();
        let possible = [p < 1.0, p > 0.0];
        let mut row = [None; 2];
        for (at, ok) in [true, false].into_iter().enumerate() {
            // What cannot happen leads nowhere new.
            let Some(there) = possible[at].then(|| step(&here, ok)) else {
                row[at] = Some(0);
                continue;
            };
            row[at] = there.map(|there| {
                *numbers.entry(there.clone()).or_insert_with(|| {
                    states.push(there);
                    states.len() - 1
                })
            });
        }
        next.push(row);
    }
    if next.iter().flatten().all(Option::is_some) {
        return Some(f64::INFINITY);
    }
    let mut weights = vec![0.0; states.len()];
    weights[0] = 1.0;
    let (mut sum, mut there, mut hazard, mut steady) = (0.0, 1.0, 0.0, 0);
    loop {
        crate::interrupt::tick();
        sum += there;
        let mut then = vec![0.0; states.len()];
        let mut gone = 0.0;
        for (weight, row) in weights.iter().zip(&next) {
            for (to, chance) in row.iter().zip([1.0 - p, p]) {
                match to {
                    Some(to) => then[*to] += weight * chance,
                    None => gone += weight * chance,
                }
            }
        }
        let now = gone / there;
        steady = if now > 0.0 && (now - hazard).abs() <= 1e-12 * now { steady + 1 } else { 0 };
        hazard = now;
        there = then.iter().sum();
        weights = then;
        if there < 1e-18 {
            return Some(sum);
        }
        if steady >= 32 {
            return Some(sum + there / hazard);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::run_length;

    /// Feller, volume 1, XIII.7: runs of k failures come after (p^-k - 1) / (1 - p) trials.
    #[test]
    fn runs_are_those_of_feller() {
        for (p, k) in [(0.5, 1), (0.5, 2), (0.5, 3), (0.1, 5), (0.9, 4), (0.01, 6)] {
            let by_hand: f64 = (f64::powi(p, -k) - 1.0) / (1.0 - p);
            let found = run_length(0, p, |run, ok| match (ok, run + 1 == k) {
                (true, _) => Some(0),
                (false, true) => None,
                (false, false) => Some(run + 1),
            });
            assert!((found.unwrap() / by_hand - 1.0).abs() < 1e-9, "{p}, {k}: {found:?}");
        }
        assert_eq!(run_length((), 0.0, |(), ok| ok.then_some(())), Some(f64::INFINITY));
        assert_eq!(run_length((), 1.0, |(), ok| ok.then_some(())), Some(1.0));
    }
}
