//! The runtime of a cell: its variables between cells, its outcome, its
//! interruption. Cells reach it through code that the engine generates around
//! the reader's text; readers have no need of it.

use crate::calls::Calls;
use crate::display::{self, Bundle, Rich};
use pillars_models::interrupt::{self, Interrupted};
use serde_json::{Value, json};
use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::panic::{self, AssertUnwindSafe, Location, PanicHookInfo};
use std::sync::{Mutex, Once, PoisonError};
use std::thread::ThreadId;

pub use pillars_models::interrupt::tick;

/// What `?` turns an error of the reader's into: its text, and where it stood.
pub struct Failure {
    text: String,
    at: Place,
}

impl<E: Display> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Self {
        Self { text: error.to_string(), at: Place::of(Location::caller()) }
    }
}

/// Runs all of a cell: hands variables over, runs the reader's code by [`run`],
/// takes variables back; then sends the outcome, with the names of the variables
/// that there are now. A panic ends the cell, not the process.
pub fn whole(cell: impl FnOnce()) {
    let mut cell = Some(cell);
    whole_erased(&mut || {
        if let Some(cell) = cell.take() {
            cell();
        }
    });
}

/// What of [`whole`] does not depend on the cell: compiled once, not with each cell.
fn whole_erased(cell: &mut dyn FnMut()) {
    prepare();
    // What came too late for an earlier cell is not meant for this one.
    interrupt::clear();
    pillars_models::progress::begin_cell();
    taken_panics();
    PUT.take();
    FAULT.take();
    display::send(&json!({ "kind": "begun" }));
    let ended = panic::catch_unwind(AssertUnwindSafe(cell));
    interrupt::clear();
    let fault = match ended {
        Ok(()) => FAULT.take(),
        Err(payload) => Some(fault_of(payload.as_ref())),
    };
    let mut outcome = match fault {
        None => json!({ "kind": "outcome", "status": "ok" }),
        Some(Fault { ename, text, at, calls }) => json!({
            "kind": "outcome", "status": "error", "ename": ename, "evalue": text,
            "at": at.map(|at| json!({ "file": at.file, "line": at.line, "column": at.column })),
            "calls": calls,
        }),
    };
    outcome["put"] = json!(PUT.take());
    outcome["kept"] =
        VARIABLES.with_borrow(|variables| json!(variables.keys().collect::<Vec<_>>()));
    display::send(&outcome);
    display::end_errors();
}

/// Answers for a cell that could not be loaded.
pub(crate) fn refuse(reason: &str) {
    let kept = VARIABLES.with_borrow(|variables| json!(variables.keys().collect::<Vec<_>>()));
    display::send(&json!({
        "kind": "outcome", "status": "error", "ename": "LoadError", "evalue": reason, "kept": kept,
    }));
    display::end_errors();
}

/// Answers for a message that nothing here takes.
pub(crate) fn refuse_comm() {
    display::send(&json!({ "kind": "outcome", "status": "ok", "refused": true }));
    display::end_errors();
}

/// Runs a future to its end on this thread: for `.await` at the top level of a cell.
pub fn block_on<F: Future>(future: F) -> F::Output {
    pollster::block_on(future)
}

/// A value that stays for the whole session, one for each type: made at first use. For
/// the runtime that runs a reader's `.await`s.
pub fn resident<T: 'static>(make: impl FnOnce() -> T) -> &'static T {
    thread_local! {
        static RESIDENTS: RefCell<Vec<&'static dyn Any>> = RefCell::default();
    }
    let find = || RESIDENTS.with_borrow(|all| all.iter().find_map(|each| each.downcast_ref::<T>()));
    find().unwrap_or_else(|| {
        // Never dropped: the session ends with the process.
        let made: &'static T = Box::leak(Box::new(make()));
        RESIDENTS.with_borrow_mut(|all| all.push(made));
        made
    })
}

/// Runs the reader's code within [`whole`].
pub fn run(body: impl FnOnce() -> Result<(), Failure>) {
    let mut body = Some(body);
    run_erased(&mut || body.take().map_or(Ok(()), |body| body()));
}

fn run_erased(body: &mut dyn FnMut() -> Result<(), Failure>) {
    let fault = match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => None,
        Ok(Err(Failure { text, at })) => {
            Some(Fault { ename: "Error", text, at: Some(at), calls: vec![] })
        }
        Err(payload) => Some(fault_of(payload.as_ref())),
    };
    if fault.is_none() {
        // A panic of a thread that nobody waited for must not pass unseen; one that
        // the reader caught on this thread has been seen.
        let here = std::thread::current().id();
        for panic in taken_panics().into_iter().filter(|panic| panic.thread != here) {
            eprintln!("a thread panicked: {}", panic.text);
        }
    }
    FAULT.set(fault);
}

