//! The prebuilt library that cells link to.
//!
//! The crate `pillars-course` is compiled once as a Rust dynamic library, from the checkout's own sources, and put
//! into a folder of its own with the metadata that rustc needs to read it. A cell compiled against that folder costs
//! one rustc run: nothing it imports is ever compiled again. The folder is named after a fingerprint of everything
//! the library depends on, so a changed source, lock file or compiler asks for a new one and an old one is never
//! mistaken for it.

mod cargo;
mod fingerprint;
mod folder;
mod manifest;
mod places;
mod runner;
mod service;
mod toolchain;
mod wrapper;

use std::io;
use std::path::{Path, PathBuf};

pub use manifest::Manifest;
pub use places::{cache_dir, data_dir, libraries_dir, shared_dirs, source_root};
pub use service::Service;
pub use toolchain::Toolchain;

/// What a cell imports: the crate's name, and the start of its file's name.
const CRATE: &str = "pillars";

/// A library that is ready: built from the sources as they are now, by the compiler that compiles cells.
#[derive(Debug, Clone)]
pub struct Library {
    dir: PathBuf,
    toolchain: Toolchain,
    manifest: Manifest,
}

/// How far a build has come.
#[derive(Debug, Clone)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// Crates that are ready, of [`Progress::total`].
    pub done: usize,
    /// Crates in all; 0 while it is not known yet.
    pub total: usize,
    /// The crate that was last begun, such as `polars-core v0.55.0`; empty when there is none.
    pub name: String,
    /// The share of the work that is done, 0 to 1: crates weighted by how long they take.
    pub fraction: f64,
}

impl Progress {
    fn installing(crates: usize) -> Self {
        let name = String::new();
        Self { stage: Stage::Installing, done: crates, total: crates, name, fraction: 1.0 }
    }
}

/// The part of a build that [`Progress`] tells about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Another cargo works in the same target folder: it finishes first.
    Waiting,
    /// Sources of crates are being fetched.
    Downloading,
    /// Crates are being compiled.
    Compiling,
    /// The finished library is being copied to its place.
    Installing,
}

/// Why there is no library. Each says in one sentence what is wrong and how to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// The checkout that the library is built from is not where it was.
    #[error(
        "the sources of Pillars are not in {0}: put the checkout back there, or set PILLARS_SOURCE to the folder it is in now"
    )]
    NoSources(PathBuf),
    /// Neither a folder for data nor a home folder is known.
    #[error(
        "there is no place for the library for cells: set HOME, or PILLARS_HOME to a folder to write to"
    )]
    NoHome,
    /// The compiler cannot be started or does not answer.
    #[error(
        "no working Rust compiler: {0}; install the toolchain with rustup (https://rustup.rs) and see that `rustc` is on PATH"
    )]
    NoToolchain(String),
    /// No library matches the sources and the compiler.
    #[error(
        "the library for cells is not built yet for these sources and this compiler: run `pillars install`"
    )]
    Missing,
    /// The program for completion and hover is not built.
    #[error("completion that knows types is not built yet: run `pillars install`")]
    NoService,
    /// The library's folder is not as it was written.
    #[error(
        "the library for cells in {dir} is damaged ({what}): run `pillars install` to build it again"
    )]
    Damaged { dir: PathBuf, what: String },
    /// Crates are missing here and cannot be fetched.
    #[error(
        "crates that the library for cells is made of are missing and cannot be downloaded: connect to the network and run `pillars install` again\ncargo said: {0}"
    )]
    Network(String),
    /// Cargo ended without a library.
    #[error(
        "cargo could not build the library for cells: mend what it names and run `pillars install` again\ncargo said: {0}"
    )]
    Cargo(String),
    /// The program that runs cells could not be linked to the library.
    #[error(
        "the program that runs cells could not be linked: see that a C compiler (`cc`) works, and run `pillars install` again\nrustc said: {0}"
    )]
    Runner(String),
    /// The sources were edited during the build, so its result matches neither version.
    #[error(
        "the sources of the library for cells changed while it was built: run `pillars install` again"
    )]
    Changed,
    /// A file or folder could not be read or written.
    #[error("cannot {action} {path}: {source}{}", hint(.source))]
    File { action: &'static str, path: PathBuf, source: io::Error },
}

impl Library {
    /// The library that matches the current sources and compiler. Builds nothing; takes some 50 ms.
    ///
    /// # Errors
    /// [`LibraryError::Missing`] when it has to be built first, [`LibraryError::Damaged`] when a file of it is gone
    /// or has another length.
    pub fn locate() -> Result<Self, LibraryError> {
        Self::locate_for(Toolchain::find(&source_root()?)?)
    }

