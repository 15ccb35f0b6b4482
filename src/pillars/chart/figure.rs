//! The forms of a picture: a figure in HTML, a PNG for print, a line of text.

use crate::display::Bundle;
use crate::text::escape;
use base64::{Engine, engine::general_purpose::STANDARD};
use plotters::coord::Shift;
use plotters::prelude::{
    BitMapBackend, DrawingArea, DrawingAreaErrorKind, DrawingBackend, IntoDrawingArea, SVGBackend,
};
use std::fmt::Display;

pub type Failure<DB> = DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>;

/// What can be drawn and told in words.
pub trait Picture {
    /// Its size in pixels: twice that on the page.
    fn size(&self) -> (u32, u32);
    /// What it shows, in one line, for those who cannot see it.
    fn words(&self) -> String;
    /// What is written under it.
    fn caption(&self) -> Option<String>;
    /// Draws it on an area of its size.
    fn draw<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>) -> Result<(), Failure<DB>>;
}

pub fn bundle(picture: &impl Picture) -> Bundle {
    let words = picture.words();
    let (width, height) = picture.size();
    Bundle::plain(&words).with("text/html", html(picture, &words)).with_png(
        &png(picture),
        width / 2,
        height / 2,
    )
}

/// The figure as front ends keep it: an inline SVG would be dropped from a
/// notebook that is not trusted, an image with its data in it is not.
fn html(picture: &impl Picture, words: &str) -> String {
    let caption = picture.caption().map_or_else(String::new, |caption| {
        format!(
            "<figcaption style=\"margin-top:.3em;font-size:90%\">{}</figcaption>",
            escape(&caption)
        )
    });
    format!(
        "<figure style=\"margin:.5em 0\"><img alt=\"{}\" width=\"{}\" \
         style=\"max-width:100%;height:auto\" src=\"data:image/svg+xml;base64,{}\">{caption}</figure>",
        escape(words),
        picture.size().0 / 2,
        STANDARD.encode(svg(picture))
    )
}

/// It as SVG; the same bytes every time.
pub fn svg(picture: &impl Picture) -> String {
    let mut svg = String::new();
    let backend = SVGBackend::with_string(&mut svg, picture.size());
    let area = backend.into_drawing_area();
    done(picture.draw(&area));
    done(area.present());
    drop(area);
    svg
}

/// It as PNG; the same bytes every time.
pub fn png(picture: &impl Picture) -> Vec<u8> {
    let (width, height) = picture.size();
    let mut pixels = vec![0; width as usize * height as usize * 3];
    let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
    done(picture.draw(&area));
    done(area.present());
    drop(area);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&pixels)?;
        writer.finish()
    });
    done(written);
    bytes
}

/// Drawing goes to memory and has no way to fail that a reader could mend.
fn done<T, E: Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("the picture could not be drawn: {error}"))
}
