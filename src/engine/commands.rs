//! Commands: those that are answered here, and the list of all.

use crate::diagnostics::without_crates;
use crate::layout::Variables;
use pillars_kernel::{CellError, CellIo};
use std::process::{Command, Stdio};

/// Name, summary, and the answer.
type Own = (&'static str, &'static str, fn(&Variables) -> String);

const COMMANDS: &[Own] =
    &[(":help", "this list", |_| help()), (":vars", "the variables and their types", variables)];

/// Commands that are carried out elsewhere, for the list.
const OTHERS: &[(&str, &str)] = &[
    (":clear", "forgets all variables and definitions"),
    (":dep NAME = \"VERSION\"", "adds a crate"),
    (":once", "this cell is not run again to bring variables back after a crash"),
    (":timing", "shows how long each cell takes, or stops doing so"),
    ("?NAME", "describes a name"),
    ("!COMMAND", "runs a shell command"),
];

/// The answer to a command, if it is one of this engine's.
pub fn answer(command: &str, variables: &Variables) -> Option<String> {
    let name = command.split_whitespace().next().unwrap_or_default();
    let (.., answer) = COMMANDS.iter().find(|(own, ..)| *own == name)?;
    Some(answer(variables))
}

/// Runs a line of the reader's in a shell.
///
/// # Errors
/// It did not succeed.
pub fn shell(line: &str, io: &dyn CellIo) -> Result<(), CellError> {
    let failed = |reason: String| CellError::new("CommandError", reason);
    let output = Command::new("sh").args(["-c", line]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(format!("no shell (`sh`) to run it: {error}")))?;
    io.stdout(&String::from_utf8_lossy(&output.stdout));
    io.stderr(&String::from_utf8_lossy(&output.stderr));
    match output.status.success() {
        true => Ok(()),
        false => Err(failed(format!("`{line}` failed ({})", output.status))),
    }
}

/// The sentence on a command that nobody knows.
pub fn unknown(command: &str) -> String {
    let name = command.split_whitespace().next().unwrap_or_default();
    format!("there is no command `{name}`; `:help` lists those there are")
}

fn variables(variables: &Variables) -> String {
    let line = |(name, variable): (&String, &crate::layout::Variable)| {
        let mutable = if variable.mutable { "mut " } else { "" };
        format!("{mutable}{name}: {}\n", without_crates(&variable.type_name))
    };
    variables.iter().map(line).collect()
}

fn help() -> String {
    let own = COMMANDS.iter().map(|(name, summary, _)| (*name, *summary));
    let line = |(name, summary): (&str, &str)| format!("{name:24} {summary}\n");
    own.chain(OTHERS.iter().copied()).map(line).collect()
}
