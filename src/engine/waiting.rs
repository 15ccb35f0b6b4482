//! Compilers that wait for the next cell. A run of rustc is started ahead with a source
//! that includes what comes on its standard input: it loads itself and the library's
//! metadata, which is half of its work for a short cell, and stops there until the cell's
//! text comes, or ends when the kernel does and the input with it.
//!
//! It is named before the text is known, and the name is part of what it makes: of file
//! names in panics and line tables. Both names are of one length, and the one is put in
//! place of the other in all that came of it.

use crate::compiler::{HEADER, Import, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Begins the name of each program; twelve letters or digits follow.
pub const PREFIX: &str = "run_";
const LETTERS: usize = 12;

/// The compilers that wait: one for a cell whose types are wanted, one for another.
#[derive(Default)]
pub struct Pool(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: Vec<Waiting>,
    /// What sources have imported so far, so that the next may.
    imports: BTreeMap<String, PathBuf>,
    folders: BTreeSet<PathBuf>,
}

/// A compiler that has been started for a source that is not known yet.
pub struct Waiting {
    process: Process,
    /// Where it works; its name is also that of the program.
    folder: tempfile::TempDir,
    name: String,
    wants_types: bool,
    imports: BTreeMap<String, PathBuf>,
    folders: BTreeSet<PathBuf>,
}

/// Gives the command of a compiler for a source, in a folder.
pub type Rustc<'a> = &'a dyn Fn(&Source, &Path) -> Command;

impl Pool {
    /// A compiler that waits for such a source.
    pub fn take(&self, source: &Source) -> Option<Waiting> {
        let mut state = self.lock();
        // An interrupt ends them as it ends others.
        state.waiting.retain_mut(|waiting| matches!(waiting.process.0.try_wait(), Ok(None)));
        let at = state.waiting.iter().position(|waiting| waiting.fits(source))?;
        Some(state.waiting.swap_remove(at))
    }

    /// Starts what is missing for sources like this one.
    pub fn refill(&self, source: &Source, root: &Path, rustc: Rustc) {
        if !is_usual(source) {
            return;
        }
        let mut state = self.lock();
        for Import { name, file } in &source.imports {
            state.imports.insert(name.clone(), file.clone());
        }
        state.folders.extend(source.needs.iter().map(|needed| needed.folder.clone()));
        let (imports, folders) = (state.imports.clone(), state.folders.clone());
        state.waiting.retain(|waiting| waiting.imports == imports && waiting.folders == folders);
        for wants_types in [false, true] {
            if !state.waiting.iter().any(|waiting| waiting.wants_types == wants_types)
                && let Ok(waiting) =
                    Waiting::start(wants_types, imports.clone(), folders.clone(), root, rustc)
            {
                state.waiting.push(waiting);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn start(
        wants_types: bool,
        imports: BTreeMap<String, PathBuf>,
        folders: BTreeSet<PathBuf>,
        root: &Path,
        rustc: Rustc,
    ) -> std::io::Result<Self> {
        let folder =
            tempfile::Builder::new().prefix(PREFIX).rand_bytes(LETTERS).tempdir_in(root)?;
        let name = folder.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let file = format!("{name}.rs");
        std::fs::write(folder.path().join("main.rs"), format!("{HEADER}include!(\"{file}\");\n"))?;
        pillars_unix::link_to_standard_input(&folder.path().join(&file))?;
        let import =
            |(name, file): (&String, &PathBuf)| Import { name: name.clone(), file: file.clone() };
        let source = Source {
            name: name.clone(),
            text: String::new(),
            is_definitions: false,
            wants_types,
            level: 0,
            imports: imports.iter().map(import).collect(),
            needs: vec![],
        };
        let mut command = rustc(&source, folder.path());
        command.args(folders.iter().map(|folder| format!("-Ldependency={}", folder.display())));
        command.arg("main.rs");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let process = Process(command.spawn()?);
        Ok(Self { process, folder, name, wants_types, imports, folders })
    }

    fn fits(&self, source: &Source) -> bool {
        let has = |import: &Import| self.imports.get(&import.name) == Some(&import.file);
        is_usual(source)
            && self.wants_types == source.wants_types
            && source.name.len() == self.name.len()
            && source.imports.iter().all(has)
            && source.needs.iter().all(|needed| self.folders.contains(&needed.folder))
    }

    /// Gives it the source, does something `meanwhile`, and waits for its end; what came of
    /// it then bears the source's name. Nothing if it had ended before.
    pub fn compile(
        self,
        source: &Source,
        meanwhile: impl FnOnce(),
    ) -> Option<(tempfile::TempDir, Output)> {
        let Self { mut process, folder, name, .. } = self;
        // The lines of the header stay lines.
        let text = source.text.replacen(HEADER, &"\n".repeat(HEADER.lines().count()), 1);
        process.0.stdin.take()?.write_all(text.as_bytes()).ok()?;
        meanwhile();
        let mut stderr = Vec::new();
        process.0.stderr.take()?.read_to_end(&mut stderr).ok()?;
        let status = process.0.wait().ok()?;
        for ending in ["o", "mir"] {
            if let Ok(made) = std::fs::read(folder.path().join(format!("{name}.{ending}"))) {
                let file = folder.path().join(format!("{}.{ending}", source.name));
                std::fs::write(file, replaced(made, &name, &source.name)).ok()?;
            }
        }
        let stderr = replaced(stderr, &name, &source.name);
        Some((folder, Output { status, stdout: vec![], stderr }))
    }
}

/// A process that does not outlive this.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a source is the statements of a cell that begins as all do.
fn is_usual(source: &Source) -> bool {
    !source.is_definitions && source.level == 0 && source.text.starts_with(HEADER)
}

/// The bytes with one name in the place of another that is as long.
fn replaced(mut bytes: Vec<u8>, name: &str, by: &str) -> Vec<u8> {
    let places: Vec<usize> = memchr::memmem::find_iter(&bytes, name).collect();
    for at in places {
        bytes[at..at + name.len()].copy_from_slice(by.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_replaced_wherever_it_stands() {
        let cases =
            [("", ""), ("run_a", "run_b"), ("run_run_a.rs:run_arun_", "run_run_b.rs:run_brun_")];
        for (before, after) in cases {
            assert_eq!(replaced(before.into(), "run_a", "run_b"), after.as_bytes(), "{before}");
        }
    }
}
