//! The forms of a chart: a figure in HTML, a PNG for print, a line of text.

use super::draw::{SIZE, draw};
use super::{Chart, Kind, words};
use crate::display::Bundle;
use crate::text::escape;
use base64::{Engine, engine::general_purpose::STANDARD};
use plotters::prelude::{BitMapBackend, IntoDrawingArea, SVGBackend};
use std::fmt::Display;

/// The size on the page; the picture itself is twice as wide.
const SHOWN: (u32, u32) = (SIZE.0 / 2, SIZE.1 / 2);

pub fn bundle(chart: &Chart) -> Bundle {
    let words = words::describe(chart);
    Bundle::plain(&words).with("text/html", html(chart, &words)).with_png(
        &png(chart),
        SHOWN.0,
        SHOWN.1,
    )
}

/// The figure as front ends keep it: an inline SVG would be dropped from a
/// notebook that is not trusted, an image with its data in it is not.
fn html(chart: &Chart, words: &str) -> String {
    let caption = caption(chart).map_or_else(String::new, |caption| {
        format!("<figcaption style=\"margin-top:.3em;font-size:90%\">{caption}</figcaption>")
    });
    format!(
        "<figure style=\"margin:.5em 0\"><img alt=\"{}\" width=\"{}\" \
         style=\"max-width:100%;height:auto\" src=\"data:image/svg+xml;base64,{}\">{caption}</figure>",
        escape(words),
        SHOWN.0,
        STANDARD.encode(svg(chart))
    )
}

fn caption(chart: &Chart) -> Option<&'static str> {
    let has = |kind| chart.series.iter().any(|series| series.kind == kind);
    match (has(Kind::Line), has(Kind::Dots)) {
        (true, true) => Some("Lines: formula. Dots: simulation, with 95 % confidence intervals."),
        (false, true) => Some("Dots: simulation, with 95 % confidence intervals."),
        _ => None,
    }
}

/// The chart as SVG; the same bytes every time.
pub fn svg(chart: &Chart) -> String {
    let mut svg = String::new();
    let backend = SVGBackend::with_string(&mut svg, SIZE);
    let area = backend.into_drawing_area();
    done(draw(&area, chart));
    done(area.present());
    drop(area);
    svg
}

/// The chart as PNG; the same bytes every time.
pub fn png(chart: &Chart) -> Vec<u8> {
    let (width, height) = SIZE;
    let mut pixels = vec![0; width as usize * height as usize * 3];
    let area = BitMapBackend::with_buffer(&mut pixels, SIZE).into_drawing_area();
    done(draw(&area, chart));
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
    result.unwrap_or_else(|error| panic!("Chart: it could not be drawn: {error}"))
}
