//! The end of a long computation that its reader has interrupted.

use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};

static RAISED: AtomicBool = AtomicBool::new(false);

/// With what [`tick`] unwinds.
#[derive(Debug)]
pub struct Interrupted;

/// Has the next [`tick`] end what runs. May be called by the handler of a signal.
pub fn raise() {
    RAISED.store(true, Ordering::Relaxed);
}

/// Takes an interrupt back that came too late.
pub fn clear() {
    RAISED.store(false, Ordering::Relaxed);
}

/// Ends the cell here if the reader has interrupted it. Long loops call it every
/// so often; it costs one relaxed load.
#[inline(always)]
pub fn tick() {
    if RAISED.load(Ordering::Relaxed) {
        end();
    }
}

#[cold]
#[inline(never)]
fn end() {
    // A destructor that ticks while the cell unwinds must come to its end.
    if !std::thread::panicking() {
        panic::resume_unwind(Box::new(Interrupted));
    }
}
