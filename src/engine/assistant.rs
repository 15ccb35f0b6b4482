//! Completion, inspection and "is this cell whole": answered from the session's names
//! and the index of the library, at any time, also while a cell runs; and, once it is
//! there, by the analyzer, which knows types.

use crate::analyzer::Analyzer;
use crate::diagnostics::without_crates;
use crate::index::{self, Entry};
use crate::interpreter::commands::COMMANDS;
use crate::layout::Variables;
use crate::split;
use pillars_kernel::{Assistant, Completeness, Completion, Completions, Media};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

const KEYWORDS: &[&str] = &[
    "as", "async", "await", "break", "const", "continue", "else", "enum", "false", "fn", "for",
    "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return",
    "self", "static", "struct", "trait", "true", "type", "unsafe", "use", "where", "while",
];

/// Names of the standard library that a beginner types most.
const STANDARD: &[(&str, &str, &str)] = &[
    ("println!", "macro", "println!(\"{}\", value)"),
    ("print!", "macro", "print!(\"{}\", value)"),
    ("format!", "macro", "format!(\"{}\", value) -> String"),
    ("assert!", "macro", "assert!(condition)"),
    ("assert_eq!", "macro", "assert_eq!(left, right)"),
    ("vec!", "macro", "vec![1, 2, 3] -> Vec<T>"),
    ("panic!", "macro", "panic!(\"reason\")"),
    ("Vec", "struct", "struct Vec<T>"),
    ("String", "struct", "struct String"),
    ("Option", "enum", "enum Option<T> { None, Some(T) }"),
    ("Some", "constant", "Some(value)"),
    ("None", "constant", "None"),
    ("Result", "enum", "enum Result<T, E> { Ok(T), Err(E) }"),
    ("Ok", "constant", "Ok(value)"),
    ("Err", "constant", "Err(error)"),
    ("Box", "struct", "struct Box<T>"),
];

/// The session, as of the latest cell.
#[derive(Default)]
struct Known {
    variables: Variables,
    items: BTreeMap<String, String>,
    /// Imports and definitions.
    source: String,
}

/// The assistant.
#[derive(Default)]
pub struct RustAssistant {
    known: Mutex<Known>,
    library: OnceLock<Vec<Entry>>,
    analyzer: Analyzer,
}

impl RustAssistant {
    /// Takes over what there is after a cell: variables, the texts of items by name, and
    /// all imports and definitions as one text.
    pub fn update(&self, variables: &Variables, items: &BTreeMap<String, String>, source: String) {
        let mut known = self.known();
        known.variables.clone_from(variables);
        known.items.clone_from(items);
        known.source = source;
    }

    /// Tells the number of the analyzer's process, while there is one.
    pub fn analyzer_number(&self) -> impl Fn() -> Option<u32> + Send + 'static {
        self.analyzer.number()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the analyzer about a place in a cell, in code points. With its answer: where the
    /// cell begins in the text that was sent.
    fn ask(&self, what: &str, code: &str, cursor: usize) -> Option<(Value, usize)> {
        let mut text = "use pillars::prelude::*;\n".to_owned();
        {
            let known = self.known();
            text.push_str(&known.source);
            for (name, variable) in &known.variables {
                let type_name = without_crates(&variable.type_name);
                text.push_str(&format!("let mut {name}: {type_name} = panic!();\n"));
            }
        }
        let begin = text.len();
        let at = code.char_indices().nth(cursor).map_or(code.len(), |(at, _)| at);
        text.push_str(&split::split(code).without_commands(code));
        let question = json!({ "ask": what, "text": text, "at": begin + at });
        Some((self.analyzer.ask(question)?, begin))
    }

    /// What the analyzer would put at a place whose word begins at `start`.
    fn analyzed(&self, code: &str, cursor: usize, start: usize) -> Option<Vec<Completion>> {
        let (answer, begin) = self.ask("complete", code, cursor)?;
        let start = code.char_indices().nth(start).map_or(code.len(), |(at, _)| at);
        if answer["start"].as_u64() != u64::try_from(begin + start).ok() {
            return None;
        }
        Some(answer["items"].as_array()?.iter().filter_map(analyzed).collect())
    }

    fn library(&self) -> &[Entry] {
        self.library.get_or_init(index::of_library)
    }

    /// What `?name` shows.
    pub fn page(&self, name: &str) -> Media {
        let nothing = || Media::plain(format!("nothing is known of `{name}`"));
        self.inspect(name, name.chars().count()).unwrap_or_else(nothing)
    }

    /// What the analyzer knows of the word that ends at a place.
    fn hovered(&self, code: &str, end: usize) -> Option<Media> {
        // A method is known by the bracket behind it.
        let bracket = usize::from(code.chars().nth(end) == Some('('));
        let (answer, _) = self.ask("hover", code, end + bracket)?;
        let plain = answer["plain"].as_str()?;
        Some(Media::plain(plain).with("text/html", answer["html"].as_str()?))
    }

