//! rustc and the linker, called directly: a source becomes an object file by one
//! run of the compiler and a loadable library by one of a bare linker. What has
//! been compiled before comes from the cache.

use crate::cache::{Cache, Entry, Key};
use crate::library::Library;
use crate::linker::Linker;
use crate::listing;
use crate::scratch;
use crate::waiting::Pool;
use serde_json::Value;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};

/// A source, and what it is compiled with.
#[derive(Clone, Debug)]
pub struct Source {
    /// The crate's name.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Whether it is a crate of definitions, for others to import, or a cell.
    pub is_definitions: bool,
    /// Whether the types of what it keeps are wanted.
    pub wants_types: bool,
    /// 0 to 3.
    pub level: u8,
    /// Crates it imports.
    pub imports: Vec<Import>,
    /// All crates of definitions that these depend on, themselves included, in an
    /// order in which they can be loaded.
    pub needs: Vec<Needed>,
}

/// A crate that is imported by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The crate's name.
    pub name: String,
    /// Its metadata or library.
    pub file: PathBuf,
}

/// A compiled crate of definitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// Its name.
    pub name: String,
    /// What it was compiled from.
    pub key: Key,
    /// The folder of its metadata.
    pub folder: PathBuf,
    /// The library to load.
    pub library: PathBuf,
}

/// Why there is nothing to run.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The source does not compile; rustc's diagnostics.
    Rejected(Vec<Value>),
    /// The compiler or the linker could not do its work; a sentence.
    Broken(String),
}

/// Compiles sources. Shared by threads.
pub struct Compiler {
    library: Library,
    linker: Linker,
    cache: Cache,
    work: tempfile::TempDir,
    /// Keys that are being compiled by some thread.
    busy: Mutex<BTreeSet<Key>>,
    done: Condvar,
    pool: Pool,
}

/// What begins each generated crate.
pub const HEADER: &str = "#![allow(warnings)]\nuse ::pillars::prelude::*;\n";

thread_local! {
    static RUNS: Cell<u64> = const { Cell::new(0) };
}

/// Begins the name of a folder for work; the kernel's process number follows.
const FOLDER: &str = "pillars-work-";

impl Compiler {
    /// Finds the linker, and makes a folder to work in.
    ///
    /// # Errors
    /// A sentence that says what is missing and how to get it.
    pub fn new(library: Library) -> Result<Self, String> {
        scratch::sweep(&work_root(), FOLDER);
        let work = tempfile::Builder::new()
            .prefix(&format!("{FOLDER}{}-", std::process::id()))
            .tempdir_in(work_root())
            .map_err(|error| {
                format!("no folder to compile in: {error}; free some space or set TMPDIR")
            })?;
        let linker = Linker::find(library.toolchain())?;
        let cache = Cache::open(&library.manifest().fingerprint, &work.path().join("cache"));
        Ok(Self {
            library,
            linker,
            cache,
            work,
            busy: Mutex::default(),
            done: Condvar::new(),
            pool: Pool::default(),
        })
    }

    /// The library that cells are compiled against.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// The folder in which it works.
    pub fn folder(&self) -> &Path {
        self.work.path()
    }

    /// How often this thread has started rustc: what others compile in the background is
    /// not a cell's.
    pub fn runs() -> u64 {
        RUNS.get()
    }

    /// What the cache had to complain of, once.
    pub fn complaint(&self) -> Option<String> {
        self.cache.complaint()
    }

    /// The key of a source: the same source has the same key tomorrow.
    pub fn key(&self, source: &Source) -> Key {
        // By the name of the library too: an older version of it may be the one that is loaded.
        let name = |needed: &Needed| {
            needed.library.file_name().map(|name| name.to_string_lossy().into_owned())
        };
        let needs: Vec<String> = source
            .needs
            .iter()
            .map(|needed| format!("{} {:?}", needed.key.text(), name(needed)))
            .collect();
        let imports = source.imports.iter().map(|import| import.name.as_str());
        let switches = format!("{} {} {}", source.is_definitions, source.wants_types, source.level);
        let parts = [source.name.as_str(), &source.text, &switches];
        self.cache.key(parts.into_iter().chain(needs.iter().map(String::as_str)).chain(imports))
    }

