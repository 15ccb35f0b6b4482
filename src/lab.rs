//! `pillars lab`: from a fresh clone to an open chapter.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use pillars_engine::library::{Service, Toolchain, source_root};

use crate::kernel::Engine;
use crate::kernel_spec::{self, Selection};
use crate::{progress, python};

/// Set up what is missing and open the chapters in JupyterLab
///
/// The first start installs JupyterLab into a Python environment of its own (unless `jupyter lab` is there already),
/// makes the kernel known to it and builds the library that cells use; this takes about ten minutes on two cores.
/// Later starts take seconds. Stopped half-way, it goes on where it was.
#[derive(Args)]
pub struct Lab {
    /// Print the address instead of opening a browser
    #[arg(long)]
    no_browser: bool,
    /// The port to listen on; another is chosen when it is taken
    #[arg(long, value_name = "N")]
    port: Option<u16>,
}

impl Lab {
    pub fn run(self) -> Result<ExitCode> {
        let notebooks = source_root()?.join("notebooks");
        if !notebooks.is_dir() {
            bail!(
                "there is no folder {}: run `git checkout -- notebooks` to get the chapters back",
                notebooks.display()
            );
        }
        // Python's packages come from the network while the library is compiled.
        let library = std::thread::spawn(progress::library);
        let jupyter = jupyter_lab().inspect_err(|error| {
            if !library.is_finished() {
                progress::say(&format!("JupyterLab is not there: {error:#}"));
                progress::say("the library for cells is still being built; Ctrl-C ends it");
            }
        });
        let library = library.join().map_err(|_| anyhow!("the library for cells was not built"))?;
        let mut jupyter = jupyter?;
        library?;
        build_analyzer_beside();
        if self.no_browser {
            jupyter.arg("--no-browser");
        }
        if let Some(port) = self.port {
            jupyter.arg(format!("--port={port}"));
        }
        if is_root() {
            // In a container that is who one is; Jupyter would refuse without it.
            jupyter.arg("--allow-root");
        }
        jupyter.arg(format!("--ServerApp.root_dir={}", notebooks.display()));
        if let Some(chapter) = first_chapter(&notebooks) {
            jupyter.arg(format!("--LabApp.default_url=/lab/tree/{chapter}"));
        }
        eprintln!("opening JupyterLab; end it with Ctrl-C");
        // From here on this process is JupyterLab: signals and the exit status are its own.
        let error = pillars_unix::replace(&mut jupyter);
        Err(error)
            .with_context(|| format!("cannot start {}", jupyter.get_program().to_string_lossy()))
    }
}

/// Builds the program for completion, when nothing else wants the processor.
pub fn build_analyzer() -> Result<ExitCode> {
    pillars_unix::be_nice();
    Service::build(&mut |_| {})?;
    Ok(ExitCode::SUCCESS)
}

/// Has the program for completion built while the reader reads; it ends with Ctrl-C as JupyterLab does, and goes on
/// at the next start. Completion knows names until it is there, so a failure is left to `pillars doctor`.
fn build_analyzer_beside() {
    let there = || Service::locate(&Toolchain::find(&source_root()?)?);
    let Ok(program) = env::current_exe() else { return };
    if there().is_ok() {
        return;
    }
    let mut build = Command::new(program);
    build.arg("build-analyzer").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if build.spawn().is_ok() {
        eprintln!(
            "completion knows names for now; what knows types is compiled in the background, some ten minutes"
        );
    }
}

/// The command that starts JupyterLab, which has our kernel: that of our own environment if it is set up, else one
/// on PATH, else our own, set up now.
fn jupyter_lab() -> Result<Command> {
    let own = python::environment_dir()?;
    if !python::environment_is_ready(&own) {
        if has_jupyter_lab() {
            make_known(&Selection::user())?;
            let mut command = Command::new("jupyter");
            command.arg("lab");
            return Ok(command);
        }
        python::set_up_environment(&own)?;
    }
    make_known(&Selection::prefix(&own))?;
    let mut command = Command::new(own.join("bin/python"));
    command.args(["-m", "jupyterlab"]).env("PATH", python::path_with(&own));
    command.env_remove("PYTHONHOME").env_remove("PYTHONPATH");
    Ok(command)
}

fn has_jupyter_lab() -> bool {
    let mut ask = Command::new("jupyter");
    ask.args(["lab", "--version"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    ask.status().is_ok_and(|status| status.success())
}

fn make_known(selection: &Selection) -> Result<()> {
    if !kernel_spec::is_current(selection) {
        let dir: PathBuf = kernel_spec::install(selection, Engine::Fast)?;
        eprintln!("kernelspec: {}", dir.display());
    }
    Ok(())
}

fn first_chapter(notebooks: &Path) -> Option<String> {
    let names = fs::read_dir(notebooks)
        .ok()?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(".ipynb")).min()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
