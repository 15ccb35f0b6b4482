//! The session's books: which variables there are and of which types, what has
//! become of those that are gone, and which compiled cells made them.

use crate::channel::End;
use crate::compiler::Source;
use crate::layout::{Variable, Variables};
use crate::split::Binding;
use crate::units::Units;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The books.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// Variables by name.
    pub variables: Variables,
    /// What has become of variables that are gone.
    pub ended: BTreeMap<String, Ended>,
    /// The reader's definitions.
    pub units: Units,
    /// The level at which statements are compiled first.
    pub level: u8,
}

/// How a variable ended.
#[derive(Clone, Copy, Debug)]
pub enum Ended {
    /// It was moved, in this cell.
    Moved(u32),
    /// It could not outlive this cell, for this reason.
    Local(u32, &'static str),
}

impl Books {
    /// Books what a cell left behind; returns the variables that are gone.
    pub fn settle(
        &mut self,
        end: &End,
        kept: &BTreeMap<String, Variable>,
        cell: u32,
    ) -> Vec<String> {
        let gone: Vec<String> =
            self.variables.keys().filter(|name| !end.kept.contains(*name)).cloned().collect();
        for name in &gone {
            self.variables.remove(name);
            self.ended.insert(name.clone(), Ended::Moved(cell));
        }
        for (name, variable) in kept {
            if end.put.contains(name) {
                self.variables.insert(name.clone(), variable.clone());
                self.ended.remove(name);
            }
        }
        gone
    }

    /// The names of all variables.
    pub fn names(&self) -> BTreeSet<String> {
        self.variables.keys().cloned().collect()
    }
}

/// A cell that has run and can be run again to bring its variables back.
#[derive(Clone, Debug)]
pub struct Step {
    /// The cell's number.
    pub cell: u32,
    /// What it was compiled from, in case its library is gone.
    pub source: Source,
    /// Libraries to load before.
    pub needs: Vec<PathBuf>,
    /// Its library.
    pub library: PathBuf,
    /// Variables that were handed to it.
    pub handed: BTreeSet<String>,
    /// Of these, the ones that it could change.
    pub changeable: BTreeSet<String>,
    /// Variables that it put.
    pub put: BTreeSet<String>,
    /// Whether it is marked not to be run twice.
    pub once: bool,
    /// The number of its run: what it showed then keeps its ids.
    pub run: u64,
    /// The reader's answers to what it asked.
    pub answers: Vec<String>,
}

/// The steps of a session, in order.
#[derive(Clone, Debug, Default)]
pub struct Log {
    steps: Vec<Step>,
    /// Variables that running the steps again may give another value than they have,
    /// with the interrupted cell that is the reason.
    doubtful: BTreeMap<String, u32>,
}

impl Log {
    /// Adds a step, and forgets those of which nothing is left: what they put has been
    /// put anew before anyone used it.
    pub fn add(&mut self, step: Step) {
        let reason = step.handed.iter().find_map(|name| self.doubtful.get(name)).copied();
        for name in step.put.iter().chain(&step.changeable) {
            match reason {
                Some(cell) => self.doubtful.insert(name.clone(), cell),
                None => self.doubtful.remove(name),
            };
        }
        let mut used = BTreeSet::new();
        let mut kept: Vec<Step> = Vec::with_capacity(self.steps.len() + 1);
        for old in std::mem::take(&mut self.steps).into_iter().rev() {
            let is_overwritten = !old.put.is_empty()
                && old.handed.is_empty()
                && old.put.iter().all(|name| {
                    step.put.contains(name) && !step.handed.contains(name) && !used.contains(name)
                });
            used.extend(old.handed.iter().cloned());
            if !is_overwritten {
                kept.push(old);
            }
        }
        kept.reverse();
        kept.push(step);
        self.steps = kept;
    }

    /// Notes that a cell was interrupted which could change these variables: it would
    /// come to another end the next time, and is not run again.
    pub fn interrupted(&mut self, cell: u32, changeable: &BTreeSet<String>) {
        self.doubtful.extend(changeable.iter().map(|name| (name.clone(), cell)));
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Variables that the steps may give another value than they have now.
    pub fn doubtful(&self) -> &BTreeMap<String, u32> {
        &self.doubtful
    }
}

/// The variables that a cell binds, with their types as `full` writes them.
pub fn bound(
    bindings: &[Binding],
    types: &BTreeMap<String, String>,
    full: &dyn Fn(&str) -> String,
) -> BTreeMap<String, Variable> {
    let each = |Binding { name, mutable }: &Binding| {
        let type_name = full(types.get(name)?);
        Some((name.clone(), Variable { type_name, mutable: *mutable }))
    };
    bindings.iter().filter_map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(cell: u32, handed: &[&str], put: &[&str]) -> Step {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Step {
            cell,
            source: Source {
                name: String::new(),
                text: String::new(),
                is_definitions: false,
                wants_types: false,
                level: 0,
                imports: vec![],
                needs: vec![],
            },
            needs: vec![],
            library: PathBuf::new(),
            handed: names(handed),
            changeable: names(handed),
            put: names(put),
            once: false,
            run: 0,
            answers: vec![],
        }
    }

    /// Variables that are handed to a cell, and those that it puts.
    type Cell = (&'static [&'static str], &'static [&'static str]);

    #[test]
    fn only_what_nothing_is_left_of_is_forgotten() {
        let cases: [(&[Cell], &[u32]); 4] = [
            (&[(&[], &["x"]), (&[], &["x"])], &[2]),
            (&[(&[], &["x"]), (&["x"], &["y"]), (&[], &["x"])], &[1, 2, 3]),
            (&[(&[], &["x", "y"]), (&[], &["x"])], &[1, 2]),
            (&[(&[], &["x"]), (&["x"], &["x"])], &[1, 2]),
        ];
        for (steps, left) in cases {
            let mut log = Log::default();
            for (at, (handed, put)) in steps.iter().enumerate() {
                log.add(step(at as u32 + 1, handed, put));
            }
            let cells: Vec<u32> = log.steps().iter().map(|step| step.cell).collect();
            assert_eq!(cells, left, "{steps:?}");
        }
    }

    #[test]
    fn what_an_interrupted_cell_could_change_is_doubtful_and_so_is_what_is_made_of_it() {
        let mut log = Log::default();
        log.interrupted(7, &BTreeSet::from(["v".to_owned()]));
        log.add(step(8, &["v"], &["w"]));
        log.add(step(9, &["x"], &["y"]));
        let doubtful = |log: &Log| log.doubtful().keys().cloned().collect::<Vec<_>>();
        assert_eq!(doubtful(&log), ["v", "w"]);
        log.add(step(10, &[], &["v"]));
        assert_eq!(doubtful(&log), ["w"]);
    }
}
