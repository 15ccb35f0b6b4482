//! The probability of staleness by quadrature.
//!
//! A read is stale if some R replicas answer it before the N - R others do, and each of them was
//! reached by the read before it was by the write. The acknowledgements of these R were late too,
//! so that the write was committed by the others alone. For replicas that are alike, therefore,
//!
//! P_stale(t) = C(N, R) E[K(c + t, m)^R],  K(y, m) = P(R + S <= m and W > y + R),
//!
//! where c is the W-th least of N - R copies of W + A, m the least of as many of R + S, and c and
//! m are independent. With R = 1 the mean over m can be taken first, and what is left is the
//! integral over r of one replica's answer. In datacenters of their own replicas differ, and the
//! sum goes over the kinds of replica that the R can be of.

use super::latency::Latency;
use super::pbs::{Pbs, binomial};
use super::solve::root_beyond;
use super::wars::Wars;
use crate::sim::Distribution;
use std::collections::BTreeMap;

/// The law of a random time: values and weights.
type Nodes = Vec<(f64, f64)>;

/// Replicas that are alike: whether the write and the read come to them from another datacenter.
#[derive(Clone, Copy, Debug)]
struct Group {
    far_write: bool,
    far_read: bool,
    count: usize,
}

/// All of a configuration that does not depend on t, with so many nodes for each law.
#[derive(Debug)]
pub(super) struct Exact {
    write: Latency,
    reads: Nodes,
    terms: Vec<Term>,
}

/// One way to choose the R replicas.
#[derive(Debug)]
struct Term {
    /// Its probability, times how many choices are like it.
    share: f64,
    commits: Nodes,
    /// The weight of each m, and of each group of the chosen P(S <= m - r) for each node r of the
    /// read, times its weight.
    answers: Vec<(f64, Vec<Vec<f64>>)>,
    /// Of each group how much longer the read is on its way than the write, and how many it has.
    chosen: Vec<(f64, i32)>,
}

impl Exact {
    /// For fewer than N + 1 in R + W together.
    pub fn new(pbs: &Pbs, wars: &Wars, fineness: usize) -> Self {
        let rule = rule(fineness);
        let reads = nodes(&wars.read, &rule);
        let [mut writing, mut reading] = operations(wars, &rule);
        let far = |is_far: bool, ways: f64| if is_far { ways * wars.distance } else { 0.0 };
        let mut terms = vec![];
        for (probability, groups) in placements(pbs.replicas, wars.distance > 0.0) {
            for choice in choices(&groups, pbs.reads) {
                let left: Vec<Group> = groups
                    .iter()
                    .zip(&choice)
                    .map(|(group, taken)| Group { count: group.count - taken, ..*group })
                    .collect();
                let commits = writing.nodes(pbs.writes, &left, &rule);
                let taken = groups.iter().zip(&choice).filter(|(_, taken)| **taken > 0);
                let taken: Vec<(&Group, &usize)> = taken.collect();
                let answer = |m: f64| -> Vec<Vec<f64>> {
                    let of = |(group, _): &(&Group, &usize)| {
                        let m = m - far(group.far_read, 2.0);
                        reads.iter().map(|(r, p)| p * wars.response.at_most(m - r)).collect()
                    };
                    taken.iter().map(of).collect()
                };
                let slower = reading.nodes(1, &left, &rule);
                let answers = slower.iter().map(|(m, weight)| (*weight, answer(*m)));
                let answers = match pbs.reads {
                    1 => vec![(1.0, vec![mean(answers)])],
                    _ => answers.collect(),
                };
                let ways = groups.iter().zip(&choice);
                let ways: f64 = ways.map(|(group, taken)| binomial(group.count, *taken)).product();
                let later = |group: &Group| far(group.far_read, 1.0) - far(group.far_write, 1.0);
                let chosen =
                    taken.iter().map(|(group, taken)| (later(group), **taken as i32)).collect();
                terms.push(Term { share: probability * ways, commits, answers, chosen });
            }
        }
        Self { write: wars.write.clone(), reads, terms }
    }

    /// The probability that a read that begins `t` after the commit is stale.
    pub fn stale(&self, t: f64) -> f64 {
        let of_term = |term: &Term| {
            let of_commit = |(c, weight): &(f64, f64)| {
                crate::interrupt::tick();
                let late = |(later, _): &(f64, i32)| -> Vec<f64> {
                    let y = c + t + later;
                    self.reads.iter().map(|(r, _)| self.write.exceeds(y + r)).collect()
                };
                let late: Vec<Vec<f64>> = term.chosen.iter().map(late).collect();
                let of_answer = |(weight, groups): &(f64, Vec<Vec<f64>>)| {
                    let each = groups.iter().zip(&late).zip(&term.chosen);
                    let all =
                        each.map(|((answer, late), (_, count))| dot(answer, late).powi(*count));
                    weight * all.product::<f64>()
                };
                weight * term.answers.iter().map(of_answer).sum::<f64>()
            };
            term.share * term.commits.iter().map(of_commit).sum::<f64>()
        };
        self.terms.iter().map(of_term).sum()
    }
}

