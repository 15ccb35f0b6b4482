//! The session's books: which variables and definitions there are.

use crate::channel::End;
use crate::layout::{self, Variable, Variables};
use crate::listing;
use crate::split::{Binding, Kind, Split};
use pillars_kernel::CellError;
use std::collections::{BTreeMap, BTreeSet};

/// The session's books.
#[derive(Default)]
pub struct Session {
    /// Variables by name.
    pub variables: Variables,
    /// Texts of items by name, to know a definition from its repetition.
    pub items: BTreeMap<String, String>,
}

impl Session {
    /// Variables whose type this cell defines anew, or something that it is made
    /// of (a constant in an array's length, a trait behind a `dyn`): their memory
    /// would be read in a form that it was not written in.
    pub fn of_types_defined_anew(&self, split: &Split) -> Vec<String> {
        let changed =
            split.items.iter().filter(|item| item.kind != Kind::Function).filter_map(|item| {
                let name = item.name.as_ref()?;
                let before = self.items.get(name)?;
                (before != item.piece.text.trim()).then_some(name)
            });
        let mut changed: Vec<String> = changed.cloned().collect();
        // What contains something changed has changed with it.
        let mut at = 0;
        while at < changed.len() {
            let holders = self.items.iter().filter(|(name, text)| {
                !changed.contains(name) && layout::has_word(text, &changed[at])
            });
            let holders: Vec<String> = holders.map(|(name, _)| name.clone()).collect();
            changed.extend(holders);
            at += 1;
        }
        let has = |type_name: &str| changed.iter().any(|name| layout::has_word(type_name, name));
        self.of_type(&has)
    }

    /// Variables whose type has to do with a definition of the reader's: these do
    /// not survive when all definitions are compiled under new conditions.
    pub fn of_readers_types(&self) -> Vec<String> {
        let has = |type_name: &str| self.items.keys().any(|name| layout::has_word(type_name, name));
        self.of_type(&has)
    }

    /// The names of all variables.
    pub fn names(&self) -> BTreeSet<String> {
        self.variables.keys().cloned().collect()
    }

    fn of_type(&self, has: &dyn Fn(&str) -> bool) -> Vec<String> {
        let found = self.variables.iter().filter(|(_, variable)| has(&variable.type_name));
        found.map(|(name, _)| name.clone()).collect()
    }

    /// Books a cell that ran, well or not. Returns the variables that were there
    /// before, are not any more, and were not to be dropped.
    pub fn settle(&mut self, split: &Split, end: &End, forget: &[String]) -> Vec<String> {
        let gone = self.variables.keys().filter(|name| !end.kept.contains(*name));
        let gone: Vec<String> = gone.cloned().collect();
        for name in &gone {
            self.variables.remove(name);
        }
        for item in &split.items {
            if let Some(name) = &item.name {
                self.items.insert(name.clone(), item.piece.text.trim().to_owned());
            }
        }
        gone.into_iter().filter(|name| !forget.contains(name)).collect()
    }

    /// Books the variables that a cell put; an error if one of them has a type that
    /// no later cell could name.
    pub fn keep(&mut self, split: &Split, end: &End, listing: &str) -> Option<CellError> {
        let mut types = listing::types(listing);
        let mut unnamed = None;
        for Binding { name, mutable } in &split.bindings {
            if !end.put.contains(name) {
                continue;
            }
            let reason = match types.remove(name) {
                Some(type_name) => match listing::cannot_be_named(&type_name) {
                    None => {
                        let variable = Variable { type_name, mutable: *mutable };
                        self.variables.insert(name.clone(), variable);
                        continue;
                    }
                    Some(reason) => reason,
                },
                None => "of a type that was not found; give it one: `let name: Type = ..`",
            };
            self.variables.remove(name);
            let sentence = format!("the cell ran, but `{name}` cannot be kept: it is {reason}");
            unnamed.get_or_insert(CellError::new("CompileError", sentence));
        }
        unnamed
    }
}
