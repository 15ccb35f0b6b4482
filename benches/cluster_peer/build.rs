//! Finds the examples in stateright's package, so that they can be compiled as they are.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

fn main() {
    let cargo = env::var("CARGO").unwrap();
    let metadata = Command::new(cargo).args(["metadata", "--format-version", "1"]).output();
    let metadata = String::from_utf8(metadata.unwrap().stdout).unwrap();
    let manifest = metadata
        .split('"')
        .find(|text| text.contains("stateright-0") && text.ends_with("Cargo.toml"))
        .expect("stateright among the dependencies");
    let folder = Path::new(manifest).parent().unwrap().join("examples");
    let to = env::var("OUT_DIR").unwrap();
    for name in ["2pc", "linearizable-register", "paxos", "raft"] {
        let text = fs::read_to_string(folder.join(format!("{name}.rs"))).unwrap();
        // A file that is included may not speak of itself.
        let code = text.lines().filter(|line| !line.starts_with("//!"));
        let text = code.collect::<Vec<_>>().join("\n");
        fs::write(Path::new(&to).join(format!("{name}.rs")), text).unwrap();
    }
}