    /// Methods and functions of a type; of all types if it is not known.
    fn members(&self, of: Option<&str>) -> Vec<Completion> {
        let fits =
            |entry: &&Entry| entry.of.is_some() && (of.is_none() || entry.of.as_deref() == of);
        self.library().iter().filter(fits).map(completion).collect()
    }

    fn words(&self) -> Vec<Completion> {
        let known = self.known();
        let variables = known.variables.iter().map(|(name, variable)| Completion {
            text: name.clone(),
            kind: "variable",
            signature: format!("{name}: {}", without_crates(&variable.type_name)),
        });
        let items = known.items.iter().map(|(name, text)| Completion {
            text: name.clone(),
            kind: kind_of(text),
            signature: text
                .lines()
                .next()
                .unwrap_or_default()
                .trim_end_matches(['{', ' '])
                .to_owned(),
        });
        let library = self.library().iter().filter(|entry| entry.of.is_none()).map(completion);
        let standard = STANDARD.iter().map(|(name, kind, signature)| Completion {
            text: (*name).to_owned(),
            kind,
            signature: (*signature).to_owned(),
        });
        let keywords = KEYWORDS.iter().map(|word| Completion {
            text: (*word).to_owned(),
            kind: "keyword",
            signature: String::new(),
        });
        variables.chain(items).chain(library).chain(standard).chain(keywords).collect()
    }

    /// The type of a variable without its arguments and references: `Vec<f64>` is `Vec`.
    fn type_of(&self, variable: &str) -> Option<String> {
        let known = self.known();
        let type_name = known.variables.get(variable)?.type_name.split('<').next()?.to_owned();
        type_name.rsplit("::").next().map(str::to_owned)
    }
}

impl Assistant for RustAssistant {
    fn is_complete(&self, code: &str) -> Completeness {
        if let Some(indent) = split::open_brackets(code) {
            return Completeness::Incomplete { indent };
        }
        match split::split(code).has_errors {
            true => Completeness::Invalid,
            false => Completeness::Complete,
        }
    }

    fn complete(&self, code: &str, cursor: usize) -> Completions {
        if let Some(commands) = commands_at(code, cursor) {
            return commands;
        }
        let Context { start, typed, before } = Context::at(code, cursor);
        let candidates = match &before {
            Before::Dot(receiver) => self.members(self.type_of(receiver).as_deref()),
            Before::Path(path) => self.members(Some(path)),
            Before::Nothing => self.words(),
        };
        let mut items: Vec<Completion> =
            candidates.into_iter().filter(|item| item.text.starts_with(&typed)).collect();
        if let Some(analyzed) = self.analyzed(code, cursor, start) {
            // It knows by types which methods can follow, and the index how they are called.
            if !matches!(before, Before::Nothing) && !analyzed.is_empty() {
                items.retain(|item| analyzed.iter().any(|other| other.text == item.text));
            }
            items.extend(analyzed);
        }
        items.sort_by(|a, b| a.text.cmp(&b.text));
        items.dedup_by(|a, b| a.text == b.text);
        Completions { start, end: cursor, items }
    }

    fn inspect(&self, code: &str, cursor: usize) -> Option<Media> {
        // The word may go on behind the cursor.
        let rest = code.chars().skip(cursor).take_while(|c| in_word(*c)).count();
        let end = cursor + rest;
        let Context { typed, before, .. } = Context::at(code, end);
        let of = match &before {
            Before::Dot(receiver) => self.type_of(receiver),
            Before::Path(path) => Some(path.clone()),
            Before::Nothing => None,
        };
        // The analyzer knows whose method it is where the session does not.
        if matches!(before, Before::Dot(_))
            && of.is_none()
            && let Some(media) = self.hovered(code, end)
        {
            return Some(media);
        }
        let fits = |entry: &&Entry| entry.name == typed && (of.is_none() || entry.of == of);
        if let Some(Entry { signature, docs, .. }) = self.library().iter().find(fits) {
            let markdown = format!("```rust\n{signature}\n```\n\n{docs}");
            return Some(
                Media::plain(format!("{signature}\n\n{docs}")).with("text/markdown", markdown),
            );
        }
        let is_it = |word: &Completion| {
            word.text.trim_end_matches('!') == typed && !word.signature.is_empty()
        };
        let alone = matches!(before, Before::Nothing);
        let Some(word) = self.words().into_iter().find(|word| alone && is_it(word)) else {
            return self.hovered(code, end);
        };
        let markdown = format!("```rust\n{}\n```", word.signature);
        Some(Media::plain(word.signature).with("text/markdown", markdown))
    }
}

/// The commands that a line can become which begins with a colon.
fn commands_at(code: &str, cursor: usize) -> Option<Completions> {
    let before: String = code.chars().take(cursor).collect();
    let line = before.rsplit('\n').next()?;
    let typed = line.trim_start().trim_start_matches("//# ");
    if !typed.starts_with(':') || typed.starts_with("::") || typed.contains(' ') {
        return None;
    }
    let items = COMMANDS.iter().filter(|(name, ..)| name.starts_with(typed)).map(
        |(name, argument, summary, _)| Completion {
            text: (*name).to_owned(),
            kind: "command",
            signature: format!("{argument} {summary}").trim().to_owned(),
        },
    );
    let start = cursor - typed.chars().count();
    Some(Completions { start, end: cursor, items: items.collect() })
}

