//! The cells that wait are compiled while one runs: into the cache, where they are
//! found when their turn comes. It is a guess that all goes well before them; a wrong
//! one costs nothing but the work.

use crate::books::Books;
use crate::compiler::Compiler;
use crate::prepare::{Program, prepare};
use crate::split::split;
use pillars_kernel::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// At most one thread works ahead.
#[derive(Clone, Default)]
pub struct Ahead(Arc<AtomicBool>);

impl Ahead {
    /// Begins with the cells `waiting`, as if `program` of the cell `number` had run
    /// well with these books.
    pub fn work(
        &self,
        waiting: Vec<String>,
        number: u32,
        program: &Program,
        books: &Books,
        compiler: &Arc<Compiler>,
    ) {
        if waiting.is_empty() || self.0.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut books = books.clone();
        suppose(&mut books, program);
        let (compiler, busy) = (compiler.clone(), self.0.clone());
        // The parser recurses with the nesting of a cell's text.
        let thread = std::thread::Builder::new().stack_size(64 << 20);
        let begun = thread.spawn(move || {
            let _done = Done(busy);
            for (number, code) in (number + 1..).zip(waiting) {
                let parts = split(&code);
                if !parts.commands.is_empty() {
                    return;
                }
                let cell = Cell { code, number };
                let Ok(prepared) = prepare(&parts, &cell, &books, &compiler) else { return };
                books.units = prepared.units;
                if let Some(program) = &prepared.program {
                    suppose(&mut books, program);
                }
            }
        });
        if begun.is_err() {
            self.0.store(false, Ordering::Relaxed);
        }
    }
}

/// The books as they are if the program comes to its end.
fn suppose(books: &mut Books, program: &Program) {
    for name in &program.moved {
        books.variables.remove(name);
    }
    books.variables.extend(program.bound.clone());
    books.units.loaded(&program.source.needs);
}

/// Clears the mark, also when the thread panics.
struct Done(Arc<AtomicBool>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
