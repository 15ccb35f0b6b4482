//! Small systems of linear equations.

/// The solution of a system, each row its coefficients and then its right side, by elimination
/// with the largest pivots; nothing if there is none, or many.
pub(crate) fn solve(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let n = rows.len();
    for column in 0..n {
        let largest = (column..n)
            .max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()))
            .unwrap_or(column);
        rows.swap(column, largest);
        let pivot = rows[column].clone();
        if pivot[column].abs() < 1e-12 {
            return None;
        }
        for row in &mut rows[column + 1..] {
            let factor = row[column] / pivot[column];
            row.iter_mut().zip(&pivot).for_each(|(x, p)| *x -= factor * p);
        }
    }
    let mut x = vec![0.0; n];
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| rows[i][j] * x[j]).sum();
        x[i] = (rows[i][n] - known) / rows[i][i];
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_by_hand() {
        let rows = |rows: &[&[f64]]| rows.iter().map(|row| row.to_vec()).collect();
        assert_eq!(solve(rows(&[&[0.0, 2.0, 4.0], &[3.0, 1.0, 5.0]])), Some(vec![1.0, 2.0]));
        assert_eq!(solve(rows(&[&[1.0, 2.0, 1.0], &[2.0, 4.0, 2.0]])), None);
        assert_eq!(solve(vec![]), Some(vec![]));
    }
}
