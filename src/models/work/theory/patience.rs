//! M/M/c with customers who lose patience, by any law (Baccelli and Hebuterne, 1981; Zeltyn and
//! Mandelbaum, 2005).

use super::erlang::erlang_b;
use super::general::gauss;
use super::tail::Tail;
use super::{Theory, TheoryError};
use crate::sim::Distribution;
use crate::work::queue::Queue;

/// What is less than this part of the largest, as a logarithm, is left out.
const NEGLIGIBLE: f64 = -40.0;

/// More pieces than a computer should be asked for.
const MOST_PIECES: usize = 1_000_000;

/// The wait that a newcomer with endless patience would have has a density: in proportion to
/// e^φ(x), with φ(x) = λ ∫₀ˣ P(patience > u) du - c μ x, beside the probability that it is 0.
pub(super) fn of(queue: &Queue, arrivals: f64, service: f64) -> Result<Theory, TheoryError> {
    let Some(patience) = &queue.patience else {
        return Err(TheoryError::Unknown("customers without patience"));
    };
    let servers = queue.servers();
    let pieces = pieces(patience, arrivals, servers as f64 * service)?;
    // φ has one peak; everything is in units of the density there, so that nothing overflows.
    let peak = pieces.iter().map(|piece| piece.begins).fold(0.0, f64::max);
    let over = |of: &dyn Fn(f64) -> f64| -> f64 {
        let density = |piece: &Piece, x: f64| (piece.at(patience, x) - peak).exp();
        let of_piece = |piece: &Piece| gauss(piece.from, piece.to, &|x| of(x) * density(piece, x));
        arrivals * pieces.iter().map(of_piece).sum::<f64>()
    };
    let stays = |x: f64| 1.0 - patience.at_most(x);
    // Of the states in which a server is free: 1 / B(c - 1, a).
    let free = match servers {
        1 => 1.0,
        _ => 1.0 / erlang_b(servers - 1, arrivals / service)?,
    };
    let at_once = free * (-peak).exp();
    let all = at_once + over(&|_| 1.0);
    let late = over(&stays) / all;
    let abandoned = over(&|x| patience.at_most(x)) / all;
    let served = 1.0 - abandoned;
    let wait = over(&|x| x * stays(x)) / all / served;
    // Who loses patience has waited until then: ∫ P(V > u) P(patience > u) du of all.
    let waited = {
        let of_piece = |piece: &Piece| {
            let waits = |x: f64| piece.patience(patience, x) * (piece.at(patience, x) - peak).exp();
            gauss(piece.from, piece.to, &waits)
        };
        arrivals * pieces.iter().map(of_piece).sum::<f64>() / all
    };
    let busy = arrivals * served / service;
    Ok(Theory {
        wait,
        time_in_system: wait + 1.0 / service,
        queue_length: arrivals * waited,
        number_in_system: arrivals * waited + busy,
        utilization: busy / servers as f64,
        waiting: Some(late / served),
        lost: 0.0,
        abandoned,
        source: "Baccelli and Hebuterne, 1981; Zeltyn and Mandelbaum, 2005",
        tail: Tail::Unknown,
    })
}

/// A piece of the axis on which everything is smooth.
struct Piece {
    from: f64,
    to: f64,
    arrivals: f64,
    leave: f64,
    /// φ at its beginning.
    begins: f64,
    /// ∫ P(patience > u) du up to its beginning.
    before: f64,
}

impl Piece {
    /// ∫₀ˣ P(patience > u) du.
    fn patience(&self, patience: &Distribution, x: f64) -> f64 {
        self.before + gauss(self.from, x, &|u| 1.0 - patience.at_most(u))
    }

    /// φ.
    fn at(&self, patience: &Distribution, x: f64) -> f64 {
        self.arrivals * self.patience(patience, x) - self.leave * x
    }
}

/// As far as the density counts. Pieces end where patience jumps.
fn pieces(patience: &Distribution, arrivals: f64, leave: f64) -> Result<Vec<Piece>, TheoryError> {
    let mut jumps: Vec<f64> = match patience.measured() {
        Some(values) => values.to_vec(),
        None if patience.is_deterministic() => vec![patience.mean()],
        None => vec![],
    };
    jumps.sort_by(f64::total_cmp);
    let mut jumps = jumps.into_iter().filter(|jump| *jump > 0.0).peekable();
    let first = 0.02 * patience.quantile(0.5).max(1e-12).min(1.0 / leave);
    let (mut found, mut peak) = (vec![], 0.0f64);
    let (mut from, mut begins, mut before) = (0.0f64, 0.0, 0.0);
    loop {
        while jumps.next_if(|jump| *jump <= from).is_some() {}
        let mut to = from + (0.01 * from).clamp(first, 0.5 / leave);
        if let Some(jump) = jumps.peek() {
            to = to.min(*jump);
        }
        let piece = Piece { from, to, arrivals, leave, begins, before };
        (begins, before) = (piece.at(patience, to), piece.patience(patience, to));
        found.push(piece);
        peak = peak.max(begins);
        if begins < peak + NEGLIGIBLE {
            return Ok(found);
        }
        if found.len() == MOST_PIECES {
            return Err(TheoryError::Unknown("patience that is so long"));
        }
        if found.len() % 1024 == 0 {
            crate::interrupt::tick();
        }
        from = to;
    }
}
