//! `pillars kernel`: what Jupyter starts.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

/// Serve one notebook: Jupyter starts this, people rarely do
#[derive(Args)]
pub struct Kernel {
    /// The file in which Jupyter says where to listen, and with which key messages are signed
    #[arg(long, short = 'f', value_name = "FILE")]
    connection_file: PathBuf,
}

impl Kernel {
    pub fn run(self) -> Result<ExitCode> {
        serve_cells(&self.connection_file)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Serves the connection that `file` describes until a client or a signal ends it.
fn serve_cells(file: &Path) -> Result<()> {
    let connection = pillars_kernel::read_connection(file)?;
    pillars_kernel::serve(&connection, Box::new(pillars_engine::Rust::new()))?;
    Ok(())
}
