//! A script that cargo calls in rustc's place.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{LibraryError, file_error};

/// Has cargo call the script, and the script the wrapper that was there before.
pub(super) fn set(script: &str, root: &Path, command: &mut Command) -> Result<(), LibraryError> {
    // Beside what cargo makes, where programs may be run; another build may be about to run the same one.
    let folder = root.join("target");
    let (path, made) =
        (folder.join("rustc-wrapper.sh"), folder.join(format!("rustc-{}.sh", std::process::id())));
    if fs::read_to_string(&path).is_ok_and(|there| there == script) {
        wrapped(&path, command);
        return Ok(());
    }
    fs::create_dir_all(&folder).map_err(file_error("make", &folder))?;
    fs::write(&made, script).map_err(file_error("write", &made))?;
    pillars_unix::make_executable(&made).map_err(file_error("write", &made))?;
    fs::rename(&made, &path).map_err(file_error("write", &path))?;
    wrapped(&path, command);
    Ok(())
}

fn wrapped(script: &Path, command: &mut Command) {
    let outer = std::env::var_os("RUSTC_WRAPPER").unwrap_or_default();
    command.env("PILLARS_OUTER_WRAPPER", outer).env("RUSTC_WRAPPER", script);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With `echo` for rustc and `env` for the wrapper that was there before.
    #[test]
    fn what_plans_queries_is_compiled_lightly_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let mut cargo = Command::new("cargo");
        let script = super::super::cargo::LIBRARY.wrapper.unwrap();
        for _ in 0..2 {
            set(script, folder.path(), &mut cargo).unwrap();
        }
        let wrapper = cargo.get_envs().find(|(name, _)| *name == "RUSTC_WRAPPER").unwrap().1;
        for outer in ["", "env"] {
            for (name, is_light) in [
                ("polars_plan", true),
                ("polars_expr", true),
                ("polars_core", false),
                ("polars_plan_more", false),
                ("build_script_build", false),
            ] {
                let mut called = Command::new(wrapper.unwrap());
                called.args(["echo", "--crate-name", name, "--edition=2021", "a b"]);
                let output = called.env("PILLARS_OUTER_WRAPPER", outer).output().unwrap();
                let flags = if is_light { " -C lto=off -C no-prepopulate-passes" } else { "" };
                let expected = format!("--crate-name {name} --edition=2021 a b{flags}\n");
                assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
            }
        }
    }
}
