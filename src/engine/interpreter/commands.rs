//! The commands: one table, from which they are carried out, listed, completed, and
//! guessed when one is mistyped.

use super::{Rust, Started};
use crate::books::{Books, Log};
use crate::diagnostics::without_crates;
use crate::layout::{Variable, Variables};
use crate::prepare::{FAST, QUICK, prepare};
use crate::split::split;
use pillars_kernel::{Cell, CellError, CellIo};
use std::process::{Command as Process, Stdio};

/// What a command does with what follows its name.
type Run = fn(&mut Rust, &str, &dyn CellIo) -> Result<(), CellError>;

/// A command: name, what follows it, summary, function.
pub type Command = (&'static str, &'static str, &'static str, Run);

/// All commands, in the order of the list that `:help` shows.
pub const COMMANDS: &[Command] = &[
    (":help", "", "this list", |_, _, io| {
        io.stdout(&help());
        Ok(())
    }),
    (":vars", "", "the variables and their types", |engine, _, io| {
        io.stdout(&variables(&engine.books.variables));
        Ok(())
    }),
    (":type", "EXPRESSION", "the type of an expression, which is not evaluated", Rust::type_of),
    (":doc", "NAME", "describes a name, as ?NAME does in the pager", |engine, name, io| {
        io.display(engine.assistant.page(name), None);
        Ok(())
    }),
    (":explain", "[CODE]", "what the compiler's latest error means, or another", Rust::explain),
    (":dep", "NAME = \"VERSION\"", "adds a crate", Rust::add_crate),
    (":clear", "", "forgets all variables and definitions", |engine, _, _| {
        engine.started = None;
        engine.books = Books::default();
        engine.log = Log::default();
        engine.start()
    }),
    (
        ":once",
        "",
        "this cell is not run again to bring variables back after a crash",
        // The interpreter looks for it when it runs the cell.
        |_, _, _| Ok(()),
    ),
    (
        ":opt",
        "[0-3]",
        "how much a cell's statements are optimised; functions always are",
        Rust::opt,
    ),
    (":timing", "", "shows how long each cell takes, or stops doing so", |engine, _, _| {
        engine.timing = !engine.timing;
        Ok(())
    }),
    ("?", "NAME", "describes a name, in the pager", |engine, name, io| {
        io.page(engine.assistant.page(name));
        Ok(())
    }),
    ("!", "COMMAND", "runs a shell command", |_, line, io| shell(line, io)),
];

/// Carries a command out.
///
/// # Errors
/// There is none of that name, or it failed.
pub fn run(engine: &mut Rust, command: &str, io: &dyn CellIo) -> Result<(), CellError> {
    let (name, rest) = parts(command);
    match COMMANDS.iter().find(|(own, ..)| *own == name) {
        Some((.., run)) => run(engine, rest, io),
        None => Err(failed(unknown(command))),
    }
}

/// A command's name and what follows; the signs `?` and `!` are names too.
fn parts(command: &str) -> (&str, &str) {
    let end = match command.starts_with(':') {
        true => command.find(char::is_whitespace).unwrap_or(command.len()),
        false => 1.min(command.len()),
    };
    let (name, rest) = command.split_at(end);
    (name, rest.trim())
}

fn failed(reason: impl Into<String>) -> CellError {
    CellError::new("CommandError", reason)
}

impl Rust {
    fn type_of(&mut self, expression: &str, io: &dyn CellIo) -> Result<(), CellError> {
        if expression.is_empty() {
            return Err(failed("`:type` needs an expression, as in `:type vec![1]`"));
        }
        if let Some(variable) = self.books.variables.get(expression) {
            io.stdout(&format!("{expression}: {}\n", without_crates(&variable.type_name)));
            return Ok(());
        }
        self.start()?;
        let Some(Started { compiler, .. }) = &self.started else { return Ok(()) };
        let cell = Cell { code: format!("let it = {expression};"), number: self.number };
        let prepared = prepare(&split(&cell.code), &cell, &self.books, compiler)?;
        let bound = prepared.program.and_then(|program| program.bound.get("it").cloned());
        let type_name = bound.map_or_else(|| "!".to_owned(), |variable| variable.type_name);
        io.stdout(&format!("{expression}: {}\n", without_crates(&type_name)));
        Ok(())
    }

    fn explain(&mut self, code: &str, io: &dyn CellIo) -> Result<(), CellError> {
        let code = match (code, &self.latest_error) {
            ("", Some(code)) => code.clone(),
            ("", None) => {
                return Err(failed(
                    "no cell has failed to compile yet; `:explain E0382` explains that error",
                ));
            }
            (code, _) => code.to_owned(),
        };
        self.start()?;
        let Some(Started { compiler, .. }) = &self.started else { return Ok(()) };
        let rustc = &compiler.library().toolchain().rustc;
        let said = Process::new(rustc).args(["--explain", &code]).stdin(Stdio::null()).output();
        let said =
            said.map_err(|error| failed(format!("the compiler cannot be asked: {error}")))?;
        if !said.status.success() {
            return Err(failed(format!("the compiler knows no error `{code}`, as `E0382` is one")));
        }
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let media = pillars_kernel::Media::plain(text.clone());
        io.display(media.with("text/markdown", text), None);
        Ok(())
    }

    fn add_crate(&mut self, rest: &str, io: &dyn CellIo) -> Result<(), CellError> {
        self.start()?;
        let Some(Started { compiler, .. }) = &self.started else { return Ok(()) };
        let deps = self.books.units.deps.with(rest, compiler.library(), io);
        self.books.units.deps = deps.map_err(failed)?;
        Ok(())
    }

    fn opt(&mut self, level: &str, io: &dyn CellIo) -> Result<(), CellError> {
        self.books.level = match level {
            "" if self.books.level == QUICK => FAST,
            "" => QUICK,
            "0" | "1" | "2" | "3" => level.as_bytes()[0] - b'0',
            _ => {
                let reason = format!("`{level}` is no level: write `:opt 0` to `:opt 3`");
                return Err(failed(reason));
            }
        };
        io.stdout(&format!("statements are compiled at level {}\n", self.books.level));
        Ok(())
    }
}

/// Runs a line of the reader's in a shell.
///
/// # Errors
/// It did not succeed.
fn shell(line: &str, io: &dyn CellIo) -> Result<(), CellError> {
    let output = Process::new("sh").args(["-c", line]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(format!("no shell (`sh`) to run it: {error}")))?;
    io.stdout(&String::from_utf8_lossy(&output.stdout));
    io.stderr(&String::from_utf8_lossy(&output.stderr));
    match output.status.success() {
        true => Ok(()),
        false => Err(failed(format!("`{line}` failed ({})", output.status))),
    }
}

/// The sentence on a command that nobody knows.
fn unknown(command: &str) -> String {
    let (name, _) = parts(command);
    let likeness = |(own, ..): &&Command| {
        // A beginning of it is as like as can be.
        let is_begun = own.starts_with(name) && name.len() > 1;
        if is_begun { 1000 } else { (1000.0 * strsim::jaro_winkler(own, name)) as u32 }
    };
    let nearest = COMMANDS.iter().max_by_key(likeness).filter(|row| likeness(row) > 750);
    match nearest {
        Some((own, ..)) => {
            format!("there is no command `{name}`; did you mean `{own}`? `:help` lists all")
        }
        None => format!("there is no command `{name}`; `:help` lists those there are"),
    }
}

/// The variables, one a line.
pub fn variables(variables: &Variables) -> String {
    let line = |(name, variable): (&String, &Variable)| {
        let mutable = if variable.mutable { "mut " } else { "" };
        format!("{mutable}{name}: {}\n", without_crates(&variable.type_name))
    };
    variables.iter().map(line).collect()
}

/// The list of commands.
pub fn help() -> String {
    let line = |(name, argument, summary, _): &Command| {
        let space = if argument.is_empty() || !name.starts_with(':') { "" } else { " " };
        format!("{:24} {summary}\n", format!("{name}{space}{argument}"))
    };
    COMMANDS.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_command_is_answered_with_the_nearest() {
        let cases = [
            (":hlep", Some(":help")),
            (":var", Some(":vars")),
            (":dependency rand", Some(":dep")),
            (":typeof x", Some(":type")),
            (":clean", Some(":clear")),
            (":xyzzy", None),
        ];
        for (command, nearest) in cases {
            let told = unknown(command);
            match nearest {
                Some(name) => assert!(told.contains(&format!("did you mean `{name}`?")), "{told}"),
                None => assert!(!told.contains("did you mean"), "{told}"),
            }
        }
    }

    #[test]
    fn names_end_at_blanks_and_signs_are_names() {
        let cases = [
            (":dep a = 1", (":dep", "a = 1")),
            ("?vec", ("?", "vec")),
            ("! ls", ("!", "ls")),
            (":vars", (":vars", "")),
        ];
        for (command, expected) in cases {
            assert_eq!(parts(command), expected);
        }
    }

    #[test]
    fn help_lists_each_command_once() {
        assert_eq!(help().lines().count(), COMMANDS.len());
    }
}
