//! The program made of a cell: the reader's text, with around it what hands
//! variables over and sends what is shown; and the way back from its lines to
//! the cell's.

use crate::split::{Piece, Split};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

const STATEMENTS: &str = "// pillars: statements";
const TAIL: &str = "// pillars: tail";
const END: &str = "// pillars: end";

/// The method by which the last expression is shown.
pub const SHOW: &str = "evcxr_display";

/// A variable of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its type, as the compiler writes it.
    pub type_name: String,
    /// Whether it was declared `mut`.
    pub mutable: bool,
}

/// The variables of a session, by name.
pub type Variables = BTreeMap<String, Variable>;

/// Variables that a cell moves, learned from the compiler.
#[derive(Debug, Default)]
pub struct Moved {
    /// Variables of earlier cells: these cannot be given back.
    pub given: BTreeSet<String>,
    /// Variables that the cell itself binds: these cannot be kept.
    pub bound: BTreeSet<String>,
}

/// The program of a cell. Only variables that the cell names are handed to it;
/// those in `forget` are dropped first.
pub fn program(split: &Split, variables: &Variables, moved: &Moved, forget: &[String]) -> String {
    let mut code = String::new();
    let mut line = |text: &str| {
        code.push_str(text);
        code.push('\n');
    };
    for attribute in &split.attributes {
        line(attribute);
    }
    // evcxr drops comments that begin a program, and with them an item's own.
    if split.items.first().is_some_and(|item| item.piece.text.trim_start().starts_with('/')) {
        line("#[allow(unused_imports)] use ::pillars as _;");
    }
    for item in &split.items {
        // evcxr writes items in no order; a macro must be known before its definition.
        if item.piece.text.trim_start().starts_with("macro_rules!") {
            line("#[macro_export]");
        }
        line(&item.piece.text);
    }
    if split.statements.is_none() && split.tail.is_none() && forget.is_empty() {
        return code;
    }
    line("let _ = ::pillars::cell::whole(|| {");
    line("#[allow(unused_imports)] use ::pillars::cell::show::{ViaDebug as _, ViaRich as _};");
    if !forget.is_empty() {
        line(&format!("::pillars::cell::forget(&{forget:?});"));
    }
    let handed = |name: &String| names(split, name) && !forget.contains(name);
    let used: Vec<_> = variables.iter().filter(|(name, _)| handed(name)).collect();
    for (name, Variable { type_name, mutable }) in &used {
        let mutable = if *mutable { "mut " } else { "" };
        line(&format!("let {mutable}{name} = ::pillars::cell::take::<{type_name}>({name:?});"));
    }
    line("::pillars::cell::run(|| {");
    line(STATEMENTS);
    if let Some(Piece { text, .. }) = &split.statements {
        line(text);
    }
    line(TAIL);
    if let Some(Piece { text, .. }) = &split.tail {
        line("(&(");
        line(text);
        line(&format!(")).{SHOW}();"));
    }
    line(END);
    for binding in split.bindings.iter().filter(|binding| !moved.bound.contains(&binding.name)) {
        let name = &binding.name;
        line(&format!("::pillars::cell::put({name:?}, {name});"));
    }
    line("#[allow(unreachable_code)] Ok(())");
    line("});");
    for (name, Variable { type_name, .. }) in used {
        if !moved.given.contains(name) {
            line(&format!("::pillars::cell::put_back::<{type_name}>({name:?}, {name});"));
        }
    }
    line("});");
    code
}

impl Moved {
    /// Learns from a generated line at which the compiler met a moved variable.
    pub fn learn(&mut self, line: &str) {
        let Some(call) = line.trim().strip_prefix("::pillars::cell::put") else { return };
        let Some((_, name)) = call.rsplit_once("(\"") else { return };
        let name = name.split('"').next().unwrap_or_default().to_owned();
        let set = if call.starts_with("_back") { &mut self.given } else { &mut self.bound };
        set.insert(name);
    }

    /// How many variables are known to be moved.
    pub fn len(&self) -> usize {
        self.given.len() + self.bound.len()
    }
}

