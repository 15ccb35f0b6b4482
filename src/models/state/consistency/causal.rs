//! Causal consistency of registers, by the bad patterns of Bouajjani, Enea, Guerraoui and Hamza
//! (POPL 2017): in a history in which each value is written once, the model is violated exactly if
//! one of its patterns is there.
//!
//! Causality (co) is the order of the processes (po) and from each write to the reads of it (rf),
//! and what follows from them. A compare-and-set counts as a read and a write; that nothing may
//! come between them is not checked.

use super::accesses::{Access, Accesses, AmbiguousRead, RegisterAccess, Source};
use super::graph::Graph;
use super::history::History;
use super::objects::RegisterReply;
use std::collections::BTreeMap;

/// What is asked of a causally consistent store. The second and the third each demand more than
/// the first, and neither more than the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CausalModel {
    /// Each reply can be explained by an order of what causally precedes it (CC).
    Consistency,
    /// All replies of a process so far can be explained by one order (CM; causal memory: Ahamad,
    /// Neiger, Burns, Kohli and Hutto, 1995).
    Memory,
    /// All replies can be explained by one order of all writes (CCv; causal+ in Lloyd and others,
    /// 2011): processes that know the same writes agree.
    Convergence,
}

/// Whether a history is causally consistent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Causal {
    /// It is.
    Consistent,
    /// It is not.
    Violation {
        /// What is wrong.
        pattern: BadPattern,
        /// The operations that show it, by their index in the history; of a cycle each comes before
        /// the next, and the last before the first.
        operations: Vec<usize>,
    },
}

/// What no causally consistent store shows; in brackets the name in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPattern {
    /// Operations precede themselves (CyclicCO).
    CausalCycle,
    /// A read of what nobody wrote (ThinAirRead).
    ThinAirRead,
    /// A write, and a read that comes causally after it and still finds nil (WriteCOInitRead).
    InitialReadAfterWrite,
    /// A write, one that comes causally after it, and a read of the first that comes causally after
    /// both (WriteCORead).
    OverwrittenRead,
    /// No order of the writes explains all reads (CyclicCF): a write comes before another if it
    /// does causally, or if a read that knows of it returns the other.
    ConflictCycle,
    /// As `InitialReadAfterWrite`, with the order in which one process sees writes
    /// (WriteHBInitRead).
    InitialReadInOwnOrder,
    /// One process sees writes in an order that has a cycle (CyclicHB).
    OwnOrderCycle,
}

impl Causal {
    /// Whether it is consistent.
    pub const fn is_consistent(&self) -> bool {
        matches!(self, Self::Consistent)
    }
}

impl<Call: RegisterAccess> History<Call, RegisterReply> {
    /// Whether this is what a causally consistent store could have shown. Pending writes count if
    /// they were read. The first two models take a time proportional to operations times processes;
    /// causal memory takes more, and is meant for some thousand operations.
    ///
    /// # Errors
    /// If a value that was read was written twice.
    pub fn causal(&self, model: CausalModel) -> Result<Causal, AmbiguousRead> {
        let accesses = Accesses::of(self)?;
        let found = Causality::of(&accesses).and_then(|causality| {
            causality.reads()?;
            match model {
                CausalModel::Consistency => Ok(()),
                CausalModel::Memory => causality.memory(),
                CausalModel::Convergence => causality.convergence(),
            }
        });
        Ok(match found {
            Ok(()) => Causal::Consistent,
            Err((pattern, found)) => {
                let operations = found.iter().map(|&it| accesses.all[it].operation).collect();
                Causal::Violation { pattern, operations }
            }
        })
    }
}

/// A bad pattern and the accesses that show it.
type Bad = (BadPattern, Vec<usize>);

struct Causality<'a> {
    accesses: &'a Accesses,
    /// From each access to those right after it in its session, and to those that read it.
    graph: Graph,
    /// Of each access and each session how many accesses of the session come causally before it.
    past: Vec<u32>,
    /// Of each key and each session that writes it the places of these writes.
    writes: BTreeMap<u64, Vec<(usize, Vec<usize>)>>,
}

impl<'a> Causality<'a> {
    fn of(accesses: &'a Accesses) -> Result<Self, Bad> {
        let mut graph = Graph::new(accesses.all.len());
        for (session, after) in accesses.sessions.iter().zip(&accesses.after) {
            session.windows(2).for_each(|pair| graph.edge(pair[0], pair[1]));
            if let (Some(after), Some(&first)) = (after, session.first()) {
                graph.edge(*after, first);
            }
        }
        let mut writes: BTreeMap<u64, Vec<(usize, Vec<usize>)>> = BTreeMap::new();
        for (it, access) in accesses.all.iter().enumerate() {
            if let Some(Source::Write(write)) = access.reads {
                graph.edge(write, it);
            }
        }
        for (number, session) in accesses.sessions.iter().enumerate() {
            for &it in session {
                let Access { key, writes: true, place, .. } = accesses.all[it] else { continue };
                let of_key = writes.entry(key).or_default();
                match of_key.last_mut() {
                    Some((last, places)) if *last == number => places.push(place),
                    _ => of_key.push((number, vec![place])),
                }
            }
        }
        let order = graph.sorted().map_err(|cycle| (BadPattern::CausalCycle, cycle))?;
        let width = accesses.sessions.len();
        let mut past = vec![0; width * accesses.all.len()];
        for it in order {
            crate::interrupt::tick();
            let Access { session, place, .. } = accesses.all[it];
            for &next in graph.after(it) {
                for lane in 0..width {
                    let known = past[it * width + lane];
                    let more = if lane == session { place as u32 + 1 } else { known };
                    let there = &mut past[next * width + lane];
                    *there = (*there).max(more);
                }
            }
        }
        Ok(Self { accesses, graph, past, writes })
    }

