//! What goes wrong, and when.

use std::ops::Range;

/// One fault.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fault {
    /// No message from the first node to the second.
    Cut { links: Vec<(usize, usize)>, during: Range<f64> },
    /// The node is down; its disk is kept, or lost.
    Crash { node: usize, during: Range<f64>, loses_disk: bool },
    /// The node stands still; what reaches it waits.
    Pause { node: usize, during: Range<f64> },
}

impl Fault {
    pub fn during(&self) -> &Range<f64> {
        match self {
            Self::Cut { during, .. } | Self::Crash { during, .. } | Self::Pause { during, .. } => {
                during
            }
        }
    }

    pub fn during_mut(&mut self) -> &mut Range<f64> {
        match self {
            Self::Cut { during, .. } | Self::Crash { during, .. } | Self::Pause { during, .. } => {
                during
            }
        }
    }
}

/// The links between nodes of different groups, in both directions.
pub(super) fn between(groups: &[&[usize]]) -> Vec<(usize, usize)> {
    let mut links = vec![];
    for (at, group) in groups.iter().enumerate() {
        for other in groups.iter().skip(at + 1) {
            for &a in *group {
                links.extend(other.iter().flat_map(|&b| [(a, b), (b, a)]));
            }
        }
    }
    links
}
