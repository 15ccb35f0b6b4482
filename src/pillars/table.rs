//! Tables on polars: the one file that names it. polars has no HTML form of
//! its own; here a table has one that front ends keep and that reads in light
//! and dark themes, with plain text beside it.

use crate::display::{Bundle, Rich};
use crate::text::escape;
use pillars_models::columns::{Column as Values, Columns};
use pillars_models::number::{common_places, grouped, significant};
use polars::prelude::{AnyValue, Column, DataFrame, NamedFrom, PolarsError, Series};

pub use polars;

/// A table with a caption, built column by column or from a polars frame.
#[derive(Clone, Debug)]
pub struct Table {
    caption: String,
    frame: DataFrame,
    digits: usize,
    limit: usize,
}

/// Rows shown unless [`Table::limit`] says otherwise.
const ROWS_SHOWN: usize = 20;
/// Significant digits shown unless [`Table::digits`] says otherwise.
const DIGITS: usize = 4;

impl From<Columns> for Table {
    fn from(columns: Columns) -> Self {
        columns.columns.iter().fold(Self::new(&columns.caption), |table, (name, column)| {
            table.with(match column {
                Values::Numbers(values) => Series::new(name.into(), values),
                Values::Texts(values) => Series::new(name.into(), values),
            })
        })
    }
}

impl Table {
    /// An empty table.
    pub fn new(caption: &str) -> Self {
        Self::from(DataFrame::default()).caption(caption)
    }

    /// Adds a column of numbers.
    ///
    /// # Panics
    /// As [`Table::texts`].
    #[track_caller]
    pub fn numbers(self, name: &str, values: &[f64]) -> Self {
        self.with(Series::new(name.into(), values))
    }

    /// Adds a column of counts.
    ///
    /// # Panics
    /// As [`Table::texts`].
    #[track_caller]
    pub fn counts(self, name: &str, values: &[usize]) -> Self {
        let values: Vec<u64> = values.iter().map(|&count| count as u64).collect();
        self.with(Series::new(name.into(), values))
    }

    /// Adds a column of texts.
    ///
    /// # Panics
    /// If a column has that name already or the columns differ in length.
    #[track_caller]
    pub fn texts(self, name: &str, values: &[&str]) -> Self {
        self.with(Series::new(name.into(), values))
    }

    /// Another caption; an empty one is not shown.
    pub fn caption(&self, caption: &str) -> Self {
        Self { caption: caption.to_owned(), ..self.clone() }
    }

    /// Shows numbers with so many significant digits, at least 1; 4 unless given.
    pub fn digits(&self, digits: usize) -> Self {
        Self { digits: digits.max(1), ..self.clone() }
    }

    /// Shows at most so many rows, and says how many it left out; 20 unless given.
    pub fn limit(&self, rows: usize) -> Self {
        Self { limit: rows, ..self.clone() }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.frame.height()
    }

    /// A column of numbers, counts among them.
    ///
    /// # Panics
    /// If there is no such column or it holds something else.
    #[track_caller]
    pub fn column(&self, name: &str) -> Vec<f64> {
        let Ok(column) = self.frame.column(name) else {
            let names: Vec<&str> = self.frame.columns().iter().map(|c| c.name().as_str()).collect();
            panic!("Table::column: there is no column `{name}`; there is {}", names.join(", "))
        };
        let number = |row| column.get(row).ok().and_then(|value| value.extract::<f64>());
        let numbers: Option<Vec<f64>> = (0..self.rows()).map(number).collect();
        match numbers {
            Some(numbers) if column.dtype().is_primitive_numeric() => numbers,
            _ => panic!("Table::column: `{name}` holds {}, not numbers", column.dtype()),
        }
    }

    /// The table as a polars frame, to ask questions of.
    pub fn frame(&self) -> DataFrame {
        self.frame.clone()
    }

    #[track_caller]
    fn with(mut self, values: Series) -> Self {
        let column = Column::from(values);
        let (name, length) = (column.name().clone(), column.len());
        let first = self.frame.columns().is_empty();
        assert!(
            first || length == self.rows(),
            "Table: the column `{name}` has {} rows, but those before it have {}; \
             all columns of a table are equally long",
            grouped(length),
            grouped(self.rows())
        );
        assert!(
            self.frame.column(&name).is_err(),
            "Table: there are two columns called `{name}`; give one another name"
        );
        let added = if first {
            DataFrame::new(length, vec![column]).map(|frame| self.frame = frame)
        } else {
            self.frame.with_column(column).map(drop)
        };
        added.unwrap_or_else(|error: PolarsError| panic!("Table: the column `{name}`: {error}"));
        self
    }
}

impl From<DataFrame> for Table {
    fn from(frame: DataFrame) -> Self {
        Self { caption: String::new(), frame, digits: DIGITS, limit: ROWS_SHOWN }
    }
}

impl Rich for Table {
    fn bundle(&self) -> Bundle {
        let grid = Grid::of(self);
        Bundle::plain(grid.plain()).with("text/html", grid.html())
    }
}

