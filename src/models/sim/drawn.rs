//! Values of a distribution, drawn some at a time: while many are drawn in a row the generator's
//! state stays in registers, and which distribution it is is asked once for all.

use super::{Distribution, Stream};

const AT_ONCE: usize = 64;

/// The values of a stream that nothing else draws from, in the order of the stream.
#[derive(Clone, Debug)]
pub(crate) struct Drawn<'a> {
    law: &'a Distribution,
    stream: Stream,
    values: Box<[f64; AT_ONCE]>,
    at: usize,
}

impl<'a> Drawn<'a> {
    pub fn new(law: &'a Distribution, stream: Stream) -> Self {
        Self { law, stream, values: Box::new([0.0; AT_ONCE]), at: AT_ONCE }
    }

    /// The next value.
    #[inline(always)]
    pub fn next(&mut self) -> f64 {
        if self.at == AT_ONCE {
            self.refill();
        }
        self.at += 1;
        self.values[self.at - 1]
    }

    #[inline(never)]
    fn refill(&mut self) {
        match self.law.as_exponential() {
            Some(law) => {
                // A copy of its own, which no other reference can see.
                let mut stream = self.stream.clone();
                self.values.iter_mut().for_each(|value| *value = law.sample(&mut stream));
                self.stream = stream;
            }
            None => {
                for value in self.values.iter_mut() {
                    *value = self.law.sample(&mut self.stream);
                }
            }
        }
        self.at = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_that_would_be_drawn_singly() {
        for law in [Distribution::exponential(2.0), Distribution::fitted(1.0, 3.0)] {
            let mut stream = Stream::new(4, 0, "drawn");
            let mut drawn = Drawn::new(&law, stream.clone());
            assert!((0..200).all(|_| drawn.next() == law.sample(&mut stream)));
        }
    }
}