/// One of the analyzer's candidates: `[text, kind, label]`. The text may come with
/// arguments, which the reader writes.
fn analyzed(item: &Value) -> Option<Completion> {
    let text = item[0].as_str()?.split(['(', '[', '{', '<']).next()?.trim_end();
    let is_word = |text: &str| !text.is_empty() && text.trim_end_matches('!').chars().all(in_word);
    if !is_word(text.strip_suffix("::").unwrap_or(text)) {
        return None;
    }
    let kind = match item[1].as_str()? {
        "function" => "function",
        "class" => "class",
        "module" => "module",
        "keyword" => "keyword",
        _ => "instance",
    };
    let signature = item[2].as_str().unwrap_or_default().to_owned();
    Some(Completion { text: text.to_owned(), kind, signature })
}

fn completion(entry: &Entry) -> Completion {
    Completion { text: entry.name.clone(), kind: entry.kind, signature: entry.signature.clone() }
}

fn kind_of(item: &str) -> &'static str {
    let kinds =
        [("fn ", "function"), ("struct ", "struct"), ("enum ", "enum"), ("trait ", "trait")];
    kinds.iter().find(|(word, _)| item.contains(word)).map_or("constant", |(_, kind)| kind)
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What stands before the cursor.
struct Context {
    /// The code point at which the typed word begins.
    start: usize,
    typed: String,
    before: Before,
}

enum Before {
    Nothing,
    /// `receiver.`; the receiver's last word, empty after a call.
    Dot(String),
    /// `path::`; its last word.
    Path(String),
}

impl Context {
    fn at(code: &str, cursor: usize) -> Self {
        let before: Vec<char> = code.chars().take(cursor).collect();
        let word_start =
            |end: usize| before[..end].iter().rposition(|c| !in_word(*c)).map_or(0, |at| at + 1);
        let start = word_start(before.len());
        let word = |end: usize| before[word_start(end)..end].iter().collect::<String>();
        let place = match &before[..start] {
            [.., ':', ':'] => Before::Path(word(start - 2)),
            [.., '.'] => Before::Dot(word(start - 1)),
            _ => Before::Nothing,
        };
        Self { start, typed: before[start..].iter().collect(), before: place }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Variable;

    fn assistant() -> RustAssistant {
        let variable =
            |type_name: &str| Variable { type_name: type_name.to_owned(), mutable: false };
        let variables = [("länge", "f64"), ("queue", "Queue")];
        let variables = variables.map(|(name, of)| (name.to_owned(), variable(of))).into();
        let items = [("double".to_owned(), "fn double(x: i32) -> i32 { 2 * x }".to_owned())].into();
        let library = index::of_source(
            "/// A queue.\npub struct Queue;\nimpl Queue {\n/// Runs.\npub fn simulate(&self) {}\n}
             /// Checks.\npub struct Other;\nimpl Other {\n/// Other.\npub fn simplify(&self) {}\n}",
        );
        let assistant = RustAssistant { library: OnceLock::from(library), ..Default::default() };
        assistant.update(&variables, &items, String::new());
        assistant
    }

    #[test]
    fn what_could_stand_at_the_cursor_is_found_in_code_points() {
        let cases: [(&str, &[&str], usize); 9] = [
            (":ti", &[":timing"], 0),
            ("//# :ti", &[":timing"], 4),
            ("dou", &["double"], 0),
            ("é + län", &["länge"], 4),
            ("queue.sim", &["simulate"], 6),
            ("f().sim", &["simplify", "simulate"], 4),
            ("Queue::", &["simulate"], 7),
            ("Que", &["Queue"], 0),
            ("zzz", &[], 0),
        ];
        for (code, expected, start) in cases {
            let found = assistant().complete(code, code.chars().count());
            let texts: Vec<_> = found.items.iter().map(|item| item.text.as_str()).collect();
            assert_eq!(texts, expected, "{code}");
            assert_eq!(found.start, start, "{code}");
        }
    }

    #[test]
    fn names_are_described_wherever_the_cursor_stands_in_them() {
        for cursor in [0, 3, 6] {
            let media = assistant().inspect("double(2)", cursor).unwrap();
            assert!(media.data["text/plain"].as_str().unwrap().starts_with("fn double"));
        }
        let media = assistant().inspect("queue.simulate()", 9).unwrap();
        assert!(media.data["text/markdown"].as_str().unwrap().contains("Runs."));
        assert!(assistant().inspect("nowhere", 3).is_none());
    }

    #[test]
    fn a_cell_is_whole_unfinished_or_wrong() {
        let cases = [
            ("1 + 1", Completeness::Complete),
            ("fn f() {\n    1", Completeness::Incomplete { indent: 4 }),
            (":dep rand", Completeness::Complete),
            ("let = 3;", Completeness::Invalid),
            ("}", Completeness::Invalid),
        ];
        for (code, expected) in cases {
            assert_eq!(assistant().is_complete(code), expected, "{code}");
        }
    }
}
