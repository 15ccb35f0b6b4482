//! The reference interpreter: leads a cell from its text to its outcome by evcxr.

use super::evcxr::{Evaluator, Failed, Output, Shown};
use super::session::Session;
use super::{program, running, syntax};
use crate::assistant::RustAssistant;
use crate::channel::{End, Fault};
use crate::diagnostics::{self, compile_error};
use crate::interpreter::commands;
use crate::interrupt::{Handle, Stopper, as_interrupted};
use crate::language::{language, quoted, use_only};
use crate::layout::{Lines, Moved};
use crate::library::{Library, Toolchain, source_root};
use crate::split::{self, Split};
use pillars_kernel::{
    Assistant, Cell, CellError, CellIo, Interpreter, Interrupter, Language, Media,
};
use serde_json::Value;
use std::sync::Arc;

/// The interpreter.
pub struct Reference {
    toolchain: Option<Toolchain>,
    started: Option<Started>,
    session: Session,
    stopper: Arc<Stopper>,
    assistant: Arc<RustAssistant>,
}

struct Started {
    evaluator: Evaluator,
    output: Output,
    library: Library,
}

impl Started {
    fn run(
        &mut self,
        stopper: &Arc<Stopper>,
        program: &str,
        io: &dyn CellIo,
    ) -> (Result<Shown, Failed>, Option<End>) {
        running::run(&mut self.evaluator, &self.output, stopper, program, io)
    }
}

impl Reference {
    /// An interpreter. Cheap: the compiler's child and the library are got by
    /// `warm_up`. Call it before there are threads.
    pub fn new() -> Self {
        let toolchain = source_root().and_then(|root| Toolchain::find(&root)).ok();
        if let Some(toolchain) = &toolchain {
            use_only(toolchain);
        }
        let assistant = Arc::<RustAssistant>::default();
        Self {
            toolchain,
            started: None,
            session: Session::default(),
            stopper: Arc::default(),
            assistant,
        }
    }

    fn start(&mut self) -> Result<(), CellError> {
        if self.started.is_some() {
            return Ok(());
        }
        let not_ready = |reason: String| CellError::new("NotReady", reason);
        let library = match self.toolchain.clone() {
            Some(toolchain) => Library::locate_for(toolchain),
            None => Library::locate(),
        };
        let library = library.map_err(|error| not_ready(error.to_string()))?;
        let (evaluator, output, child) = Evaluator::start(&library).map_err(not_ready)?;
        self.stopper.child_is(Box::new(move || child.id()), evaluator.dir());
        self.started = Some(Started { evaluator, output, library });
        Ok(())
    }

    fn run_cell(&mut self, cell: &Cell, io: &dyn CellIo) -> Result<(), CellError> {
        let split = split::split(&cell.code);
        for command in &split.commands {
            self.command(command, io)?;
        }
        if split.has_errors
            && let Some(started) = &self.started
        {
            let code = split.without_commands(&cell.code);
            let Started { evaluator, library, .. } = started;
            let errors = syntax::errors(library.toolchain(), evaluator.dir(), &code);
            if !errors.is_empty() {
                let lines =
                    Lines::shifted("lib.rs", syntax::FIRST_LINE, code.lines().count(), cell.number);
                return Err(compile_error(&errors, &lines, cell.number));
            }
        }
        if split.awaits {
            let reason = "`.await` stands outside of any `async`: put it into an `async fn` or \
                          block, and run that by an executor";
            return Err(CellError::new("CompileError", reason));
        }
        if let Some(name) = split.closures.first() {
            let reason = format!(
                "`{name}` is a closure, whose type has no name, so later cells could not use it; \
                 write a `fn`, or box it: `let {name}: Box<dyn Fn(..) -> ..> = Box::new(..);`"
            );
            return Err(CellError::new("CompileError", reason));
        }
        self.run_split(&split, cell, io)
    }

    fn command(&mut self, command: &str, io: &dyn CellIo) -> Result<(), CellError> {
        if let Some(name) = command.strip_prefix('?') {
            io.page(self.assistant.page(name.trim()));
            return Ok(());
        }
        let answer = match command {
            ":help" => Some(commands::help()),
            ":vars" => Some(commands::variables(&self.session.variables)),
            _ => None,
        };
        if let Some(answer) = answer {
            io.stdout(&answer);
            return Ok(());
        }
        let Some(started) = &mut self.started else { return Ok(()) };
        if command == ":clear" {
            self.started = None;
            self.session = Session::default();
            return self.start();
        }
        let shown = started.run(&self.stopper, command, io).0;
        match shown {
            Ok(shown) => {
                shown
                    .into_iter()
                    .for_each(|(_, text)| io.stdout(&(text.trim_end().to_owned() + "\n")));
                if command.starts_with(":dep") || command.starts_with(":opt") {
                    self.drop_readers_types(io);
                }
                Ok(())
            }
            Err(Failed::Compile(said)) => Err(compile_error(&said, &Lines::default(), 0)),
            Err(Failed::Ended(how) | Failed::Other(how)) => {
                Err(CellError::new("CommandError", how))
            }
        }
    }

    /// Another crate or level makes other types of the reader's definitions.
    fn drop_readers_types(&mut self, io: &dyn CellIo) {
        for name in self.session.of_readers_types() {
            self.session.variables.remove(&name);
            io.stdout(&format!("`{name}` is dropped: its type is compiled anew\n"));
        }
    }

