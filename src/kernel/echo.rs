//! An interpreter that compiles nothing: with it the kernel is tested alone, by
//! clients that no one here wrote. A cell is a list of orders, one a line.

use crate::interpreter::{
    Assistant, Cell, CellError, CellIo, CommMessage, CommStep, Completeness, Completion,
    Completions, Interpreter, Interrupter, Language, Media,
};
use crate::session::object;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// The orders: name, what it does, how.
type Order = (&'static str, &'static str, fn(&Echo, &str, &dyn CellIo) -> Result<(), CellError>);

const ORDERS: &[Order] = &[
    ("print", "text on standard output", |_, rest, io| {
        io.stdout(&format!("{rest}\n"));
        Ok(())
    }),
    ("complain", "text on standard error", |_, rest, io| {
        io.stderr(&format!("{rest}\n"));
        Ok(())
    }),
    ("show", "text as a display", |_, rest, io| {
        io.display(Media::plain(rest), None);
        Ok(())
    }),
    ("show-as", "an id, and text as a display that can be changed", |_, rest, io| {
        let (id, text) = rest.split_once(' ').unwrap_or((rest, ""));
        io.display(Media::plain(text), Some(id));
        Ok(())
    }),
    ("change", "an id, and other text in its place", |_, rest, io| {
        let (id, text) = rest.split_once(' ').unwrap_or((rest, ""));
        io.update(Media::plain(text), id);
        Ok(())
    }),
    ("open", "a target, on which a comm is opened", |_, rest, io| {
        let (data, buffers) = (object(json!({})), vec![]);
        let step = CommStep::Open { target: rest.to_owned() };
        io.comm(CommMessage { id: "1".to_owned(), step, data, buffers });
        Ok(())
    }),
    ("value", "text as the cell's value", |_, rest, io| {
        io.result(Media::plain(rest));
        Ok(())
    }),
    ("ask", "a question, its answer printed", |_, rest, io| {
        let answer = io.input(rest, false)?;
        io.stdout(&answer);
        Ok(())
    }),
    ("fail", "an error", |_, rest, _| Err(CellError::new("Error", rest))),
    ("wait", "waits to be interrupted", |echo, _, _| echo.pause.wait()),
];

/// The interpreter.
#[derive(Default)]
pub struct Echo {
    pause: Arc<Pause>,
}

impl Interpreter for Echo {
    fn language(&self) -> Language {
        Language {
            implementation: ("echo", env!("CARGO_PKG_VERSION")),
            banner: "echo: one order a line".to_owned(),
            info: object(json!({
                "name": "echo", "version": "1", "mimetype": "text/plain", "file_extension": ".txt",
            })),
            help_links: vec![],
        }
    }

    fn assistant(&self) -> Arc<dyn Assistant> {
        Arc::new(Orders)
    }

    fn interrupter(&self) -> Arc<dyn Interrupter> {
        self.pause.clone()
    }

    fn execute(&mut self, cell: &Cell, io: &dyn CellIo) -> Result<(), CellError> {
        for line in cell.code.lines() {
            let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
            let Some((_, _, run)) = ORDERS.iter().find(|(order, ..)| *order == name) else {
                return Err(CellError::new("CompileError", format!("no order `{name}`")));
            };
            run(self, rest, io)?;
        }
        Ok(())
    }

    /// The target `echo` sends back what it is sent.
    fn comm(&mut self, message: &CommMessage, io: &dyn CellIo) -> Result<bool, CellError> {
        match &message.step {
            CommStep::Open { target } if target != "echo" => return Ok(false),
            CommStep::Close => {}
            _ => io.comm(CommMessage { step: CommStep::Message, ..message.clone() }),
        }
        Ok(true)
    }
}

struct Orders;

impl Assistant for Orders {
    fn is_complete(&self, code: &str) -> Completeness {
        match code {
            code if code.ends_with('\\') => Completeness::Incomplete { indent: 2 },
            code if code.starts_with('!') => Completeness::Invalid,
            _ => Completeness::Complete,
        }
    }

    fn complete(&self, code: &str, cursor: usize) -> Completions {
        let before: Vec<char> = code.chars().take(cursor).collect();
        let start = before.iter().rposition(|c| !c.is_alphabetic()).map_or(0, |at| at + 1);
        let typed: String = before[start..].iter().collect();
        let fits = |order: &&Order| order.0.starts_with(&typed);
        let item = |(name, about, _): &Order| Completion {
            text: (*name).to_owned(),
            kind: "function",
            signature: (*about).to_owned(),
        };
        let items = ORDERS.iter().filter(fits).map(item).collect();
        Completions { start, end: before.len(), items }
    }

    fn inspect(&self, code: &str, _: usize) -> Option<Media> {
        let order = ORDERS.iter().find(|(name, ..)| *name == code)?;
        Some(Media::plain(order.1))
    }
}

#[derive(Default)]
struct Pause {
    waits: AtomicBool,
    interrupted: Mutex<bool>,
    changed: Condvar,
}

impl Pause {
    fn wait(&self) -> Result<(), CellError> {
        let mut interrupted = self.interrupted.lock().unwrap_or_else(PoisonError::into_inner);
        self.waits.store(true, Ordering::SeqCst);
        while !*interrupted {
            interrupted = self.changed.wait(interrupted).unwrap_or_else(PoisonError::into_inner);
        }
        *interrupted = false;
        self.waits.store(false, Ordering::SeqCst);
        Err(CellError::new("Interrupted", "interrupted"))
    }
}

impl Interrupter for Pause {
    fn interrupt(&self) {
        let mut interrupted = self.interrupted.lock().unwrap_or_else(PoisonError::into_inner);
        // With nothing running, an interrupt must not hit the next cell.
        if self.waits.load(Ordering::SeqCst) {
            *interrupted = true;
            self.changed.notify_all();
        }
    }

    fn shut_down(&self) {}
}
