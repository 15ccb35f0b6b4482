//! A crate of definitions: what it is made of, its name and its text.

use super::PREFIX;
use crate::cache::hex;
use crate::compiler::HEADER;
use crate::layout::Lines;
use crate::split::{Item, Kind, words};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A definition of the reader's.
#[derive(Debug)]
pub struct Definition {
    /// As the reader wrote it.
    pub plain: Item,
    /// As it is compiled.
    pub text: String,
    pub words: BTreeSet<String>,
    pub cell: u32,
}

impl Definition {
    /// Whether it has a `static` in it; the lifetime of that name is none.
    pub fn has_static(&self) -> bool {
        let text = &self.plain.piece.text;
        text.match_indices("static").any(|(at, _)| !text[..at].ends_with('\''))
    }
}

/// An import of the reader's, in force for all later cells.
#[derive(Clone, Debug)]
pub struct Use {
    /// The line of the cell, from 1.
    pub line: usize,
    pub text: Arc<str>,
    pub names: Vec<String>,
    pub words: BTreeSet<String>,
    pub cell: u32,
}

/// A crate of definitions.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The definitions of the cell that made it.
    pub base: Vec<Arc<Definition>>,
    /// Implementations for its types and traits that came later.
    pub attached: Vec<Arc<Definition>>,
    /// Names that it takes from other crates.
    pub imports: BTreeMap<String, String>,
    pub uses: Vec<Use>,
}

impl Unit {
    pub fn definitions(&self) -> impl Iterator<Item = &Arc<Definition>> {
        self.base.iter().chain(&self.attached)
    }

    /// The names that it defines.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.definitions().filter_map(|definition| definition.plain.name.as_ref())
    }

    /// Whether it is nothing but values that must not begin anew.
    pub fn is_static(&self) -> bool {
        self.definitions().all(|definition| definition.plain.kind == Kind::Static)
    }
}

/// The text of a crate, and the way back from its lines.
pub fn source_of(name: &str, unit: &Unit) -> (String, Lines) {
    let mut text = HEADER.to_owned();
    for each in &unit.uses {
        text.push_str(&on_one_line(&each.text));
        text.push('\n');
    }
    write_imports(&unit.imports, &mut text);
    let mut lines = Lines::shifted(&format!("{name}.rs"), 0, 0, 0);
    let mut at = text.matches('\n').count() + 1;
    for definition in unit.definitions() {
        text.push_str(&definition.text);
        text.push('\n');
        let count = definition.text.matches('\n').count() + 1;
        lines.add(at..at + count, definition.cell, definition.plain.piece.line + 1);
        at += count;
    }
    (text, lines)
}

pub fn write_imports(imports: &BTreeMap<String, String>, text: &mut String) {
    for (name, from) in imports {
        text.push_str(&format!("use ::{from}::{name};\n"));
    }
}

pub fn on_one_line(text: &str) -> String {
    let without_comments =
        text.lines().map(|line| line.split("//").next().unwrap_or_default().trim());
    without_comments.collect::<Vec<_>>().join(" ")
}

/// The name of a crate: a hash of all that the form of its types depends on; of the
/// names of its functions if it has no types.
pub fn identity(unit: &Unit) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    // An implementation gives form by its constants and types only.
    let gives_form = |each: &&Arc<Definition>| match each.plain.kind {
        Kind::Function => false,
        Kind::Implementation(_) => each.words.contains("const") || each.words.contains("type"),
        _ => true,
    };
    let forms: Vec<_> = unit.base.iter().filter(gives_form).collect();
    let words: BTreeSet<&String> = forms.iter().flat_map(|each| &each.words).collect();
    for each in &forms {
        add(each.plain.piece.text.trim());
    }
    if forms.is_empty() {
        unit.names().for_each(|name| add(name));
        unit.base.iter().map(head).for_each(|head| add(&head));
    }
    let shapes =
        |each: &&Use| each.names.is_empty() || each.names.iter().any(|name| words.contains(name));
    unit.uses.iter().filter(shapes).for_each(|each| add(&each.text));
    for (name, from) in unit.imports.iter().filter(|(name, _)| words.contains(name)) {
        add(name);
        add(from);
    }
    format!("{PREFIX}{}", hex(&hash.finalize()[..6]))
}

pub fn is_of_trait(definition: &Arc<Definition>) -> bool {
    definition.words.contains("for") && head(definition).contains(" for ")
}

/// `impl Trait for Type`, as written.
pub fn head(definition: &Arc<Definition>) -> String {
    let text = definition.plain.piece.text.split('{').next().unwrap_or_default();
    text.split_whitespace()
        .skip_while(|word| *word != "impl" && !word.starts_with("impl<"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The names that follow `fn`.
pub fn methods(definition: &Arc<Definition>) -> BTreeSet<String> {
    let words = words(&definition.plain.piece.text);
    words.windows(2).filter(|pair| pair[0] == "fn").map(|pair| pair[1].clone()).collect()
}
