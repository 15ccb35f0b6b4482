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
