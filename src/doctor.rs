//! `pillars doctor`: what is there, what is wrong, and the command that mends it.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::Result;
use clap::Args;
use pillars_engine::library::{Library, Service, Toolchain, cache_dir, data_dir, source_root};

use crate::kernel::LOG;
use crate::kernel_spec::{self, Selection};
use crate::python;

/// The compiler that the workspace is made for.
const TOOLCHAIN: &str = include_str!("../rust-toolchain.toml");

/// Free space below which a first build may not fit, in megabytes.
const ENOUGH: u64 = 4_000;

/// Check everything that is needed, and say how to mend what is wrong
///
/// Exit status 1 when something keeps notebooks from running.
#[derive(Args)]
pub struct Doctor {}

/// One line of the report.
enum Finding {
    Fine(String),
    /// Works, but could be better.
    Note(String),
    /// Keeps notebooks from running.
    Problem(String),
}

use Finding::{Fine, Note, Problem};

type Check = fn() -> Finding;

impl Doctor {
    pub fn run(self) -> Result<ExitCode> {
        let checks: [(&str, Check); 11] = [
            ("sources", sources),
            ("compiler", compiler),
            ("linker", linker),
            ("Python", python),
            ("Jupyter", jupyter),
            ("kernelspec", kernelspec),
            ("library", library),
            ("completion", completion),
            ("cache", cache),
            ("notes", notes),
            ("disk", disk),
        ];
        let mut wrong = false;
        let mut out = std::io::stdout().lock();
        for (name, check) in checks {
            let finding = check();
            wrong |= matches!(finding, Problem(_));
            let (mark, text) = match finding {
                Fine(text) => ("ok     ", text),
                Note(text) => ("note   ", text),
                Problem(text) => ("problem", text),
            };
            // A reader that went away needs no report.
            let _ = writeln!(out, "{mark}  {name:10}  {text}");
        }
        Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn sources() -> Finding {
    match source_root() {
        Ok(root) => Fine(root.display().to_string()),
        Err(error) => Problem(error.to_string()),
    }
}

fn compiler() -> Finding {
    let toolchain = match source_root().and_then(|root| Toolchain::find(&root)) {
        Ok(toolchain) => toolchain,
        Err(error) => return Problem(error.to_string()),
    };
    let wanted =
        TOOLCHAIN.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap_or_default();
    let wanted = wanted.trim_matches('"');
    if !toolchain.release().starts_with(&format!("rustc {wanted} ")) {
        return Problem(format!(
            "{} is not the {wanted} that the library for cells is built with: `rustup toolchain install {wanted}`",
            toolchain.release()
        ));
    }
    match first_line(Command::new(&toolchain.cargo).arg("-V")) {
        Some(cargo) => Fine(format!("{}; {cargo}", toolchain.release())),
        None => Problem(format!(
            "cargo is missing beside {}: `rustup toolchain install {wanted}`",
            toolchain.release()
        )),
    }
}

fn linker() -> Finding {
    match first_line(Command::new("cc").arg("--version")) {
        Some(version) => Fine(version),
        None => Problem(
            "no `cc`, which rustc links with: `apt install gcc libc6-dev` (Debian, Ubuntu), `dnf install gcc` (Fedora), `xcode-select --install` (macOS)"
                .to_owned(),
        ),
    }
}

fn python() -> Finding {
    match python::find() {
        Ok(python) => Fine(format!("{} ({})", python.version, python.program.display())),
        Err(error) => Note(format!("{error:#} (`pillars lab` needs it, `pillars run` does not)")),
    }
}

fn jupyter() -> Finding {
    let own = python::environment_dir().ok().filter(|dir| python::environment_is_ready(dir));
    if let Some(dir) = own {
        let version = first_line(Command::new(dir.join("bin/python")).args([
            "-m",
            "jupyterlab",
            "--version",
        ]));
        return match version {
            Some(version) => Fine(format!("JupyterLab {version} in {}", dir.display())),
            None => Note(format!(
                "{} does not start: remove it, then `pillars lab` sets it up again",
                dir.display()
            )),
        };
    }
    match first_line(Command::new("jupyter").args(["lab", "--version"])) {
        Some(version) => Fine(format!("JupyterLab {version} on PATH")),
        None => Note("not set up yet: `pillars lab` does it".to_owned()),
    }
}

fn kernelspec() -> Finding {
    let own = python::environment_dir().map(|dir| Selection::prefix(&dir));
    let places = own.into_iter().chain([Selection::user()]);
    let Some((dir, program)) = places.filter_map(|place| place.dir().ok()).find_map(|dir| {
        let program = kernel_spec::executable(&dir)?;
        Some((dir, program))
    }) else {
        return Note(
            "not installed for this user: `pillars install` (or `pillars lab`) does it".to_owned(),
        );
    };
    if !program.is_file() {
        return Problem(format!(
            "{} starts {}, which is gone: `pillars install`, or `pillars lab`",
            dir.display(),
            program.display()
        ));
    }
    Fine(format!("{} starts {}", dir.display(), program.display()))
}

fn library() -> Finding {
    match Library::locate().and_then(|library| library.verify().map(|()| library)) {
        Ok(library) => {
            let manifest = library.manifest();
            Fine(format!(
                "{} MB in {} files, contents as written, {}",
                manifest.bytes / 1_000_000,
                manifest.files.len(),
                library.dir().display()
            ))
        }
        Err(error) => Problem(error.to_string()),
    }
}

/// The program for completion.
fn completion() -> Finding {
    let service = source_root()
        .and_then(|root| Toolchain::find(&root))
        .and_then(|toolchain| Service::locate(&toolchain));
    match service {
        Ok(service) => Fine(format!("knows types, {}", service.program().display())),
        Err(error) => Note(format!("knows names: {error}")),
    }
}

/// The cache of compiled cells: without it, each session compiles its cells again.
fn cache() -> Finding {
    let Ok(dir) = cache_dir() else {
        return Problem("HOME is not set: set it, or PILLARS_HOME".to_owned());
    };
    let probe = dir.join(format!(".probe-{}", std::process::id()));
    let written = fs::create_dir_all(&dir).and_then(|()| fs::write(&probe, ""));
    let _ = fs::remove_file(&probe);
    match written {
        Ok(()) => Fine(format!(
            "{} MB of compiled cells, {}",
            bytes_below(&dir) / 1_000_000,
            dir.display()
        )),
        Err(error) => Note(format!(
            "{} cannot be written ({error}), so each session compiles its cells again: make it writable, or set PILLARS_HOME",
            dir.display()
        )),
    }
}

/// What kernels noted of themselves, for a report.
fn notes() -> Finding {
    let Ok(file) = data_dir().map(|dir| dir.join(LOG)) else {
        return Problem("HOME is not set: set it, or PILLARS_HOME".to_owned());
    };
    match fs::read_to_string(&file) {
        Ok(text) => match text.lines().next_back() {
            Some(last) => Fine(format!("{}, the latest: {last}", file.display())),
            None => Fine(format!("none, in {}", file.display())),
        },
        Err(_) => Fine(format!("none yet; they go to {}", file.display())),
    }
}

fn disk() -> Finding {
    let Ok(data) = data_dir() else {
        return Problem("HOME is not set: set it, or PILLARS_HOME".to_owned());
    };
    let used: Vec<String> = ["library", "analyzer", "python", "deps"]
        .iter()
        .map(|name| format!("{name} {} MB", bytes_below(&data.join(name)) / 1_000_000))
        .collect();
    let target = source_root()
        .map(|root| bytes_below(&root.join("target/cells")) / 1_000_000)
        .unwrap_or_default();
    let text = format!("used: {}, target/cells {target} MB", used.join(", "));
    let existing = data.ancestors().find(|dir| dir.exists()).unwrap_or(&data);
    match free_megabytes(existing) {
        Some(free) if free < ENOUGH => Note(format!(
            "{free} MB free, a first build takes up to {ENOUGH}: free some space; {text}"
        )),
        Some(free) => Fine(format!("{free} MB free; {text}")),
        None => Fine(text),
    }
}

/// The first line that a command prints, if it ends well.
fn first_line(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().filter(|_| output.status.success()).map(str::to_owned)
}

fn bytes_below(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => bytes_below(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

/// As the portable `df -Pk` has it.
fn free_megabytes(dir: &Path) -> Option<u64> {
    let output = Command::new("df").arg("-Pk").arg(dir).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let kilobytes: u64 = text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    Some(kilobytes / 1024)
}
