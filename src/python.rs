//! Python: the one on PATH, and the environment of our own that holds JupyterLab.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use pillars_engine::library::data_dir;

use crate::files::{hint, write_whole};
use crate::progress::Task;

const REQUIREMENTS: &str = include_str!("lab-requirements.txt");

/// JupyterLab's settings in our own environment: a first start does not ask about news, nor fetches any.
const SETTINGS: &str = r#"{
  "@jupyterlab/apputils-extension:notification": { "fetchNews": "false", "checkForUpdates": false }
}
"#;

/// The oldest Python that JupyterLab runs on.
const OLDEST: (u32, u32) = (3, 10);

/// Packages that pip installs for [`REQUIREMENTS`], about: for the bar.
const PACKAGES: f64 = 90.0;

/// Pip's last lines that are kept for an error.
const LAST_LINES: usize = 6;

/// A Python that can be used.
pub struct Python {
    /// The command that starts it.
    pub program: PathBuf,
    /// Such as `3.11.2`.
    pub version: String,
    prefix: PathBuf,
    makes_environments: bool,
}

/// The Python on PATH.
pub fn find() -> Result<Python> {
    const ASK: &str = "import sys, importlib.util as u
print('.'.join(map(str, sys.version_info[:3]))); print(sys.prefix); print(all(map(u.find_spec, ('venv', 'ensurepip'))))";
    let mut refused = None;
    for program in ["python3", "python"] {
        let Ok(output) = Command::new(program).args(["-c", ASK]).stderr(Stdio::null()).output()
        else {
            continue;
        };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = text.lines();
        let (Some(version), Some(prefix), Some(makes)) = (lines.next(), lines.next(), lines.next())
        else {
            continue;
        };
        let python = Python {
            program: PathBuf::from(program),
            version: version.to_owned(),
            prefix: PathBuf::from(prefix),
            makes_environments: makes == "True",
        };
        if python.is_new_enough() {
            return Ok(python);
        }
        refused.get_or_insert(python.version);
    }
    let (major, minor) = OLDEST;
    match refused {
        Some(version) => bail!(
            "Python {version} is too old: install Python {major}.{minor} or newer and see that `python3` on PATH is that one"
        ),
        None => bail!(
            "no Python found: install Python {major}.{minor} or newer and see that `python3` is on PATH"
        ),
    }
}

/// The folder of the environment that `python3` on PATH belongs to.
pub fn sys_prefix() -> Result<PathBuf> {
    Ok(find()?.prefix)
}

/// The environment of our own, whether it exists or not.
pub fn environment_dir() -> Result<PathBuf> {
    Ok(data_dir()?.join("python"))
}

/// Whether the environment is complete and of this version.
pub fn environment_is_ready(dir: &Path) -> bool {
    let same =
        fs::read_to_string(dir.join("requirements.txt")).is_ok_and(|there| there == REQUIREMENTS);
    same && dir.join("bin/python").exists()
}

/// Sets the environment up, or goes on with one that was not finished.
pub fn set_up_environment(dir: &Path) -> Result<()> {
    let python = find()?;
    if !python.makes_environments {
        bail!(
            "Python {} on PATH cannot make environments (its modules venv and ensurepip are missing): install them, on Debian and Ubuntu with `apt install python3-venv`",
            python.version
        );
    }
    let mut task = Task::new("Python environment with JupyterLab");
    task.at(0.0, "creating");
    fs::create_dir_all(dir).map_err(|error| {
        anyhow::anyhow!("cannot create {}: {error}{}", dir.display(), hint(&error))
    })?;
    finish(
        without_outer(Command::new(&python.program).args(["-m", "venv", "--clear"]).arg(dir)),
        &mut |_| {},
    )
    .with_context(|| format!("cannot make a Python environment in {}", dir.display()))?;
    let list = dir.join("requirements.new");
    write_whole(&list, REQUIREMENTS.as_bytes())
        .with_context(|| format!("cannot write {}", list.display()))?;
    let mut pip = Command::new(dir.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--no-input",
        "--disable-pip-version-check",
        "--progress-bar",
        "off",
        "-r",
    ]);
    let mut packages = 0.0;
    finish(without_outer(pip.arg(&list)), &mut |line| {
        let Some((verb, rest)) = line.trim_start().split_once(' ') else { return };
        match verb {
            "Collecting" => packages += 1.0,
            "Installing" => packages = PACKAGES,
            _ => return,
        }
        let what = rest.split([' ', '=', '<', '>', '!', '~', '[']).next().unwrap_or_default();
        let words =
            if verb == "Collecting" { format!("fetching {what}") } else { "installing".to_owned() };
        task.at(0.9 * f64::min(packages / PACKAGES, 1.0), &words);
    })
    .context(
        "cannot install JupyterLab: see that the network is there and run `pillars lab` again",
    )?;
    let settings = dir.join("share/jupyter/lab/settings");
    fs::create_dir_all(&settings)
        .and_then(|()| write_whole(&settings.join("overrides.json"), SETTINGS.as_bytes()))
        .with_context(|| format!("cannot write JupyterLab's settings in {}", settings.display()))?;
    fs::rename(&list, dir.join("requirements.txt"))
        .context("cannot finish the Python environment")?;
    task.done("ready");
    Ok(())
}

impl Python {
    fn is_new_enough(&self) -> bool {
        let mut parts = self.version.split('.').map(|part| part.parse().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= OLDEST
    }
}

/// Without what an outer environment would make this Python import.
fn without_outer(command: &mut Command) -> &mut Command {
    command.env_remove("PYTHONHOME").env_remove("PYTHONPATH").env_remove("VIRTUAL_ENV")
}

/// Runs `command` to its end, hands over its lines, and keeps its last words for an error.
fn finish(command: &mut Command, line: &mut dyn FnMut(&str)) -> Result<()> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stderr = child.stderr.take();
    let complaints = std::thread::spawn(move || {
        let lines = stderr
            .into_iter()
            .flat_map(|stream| BufReader::new(stream).lines().map_while(Result::ok));
        lines.filter(|line| !line.trim().is_empty()).collect::<Vec<_>>()
    });
    let mut said = Vec::new();
    for text in child
        .stdout
        .take()
        .into_iter()
        .flat_map(|out| BufReader::new(out).lines().map_while(Result::ok))
    {
        line(&text);
        said.push(text);
    }
    let status = child.wait()?;
    let complaints = complaints.join().unwrap_or_default();
    if status.success() {
        return Ok(());
    }
    let words = if complaints.is_empty() { said } else { complaints };
    bail!("{}", words[words.len().saturating_sub(LAST_LINES)..].join("\n"))
}

/// PATH with the programs of the environment `dir` first.
pub fn path_with(dir: &Path) -> std::ffi::OsString {
    let outer = env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(dir.join("bin")).chain(env::split_paths(&outer));
    env::join_paths(all).unwrap_or(outer)
}
