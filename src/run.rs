//! `pillars run`: notebooks from the command line, without Python.

use std::collections::BTreeSet;
use std::fs;
use std::io::{IsTerminal as _, stderr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use pillars_unix::{SignalKind, signals};
use serde_json::Value;

use crate::document::{Document, cell_name, has_tag};
use crate::files::hint;
use crate::outputs::{self, Outputs};
use crate::progress::{self, seconds};
use crate::session::{self, Ending, Session};

/// The exit status after Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;

/// Run notebooks, each with a fresh kernel, and say which cell fails
///
/// Without --in-place and --output-dir the notebooks are only checked: they run, and no file is written. A cell that
/// fails ends its notebook, unless it has the tag `raises-exception`; what ran so far is written. Cells with the tag
/// `skip-execution` are left as they are. Exit status 1 when a cell failed.
#[derive(Args)]
pub struct Run {
    /// Notebooks, and folders whose notebooks all run
    #[arg(required = true, value_name = "NOTEBOOK|DIR")]
    paths: Vec<PathBuf>,
    /// Write the outputs into the notebooks themselves
    #[arg(long, conflicts_with = "output_dir")]
    in_place: bool,
    /// Write the executed notebooks into DIR
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    /// Stop a cell that runs longer than S seconds
    #[arg(long, value_name = "S", value_parser = positive_seconds, allow_negative_numbers = true)]
    timeout: Option<Duration>,
}

/// A notebook and where its outputs go.
struct Job {
    document: Document,
    target: Option<PathBuf>,
}

/// How a notebook ended.
enum Outcome {
    Fine,
    Failed,
    Interrupted,
}

impl Run {
    pub fn run(self) -> Result<ExitCode> {
        let jobs = self.jobs()?;
        progress::library()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let (total, mut failed) = (jobs.len(), 0);
            for job in jobs {
                match execute(job, self.timeout).await? {
                    Outcome::Fine => {}
                    Outcome::Failed => failed += 1,
                    Outcome::Interrupted => return Ok(ExitCode::from(INTERRUPTED)),
                }
            }
            if failed == 0 {
                return Ok(ExitCode::SUCCESS);
            }
            eprintln!("pillars: {failed} of {total} notebooks failed");
            Ok(ExitCode::FAILURE)
        })
    }

    /// All notebooks, read and checked before the first one runs.
    fn jobs(&self) -> Result<Vec<Job>> {
        let mut jobs = Vec::new();
        let mut targets = BTreeSet::new();
        for path in &self.paths {
            for (notebook, name) in notebooks(path)? {
                let document = Document::open(&notebook)?;
                let target = match &self.output_dir {
                    Some(dir) => Some(dir.join(&name)),
                    None => self.in_place.then_some(notebook),
                };
                if let Some(target) = &target
                    && !targets.insert(target.clone())
                {
                    bail!(
                        "two notebooks would be written to {}: run them one after the other",
                        target.display()
                    );
                }
                jobs.push(Job { document, target });
            }
        }
        for parent in targets.iter().filter_map(|target| target.parent()) {
            fs::create_dir_all(parent).map_err(|error| {
                anyhow!("cannot create {}: {error}{}", parent.display(), hint(&error))
            })?;
        }
        Ok(jobs)
    }
}

async fn execute(mut job: Job, limit: Option<Duration>) -> Result<Outcome> {
    let path = job.document.path.clone();
    let dir =
        std::path::absolute(&path)?.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
    let begun = Instant::now();
    let mut session =
        Session::start(&dir).await.with_context(|| format!("cannot run {}", path.display()))?;
    job.document.set_language(session.language.clone());
    let (mut interrupt, mut terminate) =
        (signals(SignalKind::interrupt())?, signals(SignalKind::terminate())?);
    let outcome = tokio::select! {
        outcome = cells(&mut job.document, &mut session, limit) => outcome,
        _ = interrupt.recv() => Ok(Outcome::Interrupted),
        _ = terminate.recv() => Ok(Outcome::Interrupted),
    };
    if let Some(target) = &job.target {
        job.document.save(target)?;
    }
    session.close().await;
    if matches!(outcome, Ok(Outcome::Fine)) {
        eprintln!("{}: ran in {}", path.display(), seconds(begun.elapsed()));
    }
    outcome
}

