//! The program against bad input: one clear sentence, a status other than 0, never a backtrace.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PILLARS: &str = env!("CARGO_BIN_EXE_pillars");

/// Where the library for cells is put, below cargo's target folder: tests leave the user's own alone.
const HOME: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/pillars-home");

/// A folder of its own for one test; removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let dir =
            std::env::temp_dir().join(format!("pillars-program-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The program in `dir`, with a backtrace asked for: none may appear.
fn pillars(dir: &Folder, arguments: &[&str]) -> Command {
    let mut command = Command::new(PILLARS);
    command.args(arguments).current_dir(&dir.0).env("RUST_BACKTRACE", "1");
    command.env("HOME", &dir.0).env_remove("XDG_DATA_HOME").env_remove("JUPYTER_DATA_DIR");
    command
}

/// Text of an output, after a look that it is fit for people.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    for word in ["panicked", "backtrace", "stack backtrace"] {
        assert!(!text.contains(word), "{text}");
    }
    text
}

fn fails(command: &mut Command, fragments: &[&str]) {
    let output = command.output().unwrap();
    let text = said(&output);
    assert!(!output.status.success(), "{command:?} succeeded: {text}");
    assert!(output.status.code().is_some(), "{command:?} was killed: {text}");
    for fragment in fragments {
        assert!(text.contains(fragment), "{command:?} said: {text}\nexpected: {fragment}");
    }
    assert_eq!(text.lines().filter(|line| line.starts_with("pillars: ")).count(), 1, "{text}");
}

fn notebook(kernel: &str, language: &str, source: &str) -> String {
    serde_json::json!({
        "cells": [{"cell_type": "code", "execution_count": null, "id": "one", "metadata": {}, "outputs": [], "source": source}],
        "metadata": {"kernelspec": {"display_name": "x", "language": language, "name": kernel}},
        "nbformat": 4,
        "nbformat_minor": 5,
    })
    .to_string()
}

#[test]
fn notebooks_that_cannot_run() {
    let dir = Folder::new("notebooks");
    dir.file("text.ipynb", "not json");
    dir.file("half.ipynb", "{\"cells\": [");
    dir.file("list.json", "[1, 2]");
    dir.file(
        "three.ipynb",
        "{\"metadata\": {}, \"nbformat\": 3, \"nbformat_minor\": 0, \"worksheets\": []}",
    );
    dir.file(
        "five.ipynb",
        "{\"metadata\": {}, \"nbformat\": 5, \"nbformat_minor\": 0, \"cells\": []}",
    );
    dir.file(
        "form.ipynb",
        "{\"metadata\": {}, \"nbformat\": 4, \"nbformat_minor\": 5, \"cells\": [{}]}",
    );
    dir.file("python.ipynb", &notebook("python3", "python", "1"));
    // Found by fuzz/run: a message that shows the file's own text shows its line feeds.
    dir.file("lines.ipynb", "{\"cells\": [{\"cell_type\": \"c\\no\\u001b[2J\", \"id\": \"a\", \"metadata\": {}, \"source\": \"\"}], \"metadata\": {}, \"nbformat\": 4, \"nbformat_minor\": 5}");
    dir.file("name.ipynb", &notebook("python\n3", "python", "1"));
    fs::create_dir(dir.0.join("empty")).unwrap();
    for (path, fragments) in [
        ("missing.ipynb", ["missing.ipynb", "check the path"]),
        ("text.ipynb", ["text.ipynb is not a notebook", "not JSON"]),
        ("half.ipynb", ["half.ipynb is not a notebook", "not JSON"]),
        ("list.json", ["list.json", "no notebook"]),
        ("lines.ipynb", ["lines.ipynb does not have the form", "c\\no\\u{1b}[2J"]),
        ("name.ipynb", ["the kernel `python\\n3`", "choose the kernel Rust"]),
        ("three.ipynb", ["version 3 notebook", "nbconvert"]),
        ("five.ipynb", ["version 5 notebook", "version 4 is needed"]),
        ("form.ipynb", ["form.ipynb", "form of a notebook"]),
        ("python.ipynb", ["the kernel `python3`", "Rust (Pillars)"]),
        ("empty", ["no notebook", "empty"]),
    ] {
        let before = fs::read(dir.0.join(path)).ok();
        fails(&mut pillars(&dir, &["run", "--in-place", path]), &fragments);
        assert_eq!(fs::read(dir.0.join(path)).ok(), before, "{path} was touched");
    }
}

