//! The interpreter of Rust cells: keeps the session's books (which variables
//! there are, of which types) and leads a cell from its text to its outcome.

use crate::assistant::{Names, RustAssistant};
use crate::channel::{Fault, Reader, Sent};
use crate::diagnostics::{self, compile_error};
use crate::evcxr::{Evaluator, Failed, Output};
use crate::interrupt::{Handle, Stopper};
use crate::layout::{self, Lines, Variable, Variables};
use crate::library::{Library, Toolchain, source_root};
use crate::split::{self, Split};
use crate::{commands, listing, syntax};
use crossbeam_channel::{Receiver, bounded, select};
use pillars_kernel::{
    Assistant, Cell, CellError, CellIo, Interpreter, Interrupter, Language, Media, Object,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How long the end of standard error is waited for; it comes by another pipe.
const STDERR_PATIENCE: Duration = Duration::from_millis(300);

/// The interpreter.
pub struct Rust {
    toolchain: Option<Toolchain>,
    started: Option<Started>,
    session: Session,
    stopper: Arc<Stopper>,
    names: Arc<Names>,
}

struct Started {
    evaluator: Evaluator,
    output: Output,
    library: Library,
}

/// The session's books.
#[derive(Default)]
struct Session {
    variables: Variables,
    /// Texts of items by name, to know a definition from its repetition.
    items: std::collections::BTreeMap<String, String>,
}

impl Rust {
    /// An interpreter. Cheap: the compiler's child and the library are got by
    /// `warm_up`. Call it before there are threads.
    pub fn new() -> Self {
        let toolchain = source_root().and_then(|root| Toolchain::find(&root)).ok();
        if let Some(toolchain) = &toolchain {
            use_only(toolchain);
        }
        let names = Arc::<Names>::default();
        Self {
            toolchain,
            started: None,
            session: Session::default(),
            stopper: Arc::default(),
            names,
        }
    }

    fn start(&mut self) -> Result<(), CellError> {
        if self.started.is_some() {
            return Ok(());
        }
        let not_ready = |reason: String| CellError::new("NotReady", reason);
        let library = Library::locate().map_err(|error| not_ready(error.to_string()))?;
        let (evaluator, output, child) = Evaluator::start(&library).map_err(not_ready)?;
        self.stopper.child_is(child);
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
            let code = blank_commands(&cell.code, &split);
            let errors = syntax::errors(started.library.toolchain(), &code);
            if !errors.is_empty() {
                let lines = Lines::shifted(syntax::FIRST_LINE, code.lines().count());
                return Err(compile_error(&errors, &lines, cell.number));
            }
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
        if let Some(answer) = commands::answer(command, &self.session.variables) {
            return answer.map(|text| io.stdout(&text));
        }
        let Some(started) = &mut self.started else { return Ok(()) };
        if command == ":clear" {
            self.started = None;
            self.session = Session::default();
            return self.start();
        }
        let shown = run(started, &self.stopper, command, io).0;
        match shown {
            Ok(shown) => {
                shown
                    .into_iter()
                    .for_each(|(_, text)| io.stdout(&(text.trim_end().to_owned() + "\n")));
                Ok(())
            }
            Err(Failed::Compile(said)) => Err(compile_error(&said, &Lines::default(), 0)),
            Err(Failed::Ended(how) | Failed::Other(how)) => {
                Err(CellError::new("CommandError", how))
            }
        }
    }

    fn run_split(&mut self, split: &Split, cell: &Cell, io: &dyn CellIo) -> Result<(), CellError> {
        let forget = self.session.of_types_defined_anew(split);
        let mut moved = BTreeSet::new();
        loop {
            let Some(started) = &mut self.started else { return Ok(()) };
            let program = layout::program(split, &self.session.variables, &moved, &forget);
            let (shown, outcome) = run(started, &self.stopper, &program, io);
            match shown {
                Ok(shown) => {
                    show_in_evcxrs_way(shown, io);
                    self.session.settle(split, &moved, &forget);
                    let unnamed = match &outcome {
                        None => self.session.keep(split, &moved, &started.evaluator.listing()),
                        Some(_) => None,
                    };
                    for name in &forget {
                        io.stdout(&format!(
                            "`{name}` is dropped: its type has been defined anew\n"
                        ));
                    }
                    let Some(fault) = outcome else { return unnamed.map_or(Ok(()), Err) };
                    let lines = Lines::find(split, &started.evaluator.source());
                    return Err(fault_error(fault, &lines, cell));
                }
                Err(Failed::Compile(said)) => {
                    let source = started.evaluator.source();
                    if !learn_moves(&said, &source, &mut moved) {
                        let lines = Lines::find(split, &source);
                        return Err(compile_error(&said, &lines, cell.number));
                    }
                }
                Err(Failed::Ended(how)) => {
                    let signal = outcome.map(|fault| fault.evalue);
                    return Err(self.crashed(signal.as_ref().unwrap_or(&how)));
                }
                Err(Failed::Other(reason)) => return Err(CellError::new("CompileError", reason)),
            }
        }
    }

    /// The child has ended, and with it all variables.
    fn crashed(&mut self, how: &str) -> CellError {
        let lost = std::mem::take(&mut self.session.variables);
        let lost: Vec<String> = lost.keys().map(|name| format!("`{name}`")).collect();
        let lost = match lost.is_empty() {
            true => "no variable was lost".to_owned(),
            false => format!("these variables are lost: {}", lost.join(", ")),
        };
        let how = how.lines().last().unwrap_or(how);
        let how = how.strip_prefix("Subprocess terminated with status: ").unwrap_or(how);
        CellError::new("Crashed", format!("the process that ran the cell ended ({how}); {lost}"))
    }
}

impl Default for Rust {
    fn default() -> Self {
        Self::new()
    }
}

impl Interpreter for Rust {
    fn language(&self) -> Language {
        let release = self.toolchain.as_ref().map_or("", |toolchain| toolchain.release());
        let version = release.split_whitespace().nth(1).unwrap_or("unknown");
        let info = json!({
            "name": "rust",
            "version": version,
            "mimetype": "text/x-rustsrc",
            "codemirror_mode": "rust",
            "file_extension": ".rs",
            "pygments_lexer": "rust",
            "nbconvert_exporter": "script",
        });
        Language {
            implementation: ("pillars", env!("CARGO_PKG_VERSION")),
            banner: format!("Pillars {}: Rust {version}", env!("CARGO_PKG_VERSION")),
            info: info.as_object().cloned().unwrap_or_else(Object::new),
            help_links: vec![
                ("The Rust book", "https://doc.rust-lang.org/book/"),
                ("The standard library", "https://doc.rust-lang.org/std/"),
            ],
        }
    }

    fn assistant(&self) -> Arc<dyn Assistant> {
        Arc::new(RustAssistant::new(self.names.clone()))
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
        self.names.update(&self.session.variables, &self.session.items);
        match ended {
            Err(error) if interrupted && error.ename == "Crashed" => {
                let lost = error.evalue.rsplit_once("; ").map_or("", |(_, lost)| lost);
                Err(CellError::new(
                    "Interrupted",
                    format!("the cell did not stop within a second and was ended; {lost}"),
                ))
            }
            Err(error) if interrupted && error.ename != "Interrupted" => {
                Err(CellError::new("Interrupted", "the cell was interrupted before it ran"))
            }
            ended => ended,
        }
    }
}

impl Session {
    /// Variables whose type, or a type within it, this cell defines anew.
    fn of_types_defined_anew(&self, split: &Split) -> Vec<String> {
        let changed = split.items.iter().filter_map(|item| {
            let name = item.defines_type.as_ref()?;
            let before = self.items.get(name)?;
            (before != item.piece.text.trim()).then_some(name)
        });
        let mut changed: Vec<String> = changed.cloned().collect();
        // A type that contains a changed one has changed with it.
        let mut at = 0;
        while at < changed.len() {
            let holders = self.items.iter().filter(|(name, text)| {
                !changed.contains(name) && layout::has_word(text, &changed[at])
            });
            let holders: Vec<String> = holders.map(|(name, _)| name.clone()).collect();
            changed.extend(holders);
            at += 1;
        }
        let has = |variable: &Variable| {
            changed.iter().any(|name| layout::has_word(&variable.type_name, name))
        };
        self.variables.iter().filter(|(_, v)| has(v)).map(|(name, _)| name.clone()).collect()
    }

    /// Books a cell that ran, well or not.
    fn settle(&mut self, split: &Split, moved: &BTreeSet<String>, forget: &[String]) {
        for name in moved.iter().chain(forget) {
            self.variables.remove(name);
        }
        for item in &split.items {
            if let Some(name) = &item.name {
                self.items.insert(name.clone(), item.piece.text.trim().to_owned());
            }
        }
    }

    /// Books the variables of a cell that ended well; an error if one of them has
    /// a type that no later cell could name.
    fn keep(&mut self, split: &Split, moved: &BTreeSet<String>, text: &str) -> Option<CellError> {
        let mut types = listing::types(text);
        let mut unnamed = None;
        for binding in split.bindings.iter().filter(|binding| !moved.contains(&binding.name)) {
            let name = &binding.name;
            let reason = match types.remove(name) {
                Some(type_name) => match listing::cannot_be_named(&type_name) {
                    None => {
                        let variable = Variable { type_name, mutable: binding.mutable };
                        self.variables.insert(name.clone(), variable);
                        continue;
                    }
                    Some(reason) => reason,
                },
                None => "of a type that was not found; give it one: `let name: Type = ..`",
            };
            self.variables.remove(name);
            let sentence = format!("the cell ran, but `{name}` cannot be kept: it is {reason}");
            unnamed.get_or_insert(CellError::new("CompileError", sentence));
        }
        unnamed
    }
}

/// Nothing but this toolchain is to be used, whatever folder a notebook stands
/// in; and nothing is to be installed: rust-analyzer, inside evcxr, would
/// silently run rustup for the standard library's sources.
fn use_only(toolchain: &Toolchain) {
    let bin = toolchain.rustc.parent().map(|bin| bin.to_owned()).unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let with_bin =
        std::env::join_paths([bin.clone()].into_iter().chain(std::env::split_paths(&path)));
    // SAFETY: called before the kernel starts its threads.
    unsafe {
        if let Ok(path) = with_bin {
            std::env::set_var("PATH", path);
        }
        if let Some(sysroot) = bin.parent() {
            std::env::set_var("RUSTUP_TOOLCHAIN", sysroot);
        }
        std::env::set_var("RUSTUP", "rustup-is-not-to-be-run");
        std::env::set_var("RUSTUP_AUTO_INSTALL", "0");
    }
}

fn blank_commands(code: &str, split: &Split) -> String {
    let is_command = |line: &str| {
        let line = line.trim();
        split
            .commands
            .iter()
            .any(|command| line == command || line.strip_prefix("//# ") == Some(command))
    };
    let lines = code.split('\n').map(|line| if is_command(line) { "" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// Runs a program while its output is passed on; returns what evcxr returned and
/// the fault by which the reader's code ended.
fn run(
    started: &mut Started,
    stopper: &Arc<Stopper>,
    program: &str,
    io: &dyn CellIo,
) -> (Result<Vec<(String, String)>, Failed>, Option<Fault>) {
    let Started { evaluator, output, .. } = started;
    let (done, finished) = bounded::<bool>(1);
    std::thread::scope(|scope| {
        let passing = scope.spawn(|| pass_on(output, &finished, stopper, io));
        let input = |prompt: &str, password| io.input(prompt, password).unwrap_or_default();
        let shown = evaluator.run(program, &input);
        let ran = shown.is_ok();
        // The receiver lives until this is received.
        let _ = done.send(ran);
        (shown, passing.join().unwrap_or_default())
    })
}

/// Passes output on until the program is finished and all of it is taken.
fn pass_on(
    output: &Output,
    finished: &Receiver<bool>,
    stopper: &Arc<Stopper>,
    io: &dyn CellIo,
) -> Option<Fault> {
    let (mut out, mut err) = (Reader::default(), Reader::default());
    let (mut fault, mut ended, mut err_ended) = (None, false, false);
    // What evcxr's child says when it dies of a signal: told by the cell's error.
    let mut dying: Vec<String> = Vec::new();
    let mut on_out = |line: &str, fault: &mut Option<Fault>, ended: &mut bool| {
        for sent in out.line(line) {
            match sent {
                Sent::Text(text) => io.stdout(&text),
                Sent::Media { media, is_result: true } => io.result(media),
                Sent::Media { media, is_result: false } => io.display(media),
                Sent::Clear { wait } => io.clear(wait),
                Sent::Begun => stopper.code_runs(),
                Sent::Ended(found) => {
                    *ended = true;
                    *fault = found;
                }
            }
        }
    };
    let mut on_err = |line: &str, ended: &mut bool| {
        if !dying.is_empty() || signal_named_by(line).is_some() {
            dying.push(line.to_owned());
            return;
        }
        for sent in err.line(line) {
            match sent {
                Sent::Text(text) => io.stderr(&text),
                _ => *ended = true,
            }
        }
    };
    let ran = loop {
        select! {
            recv(output.stdout) -> line => match line {
                Ok(line) => on_out(&line, &mut fault, &mut ended),
                Err(_) => return fault,
            },
            recv(output.stderr) -> line => match line {
                Ok(line) => on_err(&line, &mut err_ended),
                Err(_) => return fault,
            },
            recv(finished) -> ran => break ran.unwrap_or_default(),
        }
    };
    output.stdout.try_iter().for_each(|line| on_out(&line, &mut fault, &mut ended));
    while !err_ended {
        let patience = if ended { STDERR_PATIENCE } else { Duration::ZERO };
        match output.stderr.recv_timeout(patience) {
            Ok(line) => on_err(&line, &mut err_ended),
            Err(_) => break,
        }
    }
    if let Some(Sent::Text(text)) = out.end() {
        io.stdout(&text);
    }
    if let Some(signal) = dying.first().and_then(|line| signal_named_by(line)) {
        if !ran {
            return Some(Fault { ename: "Crashed", evalue: signal.to_owned(), at: None });
        }
        io.stderr(&(dying.join("\n") + "\n"));
    }
    if let Some(Sent::Text(text)) = err.end() {
        io.stderr(&text);
    }
    fault
}

/// The signal that a line of evcxr's child's last words names.
fn signal_named_by(line: &str) -> Option<&'static str> {
    let words = [
        ("Segmentation fault.", "SIGSEGV: it used memory that is not its own"),
        ("Illegal instruction.", "SIGILL: it met an illegal instruction"),
        ("Bus error.", "SIGBUS: it used memory that cannot be reached"),
    ];
    words.iter().find(|(said, _)| *said == line).map(|(_, signal)| *signal)
}

/// What a type showed by printing evcxr's own markers.
fn show_in_evcxrs_way(shown: Vec<(String, String)>, io: &dyn CellIo) {
    let media =
        shown.into_iter().fold(Media::default(), |media, (mime, text)| media.with(&mime, text));
    if !media.data.is_empty() {
        io.result(media);
    }
}

/// Takes from errors at generated lines which variables the cell moves; whether
/// that explains something new, so that another try is worth it.
fn learn_moves(said: &[Value], source: &str, moved: &mut BTreeSet<String>) -> bool {
    let before = moved.len();
    for diagnostic in said {
        // Use after a move; all else is the reader's own error.
        if diagnostics::code(diagnostic) != "E0382" {
            continue;
        }
        let lines = diagnostics::lines_pointed_at(diagnostic);
        let kept = lines.filter_map(|line| layout::kept_by(source.lines().nth(line - 1)?));
        moved.extend(kept.map(str::to_owned));
    }
    moved.len() > before
}

/// The error of a cell whose code ran into one.
fn fault_error(fault: Fault, lines: &Lines, cell: &Cell) -> CellError {
    let Fault { ename, evalue, at } = fault;
    let place = at
        .filter(|(file, ..)| file.ends_with("lib.rs"))
        .and_then(|(_, line, _)| lines.of_cell(line))
        .map(|line| (line, cell.code.lines().nth(line - 1).unwrap_or_default()));
    let mut error = CellError::new(ename, evalue);
    if let Some((line, text)) = place {
        error.traceback.push(format!("  --> cell {}, line {line}: {}", cell.number, text.trim()));
    }
    error
}
