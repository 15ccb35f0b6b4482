//! A notebook as a file: read, checked, and written as Jupyter itself writes it.
//!
//! The document stays JSON from end to end, so nothing in it that we do not know is lost; the crate nbformat says
//! whether it has the form of a notebook.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use crate::files::{hint, write_whole};

/// A notebook of format 4.
#[derive(Debug)]
pub struct Document {
    /// Where it was read from.
    pub path: PathBuf,
    root: Value,
}

impl Document {
    /// Reads a notebook that our kernel can run.
    ///
    /// # Errors
    /// One sentence for what is not there, not JSON, not a notebook, of another version or for another kernel.
    pub fn open(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|error| {
            anyhow!("cannot read the notebook {}: {error}; check the path", path.display())
        })?;
        Self::parse(path, &text)
    }

    /// The notebook that this is the text of; `path` is for messages.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let name = path.display();
        let mut root: Value = serde_json::from_str(text).map_err(|error| {
            anyhow!("{name} is not a notebook: it is not JSON ({error}); restore it from a copy")
        })?;
        check_version(&root).with_context(|| format!("cannot run {name}"))?;
        nbformat::parse_notebook(&without_outputs(&root).to_string()).map_err(|error| {
            anyhow!(
                "{name} does not have the form of a notebook: {}; open and save it in JupyterLab",
                tame(&error.to_string())
            )
        })?;
        check_kernel(&root).with_context(|| format!("cannot run {name}"))?;
        join_lines(&mut root);
        Ok(Self { path: path.to_owned(), root })
    }

    /// The cells, texts joined: a source or text is one string.
    pub fn cells(&self) -> &[Value] {
        self.root["cells"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The cells, to change.
    pub fn cells_mut(&mut self) -> &mut [Value] {
        self.root["cells"].as_array_mut().map_or(&mut [], Vec::as_mut_slice)
    }

    /// Notes which language ran, as Jupyter does.
    pub fn set_language(&mut self, info: Value) {
        self.root["metadata"]["language_info"] = info;
    }

    /// The bytes that Python's `nbformat.write` would write.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let mut root = self.root.clone();
        split_lines(&mut root);
        let mut bytes = Vec::new();
        let mut serializer =
            Serializer::with_formatter(&mut bytes, Python(PrettyFormatter::with_indent(b" ")));
        serde::Serialize::serialize(&sorted(root), &mut serializer)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Writes the notebook to `path`: whole, or not at all.
    pub fn save(&self, path: &Path) -> Result<()> {
        let bytes = self.bytes()?;
        let kept = if path.exists() { "; the file is as it was" } else { "" };
        write_whole(path, &bytes).map_err(|error| {
            anyhow!("cannot write {}: {error}{}{kept}", path.display(), hint(&error))
        })
    }
}

/// What a cell is called in messages: its number from 1 and its id.
pub fn cell_name(index: usize, cell: &Value) -> String {
    match cell["id"].as_str() {
        Some(id) => format!("cell {} (id {id})", index + 1),
        None => format!("cell {}", index + 1),
    }
}

/// Whether a cell has the tag `tag`.
pub fn has_tag(cell: &Value, tag: &str) -> bool {
    cell["metadata"]["tags"].as_array().is_some_and(|tags| tags.iter().any(|other| other == tag))
}

fn check_version(root: &Value) -> Result<()> {
    match root["nbformat"].as_i64() {
        Some(4) => Ok(()),
        Some(old @ ..4) => bail!(
            "it is a version {old} notebook and version 4 is needed: upgrade it with `jupyter nbconvert --to notebook --inplace FILE`"
        ),
        Some(new) => {
            bail!("it is a version {new} notebook and version 4 is needed: save it as version 4")
        }
        None => bail!(
            "it is JSON but no notebook (the field `nbformat` is missing): give the path of an .ipynb file"
        ),
    }
}

/// The notebook as it will be run: what outputs it has is no matter, and the crate that checks it would print
/// those that it does not understand.
fn without_outputs(root: &Value) -> Value {
    let mut bare = root.clone();
    for cell in bare["cells"].as_array_mut().into_iter().flatten() {
        if let Some(outputs) = cell.get_mut("outputs").filter(|outputs| outputs.is_array()) {
            *outputs = Value::Array(vec![]);
        }
    }
    bare
}

fn check_kernel(root: &Value) -> Result<()> {
    let spec = &root["metadata"]["kernelspec"];
    let name = spec["name"].as_str().unwrap_or_default();
    let language = spec["language"].as_str().or(root["metadata"]["language_info"]["name"].as_str());
    if name == crate::kernel_spec::DEFAULT_NAME || (name.is_empty() && language.is_none()) {
        return Ok(());
    }
    if language.is_some_and(|language| language.eq_ignore_ascii_case("rust")) {
        return Ok(());
    }
    bail!(
        "it names the kernel `{}`, and only Rust notebooks run here: choose the kernel Rust (Pillars) in JupyterLab, or run it with `jupyter nbconvert --execute`",
        tame(name)
    )
}

/// Text from a file in a message: on one line, not too long, without what a terminal would obey.
fn tame(text: &str) -> String {
    const LENGTH: usize = 200;
    let mut shown = String::new();
    for char in text.chars().take(LENGTH) {
        match char.is_control() {
            true => shown.extend(char.escape_default()),
            false => shown.push(char),
        }
    }
    let dots = if text.chars().nth(LENGTH).is_some() { ".." } else { "" };
    format!("{shown}{dots}")
}

/// Texts as one string each, as they are on the wire; where Jupyter allows a list of lines.
fn join_lines(root: &mut Value) {
    each_text(root, &mut |text| {
        let Some(lines) = text.as_array().filter(|lines| lines.iter().all(Value::is_string)) else {
            return;
        };
        *text = lines.iter().filter_map(Value::as_str).collect::<String>().into();
    });
}

/// The reverse of [`join_lines`].
fn split_lines(root: &mut Value) {
    each_text(root, &mut |text| {
        let Some(whole) = text.as_str() else { return };
        *text = lines(whole).into();
    });
}

/// Hands every text that is stored as a list of lines to `change`.
fn each_text(root: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    for cell in root["cells"].as_array_mut().into_iter().flatten() {
        if let Some(source) = cell.get_mut("source") {
            change(source);
        }
        let attachments = cell.get_mut("attachments").and_then(Value::as_object_mut);
        for bundle in attachments.into_iter().flat_map(|all| all.values_mut()) {
            each_mime(bundle, change);
        }
        let outputs = cell.get_mut("outputs").and_then(Value::as_array_mut);
        for output in outputs.into_iter().flatten() {
            if let Some(text) = output.get_mut("text") {
                change(text);
            }
            if let Some(bundle) = output.get_mut("data") {
                each_mime(bundle, change);
            }
        }
    }
}

fn each_mime(bundle: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    for (mime, value) in bundle.as_object_mut().into_iter().flatten() {
        if mime.starts_with("text/") || mime == "application/javascript" || mime == "image/svg+xml"
        {
            change(value);
        }
    }
}

/// Lines with their ends, by Python's rule for what ends one.
fn lines(text: &str) -> Vec<&str> {
    let ends = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'
                ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some((at, end)) = rest.char_indices().find(|(_, c)| ends(*c)) {
        let length = if rest[at..].starts_with("\r\n") { 2 } else { end.len_utf8() };
        let (line, after) = rest.split_at(at + length);
        lines.push(line);
        rest = after;
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut fields: Vec<_> =
                map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

/// Pretty, with one blank a level, and numbers as Python prints them.
struct Python(PrettyFormatter<'static>);

impl Formatter for Python {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(python_float(value).as_bytes())
    }
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }
    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }
    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }
    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }
    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }
    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }
    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }
    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

