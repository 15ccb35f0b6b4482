//! Folders for work that ends with a kernel.

use std::path::Path;

/// Removes the folders below `root` that kernels left which were killed. Their names are
/// `prefix`, the kernel's process number, and more.
pub fn sweep(root: &Path, prefix: &str) {
    for folder in std::fs::read_dir(root).into_iter().flatten().flatten() {
        let name = folder.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(prefix)?.split('-').next());
        if owner.and_then(|owner| owner.parse().ok()).is_some_and(pillars_unix::is_gone) {
            let _ = std::fs::remove_dir_all(folder.path());
        }
    }
}
