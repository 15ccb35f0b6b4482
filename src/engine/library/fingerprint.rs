//! One name for everything that the library's content depends on.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{LibraryError, Toolchain, file_error};

/// Raised when the way a library is built or laid out changes, so that older ones no longer match.
const LAYOUT: u32 = 3;

/// Hex digits kept of the hash: short enough for a folder's name, long enough not to meet by chance.
const DIGITS: usize = 24;

/// The name of what `toolchain` builds from the checkout at `root` with the profile `name` out of the `folders`: the
/// compiler, the lock file, the build profile and every file there.
pub(super) fn of(
    root: &Path,
    toolchain: &Toolchain,
    name: &str,
    folders: &[&str],
) -> Result<String, LibraryError> {
    let mut hash = Sha256::new();
    let mut add = |name: &str, content: &[u8]| {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update((content.len() as u64).to_le_bytes());
        hash.update(content);
    };
    add("layout", &LAYOUT.to_le_bytes());
    add("rustc", toolchain.version.as_bytes());
    add("lock", &read(&root.join("Cargo.lock"))?);
    let workspace = read(&root.join("Cargo.toml"))?;
    add("profile", profile(&String::from_utf8_lossy(&workspace), name).as_bytes());
    for folder in folders {
        for path in files_below(&root.join(folder))? {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            add(&name, &read(&path)?);
        }
    }
    let digest = super::manifest::hex(&hash.finalize());
    Ok(digest[..DIGITS].to_owned())
}

/// The sections of a workspace manifest that say how something is compiled, without comments and blank lines.
fn profile(manifest: &str, name: &str) -> String {
    let section = format!("[profile.{name}");
    let mut inside = false;
    let mut kept = String::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line.starts_with(&section);
        }
        if inside && !line.is_empty() && !line.starts_with('#') {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// Every file below `dir`, sorted; hidden ones (an editor's) and its backups left out.
fn files_below(dir: &Path) -> Result<Vec<PathBuf>, LibraryError> {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(file_error("read", &folder))? {
            let entry = entry.map_err(file_error("read", &folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || name.ends_with('~') || name == "target" {
                continue;
            }
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>, LibraryError> {
    fs::read(path).map_err(file_error("read", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_profile_of_cells_counts() {
        let text = "[profile.dev]\ndebug = 1\n# note\n[profile.cells]\n# why\nopt-level = 1\n\n[profile.cells.package.\"*\"]\nopt-level = 3\n[lints]\na = 1\n";
        let expected =
            "[profile.cells]\nopt-level = 1\n[profile.cells.package.\"*\"]\nopt-level = 3\n";
        assert_eq!(profile(text, "cells"), expected);
    }
}
