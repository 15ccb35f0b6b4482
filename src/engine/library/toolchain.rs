//! The compiler and cargo that the checkout asks for.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::LibraryError;

/// The compiler's files, past any rustup proxy: a proxy costs some 30 ms a call and depends on the current folder.
#[derive(Debug, Clone)]
pub struct Toolchain {
    /// The compiler.
    pub rustc: PathBuf,
    /// Cargo of the same toolchain; the one on PATH when the toolchain has none of its own.
    pub cargo: PathBuf,
    /// The folder with the standard library, both to link with and to load at run time.
    pub std_dir: PathBuf,
    /// All that `rustc -vV` prints: version, commit, host.
    pub version: String,
}

impl Toolchain {
    /// The toolchain that rustc on PATH (or RUSTC) stands for in the folder `root`, whose rust-toolchain.toml decides
    /// when rustup is in charge.
    ///
    /// # Errors
    /// [`LibraryError::NoToolchain`] with what the compiler, or rustup in its place, had to say.
    pub fn find(root: &Path) -> Result<Self, LibraryError> {
        let proxy = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut ask = Command::new(&proxy);
        ask.current_dir(root).args(["--print", "sysroot", "--print", "target-libdir"]);
        // Inherited from an outer `cargo run`, it would override the checkout's own choice when that is another one.
        ask.env_remove("RUSTUP_TOOLCHAIN");
        let answer = answer(&mut ask)?;
        let mut lines = answer.lines();
        let (Some(sysroot), Some(std_dir)) = (lines.next(), lines.next()) else {
            return Err(LibraryError::NoToolchain(format!(
                "`rustc --print sysroot` answered {answer:?}"
            )));
        };
        let bin = Path::new(sysroot).join("bin");
        let rustc = existing(bin.join("rustc")).unwrap_or_else(|| proxy.into());
        let cargo = existing(bin.join("cargo")).unwrap_or_else(|| "cargo".into());
        let version = self::answer(Command::new(&rustc).current_dir(root).arg("-vV"))?;
        Ok(Self { rustc, cargo, std_dir: PathBuf::from(std_dir), version })
    }

    /// The line such as `rustc 1.95.0 (…)`.
    pub fn release(&self) -> &str {
        self.version.lines().next().unwrap_or_default()
    }
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    path.is_file().then_some(path)
}

fn answer(command: &mut Command) -> Result<String, LibraryError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| {
        LibraryError::NoToolchain(format!("`{program}` cannot be started ({error})"))
    })?;
    if !output.status.success() {
        return Err(LibraryError::NoToolchain(format!(
            "`{program}` failed ({})",
            complaint(&output)
        )));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let first = text.lines().find(|line| line.contains("error")).or_else(|| text.lines().next());
    first.map_or_else(|| output.status.to_string(), |line| line.trim().to_owned())
}
