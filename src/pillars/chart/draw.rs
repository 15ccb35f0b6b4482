//! The pixels of a chart, the same for SVG and PNG.

use super::figure::Failure;
use super::scale::Scale;
use super::{Chart, Kind, Point, Series};
use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};
use std::sync::Once;

/// Drawn at twice the size shown: 640 x 400 on the page.
pub const SIZE: (u32, u32) = (1280, 800);

/// The text of a figure: measured and painted in DejaVu Sans, which is embedded;
/// an SVG names it first, then what a machine without it has.
const FONT: &str = "DejaVu Sans, Bitstream Vera Sans, Verdana, Arial, Helvetica, sans-serif";
pub(super) const TITLE: f64 = 34.0;
pub(super) const TEXT: f64 = 28.0;
pub(super) const INK: RGBColor = RGBColor(38, 38, 38);
pub(super) const GRID: RGBColor = RGBColor(225, 225, 225);
pub(super) const MARGIN: i32 = 24;
const LINE_HEIGHT: i32 = 42;
const SWATCH: i32 = 56;
/// The room under the plot, for numbers and the label.
const UNDER: i32 = 104;

/// Colours that the colour-blind can tell apart too (Okabe and Ito, 2008), the
/// faint yellow left out.
pub(super) const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

/// Draws the chart on an area of [`SIZE`].
pub fn draw<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    chart: &Chart,
) -> Result<(), Failure<DB>> {
    prepare_font();
    area.fill(&WHITE)?;
    let centre = Pos::new(HPos::Center, VPos::Center);
    let middle = SIZE.0 as i32 / 2;
    let title_size = fitting(area, &chart.title, TITLE, SIZE.0 as i32 - 2 * MARGIN)?;
    area.draw_text(&chart.title, &style(title_size).pos(centre), (middle, MARGIN + 16))?;
    let below = legend(area, chart, MARGIN + 58)?;

    let (x, y) = (Scale::of_x(chart), Scale::of_y(chart));
    let mut widest = 0;
    for label in y.labels() {
        widest = widest.max(area.estimate_text_size(&label, &style(TEXT))?.0);
    }
    let up = fitting(area, &chart.y.label, TEXT, SIZE.1 as i32 - below - UNDER)?;
    let across = fitting(area, &chart.x.label, TEXT, SIZE.0 as i32 - widest as i32 - 130)?;
    let mut context = ChartBuilder::on(area)
        .margin_top(below)
        .margin_right(MARGIN + 16)
        .margin_bottom(MARGIN / 2)
        .margin_left(MARGIN / 2)
        .x_label_area_size(UNDER - MARGIN / 2)
        .y_label_area_size(widest + 78)
        .build_cartesian_2d(x, y)?;
    context
        .configure_mesh()
        .axis_style(INK.stroke_width(2))
        .bold_line_style(GRID.stroke_width(2))
        .light_line_style(TRANSPARENT)
        .set_all_tick_mark_size(8)
        .label_style(style(TEXT))
        .axis_desc_style(style(up.min(across)))
        .x_desc(&chart.x.label)
        .y_desc(&chart.y.label)
        .draw()?;
    let plot = context.plotting_area();
    // Dots lie on lines, whatever the order in which they came.
    for kind in [Kind::Line, Kind::Dots] {
        for (i, series) in chart.series.iter().enumerate().filter(|(_, s)| s.kind == kind) {
            let place = |point: &Point, dy: f64| plot.map_coordinate(&(point.x, point.y + dy));
            draw_series(area, series, Look::of(chart, i), &place)?;
        }
    }
    Ok(())
}

/// How one series is told from the others: by colour, and by dash or mark too.
#[derive(Clone, Copy)]
struct Look {
    colour: RGBColor,
    /// Its number among the series of its kind.
    nth: usize,
}

impl Look {
    fn of(chart: &Chart, series: usize) -> Self {
        let kind = chart.series[series].kind;
        let nth = chart.series[..series].iter().filter(|other| other.kind == kind).count();
        Self { colour: COLOURS[chart.colour(series) % COLOURS.len()], nth }
    }
}

fn draw_series<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    series: &Series,
    look: Look,
    place: &dyn Fn(&Point, f64) -> (i32, i32),
) -> Result<(), Failure<DB>> {
    if series.kind == Kind::Line {
        let points = series.points.iter().map(|point| place(point, 0.0));
        return line(area, in_one_piece_if_level(points.collect()), look);
    }
    for point in &series.points {
        let (x, top) = place(point, point.bar);
        let (_, bottom) = place(point, -point.bar);
        error_bar(area, x, top, bottom, look)?;
        mark(area, place(point, 0.0), look)?;
    }
    Ok(())
}

/// The points of a line; of a level one only its ends, so that its dashes do not waver.
fn in_one_piece_if_level(points: Vec<(i32, i32)>) -> Vec<(i32, i32)> {
    let ends = [points.iter().min(), points.iter().max()];
    match ends {
        [Some(left), Some(right)] if points.len() > 2 && level(&points) => vec![*left, *right],
        _ => points,
    }
}

