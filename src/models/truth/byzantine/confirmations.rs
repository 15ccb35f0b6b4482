//! How safe a payment is that so many blocks have confirmed: it depends on the attacker's share of
//! the computing power, and on nothing less.

use crate::sim::{Estimate, Stream, replicate};

/// Races of one replication of the simulation.
const RACES: usize = 1_000;
/// An attacker so far behind is taken to have lost; what that leaves out is at most
/// (q / (1 - q))^LOST, below 1e-9 for shares up to 0.45.
const LOST: i64 = 110;

#[track_caller]
fn minority(place: &str, share: f64) -> f64 {
    assert!(
        (0.0..0.5).contains(&share),
        "{place}: the attacker's share must be at least 0 and below 0.5, but it is {share}; with \
         half of all power or more the attacker always catches up"
    );
    share
}

/// The probability that an attacker with a share `q` of all computing power, who begins in secret
/// when the payment is made, ever catches up with the chain, once `blocks` blocks have confirmed the
/// payment: Nakamoto (2008, section 11). The formula takes the attacker's progress to be Poisson
/// distributed, as if those blocks had taken the time they take on average. Where the probability
/// is small it says too little.
///
/// # Panics
/// If the share is not at least 0 and below 0.5.
#[track_caller]
pub fn double_spend_poisson(share: f64, blocks: usize) -> f64 {
    let ratio = odds(minority("double_spend_poisson", share));
    let progress = blocks as f64 * ratio;
    // The logarithm of the probability of no block, and the factors from each number to the next.
    catching_up(ratio, blocks, -progress, |found| progress / (found + 1) as f64)
}

/// The same probability, exactly: while `blocks` blocks are found by others, the attacker's are
/// negative binomially distributed (Rosenfeld, 2014, section 4: where an attacker has found one
/// block before the payment, and must get ahead, the probability is the same).
///
/// # Panics
/// If the share is not at least 0 and below 0.5.
#[track_caller]
pub fn double_spend(share: f64, blocks: usize) -> f64 {
    let q = minority("double_spend", share);
    let none = blocks as f64 * (1.0 - q).ln();
    catching_up(odds(q), blocks, none, |found| q * (found + blocks) as f64 / (found + 1) as f64)
}

/// The probability of catching up, where the attacker finds blocks with probabilities of which the
/// first is e^`none`, and each is the one before times `factor`: with fewer than `blocks` he still
/// catches up with probability `ratio` to the power of what he lacks. Summed from the smallest
/// terms on in logarithms, so that nothing cancels or vanishes.
fn catching_up(ratio: f64, blocks: usize, none: f64, factor: impl Fn(usize) -> f64) -> f64 {
    let (mut sum, mut log) = (0.0, none);
    for found in 0.. {
        let lacks = blocks.saturating_sub(found);
        let term = match lacks {
            0 => log.exp(),
            _ => (log + lacks as f64 * ratio.ln()).exp(),
        };
        sum += term;
        let factor = factor(found);
        // Beyond this the terms fall at least geometrically, and those left are too small to see.
        if lacks == 0 && factor < 1.0 && term * factor / (1.0 - factor) < 1e-17 * sum.max(1e-300) {
            break;
        }
        log += factor.ln();
    }
    sum.min(1.0)
}

/// How many confirmations make the probability of [`double_spend`] less than `risk`.
///
/// # Panics
/// If the share is not at least 0 and below 0.5, the risk is not a positive number, or more than
/// 100,000 would be needed.
#[track_caller]
pub fn confirmations_needed(share: f64, risk: f64) -> usize {
    const PLACE: &str = "confirmations_needed";
    let (share, risk) = (minority(PLACE, share), crate::number::positive(PLACE, "risk", risk));
    // Each confirmation makes it smaller.
    let (mut few, mut enough) = (0, 100_000);
    assert!(
        double_spend(share, enough) < risk,
        "{PLACE}: for a share of {share} and a risk of {risk} more than 100,000 confirmations are \
         needed; allow a larger risk, or take a smaller share"
    );
    while few < enough {
        let middle = (few + enough) / 2;
        match double_spend(share, middle) < risk {
            true => enough = middle,
            false => few = middle + 1,
        }
    }
    enough
}

/// The same probability by simulation: so many replications of a thousand races, block by block.
///
/// # Panics
/// If the share is not at least 0 and at most 0.45, or there are fewer than 2 replications.
#[track_caller]
pub fn simulate_double_spend(
    share: f64,
    blocks: usize,
    replications: usize,
    seed: u64,
) -> Estimate {
    assert!(
        (0.0..=0.45).contains(&share) && replications >= 2,
        "simulate_double_spend: the attacker's share must be from 0 to 0.45, in at least 2 \
         replications, but they are {share} and {replications}; nearer to one half a race takes \
         too long"
    );
    let wins = replicate(replications, |replication| {
        let mut stream = Stream::new(seed, replication, "blocks");
        let wins = (0..RACES).filter(|_| catches_up(share, blocks, &mut stream)).count();
        wins as f64 / RACES as f64
    });
    Estimate::of(&wins)
}

fn catches_up(share: f64, blocks: usize, stream: &mut Stream) -> bool {
    let (mut honest, mut behind) = (0, 0i64);
    while honest < blocks || (1..LOST).contains(&behind) {
        match stream.uniform() < share {
            true => behind -= 1,
            false => (honest, behind) = (honest + 1, behind + 1),
        }
    }
    behind <= 0
}

fn odds(share: f64) -> f64 {
    share / (1.0 - share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::function::beta::beta_reg;

    #[test]
    fn the_exact_probability_is_an_incomplete_beta_function() {
        // Grunspan and Pérez-Marco (2018), theorem 1: I_4pq(z, 1/2).
        for share in [0.05, 0.1, 0.3, 0.45] {
            for blocks in [1, 2, 6, 24, 100] {
                let beta = beta_reg(blocks as f64, 0.5, 4.0 * share * (1.0 - share));
                let told = double_spend(share, blocks);
                assert!((told - beta).abs() < 1e-9, "{share}, {blocks}: {told} and {beta}");
            }
        }
    }
}
