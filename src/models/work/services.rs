//! What those who come need.

use super::engine::Order;
use super::queue::Queue;
use crate::sim::Stream;
use crate::sim::drawn::Drawn;

/// The services of those who come, one after the other.
pub(super) enum Services<'a> {
    Alike(Drawn<'a>),
    ByClass { queue: &'a Queue, classes: Stream, services: Stream },
}

impl<'a> Services<'a> {
    pub fn of(queue: &'a Queue, order: Order) -> Self {
        let services = order.stream("services");
        match queue.classes.is_empty() {
            true => Self::Alike(Drawn::new(&queue.service, services)),
            false => Self::ByClass { queue, classes: order.stream("classes"), services },
        }
    }

    /// The class of the next, and its service.
    #[inline(always)]
    pub fn next(&mut self) -> (u32, f64) {
        match self {
            Self::Alike(services) => (0, services.next()),
            Self::ByClass { queue, classes, services } => {
                let (class, service) = queue.class_of(classes.uniform());
                (class, service.sample(services))
            }
        }
    }
}
