//! The language service: evcxr's rust-analyzer in a process of its own, which is started
//! when a reader first asks and answers what types know. Until it has read the library's
//! sources, and where it is not built, the index answers alone.

use crate::library::{Service, Toolchain, source_root};
use crate::{memory, scratch};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an answer is waited for: JupyterLab waits for a second.
const PATIENCE: Duration = Duration::from_millis(900);

/// How often it is started; what ends so often will not do better.
const STARTS: u32 = 3;

/// How long after a start that failed the next is tried: it may be built just now.
const AGAIN: Duration = Duration::from_secs(20);

/// The memory that a machine must have for it, in bytes: it takes half of that.
const ENOUGH: u64 = 3_500_000_000;

/// Begins the name of its folder for work; the kernel's process number follows.
const FOLDER: &str = "pillars-analyzer-";

/// A process that is asked nothing for so long is ended: it holds memory.
const IDLE: Duration = Duration::from_secs(15 * 60);

/// The service, as the assistant has it.
#[derive(Default)]
pub struct Analyzer {
    questions: Mutex<Questions>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    ready: AtomicBool,
    starts: AtomicU32,
    /// The process's number; 0 when there is none.
    number: AtomicU32,
}

/// The way to the thread that leads the process.
#[derive(Default)]
struct Questions {
    sender: Option<Sender<Asked>>,
    started: Option<Instant>,
}

struct Asked {
    question: Value,
    answer: Sender<Value>,
}

impl Analyzer {
    /// What the service answers; nothing while it is not ready, or not in time.
    pub fn ask(&self, question: Value) -> Option<Value> {
        let (answer, answered) = channel();
        let asked = Asked { question, answer };
        {
            let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
            let unsent = match &questions.sender {
                Some(sender) => sender.send(asked).err().map(|unsent| unsent.0),
                None => Some(asked),
            };
            if let Some(asked) = unsent {
                if questions.started.is_some_and(|at| at.elapsed() < AGAIN) {
                    return None;
                }
                questions.started = Some(Instant::now());
                questions.sender = self.start();
                let _ = questions.sender.as_ref()?.send(asked);
            }
        }
        if !self.shared.ready.load(Ordering::Relaxed) {
            return None;
        }
        answered.recv_timeout(PATIENCE).ok()
    }

    /// The number of the service's process, which an interrupt spares.
    pub fn number(&self) -> impl Fn() -> Option<u32> + Send + 'static {
        let shared = self.shared.clone();
        move || Some(shared.number.load(Ordering::Relaxed)).filter(|number| *number != 0)
    }

    fn start(&self) -> Option<Sender<Asked>> {
        if self.shared.starts.load(Ordering::Relaxed) >= STARTS || !is_wanted() {
            return None;
        }
        let (questions, asked) = channel();
        let shared = self.shared.clone();
        let serve = move || {
            let _ = serve(&asked, &shared);
            shared.ready.store(false, Ordering::Relaxed);
            shared.number.store(0, Ordering::Relaxed);
        };
        std::thread::Builder::new().name("analyzer".to_owned()).spawn(serve).ok()?;
        Some(questions)
    }
}

fn is_wanted() -> bool {
    match std::env::var("PILLARS_ANALYZER") {
        Ok(text) => text.trim() != "0",
        Err(_) => memory::all().is_none_or(|bytes| bytes >= ENOUGH),
    }
}

/// Runs the process until it ends, or is not needed.
fn serve(asked: &Receiver<Asked>, shared: &Shared) -> Option<()> {
    let root = source_root().ok()?;
    let service = Service::locate(&Toolchain::find(&root).ok()?).ok()?;
    scratch::sweep(&std::env::temp_dir(), FOLDER);
    let prefix = format!("{FOLDER}{}-", std::process::id());
    let folder = tempfile::Builder::new().prefix(&prefix).tempdir().ok()?;
    shared.starts.fetch_add(1, Ordering::Relaxed);
    let mut process = Process(
        Command::new(service.program())
            .args([&root, folder.path()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?,
    );
    shared.number.store(process.0.id(), Ordering::Relaxed);
    let mut input = process.0.stdin.take()?;
    let mut lines = BufReader::new(process.0.stdout.take()?).lines();
    let mut next = move || serde_json::from_str::<Value>(&lines.next()?.ok()?).ok();
    if next()?["ready"] != true {
        return None;
    }
    shared.ready.store(true, Ordering::Relaxed);
    loop {
        let mut latest = match asked.recv_timeout(IDLE) {
            Ok(asked) => asked,
            Err(RecvTimeoutError::Timeout) => {
                // The next question starts it again, and that is no failure.
                shared.starts.fetch_sub(1, Ordering::Relaxed);
                return None;
            }
            Err(RecvTimeoutError::Disconnected) => return None,
        };
        // Those who asked before have typed on.
        latest = asked.try_iter().last().unwrap_or(latest);
        writeln!(input, "{}", latest.question).ok()?;
        input.flush().ok()?;
        let _ = latest.answer.send(next()?);
    }
}

/// A process that does not outlive this.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
