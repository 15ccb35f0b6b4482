//! Results in columns, for whoever makes a table of them.

/// Columns of equal length with a caption.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns {
    /// What the columns are of.
    pub caption: String,
    /// Name and values, in the order in which they are shown.
    pub columns: Vec<(String, Column)>,
}

/// The values of one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Measured or computed.
    Numbers(Vec<f64>),
    /// Names.
    Texts(Vec<String>),
}

impl Columns {
    /// None yet.
    pub fn new(caption: &str) -> Self {
        Self { caption: caption.to_owned(), columns: vec![] }
    }

    /// One more, of numbers.
    pub fn numbers(self, name: &str, values: &[f64]) -> Self {
        self.with(name, Column::Numbers(values.to_vec()))
    }

    /// One more, of texts.
    pub fn texts(self, name: &str, values: &[&str]) -> Self {
        self.with(name, Column::Texts(values.iter().map(|&text| text.to_owned()).collect()))
    }

    fn with(mut self, name: &str, column: Column) -> Self {
        self.columns.push((name.to_owned(), column));
        self
    }
}
