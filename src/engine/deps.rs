//! Crates that the reader adds by `:dep`: compiled by cargo, once, and linked into one
//! dynamic library a set, beside the library for cells. They share no crate with that
//! one: cargo compiles them under other names, so that both can be loaded.

use crate::cache::{Key, hex};
use crate::compiler::{Import, Needed};
use crate::library::{Library, data_dir};
use pillars_kernel::{CellIo, Media};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The crates that a session has added.
#[derive(Clone, Debug, Default)]
pub struct Deps {
    /// The right-hand sides of a manifest's `[dependencies]`, by name.
    specs: BTreeMap<String, String>,
    /// What was said of them, with the versions that cargo chose.
    told: BTreeMap<String, String>,
    /// Their crates, for those that import them.
    pub imports: Vec<Import>,
    /// Their library, if there are any.
    pub needed: Option<Needed>,
}

impl Deps {
    /// The set with one more, compiled. `rest` is what follows `:dep`.
    ///
    /// # Errors
    /// A sentence: what is wrong with the command, or what cargo said.
    pub fn with(&self, rest: &str, library: &Library, io: &dyn CellIo) -> Result<Self, String> {
        let (name, spec) = parse(rest)?;
        if self.specs.get(&name) == Some(&spec) {
            if let Some(told) = self.told.get(&name) {
                io.display(Media::plain(told), None);
            }
            return Ok(self.clone());
        }
        let mut specs = self.specs.clone();
        specs.insert(name.clone(), spec);
        build(specs, &name, library, io)
    }

    /// Whether a crate of this name is among them.
    pub fn has(&self, name: &str) -> bool {
        self.imports.iter().any(|import| import.name == name)
    }
}

/// `name`, `name = "1.2"`, `name = { version = "1.2", features = ["x"] }`; a path is
/// taken from the notebook's folder.
fn parse(rest: &str) -> Result<(String, String), String> {
    let usage = "write `:dep name = \"1.2\"`, `:dep name = { version = \"1.2\", features = [\"x\"] }` or `:dep name = { path = \"../x\" }`";
    let (name, spec) = rest.split_once('=').map_or((rest, "\"*\""), |(name, spec)| (name, spec));
    let (name, spec) = (name.trim(), spec.trim());
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(allowed) {
        return Err(format!("`{name}` is no name of a crate: {usage}"));
    }
    let text = format!("[d]\n{name} = {spec}\n");
    let mut table: toml::Table =
        text.parse().map_err(|_| format!("`{spec}` is no version: {usage}"))?;
    let Some(value) = table["d"].get_mut(name) else { return Err(usage.to_owned()) };
    if let Some(path) = value.get_mut("path")
        && let Some(text) = path.as_str()
    {
        let whole = std::path::absolute(text).map_err(|error| error.to_string())?;
        if !whole.join("Cargo.toml").is_file() {
            return Err(format!(
                "there is no crate in {}: a `path` is taken from the notebook's folder",
                whole.display()
            ));
        }
        *path = toml::Value::String(whole.to_string_lossy().into_owned());
    }
    Ok((name.to_owned(), value.to_string()))
}

