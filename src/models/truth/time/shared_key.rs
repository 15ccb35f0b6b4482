//! One key, several servers, many clients: which versions are kept, and which should be.

use super::dotted::DottedVersion;
use super::schemes::{
    ByClient, ByServer, CausalHistory, Latest, OneVector, Put, Replicated, Versions,
};
use super::{not_negative, probability, several};
use crate::sim::{Estimate, Stream, replicate};
use std::collections::BTreeSet;

/// How copies of a key tell which of two writes overwrites the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versioning {
    /// By the set of all writes in the past: the definition.
    CausalHistories,
    /// By dotted version vectors (Preguica et al., 2010).
    Dotted,
    /// By a version vector for each value, with an entry for each server. Of two concurrent writes
    /// at one server the second overwrites the first.
    PerServer,
    /// By one version vector for all values of a key, with an entry for each server: a write whose
    /// client has not seen the latest removes nothing, though the client has seen some.
    OneVector,
    /// By a version vector for each value, with an entry for each client.
    PerClient,
    /// By the time of the write: the last writer wins.
    LastWriter,
}

/// A key that clients read and then write, at servers that exchange copies now and then.
///
/// As made by [`SharedKey::servers`]: 5 clients for each server, who stay with it, 200 writes in
/// all. In each step either a client does the next of its turns, read and write, or (a fifth of the
/// steps) one server learns what another has. In the end all learn what all have.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedKey {
    servers: usize,
    clients: usize,
    writes: usize,
    exchanges: f64,
    is_roaming: bool,
    skew: f64,
    seed: u64,
}

/// What became of the writes in one run.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRun {
    /// The writes, by their numbers, that no client had seen when it wrote later: what must be
    /// kept.
    pub expected: Vec<usize>,
    /// The writes that are kept in the end.
    pub kept: Vec<usize>,
    /// After each write, how many values a server has on average: a curve.
    pub siblings: Vec<f64>,
    /// The most values that a server ever had.
    pub most_siblings: usize,
    /// How many numbers a server keeps beside the values, averaged over time and servers.
    pub entries: f64,
}

/// Many runs. Intervals are over runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KeySurvey {
    /// Writes that nobody had seen and that are gone in the end: lost updates, a run.
    pub lost: Estimate,
    /// Writes that are there in the end though a later one replaced them, a run.
    pub resurrected: Estimate,
    /// The most values that a server ever had.
    pub most_siblings: Estimate,
    /// How many numbers (entries of vectors, or of histories) a server keeps beside the values.
    pub entries: Estimate,
}

impl KeyRun {
    /// How many writes are gone that nobody had seen.
    pub fn lost(&self) -> usize {
        self.expected.iter().filter(|value| !self.kept.contains(value)).count()
    }

    /// How many writes are kept that were replaced by one whose client had seen them.
    pub fn resurrected(&self) -> usize {
        self.kept.iter().filter(|value| !self.expected.contains(value)).count()
    }
}

impl SharedKey {
    /// A key with a copy at so many servers.
    ///
    /// # Panics
    /// If there are none, or more than 100.
    #[track_caller]
    pub fn servers(servers: usize) -> Self {
        assert!(
            (1..=100).contains(&servers),
            "SharedKey::servers: there must be from 1 to 100 servers, but there are {servers}"
        );
        let (exchanges, is_roaming, skew) = (0.2, false, 0.0);
        Self { servers, clients: 5 * servers, writes: 200, exchanges, is_roaming, skew, seed: 1 }
    }

