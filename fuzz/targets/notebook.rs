//! The reading of notebooks that others have written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;

#[allow(dead_code, reason = "the program's own file")]
#[path = "../../src/document.rs"]
mod document;
#[allow(dead_code, reason = "the program's own file")]
#[path = "../../src/files.rs"]
mod files;
mod kernel_spec {
    pub const DEFAULT_NAME: &str = "pillars";
}

use document::Document;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let path = Path::new("notebook.ipynb");
    let document = match Document::parse(path, text) {
        Ok(document) => document,
        // Whatever it is, it is told on one line, whose length does not grow with the file's.
        Err(error) => {
            let told = format!("{error:#}");
            assert!(!told.contains('\n') && !told.is_empty(), "{told}");
            return;
        }
    };
    for (at, cell) in document.cells().iter().enumerate() {
        document::cell_name(at, cell);
        document::has_tag(cell, "parameters");
    }
    let Ok(bytes) = document.bytes() else { panic!("it was read and cannot be written") };
    let Ok(text) = String::from_utf8(bytes.clone()) else { panic!("it is not written as text") };
    match Document::parse(path, &text).and_then(|again| again.bytes()) {
        Ok(again) => assert!(again == bytes, "written twice it is another"),
        Err(error) => panic!("what was written cannot be read: {error:#}"),
    }
});
