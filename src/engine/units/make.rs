//! Crates of definitions, compiled.

use super::unit::{Definition, Unit, source_of};
use super::{Needs, Refused, Units};
use crate::compiler::{Compiler, Failure, Import, Needed, Source};
use crate::layout::Lines;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

impl Units {
    /// Compiles the crates of these names, and those that they depend on, unless that
    /// has been done.
    ///
    /// # Errors
    /// One of them does not compile any more.
    pub fn needs(&self, names: &BTreeSet<String>, compiler: &Compiler) -> Result<Needs, Refused> {
        let mut needs = Needs {
            imports: self.deps.imports.clone(),
            needed: self.deps.needed.iter().cloned().collect(),
        };
        let mut done = BTreeMap::new();
        for name in names {
            self.resolve(name, compiler, &mut needs.needed, &mut done)?;
            if let Some(file) = done.get(name) {
                needs.imports.push(Import { name: name.clone(), file: PathBuf::clone(file) });
            }
        }
        Ok(needs)
    }

    pub(super) fn compile(&self, name: &str, compiler: &Compiler) -> Result<(), Refused> {
        let mut needed = self.deps.needed.iter().cloned().collect();
        self.resolve(name, compiler, &mut needed, &mut BTreeMap::new())
    }

    fn resolve(
        &self,
        name: &str,
        compiler: &Compiler,
        needed: &mut Vec<Needed>,
        done: &mut BTreeMap<String, PathBuf>,
    ) -> Result<(), Refused> {
        let Some(unit) = self.units.get(name) else { return Ok(()) };
        if done.contains_key(name) {
            return Ok(());
        }
        let from: BTreeSet<&String> = unit.imports.values().collect();
        let mut own = Vec::new();
        let mut imports = self.deps.imports.clone();
        for other in from {
            self.resolve(other, compiler, needed, done)?;
            if let Some(file) = done.get(other) {
                imports.push(Import { name: other.clone(), file: file.clone() });
            }
        }
        self.collect(unit, needed, &mut own);
        let (text, lines) = source_of(name, unit);
        let source = Source {
            name: name.to_owned(),
            text,
            is_definitions: true,
            wants_types: false,
            level: 3,
            imports,
            needs: own,
        };
        let (key, entry) = match compiler.compile(&source) {
            Ok(made) => made,
            Err(failure) => return Err(self.refusal(name, unit, source, failure, lines, compiler)),
        };
        let library = self.pinned.get(name).cloned().unwrap_or_else(|| entry.library());
        needed.push(Needed { name: name.to_owned(), key, folder: entry.folder.clone(), library });
        done.insert(name.to_owned(), entry.metadata());
        Ok(())
    }

    /// Of all that is compiled so far, what this crate depends on.
    fn collect(&self, unit: &Unit, all: &[Needed], own: &mut Vec<Needed>) {
        let mut names = BTreeSet::new();
        let mut open: Vec<&String> = unit.imports.values().collect();
        while let Some(name) = open.pop() {
            if names.insert(name)
                && let Some(unit) = self.units.get(name)
            {
                open.extend(unit.imports.values());
            }
        }
        let from_deps =
            |each: &&Needed| self.deps.needed.as_ref().is_some_and(|deps| deps == *each);
        let is_needed = |each: &&Needed| names.contains(&each.name) || from_deps(each);
        own.extend(all.iter().filter(is_needed).cloned());
    }

    /// The diagnostics for the text as the reader wrote it, so that carets stand where
    /// they should.
    fn refusal(
        &self,
        name: &str,
        unit: &Unit,
        mut source: Source,
        failure: Failure,
        lines: Lines,
        compiler: &Compiler,
    ) -> Refused {
        let Failure::Rejected(said) = failure else { return Refused { failure, lines } };
        let plain = |each: &Arc<Definition>| {
            let each = Definition {
                plain: each.plain.clone(),
                text: each.plain.piece.text.clone(),
                words: BTreeSet::new(),
                cell: each.cell,
            };
            Arc::new(each)
        };
        let as_written = Unit {
            base: unit.base.iter().map(plain).collect(),
            attached: unit.attached.iter().map(plain).collect(),
            imports: unit.imports.clone(),
            uses: unit.uses.clone(),
        };
        let (text, lines) = source_of(name, &as_written);
        source.text = text;
        match compiler.diagnose(&source) {
            Ok(said) if !said.is_empty() => Refused { failure: Failure::Rejected(said), lines },
            _ => Refused { failure: Failure::Rejected(said), lines },
        }
    }
}
