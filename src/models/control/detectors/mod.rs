//! Failure detectors: who is silent for long is taken to be dead, rightly or not.
//!
//! Soon and surely cannot both be had: a short time-out finds crashes early and suspects those who
//! are only slow. [`Link`] measures both for any detector (the measures of Chen, Toueg and
//! Aguilera, 2002); [`Swim`] has many members that watch each other.
//!
//! ```
//! use pillars_models::control::{Beat, Link, Phi, Timeout};
//! use pillars_models::sim::{Distribution, Trials};
//! let link = Link::new(1.0, Distribution::exponential(0.05)).loss(0.01);
//! let trials = Trials::new(4, 20_000);
//! let hasty = link.healthy(Timeout::new(1.5), trials);
//! let calm = link.healthy(Timeout::new(4.5), trials);
//! assert!(hasty.mistakes.mean > 100.0 * calm.mistakes.mean);
//! // A detector of one's own says from when on it suspects, if nothing more is heard.
//! let mine = |beat: Beat| beat.at + 1.5;
//! assert_eq!(link.healthy(mine, trials), hasty);
//! ```

mod heartbeat;
mod measure;
mod members;
mod phi;
mod swim;

pub use heartbeat::{Chen, Timeout};
pub use measure::{Link, Watched};
pub use phi::Phi;
pub use swim::{Crash, FalseAlarms, Swim};

/// A heartbeat that is heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beat {
    /// Its number: beat n is sent at n periods.
    pub number: u64,
    /// When it was heard, in seconds.
    pub at: f64,
}

/// Who decides when silence has lasted too long. A closure from a [`Beat`] to a time is one.
pub trait Detector {
    /// Hears a beat, and says from what time on it suspects the sender if no other comes. Beats
    /// come in the order of their numbers; one that was overtaken is not heard.
    fn hears(&mut self, beat: Beat) -> f64;
}

impl<F: FnMut(Beat) -> f64> Detector for F {
    fn hears(&mut self, beat: Beat) -> f64 {
        self(beat)
    }
}
