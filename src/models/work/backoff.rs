//! When those who were turned away come again.

use crate::number::positive;
use crate::sim::Stream;

/// How long to wait before the next try, and how often to try (Brooker, AWS Architecture Blog,
/// 2015, compares the kinds of jitter).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    base: f64,
    growth: f64,
    cap: f64,
    tries: u32,
    jitter: Jitter,
}

/// What of the wait is left to chance, so that those who were turned away together do not come
/// again together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// Nothing.
    None,
    /// The second half of it.
    Equal,
    /// All of it: evenly from 0 on.
    Full,
    /// Each wait evenly from the base to three times the one before, up to the cap.
    Decorrelated,
}

impl Backoff {
    /// The same wait each time, in units of time, and at most so many tries after the first.
    ///
    /// # Panics
    /// If the wait is not a positive number.
    #[track_caller]
    pub fn constant(wait: f64, tries: u32) -> Self {
        let base = positive("Backoff::constant", "wait", wait);
        Self { base, growth: 1.0, cap: f64::INFINITY, tries, jitter: Jitter::None }
    }

    /// Twice as long each time, from `base` up to `cap`, with full jitter.
    ///
    /// # Panics
    /// If they are not positive numbers with base <= cap.
    #[track_caller]
    pub fn exponential(base: f64, cap: f64, tries: u32) -> Self {
        let base = positive("Backoff::exponential", "base", base);
        assert!(
            cap >= base,
            "Backoff::exponential: the cap must be at least the base, but it is {cap} and the base \
             {base}"
        );
        Self { base, growth: 2.0, cap, tries, jitter: Jitter::Full }
    }

    /// The same with another jitter.
    pub fn jitter(self, jitter: Jitter) -> Self {
        Self { jitter, ..self }
    }

    /// The same for those who never give up.
    pub(super) fn without_end(self) -> Self {
        Self { tries: u32::MAX, ..self }
    }

    /// How long one waits who has come again so often already, and has waited `before` for the
    /// latest time (which decorrelated jitter goes by); `None`: it gives up.
    pub fn delay(&self, retries: u32, before: f64, stream: &mut Stream) -> Option<f64> {
        if retries >= self.tries {
            return None;
        }
        let wait = (self.base * self.growth.powf(f64::from(retries))).min(self.cap);
        Some(match self.jitter {
            Jitter::None => wait,
            Jitter::Equal => wait * (0.5 + 0.5 * stream.uniform()),
            Jitter::Full => wait * stream.uniform(),
            Jitter::Decorrelated => {
                let most = 3.0 * before.max(self.base);
                (self.base + (most - self.base) * stream.uniform()).min(self.cap)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_end() {
        let mut stream = Stream::new(1, 0, "backoff");
        let backoff = Backoff::exponential(1.0, 5.0, 4);
        let waits = |backoff: Backoff, stream: &mut Stream| -> Vec<f64> {
            let mut before = 0.0;
            let next = |retries| {
                before = backoff.delay(retries, before, stream)?;
                Some(before)
            };
            (0..9).map_while(next).collect()
        };
        assert_eq!(waits(backoff.jitter(Jitter::None), &mut stream), [1.0, 2.0, 4.0, 5.0]);
        assert_eq!(waits(Backoff::constant(2.0, 3), &mut stream), [2.0; 3]);
        for (jitter, least) in [(Jitter::Equal, 0.5), (Jitter::Full, 0.0)] {
            let jittered = waits(backoff.jitter(jitter), &mut stream);
            for (wait, whole) in jittered.iter().zip([1.0, 2.0, 4.0, 5.0]) {
                assert!((least * whole..whole).contains(wait), "{jittered:?}");
            }
        }
        for _ in 0..100 {
            let chain = waits(backoff.jitter(Jitter::Decorrelated), &mut stream);
            let mut most = 3.0f64;
            for wait in chain {
                assert!((1.0..=most.min(5.0)).contains(&wait));
                most = 3.0 * wait;
            }
        }
    }
}
