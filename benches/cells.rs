//! How long cells take, beside evcxr_jupyter and bare rustc: builds what is needed
//! and starts `benches/cells.py`, which drives the kernels as Jupyter does.
//!
//!     cargo bench --bench cells

#[path = "../tests/common/mod.rs"]
mod common;

use std::path::Path;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ran = common::jupyter("python")
        .arg(root.join("benches/cells.py"))
        .arg(root.join("notebooks/01-queueing.ipynb"))
        .status();
    match ran {
        Ok(status) if status.success() => {}
        other => panic!("benches/cells.py did not come to its end: {other:?}"),
    }
}
