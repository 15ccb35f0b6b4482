//! Types of variables, read from the compiler's own listing (MIR) of a cell:
//! the generated call `pillars::cell::put::<T>(const "name", ..)` names them.

use std::collections::BTreeMap;

const CALL: &str = "::put::<";

/// The types of the variables that the cell of this listing keeps.
pub fn types(listing: &str) -> BTreeMap<String, String> {
    listing.lines().filter_map(variable).collect()
}

fn variable(line: &str) -> Option<(String, String)> {
    let (_, after) = line.split_once(CALL).or_else(|| line.split_once("put::<"))?;
    let end = closing(after)?;
    let name = after[end + 1..].strip_prefix("(const \"")?.split('"').next()?;
    Some((name.to_owned(), after[..end].to_owned()))
}

/// Where the angle bracket that encloses `text` closes. Arrows are not brackets.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' if before != '-' && before != '=' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
        before = c;
    }
    None
}

/// Why a value of this type cannot be handed to a later cell, if it cannot.
pub fn cannot_be_named(type_name: &str) -> Option<&'static str> {
    if type_name.contains("{closure") {
        return Some(
            "a closure, whose type has no name; box it: `let f: Box<dyn Fn(..) -> ..> = Box::new(..)`",
        );
    }
    if type_name.contains("{async") || type_name.contains("impl ") {
        return Some("of a type that has no name; box it, or collect it into a type that has one");
    }
    if type_name.contains(" {") {
        return Some(
            "a function item; give it a function pointer's type: `let f: fn(..) -> .. = ..`",
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_from_the_calls() {
        let listing = r#"
    bb3: {
        _7 = pillars::cell::put::<Vec<(f64, Option<u8>)>>(const "v", move _8) -> [return: bb4, unwind: bb9];
        _9 = pillars::cell::put::<Box<dyn Fn(i32) -> i32>>(const "f", copy _3) -> [return: bb5, unwind: bb9];
        _1 = pillars::cell::take::<String>(const "s") -> [return: bb1, unwind: bb2];
"#;
        let types = types(listing);
        assert_eq!(types["v"], "Vec<(f64, Option<u8>)>");
        assert_eq!(types["f"], "Box<dyn Fn(i32) -> i32>");
        assert_eq!(types.len(), 2);
    }

    #[test]
    fn types_without_a_name_are_known() {
        assert!(cannot_be_named("{closure@src/lib.rs:9:5: 9:8}").is_some());
        assert!(cannot_be_named("fn(i32) -> i32 {double}").is_some());
        assert!(cannot_be_named("Vec<Box<dyn Fn(i32) -> i32>>").is_none());
    }
}