    /// Compiles a source, unless it is in the cache. Waits for a thread that is at it.
    ///
    /// # Errors
    /// The diagnostics when the source is at fault, a sentence when the machine is.
    pub fn compile(&self, source: &Source) -> Result<(Key, Entry), Failure> {
        let key = self.key(source);
        let _turn = Turn::take(self, &key);
        let entry = match self.cache.get(&key) {
            Some(entry) => entry,
            None => {
                let made = self.make(&key, source);
                self.refill(source);
                made?
            }
        };
        match entry.rejected.is_empty() {
            true => Ok((key, entry)),
            false => Err(Failure::Rejected(entry.rejected)),
        }
    }

    /// The entry of a source that has been compiled, from the cache.
    pub fn cached(&self, source: &Source) -> Option<Entry> {
        self.cache.get(&self.key(source)).filter(|entry| entry.rejected.is_empty())
    }

    /// rustc's diagnostics for a text on its own, without code: for errors of syntax
    /// and for texts without what is written into them.
    pub fn diagnose(&self, source: &Source) -> Result<Vec<Value>, Failure> {
        let job = self.job(&source.name)?;
        let (_, said) = self.rustc(job.path(), source, "--emit=metadata")?;
        Ok(said)
    }

    fn make(&self, key: &Key, source: &Source) -> Result<Entry, Failure> {
        let (folder, succeeded, said) = match self.by_waiting(source) {
            Some(made) => made?,
            None => {
                let job = self.job(&format!("{}-{}", source.name, key.text()))?;
                let (succeeded, said) = self.rustc(job.path(), source, emit(source))?;
                (job, succeeded, said)
            }
        };
        let file = |name: String| folder.path().join(name);
        let mut entry = Entry::default();
        if !succeeded {
            if said.is_empty() {
                return Err(Failure::Broken("the compiler ended without a word".to_owned()));
            }
            entry.rejected = said;
            return Ok(self.cache.put(key, entry, &[]));
        }
        if source.wants_types {
            let mir = std::fs::read_to_string(file(format!("{}.mir", source.name)));
            entry.types = listing::types(&mir.unwrap_or_default());
        }
        let object = file(format!("{}.o", source.name));
        let library = file(format!("{}.so", key.text()));
        let needed: Vec<&Path> = source.needs.iter().map(|needed| &*needed.library).collect();
        self.linker.link(&object, &library, &needed).map_err(Failure::Broken)?;
        let mut files = vec![library];
        if source.is_definitions {
            files.push(file(format!("lib{}.rmeta", source.name)));
        }
        Ok(self.cache.put(key, entry, &files))
    }

    /// Compiles by a compiler that waits for such a source, if there is one. To rustc the
    /// text is then one that was included, and what it says of that is not the reader's:
    /// such a text is compiled again.
    fn by_waiting(&self, source: &Source) -> Option<Result<Made, Failure>> {
        let waiting = self.pool.take(source)?;
        RUNS.set(RUNS.get() + 1);
        // The next gets ready on another processor.
        let (folder, output) = waiting.compile(source, || self.refill(source))?;
        match judged(&output) {
            Ok((false, said)) if said.iter().any(is_of_inclusion) => None,
            Ok((succeeded, said)) => Some(Ok((folder, succeeded, said))),
            Err(failure) => Some(Err(failure)),
        }
    }

    /// Has compilers wait for the next source like this one.
    fn refill(&self, source: &Source) {
        self.pool.refill(source, self.work.path(), &|source, folder| {
            let mut rustc = self.command(source, folder);
            rustc.arg(emit(source));
            rustc
        });
    }

    /// A folder of its own for one run.
    fn job(&self, name: &str) -> Result<tempfile::TempDir, Failure> {
        let made =
            tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(self.work.path());
        made.map_err(|error| {
            Failure::Broken(format!(
                "the cell cannot be compiled: no folder in {}: {error}; free some space or set TMPDIR",
                self.work.path().display()
            ))
        })
    }

    /// Runs rustc; whether it succeeded, and the errors it told of.
    fn rustc(
        &self,
        folder: &Path,
        source: &Source,
        emit: &str,
    ) -> Result<(bool, Vec<Value>), Failure> {
        let file = format!("{}.rs", source.name);
        let broken = |what: String| Failure::Broken(what);
        std::fs::write(folder.join(&file), &source.text).map_err(|error| {
            broken(format!(
                "the cell cannot be written to be compiled: {error}; free some space or set TMPDIR"
            ))
        })?;
        let mut rustc = self.command(source, folder);
        rustc.args([&file, emit]);
        rustc.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        RUNS.set(RUNS.get() + 1);
        let output = rustc.output().map_err(|error| {
            broken(format!(
                "the compiler {} cannot be started: {error}; install the toolchain again, then restart the kernel",
                self.library.toolchain().rustc.display()
            ))
        })?;
        judged(&output)
    }

