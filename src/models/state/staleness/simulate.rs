//! Writes and reads by chance, each pair told once for all times between them.

use super::pbs::{MOST, Pbs, time};
use super::sampler::Sampler;
use super::wars::Wars;
use crate::number::fraction;
use crate::sim::histogram::Recorder;
use crate::sim::{Estimate, Histogram, Stream, Trials, replicate};

/// What a simulation of writes and reads measured, with error bars.
///
/// Of each trial it keeps the time after which its read would have been consistent, so that one
/// run answers for all times. Times are kept in bins of at most 0.4 %: the error bars of times
/// include the width of one, and probabilities are linear within one.
#[derive(Clone, Debug)]
pub struct PbsRun {
    runs: Vec<Run>,
}

/// One replication.
#[derive(Clone, Debug)]
struct Run {
    /// The time after the commit from which on the read is consistent.
    fresh_after: Histogram,
    reads: Histogram,
    writes: Histogram,
}

impl Pbs {
    /// Simulates writes, each followed by a read: `trials.customers` pairs in each replication;
    /// there is nothing to warm up. Configurations of the same N are simulated with the same
    /// messages, so that their differences are hardly noisy. Several answers at one time count in
    /// the order of the replicas.
    ///
    /// # Panics
    /// Without latencies, or with fewer than 2 replications or 1 trial.
    #[track_caller]
    pub fn simulate(&self, trials: Trials) -> PbsRun {
        self.run("Pbs::simulate", None, trials)
    }

    /// As [`Pbs::simulate`], with an earlier read of the same value that begins `after` the
    /// commit. Its coordinator compares the answers of all replicas, and sends the write once
    /// more to each that it finds stale: read repair. All else is as without it, so that no read
    /// becomes staler.
    ///
    /// # Panics
    /// As [`Pbs::simulate`], and if `after` is not a number of at least 0.
    #[track_caller]
    pub fn simulate_repaired(&self, after: f64, trials: Trials) -> PbsRun {
        time("Pbs::simulate_repaired", after);
        self.run("Pbs::simulate_repaired", Some(after), trials)
    }

    #[track_caller]
    fn run(&self, place: &str, repair: Option<f64>, trials: Trials) -> PbsRun {
        let Trials { replications, customers, seed, .. } = trials;
        assert!(
            replications >= 2 && customers >= 1,
            "{place}: there must be at least 2 replications of at least 1 trial, but there are \
             {replications} of {customers}; give more, as in Trials::new(10, 100_000)"
        );
        let messages = Messages::of(self.wars(place));
        let runs = replicate(replications, |replication| {
            let mut run = Recorders::default();
            let stream = |name| Stream::new(seed, replication, name);
            let streams = ["messages", "places", "repair"].map(stream);
            self.trials(&messages, streams, customers, repair, |fresh_after, read, write| {
                run.fresh_after.record(fresh_after);
                run.reads.record(read);
                run.writes.record(write);
                true
            });
            run.finish()
        });
        PbsRun { runs }
    }

    /// Up to so many pairs; of each the time after which its read is consistent and both
    /// latencies go to `tell`, which says whether to go on.
    pub(super) fn trials(
        &self,
        messages: &Messages,
        [mut stream, mut places, mut repairs]: [Stream; 3],
        count: usize,
        repair: Option<f64>,
        mut tell: impl FnMut(f64, f64, f64) -> bool,
    ) {
        let n = self.replicas;
        let [write, ack, read, response] = messages.samplers();
        let apart = messages.distance > 0.0;
        let mut home = || if apart { places.below(n) } else { 0 };
        let (mut arrived, mut acked) = ([0.0; MOST], [0.0; MOST]);
        let (mut answered, mut behind) = ([0.0; MOST], [0.0; MOST]);
        for trial in 0..count {
            if trial % 1024 == 0 {
                crate::interrupt::tick();
            }
            let (writer, reader) = (home(), home());
            for i in 0..n {
                let away = messages.away(i, writer);
                arrived[i] = write.sample(&mut stream) + away;
                acked[i] = arrived[i] + ack.sample(&mut stream) + away;
            }
            in_order(&mut acked[..n], self.writes);
            let commit = acked[self.writes - 1];
            if let Some(after) = repair {
                // From a stream of its own: the other messages are those without repair.
                let earlier = if apart { repairs.below(n) } else { 0 };
                messages.repair(commit + after, &mut arrived[..n], earlier, &mut repairs);
            }
            for i in 0..n {
                let away = messages.away(i, reader);
                let reached = read.sample(&mut stream) + away;
                behind[i] = arrived[i] - commit - reached;
                answered[i] = reached + response.sample(&mut stream) + away;
            }
            first(&mut answered[..n], &mut behind[..n], self.reads);
            let fresh_after = behind[..self.reads].iter().fold(f64::INFINITY, |a, b| least(a, *b));
            if !tell(fresh_after, answered[self.reads - 1], commit) {
                return;
            }
        }
    }
}

