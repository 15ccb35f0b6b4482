//! What rustc says of a cell, told in the cell's own lines: its rendered text
//! with the cell's line numbers, without generated code, in colour.

use crate::layout::{Lines, SHOW};
use crate::units::PREFIX;
use pillars_kernel::CellError;
use serde_json::Value;

const RED: &str = "\u{1b}[1;31m";
const BLUE: &str = "\u{1b}[1;34m";
const GREEN: &str = "\u{1b}[1;32m";
const CYAN: &str = "\u{1b}[1;36m";
const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

const CANNOT_OUTLIVE: &str = "help: a variable that is kept for later cells cannot hold a reference \
to something of this cell; keep the value itself (`.clone()`, `.to_owned()`), or put the lines that \
need the reference between `{` and `}`";
const MAKE_MUTABLE: &str = "help: a variable of an earlier cell becomes mutable by \
`let mut name = name;`";

/// The error of a cell that did not compile, from the compiler's diagnostics.
pub fn compile_error(diagnostics: &[Value], lines: &Lines, cell: u32) -> CellError {
    let mut errors: Vec<&Value> =
        diagnostics.iter().filter(|diagnostic| diagnostic["level"] != "warning").collect();
    // An error at generated code is the echo of one in the reader's, if there is one.
    let in_cell = |error: &&Value| place(error).is_some_and(|line| lines.of_cell(line).is_some());
    if errors.iter().any(in_cell) {
        errors.retain(in_cell);
    }
    let mut traceback = Vec::new();
    let mut evalue = String::new();
    for error in &errors {
        let text = shown(error, lines, cell);
        if evalue.is_empty() {
            evalue = headline(&text);
        }
        traceback.extend(text.lines().map(coloured));
        traceback.push(String::new());
    }
    if evalue.is_empty() {
        evalue = "the cell does not compile".to_owned();
    }
    if errors.len() > 1 {
        evalue.push_str(&format!(" (and {} more)", errors.len() - 1));
    }
    traceback.pop();
    CellError { ename: "CompileError", evalue, traceback }
}

/// The lines of the compiled source that a diagnostic points at.
pub fn lines_pointed_at(diagnostic: &Value) -> impl Iterator<Item = usize> {
    let spans = diagnostic["spans"].as_array().into_iter().flatten();
    spans.filter_map(|span| usize::try_from(span["line_start"].as_u64()?).ok())
}

/// The line of the compiled source at which a diagnostic has its caret.
fn place(diagnostic: &Value) -> Option<usize> {
    let primary = diagnostic["spans"].as_array()?.iter().find(|span| span["is_primary"] == true)?;
    usize::try_from(primary["line_start"].as_u64()?).ok()
}

/// The code of a diagnostic, such as `E0308`; empty if it has none.
pub fn code(diagnostic: &Value) -> &str {
    diagnostic["code"]["code"].as_str().unwrap_or_default()
}

fn headline(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let place = text.lines().find_map(|line| line.trim().strip_prefix("--> "));
    let (error, message) = first.split_once(": ").unwrap_or(("error", first));
    let code = error.strip_prefix("error[").and_then(|code| code.strip_suffix(']'));
    let code = code.map(|code| format!(" [{code}]")).unwrap_or_default();
    let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
    format!("{message}{code}{place}")
}

fn shown(diagnostic: &Value, lines: &Lines, cell: u32) -> String {
    let message = diagnostic["message"].as_str().unwrap_or_default();
    if message.contains(SHOW) {
        return cannot_show(message, cell);
    }
    let rendered = diagnostic["rendered"].as_str().unwrap_or(message);
    let mut text = without_crates(&in_lines_of_cell(rendered, lines));
    let advice = match code(diagnostic) {
        "E0505" | "E0597" | "E0716" | "E0521" | "E0515" if rendered.contains("'static") => {
            CANNOT_OUTLIVE
        }
        "E0384" | "E0594" | "E0596" => MAKE_MUTABLE,
        _ => return text,
    };
    text.push_str(advice);
    text.push('\n');
    text
}

/// Without the names of the crates that the engine makes of definitions.
pub fn without_crates(text: &str) -> String {
    let mut parts = text.split(PREFIX);
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        match part[digits.min(12)..].strip_prefix("::") {
            Some(rest) if digits >= 12 => clean.push_str(rest),
            _ => {
                clean.push_str(PREFIX);
                clean.push_str(part);
            }
        }
    }
    clean
}

