//! Whether what clients of a register saw can be explained by one operation after the other: a
//! judgement of small histories that are part of a state.

/// What an observer wrote down of clients who each do one operation after the other on a register
/// of values of a byte, which holds nothing at first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Accesses {
    /// Of each client its operations, in order.
    pub clients: Vec<Vec<Access>>,
}

/// An operation on a register.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// How many operations of each client had ended when it began: it comes after them. Its own
    /// client's are not counted.
    pub after: Vec<u8>,
    /// What it writes; nothing if it reads.
    pub writes: Option<u8>,
    /// Nothing while it is under way; then what it read, of which a write has nothing.
    pub ended: Option<Option<u8>>,
}

impl Accesses {
    /// A client begins to write a value, or to read.
    pub fn begins(&mut self, client: usize, writes: Option<u8>) {
        if client >= self.clients.len() {
            self.clients.resize(client + 1, vec![]);
        }
        let ended = |of: &Vec<Access>| of.iter().filter(|it| it.ended.is_some()).count() as u8;
        let mut after: Vec<u8> = self.clients.iter().map(ended).collect();
        after[client] = 0;
        // Clients that are not there yet have ended nothing: no trace of them must be left.
        after.truncate(after.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1));
        self.clients[client].push(Access { after, writes, ended: None });
    }

    /// A client's operation ends; with what it read, if it did.
    pub fn ends(&mut self, client: usize, read: Option<u8>) {
        if let Some(access) = self.clients.get_mut(client).and_then(|of| of.last_mut()) {
            access.ended = Some(read);
        }
    }

    /// Whether the history is linearizable (Herlihy and Wing, 1990): by trying all orders.
    pub fn is_linearizable(&self) -> bool {
        let has_read = |it: &Access| it.writes.is_none() && it.ended.is_some();
        if !self.clients.iter().flatten().any(has_read) {
            return true;
        }
        let none_yet = vec![0; self.clients.len()];
        self.goes_on(&none_yet, None)
    }

    /// `done` operations of each client have been put in order, and the register holds this.
    fn goes_on(&self, done: &[usize], holds: Option<u8>) -> bool {
        let has_ended = |client: usize| {
            let left = &self.clients[client][done[client]..];
            left.iter().all(|it| it.ended.is_none())
        };
        if (0..done.len()).all(has_ended) {
            return true;
        }
        (0..done.len()).any(|client| {
            let Some(access) = self.clients[client].get(done[client]) else { return false };
            let may_come =
                access.after.iter().zip(done).all(|(after, done)| usize::from(*after) <= *done);
            let is_right = access.writes.is_some() || access.ended.is_none_or(|read| read == holds);
            may_come && is_right && {
                let mut done = done.to_vec();
                done[client] += 1;
                self.goes_on(&done, access.writes.or(holds))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_histories() {
        let mut history = Accesses::default();
        history.begins(0, Some(1));
        history.begins(1, None);
        assert!(history.is_linearizable());
        history.ends(1, Some(1));
        // The write is under way, and has been in effect.
        assert!(history.is_linearizable());
        history.begins(1, None);
        history.ends(1, None);
        assert!(!history.is_linearizable());

        let mut stale = Accesses::default();
        stale.begins(0, Some(1));
        stale.ends(0, None);
        stale.begins(1, None);
        stale.ends(1, None);
        assert!(!stale.is_linearizable());
        let mut concurrent = Accesses::default();
        concurrent.begins(1, None);
        concurrent.begins(0, Some(1));
        concurrent.ends(0, None);
        concurrent.ends(1, None);
        assert!(concurrent.is_linearizable());
    }
}
