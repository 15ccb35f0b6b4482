//! From an object file to a library that can be loaded, by the linker alone: the
//! compiler's driver would cost ten times as much.

use crate::library::Toolchain;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A linker that works here.
pub struct Linker {
    program: PathBuf,
    arguments: Vec<String>,
}

/// The bare linkers, the fastest for a small object first.
#[cfg(not(target_os = "macos"))]
const PROGRAMS: [&str; 4] = ["ld.bfd", "ld", "ld.gold", "ld.lld"];

impl Linker {
    /// The first that is there: one on PATH, the toolchain's own, or the C compiler.
    ///
    /// # Errors
    /// A sentence, when there is none.
    #[cfg(not(target_os = "macos"))]
    pub fn find(toolchain: &Toolchain) -> Result<Self, String> {
        // Without the frame header, a panic would end the process.
        let bare = ["-shared", "--eh-frame-hdr", "--hash-style=gnu"].map(str::to_owned).to_vec();
        for program in PROGRAMS {
            if answers(Path::new(program)) {
                return Ok(Self { program: program.into(), arguments: bare });
            }
        }
        let own = toolchain.std_dir.parent().map(|folder| folder.join("bin/rust-lld"));
        if let Some(program) = own.filter(|program| program.is_file()) {
            let flavor = ["-flavor", "gnu"].map(str::to_owned);
            return Ok(Self { program, arguments: flavor.into_iter().chain(bare).collect() });
        }
        Err("no linker found: install a C compiler (on Debian and Ubuntu `apt install gcc`) and restart the kernel".to_owned())
    }

    /// The C compiler, which knows where the system's libraries are.
    #[cfg(target_os = "macos")]
    pub fn find(_: &Toolchain) -> Result<Self, String> {
        if !answers(Path::new("cc")) {
            return Err(
                "no linker found: run `xcode-select --install` and restart the kernel".to_owned()
            );
        }
        let arguments = ["-dynamiclib", "-undefined", "dynamic_lookup"].map(str::to_owned);
        Ok(Self { program: "cc".into(), arguments: arguments.to_vec() })
    }

    /// Links `object` into the library `library`, which sees the symbols of the
    /// libraries `needed` and of the program that loads it.
    ///
    /// # Errors
    /// A sentence with the linker's own words.
    pub fn link(&self, object: &Path, library: &Path, needed: &[&Path]) -> Result<(), String> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).arg("-o").arg(library);
        #[cfg(not(target_os = "macos"))]
        if let Some(name) = library.file_name() {
            // By this name others that need it find it when it is loaded.
            command.arg("-soname").arg(name);
        }
        let output = command.arg(object).args(needed).stdin(Stdio::null()).output();
        let output = output.map_err(|error| {
            format!(
                "the linker {} cannot be started: {error}; install it again and restart the kernel",
                self.program.display()
            )
        })?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("no word of why");
        Err(format!("the linker {} failed: {said}", self.program.display()))
    }
}

fn answers(program: &Path) -> bool {
    let mut ask = Command::new(program);
    ask.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    ask.status().is_ok_and(|status| status.success())
}
