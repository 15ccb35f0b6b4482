//! The time from several clocks, some of which are wrong (Marzullo and Owicki, 1983; Marzullo,
//! 1984).

/// Where the true time is, by several sources.
#[derive(Clone, Debug, PartialEq)]
pub struct Intersection {
    /// The earliest time that enough sources allow.
    pub low: f64,
    /// The latest one.
    pub high: f64,
    /// The sources, by their numbers, that allow no time between these: falsetickers.
    pub outvoted: Vec<usize>,
}

impl Intersection {
    /// The middle of it.
    pub fn middle(&self) -> f64 {
        f64::midpoint(self.low, self.high)
    }
}

/// The least interval that has every time which all sources but `faulty` allow. A source is an
/// estimate and the bound of its error. If no more than so many sources are wrong, the true time is
/// in it; nothing if no time is allowed by so many, so that more of them must be wrong.
///
/// # Panics
/// If there are no sources, a bound is negative, something is not a number, or the faulty are not
/// fewer than half.
#[track_caller]
pub fn marzullo(sources: &[(f64, f64)], faulty: usize) -> Option<Intersection> {
    const PLACE: &str = "marzullo";
    assert!(
        !sources.is_empty() && 2 * faulty < sources.len(),
        "{PLACE}: fewer than half of the sources may be faulty, but these are {faulty} of {}; ask \
         at least {} sources",
        sources.len(),
        2 * faulty + 1
    );
    for (at, (estimate, bound)) in sources.iter().enumerate() {
        assert!(
            estimate.is_finite() && bound.is_finite() && *bound >= 0.0,
            "{PLACE}: each source is an estimate and a bound of at least 0, but source {at} is \
             ({estimate}, {bound})"
        );
    }
    let needed = sources.len() - faulty;
    let mut ends: Vec<(f64, bool)> = sources
        .iter()
        .flat_map(|(estimate, bound)| [(estimate - bound, false), (estimate + bound, true)])
        .collect();
    // Intervals are closed: of two ends at one time the beginning comes first.
    ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (mut open, mut low, mut high) = (0, None, None);
    for (time, is_end) in ends {
        if is_end {
            if open >= needed {
                high = Some(time);
            }
            open -= 1;
        } else {
            open += 1;
            if open >= needed && low.is_none() {
                low = Some(time);
            }
        }
    }
    let (low, high) = (low?, high?);
    let misses = |(estimate, bound): &(f64, f64)| estimate - bound > high || estimate + bound < low;
    let outvoted = (0..sources.len()).filter(|&at| misses(&sources[at])).collect();
    Some(Intersection { low, high, outvoted })
}