/// Why a cell ended before its end.
struct Fault {
    ename: &'static str,
    text: String,
    at: Option<Place>,
    /// Calls in the reader's code that led there, the innermost first.
    calls: Vec<(String, usize)>,
}

fn fault_of(payload: &(dyn Any + Send)) -> Fault {
    let panics = taken_panics();
    if payload.is::<Interrupted>() {
        return Fault {
            ename: "Interrupted",
            text: "the cell was interrupted".to_owned(),
            at: None,
            calls: vec![],
        };
    }
    if let Some(Ended { ename, text }) = payload.downcast_ref() {
        return Fault { ename, text: text.clone(), at: None, calls: vec![] };
    }
    match panics.into_iter().next_back() {
        Some(PanicNote { text, at, calls, .. }) => {
            Fault { ename: "Panic", text, at, calls: calls.places() }
        }
        None => Fault { ename: "Panic", text: payload_text(payload), at: None, calls: vec![] },
    }
}

/// Installs, once, what a cell needs around it: the note of a panic, fonts for a
/// reader's own drawing, and the answer to an interrupt.
pub fn prepare() {
    static PREPARED: Once = Once::new();
    PREPARED.call_once(|| {
        panic::set_hook(Box::new(note_panic));
        crate::chart::prepare_font();
        pillars_unix::on(pillars_unix::Signal::Interrupt, on_interrupt);
        crate::progress::watch_signs();
    });
}

struct Place {
    file: String,
    line: u32,
    column: u32,
}

impl Place {
    fn of(location: &Location) -> Self {
        Self { file: location.file().to_owned(), line: location.line(), column: location.column() }
    }
}

struct PanicNote {
    text: String,
    at: Option<Place>,
    calls: Calls,
    thread: ThreadId,
}

/// Panics that are kept: a reader may catch thousands.
const NOTES: usize = 16;

static PANICS: Mutex<Vec<PanicNote>> = Mutex::new(Vec::new());

fn note_panic(info: &PanicHookInfo) {
    let note = PanicNote {
        text: payload_text(info.payload()),
        at: info.location().map(Place::of),
        // Addresses only; they are looked up when the panic ends a cell.
        calls: Calls::here(),
        thread: std::thread::current().id(),
    };
    let mut notes = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
    if notes.len() == NOTES {
        notes.remove(0);
    }
    notes.push(note);
}

fn taken_panics() -> Vec<PanicNote> {
    std::mem::take(&mut *PANICS.lock().unwrap_or_else(PoisonError::into_inner))
}

fn payload_text(payload: &(dyn Any + Send)) -> String {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "a panic whose value is not text".to_owned(),
    }
}

extern "C" fn on_interrupt(_: i32) {
    interrupt::raise();
}

/// Why a cell was ended that the engine did not answer.
struct Ended {
    ename: &'static str,
    text: String,
}

/// Ends the cell as the engine says.
pub(crate) fn end_with(ename: &Value, text: &Value) -> ! {
    if ename == "Interrupted" {
        panic::resume_unwind(Box::new(Interrupted));
    }
    let text = text.as_str().unwrap_or("the question was not answered").to_owned();
    panic::resume_unwind(Box::new(Ended { ename: "InputNotAllowed", text }));
}

thread_local! {
    /// The names that the running cell has put.
    static PUT: RefCell<Vec<String>> = RefCell::default();
    /// How the reader's code in the running cell ended.
    static FAULT: RefCell<Option<Fault>> = RefCell::default();
    static VARIABLES: RefCell<BTreeMap<String, Box<dyn Any>>> = RefCell::default();
}

/// Keeps a variable for later cells. Never inlined: the engine reads the type
/// `T` from the compiler's listing of this call.
#[inline(never)]
pub fn put<T: 'static>(name: &str, value: T) {
    put_erased(name, Box::new(value));
}

fn put_erased(name: &str, value: Box<dyn Any>) {
    insert(name, value);
    PUT.with_borrow_mut(|put| put.push(name.to_owned()));
}

/// Gives a variable back after a cell that borrowed it, unless the cell has put
/// a new one of that name.
#[inline(never)]
pub fn put_back<T: 'static>(name: &str, value: T) {
    put_back_erased(name, Box::new(value));
}