/// The last expression has a type that nothing shows: the words of method
/// look-up would lead the reader astray.
fn cannot_show(message: &str, cell: u32) -> String {
    let type_name = message.rsplit_once("reference `&").or_else(|| message.rsplit_once(" `"));
    let type_name = type_name.map_or("", |(_, rest)| rest.split('`').next().unwrap_or_default());
    let wrapped = type_name.strip_prefix("Shown<'_, ").and_then(|rest| rest.strip_suffix('>'));
    let type_name = wrapped.unwrap_or(type_name);
    if type_name.starts_with("{closure@") {
        return format!(
            "error: the value that ends the cell is a closure, which cannot be shown\n  \
             --> cell {cell}, last line\n\
             help: end the line with `;`, or call it\n"
        );
    }
    let type_name = without_crates(type_name);
    format!(
        "error: the value that ends the cell, of type `{type_name}`, cannot be shown\n  \
         --> cell {cell}, last line\n\
         help: put `#[derive(Debug)]` before the definition of its type, or end the line with `;`\n"
    )
}

/// Rewrites rendered text: places and line numbers become the cell's; what
/// points only at generated code or at the library is left out.
fn in_lines_of_cell(rendered: &str, lines: &Lines) -> String {
    let mut text = String::new();
    for (at, block) in blocks(rendered).into_iter().enumerate() {
        let (block, points, ours) = rewrite(&block, lines);
        if at == 0 || !points || ours {
            text.push_str(&block);
        }
    }
    text.trim_end().to_owned() + "\n"
}

/// The main message and each note with a place of its own.
fn blocks(rendered: &str) -> Vec<Vec<&str>> {
    let mut blocks: Vec<Vec<&str>> = Vec::new();
    for line in rendered.lines() {
        if blocks.is_empty() || line.starts_with("note:") || line.starts_with("help:") {
            blocks.push(Vec::new());
        }
        if let Some(block) = blocks.last_mut() {
            block.push(line);
        }
    }
    blocks
}

/// A block with the cell's lines; whether it points anywhere, and into the cell.
fn rewrite(block: &[&str], lines: &Lines) -> (String, bool, bool) {
    let (mut text, mut points, mut ours, mut hidden) = (String::new(), false, false, false);
    for line in block {
        let rewritten = match part(line) {
            Part::Place(arrow, file, number) => {
                points = true;
                let known = lines.of_cell(number).filter(|_| lines.is_of(file));
                hidden = known.is_none();
                ours |= known.is_some();
                known.map(|(cell, number)| format!("{arrow} cell {cell}, line {number}"))
            }
            Part::Source(width, number, rest) => {
                let known = lines.of_cell(number);
                hidden = known.is_none();
                if let Some((cell, number)) = known
                    && !std::mem::replace(&mut ours, true)
                {
                    // The place told was generated code; this is the reader's.
                    text.push_str(&format!("{:width$}--> cell {cell}, line {number}\n", ""));
                }
                known.map(|(_, number)| format!("{number:>width$} {rest}"))
            }
            Part::Mark => (!hidden).then(|| (*line).to_owned()),
            Part::Note if line.contains("pillars::cell") || line.contains("evcxr") => None,
            Part::Note | Part::Other => Some((*line).to_owned()),
        };
        if let Some(line) = rewritten {
            text.push_str(&line);
            text.push('\n');
        }
    }
    (text, points, ours)
}

enum Part<'a> {
    /// `  --> file:line:column`
    Place(&'a str, &'a str, usize),
    /// `12 | source`: width of the number's column, number, the rest.
    Source(usize, usize, &'a str),
    /// `   |    ^^^ label`
    Mark,
    /// `   = note: ...`
    Note,
    /// Anything else.
    Other,
}

fn part(line: &str) -> Part<'_> {
    for arrow in ["-->", ":::"] {
        if let Some((before, place)) = line.split_once(&format!("{arrow} "))
            && before.trim().is_empty()
            && let [_, number, file] = place.rsplitn(3, ':').collect::<Vec<_>>()[..]
            && let Ok(number) = number.parse()
        {
            return Part::Place(&line[..before.len() + arrow.len()], file, number);
        }
    }
    let trimmed = line.trim_start();
    let digits = trimmed.len() - trimmed.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let rest = &trimmed[digits..];
    if digits > 0
        && let Ok(number) = trimmed[..digits].parse()
        && [" |", " -", " +", " ~"].iter().any(|sign| rest.starts_with(sign))
    {
        return Part::Source(line.len() - rest.len(), number, &rest[1..]);
    }
    match (trimmed.chars().next(), line.starts_with(' ')) {
        (Some('|'), _) => Part::Mark,
        (Some('='), true) => Part::Note,
        _ if line == "..." => Part::Mark,
        _ => Part::Other,
    }
}

