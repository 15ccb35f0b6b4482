//! From a cell's text to a compiled program: all that can be done before it runs,
//! without changing anything. It depends on nothing but the books and the text.

use crate::books::{self, Books, Ended};
use crate::compiler::{Compiler, Failure, HEADER, Import, Source};
use crate::diagnostics::{self, compile_error};
use crate::instrument::instrument;
use crate::language::quoted;
use crate::layout::{Body, EXECUTOR, Lines, Moved, TOKIO, Variable};
use crate::listing::{self, CLOSURE};
use crate::split::{Binding, Kind, Split, split, words};
use crate::units::{Refused, Units};
use crate::waiting;
use pillars_kernel::{Cell, CellError};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The level at which a cell's statements are compiled first.
pub const QUICK: u8 = 0;

/// The level for those that run long.
pub const FAST: u8 = 3;

/// A cell that is ready to run.
#[derive(Debug)]
pub struct Prepared {
    /// The definitions there are with it.
    pub units: Units,
    /// Sentences for the reader, about definitions.
    pub notes: Vec<String>,
    /// Variables whose types are gone.
    pub lost: Vec<String>,
    /// What there is to run; nothing if the cell only defines.
    pub program: Option<Program>,
}

/// A compiled program.
#[derive(Debug)]
pub struct Program {
    /// What it was compiled from.
    pub source: Source,
    /// Libraries to load before.
    pub needs: Vec<PathBuf>,
    /// Its library.
    pub library: PathBuf,
    /// Variables that are handed to it.
    pub handed: BTreeSet<String>,
    /// Of these, the ones that it moves.
    pub moved: BTreeSet<String>,
    /// Variables that it binds and that end with it, with the reason.
    pub local: BTreeMap<String, &'static str>,
    /// Variables that it binds.
    pub bound: BTreeMap<String, Variable>,
    /// The way back from its lines.
    pub lines: Lines,
}

impl Program {
    /// The same, for the machine to run fast.
    pub fn fast_source(&self) -> Source {
        Source { level: FAST, ..self.source.clone() }
    }
}

/// Compiles a cell.
///
/// # Errors
/// The reader's errors, and sentences on what hinders the compiler.
pub fn prepare(
    parts: &Split,
    cell: &Cell,
    books: &Books,
    compiler: &Compiler,
) -> Result<Prepared, CellError> {
    if parts.has_errors {
        syntax_errors(parts, cell, compiler)?;
    }
    if let Some(name) = parts.closures.iter().find(|name| !is_used(parts, name)) {
        return Err(unnamed(name, CLOSURE));
    }
    let ready = split(&instrument(&parts.without_commands(&cell.code)));
    let mut units = books.units.clone();
    let changes = units
        .define(parts, &ready, cell.number, compiler)
        .map_err(|refused| error_of(refused, cell, books))?;
    let is_gone =
        |variable: &Variable| !Units::crates_of(&variable.type_name).is_disjoint(&changes.gone);
    let lost = books.variables.iter().filter(|(_, variable)| is_gone(variable));
    let lost: Vec<String> = lost.map(|(name, _)| name.clone()).collect();
    // An import is tried at once, in a program of its own if need be: else the next cell
    // would fail for it.
    let imports = parts.items.iter().any(|item| matches!(item.kind, Kind::Import(_)));
    let runs = parts.statements.is_some() || parts.tail.is_some() || !lost.is_empty();
    let program = match runs || imports {
        true => Some(program(parts, &ready, cell, books, &units, &lost, compiler)?),
        false => None,
    };
    Ok(Prepared { units, notes: changes.notes, lost, program })
}

