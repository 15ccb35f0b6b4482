//! The rules of ARCHITECTURE.md that a look at the sources can hold.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust sources below a folder, as paths from the root, with their text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    visit(&root().join(folder), &mut found);
    assert!(!found.is_empty(), "nothing in {folder}");
    found.sort();
    found
}

fn visit(folder: &Path, found: &mut Vec<(String, String)>) {
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            visit(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            found.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The code of a source: without comments and without what follows its unit tests.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn uses(text: &str, crate_name: &str) -> bool {
    let code = code(text);
    code.match_indices(crate_name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let word = |c: Option<char>| {
            c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-' || c == ':')
        };
        !word(before) && code[at + crate_name.len()..].starts_with("::")
    })
}

const UNIX: &[&str] = &["src/unix/lib.rs"];

#[test]
fn each_wall_stands() {
    // Folder, what is named there, the only files that may name it.
    let walls: [(&str, &str, &[&str]); 12] = [
        // What rules Windows out is in one file.
        ("src", "libc", UNIX),
        ("src", "std::os::unix", UNIX),
        ("src", "tokio::signal::unix", UNIX),
        ("src", "zeromq", &["src/kernel/sockets.rs"]),
        ("src", "evcxr", &["src/engine/reference/evcxr.rs", "src/analyzer/main.rs"]),
        ("src/kernel", "pillars_engine", &[]),
        ("src/kernel", "ra_ap_syntax", &[]),
        ("src/engine", "tokio", &[]),
        ("src/pillars", "pillars_kernel", &[]),
        ("src/pillars", "pillars_engine", &[]),
        ("src/models", "pillars_unix", &[]),
        ("src/models", "serde_json", &[]),
    ];
    for (folder, name, allowed) in walls {
        for (file, text) in sources(folder) {
            assert!(!uses(&text, name) || allowed.contains(&&*file), "{file} names {name}");
        }
    }
}

#[test]
fn no_crate_depends_on_one_it_must_not_know() {
    let forbidden = [
        ("Cargo.toml", ["pillars-course", "evcxr", "polars"]),
        ("src/kernel/Cargo.toml", ["pillars-engine", "pillars-course", "evcxr"]),
        ("src/engine/Cargo.toml", ["pillars-course", "zeromq", "polars"]),
        ("src/analyzer/Cargo.toml", ["pillars-engine", "pillars-course", "zeromq"]),
        ("src/models/Cargo.toml", ["pillars-course", "plotters", "polars"]),
        ("src/pillars/Cargo.toml", ["pillars-engine", "pillars-kernel", "zeromq"]),
    ];
    for (manifest, names) in forbidden {
        let text = std::fs::read_to_string(root().join(manifest)).unwrap();
        for name in names {
            let named =
                |line: &str| line.split(['=', '.']).next().is_some_and(|key| key.trim() == name);
            // `name = ["..."]` is a feature.
            let depends = text.lines().any(|line| named(line) && !line.contains("= ["));
            assert!(!depends, "{manifest} depends on {name}");
        }
    }
}

/// A file that no manifest names is never compiled: its tests would not run, and nobody would know.
#[test]
fn every_test_and_benchmark_is_named_in_a_manifest() {
    let manifests: String = std::fs::read_dir(root().join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().path().join("Cargo.toml"))
        .chain([root().join("Cargo.toml")])
        .filter_map(|manifest| std::fs::read_to_string(manifest).ok())
        .collect();
    for (file, _) in sources("tests").into_iter().chain(sources("benches")) {
        if file.matches('/').count() == 1 {
            assert!(manifests.contains(&format!("{file}\"")), "no manifest names {file}");
        }
    }
}

#[test]
fn charts_tables_and_the_display_channel_have_one_room_each() {
    for (file, text) in sources("src/pillars").into_iter().chain(sources("src/models")) {
        let in_room = |room: &str| {
            file.strip_prefix("src/pillars/").is_some_and(|name| name.starts_with(room))
        };
        // warm.rs names what readers name.
        let is_prelude = in_room("prelude") || in_room("lib.rs") || in_room("warm.rs");
        if uses(&text, "plotters") {
            assert!(in_room("chart/") || is_prelude, "{file} names plotters");
        }
        if uses(&text, "polars") {
            assert!(in_room("table") || is_prelude, "{file} names polars");
        }
        if code(&text).contains("stdout()") {
            assert!(in_room("display.rs"), "{file} writes to the display channel");
        }
        for banned in ["HashMap", "HashSet", "SystemTime", "Instant::now", "thread_rng"] {
            // Limits in time, which nobody has who does not ask for them.
            let is_clock = banned == "Instant::now" && file == "src/models/deadline.rs";
            assert!(
                !code(&text).contains(banned) || is_clock,
                "{file} uses {banned}, which is not reproducible"
            );
        }
    }
}

#[test]
fn nothing_committed_names_a_machine() {
    let listed = std::process::Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root())
        .output()
        .unwrap();
    let files = String::from_utf8(listed.stdout).unwrap();
    let home = std::env::var("HOME").unwrap_or_default();
    let mut banned = vec![format!("{}/", env!("CARGO_MANIFEST_DIR"))];
    banned.extend((home.len() > 1).then(|| format!("{home}/")));
    for file in files.split('\0').filter(|file| !file.is_empty()) {
        let Ok(text) = std::fs::read_to_string(root().join(file)) else { continue };
        for name in &banned {
            assert!(!text.contains(name.as_str()), "{file} has {name}");
        }
    }
}

#[test]
fn no_file_has_outgrown_its_room() {
    for (file, text) in sources("src") {
        let lines = text.lines().count();
        assert!(lines <= 500, "{file} has {lines} lines: it wants a second room");
    }
}
