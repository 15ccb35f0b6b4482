//! The Jupyter messaging protocol, as a kernel. This crate knows sockets and
//! messages and no compiler: a language joins by the trait [`Interpreter`].
//!
//! Four loops share a [`kernel::Kernel`]: shell queues cells for the
//! interpreter's thread and answers the rest at once, control does not wait for
//! cells, stdin takes answers, and iopub is the one writer of all that clients
//! see. The heartbeat is a task that nothing blocks.

mod comms;
pub mod echo;
mod error;
mod execute;
mod frames;
mod front;
mod history;
mod interpreter;
mod iopub;
mod kernel;
mod names;
mod session;
mod sockets;
mod stdin;
mod wire;

pub use error::{StartError, WireError};
pub use interpreter::{
    Assistant, Cell, CellError, CellIo, CommMessage, CommStep, Completeness, Completion,
    Completions, Interpreter, Interrupter, Language, Media,
};
pub use session::PROTOCOL;
pub use wire::{Codec, Message, Object};

use execute::{Barrier, Executor, Queue};
use history::History;
use jupyter_protocol::ConnectionInfo;
use kernel::Kernel;
use session::Session;
use sockets::{Frames, Requests, Sockets};
use std::fmt::Arguments;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How long a closing kernel stays, so that its last messages leave: the socket
/// library does not say when they have, and clients wait longer than this.
const LINGER: Duration = Duration::from_millis(150);

/// How often a kernel looks whether the program that started it is still there.
const LOOK: Duration = Duration::from_secs(1);

/// Reads a connection file.
pub fn read_connection(path: &Path) -> Result<ConnectionInfo, StartError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| StartError::Unreadable { path: path.to_owned(), source })?;
    kernel::connection(&text)
        .map_err(|source| StartError::Malformed { path: path.to_owned(), source })
}

/// Serves clients until one of them asks for the end, or a signal does. What is run is kept
/// in the file `history` for later sessions, if one is given.
pub fn serve(
    connection: &ConnectionInfo,
    interpreter: Box<dyn Interpreter>,
    history: Option<PathBuf>,
) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // The assistant's parser recurses with the nesting of a cell's text.
        .thread_stack_size(64 << 20)
        .enable_all()
        .build()
        .map_err(StartError::Runtime)?;
    let served = runtime.block_on(run(connection, interpreter, history));
    // A cell that still runs must not keep the process.
    runtime.shutdown_background();
    served
}

async fn run(
    connection: &ConnectionInfo,
    interpreter: Box<dyn Interpreter>,
    history: Option<PathBuf>,
) -> Result<(), StartError> {
    let codec = Codec::new(&connection.key, &connection.signature_scheme)?;
    let codec = Arc::new(Mutex::new(codec));
    let session = Arc::new(Session::new());
    let Sockets { shell, control, stdin, iopub, folder: _folder } =
        sockets::bind(connection).await?;
    let kernel = Arc::new(Kernel {
        iopub: iopub::IoPub::start(iopub, session.clone(), codec.clone()),
        questions: stdin::Questions::new(session.clone(), codec.clone(), stdin.replies.clone()),
        session,
        codec,
        language: interpreter.language(),
        assistant: interpreter.assistant(),
        interrupter: interpreter.interrupter(),
        history: Mutex::new(history.map_or_else(History::default, History::kept_in)),
        comms: Mutex::default(),
        running: Mutex::default(),
        ended: tokio::sync::Notify::new(),
    });
    kernel.iopub.status("starting", &Object::new());

    let (queue, requests) = std::sync::mpsc::channel();
    let (barriers, shell_barriers) = unbounded_channel();
    let executor = Executor {
        kernel: kernel.clone(),
        interpreter,
        requests: Mutex::new(Queue::new(requests)),
        replies: shell.replies.clone(),
        barriers,
        runtime: tokio::runtime::Handle::current(),
        count: 0,
    };
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new()
        .name("interpreter".to_owned())
        // The engine's parser recurses with the nesting of a cell's text.
        .stack_size(64 << 20)
        .spawn(move || {
            let _inside = runtime.enter();
            executor.run();
        })
        .map_err(StartError::Runtime)?;
    tokio::spawn(serve_shell(kernel.clone(), shell, queue, shell_barriers));
    tokio::spawn(serve_control(kernel.clone(), control));
    tokio::spawn(serve_stdin(kernel.clone(), stdin));
    tokio::spawn(interrupt_on_signal(kernel.clone()));

    tokio::select! {
        () = kernel.ended.notified() => {}
        () = terminated() => {}
        () = orphaned() => {}
    }
    kernel.interrupter.shut_down();
    tokio::time::sleep(LINGER).await;
    Ok(())
}