/// The four messages, ready to be drawn.
pub(super) struct Messages {
    /// Of different laws.
    samplers: Vec<Sampler>,
    /// Which of them each message has.
    which: [usize; 4],
    distance: f64,
}

impl Messages {
    pub fn of(wars: &Wars) -> Self {
        let laws = wars.messages();
        // The first that is equal: a table that is shared stays near the processor.
        let first = laws.map(|law| laws.iter().position(|other| *other == law).unwrap_or(0));
        let mut samplers = vec![];
        let mut which = [0; 4];
        for i in 0..4 {
            which[i] = if first[i] == i {
                samplers.push(Sampler::new(laws[i]));
                samplers.len() - 1
            } else {
                which[first[i]]
            };
        }
        Self { samplers, which, distance: wars.distance }
    }

    fn samplers(&self) -> [&Sampler; 4] {
        self.which.map(|i| &self.samplers[i])
    }

    /// What the distance adds to a message between a replica and a coordinator.
    #[inline(always)]
    fn away(&self, replica: usize, coordinator: usize) -> f64 {
        if replica == coordinator { 0.0 } else { self.distance }
    }

    /// An earlier read, and when the write is everywhere after it has repaired what it can.
    fn repair(&self, begin: f64, arrived: &mut [f64], home: usize, stream: &mut Stream) {
        let [write, _, read, response] = self.samplers();
        let mut answers = vec![];
        let mut known = f64::INFINITY;
        for (i, arrived) in arrived.iter().enumerate() {
            let away = self.away(i, home);
            let reached = begin + read.sample(stream) + away;
            let answer = reached + response.sample(stream) + away;
            let stale = *arrived > reached;
            if !stale {
                known = least(known, answer);
            }
            // Drawn for all, so that the others' messages are the same.
            answers.push((stale, answer, write.sample(stream) + away));
        }
        for (arrived, (stale, answer, again)) in arrived.iter_mut().zip(answers) {
            if stale {
                *arrived = least(*arrived, answer.max(known) + again);
            }
        }
    }
}

