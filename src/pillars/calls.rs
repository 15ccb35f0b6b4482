//! The calls that led to a panic or a crash, as places in the libraries of compiled
//! cells: the engine, which has their line tables, turns them into lines.

use crate::display::{MARK, write_in_signal_handler as write};
use std::ffi::{CStr, c_int, c_void};
use std::ptr::null_mut;

/// Frames that are looked at, the innermost first.
const DEPTH: usize = 128;

/// Addresses of calls.
pub(crate) struct Calls(Vec<usize>);

impl Calls {
    /// Those that led here. Costs microseconds; they are looked up later.
    pub(crate) fn here() -> Self {
        let (frames, count) = addresses();
        Self(frames[..count].iter().map(|frame| frame.addr()).collect())
    }

    /// Library and offset of each call that is in a compiled cell.
    pub(crate) fn places(&self) -> Vec<(String, usize)> {
        let places = self.0.iter().filter_map(|address| place(*address));
        places.map(|(file, offset)| (file.to_string_lossy().into_owned(), offset)).collect()
    }
}

fn addresses() -> ([*mut c_void; DEPTH], usize) {
    let mut frames = [null_mut(); DEPTH];
    // SAFETY: the buffer is as long as it is said to be.
    let count = unsafe { libc::backtrace(frames.as_mut_ptr(), DEPTH as c_int) };
    (frames, usize::try_from(count).unwrap_or_default())
}

/// Library and offset of an address in a compiled cell, whose file is named by 24
/// hexadecimal digits.
fn place(address: usize) -> Option<(&'static CStr, usize)> {
    // The address to return to is behind the call.
    let call = address.checked_sub(1)?;
    // SAFETY: dladdr only reads the list of loaded libraries, and these are never closed.
    let (file, base) = unsafe {
        let mut info = std::mem::zeroed::<libc::Dl_info>();
        if libc::dladdr(call as *const c_void, &mut info) == 0 || info.dli_fname.is_null() {
            return None;
        }
        (CStr::from_ptr(info.dli_fname), info.dli_fbase.addr())
    };
    let name = file.to_bytes().rsplit(|byte| *byte == b'/').next()?;
    let is_cell = name.len() > 24 && name[..24].iter().all(u8::is_ascii_hexdigit);
    is_cell.then_some((file, call - base))
}

/// The signals of crashes.
const SIGNALS: [c_int; 5] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT];

/// What was done at each signal before: the standard library tells overflows of the stack.
static mut BEFORE: [Option<libc::sigaction>; SIGNALS.len()] = [None; SIGNALS.len()];

/// From now on, a crash tells the calls that led to it before it takes its course.
pub(crate) fn watch_crashes() {
    // The first call loads a library, which must not happen inside a signal handler.
    addresses();
    for (at, signal) in SIGNALS.into_iter().enumerate() {
        // SAFETY: called once, before there are threads; the handler lives as long as the process.
        unsafe {
            let mut action = std::mem::zeroed::<libc::sigaction>();
            action.sa_sigaction = on_crash as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            let mut before = std::mem::zeroed::<libc::sigaction>();
            if libc::sigaction(signal, &action, &mut before) == 0 {
                BEFORE[at] = Some(before);
            }
        }
    }
}

extern "C" fn on_crash(signal: c_int, _: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: nothing here allocates. Should looking up the calls wait for a lock that this very
    // thread holds, the alarm ends the process.
    unsafe {
        libc::signal(libc::SIGALRM, libc::SIG_DFL);
        libc::alarm(2);
        write(b"\n");
        write(MARK.as_bytes());
        write(b"{\"kind\":\"crash\",\"calls\":[");
        let (frames, count) = addresses();
        let places = frames[..count].iter().filter_map(|frame| place(frame.addr()));
        for (at, (file, offset)) in places.enumerate() {
            write(if at == 0 { b"[\"" } else { b",[\"" });
            write(file.to_bytes());
            write(b"\",");
            let mut digits = [0; 20];
            write(decimal(offset, &mut digits));
            write(b"]");
        }
        write(b"]}\n");
        libc::alarm(0);
        // What would have happened: it does when the instruction is tried again.
        let at = SIGNALS.iter().position(|other| *other == signal);
        let before = at.and_then(|at| BEFORE[at]);
        match before {
            Some(before) if signal != libc::SIGABRT => {
                libc::sigaction(signal, &before, null_mut());
            }
            _ => {
                libc::signal(signal, libc::SIG_DFL);
                libc::raise(signal);
            }
        }
    }
}

fn decimal(mut number: usize, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[at..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_without_memory_of_their_own() {
        for number in [0, 7, 10, 1234567890, usize::MAX] {
            assert_eq!(decimal(number, &mut [0; 20]), number.to_string().as_bytes());
        }
    }

    #[test]
    fn calls_are_found_and_none_of_them_is_a_cells() {
        let calls = Calls::here();
        assert!(calls.0.len() > 3);
        assert!(calls.places().is_empty());
    }
}
