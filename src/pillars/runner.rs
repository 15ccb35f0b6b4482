//! The process that runs cells. It is linked to this library, so that a compiled
//! cell finds all it needs in it; it loads cells and runs them one at a time, as
//! the engine asks, and keeps their variables in between.

use crate::{calls, cell, comm, display};
use serde_json::{Value, json};
use std::ffi::{CStr, c_void};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The function that every compiled cell has.
const ENTRY: &CStr = c"run_cell";

/// Takes the engine's requests from the pipe whose number is in `PILLARS_CELL`,
/// one line of JSON each, until it is closed: `needs`, libraries to be loaded
/// before; `cell`, the library to run; `run`, the number of this run; or `comm`, a message
/// of the front end. Answers go by the display channel.
pub fn main() {
    let Some(requests) = pillars_unix::handed_over("PILLARS_CELL") else {
        eprintln!("this program runs the cells of a notebook; the kernel starts it");
        std::process::exit(2);
    };
    *lock() = Some(BufReader::new(requests));
    cell::prepare();
    calls::watch_crashes();
    display::flush_while_cells_run();
    display::send(&json!({ "kind": "ready" }));
    while let Some(line) = next_line() {
        let ran = serde_json::from_str(&line).map_err(|error| error.to_string());
        display::runs(true);
        let ran = ran.and_then(|request: Value| load_and_run(&request));
        display::runs(false);
        if let Err(reason) = ran {
            cell::refuse(&reason);
        }
    }
}

/// Requests, and answers to what cells ask: the engine sends these only while a cell waits
/// for one.
static REQUESTS: Mutex<Option<BufReader<File>>> = Mutex::new(None);

fn lock() -> MutexGuard<'static, Option<BufReader<File>>> {
    REQUESTS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn next_line() -> Option<String> {
    lock().as_mut()?.lines().next()?.ok()
}

/// The engine's answer to a question of a cell; null when the engine is gone.
pub(crate) fn answer() -> Value {
    next_line().and_then(|line| serde_json::from_str(&line).ok()).unwrap_or_default()
}

fn load_and_run(request: &Value) -> Result<(), String> {
    display::begin_run(request["run"].as_u64().unwrap_or_default());
    if let Some(message @ Value::Object(_)) = request.get("comm") {
        comm::deliver(message);
        return Ok(());
    }
    // SAFETY: a compiled cell has no code that runs at load time.
    let load = |path: &Value| unsafe { pillars_unix::load(path.as_str().unwrap_or_default()) };
    for library in request["needs"].as_array().into_iter().flatten() {
        load(library)?;
    }
    let entry = load(&request["cell"])?.symbol(ENTRY)?;
    // SAFETY: the engine generates the function with this signature, and compiles it
    // with the compiler that compiled this library.
    let entry = unsafe { std::mem::transmute::<*mut c_void, fn()>(entry) };
    entry();
    Ok(())
}
