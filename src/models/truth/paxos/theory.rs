//! What a decision costs where nothing goes wrong.

use crate::number::positive;

/// The messages of one decision of single-decree Paxos from the proposer's first to the moment it
/// knows, with one proposer and none lost: 4 (n - 1), to others and back in each of two phases.
/// Another n - 1 tell the others.
pub const fn decision_messages(nodes: usize) -> usize {
    4 * nodes.saturating_sub(1)
}

/// The messages of one command under a stable leader, by which all replicas know it: 3 (n - 1), to
/// accept, accepted, and chosen (Lamport, 2001, section 3: phase 1 is done once for all slots). One
/// more, if it was asked at another node than the leader.
pub const fn command_messages(nodes: usize) -> usize {
    3 * nodes.saturating_sub(1)
}

/// The mean time until `needed` of `others` nodes have answered, in milliseconds, if all are asked
/// at once and each way takes an exponentially distributed time of mean `latency`: the mean of the
/// order statistic of sums of two exponentials. For all latencies the same it would be twice the
/// latency.
///
/// With a quorum of q, the asking node included, `needed` is q - 1. A decision of Paxos takes two
/// of these, a command at a stable leader one.
///
/// # Panics
/// If the latency is not a positive number, or more answers are needed than there are others.
#[track_caller]
pub fn quorum_round_trip(latency: f64, others: usize, needed: usize) -> f64 {
    const PLACE: &str = "quorum_round_trip";
    let latency = positive(PLACE, "mean latency of a message", latency);
    assert!(
        needed <= others,
        "{PLACE}: of {others} others {needed} are to answer; need at most as many as there are"
    );
    // The integral of P(fewer than `needed` have answered) over time, in units of the latency,
    // by Simpson's rule: it is smooth, and beyond the end it is below 1e-15 a node.
    const END: f64 = 50.0;
    const STEPS: usize = 10_000;
    let width = END / STEPS as f64;
    let height = |step: usize| waits(step as f64 * width, others, needed);
    let inner = (1..STEPS).map(|step| height(step) * if step % 2 == 1 { 4.0 } else { 2.0 });
    latency * width / 3.0 * (height(0) + inner.sum::<f64>() + height(STEPS))
}

/// The probability that fewer than `needed` of `others` have answered by a time.
fn waits(time: f64, others: usize, needed: usize) -> f64 {
    let late = (1.0 + time) * (-time).exp();
    let (mut waits, mut ways) = (0.0, 1.0);
    for answered in 0..needed {
        let left = others - answered;
        waits += ways * (1.0 - late).powi(answered as i32) * late.powi(left as i32);
        ways *= left as f64 / (answered + 1) as f64;
    }
    waits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_statistics_by_hand() {
        // The integral of (1 + u)^2 e^(-2u) is 5/4; the slower of two then takes 4 - 5/4.
        let cases = [(1, 1, 2.0), (2, 1, 1.25), (2, 2, 2.75), (3, 0, 0.0)];
        for (others, needed, mean) in cases {
            let told = quorum_round_trip(3.0, others, needed);
            assert!((told - 3.0 * mean).abs() < 1e-8, "{needed} of {others}: {told}");
        }
    }

    #[test]
    #[should_panic(expected = "of 2 others 3 are to answer")]
    fn more_answers_than_nodes() {
        quorum_round_trip(1.0, 2, 3);
    }
}
