//! The reader's definitions as crates of their own: which cell's definitions make up
//! which crate, what each imports, and what changes when one is defined anew.
//!
//! A crate is named after the form of what it defines (its types and what they are
//! made of), not after its code: a function that is written anew leaves the types
//! beside it, and with them the values of variables, what they were. An
//! implementation goes to the crate of its type or trait, as the language demands.

mod make;
mod sort;
mod unit;

use crate::compiler::{Compiler, Failure, Import, Needed};
use crate::deps::Deps;
use crate::layout::Lines;
use crate::split::{Split, words};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use unit::{Unit, Use, on_one_line, source_of, write_imports};

/// Begins the name of a crate of definitions; twelve hexadecimal digits follow.
pub const PREFIX: &str = "cell_";

/// All crates of a session, and which of them each name stands for.
#[derive(Clone, Debug, Default)]
pub struct Units {
    /// By the crate's name.
    units: BTreeMap<String, Arc<Unit>>,
    /// The crate that defines each name now.
    live: BTreeMap<String, String>,
    uses: Vec<Use>,
    /// Libraries of crates of statics that have been loaded: these stay.
    pinned: BTreeMap<String, PathBuf>,
    /// Crates that the reader has added.
    pub deps: Deps,
}

/// What a source needs of the reader's crates.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Crates that it names.
    pub imports: Vec<Import>,
    /// These and all they depend on, in the order in which they can be loaded.
    pub needed: Vec<Needed>,
}

/// Lines that bring names into scope.
#[derive(Debug)]
pub struct Scope {
    /// The lines: the reader's imports, then those of definitions.
    pub text: String,
    /// The crates that they name.
    pub crates: BTreeSet<String>,
    /// Cell and line of each of the reader's imports.
    pub places: Vec<(u32, usize)>,
}

/// Why definitions were refused.
#[derive(Debug)]
pub struct Refused {
    /// The compiler's reason.
    pub failure: Failure,
    /// The way back from the lines of the source that was refused.
    pub lines: Lines,
}

/// What a cell's definitions did, beside being there now.
#[derive(Debug, Default)]
pub struct Changes {
    /// Sentences for the reader.
    pub notes: Vec<String>,
    /// Crates whose types no longer exist: variables of them are lost.
    pub gone: BTreeSet<String>,
}

impl Units {
    /// Takes a cell's definitions in and compiles what has changed. `ready` is the
    /// cell as it is to be compiled, with the same items.
    ///
    /// # Errors
    /// The cell's definitions do not compile; nothing is changed then.
    pub fn define(
        &mut self,
        split: &Split,
        ready: &Split,
        cell: u32,
        compiler: &Compiler,
    ) -> Result<Changes, Refused> {
        let mut next = self.clone();
        let mut changes = Changes::default();
        let own = next.take_in(split, ready, cell, &mut changes);
        for name in &own {
            next.compile(name, compiler)?;
        }
        next.rebind(cell, compiler, &mut changes);
        *self = next;
        Ok(changes)
    }

    /// The names that are defined, with the reader's text.
    pub fn texts(&self) -> BTreeMap<String, String> {
        let text = |(name, unit): (&String, &String)| {
            let unit = self.units.get(unit)?;
            let found = unit.definitions().find(|each| each.plain.name.as_ref() == Some(name))?;
            Some((name.clone(), found.plain.piece.text.trim().to_owned()))
        };
        self.live.iter().filter_map(text).collect()
    }

    /// The reader's imports and all definitions there are, as text.
    pub fn source(&self) -> String {
        let mut text: String =
            self.uses.iter().map(|each| on_one_line(&each.text) + "\n").collect();
        let live: BTreeSet<&String> = self.live.values().collect();
        for unit in live.into_iter().filter_map(|name| self.units.get(name)) {
            for each in unit.definitions() {
                text.push_str(each.plain.piece.text.trim());
                text.push('\n');
            }
        }
        text
    }

    /// What brings the reader's imports, and the definitions that a text with these words
    /// can name, into scope.
    pub fn scope(&self, words: &BTreeSet<String>) -> Scope {
        let mut wanted = self.closure(words, None);
        let uses: Vec<&Use> = self.uses.iter().collect();
        for each in &uses {
            wanted.extend(self.closure(&each.words, None));
        }
        let imports: BTreeMap<String, String> = wanted
            .into_iter()
            .filter_map(|name| Some((name.clone(), self.live.get(&name)?.clone())))
            .collect();
        let mut text = String::new();
        for each in &uses {
            text.push_str(&on_one_line(&each.text));
            text.push('\n');
        }
        write_imports(&imports, &mut text);
        Scope {
            text,
            crates: imports.into_values().collect(),
            places: uses.iter().map(|each| (each.cell, each.line)).collect(),
        }
    }

    /// A type in which names of the reader's may stand without their crates, with these:
    /// rustc's listing leaves them out where a value takes no space.
    pub fn qualified(&self, type_name: &str) -> String {
        let mut full = String::with_capacity(type_name.len());
        let mut rest = type_name;
        let in_word = |c: char| c.is_alphanumeric() || c == '_';
        while let Some(start) = rest.find(in_word) {
            let word = rest[start..].split(|c| !in_word(c)).next().unwrap_or_default();
            full.push_str(&rest[..start]);
            if !full.ends_with("::")
                && let Some(from) = self.live.get(word)
            {
                full.push_str(&format!("{from}::"));
            }
            full.push_str(word);
            rest = &rest[start + word.len()..];
        }
        full.push_str(rest);
        full
    }

    /// The crates of the reader's that a type is made of.
    pub fn crates_of(type_name: &str) -> BTreeSet<String> {
        let is_ours = |word: &String| word.len() == PREFIX.len() + 12 && word.starts_with(PREFIX);
        words(type_name).into_iter().filter(is_ours).collect()
    }

    /// Notes that these libraries have been loaded: statics in them stay what they are.
    pub fn loaded(&mut self, needed: &[Needed]) {
        for each in needed {
            if self.units.get(&each.name).is_some_and(|unit| unit.is_static()) {
                self.pinned.entry(each.name.clone()).or_insert_with(|| each.library.clone());
            }
        }
    }

    /// Whether the session has values that live outside of variables.
    pub fn has_statics(&self) -> bool {
        let mut definitions = self.units.values().flat_map(|unit| unit.definitions());
        definitions.any(|each| each.has_static())
    }

    /// The way back from a line of a compiled crate of the reader's.
    pub fn lines_of_file(&self, file: &str) -> Option<Lines> {
        let name = file.rsplit('/').next()?.strip_suffix(".rs")?;
        let unit = self.units.get(name)?;
        Some(source_of(name, unit).1)
    }
}