fn build(
    specs: BTreeMap<String, String>,
    added: &str,
    library: &Library,
    io: &dyn CellIo,
) -> Result<Deps, String> {
    let lines: String = specs.iter().map(|(name, spec)| format!("{name} = {spec}\n")).collect();
    let mut hash = Sha256::new();
    hash.update(&library.manifest().fingerprint);
    hash.update(&lines);
    let digits = hex(&hash.finalize()[..6]);
    let root = data_dir().map_err(|error| error.to_string())?.join("deps");
    let folder = root.join(&digits);
    let cannot = |error: std::io::Error| {
        format!("`{added}` cannot be added: no folder {}: {error}", folder.display())
    };
    fs::create_dir_all(&folder).map_err(cannot)?;
    let crate_name = format!("deps_{digits}");
    let manifest = format!(
        "[package]\nname = \"{crate_name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[lib]\npath = \"lib.rs\"\n\n\
         [dependencies]\n{lines}\n[profile.release]\nopt-level = 2\ndebug = false\n\n[workspace]\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).map_err(cannot)?;
    fs::write(folder.join("lib.rs"), "").map_err(cannot)?;
    let mut output = Output { io, id: format!("dep {digits}"), shown: false };
    // Versions that these crates have had before they have again, under every library.
    let lock = root.join(format!("{}.lock", hex(&Sha256::digest(&lines)[..6])));
    let _ = fs::copy(&lock, folder.join("Cargo.lock"));
    let resolved = resolve(&folder, added, library)?;
    let names = &resolved.names;
    let uses: String = names.iter().map(|name| format!("pub extern crate {name};\n")).collect();
    fs::write(folder.join("lib.rs"), uses).map_err(cannot)?;

    let mut command = cargo(&folder, library);
    command.args([
        "rustc",
        "--release",
        "--lib",
        "--crate-type",
        "dylib",
        "--message-format=json-render-diagnostics",
    ]);
    command.arg("--target-dir").arg(root.join("target")).args(["--", "-Cprefer-dynamic"]);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|error| {
            format!("`{added}` cannot be added: cargo cannot be started: {error}")
        })?;
    let out = child.stdout.take();
    let artifacts = std::thread::spawn(move || {
        let lines =
            out.into_iter().flat_map(|out| BufReader::new(out).lines().map_while(Result::ok));
        lines.filter_map(|line| serde_json::from_str::<Value>(&line).ok()).collect::<Vec<_>>()
    });
    let mut said = Vec::new();
    for line in child
        .stderr
        .take()
        .into_iter()
        .flat_map(|err| BufReader::new(err).lines().map_while(Result::ok))
    {
        if let Some(what) = line.trim().strip_prefix("Compiling ") {
            let what = what.split(' ').take(2).collect::<Vec<_>>().join(" ");
            // The crate that holds them all is not the reader's.
            if !what.starts_with(&crate_name) {
                output.say(&format!("compiling {what}"));
            }
        }
        said.push(line);
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let artifacts = artifacts.join().unwrap_or_default();
    if !status.success() {
        output.say(&format!("`{added}` was not added"));
        return Err(refusal(added, &said));
    }
    // What stays says the same the next time, when nothing is to be compiled.
    output.say(&resolved.told(added));
    let _ = fs::copy(folder.join("Cargo.lock"), &lock);
    let told = specs.keys().map(|name| (name.clone(), resolved.told(name))).collect();
    collect(specs, names, &crate_name, &artifacts, digits)
        .map(|deps| Deps { told, ..deps })
        .ok_or_else(|| format!("`{added}` cannot be added: cargo made no library of it"))
}

/// One output, changed as the work goes on.
struct Output<'a> {
    io: &'a dyn CellIo,
    id: String,
    shown: bool,
}

impl Output<'_> {
    fn say(&mut self, text: &str) {
        match std::mem::replace(&mut self.shown, true) {
            false => self.io.display(Media::plain(text), Some(&self.id)),
            true => self.io.update(Media::plain(text), &self.id),
        }
    }
}

/// What cargo has chosen.
struct Resolved {
    /// The names by which code calls the crates: `md-5` is `md5`.
    names: Vec<String>,
    /// Packages and their versions.
    versions: BTreeMap<String, String>,
}

impl Resolved {
    fn told(&self, package: &str) -> String {
        let version = self.versions.get(package).map(|version| format!(" {version}"));
        format!("{package}{} is there", version.unwrap_or_default())
    }
}

/// Has cargo choose versions; from what is on this machine, if there is no network.
fn resolve(folder: &Path, added: &str, library: &Library) -> Result<Resolved, String> {
    let ask = |offline: bool| {
        let mut command = cargo(folder, library);
        command.args(["metadata", "--format-version", "1"]);
        if offline {
            command.arg("--offline");
        }
        command.output()
    };
    let cannot = |error| format!("`{added}` cannot be added: cargo cannot be started: {error}");
    let mut output = ask(false).map_err(cannot)?;
    if !output.status.success()
        && let Ok(offline) = ask(true)
        && offline.status.success()
    {
        output = offline;
    }
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(refusal(added, &said.lines().map(str::to_owned).collect::<Vec<_>>()));
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let root = &metadata["resolve"]["root"];
    let nodes = metadata["resolve"]["nodes"].as_array().into_iter().flatten();
    let deps: Vec<&Value> = nodes
        .filter(|node| node["id"] == *root)
        .flat_map(|node| node["deps"].as_array().into_iter().flatten())
        .collect();
    let names = deps.iter().filter_map(|dep| dep["name"].as_str().map(str::to_owned)).collect();
    let direct = |package: &&Value| deps.iter().any(|dep| dep["pkg"] == package["id"]);
    let packages = metadata["packages"].as_array().into_iter().flatten().filter(direct);
    let version = |package: &Value| {
        Some((package["name"].as_str()?.to_owned(), package["version"].as_str()?.to_owned()))
    };
    Ok(Resolved { names, versions: packages.filter_map(version).collect() })
}

