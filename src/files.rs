//! Files that are written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Writes `content` beside `path` and renames it there, so that whoever reads the file finds the old content or the
/// new, and a full disk leaves the old. A symbolic link stays one; permissions stay as they were.
pub fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let beside = beside(&target);
    let result = write_new(&beside, content, &target).and_then(|()| fs::rename(&beside, &target));
    if result.is_err() {
        let _ = fs::remove_file(&beside);
    }
    result
}

fn write_new(beside: &Path, content: &[u8], target: &Path) -> io::Result<()> {
    let mut file = File::create(beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    match fs::metadata(target) {
        Ok(data) => fs::set_permissions(beside, data.permissions()),
        Err(_) => Ok(()),
    }
}

fn beside(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.{}.new", std::process::id()))
}

/// The sentence part that helps with an error of the file system, or nothing.
pub fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "; free some disk space and run the command again"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; make it writable or choose another folder"
        }
        _ => "",
    }
}
