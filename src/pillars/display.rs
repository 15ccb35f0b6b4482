//! The display channel: the one place that writes what a cell shows.
//!
//! A message is one line on standard output, so that it keeps its place among
//! what the cell prints: a line feed, [`MARK`], a JSON object, a line feed. The
//! leading line feed belongs to the message, which lets the reader tell
//! `print!("a")` from `println!("a")` before it. Outside a notebook (no
//! `PILLARS_CELL` in the environment) the plain text is printed instead.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use std::io::Write;

/// Begins a message. No printed text starts with it by accident: it holds the
/// control characters "start of heading" and "start of text".
pub const MARK: &str = "\u{1}\u{2}pillars ";

/// One output in several forms, the front end's choice: MIME type to content,
/// with metadata by MIME type.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    data: Map<String, Value>,
    metadata: Map<String, Value>,
}

impl Bundle {
    /// A bundle with its `text/plain` form, which every output must have.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::default().with("text/plain", text)
    }

    /// Adds a textual form (HTML, Markdown, LaTeX, SVG). JSON, which front ends
    /// take as such and not as text, is told by its MIME type.
    pub fn with(mut self, mime: &str, text: impl Into<String>) -> Self {
        let text = text.into();
        let json = mime.ends_with("json").then(|| serde_json::from_str(&text).ok()).flatten();
        self.data.insert(mime.to_owned(), json.unwrap_or(Value::String(text)));
        self
    }

    /// Adds a PNG image, `width` x `height` in the units of a page (the image
    /// itself may hold more pixels, for sharp print).
    pub fn with_png(mut self, png: &[u8], width: u32, height: u32) -> Self {
        self.data.insert("image/png".to_owned(), Value::String(STANDARD.encode(png)));
        self.metadata.insert("image/png".to_owned(), json!({ "width": width, "height": height }));
        self
    }

    /// The content of one form, if the bundle has it.
    pub fn text(&self, mime: &str) -> Option<&str> {
        self.data.get(mime).and_then(Value::as_str)
    }
}

/// A value that a notebook shows in its own way when it ends a cell.
pub trait Rich {
    /// The forms in which the value is shown.
    fn bundle(&self) -> Bundle;
}

/// Raw content: what a reader has drawn or written by other means.
impl Rich for Bundle {
    fn bundle(&self) -> Bundle {
        self.clone()
    }
}

/// The unit value shows nothing: a cell may end in `if`, `for` or a call.
impl Rich for () {
    fn bundle(&self) -> Bundle {
        Bundle::default()
    }
}

/// Shows a value under the cell, now.
pub fn display(value: &dyn Rich) {
    show("display", &value.bundle());
}

/// Clears what the cell has shown so far: at once, or (`wait`) when the next
/// output comes, which avoids flicker.
pub fn clear_output(wait: bool) {
    if in_a_cell() {
        send(&json!({ "kind": "clear", "wait": wait }));
    }
}

/// Sends a bundle: as the cell's `result`, or as a `display`. An empty one is not sent.
pub(crate) fn show(kind: &str, bundle: &Bundle) {
    if bundle.data.is_empty() {
        return;
    }
    if !in_a_cell() {
        println!("{}", bundle.text("text/plain").unwrap_or_default());
        return;
    }
    send(&json!({ "kind": kind, "data": bundle.data, "metadata": bundle.metadata }));
}

/// Sends one message. A closed channel means that nobody listens any more:
/// there is then nothing left to tell.
pub(crate) fn send(message: &Value) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "\n{MARK}{message}");
    let _ = out.flush();
}

/// Writes a part of a message where nothing may be allocated or locked. If nobody
/// reads, nobody is told.
pub(crate) fn write_in_signal_handler(bytes: &[u8]) {
    // SAFETY: the pointer and the length are those of a slice.
    unsafe { libc::write(1, bytes.as_ptr().cast(), bytes.len()) };
}

/// Marks the end of a cell's text on standard error, which is another pipe.
pub(crate) fn end_errors() {
    let ended = json!({ "kind": "outcome", "status": "ok" });
    let _ = writeln!(std::io::stderr().lock(), "\n{MARK}{ended}");
}

pub(crate) fn in_a_cell() -> bool {
    std::env::var_os("PILLARS_CELL").is_some()
}