#[inline(always)]
fn least(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

/// Puts the `k` least first, in ascending order.
#[inline(always)]
fn in_order(values: &mut [f64], k: usize) {
    for i in 0..k {
        for j in i + 1..values.len() {
            let (a, b) = (values[i], values[j]);
            (values[i], values[j]) = if b < a { (b, a) } else { (a, b) };
        }
    }
}

/// Puts the `k` with the least keys first, in ascending order.
#[inline(always)]
fn first(keys: &mut [f64], values: &mut [f64], k: usize) {
    for i in 0..k {
        for j in i + 1..keys.len() {
            let swap = keys[j] < keys[i];
            let (a, b) = (keys[i], keys[j]);
            (keys[i], keys[j]) = if swap { (b, a) } else { (a, b) };
            let (a, b) = (values[i], values[j]);
            (values[i], values[j]) = if swap { (b, a) } else { (a, b) };
        }
    }
}

#[derive(Default)]
struct Recorders {
    fresh_after: Recorder,
    reads: Recorder,
    writes: Recorder,
}

impl Recorders {
    fn finish(self) -> Run {
        let Self { fresh_after, reads, writes } = self;
        Run { fresh_after: fresh_after.finish(), reads: reads.finish(), writes: writes.finish() }
    }
}

impl PbsRun {
    /// The probability that a read which begins `t` after a commit returns the write or a newer
    /// one. Where hardly a trial in a replication is stale, the interval is too narrow.
    ///
    /// # Panics
    /// If `t` is not a number of at least 0.
    #[track_caller]
    pub fn consistent(&self, t: f64) -> Estimate {
        time("PbsRun::consistent", t);
        self.over(|run| 1.0 - run.fresh_after.exceeds(t))
    }

    /// The probability of consistency at each of these times: pairs of both, for a curve.
    ///
    /// # Panics
    /// As [`PbsRun::consistent`].
    #[track_caller]
    pub fn curve(&self, times: &[f64]) -> Vec<(f64, Estimate)> {
        times.iter().map(|t| (*t, self.consistent(*t))).collect()
    }

    /// The time after a commit from which on reads are consistent with probability `p`; 0 if
    /// they always are.
    ///
    /// # Panics
    /// If `p` is not at least 0 and below 1.
    #[track_caller]
    pub fn t_for(&self, p: f64) -> Estimate {
        fraction("PbsRun::t_for", p);
        self.quantile(|run| run.fresh_after.quantile(p))
    }

    /// The time within which a fraction `p` of all reads is done.
    ///
    /// # Panics
    /// If `p` is not at least 0 and below 1.
    #[track_caller]
    pub fn read_latency(&self, p: f64) -> Estimate {
        fraction("PbsRun::read_latency", p);
        self.quantile(|run| run.reads.quantile(p))
    }

    /// The time within which a fraction `p` of all writes is committed.
    ///
    /// # Panics
    /// If `p` is not at least 0 and below 1.
    #[track_caller]
    pub fn write_latency(&self, p: f64) -> Estimate {
        fraction("PbsRun::write_latency", p);
        self.quantile(|run| run.writes.quantile(p))
    }

    fn quantile(&self, measure: impl Fn(&Run) -> f64) -> Estimate {
        let estimate = self.over(measure);
        // 256 bins in each doubling.
        let bin =
            if estimate.mean > 0.0 { estimate.mean.log2().floor().exp2() / 256.0 } else { 0.0 };
        Estimate { half_width: estimate.half_width + bin, ..estimate }
    }

    fn over(&self, measure: impl Fn(&Run) -> f64) -> Estimate {
        Estimate::of(&self.runs.iter().map(measure).collect::<Vec<f64>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_come_first() {
        let mut stream = Stream::new(2, 0, "order");
        for n in 1..=7 {
            let keys: Vec<f64> = (0..n).map(|_| (stream.uniform() * 5.0).floor()).collect();
            let mut sorted = keys.clone();
            sorted.sort_by(f64::total_cmp);
            for k in 1..=n {
                let (mut alone, mut paired) = (keys.clone(), keys.clone());
                let mut values: Vec<f64> = keys.iter().map(|key| 10.0 - key).collect();
                in_order(&mut alone, k);
                first(&mut paired, &mut values, k);
                assert_eq!((&alone[..k], &paired[..k]), (&sorted[..k], &sorted[..k]));
                assert!((0..n).all(|i| paired[i] + values[i] == 10.0));
            }
        }
    }

    #[test]
    fn a_repair_comes_after_both_answers() {
        use crate::sim::Distribution;
        // Each message takes 1: a read that begins at 5 is answered at 7, the write comes at 8.
        let one = || Distribution::deterministic(1.0);
        let messages = Messages::of(&Wars::writes(one(), one()));
        let mut arrived = [2.0, 20.0, 7.5];
        messages.repair(5.0, &mut arrived, 0, &mut Stream::new(1, 0, "repair"));
        assert_eq!(arrived, [2.0, 8.0, 7.5]);
        // Where no answer has the write there is nothing to send.
        let mut arrived = [20.0, 30.0];
        messages.repair(5.0, &mut arrived, 0, &mut Stream::new(1, 0, "repair"));
        assert_eq!(arrived, [20.0, 30.0]);
    }
}