    fn run_split(&mut self, split: &Split, cell: &Cell, io: &dyn CellIo) -> Result<(), CellError> {
        let forget = self.session.of_types_defined_anew(split);
        let mut moved = Moved::default();
        loop {
            let Some(started) = &mut self.started else { return Ok(()) };
            let program = program::program(split, &self.session.variables, &moved, &forget);
            let (shown, end) = started.run(&self.stopper, &program, io);
            match (shown, end) {
                (Ok(shown), Some(end)) => {
                    show_in_evcxrs_way(shown, io);
                    return self.settle(split, cell, end, &forget, io);
                }
                // Definitions alone run nothing.
                (Ok(_), None) => {
                    let end = End { kept: self.session.names(), ..End::default() };
                    return self.settle(split, cell, end, &forget, io);
                }
                (Err(Failed::Compile(said)), _) => {
                    let source = started.evaluator.source();
                    if !learn_moves(&said, &source, &mut moved) {
                        let lines = program::lines(split, &source, cell.number);
                        return Err(compile_error(&said, &lines, cell.number));
                    }
                }
                (Err(Failed::Ended(how)), end) => {
                    let signal = end.and_then(|end| end.fault).map(|fault| fault.evalue);
                    return Err(self.crashed(signal.as_ref().unwrap_or(&how)));
                }
                (Err(Failed::Other(reason)), _) => {
                    return Err(CellError::new("CompileError", reason));
                }
            }
        }
    }

    /// Books a cell that ran, and makes its outcome.
    fn settle(
        &mut self,
        split: &Split,
        cell: &Cell,
        end: End,
        forget: &[String],
        io: &dyn CellIo,
    ) -> Result<(), CellError> {
        let Some(started) = &self.started else { return Ok(()) };
        let gone = self.session.settle(split, &end, forget);
        for name in forget {
            io.stdout(&format!("`{name}` is dropped: its type has been defined anew\n"));
        }
        let Some(fault) = end.fault.clone() else {
            let unnamed = self.session.keep(split, &end, &started.evaluator.listing());
            return unnamed.map_or(Ok(()), Err);
        };
        let lines = program::lines(split, &started.evaluator.source(), cell.number);
        let mut error = fault_error(fault, &lines, cell);
        if !gone.is_empty() {
            let told = format!("gone, because the cell had moved them: {}", quoted(&gone));
            error.evalue = format!("{} ({told})", error.evalue);
            error.traceback.push(told);
        }
        Err(error)
    }

    /// The child has ended, and with it all variables.
    fn crashed(&mut self, how: &str) -> CellError {
        let lost = std::mem::take(&mut self.session.variables);
        let lost = match lost.is_empty() {
            true => "no variable was lost".to_owned(),
            false => format!("these variables are lost: {}", quoted(lost.keys())),
        };
        let how = how.lines().last().unwrap_or(how);
        let how = how.strip_prefix("Subprocess terminated with status: ").unwrap_or(how);
        CellError::new("Crashed", format!("the process that ran the cell ended ({how}); {lost}"))
    }
}

impl Default for Reference {
    fn default() -> Self {
        Self::new()
    }
}

impl Interpreter for Reference {
    fn language(&self) -> Language {
        language(self.toolchain.as_ref())
    }

    fn assistant(&self) -> Arc<dyn Assistant> {
        self.assistant.clone()
    }

    fn interrupter(&self) -> Arc<dyn Interrupter> {
        Arc::new(Handle(self.stopper.clone()))
    }

    fn warm_up(&mut self) {
        // A failure is told by the first cell, where somebody reads it.
        let _ = self.start();
    }

    fn execute(&mut self, cell: &Cell, io: &dyn CellIo) -> Result<(), CellError> {
        self.stopper.cell_begins();
        let ended = self.start().and_then(|()| self.run_cell(cell, io));
        let interrupted = self.stopper.cell_ends();
        let items = &self.session.items;
        let source: String = items.values().map(|text| format!("{text}\n")).collect();
        self.assistant.update(&self.session.variables, items, source);
        match interrupted {
            true => ended.map_err(as_interrupted),
            false => ended,
        }
    }
}

/// What a type showed by printing evcxr's own markers.
fn show_in_evcxrs_way(shown: Shown, io: &dyn CellIo) {
    let media =
        shown.into_iter().fold(Media::default(), |media, (mime, text)| media.with(&mime, text));
    if !media.data.is_empty() {
        io.result(media);
    }
}

/// Takes from errors at generated lines which variables the cell moves; whether
/// that explains something new, so that another try is worth it.
fn learn_moves(said: &[Value], source: &str, moved: &mut Moved) -> bool {
    let before = moved.len();
    for diagnostic in said {
        // Use after a move; all else is the reader's own error.
        if diagnostics::code(diagnostic) != "E0382" {
            continue;
        }
        for line in diagnostics::lines_pointed_at(diagnostic) {
            moved.learn(source.lines().nth(line - 1).unwrap_or_default());
        }
    }
    moved.len() > before
}

/// The error of a cell whose code ran into one.
fn fault_error(fault: Fault, lines: &Lines, cell: &Cell) -> CellError {
    let Fault { ename, evalue, at, .. } = fault;
    let place = at
        .filter(|(file, ..)| file.ends_with("src/lib.rs") && !file.contains("/.cargo/"))
        .and_then(|(_, line, _)| lines.of_cell(line))
        .map(|(_, line)| (line, cell.code.lines().nth(line - 1).unwrap_or_default()));
    let mut error = CellError::new(ename, evalue);
    if let Some((line, text)) = place {
        error.traceback.push(format!("  --> cell {}, line {line}: {}", cell.number, text.trim()));
    }
    error
}
