//! What was run, in this session and in earlier ones, and the three ways to ask for it.
//!
//! Sessions are kept in one file, a line of JSON a cell: `[session, number, code]`. Several
//! kernels write to it; each takes its session's number under a lock, with its first cell.

use crate::wire::Object;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// The file is cut back to half of this when it is longer, in bytes.
const LIMIT: u64 = 8_000_000;

/// A cell: its session, its number there, its text.
type Cell = (i64, u32, String);

/// The cells of this session and of those that are kept.
#[derive(Default)]
pub struct History {
    /// Those of this session, in order.
    cells: Vec<Cell>,
    /// This session's number; from its first cell on, if there is a file.
    session: Option<i64>,
    file: Option<PathBuf>,
}

impl History {
    /// A history that is kept in this file. One that cannot be written or read is as good
    /// as none.
    pub fn kept_in(file: PathBuf) -> Self {
        Self { file: Some(file), ..Self::default() }
    }

    /// Keeps a cell.
    pub fn add(&mut self, number: u32, code: &str) {
        let kept = self.keep(number, code);
        let session = kept.or(self.session).unwrap_or(1);
        self.session = Some(session);
        self.cells.push((session, number, code.to_owned()));
    }

    fn keep(&self, number: u32, code: &str) -> Option<i64> {
        let path = self.file.as_ref()?;
        std::fs::create_dir_all(path.parent()?).ok()?;
        let mut options = File::options();
        // A reader's texts are the reader's.
        pillars_unix::private(options.read(true).append(true).create(true));
        let mut file = options.open(path).ok()?;
        file.lock().ok()?;
        let session = match self.session {
            Some(session) => session,
            None => {
                let before = read(&mut file);
                shorten(&mut file, &before);
                before.last().map_or(0, |(session, ..)| *session) + 1
            }
        };
        writeln!(file, "{}", json!([session, number, code])).ok()?;
        Some(session)
    }

    /// The cells of earlier sessions, in order. Those of kernels that run beside this one
    /// may be among them.
    fn earlier(&self) -> Vec<Cell> {
        let file = self.file.as_ref().and_then(|path| File::open(path).ok());
        let mut cells = file.map(|mut file| read(&mut file)).unwrap_or_default();
        cells.retain(|(session, ..)| Some(*session) != self.session);
        cells.sort_by_key(|(session, ..)| *session);
        cells
    }

    /// Answers a history_request's content: `[session, number, input]` each, or
    /// `[session, number, [input, null]]` when output is asked for (none is kept).
    pub fn answer(&self, request: &Object) -> Value {
        let number = |field: &str, default: i64| {
            request.get(field).and_then(Value::as_i64).unwrap_or(default)
        };
        let output = request.get("output").and_then(Value::as_bool).unwrap_or(false);
        let unique = request.get("unique").and_then(Value::as_bool).unwrap_or(false);
        let all = || self.earlier().into_iter().chain(self.cells.iter().cloned()).collect();
        let found: Vec<Cell> = match request.get("hist_access_type").and_then(Value::as_str) {
            Some("range") => {
                self.range(number("session", 0), number("start", 0), number("stop", i64::MAX))
            }
            Some("search") => {
                let pattern = request.get("pattern").and_then(Value::as_str).unwrap_or("*");
                search(all(), pattern, unique, count(number("n", i64::MAX)))
            }
            Some("tail") => last(all(), count(number("n", 10))),
            _ => vec![],
        };
        let entry = |(session, number, code): &Cell| match output {
            true => json!([session, number, [code, null]]),
            false => json!([session, number, code]),
        };
        json!({ "status": "ok", "history": found.iter().map(entry).collect::<Vec<_>>() })
    }

    /// Cells of one session: 0 is this one, -1 the one before it.
    fn range(&self, session: i64, start: i64, stop: i64) -> Vec<Cell> {
        let cells = match session {
            0 => self.cells.clone(),
            _ if Some(session) == self.session => self.cells.clone(),
            ..0 => {
                let earlier = self.earlier();
                let mut sessions: Vec<i64> = earlier.iter().map(|(of, ..)| *of).collect();
                sessions.dedup();
                let back = usize::try_from(session.unsigned_abs()).unwrap_or(usize::MAX);
                let wanted = sessions.len().checked_sub(back).map(|at| sessions[at]);
                earlier.into_iter().filter(|(of, ..)| Some(*of) == wanted).collect()
            }
            _ => self.earlier().into_iter().filter(|(of, ..)| *of == session).collect(),
        };
        let within = |(_, number, _): &Cell| (start..stop).contains(&i64::from(*number));
        cells.into_iter().filter(within).collect()
    }
}

