//! Commands that this engine answers itself. All others are evcxr's.

use crate::layout::Variables;

/// Name, summary, and the answer.
type Command = (&'static str, &'static str, fn(&Variables) -> String);

const COMMANDS: &[Command] =
    &[(":help", "this list", |_| help()), (":vars", "the variables and their types", variables)];

/// Commands that are carried out elsewhere, for the list.
const OTHERS: &[(&str, &str)] = &[
    (":clear", "forgets all variables and definitions"),
    (":dep NAME = \"VERSION\"", "adds a crate"),
    (":opt LEVEL", "the level of optimisation"),
    (":timing", "shows how long each cell takes"),
    ("?NAME", "describes a name"),
    ("!COMMAND", "runs a shell command"),
];

/// The answer to a command, if it is one of this engine's.
pub fn answer(command: &str, variables: &Variables) -> Option<String> {
    let name = command.split_whitespace().next().unwrap_or_default();
    let (.., answer) = COMMANDS.iter().find(|(own, ..)| *own == name)?;
    Some(answer(variables))
}

fn variables(variables: &Variables) -> String {
    let line = |(name, variable): (&String, &crate::layout::Variable)| {
        let mutable = if variable.mutable { "mut " } else { "" };
        format!("{mutable}{name}: {}\n", variable.type_name)
    };
    variables.iter().map(line).collect()
}

fn help() -> String {
    let own = COMMANDS.iter().map(|(name, summary, _)| (*name, *summary));
    let line = |(name, summary): (&str, &str)| format!("{name:24} {summary}\n");
    own.chain(OTHERS.iter().copied()).map(line).collect()
}