    /// So many clients; client k stays with server k modulo the number of servers.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn clients(self, clients: usize) -> Self {
        assert!(clients >= 1, "SharedKey::clients: there must be at least 1 client");
        Self { clients, ..self }
    }

    /// So many writes in all.
    ///
    /// # Panics
    /// If there are none, or more than 10,000.
    #[track_caller]
    pub fn writes(self, writes: usize) -> Self {
        assert!(
            (1..=10_000).contains(&writes),
            "SharedKey::writes: there must be from 1 to 10000 writes, but there are {writes}"
        );
        Self { writes, ..self }
    }

    /// The part of the steps in which a server learns from another.
    ///
    /// # Panics
    /// If it is not between 0 and 1, or is 1: nobody would write.
    #[track_caller]
    pub fn exchanges(self, share: f64) -> Self {
        const PLACE: &str = "SharedKey::exchanges";
        let exchanges = probability(PLACE, share);
        assert!(share <= 0.99, "{PLACE}: at most 0.99 of the steps may be exchanges, not {share}");
        Self { exchanges, ..self }
    }

    /// Clients ask any server, another each time: they may not see their own writes.
    pub fn roaming(self) -> Self {
        Self { is_roaming: true, ..self }
    }

    /// Servers' clocks are off, each by a number that is uniform on ±`offset` steps.
    ///
    /// # Panics
    /// If it is negative or not a number.
    #[track_caller]
    pub fn skew(self, offset: f64) -> Self {
        Self { skew: not_negative("SharedKey::skew", "offset", offset), ..self }
    }

    /// Chooses all random numbers.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// One run, by its number. The steps are the same for every versioning.
    pub fn run(&self, versioning: Versioning, number: u64) -> KeyRun {
        self.watched(versioning, number, &mut |_| {})
    }

    /// One run, by its number, with a versioning of one's own: `key.run_with::<Copies>(0)`. The
    /// steps are the same as for every other.
    pub fn run_with<C: Replicated>(&self, number: u64) -> KeyRun {
        self.with::<C>(number, &mut |_| {})
    }

    /// As [`SharedKey::run`]; after each step the values at each server are shown to `watch`.
    fn watched(
        &self,
        versioning: Versioning,
        number: u64,
        watch: &mut dyn FnMut(&[Vec<usize>]),
    ) -> KeyRun {
        match versioning {
            Versioning::CausalHistories => self.with::<Versions<CausalHistory>>(number, watch),
            Versioning::Dotted => self.with::<Versions<DottedVersion>>(number, watch),
            Versioning::PerServer => self.with::<Versions<ByServer>>(number, watch),
            Versioning::OneVector => self.with::<OneVector>(number, watch),
            Versioning::PerClient => self.with::<Versions<ByClient>>(number, watch),
            Versioning::LastWriter => self.with::<Versions<Latest>>(number, watch),
        }
    }

    /// So many runs.
    ///
    /// # Panics
    /// If there are fewer than 2.
    #[track_caller]
    pub fn survey(&self, versioning: Versioning, runs: usize) -> KeySurvey {
        several("SharedKey::survey", runs);
        surveyed(runs, |number| self.run(versioning, number))
    }

    /// So many runs with a versioning of one's own: `key.survey_with::<Copies>(50)`.
    ///
    /// # Panics
    /// If there are fewer than 2.
    #[track_caller]
    pub fn survey_with<C: Replicated>(&self, runs: usize) -> KeySurvey {
        several("SharedKey::survey_with", runs);
        surveyed(runs, |number| self.run_with::<C>(number))
    }

    fn with<C: Replicated>(&self, number: u64, watch: &mut dyn FnMut(&[Vec<usize>])) -> KeyRun {
        let mut steps = Stream::new(self.seed, number, "steps");
        let mut skews = Stream::new(self.seed, number, "clocks");
        let mut skew = || self.skew * (2.0 * skews.uniform() - 1.0);
        let ahead: Vec<f64> = (0..self.servers).map(|_| skew()).collect();
        let mut copies = vec![C::default(); self.servers];
        // What each client has read and not yet written on.
        let mut reads: Vec<Option<(Vec<usize>, C::Context)>> = vec![None; self.clients];
        let mut counts = vec![0; self.clients];
        // What later writes have seen and so replaced, by what clients truly read.
        let mut replaced = BTreeSet::new();
        let (mut written, mut step) = (0, 0);
        let (mut siblings, mut most_siblings, mut entries) = (vec![], 0, 0);
        while written < self.writes {
            step += 1;
            if step % 1024 == 0 {
                crate::interrupt::tick();
            }
            if steps.uniform() < self.exchanges && self.servers > 1 {
                let to = steps.below(self.servers);
                let from = (to + 1 + steps.below(self.servers - 1)) % self.servers;
                let other = copies[from].clone();
                copies[to].merge(&other);
            } else {
                let (client, any) = (steps.below(self.clients), steps.below(self.servers));
                let server = if self.is_roaming { any } else { client % self.servers };
                match reads[client].take() {
                    None => reads[client] = Some(copies[server].read()),
                    Some((values, context)) => {
                        counts[client] += 1;
                        let clock = f64::from(step) + ahead[server];
                        let (number, count) = (written, counts[client]);
                        let put = Put { server, client, number, clock, count };
                        copies[server].write(&put, &context);
                        replaced.extend(values);
                        written += 1;
                    }
                }
            }
            let values: Vec<Vec<usize>> = copies.iter().map(sorted).collect();
            most_siblings = values.iter().map(Vec::len).fold(most_siblings, usize::max);
            entries += copies.iter().map(Replicated::entries).sum::<usize>();
            if siblings.len() < written {
                let all: usize = values.iter().map(Vec::len).sum();
                siblings.push(all as f64 / self.servers as f64);
            }
            watch(&values);
        }
        let mut all = C::default();
        copies.iter().for_each(|copy| all.merge(copy));
        KeyRun {
            expected: (0..written).filter(|value| !replaced.contains(value)).collect(),
            kept: sorted(&all),
            siblings,
            most_siblings,
            entries: entries as f64 / f64::from(step) / self.servers as f64,
        }
    }
}

