//! Linear programs by the simplex method (Dantzig, 1947), in a form to which columns are added
//! while it runs.

/// More steps without gain than this look like a circle; the rule of Bland (1977) leaves it.
const PATIENCE: usize = 40;

/// What counts as zero; coefficients are of the order of 1.
pub(super) const TINY: f64 = 1e-9;

/// A basic solution, and how it changes with each variable that is zero in it: the columns.
///
/// Variable r, for r below the number of rows, is the slack of row r: zero and nothing else in an
/// equation, at least zero in a row "at most". The others are added, and are at least zero.
pub(super) struct Tableau {
    /// Rows that are equations come first.
    equations: usize,
    /// Whether a row holds; one that does not yet is looked past.
    holds: Vec<bool>,
    /// Of each row the variable that it gives, and its value. One entry more than rows: the
    /// objective, and its value with a minus.
    basis: Vec<usize>,
    values: Vec<f64>,
    /// The other variables, each with its coefficients in the rows and in the objective.
    columns: Vec<(usize, Vec<f64>)>,
    places: Vec<Place>,
}

#[derive(Clone, Copy)]
enum Place {
    Row(usize),
    Column(usize),
}

impl Tableau {
    /// Rows with right sides `values` and no variables but their slacks.
    pub fn new(equations: usize, values: &[f64]) -> Self {
        let rows = values.len();
        Self {
            equations,
            holds: vec![true; rows],
            basis: (0..rows).collect(),
            values: values.iter().copied().chain([0.0]).collect(),
            columns: vec![],
            places: (0..rows).map(Place::Row).collect(),
        }
    }

    fn rows(&self) -> usize {
        self.basis.len()
    }

    /// Adds a variable with coefficients in some of the rows as they were given; its number.
    pub fn add(&mut self, coefficients: &[(usize, f64)]) -> usize {
        let mut column = vec![0.0; self.rows() + 1];
        for (row, coefficient) in coefficients {
            // The slack of a row tells what has become of it.
            match self.places[*row] {
                Place::Row(at) => column[at] += coefficient,
                Place::Column(at) => {
                    let slack = &self.columns[at].1;
                    column.iter_mut().zip(slack).for_each(|(x, s)| *x += coefficient * s);
                }
            }
        }
        let variable = self.places.len();
        self.places.push(Place::Column(self.columns.len()));
        self.columns.push((variable, column));
        variable
    }

    /// Exchanges a variable that is zero for the one that a row gives.
    pub fn exchange(&mut self, variable: usize, row: usize) {
        let Place::Column(at) = self.places[variable] else { return };
        let rows = self.rows();
        let entering = std::mem::take(&mut self.columns[at].1);
        let pivot = entering[row];
        for (_, column) in &mut self.columns {
            if column.is_empty() || column[row] == 0.0 {
                continue;
            }
            let factor = column[row] / pivot;
            column.iter_mut().zip(&entering).for_each(|(x, e)| *x -= factor * e);
            column[row] = factor;
        }
        let factor = self.values[row] / pivot;
        self.values.iter_mut().zip(&entering).for_each(|(x, e)| *x -= factor * e);
        self.values[row] = factor;
        let mut leaving: Vec<f64> = entering.iter().map(|e| -e / pivot).collect();
        leaving[row] = 1.0 / pivot;
        debug_assert_eq!(leaving.len(), rows + 1);
        let gone = std::mem::replace(&mut self.basis[row], variable);
        self.places[variable] = Place::Row(row);
        self.places[gone] = Place::Column(at);
        self.columns[at] = (gone, leaving);
    }

    /// The value that a row gives to its variable.
    pub fn row(&self, row: usize) -> f64 {
        self.values[row]
    }

    /// Whether a row is to hold from now on.
    pub fn hold(&mut self, row: usize, holds: bool) {
        self.holds[row] = holds;
    }

    /// The value of a variable.
    pub fn value(&self, variable: usize) -> f64 {
        match self.places[variable] {
            Place::Row(row) => self.values[row],
            Place::Column(_) => 0.0,
        }
    }

    /// Makes the sum of variables times these costs, by number, the objective.
    pub fn objective(&mut self, costs: &[f64]) {
        let rows = self.rows();
        let basic: Vec<f64> = self.basis.iter().map(|variable| costs[*variable]).collect();
        let sum = |column: &[f64]| basic.iter().zip(column).map(|(c, x)| c * x).sum::<f64>();
        self.values[rows] = -sum(&self.values[..rows]);
        for (variable, column) in &mut self.columns {
            column[rows] = costs[*variable] - sum(&column[..rows]);
        }
    }

    /// The cost of one more on the right side of a row, its dual value.
    pub fn price(&self, row: usize) -> f64 {
        match self.places[row] {
            Place::Row(_) => 0.0,
            Place::Column(at) => -self.columns[at].1[self.rows()],
        }
    }

