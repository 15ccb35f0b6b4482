//! Syntax errors in rustc's words. The cell stands alone in a function, so that
//! nothing generated can be what an unclosed bracket swallows.

use crate::library::Toolchain;
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// The line of the compiled text at which the cell begins.
pub const FIRST_LINE: usize = 2;

/// rustc's syntax errors for a cell; empty if it finds none or cannot be asked.
pub fn errors(toolchain: &Toolchain, folder: &Path, code: &str) -> Vec<Value> {
    let mut rustc = Command::new(&toolchain.rustc);
    rustc.args(["--crate-name", "cell", "--crate-type", "lib", "--edition", "2024"]);
    rustc.args(["--error-format=json", "--emit=metadata", "--out-dir"]).arg(folder).arg("-");
    rustc.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let Ok(mut child) = rustc.spawn() else { return vec![] };
    if let Some(mut stdin) = child.stdin.take() {
        // rustc may stop reading at the first error.
        let _ = write!(stdin, "fn cell() {{\n{code}\n}}\n");
    }
    let Ok(output) = child.wait_with_output() else { return vec![] };
    let said = String::from_utf8_lossy(&output.stderr).replace("<anon>", "lib.rs");
    let diagnostics = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut errors: Vec<Value> = diagnostics
        .filter(|d| d["level"] == "error" && !d["spans"].as_array().is_none_or(Vec::is_empty))
        .collect();
    // Syntax errors have no code. Others are of names that the cell alone does not know.
    errors.retain(|error| error["code"].is_null());
    errors
}
