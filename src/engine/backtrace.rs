//! Calls in compiled cells, looked up in the line tables of their libraries.

use addr2line::Loader;
use std::collections::BTreeMap;

/// File and line of each call, calls that were inlined included.
pub fn lines(calls: &[(String, usize)]) -> Vec<(String, usize)> {
    let mut loaders = BTreeMap::new();
    let mut lines = Vec::new();
    for (library, offset) in calls {
        let loader = loaders.entry(library).or_insert_with(|| Loader::new(library).ok());
        let Some(loader) = loader else { continue };
        let Ok(mut frames) = loader.find_frames(*offset as u64) else { continue };
        while let Ok(Some(frame)) = frames.next() {
            let place =
                frame.location.and_then(|at| Some((at.file?.to_owned(), at.line? as usize)));
            lines.extend(place);
        }
    }
    lines
}
