//! Runs cargo, follows what it says, and picks the files that a cell needs out of what it made.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use super::{LibraryError, Progress, Stage, Toolchain, manifest, wrapper};

/// What cargo is to make, of which package of the workspace.
pub(super) struct Goal {
    pub(super) package: &'static str,
    /// The command and its arguments, but for the package.
    pub(super) arguments: &'static [&'static str],
    /// Those for rustc.
    pub(super) flags: &'static [&'static str],
    /// A script that cargo calls in rustc's place, which calls rustc.
    pub(super) wrapper: Option<&'static str>,
    /// The crates that take long, as shares of an average one: the rest of the list counts 1 each. Measured on two
    /// cores; it only makes the time left honest.
    pub(super) weights: &'static [(&'static str, f64)],
}

/// The library for cells.
pub(super) const LIBRARY: Goal = Goal {
    package: "pillars-course",
    arguments: &["rustc", "--profile", "cells", "--lib", "--crate-type", "dylib"],
    flags: &["-C", "prefer-dynamic"],
    wrapper: Some(include_str!("light.sh")),
    weights: &[
        ("polars-core", 70.0),
        ("polars-ops", 28.0),
        ("polars-compute", 23.0),
        ("polars-plan", 16.0),
        ("polars-arrow", 11.0),
        ("syn", 7.0),
        ("async-trait", 6.0),
        ("polars-io", 5.0),
        ("polars-row", 4.0),
    ],
};

/// Cargo's last words that are kept for an error.
const LAST_LINES: usize = 12;

impl Goal {
    fn weight(&self, package: &str) -> f64 {
        let name = package.split(' ').next().unwrap_or_default();
        self.weights.iter().find(|(heavy, _)| *heavy == name).map_or(1.0, |(_, weight)| *weight)
    }
}

/// What cargo made.
pub(super) struct Built {
    /// The program; or the dynamic library and the metadata and macros that rustc reads with it.
    pub(super) files: Vec<PathBuf>,
    /// Crates in the library, macros and their own crates included.
    pub(super) crates: usize,
    /// Seconds from cargo's first word on a crate to its last, of those that were compiled: with others beside them.
    pub(super) took: BTreeMap<String, f64>,
}

/// Compiles in the checkout's own target folder, where a build that was cut short left off.
pub(super) fn build(
    goal: &Goal,
    root: &Path,
    toolchain: &Toolchain,
    report: &mut dyn FnMut(Progress),
) -> Result<Built, LibraryError> {
    let mut progress = Progress {
        stage: Stage::Downloading,
        done: 0,
        total: 0,
        name: String::new(),
        fraction: 0.0,
    };
    report(progress.clone());
    let crates = Crates::of(goal, root, toolchain)?;
    progress.total = crates.all.len();
    let whole: f64 = crates.all.iter().map(|name| goal.weight(name)).sum();

    let mut command = cargo(root, toolchain);
    command.args(goal.arguments).args(["-p", goal.package, "--locked"]);
    command.arg("--message-format=json-render-diagnostics");
    if !goal.flags.is_empty() {
        command.arg("--").args(goal.flags);
    }
    if let Some(script) = goal.wrapper {
        wrapper::set(script, root, &mut command)?;
    }
    let mut running = Running::start(&mut command)?;
    let (mut files, mut finished, mut work) = (Vec::new(), BTreeSet::new(), 0.0);
    let (mut begun, mut took) = (BTreeMap::new(), BTreeMap::new());
    let mut last = VecDeque::new();
    for event in running.events()? {
        match event {
            Event::Said(line) => {
                match told(&line) {
                    Some((stage, name)) => {
                        begun.entry(name.clone()).or_insert_with(Instant::now);
                        (progress.stage, progress.name) = (stage, name);
                    }
                    None => remember(&mut last, line),
                }
                report(progress.clone());
            }
            Event::Made(artifact) => {
                files.extend(artifact.wanted(&crates));
                if artifact.is_crate && finished.insert(artifact.package.clone()) {
                    if let Some(begun) = begun.get(&artifact.package) {
                        took.insert(artifact.package.clone(), begun.elapsed().as_secs_f64());
                    }
                    work += goal.weight(&artifact.package);
                    progress.done = finished.len().min(progress.total);
                    progress.fraction = (work / whole).min(1.0);
                    report(progress.clone());
                }
            }
        }
    }
    if !running.succeeded() {
        return Err(failure(&last.make_contiguous().join("\n")));
    }
    if files.is_empty() {
        return Err(LibraryError::Cargo(format!("it finished without making {}", goal.package)));
    }
    files.sort();
    files.dedup();
    Ok(Built { files, crates: progress.total, took })
}

