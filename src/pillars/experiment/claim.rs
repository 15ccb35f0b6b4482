//! Claims: the sentences of a chapter that have a number in them, checked.

use crate::display::{Bundle, Rich, display};

/// States `sentence` and checks it: shows it with a tick if `condition` holds.
/// A cell may make several claims; each is shown as it is made.
///
/// # Panics
/// If the condition does not hold, so that the cell is an error and whatever
/// runs the notebook fails.
#[track_caller]
pub fn claim(sentence: &str, condition: bool) {
    assert!(condition, "claim failed: {sentence}");
    display(Held(sentence));
}

struct Held<'a>(&'a str);

impl Rich for Held<'_> {
    fn bundle(&self) -> Bundle {
        let html = format!(
            "<p style=\"margin:.2em 0\"><span style=\"background:#00684b;color:#ffffff;\
             border-radius:3px;padding:.05em .45em\">✓ holds</span> {}</p>",
            crate::text::escape(self.0)
        );
        Bundle::plain(format!("✓ {}", self.0)).with("text/html", html)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_that_holds_is_shown_with_a_tick() {
        let bundle = Held("1 < 2 & 2 < 3").bundle();
        assert_eq!(bundle.text("text/plain"), Some("✓ 1 < 2 & 2 < 3"));
        assert!(bundle.text("text/html").unwrap().contains("1 &lt; 2 &amp; 2 &lt; 3"));
    }

    #[test]
    #[should_panic(expected = "claim failed: waiting doubles")]
    fn a_claim_that_fails_ends_the_cell() {
        claim("waiting doubles", false);
    }
}
