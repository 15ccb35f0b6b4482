//! The program that answers completion and hover, built apart from all else: rust-analyzer
//! takes minutes to compile, and cells run without it.

use std::fs;
use std::path::{Path, PathBuf};

use super::cargo::{self, Goal};
use super::{LibraryError, Progress, Toolchain};
use super::{data_dir, file_error, shared_dirs, source_root};

/// The program's name, and its package's.
const NAME: &str = "pillars-analyzer";

const GOAL: Goal = Goal {
    package: NAME,
    arguments: &["build", "--profile", "analyzer"],
    flags: &[],
    wrapper: None,
    weights: &[],
};

/// The language service, ready to be started.
#[derive(Debug, Clone)]
pub struct Service {
    program: PathBuf,
}

impl Service {
    /// The service that matches the current sources and compiler. Builds nothing.
    ///
    /// # Errors
    /// [`LibraryError::NoService`] when it has to be built first.
    pub fn locate(toolchain: &Toolchain) -> Result<Self, LibraryError> {
        let root = source_root()?;
        let fingerprint = fingerprint(&root, toolchain)?;
        let places = std::iter::once(data_dir()?).chain(shared_dirs());
        let program = places
            .map(|place| place.join("analyzer").join(&fingerprint).join(NAME))
            .find(|program| program.is_file())
            .ok_or(LibraryError::NoService)?;
        Ok(Self { program })
    }

    /// The same, built first when it is missing; minutes on two cores. A build that was cut short goes on where it
    /// stopped.
    ///
    /// # Errors
    /// As [`super::Library::build`].
    pub fn build(report: &mut dyn FnMut(Progress)) -> Result<Self, LibraryError> {
        let root = source_root()?;
        let toolchain = Toolchain::find(&root)?;
        if let Ok(ready) = Self::locate(&toolchain) {
            return Ok(ready);
        }
        let inputs = fingerprint(&root, &toolchain)?;
        let built = cargo::build(&GOAL, &root, &toolchain, report)?;
        let program = built.files.iter().find(|file| file.ends_with(NAME));
        let program = program
            .ok_or_else(|| LibraryError::Cargo(format!("it finished without making {NAME}")))?;
        report(Progress::installing(built.crates));
        let all = data_dir()?.join("analyzer");
        // One is enough: those of other sources or compilers are never used again.
        let _ = fs::remove_dir_all(&all);
        let folder = all.join(inputs);
        fs::create_dir_all(&folder).map_err(file_error("create", &folder))?;
        let (beside, place) = (folder.join(".new"), folder.join(NAME));
        fs::copy(program, &beside).map_err(file_error("write", &beside))?;
        fs::rename(&beside, &place).map_err(file_error("write", &place))?;
        Self::locate(&toolchain)
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }
}

fn fingerprint(root: &Path, toolchain: &Toolchain) -> Result<String, LibraryError> {
    super::fingerprint::of(root, toolchain, "analyzer", &["src/analyzer"])
}