    /// rustc as it compiles such a source in a folder, but for the file and what it is to make.
    fn command(&self, source: &Source, folder: &Path) -> Command {
        let mut rustc = Command::new(&self.library.toolchain().rustc);
        // The path of the file is part of what is compiled: it must not tell the folder.
        rustc.arg(format!("--remap-path-prefix={}=.", folder.display()));
        rustc.current_dir(folder).args(["--edition", "2024"]);
        rustc.args(["--crate-name", &source.name, "--error-format=json"]);
        rustc.args(["--crate-type", if source.is_definitions { "lib" } else { "cdylib" }]);
        rustc.args([
            "-Cprefer-dynamic",
            "-Cdebuginfo=line-tables-only",
            "-Cembed-bitcode=no",
            "-Ccodegen-units=1",
        ]);
        rustc.args(["-Coverflow-checks=yes", "-Cdebug-assertions=yes", "-Cpanic=unwind"]);
        rustc.arg(format!("-Copt-level={}", source.level));
        rustc.arg(format!("-Ldependency={}", self.library.dir().display()));
        rustc.arg(format!("--extern=pillars={}", self.library.file().display()));
        for needed in &source.needs {
            rustc.arg(format!("-Ldependency={}", needed.folder.display()));
        }
        for Import { name, file } in &source.imports {
            rustc.arg(format!("--extern={name}={}", file.display()));
        }
        rustc.args(["--out-dir", "."]);
        rustc
    }
}

/// Where something was compiled, whether it could be, and the errors that were told.
type Made = (tempfile::TempDir, bool, Vec<Value>);

/// What rustc is to make of a source.
fn emit(source: &Source) -> &'static str {
    match (source.is_definitions, source.wants_types) {
        (true, _) => "--emit=metadata,obj",
        (false, true) => "--emit=obj,mir",
        (false, false) => "--emit=obj",
    }
}

/// Whether rustc succeeded, and the errors it told of.
fn judged(output: &Output) -> Result<(bool, Vec<Value>), Failure> {
    let said = String::from_utf8_lossy(&output.stderr);
    let diagnostics = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let errors: Vec<Value> = diagnostics
        .filter(|told| {
            let level = told["level"].as_str().unwrap_or_default();
            // The count of errors that comes last has no place.
            level.starts_with("error") && !told["spans"].as_array().is_none_or(Vec::is_empty)
                || level.starts_with("error") && !told["code"].is_null()
        })
        .collect();
    if !output.status.success() && errors.is_empty() {
        return Err(Failure::Broken(explain(&said, &output.status.to_string())));
    }
    Ok((output.status.success(), errors))
}

/// Whether an error may be one of texts that are included, and not of the text: names
/// that come from there give way to others where they would not elsewhere.
fn is_of_inclusion(told: &Value) -> bool {
    told["code"]["code"] == "E0659" || told.to_string().contains("macro-expanded")
}

/// What rustc said when it gave up for a reason that is not the cell's.
fn explain(said: &str, status: &str) -> String {
    let message = |line: &str| {
        let told: Value = serde_json::from_str(line).ok()?;
        let text = told["message"].as_str()?;
        (told["level"] == "error" && !text.starts_with("aborting")).then(|| text.to_owned())
    };
    match said.lines().find_map(message) {
        Some(text) => format!("the compiler could not do its work: {text}"),
        None => match said.lines().find(|line| !line.trim().is_empty() && !line.starts_with('{')) {
            Some(line) => format!("the compiler could not do its work: {line}"),
            None => format!("the compiler was ended ({status})"),
        },
    }
}

/// The right to compile one key; others wait.
struct Turn<'a> {
    compiler: &'a Compiler,
    key: Key,
}

impl<'a> Turn<'a> {
    fn take(compiler: &'a Compiler, key: &Key) -> Self {
        let busy = compiler.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = compiler.done.wait_while(busy, |busy| busy.contains(key));
        waited.unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        Self { compiler, key: key.clone() }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.compiler.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        self.compiler.done.notify_all();
    }
}

/// In memory where there is such a folder: what is made there lives for milliseconds.
fn work_root() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if std::env::var_os("TMPDIR").is_none() && is_writable(memory) {
        return memory.to_owned();
    }
    std::env::temp_dir()
}

fn is_writable(folder: &Path) -> bool {
    folder.is_dir() && tempfile::tempfile_in(folder).is_ok()
}
