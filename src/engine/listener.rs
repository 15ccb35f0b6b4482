//! Listens to a running cell: hands its output on, within bounds, answers its questions,
//! and keeps what it says of its end.

use crate::bars::Bars;
use crate::channel::{End, Sent};
use crate::overflow::Bounded;
use crossbeam_channel::{Receiver, at, never};
use pillars_kernel::{CellError, CellIo};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Kept of standard error, for what a dying process says.
const LAST_WORDS: usize = 4000;

/// The reader's answers to what a cell asked.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// Those that are to be given again.
    again: VecDeque<String>,
    /// All that were given.
    pub given: Vec<String>,
}

impl Answers {
    /// The answers of an earlier run, for the same cell run again.
    pub fn again(given: &[String]) -> Self {
        Self { again: given.iter().cloned().collect(), given: vec![] }
    }

    fn answer(
        &mut self,
        io: Option<&dyn CellIo>,
        prompt: &str,
        password: bool,
    ) -> Result<String, CellError> {
        let line = match (self.again.pop_front(), io) {
            (Some(line), _) => line,
            (None, Some(io)) => io.input(prompt, password)?,
            (None, None) => {
                return Err(CellError::new("InputNotAllowed", "nobody is asked a second time"));
            }
        };
        self.given.push(line.clone());
        Ok(line)
    }
}

/// How long standard error may wait for the end of its cell.
const SOON: Duration = Duration::from_millis(100);

/// And how much of it, in bytes.
const MUCH: usize = 1 << 16;

/// What listens, for one run of a cell.
pub struct Listener<'a> {
    /// Where output goes; nowhere if there is none.
    io: Option<&'a dyn CellIo>,
    output: Option<Bounded<'a>>,
    answers: &'a mut Answers,
    begun: &'a mut dyn FnMut(),
    bars: Bars,
    /// How it ended, once it has said so.
    pub end: Option<End>,
    /// Whether all of its standard error has come.
    pub errors_ended: bool,
    /// The last of its standard error.
    pub words: String,
    /// Standard error that waits to be shown, and since when: it comes by a pipe of its own,
    /// so that where it stood among the other outputs is not known, and where it is shown
    /// must not depend on chance.
    waiting: String,
    since: Option<Instant>,
    /// Libraries and offsets of the calls that led to its crash.
    pub calls: Vec<(String, usize)>,
    /// Answers that wait to be sent.
    pub replies: Vec<Value>,
}

impl<'a> Listener<'a> {
    /// One that hands output to `io`, and calls `begun` when the cell's code begins to run.
    pub fn new(
        io: Option<&'a dyn CellIo>,
        answers: &'a mut Answers,
        begun: &'a mut dyn FnMut(),
    ) -> Self {
        Self {
            io,
            output: io.map(Bounded::new),
            answers,
            begun,
            bars: Bars::default(),
            end: None,
            errors_ended: false,
            words: String::new(),
            waiting: String::new(),
            since: None,
            calls: vec![],
            replies: vec![],
        }
    }

    /// Takes what came on standard output.
    pub fn out(&mut self, sent: Vec<Sent>) {
        for sent in sent {
            match sent {
                Sent::Begun => (self.begun)(),
                Sent::Crash(calls) => self.calls = calls,
                Sent::Ended(end) => self.end = Some(end),
                Sent::Ask { prompt, password } => self.ask(&prompt, password),
                Sent::Ready => {}
                shown => self.show(shown),
            }
        }
    }

    fn show(&mut self, sent: Sent) {
        let (Some(output), Some(io)) = (&mut self.output, self.io) else { return };
        match sent {
            Sent::Text(text) => output.stdout(&text),
            Sent::Media { media, is_result: true, .. } => output.result(media),
            Sent::Media { media, id, .. } => output.display(media, id.as_deref()),
            Sent::Update { media, id } => output.update(media, &id),
            Sent::Clear { wait } => io.clear(wait),
            Sent::Comm(message) => io.comm(message),
            Sent::Progress(told) => self.bars.show(&told, io),
            _ => {}
        }
    }

    fn ask(&mut self, prompt: &str, password: bool) {
        self.replies.push(match self.answers.answer(self.io, prompt, password) {
            Ok(line) => json!({ "line": line }),
            Err(error) => json!({ "ename": error.ename, "evalue": error.evalue }),
        });
    }

    /// When waiting standard error is to be shown; it is never, if none waits.
    pub fn due(&self) -> Receiver<Instant> {
        self.since.map_or_else(never, |since| at(since + SOON))
    }

    /// Shows the standard error that waits.
    pub fn show_errors(&mut self) {
        self.since = None;
        if let Some(output) = &mut self.output {
            output.stderr(&std::mem::take(&mut self.waiting));
        }
    }

    /// Takes what came on standard error.
    pub fn err(&mut self, sent: Vec<Sent>) {
        for sent in sent {
            match sent {
                Sent::Text(text) => {
                    if self.output.is_some() {
                        self.waiting.push_str(&text);
                        self.since.get_or_insert_with(Instant::now);
                        if self.waiting.len() > MUCH {
                            self.show_errors();
                        }
                    }
                    self.words.push_str(&text);
                    if self.words.len() > 2 * LAST_WORDS {
                        let cut = self.words.len() - LAST_WORDS;
                        self.words.drain(..self.words.ceil_char_boundary(cut));
                    }
                }
                Sent::Ended(_) => self.errors_ended = true,
                _ => {}
            }
        }
    }
}
