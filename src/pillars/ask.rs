//! Questions to the reader.

use crate::cell;
use crate::display;
use serde_json::json;

/// Asks the reader for a line: `let name = input("your name: ");`. The answer comes without
/// its line feed.
///
/// Where nobody can answer (nbconvert, CI, `pillars run`) the cell ends with an error at once.
/// When a crash has the cell run again, it is given the same answer.
pub fn input(prompt: &str) -> String {
    ask(prompt, false)
}

/// The same for what is not to be seen while it is typed.
pub fn password(prompt: &str) -> String {
    ask(prompt, true)
}

fn ask(prompt: &str, password: bool) -> String {
    if !display::in_a_cell() {
        return ask_terminal(prompt);
    }
    cell::tick();
    display::send(&json!({ "kind": "ask", "prompt": prompt, "password": password }));
    let answer = crate::runner::answer();
    match answer["line"].as_str() {
        Some(line) => line.to_owned(),
        None => cell::end_with(&answer["ename"], &answer["evalue"]),
    }
}

/// Outside a notebook, for the library's own tests and examples.
fn ask_terminal(prompt: &str) -> String {
    eprint!("{prompt}");
    let mut line = String::new();
    let _ = std::io::stdin().read_line(&mut line);
    line.trim_end_matches(['\r', '\n']).to_owned()
}
