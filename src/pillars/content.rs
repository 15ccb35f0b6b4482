//! Raw content for a notebook: what a reader has written or drawn by other means.

use crate::display::{Bundle, Rich};

/// HTML, shown as it is: `Html("<b>bold</b>")`. Front ends run no scripts in a notebook
/// that is not trusted.
#[derive(Clone, Debug)]
pub struct Html<T: AsRef<str>>(pub T);

/// Markdown, formulas between dollar signs included: `Markdown("$\\rho < 1$")`.
#[derive(Clone, Debug)]
pub struct Markdown<T: AsRef<str>>(pub T);

/// A drawing as SVG text.
#[derive(Clone, Debug)]
pub struct Svg<T: AsRef<str>>(pub T);

/// An image: the bytes of a PNG file. Its size on the page is that in the file.
#[derive(Clone, Debug)]
pub struct Png<T: AsRef<[u8]>>(pub T);

/// JSON text, which front ends show as a tree. Text that is no JSON is shown as text.
#[derive(Clone, Debug)]
pub struct Json<T: AsRef<str>>(pub T);

impl<T: AsRef<str>> Rich for Html<T> {
    fn bundle(&self) -> Bundle {
        Bundle::plain("<HTML>").with("text/html", self.0.as_ref())
    }
}

impl<T: AsRef<str>> Rich for Markdown<T> {
    fn bundle(&self) -> Bundle {
        Bundle::plain(self.0.as_ref()).with("text/markdown", self.0.as_ref())
    }
}

impl<T: AsRef<str>> Rich for Svg<T> {
    fn bundle(&self) -> Bundle {
        Bundle::plain("<SVG>").with("image/svg+xml", self.0.as_ref())
    }
}

impl<T: AsRef<[u8]>> Rich for Png<T> {
    fn bundle(&self) -> Bundle {
        match size_of_png(self.0.as_ref()) {
            Some((width, height)) => {
                let plain = format!("<PNG, {width} x {height}>");
                Bundle::plain(plain).with_png(self.0.as_ref(), width, height)
            }
            None => Bundle::plain(format!("<{} bytes that are no PNG>", self.0.as_ref().len())),
        }
    }
}

impl<T: AsRef<str>> Rich for Json<T> {
    fn bundle(&self) -> Bundle {
        let text = self.0.as_ref();
        let bundle = Bundle::plain(text);
        match serde_json::from_str::<serde_json::Value>(text) {
            Ok(_) => bundle.with("application/json", text),
            Err(_) => bundle,
        }
    }
}

/// Width and height, which stand at the head of every PNG file (PNG specification, 11.2.1).
fn size_of_png(bytes: &[u8]) -> Option<(u32, u32)> {
    let head = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n")?.get(4..16)?.strip_prefix(b"IHDR")?;
    let number = |at: usize| Some(u32::from_be_bytes(head.get(at..at + 4)?.try_into().ok()?));
    Some((number(0)?, number(4)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_content_has_its_form_and_a_plain_one() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0\0\0\0\x20rest";
        let cases: [(Bundle, &str, bool); 8] = [
            (Html("<b>x</b>").bundle(), "text/html", true),
            (Markdown("$x$".to_owned()).bundle(), "text/markdown", true),
            (Svg("<svg/>").bundle(), "image/svg+xml", true),
            (Png(png).bundle(), "image/png", true),
            (Png(b"no image".to_vec()).bundle(), "image/png", false),
            (Json("{\"a\": [1]}").bundle(), "application/json", true),
            (Json("{").bundle(), "application/json", false),
            ((&&Html("x")).bundle(), "text/html", true),
        ];
        for (at, (bundle, mime, has)) in cases.into_iter().enumerate() {
            assert_eq!(bundle.has(mime), has, "case {at}");
            assert!(bundle.has("text/plain"), "case {at}");
        }
        assert_eq!(size_of_png(png), Some((256, 32)));
    }
}
