//! The bounds of a cell's output. What is more than a front end can show, or a notebook
//! should hold, goes to a file, and the output says so.

use crate::library::data_dir;
use pillars_kernel::{CellIo, Media};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Bytes of output a cell may show, unless `PILLARS_OUTPUT_MB` says another number.
const LIMIT: u64 = 10_000_000;

/// Bytes of the rest that are kept.
const KEPT: u64 = 1_000_000_000;

/// A cell's way out, for so many bytes.
pub struct Bounded<'a> {
    io: &'a dyn CellIo,
    left: u64,
    limit: u64,
    /// Where the rest goes.
    folder: PathBuf,
    /// The rest, once there is one.
    rest: Option<Rest>,
}

struct Rest {
    file: Option<File>,
    left: u64,
}

impl<'a> Bounded<'a> {
    /// Output to `io`, within the limit.
    pub fn new(io: &'a dyn CellIo) -> Self {
        let (limit, folder) = (limit(), data_dir().unwrap_or_else(|_| std::env::temp_dir()));
        Self { io, left: limit, limit, folder: folder.join("output"), rest: None }
    }

    /// Text of standard output.
    pub fn stdout(&mut self, text: &str) {
        let (shown, rest) = self.split(text);
        if !shown.is_empty() {
            self.io.stdout(shown);
        }
        self.keep(rest);
    }

    /// Text of standard error.
    pub fn stderr(&mut self, text: &str) {
        let (shown, rest) = self.split(text);
        if !shown.is_empty() {
            self.io.stderr(shown);
        }
        self.keep(rest);
    }

    /// Something shown.
    pub fn display(&mut self, media: Media, id: Option<&str>) {
        if let Some(media) = self.fitting(media) {
            self.io.display(media, id);
        }
    }

    /// The cell's value.
    pub fn result(&mut self, media: Media) {
        if let Some(media) = self.fitting(media) {
            self.io.result(media);
        }
    }

    /// Something else in the place of what was shown: takes no more room than one of them.
    pub fn update(&mut self, media: Media, id: &str) {
        let left = self.left;
        if let Some(media) = self.fitting(media) {
            self.io.update(media, id);
            self.left = left;
        }
    }

    /// What of a text can be shown, and the rest.
    fn split<'t>(&mut self, text: &'t str) -> (&'t str, &'t str) {
        if self.rest.is_some() {
            return ("", text);
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let at = text.floor_char_boundary(most);
        self.left -= at as u64;
        text.split_at(at)
    }

    fn fitting(&mut self, media: Media) -> Option<Media> {
        let size = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => text.len(),
            other => other.to_string().len(),
        };
        let bytes = media.data.values().map(size).sum::<usize>() as u64;
        if self.rest.is_none() && bytes <= self.left {
            self.left -= bytes;
            return Some(media);
        }
        let plain = media.data.get("text/plain").and_then(serde_json::Value::as_str);
        let text = plain.map_or_else(|| serde_json::json!(media.data).to_string(), str::to_owned);
        self.keep(&text);
        None
    }

    /// Keeps what is not shown.
    fn keep(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let limit = self.limit;
        let rest = self.rest.get_or_insert_with(|| {
            let (file, told) = match create(&self.folder) {
                Ok((file, path)) => (Some(file), format!("the rest is in {}", path.display())),
                Err(error) => (None, format!("the rest is lost: {error}")),
            };
            self.io.stderr(&format!(
                "\n[the output of this cell is cut at {} MB (PILLARS_OUTPUT_MB); {told}]\n",
                limit as f64 / 1e6
            ));
            Rest { file, left: KEPT }
        });
        let at = text.floor_char_boundary(usize::try_from(rest.left).unwrap_or(usize::MAX));
        rest.left -= at as u64;
        if let Some(file) = &mut rest.file {
            // A full disk must not end the cell.
            let _ = file.write_all(&text.as_bytes()[..at]);
        }
    }
}

fn limit() -> u64 {
    let set = std::env::var("PILLARS_OUTPUT_MB").ok().and_then(|text| text.trim().parse().ok());
    set.map_or(LIMIT, |megabytes: f64| (megabytes * 1e6) as u64)
}

/// A file of its own for each cell that prints too much.
fn create(folder: &Path) -> std::io::Result<(File, PathBuf)> {
    std::fs::create_dir_all(folder)?;
    let file = tempfile::Builder::new().prefix("cell-").suffix(".txt").tempfile_in(folder)?;
    Ok(file.keep()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pillars_kernel::CellError;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Shown(Mutex<String>);

    impl Shown {
        fn add(&self, text: &str) {
            self.0.lock().unwrap().push_str(text);
        }
    }

    impl CellIo for Shown {
        fn stdout(&self, text: &str) {
            self.add(text);
        }
        fn stderr(&self, text: &str) {
            self.add(text);
        }
        fn display(&self, media: Media, _: Option<&str>) {
            self.add(media.data["text/plain"].as_str().unwrap());
        }
        fn update(&self, media: Media, id: &str) {
            self.display(media, Some(id));
        }
        fn result(&self, media: Media) {
            self.display(media, None);
        }
        fn page(&self, _: Media) {}
        fn clear(&self, _: bool) {}
        fn input(&self, _: &str, _: bool) -> Result<String, CellError> {
            unreachable!()
        }
    }

    #[test]
    fn what_is_too_much_is_in_a_file_that_is_named_once_and_nothing_is_lost() {
        let home = tempfile::tempdir().unwrap();
        let shown = Shown::default();
        let folder = home.path().join("output");
        let mut output = Bounded { io: &shown, left: 7, limit: 7, folder, rest: None };
        output.stdout("abé");
        output.update(Media::plain("xyz"), "1");
        output.display(Media::plain("é"), None);
        output.stdout("éé");
        output.stderr("rest");
        output.result(Media::plain("value"));
        let text = shown.0.into_inner().unwrap();
        assert!(text.starts_with("abéxyzé\n[the output of this cell is cut at "), "{text}");
        assert_eq!(text.matches("cut at").count(), 1);
        let path = text.split("is in ").nth(1).unwrap().trim_end_matches("]\n");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "éérestvalue");
    }
}
