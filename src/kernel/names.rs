//! The names under which clients connect. Two connections may bear the same one: a client
//! that has lost its connection makes another, and the socket library takes the end of the
//! old for that of the new. So each connection gets a number before its name, inside; and an
//! answer goes to the latest that bears the name.

use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of a number. The first is 0, as in no client's name.
pub const NUMBER: usize = 8;

/// The latest connections of a socket, by name.
#[derive(Clone, Default)]
pub struct Names(Arc<Mutex<HashMap<Bytes, u64>>>);

impl Names {
    /// A connection has told its name. A later one may have been faster.
    pub fn came(&self, name: &[u8], number: u64) {
        let mut latest = self.lock();
        let latest = latest.entry(Bytes::copy_from_slice(name)).or_default();
        *latest = number.max(*latest);
    }

    /// A connection has ended.
    pub fn left(&self, name: &[u8], number: u64) {
        let mut latest = self.lock();
        if latest.get(name) == Some(&number) {
            latest.remove(name);
        }
    }

    /// The name by which requests of this connection are answered; its number if it has none.
    pub fn outer(&self, inner: &Bytes) -> Bytes {
        if inner.len() > NUMBER { inner.slice(NUMBER..) } else { inner.clone() }
    }

    /// The latest connection of this name, as the socket library calls it.
    pub fn inner(&self, outer: &Bytes) -> Option<Bytes> {
        let number = *self.lock().get(outer)?;
        Some([&number.to_be_bytes(), &outer[..]].concat().into())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Bytes, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_goes_to_the_latest_connection_of_a_name() {
        let (names, name) = (Names::default(), Bytes::from("jupyter"));
        let inner = |number: u64| Bytes::from([&number.to_be_bytes(), &name[..]].concat());
        assert_eq!(names.inner(&name), None);
        for number in [1, 2] {
            names.came(&name, number);
            assert_eq!(names.inner(&name), Some(inner(number)));
            assert_eq!(names.outer(&inner(number)), name);
        }
        names.came(&name, 1);
        names.left(&name, 1);
        assert_eq!(names.inner(&name), Some(inner(2)));
        names.left(&name, 2);
        assert_eq!(names.inner(&name), None);
        // One that has told no name is called by its number.
        let nameless = Bytes::from(3u64.to_be_bytes().to_vec());
        assert_eq!(names.outer(&nameless), nameless);
    }
}