#[test]
fn command_lines_that_make_no_sense() {
    let dir = Folder::new("lines");
    for (arguments, fragment) in [
        (vec!["run"], "NOTEBOOK|DIR"),
        (vec!["run", "x.ipynb", "--timeout", "-1"], "--timeout"),
        (vec!["run", "x.ipynb", "--timeout", "0"], "above 0"),
        (vec!["run", "x.ipynb", "--in-place", "--output-dir", "y"], "cannot be used with"),
        (vec!["install", "--name", "a b"], "letters, digits"),
        (vec!["install", "--name", "../x"], "letters, digits"),
        (vec!["install", "--user", "--sys-prefix"], "cannot be used with"),
        (vec!["kernel"], "--connection-file"),
        (vec!["lab", "--port", "70000"], "--port"),
        (vec!["teach"], "teach"),
    ] {
        let output = pillars(&dir, &arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(said(&output).contains(fragment), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn connection_files_that_are_none() {
    let dir = Folder::new("connection");
    dir.file("text.json", "not json");
    dir.file("short.json", "{\"ip\": \"127.0.0.1\", \"transport\": \"tcp\", \"key\": \"\", \"signature_scheme\": \"hmac-sha256\", \"shell_port\": 1}");
    for (path, fragment) in
        [("missing.json", "missing.json"), ("text.json", "text.json"), ("short.json", "port")]
    {
        fails(&mut pillars(&dir, &["kernel", "--connection-file", path]), &[fragment]);
    }
}

#[test]
fn a_port_in_use() {
    let dir = Folder::new("port");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let free: Vec<_> =
        (0..4).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let mut ports = free.iter().map(|listener| listener.local_addr().unwrap().port());
    let mut next = || ports.next().unwrap();
    let connection = serde_json::json!({
        "ip": "127.0.0.1", "transport": "tcp", "key": "k", "signature_scheme": "hmac-sha256",
        "shell_port": port, "iopub_port": next(), "stdin_port": next(), "control_port": next(), "hb_port": next(),
    });
    drop(free);
    dir.file("c.json", &connection.to_string());
    fails(&mut pillars(&dir, &["kernel", "-f", "c.json"]), &[&port.to_string()]);
}

#[test]
fn install_and_uninstall() {
    let dir = Folder::new("install");
    let kernels = dir.0.join("env/share/jupyter/kernels");
    let run = |arguments: &[&str]| pillars(&dir, arguments).output().unwrap();
    let installed = run(&["install", "--prefix", "env", "--name", "Mine", "--no-library"]);
    assert!(installed.status.success(), "{}", said(&installed));
    for name in ["kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"] {
        assert!(fs::metadata(kernels.join("mine").join(name)).unwrap().len() > 100, "{name}");
    }
    let text = fs::read_to_string(kernels.join("mine/kernel.json")).unwrap();
    let spec: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(spec["language"], "rust");
    assert!(Path::new(spec["argv"][0].as_str().unwrap()).is_file());

    assert!(run(&["uninstall", "--prefix", "env", "--name", "mine"]).status.success());
    assert!(!kernels.join("mine").exists());
    fails(
        &mut pillars(&dir, &["uninstall", "--prefix", "env", "--name", "mine"]),
        &["there is no kernel in"],
    );

    fs::create_dir_all(kernels.join("python3")).unwrap();
    fs::write(
        kernels.join("python3/kernel.json"),
        "{\"argv\": [\"python\"], \"language\": \"python\"}",
    )
    .unwrap();
    for command in ["install", "uninstall"] {
        fails(
            &mut pillars(&dir, &[command, "--prefix", "env", "--name", "python3"]),
            &["another program", "--name"],
        );
    }
}

#[test]
fn no_compiler_and_no_python() {
    let dir = Folder::new("path");
    let empty = dir.0.join("bin");
    fs::create_dir(&empty).unwrap();
    let bare = |arguments: &[&str]| {
        let mut command = pillars(&dir, arguments);
        command.env("PATH", &empty).env_remove("RUSTC");
        command
    };
    fails(&mut bare(&["install", "--prefix", "env"]), &["no working Rust compiler", "rustup"]);
    fails(&mut bare(&["install", "--sys-prefix"]), &["no Python found", "3.10"]);
    fs::create_dir_all(dir.0.join("checkout/src/pillars")).unwrap();
    fails(&mut bare(&["lab"]), &["no Python found", "3.10"]);
    let report = bare(&["doctor"]).output().unwrap();
    let text = String::from_utf8_lossy(&report.stdout).into_owned();
    assert_eq!(report.status.code(), Some(1), "{text}");
    for fragment in ["problem  compiler", "problem  linker", "note     Python", "rustup"] {
        assert!(text.contains(fragment), "{text}");
    }
}

#[test]
fn the_doctor_names_a_cache_that_cannot_be_written() {
    let dir = Folder::new("cache");
    let home = dir.0.join("home");
    fs::create_dir_all(&home).unwrap();
    fs::write(home.join("cells"), "in the way").unwrap();
    let report = pillars(&dir, &["doctor"]).env("PILLARS_HOME", &home).output().unwrap();
    let text = String::from_utf8_lossy(&report.stdout).into_owned();
    for fragment in ["note     cache", "cannot be written", "PILLARS_HOME"] {
        assert!(text.contains(fragment), "{text}");
    }
}

#[test]
fn a_python_that_is_too_old_or_has_no_venv() {
    let dir = Folder::new("python");
    let bin = dir.0.join("bin");
    fs::create_dir(&bin).unwrap();
    for (answer, fragment) in [
        ("3.9.1\\n/usr\\nTrue", "Python 3.9.1 is too old"),
        ("3.12.1\\n/usr\\nFalse", "python3-venv"),
    ] {
        let script = bin.join("python3");
        fs::write(&script, format!("#!/bin/sh\nprintf '{answer}\\n'\n")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        fails(pillars(&dir, &["lab"]).env("PATH", &bin), &[fragment]);
    }
}

#[test]
fn a_checkout_that_is_gone() {
    let dir = Folder::new("gone");
    let mut command = pillars(&dir, &["install", "--prefix", "env"]);
    fails(command.env("PILLARS_SOURCE", dir.0.join("nowhere")), &["nowhere", "PILLARS_SOURCE"]);
}

/// Crates that are not here and cannot be fetched: an empty cargo home, and no network.
#[test]
fn no_network_while_crates_are_missing() {
    let dir = Folder::new("network");
    let mut command = pillars(&dir, &["install", "--prefix", "env"]);
    command.env("CARGO_HOME", dir.0.join("cargo")).env("CARGO_NET_OFFLINE", "true");
    command.env("PILLARS_HOME", dir.0.join("pillars"));
    fails(&mut command, &["cannot be downloaded", "connect to the network", "pillars install"]);
}

/// A limit on the length of files stands for a full disk: the write fails half-way.
#[test]
fn a_disk_that_fills_up() {
    let dir = Folder::new("disk");
    let limited = |arguments: &str| {
        let mut shell = Command::new("sh");
        // Without the trap the signal of the limit would end the program before it can say anything.
        shell.args(["-c", &format!("trap '' XFSZ; ulimit -f 0; exec \"$0\" {arguments}"), PILLARS]);
        shell.current_dir(&dir.0).env("HOME", &dir.0).env("RUST_BACKTRACE", "1");
        shell
    };
    fails(&mut limited("install --prefix env --no-library"), &["cannot write", "disk space"]);
    let left: Vec<_> =
        fs::read_dir(dir.0.join("env/share/jupyter/kernels/pillars")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// The same for a notebook: it runs, cannot be written, and is as it was before, with nothing beside it.
#[test]
fn a_notebook_that_does_not_fit() {
    let dir = Folder::new("full");
    let prose = "Too long for what is left. ".repeat(400);
    let text = serde_json::json!({
        "cells": [{"cell_type": "markdown", "id": "one", "metadata": {}, "source": prose}],
        "metadata": {"kernelspec": {"display_name": "x", "language": "rust", "name": "pillars"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    })
    .to_string();
    let path = dir.file("long.ipynb", &text);
    let script = "trap '' XFSZ; ulimit -f 4; exec \"$0\" run --in-place long.ipynb";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, PILLARS]).current_dir(&dir.0).env("RUST_BACKTRACE", "1");
    shell.env("PILLARS_HOME", HOME);
    // The library is there or is built with all the room it needs.
    assert!(
        Command::new(PILLARS)
            .args(["install", "--prefix", "env"])
            .env("PILLARS_HOME", HOME)
            .current_dir(&dir.0)
            .status()
            .unwrap()
            .success()
    );
    fs::remove_dir_all(dir.0.join("env")).unwrap();
    fails(&mut shell, &["cannot write long.ipynb", "disk space", "as it was"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(fs::read_dir(&dir.0).unwrap().count(), 1);
}
