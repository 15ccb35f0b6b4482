//! The display channel: the one place that writes what a cell shows.
//!
//! A message is one line on standard output, so that it keeps its place among
//! what the cell prints: a line feed, [`MARK`], a JSON object, a line feed. The
//! leading line feed belongs to the message, which lets the reader tell
//! `print!("a")` from `println!("a")` before it. Outside a notebook (no
//! `PILLARS_CELL` in the environment) the plain text is printed instead.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use std::fmt::Debug;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Begins a message. No printed text starts with it by accident: it holds the
/// control characters "start of heading" and "start of text".
pub const MARK: &str = "\u{1}\u{2}pillars ";

/// Bytes that a structure may take on one line.
const LINE: usize = 100;

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

    /// A value as its `{:?}`, on several lines if one would be long.
    pub(crate) fn debug(value: &dyn Debug) -> Self {
        let text = format!("{value:?}");
        Self::plain(match text.len() > LINE && text.contains(" { ") {
            true => format!("{value:#?}"),
            false => text,
        })
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

    /// Whether the bundle has this form.
    pub fn has(&self, mime: &str) -> bool {
        self.data.contains_key(mime)
    }

    /// The content of one form, if the bundle has it as text.
    pub fn text(&self, mime: &str) -> Option<&str> {
        self.data.get(mime).and_then(Value::as_str)
    }
}

/// A value that a notebook shows in its own way when it ends a cell.
pub trait Rich {
    /// The forms in which the value is shown.
    fn bundle(&self) -> Bundle;
}

macro_rules! shown_as_what_is_inside {
    ($($pointer:ty),*) => {
        $(impl<T: Rich + ?Sized> Rich for $pointer {
            fn bundle(&self) -> Bundle {
                (**self).bundle()
            }
        })*
    };
}

shown_as_what_is_inside!(&T, Box<T>, std::rc::Rc<T>, std::sync::Arc<T>);

/// Raw content in several forms.
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

/// An output that can be changed later, also from another cell; made by [`display`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle {
    id: String,
}

impl Handle {
    /// Shows another value in the place of the one that is there.
    pub fn update(&self, value: impl Rich) {
        let bundle = value.bundle();
        if in_a_cell() {
            let Bundle { data, metadata } = bundle;
            send(&json!({ "kind": "update", "data": data, "metadata": metadata, "id": self.id }));
        } else {
            show("display", &bundle);
        }
    }
}

/// The handle is not what a cell that ends in `display(..)` wants to show.
impl Rich for Handle {
    fn bundle(&self) -> Bundle {
        Bundle::default()
    }
}

/// Shows a value under the cell, now. What comes back can be kept, to show another value in
/// its place later.
pub fn display(value: impl Rich) -> Handle {
    let bundle = value.bundle();
    let handle = Handle { id: next_id() };
    if in_a_cell() {
        let Bundle { data, metadata } = bundle;
        send(&json!({ "kind": "display", "data": data, "metadata": metadata, "id": handle.id }));
    } else {
        show("display", &bundle);
    }
    handle
}

/// The number of the run of a cell, from the engine, and of the outputs that have had an id
/// in it. A cell that is run again to bring its variables back has its old number: handles
/// then mean the outputs that they meant before.
static RUN: AtomicU64 = AtomicU64::new(0);
static OUTPUTS: AtomicU64 = AtomicU64::new(0);

pub(crate) fn begin_run(number: u64) {
    RUN.store(number, Ordering::Relaxed);
    OUTPUTS.store(0, Ordering::Relaxed);
}

pub(crate) fn next_id() -> String {
    format!("{}.{}", RUN.load(Ordering::Relaxed), OUTPUTS.fetch_add(1, Ordering::Relaxed))
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

/// Marks the end of a cell's text on standard error, which is another pipe.
pub(crate) fn end_errors() {
    let ended = json!({ "kind": "outcome", "status": "ok" });
    let _ = writeln!(std::io::stderr().lock(), "\n{MARK}{ended}");
}

/// Whether a cell runs, for the thread that has printed text shown.
static RUNS: Mutex<bool> = Mutex::new(false);
static CHANGED: Condvar = Condvar::new();

/// How often text without a line feed is shown while a cell runs.
const SOON: Duration = Duration::from_millis(50);

/// A cell begins to run, or has ended.
pub(crate) fn runs(begun: bool) {
    *RUNS.lock().unwrap_or_else(PoisonError::into_inner) = begun;
    CHANGED.notify_all();
}

/// Shows what a running cell prints without a line feed, which std would keep until one
/// comes. For the process that runs cells; without the thread there is only less to see.
pub(crate) fn flush_while_cells_run() {
    let flush = || loop {
        let runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
        drop(CHANGED.wait_while(runs, |runs| !*runs));
        std::thread::sleep(SOON);
        let _ = std::io::stdout().flush();
    };
    let _ = std::thread::Builder::new().name("flush".to_owned()).spawn(flush);
}

pub(crate) fn in_a_cell() -> bool {
    std::env::var_os("PILLARS_CELL").is_some()
}
