//! The prebuilt library: a cell is compiled against it, linked, loaded and run.

use std::fs;
use std::process::Command;

use pillars_engine::library::Library;

/// Like a cell in its start: it names the library and a crate that the library brings along.
const CELL: &str = r#"
extern crate pillars;
use pillars::prelude::*;
fn main() {
    let queue = Queue::mmc(1.5, 1.0, 2);
    println!("{queue:?}");
    println!("{}", polars::prelude::Series::new("n".into(), [1i64, 2, 3]).len());
}
"#;

#[test]
fn a_cell_compiles_links_and_runs() {
    // SAFETY: the only test of this program, before it has threads. The user's own library is left alone.
    unsafe {
        std::env::set_var("PILLARS_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/pillars-home"))
    };
    let library = Library::build(&mut |_| {}).unwrap();
    library.verify().unwrap();
    assert_eq!(Library::locate().unwrap().dir(), library.dir());
    let dir = std::env::temp_dir().join(format!("pillars-prebuilt-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let (source, program) = (dir.join("cell.rs"), dir.join("cell"));
    fs::write(&source, CELL).unwrap();
    let mut rustc = Command::new(&library.toolchain().rustc);
    rustc.args(["--edition", "2024", "-Cdebuginfo=0"]).args(library.rustc_flags());
    let compiled = rustc.arg("-o").arg(&program).arg(&source).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    // Nothing but the flags may be needed to find the libraries.
    let ran = Command::new(&program).env_remove("LD_LIBRARY_PATH").output().unwrap();
    fs::remove_dir_all(&dir).unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(String::from_utf8_lossy(&ran.stdout).ends_with("3\n"));
}
