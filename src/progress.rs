//! What the reader sees while something takes long: a bar on a terminal, plain lines elsewhere.

use std::fmt::Write;
use std::io::{IsTerminal as _, stderr};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use pillars_engine::library::{
    Library, LibraryError, Progress, Service, Stage, Toolchain, source_root,
};

/// Where there is no terminal, a line at most this often: a log must not fill with them.
const QUIET: Duration = Duration::from_secs(15);

/// The length of a bar that counts by shares of the work.
const WHOLE: u64 = 1000;

/// All bars: two tasks may be under way at once.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// One task that takes long.
pub struct Task {
    title: &'static str,
    bar: Option<ProgressBar>,
    begun: Instant,
    told: Option<Instant>,
}

impl Task {
    /// Begins a task; `title` says what is made, such as `library for cells`.
    pub fn new(title: &'static str) -> Self {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(WHOLE).with_style(style()).with_prefix(title);
            let bar = BARS.add(bar);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        if bar.is_none() {
            eprintln!("{title} …");
        }
        Self { title, bar, begun: Instant::now(), told: None }
    }

    /// Tells how far it is: a share of the work from 0 to 1, and a few words.
    pub fn at(&mut self, fraction: f64, words: &str) {
        let position = (fraction.clamp(0.0, 1.0) * WHOLE as f64) as u64;
        if let Some(bar) = &self.bar {
            bar.set_position(position);
            bar.set_message(words.to_owned());
            return;
        }
        if self.told.unwrap_or(self.begun).elapsed() >= QUIET {
            self.told = Some(Instant::now());
            eprintln!("{}: {} %, {words}", self.title, position * 100 / WHOLE);
        }
    }

    /// Ends it with one line that stays.
    pub fn done(self, words: &str) {
        let line = format!("{}: {words} ({})", self.title, seconds(self.begun.elapsed()));
        match &self.bar {
            Some(bar) => {
                bar.finish_and_clear();
                say(&line);
            }
            None => eprintln!("{line}"),
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Prints a line above the bars there are.
pub fn say(line: &str) {
    if !stderr().is_terminal() || BARS.println(line).is_err() {
        eprintln!("{line}");
    }
}

/// The library for cells, built with a bar if it is not there; says nothing when it is.
pub fn library() -> Result<Library> {
    match Library::locate() {
        Err(LibraryError::Missing | LibraryError::Damaged { .. }) => {}
        other => return Ok(other?),
    }
    let mut task = Task::new("library for cells");
    let library = Library::build(&mut |progress| task.at(progress.fraction, &words(&progress)))?;
    task.done(&format!("ready, {} MB", library.manifest().bytes / 1_000_000));
    Ok(library)
}

/// The program for completion, built with a bar if it is not there; says nothing when it is.
pub fn service() -> Result<Service> {
    if let Ok(service) = Service::locate(&Toolchain::find(&source_root()?)?) {
        return Ok(service);
    }
    let mut task = Task::new("program for completion");
    let service = Service::build(&mut |progress| task.at(progress.fraction, &words(&progress)))?;
    task.done("ready");
    Ok(service)
}

/// Such as `3.2 s` or `9 min 26 s`.
pub fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        whole => format!("{} min {} s", whole / 60, whole % 60),
    }
}

fn words(progress: &Progress) -> String {
    let Progress { done, total, name, .. } = progress;
    match progress.stage {
        Stage::Waiting => "waiting for another cargo to finish".to_owned(),
        Stage::Downloading => "fetching the crates".to_owned(),
        Stage::Compiling => format!("crate {done} of {total}, {name}"),
        Stage::Installing => "copying".to_owned(),
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix} {wide_bar} {percent} % · {msg} · {elapsed} gone{left}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("left", |state: &ProgressState, out: &mut dyn Write| {
            // Before anything is done nobody knows, and indicatif says `0s`.
            if state.pos() > 0 {
                let _ = write!(out, ", {:#} left", HumanDuration(state.eta()));
            }
        })
}