fn level(points: &[(i32, i32)]) -> bool {
    points.windows(2).all(|pair| pair[0].1 == pair[1].1)
}

fn line<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    points: Vec<(i32, i32)>,
    look: Look,
) -> Result<(), Failure<DB>> {
    let style = look.colour.stroke_width(5);
    match look.nth % 3 {
        0 => area.draw(&PathElement::new(points, style)),
        1 => area.draw(&DashedPathElement::new(points, 22, 12, style)),
        _ => area.draw(&DashedPathElement::new(points, 5, 10, style)),
    }
}

fn error_bar<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    x: i32,
    top: i32,
    bottom: i32,
    look: Look,
) -> Result<(), Failure<DB>> {
    let stroke = look.colour.stroke_width(3);
    let cap = 9;
    for (from, to) in [
        ((x, top), (x, bottom)),
        ((x - cap, top), (x + cap, top)),
        ((x - cap, bottom), (x + cap, bottom)),
    ] {
        area.draw(&PathElement::new(vec![from, to], stroke))?;
    }
    Ok(())
}

/// A mark with a white rim, which keeps it apart from the line below it.
fn mark<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    at: (i32, i32),
    look: Look,
) -> Result<(), Failure<DB>> {
    for (radius, colour) in [(12, WHITE), (9, look.colour)] {
        let corner = |(dx, dy): (i32, i32)| (at.0 + dx * radius / 8, at.1 + dy * radius / 8);
        let filled = colour.filled();
        match look.nth % 3 {
            0 => area.draw(&Circle::new(at, radius, filled))?,
            1 => area.draw(&Rectangle::new([corner((-7, -7)), corner((7, 7))], filled))?,
            _ => {
                let corners = [(0, -11), (10, 7), (-10, 7)].map(corner);
                area.draw(&Polygon::new(corners.to_vec(), filled))?;
            }
        }
    }
    Ok(())
}

/// Draws the legend from `top` down, in as many rows as it needs, and returns
/// where the chart may begin.
fn legend<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    chart: &Chart,
    top: i32,
) -> Result<i32, Failure<DB>> {
    let mut rows: Vec<(Vec<(usize, i32)>, i32)> = Vec::new();
    for (i, series) in chart.series.iter().enumerate() {
        let text = area.estimate_text_size(&series.name, &style(TEXT))?.0 as i32;
        let width = SWATCH + 12 + text;
        match rows.last_mut() {
            Some((row, taken)) if *taken + 44 + width <= SIZE.0 as i32 - 2 * MARGIN => {
                row.push((i, width));
                *taken += 44 + width;
            }
            _ => rows.push((vec![(i, width)], width)),
        }
    }
    let mut middle = top + LINE_HEIGHT / 2;
    for (row, taken) in &rows {
        let mut left = (SIZE.0 as i32 - taken) / 2;
        for &(i, width) in row {
            let (series, look) = (&chart.series[i], Look::of(chart, i));
            swatch(area, series.kind, look, (left, middle))?;
            let at = (left + SWATCH + 12, middle);
            let text = style(TEXT).pos(Pos::new(HPos::Left, VPos::Center));
            area.draw_text(&series.name, &text, at)?;
            left += width + 44;
        }
        middle += LINE_HEIGHT;
    }
    Ok(top + LINE_HEIGHT * rows.len() as i32 + 16)
}

fn swatch<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    kind: Kind,
    look: Look,
    (left, middle): (i32, i32),
) -> Result<(), Failure<DB>> {
    if kind == Kind::Line {
        return line(area, vec![(left, middle), (left + SWATCH, middle)], look);
    }
    let centre = left + SWATCH / 2;
    error_bar(area, centre, middle - 17, middle + 17, look)?;
    mark(area, (centre, middle), look)
}

pub(super) fn style(size: f64) -> TextStyle<'static> {
    FontDesc::new(FontFamily::Name(FONT), size, FontStyle::Normal).color(&INK)
}

/// The size at which `text` is not longer than `room`, at most `size`.
pub(super) fn fitting<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    text: &str,
    size: f64,
    room: i32,
) -> Result<f64, Failure<DB>> {
    let width = f64::from(area.estimate_text_size(text, &style(size))?.0);
    Ok(size * (f64::from(room) / width.max(1.0)).min(1.0))
}

/// Makes the fonts known to plotters: ours, and the generic names that a reader's own
/// drawing uses. They are part of the library, so that a figure is the same everywhere.
pub(crate) fn prepare_font() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let sans = dejavu::sans::regular();
        let fonts = [
            (FONT, sans),
            ("sans-serif", sans),
            ("serif", dejavu::serif::regular()),
            ("monospace", dejavu::sans_mono::regular()),
        ];
        for (name, bytes) in fonts {
            // It fails only for bytes that are no font; text is then missing, and tests say so.
            let registered = register_font(name, FontStyle::Normal, bytes);
            debug_assert!(registered.is_ok(), "{name} is not a font");
        }
    });
}
