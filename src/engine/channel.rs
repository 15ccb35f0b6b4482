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
    /// Content in the form that crates know from evcxr: its MIME type, and its lines so far.
    block: Option<(String, Vec<String>)>,
    /// Such content that is whole: it is shown when it is known whether it is the cell's value.
    content: Option<Media>,
}

/// Lines around content that a type shows by its `evcxr_display`, as evcxr has them.
const BEGIN: &str = "EVCXR_BEGIN_CONTENT ";
const END: &str = "EVCXR_END_CONTENT";

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
        let may_be_message = !self.inside
            && (self.block.is_some()
                || [MARK, BEGIN]
                    .iter()
                    .map(|mark| mark.as_bytes())
                    .any(|mark| mark.starts_with(&self.begun) || self.begun.starts_with(mark)));
        let whole = whole_characters(&self.begun);
        if !may_be_message && whole > 0 {
            let rest = self.begun.split_off(whole);
            let text = std::mem::replace(&mut self.begun, rest);
            sent.extend(self.settled(false));
            let before = if std::mem::take(&mut self.held) { "\n" } else { "" };
            sent.push(Sent::Text(format!("{before}{}", String::from_utf8_lossy(&text))));
            self.inside = true;
        }
        sent
    }

    /// Takes one line, without its line feed.
    pub fn line(&mut self, line: &str) -> Vec<Sent> {
        if let Some((_, lines)) = &mut self.block
            && !line.starts_with(MARK)
        {
            match line {
                END => self.content_ends(),
                line => lines.push(line.to_owned()),
            }
            return vec![];
        }
        if let Some(message) = line.strip_prefix(MARK)
            && let Some(message) = serde_json::from_str::<Value>(message).ok()
        {
            // The value of the cell has shown itself.
            let is_result = message["kind"] == "own";
            let sent = message_of(message);
            if is_result || sent.is_some() {
                let unfinished = self.unfinished();
                self.held = false;
                return unfinished.into_iter().chain(self.settled(is_result)).chain(sent).collect();
            }
        }
        if let Some(mime) = line.strip_prefix(BEGIN).filter(|mime| mime.contains('/')) {
            let before = std::mem::take(&mut self.held).then(|| Sent::Text("\n".to_owned()));
            let again = self.content.as_ref().is_some_and(|media| media.data.contains_key(mime));
            let earlier = if again { self.settled(false) } else { None };
            self.block = Some((mime.to_owned(), vec![]));
            return earlier.into_iter().chain(before).collect();
        }
        if line.is_empty() && !self.held {
            // It may belong to a message.
            self.held = true;
            return vec![];
        }
        let shown = self.settled(false);
        let before = if std::mem::replace(&mut self.held, true) { "\n" } else { "" };
        let text = Some(format!("{before}{line}")).filter(|text| !text.is_empty());
        shown.into_iter().chain(text.map(Sent::Text)).collect()
    }

    fn content_ends(&mut self) {
        let Some((mime, lines)) = self.block.take() else { return };
        let text = lines.join("\n");
        let json = mime.ends_with("json").then(|| serde_json::from_str(&text).ok()).flatten();
        let media = self.content.get_or_insert_default();
        media.data.insert(mime, json.unwrap_or(Value::String(text)));
    }

    /// Content that is whole, as an output; every output has plain text.
    fn settled(&mut self, is_result: bool) -> Option<Sent> {
        let mut media = self.content.take()?;
        if !media.data.contains_key("text/plain") {
            let mimes: Vec<&str> = media.data.keys().map(String::as_str).collect();
            let plain = Value::String(format!("<{}>", mimes.join(", ")));
            media.data.insert("text/plain".to_owned(), plain);
        }
        Some(Sent::Media { media, is_result, id: None })
    }

    /// Content that has not come to its end: it was text.
    fn unfinished(&mut self) -> Option<Sent> {
        let (mime, lines) = self.block.take()?;
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        Some(Sent::Text(format!("{BEGIN}{mime}\n{lines}")))
    }

    /// The end of the cell's output: a held line feed was the reader's own.
    pub fn end(&mut self) -> Vec<Sent> {
        let shown = self.unfinished().into_iter().chain(self.settled(false));
        let mut sent: Vec<Sent> = shown.collect();
        let mut text = if std::mem::take(&mut self.held) { "\n" } else { "" }.to_owned();
        text.push_str(&String::from_utf8_lossy(&std::mem::take(&mut self.begun)));
        self.inside = false;
        sent.extend((!text.is_empty()).then_some(Sent::Text(text)));
        sent
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

    /// Crates for evcxr show themselves in its way: one output, in all forms that came together.
    #[test]
    fn content_in_the_form_of_evcxr_is_an_output() {
        let own = format!("\n{MARK}{{\"kind\":\"own\"}}\n");
        let html = "EVCXR_BEGIN_CONTENT text/html\n<b>\nx</b>\nEVCXR_END_CONTENT\n";
        let plain = "EVCXR_BEGIN_CONTENT text/plain\nx\nEVCXR_END_CONTENT\n";
        let cases = [
            (html.to_owned(), "<html> = <b>\nx</b>"),
            (format!("a\n{html}b"), "a\n, <html> = <b>\nx</b>, b"),
            (format!("{plain}{html}{own}"), "result x = <b>\nx</b>"),
            (format!("{html}{html}{own}"), "<html> = <b>\nx</b>, result <html> = <b>\nx</b>"),
            ("EVCXR_BEGIN_CONTENT text/html\nx\n".to_owned(), "EVCXR_BEGIN_CONTENT text/html\nx\n"),
            ("EVCXR_BEGIN\n".to_owned(), "EVCXR_BEGIN\n"),
        ];
        for (output, expected) in cases {
            for size in 1..=output.len() {
                let mut reader = Reader::default();
                let mut sent: Vec<Sent> =
                    output.as_bytes().chunks(size).flat_map(|piece| reader.bytes(piece)).collect();
                sent.extend(reader.end());
                let mut told = String::new();
                for sent in sent {
                    let text = |media: &Media, mime: &str| {
                        media.data[mime].as_str().unwrap_or_default().replace("text/", "")
                    };
                    let (shown, is_text) = match &sent {
                        Sent::Text(text) => (text.clone(), true),
                        Sent::Media { media, is_result, .. } => {
                            let kind = if *is_result { "result " } else { "" };
                            let (plain, html) =
                                (text(media, "text/plain"), text(media, "text/html"));
                            (format!("{kind}{plain} = {html}"), false)
                        }
                        other => panic!("{other:?}"),
                    };
                    // Text may come in pieces.
                    if !told.is_empty() && (!is_text || told.ends_with("</b>")) {
                        told.push_str(", ");
                    }
                    told.push_str(&shown);
                }
                assert_eq!(told, expected, "{output:?} by {size}");
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