impl Rich for DataFrame {
    fn bundle(&self) -> Bundle {
        Table::from(self.clone()).bundle()
    }
}

/// The texts that are shown, of a table cut to its limit.
struct Grid {
    caption: String,
    columns: Vec<Shown>,
    rows: usize,
    /// Said under the table when rows were left out.
    note: Option<String>,
}

struct Shown {
    name: String,
    numeric: bool,
    cells: Vec<String>,
}

impl Grid {
    fn of(table: &Table) -> Self {
        let all = table.rows();
        let rows = all.min(table.limit);
        let columns = table.frame.columns().iter().map(|column| Shown {
            name: column.name().to_string(),
            numeric: column.dtype().is_primitive_numeric(),
            cells: cells(column, rows, table.digits),
        });
        let left_out = all - rows;
        Self {
            caption: table.caption.clone(),
            columns: columns.collect(),
            rows,
            note: (left_out > 0)
                .then(|| format!("… {} of {} rows left out", grouped(left_out), grouped(all))),
        }
    }

    fn html(&self) -> String {
        let mut html = String::from("<table style=\"border-collapse:collapse\">\n");
        if !self.caption.is_empty() {
            html += &format!(
                "<caption style=\"caption-side:top;text-align:left;font-weight:bold;\
                 padding:0 0 .4em\">{}</caption>\n",
                escape(&self.caption)
            );
        }
        html += "<thead><tr style=\"border-bottom:1px solid #888\">";
        for column in &self.columns {
            html += &format!(
                "<th scope=\"col\" style=\"{}\">{}</th>",
                column.style(),
                escape(&column.name)
            );
        }
        html += "</tr></thead>\n<tbody>\n";
        for row in 0..self.rows {
            html += "<tr>";
            for (i, column) in self.columns.iter().enumerate() {
                let (text, style) = (escape(&column.cells[row]), column.style());
                html += &match (i, column.numeric) {
                    // A first column of names is what its rows are called.
                    (0, false) => format!(
                        "<th scope=\"row\" style=\"{style};font-weight:normal\">{text}</th>"
                    ),
                    _ => format!("<td style=\"{style}\">{text}</td>"),
                };
            }
            html += "</tr>\n";
        }
        html += "</tbody>\n";
        if let Some(note) = &self.note {
            html += &format!(
                "<tfoot><tr><td colspan=\"{}\" style=\"text-align:left;font-style:italic\">\
                 {note}</td></tr></tfoot>\n",
                self.columns.len()
            );
        }
        html + "</table>"
    }

    fn plain(&self) -> String {
        let mut lines = Vec::new();
        if !self.caption.is_empty() {
            lines.push(self.caption.clone());
        }
        let widths: Vec<usize> = self.columns.iter().map(Shown::width).collect();
        let line = |text: &dyn Fn(&Shown) -> String| {
            let cells = self.columns.iter().zip(&widths).map(|(column, width)| {
                let text = text(column);
                let gap = " ".repeat(width - text.chars().count());
                if column.numeric { gap + &text } else { text + &gap }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        lines.push(line(&|column| column.name.clone()));
        lines.push(widths.iter().map(|&width| "─".repeat(width)).collect::<Vec<_>>().join("  "));
        for row in 0..self.rows {
            lines.push(line(&|column| one_line(&column.cells[row])));
        }
        lines.extend(self.note.clone());
        lines.join("\n")
    }
}

impl Shown {
    fn style(&self) -> &'static str {
        if self.numeric {
            "text-align:right;padding:.15em .8em;font-variant-numeric:tabular-nums"
        } else {
            "text-align:left;padding:.15em .8em"
        }
    }

    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| one_line(cell).chars().count());
        cells.chain([self.name.chars().count()]).max().unwrap_or(0)
    }
}

/// The texts of a column, numbers with the same places after the point, so that
/// points stand below each other, unless their sizes differ too much.
fn cells(column: &Column, rows: usize, digits: usize) -> Vec<String> {
    let values: Vec<AnyValue> = (0..rows).filter_map(|row| column.get(row).ok()).collect();
    let numbers: Vec<f64> = values.iter().filter_map(float).collect();
    let places = common_places(&numbers, digits);
    let cell = |value: &AnyValue| match (value, float(value), places) {
        (_, Some(number), Some(places)) if number.is_finite() => format!("{number:.places$}"),
        (_, Some(number), _) => significant(number, digits),
        (AnyValue::String(text), ..) => (*text).to_owned(),
        (AnyValue::StringOwned(text), ..) => text.to_string(),
        (other, ..) => other.to_string(),
    };
    values.iter().map(cell).collect()
}

fn float(value: &AnyValue) -> Option<f64> {
    match value {
        AnyValue::Float64(number) => Some(*number),
        AnyValue::Float32(number) => Some(f64::from(*number)),
        _ => None,
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r', '\t'], " ")
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
