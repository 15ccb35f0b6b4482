//! The program of a cell for evcxr: its items, and one statement for all the rest.

use crate::layout::{Body, Lines, Moved, Variables, has_word};
use crate::split::Split;

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
    let handed = |name: &String| names(split, name) && !forget.contains(name);
    let used: Vec<_> = variables.iter().filter(|(name, _)| handed(name)).collect();
    let body = Body {
        statements: split.statements.as_ref().map(|piece| &*piece.text),
        tail: split.tail.as_ref().map(|piece| &*piece.text),
        bindings: &split.bindings,
        executor: None,
        used: &used,
        moved,
        forget,
    };
    body.write(&mut code, "let _ = ", ";");
    code
}

/// Whether the cell's text has `name` as a word, in code, in a macro's or in a
/// format string.
fn names(split: &Split, name: &str) -> bool {
    let texts = split.items.iter().map(|item| &item.piece);
    texts.chain(&split.statements).chain(&split.tail).any(|piece| has_word(&piece.text, name))
}

/// The way back from the source that evcxr made of the program.
pub fn lines(split: &Split, source: &str, cell: u32) -> Lines {
    let mut lines = Lines::find("src/lib.rs", split, source, cell);
    for item in &split.items {
        let text = item.piece.text.trim_start();
        if let Some(at) = source.rfind(text) {
            let first = source[..at].matches('\n').count() + 1;
            lines.add(first..first + text.lines().count(), cell, item.piece.line + 1);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Variable;
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
        let lines = lines(&cell, &source, 3);
        let original: Vec<_> = code.lines().collect();
        let mut found = 0;
        for (at, line) in source.lines().enumerate() {
            if let Some((3, cell_line)) = lines.of_cell(at + 1)
                && !line.trim().is_empty()
            {
                assert_eq!(line, original[cell_line - 1]);
                found += 1;
            }
        }
        assert_eq!(found, 5);
    }
}