/// The time by which a read and a write are done with probability `p`.
pub(super) fn latency(pbs: &Pbs, wars: &Wars, writing: bool, p: f64, fineness: usize) -> f64 {
    let [write, read] = operations(wars, &rule(fineness));
    // Where they begin does not matter here: one replica is near and the others are far.
    let (_, groups) = &placements(pbs.replicas, wars.distance > 0.0)[0];
    let (operation, quorum) = if writing { (write, pbs.writes) } else { (read, pbs.reads) };
    let counts = operation.counts(groups);
    root_beyond(0.0, operation.step(), 1e-9, |x| operation.later(x, quorum, counts) - (1.0 - p))
}

/// There and back: the law of the sum of a message and its answer, between near replicas.
struct Operation<'a> {
    there: &'a Latency,
    back: Nodes,
    /// Whether it is the write.
    writing: bool,
    distance: f64,
    /// What [`Operation::nodes`] found, by the numbers of replicas near and far.
    found: BTreeMap<[usize; 2], Nodes>,
}

fn operations<'a>(wars: &'a Wars, rule: &Nodes) -> [Operation<'a>; 2] {
    [(&wars.write, &wars.ack, true), (&wars.read, &wars.response, false)].map(
        |(there, back, writing)| Operation {
            there,
            back: nodes(back, rule),
            writing,
            distance: wars.distance,
            found: BTreeMap::new(),
        },
    )
}

impl Operation<'_> {
    /// How many of these replicas are near, and how many are far.
    fn counts(&self, groups: &[Group]) -> [usize; 2] {
        let is_far = |group: &Group| if self.writing { group.far_write } else { group.far_read };
        [false, true].map(|far| {
            groups.iter().filter(|group| is_far(group) == far).map(|group| group.count).sum()
        })
    }

    /// The probability that the `k`-th of so many replicas near and far answers later than `x`.
    fn later(&self, x: f64, k: usize, counts: [usize; 2]) -> f64 {
        // Of each number below k the probability that just so many have answered.
        let mut answered = vec![0.0; k];
        answered[0] = 1.0;
        for (count, x) in counts.into_iter().zip([x, x - 2.0 * self.distance]) {
            if count == 0 || x <= 0.0 {
                continue;
            }
            let by = |(back, weight): &(f64, f64)| weight * self.there.at_most(x - back);
            let by = self.back.iter().map(by).sum::<f64>().min(1.0);
            for _ in 0..count {
                for i in (0..k).rev() {
                    let one_more = if i > 0 { answered[i - 1] * by } else { 0.0 };
                    answered[i] = answered[i] * (1.0 - by) + one_more;
                }
            }
        }
        answered.iter().sum()
    }

    /// The law of the time at which the `k`-th of these replicas answers; always the same `k`.
    fn nodes(&mut self, k: usize, groups: &[Group], rule: &Nodes) -> Nodes {
        let counts = self.counts(groups);
        if let Some(found) = self.found.get(&counts) {
            return found.clone();
        }
        let (mut x, mut step) = (0.0, self.step());
        let node = |(v, weight): &(f64, f64)| {
            crate::interrupt::tick();
            let next = root_beyond(x, step, 1e-8, |x| self.later(x, k, counts) - v);
            // The last step is a good guess of the next.
            (step, x) = ((next - x).max(1e-3 * next), next);
            (x, *weight)
        };
        let nodes: Nodes = rule.iter().rev().map(node).collect();
        self.found.insert(counts, nodes.clone());
        nodes
    }

    fn step(&self) -> f64 {
        self.there.quantile(0.5)
    }
}

/// How the replicas can lie, and with which probabilities.
fn placements(replicas: usize, apart: bool) -> Vec<(f64, Vec<Group>)> {
    let group = |far_write, far_read, count| Group { far_write, far_read, count };
    if !apart || replicas == 1 {
        return vec![(1.0, vec![group(false, false, replicas)])];
    }
    let here = 1.0 / replicas as f64;
    vec![
        (here, vec![group(false, false, 1), group(true, true, replicas - 1)]),
        (
            1.0 - here,
            vec![group(false, true, 1), group(true, false, 1), group(true, true, replicas - 2)],
        ),
    ]
}

