//! What the integration tests share: the program with a home of its own, and
//! the Python environment of its clients.

#![allow(dead_code, reason = "each test program uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The program, with its data below cargo's target folder; the library for cells is there.
pub fn pillars() -> Command {
    let mut program = bare_pillars();
    program.env("JUPYTER_DATA_DIR", installed());
    program
}

/// The program, with its data below cargo's target folder.
pub fn bare_pillars() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_pillars"));
    program.env("PILLARS_HOME", home());
    program
}

/// A program of the clients' environment, with our kernel among its kernels.
pub fn jupyter(program: &str) -> Command {
    let mut command = Command::new(environment().join("bin").join(program));
    command.env("PILLARS_HOME", home()).env("JUPYTER_DATA_DIR", installed());
    // It takes a gigabyte and a processor; tests/analyzer.rs has it.
    command.env("PILLARS_ANALYZER", "0");
    // A session finds no cells of others.
    command.env("PILLARS_HISTORY", "0");
    command
}

/// The test by JupyterLab's client, with what it needs from npm.
pub fn services() -> Command {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/services");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("services");
    let wanted = std::fs::read_to_string(source.join("package-lock.json")).unwrap();
    let stamp = folder.join("installed");
    if !std::fs::read_to_string(&stamp).is_ok_and(|has| has == wanted) {
        let folder = scratch("services");
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(source.join(file), folder.join(file)).unwrap();
        }
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder));
        std::fs::write(&stamp, wanted).unwrap();
    }
    std::fs::copy(source.join("test.js"), folder.join("test.js")).unwrap();
    let mut command = jupyter("python");
    // The same environment, for another program.
    let python = command.get_program().to_owned();
    let mut node = Command::new("node");
    for (name, value) in command.env("NODE_NO_WARNINGS", "1").get_envs() {
        node.env(name, value.unwrap_or_default());
    }
    node.arg(folder.join("test.js")).arg(python).current_dir(&folder);
    node
}

/// For engines inside the test itself: the same home, with the library in it.
pub fn use_home() {
    installed();
    // SAFETY: called before there are threads.
    unsafe { std::env::set_var("PILLARS_HOME", home()) };
}

/// An empty folder for a test's files.
pub fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// All that a program said.
pub fn shown(ran: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}{}", ran.status, text(&ran.stdout), text(&ran.stderr))
}

fn home() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("pillars-home")
}

/// Installs the kernel and the library, once; returns Jupyter's data folder.
/// What this does not have compiled yet takes its time: ten minutes on two cores.
fn installed() -> PathBuf {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    let install = || {
        let prefix = scratch("prefix");
        let mut install = bare_pillars();
        let ran =
            install.args(["install", "--no-analyzer", "--prefix"]).arg(&prefix).output().unwrap();
        assert!(ran.status.success(), "{}", shown(&ran));
        prefix.join("share/jupyter")
    };
    INSTALLED.get_or_init(install).clone()
}

/// The clients' Python environment, made anew when its requirements have changed.
fn environment() -> PathBuf {
    static ENVIRONMENT: OnceLock<PathBuf> = OnceLock::new();
    let make = || {
        let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/requirements.txt");
        let wanted = std::fs::read_to_string(&requirements).unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
        let stamp = folder.join("requirements.txt");
        if std::fs::read_to_string(&stamp).is_ok_and(|has| has == wanted) {
            return folder;
        }
        let _ = std::fs::remove_dir_all(&folder);
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        run(Command::new(folder.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--requirement"])
            .arg(&requirements));
        std::fs::write(stamp, wanted).unwrap();
        folder
    };
    ENVIRONMENT.get_or_init(make).clone()
}

fn run(command: &mut Command) {
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{command:?}: {}", shown(&ran));
}
