//! Types of variables, read from the compiler's own listing (MIR) of a cell:
//! the generated call `pillars::cell::put::<T>(const "name", ..)` names them.

use std::collections::BTreeMap;

/// The types of the variables that the cell of this listing keeps.
pub fn types(listing: &str) -> BTreeMap<String, String> {
    let mut types = BTreeMap::new();
    // Types of the locals of the function that is being listed. They are written in
    // full, while the call's own argument has short paths that need not resolve.
    let mut locals = BTreeMap::new();
    // Unoptimised code has the name in a local, too.
    let mut names = BTreeMap::new();
    for line in listing.lines() {
        if line.starts_with("fn ") {
            locals.clear();
            names.clear();
        } else if let Some((local, type_name)) = declaration(line) {
            locals.insert(local, type_name);
        } else if let Some((local, name)) = assignment(line) {
            names.insert(local, name);
        } else if let Some((argument, name, value)) = call(line) {
            let constant = name.strip_prefix("const \"").and_then(|name| name.strip_suffix('"'));
            let Some(name) = constant.or_else(|| names.get(local_of(name)?).copied()) else {
                continue;
            };
            let full = local_of(value).and_then(|local| locals.get(local).copied());
            types.insert(name.to_owned(), full.unwrap_or(argument).to_owned());
        }
    }
    types
}

/// `let mut _8: Type;`
fn declaration(line: &str) -> Option<(&str, &str)> {
    let declared = line.trim().strip_prefix("let ")?;
    let declared = declared.strip_prefix("mut ").unwrap_or(declared);
    declared.strip_suffix(';')?.split_once(": ")
}

/// `_5 = const "name";`
fn assignment(line: &str) -> Option<(&str, &str)> {
    line.trim().strip_suffix("\";")?.split_once(" = const \"")
}

/// `put::<Type>(const "name", move _8)`: type, and the two arguments.
fn call(line: &str) -> Option<(&str, &str, &str)> {
    let (_, after) = line.split_once("put::<")?;
    let end = closing(after)?;
    let (name, rest) = after[end + 1..].strip_prefix('(')?.split_once(", ")?;
    Some((&after[..end], name, rest))
}

/// `move _8)` or `copy _8`
fn local_of(operand: &str) -> Option<&str> {
    let operand = operand.strip_prefix("move ").or_else(|| operand.strip_prefix("copy "))?;
    operand.split(')').next()
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

/// Why a closure cannot.
pub const CLOSURE: &str = "a closure, whose type has no name; write a `fn`, or box it: \
                           `let f: Box<dyn Fn(..) -> ..> = Box::new(..)`";

/// Why a value of this type cannot be handed to a later cell, if it cannot.
pub fn cannot_be_named(type_name: &str) -> Option<&'static str> {
    if type_name.contains("{closure") {
        return Some(CLOSURE);
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
fn other() -> () {
    let _8: String;
}
fn run_user_code_1::{closure#0}(_1: {closure@src/lib.rs:9:5: 9:8}) -> () {
    let mut _8: std::collections::BTreeMap<m::P, std::option::Option<u8>>;
    bb3: {
        _7 = pillars::cell::put::<BTreeMap<P, Option<u8>>>(const "m", move _8) -> [return: bb4, unwind: bb9];
        _7 = put::<i32>(const "c", const 5_i32) -> [return: bb4, unwind: bb9];
        _7 = pillars::cell::put::<Vec<(f64, Option<u8>)>>(const "v", move _2) -> [return: bb4, unwind: bb9];
        _9 = pillars::cell::put::<Box<dyn Fn(i32) -> i32>>(const "f", copy _3) -> [return: bb5, unwind: bb9];
        _1 = pillars::cell::take::<String>(const "s") -> [return: bb1, unwind: bb2];
fn unoptimised() -> () {
    let _2: std::vec::Vec<i32>;
        _5 = const "u";
        _4 = put::<Vec<i32>>(move _5, copy _2) -> [return: bb3, unwind continue];
"#;
        let types = types(listing);
        assert_eq!(types["v"], "Vec<(f64, Option<u8>)>");
        assert_eq!(types["f"], "Box<dyn Fn(i32) -> i32>");
        assert_eq!(types["m"], "std::collections::BTreeMap<m::P, std::option::Option<u8>>");
        assert_eq!(types["c"], "i32");
        assert_eq!(types["u"], "std::vec::Vec<i32>");
        assert_eq!(types.len(), 5);
    }

    #[test]
    fn types_without_a_name_are_known() {
        assert!(cannot_be_named("{closure@src/lib.rs:9:5: 9:8}").is_some());
        assert!(cannot_be_named("fn(i32) -> i32 {double}").is_some());
        assert!(cannot_be_named("Vec<Box<dyn Fn(i32) -> i32>>").is_none());
    }
}
