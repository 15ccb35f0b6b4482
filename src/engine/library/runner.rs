//! The program that runs cells: nothing but the library, as a process. It is made
//! together with the library, since only that compiler can link it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{CRATE, LibraryError, Toolchain, file_error, manifest};

const SOURCE: &str = "fn main() {\n    pillars::runner::main()\n}\n";

/// The name of the program's file in the library's folder.
pub(super) const NAME: &str = "pillars-runner";

/// Compiles and links the program into `dir`, where the library is.
pub(super) fn make(dir: &Path, toolchain: &Toolchain) -> Result<PathBuf, LibraryError> {
    let (source, program) = (dir.join("runner.rs"), dir.join(NAME));
    std::fs::write(&source, SOURCE).map_err(file_error("write", &source))?;
    let origin = if cfg!(target_os = "macos") { "@loader_path" } else { "$ORIGIN" };
    let output = Command::new(&toolchain.rustc)
        .args(["--edition", "2024", "--crate-name", "pillars_runner", "-Cprefer-dynamic", "-o"])
        .arg(&program)
        .arg(format!("-Ldependency={}", dir.display()))
        .arg(format!("--extern={CRATE}={}", dir.join(manifest::library_name()).display()))
        .arg(format!("-Clink-arg=-Wl,-rpath,{origin}"))
        .arg(format!("-Clink-arg=-Wl,-rpath,{}", toolchain.std_dir.display()))
        .arg(&source)
        .output()
        .map_err(|error| LibraryError::NoToolchain(format!("rustc cannot be started ({error})")))?;
    std::fs::remove_file(&source).map_err(file_error("remove", &source))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(LibraryError::Runner(said));
    }
    Ok(program)
}
