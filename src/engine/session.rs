//! The session's books: which variables and definitions there are.

use crate::layout::{self, Variable, Variables};
use crate::listing;
use crate::split::Split;
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
    /// Variables whose type, or a type within it, this cell defines anew.
    pub fn of_types_defined_anew(&self, split: &Split) -> Vec<String> {
        let changed = split.items.iter().filter_map(|item| {
            let name = item.defines_type.as_ref()?;
            let before = self.items.get(name)?;
            (before != item.piece.text.trim()).then_some(name)
        });
        let mut changed: Vec<String> = changed.cloned().collect();
        // A type that contains a changed one has changed with it.
        let mut at = 0;
        while at < changed.len() {
            let holders = self.items.iter().filter(|(name, text)| {
                !changed.contains(name) && layout::has_word(text, &changed[at])
            });
            let holders: Vec<String> = holders.map(|(name, _)| name.clone()).collect();
            changed.extend(holders);
            at += 1;
        }
        let has = |variable: &Variable| {
            changed.iter().any(|name| layout::has_word(&variable.type_name, name))
        };
        self.variables.iter().filter(|(_, v)| has(v)).map(|(name, _)| name.clone()).collect()
    }

    /// Books a cell that ran, well or not.
    pub fn settle(&mut self, split: &Split, moved: &BTreeSet<String>, forget: &[String]) {
        for name in moved.iter().chain(forget) {
            self.variables.remove(name);
        }
        for item in &split.items {
            if let Some(name) = &item.name {
                self.items.insert(name.clone(), item.piece.text.trim().to_owned());
            }
        }
    }

    /// Books the variables of a cell that ended well; an error if one of them has
    /// a type that no later cell could name.
    pub fn keep(
        &mut self,
        split: &Split,
        moved: &BTreeSet<String>,
        text: &str,
    ) -> Option<CellError> {
        let mut types = listing::types(text);
        let mut unnamed = None;
        for binding in split.bindings.iter().filter(|binding| !moved.contains(&binding.name)) {
            let name = &binding.name;
            let reason = match types.remove(name) {
                Some(type_name) => match listing::cannot_be_named(&type_name) {
                    None => {
                        let variable = Variable { type_name, mutable: binding.mutable };
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