fn search(mut cells: Vec<Cell>, pattern: &str, unique: bool, n: usize) -> Vec<Cell> {
    let pattern: Vec<char> = pattern.chars().collect();
    cells.retain(|(_, _, code)| glob(&pattern, &code.chars().collect::<Vec<_>>()));
    if unique {
        // The latest of equal cells stays, in its place.
        let mut seen = std::collections::BTreeSet::new();
        cells.reverse();
        cells.retain(|(_, _, code)| seen.insert(code.clone()));
        cells.reverse();
    }
    last(cells, n)
}

/// The cells of a file; a line that is none is passed over.
fn read(file: &mut File) -> Vec<Cell> {
    let mut text = Vec::new();
    let whole = file.rewind().and_then(|()| file.read_to_end(&mut text));
    if whole.is_err() {
        return vec![];
    }
    let lines = text.split(|byte| *byte == b'\n');
    lines.filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

/// Cuts a file that has grown too long back to its later cells.
fn shorten(file: &mut File, cells: &[Cell]) {
    if file.seek(SeekFrom::End(0)).is_ok_and(|length| length <= LIMIT) {
        return;
    }
    let (mut from, mut bytes) = (cells.len(), 0);
    while from > 0 && bytes < LIMIT / 2 {
        from -= 1;
        bytes += cells[from].2.len() as u64 + 20;
    }
    if file.set_len(0).is_ok() {
        let lines: String =
            cells[from..].iter().map(|cell| json!(cell).to_string() + "\n").collect();
        // What is lost is a history.
        let _ = file.write_all(lines.as_bytes());
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

    fn asked(history: &History, request: &Value) -> Vec<(i64, u64)> {
        let answer = history.answer(&object(request.clone()));
        let entries = answer["history"].as_array().unwrap();
        entries.iter().map(|e| (e[0].as_i64().unwrap(), e[1].as_u64().unwrap())).collect()
    }

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
            let found: Vec<u64> = asked(&history, &request).into_iter().map(|e| e.1).collect();
            assert_eq!(found, numbers, "{request}");
        }
    }

    #[test]
    fn earlier_sessions_are_kept_also_of_kernels_that_run_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/history.jsonl");
        let mut first = History::kept_in(file.clone());
        first.add(1, "one");
        let (mut second, mut third) =
            (History::kept_in(file.clone()), History::kept_in(file.clone()));
        third.add(1, "three");
        second.add(1, "two");
        first.add(2, "one again");
        std::fs::File::options().append(true).open(&file).unwrap().write_all(b"torn [").unwrap();
        let history = History::kept_in(file);
        let range = |session: i64| json!({ "hist_access_type": "range", "session": session });
        let cases = [
            (json!({ "hist_access_type": "tail", "n": 9 }), vec![(1, 1), (1, 2), (2, 1), (3, 1)]),
            (json!({ "hist_access_type": "search", "pattern": "t*" }), vec![(2, 1), (3, 1)]),
            (range(1), vec![(1, 1), (1, 2)]),
            (range(-1), vec![(3, 1)]),
            (range(-3), vec![(1, 1), (1, 2)]),
            (range(-4), vec![]),
            (range(0), vec![]),
        ];
        for (request, expected) in cases {
            assert_eq!(asked(&history, &request), expected, "{request}");
        }
    }

    #[test]
    fn a_long_file_is_cut_back_to_its_later_cells() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history.jsonl");
        let mut history = History::kept_in(file.clone());
        let code = "x".repeat(1_000_000);
        (1..=10).for_each(|number| history.add(number, &code));
        History::kept_in(file.clone()).add(1, "last");
        assert!(std::fs::metadata(&file).unwrap().len() < LIMIT);
        let found = asked(&History::kept_in(file), &json!({ "hist_access_type": "tail", "n": 2 }));
        assert_eq!(found, [(1, 10), (2, 1)]);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_as_good_as_none() {
        let mut history = History::kept_in("/dev/null/history".into());
        history.add(1, "one");
        assert_eq!(asked(&history, &json!({ "hist_access_type": "tail" })), [(1, 1)]);
    }
}
