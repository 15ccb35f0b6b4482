//! `pillars uninstall`: takes back what `install` and `lab` did.

use std::fs;
use std::io::ErrorKind;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use pillars_engine::library::data_dir;

use crate::kernel_spec;

/// Remove the kernel from Jupyter
#[derive(Args)]
pub struct Uninstall {
    #[command(flatten)]
    selection: kernel_spec::Selection,
    /// Remove the library for cells, the Python environment and the caches too
    #[arg(long)]
    all: bool,
}

impl Uninstall {
    pub fn run(self) -> Result<ExitCode> {
        match kernel_spec::uninstall(&self.selection)? {
            Some(dir) => eprintln!("removed {}", dir.display()),
            None if self.all => {}
            None => bail!(
                "there is no kernel in {}: see `jupyter kernelspec list`, and say which one with --name, --prefix or --sys-prefix",
                self.selection.dir()?.display()
            ),
        }
        if self.all {
            remove_data()?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Removes what we put into the data folder, and the folder if nothing else is in it: with PILLARS_HOME it may be
/// anyone's.
fn remove_data() -> Result<()> {
    let data = data_dir()?;
    for name in ["library", "python", "runtime", "cache"] {
        let dir = data.join(name);
        match fs::remove_dir_all(&dir) {
            Ok(()) => eprintln!("removed {}", dir.display()),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot remove {}", dir.display()));
            }
        }
    }
    let _ = fs::remove_dir(data);
    Ok(())
}
