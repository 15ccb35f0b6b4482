//! What the authors printed.

use super::pbs::Pbs;
use super::wars::Wars;

/// A line of Table 4 of Bailis et al. (2012): N = 3, times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// The name of the fit.
    pub fit: &'static str,
    /// Answers that a read waits for, R.
    pub reads: usize,
    /// Acknowledgements that a write waits for, W.
    pub writes: usize,
    /// The 99.9th percentile of reads.
    pub read_latency: f64,
    /// The 99.9th percentile of writes.
    pub write_latency: f64,
    /// The time after a commit for a consistency of 99.9 %.
    pub t: f64,
    /// The step of the scan that found it: the finest that the digits allow, of those that the
    /// authors' published program has.
    pub step: f64,
    /// The probability of consistency at once, from the text, where it is given.
    pub at_once: Option<f64>,
}

/// The fits, their steps, and the probability of consistency at once with R = W = 1.
const FITS: [(&str, f64, f64); 4] = [
    ("LNKD-SSD", 0.01, 0.974),
    ("LNKD-DISK", 0.1, 0.439),
    ("YMMR", 1.0, 0.893),
    ("WAN", 0.1, 0.33),
];

/// R and W, and for each fit the latencies of reads and writes and t.
const TABLE: [([usize; 2], [[f64; 3]; 4]); 6] = [
    ([1, 1], [[0.66, 0.66, 1.85], [0.66, 10.99, 45.5], [5.58, 10.83, 1364.0], [3.4, 55.12, 113.0]]),
    ([1, 2], [[0.66, 1.63, 1.79], [0.65, 20.97, 43.3], [5.61, 427.12, 1352.0], [3.4, 167.64, 0.0]]),
    ([2, 1], [[1.63, 0.65, 0.0], [1.63, 10.9, 13.6], [32.6, 10.73, 202.0], [151.3, 56.36, 30.2]]),
    ([2, 2], [[1.62, 1.64, 0.0], [1.64, 20.96, 0.0], [33.18, 428.11, 0.0], [151.31, 167.72, 0.0]]),
    ([3, 1], [[4.14, 0.65, 0.0], [4.12, 10.89, 0.0], [219.27, 10.79, 0.0], [153.86, 55.19, 0.0]]),
    ([1, 3], [[0.65, 4.09, 0.0], [0.65, 112.65, 0.0], [5.63, 1870.86, 0.0], [3.44, 241.55, 0.0]]),
];

impl Published {
    /// All 24 lines, fit by fit.
    pub fn table() -> Vec<Self> {
        let line = |at: usize, ([reads, writes], columns): &([usize; 2], [[f64; 3]; 4])| {
            let (fit, step, at_once) = FITS[at];
            let [read_latency, write_latency, t] = columns[at];
            let (reads, writes) = (*reads, *writes);
            let at_once = Some(at_once).filter(|_| [reads, writes] == [1, 1]);
            Self { fit, reads, writes, read_latency, write_latency, t, step, at_once }
        };
        (0..FITS.len()).flat_map(|at| TABLE.iter().map(move |row| line(at, row))).collect()
    }

    /// The same configuration, to be computed.
    pub fn pbs(&self) -> Pbs {
        let wars = match self.fit {
            "LNKD-SSD" => Wars::lnkd_ssd(),
            "LNKD-DISK" => Wars::lnkd_disk(),
            "YMMR" => Wars::ymmr(),
            _ => Wars::wan(),
        };
        Pbs::new(3, self.reads, self.writes).latencies(wars)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_that_of_its_fit() {
        let table = Published::table();
        assert_eq!(table.len(), 24);
        let found = |fit, reads, writes| {
            let is = |row: &&Published| (row.fit, row.reads, row.writes) == (fit, reads, writes);
            table.iter().find(is).map(|row| (row.write_latency, row.t, row.at_once))
        };
        assert_eq!(found("YMMR", 1, 1), Some((10.83, 1364.0, Some(0.893))));
        assert_eq!(found("WAN", 2, 1), Some((56.36, 30.2, None)));
        assert_eq!(found("LNKD-SSD", 1, 3), Some((4.09, 0.0, None)));
    }
}
