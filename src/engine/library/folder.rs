//! Puts a built library into its folder, in one step that either happened or did not, and clears away old ones.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::cargo::Built;
use super::{LibraryError, Manifest, Toolchain, file_error, libraries_dir, manifest};

/// How long a library that matches nothing any more is kept: another branch may come back to it.
const KEPT: Duration = Duration::from_secs(14 * 24 * 3600);

/// Copies what was built into the folder named `fingerprint`. The copy is made beside it and renamed, so no other process
/// ever sees a part of it; when another process was first, its copy stays.
pub(super) fn install(
    fingerprint: &str,
    toolchain: &Toolchain,
    built: Built,
) -> Result<(), LibraryError> {
    let libraries = libraries_dir()?;
    let beside = Scratch(libraries.join(format!(".new-{fingerprint}-{}", std::process::id())));
    fs::create_dir_all(&beside.0).map_err(file_error("create", &beside.0))?;
    let Built { files, took, .. } = built;
    let mut names = Vec::with_capacity(files.len());
    for file in &files {
        let Some(name) = file.file_name() else { continue };
        let copy = beside.0.join(name);
        link_or_copy(file, &copy).map_err(file_error("write", &copy))?;
        names.push(name.to_string_lossy().into_owned());
    }
    super::runner::make(&beside.0, toolchain)?;
    names.push(super::runner::NAME.to_owned());
    let took = earlier().into_iter().chain(took).collect();
    Manifest::of(&beside.0, names, fingerprint, &toolchain.version, took)?.write(&beside.0)?;
    put_in_place(&beside.0, &libraries.join(fingerprint))
}

/// What crates took that were compiled for libraries before: cargo has kept them.
fn earlier() -> BTreeMap<String, f64> {
    let folders =
        libraries_dir().and_then(|dir| fs::read_dir(&dir).map_err(file_error("read", &dir)));
    let manifests = folders.into_iter().flatten().flatten();
    let took = manifests.filter_map(|folder| Some(Manifest::read(&folder.path()).ok()?.took));
    took.flatten().collect()
}

/// Removes libraries (and what cut-short builds left) that nobody wrote for [`KEPT`], except the one named `current`.
/// What cannot be removed stays: it only takes space.
pub(super) fn prune(current: &str) {
    let Ok(libraries) = libraries_dir() else { return };
    let Ok(entries) = fs::read_dir(libraries) else { return };
    for entry in entries.flatten() {
        if entry.file_name() != current && age(&entry.path()).is_some_and(|age| age > KEPT) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A second name for the same content where that is possible: the names of crates' files carry a hash, and cargo
/// replaces files instead of writing into them. The library itself has no hash in its name and is copied.
fn link_or_copy(file: &Path, copy: &Path) -> io::Result<()> {
    if !file.ends_with(manifest::library_name()) && fs::hard_link(file, copy).is_ok() {
        return Ok(());
    }
    fs::copy(file, copy).map(|_| ())
}

fn put_in_place(ready: &Path, place: &Path) -> Result<(), LibraryError> {
    let Err(error) = fs::rename(ready, place) else { return Ok(()) };
    if Manifest::read(place).is_ok_and(|other| other.check_contents(place).is_ok()) {
        return Ok(());
    }
    // Something that is no library is in the way: aside with it, then once more.
    let aside = Scratch(ready.with_extension("aside"));
    fs::rename(place, &aside.0).map_err(|_| file_error("write", place)(error))?;
    fs::rename(ready, place).map_err(file_error("write", place))
}

fn age(path: &Path) -> Option<Duration> {
    let written = fs::metadata(path).and_then(|data| data.modified()).ok()?;
    SystemTime::now().duration_since(written).ok()
}

/// A folder that is removed at the end of the scope, if it is still there.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
