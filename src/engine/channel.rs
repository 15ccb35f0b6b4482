//! The engine's end of the display channel: lines of a child's output, turned
//! back into what the cell printed and showed. The form of a message is told in
//! the library's `display.rs`; this crate does not import the library.

use crate::bars::Told;
use base64::{Engine, engine::general_purpose::STANDARD};
use pillars_kernel::{CommMessage, CommStep, Media};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Begins a message.
pub const MARK: &str = "\u{1}\u{2}pillars ";

/// What a cell sent.
#[derive(Debug, PartialEq)]
pub enum Sent {
    /// Text as it was printed.
    Text(String),
    /// Something shown; whether it is the cell's value, and by which id it can be changed.
    Media { media: Media, is_result: bool, id: Option<String> },
    /// Something else in the place of what was shown with this id.
    Update { media: Media, id: String },
    /// How far a task is.
    Progress(Told),
    /// A question to the reader; the cell waits for the answer.
    Ask { prompt: String, password: bool },
    /// A message to the front end's end of a comm.
    Comm(CommMessage),
    /// What was shown is to be cleared, now or when the next output comes.
    Clear { wait: bool },
    /// The process that runs cells is ready for the first.
    Ready,
    /// The cell's code has begun to run.
    Begun,
    /// The process is about to die; libraries and offsets of the calls that led there.
    Crash(Vec<(String, usize)>),
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
    /// Whether nothing there took a comm's message.
    pub refused: bool,
}

/// An error that ended a cell's code.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// `Panic`, `Error`, `LoadError`, `InputNotAllowed` or `Interrupted`.
    pub ename: &'static str,
    /// What the reader's code said.
    pub evalue: String,
    /// File, line and column, from 1, if known.
    pub at: Option<(String, usize, usize)>,
    /// Libraries and offsets of the calls that led there, the innermost first.
    pub calls: Vec<(String, usize)>,
}

/// Turns lines into what was sent. The line feed before a message belongs to the
/// message, so each line's own line feed is held back until the next line is known.
#[derive(Default)]
pub struct Reader {
    held: bool,
    /// The beginning of a line, as it came from a pipe.
    begun: Vec<u8>,
    /// Whether some of the line that has begun has been handed on.
    inside: bool,
}

impl Reader {
    /// Takes bytes as they come from a pipe. Text is handed on at once, also without a
    /// line feed, unless it could be the beginning of a message. What is not UTF-8
    /// becomes replacement characters.
    pub fn bytes(&mut self, bytes: &[u8]) -> Vec<Sent> {
        let mut sent = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(part);
            if self.begun.last() == Some(&b'\n') {
                self.begun.pop();
                let line = std::mem::take(&mut self.begun);
                let line = String::from_utf8_lossy(&line);
                if std::mem::take(&mut self.inside) {
                    self.held = true;
                    if !line.is_empty() {
                        sent.push(Sent::Text(line.into_owned()));
                    }
                } else {
                    sent.extend(self.line(&line));
                }
            }
        }
        let mark = MARK.as_bytes();
        let may_be_message =
            !self.inside && (mark.starts_with(&self.begun) || self.begun.starts_with(mark));
        let whole = whole_characters(&self.begun);
        if !may_be_message && whole > 0 {
            let rest = self.begun.split_off(whole);
            let text = std::mem::replace(&mut self.begun, rest);
            let before = if std::mem::take(&mut self.held) { "\n" } else { "" };
            sent.push(Sent::Text(format!("{before}{}", String::from_utf8_lossy(&text))));
            self.inside = true;
        }
        sent
    }

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
        let mut text = if std::mem::take(&mut self.held) { "\n" } else { "" }.to_owned();
        text.push_str(&String::from_utf8_lossy(&std::mem::take(&mut self.begun)));
        self.inside = false;
        (!text.is_empty()).then_some(Sent::Text(text))
    }
}

/// How many bytes are there without a last character that is still to come in part.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    }
}