fn surveyed(runs: usize, run: impl Fn(u64) -> KeyRun + Sync) -> KeySurvey {
    let runs = replicate(runs, |number| {
        let run = run(number);
        [run.lost() as f64, run.resurrected() as f64, run.most_siblings as f64, run.entries]
    });
    let over =
        |i: usize| Estimate::of(&runs.iter().map(|measured| measured[i]).collect::<Vec<_>>());
    let (lost, resurrected) = (over(0), over(1));
    KeySurvey { lost, resurrected, most_siblings: over(2), entries: over(3) }
}

fn sorted<C: Replicated>(copy: &C) -> Vec<usize> {
    let (mut values, _) = copy.read();
    values.sort_unstable();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(key: &SharedKey, versioning: Versioning, number: u64) -> Vec<Vec<Vec<usize>>> {
        let mut all = vec![];
        key.watched(versioning, number, &mut |values| all.push(values.to_vec()));
        all
    }

    /// Dotted vectors are causal histories, written short: every copy is the same after each step.
    #[test]
    fn dotted_vectors_keep_what_causal_histories_keep() {
        for number in 0..200 {
            let servers = 1 + number as usize % 5;
            let key = SharedKey::servers(servers).clients(7).writes(60);
            for key in [key.clone(), key.roaming()] {
                let exact = shown(&key, Versioning::CausalHistories, number);
                assert_eq!(shown(&key, Versioning::Dotted, number), exact, "run {number}");
            }
        }
    }

    /// The control: the others differ somewhere.
    #[test]
    fn the_others_do_not() {
        let key = SharedKey::servers(3);
        let exact = shown(&key, Versioning::CausalHistories, 0);
        for other in [Versioning::PerServer, Versioning::OneVector, Versioning::LastWriter] {
            assert_ne!(shown(&key, other, 0), exact, "{other:?}");
        }
        // Entries by clients are exact where clients see their own writes, and there alone.
        assert_eq!(shown(&key, Versioning::PerClient, 0), exact);
        let roaming = key.roaming();
        let exact = shown(&roaming, Versioning::CausalHistories, 0);
        assert_ne!(shown(&roaming, Versioning::PerClient, 0), exact);
    }
}