/// Whether the cell's text has `name` as a word, in code, in a macro's or in a
/// format string.
fn names(split: &Split, name: &str) -> bool {
    let texts = split.items.iter().map(|item| &item.piece);
    texts.chain(&split.statements).chain(&split.tail).any(|piece| has_word(&piece.text, name))
}

/// Whether `word` stands in `text` as a whole word.
pub fn has_word(text: &str, word: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].ends_with(in_word) && !text[at + word.len()..].starts_with(in_word)
    })
}

/// From lines of the compiled source to lines of the cell.
#[derive(Debug, Default)]
pub struct Lines {
    /// Lines of the source (from 1), and the line of the cell of the first.
    parts: Vec<(Range<usize>, usize)>,
}

impl Lines {
    /// Finds a cell's pieces in the source that was compiled for it.
    pub fn find(split: &Split, source: &str) -> Self {
        let mut parts = Vec::new();
        let numbered = |marker| source.lines().position(|line| line == marker).map(|at| at + 1);
        if let (Some(statements), Some(tail), Some(end)) =
            (numbered(STATEMENTS), numbered(TAIL), numbered(END))
        {
            parts.push((statements + 1..tail, 1));
            // The opening of the call that shows stands between the marker and the text.
            let line = split.tail.as_ref().map_or(0, |piece| piece.line);
            parts.push((tail + 2..end.saturating_sub(1), line + 1));
        }
        for item in &split.items {
            let text = item.piece.text.trim_start();
            if let Some(at) = source.rfind(text) {
                let first = source[..at].matches('\n').count() + 1;
                parts.push((first..first + text.lines().count(), item.piece.line + 1));
            }
        }
        Self { parts }
    }

    /// A cell whose text begins at this line of the source.
    pub fn shifted(first: usize, count: usize) -> Self {
        Self { parts: vec![(first..first + count, 1)] }
    }

    /// The line of the cell (from 1) that this line of the source shows.
    pub fn of_cell(&self, line: usize) -> Option<usize> {
        let (range, first) = self.parts.iter().find(|(range, _)| range.contains(&line))?;
        Some(line - range.start + first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::split;

    fn variables(names: &[&str]) -> Variables {
        let i32 = || Variable { type_name: "i32".to_owned(), mutable: false };
        names.iter().map(|name| ((*name).to_owned(), i32())).collect()
    }

    #[test]
    fn only_variables_that_the_cell_names_are_handed_over() {
        let cell = split("let total = a + 1; println!(\"{rate}\"); // b");
        let code = program(&cell, &variables(&["a", "b", "rat", "rate"]), &Moved::default(), &[]);
        assert!(code.contains("take::<i32>(\"a\")") && code.contains("take::<i32>(\"rate\")"));
        assert!(!code.contains("take::<i32>(\"rat\")"), "{code}");
    }

    #[test]
    fn lines_of_the_program_lead_back_to_the_cell() {
        let code = "fn one() -> i32 {\n    1\n}\nlet a = one();\n\na + 1";
        let cell = split(code);
        let source =
            format!("#![allow(x)]\n{}", program(&cell, &Variables::new(), &Moved::default(), &[]));
        let lines = Lines::find(&cell, &source);
        let original: Vec<_> = code.lines().collect();
        let mut found = 0;
        for (at, line) in source.lines().enumerate() {
            if let Some(cell_line) = lines.of_cell(at + 1)
                && !line.trim().is_empty()
            {
                assert_eq!(line, original[cell_line - 1]);
                found += 1;
            }
        }
        assert_eq!(found, 5);
    }

    #[test]
    fn generated_lines_name_their_variable() {
        let mut moved = Moved::default();
        moved.learn("::pillars::cell::put_back::<Vec<&'static str>>(\"v\", v);");
        moved.learn("::pillars::cell::put(\"x\", x);");
        moved.learn("let y = 1;");
        assert!(moved.given.contains("v") && moved.bound.contains("x") && moved.len() == 2);
    }
}
