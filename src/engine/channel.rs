//! The engine's end of the display channel: lines of a child's output, turned
//! back into what the cell printed and showed. The form of a message is told in
//! the library's `display.rs`; this crate does not import the library.

use pillars_kernel::Media;
use serde_json::Value;
use std::collections::BTreeSet;

/// Begins a message.
pub const MARK: &str = "\u{1}\u{2}pillars ";

/// What a cell sent.
#[derive(Debug, PartialEq)]
pub enum Sent {
    /// Text as it was printed.
    Text(String),
    /// Something shown; whether it is the cell's value.
    Media { media: Media, is_result: bool },
    /// What was shown is to be cleared, now or when the next output comes.
    Clear { wait: bool },
    /// The cell's code has begun to run.
    Begun,
    /// The cell has ended.
    Ended(End),
}

/// How a cell ended, and which variables there are now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct End {
    /// The error that ended its code, if one did.
    pub fault: Option<Fault>,
    /// The variables that it put.
    pub put: BTreeSet<String>,
    /// All variables.
    pub kept: BTreeSet<String>,
}

/// An error that ended a cell's code.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// `Panic`, `Error` or `Interrupted`.
    pub ename: &'static str,
    /// What the reader's code said.
    pub evalue: String,
    /// File, line and column, from 1, if known.
    pub at: Option<(String, usize, usize)>,
}

/// Turns lines into what was sent. The line feed before a message belongs to the
/// message, so each line's own line feed is held back until the next line is known.
#[derive(Default)]
pub struct Reader {
    held: bool,
}

impl Reader {
    /// Takes one line, without its line feed.
    pub fn line(&mut self, line: &str) -> Vec<Sent> {
        if let Some(message) = line.strip_prefix(MARK)
            && let Some(sent) = serde_json::from_str(message).ok().and_then(message_of)
        {
            self.held = false;
            return vec![sent];
        }
        let before = if std::mem::replace(&mut self.held, true) { "\n" } else { "" };
        match format!("{before}{line}") {
            text if text.is_empty() => vec![],
            text => vec![Sent::Text(text)],
        }
    }

    /// The end of the cell's output: a held line feed was the reader's own.
    pub fn end(&mut self) -> Option<Sent> {
        std::mem::take(&mut self.held).then(|| Sent::Text("\n".to_owned()))
    }
}

fn message_of(mut message: Value) -> Option<Sent> {
    match message["kind"].as_str()? {
        "begun" => Some(Sent::Begun),
        "clear" => Some(Sent::Clear { wait: message["wait"] == true }),
        "outcome" => {
            let end = End {
                fault: fault(&message),
                put: names(&message["put"]),
                kept: names(&message["kept"]),
            };
            Some(Sent::Ended(end))
        }
        kind @ ("display" | "result") => {
            let is_result = kind == "result";
            let mut part = |name: &str| match message[name].take() {
                Value::Object(object) => object,
                _ => Default::default(),
            };
            let media = Media { data: part("data"), metadata: part("metadata") };
            Some(Sent::Media { media, is_result })
        }
        _ => None,
    }
}

fn names(list: &Value) -> BTreeSet<String> {
    let names = list.as_array().into_iter().flatten();
    names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

fn fault(outcome: &Value) -> Option<Fault> {
    if outcome["status"] == "ok" {
        return None;
    }
    let ename = match outcome["ename"].as_str() {
        Some("Interrupted") => "Interrupted",
        Some("Error") => "Error",
        _ => "Panic",
    };
    let number = |value: &Value| usize::try_from(value.as_u64()?).ok();
    let at = &outcome["at"];
    let place =
        || Some((at["file"].as_str()?.to_owned(), number(&at["line"])?, number(&at["column"])?));
    let evalue = outcome["evalue"].as_str().unwrap_or_default().to_owned();
    Some(Fault { ename, evalue, at: place() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &str) -> (String, usize) {
        let mut reader = Reader::default();
        let mut sent: Vec<Sent> = output.lines().flat_map(|line| reader.line(line)).collect();
        sent.extend(reader.end());
        let text = sent.iter().filter_map(|sent| match sent {
            Sent::Text(text) => Some(text.as_str()),
            _ => None,
        });
        (text.collect(), sent.iter().filter(|sent| !matches!(sent, Sent::Text(_))).count())
    }

    /// `@` stands for a message as the library writes it.
    #[test]
    fn text_around_messages_comes_out_as_it_was_printed() {
        let message = format!("\n{MARK}{{\"kind\":\"outcome\",\"status\":\"ok\"}}\n");
        for printed in ["@", "a@", "a\n@", "a\n\n@", "\n@", "a\n@b@", "a\nb\n@c\n@", "é@@"] {
            let (text, messages) = read(&printed.replace('@', &message));
            assert_eq!(text, printed.replace('@', ""), "{printed:?}");
            assert_eq!(messages, printed.matches('@').count(), "{printed:?}");
        }
    }

    #[test]
    fn what_only_looks_like_a_message_is_text() {
        let line = format!("{MARK}not json");
        assert_eq!(read(&format!("{line}\n")).0, format!("{line}\n"));
    }
}
