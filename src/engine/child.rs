//! The process that runs cells: started, asked to run a compiled cell, watched while
//! it runs, ended.

use crate::channel::{End, Reader, Sent};
use crate::listener::{Answers, Listener};
use crossbeam_channel::{Receiver, Sender, bounded, never, select, tick, unbounded};
use pillars_kernel::CellIo;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a new process may take until it is ready; on a cold disk that is seconds.
const START: Duration = Duration::from_secs(60);

/// How long the end of an output is waited for when the cell has ended: what a cell
/// has started may hold the pipe open.
const LAST_OUTPUT: Duration = Duration::from_millis(300);

/// A cell that ends sooner shows no progress.
const QUIET: Duration = Duration::from_secs(1);

/// How often progress is shown.
const SIGNS: Duration = Duration::from_millis(100);

/// Pieces of output that wait to be read; a cell that prints more waits itself.
const PIECES: usize = 64;

/// The process, and its pipes.
pub struct Child {
    number: u32,
    requests: std::fs::File,
    out: Receiver<Vec<u8>>,
    err: Receiver<Vec<u8>>,
    ended: Receiver<Option<ExitStatus>>,
}

/// The end of the process.
#[derive(Default)]
pub struct Death {
    status: Option<ExitStatus>,
    /// Its last words on standard error.
    words: String,
    /// Libraries and offsets of the calls that led there.
    pub calls: Vec<(String, usize)>,
}

/// What is to be run.
pub struct Job<'a> {
    /// Libraries to load before.
    pub needs: &'a [PathBuf],
    /// The cell's.
    pub cell: &'a Path,
    /// The number of the run; a cell that is run again after a crash has its old one.
    pub run: u64,
}

impl Job<'_> {
    /// The request to load its libraries and to run the last of them, the cell.
    pub fn request(&self) -> Value {
        json!({ "needs": self.needs, "cell": self.cell, "run": self.run })
    }
}

/// How a cell came to its end.
pub enum Ran {
    /// It said how.
    Ended(End),
    /// The process ended.
    Died(Death),
}

impl Child {
    /// Starts the process.
    ///
    /// # Errors
    /// A sentence, when it cannot be started or does not answer.
    pub fn start(program: &Path, memory: Option<u64>) -> Result<Self, String> {
        let cannot = |what: &str, error: &dyn std::fmt::Display| {
            format!(
                "the process for cells {} cannot be {what}: {error}; run `pillars doctor`",
                program.display()
            )
        };
        let (reading, requests) =
            pillars_unix::pipe().map_err(|error| cannot("given a pipe", &error))?;
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: what a cell starts ends with it. And it ends with the thread that
        // started it, the interpreter's.
        pillars_unix::hand_over(&mut command, &reading, "PILLARS_CELL", memory);
        let mut process = command.spawn().map_err(|error| cannot("started", &error))?;
        drop(reading);
        let out = forward(process.stdout.take());
        let err = forward(process.stderr.take());
        let (number, ended) = (process.id(), wait(process));
        let child = Self { number, requests, out, err, ended };
        let (mut reader, mut said) = (Reader::default(), Vec::new());
        loop {
            select! {
                recv(child.out) -> piece => match piece {
                    Ok(piece) if reader.bytes(&piece).contains(&Sent::Ready) => return Ok(child),
                    Ok(_) => {}
                    // It has closed its output: its end is near.
                    Err(_) => break,
                },
                recv(child.ended) -> _ => break,
                default(START) => return Err(cannot("started", &"it does not answer")),
            }
        }
        // Its pipe may be emptied a moment later than its end is seen.
        while let Ok(piece) = child.err.recv_timeout(LAST_OUTPUT) {
            said.extend(piece);
        }
        Err(cannot("started", &String::from_utf8_lossy(&said).trim()))
    }