/// The shortest digits that read back the same, with an exponent where Python's `repr` has one.
fn python_float(value: f64) -> String {
    let text = format!("{value:e}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    match exponent.parse::<i32>() {
        Ok(power) if !(-4..16).contains(&power) => {
            let sign = if power < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", power.abs())
        }
        _ => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_as_python_prints_them() {
        for (value, expected) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (1.5e-5, "1.5e-05"),
            (1e-4, "0.0001"),
            (-2.5e300, "-2.5e+300"),
            (0.0, "0.0"),
        ] {
            assert_eq!(python_float(value), expected);
        }
    }

    #[test]
    fn lines_as_python_splits_them() {
        for (text, expected) in [
            ("", vec![]),
            ("a", vec!["a"]),
            ("a\n", vec!["a\n"]),
            ("a\r\nb\rc", vec!["a\r\n", "b\r", "c"]),
            ("a\n\nb", vec!["a\n", "\n", "b"]),
            ("a\u{2028}b\u{c}", vec!["a\u{2028}", "b\u{c}"]),
        ] {
            assert_eq!(lines(text), expected);
        }
    }

    /// Found by fuzz/run: numbers are read exactly, not to the last digit but one.
    #[test]
    fn what_is_read_is_written_again() {
        let number = 222222222222444.22;
        let text = format!(
            "{{\"cells\": [], \"metadata\": {{\"x\": {number:?}}}, \"nbformat\": 4, \"nbformat_minor\": 4}}"
        );
        let document = Document::parse(Path::new("x.ipynb"), &text).unwrap();
        assert_eq!(document.root["metadata"]["x"], Value::from(number));
        let written = String::from_utf8(document.bytes().unwrap()).unwrap();
        assert!(written.contains(&format!("{number:?}")), "{written}");
    }
}