/// All ways to take so many replicas: how many of each group.
fn choices(groups: &[Group], count: usize) -> Vec<Vec<usize>> {
    let Some((last, others)) = groups.split_last() else {
        return if count == 0 { vec![vec![]] } else { vec![] };
    };
    let with = |taken: usize| {
        let others = choices(others, count - taken).into_iter();
        others.map(move |choice| [choice, vec![taken]].concat())
    };
    (0..=last.count.min(count)).flat_map(with).collect()
}

/// Places v in 0..1 and weights, for a mean over v: the trapezoidal rule in u with
/// v = 35 u⁴ - 84 u⁵ + 70 u⁶ - 20 u⁷, which is flat at both ends and so puts many nodes there.
fn rule(fineness: usize) -> Nodes {
    let node = |i: usize| {
        let u = i as f64 / fineness as f64;
        let v = u.powi(4) * (35.0 + u * (-84.0 + u * (70.0 - 20.0 * u)));
        (v, 140.0 * (u * (1.0 - u)).powi(3) / fineness as f64)
    };
    (1..fineness).map(node).collect()
}

/// The law of a message, each part of a mixture by its own nodes.
fn nodes(latency: &Latency, rule: &Nodes) -> Nodes {
    let of = |(share, law): &(f64, Distribution)| -> Nodes {
        rule.iter().map(|(v, weight)| (law.quantile(1.0 - v), share * weight)).collect()
    };
    latency.parts().iter().flat_map(of).collect()
}

/// The mean over rows of one group.
fn mean(rows: impl Iterator<Item = (f64, Vec<Vec<f64>>)>) -> Vec<f64> {
    let mut sum: Vec<f64> = vec![];
    for (weight, groups) in rows {
        sum.resize(groups[0].len(), 0.0);
        for (sum, value) in sum.iter_mut().zip(&groups[0]) {
            *sum += weight * value;
        }
    }
    sum
}

/// The scalar product, as four sums that do not wait for one another.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    for (a, b) in a.chunks(4).zip(b.chunks(4)) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Distribution;

    #[test]
    fn the_rule_integrates() {
        for fineness in [32, 128] {
            let integral = |f: &dyn Fn(f64) -> f64| -> f64 {
                rule(fineness).iter().map(|(v, weight)| weight * f(*v)).sum()
            };
            let cases: [(f64, &dyn Fn(f64) -> f64); 4] =
                [(1.0, &|_| 1.0), (0.5, &|v| v), (1.0, &|v| -v.ln()), (2.0 / 3.0, &f64::sqrt)];
            for (truth, f) in cases {
                let allowed = 1.0 / (fineness * fineness * fineness) as f64;
                assert!((integral(f) - truth).abs() < allowed, "{}", integral(f));
            }
        }
    }

    #[test]
    fn replicas_are_taken_in_all_ways() {
        for (replicas, apart) in [(1, true), (2, true), (3, false), (5, true)] {
            let placements = placements(replicas, apart);
            let sum: f64 = placements.iter().map(|(probability, _)| probability).sum();
            assert!((sum - 1.0).abs() < 1e-12);
            for (_, groups) in placements {
                for taken in 0..=replicas {
                    let ways = |choice: &Vec<usize>| -> f64 {
                        groups
                            .iter()
                            .zip(choice)
                            .map(|(group, k)| binomial(group.count, *k))
                            .product()
                    };
                    let all = choices(&groups, taken);
                    assert!(all.iter().all(|choice| choice.iter().sum::<usize>() == taken));
                    assert_eq!(all.iter().map(ways).sum::<f64>(), binomial(replicas, taken));
                }
            }
        }
    }

    #[test]
    fn the_order_of_answers_by_hand() {
        let law = Distribution::exponential(1.0);
        let wars = Wars::writes(law.clone(), law).distance(10.0);
        let [write, _] = operations(&wars, &rule(256));
        // P(X + Y > x) = (1 + x) e^(-x), near; and from afar the same 20 later.
        let one = |x: f64| (1.0 + x) * (-x).exp();
        for x in [0.5_f64, 2.0, 21.0] {
            let (near, far) = (one(x), one((x - 20.0).max(0.0)));
            let cases = [
                (1, [1, 0], near),
                (1, [2, 0], near * near),
                (2, [2, 0], 1.0 - (1.0 - near).powi(2)),
                (1, [1, 1], near * far),
                (2, [1, 1], 1.0 - (1.0 - near) * (1.0 - far)),
            ];
            for (k, counts, truth) in cases {
                let later = write.later(x, k, counts);
                assert!((later - truth).abs() < 1e-5, "{k} of {counts:?} by {x}: {later} {truth}");
            }
        }
    }

    #[test]
    fn scalar_products() {
        let (a, b): (Vec<f64>, Vec<f64>) = (0..7).map(|i| (f64::from(i), f64::from(i + 1))).unzip();
        assert_eq!(dot(&a, &b), 112.0);
        assert_eq!(dot(&[], &[]), 0.0);
    }
}
