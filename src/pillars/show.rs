//! Values of the language itself, as cells show them. What is written out here for
//! the usual types need not be compiled with each cell that ends in one.

use crate::display::{Bundle, Rich};

macro_rules! shown_by_debug {
    ($($type:ty),* $(,)?) => {
        $(impl Rich for $type {
            fn bundle(&self) -> Bundle {
                Bundle::debug(&self)
            }
        })*
    };
}

shown_by_debug! {
    bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64,
    str, String,
    Vec<u8>, Vec<u32>, Vec<u64>, Vec<usize>, Vec<i32>, Vec<i64>, Vec<f64>, Vec<bool>, Vec<String>, Vec<&str>,
    Vec<(f64, f64)>, Vec<Vec<f64>>,
    [f64], [i32], [u64], [usize],
    (i32, i32), (f64, f64), (u64, u64), (usize, usize), (bool, bool),
    Option<i32>, Option<u64>, Option<usize>, Option<f64>, Option<String>, Option<&str>,
}