fn program(
    parts: &Split,
    ready: &Split,
    cell: &Cell,
    books: &Books,
    units: &Units,
    lost: &[String],
    compiler: &Compiler,
) -> Result<Program, CellError> {
    let pieces = parts.statements.iter().chain(&parts.tail);
    let named: BTreeSet<String> = pieces.flat_map(|piece| words(&piece.text)).collect();
    let handed = |name: &String| named.contains(name) && !lost.contains(name);
    let used: Vec<_> = books.variables.iter().filter(|(name, _)| handed(name)).collect();
    let scope = units.scope(&named);
    let mut crates = scope.crates.clone();
    for (_, variable) in &used {
        crates.extend(Units::crates_of(&variable.type_name));
    }
    let needs = units.needs(&crates, compiler).map_err(|refused| error_of(refused, cell, books))?;
    let executor = if units.deps.has("tokio") { TOKIO } else { EXECUTOR };
    let mut local: BTreeMap<String, &'static str> =
        parts.closures.iter().map(|name| (name.clone(), CLOSURE)).collect();
    let mut moved = Moved::default();
    loop {
        for name in local.keys() {
            moved.bound.insert(name.clone());
            // An earlier variable of this name ends where it is bound anew.
            if used.iter().any(|(other, _)| *other == name) {
                moved.given.insert(name.clone());
            }
        }
        let text = |of: &Split, moved: &Moved| {
            let mut text =
                of.attributes.join("\n") + if of.attributes.is_empty() { "" } else { "\n" };
            text.push_str(HEADER);
            text.push_str(&scope.text);
            let body = Body {
                statements: of.statements.as_ref().map(|piece| &*piece.text),
                tail: of.tail.as_ref().map(|piece| &*piece.text),
                bindings: &parts.bindings,
                executor: parts.awaits.then_some(executor),
                used: &used,
                moved,
                forget: lost,
            };
            body.write(&mut text, "#[unsafe(no_mangle)] pub fn run_cell() { ", " }");
            text
        };
        let mut source = Source {
            name: String::new(),
            text: text(ready, &moved),
            is_definitions: false,
            wants_types: !parts.bindings.is_empty(),
            level: books.level,
            imports: needs.imports.iter().map(Import::clone).collect(),
            needs: needs.needed.clone(),
        };
        // Its panics name its file: each program has a name of its own.
        source.name = format!("{}{}", waiting::PREFIX, &compiler.key(&source).text()[..12]);
        let mut lines =
            Lines::find(&format!("{}.rs", source.name), parts, &source.text, cell.number);
        let first = parts.attributes.iter().map(|text| text.lines().count()).sum::<usize>()
            + HEADER.lines().count();
        for (at, (cell, line)) in scope.places.iter().enumerate() {
            lines.add(first + at + 1..first + at + 2, *cell, *line);
        }
        let fast = Source { level: FAST, ..source.clone() };
        let made = match compiler.cached(&fast) {
            Some(entry) => Ok(entry),
            None => compiler.compile(&source).map(|(_, entry)| entry),
        };
        match made {
            Ok(entry) => {
                let full = |name: &str| units.qualified(name);
                let bound = books::bound(&parts.bindings, &entry.types, &full);
                let found = unnamed_of(parts, &bound);
                if let Some((name, reason)) = found.iter().find(|(name, _)| !is_used(parts, name)) {
                    return Err(unnamed(name, reason));
                }
                if !found.is_empty() {
                    local.extend(found);
                    continue;
                }
                return Ok(Program {
                    needs: needs.needed.iter().map(|each| each.library.clone()).collect(),
                    library: entry.library(),
                    handed: used.iter().map(|(name, _)| (*name).clone()).collect(),
                    source,
                    moved: moved.given,
                    local,
                    bound,
                    lines,
                });
            }
            Err(Failure::Rejected(said)) if learn_moves(&said, &source.text, &mut moved) => {}
            Err(Failure::Rejected(said)) => {
                // Once more as the reader wrote it, so that carets stand where they should.
                let plain = text(parts, &moved);
                let is_other = plain != source.text;
                source.text = plain;
                let plain = match is_other {
                    true => compiler.diagnose(&source).unwrap_or_default(),
                    false => vec![],
                };
                let said = if plain.is_empty() { said } else { plain };
                let failure = Failure::Rejected(said);
                return Err(error_of(Refused { failure, lines }, cell, books));
            }
            Err(failure) => return Err(error_of(Refused { failure, lines }, cell, books)),
        }
    }
}

