//! Projective planes over finite fields.

/// The lines of the projective plane of an order, each by its points; nothing if the order is none
/// of the powers of primes below 10, which are as many as a set of nodes has room for.
///
/// Points and lines are the same triples of the field, not all zero, of which the first that is not
/// zero is 1; a point lies on a line if their product is zero.
pub(super) fn lines(order: usize) -> Option<Vec<Vec<usize>>> {
    let field = Field::of(order)?;
    let all = || (0..order).flat_map(move |a| (0..order).map(move |b| (a, b)));
    let mut triples = vec![[0, 0, 1]];
    triples.extend((0..order).map(|a| [0, 1, a]));
    triples.extend(all().map(|(a, b)| [1, a, b]));
    let on = |line: &[usize; 3], point: &[usize; 3]| {
        (0..3).fold(0, |sum, i| field.plus(sum, field.times(line[i], point[i]))) == 0
    };
    let points =
        |line: &[usize; 3]| (0..triples.len()).filter(|i| on(line, &triples[*i])).collect();
    Some(triples.iter().map(points).collect())
}

/// A field of p^d elements: polynomials over 0..p by the digits of a number to the base p.
struct Field {
    prime: usize,
    degree: usize,
    /// What x^d is, as the digits of a number.
    reduced: usize,
}

impl Field {
    fn of(order: usize) -> Option<Self> {
        let (prime, degree, reduced) = match order {
            2 | 3 | 5 | 7 => (order, 1, 0),
            4 => (2, 2, 0b11),  // x² = x + 1
            8 => (2, 3, 0b011), // x³ = x + 1
            9 => (3, 2, 2),     // x² = -1
            _ => return None,
        };
        Some(Self { prime, degree, reduced })
    }

    fn plus(&self, a: usize, b: usize) -> usize {
        let place = |i: u32| {
            let unit = self.prime.pow(i);
            (a / unit % self.prime + b / unit % self.prime) % self.prime * unit
        };
        (0..self.degree as u32).map(place).sum()
    }

    /// By Horner's rule: the digits of `b` from the highest on, times x in between.
    fn times(&self, a: usize, b: usize) -> usize {
        (0..self.degree as u32).rev().fold(0, |product, i| {
            let digit = b / self.prime.pow(i) % self.prime;
            (0..digit).fold(self.shifted(product), |sum, _| self.plus(sum, a))
        })
    }

    fn shifted(&self, a: usize) -> usize {
        let top = self.prime.pow(self.degree as u32 - 1);
        let (carry, rest) = (a / top, a % top * self.prime);
        // In a prime field there is no x.
        if self.degree == 1 {
            0
        } else {
            (0..carry).fold(rest, |sum, _| self.plus(sum, self.reduced))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_planes_meet_in_one_point() {
        for order in [2, 3, 4, 5, 7, 8, 9] {
            let lines = lines(order).unwrap();
            assert_eq!(lines.len(), order * order + order + 1);
            for (i, a) in lines.iter().enumerate() {
                assert_eq!(a.len(), order + 1);
                for b in &lines[..i] {
                    assert_eq!(a.iter().filter(|point| b.contains(point)).count(), 1, "{order}");
                }
            }
        }
        assert!([0, 1, 6, 10, 11].into_iter().all(|order| lines(order).is_none()));
    }
}
