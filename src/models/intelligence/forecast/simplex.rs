//! The least value of a function of a few numbers, without its slope.

/// Nelder and Mead's simplex (1965) with the usual coefficients, from a point on; so many steps.
pub(super) fn least(
    start: &[f64],
    width: f64,
    steps: usize,
    mut of: impl FnMut(&[f64]) -> f64,
) -> Vec<f64> {
    let n = start.len();
    let mut corners: Vec<(f64, Vec<f64>)> = vec![(of(start), start.to_vec())];
    for i in 0..n {
        let mut corner = start.to_vec();
        corner[i] += width;
        corners.push((of(&corner), corner));
    }
    for _ in 0..steps {
        corners.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (best, worst) = (corners[0].0, corners[n].0);
        if (worst - best).abs() <= 1e-13 * best.abs() {
            break;
        }
        let middle: Vec<f64> =
            (0..n).map(|i| corners[..n].iter().map(|c| c.1[i]).sum::<f64>() / n as f64).collect();
        let along = |by: f64, from: &[f64]| -> Vec<f64> {
            middle.iter().zip(from).map(|(m, x)| m + by * (x - m)).collect()
        };
        let mut tried = |by: f64, from: &[f64]| {
            let point = along(by, from);
            (of(&point), point)
        };
        let last = corners[n].1.clone();
        let reflected = tried(-1.0, &last);
        let next = if reflected.0 < best {
            let further = tried(-2.0, &last);
            if further.0 < reflected.0 { further } else { reflected }
        } else if reflected.0 < corners[n - 1].0 {
            reflected
        } else {
            let nearer = if reflected.0 < worst { tried(-0.5, &last) } else { tried(0.5, &last) };
            if nearer.0 >= worst.min(reflected.0) {
                // Nothing better on this line: all draw near to the best.
                let centre = corners[0].1.clone();
                for corner in &mut corners[1..] {
                    corner.1.iter_mut().zip(&centre).for_each(|(x, c)| *x = (*x + c) / 2.0);
                    corner.0 = of(&corner.1);
                }
                continue;
            }
            nearer
        };
        corners[n] = next;
    }
    corners.sort_by(|a, b| a.0.total_cmp(&b.0));
    corners.swap_remove(0).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_valley_of_rosenbrock_is_walked_to_its_end() {
        let valley = |x: &[f64]| 100.0 * (x[1] - x[0] * x[0]).powi(2) + (1.0 - x[0]).powi(2);
        let found = least(&[-1.2, 1.0], 0.5, 500, valley);
        assert!(found.iter().all(|x| (x - 1.0).abs() < 1e-4), "{found:?}");
    }
}