fn put_back_erased(name: &str, value: Box<dyn Any>) {
    if !VARIABLES.with_borrow(|variables| variables.contains_key(name)) {
        insert(name, value);
    }
}

/// Hands a variable to a cell.
///
/// # Panics
/// If there is none of that name and type: the engine's books are then wrong.
#[inline(never)]
pub fn take<T: 'static>(name: &str) -> T {
    match take_erased(name).downcast::<T>() {
        Ok(value) => *value,
        Err(_) => has_another_type(name),
    }
}

fn take_erased(name: &str) -> Box<dyn Any> {
    let taken = VARIABLES.with_borrow_mut(|variables| variables.remove(name));
    taken.unwrap_or_else(|| panic!("the variable `{name}` is gone"))
}

#[cold]
fn has_another_type(name: &str) -> ! {
    panic!("the variable `{name}` has another type than the one recorded")
}

/// Drops variables: those whose type the reader has since defined anew.
pub fn forget(names: &[&str]) {
    for name in names {
        let dropped = VARIABLES.with_borrow_mut(|variables| variables.remove(*name));
        drop(dropped);
    }
}

fn insert(name: &str, value: Box<dyn Any>) {
    // The old value is dropped outside the borrow: its `Drop` may be the reader's.
    let old = VARIABLES.with_borrow_mut(|variables| variables.insert(name.to_owned(), value));
    drop(old);
}

/// Shows the value that ends a cell, by the first way that its type offers: an inherent
/// `evcxr_display`, [`Rich`], `Debug`. The order is that of method look-up on
/// `(&(&value).evcxr_display()).show_as_result()`: the first method is the type's own, or
/// one that all types have and that wraps the value; what is wrapped is no reference, so
/// that the second finds `Debug` one reference after `Rich`, whatever the value is.
pub mod show {
    use super::{Bundle, Debug, Rich, display};

    /// A value to be shown.
    #[derive(Clone, Copy, Debug)]
    pub struct Shown<'a, T: ?Sized>(&'a T);

    /// For types that do not say themselves how they are shown.
    pub trait Offered {
        /// The value, to be shown in another way.
        fn evcxr_display(&self) -> Shown<'_, Self>;
    }

    impl<T: ?Sized> Offered for T {
        #[inline(always)]
        fn evcxr_display(&self) -> Shown<'_, Self> {
            Shown(self)
        }
    }

    /// For types with [`Rich`], and for those that have shown themselves.
    pub trait ViaRich {
        /// Shows the value as the cell's result.
        fn show_as_result(&self);
    }

    impl<T: Rich + ?Sized> ViaRich for Shown<'_, T> {
        fn show_as_result(&self) {
            display::show("result", &self.0.bundle());
        }
    }

    /// The value has shown itself: what it wrote is the cell's result.
    impl ViaRich for () {
        fn show_as_result(&self) {
            display::send(&serde_json::json!({ "kind": "own" }));
        }
    }

    /// For all other types that can be printed: found one reference later.
    pub trait ViaDebug {
        /// Shows the value's `{:?}` as the cell's result.
        fn show_as_result(&self);
    }

    impl<T: Debug + ?Sized> ViaDebug for &Shown<'_, T> {
        #[inline(always)]
        fn show_as_result(&self) {
            debug(&self.0);
        }
    }

    #[inline(never)]
    fn debug(value: &dyn Debug) {
        display::show("result", &Bundle::debug(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_handed_over_once_and_given_back_unless_replaced() {
        put("x", vec![1, 2]);
        let x: Vec<i32> = take("x");
        put_back("x", x);
        assert_eq!(take::<Vec<i32>>("x"), [1, 2]);
        put("x", 1.5);
        put_back("x", vec![1]);
        assert_eq!(take::<f64>("x"), 1.5);
        assert!(panic::catch_unwind(|| take::<f64>("x")).is_err());
    }

    #[test]
    fn dropping_a_variable_may_use_the_store() {
        struct Uses;
        impl Drop for Uses {
            fn drop(&mut self) {
                put("log", 1);
            }
        }
        put("y", Uses);
        put("y", 2);
        assert_eq!(take::<i32>("log"), 1);
    }

    #[test]
    fn a_question_mark_keeps_the_text_and_the_place_of_the_error() {
        fn body() -> Result<(), Failure> {
            "x".parse::<i32>()?;
            Ok(())
        }
        let Err(failure) = body() else { panic!("parsing x succeeded") };
        assert_eq!(failure.text, "invalid digit found in string");
        assert!(failure.at.file.ends_with("cell.rs"), "{}", failure.at.file);
    }
}
