//! What was run in this session, and the three ways to ask for it.

use crate::wire::Object;
use serde_json::{Value, json};

/// The number of the running session; earlier ones are not kept.
const SESSION: i64 = 1;

/// The cells of this session, in order.
#[derive(Default)]
pub struct History {
    cells: Vec<(u32, String)>,
}

impl History {
    /// Keeps a cell.
    pub fn add(&mut self, number: u32, code: &str) {
        self.cells.push((number, code.to_owned()));
    }

    /// Answers a history_request's content: `[session, number, input]` each, or
    /// `[session, number, [input, null]]` when output is asked for (none is kept).
    pub fn answer(&self, request: &Object) -> Value {
        let number = |field: &str, default: i64| {
            request.get(field).and_then(Value::as_i64).unwrap_or(default)
        };
        let output = request.get("output").and_then(Value::as_bool).unwrap_or(false);
        let unique = request.get("unique").and_then(Value::as_bool).unwrap_or(false);
        let here = [0, SESSION].contains(&number("session", 0));
        let found = match request.get("hist_access_type").and_then(Value::as_str) {
            Some("range") if here => self.range(number("start", 0), number("stop", i64::MAX)),
            Some("search") => {
                let pattern = request.get("pattern").and_then(Value::as_str).unwrap_or("*");
                self.search(pattern, unique, count(number("n", i64::MAX)))
            }
            Some("tail") => last(self.cells.iter().collect(), count(number("n", 10))),
            _ => vec![],
        };
        let entry = |(number, code): &(u32, String)| match output {
            true => json!([SESSION, number, [code, null]]),
            false => json!([SESSION, number, code]),
        };
        json!({ "status": "ok", "history": found.into_iter().map(entry).collect::<Vec<_>>() })
    }

    fn range(&self, start: i64, stop: i64) -> Vec<&(u32, String)> {
        let within = |cell: &&(u32, String)| (start..stop).contains(&i64::from(cell.0));
        self.cells.iter().filter(within).collect()
    }

    fn search(&self, pattern: &str, unique: bool, n: usize) -> Vec<&(u32, String)> {
        let pattern: Vec<char> = pattern.chars().collect();
        let matches = |cell: &&(u32, String)| glob(&pattern, &cell.1.chars().collect::<Vec<_>>());
        let mut found: Vec<_> = self.cells.iter().filter(matches).collect();
        if unique {
            // The latest of equal cells stays, in its place.
            let codes: Vec<&str> = found.iter().map(|cell| cell.1.as_str()).collect();
            let latest = |at: usize| !codes[at + 1..].contains(&codes[at]);
            let keep: Vec<bool> = (0..codes.len()).map(latest).collect();
            found = found.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(c, _)| c).collect();
        }
        last(found, n)
    }
}

fn count(n: i64) -> usize {
    usize::try_from(n).unwrap_or(0)
}

fn last<T>(mut items: Vec<T>, n: usize) -> Vec<T> {
    items.split_off(items.len().saturating_sub(n))
}

/// Whether `text` is of the form `pattern`: `*` for any text, `?` for one character.
fn glob(pattern: &[char], text: &[char]) -> bool {
    // The latest `*`, and where in the text it was tried last.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, tried)) = star {
            star = Some((at, tried + 1));
            (p, t) = (at + 1, tried + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::object;

    #[test]
    fn each_way_of_asking_finds_its_cells() {
        let mut history = History::default();
        for (number, code) in ["let a = 1;", "a", "let b = 2;", "a", "é?"].iter().enumerate() {
            history.add(number as u32 + 1, code);
        }
        let cases = [
            (json!({ "hist_access_type": "tail", "n": 2 }), vec![4, 5]),
            (json!({ "hist_access_type": "tail", "n": 99 }), vec![1, 2, 3, 4, 5]),
            (
                json!({ "hist_access_type": "range", "session": 0, "start": 2, "stop": 4 }),
                vec![2, 3],
            ),
            (json!({ "hist_access_type": "range", "session": 7, "start": 1, "stop": 9 }), vec![]),
            (json!({ "hist_access_type": "search", "pattern": "let*" }), vec![1, 3]),
            (json!({ "hist_access_type": "search", "pattern": "a", "unique": true }), vec![4]),
            (json!({ "hist_access_type": "search", "pattern": "*", "n": 1 }), vec![5]),
            (json!({ "hist_access_type": "search", "pattern": "??" }), vec![5]),
            (json!({ "hist_access_type": "nonsense" }), vec![]),
        ];
        for (request, numbers) in cases {
            let answer = history.answer(&object(request.clone()));
            let found: Vec<_> = answer["history"]
                .as_array()
                .unwrap()
                .iter()
                .map(|e| e[1].as_u64().unwrap())
                .collect();
            assert_eq!(found, numbers, "{request}");
        }
    }
}
