//! The calls that led to a panic or a crash, as places in the libraries of compiled
//! cells: the engine, which has their line tables, turns them into lines.

use crate::display::MARK;
use pillars_unix::{DEPTH, calls, library_of, write_in_signal_handler as write};
use std::ffi::CStr;

/// Addresses of calls.
pub(crate) struct Calls(Vec<usize>);

impl Calls {
    /// Those that led here. Costs microseconds; they are looked up later.
    pub(crate) fn here() -> Self {
        Self(calls(&mut [0; DEPTH]).to_vec())
    }

    /// Library and offset of each call that is in a compiled cell.
    pub(crate) fn places(&self) -> Vec<(String, usize)> {
        let places = self.0.iter().filter_map(|address| place(*address));
        places.map(|(file, offset)| (file.to_string_lossy().into_owned(), offset)).collect()
    }
}

/// Library and offset of an address in a compiled cell, whose file is named by 24
/// hexadecimal digits.
fn place(address: usize) -> Option<(&'static CStr, usize)> {
    // The address to return to is behind the call.
    let (file, offset) = library_of(address.checked_sub(1)?)?;
    let name = file.to_bytes().rsplit(|byte| *byte == b'/').next()?;
    let is_cell = name.len() > 24 && name[..24].iter().all(u8::is_ascii_hexdigit);
    is_cell.then_some((file, offset))
}

/// From now on, a crash tells the calls that led to it before it takes its course.
pub(crate) fn watch_crashes() {
    pillars_unix::on_crash(tell);
}

/// Nothing here allocates, and the stack is short.
fn tell() {
    write(b"\n");
    write(MARK.as_bytes());
    write(b"{\"kind\":\"crash\",\"calls\":[");
    let mut room = [0; DEPTH];
    let places = calls(&mut room).iter().filter_map(|frame| place(*frame));
    for (at, (file, offset)) in places.enumerate() {
        write(if at == 0 { b"[\"" } else { b",[\"" });
        write(file.to_bytes());
        write(b"\",");
        let mut digits = [0; 20];
        write(decimal(offset, &mut digits));
        write(b"]");
    }
    write(b"]}\n");
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
