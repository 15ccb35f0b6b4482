//! What a library call says when it is given what makes no sense.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls each and looks for what it is to say.
pub fn each_says(cases: impl IntoIterator<Item = (Box<dyn Fn()>, &'static str)>) {
    for (run, told) in cases {
        let said = catch_unwind(AssertUnwindSafe(run)).expect_err(told);
        let text = said.downcast_ref::<String>().map(String::as_str);
        let text = text.or(said.downcast_ref::<&str>().copied()).unwrap_or_default();
        assert!(text.contains(told), "{text:?} lacks {told:?}");
    }
}
