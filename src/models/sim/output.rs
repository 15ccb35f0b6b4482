//! What can be made of one long run: where it settles, and how sure its mean is.

use super::{Estimate, replicate};
use crate::number::{fraction, positive};

/// How many observations to leave out at the start of a run: MSER-5 (White, 1997), which
/// averages them by fives and chooses the start after which the squared standard error of the
/// mean of the rest is least, in the first half of the run.
///
/// # Panics
/// With fewer than 20 observations: nothing can be seen in so few.
#[track_caller]
pub fn mser5(observations: &[f64]) -> usize {
    const FIVE: usize = 5;
    assert!(
        observations.len() >= 4 * FIVE,
        "mser5: at least 20 observations are needed, but there are {}",
        observations.len()
    );
    let fives: Vec<f64> =
        observations.chunks_exact(FIVE).map(|five| five.iter().sum::<f64>() / 5.0).collect();
    // From the end: the sums of those after each start.
    let (mut sum, mut squares, mut best) = (0.0, 0.0, (f64::INFINITY, 0));
    for (start, value) in fives.iter().enumerate().rev() {
        sum += value;
        squares += value * value;
        let count = (fives.len() - start) as f64;
        let error = (squares - sum * sum / count).max(0.0) / (count * count);
        if start <= fives.len() / 2 && error <= best.0 {
            best = (error, start);
        }
    }
    best.1 * FIVE
}

/// The mean of one long run, whose observations depend on one another, with the interval of
/// the means of so many batches of it (Conway, 1963). Each batch must be much longer than the
/// run remembers.
///
/// # Panics
/// With fewer than 2 batches, or fewer observations than batches.
#[track_caller]
pub fn batch_means(observations: &[f64], batches: usize) -> Estimate {
    assert!(
        batches >= 2 && observations.len() >= batches,
        "batch_means: there must be at least 2 batches, and an observation for each, but there are \
         {batches} batches and {} observations",
        observations.len()
    );
    let each = observations.len() / batches;
    // What does not fill a batch is left out at the start.
    let whole = &observations[observations.len() - each * batches..];
    let means = whole.chunks_exact(each).map(|batch| batch.iter().sum::<f64>() / each as f64);
    Estimate::of(&means.collect::<Vec<_>>())
}

/// The interval that covers the value below which a fraction `p` of a distribution lies, in 95
/// of 100 cases at least, by independent observations of it: two of them, by rank; no
/// distribution is assumed.
///
/// # Panics
/// If `p` is no such fraction, or there are too few observations for an interval to end among
/// them.
#[track_caller]
pub fn quantile_interval(observations: &[f64], p: f64) -> (f64, f64) {
    fraction("quantile_interval", p);
    let n = observations.len() as f64;
    // Ranks by the normal approximation of the binomial distribution.
    let spread = 1.959_964 * (n * p * (1.0 - p)).sqrt();
    let (low, high) = ((n * p - spread).floor(), (n * p + spread).ceil());
    assert!(
        low >= 1.0 && high <= n,
        "quantile_interval: {n} observations are too few for an interval of the quantile {p}; give \
         more"
    );
    let mut sorted = observations.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[low as usize - 1], sorted[high as usize - 1])
}

/// Adds replications until half the width of the mean's interval is at most `relative` times the
/// mean, or `most` of them have been run: `replicate_until(0.01, 1000, |n| ..)` for one per cent.
/// It looks after 10, 20, 40 and so on: whoever looks after each stops too early too often.
///
/// # Panics
/// If `relative` is not a positive number, or `most` is less than 10.
#[track_caller]
pub fn replicate_until(relative: f64, most: usize, one: impl Fn(u64) -> f64 + Sync) -> Estimate {
    const FIRST: usize = 10;
    positive("replicate_until", "relative half width", relative);
    assert!(
        most >= FIRST,
        "replicate_until: at least {FIRST} replications must be allowed, but only {most} are"
    );
    let mut values: Vec<f64> = vec![];
    let mut target = FIRST;
    loop {
        let done = values.len();
        values.extend(replicate(target - done, |replication| one(done as u64 + replication)));
        let estimate = Estimate::of(&values);
        if estimate.half_width <= relative * estimate.mean.abs() || target == most {
            return estimate;
        }
        target = most.min(2 * target);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Stream;

    /// A first-order autoregression around 0 that begins far off.
    fn drifting(seed: u64, start: f64) -> Vec<f64> {
        let mut stream = Stream::new(seed, 0, "drift");
        let mut at = start;
        (0..4000)
            .map(|_| {
                at = 0.9 * at + stream.normal();
                at
            })
            .collect()
    }

    #[test]
    fn a_run_that_begins_far_off_is_cut_where_it_settles() {
        // 200 * 0.9^n is below one deviation of the process (2.3) after 43 steps.
        let cuts: Vec<usize> = (0..20).map(|seed| mser5(&drifting(seed, 200.0))).collect();
        assert!(cuts.iter().all(|cut| (20..400).contains(cut) && cut % 5 == 0), "{cuts:?}");
        let settled: Vec<usize> = (0..20).map(|seed| mser5(&drifting(seed, 0.0))).collect();
        assert!(settled.iter().sum::<usize>() < cuts.iter().sum(), "{settled:?}");
        assert_eq!(mser5(&[1.0; 20]), 0);
    }

    #[test]
    fn means_of_batches_know_what_observations_do_not() {
        let covered = |of: &dyn Fn(&[f64]) -> Estimate| {
            (0..200).filter(|seed| of(&drifting(*seed, 0.0)).covers(0.0)).count()
        };
        // 95 % are 190; four deviations are 12.
        assert!((178..=200).contains(&covered(&|run| batch_means(run, 20))));
        // As if they were independent, they would be believed too much.
        assert!(covered(&Estimate::of) < 100);
    }

    #[test]
    fn an_interval_of_a_quantile_covers_it() {
        let mut stream = Stream::new(4, 0, "quantile");
        let mut covered = 0;
        for _ in 0..400 {
            let values: Vec<f64> = (0..500).map(|_| stream.uniform()).collect();
            let (low, high) = quantile_interval(&values, 0.9);
            covered += usize::from(low <= 0.9 && 0.9 <= high);
        }
        // 380 at least; four deviations are 17.
        assert!((363..=400).contains(&covered), "{covered}");
    }

    #[test]
    fn replications_end_when_the_interval_is_narrow_enough() {
        let uniform = |n: u64| Stream::new(8, n, "until").uniform();
        let estimate = replicate_until(0.02, 100_000, uniform);
        assert!(estimate.half_width <= 0.02 * estimate.mean && estimate.n > 100);
        assert_eq!(replicate_until(1e-9, 25, uniform).n, 25);
    }
}
