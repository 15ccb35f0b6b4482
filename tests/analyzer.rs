//! Completion and hover by types: the language service as a client of the kernel sees it.

mod common;

use common::{bare_pillars, jupyter, scratch, shown};
use std::path::Path;

#[test]
fn what_knows_types_answers_as_soon_as_it_is_there_and_hinders_nothing() {
    let prefix = scratch("prefix-analyzer");
    let ran = bare_pillars().arg("install").arg("--prefix").arg(prefix).output().unwrap();
    assert!(ran.status.success(), "{}", shown(&ran));
    let test = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/test_analyzer.py");
    let ran = jupyter("python").arg(test).env_remove("PILLARS_ANALYZER").output().unwrap();
    assert!(ran.status.success(), "{}", shown(&ran));
}
