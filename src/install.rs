//! `pillars install`: makes the kernel known to a Jupyter that is there already.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::kernel::Engine;
use crate::{kernel_spec, progress};

/// Make the kernel known to Jupyter, and build the library that cells use
///
/// The library takes about ten minutes on two cores the first time, and the program for completion as long again.
/// Stopped, it goes on where it was.
#[derive(Args)]
pub struct Install {
    #[command(flatten)]
    selection: kernel_spec::Selection,
    /// Only the kernelspec; cells run once a later `pillars install` has built the library
    #[arg(long)]
    no_library: bool,
    /// Without the program that completes by types; names are completed without it
    #[arg(long)]
    no_analyzer: bool,
    /// What compiles and runs the cells; the name of `evcxr` is `pillars-evcxr` unless --name is given
    #[arg(long, value_enum, default_value_t = Engine::Fast)]
    engine: Engine,
}

impl Install {
    pub fn run(self) -> Result<ExitCode> {
        #[cfg(not(feature = "evcxr"))]
        if self.engine == Engine::Evcxr {
            anyhow::bail!("{}", crate::kernel::WITHOUT_EVCXR);
        }
        let dir = kernel_spec::install(&self.selection, self.engine)?;
        eprintln!("kernelspec: {}", dir.display());
        if !self.no_library {
            let library = progress::library()?;
            eprintln!("library for cells: {}", library.dir().display());
            if !self.no_analyzer {
                eprintln!("cells can run; what follows is for completion alone");
                let service = progress::service()?;
                eprintln!("program for completion: {}", service.program().display());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
