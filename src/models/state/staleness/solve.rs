//! Where a falling function crosses zero.

/// The place between `low` and `high` where a falling `f` crosses zero, to a relative width: by
/// false position (the Illinois variant, Dowell and Jarratt, 1971), with a halving now and then.
pub(super) fn root(bracket: (f64, f64), relative: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = bracket;
    let (mut above, mut below) = (f(low), f(high));
    if above <= 0.0 || below >= 0.0 {
        return if above <= 0.0 { low } else { high };
    }
    let mut last = 0.0;
    for step in 1..200 {
        let middle = (low + high) / 2.0;
        let chord = (low * below - high * above) / (below - above);
        let x = if step % 4 == 0 || !(low..high).contains(&chord) { middle } else { chord };
        let y = f(x);
        if y == 0.0 || high - low <= relative * high {
            return x;
        }
        // An end that stays for the second time loses half of its weight, so that the next chord
        // falls on its side.
        let again = if y * last > 0.0 { 0.5 } else { 1.0 };
        if y > 0.0 {
            (low, above, below) = (x, y, below * again);
        } else {
            (high, below, above) = (x, y, above * again);
        }
        last = y;
    }
    (low + high) / 2.0
}

/// As [`root`] from `low` on, with an end found by doubling `step`.
pub(super) fn root_beyond(low: f64, step: f64, relative: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut step) = (low, step);
    while f(low + step) > 0.0 && (low + step).is_finite() {
        low += step;
        step *= 2.0;
    }
    root((low, low + step), relative, f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_of_falling_functions() {
        let cases: [(f64, &dyn Fn(f64) -> f64); 5] = [
            (0.25, &|x| 0.5 - x.sqrt()),
            (1e-9, &|x| 1.0 - x * 1e9),
            (700.0, &|x| (-x / 100.0_f64).exp() - (-7.0_f64).exp()),
            (3.0, &|x| if x < 3.0 { 1.0 } else { -1e-9 }),
            (0.0, &|x| -1.0 - x),
        ];
        for (truth, f) in cases {
            for step in [1e-3, 1.0, 1e4] {
                let found = root_beyond(0.0, step, 1e-12, f);
                assert!((found - truth).abs() <= 1e-9 * (truth + 1e-3), "{found} for {truth}");
            }
        }
    }
}
