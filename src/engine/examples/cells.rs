//! Runs cells without Jupyter: a file of cells with `---` between them, or
//! standard input. Prints what each shows, and how long it took.
//!
//! `cargo run -p pillars-engine --example cells -- FILE`

use pillars_engine::Rust;
use pillars_engine::library::Library;
use pillars_kernel::{Cell, CellError, CellIo, Interpreter, Media};
use std::io::Read;
use std::time::Instant;

struct Print;

impl CellIo for Print {
    fn stdout(&self, text: &str) {
        println!("stdout {text:?}");
    }

    fn stderr(&self, text: &str) {
        println!("stderr {text:?}");
    }

    fn display(&self, media: Media, id: Option<&str>) {
        println!("display {} {}", id.unwrap_or_default(), forms(&media));
    }

    fn update(&self, media: Media, id: &str) {
        println!("update {id} {}", forms(&media));
    }

    fn result(&self, media: Media) {
        println!("result {}", forms(&media));
    }

    fn page(&self, media: Media) {
        println!("page {}", forms(&media));
    }

    fn clear(&self, wait: bool) {
        println!("clear, wait {wait}");
    }

    fn is_watched(&self) -> bool {
        true
    }

    fn input(&self, _: &str, _: bool) -> Result<String, CellError> {
        Err(CellError::new("InputNotAllowed", "there is nobody to ask"))
    }
}

fn forms(media: &Media) -> String {
    let form = |(mime, value): (&String, &serde_json::Value)| {
        let text = value.as_str().unwrap_or_default();
        format!("{mime} {:?}", text.chars().take(300).collect::<String>())
    };
    media.data.iter().map(form).collect::<Vec<_>>().join(" | ")
}

fn main() -> std::io::Result<()> {
    let text = match std::env::args().nth(1) {
        Some(path) => std::fs::read_to_string(path)?,
        None => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            text
        }
    };
    if let Err(error) = Library::build(&mut |_| {}) {
        return Err(std::io::Error::other(error.to_string()));
    }
    let mut rust = Rust::new();
    let begin = Instant::now();
    rust.warm_up();
    println!("ready in {:.0?}", begin.elapsed());
    for (at, code) in text.split("\n---\n").enumerate() {
        let cell = Cell { code: code.to_owned(), number: at as u32 + 1 };
        println!("[{}] {code}", cell.number);
        let begin = Instant::now();
        match rust.execute(&cell, &Print) {
            Ok(()) => println!("ok in {:.0?}", begin.elapsed()),
            Err(error) => {
                println!("{} {} in {:.0?}", error.ename, error.evalue, begin.elapsed());
                error.traceback.iter().for_each(|line| println!("    {line}"));
            }
        }
    }
    Ok(())
}
