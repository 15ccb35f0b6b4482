//! The kernelspec: the folder by which Jupyter knows the kernel.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::files::{hint, write_whole};
use crate::kernel::Engine;
use crate::python;

const TEMPLATE: &str = include_str!("../kernel-spec/kernel.json");

const LOGOS: [(&str, &[u8]); 3] = [
    ("logo-32x32.png", include_bytes!("../kernel-spec/logo-32x32.png")),
    ("logo-64x64.png", include_bytes!("../kernel-spec/logo-64x64.png")),
    ("logo-svg.svg", include_bytes!("../kernel-spec/logo-svg.svg")),
];

/// The name Jupyter knows the kernel by, unless another is chosen.
pub const DEFAULT_NAME: &str = "pillars";

/// The name of the kernel that runs cells by evcxr, unless another is chosen.
const REFERENCE_NAME: &str = "pillars-evcxr";

/// Which of Jupyter's folders, and under which name.
#[derive(Args, Clone)]
pub struct Selection {
    /// For this user (the default)
    #[arg(long, group = "place")]
    user: bool,
    /// For the Python environment that `python3` on PATH belongs to
    #[arg(long, group = "place")]
    sys_prefix: bool,
    /// For the Python environment in the folder DIR
    #[arg(long, value_name = "DIR", group = "place")]
    prefix: Option<PathBuf>,
    /// The name Jupyter knows the kernel by: letters, digits, `.`, `_` and `-`
    #[arg(long, value_name = "NAME", default_value = DEFAULT_NAME, value_parser = valid_name)]
    name: String,
}

impl Selection {
    /// The environment in `prefix`, under the usual name.
    pub fn prefix(prefix: &Path) -> Self {
        let prefix = Some(prefix.to_owned());
        Self { user: false, sys_prefix: false, prefix, name: DEFAULT_NAME.to_owned() }
    }

    /// For this user, under the usual name.
    pub fn user() -> Self {
        Self { user: true, sys_prefix: false, prefix: None, name: DEFAULT_NAME.to_owned() }
    }

    /// The folder of the kernelspec, whether it exists or not.
    pub fn dir(&self) -> Result<PathBuf> {
        self.dir_for(Engine::Fast)
    }

    fn dir_for(&self, engine: Engine) -> Result<PathBuf> {
        let data = match &self.prefix {
            Some(prefix) => std::path::absolute(prefix)?.join("share/jupyter"),
            None if self.sys_prefix => python::sys_prefix()?.join("share/jupyter"),
            None => user_data_dir()?,
        };
        let name = match engine {
            Engine::Evcxr if self.name == DEFAULT_NAME => REFERENCE_NAME,
            _ => &self.name,
        };
        Ok(data.join("kernels").join(name))
    }
}

/// Writes the kernelspec, over an older one of ours if there is one, and returns its folder.
pub fn install(selection: &Selection, engine: Engine) -> Result<PathBuf> {
    let dir = selection.dir_for(engine)?;
    refuse_foreign(&dir)?;
    let failed = |path: &Path, error: std::io::Error| {
        anyhow::anyhow!("cannot write {}: {error}{}", path.display(), hint(&error))
    };
    fs::create_dir_all(&dir).map_err(|error| failed(&dir, error))?;
    for (name, content) in LOGOS {
        let path = dir.join(name);
        write_whole(&path, content).map_err(|error| failed(&path, error))?;
    }
    // Last: a folder without it is no kernel yet.
    let path = dir.join("kernel.json");
    write_whole(&path, kernel_json(engine)?.as_bytes()).map_err(|error| failed(&path, error))?;
    Ok(dir)
}

/// Whether the kernelspec is there and starts this very program.
pub fn is_current(selection: &Selection) -> bool {
    let Ok(dir) = selection.dir() else { return false };
    let installed = fs::read_to_string(dir.join("kernel.json"));
    matches!((installed, kernel_json(Engine::Fast)), (Ok(there), Ok(ours)) if there == ours)
}

/// Removes the kernelspec; `false` when there was none.
pub fn uninstall(selection: &Selection) -> Result<Option<PathBuf>> {
    let dir = selection.dir()?;
    if !dir.exists() {
        return Ok(None);
    }
    refuse_foreign(&dir)?;
    fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    Ok(Some(dir))
}

/// The program that the kernelspec in `dir` starts.
pub fn executable(dir: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(dir.join("kernel.json")).ok()?;
    let spec: Value = serde_json::from_str(&text).ok()?;
    let ours = spec["argv"][1] == "kernel" && spec["language"] == "rust";
    spec["argv"][0].as_str().filter(|_| ours).map(PathBuf::from)
}

fn refuse_foreign(dir: &Path) -> Result<()> {
    if dir.join("kernel.json").exists() && executable(dir).is_none() {
        bail!(
            "{} holds the kernel of another program: choose another name with --name",
            dir.display()
        );
    }
    Ok(())
}

fn kernel_json(engine: Engine) -> Result<String> {
    let program = env::current_exe().context("cannot tell where this program is")?;
    let mut spec: Value = serde_json::from_str(TEMPLATE)?;
    spec["argv"][0] = Value::from(program.to_string_lossy().into_owned());
    if engine == Engine::Evcxr
        && let Some(arguments) = spec["argv"].as_array_mut()
    {
        arguments.extend(["--engine", "evcxr"].map(Value::from));
        spec["display_name"] = Value::from("Rust (Pillars, evcxr)");
    }
    Ok(serde_json::to_string_pretty(&spec)? + "\n")
}

/// Jupyter's rule for the folder of a user's data.
fn user_data_dir() -> Result<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(dir) = set("JUPYTER_DATA_DIR") {
        return Ok(dir);
    }
    let home =
        set("HOME").context("HOME is not set: set it, or say where to install with --prefix DIR");
    if cfg!(target_os = "macos") {
        return Ok(home?.join("Library/Jupyter"));
    }
    if let Some(dir) = set("XDG_DATA_HOME") {
        return Ok(dir.join("jupyter"));
    }
    Ok(home?.join(".local/share/jupyter"))
}

fn valid_name(name: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() || !name.chars().all(allowed) || name.starts_with('.') {
        return Err(
            "allowed are letters, digits, `.`, `_` and `-`, and no dot at the start".to_owned()
        );
    }
    // Jupyter looks kernels up in lower case.
    Ok(name.to_lowercase())
}