    /// Its number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Has a cell run, or a message taken. What it shows goes to `io`; nowhere if there is
    /// none. `begun` is called when its code begins to run.
    pub fn run(
        &mut self,
        request: &Value,
        io: Option<&dyn CellIo>,
        answers: &mut Answers,
        begun: &mut dyn FnMut(),
    ) -> Ran {
        // If it does not take it, it has ended: that is told below.
        let _ = writeln!(self.requests, "{request}");
        let (mut out, mut err) = (Reader::default(), Reader::default());
        let mut listener = Listener::new(io, answers, begun);
        let started = Instant::now();
        let is_watched = io.is_some_and(|io| io.is_watched());
        let ticker = if is_watched { tick(SIGNS) } else { never() };
        let died = loop {
            select! {
                recv(self.out) -> piece => match piece {
                    Ok(piece) => {
                        listener.out(out.bytes(&piece));
                        for reply in listener.replies.drain(..) {
                            let _ = writeln!(self.requests, "{reply}");
                        }
                        if listener.end.is_some() {
                            break None;
                        }
                    }
                    Err(_) => break self.ended.recv_timeout(LAST_OUTPUT).ok().or(Some(None)),
                },
                recv(self.err) -> piece => match piece {
                    Ok(piece) => listener.err(err.bytes(&piece)),
                    Err(_) => break self.ended.recv_timeout(LAST_OUTPUT).ok().or(Some(None)),
                },
                recv(self.ended) -> status => break Some(status.ok().flatten()),
                recv(listener.due()) -> _ => listener.show_errors(),
                recv(ticker) -> _ => if started.elapsed() > QUIET { self.give_sign() },
            }
        };
        if died.is_some() {
            while let Ok(piece) = self.out.recv_timeout(Duration::from_millis(20)) {
                listener.out(out.bytes(&piece));
            }
        }
        while !listener.errors_ended {
            let patience = if died.is_some() { Duration::from_millis(20) } else { LAST_OUTPUT };
            match self.err.recv_timeout(patience) {
                Ok(piece) => listener.err(err.bytes(&piece)),
                Err(_) => break,
            }
        }
        listener.out(out.end());
        listener.err(err.end());
        listener.show_errors();
        let Listener { end, words, calls, .. } = listener;
        match (died, end) {
            (None, Some(end)) => Ran::Ended(end),
            (died, _) => Ran::Died(Death { status: died.flatten(), words, calls }),
        }
    }

    /// Has what runs long tell how far it is.
    fn give_sign(&self) {
        // A process that has not asked for this signal does not notice it.
        pillars_unix::send(self.number, pillars_unix::Signal::Sign);
    }

    /// Ends it, and what cells have started.
    pub fn end(&self) {
        pillars_unix::end_group(self.number);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}

impl Death {
    /// The signal or the status, in words.
    pub fn how(&self) -> String {
        let Some(status) = self.status else { return "its end was not seen".to_owned() };
        if self.words.contains("has overflowed its stack") {
            return "SIGABRT: its stack overflowed; look for a recursion without an end".to_owned();
        }
        if self.words.contains("memory allocation of") {
            return "SIGABRT: it asked for more memory than it may use".to_owned();
        }
        pillars_unix::how_it_ended(status)
    }
}

fn forward(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver): (Sender<Vec<u8>>, _) = bounded(PIECES);
    std::thread::spawn(move || {
        let Some(mut pipe) = pipe else { return };
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

fn wait(mut process: Process) -> Receiver<Option<ExitStatus>> {
    let (sender, receiver) = unbounded();
    std::thread::spawn(move || sender.send(process.wait().ok()));
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_ends_at_once_is_told_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("runner");
        std::fs::write(&program, "#!/bin/sh\necho 'a library is missing' >&2; exit 127\n").unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&program, executable).unwrap();
        for (program, words) in
            [(&*program, "a library is missing"), (Path::new("/nowhere"), "No such file")]
        {
            let Err(told) = Child::start(program, None) else { panic!("{program:?} was started") };
            assert!(told.contains(words) && told.contains("pillars doctor"), "{told}");
        }
    }
}
