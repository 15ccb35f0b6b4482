//! A watch over servers that are compared with one another.

/// The weight of the latest period.
const WEIGHT: f64 = 0.3;
/// The standard deviation of a normal distribution over its median distance from the median.
const NORMAL: f64 = 1.4826;

/// Points at the one that is farthest above the others, if it is far enough.
pub(super) fn robust(deviations: f64) -> impl FnMut(&[f64]) -> Option<usize> {
    let mut smooth: Vec<f64> = vec![];
    move |means| {
        if smooth.len() == means.len() {
            for (level, mean) in smooth.iter_mut().zip(means) {
                *level += WEIGHT * (mean - *level);
            }
        } else {
            // Others are compared than before: what was smoothed is not theirs.
            smooth = means.to_vec();
        }
        let middle = median(&smooth);
        let distances: Vec<f64> = smooth.iter().map(|level| (level - middle).abs()).collect();
        let spread = NORMAL * median(&distances);
        let (worst, level) =
            smooth.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let out = level > middle + deviations * spread && spread > 0.0;
        out.then_some(worst)
    }
}

/// The one in the middle, or between the two there.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 }
}