fn coloured(line: &str) -> String {
    for (start, colour) in [("error", RED), ("warning", RED), ("note", GREEN), ("help", CYAN)] {
        if line.starts_with(start)
            && let Some((kind, message)) = line.split_once(": ")
        {
            return format!("{colour}{kind}{PLAIN}{BOLD}: {message}{PLAIN}");
        }
    }
    let Some(bar) = line.find('|') else {
        return match line.split_once("--> ") {
            Some((before, place)) => format!("{before}{BLUE}-->{PLAIN} {place}"),
            None => line.to_owned(),
        };
    };
    let (gutter, rest) = line.split_at(bar + 1);
    if !gutter.trim_end_matches('|').trim().chars().all(|c| c.is_ascii_digit()) {
        return line.to_owned();
    }
    let marks = rest.trim_start();
    let colour = match marks.chars().next() {
        Some('^') => RED,
        Some('-' | '_' | '|') if gutter.trim() == "|" => BLUE,
        Some('+' | '~') if gutter.trim() == "|" => GREEN,
        _ => PLAIN,
    };
    format!("{BLUE}{gutter}{PLAIN}{colour}{rest}{PLAIN}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A diagnostic as rustc renders it for the generated source, lines 10 to 12
    /// of which are the cell's.
    const RENDERED: &str = "error[E0308]: mismatched types
  --> src/lib.rs:11:18
   |
10 | let é = 1;
   |         - first
11 |     let x: i32 = \"a\";
   |            ---   ^^^ expected `i32`, found `&str`
   |            |
   |            expected due to this
20 | ::pillars::cell::put(\"x\", x);
   | ---- hidden
   = note: seen in `pillars::cell::put`
   = note: kept
note: elsewhere
  --> /somewhere/cell.rs:178:15
   |
178 | pub fn put
   |        ---
help: try this
   |
11 -     let x: i32 = \"a\";
11 +     let x: i32 = 1;
   |
";

    #[test]
    fn places_are_the_cells_and_generated_code_is_left_out() {
        let diagnostic = json!({ "level": "error", "message": "mismatched types",
            "code": { "code": "E0308" }, "rendered": RENDERED });
        let error = compile_error(&[diagnostic], &Lines::shifted("src/lib.rs", 10, 3, 4), 4);
        assert_eq!(error.ename, "CompileError");
        assert_eq!(error.evalue, "mismatched types [E0308] (cell 4, line 2)");
        let text = error.traceback.join("\n");
        let plain = regex_free_strip(&text);
        for kept in [
            "--> cell 4, line 2",
            " 1 | let é = 1;",
            " 2 |     let x",
            "^^^ expected",
            "= note: kept",
            " 2 +     let x: i32 = 1;",
        ] {
            assert!(plain.contains(kept), "{kept:?} is missing in\n{plain}");
        }
        for gone in ["lib.rs", "cell.rs", "put", "hidden", "elsewhere", "178"] {
            assert!(!plain.contains(gone), "{gone:?} is left in\n{plain}");
        }
    }

    fn regex_free_strip(text: &str) -> String {
        let mut plain = String::new();
        let mut parts = text.split("\u{1b}[");
        plain.push_str(parts.next().unwrap_or_default());
        for part in parts {
            plain.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
        }
        plain
    }

    #[test]
    fn names_of_generated_crates_are_left_out() {
        let text = "expected `cell_c96e461d0160::P`, found `cell_x`, cell_c96e461d0160";
        assert_eq!(without_crates(text), "expected `P`, found `cell_x`, cell_c96e461d0160");
    }

    #[test]
    fn a_value_that_cannot_be_shown_is_told_in_words() {
        let diagnostic = json!({ "level": "error", "rendered": "…", "message":
            "the method `show_as_result` exists for reference `&Shown<'_, P>`, but its trait bounds were not satisfied" });
        let error = compile_error(&[diagnostic], &Lines::default(), 1);
        assert!(error.evalue.contains("of type `P`, cannot be shown"), "{}", error.evalue);
        assert!(error.traceback.iter().any(|line| line.contains("derive(Debug)")));
    }
}