    /// Goes to a solution of least cost among the variables there are, or until `enough`.
    pub fn minimise(&mut self, enough: &dyn Fn(&Self) -> bool) {
        let rows = self.rows();
        let mut without_gain = 0;
        while !enough(self) {
            crate::interrupt::tick();
            let before = self.values[rows];
            let Some(variable) = self.entering(without_gain > PATIENCE) else { return };
            let Some(row) = self.leaving(variable, without_gain > PATIENCE) else { return };
            self.exchange(variable, row);
            // The value stands there with a minus: it grows as the cost falls.
            without_gain = if self.values[rows] > before + 1e-13 { 0 } else { without_gain + 1 };
        }
    }

    /// The variable that gains most, or the first that gains.
    fn entering(&self, first: bool) -> Option<usize> {
        let rows = self.rows();
        let gains = self
            .columns
            .iter()
            .filter(|(variable, column)| *variable >= self.equations && column[rows] < -TINY);
        let best = if first {
            gains.min_by_key(|(variable, _)| *variable)
        } else {
            gains.min_by(|(_, a), (_, b)| a[rows].total_cmp(&b[rows]))
        };
        best.map(|(variable, _)| *variable)
    }

    /// The row whose variable is the first to reach zero; of several the one with the largest
    /// pivot, or the smallest variable.
    fn leaving(&self, variable: usize, first: bool) -> Option<usize> {
        let Place::Column(at) = self.places[variable] else { return None };
        let column = &self.columns[at].1;
        let mut best: Option<(usize, f64)> = None;
        for row in 0..self.rows() {
            if column[row] <= TINY || !self.holds[row] {
                continue;
            }
            let ratio = self.values[row].max(0.0) / column[row];
            let better = match best {
                None => true,
                Some((other, least)) if (ratio - least).abs() <= 1e-12 => match first {
                    true => self.basis[row] < self.basis[other],
                    false => column[row] > column[other],
                },
                Some((_, least)) => ratio < least,
            };
            if better {
                best = Some((row, ratio));
            }
        }
        best.map(|(row, _)| row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Least -3x - 5y with x <= 4, 2y <= 12, 3x + 2y <= 18: x = 2, y = 6 (Hillier and Lieberman).
    #[test]
    fn the_textbook_case() {
        let mut tableau = Tableau::new(0, &[4.0, 12.0, 18.0]);
        let x = tableau.add(&[(0, 1.0), (2, 3.0)]);
        let y = tableau.add(&[(1, 2.0), (2, 2.0)]);
        tableau.objective(&[0.0, 0.0, 0.0, -3.0, -5.0]);
        tableau.minimise(&|_| false);
        assert_eq!((tableau.value(x), tableau.value(y)), (2.0, 6.0));
        // One more of the rows is worth 0, 3/2 and 1.
        let prices = [0, 1, 2].map(|row| tableau.price(row));
        assert!(prices.iter().zip([0.0, -1.5, -1.0]).all(|(p, q)| (p - q).abs() < 1e-12));
        // A column that comes later is as if it had been there.
        let z = tableau.add(&[(1, 1.0)]);
        tableau.objective(&[0.0, 0.0, 0.0, -3.0, -5.0, -8.0]);
        tableau.minimise(&|_| false);
        assert_eq!((tableau.value(x), tableau.value(z)), (4.0, 12.0));
    }

    /// A row that does not hold yet stops nothing; when it does, it is one like the others.
    #[test]
    fn rows_that_do_not_hold_yet() {
        let mut tableau = Tableau::new(0, &[4.0, -1.0]);
        let x = tableau.add(&[(0, 1.0), (1, 1.0)]);
        let y = tableau.add(&[(1, -1.0)]);
        tableau.hold(1, false);
        // Least -x: to the end of the first row, with the second far behind.
        tableau.objective(&[0.0, 0.0, -1.0, 0.0]);
        tableau.minimise(&|_| false);
        assert_eq!((tableau.value(x), tableau.row(1)), (4.0, -5.0));
        // As much of y as the second row needs.
        tableau.exchange(y, 1);
        tableau.hold(1, true);
        // An x costs a y, and is worth two.
        tableau.objective(&[0.0, 0.0, -2.0, 1.0]);
        tableau.minimise(&|_| false);
        assert_eq!((tableau.value(x), tableau.value(y)), (4.0, 5.0));
    }

    /// Beale's program, on which the rule of the largest gain goes in circles.
    #[test]
    fn a_circle_is_left() {
        let mut tableau = Tableau::new(0, &[0.0, 0.0, 1.0]);
        let columns = [
            (-0.75, [(0, 0.25), (1, 0.5), (2, 0.0)]),
            (150.0, [(0, -60.0), (1, -90.0), (2, 0.0)]),
            (-0.02, [(0, -0.04), (1, -0.02), (2, 1.0)]),
            (6.0, [(0, 9.0), (1, 3.0), (2, 0.0)]),
        ];
        for (_, column) in &columns {
            tableau.add(column);
        }
        let slacks = [0.0; 3].into_iter();
        tableau.objective(&slacks.chain(columns.map(|(cost, _)| cost)).collect::<Vec<_>>());
        tableau.minimise(&|_| false);
        assert!((tableau.values[3] - 0.05).abs() < 1e-12);
    }
}
