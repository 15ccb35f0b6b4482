//! Answers what could stand at a place in a text, and what stands there: evcxr's
//! rust-analyzer behind one line of JSON a question and one an answer.
//!
//! Started by the kernel when a reader first asks, with the checkout's folder and an empty
//! one to work in; it ends with its standard input. Questions: `{"ask": "complete" |
//! "hover", "text": …, "at": byte}`. Answers: `{"items": [[text, kind, label], …], "start":
//! byte}`, `{"plain": …, "html": …}` or `{}`; `{"ready": true}` comes before the first, and
//! `{"error": …}` may stand for any.

use evcxr::{CommandContext, EvalContext};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use toml::Table;

fn main() -> ExitCode {
    // The program is also evcxr's own child, and does not return from here in that role.
    evcxr::runtime_hook();
    let mut folders = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(checkout), Some(work)) = (folders.next(), folders.next()) else {
        eprintln!(
            "pillars-analyzer is started by the kernel, with the checkout's folder and one to work in"
        );
        return ExitCode::from(2);
    };
    let mut context = match start(&checkout, &work) {
        Ok(context) => context,
        Err(reason) => {
            say(&json!({ "error": reason.to_string() }));
            return ExitCode::FAILURE;
        }
    };
    // All sources are read, once; and what every value has is known.
    let text = "use pillars::prelude::*;\nstruct Nothing;\nNothing.";
    let question = json!({ "ask": "complete", "text": text, "at": text.len() });
    let found = answer(&mut context, &question, &BTreeSet::new());
    let names = found["items"].as_array().into_iter().flatten();
    let common = names.map(|item| item[0].as_str().unwrap_or_default().to_owned()).collect();
    say(&json!({ "ready": true }));
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let question = serde_json::from_str(&line).unwrap_or(Value::Null);
        say(&answer(&mut context, &question, &common));
    }
    ExitCode::SUCCESS
}

/// evcxr with the library as a dependency that it never compiled: what it compiles is an
/// empty crate of that name, which gives way to the library's sources afterwards. Asked for
/// by `:dep` it would compile all of polars, or run cargo at each question.
fn start(checkout: &Path, work: &Path) -> Result<CommandContext, Box<dyn Error>> {
    // SAFETY: there is one thread.
    unsafe {
        std::env::set_var("EVCXR_TMPDIR", work);
        // What the library was built from is here; all else would ask the network.
        std::env::set_var("CARGO_NET_OFFLINE", "true");
    }
    let read = |file: &str| -> Result<Table, Box<dyn Error>> {
        Ok(std::fs::read_to_string(checkout.join(file))?.parse()?)
    };
    let (workspace, mut own) = (read("Cargo.toml")?, read("src/pillars/Cargo.toml")?);
    for (_, dependency) in own["dependencies"].as_table_mut().into_iter().flatten() {
        if let Some(toml::Value::String(path)) = dependency.get_mut("path") {
            *path = checkout.join("src/pillars").join(&path).display().to_string();
        }
    }
    let library = work.join("library");
    std::fs::create_dir_all(library.join("nothing"))?;
    std::fs::write(library.join("nothing/lib.rs"), "")?;
    let manifest = |root: &Path, dependencies: Option<&toml::Value>| {
        let edition = workspace["workspace"]["package"]["edition"].clone();
        let package =
            [("name", "pillars-course".into()), ("version", "0.0.0".into()), ("edition", edition)];
        let lib =
            [("name", own["lib"]["name"].clone()), ("path", root.display().to_string().into())];
        let mut manifest = Table::new();
        manifest.insert("package".to_owned(), table(package));
        manifest.insert("lib".to_owned(), table(lib));
        manifest.extend(dependencies.map(|all| ("dependencies".to_owned(), all.clone())));
        std::fs::write(library.join("Cargo.toml"), manifest.to_string())
    };
    manifest(&library.join("nothing/lib.rs"), None)?;

    let program = std::env::current_exe()?;
    let (mut context, _) = EvalContext::with_subprocess_command(Command::new(program))?;
    context.set_opt_level("0")?;
    let mut state = context.state();
    state.add_dep("pillars-course", &format!("{{ path = {library:?} }}"))?;
    context.eval_with_state("", state)?;

    manifest(&checkout.join("src/pillars/lib.rs"), own.get("dependencies"))?;
    // The versions that the library was built from.
    std::fs::copy(checkout.join("Cargo.lock"), work.join("Cargo.lock"))?;
    // A change that has evcxr read all manifests again.
    context.set_opt_level("1")?;
    Ok(CommandContext::with_eval_context(context))
}

fn table<const N: usize>(entries: [(&str, toml::Value); N]) -> toml::Value {
    toml::Value::Table(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// `common` are the methods of every value: they tell nothing of this one.
fn answer(context: &mut CommandContext, question: &Value, common: &BTreeSet<String>) -> Value {
    let text = question["text"].as_str().unwrap_or_default();
    let at = question["at"].as_u64().and_then(|at| usize::try_from(at).ok()).unwrap_or_default();
    if !text.is_char_boundary(at) {
        return json!({ "error": "`at` is not a place in `text`" });
    }
    match question["ask"].as_str() {
        Some("complete") => match context.completions(text, at) {
            Ok(found) => {
                let items = found.completions.iter().filter(|item| !common.contains(&item.code));
                let items: Vec<_> =
                    items.map(|item| json!([item.code, item.kind, item.label])).collect();
                json!({ "items": items, "start": found.start_offset })
            }
            Err(error) => json!({ "error": error.to_string() }),
        },
        Some("hover") => match context.hover_at(text, at) {
            // Where it knows nothing it says so in words.
            Ok((plain, _)) if plain == "No documentation found" => json!({}),
            Ok((plain, html)) => json!({ "plain": own(&plain), "html": own(&html) }),
            Err(error) => json!({ "error": error.to_string() }),
        },
        _ => json!({ "error": "`ask` is neither `complete` nor `hover`" }),
    }
}

/// Without the name of the crate that evcxr puts the reader's definitions in.
fn own(text: &str) -> String {
    text.replace("ctx::", "")
}

fn say(answer: &Value) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{answer}");
    let _ = out.flush();
}
