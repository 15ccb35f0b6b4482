//! The fast engine against evcxr: sequences of cells through both, and the same
//! outcomes. What differs on purpose is listed here, each with its reason, and in
//! ARCHITECTURE.md.
//!
//! A program of its own, for evcxr runs cells in a copy of the executable it is in.

mod common;

use pillars_engine::{Reference, Rust, runtime_hook};
use pillars_kernel::{Cell, CellError, CellIo, Interpreter, Media};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

const CELLS: &str = include_str!("differential/cells.txt");

/// Sequence and cell (from 1) that differ, what the fast engine says, and why.
const DIFFERENCES: &[(&str, usize, &str, &str)] = &[
    ("async", 3, "[value] 1", "`.await` at the top level of a cell"),
    ("async", 4, "", "`.await` at the top level of a cell"),
    ("async", 5, "[value] 2", "`.await` at the top level of a cell"),
    ("a type redefined", 2, "", "variables of a type that is defined anew"),
    ("a type redefined", 4, "[value] 1", "variables of a type that is defined anew"),
    ("commands", 1, "[CommandError] ", "calls an unknown command"),
    ("closures", 4, "[value] 2", "closures end with their cell"),
    ("copies are no moves", 3, "[value] 6", "closures end with their cell"),
    ("crashes", 8, "[value] 1", "variables after a crash"),
];

fn main() {
    runtime_hook();
    common::use_home();
    let begin = Instant::now();
    // Each engine on a thread of its own: a child ends with the thread that started it.
    let (fast, reference) = std::thread::scope(|scope| {
        let fast = scope.spawn(|| run("fast", &mut Rust::new()));
        let reference = scope.spawn(|| run("evcxr", &mut Reference::new()));
        (fast.join().unwrap(), reference.join().unwrap())
    });
    let mut expected: BTreeMap<(&str, usize), (&str, &str)> = BTreeMap::new();
    for (name, cell, says, reason) in DIFFERENCES {
        expected.insert((name, *cell), (says, reason));
    }
    let mut wrong = 0;
    for ((name, cell, code, ours), (.., theirs)) in fast.iter().zip(&reference) {
        let difference = expected.remove(&(*name, *cell));
        let right = match difference {
            Some((says, _)) => ours == says && ours != theirs,
            None => ours == theirs,
        };
        if !right {
            wrong += 1;
            println!("{name}, cell {cell}: {code}\n  fast:   {ours}\n  evcxr:  {theirs}");
        }
    }
    assert!(expected.is_empty(), "no such cells: {:?}", expected.keys());
    let map =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/ARCHITECTURE.md")).unwrap();
    for (name, cell, _, reason) in DIFFERENCES {
        assert!(
            map.contains(reason),
            "{name}, cell {cell}: ARCHITECTURE.md does not list {reason:?}"
        );
    }
    println!(
        "{} cells, {} intended differences, {wrong} others, in {:.0?}",
        fast.len(),
        DIFFERENCES.len(),
        begin.elapsed()
    );
    assert_eq!(wrong, 0);
}

/// Sequence, number, text and outcome of each cell.
fn run(
    label: &str,
    engine: &mut dyn Interpreter,
) -> Vec<(&'static str, usize, &'static str, String)> {
    engine.warm_up();
    eprintln!("{label} is warm");
    let mut outcomes = Vec::new();
    let mut number = 0;
    for sequence in CELLS.split("## ").skip(1) {
        let (name, cells) = sequence.split_once('\n').unwrap();
        number += 1;
        let clear = Cell { code: ":clear".to_owned(), number };
        engine.execute(&clear, &Outcome::default()).unwrap();
        for (at, code) in cells.split("\n---\n").enumerate() {
            number += 1;
            let code = code.trim_end_matches('\n');
            let outcome = Outcome::default();
            if std::env::var_os("PROGRESS").is_some() {
                eprintln!("{label} {name} {} {code}", at + 1);
            }
            let ended = engine.execute(&Cell { code: code.to_owned(), number }, &outcome);
            outcomes.push((name, at + 1, code, outcome.with(ended.err())));
        }
    }
    outcomes
}

/// What a cell did, as text that both engines should agree on.
#[derive(Default)]
struct Outcome(Mutex<String>);

impl Outcome {
    fn note(&self, kind: &str, text: &str) {
        let mut noted = self.0.lock().unwrap();
        // Streams come in pieces of any size.
        let marked = format!("[{kind}] ");
        if kind != "out" || !noted.contains(&marked) {
            noted.push_str(&marked);
        }
        noted.push_str(text);
    }

    /// With the error's kind; of a compile error also rustc's code, of others the text.
    fn with(self, error: Option<CellError>) -> String {
        let mut noted = self.0.into_inner().unwrap();
        let Some(CellError { ename, evalue, .. }) = error else { return noted };
        let code = evalue.split('[').nth(1).and_then(|rest| rest.split(']').next());
        let told = match ename {
            "CompileError" => code.filter(|code| code.starts_with('E')).unwrap_or_default(),
            "Panic" | "Error" => &evalue,
            _ => "",
        };
        noted.push_str(&format!("[{ename}] {told}"));
        noted
    }
}

impl CellIo for Outcome {
    fn stdout(&self, text: &str) {
        self.note("out", text);
    }

    fn stderr(&self, _: &str) {}

    fn update(&self, media: Media, _: &str) {
        self.note("update", &media.data.keys().cloned().collect::<Vec<_>>().join(" "));
    }

    fn display(&self, media: Media, _: Option<&str>) {
        self.note("display", &media.data.keys().cloned().collect::<Vec<_>>().join(" "));
    }

    fn result(&self, media: Media) {
        self.note("value", media.data["text/plain"].as_str().unwrap_or_default());
    }

    fn page(&self, _: Media) {}

    fn clear(&self, _: bool) {}

    fn input(&self, _: &str, _: bool) -> Result<String, CellError> {
        Err(CellError::new("InputNotAllowed", "nobody is there"))
    }
}
