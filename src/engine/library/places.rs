//! Where the sources are, and where what is made from them goes.

use std::env;
use std::path::{Path, PathBuf};

use super::LibraryError;

/// The folder for everything Pillars keeps on this machine: `PILLARS_HOME` if it is set, else `pillars` in the
/// folder where the platform keeps data. It need not exist.
///
/// # Errors
/// [`LibraryError::NoHome`] when the environment names neither.
pub fn data_dir() -> Result<PathBuf, LibraryError> {
    if let Some(dir) = set("PILLARS_HOME") {
        return Ok(dir);
    }
    if cfg!(target_os = "macos") {
        let home = set("HOME").ok_or(LibraryError::NoHome)?;
        return Ok(home.join("Library/Application Support/pillars"));
    }
    if let Some(dir) = set("XDG_DATA_HOME").filter(|dir| dir.is_absolute()) {
        return Ok(dir.join("pillars"));
    }
    let home = set("HOME").ok_or(LibraryError::NoHome)?;
    Ok(home.join(".local/share/pillars"))
}

/// The folder that holds one folder a prebuilt library.
///
/// # Errors
/// As [`data_dir`].
pub fn libraries_dir() -> Result<PathBuf, LibraryError> {
    Ok(data_dir()?.join("library"))
}

/// Folders like [`data_dir`] that others have filled and that are only read: those of `PILLARS_SHARED`, separated by
/// colons, and the platform's own for all users.
pub fn shared_dirs() -> impl Iterator<Item = PathBuf> {
    let named = env::var_os("PILLARS_SHARED").unwrap_or_default();
    let named: Vec<PathBuf> = env::split_paths(&named).filter(|dir| dir.is_absolute()).collect();
    named.into_iter().chain(["/usr/local/share/pillars".into()])
}

/// The folder for compiled cells: below `PILLARS_HOME` if that is set, else in the folder where the platform keeps
/// what can be made again. It need not exist.
///
/// # Errors
/// [`LibraryError::NoHome`] when the environment names no place.
pub fn cache_dir() -> Result<PathBuf, LibraryError> {
    if let Some(dir) = set("PILLARS_HOME") {
        return Ok(dir.join("cells"));
    }
    if let Some(dir) = set("XDG_CACHE_HOME").filter(|dir| dir.is_absolute()) {
        return Ok(dir.join("pillars/cells"));
    }
    let home = set("HOME").ok_or(LibraryError::NoHome)?;
    let caches = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    Ok(home.join(caches).join("pillars/cells"))
}

/// The checkout that the library is built from: `PILLARS_SOURCE` if it is set, else the one that this program was
/// compiled in.
///
/// # Errors
/// [`LibraryError::NoSources`] when there is no checkout there.
pub fn source_root() -> Result<PathBuf, LibraryError> {
    let root = set("PILLARS_SOURCE").unwrap_or_else(compiled_in);
    if !root.join("src/pillars/Cargo.toml").is_file() || !root.join("Cargo.lock").is_file() {
        return Err(LibraryError::NoSources(root));
    }
    root.canonicalize().map_err(|_| LibraryError::NoSources(root))
}

fn compiled_in() -> PathBuf {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR"));
    engine.ancestors().nth(2).unwrap_or(engine).to_owned()
}

fn set(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}
