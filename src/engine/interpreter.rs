//! The interpreter of Rust cells: leads a cell from its text to its outcome, and
//! brings the session back when the process that runs cells has died.

pub mod commands;

use crate::ahead::Ahead;
use crate::assistant::RustAssistant;
use crate::books::{Books, Ended, Log, Step};
use crate::channel::{End, Fault, comm_request};
use crate::child::{Child, Death, Job, Ran};
use crate::compiler::Compiler;
use crate::interrupt::{Handle, Stopper, as_interrupted};
use crate::language::{language, quoted, use_only};
use crate::layout::Lines;
use crate::library::{Library, Toolchain, source_root};
use crate::listener::Answers;
use crate::prepare::{Prepared, Program, dropped, prepare};
use crate::split::split;
use crate::{backtrace, memory};
use pillars_kernel::{
    Assistant, Cell, CellError, CellIo, CommMessage, Interpreter, Interrupter, Language,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A cell that runs longer is compiled again, for speed.
const LONG: Duration = Duration::from_millis(300);

/// How many of the calls that led to a panic are shown.
const CALLS: usize = 8;

/// The interpreter.
pub struct Rust {
    toolchain: Option<Toolchain>,
    started: Option<Started>,
    books: Books,
    log: Log,
    /// The texts of cells by number, for the lines of errors.
    texts: BTreeMap<u32, Arc<str>>,
    /// The programs that have run, by the name of their file.
    programs: BTreeMap<String, Lines>,
    stopper: Arc<Stopper>,
    assistant: Arc<RustAssistant>,
    ahead: Ahead,
    /// Whether each cell's time is told.
    timing: bool,
    /// The number of the cell that runs.
    number: u32,
    /// How many programs have been run.
    runs: u64,
    /// The code of the compiler's latest error.
    latest_error: Option<String>,
}

struct Started {
    compiler: Arc<Compiler>,
    child: Child,
    number: Arc<AtomicU32>,
}

impl Rust {
    /// An interpreter. Cheap: the process for cells is started by `warm_up`. Call it
    /// before there are threads.
    pub fn new() -> Self {
        let toolchain = source_root().and_then(|root| Toolchain::find(&root)).ok();
        if let Some(toolchain) = &toolchain {
            use_only(toolchain);
        }
        let (assistant, stopper) = (Arc::<RustAssistant>::default(), Arc::<Stopper>::default());
        stopper.spare(Box::new(assistant.analyzer_number()));
        Self {
            toolchain,
            started: None,
            books: Books::default(),
            log: Log::default(),
            texts: BTreeMap::new(),
            programs: BTreeMap::new(),
            stopper,
            assistant,
            ahead: Ahead::default(),
            timing: false,
            number: 0,
            runs: 0,
            latest_error: None,
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
        let child = Child::start(&library.runner(), memory::limit()).map_err(not_ready)?;
        let compiler = Arc::new(Compiler::new(library).map_err(not_ready)?);
        let number = Arc::new(AtomicU32::new(child.number()));
        let told = number.clone();
        let number_of = move || Some(told.load(Ordering::Relaxed)).filter(|number| *number != 0);
        self.stopper.child_is(Box::new(number_of), compiler.folder());
        self.started = Some(Started { compiler, child, number });
        Ok(())
    }

    fn run_cell(&mut self, cell: &Cell, io: &dyn CellIo) -> Result<(), CellError> {
        let begin = Instant::now();
        self.number = cell.number;
        let parts = split(&cell.code);
        let mut once = false;
        for command in &parts.commands {
            match command.as_str() {
                ":once" => once = true,
                command => commands::run(self, command, io)?,
            }
        }
        self.start()?;
        let Some(started) = &self.started else { return Ok(()) };
        let compiler = started.compiler.clone();
        let runs = Compiler::runs();
        let prepared = prepare(&parts, cell, &self.books, &compiler);
        if let Some(complaint) = compiler.complaint() {
            io.stderr(&complaint);
        }
        let prepared = prepared.inspect_err(|error| self.latest_error = code_of(error));
        let Prepared { units, notes, lost, program } = prepared?;
        let compiled = begin.elapsed();
        self.texts.insert(cell.number, cell.code.as_str().into());
        self.books.units = units;
        notes.iter().for_each(|note| io.stdout(note));
        if !lost.is_empty() {
            io.stdout(&dropped(&lost));
        }
        let begin = Instant::now();
        let ended = match program {
            Some(program) => self.run_program(program, cell, once, &lost, io),
            None => Ok(()),
        };
        if self.timing {
            let from = match Compiler::runs() - runs {
                0 => "from the cache".to_owned(),
                1 => "by one run of rustc".to_owned(),
                more => format!("by {more} runs of rustc"),
            };
            io.stdout(&format!(
                "compiled in {compiled:.1?} {from}, ran in {:.1?}\n",
                begin.elapsed()
            ));
        }
        ended
    }

    fn run_program(
        &mut self,
        program: Program,
        cell: &Cell,
        once: bool,
        lost: &[String],
        io: &dyn CellIo,
    ) -> Result<(), CellError> {
        let Some(started) = &mut self.started else { return Ok(()) };
        self.programs.insert(format!("{}.rs", program.source.name), program.lines.clone());
        let stopper = self.stopper.clone();
        self.ahead.work(io.upcoming(), cell.number, &program, &self.books, &started.compiler);
        let begin = Instant::now();
        self.runs += 1;
        let job = Job { needs: &program.needs, cell: &program.library, run: self.runs };
        let mut answers = Answers::default();
        let begun = &mut || stopper.code_runs();
        let ran = started.child.run(&job.request(), Some(io), &mut answers, begun);
        self.stopper.code_ends();
        let end = match ran {
            Ran::Ended(end) => end,
            Ran::Died(death) => return Err(self.died(&death)),
        };
        let was_interrupted = end.fault.as_ref().is_some_and(|fault| fault.ename == "Interrupted");
        if begin.elapsed() > LONG && !was_interrupted {
            compile_for_speed(&started.compiler, &program);
        }
        self.books.units.loaded(&program.source.needs);
        let gone = self.books.settle(&end, &program.bound, cell.number);
        let gone: Vec<String> = gone.into_iter().filter(|name| !lost.contains(name)).collect();
        if end.fault.is_none() {
            let local = program.local.iter();
            self.books.ended.extend(
                local.map(|(name, reason)| (name.clone(), Ended::Local(cell.number, reason))),
            );
        }
        // Interrupted, it would come to another end the next time, or to none.
        let is_mutable = |name: &&String| {
            self.books.variables.get(*name).is_some_and(|variable| variable.mutable)
        };
        let changeable: BTreeSet<String> =
            program.handed.iter().filter(is_mutable).cloned().collect();
        if was_interrupted {
            self.log.interrupted(cell.number, &changeable);
        }
        let leaves =
            !program.handed.is_empty() || !end.put.is_empty() || self.books.units.has_statics();
        if leaves && !was_interrupted {
            self.log.add(Step {
                cell: cell.number,
                source: program.source,
                needs: program.needs,
                library: program.library,
                handed: program.handed,
                changeable,
                put: end.put,
                once,
                run: self.runs,
                answers: answers.given,
            });
        }
        match end.fault {
            None => Ok(()),
            Some(fault) => Err(self.fault_error(fault, &gone)),
        }
    }

    /// Hands a comm's message to what cells have left to take it.
    fn run_comm(&mut self, message: &CommMessage, io: &dyn CellIo) -> Result<bool, CellError> {
        let Some(started) = &mut self.started else { return Ok(false) };
        self.runs += 1;
        let request = json!({ "comm": comm_request(message), "run": self.runs });
        let (stopper, mut answers) = (self.stopper.clone(), Answers::default());
        let ran = started.child.run(&request, Some(io), &mut answers, &mut || stopper.code_runs());
        self.stopper.code_ends();
        match ran {
            Ran::Ended(End { fault: Some(fault), .. }) => Err(self.fault_error(fault, &[])),
            Ran::Ended(End { refused, .. }) => Ok(!refused),
            Ran::Died(death) => Err(self.died(&death)),
        }
    }

    /// The cell and line that a line of a compiled source is.
    fn place_of(&self, file: &str, line: usize) -> Option<(u32, usize)> {
        let name = file.rsplit('/').next().unwrap_or_default();
        let own = || self.books.units.lines_of_file(name);
        let lines = self.programs.get(name).cloned().or_else(own)?;
        // The last expression begins, for the compiler, at the bracket before its line.
        lines.of_cell(line).or_else(|| lines.of_cell(line + 1))
    }

    /// The cells and lines of calls, the innermost first.
    fn places_of(&self, calls: &[(String, usize)]) -> Vec<(u32, usize)> {
        let lines = backtrace::lines(calls).into_iter();
        let mut places: Vec<_> =
            lines.filter_map(|(file, line)| self.place_of(&file, line)).collect();
        places.dedup();
        places
    }

    fn show_calls(&self, places: &[(u32, usize)], error: &mut CellError) {
        for (at, (cell, line)) in places.iter().take(CALLS).enumerate() {
            let text = self.texts.get(cell).and_then(|text| text.lines().nth(line - 1));
            let text = text.unwrap_or_default().trim();
            let arrow = if at == 0 { "-->" } else { "  <" };
            error.traceback.push(format!("  {arrow} cell {cell}, line {line}: {text}"));
        }
        if places.len() > CALLS {
            error.traceback.push(format!("    < and {} calls more", places.len() - CALLS));
        }
    }

    /// The error of a cell whose code ran into one.
    fn fault_error(&self, fault: Fault, gone: &[String]) -> CellError {
        let Fault { ename, evalue, at, calls } = fault;
        let mut error = CellError::new(ename, evalue);
        let own = at.and_then(|(file, line, _)| self.place_of(&file, line));
        let mut places: Vec<_> = own.into_iter().chain(self.places_of(&calls)).collect();
        places.dedup();
        self.show_calls(&places, &mut error);
        if !gone.is_empty() {
            let told = format!("gone, because the cell had moved them: {}", quoted(gone));
            error.evalue = format!("{} ({told})", error.evalue);
            error.traceback.push(told);
        }
        error
    }

    /// The process has ended; brings back what can be brought back.
    fn died(&mut self, death: &Death) -> CellError {
        let how = death.how();
        let places = self.places_of(&death.calls);
        let before = self.books.names();
        let doubtful = self.log.doubtful().clone();
        let told = match self.restore() {
            Ok(took) => restored(&before, &self.books.names(), &doubtful, took),
            Err(reason) => {
                self.books.variables.clear();
                self.started = None;
                format!("its variables are lost ({reason})")
            }
        };
        let at = places.first().map(|(cell, line)| format!(", in cell {cell}, line {line}"));
        let at = at.unwrap_or_default();
        let reason = format!("the process that ran the cell ended ({how}{at}); {told}");
        let mut error = CellError::new("Crashed", reason);
        self.show_calls(&places, &mut error);
        error
    }

    /// Runs the session's cells again in a new process, without their output. Cells
    /// that are marked not to be run twice are left out, and with them what needs them.
    fn restore(&mut self) -> Result<Duration, String> {
        let begin = Instant::now();
        self.stopper.restoring();
        let Some(started) = &mut self.started else { return Ok(Duration::ZERO) };
        let mut left_out = BTreeSet::new();
        let before = std::mem::take(&mut self.books.variables);
        'again: loop {
            let program = started.compiler.library().runner();
            // The old one first: it holds memory.
            started.child.end();
            started.child = Child::start(&program, memory::limit())?;
            started.number.store(started.child.number(), Ordering::Relaxed);
            let mut kept = BTreeSet::new();
            let mut done: Vec<Step> = Vec::new();
            for step in self.log.steps() {
                let has_all = step.handed.iter().all(|name| kept.contains(name));
                if step.once || left_out.contains(&step.cell) || !has_all {
                    continue;
                }
                let mut step = step.clone();
                if !step.library.exists() || step.needs.iter().any(|file| !file.exists()) {
                    match started.compiler.compile(&step.source) {
                        Ok((_, entry)) => step.library = entry.library(),
                        Err(_) => continue,
                    }
                }
                let stopper = self.stopper.clone();
                let begun = &mut || stopper.code_runs();
                let job = Job { needs: &step.needs, cell: &step.library, run: step.run };
                let mut answers = Answers::again(&step.answers);
                let ran = started.child.run(&job.request(), None, &mut answers, begun);
                self.stopper.code_ends();
                match ran {
                    // The reader does not want to wait for the rest.
                    Ran::Ended(End { fault: Some(fault), kept: left, .. })
                        if fault.ename == "Interrupted" =>
                    {
                        kept = left;
                        break;
                    }
                    Ran::Ended(end) => kept = end.kept,
                    // It does not do again what it did before.
                    Ran::Died(..) => {
                        left_out.insert(step.cell);
                        continue 'again;
                    }
                }
                done.push(step);
            }
            self.books.variables =
                before.into_iter().filter(|(name, _)| kept.contains(name)).collect();
            self.log = Log::default();
            done.into_iter().for_each(|step| self.log.add(step));
            return Ok(begin.elapsed());
        }
    }
}

/// The code of a compiler's error, such as `E0308`.
fn code_of(error: &CellError) -> Option<String> {
    let (_, rest) = error.evalue.split_once("[E")?;
    Some(format!("E{}", rest.split(']').next()?))
}

/// Compiles a program again, in the background, for the next time it is run.
fn compile_for_speed(compiler: &Arc<Compiler>, program: &Program) {
    let (compiler, source) = (compiler.clone(), program.fast_source());
    std::thread::spawn(move || {
        let _ = compiler.compile(&source);
    });
}

/// What is back, what is not, and in how long. Times that a reader does not feel are
/// not told: the same notebook is to give the same bytes tomorrow.
fn restored(
    before: &BTreeSet<String>,
    after: &BTreeSet<String>,
    doubtful: &BTreeMap<String, u32>,
    took: Duration,
) -> String {
    let lost: Vec<&String> = before.difference(after).collect();
    let time = match took.as_secs_f64() {
        short if short < 0.1 => "in under 0.1 s".to_owned(),
        long => format!("in {long:.1} s"),
    };
    let back = match after.len() {
        0 => "no variable was there to bring back".to_owned(),
        1 => format!("{} is back as it was before the cell, {time}", quoted(after)),
        2..=12 => format!("{} are back as they were before the cell, {time}", quoted(after)),
        many => format!("{many} variables are back as they were before the cell, {time}"),
    };
    let mut told = match lost.len() {
        0 => back,
        _ if after.is_empty() => format!("these variables are lost: {}", quoted(lost)),
        _ => format!("{back}; these are lost: {}", quoted(lost)),
    };
    let other: Vec<&String> = doubtful.keys().filter(|name| after.contains(*name)).collect();
    if !other.is_empty() {
        let cells: BTreeSet<String> = doubtful.values().map(u32::to_string).collect();
        let cells = cells.into_iter().collect::<Vec<_>>().join(", ");
        told.push_str(&format!(
            "; without what the interrupted cell {cells} had done, which may change: {}",
            quoted(other)
        ));
    }
    told
}

impl Default for Rust {
    fn default() -> Self {
        Self::new()
    }
}

impl Interpreter for Rust {
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
        let ended = self.run_cell(cell, io);
        let interrupted = self.stopper.cell_ends();
        let units = &self.books.units;
        self.assistant.update(&self.books.variables, &units.texts(), units.source());
        match interrupted {
            true => ended.map_err(as_interrupted),
            false => ended,
        }
    }

    fn comm(&mut self, message: &CommMessage, io: &dyn CellIo) -> Result<bool, CellError> {
        self.stopper.cell_begins();
        let taken = self.run_comm(message, io);
        match self.stopper.cell_ends() {
            true => taken.map_err(as_interrupted),
            false => taken,
        }
    }
}
