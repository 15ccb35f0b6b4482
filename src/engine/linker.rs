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
        let mut told = self.run(object, library, needed)?;
        if told.as_ref().is_some_and(|said| said.contains("hidden symbol")) && unhide(object) {
            told = self.run(object, library, needed)?;
        }
        let Some(said) = told else { return Ok(()) };
        // The line before the reason tells in which function.
        let lines = || said.lines().filter(|line| !line.trim().is_empty());
        let reason = lines().find(|line| line.contains("undefined")).or_else(|| lines().next());
        let said = reason.unwrap_or("no word of why");
        Err(format!("the linker {} failed: {said}", self.program.display()))
    }

    /// Runs it: what it said, if it failed.
    fn run(
        &self,
        object: &Path,
        library: &Path,
        needed: &[&Path],
    ) -> Result<Option<String>, String> {
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
        let said = || String::from_utf8_lossy(&output.stderr).into_owned();
        Ok((!output.status.success()).then(said))
    }
}

/// Makes visible what an ELF object wants from others but hides; whether there was any such symbol.
/// rustc 1.95 hides a library's function whose address is taken if that is marked `track_caller`.
fn unhide(object: &Path) -> bool {
    let Ok(mut bytes) = std::fs::read(object) else { return false };
    let Some(places) = hidden(&bytes) else { return false };
    for place in &places {
        bytes[*place] &= !VISIBILITY;
    }
    !places.is_empty() && std::fs::write(object, bytes).is_ok()
}

/// The bits of a symbol's visibility, and the one that says hidden (System V ABI, Symbol Table).
const VISIBILITY: u8 = 3;
const HIDDEN: u8 = 2;

/// Where in a 64-bit, little-endian ELF object the visibility stands of each symbol that is
/// undefined and hidden.
fn hidden(bytes: &[u8]) -> Option<Vec<usize>> {
    let number = |at: usize, size: usize| {
        let field = bytes.get(at..at.checked_add(size)?)?;
        Some(field.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    };
    if !bytes.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (headers, size, count) = (number(0x28, 8)?, number(0x3a, 2)?, number(0x3c, 2)?);
    let mut found = vec![];
    for header in (0..count).map(|nth| headers + nth * size) {
        let is_symbols = number(header + 4, 4)? == 2;
        let (from, length) = (number(header + 24, 8)?, number(header + 32, 8)?);
        for symbol in (0..length / 24 * usize::from(is_symbols)).map(|nth| from + 24 * nth) {
            let is_undefined = number(symbol + 6, 2)? == 0;
            if is_undefined && bytes[symbol + 5] & VISIBILITY == HIDDEN {
                found.push(symbol + 5);
            }
        }
    }
    Some(found)
}

fn answers(program: &Path) -> bool {
    let mut ask = Command::new(program);
    ask.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    ask.status().is_ok_and(|status| status.success())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_rustc_hides_by_mistake_is_found_in_the_library_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (source, object) = (folder.path().join("a.c"), folder.path().join("a.o"));
        let code = "extern int f(void) __attribute__((visibility(\"hidden\")));\
                    int g(void) { return f(); }";
        std::fs::write(&source, code).unwrap();
        let mut cc = Command::new("cc");
        let compiled = cc.args(["-fPIC", "-c", "-o"]).arg(&object).arg(&source).status();
        assert!(compiled.unwrap().success());
        let linker = Linker { program: "ld".into(), arguments: vec!["-shared".to_owned()] };
        let library = folder.path().join("liba.so");
        assert!(linker.run(&object, &library, &[]).unwrap().unwrap().contains("hidden symbol"));
        linker.link(&object, &library, &[]).unwrap();
        // A cut object is not read beyond its end.
        let bytes = std::fs::read(&object).unwrap();
        assert!(
            (0..bytes.len()).all(|length| hidden(&bytes[..length]).is_none_or(|it| it.is_empty()))
        );
    }
}
