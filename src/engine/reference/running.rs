//! A program while it runs: its output is passed on as it comes, and what ended
//! it is noted.

use super::evcxr::{Evaluator, Failed, Output, Shown};
use crate::channel::{End, Fault, Reader, Sent};
use crate::interrupt::Stopper;
use crossbeam_channel::{Receiver, bounded, select};
use pillars_kernel::{CellError, CellIo};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long the end of standard error is waited for; it comes by another pipe.
const STDERR_PATIENCE: Duration = Duration::from_millis(300);

/// Runs a program while its output is passed on; returns what evcxr returned, and
/// how the cell ended if it said so.
pub fn run(
    evaluator: &mut Evaluator,
    output: &Output,
    stopper: &Arc<Stopper>,
    program: &str,
    io: &dyn CellIo,
) -> (Result<Shown, Failed>, Option<End>) {
    let (done, finished) = bounded::<bool>(1);
    std::thread::scope(|scope| {
        let passing = scope.spawn(|| pass_on(output, &finished, stopper, io));
        let refused = Mutex::new(None);
        let input = |prompt: &str, password| {
            io.input(prompt, password).unwrap_or_else(|error| {
                *refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                String::new()
            })
        };
        let shown = evaluator.run(program, &input);
        let ran = shown.is_ok();
        // The receiver lives until this is received.
        let _ = done.send(ran);
        let mut end = passing.join().unwrap_or_default();
        if let Some(CellError { ename, evalue, .. }) =
            refused.into_inner().unwrap_or_else(PoisonError::into_inner)
            && let Some(end) = &mut end
        {
            end.fault = Some(Fault { ename, evalue, at: None, calls: vec![] });
        }
        (shown, end)
    })
}

/// Passes output on until the program is finished and all of it is taken.
fn pass_on(
    output: &Output,
    finished: &Receiver<bool>,
    stopper: &Arc<Stopper>,
    io: &dyn CellIo,
) -> Option<End> {
    let (mut out, mut err) = (Reader::default(), Reader::default());
    let (mut end, mut err_ended) = (None, false);
    // What evcxr's child says when it dies of a signal: told by the cell's error.
    let mut dying: Vec<String> = Vec::new();
    let mut on_out = |line: &str, end: &mut Option<End>| {
        for sent in out.line(line) {
            match sent {
                Sent::Text(text) => io.stdout(&text),
                Sent::Media { media, is_result: true, .. } => io.result(media),
                Sent::Media { media, id, .. } => io.display(media, id.as_deref()),
                Sent::Update { media, id } => io.update(media, &id),
                Sent::Clear { wait } => io.clear(wait),
                Sent::Begun => stopper.code_runs(),
                Sent::Ready
                | Sent::Crash(_)
                | Sent::Ask { .. }
                | Sent::Progress(_)
                | Sent::Comm(_) => {}
                Sent::Ended(told) => *end = Some(told),
            }
        }
    };
    let mut on_err = |line: &str, ended: &mut bool| {
        if !dying.is_empty() || signal_named_by(line).is_some() {
            dying.push(line.to_owned());
            return;
        }
        for sent in err.line(line) {
            match sent {
                Sent::Text(text) => io.stderr(&text),
                _ => *ended = true,
            }
        }
    };
    let ran = loop {
        select! {
            recv(output.stdout) -> line => match line {
                Ok(line) => on_out(&line, &mut end),
                Err(_) => return end,
            },
            recv(output.stderr) -> line => match line {
                Ok(line) => on_err(&line, &mut err_ended),
                Err(_) => return end,
            },
            recv(finished) -> ran => break ran.unwrap_or_default(),
        }
    };
    output.stdout.try_iter().for_each(|line| on_out(&line, &mut end));
    while !err_ended {
        let patience = if end.is_some() { STDERR_PATIENCE } else { Duration::ZERO };
        match output.stderr.recv_timeout(patience) {
            Ok(line) => on_err(&line, &mut err_ended),
            Err(_) => break,
        }
    }
    for sent in out.end() {
        match sent {
            Sent::Text(text) => io.stdout(&text),
            Sent::Media { media, .. } => io.display(media, None),
            _ => {}
        }
    }
    if let Some(signal) = dying.first().and_then(|line| signal_named_by(line)) {
        if !ran {
            let fault =
                Fault { ename: "Crashed", evalue: signal.to_owned(), at: None, calls: vec![] };
            return Some(End { fault: Some(fault), ..End::default() });
        }
        io.stderr(&(dying.join("\n") + "\n"));
    }
    for sent in err.end() {
        if let Sent::Text(text) = sent {
            io.stderr(&text);
        }
    }
    end
}

/// The signal that a line of evcxr's child's last words names.
fn signal_named_by(line: &str) -> Option<&'static str> {
    let words = [
        ("Segmentation fault.", "SIGSEGV: it used memory that is not its own"),
        ("Illegal instruction.", "SIGILL: it met an illegal instruction"),
        ("Bus error.", "SIGBUS: it used memory that cannot be reached"),
    ];
    words.iter().find(|(said, _)| *said == line).map(|(_, signal)| *signal)
}