/// Shell: cells go to the interpreter's thread, all else is answered here.
async fn serve_shell(
    kernel: Arc<Kernel>,
    mut shell: Requests,
    queue: Sender<Message>,
    mut barriers: UnboundedReceiver<Barrier>,
) {
    loop {
        let frames = tokio::select! {
            // Requests first: a barrier is passed only when none is waiting.
            biased;
            frames = shell.receive() => frames,
            Some(barrier) = barriers.recv() => {
                let _ = barrier.send(());
                continue;
            }
        };
        let Some(request) = kernel.decode(&frames) else { continue };
        match request.kind() {
            // A comm's messages keep their place among the cells.
            "execute_request" | "comm_open" | "comm_msg" | "comm_close" => {
                let _ = queue.send(request);
            }
            // An assistant may take its time; the others do not wait for it.
            "complete_request" | "inspect_request" => {
                let (kernel, replies) = (kernel.clone(), shell.replies.clone());
                tokio::task::spawn_blocking(move || kernel.handle(&request, &replies));
            }
            _ => kernel.handle(&request, &shell.replies),
        }
    }
}

async fn serve_control(kernel: Arc<Kernel>, mut control: Requests) {
    loop {
        let frames: Frames = control.receive().await;
        if let Some(request) = kernel.decode(&frames) {
            kernel.handle(&request, &control.replies);
        }
    }
}

async fn serve_stdin(kernel: Arc<Kernel>, mut stdin: Requests) {
    loop {
        let frames = stdin.receive().await;
        if let Some(reply) = kernel.decode(&frames)
            && reply.kind() == "input_reply"
        {
            kernel.questions.answered(&reply);
        }
    }
}

/// Ctrl-C in a terminal means the cell, as for every kernel.
async fn interrupt_on_signal(kernel: Arc<Kernel>) {
    while tokio::signal::ctrl_c().await.is_ok() {
        kernel.questions.interrupt();
        kernel.interrupter.interrupt();
    }
}

/// Waits for the signal by which a launcher ends a kernel.
async fn terminated() {
    match pillars_unix::signals(pillars_unix::SignalKind::terminate()) {
        Ok(mut terminate) => {
            terminate.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

/// Waits for the end of the program that started this kernel, if that has asked for it as
/// Jupyter's launchers do: else kernels of a launcher that was killed would stay for ever.
async fn orphaned() {
    if std::env::var_os("JPY_PARENT_PID").is_none() {
        return std::future::pending().await;
    }
    let launcher = pillars_unix::parent();
    while pillars_unix::parent() == launcher {
        tokio::time::sleep(LOOK).await;
    }
}

/// Where the kernel's own notes go.
static LOG: OnceLock<Mutex<File>> = OnceLock::new();

/// A longer file of notes begins anew, in bytes.
const LONG: u64 = 1_000_000;

/// Has the kernel's notes go to the end of this file, and not to standard error, which
/// launchers show among their own.
///
/// # Errors
/// It cannot be written; notes then go to standard error.
pub fn log_to(path: &Path) -> std::io::Result<()> {
    let is_long = std::fs::metadata(path).is_ok_and(|data| data.len() > LONG);
    let mut options = File::options();
    pillars_unix::private(options.create(true));
    let file = match is_long {
        true => options.write(true).truncate(true).open(path)?,
        false => options.append(true).open(path)?,
    };
    let _ = LOG.set(Mutex::new(file));
    Ok(())
}

/// The kernel's own notes: never for the notebook.
fn log(note: Arguments) {
    match LOG.get() {
        Some(file) => {
            let now = chrono::Local::now().format("%F %T");
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            // A note that cannot be written is not worth an end.
            let _ = writeln!(file, "{now} kernel {}: {note}", std::process::id());
        }
        None => eprintln!("pillars kernel: {note}"),
    }
}
