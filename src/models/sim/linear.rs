//! Small systems of linear equations, and small square matrices.

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

/// A square matrix.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Matrix(Vec<Vec<f64>>);

impl Matrix {
    /// Of such a size, each element by its row and column.
    pub fn by(size: usize, of: impl Fn(usize, usize) -> f64) -> Self {
        Self((0..size).map(|i| (0..size).map(|j| of(i, j)).collect()).collect())
    }

    pub fn at(&self, row: usize, column: usize) -> f64 {
        self.0[row][column]
    }

    /// This, and so many times the other.
    pub fn plus(&self, other: &Self, times: f64) -> Self {
        Self::by(self.0.len(), |i, j| self.0[i][j] + times * other.0[i][j])
    }

    pub fn scaled(&self, by: f64) -> Self {
        Self::by(self.0.len(), |i, j| by * self.0[i][j])
    }

    pub fn times(&self, other: &Self) -> Self {
        let size = self.0.len();
        Self::by(size, |i, j| (0..size).map(|k| self.0[i][k] * other.0[k][j]).sum())
    }

    /// A row of numbers, times this.
    pub fn applied_to(&self, row: &[f64]) -> Vec<f64> {
        let of = |j: usize| row.iter().zip(&self.0).map(|(x, each)| x * each[j]).sum();
        (0..row.len()).map(of).collect()
    }

    /// The inverse, if there is one.
    pub fn inverse(&self) -> Option<Self> {
        let size = self.0.len();
        let column = |k: usize| {
            let unit = |i: usize| if i == k { 1.0 } else { 0.0 };
            let rows = self.0.iter().enumerate();
            solve(rows.map(|(i, row)| row.iter().copied().chain([unit(i)]).collect()).collect())
        };
        let columns = (0..size).map(column).collect::<Option<Vec<_>>>()?;
        Some(Self::by(size, |i, j| columns[j][i]))
    }

    /// The largest element, without its sign.
    pub fn largest(&self) -> f64 {
        self.0.iter().flatten().fold(0.0, |largest, x| largest.max(x.abs()))
    }
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

    #[test]
    fn a_matrix_times_its_inverse_is_one() {
        let matrix =
            Matrix::by(3, |i, j| [[0.0, 2.0, 1.0], [1.0, 0.0, 3.0], [4.0, 1.0, 0.0]][i][j]);
        let one = Matrix::by(3, |i, j| f64::from(u8::from(i == j)));
        let product = matrix.times(&matrix.inverse().unwrap());
        assert!(product.plus(&one, -1.0).largest() < 1e-12, "{product:?}");
        assert_eq!(matrix.applied_to(&[1.0, 0.0, 2.0]), [8.0, 4.0, 1.0]);
        assert_eq!(Matrix::by(2, |_, _| 1.0).inverse(), None);
    }
}