    /// Whether one access comes causally before another.
    fn precedes(&self, one: usize, other: usize) -> bool {
        let Access { session, place, .. } = self.accesses.all[one];
        place < self.past(other, session)
    }

    /// How many accesses of a session come causally before one.
    fn past(&self, access: usize, session: usize) -> usize {
        self.past[access * self.accesses.sessions.len() + session] as usize
    }

    /// The reads, with what they are of.
    fn all_reads(&self) -> impl Iterator<Item = (usize, Source)> {
        let all = self.accesses.all.iter().enumerate();
        all.filter_map(|(it, access)| access.reads.map(|source| (it, source)))
    }

    /// Of each session the last write of a read's key that comes causally before the read.
    fn known_writes(&self, read: usize) -> impl Iterator<Item = usize> {
        let of_key = self.writes.get(&self.accesses.all[read].key);
        of_key.into_iter().flatten().filter_map(move |(session, places)| {
            let known = self.past(read, *session);
            let count = places.partition_point(|&place| place < known);
            Some(self.accesses.sessions[*session][places[count.checked_sub(1)?]])
        })
    }

    /// The patterns that are bad in all models. Of the writes of one session only the last that a
    /// read knows must be looked at: what holds for one of them holds for those after it.
    fn reads(&self) -> Result<(), Bad> {
        for (read, source) in self.all_reads() {
            match source {
                Source::Nobody => return Err((BadPattern::ThinAirRead, vec![read])),
                Source::Initial => {
                    if let Some(write) = self.known_writes(read).next() {
                        return Err((BadPattern::InitialReadAfterWrite, vec![write, read]));
                    }
                }
                Source::Write(write) => {
                    let mut newer = self.known_writes(read);
                    if let Some(newer) = newer.find(|&it| it != write && self.precedes(write, it)) {
                        return Err((BadPattern::OverwrittenRead, vec![write, newer, read]));
                    }
                }
            }
        }
        Ok(())
    }

    fn convergence(&self) -> Result<(), Bad> {
        let mut graph = self.graph.clone();
        for (read, source) in self.all_reads() {
            let Source::Write(write) = source else { continue };
            for other in self.known_writes(read).filter(|&it| it != write) {
                graph.edge(other, write);
            }
        }
        match graph.sorted() {
            Ok(_) => Ok(()),
            Err(cycle) => Err((BadPattern::ConflictCycle, cycle)),
        }
    }

    /// The order in which a process sees writes: causality of what it knows at its end, and a
    /// write before another if a read of the other comes after both in this order. Edges are added
    /// until there are none to add.
    fn memory(&self) -> Result<(), Bad> {
        for session in &self.accesses.sessions {
            let reads: Vec<usize> = session
                .iter()
                .copied()
                .filter(|&it| self.accesses.all[it].reads.is_some())
                .collect();
            let Some(&last) = reads.last() else { continue };
            let known = |it: usize| it == last || self.precedes(it, last);
            let mut graph = Graph::new(self.accesses.all.len());
            for it in (0..self.accesses.all.len()).filter(|&it| known(it)) {
                self.graph
                    .after(it)
                    .iter()
                    .filter(|&&to| known(to))
                    .for_each(|&to| graph.edge(it, to));
            }
            let mut backward = graph.reversed();
            let mut grows = true;
            while std::mem::take(&mut grows) {
                for &read in &reads {
                    crate::interrupt::tick();
                    let key = self.accesses.all[read].key;
                    let is_write = |it: &usize| {
                        let access = &self.accesses.all[*it];
                        access.writes && access.key == key && *it != read
                    };
                    let before = backward.reachable(read);
                    let mut others = before.into_iter().filter(is_write);
                    let Some(Source::Write(write)) = self.accesses.all[read].reads else {
                        let Some(other) = others.next() else { continue };
                        return Err((BadPattern::InitialReadInOwnOrder, vec![other, read]));
                    };
                    for other in others.filter(|&it| it != write) {
                        if !graph.after(other).contains(&write) {
                            graph.edge(other, write);
                            backward.edge(write, other);
                            grows = true;
                        }
                    }
                }
            }
            graph.sorted().map_err(|cycle| (BadPattern::OwnOrderCycle, cycle))?;
        }
        Ok(())
    }
}
