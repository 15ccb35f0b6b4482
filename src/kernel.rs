//! `pillars kernel`: what Jupyter starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use pillars_engine::library::data_dir;

/// What a program says that has no evcxr in it.
#[cfg(not(feature = "evcxr"))]
pub const WITHOUT_EVCXR: &str = "this program was built without evcxr, which takes two minutes more to build: use `cargo run --release --features evcxr -- install --engine evcxr`";

/// Names the file of the cells of earlier sessions; 0 for none.
const HISTORY: &str = "PILLARS_HISTORY";

/// The file of a kernel's own notes, in the folder for data.
pub const LOG: &str = "kernel.log";

/// Holds the process id of `pillars run` in the kernels that it starts.
pub const RUNNER: &str = "PILLARS_RUNNER";

/// Serve one notebook: Jupyter starts this, people rarely do
#[derive(Args)]
pub struct Kernel {
    /// The file in which Jupyter says where to listen, and with which key messages are signed
    #[arg(long, short = 'f', value_name = "FILE")]
    connection_file: PathBuf,
    /// What compiles and runs the cells
    #[arg(long, value_enum, default_value_t = Engine::Fast)]
    engine: Engine,
}

/// What compiles and runs cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// rustc called directly; variables survive crashes
    #[default]
    Fast,
    /// evcxr, to compare with: slower, and a crash loses the variables
    Evcxr,
}

impl Kernel {
    pub fn run(self) -> Result<ExitCode> {
        end_with_runner()?;
        serve_cells(&self.connection_file, self.engine)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Serves the connection that `file` describes until a client or a signal ends it.
fn serve_cells(file: &Path, engine: Engine) -> Result<()> {
    let connection = pillars_kernel::read_connection(file)?;
    let interpreter: Box<dyn pillars_kernel::Interpreter> = match engine {
        Engine::Fast => Box::new(pillars_engine::Rust::new()),
        #[cfg(feature = "evcxr")]
        Engine::Evcxr => Box::new(pillars_engine::Reference::new()),
        #[cfg(not(feature = "evcxr"))]
        Engine::Evcxr => anyhow::bail!("{WITHOUT_EVCXR}"),
    };
    let folder = data_dir().ok();
    if let Some(folder) = &folder {
        // Else they go to standard error.
        let _ = fs::create_dir_all(folder).and_then(|()| pillars_kernel::log_to(&folder.join(LOG)));
    }
    let history = match std::env::var_os(HISTORY) {
        Some(set) if set == "0" => None,
        Some(file) => Some(file.into()),
        // What `pillars run` runs is no reader's.
        None if std::env::var_os(RUNNER).is_some() => None,
        None => folder.map(|folder| folder.join("history.jsonl")),
    };
    pillars_kernel::serve(&connection, interpreter, history)?;
    Ok(())
}

/// Under `pillars run`, ends this kernel when the runner is gone, however it went. Not under Jupyter: the signal
/// comes with the end of the starting thread, and Jupyter may start kernels from threads that end.
fn end_with_runner() -> Result<()> {
    if let Some(runner) = std::env::var_os(RUNNER) {
        pillars_unix::end_this_with_parent()?;
        if runner.to_string_lossy() != pillars_unix::parent().to_string() {
            anyhow::bail!("the program that started this kernel is gone");
        }
    }
    Ok(())
}
