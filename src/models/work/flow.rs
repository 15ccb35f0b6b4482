//! The steady state of a network, exact or measured, and its table.

use crate::columns::Columns;
use crate::number::short;
use crate::sim::Estimate;

/// The steady state of a network, exact or measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow<V> {
    /// Mean time of a customer from coming to leaving; in a closed network, of one round through
    /// the first station, in units of time.
    pub time_in_system: V,
    /// Customers that leave (pass the first station, in a closed network) per unit of time.
    pub throughput: V,
    /// By station: the fraction of its servers' time spent busy (of a delay, the mean number).
    pub utilization: Vec<V>,
    /// By station: the mean number of customers there, in service included.
    pub number: Vec<V>,
    pub(super) names: Vec<String>,
}

impl Flow<f64> {
    /// By station: utilization and mean number of customers.
    pub fn columns(&self) -> Columns {
        let caption = format!(
            "time in system {}, throughput {}",
            short(self.time_in_system, 4),
            short(self.throughput, 4)
        );
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        Columns::new(&caption)
            .texts("station", &names)
            .numbers("utilization", &self.utilization)
            .numbers("customers", &self.number)
    }
}

impl Flow<Estimate> {
    /// By station: utilization and mean number of customers, with their error bars.
    pub fn columns(&self) -> Columns {
        let caption =
            format!("time in system {}, throughput {}", self.time_in_system, self.throughput);
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let of = |values: &[Estimate], part: fn(&Estimate) -> f64| -> Vec<f64> {
            values.iter().map(part).collect()
        };
        Columns::new(&caption)
            .texts("station", &names)
            .numbers("utilization", &of(&self.utilization, |each| each.mean))
            .numbers("± utilization", &of(&self.utilization, |each| each.half_width))
            .numbers("customers", &of(&self.number, |each| each.mean))
            .numbers("± customers", &of(&self.number, |each| each.half_width))
    }
}
