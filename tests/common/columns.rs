//! Columns by their names.

use pillars_models::columns::{Column, Columns};

pub trait Named {
    fn column(&self, name: &str) -> Vec<f64>;
}

impl Named for Columns {
    fn column(&self, name: &str) -> Vec<f64> {
        let found = self.columns.iter().find(|(other, _)| other == name);
        match found.map(|(_, values)| values) {
            Some(Column::Numbers(values)) => values.clone(),
            other => panic!("no numbers called {name}: {other:?}"),
        }
    }
}