/// Runs the cells in order, up to the first that fails.
async fn cells(
    document: &mut Document,
    session: &mut Session,
    limit: Option<Duration>,
) -> Result<Outcome> {
    let path = document.path.display().to_string();
    let mut outputs = Outputs::default();
    for index in 0..document.cells().len() {
        let cell = &document.cells()[index];
        let code = cell["source"].as_str().unwrap_or_default().to_owned();
        if cell["cell_type"] != "code" || code.trim().is_empty() || has_tag(cell, "skip-execution")
        {
            continue;
        }
        let (name, may_fail) = (cell_name(index, cell), has_tag(cell, "raises-exception"));
        let begun = Instant::now();
        let total = document.cells().len();
        tell(&format!("{path}: {name} of {total} …"), false);
        let cells = document.cells_mut();
        outputs.begin(cells, index);
        let mut publish = |kind: &str, content: &Value| outputs.take(cells, index, kind, content);
        let ending = session.execute(&code, limit, &mut publish).await?;
        tell(&format!("{path}: {name} of {total}, {}", seconds(begun.elapsed())), true);
        let error = match ending {
            Ending::Fine => continue,
            Ending::Failed(_) if may_fail => continue,
            Ending::Failed(error) => error,
            Ending::Late => {
                ours(document.cells_mut(), index, session::late(limit.unwrap_or_default()))
            }
            Ending::Died(how) => ours(document.cells_mut(), index, session::died(&how)),
        };
        report(&path, &name, &error);
        return Ok(Outcome::Failed);
    }
    Ok(Outcome::Fine)
}

/// Puts an error that the kernel could not tell into the cell, in place of one it told while it was stopped.
fn ours(cells: &mut [Value], index: usize, error: Value) -> Value {
    let outputs = outputs::outputs(cells, index);
    outputs.retain(|output| output["output_type"] != "error");
    outputs.push(outputs::error(&error));
    error
}

fn report(path: &str, name: &str, error: &Value) {
    let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
    eprintln!("{path}: {name} failed: {}: {}", text("ename"), text("evalue"));
    for line in error["traceback"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if stderr().is_terminal() {
            eprintln!("{line}");
        } else {
            eprintln!("{}", plain(line));
        }
    }
}

/// A line of progress: on a terminal the next one takes its place, elsewhere only the last words are told.
fn tell(line: &str, done: bool) {
    match (stderr().is_terminal(), done) {
        (true, true) => eprintln!("\r\x1b[K{line}"),
        (true, false) => eprint!("\r\x1b[K{line}"),
        (false, true) => eprintln!("{line}"),
        (false, false) => {}
    }
}

/// Text without the terminal's colours.
fn plain(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        kept.push_str(before);
        rest = after.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, rest)| rest);
    }
    kept + rest
}

/// The notebooks that `path` stands for, each with its name below the folder that was asked for.
fn notebooks(path: &Path) -> Result<Vec<(PathBuf, PathBuf)>> {
    if !path.is_dir() {
        let name = path.file_name().map(PathBuf::from);
        return Ok(vec![(
            path.to_owned(),
            name.context("a notebook's path must end in its name")?,
        )]);
    }
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder)
            .with_context(|| format!("cannot read the folder {}", folder.display()))?;
        for entry in entries {
            let entry = entry?.path();
            let hidden =
                entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if hidden {
                continue;
            }
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "ipynb") {
                let name = entry.strip_prefix(path).unwrap_or(&entry).to_owned();
                found.push((entry, name));
            }
        }
    }
    if found.is_empty() {
        bail!("there is no notebook (*.ipynb) in the folder {}", path.display());
    }
    found.sort();
    Ok(found)
}

fn positive_seconds(text: &str) -> Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok().filter(|seconds| *seconds > 0.0);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| "a number of seconds above 0 is needed, such as 30 or 0.5".to_owned())
}