fn collect(
    specs: BTreeMap<String, String>,
    names: &[String],
    crate_name: &str,
    artifacts: &[Value],
    digits: String,
) -> Option<Deps> {
    let made = |name: &str, endings: &[&str]| -> Option<PathBuf> {
        let of_name = artifacts.iter().filter(|each| {
            each["target"]["name"].as_str().is_some_and(|target| target.replace('-', "_") == name)
                && each["reason"] == "compiler-artifact"
        });
        let files = of_name.flat_map(|each| each["filenames"].as_array().into_iter().flatten());
        let files: Vec<&str> = files.filter_map(Value::as_str).collect();
        endings
            .iter()
            .find_map(|ending| files.iter().rev().find(|file| file.ends_with(ending)))
            .map(PathBuf::from)
    };
    let library = made(crate_name, &[".so", ".dylib"])?;
    let mut imports = Vec::new();
    let mut folder = None;
    for name in names {
        // A macro's crate is a library of the compiler's own.
        let file = made(name, &[".rlib", ".rmeta", ".so", ".dylib"])?;
        folder = folder.or_else(|| file.parent().map(Path::to_owned));
        imports.push(Import { name: name.clone(), file });
    }
    let folder = folder.or_else(|| library.parent().map(|above| above.join("deps")))?;
    let key = Key::named(&format!("{crate_name}{digits}"));
    let needed = Some(Needed { name: crate_name.to_owned(), key, folder, library });
    Some(Deps { specs, imports, needed, ..Deps::default() })
}

fn cargo(folder: &Path, library: &Library) -> Command {
    let toolchain = library.toolchain();
    let mut command = Command::new(&toolchain.cargo);
    command.current_dir(folder).env("RUSTC", &toolchain.rustc).stdin(Stdio::null());
    command.env("CARGO_TERM_COLOR", "never").env("CARGO_TERM_PROGRESS_WHEN", "never");
    for name in ["RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_TARGET_DIR"] {
        command.env_remove(name);
    }
    // Crates that the library for cells has too are other crates under this name.
    command.env("CARGO_ENCODED_RUSTFLAGS", "-Cmetadata=pillars-deps");
    command
}

/// Cargo's complaint as one sentence.
fn refusal(added: &str, said: &[String]) -> String {
    let errors = said.iter().map(|line| line.trim());
    let errors: Vec<&str> = errors
        .filter(|line| {
            !line.is_empty() && !line.starts_with("Compiling") && !line.starts_with("Updating")
        })
        .collect();
    let first = errors.iter().position(|line| line.starts_with("error")).unwrap_or(0);
    let told =
        errors[first.min(errors.len())..].iter().take(4).copied().collect::<Vec<_>>().join(" ");
    let told = told.strip_prefix("error: ").unwrap_or(&told);
    // Where cargo looked, and for whom, are folders of ours.
    let told = told.split(" location searched:").next().unwrap_or(told);
    format!("`{added}` cannot be added; nothing has changed. Cargo said: {told}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_a_line_of_a_manifest() {
        for (text, name, spec) in [
            ("rand", "rand", "\"*\""),
            ("rand = \"0.9\"", "rand", "\"0.9\""),
            (
                "a-b={version=\"1\",features=[\"x\"]}",
                "a-b",
                "{ features = [\"x\"], version = \"1\" }",
            ),
        ] {
            assert_eq!(parse(text), Ok((name.to_owned(), spec.to_owned())), "{text}");
        }
        for text in ["", "= \"1\"", "a b", "a = 1.", "a = { path = \"/nowhere/at/all\" }"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
