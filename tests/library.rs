//! The tests of the library for cells, in the profile in which cells use it: so
//! its dependencies, polars above all, are compiled once and not a second time
//! for tests.

use std::process::Command;

#[test]
fn the_librarys_own_tests_pass() {
    let ran = Command::new(env!("CARGO"))
        .args(["test", "--locked", "--profile", "cells", "--package", "pillars-models"])
        .args(["--package", "pillars-course"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(ran.status.success(), "{}\n{}", text(&ran.stdout), text(&ran.stderr));
    assert!(text(&ran.stdout).contains("test result: ok"), "no test ran");
}