/// The names (`name vX.Y.Z`) of the crates that make up the library.
struct Crates {
    /// All that cargo compiles, build scripts' dependencies and macros' own crates included.
    all: BTreeSet<String>,
    /// Those whose code is in the library.
    linked: BTreeSet<String>,
}

impl Crates {
    fn of(goal: &Goal, root: &Path, toolchain: &Toolchain) -> Result<Self, LibraryError> {
        Ok(Self {
            all: tree(goal, root, toolchain, "normal,build")?,
            linked: tree(goal, root, toolchain, "normal,no-proc-macro")?,
        })
    }
}

fn tree(
    goal: &Goal,
    root: &Path,
    toolchain: &Toolchain,
    edges: &str,
) -> Result<BTreeSet<String>, LibraryError> {
    let mut command = cargo(root, toolchain);
    command.args(["tree", "-p", goal.package, "--locked", "--prefix", "none", "-e", edges]);
    let output = command.output().map_err(no_cargo)?;
    if !output.status.success() {
        return Err(failure(&String::from_utf8_lossy(&output.stderr)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let name = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    Ok(text.lines().filter(|line| !line.is_empty()).map(name).collect())
}

fn cargo(root: &Path, toolchain: &Toolchain) -> Command {
    let mut command = Command::new(&toolchain.cargo);
    command.current_dir(root).env("RUSTC", &toolchain.rustc).stdin(Stdio::null());
    command.env("CARGO_TERM_COLOR", "never").env("CARGO_TERM_PROGRESS_WHEN", "never");
    // Flags from outside would make another library than the one the fingerprint names.
    for flags in
        ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET"]
    {
        command.env_remove(flags);
    }
    command
}

/// A cargo that runs; killed when dropped before its end.
struct Running {
    child: Child,
}

/// What cargo tells: a line on stderr, or something it made.
enum Event {
    Said(String),
    Made(Artifact),
}

impl Running {
    fn start(command: &mut Command) -> Result<Self, LibraryError> {
        let child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(no_cargo)?;
        Ok(Self { child })
    }

    /// All that cargo tells, in order a stream, until it closes both.
    fn events(&mut self) -> Result<mpsc::IntoIter<Event>, LibraryError> {
        let (sender, receiver) = mpsc::channel();
        if let Some(stdout) = self.child.stdout.take() {
            forward(stdout, sender.clone(), |line| Artifact::parse(&line).map(Event::Made));
        }
        if let Some(stderr) = self.child.stderr.take() {
            forward(stderr, sender, |line| Some(Event::Said(line)));
        }
        Ok(receiver.into_iter())
    }

    fn succeeded(&mut self) -> bool {
        self.child.wait().is_ok_and(|status| status.success())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn forward(
    stream: impl Read + Send + 'static,
    sender: Sender<Event>,
    parse: fn(String) -> Option<Event>,
) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if parse(line).is_some_and(|event| sender.send(event).is_err()) {
                break;
            }
        }
    });
}

/// One of cargo's `compiler-artifact` messages.
#[derive(Debug, PartialEq)]
struct Artifact {
    /// `name vX.Y.Z`, as [`Crates`] has it.
    package: String,
    /// A library or macro, not a build script.
    is_crate: bool,
    is_macro: bool,
    is_program: bool,
    files: Vec<PathBuf>,
}

impl Artifact {
    fn parse(line: &str) -> Option<Self> {
        let message: Value = serde_json::from_str(line).ok()?;
        if message["reason"] != "compiler-artifact" {
            return None;
        }
        let kinds = message["target"]["kind"].as_array()?;
        let has = |kind: &str| kinds.iter().any(|other| other == kind);
        let files = message["filenames"].as_array()?.iter().filter_map(Value::as_str);
        Some(Self {
            package: package_name(message["package_id"].as_str()?)?,
            is_crate: !has("custom-build"),
            is_macro: has("proc-macro"),
            is_program: has("bin"),
            files: files.map(PathBuf::from).collect(),
        })
    }

    /// A program; or the files that rustc reads when it compiles a cell: the library itself, its crates' metadata,
    /// and macros.
    fn wanted(&self, crates: &Crates) -> Vec<PathBuf> {
        let ending = std::env::consts::DLL_EXTENSION;
        let keep = |file: &&PathBuf| match file.extension() {
            Some(extension) if extension == "rmeta" => crates.linked.contains(&self.package),
            Some(extension) if extension == ending => {
                self.is_macro || file.ends_with(manifest::library_name())
            }
            _ => self.is_program,
        };
        self.files.iter().filter(keep).cloned().collect()
    }
}

/// `name vX.Y.Z` from a package's id: `…/folder#X.Y.Z`, `…#name@X.Y.Z`.
fn package_name(id: &str) -> Option<String> {
    let (source, rest) = id.rsplit_once('#')?;
    let (name, version) = match rest.rsplit_once('@') {
        Some(both) => both,
        None => (source.rsplit('/').next()?, rest),
    };
    Some(format!("{name} v{version}"))
}

/// What a line of cargo's tells about progress, and about which crate.
fn told(line: &str) -> Option<(Stage, String)> {
    let (verb, rest) = line.trim_start().split_once(' ')?;
    let stage = match verb {
        "Blocking" => Stage::Waiting,
        "Updating" | "Downloading" | "Downloaded" => Stage::Downloading,
        "Compiling" | "Finished" | "Fresh" => Stage::Compiling,
        _ => return None,
    };
    let is_crate = matches!(verb, "Compiling" | "Downloaded");
    let name = rest.split(' ').take(2).filter(|_| is_crate).collect::<Vec<_>>().join(" ");
    Some((stage, name))
}

fn remember(last: &mut VecDeque<String>, line: String) {
    if line.trim().is_empty() {
        return;
    }
    if last.len() == LAST_LINES {
        last.pop_front();
    }
    last.push_back(line);
}

/// Cargo's failure as an error of ours: a network that is not there, or anything else.
fn failure(said: &str) -> LibraryError {
    const SIGNS: [&str; 11] = [
        "offline mode",
        "failed to download",
        "download of",
        "spurious network error",
        "Could not resolve",
        "Couldn't connect",
        "Failed to connect",
        "failed to connect",
        "network failure",
        "--offline was specified",
        "attempting to make an HTTP request",
    ];
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let kept = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
    if SIGNS.iter().any(|sign| said.contains(sign)) {
        return LibraryError::Network(kept);
    }
    LibraryError::Cargo(kept)
}

fn no_cargo(error: std::io::Error) -> LibraryError {
    LibraryError::NoToolchain(format!("`cargo` cannot be started ({error})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_ids_in_both_forms() {
        for (id, expected) in [
            ("registry+https://example.org/index#polars@0.55.0", "polars v0.55.0"),
            ("path+file:///home/me/src/pillars#pillars-course@0.1.0", "pillars-course v0.1.0"),
            ("path+file:///home/me/src/either#1.0.0", "either v1.0.0"),
        ] {
            assert_eq!(package_name(id).as_deref(), Some(expected));
        }
    }

    #[test]
    fn lines_that_tell_progress() {
        for (line, expected) in [
            ("   Compiling polars-core v0.55.0", Some((Stage::Compiling, "polars-core v0.55.0"))),
            (
                "   Compiling pillars-course v0.1.0 (/x/y)",
                Some((Stage::Compiling, "pillars-course v0.1.0")),
            ),
            ("    Blocking waiting for file lock on build directory", Some((Stage::Waiting, ""))),
            (" Downloading crates ...", Some((Stage::Downloading, ""))),
            ("error: no matching package", None),
        ] {
            assert_eq!(
                told(line),
                expected.map(|(stage, name)| (stage, name.to_owned())),
                "{line}"
            );
        }
    }

    #[test]
    fn a_missing_network_is_recognised() {
        let offline =
            "error: failed to download from the index\nCaused by:\n  [6] Could not resolve host: x";
        assert!(matches!(failure(offline), LibraryError::Network(_)));
        assert!(matches!(failure("error[E0308]: mismatched types"), LibraryError::Cargo(_)));
    }
}
