//! A program while it runs: its output is passed on as it comes, and what ended
//! it is noted.

use crate::channel::{Fault, Reader, Sent};
use crate::evcxr::{Evaluator, Failed, Output, Shown};
use crate::interrupt::Stopper;
use crossbeam_channel::{Receiver, bounded, select};
use pillars_kernel::CellIo;
use std::sync::Arc;
use std::time::Duration;

/// How long the end of standard error is waited for; it comes by another pipe.
const STDERR_PATIENCE: Duration = Duration::from_millis(300);

/// Runs a program while its output is passed on; returns what evcxr returned and
/// the fault by which the reader's code ended.
pub fn run(
    evaluator: &mut Evaluator,
    output: &Output,
    stopper: &Arc<Stopper>,
    program: &str,
    io: &dyn CellIo,
) -> (Result<Shown, Failed>, Option<Fault>) {
    let (done, finished) = bounded::<bool>(1);
    std::thread::scope(|scope| {
        let passing = scope.spawn(|| pass_on(output, &finished, stopper, io));
        let input = |prompt: &str, password| io.input(prompt, password).unwrap_or_default();
        let shown = evaluator.run(program, &input);
        let ran = shown.is_ok();
        // The receiver lives until this is received.
        let _ = done.send(ran);
        (shown, passing.join().unwrap_or_default())
    })
}

/// Passes output on until the program is finished and all of it is taken.
fn pass_on(
    output: &Output,
    finished: &Receiver<bool>,
    stopper: &Arc<Stopper>,
    io: &dyn CellIo,
) -> Option<Fault> {
    let (mut out, mut err) = (Reader::default(), Reader::default());
    let (mut fault, mut ended, mut err_ended) = (None, false, false);
    // What evcxr's child says when it dies of a signal: told by the cell's error.
    let mut dying: Vec<String> = Vec::new();
    let mut on_out = |line: &str, fault: &mut Option<Fault>, ended: &mut bool| {
        for sent in out.line(line) {
            match sent {
                Sent::Text(text) => io.stdout(&text),
                Sent::Media { media, is_result: true } => io.result(media),
                Sent::Media { media, is_result: false } => io.display(media),
                Sent::Clear { wait } => io.clear(wait),
                Sent::Begun => stopper.code_runs(),
                Sent::Ended(found) => {
                    *ended = true;
                    *fault = found;
                }
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
                Ok(line) => on_out(&line, &mut fault, &mut ended),
                Err(_) => return fault,
            },
            recv(output.stderr) -> line => match line {
                Ok(line) => on_err(&line, &mut err_ended),
                Err(_) => return fault,
            },
            recv(finished) -> ran => break ran.unwrap_or_default(),
        }
    };
    output.stdout.try_iter().for_each(|line| on_out(&line, &mut fault, &mut ended));
    while !err_ended {
        let patience = if ended { STDERR_PATIENCE } else { Duration::ZERO };
        match output.stderr.recv_timeout(patience) {
            Ok(line) => on_err(&line, &mut err_ended),
            Err(_) => break,
        }
    }
    if let Some(Sent::Text(text)) = out.end() {
        io.stdout(&text);
    }
    if let Some(signal) = dying.first().and_then(|line| signal_named_by(line)) {
        if !ran {
            return Some(Fault { ename: "Crashed", evalue: signal.to_owned(), at: None });
        }
        io.stderr(&(dying.join("\n") + "\n"));
    }
    if let Some(Sent::Text(text)) = err.end() {
        io.stderr(&text);
    }
    fault
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