    /// The same for a compiler that is known already.
    ///
    /// # Errors
    /// As [`Library::locate`].
    pub fn locate_for(toolchain: Toolchain) -> Result<Self, LibraryError> {
        let fingerprint = fingerprint(&source_root()?, &toolchain)?;
        Self::open(&fingerprint, toolchain)
    }

    /// The library that matches the current sources and compiler, built first when it is missing: about ten minutes
    /// on two cores the first time, seconds when only the course's own sources changed. A build that was cut short
    /// goes on where it stopped, and two at once wait for each other.
    ///
    /// # Errors
    /// [`LibraryError::Network`] and [`LibraryError::Cargo`] carry cargo's own last lines.
    pub fn build(report: &mut dyn FnMut(Progress)) -> Result<Self, LibraryError> {
        let root = source_root()?;
        let toolchain = Toolchain::find(&root)?;
        let inputs = fingerprint(&root, &toolchain)?;
        if let Ok(ready) = Self::open(&inputs, toolchain.clone()) {
            return Ok(ready);
        }
        let built = cargo::build(&cargo::LIBRARY, &root, &toolchain, report)?;
        if !built.files.iter().any(|file| file.ends_with(manifest::library_name())) {
            return Err(LibraryError::Cargo("it finished without a dynamic library".to_owned()));
        }
        if fingerprint(&root, &toolchain)? != inputs {
            return Err(LibraryError::Changed);
        }
        report(Progress::installing(built.crates));
        folder::install(&inputs, &toolchain, built)?;
        folder::prune(&inputs);
        Self::open(&inputs, toolchain)
    }

    /// The folder with everything a cell needs, and nothing else.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The dynamic library itself.
    pub fn file(&self) -> PathBuf {
        self.dir.join(manifest::library_name())
    }

    /// The program that runs cells.
    pub fn runner(&self) -> PathBuf {
        self.dir.join(runner::NAME)
    }

    /// The folder of the standard library that the library and the cells share.
    pub fn std_dir(&self) -> &Path {
        &self.toolchain.std_dir
    }

    /// The compiler that built the library: only it can read it.
    pub fn toolchain(&self) -> &Toolchain {
        &self.toolchain
    }

    /// What the library was built from and which files it has.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What rustc has to be told so that `extern crate pillars;` finds the library, at compile time and at run time.
    /// One argument an element, without blanks unless a path has them.
    pub fn rustc_flags(&self) -> Vec<String> {
        let mut flags = vec![
            format!("-Ldependency={}", self.dir.display()),
            format!("--extern={CRATE}={}", self.file().display()),
            "-Cprefer-dynamic".to_owned(),
        ];
        for dir in [self.dir(), self.std_dir()] {
            flags.push(format!("-Clink-arg=-Wl,-rpath,{}", dir.display()));
        }
        flags
    }

    /// Reads every file of the library and compares it with what was written: for `pillars doctor`, .1 s.
    ///
    /// # Errors
    /// [`LibraryError::Damaged`] with the first file that differs.
    pub fn verify(&self) -> Result<(), LibraryError> {
        self.manifest.check_contents(&self.dir)
    }

    /// The user's own library, else one that is shared.
    fn open(fingerprint: &str, toolchain: Toolchain) -> Result<Self, LibraryError> {
        let own = libraries_dir()?.join(fingerprint);
        let shared = places::shared_dirs().map(|dir| dir.join("library").join(fingerprint));
        let mut problem = LibraryError::Missing;
        for dir in std::iter::once(own).chain(shared) {
            let manifest = Manifest::read(&dir)
                .and_then(|manifest| manifest.check_lengths(&dir).map(|()| manifest));
            match manifest {
                Ok(manifest) => return Ok(Self { dir, toolchain, manifest }),
                Err(LibraryError::Missing) => {}
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }
}

fn fingerprint(root: &Path, toolchain: &Toolchain) -> Result<String, LibraryError> {
    fingerprint::of(root, toolchain, "cells", &["src/models", "src/pillars", "src/unix"])
}

/// For `map_err`: names what was attempted, and where.
fn file_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LibraryError {
    move |source| LibraryError::File { action, path: path.to_owned(), source }
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some disk space (the library takes about 300 MB), then run `pillars install` again"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; make it writable, or set PILLARS_HOME to a folder that is"
        }
        _ => "",
    }
}
