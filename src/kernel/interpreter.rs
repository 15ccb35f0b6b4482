//! The kernel's side of the wall: what a language must do to be served.

use crate::wire::Object;
use serde_json::Value;
use std::sync::Arc;

/// Runs cells. It lives on a thread of its own and is called for one cell at a
/// time; what must answer while a cell runs is in [`Assistant`] and [`Interrupter`].
pub trait Interpreter: Send + 'static {
    /// What `kernel_info_reply` says of the language. Called before [`Interpreter::warm_up`].
    fn language(&self) -> Language;

    /// Answers about code, from any thread.
    fn assistant(&self) -> Arc<dyn Assistant>;

    /// Stops a running cell, from any thread.
    fn interrupter(&self) -> Arc<dyn Interrupter>;

    /// Prepares for the first cell. Clients already get answers by then.
    fn warm_up(&mut self) {}

    /// Runs a cell. What it shows goes to `io` while it runs; its error is returned.
    fn execute(&mut self, cell: &Cell, io: &dyn CellIo) -> Result<(), CellError>;

    /// Hands a front end's message to what the cells have left to take it. Tells whether
    /// there was something.
    fn comm(&mut self, _message: &CommMessage, _io: &dyn CellIo) -> Result<bool, CellError> {
        Ok(false)
    }
}

/// Answers about code that do not run it.
pub trait Assistant: Send + Sync {
    /// Whether the code is a whole cell.
    fn is_complete(&self, code: &str) -> Completeness;

    /// What could stand at the cursor (offsets in code points).
    fn complete(&self, code: &str, cursor: usize) -> Completions;

    /// What stands at the cursor, described; `None` if nothing is known of it.
    fn inspect(&self, code: &str, cursor: usize) -> Option<Media>;
}

/// Stops what runs.
pub trait Interrupter: Send + Sync {
    /// Stops the running cell; does nothing when none runs.
    fn interrupt(&self);

    /// Ends all processes of the interpreter: the kernel is about to exit.
    fn shut_down(&self);
}

/// What a cell may do to the outside while it runs.
pub trait CellIo: Sync {
    /// Text for standard output.
    fn stdout(&self, text: &str);
    /// Text for standard error.
    fn stderr(&self, text: &str);
    /// Something shown, in its place among the text; with an id it can be changed later.
    fn display(&self, media: Media, id: Option<&str>);
    /// Something else in the place of what was shown with this id, in whichever cell.
    fn update(&self, media: Media, id: &str);
    /// The cell's value.
    fn result(&self, media: Media);
    /// Help, for the front end's pager.
    fn page(&self, media: Media);
    /// Clears what the cell has shown; with `wait`, when the next output comes.
    fn clear(&self, wait: bool);
    /// A message to the front end's end of a comm.
    fn comm(&self, _message: CommMessage) {}
    /// The cells that wait to be run after this one, in order: what can be prepared for
    /// them may be. They may never run.
    fn upcoming(&self) -> Vec<String> {
        vec![]
    }
    /// Whether somebody looks on while the cell runs, and not only at what it leaves: what
    /// tells of time or of its passing is for them alone.
    fn is_watched(&self) -> bool {
        false
    }
    /// Asks the reader for a line.
    fn input(&self, prompt: &str, password: bool) -> Result<String, CellError>;
}

/// A message of a comm, in either direction.
#[derive(Clone, Debug, PartialEq)]
pub struct CommMessage {
    /// Which comm.
    pub id: String,
    /// Its begin, its end, or something in between.
    pub step: CommStep,
    /// What both sides have agreed on.
    pub data: Object,
    /// Binary attachments.
    pub buffers: Vec<Vec<u8>>,
}

/// What a message means for its comm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommStep {
    /// It begins, with what takes it on the other side.
    Open {
        /// The name under which that was registered.
        target: String,
    },
    /// It carries something.
    Message,
    /// It ends.
    Close,
}

/// Code to run.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The reader's text.
    pub code: String,
    /// The number in front of the cell.
    pub number: u32,
}

/// The language, for `kernel_info_reply`.
#[derive(Clone, Debug)]
pub struct Language {
    /// Name and version of the implementation.
    pub implementation: (&'static str, &'static str),
    /// The greeting of a console.
    pub banner: String,
    /// `language_info`, as the protocol has it.
    pub info: Object,
    /// Title and address of documents.
    pub help_links: Vec<(&'static str, &'static str)>,
}

/// One output in several forms: MIME type to content, and metadata by MIME type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Media {
    /// MIME type to content.
    pub data: Object,
    /// MIME type to metadata.
    pub metadata: Object,
}

impl Media {
    /// Plain text.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::default().with("text/plain", text)
    }

    /// The same with another form.
    pub fn with(mut self, mime: &str, text: impl Into<String>) -> Self {
        self.data.insert(mime.to_owned(), Value::String(text.into()));
        self
    }
}

/// Why a cell failed.
#[derive(Clone, Debug, PartialEq)]
pub struct CellError {
    /// A stable name: `CompileError`, `CommandError`, `Panic`, `Error`, `Interrupted`,
    /// `Crashed`, `InputNotAllowed`, `NotReady`, `KernelError`.
    pub ename: &'static str,
    /// One sentence.
    pub evalue: String,
    /// What a reader sees, line by line, with ANSI colours.
    pub traceback: Vec<String>,
}

impl CellError {
    /// An error whose traceback is its name and sentence.
    pub fn new(ename: &'static str, evalue: impl Into<String>) -> Self {
        let evalue = evalue.into();
        let traceback = vec![format!("\u{1b}[1;31m{ename}\u{1b}[0m: {evalue}")];
        Self { ename, evalue, traceback }
    }
}

/// Whether code is a whole cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// It can run.
    Complete,
    /// More must follow, indented by this many spaces.
    Incomplete {
        /// Spaces.
        indent: usize,
    },
    /// No continuation can make it right.
    Invalid,
}

/// What could stand at the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    /// First code point that a completion replaces.
    pub start: usize,
    /// One past the last.
    pub end: usize,
    /// The candidates.
    pub items: Vec<Completion>,
}

/// One candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The text to insert.
    pub text: String,
    /// `function`, `struct`, `variable`, `keyword` and the like.
    pub kind: &'static str,
    /// Type or signature, for the eye.
    pub signature: String,
}