fn message_of(mut message: Value) -> Option<Sent> {
    match message["kind"].as_str()? {
        "begun" => Some(Sent::Begun),
        "ready" => Some(Sent::Ready),
        "crash" => Some(Sent::Crash(calls(&message))),
        "clear" => Some(Sent::Clear { wait: message["wait"] == true }),
        "outcome" => {
            let end = End {
                fault: fault(&message),
                put: names(&message["put"]),
                kept: names(&message["kept"]),
                refused: message["refused"] == true,
            };
            Some(Sent::Ended(end))
        }
        "ask" => Some(Sent::Ask {
            prompt: message["prompt"].as_str()?.to_owned(),
            password: message["password"] == true,
        }),
        "progress" => Some(Sent::Progress(Told {
            id: message["id"].as_str()?.to_owned(),
            label: message["label"].as_str().unwrap_or_default().to_owned(),
            done: message["done"].as_f64()?,
            total: message["total"].as_f64(),
            ended: message["ended"] == true,
        })),
        "comm" => comm(&message).map(Sent::Comm),
        kind @ ("display" | "result" | "update") => {
            let is_result = kind == "result";
            let is_update = kind == "update";
            let id = message["id"].as_str().map(str::to_owned);
            let mut part = |name: &str| match message[name].take() {
                Value::Object(object) => object,
                _ => Default::default(),
            };
            let media = Media { data: part("data"), metadata: part("metadata") };
            match is_update {
                true => Some(Sent::Update { media, id: id? }),
                false => Some(Sent::Media { media, is_result, id }),
            }
        }
        _ => None,
    }
}

fn comm(message: &Value) -> Option<CommMessage> {
    let step = match message["step"].as_str()? {
        "open" => CommStep::Open { target: message["target"].as_str()?.to_owned() },
        "close" => CommStep::Close,
        _ => CommStep::Message,
    };
    let buffers = message["buffers"].as_array().into_iter().flatten();
    Some(CommMessage {
        id: message["id"].as_str()?.to_owned(),
        step,
        data: message["data"].as_object().cloned().unwrap_or_default(),
        buffers: buffers.filter_map(|each| STANDARD.decode(each.as_str()?).ok()).collect(),
    })
}

/// The request by which the process that runs cells is handed a comm's message.
pub fn comm_request(message: &CommMessage) -> Value {
    let (step, target) = match &message.step {
        CommStep::Open { target } => ("open", target.as_str()),
        CommStep::Message => ("message", ""),
        CommStep::Close => ("close", ""),
    };
    let buffers: Vec<String> = message.buffers.iter().map(|each| STANDARD.encode(each)).collect();
    json!({
        "id": message.id, "step": step, "target": target, "data": message.data,
        "buffers": buffers,
    })
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
        Some("LoadError") => "LoadError",
        Some("InputNotAllowed") => "InputNotAllowed",
        _ => "Panic",
    };
    let number = |value: &Value| usize::try_from(value.as_u64()?).ok();
    let at = &outcome["at"];
    let place =
        || Some((at["file"].as_str()?.to_owned(), number(&at["line"])?, number(&at["column"])?));
    let evalue = outcome["evalue"].as_str().unwrap_or_default().to_owned();
    Some(Fault { ename, evalue, at: place(), calls: calls(outcome) })
}

fn calls(message: &Value) -> Vec<(String, usize)> {
    let calls = message["calls"].as_array().into_iter().flatten();
    let call = |call: &Value| {
        Some((call[0].as_str()?.to_owned(), usize::try_from(call[1].as_u64()?).ok()?))
    };
    calls.filter_map(call).collect()
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

    /// However a pipe cuts it into pieces, the same comes out.
    #[test]
    fn bytes_in_pieces_of_any_size_give_the_same_text() {
        let message = format!("\n{MARK}{{\"kind\":\"outcome\",\"status\":\"ok\"}}\n");
        for printed in
            ["@", "a@", "a\n@", "a\n\n@", "\n@", "a\n@b@", "a\nb\n@c\n@", "é@@", "é\nü", "a"]
        {
            let output = printed.replace('@', &message);
            for size in 1..=output.len() {
                let mut reader = Reader::default();
                let pieces = output.as_bytes().chunks(size);
                let mut sent: Vec<Sent> = pieces.flat_map(|piece| reader.bytes(piece)).collect();
                sent.extend(reader.end());
                let text = sent.iter().filter_map(|sent| match sent {
                    Sent::Text(text) => Some(text.as_str()),
                    _ => None,
                });
                assert_eq!(
                    text.collect::<String>(),
                    printed.replace('@', ""),
                    "{printed:?} by {size}"
                );
                let messages = sent.iter().filter(|sent| !matches!(sent, Sent::Text(_))).count();
                assert_eq!(messages, printed.matches('@').count(), "{printed:?} by {size}");
            }
        }
    }

    #[test]
    fn what_is_not_utf8_or_has_no_end_is_handed_on() {
        let mut reader = Reader::default();
        assert_eq!(reader.bytes(b"12%"), [Sent::Text("12%".to_owned())]);
        assert_eq!(reader.bytes(b"\xff."), [Sent::Text("\u{fffd}.".to_owned())]);
    }

    #[test]
    fn what_only_looks_like_a_message_is_text() {
        let line = format!("{MARK}not json");
        assert_eq!(read(&format!("{line}\n")).0, format!("{line}\n"));
    }
}
