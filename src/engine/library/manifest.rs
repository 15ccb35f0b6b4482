//! The list of a library's files, written last: a folder without it is no library.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{CRATE, LibraryError, file_error};

const NAME: &str = "manifest.json";

/// What a library was built from, and every file it has.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// The folder's name: a hash of the compiler, the lock file, the profile and the sources.
    pub fingerprint: String,
    /// The compiler, as `rustc -vV` prints it.
    pub rustc: String,
    /// All files together, in bytes.
    pub bytes: u64,
    /// The files, sorted by name.
    pub files: Vec<Entry>,
    /// Seconds that each crate took to compile when it was last compiled here, with others beside it.
    #[serde(default)]
    pub took: BTreeMap<String, f64>,
}

/// One file of a library.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// Its name in the library's folder.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256 of its content, in hex.
    pub sha256: String,
}

impl Manifest {
    /// Lists the files `names` of the folder `dir`, which is complete but for the manifest.
    pub(super) fn of(
        dir: &Path,
        mut names: Vec<String>,
        fingerprint: &str,
        rustc: &str,
        took: BTreeMap<String, f64>,
    ) -> Result<Self, LibraryError> {
        names.sort();
        let mut files = Vec::with_capacity(names.len());
        for name in names {
            let (bytes, sha256) = digest(&dir.join(&name))?;
            files.push(Entry { name, bytes, sha256 });
        }
        let bytes = files.iter().map(|file| file.bytes).sum();
        let (fingerprint, rustc) = (fingerprint.to_owned(), rustc.to_owned());
        Ok(Self { fingerprint, rustc, bytes, files, took })
    }

    pub(super) fn write(&self, dir: &Path) -> Result<(), LibraryError> {
        let path = dir.join(NAME);
        let text = serde_json::to_string_pretty(self).map_err(|error| LibraryError::File {
            action: "write",
            path: path.clone(),
            source: error.into(),
        })?;
        fs::write(&path, text + "\n").map_err(file_error("write", &path))
    }

    pub(super) fn read(dir: &Path) -> Result<Self, LibraryError> {
        let path = dir.join(NAME);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(LibraryError::Missing),
            Err(error) => return Err(file_error("read", &path)(error)),
        };
        serde_json::from_str(&text).map_err(|_| damaged(dir, "its manifest cannot be read"))
    }

    /// Compares lengths only: cheap enough for every start of a kernel.
    pub(super) fn check_lengths(&self, dir: &Path) -> Result<(), LibraryError> {
        for file in &self.files {
            let length = fs::metadata(dir.join(&file.name)).map(|data| data.len());
            if length.ok() != Some(file.bytes) {
                return Err(damaged(dir, &format!("{} is missing or cut short", file.name)));
            }
        }
        Ok(())
    }

    pub(super) fn check_contents(&self, dir: &Path) -> Result<(), LibraryError> {
        for file in &self.files {
            let (_, sha256) = digest(&dir.join(&file.name))?;
            if sha256 != file.sha256 {
                return Err(damaged(dir, &format!("the content of {} has changed", file.name)));
            }
        }
        Ok(())
    }
}

/// The name of the dynamic library's file on this platform: rustc insists on the ending.
pub(super) fn library_name() -> String {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    format!("{DLL_PREFIX}{CRATE}{DLL_SUFFIX}")
}

/// Lower-case hexadecimal digits of `bytes`.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(path: &Path) -> Result<(u64, String), LibraryError> {
    let mut file = fs::File::open(path).map_err(file_error("read", path))?;
    let mut buffer = vec![0; 1 << 16];
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    loop {
        let count =
            std::io::Read::read(&mut file, &mut buffer).map_err(file_error("read", path))?;
        if count == 0 {
            return Ok((bytes, hex(&hash.finalize())));
        }
        hash.update(&buffer[..count]);
        bytes += count as u64;
    }
}

fn damaged(dir: &Path, what: &str) -> LibraryError {
    LibraryError::Damaged { dir: dir.to_owned(), what: what.to_owned() }
}