/// Of the variables that a cell would keep, those whose types later cells could not name.
fn unnamed_of(parts: &Split, bound: &BTreeMap<String, Variable>) -> BTreeMap<String, &'static str> {
    // Code that is never reached binds nothing.
    let kept = parts.bindings.iter().filter_map(|Binding { name, .. }| bound.get_key_value(name));
    kept.filter_map(|(name, variable)| {
        Some((name.clone(), listing::cannot_be_named(&variable.type_name)?))
    })
    .collect()
}

/// Whether a cell does more with a variable than bind it.
fn is_used(parts: &Split, name: &str) -> bool {
    let pieces = parts.statements.iter().chain(&parts.tail);
    pieces.flat_map(|piece| words(&piece.text)).filter(|word| word == name).count() > 1
}

/// What a cell only binds is there for later cells, which could not use it.
fn unnamed(name: &str, reason: &str) -> CellError {
    let sentence = format!("the cell was not run, for `{name}` could not be kept: it is {reason}");
    CellError::new("CompileError", sentence)
}

fn error_of(refused: Refused, cell: &Cell, books: &Books) -> CellError {
    let Refused { failure, lines } = refused;
    let said = match failure {
        Failure::Rejected(said) => said,
        Failure::Broken(reason) => return CellError::new("CompileError", reason),
    };
    let mut error = compile_error(&said, &lines, cell.number);
    let is_unknown = |name: &str| {
        let texts = said.iter().filter_map(|told| told["message"].as_str());
        let names = ["value", "function"].map(|kind| format!("cannot find {kind} `{name}`"));
        texts.into_iter().any(|text| names.iter().any(|unknown| text.contains(unknown)))
    };
    for (name, end) in &books.ended {
        if is_unknown(name) {
            let help = match end {
                Ended::Moved(by) => format!(
                    "`{name}` was moved in cell {by}; to keep it there, use `&{name}` or \
                     `{name}.clone()` in that cell, and run the cell that made it again"
                ),
                Ended::Local(by, reason) => {
                    format!("`{name}` ended with cell {by}, for it was {reason}")
                }
            };
            error.evalue = format!("{} ({help})", error.evalue);
            error.traceback.push(format!("help: {help}"));
        }
    }
    error
}

/// Syntax errors in rustc's words. The cell stands alone in a function, so that
/// nothing generated can be what an unclosed bracket swallows.
fn syntax_errors(parts: &Split, cell: &Cell, compiler: &Compiler) -> Result<(), CellError> {
    let code = parts.without_commands(&cell.code);
    let source = Source {
        name: "syntax".to_owned(),
        text: format!("fn cell() {{\n{code}\n}}\n"),
        is_definitions: true,
        wants_types: false,
        level: QUICK,
        imports: vec![],
        needs: vec![],
    };
    let lines = Lines::shifted("syntax.rs", 2, code.lines().count().max(1), cell.number);
    let mut said = match compiler.diagnose(&source) {
        Ok(said) => said,
        Err(Failure::Rejected(said)) => said,
        Err(Failure::Broken(reason)) => return Err(CellError::new("CompileError", reason)),
    };
    // Errors of syntax have no code. Others are of names that the cell alone does not know.
    said.retain(|told| told["code"].is_null());
    match said.is_empty() {
        true => Ok(()),
        false => Err(compile_error(&said, &lines, cell.number)),
    }
}

/// Takes from errors at generated lines which variables the cell moves; whether
/// that explains something new, so that another try is worth it.
fn learn_moves(said: &[Value], source: &str, moved: &mut Moved) -> bool {
    let before = moved.len();
    // Use after a move; all else is the reader's own error.
    for diagnostic in said.iter().filter(|each| diagnostics::code(each) == "E0382") {
        for line in diagnostics::lines_pointed_at(diagnostic) {
            moved.learn(source.lines().nth(line - 1).unwrap_or_default());
        }
    }
    moved.len() > before
}

/// `a`, `b` are dropped.
pub fn dropped(names: &[String]) -> String {
    match names {
        [_] => format!("{} is dropped: its type is compiled anew\n", quoted(names)),
        _ => format!("{} are dropped: their types are compiled anew\n", quoted(names)),
    }
}
