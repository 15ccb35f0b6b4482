//! evcxr, and the only file that names it: it compiles a program against the
//! library for cells, and runs it in a child process that it keeps.

use crate::library::Library;
use crate::scratch;
use evcxr::{CommandContext, EvalCallbacks, EvalContext};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};

/// Must be called first in `main`: the program is its own child, which runs the
/// cells, and does not return from here in that role.
pub fn runtime_hook() {
    evcxr::runtime_hook();
}

/// Begins the name of a folder of compiled cells; the kernel's process number follows.
const FOLDER: &str = "pillars-cells-";

/// The child process, over its restarts.
#[derive(Clone)]
pub struct ChildHandle(Arc<Mutex<Child>>);

impl ChildHandle {
    /// Its number; `None` while evcxr waits for its end.
    pub fn id(&self) -> Option<u32> {
        self.0.try_lock().ok().map(|child| child.id())
    }
}

/// What a program printed, line by line, while it ran.
pub struct Output {
    /// Standard output.
    pub stdout: crossbeam_channel::Receiver<String>,
    /// Standard error.
    pub stderr: crossbeam_channel::Receiver<String>,
}

/// What was shown in evcxr's own way: MIME type and content.
pub type Shown = Vec<(String, String)>;

/// Why a program did not come to its end.
#[derive(Debug)]
pub enum Failed {
    /// It does not compile; rustc's diagnostics as JSON.
    Compile(Vec<Value>),
    /// The child process ended; how.
    Ended(String),
    /// Anything else, in evcxr's words.
    Other(String),
}

/// A context: the items so far, the child with its variables.
pub struct Evaluator {
    context: CommandContext,
    dir: PathBuf,
    _dir: tempfile::TempDir,
}

impl Evaluator {
    /// Starts a child and makes the library known to cells. Takes seconds.
    ///
    /// # Errors
    /// A sentence, when a folder, the child or the compiler cannot be had.
    pub fn start(library: &Library) -> Result<(Self, Output, ChildHandle), String> {
        scratch::sweep(&std::env::temp_dir(), FOLDER);
        let dir = tempfile::Builder::new()
            .prefix(&format!("{FOLDER}{}-", std::process::id()))
            .tempdir()
            .map_err(|error| {
                format!("no folder for compiled cells: {error}; free some disk space or set TMPDIR")
            })?;
        // SAFETY: evcxr takes its folder from the environment. Nothing else in this
        // process reads or writes this name; std's own accesses are locked.
        unsafe { std::env::set_var("EVCXR_TMPDIR", dir.path()) };
        hide_sources(library, dir.path()).map_err(|error| {
            format!("cannot write to {}: {error}; free some disk space", dir.path().display())
        })?;
        let (mut context, output) =
            EvalContext::with_subprocess_command(child()?).map_err(|error| error.to_string())?;
        let mut flags = library.rustc_flags();
        // The listing that tells the types of variables.
        flags.push("--emit=mir".to_owned());
        // The highest level at which cells use the library's instances of generics
        // instead of compiling them again.
        context.set_opt_level("1").map_err(|error| error.to_string())?;
        let mut state = context.state();
        state.set_build_env("CARGO_ENCODED_RUSTFLAGS", &flags.join("\u{1f}"));
        context
            .eval_with_state("#[allow(unused_imports)] use pillars::prelude::*;", state)
            .map_err(|error| error.to_string())?;
        let handle = ChildHandle(context.process_handle());
        let evaluator = Self {
            context: CommandContext::with_eval_context(context),
            dir: dir.path().to_owned(),
            _dir: dir,
        };
        Ok((evaluator, Output { stdout: output.stdout, stderr: output.stderr }, handle))
    }

    /// Compiles a program and runs it; or carries out a command such as `:dep`.
    pub fn run(
        &mut self,
        program: &str,
        input: &dyn Fn(&str, bool) -> String,
    ) -> Result<Shown, Failed> {
        let mut callbacks =
            EvalCallbacks { input_reader: &|request| input(&request.prompt, request.is_password) };
        match self.context.execute_with_callbacks(program, &mut callbacks) {
            Ok(outputs) => {
                let mut shown: Vec<_> = outputs.content_by_mime_type.into_iter().collect();
                shown.sort();
                Ok(shown)
            }
            Err(evcxr::Error::CompilationErrors(errors)) => {
                let own_words = |error: &evcxr::CompilationError| match &error.json {
                    Value::Null => {
                        serde_json::json!({ "level": "error", "message": error.message() })
                    }
                    json => json.clone(),
                };
                Err(Failed::Compile(errors.iter().map(own_words).collect()))
            }
            Err(evcxr::Error::SubprocessTerminated(how)) => Err(Failed::Ended(how)),
            Err(error) => Err(Failed::Other(error.to_string())),
        }
    }

    /// The folder in which cells are compiled.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The source that was compiled last.
    pub fn source(&self) -> String {
        self.context.last_source().unwrap_or_default()
    }

    /// The compiler's listing of the program that was compiled last.
    pub fn listing(&self) -> String {
        let Some(file) = newest_listing(&self.dir.join("target")) else { return String::new() };
        std::fs::read_to_string(file).unwrap_or_default()
    }
}

/// Shows rust-analyzer, inside evcxr, a toolchain without the standard library's sources,
/// as it is on a new machine: it would read them all for types that are not its to tell.
fn hide_sources(library: &Library, dir: &Path) -> std::io::Result<()> {
    let rustc = &library.toolchain().rustc;
    let shown = dir.join("toolchain");
    std::fs::create_dir_all(&shown)?;
    if let Some(bin) = rustc.parent() {
        pillars_unix::link(bin, &shown.join("bin"))?;
    }
    let wrapper = dir.join("rustc");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n\"--print sysroot\") echo '{}' ;;\n*) exec '{}' \"$@\" ;;\nesac\n",
        shown.display(),
        rustc.display()
    );
    std::fs::write(&wrapper, script)?;
    pillars_unix::make_executable(&wrapper)?;
    // SAFETY: as for EVCXR_TMPDIR.
    unsafe { std::env::set_var("RUSTC", wrapper) };
    Ok(())
}

fn child() -> Result<Command, String> {
    let program = std::env::current_exe()
        .map_err(|error| format!("the program's own file cannot be found: {error}"))?;
    let mut command = Command::new(program);
    command.env("PILLARS_CELL", "1");
    // What a cell starts ends with it, and it with the interpreter's thread, that is, the kernel.
    pillars_unix::lead_group(&mut command);
    Ok(command)
}

/// `target/<triple>/debug/deps/ctx-*.mir`; the triple is the only folder that has one.
fn newest_listing(target: &Path) -> Option<PathBuf> {
    let entries = |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries(target)
        .flat_map(|triple| entries(&triple.path().join("debug/deps")).collect::<Vec<_>>())
        .filter(|file| file.path().extension().is_some_and(|extension| extension == "mir"))
        .filter(|file| file.file_name().to_string_lossy().starts_with("ctx"))
        .max_by_key(|file| file.metadata().and_then(|data| data.modified()).ok())
        .map(|file| file.path())
}
