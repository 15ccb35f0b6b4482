//! A cell's statements as a program: the reader's text, with around it what hands
//! variables over and sends what is shown; and the way back from its lines to
//! the cell's.

use crate::split::{Binding, Split};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

const STATEMENTS: &str = "// pillars: statements";
const TAIL: &str = "// pillars: tail";
const END: &str = "// pillars: end";

/// The methods by which the last expression is shown: the type's own or one that wraps
/// it, and that of the wrapper.
pub const OFFER: &str = "evcxr_display";
pub const SHOW: &str = "show_as_result";

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

/// Runs a future that needs nothing but this thread.
pub const EXECUTOR: &str = "::pillars::cell::block_on";

/// Runs a future on tokio's runtime, which stays from cell to cell.
pub const TOKIO: &str =
    "::pillars::cell::resident(|| ::tokio::runtime::Runtime::new().unwrap()).block_on";

/// A cell's statements as a program.
pub struct Body<'a> {
    /// Its statements.
    pub statements: Option<&'a str>,
    /// Its last expression.
    pub tail: Option<&'a str>,
    /// What it binds.
    pub bindings: &'a [Binding],
    /// What runs its `.await`s, if there are any outside of any `async`.
    pub executor: Option<&'a str>,
    /// The variables that are handed to it.
    pub used: &'a [(&'a String, &'a Variable)],
    /// The variables that it moves.
    pub moved: &'a Moved,
    /// The variables that are dropped first.
    pub forget: &'a [String],
}

impl Body<'_> {
    /// The call that runs the cell, between `open` and `close`.
    pub fn write(&self, code: &mut String, open: &str, close: &str) {
        let mut line = |text: &str| {
            code.push_str(text);
            code.push('\n');
        };
        line(&format!("{open}::pillars::cell::whole(|| {{"));
        line(
            "#[allow(unused_imports)] use ::pillars::cell::show::{Offered as _, ViaDebug as _, ViaRich as _};",
        );
        if !self.forget.is_empty() {
            line(&format!("::pillars::cell::forget(&{:?});", self.forget));
        }
        for (name, Variable { type_name, mutable, .. }) in self.used {
            let mutable = if *mutable { "mut " } else { "" };
            line(&format!("let {mutable}{name} = ::pillars::cell::take::<{type_name}>({name:?});"));
        }
        match self.executor {
            Some(executor) => line(&format!("::pillars::cell::run(|| {{ {executor}(async {{")),
            None => line("::pillars::cell::run(|| {"),
        }
        line(STATEMENTS);
        if let Some(text) = self.statements {
            line(text);
        }
        line(TAIL);
        if let Some(text) = self.tail {
            line("(&(&(");
            line(text);
            line(&format!(")).{OFFER}()).{SHOW}();"));
        }
        line(END);
        for Binding { name, .. } in self.bindings {
            if !self.moved.bound.contains(name) {
                line(&format!("::pillars::cell::put({name:?}, {name});"));
            }
        }
        line("#[allow(unreachable_code)] Ok::<(), ::pillars::cell::Failure>(())");
        line(if self.executor.is_some() { "})});" } else { "});" });
        for (name, Variable { type_name, .. }) in self.used {
            if !self.moved.given.contains(*name) {
                line(&format!("::pillars::cell::put_back::<{type_name}>({name:?}, {name});"));
            }
        }
        line(&format!("}}){close}"));
    }
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

/// Whether `word` stands in `text` as a whole word.
pub fn has_word(text: &str, word: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].ends_with(in_word) && !text[at + word.len()..].starts_with(in_word)
    })
}

/// From lines of a compiled source to lines of cells.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// How the name of the source's file ends.
    file: String,
    parts: Vec<Part>,
}

/// Lines of a source that are lines of a cell.
#[derive(Clone, Debug)]
struct Part {
    /// In the source, from 1.
    source: Range<usize>,
    /// The cell's number.
    cell: u32,
    /// The line of the cell, from 1, that the first of them is.
    first: usize,
}

impl Lines {
    /// Finds the statements and the last expression of a cell in the source that was
    /// compiled for it.
    pub fn find(file: &str, split: &Split, source: &str, cell: u32) -> Self {
        let mut lines = Self { file: file.to_owned(), parts: vec![] };
        let numbered = |marker| source.lines().position(|line| line == marker).map(|at| at + 1);
        if let (Some(statements), Some(tail), Some(end)) =
            (numbered(STATEMENTS), numbered(TAIL), numbered(END))
        {
            lines.add(statements + 1..tail, cell, 1);
            // The opening of the call that shows stands between the marker and the text.
            let line = split.tail.as_ref().map_or(0, |piece| piece.line);
            lines.add(tail + 2..end.saturating_sub(1), cell, line + 1);
        }
        lines
    }

    /// Lines of the source that are those of this cell from line `first` on.
    pub fn add(&mut self, source: Range<usize>, cell: u32, first: usize) {
        self.parts.push(Part { source, cell, first });
    }

    /// A cell whose text begins at this line of the source.
    pub fn shifted(file: &str, first: usize, count: usize, cell: u32) -> Self {
        let mut lines = Self { file: file.to_owned(), parts: vec![] };
        lines.add(first..first + count, cell, 1);
        lines
    }

    /// Whether this is the name of the source's file.
    pub fn is_of(&self, file: &str) -> bool {
        !self.file.is_empty() && file.ends_with(&self.file)
    }

    /// The cell and its line (from 1) that this line of the source shows.
    pub fn of_cell(&self, line: usize) -> Option<(u32, usize)> {
        let part = self.parts.iter().find(|part| part.source.contains(&line))?;
        Some((part.cell, line - part.source.start + part.first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_lines_name_their_variable() {
        let mut moved = Moved::default();
        moved.learn("::pillars::cell::put_back::<Vec<&'static str>>(\"v\", v);");
        moved.learn("::pillars::cell::put(\"x\", x);");
        moved.learn("let y = 1;");
        assert!(moved.given.contains("v") && moved.bound.contains("x") && moved.len() == 2);
    }
}
